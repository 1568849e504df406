//! What a listener wants to hear of.

use order_proto::v1;
use prost::Message;

use super::cursor::short;

/// Which events a stream lets through; equal filters share their work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    /// The same for filters that let the same through.
    pub id: u64,
    /// Empty: all.
    kinds: Vec<i32>,
    /// Last parts of names; empty: all.
    statuses: Vec<String>,
    /// Numbers; empty: all.
    orders: Vec<i64>,
}

impl Filter {
    /// The filter of a checked request.
    pub(super) fn new(wanted: &v1::WatchFilter) -> Self {
        let last = |name: &String| name.rsplit('/').next().unwrap_or_default().to_owned();
        let mut kinds = wanted.kinds.clone();
        let mut statuses: Vec<String> = wanted.statuses.iter().map(last).collect();
        let mut orders: Vec<i64> =
            wanted.orders.iter().filter_map(|name| last(name).parse().ok()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        statuses.sort_unstable();
        statuses.dedup();
        orders.sort_unstable();
        orders.dedup();
        let plain = v1::WatchFilter {
            kinds: kinds.clone(),
            statuses: statuses.clone(),
            orders: orders.iter().map(ToString::to_string).collect(),
        };
        let id = short(&blake3::hash(&plain.encode_to_vec()));
        Self { id, kinds, statuses, orders }
    }

    /// An event of this kind, about an order (its number, and the status it has after the command) or
    /// about the shop.
    pub(super) fn lets_through(&self, kind: i32, order: Option<(i64, &str)>) -> bool {
        (self.kinds.is_empty() || self.kinds.binary_search(&kind).is_ok())
            && match order {
                Some((number, status)) => {
                    (self.orders.is_empty() || self.orders.binary_search(&number).is_ok())
                        && (self.statuses.is_empty() || self.has_status(status))
                }
                None => self.orders.is_empty() && self.statuses.is_empty(),
            }
    }

    /// Statuses that a snapshot is narrowed to; empty: all.
    pub(super) fn statuses(&self) -> &[String] {
        &self.statuses
    }

    /// Orders that a snapshot is narrowed to; empty: all.
    pub(super) fn orders(&self) -> &[i64] {
        &self.orders
    }

    fn has_status(&self, status: &str) -> bool {
        self.statuses.binary_search_by(|wanted| wanted.as_str().cmp(status)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use order_proto::v1::EventKind;

    use super::*;

    fn filter(kinds: &[EventKind], statuses: &[&str], orders: &[i64]) -> Filter {
        Filter::new(&v1::WatchFilter {
            kinds: kinds.iter().map(|kind| (*kind).into()).collect(),
            statuses: statuses.iter().map(|one| format!("shops/a/orderStatuses/{one}")).collect(),
            orders: orders.iter().map(|one| format!("shops/a/orders/{one}")).collect(),
        })
    }

    #[test]
    fn everything_set_must_be_true() {
        let created = EventKind::OrderCreated;
        let cases = [
            ("empty, order", filter(&[], &[], &[]), Some((1, "new")), true),
            ("empty, shop", filter(&[], &[], &[]), None, true),
            ("kind", filter(&[EventKind::NoteAdded, created], &[], &[]), None, true),
            ("other kind", filter(&[EventKind::NoteAdded], &[], &[]), Some((1, "new")), false),
            ("status", filter(&[], &["sent", "new"], &[]), Some((1, "new")), true),
            ("other status", filter(&[], &["sent"], &[]), Some((1, "new")), false),
            ("status, shop", filter(&[], &["sent"], &[]), None, false),
            ("order", filter(&[], &[], &[3, 1]), Some((1, "new")), true),
            ("other order", filter(&[], &[], &[3, 2]), Some((1, "new")), false),
            ("order, shop", filter(&[], &[], &[1]), None, false),
            ("all", filter(&[created], &["new"], &[1]), Some((1, "new")), true),
            ("all but one", filter(&[created], &["new"], &[2]), Some((1, "new")), false),
        ];
        for (name, filter, order, expected) in cases {
            assert_eq!(filter.lets_through(created.into(), order), expected, "{name}");
        }
    }

    #[test]
    fn filters_that_let_the_same_through_are_the_same() {
        let one = filter(&[EventKind::NoteAdded, EventKind::Delivered], &["b", "a"], &[2, 1, 2]);
        let other = filter(&[EventKind::Delivered, EventKind::NoteAdded], &["a", "b"], &[1, 2]);
        assert_eq!(one, other);
        assert_ne!(one.id, filter(&[], &["a", "b"], &[1, 2]).id);
        assert_ne!(filter(&[], &["1"], &[]).id, filter(&[], &[], &[1]).id);
    }
}
