//! Fields of what reads orders: by name, many by name, a page, a history.

use order_proto::v1;
use order_rules::order::Day;

use super::Fields;
use super::names::{OrderName, PartName};
use crate::commands::Failure;

/// A page holds no more than this, whatever is asked for.
const PAGE_SIZE_MAX: usize = 1_000;
const PAGE_TOKEN_CHARACTERS_MAX: usize = 1_000;
const ORDERS_PAGE_SIZE: usize = 50;
const EVENTS_PAGE_SIZE: usize = 100;
const BATCH_MAX: usize = 1_000;
const FILTER_VALUES_MAX: usize = 100;
const FILTER_METADATA_MAX: usize = 10;
const TEXT_CHARACTERS_MAX: usize = 200;

/// Which page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// 1 to 1,000.
    pub(crate) size: usize,
    /// Empty: the first.
    pub(crate) token: String,
}

/// A page of what a shop has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ShopPage {
    pub(crate) shop: String,
    pub(crate) page: Page,
}

/// A page of what belongs to a part of a shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PartPage {
    pub(crate) of: PartName,
    pub(crate) page: Page,
}

/// One order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OneOrder {
    pub(crate) of: OrderName,
    /// The revision to read it at; 0: as it is now.
    pub(crate) as_of_revision: i64,
    /// Also when it was deleted.
    pub(crate) shows_deleted: bool,
}

/// A page of an order's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderPage {
    pub(crate) of: OrderName,
    pub(crate) page: Page,
}

/// A page of orders.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct OrdersPage {
    pub(crate) shop: String,
    pub(crate) page: Page,
    pub(crate) order_by: OrderBy,
    /// Every value is known, every name is of the shop.
    pub(crate) filter: v1::OrderFilter,
    /// Deleted orders, too.
    pub(crate) show_deleted: bool,
    pub(crate) count_total: bool,
}

/// What orders are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrderBy {
    pub(crate) key: OrderKey,
    pub(crate) is_descending: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderKey {
    Number,
    CreateTime,
    UpdateTime,
    Gross,
}

/// Checks `GetOrder`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn get_order(request: v1::GetOrderRequest) -> Result<OneOrder, Failure> {
    let v1::GetOrderRequest { name, as_of_revision, show_deleted } = request;
    let mut fields = Fields::default();
    let of = fields.order("name", &name);
    fields.check(as_of_revision >= 0, "as_of_revision", "must be at least 0");
    fields.finish().map(|()| OneOrder { of, as_of_revision, shows_deleted: show_deleted })
}

/// Checks `BatchGetOrders`: the shop and the numbers asked for.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn batch_get_orders(
    request: v1::BatchGetOrdersRequest,
) -> Result<(String, Vec<i64>), Failure> {
    let v1::BatchGetOrdersRequest { parent, names } = request;
    let mut fields = Fields::default();
    let shop = fields.shop("parent", &parent);
    fields.check((1..=BATCH_MAX).contains(&names.len()), "names", "must be 1 to 1000 names");
    let numbers = names
        .iter()
        .take(BATCH_MAX)
        .enumerate()
        .map(|(index, name)| fields.order_of(&format!("names[{index}]"), name, &shop))
        .collect();
    fields.finish().map(|()| (shop, numbers))
}

/// Checks `ListOrders`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn list_orders(request: v1::ListOrdersRequest) -> Result<OrdersPage, Failure> {
    let v1::ListOrdersRequest {
        parent,
        page_size,
        page_token,
        order_by,
        filter,
        show_deleted,
        count_total,
    } = request;
    let mut fields = Fields::default();
    let shop = fields.shop("parent", &parent);
    let page = fields.page(page_size, page_token, ORDERS_PAGE_SIZE);
    let order_by = fields.order_by(&order_by);
    let filter = filter.unwrap_or_default();
    fields.order_filter(&filter, &shop);
    let page = OrdersPage { shop, page, order_by, filter, show_deleted, count_total };
    fields.finish().map(|()| page)
}

/// Checks `ListOrderEvents`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn list_order_events(request: v1::ListOrderEventsRequest) -> Result<OrderPage, Failure> {
    let v1::ListOrderEventsRequest { parent, page_size, page_token } = request;
    let mut fields = Fields::default();
    let of = fields.order("parent", &parent);
    let page = fields.page(page_size, page_token, EVENTS_PAGE_SIZE);
    fields.finish().map(|()| OrderPage { of, page })
}

/// Checks `VerifyShop`.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(crate) fn verify_shop(request: v1::VerifyShopRequest) -> Result<String, Failure> {
    let v1::VerifyShopRequest { parent } = request;
    let mut fields = Fields::default();
    let shop = fields.shop("parent", &parent);
    fields.finish().map(|()| shop)
}

impl Fields {
    /// Which page; too large a size is taken as the largest.
    pub(super) fn page(&mut self, size: i32, token: String, default: usize) -> Page {
        self.check(size >= 0, "page_size", "must be at least 0");
        let size = match usize::try_from(size).unwrap_or_default() {
            0 => default,
            size => size.min(PAGE_SIZE_MAX),
        };
        Page { size, token: self.line("page_token", token, 0..=PAGE_TOKEN_CHARACTERS_MAX) }
    }

