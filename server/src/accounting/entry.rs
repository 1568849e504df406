//! An order as it goes into the books: made of what is stored, as it was when it was handed over.

use std::collections::BTreeMap;

use order_proto::v1;
use order_rules::accounting::{TransferForm, Voucher, VoucherLine, voucher};
use order_rules::money::{Currency, VatRate};
use order_rules::order::{Day, PriceBasis};
use order_rules::payments::MANUAL;
use prost::Message;

use crate::store::claims::TransferParts;
use crate::terms::Term;

/// All that an accounting system must know of one transfer.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Last part of the shop's name.
    pub shop: String,
    pub number: i64,
    pub form: TransferForm,
    /// Ours, of what it credits; `None` for a sale.
    pub credited: Option<Credited>,
    pub currency: Currency,
    pub voucher: Voucher,
    /// Personal data.
    pub buyer: Buyer,
    /// What was really paid, or paid back (negative), in the order it is to be booked; nothing where
    /// it stands as an order only.
    pub payments: Vec<Paid>,
    pub placed_on: Day,
    pub booked_on: Day,
    /// The system mails the invoice to the buyer.
    pub sends_mail: bool,
    /// Numbers of VAT types by rate in basis points, where the shop says so.
    pub vat_types: BTreeMap<i32, String>,
    /// It has been tried for so long that what only passes with time counts as refused.
    pub is_late: bool,
}

/// The invoice that a credit note refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credited {
    /// Number of the sale.
    pub number: i64,
    /// Empty: it stands as an order only.
    pub invoice_id: String,
}

/// Who bought. Never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Buyer {
    pub name: String,
    pub email: String,
    pub phone: String,
    pub organization_number: String,
    pub address: v1::Address,
    pub language: String,
}

/// Money that was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Paid {
    /// What the accounting system calls it, or the provider's name.
    pub payment_type: String,
    pub amount_minor: i64,
}

impl std::fmt::Debug for Buyer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Buyer")
    }
}

impl Buyer {
    /// Every text that says who it is, the longest first.
    pub(crate) fn words(&self) -> Vec<&str> {
        let Self { name, email, phone, organization_number, address, language: _ } = self;
        let mut words: Vec<&str> = vec![name, email, phone, organization_number];
        words.extend(name.split_whitespace());
        words.extend([address.recipient.as_str(), &address.organization, &address.city]);
        words.extend(address.lines.iter().map(String::as_str));
        words.retain(|word| word.chars().count() > 2);
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words
    }
}

impl Entry {
    /// The entry of a stored transfer; `None` when what is stored makes no sense to this version.
    pub(crate) fn new(parts: TransferParts, is_late: bool) -> Option<Self> {
        let TransferParts {
            transfer,
            shop,
            personal,
            voucher_party,
            document,
            sale,
            given_up_at: _,
        } = parts;
        let form = TransferForm::from_stored(transfer.form)?;
        let order = v1::Order::decode(document.as_slice()).ok()?;
        let settings = v1::ShopSettings::decode(shop.settings.as_slice()).ok()?;
        let accounting = settings.accounting.unwrap_or_default();
        let basis = PriceBasis::from_contract(order.price_basis())?;
        let lines: Option<Vec<VoucherLine>> = order.lines.iter().map(line).collect();
        let credited = match sale {
            Some((invoice, document)) => {
                let sale = v1::Order::decode(document.as_slice()).ok()?;
                Some((
                    Credited { number: sale.number, invoice_id: invoice.booked_invoice_id },
                    sale,
                ))
            }
            None => None,
        };
        let is_credit = order.kind() == v1::OrderKind::Credit;
        let moved = match &credited {
            // Money is booked on invoices.
            _ if form == TransferForm::Order => Vec::new(),
            Some((_, sale)) => paid_back(sale, &order.name),
            None if is_credit => Vec::new(),
            None => paid(&order),
        };
        let original = || order.original_order.rsplit('/').next()?.parse().ok();
        let unbooked = || Credited { number: original().unwrap_or(0), invoice_id: String::new() };
        Some(Self {
            shop: shop.slug,
            number: order.number,
            form,
            credited: credited.map(|(credited, _)| credited).or(is_credit.then(unbooked)),
            currency: Currency::from_code(&order.currency_code)?,
            voucher: voucher(basis, &lines?).ok()?,
            buyer: buyer(&order, &personal, voucher_party.as_deref()),
            payments: named(moved, &accounting.payment_types),
            placed_on: day(order.create_time.as_ref()),
            booked_on: Day(transfer.book_day),
            sends_mail: transfer.sends_mail,
            vat_types: accounting.vat_types,
            is_late,
        })
    }
}

