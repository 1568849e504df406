//! Finding orders by words and metadata: what a plain reading of the rule finds, on both databases.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use futures_util::TryStreamExt;
use order_sdk::proto::{self, OrderFilter, UpdateOrderRequest};
use order_sdk::{Error, OrderName};

use crate::harness::{Backend, World, depth, eventually, mask, seed};

trials! {
    shared: [
        every_word_begins_a_word_of_the_order,
        what_is_corrected_or_attached_is_found_and_what_was_is_not,
        names_that_orders_share_are_found_while_they_have_them,
        what_was_edited_away_is_not_found_by_its_sku,
        metadata_are_met_exactly,
        any_filter_finds_what_a_plain_reading_finds,
        words_of_a_shop_are_found_in_no_other,
    ];
    own: [
        a_kill_of_the_one_who_reads_words_loses_none,
        a_kill_half_way_through_the_words_loses_none,
    ];
    once: [another_replica_finds_what_was_placed_elsewhere];
}

async fn numbers(world: &World, order_by: &str, filter: OrderFilter) -> Vec<i64> {
    let query = world.client.orders(&world.shop).order_by(order_by).page_size(7);
    let query = query.filter(move |empty| *empty = filter);
    let total = query.clone().count().await.unwrap();
    let found: Vec<proto::Order> = query.by_item().try_collect().await.unwrap();
    assert_eq!(usize::try_from(total).unwrap(), found.len());
    found.iter().map(|order| order.number).collect()
}

async fn found(world: &World, text: &str) -> Vec<i64> {
    numbers(world, "number", OrderFilter { text: text.to_owned(), ..OrderFilter::default() }).await
}

async fn rename(world: &World, order: &OrderName, full_name: &str) -> Result<(), Error> {
    let mut order = proto::Order { name: order.into(), ..proto::Order::default() };
    order.customer.get_or_insert_default().full_name = full_name.to_owned();
    let request = UpdateOrderRequest {
        order: Some(order),
        update_mask: Some(mask(&["customer.full_name"])),
        ..UpdateOrderRequest::default()
    };
    world.client.update_order(request).await.map(drop)
}

async fn every_word_begins_a_word_of_the_order(world: World) {
    let draft = |name: &str, email: &str| {
        world
            .client
            .new_order(&world.shop, "NOK")
            .customer(name, email)
            .goods("TELT-3/XL", "Telt", 1, 900, 2_500)
            .payment("klarna", world.reference(""), 900)
    };
    world
        .place(draft("Bjørn Åse Ærlig", "bjorn.a@fjell-tur.no").external_reference("WEB-77"))
        .await;
    world.place(draft("José Müller", "jose@example.com")).await;
    for (text, wanted) in [
        ("bjørn", &[1001][..]),
        ("BJORN", &[1001]),
        ("bjo ås", &[1001]),
        ("ærl", &[1001]),
        ("aerlig", &[1001]),
        ("jørn", &[]),
        ("bjorn jose", &[]),
        ("muller", &[1002]),
        ("MÜLLER Jose", &[1002]),
        ("fjell-tur", &[1001]),
        ("bjorn.a@fjell", &[1001]),
        ("example", &[1002]),
        ("1002", &[1002]),
        ("100", &[1001, 1002]),
        ("telt", &[1001, 1002]),
        ("telt-3/xl", &[1001, 1002]),
        ("web-77", &[1001]),
        ("web 7", &[1001]),
        ("webb", &[]),
        ("j", &[1002]),
        ("'\" * | & : j", &[1002]),
    ] {
        assert_eq!(found(&world, text).await, wanted, "{text}");
    }
}

async fn what_is_corrected_or_attached_is_found_and_what_was_is_not(world: World) {
    let bought = world.buy(900, "").await;
    assert_eq!(found(&world, "kari hemm").await, [1001]);
    rename(&world, &bought.name, "Ola Nordmann").await.unwrap();
    assert_eq!(found(&world, "testesen").await, [0; 0], "the old name is gone");
    assert_eq!(found(&world, "ola nord").await, [1001]);
    assert_eq!(found(&world, "kari.hemmelig@example.com").await, [1001], "the e-mail is as it was");
    let attach = proto::AttachPaymentRequest {
        name: (&bought.name).into(),
        payment: Some(proto::NewPayment {
            provider: "klarna".to_owned(),
            reference: "Xylofon-9".to_owned(),
            amount_minor: 900,
        }),
        ..proto::AttachPaymentRequest::default()
    };
    world.client.attach_payment(attach).await.unwrap();
    assert_eq!(found(&world, "xylofon-9").await, [1001]);
    world.complete(&bought.name).await.unwrap();
    assert_eq!(found(&world, "ola xylofon").await, [1001], "a status changes no words");
}

