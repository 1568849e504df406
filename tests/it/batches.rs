//! Many orders at once (§2.9): the rule of each, told as it is known, repeatable by whoever hung up.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use order_rules::refusals::Code;
use order_sdk::proto::{
    self, BatchChangeOrderStatusRequest, BatchCounts, BatchOutcome, BatchState, NoteAudience,
};
use order_sdk::{Error, OrderName, StatusBatch};
use uuid::Uuid;

use crate::harness::audit::audit;
use crate::harness::world::status_id;
use crate::harness::{Backend, WAIT, World, depth, eventually};
use crate::harness::{refused, request_id, wrong_fields};

trials! {
    shared: [
        rule_2_9_each_order_has_the_outcome_of_its_own_rule,
        what_is_pending_is_told_again_when_its_money_has_moved,
        what_waits_too_long_stays_pending,
        a_repeat_tells_what_was_done_and_does_the_rest,
        each_order_is_changed_by_an_ordinary_command_of_its_own,
        asking_tells_what_would_become_of_each_and_stores_nothing,
        a_wrong_batch_is_refused_as_a_whole,
        outcomes_are_told_in_the_caller_s_language,
        a_note_goes_to_every_order,
        others_are_not_held_up_by_a_large_batch,
    ];
    own: [
        who_hangs_up_and_comes_back_has_every_order_done_once,
        a_server_that_stops_is_asked_again_and_no_order_is_told_twice,
        a_server_that_is_killed_is_asked_again_and_no_money_moves_twice,
    ];
}

/// Places so many orders without effects to come, and answers their names.
async fn orders(world: &World, count: usize) -> Vec<OrderName> {
    let place = |_| async { world.draft(0).send().await.unwrap().order.unwrap() };
    let placed = futures_util::stream::iter(0..count).map(place).buffered(64);
    placed.map(|order| order.name.parse().unwrap()).collect().await
}

fn batch(world: &World, status: &str, orders: &[OrderName]) -> StatusBatch {
    world.client.change_statuses(&world.shop, &world.status(status)).orders(orders.iter().cloned())
}

/// Everything a batch tells: each order's outcomes, and the last counts.
async fn told(batch: StatusBatch) -> (BTreeMap<i64, Vec<BatchOutcome>>, BatchCounts) {
    let messages: Vec<_> = batch.open().try_collect().await.unwrap();
    let mut outcomes: BTreeMap<i64, Vec<BatchOutcome>> = BTreeMap::new();
    let mut last = None;
    for message in messages {
        assert!(last.is_none(), "nothing comes after the message without an outcome");
        match message.outcome {
            Some(outcome) => {
                let name: OrderName = outcome.name.parse().unwrap();
                outcomes.entry(name.number()).or_default().push(outcome);
            }
            None => last = message.counts,
        }
    }
    (outcomes, last.expect("the last message has the counts"))
}

fn counts(done: i32, pending: i32, refused: i32) -> BatchCounts {
    BatchCounts { total: done + pending + refused, done, pending, refused, failed: 0 }
}

