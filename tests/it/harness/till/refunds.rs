//! Money that somebody pays back in the provider's portal before it is paid back here: nobody gets it
//! twice.

use order_sdk::proto;
use order_sdk::proto::DifferenceKind::RefundedElsewhere;
use order_tests::fakes::{Effect, Trouble};

use super::troubles::LATE;
use super::{Deed, Sale, Stage, Till};
use crate::harness::{Backend, eventually, problems};
use crate::reconciling::differences;

/// What is paid back of a sale of 900.
struct Case {
    /// In the portal.
    portal: i64,
    /// Asked for here, after that.
    credits: &'static [i64],
    /// In all, as far as the order knows.
    refunded: i64,
    /// The provider's book of it.
    booked: &'static [i64],
    /// How often the order says that money came from the portal.
    told: usize,
    /// How often the provider was asked for a refund.
    calls: usize,
}

const CASES: [Case; 4] = [
    Case { portal: 400, credits: &[400], refunded: 400, booked: &[400], told: 1, calls: 0 },
    Case { portal: 300, credits: &[400], refunded: 400, booked: &[300, 100], told: 1, calls: 1 },
    // What is too much is found by the read that follows.
    Case { portal: 600, credits: &[400], refunded: 600, booked: &[600], told: 2, calls: 0 },
    Case {
        portal: 400,
        credits: &[400, 400],
        refunded: 800,
        booked: &[400, 400],
        told: 1,
        calls: 1,
    },
];

/// Vipps pays back no less.
const LEAST: i64 = 100;

/// The provider has room for another refund each time, and would not refuse it: only a look before
/// shows that somebody has paid back in its portal.
pub(crate) async fn pays_back_only_what_the_portal_has_not<Where: Till>(backend: Backend) {
    let stage = Stage::<Where>::set(backend).await;
    for case in &CASES {
        let sale = stage.buy_for(Deed::Refund).await;
        in_portal(&stage, &sale, case.portal).await;
        for amount in case.credits {
            credit(&stage, &sale, *amount).await;
        }
        let order = is_paid_back(&stage, &sale, (case.refunded, case.booked), case.told).await;
        assert!(order.problems[0].details.contains_key("credit_order"), "{order:?}");
        let calls = stage.fake.book().calls(word::<Where>(), &sale.id);
        assert_eq!(calls, case.calls, "{:?}", case.booked);
        // What comes later is a matter of its own.
        credit(&stage, &sale, LEAST).await;
        let booked = [case.booked, &[LEAST]].concat();
        is_paid_back(&stage, &sale, (case.refunded + LEAST, &booked), case.told).await;
    }
    nothing_is_paid_back_before_it_is_read(&stage).await;
    ours_in_doubt_is_nobody_elses(&stage).await;
    stage.check().await;
}

async fn nothing_is_paid_back_before_it_is_read<Where: Till>(stage: &Stage<Where>) {
    for was_paid_back in [true, false] {
        for effect in [Effect::answer(500, "", "Feil"), Effect::HangUp] {
            let sale = stage.buy_for(Deed::Refund).await;
            if was_paid_back {
                in_portal(stage, &sale, 400).await;
            }
            stage.fake.trouble(Trouble::of("read", effect).about(&sale.id));
            credit(stage, &sale, 400).await;
            is_paid_back(stage, &sale, (400, &[400]), usize::from(was_paid_back)).await;
            let calls = stage.fake.book().calls(word::<Where>(), &sale.id);
            assert_eq!(calls, usize::from(!was_paid_back), "{was_paid_back}");
        }
    }
}

/// Nobody has heard of the first, done or not, while the second waits behind it.
async fn ours_in_doubt_is_nobody_elses<Where: Till>(stage: &Stage<Where>) {
    for is_done in [true, false] {
        let sale = stage.buy_for(Deed::Refund).await;
        let trouble = Trouble::of(word::<Where>(), Effect::HangUp).about(&sale.id);
        stage.fake.trouble(if is_done { trouble.once_done() } else { trouble });
        credit(stage, &sale, 400).await;
        credit(stage, &sale, 300).await;
        is_paid_back(stage, &sale, (700, &[400, 300]), 0).await;
    }
}

/// Carried out long after nobody waits for the answer, and as much is paid back in the portal
/// meanwhile: that is not taken for ours, which may come yet, and a person hears of it.
pub(crate) async fn what_may_be_paid_back_yet_is_waited_for<Where: Till>(backend: Backend) {
    let stage = Stage::<Where>::set(backend).await;
    let sale = stage.buy_for(Deed::Refund).await;
    stage.fake.trouble(Trouble::of(word::<Where>(), LATE).about(&sale.id));
    credit(&stage, &sale, 400).await;
    let is_begun = async || stage.fake.is_working_on(&sale.id).then_some(());
    eventually("the refund is called", is_begun).await;
    in_portal(&stage, &sale, 400).await;
    let order = is_paid_back(&stage, &sale, (400, &[400, 400]), 0).await;
    let refund = order.payments[0].operations.last().unwrap();
    assert_ne!(refund.provider_reference, "at the provider", "{order:?}");
    assert_eq!(stage.fake.book().calls(word::<Where>(), &sale.id), 1, "it was not sent again");
    let found = differences(&stage.world, &sale.name).await;
    assert_eq!(found, [(RefundedElsewhere, 400, 800, true)]);
    is_paid_back(&stage, &sale, (800, &[400, 400]), 1).await;
    stage.check().await;
}

fn word<Where: Till>() -> &'static str {
    Where::word(Deed::Refund).unwrap()
}

async fn in_portal<Where: Till>(stage: &Stage<Where>, sale: &Sale, amount_minor: i64) {
    let (path, body) = Where::portal_refund(&sale.id, amount_minor);
    stage.by_hand(&path, body).await;
}

/// Asks for a refund, and waits for nothing.
async fn credit<Where: Till>(stage: &Stage<Where>, sale: &Sale, amount_minor: i64) {
    let credit = stage.world.client.credit(&sale.name).amount(1, amount_minor).refund(true);
    credit.send().await.unwrap();
}

/// So much of the sale is paid back in the end, with these refunds in the provider's book, and the
/// order says so often that somebody else has paid.
async fn is_paid_back<Where: Till>(
    stage: &Stage<Where>,
    sale: &Sale,
    (refunded_minor, booked): (i64, &[i64]),
    told: usize,
) -> proto::Order {
    let order = eventually(&format!("{refunded_minor} are paid back"), async || {
        let order = stage.world.settled(&sale.name).await;
        (order.payments[0].refunded_minor == refunded_minor).then_some(order)
    })
    .await;
    assert_eq!(problems(&order), vec!["REFUNDED_AT_PROVIDER"; told], "{order:?}");
    assert_eq!(stage.done(word::<Where>(), &sale.id), booked, "{order:?}");
    order
}
