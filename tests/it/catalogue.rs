//! The catalogue of refusals: every code, with its cause and remedy, in both languages.

use futures_util::StreamExt;
use order_rules::refusals::Code;
use order_sdk::proto::{self, Actor};

use crate::harness::{World, refused, wrong_fields};

trials! {
    shared: [
        every_code_has_a_page_in_both_languages,
        a_refusal_says_what_its_page_says_in_the_callers_language,
        an_unknown_code_is_not_found,
        a_remedy_names_the_order_that_was_asked_for,
    ];
}

impl World {
    async fn refusals(&self) -> Vec<proto::Refusal> {
        let answer = self.client.list_refusals(proto::ListRefusalsRequest {}).await;
        answer.unwrap().refusals
    }

    async fn page(&self, code: &str) -> Result<proto::GetRefusalResponse, order_sdk::Error> {
        let request = proto::GetRefusalRequest { name: format!("refusals/{code}") };
        self.client.get_refusal(request).await
    }
}

async fn every_code_has_a_page_in_both_languages(world: World) {
    let pages = world.refusals().await;
    let codes: Vec<&str> = pages.iter().map(|page| page.code.as_str()).collect();
    let known: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
    assert_eq!(codes, known, "in the order of the catalogue");
    for page in pages {
        assert_eq!(page.name, format!("refusals/{}", page.code));
        assert_ne!(page.actor(), Actor::Unspecified, "{}", page.code);
        for language in ["en", "nb"] {
            let text = &page.texts[language];
            for text in [&text.title, &text.cause, &text.remedy] {
                assert!(text.len() > 5, "{} in {language}", page.code);
            }
        }
        assert_ne!(page.texts["en"], page.texts["nb"], "{}", page.code);
        let read = world.page(&page.code).await.unwrap().refusal.unwrap();
        assert_eq!(read, page);
    }
}

async fn a_refusal_says_what_its_page_says_in_the_callers_language(world: World) {
    let page = world.page("ORDER_NOT_FOUND").await.unwrap().refusal.unwrap();
    assert_eq!((page.grpc_code.as_str(), page.retryable), ("NOT_FOUND", false));
    let request = proto::GetOrderRequest {
        name: world.shop.order(7).unwrap().into(),
        ..proto::GetOrderRequest::default()
    };
    for (asked, answered) in [("nb-NO", "nb"), ("en", "en"), ("de", "en")] {
        let client = world.client.with_language(asked).unwrap();
        let refusal = refused(client.get_order(request.clone()).await, Code::OrderNotFound);
        let text = &page.texts[answered];
        let told = format!("{} {}", refusal.cause.unwrap(), refusal.remedy.unwrap());
        assert!(told.contains(&text.cause), "{asked}: {told}");
        assert!(told.contains(&text.remedy), "{asked}: {told}");
        assert_eq!(refusal.grpc_code, order_sdk::Code::NotFound);
        assert_eq!(refusal.resource.as_deref(), Some(request.name.as_str()));
        assert!(refusal.help.iter().any(|link| link.url.contains("ORDER_NOT_FOUND")));
    }
}

/// Whoever follows a remedy acts on the order in question, whichever call was refused.
async fn a_remedy_names_the_order_that_was_asked_for(world: World) {
    world.buy(500, "").await;
    let captured = world.buy(900, "").await;
    world.complete(&captured.name).await.unwrap();
    let waiting = world.buy(700, "capture=slow:3m").await;
    world.change(&waiting.name, "sent").send().await.unwrap();
    let client = world.client.with_language("nb").unwrap();
    let status = |status: &str| world.shop.status(status).unwrap();
    let cancel = client.change_status(&captured.name, &status("cancelled")).restock(true);
    let refusal = refused(cancel.send().await, Code::AlreadyCaptured);
    let number = captured.order.number;
    names(&refusal, &format!("`orderctl orders credit {number} --all --refund yes`"));
    names(&refusal, &format!("`orderctl orders status {number} STATUS`"));
    refused(
        world.change(&world.shop.order(1001).unwrap(), "cancelled").send().await,
        Code::RestockRequired,
    );

    let number = waiting.order.number;
    let pending = client.change_status(&waiting.name, &status("returned")).send().await;
    let refusal = refused(pending, Code::StatusChangePending);
    names(&refusal, &format!("`orderctl orders get {number}`"));
    names(&refusal, &format!("`orderctl orders withdraw {number}`"));
    let withdrawal = |name: &order_sdk::OrderName| proto::WithdrawStatusChangeRequest {
        name: name.into(),
        ..Default::default()
    };
    let refusal = refused(
        client.withdraw_status_change(withdrawal(&captured.name)).await,
        Code::NoStatusChangePending,
    );
    names(&refusal, &format!("`orderctl orders history {}`", captured.order.number));
    let settling = proto::SettlePaymentOperationRequest {
        name: (&captured.name).into(),
        operation_id: 4_711,
        verdict: proto::Verdict::Happened.into(),
        reason: "seen".to_owned(),
        ..Default::default()
    };
    let refusal = refused(client.settle_payment_operation(settling).await, Code::OperationNotFound);
    names(&refusal, &format!("`orderctl orders get {} --output json`", captured.order.number));

    // Each order of a batch is told about itself.
    let orders = [world.shop.order(1001).unwrap(), captured.name.clone()];
    let mut outcomes = client
        .change_statuses(&world.shop, &status("cancelled"))
        .orders(orders)
        .restock(true)
        .open();
    let mut told = Vec::new();
    while let Some(message) = outcomes.next().await {
        told.extend(message.unwrap().outcome);
    }
    let kept = told.iter().find(|outcome| outcome.code == "ALREADY_CAPTURED").unwrap();
    let command = format!("orders credit {} --all", captured.order.number);
    assert!(kept.message.contains(&command), "{kept:?}");
}

#[track_caller]
fn names(refusal: &order_sdk::Refusal, command: &str) {
    let remedy = refusal.remedy.as_deref().unwrap_or_default();
    assert!(remedy.contains(command), "{command} is not in {refusal:?}");
}

async fn an_unknown_code_is_not_found(world: World) {
    refused(world.page("NO_SUCH_CODE").await, Code::RefusalNotFound);
    let malformed = proto::GetRefusalRequest { name: "ORDER_NOT_FOUND".to_owned() };
    let outcome = world.client.get_refusal(malformed).await;
    assert_eq!(wrong_fields(outcome), ["name"]);
}
