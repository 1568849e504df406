//! Fields of `WatchOrders`: where the stream begins, and what it lets through.

use std::ops::RangeInclusive;
use std::time::Duration;

use order_proto::v1;

use super::Fields;
use crate::commands::Failure;

const HEARTBEAT: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(60);
const HEARTBEAT_DEFAULT: Duration = Duration::from_secs(15);
const CURSOR_CHARACTERS_MAX: usize = 1_000;
const FILTER_VALUES_MAX: usize = 100;

/// Checks `WatchOrders`, and states what it leaves open: the start and the heartbeat.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn watch_orders(
    request: v1::WatchOrdersRequest,
) -> Result<v1::WatchOrdersRequest, Failure> {
    let v1::WatchOrdersRequest { parent, start, cursor, filter, heartbeat } = request;
    let mut fields = Fields::default();
    let shop = fields.shop("parent", &parent);
    let start = match fields.term("start", start) {
        v1::WatchStart::Unspecified => v1::WatchStart::Now,
        start => start,
    };
    let cursor = fields.line("cursor", cursor, 0..=CURSOR_CHARACTERS_MAX);
    let is_allowed = match start {
        v1::WatchStart::Cursor => !cursor.is_empty(),
        v1::WatchStart::Snapshot => true,
        v1::WatchStart::Unspecified | v1::WatchStart::Now | v1::WatchStart::Oldest => {
            cursor.is_empty()
        }
    };
    fields.check(is_allowed, "cursor", "goes with start CURSOR, and with SNAPSHOT to go on");
    let filter = filter.unwrap_or_default();
    fields.watch_filter(&filter, &shop);
    let heartbeat = fields.duration("heartbeat", heartbeat, HEARTBEAT, HEARTBEAT_DEFAULT);
    fields.finish()?;
    Ok(v1::WatchOrdersRequest {
        parent,
        start: start.into(),
        cursor,
        filter: Some(filter),
        heartbeat: prost_types::Duration::try_from(heartbeat).ok(),
    })
}

impl Fields {
    fn watch_filter(&mut self, filter: &v1::WatchFilter, shop: &str) {
        let v1::WatchFilter { kinds, statuses, orders } = filter;
        self.terms::<v1::EventKind>("filter.kinds", kinds);
        self.check(kinds.len() <= FILTER_VALUES_MAX, "filter.kinds", "has more than 100 values");
        let has_noop = kinds.contains(&v1::EventKind::Noop.into());
        self.check(!has_noop, "filter.kinds", "NOOP is never sent");
        self.statuses_of("filter.statuses", statuses, shop);
        self.check(orders.len() <= FILTER_VALUES_MAX, "filter.orders", "has more than 100 values");
        for (index, name) in orders.iter().take(FILTER_VALUES_MAX).enumerate() {
            self.order_of(&format!("filter.orders[{index}]"), name, shop);
        }
    }
}
