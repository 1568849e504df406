//! Fields of the commands on one order: correcting it, and changing its status.

use order_proto::v1;

use super::envelope::Asking;
use super::names::OrderName;
use super::{Fields, restock};
use crate::commands::{ChangeStatus, Command, Failure, UpdateOrder, WithdrawStatusChange};
use crate::grpc::caller::Caller;

/// Paths that `UpdateOrder` can change.
const PATHS: [&str; 11] = [
    "customer",
    "customer.full_name",
    "customer.email",
    "customer.phone",
    "customer.id",
    "customer.organization_number",
    "billing_address",
    "shipping_address",
    "metadata",
    "external_reference",
    "language_code",
];

/// Checks `UpdateOrder`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn update_order(
    mut request: v1::UpdateOrderRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::UpdateOrderRequest { order, update_mask, request_id: _, etag, validate_only: _ } =
        request;
    let paths = fields.mask(update_mask, &PATHS);
    let etag = fields.etag(etag);
    let Some(order) = order else {
        fields.refuse("order", "is required");
        return Err(fields.refusal());
    };
    let (shop, command) = fields.corrections(order, &paths, etag);
    envelope.finish(fields, shop, Command::UpdateOrder(Box::new(command)))
}

/// Checks `ChangeOrderStatus`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn change_status(
    mut request: v1::ChangeOrderStatusRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::ChangeOrderStatusRequest {
        name,
        status,
        restock: restock_choice,
        note,
        send_email,
        request_id: _,
        etag,
        validate_only: _,
        wait: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    let command = ChangeStatus {
        number,
        etag: fields.etag(etag),
        status: fields.status_of("status", &status, &shop),
        restock: restock(fields.term("restock", restock_choice)),
        note: note.map(|note| fields.new_note("note", note)),
        send_email,
    };
    envelope.finish(fields, shop, Command::ChangeStatus(command))
}

/// Checks `WithdrawStatusChange`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn withdraw_status_change(
    mut request: v1::WithdrawStatusChangeRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::WithdrawStatusChangeRequest { name, request_id: _, etag, validate_only: _ } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    let command = WithdrawStatusChange { number, etag: fields.etag(etag) };
    envelope.finish(fields, shop, Command::WithdrawStatusChange(command))
}

impl Fields {
    /// The shop, and what is masked of the order. Of the rest only the name is read.
    fn corrections(
        &mut self,
        order: v1::Order,
        paths: &[&str],
        etag: Option<String>,
    ) -> (String, UpdateOrder) {
        let v1::Order {
            name,
            customer,
            billing_address,
            shipping_address,
            metadata,
            external_reference,
            language_code,
            // Derived, or changed by commands of their own.
            number: _,
            kind: _,
            status: _,
            status_tag: _,
            pending_status_change: _,
            currency_code: _,
            price_basis: _,
            lines: _,
            totals: _,
            payments: _,
            payment_state: _,
            delivery_state: _,
            payment_needs_attention: _,
            problems: _,
            duplicates: _,
            original_order: _,
            revision: _,
            etag: _,
            create_time: _,
            update_time: _,
            complete_time: _,
            cancel_time: _,
            deliveries: _,
            withdrawal: _,
            credit_number: _,
            credit_orders: _,
            mails: _,
            accounting_transfers: _,
            labels: _,
            delete_time: _,
            pending_resolution: _,
            notes: _,
            email_suggestion: _,
        } = order;
        let OrderName { shop, number } = self.order("order.name", &name);
        let is_masked = |path: &str| paths.contains(&path);
        let mut command = UpdateOrder { number, etag, ..UpdateOrder::default() };
        self.customer_corrections(customer.unwrap_or_default(), paths, &mut command);
        if is_masked("billing_address") {
            command.billing_address =
                Some(billing_address.map(|address| self.address("order.billing_address", address)));
        }
        if is_masked("shipping_address") {
            command.shipping_address = Some(
                shipping_address.map(|address| self.address("order.shipping_address", address)),
            );
        }
        if is_masked("metadata") {
            command.metadata = Some(self.metadata("order.metadata", metadata));
        }
        if is_masked("external_reference") {
            command.external_reference =
                Some(self.external_reference("order.external_reference", external_reference));
        }
        if is_masked("language_code") {
            command.language = Some(self.language("order.language_code", language_code));
        }
        (shop, command)
    }

    fn customer_corrections(
        &mut self,
        mut customer: v1::Customer,
        paths: &[&str],
        command: &mut UpdateOrder,
    ) {
        let is_masked =
            |path: &str| paths.iter().any(|masked| *masked == "customer" || *masked == path);
        // What is not masked is not read, so it cannot be wrong either.
        if !is_masked("customer.full_name") {
            "unread".clone_into(&mut customer.full_name);
        }
        for (path, value) in [
            ("customer.email", &mut customer.email),
            ("customer.phone", &mut customer.phone),
            ("customer.id", &mut customer.id),
            ("customer.organization_number", &mut customer.organization_number),
        ] {
            if !is_masked(path) {
                value.clear();
            }
        }
        let v1::Customer { id, full_name, email, phone, organization_number } =
            self.customer("order.customer", customer);
        let masked = |path: &str, value: String| is_masked(path).then_some(value);
        command.customer_id = masked("customer.id", id);
        command.full_name = masked("customer.full_name", full_name);
        command.email = masked("customer.email", email);
        command.phone = masked("customer.phone", phone);
        command.organization_number = masked("customer.organization_number", organization_number);
    }
}
