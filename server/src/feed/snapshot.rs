//! Walks the orders of a shop by the revision of their last event, in short reads, until it meets the
//! head: then the listener has every order as it is at one revision, and the events after it follow.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use order_proto::v1;
use order_rules::order::StatusId;

use super::Core;
use super::cursor::{Place, Scope};
use super::filter::Filter;
use crate::reading::status_since;
use crate::shops::Shop;
use crate::store::log::{Walk, WalkRow};
use crate::store::rows::{key, number};
use crate::store::{StoreFailure, on_either};
use crate::wire::Frame;

const RESPONSE_SNAPSHOT_ORDER: u32 = 4;
const SNAPSHOT_ORDER: u32 = 1;
/// Orders looked at in one read, and those sent of them: a listener that stands still keeps these.
const LOOKS_MAX: i64 = 256;
const MATCHES_MAX: usize = 32;

/// How far a snapshot has come.
pub(super) struct Snapshot {
    waiting: VecDeque<(Place, Frame)>,
    /// Where the orders that wait end.
    through: Place,
    is_complete: bool,
}

impl Snapshot {
    /// A snapshot that goes on from a place.
    pub(super) fn new(place: Place) -> Self {
        Self { waiting: VecDeque::new(), through: place, is_complete: false }
    }

    /// The next order that was read, and the place after it.
    pub(super) fn next(&mut self) -> Option<(Place, Frame)> {
        self.waiting.pop_front()
    }

    /// The place after all that was read.
    pub(super) fn through(&self) -> Place {
        self.through
    }

    /// The head was met: nothing is left to read.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Reads on.
    ///
    /// # Errors
    /// When the store is away.
    pub(super) async fn read(
        &mut self,
        core: &Core,
        scope: &Scope,
        filter: &Filter,
    ) -> Result<(), StoreFailure> {
        let shop = core.shop(scope.shop_id)?;
        let walk = Walk {
            shop_id: scope.shop_id,
            after: self.through.revision,
            statuses: statuses(&shop, filter),
            orders: filter
                .orders()
                .iter()
                .filter(|order| number(**order) == **order)
                .map(|order| key(scope.shop_id, *order))
                .collect(),
            looks_max: LOOKS_MAX,
            matches_max: MATCHES_MAX,
        };
        let _turn = core.old_reads.acquire().await;
        let page = on_either!(&core.store, database => database.log_walk(walk).await)?;
        let through = Place::after(&page.through);
        self.through = if page.is_last { through } else { through.in_snapshot() };
        self.is_complete = page.is_last;
        self.waiting = page.orders.into_iter().map(|row| order(&shop, scope, row)).collect();
        Ok(())
    }
}

fn order(shop: &Arc<Shop>, scope: &Scope, row: WalkRow) -> (Place, Frame) {
    let place = Place::after(&row.mark).in_snapshot();
    let head = v1::WatchOrdersResponse {
        revision: place.revision,
        cursor: scope.cursor(place),
        message: None,
    };
    let mut parts: Vec<Bytes> = vec![row.document.unwrap_or_default().into(), row.personal.into()];
    parts.extend(status_since(shop, row.status_id, row.mark.revision));
    let order = Frame::default().with_message(SNAPSHOT_ORDER, parts).into_parts();
    (place, Frame::default().with_fields(&head).with_message(RESPONSE_SNAPSHOT_ORDER, order))
}

/// The ids of the statuses that a filter names, and of those they replaced.
fn statuses(shop: &Shop, filter: &Filter) -> Option<Vec<i64>> {
    if filter.statuses().is_empty() {
        return None;
    }
    let is_wanted = |id: i64| {
        shop.status_row(StatusId(id)).is_some_and(|row| filter.statuses().contains(&row.slug))
    };
    let ids = shop.status_rows.iter().map(|row| row.status_id);
    Some(ids.filter(|id| is_wanted(*id)).collect())
}
