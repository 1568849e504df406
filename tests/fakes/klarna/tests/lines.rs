//! Lines of orders, and the fees of refunds.

use super::*;

#[tokio::test]
async fn lines_must_add_up() {
    let line = |changes: &Value| {
        let mut line = json!({
            "name": "Kaffe", "quantity": 3, "unit_price": 3_000, "total_amount": 9_000,
            "tax_rate": 2_500, "total_tax_amount": 1_800,
        });
        for (field, value) in changes.as_object().unwrap() {
            line[field] = value.clone();
        }
        line
    };
    let rows = [
        ("as it should be", json!({}), 9_000, ""),
        ("tax rounded otherwise", json!({"total_tax_amount": 1_801}), 9_000, ""),
        (
            "a discount",
            json!({"total_discount_amount": 1_000, "total_amount": 8_000, "total_tax_amount": 1_600}),
            8_000,
            "",
        ),
        ("other sum", json!({}), 8_999, "does not equal the sum of order_lines 9000"),
        ("other total", json!({"total_amount": 9_001}), 9_001, "total_amount should be 9000"),
        ("wrong tax", json!({"total_tax_amount": 1_802}), 9_000, "total_tax_amount"),
        ("no name", json!({"name": ""}), 9_000, "order_lines[0].name"),
        ("long name", json!({"name": "x".repeat(256)}), 9_000, "longer than 255"),
        (
            "negative rate",
            json!({"tax_rate": -1, "total_tax_amount": 0}),
            9_000,
            "tax_rate is negative",
        ),
        ("no such kind", json!({"type": "fee"}), 9_000, "unknown variant"),
        ("long unit", json!({"quantity_unit": "kilogrammes"}), 9_000, "longer than 10"),
    ];
    for (name, changes, amount, says) in rows {
        let stage = Stage::new().await;
        let body = json!({ "captured_amount": amount, "order_lines": [line(&changes)] });
        let body = Box::leak(body.to_string().into_boxed_str());
        let reply = stage.ask(("POST", "/captures", body)).await;
        if says.is_empty() {
            assert_eq!(reply.status, 201, "{name}: {}", reply.json());
        } else {
            refused(&reply, name, 400, "BAD_VALUE", says);
        }
    }
}

#[tokio::test]
async fn everything_wrong_is_told_at_once() {
    let stage = Stage::new().await;
    let body = r#"{"captured_amount": 5, "order_lines": [{"name": "", "quantity": -1, "unit_price": 2, "total_amount": 3}]}"#;
    let messages = stage.ask(("POST", "/captures", body)).await.json()["error_messages"].clone();
    assert_eq!(messages.as_array().unwrap().len(), 4, "{messages}");
}

#[tokio::test]
async fn return_fees_have_conditions() {
    const FEE: Call = (
        "POST",
        "/refunds",
        r#"{"refunded_amount": 9500, "order_lines": [
            {"name": "Kaffe", "quantity": 1, "unit_price": 10000, "total_amount": 10000, "tax_rate": 2500, "total_tax_amount": 2000},
            {"name": "Retur", "type": "return_fee", "quantity": 1, "unit_price": -500, "total_amount": -500, "tax_rate": 2500, "total_tax_amount": -100}]}"#,
    );
    const POSITIVE: Call = (
        "POST",
        "/refunds",
        r#"{"refunded_amount": 10000, "order_lines": [
            {"name": "Kaffe", "quantity": 1, "unit_price": 9500, "total_amount": 9500},
            {"name": "Retur", "type": "return_fee", "quantity": 1, "unit_price": 500, "total_amount": 500}]}"#,
    );
    const REST: Call = ("POST", "/captures", r#"{"captured_amount": 2000}"#);
    type Row = (&'static str, &'static str, &'static [Call], Call, u16);
    let rows: [Row; 6] = [
        ("as in the description", "NO", &[CAPTURE], FEE, 201),
        ("in another market", "US", &[CAPTURE], FEE, 403),
        ("of two captures", "NO", &[CAPTURE_PART, REST], FEE, 403),
        ("of a part", "NO", &[CAPTURE_PART], FEE, 403),
        ("before the capture", "NO", &[], FEE, 403),
        ("positive", "NO", &[CAPTURE], POSITIVE, 400),
    ];
    for (name, country, before, call, status) in rows {
        let order = NewOrder { purchase_country: country.to_owned(), ..NewOrder::of(10_000) };
        let stage = Stage::with(Klarna::default(), order).await;
        for earlier in before {
            assert_eq!(stage.ask(*earlier).await.status, 201, "{name}");
        }
        let reply = stage.ask(call).await;
        assert_eq!(reply.status, status, "{name}: {}", reply.json());
        let refunded = if status == 201 { vec![9_500] } else { Vec::new() };
        assert_eq!(stage.klarna.book().amounts("refund", &stage.id), refunded, "{name}");
        if status == 403 {
            refused(&reply, name, 403, "REFUND_NOT_ALLOWED", "");
        }
    }
}

#[tokio::test]
async fn what_no_checkout_could_leave_is_no_order() {
    let stage = Stage::new().await;
    let line = json!({"name": "Kopp", "quantity": 1, "unit_price": 900, "total_amount": 900});
    for (order, says) in [
        (json!({"order_amount": 200_000_001}), "order_amount must be between 0 and 200000000"),
        (json!({"order_amount": -1}), "order_amount must be between 0 and 200000000"),
        (json!({"order_amount": 901, "order_lines": [line]}), "order_lines"),
    ] {
        let reply = stage.control("POST", "orders", &order).await;
        refused(&reply, &order.to_string(), 400, "BAD_VALUE", says);
    }
    let most = json!({"order_amount": 200_000_000});
    assert_eq!(stage.control("POST", "orders", &most).await.status, 201);
}
