//! Fields of `CreateOrder` and `AttachPayment`: what is bought, by whom, and how it is paid.

use order_proto::v1;
use order_rules::contact::{is_valid_email, suggest_email};
use order_rules::money::Currency;
use order_rules::order::{LineKind, PriceBasis};
use order_rules::payments::{MANUAL, ProviderName};
use order_rules::placing::{
    NewLine, NewPayment, Placement, StatedTotals, check_bounds, check_payment,
};

use super::envelope::Asking;
use super::names::SKU_CHARACTERS_MAX;
use super::{Fields, names};
use crate::commands::{self, Command, CreateOrder, Failure, Personal};
use crate::grpc::caller::Caller;
use crate::shops::persons::customer_key;
use crate::terms::Term;

const PAYMENTS_MAX: usize = 10;
const REFERENCE_CHARACTERS_MAX: usize = 200;
pub(super) const EXTERNAL_REFERENCE_CHARACTERS_MAX: usize = 100;
const ADDRESS_LINES_MAX: usize = 4;

/// Checks `CreateOrder`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn create_order(
    mut request: v1::CreateOrderRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::CreateOrderRequest { parent, order, request_id: _, validate_only: _, wait: _ } =
        request;
    let shop = fields.shop("parent", &parent);
    let Some(order) = order else {
        fields.refuse("order", "is required");
        return Err(fields.refusal());
    };
    let Some(command) = fields.new_order(order) else { return Err(fields.refusal()) };
    envelope.finish(fields, shop, Command::CreateOrder(Box::new(command)))
}

/// Checks `AttachPayment`. Where nothing else is wrong, what is wrong with the payment goes with the
/// command: whether the shop knows its provider and the order owes anything is told with it.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn attach_payment(
    mut request: v1::AttachPaymentRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::AttachPaymentRequest { name, payment, request_id: _, etag, validate_only: _, wait: _ } =
        request;
    let names::OrderName { shop, number } = fields.order("name", &name);
    let etag = fields.etag(etag);
    let Some(payment) = payment else {
        fields.refuse("payment", "is required");
        return Err(fields.refusal());
    };
    let is_right_beside = fields.count() == 0;
    let payment = fields.payment("payment", payment);
    fields.extend(check_payment("payment", &payment));
    let wrong = if is_right_beside { fields.take() } else { Vec::new() };
    let NewPayment { provider, reference, amount_minor } = payment;
    let command =
        commands::AttachPayment { number, etag, provider, reference, amount_minor, wrong };
    envelope.finish(fields, shop, Command::AttachPayment(command))
}

impl Fields {
    /// The order as it is asked for; `None` when there is no currency to check it in.
    fn new_order(&mut self, order: v1::NewOrder) -> Option<CreateOrder> {
        let v1::NewOrder {
            currency_code,
            price_basis,
            lines,
            discount_minor,
            stated_totals,
            payments,
            customer,
            billing_address,
            shipping_address,
            metadata,
            external_reference,
            language_code,
        } = order;
        let currency = self.currency("order.currency_code", &currency_code);
        let price_basis: v1::PriceBasis = self.term("order.price_basis", price_basis);
        if payments.len() > PAYMENTS_MAX {
            self.refuse("order.payments", format!("has more than {PAYMENTS_MAX} payments"));
        }
        self.check(customer.is_some(), "order.customer", "is required");
        let customer =
            customer.map(|customer| self.customer("order.customer", customer)).unwrap_or_default();
        let personal = Personal {
            email_suggestion: suggest_email(&customer.email).unwrap_or_default(),
            customer,
            billing_address: billing_address
                .map(|address| self.address("order.billing_address", address)),
            shipping_address: shipping_address
                .map(|address| self.address("order.shipping_address", address)),
            metadata: self.metadata("order.metadata", metadata),
        };
        let external_reference =
            self.external_reference("order.external_reference", external_reference);
        let language = self.language("order.language_code", language_code);
        let lines = self.lines("order.lines", lines);
        let payments = self.payments(payments);
        // The amounts are checked in any currency, so that all that is wrong is told at once.
        let currency = currency.or_else(|| Currency::from_code("NOK"))?;
        let placement = Placement {
            currency,
            price_basis: PriceBasis::from_contract(price_basis).unwrap_or(PriceBasis::Gross),
            lines,
            order_discount_minor: discount_minor,
            stated: stated_totals.map(stated_totals_of),
            payments,
            customer_key: customer_key(&personal.customer),
        };
        self.extend(check_bounds(&placement));
        Some(CreateOrder { placement, personal, external_reference, language })
    }

    /// Lines to place; `place` is where they stand in the request.
    pub(super) fn lines(&mut self, place: &str, lines: Vec<v1::NewLine>) -> Vec<NewLine> {
        let mut checked = Vec::with_capacity(lines.len());
        for (index, line) in lines.into_iter().enumerate() {
            // The rules say that there are too many; no text of the rest is looked at.
            let is_looked_at = index <= order_rules::placing::LINES_MAX;
            checked.push(self.new_line(&format!("{place}[{index}]"), line, is_looked_at));
        }
        checked
    }

