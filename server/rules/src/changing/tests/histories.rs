//! Random histories over a few orders that share payments, against models that know none of the
//! rules: a provider that keeps its own book, and a counting of the ledger by hand.

mod audit;
mod crediting;
mod model;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestError, TestRunner};

use crate::attention::Verdict;
use crate::changing::{ChangeStatus, Outcome};
use crate::crediting::{CreditAmount, CreditFee, CreditLine, CreditOrder};
use crate::fixtures::world::World;
use crate::fixtures::{
    CANCELLED, COLLECTED, DEFAULT, PACKING, PROCESSING, REGRETTED, RETURNED, SENT, nok,
};
use crate::money::VatRate;
use crate::order::{LineKind, OrderKind, OrderNumber, PriceBasis};
use crate::payments::{Operation, OperationState, ProviderName, in_flight};
use crate::placing::{NewLine, NewPayment, Placement};
use crate::refusals::Code;
use crate::shop::StockMode;
use model::Model;

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
}

/// On average.
const STEPS_PER_HISTORY: usize = 50;
const SALES_MAX: usize = 3;
const TOTALS: [i64; 3] = [100, 60, 0];

#[test]
fn no_history_loses_or_doubles_money_or_stock() {
    let history = proptest::collection::vec(acts(), 1..2 * STEPS_PER_HISTORY);
    let histories = (any::<bool>(), 0_i64..6, history);
    let cases = u32::try_from(steps_to_run() / STEPS_PER_HISTORY).unwrap();
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let result = runner.run(&histories, |(refuses_oversold, on_hand, acts)| {
        live(refuses_oversold, on_hand, &acts);
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, history)) => panic!("{reason}: {history:?}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

/// `long` is for the night.
#[expect(clippy::disallowed_methods, reason = "the depth of a test run is no setting of a service")]
fn steps_to_run() -> usize {
    match std::env::var("ORDER_TEST_DEPTH").as_deref() {
        Ok("long") => 10_000_000,
        _ => 100_000,
    }
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        1 => (any::<u8>(), any::<u8>()).prop_map(|(payments, price)| Act::Place { payments, price }),
        5 => (any::<u8>(), any::<u8>(), any::<Option<bool>>())
            .prop_map(|(order, to, restock)| Act::Change { order, to, restock }),
        1 => any::<u8>().prop_map(|order| Act::Withdraw { order }),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(order, payment)| Act::Attach { order, payment }),
        2 => (any::<u8>(), any::<u8>(), any::<bool>(), any::<bool>()).prop_map(
            |(order, what, is_refunded, is_restocked)| Act::Credit {
                order, what, is_refunded, is_restocked
            },
        ),
        2 => any::<u8>().prop_map(|effect| Act::Send { effect }),
        7 => (any::<u8>(), any::<u8>()).prop_map(|(effect, answer)| Act::Answer { effect, answer }),
        1 => any::<u8>().prop_map(|operation| Act::Retry { operation }),
        1 => (any::<u8>(), any::<bool>())
            .prop_map(|(operation, has_happened)| Act::Settle { operation, has_happened }),
    ]
}

