//! Orders stand in the order of placing, so that a time is a place among them.

use diesel::{ExpressionMethods, QueryDsl};

use super::super::{Connection, Run};
use super::Range;
use crate::store::StoreFailure;
use crate::store::pages::Narrowing;
use crate::store::schema::orders;

/// The part of a range that was placed within the filter's times, which it then need not state:
/// orders stand in the order of placing, so its ends are found by halving.
pub(super) async fn placed_within(
    conn: &mut Connection,
    range: Range,
    filter: &mut Narrowing,
) -> Result<Range, StoreFailure> {
    let (from, before) = std::mem::take(&mut filter.created);
    let from = match from {
        Some(time) => first_placed(conn, range, time).await?,
        None => range.from,
    };
    let to = match before {
        Some(time) => first_placed(conn, range, time).await?.saturating_sub(1),
        None => range.to,
    };
    Ok(Range { from, to })
}

/// The first key in a range that was placed at `time` or after; the one after the range if none was.
async fn first_placed(conn: &mut Connection, range: Range, time: i64) -> Result<i64, StoreFailure> {
    let after = range.to.saturating_add(1);
    let last: Vec<i64> = orders::table
        .filter(orders::order_key.ge(range.from))
        .filter(orders::order_key.le(range.to))
        .order(orders::order_key.desc())
        .limit(1)
        .select(orders::order_key)
        .load(conn)
        .await?;
    let Some(last) = last.into_iter().next() else { return Ok(after) };
    // Before `low` all were placed earlier; from `high` on none was.
    let (mut low, mut high) = (range.from, last.saturating_add(1));
    while low < high {
        let middle = low.midpoint(high);
        let found: Vec<(i64, i64)> = orders::table
            .filter(orders::order_key.ge(middle))
            .filter(orders::order_key.lt(high))
            .order(orders::order_key.asc())
            .limit(1)
            .select((orders::order_key, orders::placed_at))
            .load(conn)
            .await?;
        match found.into_iter().next() {
            Some((key, placed_at)) if placed_at < time => low = key.saturating_add(1),
            _ => high = middle,
        }
    }
    Ok(if low > last { after } else { low })
}
