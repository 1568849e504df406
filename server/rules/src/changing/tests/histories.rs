//! Random histories over a few orders that share payments, against models that know none of the
//! rules: a provider that keeps its own book, and a counting of the ledger by hand.

mod audit;
mod crediting;
mod edits;
mod everything;
mod model;
mod pairs;
mod picking;

use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};

use self::model::Model;
use self::picking::{
    credit_of, is_authorize, new_payment, pick_effect, pick_operation, pick_order, placement,
};
use crate::attention::Verdict;
use crate::changing::{ChangeStatus, Outcome};
use crate::crediting::CreditOrder;
use crate::delivering::Deliver;
use crate::fixtures::world::World;
use crate::fixtures::{
    CANCELLED, COLLECTED, DEFAULT, PACKING, PROCESSING, REGRETTED, RETURNED, SENT, tried,
};
use crate::order::OrderKind;
use crate::payments::{Operation, OperationState};
use crate::refusals::Code;
use crate::shop::{CaptureMode, StockMode};

/// One thing that somebody does; numbers pick among what there is.
#[derive(Clone, Copy, Debug)]
enum Act {
    Place {
        payments: u8,
        price: u8,
    },
    Change {
        order: u8,
        to: u8,
        restock: Option<bool>,
    },
    Withdraw {
        order: u8,
    },
    Attach {
        order: u8,
        payment: u8,
    },
    Deliver {
        order: u8,
        units: u8,
    },
    TakeBack {
        order: u8,
        delivery: u8,
    },
    Credit {
        order: u8,
        what: u8,
        is_refunded: bool,
        is_restocked: bool,
    },
    Send {
        effect: u8,
    },
    Answer {
        effect: u8,
        answer: u8,
    },
    /// A person has it tried again.
    Retry {
        operation: u8,
    },
    /// A person says what became of it.
    Settle {
        operation: u8,
        has_happened: bool,
    },
    Resolve {
        keep: u8,
        drop: u8,
        to: u8,
        restock: Option<bool>,
    },
    Dismiss {
        order: u8,
        other: u8,
    },
    Edit {
        order: u8,
        what: u8,
        restock: Option<bool>,
    },
    Delete {
        order: u8,
        restock: Option<bool>,
    },
}

/// What a history is about, beside placing, changing, paying and settling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    Delivering,
    PerDelivery,
    Crediting,
    Editing,
    Twins,
}

const HISTORIES: u32 = 2_000;
/// On average.
const STEPS_PER_HISTORY: usize = 50;
const SALES_MAX: usize = 3;

#[test]
fn no_history_loses_or_doubles_money_or_stock() {
    let history = proptest::collection::vec(acts(), 1..2 * STEPS_PER_HISTORY);
    let histories = (any::<bool>(), theme(), 0_i64..6, purchases(), history);
    run(&histories, |(refuses_oversold, theme, on_hand, purchases, acts)| {
        let mut world = World::new();
        if refuses_oversold {
            world.rulebook.stock_mode = StockMode::Refuse;
        }
        if theme == Theme::PerDelivery {
            world.rulebook.capture_mode = CaptureMode::PerDelivery;
        }
        let acts = acts.into_iter().filter(|act| theme.has(act));
        let acts: Vec<Act> = purchases.into_iter().chain(acts).collect();
        live(world, on_hand, &acts);
    });
}

/// Found by chance: a new amount that an edit asked for and that was never sent, which the change replaces.
#[test]
fn an_amount_that_replaces_another_is_in_the_plan() {
    let answer = || Act::Answer { effect: 0, answer: 0 };
    let acts = [
        Act::Place { payments: 181, price: 24 },
        Act::Answer { effect: 0, answer: 49 },
        Act::Attach { order: 0, payment: 71 },
        answer(),
        Act::Place { payments: 10, price: 0 },
        Act::Answer { effect: 0, answer: 117 },
        Act::Place { payments: 200, price: 45 },
        Act::Answer { effect: 0, answer: 66 },
        Act::Attach { order: 80, payment: 4 },
        Act::Change { order: 79, to: 27, restock: Some(false) },
        Act::Edit { order: 3, what: 57, restock: None },
        Act::Attach { order: 41, payment: 70 },
        Act::Answer { effect: 24, answer: 0 },
        Act::Answer { effect: 80, answer: 0 },
        Act::Edit { order: 92, what: 168, restock: Some(false) },
        Act::Answer { effect: 51, answer: 0 },
        Act::Answer { effect: 92, answer: 136 },
        Act::Change { order: 77, to: 34, restock: None },
    ];
    live(World::new(), 0, &acts);
}

