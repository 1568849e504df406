//! What providers tell, in the store: kept once, followed up by one, and forgotten in time.

use std::time::Duration;

use super::stage::{Plan, Stage, now, on_both};
use crate::store::claims::Subject;
use crate::store::on_either;
use crate::store::rows::WebhookRow;

const HOUR: Duration = Duration::from_hours(1);
/// As many as the store answers with.
const TOLD_MAX: i64 = 2_000;

fn told(stage: &Stage, copy_key: &str, payment_reference: &str) -> WebhookRow {
    WebhookRow {
        shop_id: stage.shop_id,
        integration: "vipps".to_owned(),
        copy_key: copy_key.to_owned(),
        payment_reference: payment_reference.to_owned(),
        operation_key: None,
        event: "CAPTURED".to_owned(),
        is_success: true,
        reason: String::new(),
        amount_minor: 100,
        currency: "NOK".to_owned(),
        provider_reference: "psp".to_owned(),
        happened_at: None,
        received_at: 0,
        due_at: None,
        tries: 0,
    }
}

async fn store(stage: &Stage, row: WebhookRow) -> bool {
    on_either!(&stage.store, database => database.webhook_store(row).await).unwrap()
}

/// Copy keys of what is taken for an hour.
async fn take(stage: &Stage) -> Vec<WebhookRow> {
    let taken = on_either!(&stage.store, database => database.webhooks_take(10, HOUR).await);
    let mut taken: Vec<WebhookRow> = taken.unwrap().into_iter().map(|(row, _)| row).collect();
    taken.sort_by(|one, other| one.copy_key.cmp(&other.copy_key));
    taken
}

async fn put_off(stage: &Stage, row: WebhookRow, pause: Option<Duration>) {
    on_either!(&stage.store, database => database.webhook_put_off(row, pause).await).unwrap();
}

async fn trim(stage: &Stage, (before, hints_before): (i64, i64)) -> usize {
    let store = &stage.store;
    on_either!(store, database => database.webhooks_trim(before, hints_before).await).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_kept_once_and_forgotten_in_time() {
    on_both(async |stage| {
        // SQLite counts in milliseconds.
        let began = now() - 1_000;
        assert!(store(stage, told(stage, "1", "a")).await);
        assert!(!store(stage, told(stage, "1", "a")).await, "a copy");
        assert!(store(stage, told(stage, "2", "a")).await);
        let taken = take(stage).await;
        assert_eq!(taken.iter().map(|row| row.copy_key.as_str()).collect::<Vec<_>>(), ["1", "2"]);
        assert!(taken.iter().all(|row| row.tries == 1 && row.received_at >= began), "{taken:?}");
        assert_eq!(take(stage).await, [], "somebody else has them");

        let [first, second] = <[WebhookRow; 2]>::try_from(taken).unwrap();
        put_off(stage, first, None).await;
        put_off(stage, second, Some(Duration::ZERO)).await;
        let again = take(stage).await;
        assert_eq!(again.iter().map(|row| row.tries).collect::<Vec<_>>(), [2], "{again:?}");
        // Nothing is forgotten that is to be followed up, and nothing that is new.
        assert_eq!(trim(stage, (began, i64::MAX)).await, 0);
        assert_eq!(trim(stage, (i64::MAX, i64::MAX)).await, 1);
        // Hints are kept for a shorter time.
        let hint = WebhookRow { event: "PUSH".to_owned(), ..told(stage, "3", "a") };
        assert!(store(stage, hint).await);
        for row in take(stage).await {
            put_off(stage, row, None).await;
        }
        assert_eq!(trim(stage, (0, began)).await, 0);
        assert_eq!(trim(stage, (0, i64::MAX)).await, 1);
        assert!(store(stage, told(stage, "1", "a")).await, "nobody remembers it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_wakes_what_waits_for_its_payment() {
    on_both(async |stage| {
        let waiting = |order, reference: &str| {
            let sent_at = Some(now());
            Plan { sent_at, ..Plan::capture(order, reference) }
        };
        let late = now() + 3_600_000_000;
        let mut keys = Vec::new();
        for (order, reference) in [(1, "a"), (2, "b"), (3, "leased"), (4, "unsent")] {
            let plan = waiting(order, reference);
            keys.push(stage.plan(plan).await);
        }
        for key in &keys {
            stage.edit(*key, |effect| effect.due_at = late).await;
        }
        let [woken, other, leased, unsent] = <[i64; 4]>::try_from(keys).unwrap();
        stage.edit(leased, |effect| effect.lease_owner = Some("me".to_owned())).await;
        stage.edit(leased, |effect| effect.lease_until = Some(late)).await;
        stage.edit(unsent, |effect| effect.state = 0).await;
        for reference in ["a", "leased", "unsent"] {
            assert!(store(stage, told(stage, reference, reference)).await);
        }
        let mut due = Vec::new();
        for key in [woken, other, leased, unsent] {
            due.push(stage.effect(key).await.due_at < late);
        }
        assert_eq!(due, [true, false, false, false]);
        // A copy is nothing new.
        stage.edit(woken, |effect| effect.due_at = late).await;
        assert!(!store(stage, told(stage, "a", "a")).await);
        assert_eq!(stage.effect(woken).await.due_at, late);

        // Put away for a person, it is woken all the same.
        stage.edit(other, |effect| effect.due_at = i64::MAX).await;
        let look = async |key: i64| {
            on_either!(&stage.store, database => database.effect_look_now(key).await).unwrap()
        };
        assert_eq!(
            (look(other).await, look(leased).await, look(unsent).await),
            (true, false, false)
        );
        assert!(stage.effect(other).await.due_at <= now());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_is_in_the_order_in_which_it_happened_and_the_newest_of_it() {
    on_both(async |stage| {
        let [one, many] = [Plan::capture(1, "a"), Plan::capture(2, "b")];
        let [one, many] = [stage.plan(one).await, stage.plan(many).await];
        for (copy_key, happened_at) in [("last", 4), ("first", 1), ("second", 2), ("third", 3)] {
            let row = told(stage, copy_key, "a");
            assert!(store(stage, WebhookRow { happened_at: Some(happened_at), ..row }).await);
        }
        assert_eq!(claim(stage, one).await, ["first", "second", "third", "last"]);

        // What happened last comes first, and so much that not all of it is taken.
        for number in (0..=TOLD_MAX).rev() {
            let row = told(stage, &format!("{number:04}"), "b");
            assert!(store(stage, WebhookRow { happened_at: Some(number), ..row }).await);
        }
        let kept = claim(stage, many).await;
        assert_eq!(kept.len(), usize::try_from(TOLD_MAX).unwrap());
        let ends = [kept.first(), kept.last()].map(|key| key.unwrap().clone());
        assert_eq!(ends, ["0001".to_owned(), format!("{TOLD_MAX:04}")]);
    })
    .await;
}

/// Copy keys of what was told of the payment of an effect.
async fn claim(stage: &Stage, effect: i64) -> Vec<String> {
    let (store, owner) = (&stage.store, "me".to_owned());
    let claims = on_either!(store, database => database
        .effects_claim(vec![effect], owner, HOUR)
        .await);
    let claim = claims.unwrap().claims.pop().unwrap();
    let Subject::Payment(payment) = claim.subject else { panic!("{:?}", claim.subject) };
    payment.told.into_iter().map(|row| row.copy_key).collect()
}
