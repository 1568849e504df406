//! §9, rule by rule.

mod payments;

use super::{NewLine, NewPayment, Placed, Placement, StatedTotals, check_bounds};
use crate::decision::{Change, Decision};
use crate::fixtures::world::World;
use crate::fixtures::{DEFAULT, nok};
use crate::order::{LineKind, OrderNumber, PriceBasis};
use crate::payments::ProviderName;
use crate::refusals::{Code, Refusal};
use crate::shop::StockMode;
use crate::statuses::Statuses;
use crate::stock::{Movement, MovementReason};

fn line(sku: &str, quantity: i64, unit_price_minor: i64) -> NewLine {
    let kind = if sku.is_empty() { LineKind::Shipping } else { LineKind::Goods };
    NewLine {
        kind,
        sku: sku.to_owned(),
        title: sku.to_owned(),
        quantity,
        unit_price_minor,
        discount_minor: 0,
        vat_rate_bp: 2_500,
    }
}

fn paid(provider: &str, reference: &str, amount_minor: i64) -> NewPayment {
    let provider = ProviderName(provider.to_owned());
    NewPayment { provider, reference: reference.to_owned(), amount_minor }
}

/// Two mugs and freight, 299.00 altogether.
fn placement() -> Placement {
    Placement {
        currency: nok(),
        price_basis: PriceBasis::Gross,
        lines: vec![line("mug", 2, 10_000), line("", 1, 9_900)],
        order_discount_minor: 0,
        stated: None,
        payments: vec![paid("klarna", "k1", 29_900)],
        customer_key: "kari".to_owned(),
    }
}

fn placed(world: &mut World, placement: &Placement) -> Decision {
    match world.place(placement).unwrap().0 {
        Placed::New { decision, .. } => *decision,
        Placed::First(first) => panic!("{first:?} was answered instead"),
    }
}

fn refused(world: &mut World, placement: &Placement) -> Refusal {
    world.place(placement).map(|(placed, _)| placed).unwrap_err()
}

fn fields(placement: &Placement) -> Vec<String> {
    check_bounds(placement).into_iter().map(|violation| violation.field).collect()
}

#[test]
fn everything_out_of_bounds_is_told_at_once() {
    let wrong = Placement {
        lines: vec![
            NewLine { vat_rate_bp: 10_001, discount_minor: 1, ..line("mug", 0, 10) },
            NewLine { discount_minor: 31, ..line("mug", 3, 10) },
            NewLine { vat_rate_bp: -1, ..line("mug", 1_000_001, -1) },
            line("mug", 1, 1_000_000_000_001),
            NewLine { discount_minor: -1, ..line("mug", 1, 1) },
        ],
        order_discount_minor: -1,
        payments: vec![
            paid("klarna", "k1", -1),
            paid("klarna", "", 1),
            paid("manual", "m1", 1),
            paid("klarna", "k1", 1),
        ],
        ..placement()
    };
    let expected = [
        "order.lines[0].quantity",
        "order.lines[0].vat_rate_bp",
        "order.lines[1].discount_minor",
        "order.lines[2].quantity",
        "order.lines[2].unit_price_minor",
        "order.lines[2].vat_rate_bp",
        "order.lines[3].unit_price_minor",
        "order.lines[4].discount_minor",
        "order.payments[0].amount_minor",
        "order.payments[1].reference",
        "order.payments[2].reference",
        "order.payments[3].reference",
        "order.discount_minor",
    ];
    assert_eq!(fields(&wrong), expected);
    let refusal = refused(&mut World::new(), &wrong);
    assert_eq!((refusal.code, refusal.violations.len()), (Code::InvalidRequest, expected.len()));
}

#[test]
fn what_the_lines_come_to_is_told_beside_wrong_payments_and_the_other_way_round() {
    let wrong = || vec![paid("klarna", "", -1)];
    let largest = || line("mug", 1_000_000, 1_000_000_000_000);
    let of_payments = ["order.payments[0].amount_minor", "order.payments[0].reference"];
    let cases = [
        (vec![line("mug", 1, 100)], 101, "order.discount_minor"),
        (vec![largest(); 10], 0, "order.lines"),
        (vec![line("mug", 0, 100)], -1, "order.discount_minor"),
    ];
    for (lines, order_discount_minor, field) in cases {
        let placement = Placement { lines, order_discount_minor, payments: wrong(), ..placement() };
        let told = fields(&placement);
        for field in of_payments.into_iter().chain([field]) {
            assert!(told.iter().any(|told| told == field), "{field} in {told:?}");
        }
    }
}

