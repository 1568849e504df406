//! §10: tables for each rule, and properties for amounts of any size.

use proptest::prelude::*;

use super::{
    Currency, LineAmounts, Overflow, VatRate, VatRow, currencies, line_amounts, part, spread,
    vat_of_gross, vat_of_net, vat_table,
};
use crate::fixtures::{goods, tried};
use crate::order::{Line, PriceBasis};

fn rate(basis_points: i64) -> VatRate {
    VatRate::new(basis_points).unwrap()
}

#[test]
fn currencies_have_the_exponents_of_iso_4217() {
    let cases = [
        ("NOK", Some(2)),
        ("SEK", Some(2)),
        ("JPY", Some(0)),
        ("ISK", Some(0)),
        ("KWD", Some(3)),
        ("CLF", Some(4)),
        ("AED", Some(2)),
        ("ZWG", Some(2)),
        ("XAU", None),
        ("DEM", None),
        ("nok", None),
        ("", None),
    ];
    for (code, exponent) in cases {
        assert_eq!(Currency::from_code(code).map(Currency::exponent), exponent, "{code}");
    }
    assert!(currencies::ACTIVE.is_sorted_by(|(one, _), (next, _)| one < next));
    for (code, _) in currencies::ACTIVE {
        assert_eq!(Currency::from_code(code).unwrap().code(), *code);
    }
}

#[test]
fn a_vat_rate_is_from_0_to_10000_basis_points() {
    for (basis_points, is_rate) in [(-1, false), (0, true), (10_000, true), (10_001, false)] {
        let made = VatRate::new(basis_points).map(VatRate::basis_points);
        assert_eq!(made, is_rate.then_some(basis_points));
    }
}

#[test]
fn vat_is_rounded_half_away_from_zero() {
    let cases = [
        // gross, basis points, VAT
        (10_000, 2_500, 2_000),
        (2_997, 2_500, 599),
        (5, 10_000, 3),
        (4, 2_500, 1),
        (2, 2_500, 0),
        (3, 2_500, 1),
        (10_000, 0, 0),
        (i64::MAX, 10_000, i64::MAX / 2 + 1),
    ];
    for (gross, basis_points, vat) in cases {
        assert_eq!(vat_of_gross(gross, rate(basis_points)), Ok(vat), "{gross} {basis_points}");
        assert_eq!(vat_of_gross(-gross, rate(basis_points)), Ok(-vat), "-{gross} {basis_points}");
    }
    for (net, basis_points, vat) in [(2, 2_500, 1), (1, 2_500, 0), (10, 1_500, 2), (3, 10_000, 3)] {
        assert_eq!(vat_of_net(net, rate(basis_points)), Ok(vat), "{net} {basis_points}");
        assert_eq!(vat_of_net(-net, rate(basis_points)), Ok(-vat), "-{net} {basis_points}");
    }
}

#[test]
fn a_line_is_its_price_times_its_quantity_less_its_discount() {
    let check = |basis, (unit, quantity, discount), expected| {
        assert_eq!(line_amounts(basis, unit, quantity, discount, rate(2_500)), expected);
    };
    let amounts = |net, vat, gross| Ok(LineAmounts { net, vat, gross });
    check(PriceBasis::Gross, (999, 3, 0), amounts(2_398, 599, 2_997));
    check(PriceBasis::Gross, (10_000, 1, 2_500), amounts(6_000, 1_500, 7_500));
    check(PriceBasis::Net, (999, 3, 0), amounts(2_997, 749, 3_746));
    check(PriceBasis::Net, (0, 5, 0), amounts(0, 0, 0));
    check(PriceBasis::Gross, (i64::MAX, 2, 0), Err(Overflow));
    check(PriceBasis::Net, (i64::MAX, 1, 0), Err(Overflow));
    check(PriceBasis::Gross, (1, 1, i64::MIN), Err(Overflow));
}

#[test]
fn a_discount_goes_to_the_largest_remainders_and_ties_to_the_first_lines() {
    let check = |total, weights: &[i64], expected| {
        assert_eq!(spread(total, weights), expected, "{total} over {weights:?}");
    };
    check(100, &[1, 1, 1], Ok(vec![34, 33, 33]));
    check(-100, &[1, 1, 1], Ok(vec![-34, -33, -33]));
    check(2, &[1, 1, 1], Ok(vec![1, 1, 0]));
    check(10, &[0, 5, 0], Ok(vec![0, 10, 0]));
    check(10, &[1, 3, 1], Ok(vec![2, 6, 2]));
    check(5, &[6, 7, 7], Ok(vec![1, 2, 2]));
    check(0, &[0, 0], Ok(vec![0, 0]));
    check(1, &[0, 0], Err(Overflow));
    check(1, &[2, -1], Err(Overflow));
}

