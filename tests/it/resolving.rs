//! Deciding between duplicates: one command for the article's two steps (§7).

pub(crate) mod flagged;
pub(crate) mod races;

use order_rules::refusals::Code;
use order_sdk::proto::{
    self, DuplicateResolution as Became, EventKind, LabelWork, MovementReason, OperationKind,
    PaymentState,
};
use order_sdk::{OrderName, Resolution};

use crate::harness::audit::audit;
use crate::harness::{Bought, WAIT, World, problems, refused, status_id, wrong_fields};

trials! {
    shared: [
        rule_7_5_one_command_captures_and_then_drops,
        rule_7_5_without_a_status_the_reservation_stays,
        rule_7_5_a_decline_leaves_the_twin,
        rule_7_5_a_set_is_resolved_however_it_came_about,
        rule_7_5_it_waits_through_every_kind_of_answer,
        rule_7_5_it_is_taken_back_while_nothing_was_sent,
        the_plan_is_told_before_anything_happens,
        what_cannot_be_resolved_is_refused,
        wrong_fields_are_told_all_at_once,
    ];
}

impl World {
    async fn twin_of(&self, first: &Bought, sku: &str) -> OrderName {
        let draft = self.one_cup(first.order.totals.as_ref().unwrap().gross_minor, sku);
        let draft = draft.payment("klarna", &first.reference, 900);
        self.place(draft).await.name.parse().unwrap()
    }

    fn one_cup(&self, total: i64, sku: &str) -> order_sdk::OrderDraft {
        let draft = self.draft(0).with(|order| order.lines.clear());
        draft.goods(sku, "Kopp", 1, total, 2_500)
    }

    async fn buy_one_cup(&self, orders: &str) -> Bought {
        let reference = self.reference(orders);
        let order = self.place(self.one_cup(900, "CUP").payment("klarna", &reference, 900)).await;
        Bought { name: order.name.parse().unwrap(), reference, order }
    }

    fn keep_one(&self, keep: &OrderName, drop: &OrderName) -> Resolution {
        self.client.keep(keep).drop(drop)
    }

    fn complete_kept(&self, keep: &OrderName, drop: &OrderName) -> Resolution {
        self.keep_one(keep, drop).restock(true).complete_as(&self.status("sent"))
    }

    async fn open_pairs(&self) -> Vec<i64> {
        let open = |filter: &mut proto::OrderFilter| filter.is_possible_duplicate = Some(true);
        let page = self.client.orders(&self.shop).filter(open).order_by("number").page().await;
        page.unwrap().items.iter().map(|order| order.number).collect()
    }

    async fn dismiss_pair(
        &self,
        order: &OrderName,
        other: &OrderName,
    ) -> Result<proto::DismissDuplicateResponse, order_sdk::Error> {
        let request = proto::DismissDuplicateRequest {
            name: order.into(),
            other: other.into(),
            ..proto::DismissDuplicateRequest::default()
        };
        self.client.dismiss_duplicate(request).await
    }
}

fn became(order: &proto::Order) -> Vec<Became> {
    order.duplicates.iter().map(proto::DuplicateLink::resolution).collect()
}

fn kinds(events: &[proto::Event]) -> Vec<EventKind> {
    events.iter().map(proto::Event::kind).collect()
}

async fn rule_7_5_one_command_captures_and_then_drops(world: World) {
    world.stock("CUP", 10).await;
    let first = world.buy_one_cup("").await;
    let twin = world.twin_of(&first, "CUP").await;
    assert_eq!(world.open_pairs().await, [1001, 1002]);
    let answer = world.complete_kept(&first.name, &twin).wait(WAIT).send().await.unwrap();
    let receipt = answer.receipt.unwrap();
    assert!(receipt.settled);
    assert_eq!(receipt.other_orders, [String::from(&twin)]);
    let kept = answer.order.unwrap();
    assert_eq!((status_id(&kept), kept.payment_state()), ("sent", PaymentState::Captured));
    assert_eq!(became(&kept), [Became::Kept]);
    let dropped = world.get(&twin).await;
    assert_eq!((status_id(&dropped), dropped.payment_state()), ("cancelled", PaymentState::None));
    assert_eq!(became(&dropped), [Became::Dropped]);
    assert!(kept.pending_resolution.is_none() && dropped.pending_resolution.is_none());
    assert!(world.open_pairs().await.is_empty());

    assert_eq!(world.on_hand("CUP").await, 9, "the goods of one are back");
    let request = proto::ListStockMovementsRequest {
        parent: world.shop.stock_item("CUP").unwrap().into(),
        ..proto::ListStockMovementsRequest::default()
    };
    let moved = world.client.list_stock_movements(request).await.unwrap().movements;
    assert_eq!(moved[0].reason(), MovementReason::Dropped);
    assert_eq!(world.book().done(&first.reference, "capture"), [900]);
    assert_eq!(world.book().calls(&first.reference, "void"), 0);

    let events = world.history(&twin).await;
    let told = kinds(&events);
    for kind in
        [EventKind::ResolutionRequested, EventKind::StatusChanged, EventKind::DuplicateResolved]
    {
        assert!(told.contains(&kind), "{kind:?}: {told:?}");
    }
    let resolved = events.last().unwrap().change.clone().unwrap();
    assert_eq!(resolved.other_order, String::from(&first.name));
    assert_eq!(resolved.resolution(), Became::Dropped);
    let told = kinds(&world.history(&first.name).await);
    assert!(told.contains(&EventKind::ResolutionRequested), "{told:?}");
    audit(&world).await;
}

