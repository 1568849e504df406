//! Fields of `StockService`.

use order_proto::v1;

use super::Fields;
use super::envelope::Asking;
use super::lists::{PartPage, ShopPage};
use super::names::{PartName, SKU_CHARACTERS_MAX};
use crate::commands::{AdjustStock, Command, CreateStockItem, Failure};
use crate::grpc::caller::Caller;

/// Units, either way.
const QUANTITY_MAX: i64 = 1_000_000_000;
const PAGE_SIZE: usize = 100;

/// Checks `CreateStockItem`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn create_stock_item(
    mut request: v1::CreateStockItemRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::CreateStockItemRequest {
        parent,
        sku,
        on_hand_quantity,
        request_id: _,
        validate_only: _,
    } = request;
    let shop = fields.shop("parent", &parent);
    let sku = fields.line("sku", sku, 1..=SKU_CHARACTERS_MAX);
    fields.units("on_hand_quantity", on_hand_quantity);
    let command = CreateStockItem { sku, on_hand: on_hand_quantity };
    envelope.finish(fields, shop, Command::CreateStockItem(command))
}

/// Checks `AdjustStock`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn adjust_stock(
    mut request: v1::AdjustStockRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::AdjustStockRequest { name, delta_quantity, request_id: _, validate_only: _ } = request;
    let PartName { shop, part: sku } = fields.stock_item("name", &name);
    fields.units("delta_quantity", delta_quantity);
    fields.check(delta_quantity != 0, "delta_quantity", "must not be 0");
    let command = AdjustStock { sku, delta: delta_quantity };
    envelope.finish(fields, shop, Command::AdjustStock(command))
}

/// Checks the name of an item to read: its shop and its sku.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(crate) fn get_stock_item(request: v1::GetStockItemRequest) -> Result<PartName, Failure> {
    let v1::GetStockItemRequest { name } = request;
    let mut fields = Fields::default();
    let item = fields.stock_item("name", &name);
    fields.finish().map(|()| item)
}

/// Checks a page of items.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn list_stock_items(request: v1::ListStockItemsRequest) -> Result<ShopPage, Failure> {
    let v1::ListStockItemsRequest { parent, page_size, page_token } = request;
    let mut fields = Fields::default();
    let shop = fields.shop("parent", &parent);
    let page = fields.page(page_size, page_token, PAGE_SIZE);
    fields.finish().map(|()| ShopPage { shop, page })
}

/// Checks a page of movements.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn list_stock_movements(
    request: v1::ListStockMovementsRequest,
) -> Result<PartPage, Failure> {
    let v1::ListStockMovementsRequest { parent, page_size, page_token } = request;
    let mut fields = Fields::default();
    let item = fields.stock_item("parent", &parent);
    let page = fields.page(page_size, page_token, PAGE_SIZE);
    fields.finish().map(|()| PartPage { of: item, page })
}

impl Fields {
    fn units(&mut self, field: &str, quantity: i64) {
        self.check(
            (-QUANTITY_MAX..=QUANTITY_MAX).contains(&quantity),
            field,
            "must be from -1000000000 to 1000000000",
        );
    }
}
