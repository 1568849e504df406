//! Invoices in the stand-in's books: how they are made, mailed, paid and credited.

use serde_json::{Value, json};

use super::{Stage, refused, send};

#[tokio::test]
async fn orders_become_invoices_once() {
    let stage = Stage::new().await;
    let order = stage.place(&json!({})).await;
    let invoice = stage.invoice(order, "&paymentTypeId=3&paidAmount=300.00").await;
    assert_eq!((&invoice["amount"], &invoice["amountExcludingVat"]), (&json!(300), &json!(240)));
    assert_eq!((&invoice["amountOutstanding"], &invoice["invoiceNumber"]), (&json!(0), &json!(1)));
    assert_eq!(
        (&invoice["orders"][0]["id"], &invoice["invoiceDueDate"]),
        (&json!(order), &json!("2026-12-09"))
    );
    assert_eq!((stage.amounts("invoice"), stage.amounts("payment")), (vec![30_000], vec![30_000]));
    assert!(stage.amounts("mail").is_empty());
    let path = format!("/order/{order}/:invoice?invoiceDate=2026-11-25");
    refused(&stage.ask("PUT", &path, &Value::Null).await, "again", 422, 18_000, "Ordren er lukket");
    let delete = stage.ask("DELETE", &format!("/order/{order}"), &Value::Null).await;
    refused(&delete, "delete", 422, 18_000, "fakturert");
    let found = "/invoice?invoiceDateFrom=2026-11-25&invoiceDateTo=2026-11-26";
    let found = stage.ask("GET", found, &Value::Null).await.json();
    assert_eq!(found["values"][0]["id"], invoice["id"]);
    let pdf = stage.ask("GET", &format!("/invoice/{}/pdf", invoice["id"]), &Value::Null).await;
    assert!(pdf.body.starts_with(b"%PDF-") && pdf.header("content-type") == "application/pdf");
}

