//! A provider that says no: its documented errors are tables, and each is run through the same check.

use std::sync::Arc;
use std::time::Duration;

use order_sdk::proto::ConnectionState;
use order_tests::fakes::{Effect, Trouble};

use super::{Deed, Stage, TOTAL, Till, deeds, reason};
use crate::harness::{Backend, eventually, problems, status_id};

/// What a provider refuses with.
pub(crate) trait Refuses: Till {
    /// What its support asks for, in the words of every no.
    const MARK: &'static str;

    /// What it says of credentials that are not right, and how often that is heard before they are held
    /// to be wrong.
    const UNAUTHORIZED: &'static [(u16, u32)];

    /// Longer than it holds a reservation.
    const RESERVED: Duration;

    fn nos() -> Vec<(Deed, No)>;

    fn passing() -> Vec<(Deed, Passing)>;
}

/// A no for good: HTTP status, the provider's code, and the page of it here.
pub(crate) type No = (u16, &'static str, &'static str);

/// A no that passes: HTTP status, the provider's code, and how often it comes.
pub(crate) type Passing = (u16, &'static str, u32);

/// How the provider words a no that a test wants.
const WORDS: &str = "In the provider's own words";

/// Every documented error at every operation that it can reach.
pub(crate) async fn every_documented_error_is_told_with_its_page<Where: Refuses>(backend: Backend) {
    let stage = Arc::new(Stage::<Where>::set(backend).await);
    every_no_is_told(&stage, Where::nos(), Where::MARK).await;
    stage.check().await;
}

/// A capture that comes too late is told as that, and what is no longer held need not be given back.
pub(crate) async fn what_has_run_out_is_told_as_that<Where: Refuses>(backend: Backend) {
    let stage = Stage::<Where>::set(backend).await;
    let sale = stage.buy(TOTAL).await;
    stage.fake.advance(Where::RESERVED);
    stage.world.complete(&sale.name).await.unwrap();
    let order = stage.world.settled(&sale.name).await;
    assert_eq!(problems(&order), ["RESERVATION_EXPIRED"], "{order:?}");
    stage.world.cancel(&sale.name, false).await.unwrap();
    assert_eq!(status_id(&stage.world.settled(&sale.name).await), "cancelled");
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

/// What passes, or says nothing of what was done, is tried on under the same key, and never so often
/// that the provider has had enough.
pub(crate) async fn what_passes_is_tried_again<Where: Refuses>(backend: Backend) {
    let stage = Stage::<Where>::set(backend).await;
    let mut begun = Vec::new();
    let mut enough = 0;
    for (deed, (status, code, times)) in Where::passing() {
        enough += if status == 429 { times } else { 0 };
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
    let arrivals = stage.fake.book().arrivals.clone();
    let turned_away = arrivals.iter().filter(|one| one.status == 429).count();
    assert_eq!(u32::try_from(turned_away), Ok(enough), "only where the trouble was that");
    assert_eq!(stage.world.connection(Where::ID).await.state(), ConnectionState::Works);
    stage.check().await;
}

/// Credentials that are refused at whatever is asked: the order says so, and it is done once somebody
/// has changed the integration.
pub(crate) async fn every_operation_waits_for_credentials<Where: Refuses>(backend: Backend) {
    let stage = Stage::<Where>::set(backend).await;
    for unauthorized in Where::UNAUTHORIZED {
        waits_for_credentials(&stage, *unauthorized).await;
    }
    stage.check().await;
}

async fn waits_for_credentials<Where: Till>(stage: &Stage<Where>, (status, times): (u16, u32)) {
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
