//! Vipps says no, or nothing: each documented error at each operation that it can reach, with its page
//! and Vipps' own words; and what stands before and behind a change, its token and its event log.

use std::time::Duration;

use order_tests::fakes::{Effect, Trouble, Vipps};

use super::Stage;
use crate::harness::till::{
    Deed, No, Passing, Refuses, TOTAL, Till, a_payment_is_read_in_the_end, absences, deeds,
    every_documented_error_is_told_with_its_page, every_operation_waits_for_credentials,
    what_has_run_out_is_told_as_that, what_passes_is_tried_again,
};
use crate::harness::{Backend, eventually, problems, status_id};

trials! {
    own: [
        every_documented_error_is_told_with_its_page::<Vipps>,
        what_has_run_out_is_told_as_that::<Vipps>,
        what_cannot_be_cancelled_any_more_need_not_be,
        what_passes_is_tried_again::<Vipps>,
        a_payment_is_read_in_the_end::<Vipps>,
        every_operation_waits_for_credentials::<Vipps>,
        without_a_token_everything_waits,
        what_cannot_be_proved_yet_is_not_done_again,
        what_stays_unknown_is_told_in_the_words_of_the_call,
    ];
}

/// At every operation.
const ANYWHERE: [No; 13] = [
    (400, "", "REJECTED_BY_PROVIDER"),
    (400, "4040", "REJECTED_BY_PROVIDER"),
    (400, "4140", "REJECTED_BY_PROVIDER"),
    (400, "5010", "NOT_ENABLED_AT_PROVIDER"),
    (400, "5040", "NOT_ENABLED_AT_PROVIDER"),
    (400, "5060", "NOT_ENABLED_AT_PROVIDER"),
    (404, "", "NOT_FOUND_AT_PROVIDER"),
    (404, "5090", "NOT_FOUND_AT_PROVIDER"),
    (400, "6010", "REJECTED_BY_PROVIDER"),
    (400, "7010", "REJECTED_BY_PROVIDER"),
    (400, "10070", "REJECTED_BY_PROVIDER"),
    (400, "6999", "UNKNOWN_PROVIDER_ERROR"),
    (418, "", "UNKNOWN_PROVIDER_ERROR"),
];

