//! Streams over an embedded file, through turns: no gap, no repeat, wherever they begin.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use order_proto::v1::watch_orders_response::Message as Said;
use order_proto::v1::{self, EventKind, WatchStart};
use order_rules::money::Currency;
use order_rules::order::{LineKind, PriceBasis};
use order_rules::payments::ProviderName;
use order_rules::placing::{NewLine, NewPayment, Placement};
use prost::Message;
use uuid::Uuid;

use super::Feed;
use super::cursor::Scope;
use crate::commands::{
    Assignment, Caller, Command, CreateOrder, CreateShop, DeleteStatus, Failure, Personal,
};
use crate::shops::{Shop, Shops};
use crate::store::facts::ShopRows;
use crate::store::log::{LogRow, MarkRow};
use crate::store::rows::{ShopRow, StatusRow};
use crate::store::{Place, Store, StoreSettings};
use crate::turns::Turns;
use crate::wire::Frame;

/// An event without anything that goes with it.
pub(super) fn log_row(
    revision: i64,
    command_revision: i64,
    kind: EventKind,
    order_number: Option<i64>,
) -> LogRow {
    LogRow {
        mark: MarkRow {
            revision,
            command_revision,
            kind: i16::try_from(i32::from(kind)).unwrap(),
            order_number,
            created_at: 1_700_000_000_000_000,
            request_id: vec![1; 16],
            change: Vec::new(),
        },
        actor: "test".to_owned(),
        document: None,
        personal: None,
    }
}

pub(super) fn scope() -> Scope {
    Scope { epoch: vec![1; 16], shop_id: 1, filter: 1 }
}

/// A shop with the statuses `new` and `sent`; `old` was deleted and `new` replaces it.
pub(super) fn shop() -> Shop {
    let row = ShopRow {
        shop_id: 1,
        slug: "a".to_owned(),
        display_name: "A".to_owned(),
        settings: v1::ShopSettings { time_zone: "UTC".to_owned(), ..v1::ShopSettings::default() }
            .encode_to_vec(),
        expiry_warning_micros: 0,
        revision: 1,
        created_at: 0,
    };
    let status = |status_id: i64, slug: &str, tag: i16, replaced_by: Option<i64>| StatusRow {
        shop_id: 1,
        status_id,
        slug: slug.to_owned(),
        tag,
        position: 0,
        names: Vec::new(),
        replaced_by,
        keeps_name: replaced_by.is_some(),
        revision: 1,
    };
    let statuses =
        vec![status(1, "new", 1, None), status(2, "sent", 2, None), status(3, "old", 0, Some(1))];
    let integrations = Vec::new();
    Shop::from_rows(ShopRows { shop: row, statuses, integrations, settings_revision: 1 }).unwrap()
}

struct House {
    turns: Turns,
    feed: Feed,
    _folder: tempfile::TempDir,
}

struct Listening {
    stream: Pin<Box<dyn Stream<Item = Result<Frame, Failure>> + Send>>,
}

