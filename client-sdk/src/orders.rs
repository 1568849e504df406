//! Changing an order's status and listing orders, piece by piece.

use std::time::Duration;

use crate::client::OrderClient;
use crate::error::Error;
use crate::names::{OrderName, ShopName, StatusName};
use crate::pages::{Items, Page, Pages};
use crate::proto;
use crate::tokens::{Etag, PageToken};

/// A change of an order's status. Begun by [`OrderClient::change_status`].
#[derive(Clone, Debug)]
#[must_use = "nothing is changed until it is sent"]
pub struct StatusChange {
    client: OrderClient,
    request: proto::ChangeOrderStatusRequest,
}

/// A list of orders. Begun by [`OrderClient::orders`].
#[derive(Clone, Debug)]
#[must_use = "nothing is read until it is asked for"]
pub struct OrderQuery {
    client: OrderClient,
    request: proto::ListOrdersRequest,
    filter: proto::OrderFilter,
}

impl StatusChange {
    pub(crate) fn new(client: OrderClient, order: &OrderName, status: &StatusName) -> Self {
        let request = proto::ChangeOrderStatusRequest {
            name: order.into(),
            status: status.into(),
            ..proto::ChangeOrderStatusRequest::default()
        };
        Self { client, request }
    }

    /// Whether the goods go back on stock. Required for a status tagged CANCELLED, refused otherwise.
    pub fn restock(mut self, is_restocked: bool) -> Self {
        let choice = if is_restocked { proto::Restock::Yes } else { proto::Restock::No };
        self.request.set_restock(choice);
        self
    }

    /// A note to add when the label moves.
    pub fn note(mut self, audience: proto::NoteAudience, text: impl Into<String>) -> Self {
        self.request.note = Some(proto::Note {
            audience: audience.into(),
            text: text.into(),
            ..proto::Note::default()
        });
        self
    }

    /// Mail the customer the new status when the label moves, with the note if it is for the customer.
    pub fn send_email(mut self) -> Self {
        self.request.send_email = true;
        self
    }

    /// UUID of this command; one is made when it is sent without.
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request.request_id = request_id.into();
        self
    }

    /// Be refused with `ETAG_MISMATCH` when the order has changed since.
    pub fn etag(mut self, etag: Etag) -> Self {
        self.request.etag = etag.into();
        self
    }

    /// Wait at most this long, up to 60 s, for the money to move.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.request.wait = prost_types::Duration::try_from(wait).ok();
        self
    }

    /// Only check: the answer holds the order as it would be and the plan.
    pub fn validate_only(mut self) -> Self {
        self.request.validate_only = true;
        self
    }

    /// The request as it would be sent.
    #[must_use]
    pub fn into_request(self) -> proto::ChangeOrderStatusRequest {
        self.request
    }

    /// Changes the status.
    pub async fn send(self) -> Result<proto::ChangeOrderStatusResponse, Error> {
        self.client.change_order_status(self.request).await
    }
}

impl OrderQuery {
    pub(crate) fn new(client: OrderClient, shop: &ShopName) -> Self {
        let request =
            proto::ListOrdersRequest { parent: shop.into(), ..proto::ListOrdersRequest::default() };
        Self { client, request, filter: proto::OrderFilter::default() }
    }

    /// Orders that have this status, or another one named so.
    pub fn status(mut self, status: &StatusName) -> Self {
        self.filter.statuses.push(status.into());
        self
    }

    /// Orders whose status has this tag, or another one named so.
    pub fn tag(mut self, tag: proto::StatusTag) -> Self {
        self.filter.tags.push(tag.into());
        self
    }

    /// Orders of this kind, or another one named so; sale orders unless told.
    pub fn kind(mut self, kind: proto::OrderKind) -> Self {
        self.filter.kinds.push(kind.into());
        self
    }

    /// Orders whose money has come this far, or as far as another one named so.
    pub fn payment_state(mut self, state: proto::PaymentState) -> Self {
        self.filter.payment_states.push(state.into());
        self
    }

    /// Any other condition.
    pub fn filter(mut self, change: impl FnOnce(&mut proto::OrderFilter)) -> Self {
        change(&mut self.filter);
        self
    }

    /// Orders with all of these words, or words that begin so: customer, number, sku, references.
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.filter.text = text.into();
        self
    }

    /// Orders with this metadata, and all other named so.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.filter.metadata.insert(key.into(), value.into());
        self
    }

    /// `number`, `create_time`, `update_time` or `gross_minor`, each with or without ` desc`.
    pub fn order_by(mut self, order_by: impl Into<String>) -> Self {
        self.request.order_by = order_by.into();
        self
    }

    /// Deleted orders, too.
    pub fn show_deleted(mut self) -> Self {
        self.request.show_deleted = true;
        self
    }

    /// Orders a page: 1 to 1,000.
    pub fn page_size(mut self, page_size: i32) -> Self {
        self.request.page_size = page_size;
        self
    }

    /// Where to begin: the token of an earlier page of the same list.
    pub fn page_token(mut self, token: PageToken) -> Self {
        self.request.page_token = token.into();
        self
    }

    /// The request as it would be sent.
    #[must_use]
    pub fn into_request(self) -> proto::ListOrdersRequest {
        proto::ListOrdersRequest { filter: Some(self.filter), ..self.request }
    }

    /// Reads one page.
    pub async fn page(self) -> Result<Page<proto::Order>, Error> {
        let client = self.client.clone();
        let answer = client.list_orders(self.into_request()).await?;
        Ok(Page { items: answer.orders, next: PageToken::next(answer.next_page_token) })
    }

    /// How many orders the whole list has.
    pub async fn count(mut self) -> Result<i64, Error> {
        self.request.count_total = true;
        self.request.page_size = 1;
        let client = self.client.clone();
        let answer = client.list_orders(self.into_request()).await?;
        answer.total_count.ok_or_else(|| Error::broken_promise("a count that was asked for"))
    }

    /// The whole list, page by page.
    #[must_use]
    pub fn pages(self) -> Pages<proto::Order> {
        let client = self.client.clone();
        client.order_pages(self.into_request())
    }

    /// The whole list, order by order.
    #[must_use]
    pub fn by_item(self) -> Items<proto::Order> {
        self.pages().by_item()
    }
}