async fn rule_2_9_each_order_has_the_outcome_of_its_own_rule(world: World) {
    let paid = world.buy(900, "").await;
    world.complete(&paid.name).await.unwrap();
    let poor = world.buy(900, "capture=decline").await;
    let (plain, cancelled) = (world.buy(500, "").await, world.buy(400, "").await);
    world.cancel(&cancelled.name, false).await.unwrap();
    let missing = world.shop.order(4711).unwrap();
    let names = [&paid.name, &poor.name, &plain.name, &cancelled.name, &missing].map(Clone::clone);
    let (outcomes, end) = told(batch(&world, "sent", &names).wait(WAIT)).await;
    let last = |order: &OrderName| outcomes[&order.number()].last().unwrap();
    assert_eq!(last(&paid.name).state(), BatchState::Done, "it has the status already (1.6)");
    assert_eq!(last(&plain.name).state(), BatchState::Done);
    let declined = last(&poor.name);
    assert_eq!(
        (declined.state(), declined.code.as_str()),
        (BatchState::Refused, "CAPTURE_DECLINED")
    );
    assert!(!declined.details["provider_reason"].is_empty(), "{declined:?}");
    for (order, code) in [(&cancelled.name, "RESERVATION_GONE"), (&missing, "ORDER_NOT_FOUND")] {
        let outcome = last(order);
        assert_eq!((outcome.state(), outcome.code.as_str()), (BatchState::Refused, code));
        assert_eq!(outcome.message.lines().count(), 3, "title, cause, remedy: {outcome:?}");
    }
    assert_eq!(end, counts(2, 0, 3));
    assert_eq!(status_id(&world.get(&plain.name).await), "sent");
    assert_eq!(status_id(&world.get(&poor.name).await), "not-processed");
    // RESTOCK_REQUIRED is the rule of each order, too.
    let (outcomes, end) = told(batch(&world, "cancelled", std::slice::from_ref(&poor.name))).await;
    assert_eq!(outcomes[&poor.name.number()][0].code, "RESTOCK_REQUIRED");
    assert_eq!(end, counts(0, 0, 1));
    let restocked =
        batch(&world, "cancelled", std::slice::from_ref(&poor.name)).restock(true).wait(WAIT);
    assert_eq!(told(restocked).await.1, counts(1, 0, 0));
    audit(&world).await;
}

async fn what_is_pending_is_told_again_when_its_money_has_moved(world: World) {
    let mut names = Vec::new();
    for number in 0..6 {
        names.push(world.buy(700, if number == 5 { "capture=decline" } else { "" }).await.name);
    }
    let (outcomes, end) = told(batch(&world, "sent", &names).wait(WAIT)).await;
    for (place, name) in names.iter().enumerate() {
        let states: Vec<BatchState> =
            outcomes[&name.number()].iter().map(BatchOutcome::state).collect();
        let last = if place == 5 { BatchState::Refused } else { BatchState::Done };
        assert_eq!(states, [BatchState::Pending, last], "{name}");
    }
    assert_eq!(end, counts(5, 0, 1));
    audit(&world).await;
}

async fn what_waits_too_long_stays_pending(world: World) {
    let slow = world.buy(700, "capture=hang").await;
    let change =
        batch(&world, "sent", std::slice::from_ref(&slow.name)).wait(Duration::from_millis(300));
    let (outcomes, end) = told(change).await;
    let states: Vec<BatchState> =
        outcomes[&slow.name.number()].iter().map(BatchOutcome::state).collect();
    assert_eq!(states, [BatchState::Pending], "never twice with the same state");
    assert_eq!(end, counts(0, 1, 0));
}

async fn a_repeat_tells_what_was_done_and_does_the_rest(world: World) {
    let names = orders(&world, 20).await;
    let poor = world.buy(900, "capture=decline").await;
    let id = request_id();
    let (_, end) = told(batch(&world, "processing", &names[..12]).request_id(&id)).await;
    assert_eq!(end, counts(12, 0, 0));
    let head = world.revision().await;
    let (outcomes, end) = told(batch(&world, "processing", &names).request_id(&id)).await;
    assert_eq!(end, counts(20, 0, 0));
    for (place, name) in names.iter().enumerate() {
        assert_eq!(outcomes[&name.number()][0].replayed, place < 12, "{name}");
    }
    assert_eq!(world.revision().await, head + 8, "only the rest was done");
    // What an order did then is told, whatever it has become since.
    world.change(&names[0], "returned").send().await.unwrap();
    let (outcomes, _) = told(batch(&world, "processing", &names).request_id(&id)).await;
    let first = &outcomes[&names[0].number()][0];
    assert_eq!((first.state(), first.replayed), (BatchState::Done, true));
    // Other content under the same id is refused order by order.
    let (outcomes, _) = told(batch(&world, "returned", &names[..1]).request_id(&id)).await;
    assert_eq!(outcomes[&names[0].number()][0].code, "REQUEST_ID_REUSED");
    // A declined one is told as declined again, and is not tried again.
    let declined =
        batch(&world, "sent", std::slice::from_ref(&poor.name)).request_id(request_id()).wait(WAIT);
    let first = told(declined.clone()).await;
    let again = told(declined).await;
    let of = |told: &(BTreeMap<i64, Vec<BatchOutcome>>, BatchCounts)| {
        told.0[&poor.name.number()].last().unwrap().code.clone()
    };
    assert_eq!((of(&first), of(&again)), ("CAPTURE_DECLINED".to_owned(), of(&first)));
    assert_eq!(world.book().calls(&poor.reference, "capture"), 1);
    audit(&world).await;
}

