//! Doubts, kills and holds: whatever befalls a label on its way, there is one consignment in the end.

use std::sync::Arc;

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{self, CargonizerIntegration, ConnectionState, LabelState};
use order_tests::fakes::{Effect, Trouble};

use super::{PRINTER, Stage, cargonizer};
use crate::harness::standstill::Standstill;
use crate::harness::{Backend, WAIT, depth, eventually, problems, refused, request_id};

trials! {
    own: [
        every_doubt_is_ended_by_a_look,
        a_kill_at_any_point_makes_one_consignment,
        a_kill_between_answer_and_record_is_survived,
        labels_wait_for_their_integration_and_can_be_given_up,
        a_label_that_waits_for_long_is_told_and_can_be_given_up,
        many_callers_make_one_consignment,
    ];
}

/// Later than the first look, and earlier than anybody may think that it was not done.
const LATE_MILLIS: u64 = 8_000;

/// Silence, a line that breaks and a fault of theirs, each before it is done and after.
fn doubts() -> Vec<Trouble> {
    let effects = [
        Effect::Silence,
        Effect::HangUp,
        Effect::answer(408, "", "Too late"),
        Effect::answer(500, "", "Oops"),
        Effect::answer(502, "", "Deploying"),
    ];
    let befall = |effect| Trouble::of("consignment", effect);
    let before = effects.clone().map(befall);
    let after = effects.map(|effect| befall(effect).once_done());
    [before, after].concat()
}

async fn every_doubt_is_ended_by_a_look(backend: Backend) {
    let stage = Arc::new(Stage::set(backend).await);
    let fake = &stage.fake;
    let mut asked = Vec::new();
    // One after the other, so that each trouble befalls its own; what follows goes on at once.
    for trouble in doubts() {
        let name = stage.sent().await;
        let told = format!("{trouble:?}");
        fake.trouble(trouble);
        let reference = stage.ask(&name).await;
        eventually(&told, async || {
            (fake.book().calls("consignment", &reference) > 0).then_some(())
        })
        .await;
        // Whoever looks for parts of references finds these, too.
        stage.decoys(&reference).await;
        asked.push((name, reference, told));
    }
    // A look before that fails costs a moment, and nothing is made meanwhile.
    let name = stage.sent().await;
    fake.trouble(Trouble::of("search", Effect::answer(502, "", "Deploying")));
    let reference = stage.ask(&name).await;
    asked.push((name, reference, "a search that fails".to_owned()));
    // Made when the first look has found nothing.
    let name = stage.sent().await;
    fake.trouble(Trouble::of("consignment", Effect::Late { millis: LATE_MILLIS }));
    let reference = stage.ask(&name).await;
    eventually("it is under way", async || fake.is_working_on(&reference).then_some(())).await;
    asked.push((name, reference, "late".to_owned()));
    for (name, reference, told) in &asked {
        let order = stage.world.labelled(name).await;
        let label = &order.labels[0];
        assert_eq!((label.state(), problems(&order)), (LabelState::Made, vec![]), "{told}");
        let made: Vec<String> =
            fake.book().done_to("consignment", reference).map(|done| done.id.clone()).collect();
        assert_eq!(made, [label.consignment_id.as_str()], "{told}: one, and the one that is shown");
    }
    stage.check().await;
}

