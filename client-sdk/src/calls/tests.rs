//! What a server sees of a call, and what the caller sees of its errors.

use std::time::Duration;

use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::client::OrderClient;
use crate::error::Error;
use crate::names::ShopName;
use crate::proto;
use crate::retry::RetryPolicy;
use crate::scripted::Script;

fn text<'a>(metadata: &'a MetadataMap, key: &str) -> &'a str {
    metadata.get(key).map_or("", |value| value.to_str().expect("ASCII"))
}

#[tokio::test]
async fn a_command_keeps_its_id_over_attempts_and_carries_who_asks_and_for_how_long() {
    let busy = || {
        let details = ErrorDetails::with_error_info("QUEUE_FULL", "orders", [])
            .set_retry_info(Some(Duration::from_millis(1)))
            .clone();
        Status::with_error_details(Code::ResourceExhausted, "busy", details)
    };
    let cancelled = || Status::unavailable("draining");
    let script = Script::placing([
        Err(busy()),
        Err(cancelled()),
        Ok(proto::CreateOrderResponse { already_exists: true, ..Default::default() }),
    ]);
    let pauses = RetryPolicy::default().pauses(Duration::from_millis(1), Duration::from_millis(4));
    let setup = OrderClient::builder().retry(pauses).actor("till-3").language("nb");
    let client = script.serve(setup).await;

    let shop = ShopName::new("default").expect("a shop");
    let draft = client.new_order(&shop, "NOK").wait(Duration::from_secs(20));
    let answer = draft.send().await.expect("the third attempt");
    assert!(answer.already_exists);

    let commands = script.commands();
    assert_eq!(commands.len(), 3);
    for (metadata, request) in &commands {
        assert_eq!(request.request_id, commands[0].1.request_id);
        assert_eq!(request.request_id.len(), 36);
        assert_eq!(text(metadata, "actor"), "till-3");
        assert_eq!(text(metadata, "accept-language"), "nb");
        // 10 s, and the 20 s that it may wait, in tonic's finest unit that fits.
        let timeout = text(metadata, "grpc-timeout");
        let (amount, unit) = timeout.split_at(timeout.len() - 1);
        let left: u64 = amount.parse().expect("a number");
        assert!(unit == "u" && (29_000_000..=30_000_000).contains(&left), "{timeout}");
    }
}

#[tokio::test]
async fn a_command_s_own_id_is_left_alone() {
    let script = Script::placing([Ok(proto::CreateOrderResponse::default())]);
    let client = script.serve(OrderClient::builder()).await;
    let shop = ShopName::new("default").expect("a shop");
    client.new_order(&shop, "NOK").request_id("mine").send().await.expect("an answer");
    assert_eq!(script.commands()[0].1.request_id, "mine");
}

#[tokio::test]
async fn a_refusal_arrives_with_all_its_details() {
    let mut details = ErrorDetails::with_error_info(
        "ETAG_MISMATCH",
        "orders",
        [("etag".to_owned(), "7".to_owned()), ("changed_fields".to_owned(), "status".to_owned())],
    );
    details
        .set_localized_message("nb", "Endret\nOrdren er endret.\nAv en annen.\nLes den på nytt.")
        .add_bad_request_violation("etag", "is stale")
        .set_resource_info("order", "shops/default/orders/1", "", "")
        .add_help_link("ETAG_MISMATCH", "refusals/ETAG_MISMATCH");
    let status = Status::with_error_details(Code::Aborted, "the order has changed", details);
    let script = Script::placing([Err(status)]);
    let client = script.serve(OrderClient::builder()).await;
    let shop = ShopName::new("default").expect("a shop");

    let error = client.new_order(&shop, "NOK").send().await.expect_err("a refusal");
    assert_eq!(script.commands().len(), 1, "a refusal without a hint is not tried again");
    assert!(error.is_conflict() && !error.is_retryable() && !error.is_not_found());
    let Error::Refused(refusal) = error else { panic!("{error:?}") };
    assert_eq!(refusal.code, "ETAG_MISMATCH");
    assert_eq!(refusal.title.as_deref(), Some("Endret"));
    assert_eq!(refusal.cause.as_deref(), Some("Ordren er endret.\nAv en annen."));
    assert_eq!(refusal.remedy.as_deref(), Some("Les den på nytt."));
    assert_eq!(refusal.etag.as_ref().map(crate::Etag::as_str), Some("7"));
    assert_eq!(refusal.metadata["changed_fields"], "status");
    assert_eq!(refusal.violations[0].field, "etag");
    assert_eq!(refusal.resource.as_deref(), Some("shops/default/orders/1"));
    assert_eq!(refusal.help[0].url, "refusals/ETAG_MISMATCH");
}

#[test]
fn a_status_without_a_code_of_the_catalogue_is_told_apart() {
    let cases = [
        (Status::cancelled("Timeout expired"), "the call took longer than its deadline"),
        (Status::deadline_exceeded("late"), "the call took longer than its deadline"),
        (Status::unavailable("draining"), "the server is not available: draining"),
        (Status::unimplemented("old"), "unexpected answer (Unimplemented): old"),
    ];
    for (status, wanted) in cases {
        assert_eq!(Error::from_status(&status).to_string(), wanted);
    }
    let cut = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "reset by peer");
    let error = Error::from_status(&Status::from_error(Box::new(cut)));
    assert!(matches!(error, Error::Transport(_)) && error.is_retryable(), "{error:?}");
}

#[tokio::test]
async fn an_unreachable_server_and_a_wrong_set_up_are_told_apart() {
    let nobody = OrderClient::builder().endpoint("http://127.0.0.1:1").connect().await;
    assert!(nobody.expect_err("nobody listens there").is_unavailable());
    for setup in [
        OrderClient::builder().endpoint("nowhere at all"),
        OrderClient::builder().endpoint("https://127.0.0.1:1"),
        OrderClient::builder().actor("Åse"),
        OrderClient::builder().language("n\nb"),
    ] {
        assert!(matches!(setup.connect_lazy(), Err(Error::Invalid(_))));
    }
}
