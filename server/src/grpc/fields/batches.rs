//! Fields of a batch: one command for each of many orders.

use std::collections::HashSet;
use std::time::Duration;

use order_proto::v1;
use uuid::Uuid;

use super::envelope::{Asking, Envelope};
use super::orders::change_status;
use super::{Fields, names};
use crate::commands::Failure;
use crate::grpc::caller::Caller;

const ORDERS_MAX: usize = 10_000;

/// A checked batch.
#[derive(Clone, Debug)]
pub(crate) struct StatusBatch {
    pub(crate) shop: String,
    /// Each once.
    pub(crate) numbers: Vec<i64>,
    pub(crate) request_id: Uuid,
    pub(crate) validate_only: bool,
    pub(crate) wait: Duration,
    /// The change of each order, without its name and id.
    change: v1::ChangeOrderStatusRequest,
}

/// Checks `BatchChangeOrderStatus`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn batch_change_status(
    mut request: v1::BatchChangeOrderStatusRequest,
    caller: &Caller,
) -> Result<StatusBatch, Failure> {
    let mut fields = Fields::default();
    let Envelope { caller: asked, validate_only, wait, .. } = fields.envelope(&mut request, caller);
    let v1::BatchChangeOrderStatusRequest {
        parent,
        names,
        status,
        restock,
        note,
        send_email,
        request_id: _,
        validate_only: _,
        wait: _,
    } = request;
    let shop = fields.shop("parent", &parent);
    let numbers = fields.each_once(&names, &shop);
    let change = v1::ChangeOrderStatusRequest {
        status,
        restock,
        note,
        send_email,
        validate_only,
        ..v1::ChangeOrderStatusRequest::default()
    };
    let batch =
        StatusBatch { shop, numbers, request_id: asked.request_id, validate_only, wait, change };
    // What is the same for every order is checked with any.
    if let Err(Failure::Refused(refusal)) = batch.asking(1, caller) {
        fields.extend(refusal.violations.into_iter().filter(|one| one.field != "name").collect());
    }
    fields.finish().map(|()| batch)
}

impl StatusBatch {
    /// The command of one order. Its id is made of the batch's and the order's name, so that a repeat
    /// does only what was not done.
    ///
    /// # Errors
    /// Never for an order of a checked batch.
    pub(crate) fn asking(&self, number: i64, caller: &Caller) -> Result<Asking, Failure> {
        let name = names::order_name(&self.shop, number);
        let request_id = Uuid::new_v5(&self.request_id, name.as_bytes()).to_string();
        change_status(
            v1::ChangeOrderStatusRequest { name, request_id, ..self.change.clone() },
            caller,
        )
    }

    /// The name of the status, as it was asked for.
    pub(crate) fn status(&self) -> &str {
        &self.change.status
    }
}

impl Fields {
    /// Orders of a shop, none of them twice.
    fn each_once(&mut self, names: &[String], shop: &str) -> Vec<i64> {
        self.check((1..=ORDERS_MAX).contains(&names.len()), "names", "must be 1 to 10000 names");
        let mut seen = HashSet::new();
        let mut numbers = Vec::with_capacity(names.len().min(ORDERS_MAX));
        for (index, name) in names.iter().take(ORDERS_MAX).enumerate() {
            let field = format!("names[{index}]");
            let told = self.count();
            let number = self.order_of(&field, name, shop);
            // A name that is wrong in itself has been told already.
            if self.count() == told && !seen.insert(number) {
                self.refuse(field, "names an order that was named before");
            }
            numbers.push(number);
        }
        numbers
    }
}
