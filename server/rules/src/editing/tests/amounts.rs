//! 5.5 and 10.5: reduced lines against the placed one, whatever the price, discount and rate.

use proptest::prelude::*;

use super::super::lines::{Edit, LineEdit, edited};
use crate::fixtures::{goods, order, tried};
use crate::money::{VatRate, line_amounts};
use crate::order::{Line, Order, PlacedLine, PriceBasis};

fn line(basis: PriceBasis, quantity: i64, price: i64, discount: i64, rate: i64) -> Line {
    let vat_rate = VatRate::new(rate).unwrap();
    let amounts = line_amounts(basis, price, quantity, discount, vat_rate).unwrap();
    Line {
        vat_rate,
        discount_minor: discount,
        unit_price_minor: price,
        net_minor: amounts.net,
        vat_minor: amounts.vat,
        gross_minor: amounts.gross,
        placed: PlacedLine { quantity, vat_minor: amounts.vat, gross_minor: amounts.gross },
        ..goods(1, "mug", quantity, price)
    }
}

fn edit(order: &mut Order, quantity: Option<i64>, unit_price_minor: Option<i64>) {
    let one = LineEdit { line: 1, quantity, unit_price_minor };
    order.lines = edited(order, &Edit { lines: vec![one], ..Edit::default() }).unwrap();
}

proptest! {
    #![proptest_config(tried(256))]

    #[test]
    fn a_reduced_line_is_the_first_units_of_the_placed_one(
        is_net in any::<bool>(),
        quantity in 1_i64..60,
        price in 0_i64..100_000,
        discount_share in 0_i64..=100,
        rate in 0_i64..=10_000,
        steps in proptest::collection::vec(1_i64..60, 1..6),
    ) {
        let basis = if is_net { PriceBasis::Net } else { PriceBasis::Gross };
        let discount = price * quantity * discount_share / 100;
        let placed = line(basis, quantity, price, discount, rate);
        let mut order = Order { price_basis: basis, lines: vec![placed.clone()], ..order(1, 0) };
        let rounded = |amount: i64, units: i64| (2 * amount * units + quantity) / (2 * quantity);
        for step in steps {
            let units = step.min(quantity);
            edit(&mut order, Some(units), None);
            let line = &order.lines[0];
            prop_assert_eq!(line.gross_minor, rounded(placed.gross_minor, units));
            prop_assert_eq!(line.vat_minor, rounded(placed.vat_minor, units));
            prop_assert_eq!(line.net_minor + line.vat_minor, line.gross_minor);
            prop_assert_eq!(line.placed, placed.placed);
            let amount = if is_net { line.net_minor } else { line.gross_minor };
            prop_assert!(line.discount_minor >= 0);
            prop_assert_eq!(price * units - line.discount_minor, amount);
        }
        // However it was reduced: all units are the line as it was placed, bit by bit.
        edit(&mut order, Some(quantity), None);
        prop_assert_eq!(&order.lines[0], &placed);
        // More units, or another price, are a line placed anew; the discount stays.
        edit(&mut order, Some(quantity + 1), None);
        prop_assert_eq!(&order.lines[0], &line(basis, quantity + 1, price, discount, rate));
        edit(&mut order, None, Some(price / 2));
        let discount = discount.min(price / 2 * (quantity + 1));
        prop_assert_eq!(&order.lines[0], &line(basis, quantity + 1, price / 2, discount, rate));
    }
}

#[test]
fn thirds_are_taken_in_the_order_of_the_units() {
    let mut order =
        Order { lines: vec![line(PriceBasis::Gross, 3, 3_334, 2, 2_500)], ..order(1, 0) };
    assert_eq!((order.lines[0].gross_minor, order.lines[0].vat_minor), (10_000, 2_000));
    for (units, gross, vat, discount) in [(2, 6_667, 1_333, 1), (1, 3_333, 667, 1), (0, 0, 0, 0)] {
        edit(&mut order, Some(units), None);
        let line = &order.lines[0];
        assert_eq!((line.gross_minor, line.vat_minor, line.discount_minor), (gross, vat, discount));
    }
}