const OF_A_CAPTURE: [No; 9] = [
    (400, "6070", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6080", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6090", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6100", "RESERVATION_EXPIRED"),
    (400, "6140", "NOT_ENABLED_AT_PROVIDER"),
    (400, "6170", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6200", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6230", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6260", "FUNDS_UNAVAILABLE"),
];

const OF_A_CANCEL: [No; 4] = [
    (400, "6040", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6050", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6060", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6190", "NOT_ALLOWED_AT_PROVIDER"),
];

const OF_A_REFUND: [No; 6] = [
    (400, "5100", "NOT_ENABLED_AT_PROVIDER"),
    (400, "6020", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6150", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6180", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6210", "NOT_ALLOWED_AT_PROVIDER"),
    (400, "6220", "REFUND_PERIOD_OVER"),
];

/// At every operation.
const PASSING: [Passing; 9] = [
    (408, "", 1),
    (409, "", 1),
    (409, "4020", 1),
    (423, "", 2),
    (500, "3010", 1),
    (500, "", 1),
    (502, "", 1),
    (503, "", 1),
    (504, "", 1),
];

const PASSING_OF_ONE: [(Deed, Passing); 12] = [
    (Deed::Capture, (409, "4010", 1)),
    (Deed::Capture, (429, "", 2)),
    (Deed::Capture, (400, "6160", 2)),
    (Deed::Capture, (400, "6280", 2)),
    (Deed::Cancel, (429, "", 2)),
    (Deed::Cancel, (400, "6160", 2)),
    (Deed::Cancel, (400, "6250", 2)),
    (Deed::Release, (429, "", 2)),
    (Deed::Release, (400, "6160", 2)),
    (Deed::Refund, (429, "", 2)),
    (Deed::Refund, (400, "6160", 2)),
    (Deed::Refund, (409, "4150", 1)),
];

impl Refuses for Vipps {
    const MARK: &'static str = "trace id";
    /// A 401 is met with a fresh token first; a 403 is that of another merchant's number.
    const UNAUTHORIZED: &'static [(u16, u32)] = &[(401, 2), (403, 1)];
    const RESERVED: Duration = Duration::from_hours(181 * 24);

    fn nos() -> Vec<(Deed, No)> {
        let of = |deed: Deed, rows: &'static [No]| rows.iter().map(move |no| (deed, *no));
        deeds::<Self>()
            .flat_map(|(deed, _)| of(deed, &ANYWHERE))
            .chain(of(Deed::Capture, &OF_A_CAPTURE))
            .chain(of(Deed::Cancel, &OF_A_CANCEL))
            .chain(of(Deed::Release, &OF_A_CANCEL))
            .chain(of(Deed::Refund, &OF_A_REFUND))
            .collect()
    }

    /// Never more than five calls of a kind a minute.
    fn passing() -> Vec<(Deed, Passing)> {
        let anywhere = deeds::<Self>().flat_map(|(deed, _)| PASSING.map(|passing| (deed, passing)));
        anywhere.chain(PASSING_OF_ONE).collect()
    }
}

/// The time to cancel is over: what is no longer held need not be given back.
async fn what_cannot_be_cancelled_any_more_need_not_be(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake } = &stage;
    let sale = stage.buy(TOTAL).await;
    fake.trouble(Trouble::of("cancel", Effect::answer(400, "6030", "Too late")).about(&sale.id));
    world.cancel(&sale.name, false).await.unwrap();
    let order = world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("cancelled", 0), "{order:?}");
    stage.check().await;
}

async fn without_a_token_everything_waits(backend: Backend) {
    let stage = Stage::set(backend).await;
    let garbled = Effect::answer(200, "", "Velkommen");
    for effect in absences().into_iter().chain([garbled]) {
        let sale = stage.buy(TOTAL).await;
        let told = format!("{effect:?}");
        let tokens = stage.fake.book().calls("token", "");
        stage.fake.with(|vipps, _| vipps.forget_tokens());
        stage.fake.trouble(Trouble::of("token", effect));
        stage.begin(Deed::Capture, &sale).await;
        stage.check_done(Deed::Capture, &sale, &told).await;
        assert_eq!(stage.fake.book().calls("token", ""), tokens + 2, "{told}");
    }
    stage.check().await;
}

/// Done and answered with success, but the event log that proves it cannot be read for a while.
async fn what_cannot_be_proved_yet_is_not_done_again(backend: Backend) {
    let stage = Stage::set(backend).await;
    let garbled = Effect::answer(200, "", "Velkommen");
    let effects: Vec<Effect> = absences().into_iter().chain([garbled]).collect();
    let mut begun = Vec::new();
    for deed in [Deed::Capture, Deed::Refund] {
        for effect in &effects {
            let sale = stage.buy_for(deed).await;
            let told = format!("{deed:?}: {effect:?}");
            let trouble = Trouble::of("events", effect.clone()).about(&sale.id);
            stage.fake.trouble(trouble.times(2));
            stage.begin(deed, &sale).await;
            begun.push((deed, sale, told));
        }
    }
    for (deed, sale, told) in &begun {
        stage.check_done(*deed, sale, told).await;
        let word = Vipps::word(*deed).unwrap();
        assert_eq!(stage.fake.book().calls(word, &sale.id), 1, "{told}");
    }
    stage.check().await;
}

/// The look-ups that follow say nothing but that it is not there. Time is turned back behind the
/// server's back: nobody waits a quarter of an hour.
async fn what_stays_unknown_is_told_in_the_words_of_the_call(backend: Backend) {
    let stage = Stage::set(backend).await;
    let sale = stage.buy(TOTAL).await;
    let oops = Effect::answer(500, "3010", "Oops");
    stage.fake.trouble(Trouble::of("capture", oops).about(&sale.id).always());
    stage.begin(Deed::Capture, &sale).await;
    let order = eventually("a person is told", async || {
        let earlier = "UPDATE effects SET first_sent_at = first_sent_at - 1200000000 \
                       WHERE payment_key IS NOT NULL AND attempt > 0 AND NOT needs_attention";
        stage.world.server.store.damage(earlier).await;
        let order = stage.world.get(&sale.name).await;
        (problems(&order) == ["OUTCOME_UNKNOWN"]).then_some(order)
    })
    .await;
    let words = &order.problems[0].details["provider_reason"];
    assert!(words.starts_with("3010 ") && words.contains("Oops"), "{words}");
    assert!(words.contains(Vipps::MARK), "{words}");
    assert!(stage.world.server.log().contains(words), "it is logged");
    stage.fake.recover();
    stage.check_done(Deed::Capture, &sale, "it is back").await;
    stage.check().await;
}
