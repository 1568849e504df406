//! Orders in the stand-in's books: what their lines come to, how they are found and changed.

use serde_json::{Value, json};

use super::{Stage, refused};

#[tokio::test]
async fn lines_come_to_what_they_should() {
    // Line, whether prices are with VAT, and the amounts without and with it.
    let rows = [
        (
            json!({"count": 3, "unitPriceIncludingVatCurrency": 100.0, "vatType": {"id": 3}}),
            true,
            240.0,
            300.0,
        ),
        (
            json!({"count": 1, "unitPriceIncludingVatCurrency": 29.97, "vatType": {"id": 3}}),
            true,
            23.98,
            29.97,
        ),
        (
            json!({"count": 3, "unitPriceExcludingVatCurrency": 79.99, "vatType": {"id": 31}}),
            false,
            239.97,
            275.97,
        ),
        (
            json!({"count": -2, "unitPriceIncludingVatCurrency": 100.0, "vatType": {"id": 3}}),
            true,
            -160.0,
            -200.0,
        ),
        (
            json!({"count": 2, "unitPriceIncludingVatCurrency": 100.0, "discount": 12.5, "vatType": {"id": 5}}),
            true,
            175.0,
            175.0,
        ),
        // What is not counted is nothing.
        (json!({"unitPriceIncludingVatCurrency": 100.0, "vatType": {"id": 3}}), true, 0.0, 0.0),
    ];
    let stage = Stage::new().await;
    for (line, is_gross, net, gross) in rows {
        let order = json!({"orderLines": [line], "isPrioritizeAmountsIncludingVat": is_gross});
        let id = stage.place(&order).await;
        let path = format!("/order/{id}?fields=*,orderLines(*)");
        let read = stage.done("GET", &path, &Value::Null).await["orderLines"][0].clone();
        let amount = |field: &str| read[field].as_f64().unwrap();
        assert_eq!(
            (amount("amountExcludingVatCurrency"), amount("amountIncludingVatCurrency")),
            (net, gross),
            "{read}"
        );
    }
}

#[tokio::test]
async fn orders_are_found_by_number_and_day() {
    let stage = Stage::new().await;
    let id = stage.place(&json!({})).await;
    let rows = [
        ("number=1001&orderDateFrom=2026-11-25&orderDateTo=2026-11-26", 1),
        // The last day is not in it.
        ("number=1001&orderDateFrom=2026-11-24&orderDateTo=2026-11-25", 0),
        ("number=100&orderDateFrom=2026-11-01&orderDateTo=2026-12-01", 0),
        ("isClosed=true&orderDateFrom=2026-11-01&orderDateTo=2026-12-01", 0),
    ];
    for (query, count) in rows {
        let found = stage.ask("GET", &format!("/order?{query}"), &Value::Null).await.json();
        assert_eq!(found["values"].as_array().unwrap().len(), count, "{query}");
        if count == 1 {
            let found = &found["values"][0];
            assert_eq!((&found["id"], &found["number"]), (&json!(id), &json!("1001")));
            assert!(
                found["orderLines"][0]["count"].is_null()
                    && found["orderLines"][0]["url"].is_string()
            );
        }
    }
    // There is nothing that keeps it from being made twice.
    stage.place(&json!({})).await;
    assert_eq!(stage.amounts("order"), [30_000, 30_000]);
}

#[tokio::test]
async fn a_version_that_is_old_is_refused() {
    let stage = Stage::new().await;
    let id = stage.place(&json!({})).await;
    let path = format!("/order/{id}");
    let changed = stage.done("PUT", &path, &json!({"version": 0, "reference": "R1"})).await;
    assert_eq!((&changed["version"], &changed["reference"]), (&json!(1), &json!("R1")));
    refused(
        &stage.ask("PUT", &path, &json!({"version": 0, "reference": "R2"})).await,
        "old",
        409,
        8_000,
        "",
    );
    assert_eq!(stage.done("PUT", &path, &json!({"reference": "R3"})).await["version"], 2);
    let customer = format!("/customer/{}", stage.customer);
    refused(
        &stage.ask("PUT", &customer, &json!({"email": "x"})).await,
        "e-mail",
        422,
        18_000,
        "email",
    );
    assert_eq!(stage.ask("DELETE", &path, &Value::Null).await.status, 204);
    refused(&stage.ask("GET", &path, &Value::Null).await, "gone", 404, 6_000, "");
}
