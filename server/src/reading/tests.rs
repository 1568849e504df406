//! Lists against the plain meaning of their filters: every page of every order of sorting, put
//! together, is what a search through all orders finds.

use std::collections::BTreeMap;

use order_proto::v1::{self, OrderFilter};
use order_rules::money::Currency;
use order_rules::order::{LineKind, PriceBasis};
use order_rules::payments::ProviderName;
use order_rules::placing::{NewLine, NewPayment, Placement};
use prost::Message;
use uuid::Uuid;

use super::Reading;
use super::listing::Listed;
use crate::commands::{
    Assignment, Caller, ChangeStatus, Command, CreateOrder, CreateShop, DeleteStatus, Failure,
    Personal,
};
use crate::grpc::fields::lists::{OneOrder, OrderBy, OrderKey, OrdersPage, Page};
use crate::grpc::fields::names::OrderName;
use crate::search::Search;
use crate::shops::Shops;
use crate::store::{Place, Store, StoreSettings};
use crate::turns::Turns;

struct House {
    turns: Turns,
    reading: Reading,
    _folder: tempfile::TempDir,
}

const ORDERS: i64 = 60;

impl House {
    /// A shop with orders of many kinds: of two skus, three statuses, some of them deleted since.
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
        let reading = Reading::new(store.clone(), shops, Search::new(store));
        let house = Self { turns, reading, _folder: folder };
        for slug in ["a", "b"] {
            let shop = CreateShop {
                slug: slug.to_owned(),
                display_name: slug.to_owned(),
                settings: v1::ShopSettings::default(),
                caller: caller(),
            };
            house.turns.create_shop(shop, false).await.unwrap();
            for order in 0..ORDERS {
                house.submit(slug, placing(order)).await;
            }
        }
        for order in 0..ORDERS {
            let status =
                ["processing", "returned", "sent"].get(usize::try_from(order % 5).unwrap());
            if let Some(status) = status {
                house.submit("a", change(1_001 + order, status)).await;
            }
        }
        let delete = DeleteStatus {
            slug: "returned".to_owned(),
            etag: None,
            replacement: Some("processing".to_owned()),
        };
        house.submit("a", Command::DeleteStatus(delete)).await;
        house
    }

    async fn submit(&self, shop: &str, command: Command) {
        let assignment = Assignment { shop: shop.to_owned(), caller: caller(), command, bytes: 0 };
        self.turns.submit(assignment, None).await.unwrap();
    }

    async fn page(
        &self,
        filter: &OrderFilter,
        order_by: OrderBy,
        page: Page,
    ) -> Result<(Vec<v1::Order>, Option<String>), Failure> {
        let query = OrdersPage {
            shop: "a".to_owned(),
            page,
            order_by,
            filter: filter.clone(),
            show_deleted: false,
            count_total: false,
        };
        let Listed { orders, next, .. } = self.reading.list(query).await?;
        Ok((orders.into_iter().map(|order| decoded(&order)).collect(), next))
    }

    /// All pages of a list.
    async fn pages(&self, filter: &OrderFilter, order_by: OrderBy, size: usize) -> Vec<v1::Order> {
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let page = Page { size, token };
            let (orders, next) = self.page(filter, order_by, page).await.unwrap();
            assert!(orders.len() == size || next.is_none());
            all.extend(orders);
            match next {
                Some(next) => token = next,
                None => return all,
            }
        }
    }
}

fn caller() -> Caller {
    Caller { actor: "test".to_owned(), request_id: Uuid::now_v7(), content: [7; 32] }
}

fn decoded(order: &[bytes::Bytes]) -> v1::Order {
    v1::Order::decode(order.concat().as_slice()).unwrap()
}

fn line(sku: &str, price: i64) -> NewLine {
    NewLine {
        kind: LineKind::Goods,
        sku: sku.to_owned(),
        title: "Kopp".to_owned(),
        quantity: 1,
        unit_price_minor: price,
        discount_minor: 0,
        vat_rate_bp: 2_500,
    }
}

