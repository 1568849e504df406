//! Any series of credits of a line adds up to the line, to the smallest unit (4.1, 10.5).

use proptest::prelude::*;

use super::super::parts::{self, left_of};
use super::super::{CreditAmount, CreditFee, CreditLine, document};
use crate::fixtures::{goods, order, tried};
use crate::money::{VatRate, line_amounts, part};
use crate::order::{Line, Order, PlacedLine, PriceBasis};
use crate::placing::sum_lines;

/// A sold line with a discount, in either basis, whose captured units grow now and then.
fn sold(basis: PriceBasis, quantity: i64, price: i64, discount: i64, rate: i64) -> Order {
    let vat_rate = VatRate::new(rate).unwrap();
    let discount_minor = discount.min(price * quantity);
    let amounts = line_amounts(basis, price, quantity, discount_minor, vat_rate).unwrap();
    let line = Line {
        discount_minor,
        vat_rate,
        net_minor: amounts.net,
        vat_minor: amounts.vat,
        gross_minor: amounts.gross,
        placed: PlacedLine { quantity, vat_minor: amounts.vat, gross_minor: amounts.gross },
        ..goods(1, "mug", quantity, price)
    };
    let (net_minor, vat_minor) = (line.net_minor, line.vat_minor);
    let gross_minor = line.gross_minor;
    Order {
        price_basis: basis,
        lines: vec![line],
        net_minor,
        vat_minor,
        gross_minor,
        ..order(1, 0)
    }
}

/// Credits a line by units or by amount, as far as there is something left, and checks the document.
fn step(order: &mut Order, credited: &mut (i64, i64, i64), is_by_amount: bool, pick: i64) {
    let left = left_of(&order.lines[0]).unwrap();
    let amount = match is_by_amount {
        true if left.gross_minor > 0 => CreditAmount::Gross(pick % left.gross_minor + 1),
        false if left.units > 0 => CreditAmount::Units(pick % left.units + 1),
        _ => return,
    };
    let wanted = CreditLine { line: 1, amount, is_restocked: false };
    let taken = parts::of(order, &[wanted]).unwrap();
    let lines = document::lines(order, &taken, &[]).unwrap();
    let line = &lines[0];
    let in_basis = match order.price_basis {
        PriceBasis::Gross => line.gross_minor,
        PriceBasis::Net => line.net_minor,
    };
    assert_eq!(line.unit_price_minor * line.quantity - line.discount_minor, in_basis);
    assert_eq!(line.net_minor + line.vat_minor, line.gross_minor);
    assert!(line.gross_minor <= 0 && line.vat_minor <= 0, "{line:?}");
    let sale = &mut order.lines[0];
    sale.credited += taken[0].units;
    sale.credited_gross_minor += taken[0].gross_minor;
    sale.credited_vat_minor += taken[0].vat_minor;
    assert!(sale.credited <= sale.captured);
    assert!(sale.credited_gross_minor <= sale.gross_minor);
    assert!(sale.credited_vat_minor <= sale.vat_minor, "{sale:?}");
    credited.0 += line.net_minor;
    credited.1 += line.vat_minor;
    credited.2 += line.gross_minor;
}