async fn rule_7_5_without_a_status_the_reservation_stays(world: World) {
    world.stock("CUP", 10).await;
    let first = world.buy_one_cup("").await;
    let (second, third) = (world.twin_of(&first, "CUP").await, world.twin_of(&first, "CUP").await);
    let resolution = world.keep_one(&second, &first.name).drop(&third).restock(false);
    let answer = resolution.send().await.unwrap();
    let receipt = answer.receipt.unwrap();
    assert_eq!(receipt.other_orders, [String::from(&first.name), String::from(&third)]);
    assert!(receipt.plan.is_empty() && receipt.settled);
    let kept = answer.order.unwrap();
    assert_eq!(became(&kept), [Became::Kept, Became::Kept]);
    assert_eq!(kept.payment_state(), PaymentState::Authorized);
    assert_eq!(world.on_hand("CUP").await, 7, "nothing is put back");
    assert_eq!(world.book().calls(&first.reference, "void"), 0);
    let order = world.complete(&second).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), order.payment_state()), ("sent", PaymentState::Captured));
    for name in [&first.name, &third] {
        let dropped = world.get(name).await;
        assert_eq!(
            (status_id(&dropped), dropped.payment_state()),
            ("cancelled", PaymentState::None)
        );
    }
    audit(&world).await;
}

async fn rule_7_5_a_decline_leaves_the_twin(world: World) {
    world.stock("CUP", 10).await;
    let first = world.buy_one_cup("capture=decline").await;
    let twin = world.twin_of(&first, "CUP").await;
    let answer = world.complete_kept(&first.name, &twin).wait(WAIT).send().await.unwrap();
    let kept = answer.order.unwrap();
    assert_eq!((status_id(&kept), problems(&kept)), ("not-processed", vec!["CAPTURE_DECLINED"]));
    let order = world.get(&twin).await;
    assert_eq!((status_id(&order), problems(&order)), ("not-processed", vec![]));
    assert_eq!(became(&order), [Became::Open]);
    assert!(order.pending_resolution.is_none());
    assert_eq!(world.on_hand("CUP").await, 8);
    for name in [&first.name, &twin] {
        let told = kinds(&world.history(name).await);
        assert!(told.contains(&EventKind::ResolutionDropped), "{told:?}");
    }
    audit(&world).await;
}

async fn rule_7_5_a_set_is_resolved_however_it_came_about(world: World) {
    let first = world.buy(900, "").await;
    let twin = world.twin_of(&first, "").await;
    world.complete(&first.name).await.unwrap();
    assert_eq!(world.open_pairs().await, [1001, 1002], "two of them stand");
    // By hand, as in the article.
    let answer = world.cancel(&twin, false).await.unwrap();
    assert_eq!(answer.receipt.unwrap().other_orders, [String::from(&first.name)]);
    assert!(world.open_pairs().await.is_empty());
    assert_eq!(became(&world.get(&first.name).await), [Became::Kept]);
    world.change(&twin, "processing").send().await.unwrap();
    assert_eq!(world.open_pairs().await, [1001, 1002], "it is back");
    // The money is the other's, so it can only be dropped again.
    let resolution = world.keep_one(&first.name, &twin).restock(true);
    let kept = resolution.send().await.unwrap().order.unwrap();
    assert_eq!((status_id(&kept), became(&kept)), ("sent", vec![Became::Kept]));
    // What is resolved already is done.
    let again = world.keep_one(&first.name, &twin).restock(true).send().await.unwrap();
    assert_eq!(again.order.unwrap().revision, kept.revision);
    audit(&world).await;
}

