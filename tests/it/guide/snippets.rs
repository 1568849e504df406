//! The Rust of the README and the guide, word for word: a function for each snippet, in its order.

use std::time::Duration;

use futures_util::StreamExt;
use order_sdk::proto::{self, NoteAudience, TransferForm};
use order_sdk::{OrderClient, OrderName, ShopName};

/// The snippet of the README, with what it uses.
pub(super) async fn readme(endpoint: &str) -> Outcome<()> {
    use order_sdk::{Money, OrderClient, OrderMoney, ShopName};

    let client = OrderClient::builder().endpoint(endpoint).actor("checkout").connect().await?;
    let shop = ShopName::new("default")?;
    let price: Money = "249.50 NOK".parse()?;
    let placed = client
        .new_order(&shop, "NOK")
        .customer("Kari Nordmann", "kari@example.com")
        .goods("CUP", "Kopp", 2, price, 2_500)
        .payment("klarna", "kl-readme-1", Money::new(2 * price.minor, price.currency))
        .send()
        .await?;
    let order = placed.order.unwrap_or_default();
    println!("{} of {:?}", order.name, order.total());
    Ok(())
}

pub(super) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

pub(super) async fn connect(endpoint: &str) -> Outcome<(OrderClient, ShopName)> {
    let client = OrderClient::builder().endpoint(endpoint).actor("warehouse").connect().await?;
    let shop = ShopName::new("default")?;
    Ok((client, shop))
}

pub(super) async fn create_status(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    let mut status = proto::OrderStatus { position: 35, ..Default::default() };
    status.admin_names.insert("nb".to_owned(), "Klar til henting".to_owned());
    status.customer_names.insert("en".to_owned(), "Ready for you".to_owned());
    client
        .create_order_status(proto::CreateOrderStatusRequest {
            parent: shop.into(),
            order_status_id: "ready".to_owned(),
            order_status: Some(status),
            ..Default::default()
        })
        .await?;
    client.change_status(&shop.order(1017)?, &shop.status("ready")?).send().await?;
    Ok(())
}

pub(super) async fn note(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    client
        .new_note(&shop.order(1017)?, NoteAudience::Customer, "Du kan hente den i dag.")
        .send_email(true)
        .withdrawal_form(true)
        .send()
        .await?;
    Ok(())
}

pub(super) async fn complete(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    let order = shop.order(1015)?;
    let changed = client
        .change_status(&order, &shop.status("sent")?)
        .wait(Duration::from_secs(30))
        .send()
        .await?;
    let order = changed.order.unwrap_or_default();
    println!("{} is {:?}", order.number, order.payment_state());
    Ok(())
}

pub(super) async fn complete_many(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    let mut outcomes = client
        .change_statuses(shop, &shop.status("sent")?)
        .orders([shop.order(1023)?, shop.order(1024)?, shop.order(1025)?])
        .wait(Duration::from_secs(30))
        .open();
    while let Some(message) = outcomes.next().await {
        if let Some(outcome) = message?.outcome {
            println!("{} is {:?} {}", outcome.name, outcome.state(), outcome.code);
        }
    }
    Ok(())
}

pub(super) async fn deliver(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    let delivered = client
        .deliver(&shop.order(1020)?)
        .line(2, 1)
        .carrier("Posten")
        .tracking_number("370700000000000002")
        .send()
        .await?;
    println!("{:?}", delivered.order.map(|order| order.delivery_state()));
    Ok(())
}

pub(super) async fn credit(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    let credited = client
        .credit(&shop.order(1013)?)
        .restocked_units(1, 1)
        .refund(true)
        .wait(Duration::from_secs(30))
        .send()
        .await?;
    let credit = credited.credit_order.unwrap_or_default();
    println!("credit {} of {}", credit.credit_number, credit.original_order);
    Ok(())
}

pub(super) async fn book(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    let (sale, wait) = (shop.order(1013)?, Duration::from_secs(30));
    client.transfer(&sale, TransferForm::Invoice).wait(wait).send().await?;
    let credits = client.orders(shop).filter(|filter| filter.original_order = sale.to_string());
    for credit in credits.page().await?.items {
        let credit: OrderName = credit.name.parse()?;
        client.change_status(&credit, &shop.status("sent")?).send().await?;
        client.transfer(&credit, TransferForm::Invoice).wait(wait).send().await?;
    }
    Ok(())
}

pub(super) async fn edit(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    let edited = client.edit(&shop.order(1019)?).quantity(3, 2).send().await?;
    println!("{:?}", edited.order.and_then(|order| order.totals));
    Ok(())
}

pub(super) async fn cancel(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    client
        .change_status(&shop.order(1022)?, &shop.status("cancelled")?)
        .restock(true)
        .wait(Duration::from_secs(30))
        .send()
        .await?;
    Ok(())
}

pub(super) async fn resolve(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    client
        .keep(&shop.order(1521)?)
        .drop(&shop.order(1525)?)
        .restock(true)
        .complete_as(&shop.status("sent")?)
        .wait(Duration::from_secs(30))
        .send()
        .await?;
    Ok(())
}

pub(super) async fn go_by_the_code(client: &OrderClient, shop: &ShopName) -> Outcome<()> {
    if let Err(error) = client.edit(&shop.order(1011)?).quantity(1, 1).send().await {
        match error.code() {
            Some("ALREADY_CAPTURED") => println!("credit it instead"),
            _ if error.is_retryable() => println!("later: {:?}", error.retry_after()),
            _ => return Err(error.into()),
        }
    }
    Ok(())
}
