//! The Rust of the README and the guide, word for word: a function for each snippet, in its order.

use std::time::Duration;

use order_sdk::{OrderClient, ShopName};

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
