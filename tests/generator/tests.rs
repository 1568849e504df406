//! Claims about the orders that are made.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const DAY: &str = include_str!("../samples/day.jsonl");

fn thousand() -> Vec<NewOrder> {
    orders(7).take(5000).collect()
}

fn payment_references(order: &NewOrder) -> Vec<&str> {
    let references = order.payments.iter().map(|payment| payment.reference.as_str());
    references.filter(|reference| !reference.is_empty()).collect()
}

#[test]
fn the_day_is_what_its_seed_makes() {
    let made: Vec<String> = orders(1).take(1000).map(|order| to_json(&order).unwrap()).collect();
    let kept: Vec<&str> = DAY.lines().collect();
    assert_eq!(kept.len(), made.len());
    for (kept, made) in kept.iter().zip(&made) {
        assert_eq!(kept, made);
    }
    assert_eq!(DAY.len(), made.iter().map(|line| line.len() + 1).sum::<usize>());
}

#[test]
fn json_is_read_back_as_the_same_order() {
    for order in orders(3).take(200) {
        assert_eq!(from_json(&to_json(&order).unwrap()).unwrap(), order);
    }
    assert!(from_json("{\"currencyKode\":\"NOK\"}").is_err());
    assert!(from_json("{} {}").is_err());
}

#[test]
fn payments_cover_the_total_exactly_and_stated_totals_agree() {
    for order in thousand() {
        let totals = totals(&order).unwrap();
        assert!(totals.gross_minor > 0);
        assert_eq!(totals.net_minor + totals.vat_minor, totals.gross_minor);
        let paid: i64 = order.payments.iter().map(|payment| payment.amount_minor).sum();
        assert_eq!(paid, totals.gross_minor, "{}", order.external_reference);
        assert!(order.payments.iter().all(|payment| payment.amount_minor > 0));
        if let Some(stated) = order.stated_totals {
            assert_eq!(stated.gross_minor, totals.gross_minor);
            assert_eq!(stated.vat_minor.unwrap_or(totals.vat_minor), totals.vat_minor);
        }
    }
}

#[test]
fn every_order_keeps_the_bounds_of_the_contract() {
    for order in thousand() {
        let customer = order.customer.as_ref().unwrap();
        assert!(order_rules::contact::is_valid_email(&customer.email), "{}", customer.email);
        assert!(!customer.full_name.is_empty() && customer.phone.len() <= 40);
        assert!(order.metadata.len() <= 1, "their order in JSON is not defined");
        assert!((1..=14).contains(&order.lines.len()));
        for line in &order.lines {
            let full = line.unit_price_minor * line.quantity;
            assert!(line.quantity >= 1 && line.unit_price_minor >= 0);
            assert!((0..=full).contains(&line.discount_minor), "{}", line.title);
            assert_eq!(line.kind() == LineKind::Goods, !line.sku.is_empty());
            assert!([0, 1_200, 1_500, 2_500].contains(&line.vat_rate_bp));
        }
        for payment in &order.payments {
            assert_eq!(payment.provider == payments::MANUAL, payment.reference.is_empty());
            assert!(payment.reference.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        let company = !customer.organization_number.is_empty();
        assert_eq!(company, order.price_basis() == PriceBasis::Net);
    }
}

#[test]
fn references_are_unique_but_for_double_callbacks() {
    let orders: Vec<NewOrder> = orders(7).take(5000).chain(orders(8).take(5000)).collect();
    let external: BTreeSet<&str> =
        orders.iter().map(|order| order.external_reference.as_str()).collect();
    assert_eq!(external.len(), orders.len());

    let mut first: BTreeMap<&str, &NewOrder> = BTreeMap::new();
    let mut twins = 0;
    for order in &orders {
        for reference in payment_references(order) {
            let Some(earlier) = first.insert(reference, order) else { continue };
            let mut twin = order.clone();
            twin.external_reference = earlier.external_reference.clone();
            assert_eq!(*earlier, twin);
            twins += 1;
        }
    }
    assert!((50..=150).contains(&twins), "{twins} of 10,000 are second callbacks");
}

#[test]
fn double_purchases_are_the_same_again_on_another_payment_and_soon() {
    let orders: Vec<NewOrder> = orders(7).take(10_000).collect();
    let mut count = 0;
    for (place, order) in orders.iter().enumerate() {
        let earlier = &orders[place.saturating_sub(40)..place];
        let is_double = |one: &&NewOrder| {
            one.customer == order.customer
                && one.lines == order.lines
                && one.payments != order.payments
        };
        let Some(first) = earlier.iter().find(is_double) else { continue };
        let mut same = order.clone();
        same.external_reference = first.external_reference.clone();
        same.payments = first.payments.clone();
        assert_eq!(*first, same);
        count += 1;
    }
    assert!((25..=90).contains(&count), "{count} of 10,000 are bought twice");
}

#[test]
fn mistyped_addresses_are_few_and_are_those_that_the_shop_warns_of() {
    let mistyped = |order: &&NewOrder| {
        let email = &order.customer.as_ref().unwrap().email;
        let warned = order_rules::contact::suggest_email(email).is_some();
        let is_example = email.ends_with(".example") || email.contains("@example.");
        assert_eq!(warned, !is_example, "{email}");
        warned
    };
    let orders = thousand();
    let count = orders.iter().filter(mistyped).count();
    assert!((50..=150).contains(&count), "{count} of 5,000");
}

#[test]
fn the_mix_is_that_of_a_norwegian_shop() {
    let orders = thousand();
    let percent = |is: &dyn Fn(&NewOrder) -> bool| {
        orders.iter().filter(|order| is(order)).count() * 100 / orders.len()
    };
    let paid_by = |provider: &'static str| {
        percent(&move |order| order.payments.iter().any(|payment| payment.provider == provider))
    };
    let cases = [
        ("NOK", percent(&|order| order.currency_code == "NOK"), 94..=98),
        ("companies", percent(&|order| order.price_basis() == PriceBasis::Net), 4..=10),
        ("klarna", paid_by(payments::KLARNA), 36..=48),
        ("vipps", paid_by(payments::VIPPS), 28..=40),
        ("card", paid_by(payments::CARD), 12..=22),
        ("manual", paid_by(payments::MANUAL), 6..=15),
        ("one line of goods", percent(&|order| goods_lines(order) == 1), 32..=44),
        ("more than six", percent(&|order| goods_lines(order) > 6), 2..=8),
        ("order discounts", percent(&|order| order.discount_minor > 0), 5..=13),
        ("two payments", percent(&|order| order.payments.len() == 2), 1..=4),
    ];
    for (what, found, wanted) in cases {
        assert!(wanted.contains(&found), "{what}: {found} %");
    }
    assert!(orders.iter().any(|order| goods_lines(order) == 12));
}

fn goods_lines(order: &NewOrder) -> usize {
    order.lines.iter().filter(|line| line.kind() == LineKind::Goods).count()
}
