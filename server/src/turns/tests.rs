//! Turns on an embedded file: what is queued together is stored together, and replays are harmless.

mod stored;

use std::collections::BTreeMap;

use order_proto::v1;
use order_rules::accounting::{Booked, TransferForm, TransferOutcome};
use order_rules::money::Currency;
use order_rules::order::{LineKind, PriceBasis};
use order_rules::payments::ProviderName;
use order_rules::placing::{NewLine, NewPayment, Placement};
use order_rules::refusals::Code;
use prost::Message;
use uuid::Uuid;

use super::Turns;
use crate::commands::{
    Answer, Assignment, Caller, ChangeStatus, Command, CreateIntegration, CreateOrder, CreateShop,
    DeleteStatus, DismissProblem, Failure, Personal, RecordTransfer, TransferOrder, UpdateStatus,
};
use crate::shops::Shops;
use crate::store::{Place, Store, StoreSettings};
use crate::vault::Sealed;

struct House {
    turns: Turns,
    folder: tempfile::TempDir,
}

async fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let settings = StoreSettings {
        place: Place::File(folder.path().join("orders.db")),
        readers: 2,
        writers: 1,
    };
    let store = Store::open(&settings).await.unwrap();
    let turns = Turns::start(store, Shops::default(), 1);
    turns.create_shop(new_shop("default"), false).await.unwrap();
    House { turns, folder }
}

fn new_shop(slug: &str) -> CreateShop {
    CreateShop {
        slug: slug.to_owned(),
        display_name: slug.to_owned(),
        settings: v1::ShopSettings::default(),
        caller: caller(),
    }
}

fn caller() -> Caller {
    Caller { actor: "test".to_owned(), request_id: Uuid::now_v7(), content: [7; 32] }
}

fn assignment(command: Command) -> Assignment {
    Assignment { shop: "default".to_owned(), caller: caller(), command, bytes: 0 }
}

fn placing(payment: &str, reference: &str) -> Assignment {
    let line = NewLine {
        kind: LineKind::Goods,
        sku: "SKU-1".to_owned(),
        title: "Kopp".to_owned(),
        quantity: 3,
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
            provider: ProviderName(payment.to_owned()),
            reference: reference.to_owned(),
            amount_minor: 30_000,
        }],
        customer_key: String::new(),
    };
    let customer = v1::Customer { email: "kari@example.no".to_owned(), ..v1::Customer::default() };
    assignment(Command::CreateOrder(Box::new(CreateOrder {
        placement,
        personal: Personal { customer, metadata: BTreeMap::new(), ..Personal::default() },
        external_reference: None,
        language: String::new(),
    })))
}

fn order(answer: &Answer) -> v1::Order {
    v1::Order::decode(answer.order.concat().as_slice()).unwrap()
}

