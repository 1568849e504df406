//! Histories in which everything happens to the same few orders. No model knows all refusals of that;
//! the provider's book and what must be true after every command do not care how it came about.

use proptest::prelude::*;

use super::model::{self, Model};
use super::picking::{new_payment, pick_effect, pick_operation, pick_order, placement};
use super::{Act, SALES_MAX, acts, answer_effect, audit, pairs, purchases, settle};
use crate::changing::{ChangeStatus, Happening, News, Outcome};
use crate::crediting::{CreditAmount, CreditFee, CreditLine, CreditOrder};
use crate::decision::{Case, Change};
use crate::delivering::Deliver;
use crate::editing::{Edit, LineEdit};
use crate::fixtures::world::{Done, World};
use crate::fixtures::{
    CANCELLED, COLLECTED, DEFAULT, PACKING, PROCESSING, REGRETTED, RETURNED, SENT,
};
use crate::money::VatRate;
use crate::order::{Line, OrderKind};
use crate::payments::{OperationKind, OperationState};
use crate::placing::NewLine;
use crate::refusals::{Code, Refusal};
use crate::shop::{CaptureMode, DuplicateMode, StockMode};

/// A step of such a history.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Act(Act),
    /// A person closes a problem.
    Dismiss {
        order: u8,
        problem: u8,
    },
    /// The provider takes a capture back, whole or in part.
    Reverse {
        operation: u8,
        part: u8,
    },
    /// The provider carries less out than it was asked for.
    AnswerShort {
        effect: u8,
        part: u8,
    },
}

/// What a shop may set: refuses what is not on stock, captures per delivery, delivers with COMPLETED,
/// returns the first of two orders.
type Settings = (bool, bool, bool, bool);

pub(super) fn histories(
    steps_per_history: usize,
) -> impl Strategy<Value = (Settings, i64, Vec<Step>)> {
    let settings = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    let steps = proptest::collection::vec(steps(), 1..2 * steps_per_history);
    let history = (purchases(), steps)
        .prop_map(|(purchases, steps)| purchases.into_iter().map(Step::Act).chain(steps).collect());
    (settings, 0_i64..8, history)
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        24 => acts().prop_map(Step::Act),
        // Most of what is begun is ended: else few orders come to be paid.
        6 => (any::<u8>(), 0_u8..9)
            .prop_map(|(effect, answer)| Step::Act(Act::Answer { effect, answer })),
        2 => any::<u8>()
            .prop_map(|order| Step::Act(Act::Change { order, to: 2, restock: None })),
        1 => (any::<u8>(), any::<u8>())
            .prop_map(|(order, problem)| Step::Dismiss { order, problem }),
        1 => (any::<u8>(), any::<u8>())
            .prop_map(|(operation, part)| Step::Reverse { operation, part }),
        1 => (any::<u8>(), any::<u8>())
            .prop_map(|(effect, part)| Step::AnswerShort { effect, part }),
    ]
}

pub(super) fn live((settings, on_hand, steps): (Settings, i64, Vec<Step>)) {
    let mut world = World::new();
    let (refuses_oversold, is_per_delivery, completed_delivers, returns_first) = settings;
    if refuses_oversold {
        world.rulebook.stock_mode = StockMode::Refuse;
    }
    if is_per_delivery {
        world.rulebook.capture_mode = CaptureMode::PerDelivery;
    }
    if returns_first {
        world.rulebook.duplicate_mode = DuplicateMode::ReturnFirst;
    }
    world.rulebook.completed_delivers = completed_delivers;
    world.stock("mug", on_hand);
    let mut model = Model::new(on_hand);
    for step in steps {
        run(&mut world, &mut model, step);
        audit::check(&world, on_hand, model.lost());
        pairs::check(&world);
    }
}

fn run(world: &mut World, model: &mut Model, step: Step) {
    match step {
        Step::Act(act) => {
            if let Some(Ok(done)) = act_on(world, model, act) {
                model.watch(world, &done);
            }
        }
        Step::Dismiss { order, problem } => {
            let Some(number) = pick_order(world, order) else { return };
            let problems = &world.orders[&number].problems;
            let Some(problem) = problems.get(usize::from(problem) % problems.len().max(1)) else {
                return;
            };
            let (id, is_open) = (problem.id, problem.closed_at.is_none());
            let dismissed = world.dismiss(number, id);
            assert!(is_open || dismissed.is_err(), "closed once");
        }
        Step::Reverse { operation, part } => {
            let Some(operation) = pick_operation(world, operation) else { return };
            let is_captured = operation.kind == OperationKind::Capture
                && operation.state == OperationState::Succeeded;
            if is_captured {
                let amount_minor = operation.amount_minor.min(i64::from(part) + 1);
                // The same, told of the operation or of the payment alone.
                let done = match part % 2 {
                    0 => world.record(operation.id, &Outcome::Reversed { amount_minor }),
                    _ => charge_back(world, operation.id, amount_minor),
                };
                model.watch(world, &done);
            }
        }
        Step::AnswerShort { effect, part } => {
            let Some((operation, asked_minor)) = pick_effect(world, effect) else { return };
            if !may_come_short(world, operation) {
                return;
            }
            world.mark_sent(operation);
            let outcome = match model.is_gone(world, operation) {
                true => Outcome::Declined {
                    code: Code::ReservationGone,
                    provider_reason: "because".to_owned(),
                },
                false => Outcome::Succeeded {
                    amount_minor: asked_minor.min(i64::from(part) / 2),
                    provider_reference: None,
                    expires_at: None,
                },
            };
            model.answer(world, operation, &outcome);
            let done = world.record(operation, &outcome);
            model.watch(world, &done);
        }
    }
}

