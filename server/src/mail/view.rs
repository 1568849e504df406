//! The fields that templates may name, as they read in one language. The documentation of mails
//! lists them.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use order_proto::v1;
use order_rules::money::Currency;
use order_rules::placing::LINES_MAX;
use serde::Serialize;

use super::matter::Matter;

/// What a template sees.
#[derive(Clone, Debug, Serialize)]
pub(super) struct View {
    shop: ShopView,
    seller: SellerView,
    customer: CustomerView,
    order: OrderView,
    /// Empty when the mail carries none.
    note: String,
    has_withdrawal_form: bool,
}

#[derive(Clone, Debug, Serialize)]
struct ShopView {
    name: String,
}

#[derive(Clone, Debug, Serialize)]
struct SellerView {
    name: String,
    email: String,
    phone: String,
    organization_number: String,
    address: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct CustomerView {
    name: String,
    email: String,
}

#[derive(Clone, Debug, Serialize)]
struct OrderView {
    number: i64,
    date: String,
    status: String,
    currency: String,
    external_reference: String,
    lines: Vec<LineView>,
    net: String,
    vat: String,
    total: String,
    /// Empty when there is none.
    discount: String,
    vat_rates: Vec<VatView>,
    billing_address: Vec<String>,
    shipping_address: Vec<String>,
    deliveries: Vec<DeliveryView>,
}

#[derive(Clone, Debug, Serialize)]
struct LineView {
    title: String,
    sku: String,
    quantity: i64,
    unit_price: String,
    amount: String,
    vat_rate: String,
}

#[derive(Clone, Debug, Serialize)]
struct VatView {
    rate: String,
    vat: String,
    total: String,
}

#[derive(Clone, Debug, Serialize)]
struct DeliveryView {
    carrier: String,
    tracking_number: String,
    tracking_url: String,
}

/// Keeps the groups of an amount on one line.
const NO_BREAK_SPACE: char = '\u{a0}';

impl View {
    pub(super) fn of(matter: &Matter, language: &str) -> Self {
        let order = &matter.order;
        let customer = order.customer.clone().unwrap_or_default();
        let seller = matter.settings.seller.clone().unwrap_or_default();
        Self {
            shop: ShopView { name: matter.shop_name.clone() },
            seller: SellerView {
                address: address_lines(seller.address.as_ref()),
                name: seller.name,
                email: seller.email,
                phone: seller.phone,
                organization_number: seller.organization_number,
            },
            customer: CustomerView { name: customer.full_name, email: customer.email },
            order: OrderView::of(matter, language),
            note: matter.note().to_owned(),
            has_withdrawal_form: matter.has_form,
        }
    }

    /// One that has everything, to try templates on.
    pub(super) fn sample() -> Self {
        let text = || "A1".to_owned();
        let line = LineView {
            title: text(),
            sku: text(),
            quantity: 2,
            unit_price: text(),
            amount: text(),
            vat_rate: text(),
        };
        let vat = VatView { rate: text(), vat: text(), total: text() };
        let delivery =
            DeliveryView { carrier: text(), tracking_number: text(), tracking_url: text() };
        Self {
            shop: ShopView { name: text() },
            seller: SellerView {
                name: text(),
                email: text(),
                phone: text(),
                organization_number: text(),
                address: vec![text(), text()],
            },
            customer: CustomerView { name: text(), email: text() },
            order: OrderView {
                number: 1001,
                date: text(),
                status: text(),
                currency: text(),
                external_reference: text(),
                lines: vec![line.clone(), line],
                net: text(),
                vat: text(),
                total: text(),
                discount: text(),
                vat_rates: vec![vat],
                billing_address: vec![text(), text()],
                shipping_address: vec![text(), text()],
                deliveries: vec![delivery],
            },
            note: "A1\nB2".to_owned(),
            has_withdrawal_form: true,
        }
    }

    /// One that has no more than it must, so that the other ways through a template are tried as well.
    pub(super) fn bare() -> Self {
        let full = Self::sample();
        let seller =
            SellerView { phone: String::new(), organization_number: String::new(), ..full.seller };
        let order = OrderView {
            external_reference: String::new(),
            discount: String::new(),
            billing_address: Vec::new(),
            shipping_address: Vec::new(),
            deliveries: Vec::new(),
            lines: full.order.lines.into_iter().take(1).map(LineView::bare).collect(),
            ..full.order
        };
        Self {
            seller,
            customer: CustomerView { name: String::new(), ..full.customer },
            order,
            note: String::new(),
            has_withdrawal_form: false,
            ..full
        }
    }