impl House {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = StoreSettings {
            place: Place::File(folder.path().join("orders.db")),
            readers: 2,
            writers: 1,
        };
        let store = Store::open(&settings).await.unwrap();
        let shops = Shops::default();
        let turns = Turns::start(store.clone(), shops.clone(), 1);
        let shop = CreateShop {
            slug: "default".to_owned(),
            display_name: "Default".to_owned(),
            settings: v1::ShopSettings::default(),
            caller: caller(),
        };
        turns.create_shop(shop, false).await.unwrap();
        let feed = Feed::start(store, shops, turns.clone());
        Self { turns, feed, _folder: folder }
    }

    /// Places an order; answers its revision.
    async fn place(&self, metadata_bytes: usize) -> i64 {
        let line = NewLine {
            kind: LineKind::Goods,
            sku: "SKU-1".to_owned(),
            title: "Kopp".to_owned(),
            quantity: 1,
            unit_price_minor: 10_000,
            discount_minor: 0,
            vat_rate_bp: 2_500,
        };
        let placement = Placement {
            currency: Currency::from_code("NOK").unwrap(),
            price_basis: PriceBasis::Gross,
            lines: vec![line],
            order_discount_minor: 0,
            stated: None,
            payments: vec![NewPayment {
                provider: ProviderName("manual".to_owned()),
                reference: String::new(),
                amount_minor: 10_000,
            }],
            customer_key: String::new(),
        };
        let metadata = BTreeMap::from([("k".to_owned(), "v".repeat(metadata_bytes))]);
        let command = Command::CreateOrder(Box::new(CreateOrder {
            placement,
            personal: Personal { metadata, ..Personal::default() },
            external_reference: None,
            language: String::new(),
        }));
        self.submit(command).await
    }

    async fn submit(&self, command: Command) -> i64 {
        let assignment =
            Assignment { shop: "default".to_owned(), caller: caller(), command, bytes: 0 };
        let answer = self.turns.submit(assignment, None).await.unwrap();
        v1::Order::decode(answer.order.concat().as_slice()).unwrap().revision
    }

    async fn watch(&self, start: WatchStart, cursor: &str, filter: v1::WatchFilter) -> Listening {
        let request = request(start, cursor, filter);
        Listening { stream: Box::pin(self.feed.watch(request).await.unwrap()) }
    }

    async fn refusal(&self, start: WatchStart, cursor: &str) -> &'static str {
        match self.feed.watch(request(start, cursor, v1::WatchFilter::default())).await {
            Err(Failure::Refused(refusal)) => refusal.code.name(),
            Err(failure) => panic!("{failure:?}"),
            Ok(_) => "",
        }
    }
}

impl Listening {
    async fn next(&mut self) -> v1::WatchOrdersResponse {
        self.next_if_any().await.expect("the stream has not ended")
    }

    async fn next_if_any(&mut self) -> Option<v1::WatchOrdersResponse> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.stream.next());
        let frame = next.await.expect("a message or a heartbeat comes in time")?;
        Some(v1::WatchOrdersResponse::decode(frame.unwrap().into_bytes()).unwrap())
    }

    /// Takes messages up to the first of which `is_last` is true, that one included.
    async fn until(&mut self, is_last: impl Fn(&Said) -> bool) -> Vec<v1::WatchOrdersResponse> {
        let mut messages = Vec::new();
        loop {
            let message = self.next().await;
            let ends = is_last(message.message.as_ref().unwrap());
            messages.push(message);
            if ends {
                return messages;
            }
        }
    }
}

fn caller() -> Caller {
    Caller { actor: "test".to_owned(), request_id: Uuid::now_v7(), content: [7; 32] }
}

fn request(start: WatchStart, cursor: &str, filter: v1::WatchFilter) -> v1::WatchOrdersRequest {
    v1::WatchOrdersRequest {
        parent: "shops/default".to_owned(),
        start: start.into(),
        cursor: cursor.to_owned(),
        filter: Some(filter),
        heartbeat: prost_types::Duration::try_from(Duration::from_secs(1)).ok(),
    }
}

/// Revisions of the events of these messages.
fn events(messages: &[v1::WatchOrdersResponse]) -> Vec<i64> {
    messages
        .iter()
        .filter_map(|message| match &message.message {
            Some(Said::Batch(batch)) => Some(batch.events.iter().map(|event| event.revision)),
            _ => None,
        })
        .flatten()
        .collect()
}