async fn rule_7_5_it_waits_through_every_kind_of_answer(world: World) {
    world.stock("CUP", 100).await;
    let mut running = Vec::new();
    for orders in
        ["capture=timeout-after", "capture=later:1s", "capture=slow:1s", "authorize=later:1s"]
    {
        let reference = world.reference(orders);
        let draft = || world.one_cup(900, "CUP").payment("klarna", &reference, 900);
        let first = draft().send().await.unwrap().order.unwrap();
        let twin = draft().send().await.unwrap().order.unwrap();
        let (keep, drop) = (first.name.parse().unwrap(), twin.name.parse().unwrap());
        let waiting = world.complete_kept(&keep, &drop).send().await.unwrap().order.unwrap();
        let pending = waiting.pending_resolution.unwrap();
        assert_eq!(
            (pending.keep.as_str(), pending.drop.as_slice()),
            (&*first.name, &[twin.name][..])
        );
        assert_eq!(world.get(&drop).await.pending_resolution.unwrap(), pending);
        for status in ["processing", "sent"] {
            let refusal =
                refused(world.change(&drop, status).send().await, Code::StatusChangePending);
            assert_eq!(refusal.number("keep"), Some(first.number));
        }
        running.push((keep, drop, reference));
    }
    for (keep, drop, reference) in running {
        let kept = world.settled(&keep).await;
        assert_eq!(status_id(&kept), "sent", "{reference}: {kept:?}");
        let dropped = world.get(&drop).await;
        assert_eq!(status_id(&dropped), "cancelled", "{reference}");
        assert_eq!(world.book().done(&reference, "capture"), [900]);
        assert_eq!(world.book().calls(&reference, "void"), 0);
    }
    assert_eq!(world.on_hand("CUP").await, 96);
    audit(&world).await;
}

async fn rule_7_5_it_is_taken_back_while_nothing_was_sent(world: World) {
    let reference = world.reference("authorize=later:60m");
    let draft = || world.draft(900).payment("card", &reference, 900);
    let first: OrderName = draft().send().await.unwrap().order.unwrap().name.parse().unwrap();
    let twin: OrderName = draft().send().await.unwrap().order.unwrap().name.parse().unwrap();
    world.complete_kept(&first, &twin).send().await.unwrap();
    let withdraw = |name: &OrderName| {
        let request = proto::WithdrawStatusChangeRequest {
            name: name.into(),
            ..proto::WithdrawStatusChangeRequest::default()
        };
        world.client.withdraw_status_change(request)
    };
    refused(withdraw(&twin).await, Code::NoStatusChangePending);
    let answer = withdraw(&first).await.unwrap();
    assert_eq!(answer.receipt.unwrap().other_orders, [String::from(&twin)]);
    for name in [&first, &twin] {
        let order = world.get(name).await;
        assert!(order.pending_resolution.is_none() && order.pending_status_change.is_none());
        assert_eq!(became(&order), [Became::Open]);
    }
}