async fn each_order_is_changed_by_an_ordinary_command_of_its_own(world: World) {
    let names = orders(&world, 2).await;
    let id = request_id();
    told(batch(&world, "processing", &names).request_id(&id)).await;
    for name in &names {
        let own = Uuid::new_v5(&id.parse().unwrap(), name.to_string().as_bytes()).to_string();
        let changed = world.history(name).await.into_iter().rfind(|event| event.request_id == own);
        assert_eq!(changed.unwrap().kind(), proto::EventKind::StatusChanged);
        let single = world.change(name, "processing").request_id(&own).send().await.unwrap();
        assert!(single.receipt.unwrap().replayed, "the same command, one order at a time");
    }
}

async fn asking_tells_what_would_become_of_each_and_stores_nothing(world: World) {
    let names = orders(&world, 3).await;
    let paid = world.buy(900, "").await;
    let missing = world.shop.order(4711).unwrap();
    let all = [names.clone(), vec![paid.name.clone(), missing]].concat();
    let head = world.revision().await;
    let (outcomes, end) = told(batch(&world, "sent", &all).validate_only().wait(WAIT)).await;
    assert_eq!(end, counts(3, 1, 1));
    let states: Vec<BatchState> =
        outcomes[&paid.name.number()].iter().map(BatchOutcome::state).collect();
    assert_eq!(states, [BatchState::Pending], "it would wait for its money");
    let asked = &outcomes[&paid.name.number()][0];
    assert_eq!((asked.plan[0].amount_minor, asked.currency_code.as_str()), (900, "NOK"));
    let single = world.change(&paid.name, "sent").validate_only().send().await.unwrap();
    assert_eq!(asked.plan, single.receipt.unwrap().plan, "as one order's own change plans it");
    for number in [names[0].number(), 4711] {
        assert!(outcomes[&number][0].plan.is_empty(), "{outcomes:?}");
    }
    assert_eq!(world.revision().await, head);
    let (done, _) = told(batch(&world, "sent", &all[3..4]).wait(WAIT)).await;
    assert!(done.values().flatten().all(|outcome| outcome.plan.is_empty()), "{done:?}");
}

async fn a_wrong_batch_is_refused_as_a_whole(world: World) {
    let names = orders(&world, 2).await;
    let head = world.revision().await;
    let text = |name: &OrderName| String::from(name);
    let right = BatchChangeOrderStatusRequest {
        parent: (&world.shop).into(),
        names: names.iter().map(text).collect(),
        status: (&world.status("processing")).into(),
        ..BatchChangeOrderStatusRequest::default()
    };
    let wrong = async |change: fn(&mut BatchChangeOrderStatusRequest)| {
        let mut request = right.clone();
        change(&mut request);
        let outcome = world.client.batch_change_order_status(request).next().await.unwrap();
        wrong_fields(outcome)
    };
    assert_eq!(wrong(|request| request.names.clear()).await, ["names"]);
    assert_eq!(wrong(|request| request.names.push(request.names[0].clone())).await, ["names[2]"]);
    let foreign = |request: &mut BatchChangeOrderStatusRequest| {
        request.names[1] = "shops/default/orders/1001".to_owned();
    };
    assert_eq!(wrong(foreign).await, ["names[1]"]);
    let malformed = |request: &mut BatchChangeOrderStatusRequest| {
        request.names[0] = "1001".to_owned();
        request.request_id = "7".to_owned();
        request.status = "sent".to_owned();
        request.restock = 9;
        request.note = Some(proto::Note::default());
        request.wait = Some(prost_types::Duration { seconds: 61, nanos: 0 });
    };
    let fields = wrong(malformed).await;
    for field in ["names[0]", "request_id", "status", "restock", "note.text", "wait"] {
        assert!(fields.iter().any(|wrong| wrong == field), "{field}: {fields:?}");
    }
    let many = |request: &mut BatchChangeOrderStatusRequest| {
        let shop = request.parent.clone();
        request.names = (1..=10_001).map(|number| format!("{shop}/orders/{number}")).collect();
    };
    assert_eq!(wrong(many).await, ["names"]);
    let nowhere = BatchChangeOrderStatusRequest {
        parent: "shops/nowhere".to_owned(),
        names: vec!["shops/nowhere/orders/1".to_owned()],
        status: "shops/nowhere/orderStatuses/sent".to_owned(),
        ..BatchChangeOrderStatusRequest::default()
    };
    let outcome = world.client.batch_change_order_status(nowhere).next().await.unwrap();
    refused(outcome, Code::ShopNotFound);
    assert_eq!(world.revision().await, head, "nothing of a wrong batch is done");
}

