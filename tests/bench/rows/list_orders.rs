//! `ListOrders`: the first page and a deep one of a large shop beside the first of a small one.

use order_proto::v1::{ListOrdersRequest, OrderFilter, StatusTag};

use super::LISTING;
use crate::Result;
use crate::report::{Goal, Line, Number, Report, progress};
use crate::stage::Stage;

const PAGE_SIZE: i32 = 100;
const SMALL: u64 = 10_000;
const CALLS: usize = 101;

/// A way to list that must cost the same wherever the page is.
struct Listing {
    what: &'static str,
    order_by: &'static str,
    tags: &'static [StatusTag],
}

const LISTINGS: [Listing; 6] = [
    Listing { what: "by number", order_by: "number", tags: &[] },
    Listing { what: "newest first", order_by: "number desc", tags: &[] },
    Listing { what: "by placed", order_by: "create_time", tags: &[] },
    Listing { what: "by updated", order_by: "update_time", tags: &[] },
    Listing { what: "by total", order_by: "gross_minor", tags: &[] },
    Listing { what: "of one tag", order_by: "number", tags: &[StatusTag::Default] },
];

/// Fills a shop and measures every listing of it, one call in flight.
///
/// # Errors
/// A call fails.
pub(super) async fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let shop = stage.open_shop("listed").await?;
    stage.fill(&shop, SMALL).await?;
    let mut small = Vec::new();
    for listing in &LISTINGS {
        small.push(stage.time_page(&listing.request(&shop), CALLS).await?);
    }
    let orders = stage.arguments.orders;
    progress(&format!("placing {orders} orders to list"));
    stage.fill(&shop, orders.saturating_sub(SMALL)).await?;
    for (listing, small) in LISTINGS.iter().zip(small) {
        let first = listing.request(&shop);
        let time = stage.time_page(&first, CALLS).await?;
        report.add(line(stage, listing, "page 1", time, small));
        let (deep, page) = last_full_page(stage, first, orders).await?;
        let time = stage.time_page(&deep, CALLS).await?;
        report.add(line(stage, listing, &format!("page {page}"), time, small));
    }
    Ok(())
}

impl Listing {
    fn request(&self, shop: &str) -> ListOrdersRequest {
        let tags = self.tags.iter().map(|&tag| tag.into()).collect();
        ListOrdersRequest {
            parent: shop.to_owned(),
            page_size: PAGE_SIZE,
            order_by: self.order_by.to_owned(),
            filter: Some(OrderFilter { tags, ..OrderFilter::default() }),
            ..ListOrdersRequest::default()
        }
    }
}

/// Walks to the last page that is full, or page 10,000; the request for it and its number.
async fn last_full_page(
    stage: &Stage,
    mut request: ListOrdersRequest,
    orders: u64,
) -> Result<(ListOrdersRequest, u64)> {
    let pages = (orders / u64::try_from(PAGE_SIZE)?).min(10_000);
    let mut client = stage.client(0)?;
    for _ in 1..pages {
        let page = client.list_orders(request.clone()).await?.into_inner();
        if page.next_page_token.is_empty() {
            return Err("the pages end too early".into());
        }
        request.page_token = page.next_page_token;
    }
    Ok((request, pages))
}

fn line(stage: &Stage, listing: &Listing, page: &str, time: u64, small: u64) -> Line {
    Line {
        backend: stage.backend,
        what: format!("{LISTING} {}, {page} of {} orders", listing.what, stage.arguments.orders),
        reached: Number::Micros(time),
        ceiling: Some((Number::Micros(small), format!("page 1 of {SMALL}"))),
        ratio: time.saturating_mul(1000).checked_div(small),
        goal: Some(Goal::AtMost(1500)),
        latencies: None,
    }
}