#[test]
fn a_payment_of_nothing_is_for_an_order_that_costs_nothing() {
    let nothing = |order_discount_minor| Placement {
        order_discount_minor,
        payments: vec![paid("klarna", "k1", 29_900), paid("vipps", "v1", 0)],
        ..placement()
    };
    assert_eq!(fields(&nothing(0)), ["order.payments[1].amount_minor"]);
    assert_eq!(fields(&nothing(29_899)), ["order.payments[1].amount_minor"]);
    assert!(fields(&nothing(29_900)).is_empty(), "its total is 0");
}

#[test]
fn bounds_hold_at_their_edges() {
    let with_lines = |lines| Placement { lines, ..placement() };
    let with_discount = |order_discount_minor| Placement { order_discount_minor, ..placement() };
    let largest = || line("mug", 1_000_000, 1_000_000_000_000);
    let cases = [
        (with_lines(vec![]), vec!["order.lines"]),
        (with_lines(vec![line("mug", 1, 0); 500]), vec![]),
        (with_lines(vec![line("mug", 1, 0); 501]), vec!["order.lines"]),
        (with_lines(vec![largest()]), vec![]),
        (with_lines(vec![largest(); 9]), vec![]),
        (with_lines(vec![largest(); 10]), vec!["order.lines"]),
        (
            Placement { price_basis: PriceBasis::Net, ..with_lines(vec![largest(); 9]) },
            vec!["order.lines"],
        ),
        (with_lines(vec![NewLine { discount_minor: 30, ..line("mug", 3, 10) }]), vec![]),
        (with_discount(29_900), vec![]),
        (with_discount(29_901), vec!["order.discount_minor"]),
        (
            Placement {
                payments: vec![paid("klarna", "a", i64::MAX), paid("klarna", "b", 1)],
                ..placement()
            },
            vec!["order.payments"],
        ),
        (
            Placement {
                payments: (0..21).map(|index| paid("klarna", &index.to_string(), 1)).collect(),
                ..placement()
            },
            vec!["order.payments"],
        ),
    ];
    for (placement, expected) in cases {
        assert_eq!(fields(&placement), expected, "{} lines", placement.lines.len());
    }
}

#[test]
fn a_provider_the_shop_does_not_have_is_a_wrong_field() {
    let stranger = Placement { payments: vec![paid("paypal", "p1", 29_900)], ..placement() };
    let refusal = refused(&mut World::new(), &stranger);
    assert_eq!(refusal.code, Code::InvalidRequest);
    assert_eq!(refusal.violations[0].field, "order.payments[0].provider");
}

#[test]
fn totals_are_ours_and_stated_ones_must_agree() {
    let mut world = World::new();
    let order = placed(&mut world, &placement()).case.order;
    assert_eq!((order.net_minor, order.vat_minor, order.gross_minor), (23_920, 5_980, 29_900));
    assert_eq!((order.number, order.status), (OrderNumber(1), DEFAULT));
    let totals = |net_minor, vat_minor, gross_minor| {
        Some(StatedTotals { net_minor, vat_minor, gross_minor })
    };
    let cases = [
        (totals(Some(23_920), Some(5_980), Some(29_900)), &[][..]),
        (totals(None, None, Some(29_900)), &[]),
        (totals(None, None, Some(29_901)), &["gross_minor"]),
        (totals(Some(23_919), None, None), &["net_minor"]),
        (totals(None, Some(5_981), Some(29_900)), &["vat_minor"]),
        (totals(Some(0), Some(0), Some(0)), &["net_minor", "vat_minor", "gross_minor"]),
    ];
    for (stated, wrong) in cases {
        let answer = World::new().place(&Placement { stated, ..placement() });
        match answer {
            Ok(_) => assert!(wrong.is_empty(), "{stated:?}"),
            Err(refusal) => {
                let told = refusal.violations.iter().map(|one| one.field.as_str());
                let wrong = wrong.iter().map(|name| format!("order.stated_totals.{name}"));
                assert_eq!(told.collect::<Vec<_>>(), wrong.collect::<Vec<_>>(), "{stated:?}");
                assert_eq!(refusal.code, Code::TotalMismatch);
                assert_eq!(refusal.details[2], ("gross_minor", "29900".to_owned()));
            }
        }
    }
}

