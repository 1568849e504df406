//! What the tests of several modules stand on: a small shop, and a way to write histories down.

pub(crate) mod script;
pub(crate) mod world;

use std::collections::BTreeMap;

use proptest::test_runner::Config;

use crate::effects::KEY_WINDOW_MICROS;
use crate::money::{Currency, VatRate, line_amounts};
use crate::order::{
    Line, LineKind, Micros, Order, OrderKind, OrderNumber, PlacedLine, PriceBasis, StatusId,
    Withdrawal,
};
use crate::payments::{
    Authorization, Capabilities, Holder, MANUAL, Operation, OperationKind, OperationState, Payment,
    PaymentId, ProviderName,
};
use crate::shop::{CaptureMode, DuplicateMode, Rulebook, StockMode};
use crate::statuses::{Status, Statuses, Tag};

/// A property is tried this often: a hundred times as often with `ORDER_TEST_DEPTH=long`, for the night.
#[expect(clippy::disallowed_methods, reason = "the depth of a test run is no setting of a service")]
pub(crate) fn tried(ordinarily: u32) -> Config {
    let times = match std::env::var("ORDER_TEST_DEPTH").as_deref() {
        Ok("long") => 100,
        _ => 1,
    };
    Config { cases: ordinarily * times, failure_persistence: None, ..Config::default() }
}

pub(crate) const DEFAULT: StatusId = StatusId(1);
pub(crate) const PROCESSING: StatusId = StatusId(2);
pub(crate) const SENT: StatusId = StatusId(3);
pub(crate) const CANCELLED: StatusId = StatusId(4);
pub(crate) const RETURNED: StatusId = StatusId(5);
pub(crate) const COLLECTED: StatusId = StatusId(6);
pub(crate) const REGRETTED: StatusId = StatusId(7);
/// Deleted, an alias of PROCESSING.
pub(crate) const PACKING: StatusId = StatusId(8);

/// The five of 1.1, a second one for each tag that acts, and an alias.
pub(crate) fn statuses() -> Statuses {
    let status = |id: StatusId, tag, position| Status { id, tag, position, replaced_by: None };
    Statuses::new(vec![
        status(DEFAULT, Some(Tag::Default), 1),
        status(PROCESSING, None, 2),
        status(SENT, Some(Tag::Completed), 3),
        status(CANCELLED, Some(Tag::Cancelled), 4),
        status(RETURNED, None, 5),
        status(COLLECTED, Some(Tag::Completed), 6),
        status(REGRETTED, Some(Tag::Cancelled), 7),
        Status { replaced_by: Some(PROCESSING), ..status(PACKING, None, 8) },
    ])
}

pub(crate) fn rulebook() -> Rulebook {
    Rulebook {
        stock_mode: StockMode::Allow,
        capture_mode: CaptureMode::OnCompleted,
        duplicate_mode: DuplicateMode::Flag,
        duplicate_window_seconds: 86_400,
        completed_delivers: true,
        credit_status: None,
        automatic_transfer: None,
        labels: None,
    }
}

/// `klarna` can be lowered and needs its rest released, `vipps` neither, `mobilepay` only the latter; `giftcard` is
/// as unlikely to decline as manual; `card` is captured once.
pub(crate) fn capabilities() -> BTreeMap<ProviderName, Capabilities> {
    let provider = |name: &str, decline_rank, (can_release, can_lower)| {
        let capabilities = Capabilities {
            is_manual: name == MANUAL,
            decline_rank,
            can_release,
            keeps_remainder: name != "card",
            can_lower,
            can_read_back: name != MANUAL,
            key_window: KEY_WINDOW_MICROS,
        };
        (ProviderName(name.to_owned()), capabilities)
    };
    BTreeMap::from([
        provider("card", 9, (false, true)),
        provider("klarna", 5, (true, true)),
        provider("vipps", 4, (false, false)),
        provider("mobilepay", 4, (true, false)),
        provider("giftcard", 0, (true, true)),
        provider(MANUAL, 0, (false, true)),
    ])
}

pub(crate) fn nok() -> Currency {
    Currency::from_code("NOK").unwrap()
}

/// A line of goods at 25 % that comes to `gross_minor`, of two units where that divides.
pub(crate) fn goods(id: i32, sku: &str, quantity: i64, unit_price_minor: i64) -> Line {
    let vat_rate = VatRate::new(2_500).unwrap();
    let amounts = line_amounts(PriceBasis::Gross, unit_price_minor, quantity, 0, vat_rate).unwrap();
    Line {
        id,
        kind: LineKind::Goods,
        sku: sku.to_owned(),
        title: sku.to_owned(),
        quantity,
        unit_price_minor,
        discount_minor: 0,
        vat_rate,
        net_minor: amounts.net,
        vat_minor: amounts.vat,
        gross_minor: amounts.gross,
        placed: PlacedLine { quantity, vat_minor: amounts.vat, gross_minor: amounts.gross },
        delivered: 0,
        captured: 0,
        credited: 0,
        kept_back: 0,
        credited_gross_minor: 0,
        credited_vat_minor: 0,
        original_line: None,
        stock_taken: 0,
        stock_put_back: 0,
    }
}

/// A sale of two mugs for `gross_minor` altogether.
pub(crate) fn order(number: i64, gross_minor: i64) -> Order {
    let line = goods(1, "mug", 2, gross_minor / 2);
    Order {
        number: OrderNumber(number),
        kind: OrderKind::Sale,
        status: DEFAULT,
        pending: None,
        currency: nok(),
        price_basis: PriceBasis::Gross,
        net_minor: line.net_minor,
        vat_minor: line.vat_minor,
        gross_minor: line.gross_minor,
        lines: vec![line],
        payments: Vec::new(),
        problems: Vec::new(),
        duplicates: Vec::new(),
        resolution: None,
        deliveries: Vec::new(),
        credit: None,
        credits: Vec::new(),
        withdrawal: Withdrawal::default(),
        mails: Vec::new(),
        transfers: Vec::new(),
        labels: Vec::new(),
        placed_at: Micros(0),
        completed_at: None,
        cancelled_at: None,
        deleted_at: None,
    }
}

/// A confirmed reservation at klarna that these orders hold.
pub(crate) fn payment(id: i64, authorized_minor: i64, holders: &[i64]) -> Payment {
    let provider = ProviderName("klarna".to_owned());
    let holders = holders.iter().map(|&order| Holder {
        order: OrderNumber(order),
        is_live: true,
        amount_minor: authorized_minor,
    });
    Payment {
        id: PaymentId(id),
        capabilities: capabilities()[&provider],
        provider,
        reference: format!("k{id}"),
        currency: nok(),
        authorization: Authorization::Held,
        authorized_minor,
        expires_at: None,
        confirmed_at: Some(Micros(0)),
        confirmed_by: None,
        needs_attention: false,
        operations: Vec::new(),
        holders: holders.collect(),
    }
}

/// Of order 1, asked for at the beginning, and answered right away where it is over.
pub(crate) fn operation(
    id: i64,
    kind: OperationKind,
    amount_minor: i64,
    state: OperationState,
) -> Operation {
    Operation {
        id,
        order: OrderNumber(1),
        kind,
        amount_minor,
        state,
        requested_at: Micros(0),
        resolved_at: (!state.is_claimed()).then_some(Micros(1)),
        provider_reason: None,
        provider_reference: None,
        credit: None,
    }
}
