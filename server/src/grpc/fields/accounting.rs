//! Fields of transfers to accounting, and of a shop's settings for it.

use order_proto::v1;
use order_rules::accounting::TransferForm;

use super::envelope::Asking;
use super::names::OrderName;
use super::{Fields, entry};
use crate::commands::{Command, Failure, TransferOrder};
use crate::grpc::caller::Caller;
use crate::terms::Term;

const PAYMENT_TYPES_MAX: usize = 50;
const VAT_TYPES_MAX: usize = 20;
const VAT_RATE_BP_MAX: i32 = 10_000;
const VAT_NUMBER_DIGITS_MAX: usize = 10;

/// Checks `TransferOrderToAccounting`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn transfer_order(
    mut request: v1::TransferOrderToAccountingRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::TransferOrderToAccountingRequest {
        name,
        form,
        integration,
        request_id: _,
        etag,
        validate_only: _,
        wait: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    let form = TransferForm::from_contract(fields.term("form", form));
    fields.check(form.is_some(), "form", "is required: INVOICE or ORDER");
    let integration = fields.accounting_integration("integration", &integration, &shop);
    let etag = fields.etag(etag);
    let Some(form) = form else { return Err(fields.refusal()) };
    let command = TransferOrder { number, etag, form, integration };
    envelope.finish(fields, shop, Command::TransferOrder(command))
}

impl Fields {
    /// Last part of the name of an integration of the shop; `None` for an empty one.
    fn accounting_integration(&mut self, field: &str, name: &str, shop: &str) -> Option<String> {
        if name.is_empty() {
            return None;
        }
        Some(self.integration_of(field, name, shop))
    }

    pub(super) fn accounting(
        &mut self,
        field: &str,
        accounting: v1::AccountingSettings,
        shop: &str,
    ) {
        let v1::AccountingSettings {
            integration,
            automatic_form,
            sends_invoice_mail: _,
            payment_types,
            vat_types,
        } = accounting;
        self.accounting_integration(&format!("{field}.integration"), &integration, shop);
        let place = format!("{field}.automatic_form");
        let form: v1::TransferForm = self.term(&place, automatic_form);
        let is_possible = form == v1::TransferForm::Unspecified || !integration.is_empty();
        self.check(is_possible, &place, "needs an integration to hand over to");
        let place = format!("{field}.payment_types");
        self.check(payment_types.len() <= PAYMENT_TYPES_MAX, &place, "has more than 50 entries");
        for (provider, name) in payment_types.into_iter().take(PAYMENT_TYPES_MAX) {
            let place = entry(&place, &provider);
            self.line(&format!("{place}.key"), provider, 1..=40);
            self.line(&format!("{place}.value"), name, 1..=100);
        }
        let place = format!("{field}.vat_types");
        self.check(vat_types.len() <= VAT_TYPES_MAX, &place, "has more than 20 entries");
        for (rate_bp, number) in vat_types.into_iter().take(VAT_TYPES_MAX) {
            let place = format!("{place}[{rate_bp}]");
            let is_rate = (0..=VAT_RATE_BP_MAX).contains(&rate_bp);
            self.check(is_rate, &format!("{place}.key"), "must be from 0 to 10000");
            let is_number = (1..=VAT_NUMBER_DIGITS_MAX).contains(&number.len())
                && number.bytes().all(|digit| digit.is_ascii_digit());
            self.check(is_number, &format!("{place}.value"), "must be 1 to 10 digits");
        }
    }
}