fn charge_back(world: &mut World, operation: i64, amount_minor: i64) -> Done {
    let mut payments = world.payments.values();
    let paid = payments.find(|payment| payment.operation(operation).is_some()).unwrap().id;
    let news = News {
        happening: Happening::Chargeback,
        operation: None,
        amount_minor,
        currency: world.payments[&paid].currency.code().to_owned(),
        provider_reference: String::new(),
        event: "CHARGEBACK".to_owned(),
        reason: String::new(),
    };
    world.hear(paid, &news)
}

/// A void gives all back, and an amount is lowered as asked or not at all.
fn may_come_short(world: &World, operation: i64) -> bool {
    let mut found = world.payments.values().filter_map(|payment| payment.operation(operation));
    found.any(|operation| {
        matches!(
            operation.kind,
            OperationKind::Authorize | OperationKind::Capture | OperationKind::Refund
        )
    })
}

/// What the act came to, where it picked something; what it did is told to the model by the caller.
#[expect(clippy::too_many_lines, reason = "a table: one row per act")]
fn act_on(world: &mut World, model: &mut Model, act: Act) -> Option<Result<Done, Refusal>> {
    Some(match act {
        Act::Place { payments, price } => {
            let sales = world.orders.values().filter(|order| order.kind == OrderKind::Sale);
            if sales.count() >= SALES_MAX {
                return None;
            }
            world.place(&placement(payments, price)).map(|(_, done)| done)
        }
        Act::Change { order, to, restock } => {
            let order = pick_order(world, order)?;
            let targets =
                [DEFAULT, PROCESSING, SENT, CANCELLED, RETURNED, COLLECTED, REGRETTED, PACKING];
            let to = targets[usize::from(to) % targets.len()];
            let (plan, before) = (world.plan(order, to), world.case(order));
            let command = ChangeStatus { to, restock, has_note: false, send_email: false };
            let outcome = world.change(order, command);
            if outcome.is_ok() {
                check_plan(world, &before, &plan);
            }
            outcome
        }
        Act::Withdraw { order } => {
            let order = pick_order(world, order)?;
            let before = world.case(order);
            let outcome = world.withdraw(order);
            if outcome.is_ok() {
                model::check_withdrawn(&before, &world.case(order));
            }
            outcome
        }
        Act::Attach { order, payment } => {
            let order = pick_order(world, order)?;
            world.attach(order, &new_payment(payment))
        }
        Act::Deliver { order, units } => {
            let order = pick_order(world, order)?;
            let command = delivery_of(&world.orders[&order].lines, units);
            let (plan, before) = (world.plan_delivery(order, &command), world.case(order));
            let outcome = world.deliver(order, &command);
            if outcome.is_ok() {
                check_plan(world, &before, &plan);
            }
            outcome
        }
        Act::TakeBack { order, delivery } => {
            let order = pick_order(world, order)?;
            world.cancel_delivery(order, i32::from(delivery % 4) + 1)
        }
        Act::Credit { order, what, is_refunded, is_restocked } => {
            let order = pick_order(world, order)?;
            let command = credit_of(&world.orders[&order].lines, what, is_refunded, is_restocked);
            world.credit(order, &command).map(|(_, done)| done)
        }
        Act::Edit { order, what, restock } => {
            let order = pick_order(world, order)?;
            let before = world.case(order);
            let outcome = world.edit(order, &edit_of(&before.order.lines, what, restock));
            if let Ok(done) = &outcome {
                check_edited(&before, &world.case(order), &done[0].1);
                lose(world, model, &before, (restock, &done[0].1));
            }
            outcome
        }
        Act::Delete { order, restock } => world.delete(pick_order(world, order)?, restock),
        Act::Resolve { keep, drop, to, restock } => {
            let (keep, drop) = (pick_order(world, keep)?, pick_order(world, drop)?);
            let to = [None, Some(SENT), Some(COLLECTED), Some(RETURNED)][usize::from(to % 4)];
            world.resolve(keep, &[drop], restock, to)
        }
        Act::Dismiss { order, other } => {
            world.dismiss_pair(pick_order(world, order)?, pick_order(world, other)?)
        }
        Act::Retry { operation } => {
            let operation = pick_operation(world, operation)?;
            world.retry(operation.order, operation.id)
        }
        Act::Settle { operation, has_happened } => {
            let operation = pick_operation(world, operation)?;
            settle(world, model, &operation, has_happened);
            return None;
        }
        Act::Send { effect } => {
            world.mark_sent(pick_effect(world, effect)?.0);
            return None;
        }
        Act::Answer { effect, answer } => {
            answer_effect(world, model, effect, answer);
            return None;
        }
    })
}

