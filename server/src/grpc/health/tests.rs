//! The health protocol: what is told to whom.

use ServingStatus::{NotServing, ServiceUnknown, Serving};
use futures_util::StreamExt;

use super::*;

fn request(service: &str) -> Request<HealthCheckRequest> {
    Request::new(HealthCheckRequest { service: service.to_owned() })
}

async fn check(health: &Health, service: &str) -> Result<ServingStatus, tonic::Code> {
    let response = health.check(request(service)).await.map_err(|status| status.code())?;
    Ok(response.into_inner().status())
}

#[tokio::test]
async fn each_service_says_whether_it_can_be_used() {
    let health = Health::new();
    let expect = async |orders, refusals| {
        assert_eq!(check(&health, "").await, Ok(orders));
        assert_eq!(check(&health, "orders.v1.OrderService").await, Ok(orders));
        assert_eq!(check(&health, "orders.v1.RefusalService").await, Ok(refusals));
        assert_eq!(check(&health, "orders.v1.Nothing").await, Err(tonic::Code::NotFound));
    };
    expect(Serving, Serving).await;
    health.set_store(false);
    expect(NotServing, Serving).await;
    health.set_store(true);
    expect(Serving, Serving).await;
    health.drain();
    expect(NotServing, NotServing).await;
    health.set_store(true);
    expect(NotServing, NotServing).await;
}

#[tokio::test]
async fn list_names_every_service() {
    let health = Health::new();
    health.set_store(false);
    let response = health.list(Request::new(HealthListRequest {})).await.unwrap().into_inner();
    let mut names: Vec<&str> = response.statuses.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "",
            "orders.v1.IntegrationService",
            "orders.v1.OrderService",
            "orders.v1.OrderStatusService",
            "orders.v1.RefusalService",
            "orders.v1.ShopService",
            "orders.v1.StockService",
        ]
    );
    assert_eq!(response.statuses[""].status(), NotServing);
    assert_eq!(response.statuses["orders.v1.RefusalService"].status(), Serving);
}

#[tokio::test]
async fn a_watcher_is_told_each_change_once_and_ends_with_the_drain() {
    let health = Health::new();
    let mut told = health.watch(request("")).await.unwrap().into_inner();
    let mut next = async || told.next().await.map(|response| response.unwrap().status());
    assert_eq!(next().await, Some(Serving));
    health.set_store(false);
    assert_eq!(next().await, Some(NotServing));
    health.set_store(false);
    health.set_store(true);
    assert_eq!(next().await, Some(Serving));
    health.drain();
    assert_eq!(next().await, Some(NotServing));
    assert_eq!(next().await, None);
}

#[tokio::test]
async fn a_watcher_of_an_unknown_service_is_told_so_and_stays() {
    let health = Health::new();
    let mut told = health.watch(request("orders.v1.Nothing")).await.unwrap().into_inner();
    let first = told.next().await.unwrap().unwrap().status();
    assert_eq!(first, ServiceUnknown);
    let wait = std::time::Duration::from_millis(20);
    health.set_store(false);
    assert!(tokio::time::timeout(wait, told.next()).await.is_err(), "the stream stays open");
    health.drain();
    assert!(told.next().await.is_none());
}