async fn outcomes_are_told_in_the_caller_s_language(world: World) {
    let client = world.client.with_language("nb").unwrap();
    let world = World { client, ..world };
    let (outcomes, _) = told(batch(&world, "sent", &[world.shop.order(4711).unwrap()])).await;
    let message = &outcomes[&4711][0].message;
    assert!(message.contains("ikke") || message.contains("finnes"), "{message}");
}

async fn a_note_goes_to_every_order(world: World) {
    let names = orders(&world, 3).await;
    let noted = batch(&world, "processing", &names).note(NoteAudience::Internal, "Pakk godt");
    told(noted).await;
    for name in &names {
        assert_eq!(world.get(name).await.notes[0].text, "Pakk godt");
    }
}

async fn others_are_not_held_up_by_a_large_batch(world: World) {
    let names = orders(&world, 300).await;
    let other = orders(&world, 1).await;
    let mut outcomes = batch(&world, "processing", &names).open();
    // The reader stands still after the first: the service holds no more than a window for it.
    outcomes.next().await.unwrap().unwrap();
    world.change(&other[0], "processing").send().await.unwrap();
    world.place(world.draft(0)).await;
    let rest: Vec<_> = outcomes.try_collect().await.unwrap();
    assert_eq!(rest.last().unwrap().counts, Some(counts(300, 0, 0)));
}

/// Sizes of batches, 300 orders by the depth in all; one batch has at most 10,000.
fn large() -> impl Iterator<Item = usize> {
    const BATCH_MAX: usize = 10_000;
    let all = 300 * usize::try_from(depth()).unwrap();
    (0..all).step_by(BATCH_MAX).map(move |begun| (all - begun).min(BATCH_MAX))
}

async fn who_hangs_up_and_comes_back_has_every_order_done_once(backend: Backend) {
    let world = World::own(backend, &[]).await;
    for size in large() {
        hang_up_and_come_back(&world, size).await;
    }
}

async fn hang_up_and_come_back(world: &World, size: usize) {
    let names = orders(world, size).await;
    let head = world.revision().await;
    let id = request_id();
    let whole = || batch(world, "processing", &names).request_id(&id);
    for seen in [1, 40, 90] {
        let mut outcomes = whole().open();
        for _ in 0..seen {
            outcomes.next().await.unwrap().unwrap();
        }
        drop(outcomes);
    }
    let (outcomes, end) = told(whole()).await;
    assert_eq!(end, counts(i32::try_from(names.len()).unwrap(), 0, 0));
    assert!(outcomes.values().any(|told| told[0].replayed));
    let done = world.revision().await - head;
    assert_eq!(done, i64::try_from(names.len()).unwrap(), "each was changed once");
    for name in names.iter().step_by(17) {
        assert_eq!(status_id(&world.get(name).await), "processing");
    }
}

/// How a server goes away in the middle of a batch.
#[derive(Clone, Copy)]
enum End {
    Stops,
    IsKilled,
}

