//! What every mutation has: a repeat is harmless, a stale etag is refused, and asking stores nothing.

mod grounds;
mod kinds;
mod mutations;

use order_rules::refusals::Code;
use order_sdk::proto::{self, OperationKind};

use self::kinds::Kind;
use self::mutations::{Asked, Stage};
use crate::harness::{
    Backend, WAIT, World, eventually, refused, request_id, status_id, wrong_fields,
};
use crate::integrations::world_with_key;

trials! {
    shared: [
        a_repeat_of_any_command_is_harmless_and_other_content_is_refused,
        asking_any_command_first_stores_nothing,
        a_stale_etag_of_any_command_is_refused_with_the_current_one,
        a_repeat_answers_what_was_done_then_with_the_resource_as_it_is_now,
        a_refusal_is_not_recorded,
        a_repeat_goes_before_the_etag,
        the_plan_names_every_effect_before_it_happens,
        an_order_can_be_asked_for_before_it_is_placed,
        an_answer_waits_no_longer_than_asked,
        a_malformed_envelope_is_refused,
    ];
    own: [a_transfer_to_accounting_is_a_command_like_any_other];
}

async fn a_repeat_of_any_command_is_harmless_and_other_content_is_refused(world: World) {
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.needs_books()) {
        repeat(&Stage::set(&world).await, kind).await;
    }
}

async fn repeat(stage: &Stage, kind: Kind) {
    let asked = Asked { request_id: request_id(), ..Asked::default() };
    let first = stage.send(kind, &asked).await.unwrap();
    assert_eq!(first.request_id, asked.request_id, "{kind:?}");
    assert!(first.revision > 0 && !first.replayed, "{kind:?}: {first:?}");
    stage.all_is_told(kind).await;
    let head = stage.world.revision().await;
    for _ in 0..2 {
        let again = stage.send(kind, &asked).await.unwrap();
        assert!(again.replayed, "{kind:?}: {again:?}");
        assert_eq!(again.revision, first.revision, "{kind:?}");
    }
    let other = Asked { is_other: true, ..asked.clone() };
    let refusal = refused(stage.send(kind, &other).await, Code::RequestIdReused);
    let told: Vec<&str> = refusal.violations.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(told, ["request_id"], "{kind:?}");
    let another_kind = if kind == Kind::AdjustStock { Kind::UpdateShop } else { Kind::AdjustStock };
    if kind != Kind::CreateShop {
        refused(stage.send(another_kind, &asked).await, Code::RequestIdReused);
    }
    assert_eq!(stage.world.revision().await, head, "{kind:?}");
}

async fn asking_any_command_first_stores_nothing(world: World) {
    for kind in Kind::ALL.into_iter().filter(|kind| !kind.needs_books()) {
        ask_first(&Stage::set(&world).await, kind).await;
    }
}

async fn ask_first(stage: &Stage, kind: Kind) {
    let head = stage.world.revision().await;
    let asked = Asked { request_id: request_id(), validate_only: true, ..Asked::default() };
    for _ in 0..2 {
        let receipt = stage.send(kind, &asked).await.unwrap();
        assert_eq!(receipt.revision, 0, "{kind:?}: only validated");
        assert!(!receipt.replayed, "{kind:?}");
    }
    assert_eq!(stage.world.revision().await, head, "{kind:?} stored something");
    // The id was not taken by asking.
    let asked = Asked { validate_only: false, ..asked };
    let receipt = stage.send(kind, &asked).await.unwrap();
    assert!(receipt.revision > 0 && !receipt.replayed, "{kind:?}");
}

async fn a_stale_etag_of_any_command_is_refused_with_the_current_one(world: World) {
    for kind in Kind::ALL.into_iter().filter(|kind| kind.has_etag() && !kind.needs_books()) {
        come_late(&Stage::set(&world).await, kind).await;
    }
}

