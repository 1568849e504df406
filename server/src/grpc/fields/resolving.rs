//! Fields of the commands on duplicates.

use order_proto::v1;
use order_rules::resolving::DROPS_MAX;

use super::envelope::Asking;
use super::names::OrderName;
use super::{Fields, restock};
use crate::commands::{Command, DismissDuplicate, Failure, ResolveDuplicate};
use crate::grpc::caller::Caller;

/// Checks `ResolveDuplicate`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn resolve_duplicate(
    mut request: v1::ResolveDuplicateRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::ResolveDuplicateRequest {
        keep,
        drop,
        restock: restock_choice,
        complete_keep_as,
        request_id: _,
        etag,
        validate_only: _,
        wait: _,
    } = request;
    let OrderName { shop, number } = fields.order("keep", &keep);
    let drop = fields.drops(&drop, &shop, number);
    let complete_keep_as = (!complete_keep_as.is_empty())
        .then(|| fields.status_of("complete_keep_as", &complete_keep_as, &shop));
    let command = ResolveDuplicate {
        keep: number,
        etag: fields.etag(etag),
        drop,
        restock: restock(fields.term("restock", restock_choice)),
        complete_keep_as,
    };
    envelope.finish(fields, shop, Command::ResolveDuplicate(command))
}

/// Checks `DismissDuplicate`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn dismiss_duplicate(
    mut request: v1::DismissDuplicateRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::DismissDuplicateRequest { name, other, request_id: _, etag, validate_only: _ } =
        request;
    let OrderName { shop, number } = fields.order("name", &name);
    let other = fields.order_of("other", &other, &shop);
    fields.check(number == 0 || other != number, "other", "must be another order");
    let command = DismissDuplicate { number, etag: fields.etag(etag), other };
    envelope.finish(fields, shop, Command::DismissDuplicate(command))
}

impl Fields {
    /// The orders to drop: some, not too many, each once, and never the kept one.
    fn drops(&mut self, drops: &[String], shop: &str, keep: i64) -> Vec<i64> {
        if !(1..=DROPS_MAX).contains(&drops.len()) {
            self.refuse("drop", format!("must have 1 to {DROPS_MAX} orders"));
            return Vec::new();
        }
        let mut numbers = Vec::new();
        for (index, name) in drops.iter().enumerate() {
            let field = format!("drop[{index}]");
            let number = self.order_of(&field, name, shop);
            let is_named = number != 0;
            self.check(!is_named || number != keep, &field, "is the order to keep");
            self.check(!is_named || !numbers.contains(&number), &field, "is named before");
            numbers.push(number);
        }
        numbers
    }
}