#[test]
fn a_discount_stays_with_the_lines() {
    let cheaper = Placement {
        order_discount_minor: 100,
        lines: vec![
            NewLine { discount_minor: 50, ..line("mug", 1, 1_050) },
            line("cup", 1, 1_000),
            line("jar", 1, 1_000),
        ],
        ..placement()
    };
    let order = placed(&mut World::new(), &cheaper).case.order;
    let discounts: Vec<i64> = order.lines.iter().map(|line| line.discount_minor).collect();
    assert_eq!(discounts, [84, 33, 33]);
    let gross: Vec<i64> = order.lines.iter().map(|line| line.gross_minor).collect();
    assert_eq!(gross, [966, 967, 967]);
    assert_eq!(order.gross_minor, 2_900);
    assert_eq!(order.lines[0].placed.gross_minor, 966);
    assert_eq!(order.lines.iter().map(|line| line.id).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn tracked_stock_goes_down_and_untracked_does_not() {
    let mut world = World::new();
    world.stock("mug", 5);
    let lines = vec![line("mug", 2, 0), line("cup", 1, 0), line("mug", 3, 0), line("", 1, 0)];
    let decision = placed(&mut world, &Placement { lines, ..placement() });
    let movement = |line, quantity| Movement {
        sku: "mug".to_owned(),
        quantity,
        reason: MovementReason::Placed,
        order: Some(OrderNumber(1)),
        line: Some(line),
    };
    assert_eq!(decision.movements, [movement(1, -2), movement(3, -3)]);
    let taken: Vec<i64> = decision.case.order.lines.iter().map(|line| line.stock_taken).collect();
    assert_eq!(taken, [2, 0, 3, 0]);
    assert_eq!(decision.open_problems().count(), 0);
    assert_eq!(world.items["mug"].on_hand, 0);
}

#[test]
fn too_little_stock_is_refused_or_a_problem() {
    let short = |mode| {
        let mut world = World::new();
        world.rulebook.stock_mode = mode;
        world.stock("mug", 3);
        world.stock("cup", 0);
        world.stock("jar", 1);
        world
    };
    let lines = vec![line("mug", 2, 0), line("cup", 1, 0), line("mug", 2, 0), line("jar", 1, 0)];
    let wanted = Placement { lines, ..placement() };
    let refusal = refused(&mut short(StockMode::Refuse), &wanted);
    assert_eq!(refusal, Refusal::new(Code::OutOfStock).with("skus", "cup,mug"));

    let mut world = short(StockMode::Allow);
    let decision = placed(&mut world, &wanted);
    let problems: Vec<Code> = decision.open_problems().map(|problem| problem.code).collect();
    assert_eq!(problems, [Code::Oversold]);
    assert_eq!(world.items["mug"].on_hand, -1);
}

#[test]
fn a_refused_order_takes_nothing() {
    let mut world = World::new();
    world.stock("mug", 5);
    let poor = Placement { payments: vec![paid("klarna", "k1", 29_899)], ..placement() };
    let refusal = refused(&mut world, &poor);
    let expected = Refusal::new(Code::PaymentInsufficient)
        .with("stated_minor", 29_899)
        .with("total_minor", 29_900);
    assert_eq!(refusal, expected);
    assert_eq!((world.items["mug"].on_hand, world.orders.len()), (5, 0));
}

#[test]
fn a_shop_without_a_default_status_places_nothing() {
    let mut world = World::new();
    world.statuses = Statuses::new(Vec::new());
    assert_eq!(refused(&mut world, &placement()).code, Code::StatusTagRequired);
}

#[test]
fn what_happens_is_told_in_its_order() {
    let mut world = World::new();
    world.stock("mug", 1);
    let mixed = Placement {
        payments: vec![paid("manual", "", 900), paid("klarna", "k1", 29_000)],
        ..placement()
    };
    let decision = placed(&mut world, &mixed);
    let kinds: Vec<&str> = decision
        .changes
        .iter()
        .map(|change| match change {
            Change::Created => "created",
            Change::PaymentAttached { .. } => "attached",
            Change::OperationRequested { .. } => "requested",
            Change::OperationResolved { .. } => "resolved",
            Change::StockTaken { .. } => "taken",
            Change::ProblemOpened { .. } => "problem",
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        "created",
        "attached",
        "requested",
        "resolved",
        "attached",
        "requested",
        "taken",
        "problem",
    ];
    assert_eq!(kinds, expected);
    assert_eq!(decision.effects.len(), 1);
}