fn is_caught_up(said: &Said) -> bool {
    matches!(said, Said::CaughtUp(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_event_comes_once_wherever_a_stream_begins_or_is_taken_up() {
    let house = House::open().await;
    for _ in 0..100 {
        house.place(1).await;
    }
    let mut all = house.watch(WatchStart::Oldest, "", v1::WatchFilter::default()).await;
    let mut messages = all.until(is_caught_up).await;
    let head = house.place(1).await;
    messages.extend(all.until(|said| matches!(said, Said::Batch(_))).await);
    assert_eq!(events(&messages), (1..=head).collect::<Vec<_>>());
    let revisions: Vec<i64> = messages.iter().map(|message| message.revision).collect();
    assert!(revisions.is_sorted(), "{revisions:?}");

    for message in messages.iter().step_by(17) {
        let filter = v1::WatchFilter::default();
        let mut rest = house.watch(WatchStart::Cursor, &message.cursor, filter).await;
        let rest = events(&rest.until(is_caught_up).await);
        assert_eq!(rest, (message.revision + 1..=head).collect::<Vec<_>>());
    }

    let mut new = house.watch(WatchStart::Now, "", v1::WatchFilter::default()).await;
    let begun = new.until(is_caught_up).await;
    assert!(matches!(begun[0].message, Some(Said::Created(_))));
    assert_eq!((begun.len(), begun[0].revision), (2, head));
    let last = house.place(1).await;
    let batch = new.next().await;
    assert_eq!(events(std::slice::from_ref(&batch)), (head + 1..=last).collect::<Vec<_>>());
    let Some(Said::Batch(batch)) = batch.message else { panic!("{batch:?}") };
    assert_eq!(batch.orders[0].metadata["k"], "v");
    assert_eq!(batch.orders[0].revision, last);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_holds_every_order_and_the_events_after_it_follow() {
    let house = House::open().await;
    for _ in 0..80 {
        house.place(1).await;
    }
    let mut whole = house.watch(WatchStart::Snapshot, "", v1::WatchFilter::default()).await;
    let first_half = {
        let mut half = Vec::new();
        for _ in 0..40 {
            half.push(whole.next().await);
        }
        half
    };
    let late = house.place(1).await;
    let mut messages = first_half.clone();
    messages.extend(whole.until(is_caught_up).await);
    assert_eq!(orders(&messages), (1_001..=1_081).collect::<Vec<_>>());
    let next = house.place(1).await;
    let news = whole.until(|said| matches!(said, Said::Batch(_))).await;
    assert_eq!(events(&news), (late + 1..=next).collect::<Vec<_>>());

    let cursor = &first_half[20].cursor;
    let mut rest = house.watch(WatchStart::Snapshot, cursor, v1::WatchFilter::default()).await;
    let mut taken_up = first_half[..=20].to_vec();
    taken_up.extend(rest.until(is_caught_up).await);
    assert_eq!(orders(&taken_up), (1_001..=1_082).collect::<Vec<_>>());

    let narrow = v1::WatchFilter {
        orders: vec!["shops/default/orders/1005".to_owned()],
        ..v1::WatchFilter::default()
    };
    let mut one = house.watch(WatchStart::Snapshot, "", narrow).await;
    assert_eq!(orders(&one.until(is_caught_up).await), [1_005]);
    let other = v1::WatchFilter {
        statuses: vec!["shops/default/orderStatuses/sent".to_owned()],
        ..v1::WatchFilter::default()
    };
    let mut none = house.watch(WatchStart::Snapshot, "", other).await;
    assert_eq!(orders(&none.until(is_caught_up).await), Vec::<i64>::new());
}

fn orders(messages: &[v1::WatchOrdersResponse]) -> Vec<i64> {
    let snapshot = messages.iter().filter_map(|message| match &message.message {
        Some(Said::SnapshotOrder(order)) => Some(order.order.as_ref().unwrap().number),
        _ => None,
    });
    let mut orders: Vec<i64> = snapshot.collect();
    orders.sort_unstable();
    orders
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_falls_off_the_ring_is_told_and_misses_nothing() {
    let house = House::open().await;
    let mut slow = house.watch(WatchStart::Now, "", v1::WatchFilter::default()).await;
    let begun = slow.until(is_caught_up).await;
    let from = begun[0].revision;
    let mut head = from;
    for _ in 0..150 {
        head = house.place(50_000).await;
    }
    let messages = slow.until(is_caught_up).await;
    let fell_behind = messages
        .iter()
        .filter(|message| matches!(message.message, Some(Said::FellBehind(_))))
        .count();
    assert_eq!(fell_behind, 1);
    assert_eq!(events(&messages), (from + 1..=head).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_filter_lets_nothing_else_through_and_silence_still_moves_the_cursor() {
    let house = House::open().await;
    let filter =
        v1::WatchFilter { kinds: vec![EventKind::NoteAdded.into()], ..v1::WatchFilter::default() };
    let mut listening = house.watch(WatchStart::Now, "", filter.clone()).await;
    listening.until(is_caught_up).await;
    let head = house.place(1).await;
    let silence = listening.next().await;
    assert!(matches!(silence.message, Some(Said::Checkpoint(_))), "{silence:?}");
    assert_eq!(silence.revision, head);
    let mut taken_up = house.watch(WatchStart::Cursor, &silence.cursor, filter).await;
    assert_eq!(taken_up.next().await.revision, head);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_status_is_the_one_that_replaced_it_in_a_snapshot_too() {
    let house = House::open().await;
    house.place(1).await;
    let change = crate::commands::ChangeStatus {
        number: 1_001,
        etag: None,
        status: "returned".to_owned(),
        restock: None,
        note: None,
        send_email: false,
    };
    house.submit(Command::ChangeStatus(change)).await;
    let delete = DeleteStatus {
        slug: "returned".to_owned(),
        etag: None,
        replacement: Some("processing".to_owned()),
    };
    let assignment = Assignment {
        shop: "default".to_owned(),
        caller: caller(),
        command: Command::DeleteStatus(delete),
        bytes: 0,
    };
    house.turns.submit(assignment, None).await.unwrap();
    let filter = v1::WatchFilter {
        statuses: vec!["shops/default/orderStatuses/processing".to_owned()],
        ..v1::WatchFilter::default()
    };
    let mut snapshot = house.watch(WatchStart::Snapshot, "", filter).await;
    let messages = snapshot.until(is_caught_up).await;
    let Some(Said::SnapshotOrder(order)) = &messages[1].message else { panic!("{messages:?}") };
    let status = &order.order.as_ref().unwrap().status;
    assert_eq!(status, "shops/default/orderStatuses/processing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_does_not_fit_the_log_is_refused() {
    let house = House::open().await;
    house.place(1).await;
    let mut listening = house.watch(WatchStart::Now, "", v1::WatchFilter::default()).await;
    let cursor = listening.next().await.cursor;
    let other = House::open().await;
    other.place(1).await;
    let scope = Scope {
        epoch: house.feed.core.epoch().await.unwrap(),
        shop_id: 1,
        filter: super::Filter::new(&v1::WatchFilter::default()).id,
    };
    let place = scope.place(&cursor).unwrap();
    let moved = |revision: i64, digest: u64| {
        scope.cursor(super::Place { revision, digest, is_snapshot: false })
    };
    let cases = [
        ("its own", &house, cursor.clone(), ""),
        ("garbage", &house, "x".to_owned(), "CURSOR_INVALID"),
        ("of another log", &other, cursor, "CURSOR_AHEAD"),
        ("ahead", &house, moved(place.revision + 1, place.digest), "CURSOR_AHEAD"),
        ("of a rewritten log", &house, moved(place.revision, !place.digest), "CURSOR_AHEAD"),
        ("before the first", &house, moved(0, 0), ""),
    ];
    for (name, house, cursor, expected) in cases {
        assert_eq!(house.refusal(WatchStart::Cursor, &cursor).await, expected, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_sends_every_listener_elsewhere_and_takes_no_more() {
    let house = House::open().await;
    let mut listening = house.watch(WatchStart::Now, "", v1::WatchFilter::default()).await;
    listening.until(is_caught_up).await;
    house.feed.drain();
    let last = listening.next().await;
    let Some(Said::Reconnect(reconnect)) = &last.message else { panic!("{last:?}") };
    assert_eq!(reconnect.reason(), v1::ReconnectReason::Drain);
    assert!(listening.next_if_any().await.is_none());
    let late = house.feed.watch(request(WatchStart::Now, "", v1::WatchFilter::default())).await;
    assert!(matches!(late.err(), Some(Failure::Unavailable { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_that_nobody_watches_any_more_is_forgotten() {
    let house = House::open().await;
    let mut listening = house.watch(WatchStart::Now, "", v1::WatchFilter::default()).await;
    listening.next().await;
    assert_eq!(house.feed.core.tailers().len(), 1);
    drop(listening);
    for _ in 0..200 {
        if house.feed.core.tailers().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the tailer is still there");
}
