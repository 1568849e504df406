//! Fields of `OrderStatusService`.

use std::collections::BTreeMap;

use order_proto::v1;

use super::envelope::Asking;
use super::names::PartName;
use super::{Fields, entry};
use crate::commands::{Command, CreateStatus, DeleteStatus, Failure, UpdateStatus};
use crate::grpc::caller::Caller;

const PATHS: [&str; 4] = ["tag", "admin_names", "customer_names", "position"];
const NAMES_MAX: usize = 20;
const NAME_CHARACTERS_MAX: usize = 100;
const POSITION_MAX: i32 = 10_000;

/// Checks `CreateOrderStatus`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn create_status(
    mut request: v1::CreateOrderStatusRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::CreateOrderStatusRequest {
        parent,
        order_status_id,
        order_status,
        request_id: _,
        validate_only: _,
    } = request;
    let shop = fields.shop("parent", &parent);
    let slug = fields.slug("order_status_id", order_status_id);
    fields.check(order_status.is_some(), "order_status", "is required");
    let Some(status) = order_status else { return Err(fields.refusal()) };
    let v1::OrderStatus {
        name: _,
        tag,
        admin_names,
        customer_names,
        position,
        etag: _,
        order_count: _,
    } = status;
    let command = CreateStatus {
        slug,
        tag: fields.term("order_status.tag", tag),
        admin_names: fields.names_by_language("order_status.admin_names", admin_names, 1),
        customer_names: fields.names_by_language("order_status.customer_names", customer_names, 0),
        position: fields.position(position),
    };
    envelope.finish(fields, shop, Command::CreateStatus(command))
}

/// Checks `UpdateOrderStatus`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn update_status(
    mut request: v1::UpdateOrderStatusRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::UpdateOrderStatusRequest {
        order_status,
        update_mask,
        request_id: _,
        etag,
        validate_only: _,
    } = request;
    let paths = fields.mask(update_mask, &PATHS);
    let etag = fields.etag(etag);
    fields.check(order_status.is_some(), "order_status", "is required");
    let Some(status) = order_status else { return Err(fields.refusal()) };
    let v1::OrderStatus {
        name,
        tag,
        admin_names,
        customer_names,
        position,
        etag: _,
        order_count: _,
    } = status;
    let PartName { shop, part: slug } = fields.status("order_status.name", &name);
    let is_masked = |path: &str| paths.contains(&path);
    let command = UpdateStatus {
        slug,
        etag,
        tag: is_masked("tag").then(|| fields.term("order_status.tag", tag)),
        admin_names: is_masked("admin_names")
            .then(|| fields.names_by_language("order_status.admin_names", admin_names, 1)),
        customer_names: is_masked("customer_names")
            .then(|| fields.names_by_language("order_status.customer_names", customer_names, 0)),
        position: is_masked("position").then(|| fields.position(position)),
    };
    envelope.finish(fields, shop, Command::UpdateStatus(command))
}

/// Checks `DeleteOrderStatus`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn delete_status(
    mut request: v1::DeleteOrderStatusRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::DeleteOrderStatusRequest { name, replacement, request_id: _, etag, validate_only: _ } =
        request;
    let PartName { shop, part: slug } = fields.status("name", &name);
    let replacement =
        (!replacement.is_empty()).then(|| fields.status_of("replacement", &replacement, &shop));
    let is_other = replacement.as_ref().is_none_or(|other| *other != slug || slug.is_empty());
    fields.check(is_other, "replacement", "must be another status");
    let command = DeleteStatus { slug, etag: fields.etag(etag), replacement };
    envelope.finish(fields, shop, Command::DeleteStatus(command))
}

/// Checks the name of a status to read: its shop and its last part.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(crate) fn get_status(request: v1::GetOrderStatusRequest) -> Result<PartName, Failure> {
    let v1::GetOrderStatusRequest { name } = request;
    let mut fields = Fields::default();
    let status = fields.status("name", &name);
    fields.finish().map(|()| status)
}

/// Checks the shop whose statuses are to be listed.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(crate) fn list_statuses(request: v1::ListOrderStatusesRequest) -> Result<String, Failure> {
    let v1::ListOrderStatusesRequest { parent } = request;
    let mut fields = Fields::default();
    let shop = fields.shop("parent", &parent);
    fields.finish().map(|()| shop)
}

impl Fields {
    fn names_by_language(
        &mut self,
        field: &str,
        names: BTreeMap<String, String>,
        entries_min: usize,
    ) -> BTreeMap<String, String> {
        self.check(names.len() >= entries_min, field, "needs a name in one language");
        if names.len() > NAMES_MAX {
            self.refuse(field, format!("has more than {NAMES_MAX} entries"));
        }
        for (language, name) in names.iter().take(NAMES_MAX) {
            let place = entry(field, language);
            let key = format!("{place}.key");
            self.check(!language.is_empty(), &key, "must not be empty");
            self.language(&key, language.clone());
            self.line(&format!("{place}.value"), name.clone(), 1..=NAME_CHARACTERS_MAX);
        }
        names
    }

    fn position(&mut self, position: i32) -> i32 {
        self.check(
            (0..=POSITION_MAX).contains(&position),
            "order_status.position",
            "must be from 0 to 10000",
        );
        position
    }
}