/// An order with few different totals; every second one has a sku twice.
fn placing(order: i64) -> Command {
    let price = 10_000 + order * 7 % 3 * 100;
    let skus: &[&str] = if order % 2 == 0 { &["CUP", "CUP", "PLATE"] } else { &["PLATE"] };
    let lines: Vec<NewLine> = skus.iter().map(|sku| line(sku, price)).collect();
    let total = lines.iter().map(|line| line.unit_price_minor).sum();
    let is_by_hand = order % 3 > 0;
    let payment = NewPayment {
        provider: ProviderName(if is_by_hand { "manual" } else { "klarna" }.to_owned()),
        reference: if is_by_hand { String::new() } else { format!("kl-{}", order / 2) },
        amount_minor: total,
    };
    let placement = Placement {
        currency: Currency::from_code("NOK").unwrap(),
        price_basis: PriceBasis::Gross,
        lines,
        order_discount_minor: 0,
        stated: None,
        payments: vec![payment],
        customer_key: String::new(),
    };
    Command::CreateOrder(Box::new(CreateOrder {
        placement,
        personal: Personal { metadata: BTreeMap::new(), ..Personal::default() },
        external_reference: (order % 4 == 0).then(|| format!("ref-{order}")),
        language: String::new(),
    }))
}

fn change(number: i64, status: &str) -> Command {
    // Those that wait for a provider are not sent.
    let status = if status == "sent" { "cancelled" } else { status };
    Command::ChangeStatus(ChangeStatus {
        number,
        etag: None,
        status: status.to_owned(),
        restock: (status == "cancelled").then_some(false),
        note: None,
        send_email: false,
    })
}

fn statuses(slugs: &[&str]) -> Vec<String> {
    slugs.iter().map(|slug| format!("shops/a/orderStatuses/{slug}")).collect()
}