/// Found by chance: what was taken back before is taken back once more when some of the money is there.
#[test]
fn what_was_taken_back_may_be_paid_later() {
    let mut world = World::new();
    world.rulebook.capture_mode = CaptureMode::PerDelivery;
    let acts = [
        Act::Place { payments: 40, price: 39 },
        Act::Deliver { order: 0, units: 56 },
        Act::Answer { effect: 0, answer: 15 },
        Act::TakeBack { order: 0, delivery: 124 },
        Act::Place { payments: 0, price: 0 },
        Act::Place { payments: 0, price: 0 },
        Act::Attach { order: 0, payment: 29 },
        Act::Answer { effect: 0, answer: 34 },
        Act::Change { order: 0, to: 10, restock: None },
        Act::Answer { effect: 0, answer: 51 },
        Act::Answer { effect: 0, answer: 196 },
        Act::TakeBack { order: 0, delivery: 12 },
    ];
    live(world, 2, &acts);
}

#[test]
fn whatever_happens_together_no_money_or_stock_is_lost_or_doubled() {
    run(&everything::histories(STEPS_PER_HISTORY), everything::live);
}

fn run<Histories: Strategy>(histories: &Histories, live: impl Fn(Histories::Value))
where
    Histories::Value: Clone + std::fmt::Debug,
{
    let mut runner = TestRunner::new(tried(HISTORIES));
    let result = runner.run(histories, |history| {
        live(history);
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, history)) => panic!("{reason}: {history:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

fn theme() -> impl Strategy<Value = Theme> {
    prop_oneof![
        Just(Theme::Delivering),
        Just(Theme::PerDelivery),
        Just(Theme::Crediting),
        Just(Theme::Editing),
        Just(Theme::Twins),
    ]
}

impl Theme {
    fn has(self, act: &Act) -> bool {
        match act {
            Act::Deliver { .. } | Act::TakeBack { .. } => {
                matches!(self, Self::Delivering | Self::PerDelivery)
            }
            Act::Credit { .. } => self == Self::Crediting,
            Act::Edit { .. } | Act::Delete { .. } => self == Self::Editing,
            Act::Resolve { .. } | Act::Dismiss { .. } => self == Self::Twins,
            Act::Place { .. }
            | Act::Change { .. }
            | Act::Withdraw { .. }
            | Act::Attach { .. }
            | Act::Send { .. }
            | Act::Answer { .. }
            | Act::Retry { .. }
            | Act::Settle { .. } => true,
        }
    }
}

/// What every history begins with.
fn purchases() -> impl Strategy<Value = Vec<Act>> {
    let purchase = (any::<u8>(), any::<u8>());
    let purchase = purchase.prop_map(|(payments, price)| Act::Place { payments, price });
    proptest::collection::vec(purchase, 1..=SALES_MAX)
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => (any::<u8>(), any::<u8>()).prop_map(|(payments, price)| Act::Place { payments, price }),
        5 => (any::<u8>(), any::<u8>(), any::<Option<bool>>())
            .prop_map(|(order, to, restock)| Act::Change { order, to, restock }),
        1 => any::<u8>().prop_map(|order| Act::Withdraw { order }),
        2 => (any::<u8>(), any::<u8>(), any::<Option<bool>>())
            .prop_map(|(order, what, restock)| Act::Edit { order, what, restock }),
        1 => (any::<u8>(), any::<Option<bool>>())
            .prop_map(|(order, restock)| Act::Delete { order, restock }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(order, payment)| Act::Attach { order, payment }),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(order, units)| Act::Deliver { order, units }),
        1 => (any::<u8>(), any::<u8>())
            .prop_map(|(order, delivery)| Act::TakeBack { order, delivery }),
        2 => (any::<u8>(), any::<u8>(), any::<bool>(), any::<bool>()).prop_map(
            |(order, what, is_refunded, is_restocked)| Act::Credit {
                order, what, is_refunded, is_restocked
            },
        ),
        2 => (any::<u8>(), any::<u8>(), any::<u8>(), any::<Option<bool>>())
            .prop_map(|(keep, drop, to, restock)| Act::Resolve { keep, drop, to, restock }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(order, other)| Act::Dismiss { order, other }),
        2 => any::<u8>().prop_map(|effect| Act::Send { effect }),
        7 => (any::<u8>(), any::<u8>()).prop_map(|(effect, answer)| Act::Answer { effect, answer }),
        1 => any::<u8>().prop_map(|operation| Act::Retry { operation }),
        1 => (any::<u8>(), any::<bool>())
            .prop_map(|(operation, has_happened)| Act::Settle { operation, has_happened }),
    ]
}