/// The entry of a word grows and shrinks in the index, whatever stands in it already.
async fn names_that_orders_share_are_found_while_they_have_them(world: World) {
    let mut random = Rng::with_seed(seed());
    let mut named = Vec::new();
    for _ in 0..4 {
        let order = world.place(world.draft(0).customer("Test", "")).await;
        named.push((order.name.parse().unwrap(), order.number, BTreeSet::new()));
    }
    for round in 0..15 * depth() {
        for (order, _, names) in &mut named {
            if random.bool() {
                continue;
            }
            *names = NAMES.into_iter().filter(|_| random.bool()).collect();
            let full_name = names.iter().copied().collect::<Vec<_>>().join(" ");
            rename(&world, order, &format!("Test {full_name}")).await.unwrap();
        }
        for name in NAMES {
            let has_it = named.iter().filter(|(.., names)| names.contains(name));
            let wanted: Vec<i64> = has_it.map(|(_, number, _)| *number).collect();
            assert_eq!(found(&world, name).await, wanted, "seed {}, {round}: {name}", seed());
        }
    }
}

async fn what_was_edited_away_is_not_found_by_its_sku(world: World) {
    let draft = world.draft(0).with(|order| order.lines.clear());
    let draft = draft.goods("CUP-1", "Kopp", 1, 500, 2_500).goods("TENT-1", "Telt", 1, 400, 2_500);
    let order = world.place(draft.payment("manual", "", 900)).await;
    let by_sku = async |sku: &str| {
        let filter = OrderFilter { sku: sku.to_owned(), ..OrderFilter::default() };
        numbers(&world, "number", filter).await
    };
    for sku in ["CUP-1", "TENT-1"] {
        assert_eq!((by_sku(sku).await, found(&world, sku).await), (vec![1001], vec![1001]));
    }
    let name: OrderName = order.name.parse().unwrap();
    world.client.edit(&name).remove(1).send().await.unwrap();
    assert_eq!((by_sku("CUP-1").await, found(&world, "CUP-1").await), (vec![], vec![]));
    assert_eq!((by_sku("TENT-1").await, found(&world, "TENT-1").await), (vec![1001], vec![1001]));
}

async fn metadata_are_met_exactly(world: World) {
    for (gift, note) in [("yes", "a"), ("yes", ""), ("Yes", "a"), ("no", "yes")] {
        let metadata = BTreeMap::from([
            ("gift".to_owned(), gift.to_owned()),
            ("note".to_owned(), note.to_owned()),
        ]);
        world.place(world.draft(0).with(|order| order.metadata = metadata)).await;
    }
    let of = async |pairs: &[(&str, &str)]| {
        let metadata =
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        numbers(&world, "number", OrderFilter { metadata, ..OrderFilter::default() }).await
    };
    assert_eq!(of(&[("gift", "yes")]).await, [1001, 1002]);
    assert_eq!(of(&[("gift", "yes"), ("note", "a")]).await, [1001]);
    assert_eq!(of(&[("note", "")]).await, [1002]);
    assert_eq!(of(&[("note", "yes")]).await, [1004]);
    assert_eq!(of(&[("gift", "ye")]).await, [0; 0]);
    assert_eq!(of(&[("gif", "tyes")]).await, [0; 0]);
    assert_eq!(found(&world, "yes").await, [0; 0], "metadata are no words");
}

const NAMES: [&str; 6] = ["Kari", "Kåre", "Bjørn", "Bjarne", "Ola", "Åse"];
const SURNAMES: [&str; 5] = ["Nordmann", "Øst", "Nord", "Berg-Ås", "Æra"];
const SKUS: [&str; 4] = ["CUP", "CUP-2", "TENT", "KNIV"];

