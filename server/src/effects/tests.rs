//! Tests of the runner: real turns, a real store and the sandbox, on SQLite and, where
//! `ORDER_TEST_POSTGRES` names a server, on PostgreSQL.

mod log;
mod stage;
mod told;

use std::time::Duration;

use order_rules::effects::EffectState::{Accepted, Declined, Done, Pending, Sent, Unknown};
use order_rules::effects::{KEY_WINDOW_MICROS, last_send_after};
use order_rules::refusals::{Code, Refusal};

use self::stage::{Plan, Stage, now, on_both};
use crate::commands::Failure;
use crate::store::claims::Lane;
use crate::store::on_either;
use crate::terms::effect_state_stored;

const SECOND: i64 = 1_000_000;

/// A reference, the outcomes handed in for its one capture, in order, and where it ends.
const ENDINGS: [(&str, &[&str], order_rules::effects::EffectState); 8] = [
    ("plain", &["succeeded"], Done),
    ("p~capture=decline", &["declined"], Declined),
    ("p~capture=expired", &["declined"], Declined),
    ("p~capture=slow:300ms", &["succeeded"], Done),
    ("p~capture=later:2s", &["accepted", "succeeded"], Done),
    ("p~capture=later-decline:2s", &["accepted", "declined"], Declined),
    ("p~capture=timeout-after:10ms", &["succeeded"], Done),
    ("p~capture=unavailable:1s", &["succeeded"], Done),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_call_ends_as_the_provider_says() {
    on_both(async |stage| {
        let running = stage.start();
        let mut keys = Vec::new();
        for (number, (reference, ..)) in (1..).zip(ENDINGS) {
            stage.authorize(reference).await;
            keys.push(stage.plan(Plan::capture(number, reference)).await);
        }
        for (key, (reference, outcomes, state)) in keys.into_iter().zip(ENDINGS) {
            stage.until_state(key, state).await;
            assert_eq!(stage.handed_in(key), outcomes, "{reference}");
            let captures = stage.calls(reference).iter().filter(|call| !call.is_look_up).count();
            assert_eq!(captures > 1, reference.contains("unavailable"), "{reference}");
        }
        running.drain().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_never_done_is_sent_again_after_two_looks() {
    on_both(async |stage| {
        let running = stage.start();
        let reference = "p~capture=timeout-before:10ms";
        stage.authorize(reference).await;
        let key = stage.plan(Plan::capture(1, reference)).await;
        stage.until_state(key, Unknown).await;
        stage
            .edit(key, |effect| {
                let long_ago = effect.last_sent_at.map(|time| time - 40 * SECOND);
                effect.last_sent_at = long_ago;
                effect.first_sent_at = long_ago;
            })
            .await;
        stage.until_state(key, Done).await;
        let calls: Vec<bool> = stage.calls(reference).iter().map(|call| call.is_look_up).collect();
        assert_eq!(calls, [false, true, true, false]);
        let keys: std::collections::BTreeSet<String> =
            stage.calls(reference).into_iter().map(|call| call.key).collect();
        assert_eq!(keys.len(), 1, "both calls have the same key");
        assert_eq!(stage.effect(key).await.attempt, 2);
        running.drain().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_payment_is_served_in_sequence() {
    on_both(async |stage| {
        let reference = "p~capture=slow:200ms";
        stage.authorize(reference).await;
        let mut keys = vec![stage.plan(Plan::capture(1, reference)).await];
        for _ in 0..3 {
            keys.push(stage.plan(Plan { amount_minor: 10, ..Plan::capture(1, reference) }).await);
        }
        let running = stage.start();
        for key in &keys {
            stage.until_state(*key, Done).await;
        }
        let arrived: Vec<i64> =
            stage.calls(reference).iter().map(|call| call.received_at).collect();
        assert_eq!(arrived.len(), 4);
        for pair in arrived.windows(2) {
            assert!(pair[1] - pair[0] >= 200_000, "{arrived:?}");
        }
        let finished: Vec<i64> = stage.log.finished();
        assert_eq!(finished, keys);
        running.drain().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_hangs_delays_nobody_else() {
    on_both(async |stage| {
        for number in 1..=20 {
            let reference = format!("h{number}~capture=hang");
            stage.authorize(&reference).await;
            stage.plan(Plan { provider: "klarna", ..Plan::capture(number, &reference) }).await;
        }
        let running = stage.start();
        stage.until("eight calls", async || stage.all_calls().len() == 8).await;
        stage.authorize("plain").await;
        let key = stage.plan(Plan::capture(21, "plain")).await;
        stage.until_state(key, Done).await;
        let klarna = stage.all_calls().into_iter().filter(|call| call.provider == "klarna");
        assert_eq!(klarna.count(), 8);
        running.leave();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_has_sent_is_looked_up_when_its_lease_has_ended() {
    on_both(async |stage| {
        let running = stage.start();
        stage.authorize("done").await;
        let (done, held) = (Plan::capture(1, "done"), Plan::capture(2, "held"));
        stage.perform(&done).await;
        let begun = now();
        let sent = |plan: Plan, lease_until| Plan {
            sent_at: Some(begun - SECOND),
            lease: Some(("another", lease_until)),
            ..plan
        };
        let done = stage.plan(sent(done, begun - 1)).await;
        let held = stage.plan(sent(held, begun + 60 * SECOND)).await;
        stage.until_state(done, Done).await;
        let calls: Vec<bool> = stage.calls("done").iter().map(|call| call.is_look_up).collect();
        assert_eq!(calls, [false, true]);
        assert_eq!(stage.state(held).await, Sent);
        assert!(stage.calls("held").is_empty());
        running.drain().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_process_leaves_no_wait_behind_on_an_embedded_database() {
    let stage = Stage::sqlite().await;
    stage.authorize("done").await;
    let plan = Plan::capture(1, "done");
    stage.perform(&plan).await;
    let begun = now();
    let lease = Some(("dead", begun + 15 * SECOND));
    let key = stage.plan(Plan { sent_at: Some(begun), lease, ..plan }).await;
    let running = stage.start();
    stage.until_state(key, Done).await;
    assert!(now() < begun + 10 * SECOND, "it waited for the lease");
    running.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_ends_the_call() {
    on_both(async |stage| {
        let reference = "p~capture=slow:8s";
        stage.authorize(reference).await;
        let key = stage.plan(Plan::capture(1, reference)).await;
        let running = stage.start();
        stage.until("the call", async || !stage.calls(reference).is_empty()).await;
        let until = now() + 60 * SECOND;
        stage
            .edit(key, |effect| {
                effect.lease_owner = Some("another".to_owned());
                effect.lease_until = Some(until);
            })
            .await;
        tokio::time::sleep(Duration::from_secs(9)).await;
        assert!(stage.handed_in(key).is_empty());
        assert_eq!(stage.state(key).await, Sent);
        running.drain().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_is_bounded_and_frees_what_is_under_way() {
    on_both(async |stage| {
        let reference = "p~capture=hang";
        stage.authorize(reference).await;
        let key = stage.plan(Plan::capture(1, reference)).await;
        let running = stage.start();
        stage.until("the call", async || !stage.calls(reference).is_empty()).await;
        let drained = tokio::time::timeout(Duration::from_secs(13), running.drain()).await;
        assert!(drained.is_ok());
        let effect = stage.effect(key).await;
        assert_eq!(stage.state(key).await, Sent);
        assert!(effect.lease_until.is_some_and(|until| until <= now()), "{effect:?}");
        let late = stage.plan(Plan::capture(2, "late")).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(stage.state(late).await, Pending);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_unknown_too_long_is_told() {
    on_both(async |stage| {
        let running = stage.start();
        let reference = "p~read=unavailable";
        let sent_at = Some(now() - 16 * 60 * SECOND);
        let key = stage.plan(Plan { sent_at, ..Plan::capture(1, reference) }).await;
        stage.until("the outcome", async || !stage.handed_in(key).is_empty()).await;
        stage.until("a second look", async || stage.calls(reference).len() > 1).await;
        let effect = stage.effect(key).await;
        assert!(effect.needs_attention);
        assert_eq!(stage.state(key).await, Unknown);
        assert!(stage.handed_in(key).iter().all(|word| *word == "unknown"));
        let ids: std::collections::BTreeSet<_> = stage.log.request_ids(key).into_iter().collect();
        assert_eq!(ids.len(), 1, "it is one command, however often it is handed in");
        running.drain().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_for_for_long_is_told() {
    on_both(async |stage| {
        let running = stage.start();
        let [late, fresh] = ["p~capture=unavailable", "q~capture=unavailable"];
        stage.authorize(late).await;
        stage.authorize(fresh).await;
        let first_sent_at = Some(now() - 16 * 60 * SECOND);
        let key = stage.plan(Plan { first_sent_at, ..Plan::capture(1, late) }).await;
        stage.until("the outcome", async || !stage.handed_in(key).is_empty()).await;
        stage.until("a second try", async || stage.effect(key).await.attempt > 1).await;
        stage.until_state(key, Pending).await;
        assert!(stage.handed_in(key).iter().all(|word| *word == "held"));
        let ids: std::collections::BTreeSet<_> = stage.log.request_ids(key).into_iter().collect();
        assert_eq!(ids.len(), 1, "it is one command, however often it is handed in");
        let key = stage.plan(Plan::capture(2, fresh)).await;
        stage.until("two tries", async || stage.effect(key).await.attempt > 1).await;
        assert!(stage.handed_in(key).is_empty());
        running.drain().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_again_when_the_key_may_be_forgotten() {
    on_both(async |stage| {
        let first_sent_at = Some(now() - last_send_after(KEY_WINDOW_MICROS) - 1);
        let key = stage.plan(Plan { first_sent_at, ..Plan::capture(1, "old") }).await;
        stage.edit(key, |effect| effect.doubted_at = first_sent_at).await;
        let running = stage.start();
        stage.until("a person", async || stage.effect(key).await.due_at == i64::MAX).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert!(stage.calls("old").is_empty());
        assert!(stage.effect(key).await.needs_attention);
        assert_eq!(stage.handed_in(key), ["unknown"]);
        // What was certainly not done is done, however long ago it was first tried.
        stage.authorize("late").await;
        let key = stage.plan(Plan { first_sent_at, ..Plan::capture(2, "late") }).await;
        stage.until_state(key, Done).await;
        running.drain().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_is_handed_in_until_it_is_stored() {
    on_both(async |stage| {
        let away = || Failure::Unavailable { retry_after: Duration::from_secs(1) };
        stage.log.fail_with([away(), away(), away(), away()]);
        stage.authorize("plain").await;
        let key = stage.plan(Plan::capture(1, "plain")).await;
        let running = stage.start();
        stage.until_state(key, Done).await;
        assert_eq!(stage.handed_in(key), ["succeeded"; 5]);
        assert_eq!(stage.calls("plain").len(), 1);

        // Refused for good: the provider is asked again later, not called.
        let refused = || Failure::Refused(Box::new(Refusal::new(Code::Internal)));
        stage.log.fail_with([refused(), refused(), refused()]);
        stage.authorize("refused").await;
        let key = stage.plan(Plan::capture(2, "refused")).await;
        stage.until_state(key, Done).await;
        assert_eq!(stage.handed_in(key), ["succeeded"; 4]);
        let calls: Vec<bool> = stage.calls("refused").iter().map(|call| call.is_look_up).collect();
        assert_eq!(calls, [false, true]);
        running.drain().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runners_carry_out_everything_once() {
    on_both(async |stage| {
        let runners = [stage.start(), stage.start()];
        // The second has begun before there is anything that it could free.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut keys = Vec::new();
        for number in 1..=30 {
            let reference = format!("r{number}");
            stage.authorize(&reference).await;
            for _ in 0..2 {
                let plan = Plan { amount_minor: 50, ..Plan::capture(number, &reference) };
                keys.push(stage.plan(plan).await);
            }
        }
        for key in &keys {
            stage.until_state(*key, Done).await;
        }
        assert_eq!(stage.all_calls().len(), keys.len());
        for running in runners {
            running.drain().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_the_shop_no_longer_names_is_not_called() {
    on_both(async |stage| {
        let running = stage.start();
        let plan = Plan { provider: "gone", ..Plan::capture(1, "plain") };
        let key = stage.plan(plan).await;
        stage.until("a try", async || stage.effect(key).await.attempt > 0).await;
        stage.until_state(key, Pending).await;
        assert!(stage.all_calls().is_empty());
        running.drain().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_system_that_is_back_is_due_at_once() {
    on_both(async |stage| {
        let (soon, late) = (now() + 20 * SECOND, now() + 200 * SECOND);
        let cases = [
            ("vipps", Pending, soon, true),
            ("vipps", Unknown, soon, true),
            ("vipps", Accepted, late, true),
            // It wants to be left alone, or a person is to look.
            ("vipps", Pending, late, false),
            ("vipps", Unknown, i64::MAX, false),
            ("klarna", Pending, soon, false),
        ];
        let mut keys = Vec::new();
        for (number, (provider, state, due_at, _)) in (1..).zip(cases) {
            let plan = Plan { provider, ..Plan::capture(number, &format!("r{number}")) };
            let key = stage.plan(plan).await;
            stage.edit(key, |effect| effect.due_at = due_at).await;
            stage.edit(key, |effect| effect.state = effect_state_stored(state)).await;
            keys.push(key);
        }
        let lane = Lane::Provider("vipps".to_owned());
        let (store, shop) = (&stage.store, stage.shop_id);
        on_either!(store, database => database.lane_hasten(shop, lane).await).unwrap();
        for (key, case) in keys.into_iter().zip(cases) {
            let is_due = stage.effect(key).await.due_at <= now();
            assert_eq!(is_due, case.3, "{case:?}");
        }
        // Of mails there is none here.
        on_either!(store, database => database.lane_hasten(shop, Lane::Mail).await).unwrap();
    })
    .await;
}