    /// One of an order with as many lines as there can be.
    pub(super) fn crowded() -> Self {
        let full = Self::sample();
        let lines = full.order.lines.iter().cycle().take(LINES_MAX).cloned().collect();
        Self { order: OrderView { lines, ..full.order }, ..full }
    }
}

impl LineView {
    fn bare(self) -> Self {
        Self { sku: String::new(), ..self }
    }
}

impl OrderView {
    fn of(matter: &Matter, language: &str) -> Self {
        let order = &matter.order;
        let totals = order.totals.clone().unwrap_or_default();
        let currency = Currency::from_code(&order.currency_code);
        let amount = |minor: i64| amount(minor, currency, language);
        let rate = |bp: i32| percent(bp, language);
        Self {
            number: order.number,
            date: date(order.create_time, &matter.settings.time_zone, language),
            status: matter.status_name(),
            currency: order.currency_code.clone(),
            external_reference: order.external_reference.clone(),
            lines: order
                .lines
                .iter()
                .filter(|line| line.quantity != 0)
                .map(|line| LineView {
                    title: line.title.clone(),
                    sku: line.sku.clone(),
                    quantity: line.quantity,
                    unit_price: amount(line.unit_price_minor),
                    amount: amount(line.gross_minor),
                    vat_rate: rate(line.vat_rate_bp),
                })
                .collect(),
            net: amount(totals.net_minor),
            vat: amount(totals.vat_minor),
            total: amount(totals.gross_minor),
            discount: match totals.discount_minor {
                0 => String::new(),
                minor => amount(minor),
            },
            vat_rates: totals
                .vat
                .iter()
                .map(|row| VatView {
                    rate: rate(row.rate_bp),
                    vat: amount(row.vat_minor),
                    total: amount(row.gross_minor),
                })
                .collect(),
            billing_address: address_lines(order.billing_address.as_ref()),
            shipping_address: address_lines(order.shipping_address.as_ref()),
            deliveries: order
                .deliveries
                .iter()
                .filter(|delivery| delivery.cancel_time.is_none())
                .map(|delivery| DeliveryView {
                    carrier: delivery.carrier.clone(),
                    tracking_number: delivery.tracking_number.clone(),
                    tracking_url: delivery.tracking_url.clone(),
                })
                .collect(),
        }
    }
}

/// An address as it is written on an envelope.
pub(super) fn address_lines(address: Option<&v1::Address>) -> Vec<String> {
    let Some(address) = address else { return Vec::new() };
    let town = format!("{} {}", address.postal_code, address.city);
    let mut lines = vec![address.recipient.clone(), address.organization.clone()];
    lines.extend(address.lines.iter().cloned());
    lines.extend([town, address.region_code.clone()]);
    lines.iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// A day in the shop's time zone, as it is written in the language.
pub(super) fn date(time: Option<prost_types::Timestamp>, zone: &str, language: &str) -> String {
    let time = time.and_then(|time| Timestamp::new(time.seconds, time.nanos).ok());
    let Some(time) = time else { return String::new() };
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let day = time.to_zoned_datetime(zone).date();
    match language.split('-').next().unwrap_or_default() {
        "nb" | "nn" | "no" | "da" | "fi" | "de" => {
            format!("{}.{}.{}", day.day(), day.month(), day.year())
        }
        "en" => day.strftime("%-d %B %Y").to_string(),
        _ => day.to_string(),
    }
}

/// An amount with its currency, as it is written in the language.
fn amount(minor: i64, currency: Option<Currency>, language: &str) -> String {
    let (code, exponent) =
        currency.map_or(("", 2), |one| (one.code(), usize::from(one.exponent())));
    let is_english = language.split('-').next() == Some("en");
    let (group, point) = if is_english { (',', '.') } else { (NO_BREAK_SPACE, ',') };
    let digits = format!("{:0width$}", minor.unsigned_abs(), width = exponent + 1);
    let (whole, part) = digits.split_at(digits.len().saturating_sub(exponent));
    let mut text = String::new();
    if minor < 0 {
        text.push('\u{2212}');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    if exponent > 0 {
        text.push(point);
        text.push_str(part);
    }
    if is_english {
        format!("{code}{NO_BREAK_SPACE}{text}")
    } else {
        format!("{text}{NO_BREAK_SPACE}{code}")
    }
}

fn percent(basis_points: i32, language: &str) -> String {
    let (whole, part) = (basis_points / 100, basis_points % 100);
    let point = if language.split('-').next() == Some("en") { '.' } else { ',' };
    if part == 0 {
        return format!("{whole}{NO_BREAK_SPACE}%");
    }
    let part = format!("{part:02}");
    format!("{whole}{point}{}{NO_BREAK_SPACE}%", part.trim_end_matches('0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_the_language_writes_them() {
        let nok = Currency::from_code("NOK");
        let jpy = Currency::from_code("JPY");
        for (minor, currency, language, told) in [
            (123_456_789, nok, "nb", "1\u{a0}234\u{a0}567,89\u{a0}NOK"),
            (123_456, nok, "en-GB", "NOK\u{a0}1,234.56"),
            (5, nok, "nb", "0,05\u{a0}NOK"),
            (-2_550, nok, "sv", "\u{2212}25,50\u{a0}NOK"),
            (1_500, jpy, "en", "JPY\u{a0}1,500"),
            (i64::MIN, nok, "en", "NOK\u{a0}\u{2212}92,233,720,368,547,758.08"),
        ] {
            assert_eq!(amount(minor, currency, language), told);
        }
        assert_eq!(percent(2_500, "nb"), "25\u{a0}%");
        assert_eq!(percent(1_250, "nb"), "12,5\u{a0}%");
    }

    #[test]
    fn a_day_is_that_of_the_shop() {
        let late = Some(prost_types::Timestamp { seconds: 1_764_111_600, nanos: 0 });
        assert_eq!(date(late, "Europe/Oslo", "nb"), "26.11.2025");
        assert_eq!(date(late, "Europe/Oslo", "en"), "26 November 2025");
        assert_eq!(date(late, "America/New_York", "sv"), "2025-11-25");
        assert_eq!(date(None, "Europe/Oslo", "nb"), "");
    }
}
