//! The guide on handling orders, carried out as it stands: every command in order, and then every
//! snippet; and the README's snippet.

mod snippets;
pub(crate) mod stand_ins;

use std::time::Duration;

use order_sdk::proto::{PaymentState, TransferState};
use order_sdk::{OrderClient, OrderName, ShopName};
use order_tests::fakes::{Fake, Tripletex};

use crate::accounting::tripletex;
use crate::harness::folder::Folder;
use crate::harness::{Backend, World, binaries, eventually, gross};
use crate::integrations::world_with_key;
use crate::orderctl::{run_within, shell};

trials! {
    own: [
        the_guide_succeeds_from_its_first_line_to_its_last,
        the_snippet_of_the_readme_succeeds,
    ];
    once: [
        the_snippets_are_those_that_are_carried_out,
        no_command_stands_where_nothing_carries_it_out,
    ];
}

/// A whole day comes in one order at a time, beside everything else that is tested.
const DAY_PATIENCE: Duration = Duration::from_secs(600);

const README: &str = "README.md";
const GUIDE: &str = "docs/handling-orders.md";

/// One thing the guide does.
#[derive(Debug, PartialEq)]
enum Step {
    Command(String),
    /// The Rust between two fences.
    Snippet(String),
}

fn text(document: &str) -> String {
    std::fs::read_to_string(binaries::workspace().join(document)).unwrap()
}

/// How a command ends: as the comment after it says, or else well.
fn exit_code(line: &str) -> i32 {
    line.rsplit_once("# exit code ").map_or(0, |(_, code)| code.trim().parse().unwrap())
}

fn steps(document: &str) -> Vec<Step> {
    let guide = text(document);
    let (mut steps, mut open) = (Vec::new(), None::<String>);
    for line in guide.lines() {
        match (&mut open, line) {
            (None, "```rust") => open = Some(String::new()),
            (Some(_), "```") => steps.extend(open.take().map(Step::Snippet)),
            (Some(snippet), line) => snippet.push_str(&format!("{line}\n")),
            (None, line) if line.starts_with("    ") => {
                steps.push(Step::Command(line.trim().to_owned()));
            }
            (None, _) => {}
        }
    }
    assert_eq!(open, None, "a snippet does not end");
    steps
}

async fn the_snippets_are_those_that_are_carried_out() {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let source = words(include_str!("guide/snippets.rs"));
    let mut rest = source.as_str();
    let snippets = [README, GUIDE].into_iter().flat_map(steps).filter_map(|step| match step {
        Step::Snippet(snippet) => Some(words(&snippet)),
        Step::Command(_) => None,
    });
    for snippet in snippets {
        let found = rest.split_once(&snippet);
        rest = found.unwrap_or_else(|| panic!("not carried out, or not in order: {snippet}")).1;
    }
}

async fn no_command_stands_where_nothing_carries_it_out() {
    for line in text(GUIDE).lines().filter(|line| !line.starts_with("    ")) {
        assert!(!line.contains("`orderctl "), "make it a block of its own: {line}");
    }
}

async fn the_guide_succeeds_from_its_first_line_to_its_last(backend: Backend) {
    let world = world_with_key(backend, &["--stand-ins", "true"]).await;
    let world = World { shop: ShopName::new("default").unwrap(), ..world };
    let _books = keep_books(&world).await;
    let folder = Folder::new();
    std::fs::create_dir_all(folder.file("tests/samples")).unwrap();
    let day = "tests/samples/day.jsonl";
    std::fs::copy(binaries::workspace().join(day), folder.file(day)).unwrap();

    // As somebody does it who has orderctl alone: no snippet between the commands.
    let (commands, snippets): (Vec<Step>, Vec<Step>) =
        steps(GUIDE).into_iter().partition(|step| matches!(step, Step::Command(_)));
    assert!(commands.len() >= 90 && snippets.len() == 12, "{} commands", commands.len());
    for step in commands {
        let Step::Command(line) = step else { continue };
        let told = run_within(DAY_PATIENCE, shell(&world, folder.path(), &line)).await;
        assert_eq!(told.code, Some(exit_code(&line)), "{line}: {told:?}");
    }
    let (client, shop) = snippets::connect(&world.server.endpoint()).await.unwrap();
    for (index, snippet) in snippets.iter().enumerate() {
        let done = carry_out(index, &client, &shop).await;
        done.unwrap_or_else(|error| panic!("{error}: {snippet:?}"));
    }
    // What it says of the goods and the money is so.
    for (number, state) in [
        (1011, PaymentState::PartiallyRefunded),
        (1015, PaymentState::Captured),
        (1021, PaymentState::Voided),
        (1025, PaymentState::Captured),
        (1032, PaymentState::Captured),
        (1098, PaymentState::Captured),
        (1582, PaymentState::Captured),
        (2003, PaymentState::Refunded),
        (1255, PaymentState::Voided),
    ] {
        let order = world.settled(&world.shop.order(number).unwrap()).await;
        assert_eq!(order.payment_state(), state, "{number}");
    }
    for sale in [1011, 1013] {
        is_credited_in_the_books(&world, &world.shop.order(sale).unwrap()).await;
    }
    let (breaches, _) = world.breaches().await;
    assert!(breaches.is_empty(), "the audit finds {breaches:?}");
}

/// Its one credit order stands there, by a command or by a snippet.
async fn is_credited_in_the_books(world: &World, sale: &OrderName) {
    let credits = world.get(sale).await.credit_orders;
    let [credit] = credits.as_slice() else { panic!("{sale}: {credits:?}") };
    let credit: OrderName = credit.parse().unwrap();
    eventually("it stands as a credit note", async || {
        let transfers = world.get(&credit).await.accounting_transfers;
        (transfers.last()?.state() == TransferState::Succeeded).then_some(())
    })
    .await;
}

async fn the_snippet_of_the_readme_succeeds(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let world = World { shop: ShopName::new("default").unwrap(), ..world };
    snippets::readme(&world.server.endpoint()).await.unwrap();
    let order = world.settled(&world.shop.order(1001).unwrap()).await;
    assert_eq!((order.payment_state(), gross(&order)), (PaymentState::Authorized, 49_900));
}

/// Accounting at a stand-in of Tripletex; gone with this value.
async fn keep_books(world: &World) -> Fake<Tripletex> {
    let mut system = Tripletex::default();
    system.limit(10_000);
    let books = Fake::start(system).await.unwrap();
    world.integrate("tripletex", tripletex(&books.url(), |_| {})).await.unwrap();
    let integration = world.shop.integration("tripletex").unwrap().into();
    world
        .set("settings.accounting", |settings| {
            let accounting = settings.accounting.get_or_insert_default();
            accounting.integration = integration;
            accounting.payment_types.insert("card".to_owned(), "Betalt til bank".to_owned());
        })
        .await;
    books
}

async fn carry_out(snippet: usize, client: &OrderClient, shop: &ShopName) -> snippets::Outcome<()> {
    match snippet {
        // The first only connects, which is done.
        0 => Ok(()),
        1 => snippets::create_status(client, shop).await,
        2 => snippets::note(client, shop).await,
        3 => snippets::complete(client, shop).await,
        4 => snippets::complete_many(client, shop).await,
        5 => snippets::deliver(client, shop).await,
        6 => snippets::credit(client, shop).await,
        7 => snippets::book(client, shop).await,
        8 => snippets::edit(client, shop).await,
        9 => snippets::cancel(client, shop).await,
        10 => snippets::resolve(client, shop).await,
        11 => snippets::go_by_the_code(client, shop).await,
        _ => Err("no function for it".into()),
    }
}
