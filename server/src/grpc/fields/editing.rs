//! Fields of `EditOrder` and `DeleteOrder`.

use order_proto::v1;
use order_rules::editing::{Edit, LineEdit, check_bounds};

use super::envelope::Asking;
use super::names::OrderName;
use super::{Fields, restock};
use crate::commands::{Command, DeleteOrder, EditOrder, Failure};
use crate::grpc::caller::Caller;

/// Checks `EditOrder`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn edit_order(
    mut request: v1::EditOrderRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::EditOrderRequest {
        name,
        lines,
        added_lines,
        restock: restock_choice,
        request_id: _,
        etag,
        validate_only: _,
        wait: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    let edit = Edit {
        lines: lines.into_iter().map(line_edit).collect(),
        added: fields.lines("added_lines", added_lines),
        restock: restock(fields.term("restock", restock_choice)),
    };
    fields.extend(check_bounds(&edit));
    let command = EditOrder { number, etag: fields.etag(etag), edit };
    envelope.finish(fields, shop, Command::EditOrder(Box::new(command)))
}

/// Checks `DeleteOrder`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn delete_order(
    mut request: v1::DeleteOrderRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::DeleteOrderRequest {
        name,
        restock: restock_choice,
        request_id: _,
        etag,
        validate_only: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    let restock = restock(fields.term("restock", restock_choice));
    let command = DeleteOrder { number, etag: fields.etag(etag), restock };
    envelope.finish(fields, shop, Command::DeleteOrder(command))
}

fn line_edit(line: v1::LineEdit) -> LineEdit {
    let v1::LineEdit { line_id, quantity, unit_price_minor } = line;
    LineEdit { line: line_id, quantity, unit_price_minor }
}
