//! Calls of which nobody hears: each operation in every kind of doubt is looked up or asked again, and
//! done once.

use std::sync::Arc;
use std::time::Duration;

use order_tests::fakes::{Effect, Trouble};

use super::{Deed, Stage, TOTAL, Till, deeds};
use crate::harness::{Backend, eventually, problems};

/// Later than anybody waits, and within the time in which a call may be carried out.
pub(super) const LATE: Effect = Effect::Late { millis: 50_000 };

/// Silence, a line that breaks and a late error, each before it is done and after; and what the
/// provider alone is capable of.
fn doubts(operation: &str, more: &[Effect]) -> Vec<Trouble> {
    let effects =
        [Effect::Silence, Effect::HangUp, Effect::answer(500, "INTERNAL_SERVER_ERROR", "Oops")];
    let befall = |effect| Trouble::of(operation, effect);
    let before = effects.clone().into_iter().chain(more.iter().cloned()).map(befall);
    let after = effects.into_iter().map(|effect| befall(effect).once_done());
    before.chain(after).collect()
}

/// Every operation in every kind of doubt, all at once.
pub(crate) async fn every_doubt_is_ended_by_a_look<Where: Till>(backend: Backend) {
    let stage = Arc::new(Stage::<Where>::set(backend).await);
    let mut running = Vec::new();
    for (deed, word) in deeds::<Where>() {
        for trouble in doubts(word, &Where::doubtful()) {
            let stage = Arc::clone(&stage);
            running.push(tokio::spawn(async move {
                let sale = stage.buy_for(deed).await;
                let trouble = trouble.about(&sale.id);
                let told = format!("{deed:?}: {trouble:?}");
                stage.fake.trouble(trouble);
                stage.begin(deed, &sale).await;
                stage.check_done(deed, &sale, &told).await;
            }));
        }
    }
    for one in running {
        one.await.unwrap();
    }
    stage.check().await;
}

/// Carried out long after nobody waits for the answer, and refused meanwhile as being under way: what
/// may be done yet is not taken back, and is done once.
pub(crate) async fn what_is_late_is_not_taken_back<Where: Till>(backend: Backend) {
    let stage = Arc::new(Stage::<Where>::set(backend).await);
    let mut running = Vec::new();
    for (deed, word) in deeds::<Where>() {
        if !matches!(deed, Deed::Capture | Deed::Cancel) {
            continue;
        }
        let stage = Arc::clone(&stage);
        running.push(tokio::spawn(async move {
            let sale = stage.buy_for(deed).await;
            stage.fake.trouble(Trouble::of(word, LATE).about(&sale.id));
            stage.begin(deed, &sale).await;
            let told = format!("{deed:?}, late");
            let calls = || stage.fake.book().calls(word, &sale.id);
            eventually(&told, async || (calls() > 0).then_some(())).await;
            eventually(&told, async || {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let refusal = stage.world.withdraw(&sale.name).await.map(drop).unwrap_err();
                match refusal.code() {
                    Some("EFFECT_ALREADY_SENT") => None,
                    Some("NO_STATUS_CHANGE_PENDING") => Some(()),
                    _ => panic!("{told}: {refusal:?}"),
                }
            })
            .await;
            assert!(calls() > 1, "{told}: it was asked again");
            stage.check_done(deed, &sale, &told).await;
        }));
    }
    for one in running {
        one.await.unwrap();
    }
    stage.check().await;
}

/// The provider forgets the keys of all that it has not answered, done or not: what was done is found
/// by the trace it left.
pub(crate) async fn a_forgotten_key_doubles_nothing<Where: Till>(
    backend: Backend,
    window: Duration,
) {
    let stage = Stage::<Where>::set(backend).await;
    let mut sales = Vec::new();
    for (deed, word) in deeds::<Where>() {
        for is_done in [false, true] {
            let sale = stage.buy_for(deed).await;
            let trouble = Trouble::of(word, Effect::Silence).about(&sale.id);
            stage.fake.trouble(if is_done { trouble.once_done() } else { trouble });
            stage.begin(deed, &sale).await;
            sales.push((deed, word, sale));
        }
    }
    eventually("all are called", async || {
        let book = stage.fake.book();
        sales.iter().all(|(_, word, sale)| book.calls(word, &sale.id) > 0).then_some(())
    })
    .await;
    stage.fake.advance(window);
    for (deed, _, sale) in &sales {
        stage.check_done(*deed, sale, &format!("{deed:?} of {}", sale.name)).await;
    }
    stage.check().await;
}

/// A payment is named while its read meets each of these: it is read in the end.
pub(crate) async fn a_payment_is_read_in_the_end<Where: Till>(backend: Backend) {
    let stage = Arc::new(Stage::<Where>::set(backend).await);
    let mut running = Vec::new();
    for effect in absences() {
        let stage = Arc::clone(&stage);
        running.push(tokio::spawn(async move {
            let id = Where::checkout(&stage.fake, TOTAL);
            let told = format!("{effect:?}");
            stage.fake.trouble(Trouble::of("read", effect).about(&id));
            let order = stage.place(&id, TOTAL).await;
            let found = (order.payments[0].authorized_minor, problems(&order).len());
            assert_eq!(found, (TOTAL, 0), "{told}: {order:?}");
            assert!(stage.fake.book().calls("read", &id) > 1, "{told}");
        }));
    }
    for one in running {
        one.await.unwrap();
    }
    stage.check().await;
}

/// Every way in which a provider may be away for a moment.
pub(crate) fn absences() -> Vec<Effect> {
    let statuses = [408, 429, 500, 502, 503, 504];
    let answers = statuses.map(|status| Effect::answer(status, "", "Later"));
    answers.into_iter().chain([Effect::Silence, Effect::HangUp]).collect()
}

/// What was done and not heard of, and is not shown yet, is asked for once more under its key: the
/// provider answers as it did, and nothing is doubled.
pub(crate) async fn a_repeat_is_answered_as_before<Where: Till>(backend: Backend) {
    let stage = Stage::<Where>::set(backend).await;
    let mut begun = Vec::new();
    for (deed, word) in deeds::<Where>() {
        let sale = stage.buy_for(deed).await;
        // The capture that goes before a release is shown.
        Where::lag(&stage.fake, &sale.id, Some(u32::from(deed == Deed::Release)));
        stage.fake.trouble(Trouble::of(word, Effect::HangUp).about(&sale.id).once_done());
        stage.begin(deed, &sale).await;
        begun.push((deed, word, sale));
    }
    for (deed, word, sale) in &begun {
        let told = format!("{deed:?} of {}", sale.id);
        eventually(&told, async || {
            let book = stage.fake.book();
            let own = |one: &&order_tests::fakes::Arrival| {
                (one.operation.as_str(), one.about.as_str()) == (*word, sale.id.as_str())
            };
            let answered: Vec<bool> =
                book.arrivals.iter().filter(own).map(|one| one.is_replay).collect();
            (answered == [false, true]).then_some(())
        })
        .await;
        Where::lag(&stage.fake, &sale.id, None);
    }
    for (deed, word, sale) in &begun {
        let told = format!("{deed:?} of {}", sale.id);
        stage.check_done(*deed, sale, &told).await;
        assert_eq!(stage.fake.book().calls(word, &sale.id), 2, "{told}");
    }
    stage.check().await;
}