/// New amounts of reservations follow by themselves and are no part of a plan (5.3).
fn check_plan(world: &World, before: &Case, plan: &[(OperationKind, i64)]) {
    let is_planned = |change: &&Change| {
        !matches!(change, Change::OperationRequested { kind: OperationKind::UpdateAmount, .. })
    };
    let changes: Vec<Change> = world.decided.iter().filter(is_planned).cloned().collect();
    model::check_plan(before, plan, &changes);
}

/// What an edit never does.
fn check_edited(before: &Case, after: &Case, changes: &[Change]) {
    assert_eq!(after.order.status, before.order.status);
    let is_taking = |change: &Change| matches!(change, Change::OperationRequested { kind, .. } if *kind == OperationKind::Capture);
    assert!(!changes.iter().any(is_taking), "an edit never captures");
    for (was, is) in before.order.lines.iter().zip(&after.order.lines) {
        assert_eq!(was.id, is.id, "lines stay in their places");
        assert!(is.quantity >= was.delivered.max(was.captured).max(was.credited));
        assert!(is.gross_minor >= was.credited_gross_minor);
    }
}

/// Units that an edit took from an order and did not put back: only where that was chosen.
fn lose(
    world: &World,
    model: &mut Model,
    before: &Case,
    (restock, changes): (Option<bool>, &[Change]),
) {
    let out = |lines: &[Line]| -> i64 {
        lines.iter().map(|line| line.stock_taken - line.stock_put_back).sum()
    };
    let moved: i64 = changes
        .iter()
        .map(|change| match *change {
            Change::StockTaken { quantity, .. } => -quantity,
            Change::StockPutBack { quantity, .. } => quantity,
            _ => 0,
        })
        .sum();
    let number = before.order.number;
    let lost = out(&before.order.lines) - out(&world.orders[&number].lines) - moved;
    assert!(lost == 0 || (lost > 0 && restock == Some(false)), "{lost} lost of {before:?}");
    model.lose(number, lost);
}

/// Some units of a line, or all that is left.
fn delivery_of(lines: &[Line], what: u8) -> Deliver {
    let asked = match what % 4 {
        0 => Vec::new(),
        units => vec![(pick_line(lines, what / 4).id, i64::from(units))],
    };
    Deliver { lines: asked, ..Deliver::default() }
}

/// Units or an amount of a line, now and then with a fee.
fn credit_of(lines: &[Line], what: u8, is_refunded: bool, is_restocked: bool) -> CreditOrder {
    let amount = match what % 8 {
        units @ 0..4 => CreditAmount::Units(i64::from(units) + 1),
        4 => CreditAmount::Gross(7),
        5 => CreditAmount::Gross(40),
        _ => CreditAmount::Gross(100),
    };
    let fee = CreditFee {
        title: "Fee".to_owned(),
        gross_minor: 10,
        vat_rate: VatRate::new(2_500).unwrap(),
    };
    CreditOrder {
        lines: vec![CreditLine { line: pick_line(lines, what / 8).id, amount, is_restocked }],
        fees: if what >= 192 { vec![fee] } else { Vec::new() },
        is_refunded,
        shares: Vec::new(),
        has_reason: false,
    }
}

/// Another quantity or price of a line, or a new line.
fn edit_of(lines: &[Line], what: u8, restock: Option<bool>) -> Edit {
    let line = pick_line(lines, what / 8);
    let mut edit = Edit { restock, ..Edit::default() };
    let mut change = LineEdit { line: line.id, quantity: None, unit_price_minor: None };
    match what % 8 {
        quantity @ 0..4 => change.quantity = Some(i64::from(quantity)),
        4 => change.unit_price_minor = Some(30),
        5 => change.unit_price_minor = Some(47),
        6 => (change.quantity, change.unit_price_minor) = (Some(3), Some(11)),
        _ => {
            let mug = placement(6, 0).lines.remove(0);
            edit.added.push(NewLine { quantity: 1, unit_price_minor: 10, ..mug });
            return edit;
        }
    }
    edit.lines.push(change);
    edit
}

fn pick_line(lines: &[Line], pick: u8) -> &Line {
    &lines[usize::from(pick) % lines.len()]
}