async fn the_plan_is_told_before_anything_happens(world: World) {
    let reference = world.reference("");
    let draft = || world.draft(900).payment("klarna", &reference, 1_000);
    let first: OrderName = world.place(draft()).await.name.parse().unwrap();
    let twin: OrderName = world.place(draft()).await.name.parse().unwrap();
    let head = world.revision().await;
    let resolution = world.complete_kept(&first, &twin).validate_only();
    let answer = resolution.send().await.unwrap();
    let plan: Vec<(OperationKind, i64)> = answer
        .receipt
        .unwrap()
        .plan
        .iter()
        .map(|effect| (effect.kind(), effect.amount_minor))
        .collect();
    assert_eq!(plan, [(OperationKind::Capture, 900), (OperationKind::Release, 100)]);
    assert!(answer.order.unwrap().pending_resolution.is_some());
    let answer = world.keep_one(&first, &twin).restock(true).validate_only().send().await.unwrap();
    assert!(answer.receipt.unwrap().plan.is_empty(), "nothing is asked of the provider");
    assert_eq!(became(&answer.order.unwrap()), [Became::Kept]);
    assert_eq!(world.revision().await, head);
    // So is what is left to be done by hand.
    let reference = world.reference("");
    let draft = || world.draft(900).payment("klarna", &reference, 700).payment("manual", "", 200);
    let kept: OrderName = world.place(draft()).await.name.parse().unwrap();
    let dropped: OrderName = world.place(draft()).await.name.parse().unwrap();
    let resolution = world.complete_kept(&kept, &dropped).validate_only();
    let plan = resolution.send().await.unwrap().receipt.unwrap().plan;
    let told: Vec<(i64, bool)> =
        plan.iter().map(|effect| (effect.amount_minor, effect.by_hand)).collect();
    assert_eq!(told, [(700, false), (200, true)]);
    // What the status starts by itself is told with it.
    let labels = proto::LabelSettings {
        integration: "klarna".to_owned(),
        transport_agreement: "1".to_owned(),
        product: "parcel".to_owned(),
        parcel_weight_grams: 1_000,
        automatic: true,
        printer: "1".to_owned(),
    };
    world.set("settings.labels", |settings| settings.labels = Some(labels)).await;
    let resolution = world.complete_kept(&first, &twin).validate_only();
    let plan = resolution.send().await.unwrap().receipt.unwrap().plan;
    let work: Vec<(OperationKind, LabelWork)> =
        plan.iter().map(|effect| (effect.kind(), effect.label())).collect();
    let nothing = OperationKind::Unspecified;
    assert_eq!(
        work,
        [
            (OperationKind::Capture, LabelWork::Unspecified),
            (nothing, LabelWork::Make),
            (nothing, LabelWork::Print),
            (OperationKind::Release, LabelWork::Unspecified),
        ]
    );
}

async fn what_cannot_be_resolved_is_refused(world: World) {
    let first = world.buy(900, "").await;
    let (twin, other) = (world.twin_of(&first, "").await, world.buy(900, "").await);
    let head = world.revision().await;
    let without = world.keep_one(&first.name, &twin);
    refused(without.send().await, Code::RestockRequired);
    let stranger = world.keep_one(&first.name, &other.name).restock(true);
    let refusal = refused(stranger.send().await, Code::NotADuplicate);
    assert_eq!(refusal.number("other"), Some(other.order.number));
    let nobody = world.keep_one(&first.name, &world.shop.order(9_999).unwrap()).restock(true);
    refused(nobody.send().await, Code::OrderNotFound);
    let returned = world.keep_one(&first.name, &twin).restock(true);
    let returned = returned.complete_as(&world.status("returned"));
    assert_eq!(wrong_fields(returned.send().await), ["complete_keep_as"]);
    let unknown = world.keep_one(&first.name, &twin).restock(true);
    let unknown = unknown.complete_as(&world.status("unheard-of"));
    refused(unknown.send().await, Code::StatusNotFound);
    assert_eq!(world.revision().await, head, "nothing is stored");

    world.cancel(&twin, false).await.unwrap();
    let cancelled = world.keep_one(&twin, &first.name).restock(true);
    refused(cancelled.send().await, Code::KeptOrderCancelled);
    world.change(&twin, "processing").send().await.unwrap();
    world.complete(&first.name).await.unwrap();
    let captured = world.keep_one(&twin, &first.name).restock(true);
    let refusal = refused(captured.send().await, Code::DuplicateAlreadyCaptured);
    assert_eq!(refusal.number("other"), Some(first.order.number));
}

async fn wrong_fields_are_told_all_at_once(world: World) {
    let first = world.buy(900, "").await;
    let other = world.shop.order(1).unwrap();
    let resolve = |change: fn(&mut proto::ResolveDuplicateRequest)| {
        let mut request = world.keep_one(&first.name, &other).restock(true).into_request();
        change(&mut request);
        world.client.resolve_duplicate(request)
    };
    let none = resolve(|request| {
        request.keep = "orders/1".to_owned();
        request.drop.clear();
        request.complete_keep_as = "sent".to_owned();
        request.request_id = "7".to_owned();
    });
    assert_eq!(wrong_fields(none.await), ["request_id", "keep", "drop", "complete_keep_as"]);
    let twice = resolve(|request| {
        let keep = request.keep.clone();
        request.drop.extend([request.drop[0].clone(), keep, "shops/x/orders/2".to_owned()]);
    });
    assert_eq!(wrong_fields(twice.await), ["drop[1]", "drop[2]", "drop[3]"]);
    let many = resolve(|request| request.drop = vec![request.drop[0].clone(); 11]);
    assert_eq!(wrong_fields(many.await), ["drop"]);
    assert_eq!(wrong_fields(world.dismiss_pair(&first.name, &first.name).await), ["other"]);
}
