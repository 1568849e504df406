//! Fields of what is asked of a provider about a payment.

use order_proto::v1;

use super::Fields;
use super::envelope::Asking;
use super::names::OrderName;
use crate::commands::{Command, Failure, ReconcilePayment};
use crate::grpc::caller::Caller;

/// Checks `ReconcilePayment`; the account is still to be read.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn reconcile_payment(
    mut request: v1::ReconcilePaymentRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::ReconcilePaymentRequest {
        name,
        payment_id,
        request_id: _,
        etag,
        validate_only: _,
        wait: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    let command = fields.of_payment(number, etag, payment_id);
    envelope.finish(fields, shop, Command::ReconcilePayment(command))
}

/// Checks `ExtendReservation`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn extend_reservation(
    mut request: v1::ExtendReservationRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::ExtendReservationRequest { name, payment_id, request_id: _, etag, validate_only: _ } =
        request;
    let OrderName { shop, number } = fields.order("name", &name);
    let command = fields.of_payment(number, etag, payment_id);
    let command = ReconcilePayment { is_extension: true, ..command };
    envelope.finish(fields, shop, Command::ReconcilePayment(command))
}

impl Fields {
    fn of_payment(&mut self, number: i64, etag: String, payment: i64) -> ReconcilePayment {
        self.check(payment > 0, "payment_id", "must be at least 1");
        let etag = self.etag(etag);
        ReconcilePayment { number, etag, payment, reading: None, is_extension: false }
    }
}
