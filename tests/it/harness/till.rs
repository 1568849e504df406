//! A shop whose money is at a stand-in of a real provider, and what must be true of each of them:
//! nothing lost, nothing doubled, every doubt ended, with the stand-in's book as witness.

mod crowds;
mod elsewhere;
mod kills;
mod refunds;
mod refusals;
mod troubles;

use order_sdk::{Error, OrderName, proto};
use order_tests::fakes::{Effect, Fake, Provider};

pub(crate) use self::crowds::{
    many_at_once_are_captured_once_each, many_callers_at_once_have_each_done_once,
};
pub(crate) use self::elsewhere::{
    adopts_at_a_capture, adopts_at_a_void, adopts_what_is_found, attaches_what_is_held,
    captures_only_what_the_portal_has_not, completes_unheard, counts_what_is_held, names_unheard,
    waits_for_a_decision,
};
pub(crate) use self::kills::{
    a_kill_anywhere_is_survived, a_kill_between_answer_and_record_is_survived,
    a_kill_while_a_payment_is_read_is_survived,
};
pub(crate) use self::refunds::{
    pays_back_only_what_the_portal_has_not, what_may_be_paid_back_yet_is_waited_for,
};
pub(crate) use self::refusals::{
    No, Passing, Refuses, every_documented_error_is_told_with_its_page, every_no_is_told,
    every_operation_waits_for_credentials, what_has_run_out_is_told_as_that,
    what_passes_is_tried_again,
};
pub(crate) use self::troubles::{
    a_forgotten_key_doubles_nothing, a_payment_is_read_in_the_end, a_repeat_is_answered_as_before,
    absences, every_doubt_is_ended_by_a_look, what_is_late_is_not_taken_back,
};
use super::{Backend, World, eventually, problems, status_id};
use crate::integrations::world_with_key;

/// What the tests must know of a provider and its stand-in.
pub(crate) trait Till: Provider + Default {
    /// The shop's name for it.
    const ID: &'static str;

    /// Where its portal has payments, below `/control/`.
    const PORTAL: &'static str;

    fn integration(url: String) -> proto::Integration;

    /// What a checkout leaves at the provider; its reference.
    fn checkout(fake: &Fake<Self>, reserved_minor: i64) -> String;

    /// The book's word for it; `None`: the provider has no such thing.
    fn word(deed: Deed) -> Option<&'static str>;

    /// A capture in its portal: a path below `/control/`, and what is sent there.
    fn portal_capture(id: &str, amount_minor: i64) -> (String, String);

    /// The same of a refund.
    fn portal_refund(id: &str, amount_minor: i64) -> (String, String);

    /// Its reads show so many more changes of a payment, and then none; `None`: all of them again.
    fn lag(fake: &Fake<Self>, id: &str, spared: Option<u32>);

    /// What it alone is capable of and leaves anybody in doubt.
    fn doubtful() -> Vec<Effect> {
        Vec::new()
    }
}

/// What an order asks of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Capture,
    Cancel,
    /// Of what is left of a reservation after the capture.
    Release,
    Refund,
    /// A refund from which a fee is kept.
    RefundLess,
    /// Of the reserved amount.
    Lower,
}

/// A shop whose provider [`Till::ID`] is the stand-in.
pub(crate) struct Stage<Where: Till> {
    pub(crate) world: World,
    pub(crate) fake: Fake<Where>,
}

/// A sale and its payment.
#[derive(Clone, Debug)]
pub(crate) struct Sale {
    pub(crate) name: OrderName,
    /// Of the payment.
    pub(crate) id: String,
    pub(crate) order: proto::Order,
}

pub(crate) const TOTAL: i64 = 900;
/// What is reserved for a sale beyond its total, so that something is left to release.
const EXTRA: i64 = 100;
const FEE: i64 = 100;
const LOWERED: i64 = 700;

impl Deed {
    pub(crate) const ALL: [Self; 6] =
        [Self::Capture, Self::Cancel, Self::Release, Self::Refund, Self::RefundLess, Self::Lower];

    fn amount(self) -> i64 {
        match self {
            Self::Capture | Self::Cancel | Self::Refund => TOTAL,
            Self::RefundLess => TOTAL - FEE,
            Self::Release => EXTRA,
            Self::Lower => LOWERED,
        }
    }
}

impl<Where: Till> Stage<Where> {
    pub(crate) async fn set(backend: Backend) -> Self {
        Self::set_with(backend, &[]).await
    }