fn live(mut world: World, on_hand: i64, acts: &[Act]) {
    world.stock("mug", on_hand);
    let mut model = Model::new(on_hand);
    for &act in acts {
        step(&mut world, &mut model, act);
        audit::check(&world, on_hand, model.lost());
        pairs::check(&world);
    }
}

#[expect(clippy::too_many_lines, reason = "a table: one row per act")]
fn step(world: &mut World, model: &mut Model, act: Act) {
    match act {
        Act::Place { payments, price } => {
            let sales = world.orders.values().filter(|order| order.kind == OrderKind::Sale);
            if sales.count() < SALES_MAX
                && let Ok((_, done)) = world.place(&placement(payments, price))
            {
                model.watch(world, &done);
            }
        }
        Act::Change { order, to, restock } => {
            let Some(order) = pick_order(world, order) else { return };
            let targets =
                [DEFAULT, PROCESSING, SENT, CANCELLED, RETURNED, COLLECTED, REGRETTED, PACKING];
            let to = targets[usize::from(to) % targets.len()];
            let command = ChangeStatus { to, restock, has_note: false, send_email: false };
            let expected = model::expected_refusal(world, order, command);
            let plan = world.plan(order, to);
            let before = world.case(order);
            match world.change(order, command) {
                Ok(done) => {
                    assert_eq!(expected, None, "{order:?} {command:?}");
                    model::check_plan(&before, &plan, &world.decided);
                    model.watch(world, &done);
                }
                Err(refusal) => assert_eq!(Some(refusal.code), expected, "{order:?} {command:?}"),
            }
        }
        Act::Withdraw { order } => {
            let Some(order) = pick_order(world, order) else { return };
            let before = world.case(order);
            if let Ok(done) = world.withdraw(order) {
                model::check_withdrawn(&before, &world.case(order));
                model.watch(world, &done);
            }
        }
        Act::Resolve { keep, drop, to, restock } => {
            let to = [None, Some(SENT), Some(COLLECTED), Some(RETURNED)][usize::from(to % 4)];
            pairs::resolve(world, model, (keep, drop), restock, to);
        }
        Act::Dismiss { order, other } => pairs::dismiss(world, (order, other)),
        Act::Edit { order, what, restock } => {
            let Some(order) = pick_order(world, order) else { return };
            edits::edit(world, model, order, (what, restock));
        }
        Act::Delete { order, restock } => {
            let Some(order) = pick_order(world, order) else { return };
            edits::delete(world, model, order, restock);
        }
        Act::Attach { order, payment } => {
            let Some(order) = pick_order(world, order) else { return };
            if let Ok(done) = world.attach(order, &new_payment(payment)) {
                model.watch(world, &done);
            }
        }
        Act::Deliver { order, units } => deliver(world, model, order, units),
        Act::TakeBack { order, delivery } => {
            let Some(order) = pick_order(world, order) else { return };
            if let Ok(done) = world.cancel_delivery(order, i32::from(delivery % 4) + 1) {
                // Once more changes nothing, whatever was paid since.
                let has_changed =
                    |(one, changes): &(_, Vec<_>)| *one == order && !changes.is_empty();
                if done.iter().any(has_changed) {
                    model::check_taken_back(world, &world.case(order));
                }
                model.watch(world, &done);
            }
        }
        Act::Credit { order, what, is_refunded, is_restocked } => {
            credit(world, model, order, &credit_of(what, is_refunded, is_restocked));
        }
        Act::Send { effect } => {
            if let Some((operation, _)) = pick_effect(world, effect) {
                world.mark_sent(operation);
            }
        }
        Act::Answer { effect, answer } => answer_effect(world, model, effect, answer),
        Act::Retry { operation } => {
            let Some(operation) = pick_operation(world, operation) else { return };
            if let Ok(done) = world.retry(operation.order, operation.id) {
                assert!(operation.state != OperationState::Succeeded, "{operation:?}");
                model.watch(world, &done);
            }
        }
        Act::Settle { operation, has_happened } => {
            let Some(operation) = pick_operation(world, operation) else { return };
            settle(world, model, &operation, has_happened);
        }
    }
}

