//! Kustom, which took over Klarna's checkout and speaks the same: what holds for Klarna holds for it.

use order_sdk::proto::{ConnectionState, Integration};
use order_tests::fakes::{Answer, Asked, Call, Desk, Fake, Klarna, Manual, Provider, Refusal};

use super::a_key_that_is_forgotten_doubles_nothing;
use crate::harness::till::{
    Deed, Stage, TOTAL, Till, a_kill_anywhere_is_survived,
    a_kill_between_answer_and_record_is_survived, a_kill_while_a_payment_is_read_is_survived,
    a_repeat_is_answered_as_before, captures_only_what_the_portal_has_not,
    every_doubt_is_ended_by_a_look, many_at_once_are_captured_once_each,
    many_callers_at_once_have_each_done_once, pays_back_only_what_the_portal_has_not, reason,
};
use crate::harness::{Backend, problems};

trials! {
    own: [
        every_operation_reaches_kustom_once,
        its_own_words_are_understood,
        captures_only_what_the_portal_has_not::<Kustom>,
        pays_back_only_what_the_portal_has_not::<Kustom>,
        every_doubt_is_ended_by_a_look::<Kustom>,
        a_repeat_is_answered_as_before::<Kustom>,
        a_kill_anywhere_is_survived::<Kustom>,
        a_kill_between_answer_and_record_is_survived::<Kustom>,
        a_kill_while_a_payment_is_read_is_survived::<Kustom>,
        a_key_that_is_forgotten_doubles_nothing::<Kustom>,
        many_at_once_are_captured_once_each::<Kustom>,
        many_callers_at_once_have_each_done_once::<Kustom>,
    ];
}

/// The stand-in of Klarna in Kustom's colours.
#[derive(Debug)]
pub(super) struct Kustom(Klarna);

impl Default for Kustom {
    fn default() -> Self {
        Self(Klarna::kustom())
    }
}

impl Provider for Kustom {
    const MANUAL: &'static Manual = Klarna::MANUAL;

    fn asked(&self, call: &Call) -> Asked {
        self.0.asked(call)
    }

    fn answer(&mut self, call: &Call, desk: &mut Desk<'_>) -> Answer {
        self.0.answer(call, desk)
    }

    fn refuse(&self, refusal: &Refusal) -> Answer {
        self.0.refuse(refusal)
    }

    fn control(&mut self, path: &[&str], call: &Call, desk: &mut Desk<'_>) -> Option<Answer> {
        self.0.control(path, call, desk)
    }

    fn pass_time(&mut self, desk: &mut Desk<'_>) {
        self.0.pass_time(desk);
    }

    fn is_taken(&self, status: u16) -> bool {
        self.0.is_taken(status)
    }

    fn retry_after(&self, attempts: u32) -> Option<std::time::Duration> {
        self.0.retry_after(attempts)
    }
}

impl Till for Kustom {
    const ID: &'static str = "kustom";
    const PORTAL: &'static str = Klarna::PORTAL;

    fn integration(url: String) -> Integration {
        Klarna::integration(url)
    }

    fn checkout(fake: &Fake<Self>, reserved_minor: i64) -> String {
        let order = order_tests::fakes::klarna::NewOrder::of(reserved_minor);
        fake.with(|kustom, desk| kustom.0.place(order, desk))
    }

    fn word(deed: Deed) -> Option<&'static str> {
        Klarna::word(deed)
    }

    fn portal_capture(id: &str, amount_minor: i64) -> (String, String) {
        Klarna::portal_capture(id, amount_minor)
    }

    fn portal_refund(id: &str, amount_minor: i64) -> (String, String) {
        Klarna::portal_refund(id, amount_minor)
    }

    fn lag(fake: &Fake<Self>, id: &str, spared: Option<u32>) {
        fake.with(|kustom, _| match spared {
            Some(spared) => kustom.0.lag(id, spared),
            None => kustom.0.end_lag(id),
        });
    }
}

async fn every_operation_reaches_kustom_once(backend: Backend) {
    let stage = Stage::<Kustom>::set(backend).await;
    assert_eq!(stage.world.connection(Kustom::ID).await.state(), ConnectionState::Works);
    for deed in Deed::ALL {
        let sale = stage.buy_for(deed).await;
        stage.begin(deed, &sale).await;
        stage.check_done(deed, &sale, &format!("{deed:?}")).await;
        let book = stage.fake.book();
        assert_eq!(book.calls(Kustom::word(deed).unwrap(), &sale.id), 1, "{deed:?}");
    }
    stage.check().await;
}

async fn its_own_words_are_understood(backend: Backend) {
    let stage = Stage::<Kustom>::set(backend).await;
    let order = stage.place("kein_uuid", TOTAL).await;
    assert_eq!(problems(&order), ["AUTHORIZATION_DECLINED"]);
    let (page, words) = reason(&order);
    assert_eq!(page, "NOT_FOUND_AT_PROVIDER");
    assert!(words.contains("INVALID_ORDER_ID Order ID must be a valid UUID."), "{words}");
    // Captured in its portal, the amount cannot be lowered any more.
    let sale = stage.buy(TOTAL).await;
    stage.in_portal(&sale.id, "captures", r#"{"captured_amount": 900}"#).await;
    stage.begin(Deed::Lower, &sale).await;
    let order = crate::harness::eventually("it is told", async || {
        let order = stage.world.get(&sale.name).await;
        let operations = order.payments[0].operations.iter();
        let declined = operations.filter(|one| one.provider_reason.contains("Update not allowed."));
        (declined.count() == 1).then_some(order)
    })
    .await;
    assert_eq!(stage.done("update", &sale.id), [0; 0], "{order:?}");
}