fn line(line: &v1::Line) -> Option<VoucherLine> {
    Some(VoucherLine {
        sku: line.sku.clone(),
        title: line.title.clone(),
        quantity: line.quantity,
        unit_price_minor: line.unit_price_minor,
        vat_rate: VatRate::new(i64::from(line.vat_rate_bp))?,
        net_minor: line.net_minor,
        gross_minor: line.gross_minor,
    })
}

/// Who bought, or what the voucher keeps of them once they were erased.
fn buyer(order: &v1::Order, personal: &[u8], voucher_party: Option<&[u8]>) -> Buyer {
    let known = v1::Order::decode(personal).unwrap_or_default();
    let kept = voucher_party.and_then(|party| v1::Order::decode(party).ok());
    let known = if known.customer.is_some() { known } else { kept.unwrap_or_default() };
    let v1::Order { customer, billing_address, shipping_address, .. } = known;
    let v1::Customer { id: _, full_name, email, phone, organization_number } =
        customer.unwrap_or_default();
    let name = if full_name.is_empty() { format!("Kunde {}", order.number) } else { full_name };
    Buyer {
        name,
        email,
        phone,
        organization_number,
        address: billing_address.or(shipping_address).unwrap_or_default(),
        language: order.language_code.clone(),
    }
}

/// By provider, what was captured for the sale.
fn paid(sale: &v1::Order) -> Vec<(String, i64)> {
    let payments = sale.payments.iter();
    payments.map(|payment| (payment.provider.clone(), payment.captured_minor)).collect()
}

/// By provider, what was paid back for the credit order; negative.
fn paid_back(sale: &v1::Order, credit_order: &str) -> Vec<(String, i64)> {
    let refunds = |payment: &v1::Payment| {
        let own = payment.operations.iter().filter(|operation| {
            operation.kind() == v1::OperationKind::Refund
                && operation.state() == v1::OperationState::Succeeded
                && operation.credit_order == credit_order
        });
        own.fold(0_i64, |sum, operation| sum.saturating_sub(operation.amount_minor))
    };
    sale.payments.iter().map(|payment| (payment.provider.clone(), refunds(payment))).collect()
}

/// With the names that the accounting system has for the providers. What was settled by hand stays
/// open there, unless the shop names a payment type for it.
fn named(moved: Vec<(String, i64)>, names: &BTreeMap<String, String>) -> Vec<Paid> {
    let named = moved.into_iter().filter(|(_, amount_minor)| *amount_minor != 0);
    named
        .filter_map(|(provider, amount_minor)| {
            let payment_type = match names.get(&provider) {
                Some(name) => name.clone(),
                None if provider == MANUAL => return None,
                None => provider,
            };
            Some(Paid { payment_type, amount_minor })
        })
        .collect()
}

/// The day that a time falls on, or the one before: good enough to look from.
fn day(time: Option<&prost_types::Timestamp>) -> Day {
    let seconds = time.map_or(0, |time| time.seconds);
    Day(i32::try_from(seconds.div_euclid(24 * 60 * 60)).unwrap_or(i32::MAX))
}