/// What a person says is what the provider did.
fn settle(world: &mut World, model: &mut Model, operation: &Operation, has_happened: bool) {
    // No money comes from a reservation that the provider has let go of.
    let has_happened = has_happened && !model.is_gone(world, operation.id);
    let verdict = match has_happened {
        true => Verdict::Happened { amount_minor: None },
        false => Verdict::DidNotHappen,
    };
    let before = world.case(operation.order);
    let done = match world.settle(operation.order, operation.id, verdict) {
        Ok(done) => done,
        Err(refusal) => {
            let is_early = refusal.code == Code::EffectPending && !has_happened;
            assert!(is_early || !operation.state.is_in_flight(), "{operation:?}");
            return;
        }
    };
    match operation.state {
        OperationState::Declined | OperationState::Succeeded => {
            model.paid_by_hand(operation, &done);
        }
        state => {
            assert!(state.is_in_flight(), "{operation:?}");
            model.settled(&before, operation, has_happened);
        }
    }
    model.watch(world, &done);
    let again = world.settle(operation.order, operation.id, verdict);
    assert_eq!(again.unwrap_err().code, Code::OperationFinal, "said once");
}

fn deliver(world: &mut World, model: &mut Model, order: u8, units: u8) {
    let Some(order) = pick_order(world, order) else { return };
    let asked = match units % 4 {
        0 => None,
        units => Some(i64::from(units)),
    };
    let lines = asked.map(|units| vec![(1, units)]).unwrap_or_default();
    let command = Deliver { lines, ..Deliver::default() };
    let expected = model::expected_delivery_refusal(world, order, asked);
    let plan = world.plan_delivery(order, &command);
    let before = world.case(order);
    match world.deliver(order, &command) {
        Ok(done) => {
            assert_eq!(expected, None, "{order:?} {command:?}");
            model::check_plan(&before, &plan, &world.decided);
            model::check_asked_for_delivery(world, &before, &world.case(order));
            model.watch(world, &done);
        }
        Err(refusal) => assert_eq!(Some(refusal.code), expected, "{order:?} {command:?}"),
    }
}

fn credit(world: &mut World, model: &mut Model, order: u8, command: &CreditOrder) {
    let Some(order) = pick_order(world, order) else { return };
    let expected = crediting::expected_refusal(world, order, command);
    let before = world.case(order);
    match world.credit(order, command) {
        Ok((credit, done)) => {
            assert_eq!(expected, None, "{order:?} {command:?}");
            crediting::check_credited(world, &before, credit, command);
            model.watch(world, &done);
        }
        Err(refusal) => assert_eq!(Some(refusal.code), expected, "{order:?} {command:?}"),
    }
}

fn answer_effect(world: &mut World, model: &mut Model, effect: u8, answer: u8) {
    let Some((operation, asked_minor)) = pick_effect(world, effect) else { return };
    world.mark_sent(operation);
    let declined = |code| Outcome::Declined { code, provider_reason: "because".to_owned() };
    let success = |amount_minor| Outcome::Succeeded {
        amount_minor,
        provider_reference: None,
        expires_at: None,
    };
    let outcome = match answer % 17 {
        0..9 => success(asked_minor),
        9 | 10 => declined(Code::Internal),
        11 => declined(Code::ReservationExpired),
        12 => declined(Code::ReservationGone),
        13 => Outcome::Accepted,
        14 => Outcome::Unknown { reason: String::new() },
        16 => Outcome::Held { code: Code::IntegrationDisabled, reason: String::new() },
        _ if is_authorize(world, operation) => success(asked_minor / 2),
        _ => success(asked_minor),
    };
    // A provider that has let go of a reservation takes no money from it.
    let outcome = match outcome {
        Outcome::Succeeded { .. } if model.is_gone(world, operation) => {
            declined(Code::ReservationGone)
        }
        outcome => outcome,
    };
    model.answer(world, operation, &outcome);
    let done = world.record(operation, &outcome);
    model.watch(world, &done);
    // Said twice is said once.
    if !matches!(outcome, Outcome::Accepted | Outcome::Held { .. } | Outcome::Unknown { .. }) {
        let again = world.record(operation, &outcome);
        assert_eq!(again[0].1, Vec::new(), "{outcome:?}");
    }
}