async fn a_kill_at_any_point_makes_one_consignment(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    // A hundredfold in all: deeper and oftener.
    let times = depth().isqrt();
    for _ in 0..times {
        let mut asked = Vec::new();
        for _ in 0..times {
            asked.extend(befallen(&stage).await);
        }
        // A label that is being printed.
        let name = stage.sent().await;
        let order = world.client.label(&name).wait(WAIT).send().await.unwrap().order.unwrap();
        let reference = order.labels[0].reference.clone();
        fake.trouble(Trouble::of("print", Effect::Silence).about(&reference).once_done());
        world.client.label(&name).printer(PRINTER.to_string()).send().await.unwrap();
        eventually("it is printed", async || (!stage.printed(&reference).is_empty()).then_some(()))
            .await;
        world.server.kill().await;
        world.server.start().await;
        for (name, reference, told) in &asked {
            let order = world.labelled(name).await;
            let found = (order.labels[0].state(), problems(&order));
            assert_eq!(found, (LabelState::Made, vec![]), "{told}");
            assert_eq!(stage.made(reference), 1, "{told}");
        }
        let order = world.labelled(&name).await;
        assert_eq!(problems(&order), ["PRINT_UNKNOWN"]);
        assert_eq!((stage.printed(&reference).len(), stage.made(&reference)), (1, 1));
    }
    stage.check().await;
}

/// Labels that have come as far as they can: called and not done; done and not heard; found and not
/// heard; durable and maybe called.
async fn befallen(stage: &Stage) -> Vec<(OrderName, String, String)> {
    let mut asked = Vec::new();
    for trouble in [
        Some(Trouble::of("consignment", Effect::Silence)),
        Some(Trouble::of("consignment", Effect::Silence).once_done()),
        Some(Trouble::of("consignment", Effect::HangUp)),
        Some(Trouble::of("consignment", Effect::HangUp).once_done()),
        Some(Trouble::of("search", Effect::Silence)),
        None,
    ] {
        let name = stage.sent().await;
        let told = format!("{trouble:?}");
        let operation = trouble.as_ref().map(|trouble| trouble.operation.clone());
        stage.fake.trouble(trouble.unwrap_or(Trouble::of("nothing", Effect::Silence)));
        let reference = stage.ask(&name).await;
        if let Some(operation) = operation {
            eventually("it is called", async || {
                (stage.fake.book().calls(&operation, &reference) > 0).then_some(())
            })
            .await;
        }
        asked.push((name, reference, told));
    }
    asked
}

/// A consignment that is made and a label that is printed, of which nobody could write down the answer:
/// the one is found, and of the other a person is told.
async fn a_kill_between_answer_and_record_is_survived(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let printed = stage.sent().await;
    let order = world.client.label(&printed).wait(WAIT).send().await.unwrap().order.unwrap();
    let paper = order.labels[0].reference.clone();
    fake.trouble(Trouble::of("print", Effect::Waiting).about(&paper));
    world.client.label(&printed).printer(PRINTER.to_string()).send().await.unwrap();
    let made = stage.sent().await;
    fake.trouble(Trouble::of("consignment", Effect::Waiting));
    let reference = stage.ask(&made).await;
    let both = [&paper, &reference];
    let standstill = Standstill::once_answered(&world.server.store, fake, &both).await;
    assert_eq!((stage.printed(&paper).len(), stage.made(&reference)), (1, 1));
    world.server.kill().await;
    standstill.end();
    world.server.start().await;
    let order = world.labelled(&made).await;
    assert_eq!((order.labels[0].state(), problems(&order)), (LabelState::Made, vec![]));
    assert_eq!(fake.book().calls("consignment", &reference), 1, "what is made is found");
    assert_eq!(problems(&world.labelled(&printed).await), ["PRINT_UNKNOWN"]);
    assert_eq!((stage.printed(&paper).len(), stage.made(&reference)), (1, 1));
    stage.check().await;
}