/// An order as a plain reading of the filter sees it.
struct Plain {
    number: i64,
    words: Vec<String>,
    metadata: BTreeMap<String, String>,
    sku: String,
    status: &'static str,
    gross: i64,
}

/// Only letters of the names above, so that folding is plain to see.
fn words(text: &str) -> Vec<String> {
    let folded = text.to_lowercase().replace('å', "a").replace('ø', "o").replace('æ', "ae");
    folded.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned).collect()
}

async fn any_filter_finds_what_a_plain_reading_finds(world: World) {
    let mut random = Rng::with_seed(seed());
    let mut orders = Vec::new();
    // A hundredfold of questions, each to ten times as many orders.
    for _ in 0..60 * depth().isqrt() {
        orders.push(random_order(&world, &mut random).await);
    }
    for round in 0..60 * depth() {
        let sku = random.choice(SKUS).unwrap_or_default();
        let mut text = String::new();
        for names in [&NAMES[..], &SURNAMES[..]] {
            if random.bool() {
                let name = names[random.usize(..names.len())];
                let length = random.usize(1..=name.chars().count());
                text.extend(name.chars().take(length));
                text.push(' ');
            }
        }
        let metadata = match random.u8(..4) {
            0 => BTreeMap::from([("gift".to_owned(), random.u8(..2).to_string())]),
            _ => BTreeMap::new(),
        };
        let filter = OrderFilter {
            text: text.trim_end().to_owned(),
            metadata,
            sku: if random.u8(..3) == 0 { sku.to_owned() } else { String::new() },
            statuses: match random.u8(..3) {
                0 => vec![world.status("processing").into()],
                _ => Vec::new(),
            },
            gross_minor_min: (random.u8(..3) == 0).then_some(500),
            ..OrderFilter::default()
        };
        let sought = words(&filter.text);
        let mut wanted: Vec<&Plain> = orders
            .iter()
            .filter(|order| {
                sought.iter().all(|begin| order.words.iter().any(|word| word.starts_with(begin)))
                    && filter
                        .metadata
                        .iter()
                        .all(|(key, value)| order.metadata.get(key) == Some(value))
                    && (filter.sku.is_empty() || order.sku == filter.sku)
                    && (filter.statuses.is_empty() || order.status == "processing")
                    && filter.gross_minor_min.is_none_or(|least| order.gross >= least)
            })
            .collect();
        let order_by =
            ["number", "number desc", "gross_minor", "gross_minor desc"][random.usize(..4)];
        wanted.sort_by_key(|order| {
            (order_by.starts_with("gross").then_some(order.gross), order.number)
        });
        if order_by.ends_with("desc") {
            wanted.reverse();
        }
        let wanted: Vec<i64> = wanted.into_iter().map(|order| order.number).collect();
        let told = format!("seed {}, round {round}, {order_by}: {filter:?}", seed());
        assert_eq!(numbers(&world, order_by, filter).await, wanted, "{told}");
    }
}