async fn come_late(stage: &Stage, kind: Kind) {
    let stale = stage.etag(kind).await;
    stage.touch(kind).await;
    let head = stage.world.revision().await;
    let asked = Asked { request_id: request_id(), etag: stale.clone(), ..Asked::default() };
    let refusal = refused(stage.send(kind, &asked).await, Code::EtagMismatch);
    assert_eq!(refusal.grpc_code, order_sdk::Code::Aborted);
    let current = refusal.etag.clone().unwrap().to_string();
    assert_ne!(current, stale);
    assert_eq!(current, stage.etag(kind).await, "{kind:?}");
    let changed = match kind {
        Kind::UpdateShop => Some("settings.time_zone"),
        Kind::UpdateIntegration => Some("disabled"),
        _ => kind.is_about_order().then_some("metadata"),
    };
    let fields = refusal.metadata.get("changed_fields").map(String::as_str);
    assert_eq!(fields, changed, "{kind:?}: what changed since");
    let only_asked = Asked { validate_only: true, ..asked.clone() };
    refused(stage.send(kind, &only_asked).await, Code::EtagMismatch);
    assert_eq!(stage.world.revision().await, head, "{kind:?}");
    let fresh = Asked { etag: current, ..asked };
    stage.send(kind, &fresh).await.unwrap();
}

async fn a_transfer_to_accounting_is_a_command_like_any_other(backend: Backend) {
    let world = world_with_key(backend, &["--stand-ins", "true"]).await;
    let kind = Kind::TransferOrderToAccounting;
    let stage = async || Stage::set(&world).await.keep_books().await;
    repeat(&stage().await, kind).await;
    ask_first(&stage().await, kind).await;
    come_late(&stage().await, kind).await;
    let asked = Asked { validate_only: true, ..Asked::default() };
    let plan = stage().await.send(kind, &asked).await.unwrap().plan;
    let [effect] = plan.as_slice() else { panic!("{plan:?}") };
    assert_eq!((effect.provider.as_str(), effect.amount_minor), ("tripletex", 900));
    assert_eq!(effect.transfer(), proto::TransferForm::Invoice);
}

async fn a_repeat_answers_what_was_done_then_with_the_resource_as_it_is_now(world: World) {
    let id = request_id();
    let place = || world.draft(900).payment("manual", "", 900).request_id(&id).send();
    let first = place().await.unwrap();
    let order = first.order.unwrap();
    let name = order.name.parse().unwrap();
    world.complete(&name).await.unwrap();
    let again = place().await.unwrap();
    assert_eq!(again.receipt.unwrap().revision, first.receipt.unwrap().revision);
    let now = again.order.unwrap();
    assert_eq!((now.number, status_id(&now)), (order.number, "sent"));
    assert_eq!(world.place(world.draft(0)).await.number, order.number + 1, "no number was lost");
}

async fn a_refusal_is_not_recorded(world: World) {
    world.stock("CUP", 0).await;
    world
        .set("settings.stock_mode", |settings| {
            settings.set_stock_mode(proto::StockMode::Refuse);
        })
        .await;
    let id = request_id();
    let place = || {
        let draft = world.draft(0).with(|order| order.lines.clear());
        draft.goods("CUP", "Kopp", 1, 0, 0).request_id(&id).send()
    };
    refused(place().await, Code::OutOfStock);
    let request = proto::AdjustStockRequest {
        name: world.shop.stock_item("CUP").unwrap().into(),
        delta_quantity: 1,
        ..proto::AdjustStockRequest::default()
    };
    world.client.adjust_stock(request).await.unwrap();
    assert!(!place().await.unwrap().receipt.unwrap().replayed);
}

async fn a_repeat_goes_before_the_etag(world: World) {
    let bought = world.buy(900, "").await;
    let id = request_id();
    let change = || {
        let etag = bought.order.etag.as_str().into();
        world.change(&bought.name, "processing").etag(etag).request_id(&id).send()
    };
    change().await.unwrap();
    assert!(change().await.unwrap().receipt.unwrap().replayed, "its etag is stale by its own deed");
}

async fn the_plan_names_every_effect_before_it_happens(world: World) {
    let reference = world.reference("");
    let order = world.place(world.draft(700).payment("klarna", &reference, 1_000)).await;
    let name = order.name.parse().unwrap();
    let plan_of = async |change: order_sdk::StatusChange| {
        let answer = change.validate_only().send().await.unwrap();
        let plan = answer.receipt.unwrap().plan;
        let effects: Vec<(OperationKind, i64)> =
            plan.iter().map(|effect| (effect.kind(), effect.amount_minor)).collect();
        assert!(plan.iter().all(|effect| effect.provider == "klarna"
            && effect.reference == reference
            && effect.payment_id == order.payments[0].id));
        (effects, answer.order.unwrap())
    };
    let (plan, would) = plan_of(world.change(&name, "sent")).await;
    assert_eq!(plan, [(OperationKind::Capture, 700), (OperationKind::Release, 300)]);
    assert!(would.pending_status_change.is_some() || status_id(&would) == "sent");
    let (plan, _) = plan_of(world.change(&name, "cancelled").restock(false)).await;
    assert_eq!(plan, [(OperationKind::Void, 1_000)]);
    let (plan, would) = plan_of(world.change(&name, "processing")).await;
    assert_eq!((plan.len(), status_id(&would)), (0, "processing"));
    assert_eq!(world.get(&name).await, order, "nothing of it was stored");
    assert_eq!(world.book().entries(&reference).len(), 1);
}

