//! Calls that go wrong, each operation in every way: what passes is tried again, what is in doubt is
//! looked up, and a no is told with its page.

use std::sync::Arc;
use std::time::Duration;

use order_tests::fakes::{Effect, Trouble};

use super::{Deed, Stage, TOTAL, Till, deeds, reason};
use crate::harness::{Backend, eventually, problems, status_id};

/// A no for good: HTTP status, the provider's code, and the page of it here.
pub(crate) type No = (u16, &'static str, &'static str);

/// A no that passes: HTTP status, the provider's code, and how often it comes.
pub(crate) type Passing = (u16, &'static str, u32);

/// How the provider words a no that a test wants.
pub(crate) const WORDS: &str = "In the provider's own words";

/// Later than anybody waits, and within the time in which a call may be carried out.
const LATE: Effect = Effect::Late { millis: 50_000 };

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
pub(crate) async fn every_doubt_is_ended<Where: Till>(stage: &Arc<Stage<Where>>, more: &[Effect]) {
    let mut running = Vec::new();
    for (deed, word) in deeds::<Where>() {
        for trouble in doubts(word, more) {
            let stage = Arc::clone(stage);
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
            let (told, book) = (format!("{deed:?}, late"), stage.fake.book());
            eventually(&told, async || (book.calls(word, &sale.id) > 0).then_some(())).await;
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
            assert!(stage.fake.book().calls(word, &sale.id) > 1, "{told}: it was asked again");
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

/// Each no makes a problem of its operation, with its page and the provider's words, and nothing is
/// done. `mark`: what the provider's support asks for.
pub(crate) async fn every_no_is_told<Where: Till>(
    stage: &Arc<Stage<Where>>,
    rows: impl IntoIterator<Item = (Deed, No)>,
    mark: &'static str,
) {
    let mut running = Vec::new();
    for (deed, no) in rows {
        let stage = Arc::clone(stage);
        running.push(tokio::spawn(async move { a_no_is_told(&stage, deed, no, mark).await }));
    }
    for one in running {
        one.await.unwrap();
    }
}

async fn a_no_is_told<Where: Till>(
    stage: &Stage<Where>,
    deed: Deed,
    (status, code, page): No,
    mark: &str,
) {
    let (sale, word) = (stage.buy_for(deed).await, Where::word(deed).unwrap());
    let told = format!("{deed:?} {status} {code}");
    stage.fake.trouble(Trouble::of(word, Effect::answer(status, code, WORDS)).about(&sale.id));
    stage.begin(deed, &sale).await;
    let order = eventually(&told, async || {
        let order = stage.world.get(&sale.name).await;
        (!order.problems.is_empty()).then_some(order)
    })
    .await;
    let problem = match deed {
        Deed::Cancel => "VOID_DECLINED",
        Deed::Refund | Deed::RefundLess => "REFUND_DECLINED",
        Deed::Release => "RELEASE_DECLINED",
        Deed::Lower => "AMOUNT_UPDATE_DECLINED",
        Deed::Capture if page == "RESERVATION_EXPIRED" => page,
        Deed::Capture => "CAPTURE_DECLINED",
    };
    assert_eq!(problems(&order), [problem], "{told}: {order:?}");
    let (found, words) = reason(&order);
    assert_eq!(found, page, "{told}");
    assert!([code, WORDS, mark].iter().all(|part| words.contains(part)), "{told}: {words}");
    let is_over = matches!(deed, Deed::Release | Deed::Refund | Deed::RefundLess);
    assert_eq!(status_id(&order), if is_over { "sent" } else { "not-processed" }, "{told}");
    assert_eq!(stage.done(word, &sale.id), [0; 0], "{told}");
    assert_eq!(stage.fake.book().calls(word, &sale.id), 1, "{told}");
}

/// What passes, or says nothing of what was done, is tried on under the same key.
pub(crate) async fn what_passes_is_tried_again<Where: Till>(
    stage: &Stage<Where>,
    rows: impl IntoIterator<Item = (Deed, Passing)>,
) {
    let mut begun = Vec::new();
    for (deed, (status, code, times)) in rows {
        let (sale, word) = (stage.buy_for(deed).await, Where::word(deed).unwrap());
        let effect = Effect::answer(status, code, "Later");
        stage.fake.trouble(Trouble::of(word, effect).about(&sale.id).times(times));
        stage.begin(deed, &sale).await;
        begun.push((deed, word, (status, code), usize::try_from(times).unwrap(), sale));
    }
    for (deed, word, what, times, sale) in &begun {
        let told = format!("{deed:?} {what:?} of {}", sale.id);
        stage.check_done(*deed, sale, &told).await;
        assert_eq!(stage.fake.book().calls(word, &sale.id), times + 1, "{told}");
    }
}

/// A payment is named while its read meets each of these: it is read in the end.
pub(crate) async fn a_payment_is_read_in_the_end<Where: Till>(
    stage: &Arc<Stage<Where>>,
    effects: Vec<Effect>,
) {
    let mut running = Vec::new();
    for effect in effects {
        let stage = Arc::clone(stage);
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
}

/// Every way in which a provider may be away for a moment.
pub(crate) fn absences() -> Vec<Effect> {
    let statuses = [408, 429, 500, 502, 503, 504];
    let answers = statuses.map(|status| Effect::answer(status, "", "Later"));
    answers.into_iter().chain([Effect::Silence, Effect::HangUp]).collect()
}

/// Credentials that are refused at whatever is asked: the order says so, and it is done once somebody
/// has changed the integration.
pub(crate) async fn every_operation_waits_for_credentials<Where: Till>(
    stage: &Stage<Where>,
    (status, _, times): Passing,
) {
    let mut begun = Vec::new();
    for (deed, word) in deeds::<Where>() {
        let sale = stage.buy_for(deed).await;
        let effect = Effect::answer(status, "", "Who are you?");
        stage.fake.trouble(Trouble::of(word, effect).about(&sale.id).times(times));
        stage.begin(deed, &sale).await;
        begun.push((deed, word, sale));
    }
    for (deed, word, sale) in &begun {
        let order = eventually(&format!("{deed:?} says why it waits"), async || {
            let order = stage.world.get(&sale.name).await;
            (!order.problems.is_empty()).then_some(order)
        })
        .await;
        assert_eq!(problems(&order), ["INTEGRATION_UNAUTHORIZED"], "{deed:?}");
        assert_eq!(stage.done(word, &sale.id), [0; 0], "{deed:?}");
    }
    stage.world.disable(Where::ID, true).await;
    stage.world.disable(Where::ID, false).await;
    for (deed, _, sale) in &begun {
        stage.check_done(*deed, sale, &format!("{deed:?} of {}", sale.id)).await;
    }
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