#[expect(clippy::too_many_lines, reason = "one story, told to its end")]
async fn labels_wait_for_their_integration_and_can_be_given_up(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake: _ } = &stage;
    let told = async |name: &OrderName, code: &str| {
        eventually("the order says why it waits", async || {
            let order = world.get(name).await;
            problems(&order).contains(&code).then_some(order)
        })
        .await
    };
    let (waiting, given_up) = (stage.sent().await, stage.sent().await);
    world.disable("cargonizer", true).await;
    let reference = stage.ask(&waiting).await;
    let lost = stage.ask(&given_up).await;
    told(&waiting, "INTEGRATION_DISABLED").await;
    let order = told(&given_up, "INTEGRATION_DISABLED").await;
    let anew = world.client.label(&waiting).new_consignment().send().await;
    refused(anew, Code::EffectPending);
    let request = proto::DismissProblemRequest {
        name: order.name.clone(),
        problem_id: order.problems[0].id,
        reason: "hentes i butikken".to_owned(),
        ..proto::DismissProblemRequest::default()
    };
    let order = world.client.dismiss_problem(request).await.unwrap().order.unwrap();
    assert_eq!((order.labels[0].state(), problems(&order).len()), (LabelState::Withdrawn, 0));

    // Neither the key nor the sender may be wrong.
    let set = async |path: &str, change: fn(&mut CargonizerIntegration)| {
        world.reintegrate("cargonizer", &[path], cargonizer(change)).await.unwrap();
    };
    set("cargonizer.api_key", |one| one.api_key = "feil".to_owned()).await;
    world.disable("cargonizer", false).await;
    let order = told(&waiting, "INTEGRATION_UNAUTHORIZED").await;
    assert_eq!(
        (problems(&order).len(), &*order.problems[0].details["provider"]),
        (1, "cargonizer")
    );
    assert_eq!(
        world.connection("cargonizer").await.state(),
        ConnectionState::CredentialsRefused,
        "401"
    );
    set("cargonizer.sender_id", |one| one.sender_id = "7890".to_owned()).await;
    set("cargonizer.api_key", |_| {}).await;
    let tested = world.connection("cargonizer").await;
    assert_eq!(tested.state(), ConnectionState::CredentialsRefused, "{tested:?}");
    assert!(tested.detail.contains("managership"), "{tested:?}");
    set("cargonizer.sender_id", |_| {}).await;
    let order = world.labelled(&waiting).await;
    assert_eq!((order.labels[0].state(), problems(&order)), (LabelState::Made, vec![]));
    assert_eq!((stage.made(&reference), stage.made(&lost)), (1, 0));
    // It keeps what it made: at another place nothing of it would be found.
    let moved = cargonizer(|one| one.stand_in_url = "http://127.0.0.1:1".to_owned());
    let moved = world.reintegrate("cargonizer", &["cargonizer.stand_in_url"], moved).await;
    refused(moved, Code::IntegrationInUse);

    // An erased customer gets no label any more, and nobody reads the one there is.
    let erased = stage.sent().await;
    stage.fake.trouble(Trouble::of("search", Effect::answer(503, "", "Later")).always());
    stage.ask(&erased).await;
    let email = crate::harness::world::CUSTOMER.1.to_owned();
    let identity = Some(proto::person::Identity::Email(email));
    let request = proto::EraseCustomerRequest {
        parent: (&world.shop).into(),
        person: Some(proto::Person { identity }),
        ..proto::EraseCustomerRequest::default()
    };
    eventually("the customer is erased", async || {
        world.client.erase_customer(request.clone()).await.ok()
    })
    .await;
    stage.fake.recover();
    let order = world.labelled(&erased).await;
    assert!(matches!(order.labels[0].state(), LabelState::Withdrawn | LabelState::Declined));
    assert_eq!(stage.made(&order.labels[0].reference), 0);
    refused(world.pdf(&waiting).await, Code::LabelNotFound);
    stage.check().await;
}

