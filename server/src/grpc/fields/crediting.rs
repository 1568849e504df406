//! Fields of `CreditOrder`.

use std::collections::BTreeSet;

use order_proto::v1;
use order_proto::v1::credit_line::Amount;
use order_rules::crediting::{self, CreditAmount, CreditFee, CreditLine};
use order_rules::money::VatRate;
use order_rules::payments::PaymentId;
use order_rules::placing::QUANTITY_MAX;

use super::Fields;
use super::envelope::Asking;
use super::names::OrderName;
use crate::commands::{Command, CreditOrder, Failure};
use crate::grpc::caller::Caller;

/// Lines of one credit; an order that was edited may have more than it was placed with.
const LINES_MAX: usize = 1_000;
const FEES_MAX: usize = 20;
const SHARES_MAX: usize = 100;
const TITLE_CHARACTERS_MAX: usize = 300;
const REASON_CHARACTERS_MAX: usize = 5_000;

/// Checks `CreditOrder`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn credit_order(
    mut request: v1::CreditOrderRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::CreditOrderRequest {
        name,
        lines,
        fees,
        refund,
        shares,
        reason,
        request_id: _,
        etag,
        validate_only: _,
        wait: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    let refund: v1::Refund = fields.term("refund", refund);
    fields.check(refund != v1::Refund::Unspecified, "refund", "is a choice to make: YES or NO");
    let is_shared = shares.is_empty() || refund == v1::Refund::Yes;
    fields.check(is_shared, "shares", "go with refund YES only");
    let reason = fields.paragraph("reason", reason, 0..=REASON_CHARACTERS_MAX);
    let command = CreditOrder {
        number,
        etag: fields.etag(etag),
        credit: crediting::CreditOrder {
            lines: fields.credit_lines(&lines),
            fees: fields.credit_fees(fees),
            is_refunded: refund == v1::Refund::Yes,
            shares: fields.refund_shares(&shares),
            has_reason: !reason.trim().is_empty(),
        },
        reason,
    };
    envelope.finish(fields, shop, Command::CreditOrder(Box::new(command)))
}

impl Fields {
    fn credit_lines(&mut self, lines: &[v1::CreditLine]) -> Vec<CreditLine> {
        self.check(!lines.is_empty(), "lines", "must have at least one line");
        self.at_most(LINES_MAX, "lines", lines.len());
        let mut seen = BTreeSet::new();
        let mut checked = Vec::new();
        for (index, line) in lines.iter().take(LINES_MAX).enumerate() {
            let v1::CreditLine { line_id, amount, restock } = *line;
            let place = format!("lines[{index}]");
            let is_new = line_id >= 1 && seen.insert(line_id);
            let field = format!("{place}.line_id");
            self.check(is_new, &field, "must be a line of the order, each at most once");
            let restock: v1::Restock = self.term(&format!("{place}.restock"), restock);
            let amount = self.credit_amount(&place, amount);
            let is_restocked = restock == v1::Restock::Yes;
            if is_restocked && matches!(amount, CreditAmount::Gross(_)) {
                self.refuse(format!("{place}.restock"), "needs units to put back");
            }
            checked.push(CreditLine { line: line_id, amount, is_restocked });
        }
        checked
    }

    fn credit_amount(&mut self, place: &str, amount: Option<Amount>) -> CreditAmount {
        match amount {
            Some(Amount::Quantity(units)) => {
                let is_right = (1..=QUANTITY_MAX).contains(&units);
                self.check(is_right, &format!("{place}.quantity"), "must be from 1 to 1000000");
                CreditAmount::Units(units)
            }
            Some(Amount::GrossMinor(gross)) => {
                self.check(gross >= 1, &format!("{place}.gross_minor"), "must be at least 1");
                CreditAmount::Gross(gross)
            }
            None => {
                self.refuse(format!("{place}.quantity"), "or gross_minor is required");
                CreditAmount::Units(1)
            }
        }
    }

    fn credit_fees(&mut self, fees: Vec<v1::CreditFee>) -> Vec<CreditFee> {
        self.at_most(FEES_MAX, "fees", fees.len());
        let mut checked = Vec::new();
        for (index, fee) in fees.into_iter().take(FEES_MAX).enumerate() {
            let v1::CreditFee { title, gross_minor, vat_rate_bp } = fee;
            let place = format!("fees[{index}]");
            let title = self.line(&format!("{place}.title"), title, 1..=TITLE_CHARACTERS_MAX);
            self.check(gross_minor >= 1, &format!("{place}.gross_minor"), "must be at least 1");
            match VatRate::new(i64::from(vat_rate_bp)) {
                Some(vat_rate) => checked.push(CreditFee { title, gross_minor, vat_rate }),
                None => self.refuse(format!("{place}.vat_rate_bp"), "must be from 0 to 10000"),
            }
        }
        checked
    }

    fn refund_shares(&mut self, shares: &[v1::RefundShare]) -> Vec<(PaymentId, i64)> {
        self.at_most(SHARES_MAX, "shares", shares.len());
        let mut seen = BTreeSet::new();
        let mut checked = Vec::new();
        for (index, share) in shares.iter().take(SHARES_MAX).enumerate() {
            let v1::RefundShare { payment_id, amount_minor } = *share;
            let place = format!("shares[{index}]");
            let is_new = payment_id >= 1 && seen.insert(payment_id);
            let field = format!("{place}.payment_id");
            self.check(is_new, &field, "must be a payment of the order, each at most once");
            self.check(amount_minor >= 1, &format!("{place}.amount_minor"), "must be at least 1");
            checked.push((PaymentId(payment_id), amount_minor));
        }
        checked
    }

    fn at_most(&mut self, max: usize, field: &str, count: usize) {
        if count > max {
            self.refuse(field, format!("has more than {max} entries"));
        }
    }
}