    fn new_line(&mut self, place: &str, line: v1::NewLine, is_looked_at: bool) -> NewLine {
        let v1::NewLine {
            kind,
            sku,
            title,
            quantity,
            unit_price_minor,
            discount_minor,
            vat_rate_bp,
        } = line;
        let mut kind_of = LineKind::Goods;
        if is_looked_at {
            let kind: v1::LineKind = self.term(&format!("{place}.kind"), kind);
            kind_of = LineKind::from_contract(kind).unwrap_or(LineKind::Goods);
            self.line(&format!("{place}.sku"), sku.clone(), 0..=SKU_CHARACTERS_MAX);
            self.line(&format!("{place}.title"), title.clone(), 1..=300);
            let has_place = sku.is_empty() || kind_of == LineKind::Goods;
            self.check(has_place, &format!("{place}.sku"), "must be empty for shipping and fees");
        }
        NewLine {
            kind: kind_of,
            sku,
            title,
            quantity,
            unit_price_minor,
            discount_minor,
            vat_rate_bp: i64::from(vat_rate_bp),
        }
    }

    fn payments(&mut self, payments: Vec<v1::NewPayment>) -> Vec<NewPayment> {
        let mut checked = Vec::with_capacity(payments.len());
        for (index, payment) in payments.into_iter().enumerate() {
            checked.push(self.payment(&format!("order.payments[{index}]"), payment));
        }
        checked
    }

    fn payment(&mut self, place: &str, payment: v1::NewPayment) -> NewPayment {
        let v1::NewPayment { provider, reference, amount_minor } = payment;
        let provider = self.slug(&format!("{place}.provider"), provider);
        let is_printable = |byte: u8| (b' '..=b'~').contains(&byte);
        let is_right = reference.len() <= REFERENCE_CHARACTERS_MAX
            && reference.trim() == reference
            && reference.bytes().all(is_printable);
        self.check(
            is_right || provider == MANUAL,
            &format!("{place}.reference"),
            "must have at most 200 printable ASCII characters without spaces around them",
        );
        NewPayment { provider: ProviderName(provider), reference, amount_minor }
    }

    /// Who bought.
    pub(super) fn customer(&mut self, place: &str, customer: v1::Customer) -> v1::Customer {
        let v1::Customer { id, full_name, email, phone, organization_number } = customer;
        v1::Customer {
            id: self.line(&format!("{place}.id"), id, 0..=100),
            full_name: self.line(&format!("{place}.full_name"), full_name, 1..=200),
            email: self.email(&format!("{place}.email"), email),
            phone: self.line(&format!("{place}.phone"), phone, 0..=40),
            organization_number: self.line(
                &format!("{place}.organization_number"),
                organization_number,
                0..=20,
            ),
        }
    }

    /// One e-mail address, or none.
    pub(super) fn email(&mut self, field: &str, email: String) -> String {
        let is_right = email.is_empty() || is_valid_email(&email);
        self.check(is_right, field, "must be one e-mail address");
        email
    }

    /// A postal address.
    pub(super) fn address(&mut self, place: &str, address: v1::Address) -> v1::Address {
        let v1::Address { recipient, organization, lines, postal_code, city, region_code } =
            address;
        if lines.len() > ADDRESS_LINES_MAX {
            self.refuse(
                format!("{place}.lines"),
                format!("has more than {ADDRESS_LINES_MAX} lines"),
            );
        }
        for (index, line) in lines.iter().take(ADDRESS_LINES_MAX).enumerate() {
            self.line(&format!("{place}.lines[{index}]"), line.clone(), 0..=200);
        }
        let is_region = region_code.is_empty()
            || region_code.len() == 2 && region_code.bytes().all(|byte| byte.is_ascii_uppercase());
        self.check(
            is_region,
            &format!("{place}.region_code"),
            "must be a code of ISO 3166-1, two capitals, e.g. NO",
        );
        v1::Address {
            recipient: self.line(&format!("{place}.recipient"), recipient, 0..=200),
            organization: self.line(&format!("{place}.organization"), organization, 0..=200),
            lines,
            postal_code: self.line(&format!("{place}.postal_code"), postal_code, 0..=20),
            city: self.line(&format!("{place}.city"), city, 0..=100),
            region_code,
        }
    }

    /// The caller's own reference; `None` when empty.
    pub(super) fn external_reference(&mut self, field: &str, reference: String) -> Option<String> {
        let reference = self.line(field, reference, 0..=EXTERNAL_REFERENCE_CHARACTERS_MAX);
        (!reference.is_empty()).then_some(reference)
    }
}

fn stated_totals_of(stated: v1::StatedTotals) -> StatedTotals {
    let v1::StatedTotals { gross_minor, vat_minor } = stated;
    StatedTotals { net_minor: None, vat_minor, gross_minor: Some(gross_minor) }
}