#[tokio::test]
async fn invoices_want_what_they_need() {
    let stage = Stage::new().await;
    let empty = stage.place(&json!({"orderLines": []})).await;
    let order = stage.place(&json!({})).await;
    let rows = [
        (empty, "invoiceDate=2026-11-25", "Fakturaen inneholder ingen ordrelinjer."),
        (order, "", "invoiceDate"),
        (
            order,
            "invoiceDate=2026-11-25&paidAmount=300",
            "Både paidAmount og paymentTypeId må oppgis",
        ),
        (order, "invoiceDate=2026-11-25&paidAmount=300&paymentTypeId=9", "betalingstype"),
        (order, "invoiceDate=2026-11-25&paidAmount=x&paymentTypeId=3", "paidAmount"),
    ];
    for (order, query, says) in rows {
        let path = format!("/order/{order}/:invoice?{query}");
        refused(&stage.ask("PUT", &path, &Value::Null).await, query, 422, 18_000, says);
    }
    let prepaid = json!({"invoiceDate": "2026-11-25", "invoiceDueDate": "2026-12-25", "orders": [{"id": order}]});
    let negative = stage.ask("POST", "/invoice?paymentTypeId=3&paidAmount=-1", &prepaid).await;
    refused(&negative, "negative", 422, 18_000, "paidAmount");
    let url = format!("{}/control/company", stage.tripletex.url());
    send("PUT", &url, &[], r#"{"has_bank_account": false, "is_vat_registered": false}"#)
        .await
        .unwrap();
    let path = format!("/order/{order}/:invoice?invoiceDate=2026-11-25");
    refused(&stage.ask("PUT", &path, &Value::Null).await, "bank", 422, 18_000, "bankkontonummer");
    refused(
        &stage.ask("POST", "/order", &stage.order()).await,
        "vat",
        422,
        18_000,
        "Ugyldig mva-kode.",
    );
    assert!(stage.amounts("invoice").is_empty());
}

#[tokio::test]
async fn invoices_are_mailed_unless_told_otherwise() {
    let stage = Stage::new().await;
    let order = stage.place(&json!({})).await;
    let path = format!("/order/{order}/:invoice?invoiceDate=2026-11-25");
    let invoice = stage.done("PUT", &path, &Value::Null).await["id"].clone();
    assert_eq!(stage.amounts("mail").len(), 1);
    let note = format!("/invoice/{invoice}/:createCreditNote?date=2026-11-25");
    stage.done("PUT", &note, &Value::Null).await;
    assert_eq!(stage.amounts("mail").len(), 2);
    for kind in ["EMAIL", "VIPPS"] {
        let again = format!("/invoice/{invoice}/:send?sendType={kind}");
        assert_eq!(stage.ask("PUT", &again, &Value::Null).await.status, 200, "{kind}");
    }
    assert_eq!(stage.amounts("mail").len(), 4);
    for path in [format!("/invoice/{invoice}/:send?sendType=FAX"), format!("{note}&sendType=FAX")] {
        refused(&stage.ask("PUT", &path, &Value::Null).await, &path, 422, 18_000, "sendType");
    }
    // By itself an invoice does not close its order.
    let order = stage.place(&json!({"number": "1002"})).await;
    let body = json!({"invoiceDate": "2026-11-25", "invoiceDueDate": "2026-12-25", "orders": [{"id": order}]});
    stage.done("POST", "/invoice?sendToCustomer=false", &body).await;
    assert_eq!(
        stage.done("GET", &format!("/order/{order}"), &Value::Null).await["isClosed"],
        false
    );
    assert!(stage.tripletex.book().amounts("mail", "1002").is_empty());
}

#[tokio::test]
async fn credits_are_whole_or_orders_of_their_own() {
    let stage = Stage::new().await;
    let order = stage.place(&json!({})).await;
    let invoice = stage.invoice(order, "").await["id"].clone();
    // Two back, less a fee.
    let lines = json!([
        {"count": -2, "unitPriceIncludingVatCurrency": 100.0, "vatType": {"id": 3}},
        {"count": 1, "unitPriceIncludingVatCurrency": 50.0, "vatType": {"id": 3}},
    ]);
    let part = stage.place(&json!({"number": "1001-K1", "orderLines": lines})).await;
    let note = stage.invoice(part, &format!("&invoiceIdIfIsCreditNote={invoice}")).await;
    assert_eq!((&note["amount"], &note["isCreditNote"]), (&json!(-150), &json!(true)));
    assert_eq!(note["creditedInvoice"], invoice);
    let paid = format!(
        "/invoice/{}/:payment?paymentDate=2026-11-25&paymentTypeId=3&paidAmount=-150",
        note["id"]
    );
    assert_eq!(stage.done("PUT", &paid, &Value::Null).await["amountOutstanding"], 0);
    let book = stage.tripletex.book();
    assert_eq!(book.amounts("credit-note", "1001-K1"), [-15_000]);
    assert_eq!(book.amounts("payment", "1001-K1"), [-15_000]);

    let more = json!({"number": "1001-K2", "orderLines": [
        {"count": -1, "unitPriceIncludingVatCurrency": 150.01, "vatType": {"id": 3}}]});
    let more = stage.place(&more).await;
    let path =
        format!("/order/{more}/:invoice?invoiceDate=2026-11-25&invoiceIdIfIsCreditNote={invoice}");
    let says = "Summen av kreditnotaene kan ikke være høyere enn fakturabeløpet.";
    refused(&stage.ask("PUT", &path, &Value::Null).await, "over", 422, 18_000, says);
    let whole = format!("/invoice/{invoice}/:createCreditNote?date=2026-11-25");
    refused(&stage.ask("PUT", &whole, &Value::Null).await, "whole", 422, 18_000, says);
    let read = stage.done("GET", &format!("/invoice/{invoice}"), &Value::Null).await;
    assert_eq!(read["isCredited"], true);
}

/// The company keeps its books in kroner: 100 euro are 1 172.50 there.
#[tokio::test]
async fn an_invoice_in_euro_is_paid_at_a_rate() {
    let stage = Stage::new().await;
    let order = stage.place(&json!({"currency": {"id": 5}})).await;
    // Of an account in kroner nothing can be paid beforehand.
    let path = format!(
        "/order/{order}/:invoice?invoiceDate=2026-11-25&sendToCustomer=false&paidAmount=100"
    );
    let kroner = stage.ask("PUT", &format!("{path}&paymentTypeId=3"), &Value::Null).await;
    refused(&kroner, "an account in kroner", 422, 18_000, "paymentTypeId");
    let invoice = stage.done("PUT", &format!("{path}&paymentTypeId=5"), &Value::Null).await;
    let amounts = |invoice: &Value| {
        ["amount", "amountCurrency", "amountExcludingVat", "amountCurrencyOutstanding"]
            .map(|field| invoice[field].as_f64().unwrap())
    };
    assert_eq!(amounts(&invoice), [3_517.5, 300.0, 2_814.0, 200.0]);
    assert_eq!(invoice["currency"]["id"], 5);

    let pay = |kind: i64, amounts: &str| {
        let id = &invoice["id"];
        format!("/invoice/{id}/:payment?paymentDate=2026-11-25&paymentTypeId={kind}&{amounts}")
    };
    let alone = stage.ask("PUT", &pay(3, "paidAmount=1172.50"), &Value::Null).await;
    refused(&alone, "in kroner alone", 422, 18_000, "paidAmountCurrency");
    let both = pay(3, "paidAmount=1172.50&paidAmountCurrency=100.00");
    assert_eq!(amounts(&stage.done("PUT", &both, &Value::Null).await)[3], 100.0);
    let both = pay(5, "paidAmount=100&paidAmountCurrency=100");
    assert_eq!(amounts(&stage.done("PUT", &both, &Value::Null).await)[3], 0.0);
    assert_eq!(stage.amounts("invoice"), [30_000]);
    assert_eq!(stage.amounts("payment"), [10_000, 10_000, 10_000]);
    assert_eq!(stage.amounts("account"), [117_250], "what the account in kroner got");

    let whole = format!("/invoice/{}/:createCreditNote?date=2026-11-25", invoice["id"]);
    let note = stage.done("PUT", &whole, &Value::Null).await;
    assert_eq!(amounts(&note), [-3_517.5, -300.0, -2_814.0, -300.0]);
}