async fn random_order(world: &World, random: &mut Rng) -> Plain {
    let pick = |random: &mut Rng, from: &[&'static str]| from[random.usize(..from.len())];
    let name = format!("{} {}", pick(random, &NAMES), pick(random, &SURNAMES));
    let sku = pick(random, &SKUS).to_owned();
    let gross = random.i64(0..10) * 100;
    let metadata: BTreeMap<String, String> = match random.bool() {
        true => BTreeMap::from([("gift".to_owned(), random.u8(..2).to_string())]),
        false => BTreeMap::new(),
    };
    let (with, email) = (metadata.clone(), format!("p{}@example.com", random.u8(..)));
    let draft = world
        .client
        .new_order(&world.shop, "NOK")
        .customer(&name, &email)
        .goods(&sku, "Ting", 1, gross, 2_500)
        .with(move |order| order.metadata = with);
    let draft = if gross > 0 { draft.payment("manual", "", gross) } else { draft };
    let order = draft.send().await.unwrap().order.unwrap();
    let status = if random.u8(..3) == 0 { "processing" } else { "not-processed" };
    if status == "processing" {
        world.change(&order.name.parse().unwrap(), status).send().await.unwrap();
    }
    let all = format!("{name} {email} {sku} {}", order.number);
    let words: BTreeSet<String> = words(&all).into_iter().collect();
    Plain { number: order.number, words: words.into_iter().collect(), metadata, sku, status, gross }
}

async fn words_of_a_shop_are_found_in_no_other(world: World) {
    let elsewhere = World::new(world.server.clone()).await;
    world.place(world.draft(0).external_reference("only-here")).await;
    elsewhere.place(elsewhere.draft(0)).await;
    assert_eq!(found(&world, "only").await, [1001]);
    assert_eq!(found(&elsewhere, "only").await, [0; 0]);
    assert_eq!(found(&elsewhere, "kari").await, [1001]);
}

async fn another_replica_finds_what_was_placed_elsewhere() {
    let world = World::own(Backend::Postgres, &[]).await;
    let other = world.through(&world.server.replica().await);
    world.place(world.draft(0).external_reference("from-one")).await;
    assert_eq!(found(&other, "from-one").await, [1001]);
    other.place(other.draft(0).external_reference("from-other")).await;
    assert_eq!(found(&world, "from").await, [1001, 1002]);
}

/// Orders come and are corrected all the time, and the kill comes whenever it comes.
async fn a_kill_of_the_one_who_reads_words_loses_none(backend: Backend) {
    let world = World::own(backend, &[]).await;
    for round in 0..4 * depth() {
        let mut running = Vec::new();
        for worker in 0..6 {
            let world = world.through(&world.server);
            running.push(tokio::spawn(async move {
                for number in 0.. {
                    let first = format!("Foer{round}x{worker}x{number:04}");
                    let draft = world.draft(0).customer(&first, "");
                    let Ok(answer) = draft.send().await else { return };
                    if number % 2 == 0 {
                        continue;
                    }
                    let order = answer.order.unwrap().name.parse().unwrap();
                    if rename(&world, &order, &first.replace("Foer", "Nu")).await.is_err() {
                        return;
                    }
                }
            }));
        }
        eventually("orders come in", async || {
            let count = world.client.orders(&world.shop).count().await.unwrap();
            (count > 20 * i64::from(round + 1)).then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_millis(fastrand::u64(0..300))).await;
        world.server.kill().await;
        for one in running {
            one.abort();
        }
        world.server.start().await;
    }
    let query = world.client.orders(&world.shop).page_size(200);
    let orders: Vec<proto::Order> = query.by_item().try_collect().await.unwrap();
    for order in &orders {
        let name = order.customer.clone().unwrap().full_name;
        assert_eq!(found(&world, &name).await, [order.number], "{name}");
        if name.starts_with("Nu") {
            let before = name.replace("Nu", "Foer");
            assert_eq!(found(&world, &before).await, [0; 0], "{before}");
        }
    }
}

/// The words are written, and how far they have come is not.
async fn a_kill_half_way_through_the_words_loses_none(backend: Backend) {
    let world = World::own(backend, &[]).await;
    world.place(world.draft(0).customer("Foer", "")).await;
    assert_eq!(found(&world, "foer").await, [1001]);
    let store = &world.server.store;
    store.hold_up("search_places", "NEW.revision > OLD.revision").await;
    let placing = (0..8).map(|_| world.place(world.draft(0).customer("Halvveis", "")));
    futures_util::future::join_all(placing).await;
    // Whoever searches has waited for them as long as anybody does.
    let page = world.client.orders(&world.shop).text("halvveis").page().await.unwrap();
    assert!(page.items.len() < 8, "{}", page.items.len());
    world.server.kill().await;
    let is_done = async || {
        let of = format!(
            "FROM shop_heads JOIN search_places USING (shop_id, revision)
             WHERE shop_id = (SELECT shop_id FROM shops WHERE slug = '{}')",
            world.shop.id()
        );
        store.numbers(["count(*)", "0", "0", "0"], &of).await[0][0] == 1
    };
    assert!(!is_done().await, "half-way");
    store.let_go("search_places").await;
    world.server.start().await;
    // Nobody has to search for that.
    eventually("the words are there", async || is_done().await.then_some(())).await;
    assert_eq!(found(&world, "halvveis").await, (1002..=1009).collect::<Vec<_>>());
    assert_eq!(found(&world, "foer").await, [1001]);
}