#[test]
fn parts_of_a_line_run_on_what_it_was_placed_with() {
    let thirds = |x| [0, 1, 2].map(|already| part(x, already, 1, 3).unwrap());
    assert_eq!(thirds(10_000), [3_333, 3_334, 3_333]);
    assert_eq!(thirds(2_000), [667, 666, 667]);
    assert_eq!(thirds(-2_000), [-667, -666, -667]);
    for (already, taken, quantity) in [(-1, 1, 3), (0, -1, 3), (2, 2, 3), (0, 0, 0), (3, 1, 3)] {
        assert_eq!(part(100, already, taken, quantity), Err(Overflow));
    }
    assert_eq!(part(i64::MAX, 0, i64::MAX, i64::MAX), Ok(i64::MAX));
}

#[test]
fn the_vat_table_sums_the_lines_of_each_rate_highest_first() {
    let food = Line {
        vat_rate: rate(1_500),
        net_minor: 100,
        vat_minor: 15,
        gross_minor: 115,
        ..goods(3, "", 1, 115)
    };
    let lines = [food, goods(1, "mug", 1, 10_000), goods(2, "cup", 3, 999)];
    let rows = vec![
        VatRow { rate: rate(2_500), net: 10_398, vat: 2_599, gross: 12_997 },
        VatRow { rate: rate(1_500), net: 100, vat: 15, gross: 115 },
    ];
    assert_eq!(vat_table(&lines), Ok(rows));
    assert_eq!(vat_table(&[]), Ok(Vec::new()));
    let huge = Line { gross_minor: i64::MAX, ..goods(1, "mug", 1, 1) };
    assert_eq!(vat_table(&[huge.clone(), huge]), Err(Overflow));
}

/// Rounding by counting: the whole number nearest to `numerator / divisor`, halves away from zero.
fn nearest(numerator: i128, divisor: i128) -> i128 {
    let below = numerator.div_euclid(divisor);
    let rest = numerator - below * divisor;
    match (2 * rest).cmp(&divisor) {
        std::cmp::Ordering::Less => below,
        std::cmp::Ordering::Greater => below + 1,
        std::cmp::Ordering::Equal if numerator < 0 => below,
        std::cmp::Ordering::Equal => below + 1,
    }
}

proptest! {
    #![proptest_config(tried(256))]

    #[test]
    fn vat_agrees_with_counting_and_mirrors(amount in any::<i64>(), basis_points in 0_i64..=10_000) {
        prop_assume!(amount != i64::MIN);
        let r = rate(basis_points);
        let (amount_wide, points) = (i128::from(amount), i128::from(basis_points));
        let gross = vat_of_gross(amount, r).unwrap();
        prop_assert_eq!(i128::from(gross), nearest(amount_wide * points, 10_000 + points));
        prop_assert_eq!(vat_of_gross(-amount, r).unwrap(), -gross);
        let net = vat_of_net(amount, r).unwrap();
        prop_assert_eq!(i128::from(net), nearest(amount_wide * points, 10_000));
        prop_assert_eq!(vat_of_net(-amount, r).unwrap(), -net);
    }

    #[test]
    fn shares_add_up_and_are_fair(
        total in any::<i64>(),
        weights in proptest::collection::vec(0_i64..1_000_000_000_000, 1..40),
    ) {
        prop_assume!(weights.iter().any(|&weight| weight > 0));
        let shares = spread(total, &weights).unwrap();
        prop_assert_eq!(shares.iter().map(|&share| i128::from(share)).sum::<i128>(), i128::from(total));
        let sum: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
        for (&share, &weight) in shares.iter().zip(&weights) {
            // No share is a whole unit away from the exact one.
            let off = i128::from(share) * sum - i128::from(total) * i128::from(weight);
            prop_assert!(off.abs() < sum);
        }
    }

    #[test]
    fn parts_add_up_to_the_whole_however_they_are_taken(
        gross in any::<i64>(),
        vat in any::<i64>(),
        steps in proptest::collection::vec(0_i64..1_000, 1..30),
    ) {
        let quantity: i64 = steps.iter().sum::<i64>().max(1);
        for x in [gross, vat] {
            let mut already = 0;
            let mut sum = 0_i128;
            for &taken in &steps {
                sum += i128::from(part(x, already, taken, quantity).unwrap());
                already += taken;
            }
            sum += i128::from(part(x, already, quantity - already, quantity).unwrap());
            prop_assert_eq!(sum, i128::from(x));
        }
    }

    #[test]
    fn a_line_never_loses_a_minor_unit(
        is_gross in any::<bool>(),
        unit in 0_i64..=1_000_000_000_000,
        quantity in 1_i64..=1_000_000,
        basis_points in 0_i64..=10_000,
    ) {
        let basis = if is_gross { PriceBasis::Gross } else { PriceBasis::Net };
        let amounts = line_amounts(basis, unit, quantity, 0, rate(basis_points)).unwrap();
        prop_assert_eq!(amounts.net + amounts.vat, amounts.gross);
        prop_assert_eq!(if is_gross { amounts.gross } else { amounts.net }, unit * quantity);
    }
}