proptest! {
    #![proptest_config(tried(2_000))]

    #[test]
    fn every_series_of_credits_adds_up_to_the_line(
        is_net in any::<bool>(),
        (quantity, price) in (1_i64..9, 0_i64..20_000),
        (discount, rate) in (0_i64..3_000, prop_oneof![Just(2_500_i64), Just(1_500), 0..=10_000_i64]),
        steps in proptest::collection::vec((any::<bool>(), 0_i64..30_000, any::<bool>()), 0..25),
        is_last_by_amount in any::<bool>(),
    ) {
        let basis = if is_net { PriceBasis::Net } else { PriceBasis::Gross };
        let mut order = sold(basis, quantity, price, discount, rate);
        let mut credited = (0, 0, 0);
        order.lines[0].captured = 1;
        for (is_by_amount, pick, is_captured) in steps {
            let line = &mut order.lines[0];
            line.captured = (line.captured + i64::from(is_captured)).min(quantity);
            step(&mut order, &mut credited, is_by_amount, pick);
        }
        // The rest of it, one way or the other, in one piece or unit by unit.
        order.lines[0].captured = quantity;
        let left = left_of(&order.lines[0]).unwrap();
        if is_last_by_amount && left.gross_minor > 0 {
            step(&mut order, &mut credited, true, left.gross_minor - 1);
        } else {
            (0..left.units).for_each(|_| step(&mut order, &mut credited, false, 0));
            let left = left_of(&order.lines[0]).unwrap();
            if left.gross_minor > 0 {
                step(&mut order, &mut credited, true, left.gross_minor - 1);
            }
        }
        let line = &order.lines[0];
        prop_assert_eq!(credited, (-line.net_minor, -line.vat_minor, -line.gross_minor));
        prop_assert_eq!(left_of(line).unwrap().gross_minor, 0);
        prop_assert_eq!(left_of(line).unwrap().vat_minor, 0);
    }

    #[test]
    fn credits_by_units_are_the_parts_of_the_line(
        quantity in 1_i64..12,
        (gross, vat) in (0_i64..500).prop_flat_map(|gross| (Just(gross), 0..=gross)),
        units in proptest::collection::vec(1_i64..4, 1..12),
    ) {
        let mut order = sold(PriceBasis::Gross, quantity, 0, 0, 2_500);
        let line = &mut order.lines[0];
        line.placed = PlacedLine { quantity, vat_minor: vat, gross_minor: gross };
        (line.gross_minor, line.vat_minor, line.net_minor) = (gross, vat, gross - vat);
        line.captured = quantity;
        for units in units {
            let line = &order.lines[0];
            let (already, units) = (line.credited, units.min(quantity - line.credited));
            if units == 0 {
                break;
            }
            let amount = CreditAmount::Units(units);
            let wanted = CreditLine { line: 1, amount, is_restocked: false };
            let taken = parts::of(&order, &[wanted]).unwrap()[0];
            prop_assert_eq!(taken.gross_minor, part(gross, already, units, quantity).unwrap());
            prop_assert_eq!(taken.vat_minor, part(vat, already, units, quantity).unwrap());
            let line = &mut order.lines[0];
            line.credited += units;
            line.credited_gross_minor += taken.gross_minor;
            line.credited_vat_minor += taken.vat_minor;
        }
    }
}

#[test]
fn many_small_reductions_carry_the_vat_of_their_amount() {
    for (size, rate) in [(2, 2_500), (3, 2_500), (1, 1_500), (7, 10_000)] {
        let mut order = sold(PriceBasis::Gross, 1, 10_000, 0, rate);
        order.lines[0].captured = 1;
        let mut credited = (0, 0, 0);
        while left_of(&order.lines[0]).unwrap().gross_minor >= size {
            step(&mut order, &mut credited, true, size - 1);
            let line = &order.lines[0];
            let exact = line.vat_minor * line.credited_gross_minor / line.gross_minor;
            assert!((line.credited_vat_minor - exact).abs() <= 2, "{size} at {rate}: {line:?}");
        }
    }
}

#[test]
fn a_fee_is_a_line_in_the_basis_of_the_order() {
    let fee = |rate| CreditFee {
        title: "Returfrakt".to_owned(),
        gross_minor: 9_900,
        vat_rate: VatRate::new(rate).unwrap(),
    };
    let order = sold(PriceBasis::Net, 3, 100, 0, 2_500);
    let lines = document::lines(&order, &[], &[fee(2_500), fee(0)]).unwrap();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.id, line.unit_price_minor, line.vat_minor, line.gross_minor))
        .collect();
    assert_eq!(told, [(1, 7_920, 1_980, 9_900), (2, 9_900, 0, 9_900)]);
    assert!(lines.iter().all(|line| line.original_line.is_none() && line.sku.is_empty()));
    assert_eq!(sum_lines(&lines).unwrap().gross, 19_800);
}
