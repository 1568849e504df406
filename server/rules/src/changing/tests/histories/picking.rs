//! What the numbers of an act pick: among the orders there are, the ledger, and a few purchases.

use crate::crediting::{CreditAmount, CreditFee, CreditLine, CreditOrder};
use crate::fixtures::nok;
use crate::fixtures::world::World;
use crate::money::VatRate;
use crate::order::{LineKind, OrderNumber, PriceBasis};
use crate::payments::{Operation, OperationKind, OperationState, ProviderName, in_flight};
use crate::placing::{NewLine, NewPayment, Placement};

const TOTALS: [i64; 3] = [100, 60, 0];

/// Units or an amount of the only line, now and then with a fee.
pub(super) fn credit_of(what: u8, is_refunded: bool, is_restocked: bool) -> CreditOrder {
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

pub(super) fn is_authorize(world: &World, operation: i64) -> bool {
    let found = world.payments.values().find_map(|payment| payment.operation(operation));
    found.is_some_and(|found| found.kind == OperationKind::Authorize)
}

/// An operation that could be answered: one in flight per payment, as the store keeps it.
pub(super) fn pick_effect(world: &World, pick: u8) -> Option<(i64, i64)> {
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

/// Any row of the ledger, but those of orders that were deleted.
pub(super) fn pick_operation(world: &World, pick: u8) -> Option<Operation> {
    let of_all = world.payments.values().flat_map(|payment| &payment.operations);
    let is_there = |one: &&Operation| world.orders[&one.order].deleted_at.is_none();
    let all: Vec<&Operation> = of_all.filter(is_there).collect();
    all.get(usize::from(pick) % all.len().max(1)).map(|found| (*found).clone())
}

/// Nobody does anything to an order that was deleted.
pub(super) fn pick_order(world: &World, pick: u8) -> Option<OrderNumber> {
    let orders = world.orders.values().filter(|order| order.deleted_at.is_none());
    let orders: Vec<OrderNumber> = orders.map(|order| order.number).collect();
    orders.get(usize::from(pick) % orders.len().max(1)).copied()
}

/// Few references, so that orders come to share them.
pub(super) fn placement(payments: u8, price: u8) -> Placement {
    let payments = match payments % 8 {
        0..2 => vec![named("klarna", "k1", 130)],
        2 => vec![named("card", "c1", 130)],
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
        customer_key: "kari".to_owned(),
    }
}

pub(super) fn new_payment(pick: u8) -> NewPayment {
    match pick % 5 {
        4 => named("card", "c2", 60),
        0 => named("vipps", "v3", 50),
        1 => named("klarna", "k2", 100),
        2 => named("giftcard", "g3", 10),
        _ => named("manual", "", 40),
    }
}

pub(super) fn named(provider: &str, reference: &str, amount_minor: i64) -> NewPayment {
    let provider = ProviderName(provider.to_owned());
    NewPayment { provider, reference: reference.to_owned(), amount_minor }
}