fn live(refuses_oversold: bool, on_hand: i64, acts: &[Act]) {
    let mut world = World::new();
    world.rulebook.stock_mode = if refuses_oversold { StockMode::Refuse } else { StockMode::Allow };
    world.stock("mug", on_hand);
    let mut model = Model::new(on_hand);
    for &act in acts {
        step(&mut world, &mut model, act);
        audit::check(&world, on_hand);
    }
}

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
            let command = ChangeStatus { to, restock, has_note: false };
            let expected = model::expected_refusal(world, order, command);
            let plan = world.plan(order, to);
            let before = world.case(order);
            match world.change(order, command) {
                Ok(done) => {
                    assert_eq!(expected, None, "{order:?} {command:?}");
                    model::check_plan(&before, &plan, &done[0].1);
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
        Act::Attach { order, payment } => {
            let Some(order) = pick_order(world, order) else { return };
            if let Ok(done) = world.attach(order, &new_payment(payment)) {
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
    let verdict = match has_happened {
        true => Verdict::Happened { amount_minor: None },
        false => Verdict::DidNotHappen,
    };
    let before = world.case(operation.order);
    let Ok(done) = world.settle(operation.order, operation.id, verdict) else {
        assert!(!operation.state.is_in_flight(), "{operation:?}");
        return;
    };
    match operation.state {
        OperationState::Declined => model.paid_by_hand(operation, &done),
        state => {
            assert!(state.is_in_flight(), "{operation:?}");
            model.settled(&before, operation, has_happened);
        }
    }
    model.watch(world, &done);
    let again = world.settle(operation.order, operation.id, verdict);
    assert_eq!(again.unwrap_err().code, Code::OperationFinal, "said once");
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
    let outcome = match answer % 16 {
        0..9 => success(asked_minor),
        9 | 10 => declined(Code::Internal),
        11 => declined(Code::ReservationExpired),
        12 => declined(Code::ReservationGone),
        13 => Outcome::Accepted,
        14 => Outcome::Unknown,
        _ if is_authorize(world, operation) => success(asked_minor / 2),
        _ => success(asked_minor),
    };
    model.answer(world, operation, &outcome);
    let done = world.record(operation, &outcome);
    model.watch(world, &done);
    // Said twice is said once.
    if !matches!(outcome, Outcome::Accepted | Outcome::Unknown) {
        let again = world.record(operation, &outcome);
        assert_eq!(again[0].1, Vec::new(), "{outcome:?}");
    }
}

/// Units or an amount of the only line, now and then with a fee.
fn credit_of(what: u8, is_refunded: bool, is_restocked: bool) -> CreditOrder {
    let amount = match what % 8 {
        0..3 => CreditAmount::Units(1),
        3 | 4 => CreditAmount::Units(2),
        5 => CreditAmount::Gross(7),
        6 => CreditAmount::Gross(40),
        _ => CreditAmount::Gross(100),
    };
    let fee = CreditFee {
        title: "Fee".to_owned(),
        gross_minor: i64::from(what / 8 % 8) * 10,
        vat_rate: VatRate::new(2_500).unwrap(),
    };
    CreditOrder {
        lines: vec![CreditLine { line: 1, amount, is_restocked }],
        fees: if what >= 192 { vec![fee] } else { Vec::new() },
        is_refunded,
        shares: Vec::new(),
        has_reason: false,
    }
}

fn is_authorize(world: &World, operation: i64) -> bool {
    let found = world.payments.values().find_map(|payment| payment.operation(operation));
    found.is_some_and(|found| found.kind == crate::payments::OperationKind::Authorize)
}

/// An operation that could be answered: one in flight per payment, as the store keeps it.
fn pick_effect(world: &World, pick: u8) -> Option<(i64, i64)> {
    let ready: Vec<(i64, i64)> = world
        .payments
        .values()
        .flat_map(|payment| match in_flight(payment) {
            Some(operation) => vec![operation],
            None => payment
                .operations
                .iter()
                .filter(|operation| operation.state == OperationState::Pending)
                .collect(),
        })
        .map(|operation| (operation.id, operation.amount_minor))
        .collect();
    ready.get(usize::from(pick) % ready.len().max(1)).copied()
}

/// Any row of the ledger.
fn pick_operation(world: &World, pick: u8) -> Option<Operation> {
    let all: Vec<&Operation> =
        world.payments.values().flat_map(|payment| &payment.operations).collect();
    all.get(usize::from(pick) % all.len().max(1)).map(|found| (*found).clone())
}

fn pick_order(world: &World, pick: u8) -> Option<OrderNumber> {
    world.orders.keys().nth(usize::from(pick) % world.orders.len().max(1)).copied()
}

/// Few references, so that orders come to share them.
fn placement(payments: u8, price: u8) -> Placement {
    let payments = match payments % 8 {
        0..3 => vec![named("klarna", "k1", 130)],
        3 => vec![named("vipps", "v1", 120)],
        4 => vec![named("giftcard", "g1", 30), named("klarna", "k1", 130)],
        5 => vec![named("manual", "", 70), named("vipps", "v2", 40)],
        6 => vec![named("manual", "", 100)],
        _ => vec![named("vipps", "v1", 120), named("giftcard", "g2", 30)],
    };
    let line = NewLine {
        kind: LineKind::Goods,
        sku: "mug".to_owned(),
        title: "Mug".to_owned(),
        quantity: 2,
        unit_price_minor: TOTALS[usize::from(price) % TOTALS.len()] / 2,
        discount_minor: 0,
        vat_rate_bp: 2_500,
    };
    Placement {
        currency: nok(),
        price_basis: PriceBasis::Gross,
        lines: vec![line],
        order_discount_minor: 0,
        stated: None,
        payments,
        customer_key: String::new(),
    }
}

fn new_payment(pick: u8) -> NewPayment {
    match pick % 4 {
        0 => named("vipps", "v3", 50),
        1 => named("klarna", "k2", 100),
        2 => named("giftcard", "g3", 10),
        _ => named("manual", "", 40),
    }
}

fn named(provider: &str, reference: &str, amount_minor: i64) -> NewPayment {
    let provider = ProviderName(provider.to_owned());
    NewPayment { provider, reference: reference.to_owned(), amount_minor }
}