    fn order_by(&mut self, text: &str) -> OrderBy {
        let (key, is_descending) = match text.strip_suffix(" desc") {
            Some(key) => (key, true),
            None => (text, text.is_empty()),
        };
        let key = match key {
            "" if text.is_empty() => OrderKey::Number,
            "number" => OrderKey::Number,
            "create_time" => OrderKey::CreateTime,
            "update_time" => OrderKey::UpdateTime,
            "gross_minor" => OrderKey::Gross,
            _ => {
                self.refuse(
                    "order_by",
                    "must be number, create_time, update_time or gross_minor, with or without \
                     ' desc'",
                );
                OrderKey::Number
            }
        };
        OrderBy { key, is_descending }
    }

    fn order_filter(&mut self, filter: &v1::OrderFilter, shop: &str) {
        let v1::OrderFilter {
            kinds,
            statuses,
            tags,
            payment_states,
            delivery_states,
            created_from,
            created_before,
            updated_from,
            updated_before,
            gross_minor_min: _,
            gross_minor_max: _,
            has_problem: _,
            is_possible_duplicate: _,
            has_pending_status_change: _,
            external_reference,
            payment_reference,
            sku,
            currency_code,
            text,
            metadata,
            original_order,
            withdrawal_deadline_from,
            withdrawal_deadline_before,
            refund_due_before,
            reservation_expires_before,
        } = filter;
        self.terms::<v1::OrderKind>("filter.kinds", kinds);
        self.statuses_of("filter.statuses", statuses, shop);
        self.terms::<v1::StatusTag>("filter.tags", tags);
        self.terms::<v1::PaymentState>("filter.payment_states", payment_states);
        self.terms::<v1::DeliveryState>("filter.delivery_states", delivery_states);
        for (field, terms) in [
            ("filter.kinds", kinds),
            ("filter.tags", tags),
            ("filter.payment_states", payment_states),
            ("filter.delivery_states", delivery_states),
        ] {
            self.check(terms.len() <= FILTER_VALUES_MAX, field, "has more than 100 values");
        }
        self.time("filter.created_from", created_from.as_ref());
        self.time("filter.created_before", created_before.as_ref());
        self.time("filter.updated_from", updated_from.as_ref());
        self.time("filter.updated_before", updated_before.as_ref());
        self.time("filter.reservation_expires_before", reservation_expires_before.as_ref());
        for (field, text, length) in [
            ("filter.external_reference", external_reference, 100),
            ("filter.payment_reference", payment_reference, 200),
            ("filter.sku", sku, 100),
        ] {
            self.line(field, text.clone(), 0..=length);
        }
        if !currency_code.is_empty() {
            self.currency("filter.currency_code", currency_code);
        }
        self.words("filter.text", text);
        let is_short = metadata.len() <= FILTER_METADATA_MAX;
        self.check(is_short, "filter.metadata", "has more than 10 entries");
        self.metadata("filter.metadata", metadata.clone());
        if !original_order.is_empty() {
            self.order_of("filter.original_order", original_order, shop);
        }
        self.optional_day("filter.withdrawal_deadline_from", withdrawal_deadline_from);
        self.optional_day("filter.withdrawal_deadline_before", withdrawal_deadline_before);
        self.optional_day("filter.refund_due_before", refund_due_before);
    }

    /// A day; may be empty.
    fn optional_day(&mut self, field: &str, day: &str) {
        let is_right = day.is_empty() || Day::from_text(day).is_some();
        self.check(is_right, field, "must be a day of the years 1 to 9999, e.g. 2026-11-25");
    }

    /// Words to look for; may be empty.
    fn words(&mut self, field: &str, text: &str) {
        self.line(field, text.to_owned(), 0..=TEXT_CHARACTERS_MAX);
        self.check(
            text.is_empty() || text.chars().any(char::is_alphanumeric),
            field,
            "must have a letter or a digit",
        );
    }

    /// Statuses of this shop, not too many.
    pub(super) fn statuses_of(&mut self, field: &str, statuses: &[String], shop: &str) {
        self.check(statuses.len() <= FILTER_VALUES_MAX, field, "has more than 100 values");
        for (index, name) in statuses.iter().take(FILTER_VALUES_MAX).enumerate() {
            self.status_of(&format!("{field}[{index}]"), name, shop);
        }
    }

    /// A point in time, if there is one.
    pub(super) fn time(&mut self, field: &str, time: Option<&prost_types::Timestamp>) {
        // 0001-01-01 to 9999-12-31, as the contract's type has it.
        const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
        let is_right = time.is_none_or(|time| {
            SECONDS.contains(&time.seconds) && (0..1_000_000_000).contains(&time.nanos)
        });
        self.check(is_right, field, "must be a time of the years 1 to 9999");
    }
}
