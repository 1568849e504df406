//! 7.1, 7.2, 9.3: what an order's payments are when it is placed.

use super::{line, paid, placed, placement, refused};
use crate::changing::ChangeStatus;
use crate::editing::{Edit, LineEdit};
use crate::fixtures::CANCELLED;
use crate::fixtures::world::World;
use crate::money::Currency;
use crate::order::{DuplicateLink, DuplicateResolution, OrderNumber, PriceBasis};
use crate::payments::{Authorization, OperationKind, OperationState};
use crate::placing::{Placed, Placement};
use crate::refusals::Code;
use crate::shop::DuplicateMode;

#[test]
fn a_provider_is_asked_before_it_is_believed() {
    let decision = placed(&mut World::new(), &placement());
    let payment = &decision.case.payments[0];
    assert_eq!((payment.authorization, payment.authorized_minor), (Authorization::Pending, 0));
    let operation = &payment.operations[0];
    assert_eq!((operation.kind, operation.amount_minor), (OperationKind::Authorize, 29_900));
    assert_eq!(operation.state, OperationState::Pending);
    assert_eq!(decision.effects[0].operation, *operation);
    assert_eq!(decision.effects[0].payment, payment.id);
}

#[test]
fn manual_is_held_at_once_and_never_shared() {
    let mut world = World::new();
    let by_hand = Placement {
        payments: vec![paid("manual", "", 29_900)],
        customer_key: String::new(),
        ..placement()
    };
    for _ in 0..2 {
        let decision = placed(&mut world, &by_hand);
        let payment = &decision.case.payments[0];
        assert_eq!((payment.authorization, payment.available()), (Authorization::Held, 29_900));
        assert_eq!(payment.operations[0].state, OperationState::Succeeded);
        assert_eq!(payment.holders.len(), 1);
        assert!(decision.effects.is_empty());
        assert!(decision.case.order.duplicates.is_empty());
    }
}

#[test]
fn the_same_payment_makes_a_duplicate_and_both_orders_say_so() {
    let mut world = World::new();
    placed(&mut world, &placement());
    let other_lines = Placement { lines: vec![line("cup", 1, 29_900)], ..placement() };
    let decision = placed(&mut world, &other_lines);
    let link = DuplicateLink {
        other: OrderNumber(1),
        same_payment: true,
        same_time: true,
        same_customer: true,
        same_lines: false,
        same_total: true,
        resolution: DuplicateResolution::Open,
    };
    assert_eq!(decision.case.order.duplicates, std::slice::from_ref(&link));
    let back = DuplicateLink { other: OrderNumber(2), ..link };
    assert_eq!(world.orders[&OrderNumber(1)].duplicates, [back]);
    let payment = &decision.case.payments[0];
    let holders: Vec<i64> = payment.holders.iter().map(|holder| holder.order.0).collect();
    assert_eq!(holders, [1, 2]);
    assert!(decision.effects.is_empty(), "the provider was asked already");
    assert_eq!(decision.open_problems().count(), 0);

    let third = placed(&mut world, &placement());
    assert_eq!(third.case.order.duplicates.len(), 2);
}

#[test]
fn another_amount_or_currency_is_no_duplicate() {
    let mut world = World::new();
    placed(&mut world, &placement());
    let dearer = Placement { payments: vec![paid("klarna", "k1", 30_000)], ..placement() };
    let foreign = Placement { currency: Currency::from_code("SEK").unwrap(), ..placement() };
    for wrong in [dearer, foreign] {
        let refusal = refused(&mut world, &wrong);
        assert_eq!(refusal.code, Code::PaymentMismatch);
        assert_eq!(refusal.details[1], ("stored_minor", "29900".to_owned()));
    }
    let elsewhere = Placement { payments: vec![paid("vipps", "k1", 29_900)], ..placement() };
    let links = placed(&mut world, &elsewhere).case.order.duplicates;
    assert!(!links[0].same_payment, "the same purchase, paid again elsewhere");
}