async fn an_order_can_be_asked_for_before_it_is_placed(world: World) {
    world.stock("CUP", 5).await;
    let head = world.revision().await;
    let reference = world.reference("");
    let draft = || {
        let draft = world.draft(0).with(|order| order.lines.clear());
        draft.goods("CUP", "Kopp", 2, 450, 2_500).payment("klarna", &reference, 900)
    };
    let answer = draft().validate_only().send().await.unwrap();
    let order = answer.order.unwrap();
    assert_eq!((order.name.as_str(), status_id(&order)), ("", "not-processed"));
    assert_eq!(order.totals.unwrap().vat_minor, 180);
    let plan = answer.receipt.unwrap().plan;
    let [effect] = plan.as_slice() else { panic!("{plan:?}") };
    assert_eq!((effect.kind(), effect.amount_minor), (OperationKind::Authorize, 900));
    assert_eq!((world.revision().await, world.on_hand("CUP").await), (head, 5));
    assert!(world.book().reservation(&reference).is_none(), "nobody was called");
    assert_eq!(world.place(draft()).await.number, 1001, "no number was taken");
}

async fn an_answer_waits_no_longer_than_asked(world: World) {
    let bought = world.buy(900, "capture=slow:3s").await;
    let short = std::time::Duration::from_millis(100);
    let id = request_id();
    let answer = world.change(&bought.name, "sent").wait(short).request_id(&id).send().await;
    let answer = answer.unwrap();
    assert!(!answer.receipt.unwrap().settled);
    assert!(answer.order.unwrap().pending_status_change.is_some());
    // `wait` is not content: the same command may be repeated to wait on.
    let answer =
        world.change(&bought.name, "sent").wait(WAIT).request_id(&id).send().await.unwrap();
    let receipt = answer.receipt.unwrap();
    assert!(receipt.replayed && receipt.settled, "{receipt:?}");
    assert_eq!(status_id(&answer.order.unwrap()), "sent");

    let placed = world.draft(900).payment("card", world.reference("authorize=slow:500ms"), 900);
    let answer = placed.wait(WAIT).send().await.unwrap();
    assert!(answer.receipt.unwrap().settled);
    assert_eq!(answer.order.unwrap().payment_state(), proto::PaymentState::Authorized);
}

async fn a_malformed_envelope_is_refused(world: World) {
    let bought = world.buy(900, "").await;
    let head = world.revision().await;
    for id in ["7", "not-a-uuid", "00000000-0000-0000-0000-000000000000", "\u{7f}"] {
        let outcome = world.change(&bought.name, "processing").request_id(id).send().await;
        assert_eq!(wrong_fields(outcome), ["request_id"], "{id:?}");
    }
    for (seconds, nanos) in [(61, 0), (-1, 0), (0, -1), (i64::MAX, 999_999_999)] {
        let mut request = world.change(&bought.name, "processing").into_request();
        request.wait = Some(prost_types::Duration { seconds, nanos });
        let outcome = world.client.change_order_status(request).await;
        assert_eq!(wrong_fields(outcome), ["wait"], "{seconds}");
    }
    let long = "x".repeat(101);
    let outcome = world.change(&bought.name, "processing").etag(long.as_str().into()).send().await;
    assert_eq!(wrong_fields(outcome), ["etag"]);
    let nobody = world.client.with_actor(&"x".repeat(101)).unwrap();
    let outcome = nobody.change_status(&bought.name, &world.status("processing")).send().await;
    assert_eq!(wrong_fields(outcome), ["actor"]);
    assert_eq!(world.revision().await, head);
    // Without an id the server makes one.
    let request = world.change(&bought.name, "processing").into_request();
    assert!(request.request_id.is_empty());
    let receipt = world.client.change_order_status(request).await.unwrap().receipt.unwrap();
    assert!(!receipt.request_id.is_empty());
    eventually("the log names who did it", async || {
        let history = world.history(&bought.name).await;
        let last = history.last().unwrap();
        (last.actor == "test" && last.request_id == receipt.request_id).then_some(())
    })
    .await;
}