impl World {
    /// Through a client that asks again for as long as it takes.
    fn patient(&self) -> Self {
        let patient = order_sdk::RetryPolicy::default().attempts(60);
        Self { client: self.client.with_retry(patient), ..self.clone() }
    }

    /// Each state of each order that a batch tells while the server goes away and comes back, and the
    /// last counts.
    async fn interrupted(
        &self,
        batch: StatusBatch,
        end: End,
    ) -> (Vec<(String, BatchState)>, Option<BatchCounts>) {
        let mut outcomes = batch.open();
        let mut told = Vec::new();
        let mut last = None;
        let mut has_ended = false;
        while let Some(message) = outcomes.next().await {
            let message: Result<_, Error> = message;
            let message = message.unwrap();
            match message.outcome {
                Some(outcome) => told.push((outcome.name.clone(), outcome.state())),
                None => last = message.counts,
            }
            if told.len() == 20 && !has_ended {
                has_ended = true;
                match end {
                    End::Stops => drop(self.server.stop().await),
                    End::IsKilled => self.server.kill().await,
                }
                self.server.start().await;
            }
        }
        assert!(has_ended);
        (told, last)
    }
}

async fn a_server_that_stops_is_asked_again_and_no_order_is_told_twice(backend: Backend) {
    let world = World::own(backend, &[]).await;
    for size in large() {
        stop_in_the_middle(&world, size).await;
    }
}

async fn stop_in_the_middle(world: &World, size: usize) {
    let names = orders(world, size).await;
    let head = world.revision().await;
    let whole = batch(&world.patient(), "processing", &names);
    let (mut told, last) = world.interrupted(whole, End::Stops).await;
    assert_eq!(last, Some(counts(i32::try_from(names.len()).unwrap(), 0, 0)));
    let count = told.len();
    told.sort();
    told.dedup();
    assert_eq!((told.len(), count), (names.len(), names.len()), "each was told once");
    let done = eventually("all is done", async || Some(world.revision().await - head)).await;
    assert_eq!(done, i64::try_from(names.len()).unwrap(), "each was changed once");
}

async fn a_server_that_is_killed_is_asked_again_and_no_money_moves_twice(backend: Backend) {
    let world = World::own(backend, &["--call-timeout", "3s"]).await;
    // With room in the batch for those that are paid.
    let size = large().next().unwrap() - 10;
    let mut names = orders(&world, size).await;
    let mut paid = Vec::new();
    for (place, trouble) in
        ["", "capture=slow:500ms", "capture=timeout-after:500ms", "", "capture=slow:2s"]
            .into_iter()
            .enumerate()
    {
        let bought = world.buy(900, trouble).await;
        // Some are captured when it is killed, others are still to come.
        names.insert(if place < 3 { place } else { names.len() }, bought.name.clone());
        paid.push(bought);
    }
    let id = request_id();
    let whole = || batch(&world.patient(), "sent", &names).request_id(&id).wait(WAIT);
    let (seen, last) = world.interrupted(whole(), End::IsKilled).await;
    let total = i32::try_from(names.len()).unwrap();
    assert_eq!(last, Some(counts(total, 0, 0)));
    let mut done: Vec<&String> =
        seen.iter().filter(|(_, state)| *state == BatchState::Done).map(|(name, _)| name).collect();
    let count = done.len();
    done.sort();
    done.dedup();
    assert_eq!(
        (done.len(), count),
        (names.len(), names.len()),
        "each was told once that it is done"
    );
    for bought in &paid {
        assert_eq!(status_id(&world.settled(&bought.name).await), "sent");
        assert_eq!(world.book().done(&bought.reference, "capture"), [900], "{}", bought.name);
    }
    for name in names.iter().step_by(17) {
        let history = world.history(name).await;
        let moved = history.iter().filter(|event| event.kind() == proto::EventKind::StatusChanged);
        assert_eq!(moved.count(), 1, "{name}");
    }
    let head = world.revision().await;
    assert_eq!(told(whole()).await.1, counts(total, 0, 0));
    assert_eq!(world.revision().await, head, "a repeat does nothing");
    audit(&world).await;
}