#[test]
fn a_payment_is_on_at_most_twenty_orders() {
    let mut world = World::new();
    let stranger = |number: u32| Placement { customer_key: number.to_string(), ..placement() };
    for number in 0..20 {
        placed(&mut world, &stranger(number));
    }
    let refusal = refused(&mut world, &stranger(20));
    assert_eq!(refusal.code, Code::InvalidRequest);
    assert_eq!(refusal.violations[0].field, "order.payments[0].reference");

    world.rulebook.duplicate_mode = DuplicateMode::ReturnFirst;
    let again = world.place(&stranger(0)).unwrap();
    assert_eq!(again.0, Placed::First(OrderNumber(1)), "it is not one more");
}

#[test]
fn an_order_has_at_most_forty_payments_and_none_of_nothing() {
    let mut world = World::new();
    let order = placed(&mut world, &placement()).case.order.number;
    let refusal = world.attach(order, &paid("klarna", "k0", 0)).unwrap_err();
    assert_eq!(refusal.violations[0].field, "payment.amount_minor");
    for number in 2..=40 {
        let _done = world.attach(order, &paid("klarna", &format!("k{number}"), 1)).unwrap();
    }
    let refusal = world.attach(order, &paid("klarna", "k41", 1)).unwrap_err();
    let fields: Vec<&str> = refusal.violations.iter().map(|one| one.field.as_str()).collect();
    assert_eq!((refusal.code, fields.as_slice()), (Code::InvalidRequest, ["payment"].as_slice()));
}

#[test]
fn a_payment_that_nobody_holds_any_more_is_gone() {
    let mut world = World::new();
    let first = placed(&mut world, &placement());
    let operation = first.effects[0].operation.id;
    let declined = crate::changing::Outcome::Declined {
        code: Code::AuthorizationDeclined,
        provider_reason: String::new(),
    };
    let _done = world.record(operation, &declined);
    let cancel =
        ChangeStatus { to: CANCELLED, restock: Some(false), has_note: false, send_email: false };
    let _done = world.change(OrderNumber(1), cancel).unwrap();
    let decision = placed(&mut world, &placement());
    let problems: Vec<Code> = decision.open_problems().map(|problem| problem.code).collect();
    assert_eq!(problems, [Code::ReservationGone]);
}

#[test]
fn a_shop_may_have_the_first_order_answered() {
    let mut world = World::new();
    world.rulebook.duplicate_mode = DuplicateMode::ReturnFirst;
    placed(&mut world, &placement());
    let again = world.place(&placement()).unwrap();
    assert_eq!(again, (Placed::First(OrderNumber(1)), Vec::new()));
    assert_eq!(world.orders.len(), 1);

    // Other content is always flagged.
    let others = [
        Placement { customer_key: "ola".to_owned(), ..placement() },
        Placement { lines: vec![line("cup", 1, 29_900)], ..placement() },
        Placement { order_discount_minor: 100, ..placement() },
    ];
    for other in others {
        assert!(!placed(&mut world, &other).case.order.duplicates.is_empty());
    }
}

#[test]
fn an_edit_of_the_first_order_makes_no_other_purchase_of_the_repeat() {
    let edits = [
        // Units, a price, a line that goes and one that comes.
        LineEdit { line: 1, quantity: Some(1), unit_price_minor: None },
        LineEdit { line: 1, quantity: None, unit_price_minor: Some(9_000) },
        LineEdit { line: 2, quantity: Some(0), unit_price_minor: None },
    ];
    let mut added = Edit { added: vec![line("cup", 1, 100)], ..Edit::default() };
    added.lines.push(edits[0]);
    let edits = edits.map(|one| Edit { lines: vec![one], ..Edit::default() });
    for edit in edits.into_iter().chain([added]) {
        let mut world = World::new();
        world.rulebook.duplicate_mode = DuplicateMode::ReturnFirst;
        placed(&mut world, &placement());
        let _done = world.edit(OrderNumber(1), &edit).unwrap();
        let again = world.place(&placement()).unwrap();
        assert_eq!(again.0, Placed::First(OrderNumber(1)), "{edit:?}");
    }

    // The same figures without VAT are another purchase.
    let mut world = World::new();
    world.rulebook.duplicate_mode = DuplicateMode::ReturnFirst;
    let held = || vec![paid("klarna", "k1", 50_000)];
    placed(&mut world, &Placement { payments: held(), ..placement() });
    let net = Placement { price_basis: PriceBasis::Net, payments: held(), ..placement() };
    assert!(!placed(&mut world, &net).case.order.duplicates.is_empty());
}