fn change(number: i64, status: &str, restock: Option<bool>) -> Assignment {
    assignment(Command::ChangeStatus(ChangeStatus {
        number,
        etag: None,
        status: status.to_owned(),
        restock,
        note: None,
        send_email: false,
    }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_placed_completed_and_read_back_whole() {
    let house = house().await;
    let placed = house.turns.submit(placing("manual", ""), None).await.unwrap();
    let placed = order(&placed);
    assert_eq!(placed.number, 1_001);
    assert_eq!(placed.totals.as_ref().unwrap().gross_minor, 30_000);
    assert_eq!(placed.customer.as_ref().unwrap().email, "kari@example.no");
    assert_eq!(placed.payment_state(), v1::PaymentState::Authorized);

    let sent = house.turns.submit(change(1_001, "sent", None), None).await.unwrap();
    assert!(!sent.is_waiting);
    let sent = order(&sent);
    assert_eq!(sent.status, "shops/default/orderStatuses/sent");
    assert_eq!(sent.payment_state(), v1::PaymentState::Captured);
    assert_eq!(sent.delivery_state(), v1::DeliveryState::Delivered);
    assert!(sent.revision > placed.revision);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_one_turn_see_each_other_and_numbers_have_no_gaps() {
    let house = house().await;
    let mut waiting = Vec::new();
    for _ in 0..100 {
        let turns = house.turns.clone();
        waiting.push(tokio::spawn(async move { turns.submit(placing("manual", ""), None).await }));
    }
    let mut numbers = Vec::new();
    for answer in waiting {
        numbers.push(order(&answer.await.unwrap().unwrap()).number);
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1_001..1_101).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_is_carried_out_once_and_other_content_is_refused() {
    let house = house().await;
    let first = placing("klarna", "kl-1");
    let placed = house.turns.submit(first.clone(), None).await.unwrap();
    assert!(!placed.replayed);
    let again = house.turns.submit(first.clone(), None).await.unwrap();
    assert!(again.replayed);
    assert_eq!((again.number, again.revision), (placed.number, placed.revision));

    let mut other = first;
    other.caller.content = [8; 32];
    let refused = house.turns.submit(other, None).await.unwrap_err();
    let Failure::Refused(refusal) = refused else { panic!("not refused: {refused:?}") };
    assert_eq!(refusal.code.name(), "REQUEST_ID_REUSED");
}

fn retag(status: &str, tag: v1::StatusTag) -> Assignment {
    assignment(Command::UpdateStatus(UpdateStatus {
        slug: status.to_owned(),
        etag: None,
        tag: Some(tag),
        admin_names: None,
        customer_names: None,
        position: None,
    }))
}

/// On one thread both are queued before the worker takes either: they are one turn.
#[tokio::test]
async fn what_a_turn_does_first_counts_for_the_tags_it_changes_next() {
    let house = house().await;
    let code = |answer: Result<Answer, Failure>| match answer {
        Err(Failure::Refused(refusal)) => Some(refusal.code),
        Err(failure) => panic!("{failure:?}"),
        Ok(_) => None,
    };
    let submit = |assignment| house.turns.submit(assignment, None);
    submit(retag("returned", v1::StatusTag::Completed)).await.unwrap();
    // Its reservation is never confirmed, as nobody runs effects here: the change waits.
    submit(placing("klarna", "kl-1")).await.unwrap();
    let (waits, fixed) = tokio::join!(
        submit(change(1_001, "returned", None)),
        submit(retag("returned", v1::StatusTag::Cancelled)),
    );
    assert!(waits.as_ref().unwrap().is_waiting);
    assert_eq!(code(fixed), Some(Code::StatusTagFixed));

    submit(placing("manual", "")).await.unwrap();
    let (moved, fixed) = tokio::join!(
        submit(change(1_002, "processing", None)),
        submit(retag("processing", v1::StatusTag::Completed)),
    );
    assert_eq!(order(&moved.unwrap()).status, "shops/default/orderStatuses/processing");
    assert_eq!(code(fixed), Some(Code::StatusTagFixed));

    // What has left a status by then does not hold it either.
    submit(placing("manual", "")).await.unwrap();
    submit(change(1_003, "processing", None)).await.unwrap();
    submit(change(1_002, "not-processed", None)).await.unwrap();
    let delete = DeleteStatus { slug: "sent".to_owned(), etag: None, replacement: None };
    let (left, free, used) = tokio::join!(
        submit(change(1_003, "sent", None)),
        submit(retag("processing", v1::StatusTag::Completed)),
        submit(assignment(Command::DeleteStatus(delete))),
    );
    assert_eq!(order(&left.unwrap()).status, "shops/default/orderStatuses/sent");
    assert_eq!(code(free), None);
    assert_eq!(code(used), Some(Code::StatusInUse));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_orders_on_one_payment_point_at_each_other() {
    let house = house().await;
    let first = order(&house.turns.submit(placing("vipps", "vp-1"), None).await.unwrap());
    let second = house.turns.submit(placing("vipps", "vp-1"), None).await.unwrap();
    assert_eq!(second.other_orders.len(), 1);
    let second = order(&second);
    assert_eq!(second.duplicates.first().unwrap().order, first.name);
    let refused = house.turns.submit(change(9_999, "sent", None), None).await.unwrap_err();
    assert!(matches!(refused, Failure::Refused(_)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_stores_nothing_and_takes_no_number() {
    let house = house().await;
    let preview = house.turns.preview(placing("klarna", "kl-9")).await.unwrap();
    assert_eq!(preview.revision, 0);
    assert_eq!(preview.plan.len(), 1);
    let placed = house.turns.submit(placing("klarna", "kl-9"), None).await.unwrap();
    assert_eq!(order(&placed).number, 1_001);
    assert!(order(&placed).duplicates.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_given_up_and_is_booked_all_the_same_is_not_handed_over_again() {
    let house = house().await;
    let submit = |command| house.turns.submit(assignment(command), None);
    let books = CreateIntegration {
        slug: "tripletex".to_owned(),
        takes_webhooks: false,
        system: v1::integration::System::Tripletex(v1::TripletexIntegration::default()),
        credentials: Sealed::default(),
        is_disabled: false,
    };
    submit(Command::CreateIntegration(Box::new(books))).await.unwrap();
    house.turns.submit(placing("manual", ""), None).await.unwrap();
    house.turns.submit(change(1_001, "sent", None), None).await.unwrap();
    let transfer = || {
        Command::TransferOrder(TransferOrder {
            number: 1_001,
            etag: None,
            form: TransferForm::Invoice,
            integration: Some("tripletex".to_owned()),
        })
    };
    let asked = order(&submit(transfer()).await.unwrap());
    let transfer_id = asked.accounting_transfers[0].id;
    let record = |outcome| {
        let (number, attempt) = (1_001, 0);
        Command::RecordTransfer(RecordTransfer { number, transfer: transfer_id, attempt, outcome })
    };
    let held = TransferOutcome::Held { code: Code::IntegrationDisabled, reason: String::new() };
    let held = order(&submit(record(held)).await.unwrap());
    let dismiss = DismissProblem {
        number: 1_001,
        etag: None,
        problem: held.problems[0].id,
        reason: "by hand".to_owned(),
    };
    let given_up = order(&submit(Command::DismissProblem(dismiss)).await.unwrap());
    let state = |order: &v1::Order| order.accounting_transfers[0].state();
    assert_eq!(state(&given_up), v1::TransferState::Withdrawn);
    let booked = Booked { invoice_number: "7".to_owned(), ..Booked::default() };
    let late = order(&submit(record(TransferOutcome::Succeeded(booked))).await.unwrap());
    assert_eq!(state(&late), v1::TransferState::Succeeded);
    assert_eq!(late.accounting_transfers[0].external_invoice_number, "7");
    let refused = submit(transfer()).await.unwrap_err();
    let Failure::Refused(refusal) = refused else { panic!("not refused: {refused:?}") };
    assert_eq!(refusal.code, Code::AlreadyTransferred);
}
