//! How an order is written for the books (10.6).

use super::{Row, Voucher, VoucherLine, voucher};
use crate::money::{VatRate, line_amounts, part, vat_of_net};
use crate::order::PriceBasis;

fn line(basis: PriceBasis, quantity: i64, price: i64, discount: i64, rate: i64) -> VoucherLine {
    let vat_rate = VatRate::new(rate).unwrap();
    let amounts = line_amounts(basis, price, quantity, discount, vat_rate).unwrap();
    VoucherLine {
        sku: "K1".to_owned(),
        title: "Kopp".to_owned(),
        quantity,
        unit_price_minor: price,
        vat_rate,
        net_minor: amounts.net,
        gross_minor: amounts.gross,
    }
}

#[test]
fn a_line_stands_as_units_at_a_price_where_that_is_exact() {
    use PriceBasis::{Gross, Net};
    // Line; text, count, price, discount in hundredths of a percent.
    for (basis, line, expected) in [
        (Gross, line(Gross, 3, 9_990, 0, 2_500), ("K1 Kopp", 3, 9_990, 0)),
        (Net, line(Net, 2, 5_000, 0, 1_500), ("K1 Kopp", 2, 5_000, 0)),
        (Gross, line(Gross, 2, 5_000, 1_000, 2_500), ("K1 Kopp", 2, 5_000, 1_000)),
        (Gross, line(Gross, 1, 8_000, 1_234, 2_500), ("K1 Kopp", 1, 6_766, 0)),
        (Gross, line(Gross, 3, 3_333, 100, 2_500), ("3 × K1 Kopp", 1, 9_899, 0)),
        (Gross, line(Gross, 2, 5_000, 10_000, 2_500), ("K1 Kopp", 2, 5_000, 10_000)),
        (Gross, line(Gross, 1, 0, 0, 0), ("K1 Kopp", 1, 0, 0)),
        (Gross, line(Gross, 2, -5_000, 0, 2_500), ("K1 Kopp", -2, 5_000, 0)),
        (Gross, line(Gross, 2, -5_000, -1, 2_500), ("2 × K1 Kopp", -1, 9_999, 0)),
    ] {
        let written = voucher(basis, std::slice::from_ref(&line)).unwrap();
        let Row { text, count, unit_price_minor, discount_bp, .. } = &written.rows[0];
        let found = (text.as_str(), *count, *unit_price_minor, *discount_bp);
        assert_eq!(found, expected, "{line:?}");
        assert_eq!(written.gross_minor, line.gross_minor);
    }
}

/// What books that compute VAT by themselves make of a voucher.
fn booked(written: &Voucher) -> i64 {
    let amounts = written.rows.iter().map(|row| {
        let full = row.count * row.unit_price_minor * (10_000 - row.discount_bp);
        assert_eq!(full % 10_000, 0, "exact to the minor unit: {row:?}");
        match written.basis {
            PriceBasis::Gross => full / 10_000,
            PriceBasis::Net => full / 10_000 + vat_of_net(full / 10_000, row.vat_rate).unwrap(),
        }
    });
    amounts.sum::<i64>() + written.rounding_minor
}

#[test]
fn the_charge_is_never_altered() {
    let rate = VatRate::new(2_500).unwrap();
    // 29.97 with VAT is no net amount with rounded VAT.
    let fee = |basis| VoucherLine {
        sku: String::new(),
        quantity: 1,
        unit_price_minor: if basis == PriceBasis::Gross { 2_997 } else { 2_398 },
        net_minor: 2_398,
        gross_minor: 2_997,
        ..line(basis, 1, 100, 0, 2_500)
    };
    for (basis, rounding) in [(PriceBasis::Gross, 0), (PriceBasis::Net, -1)] {
        let written = voucher(basis, &[fee(basis)]).unwrap();
        assert_eq!((written.rounding_minor, written.gross_minor), (rounding, 2_997), "{basis:?}");
        assert_eq!(booked(&written), 2_997);
    }
    // Every part of every line: what stays after an edit, and what is credited.
    let mut differences = 0;
    for basis in [PriceBasis::Gross, PriceBasis::Net] {
        for (quantity, price, discount) in
            [(3, 3_333, 0), (7, 1_999, 500), (3, 9_990, 1), (9, 777, 13)]
        {
            let whole = line(basis, quantity, price, discount, 2_500);
            let vat = whole.gross_minor - whole.net_minor;
            for units in 1..=quantity {
                let gross_minor = part(whole.gross_minor, 0, units, quantity).unwrap();
                let net_minor = gross_minor - part(vat, 0, units, quantity).unwrap();
                let kept = VoucherLine {
                    quantity: units,
                    net_minor,
                    gross_minor,
                    vat_rate: rate,
                    ..whole.clone()
                };
                let credited = VoucherLine {
                    unit_price_minor: -price,
                    net_minor: -net_minor,
                    gross_minor: -gross_minor,
                    ..kept.clone()
                };
                for lines in [vec![kept.clone(), fee(basis)], vec![credited, fee(basis)]] {
                    let written = voucher(basis, &lines).unwrap();
                    let charged: i64 = lines.iter().map(|line| line.gross_minor).sum();
                    assert_eq!((written.gross_minor, booked(&written)), (charged, charged));
                    assert!(basis == PriceBasis::Net || written.rounding_minor == 0);
                    differences += i64::from(written.rounding_minor != 0);
                }
            }
        }
    }
    assert!(differences > 0, "some of them needed a row of their own");
}