async fn a_label_that_waits_for_long_is_told_and_can_be_given_up(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let (printed, name) = (stage.sent().await, stage.sent().await);
    let order = world.client.label(&printed).wait(WAIT).send().await.unwrap().order.unwrap();
    let made = order.labels[0].reference.clone();
    fake.trouble(Trouble::of("search", Effect::answer(503, "", "Later")).always());
    fake.trouble(Trouble::of("print", Effect::answer(429, "", "Later")).always());
    let reference = stage.ask(&name).await;
    world.client.label(&printed).printer(PRINTER.to_string()).send().await.unwrap();
    eventually("both are tried", async || {
        let calls = |operation, about: &str| fake.book().calls(operation, about);
        (calls("search", &reference) > 0 && calls("print", &made) > 0).then_some(())
    })
    .await;
    // Not killed: a print whose answer was not stored yet would be in doubt.
    assert_eq!(world.server.stop().await, 0);
    let earlier = "UPDATE effects SET first_sent_at = first_sent_at - 3600000000 \
                   WHERE first_sent_at IS NOT NULL AND payment_key IS NULL";
    world.server.store.damage(earlier).await;
    world.server.start().await;
    let told = async |name: &OrderName, code: &str| {
        eventually(&format!("{name} says {code}"), async || {
            let order = world.get(name).await;
            (problems(&order) == [code]).then_some(order)
        })
        .await
    };
    // Nobody stands at the printer any more.
    let order = told(&printed, "PRINT_DECLINED").await;
    let details = &order.problems[0].details;
    assert_eq!(details["reason"], "CARRIER_UNAVAILABLE");
    assert!(details["provider_reason"].contains("HTTP 429 Later"), "{details:?}");
    let order = told(&name, "LABEL_UNKNOWN").await;
    let words = &order.problems[0].details["provider_reason"];
    assert!(words.starts_with("HTTP 503 Later"), "{words}");
    assert_eq!(order.labels[0].state(), LabelState::Unknown);
    let request = proto::DismissProblemRequest {
        name: order.name.clone(),
        problem_id: order.problems[0].id,
        reason: "hentes i butikken".to_owned(),
        ..proto::DismissProblemRequest::default()
    };
    let order = world.client.dismiss_problem(request).await.unwrap().order.unwrap();
    assert_eq!((order.labels[0].state(), problems(&order).len()), (LabelState::Withdrawn, 0));
    fake.recover();
    let order = world.client.label(&name).wait(WAIT).send().await.unwrap().order.unwrap();
    assert_eq!(order.labels[1].state(), LabelState::Made, "{order:?}");
    assert_eq!((stage.made(&reference), stage.made(&order.labels[1].reference)), (0, 1));
    stage.check().await;
}

async fn many_callers_make_one_consignment(backend: Backend) {
    const CALLERS: usize = 8;
    /// Each asks with all its callers, and a shop's queue is bounded.
    const ORDERS_AT_ONCE: usize = 20;
    let stage = Arc::new(Stage::set(backend).await);
    stage.fake.trouble(Trouble::of("consignment", Effect::Slow { millis: 50 }).always());
    let mut orders = Vec::new();
    for _ in 0..5 * depth() {
        orders.push((stage.sent().await, request_id()));
    }
    for some in orders.chunks(ORDERS_AT_ONCE) {
        let mut running = Vec::new();
        for (name, id) in some {
            for caller in 0..CALLERS {
                let (stage, name, id) = (Arc::clone(&stage), name.clone(), id.clone());
                running.push(tokio::spawn(async move {
                    // Half of them send the same command.
                    let id = if caller % 2 == 0 { id } else { request_id() };
                    let asked = stage.world.client.label(&name).printer(PRINTER.to_string());
                    asked.request_id(id).wait(WAIT).send().await.unwrap().receipt.unwrap()
                }));
            }
        }
        for one in running {
            assert!(one.await.unwrap().settled);
        }
    }
    for (name, _) in &orders {
        let order = stage.world.labelled(name).await;
        let [label] = order.labels.as_slice() else { panic!("{order:?}") };
        assert_eq!(stage.made(&label.reference), 1);
        // As often as it was asked for, once it was made.
        let prints = stage.printed(&label.reference).len();
        assert_eq!(prints, label.prints.len());
        assert!((1..=1 + CALLERS / 2).contains(&prints), "{prints}");
    }
    stage.check().await;
}