/// A filter, and what it means for one order.
type Case = (&'static str, OrderFilter, Box<dyn Fn(&v1::Order) -> bool>);

/// What an order is sorted by, with its number.
type Value = fn(&v1::Order) -> (i64, i64);

fn cases(all: &[v1::Order]) -> Vec<Case> {
    let mut cases = of_labels_and_lines();
    cases.extend(of_money());
    cases.extend(of_times(all[30].create_time));
    cases
}

fn plain() -> OrderFilter {
    OrderFilter::default()
}

fn has_status(slugs: &'static [&str]) -> impl Fn(&v1::Order) -> bool {
    move |order| statuses(slugs).contains(&order.status)
}

fn has_sku(order: &v1::Order) -> bool {
    order.lines.iter().any(|line| line.sku == "CUP")
}

fn of_labels_and_lines() -> Vec<Case> {
    vec![
        ("all", plain(), Box::new(|_| true)),
        (
            "a status with the one it replaced",
            OrderFilter { statuses: statuses(&["processing"]), ..plain() },
            Box::new(has_status(&["processing"])),
        ),
        (
            "one status",
            OrderFilter { statuses: statuses(&["cancelled"]), ..plain() },
            Box::new(has_status(&["cancelled"])),
        ),
        (
            "a replaced status",
            OrderFilter { statuses: statuses(&["returned"]), ..plain() },
            Box::new(has_status(&["processing"])),
        ),
        (
            "a tag",
            OrderFilter { tags: vec![v1::StatusTag::Cancelled.into()], ..plain() },
            Box::new(|order| order.status_tag() == v1::StatusTag::Cancelled),
        ),
        ("a sku", OrderFilter { sku: "CUP".to_owned(), ..plain() }, Box::new(has_sku)),
        (
            "a sku and a status",
            OrderFilter {
                sku: "CUP".to_owned(),
                statuses: statuses(&["processing", "cancelled"]),
                ..plain()
            },
            Box::new(move |order| {
                has_sku(order) && has_status(&["processing", "cancelled"])(order)
            }),
        ),
        (
            "a reference",
            OrderFilter { external_reference: "ref-8".to_owned(), ..plain() },
            Box::new(|order| order.external_reference == "ref-8"),
        ),
    ]
}

fn of_money() -> Vec<Case> {
    vec![
        (
            "a payment",
            OrderFilter { payment_reference: "kl-3".to_owned(), ..plain() },
            Box::new(|order| order.payments.iter().any(|payment| payment.reference == "kl-3")),
        ),
        (
            "a payment state",
            OrderFilter { payment_states: vec![v1::PaymentState::Authorized.into()], ..plain() },
            Box::new(|order| order.payment_state() == v1::PaymentState::Authorized),
        ),
        (
            "a range of totals",
            OrderFilter { gross_minor_min: Some(10_100), gross_minor_max: Some(30_000), ..plain() },
            Box::new(|order| {
                (10_100..=30_000).contains(&order.totals.as_ref().unwrap().gross_minor)
            }),
        ),
        (
            "no duplicate",
            OrderFilter { is_possible_duplicate: Some(false), ..plain() },
            Box::new(|order| !is_doubtful(order)),
        ),
        (
            "duplicates",
            OrderFilter { is_possible_duplicate: Some(true), ..plain() },
            Box::new(is_doubtful),
        ),
    ]
}

fn is_doubtful(order: &v1::Order) -> bool {
    let mut links = order.duplicates.iter();
    links.any(|link| link.resolution() == v1::DuplicateResolution::Open)
}

fn of_times(then: Option<prost_types::Timestamp>) -> Vec<Case> {
    let at = |time: Option<prost_types::Timestamp>| {
        time.map_or((0, 0), |time| (time.seconds, time.nanos))
    };
    vec![
        (
            "placed before",
            OrderFilter { created_before: then, ..plain() },
            Box::new(move |order| at(order.create_time) < at(then)),
        ),
        (
            "placed from, of a status",
            OrderFilter { created_from: then, statuses: statuses(&["processing"]), ..plain() },
            Box::new(move |order| {
                at(order.create_time) >= at(then) && has_status(&["processing"])(order)
            }),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_of_a_list_are_what_a_search_through_all_orders_finds() {
    let house = House::open().await;
    let numbers: Vec<i64> = (1_001..1_001 + ORDERS).collect();
    let all = house.reading.orders("a", &numbers).await.unwrap();
    let all: Vec<v1::Order> = all.iter().map(|order| decoded(order)).collect();
    let sorts: [(OrderKey, Value); 4] = [
        (OrderKey::Number, |order| (order.number, 0)),
        (OrderKey::CreateTime, |order| (order.number, 0)),
        (OrderKey::UpdateTime, |order| {
            let time = order.update_time.unwrap();
            (time.seconds * 1_000_000 + i64::from(time.nanos) / 1_000, order.number)
        }),
        (OrderKey::Gross, |order| (order.totals.as_ref().unwrap().gross_minor, order.number)),
    ];
    for (name, filter, is_meant) in cases(&all) {
        for (key, value) in sorts {
            for is_descending in [false, true] {
                let mut expected: Vec<&v1::Order> =
                    all.iter().filter(|order| is_meant(order)).collect();
                expected.sort_by_key(|order| value(order));
                if is_descending {
                    expected.reverse();
                }
                let found = house.pages(&filter, OrderBy { key, is_descending }, 7).await;
                let number = |order: &v1::Order| order.number;
                assert_eq!(
                    found.iter().map(number).collect::<Vec<_>>(),
                    expected.into_iter().map(number).collect::<Vec<_>>(),
                    "{name} by {key:?}, descending: {is_descending}"
                );
            }
        }
    }
}

fn one(shop: &str, number: i64, as_of_revision: i64) -> OneOrder {
    let of = OrderName { shop: shop.to_owned(), number };
    OneOrder { of, as_of_revision, shows_deleted: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_read_as_it_is_and_as_it_was() {
    let house = House::open().await;
    let now = decoded(&house.reading.order(&one("a", 1_002, 0)).await.unwrap());
    assert_eq!(now.status, "shops/a/orderStatuses/processing");
    assert_eq!(now.status_tag(), v1::StatusTag::Unspecified);
    let before = decoded(&house.reading.order(&one("a", 1_002, now.revision - 1)).await.unwrap());
    assert_eq!(before.status, "shops/a/orderStatuses/not-processed");
    let cases = [
        ("a", 9_999, 0, "ORDER_NOT_FOUND"),
        ("c", 1_001, 0, "SHOP_NOT_FOUND"),
        ("a", 1_002, 1, "REVISION_NOT_FOUND"),
        ("a", 1_002, 1_000_000, "REVISION_NOT_FOUND"),
        // The number of an order of the other shop, seen as a key.
        ("a", 1_001 + (1 << 40), 0, "ORDER_NOT_FOUND"),
        ("a", 1_001 + (2 << 40), 0, "ORDER_NOT_FOUND"),
    ];
    for (shop, number, as_of, expected) in cases {
        let failure = house.reading.order(&one(shop, number, as_of)).await.unwrap_err();
        let Failure::Refused(refusal) = failure else { panic!("{failure:?}") };
        assert_eq!(refusal.code.name(), expected, "{shop} {number} {as_of}");
    }
    let missing = house.reading.orders("a", &[1_001, 7, 9, 1 << 41]).await.unwrap_err();
    let Failure::Refused(refusal) = missing else { panic!("{missing:?}") };
    let expected = format!("shops/a/orders/7,shops/a/orders/9,shops/a/orders/{}", 1_i64 << 41);
    assert_eq!(refusal.details, [("order", expected)]);
}