    pub(crate) async fn set_with(backend: Backend, flags: &[&str]) -> Self {
        let fake = Fake::start(Where::default()).await.unwrap();
        let flags = [&["--stand-ins", "true"], flags].concat();
        let world = world_with_key(backend, &flags).await;
        world.integrate(Where::ID, Where::integration(fake.url())).await.unwrap();
        Self { world, fake }
    }

    /// An order on a payment there, as far as its reservation has come.
    pub(crate) async fn place(&self, id: &str, total_minor: i64) -> proto::Order {
        let draft = self.world.draft(total_minor).payment(Where::ID, id, total_minor);
        self.world.place(draft).await
    }

    pub(crate) async fn buy(&self, reserved_minor: i64) -> Sale {
        let id = Where::checkout(&self.fake, reserved_minor);
        let draft = self.world.draft(TOTAL).payment(Where::ID, &id, reserved_minor);
        let order = self.world.place(draft).await;
        assert_eq!(order.payments[0].authorized_minor, reserved_minor, "{order:?}");
        Sale { name: order.name.parse().unwrap(), id, order }
    }

    /// A sale of which this can be asked.
    pub(crate) async fn buy_for(&self, deed: Deed) -> Sale {
        let sale = self.buy(if deed == Deed::Release { TOTAL + EXTRA } else { TOTAL }).await;
        if matches!(deed, Deed::Refund | Deed::RefundLess) {
            self.world.complete(&sale.name).await.unwrap();
        }
        sale
    }

    /// Asks for it, and waits for nothing.
    pub(crate) async fn begin(&self, deed: Deed, sale: &Sale) {
        ask(&self.world, deed, &sale.name).await.unwrap();
    }

    /// It was done in the end: once, under one key, and the order knows.
    pub(crate) async fn check_done(&self, deed: Deed, sale: &Sale, told: &str) {
        let word = Where::word(deed).unwrap();
        eventually(told, async || (!self.done(word, &sale.id).is_empty()).then_some(())).await;
        let order = self.world.settled(&sale.name).await;
        assert_eq!(problems(&order), [""; 0], "{told}: {order:?}");
        let status = match deed {
            Deed::Capture | Deed::Release | Deed::Refund | Deed::RefundLess => "sent",
            Deed::Cancel => "cancelled",
            Deed::Lower => "not-processed",
        };
        assert_eq!(status_id(&order), status, "{told}");
        assert_eq!(self.done(word, &sale.id), [deed.amount()], "{told}");
        assert_eq!(self.fake.book().keys(word, &sale.id), 1, "{told}");
    }

    pub(crate) fn done(&self, operation: &str, id: &str) -> Vec<i64> {
        self.fake.book().amounts(operation, id)
    }

    /// Does something there as a person in its portal would: `what` is a path below `/control/`.
    pub(crate) async fn by_hand(&self, what: &str, body: impl Into<String>) {
        let url = format!("{}/control/{what}", self.fake.url());
        let answer = order_tests::fakes::send("POST", &url, &[], body.into()).await.unwrap();
        assert_eq!(answer.status, 204, "{what}");
    }

    /// Does something to a payment as a person in its portal would.
    pub(crate) async fn in_portal(&self, id: &str, deed: &str, body: &'static str) {
        self.by_hand(&format!("{}/{id}/{deed}", Where::PORTAL), body).await;
    }

    pub(crate) async fn check(&self) {
        let (breaches, _) = self.world.breaches().await;
        assert!(breaches.is_empty(), "the audit finds {breaches:?}");
    }
}

/// Asks for it, and waits for nothing.
async fn ask(world: &World, deed: Deed, order: &OrderName) -> Result<(), Error> {
    match deed {
        Deed::Capture | Deed::Release => world.change(order, "sent").send().await.map(drop),
        Deed::Cancel => world.change(order, "cancelled").restock(false).send().await.map(drop),
        Deed::Refund => world.client.credit(order).units(1, 1).refund(true).send().await.map(drop),
        Deed::RefundLess => {
            let credit = world.client.credit(order).units(1, 1).refund(true);
            credit.fee("Returfrakt", FEE, 2_500).send().await.map(drop)
        }
        Deed::Lower => world.client.edit(order).unit_price(1, LOWERED).send().await.map(drop),
    }
}

/// Why the first problem is there: the page of the provider's reason, and its words.
pub(crate) fn reason(order: &proto::Order) -> (&str, &str) {
    let details = &order.problems[0].details;
    (&details["reason"], &details["provider_reason"])
}

/// What each provider can do, and its word for it.
pub(crate) fn deeds<Where: Till>() -> impl Iterator<Item = (Deed, &'static str)> {
    Deed::ALL.into_iter().filter_map(|deed| Where::word(deed).map(|word| (deed, word)))
}
