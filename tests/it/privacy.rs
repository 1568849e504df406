//! A person's data are handed out whole, and erased without a trace (design: personal data stay
//! erasable).

pub(crate) mod turns;

use std::collections::BTreeSet;
use std::path::PathBuf;

use futures_util::TryStreamExt;
use order_rules::refusals::Code;
use order_sdk::proto::{self, Address, EventKind, NoteAudience};
use order_sdk::{Error, OrderName, Start};

use crate::clocks::day_of;
use crate::harness::audit::audit;
use crate::harness::listener::Listener;
use crate::harness::peek::INDEXED;
use crate::harness::{
    Backend, World, eventually, mask, problems, refused, request_id, status_id, wrong_fields,
};
use crate::notes::{file_path, mailed, sent, set_seller};
use crate::replicas::pair;

trials! {
    shared: [
        an_export_holds_every_version_of_every_order,
        an_export_holds_the_note_of_a_change_that_waits,
        an_old_address_still_belongs_to_the_person,
        while_money_is_open_nothing_is_erased,
        a_mail_whose_note_was_erased_is_not_sent_again,
        an_erasure_is_asked_first_and_repeated_safely,
        who_is_not_known_is_told_and_bad_input_refused,
    ];
    own: [
        after_an_erasure_no_trace_is_left,
        the_files_of_mails_go_with_the_person,
    ];
    once: [
        an_erasure_empties_the_ring_of_every_replica,
    ];
}

/// Each must be found nowhere when the person is erased. Those that can be searched for are one word each, as the index has them.
const CANARIES: [&str; 9] = [
    "Canaryfornavn",
    "canarypost",
    "4799887766",
    "Canaryveien",
    "Canarypakke",
    "canary-merke",
    "canary-verdi",
    "Canarynotat",
    "canary-kunde",
];
/// These stand on the voucher, which stays apart for as long as the law says.
const ON_VOUCHER: [&str; 2] = ["Canaryfornavn", "Canaryveien"];
const EMAIL: &str = "Canarypost@example.com";

impl World {
    /// An order full of personal data, paid by hand.
    async fn canary(&self) -> OrderName {
        let address = |street: &str| {
            Some(Address {
                lines: vec![street.to_owned()],
                postal_code: "0155".to_owned(),
                city: "Oslo".to_owned(),
                region_code: "NO".to_owned(),
                ..Address::default()
            })
        };
        let draft = self.draft(900).payment("manual", "", 900).with(|order| {
            let customer = order.customer.get_or_insert_default();
            customer.full_name = "Canaryfornavn Hemmelig".to_owned();
            customer.email = EMAIL.to_owned();
            customer.phone = "+4799887766".to_owned();
            customer.id = "canary-kunde".to_owned();
            order.billing_address = address("Canaryveien 1");
            order.shipping_address = address("Canarypakke 2");
            order.metadata.insert("canary-merke".to_owned(), "canary-verdi".to_owned());
        });
        self.place(draft).await.name.parse().unwrap()
    }

    async fn complete_with_note(&self, order: &OrderName) {
        let change =
            self.change(order, "sent").note(NoteAudience::Internal, "Canarynotat Hemmelig");
        assert_eq!(status_id(&change.send().await.unwrap().order.unwrap()), "sent");
    }

    async fn erase(&self, email: &str, id: &str, only_asked: bool) -> Result<Vec<String>, Error> {
        let request = proto::EraseCustomerRequest {
            parent: (&self.shop).into(),
            person: Some(person(email)),
            request_id: id.to_owned(),
            validate_only: only_asked,
        };
        Ok(self.client.erase_customer(request).await?.receipt.unwrap().other_orders)
    }

    async fn export(&self, person: proto::Person) -> Vec<proto::CustomerRecord> {
        let request = proto::ExportCustomerRequest {
            parent: (&self.shop).into(),
            person: Some(person),
            page_size: 2,
            page_token: String::new(),
        };
        self.client.customer_record_pages(request).by_item().try_collect().await.unwrap()
    }

    async fn set_email(&self, order: &OrderName, email: &str) {
        let customer = proto::Customer { email: email.to_owned(), ..proto::Customer::default() };
        let request = proto::UpdateOrderRequest {
            order: Some(proto::Order {
                name: order.into(),
                customer: Some(customer),
                ..proto::Order::default()
            }),
            update_mask: Some(mask(&["customer.email"])),
            ..proto::UpdateOrderRequest::default()
        };
        self.client.update_order(request).await.unwrap();
    }
}

fn person(email: &str) -> proto::Person {
    proto::Person { identity: Some(proto::person::Identity::Email(email.to_owned())) }
}

async fn an_export_holds_every_version_of_every_order(world: World) {
    let mut names = Vec::new();
    for _ in 0..5 {
        names.push(String::from(&world.canary().await));
    }
    let first: OrderName = names[0].parse().unwrap();
    world.complete_with_note(&first).await;
    let records = world.export(person(&EMAIL.to_uppercase())).await;
    let found: Vec<String> =
        records.iter().map(|record| record.order.clone().unwrap().name).collect();
    assert_eq!(found, names, "oldest first, over several pages");
    assert_eq!(records[0].order.clone().unwrap(), world.get(&first).await);
    let versions: Vec<i32> = records[0].versions.iter().map(|one| one.version).collect();
    assert_eq!(versions, [1, 2]);
    let last = records[0].versions[1].personal.clone().unwrap();
    assert!(last.notes[0].text.contains("Canarynotat"));
    assert_eq!((last.number, last.customer.unwrap().email.as_str()), (0, EMAIL));
    let identity = Some(proto::person::Identity::CustomerId("canary-kunde".to_owned()));
    assert_eq!(world.export(proto::Person { identity }).await, records);
    assert!(world.export(person("nobody@example.com")).await.is_empty());
}

async fn an_export_holds_the_note_of_a_change_that_waits(world: World) {
    let reference = world.reference("capture=slow:2s");
    let draft = world.draft(900).payment("klarna", &reference, 900).with(|order| {
        order.customer.get_or_insert_default().email = EMAIL.to_owned();
    });
    let name: OrderName = world.place(draft).await.name.parse().unwrap();
    let change = world.change(&name, "sent").note(NoteAudience::Internal, "Canarynotat");
    change.send().await.unwrap();
    let record = world.export(person(EMAIL)).await.remove(0);
    assert!(record.order.unwrap().notes.is_empty());
    assert_eq!(record.waiting_note.unwrap().text, "Canarynotat");
    world.settled(&name).await;
    let record = world.export(person(EMAIL)).await.remove(0);
    assert_eq!(record.order.unwrap().notes[0].text, "Canarynotat");
    assert_eq!(record.waiting_note, None);
}

async fn an_old_address_still_belongs_to_the_person(world: World) {
    let name = world.canary().await;
    world.set_email(&name, "ny.post@example.com").await;
    for email in [EMAIL, "ny.post@example.com"] {
        assert_eq!(world.export(person(email)).await.len(), 1, "{email}");
    }
    world.cancel(&name, false).await.unwrap();
    assert_eq!(world.erase(EMAIL, &request_id(), false).await.unwrap(), [String::from(&name)]);
    for email in [EMAIL, "ny.post@example.com"] {
        assert!(world.export(person(email)).await.is_empty(), "{email}");
    }
}

async fn while_money_is_open_nothing_is_erased(world: World) {
    let (done, open) = (world.canary().await, world.canary().await);
    world.complete_with_note(&done).await;
    let before = world.revision().await;
    let refusal = refused(world.erase(EMAIL, &request_id(), false).await, Code::MoneyOpen);
    assert_eq!(refusal.metadata["orders"], String::from(&open));
    refused(world.erase(EMAIL, &request_id(), true).await, Code::MoneyOpen);
    assert_eq!(world.revision().await, before);
    assert_eq!(world.export(person(EMAIL)).await.len(), 2);
    world.cancel(&open, false).await.unwrap();

    // The customer withdrew, and the money is due.
    world.set("settings.time_zone", |settings| "UTC".clone_into(&mut settings.time_zone)).await;
    let today = day_of(world.get(&done).await.create_time);
    let request = proto::RecordWithdrawalRequest {
        name: (&done).into(),
        withdrawal_date: today.to_string(),
        ..proto::RecordWithdrawalRequest::default()
    };
    world.client.record_withdrawal(request).await.unwrap();
    let refusal = refused(world.erase(EMAIL, &request_id(), false).await, Code::MoneyOpen);
    assert_eq!(refusal.metadata["orders"], String::from(&done));
    world.crediting(&done).units(1, 1).refund(false).send().await.unwrap();
    let erased = world.erase(EMAIL, &request_id(), false).await.unwrap();
    assert!(erased.contains(&(&done).into()) && erased.contains(&(&open).into()), "{erased:?}");
}

/// Numbers of notes begin anew: the mail must not carry one that was written since, for others.
async fn a_mail_whose_note_was_erased_is_not_sent_again(world: World) {
    set_seller(&world).await;
    let name = world.canary().await;
    world.complete(&name).await.unwrap();
    mailed(&world, &name, "Canarynotat").send().await.unwrap();
    let mail = sent(&world, &name).await.mails.remove(0);
    assert_eq!(mail.note_id, 1);
    world.erase(EMAIL, &request_id(), false).await.unwrap();
    assert_eq!(world.get(&name).await.mails[0].note_id, 0);
    world.set_email(&name, EMAIL).await;
    let note = world.client.new_note(&name, NoteAudience::Internal, "Kunden er vanskelig");
    let order = note.send().await.unwrap().order.unwrap();
    assert_eq!(order.notes[0].id, mail.note_id, "given again");
    let request = proto::ResendMailRequest {
        name: (&name).into(),
        mail_id: mail.id,
        ..proto::ResendMailRequest::default()
    };
    refused(world.client.resend_mail(request).await, Code::MailFilesGone);
    audit(&world).await;
}

async fn an_erasure_is_asked_first_and_repeated_safely(world: World) {
    let name = world.canary().await;
    world.complete_with_note(&name).await;
    let before = world.get(&name).await;
    assert_eq!(world.erase(EMAIL, "", true).await.unwrap(), [String::from(&name)]);
    assert_eq!(world.get(&name).await, before, "only asked");
    let id = request_id();
    for _ in 0..3 {
        assert_eq!(world.erase(EMAIL, &id, false).await.unwrap(), [String::from(&name)]);
    }
    refused(world.erase("other@example.com", &id, false).await, Code::RequestIdReused);
    refused(world.erase(EMAIL, &request_id(), false).await, Code::CustomerNotFound);
    let after = world.get(&name).await;
    assert!(after.customer.is_none() && after.notes.is_empty() && after.metadata.is_empty());
    // What the voucher says was sold stays.
    assert_eq!(after.lines, before.lines);
    assert_eq!(after.external_reference, before.external_reference);
    assert_eq!(after.totals, before.totals);
    assert!(after.revision > before.revision && problems(&after).is_empty());
    let request = proto::GetOrderRequest {
        name: (&name).into(),
        as_of_revision: before.revision,
        show_deleted: false,
    };
    let then = world.client.get_order(request).await.unwrap().order.unwrap();
    assert!(then.customer.is_none() && then.billing_address.is_none(), "the past is blank too");
    let history = world.history(&name).await;
    assert_eq!(history.last().unwrap().kind(), EventKind::CustomerErased);
    // What is written afterwards is a person's data again.
    world.set_email(&name, EMAIL).await;
    assert_eq!(world.erase(EMAIL, &request_id(), false).await.unwrap().len(), 1);
    audit(&world).await;
}

async fn who_is_not_known_is_told_and_bad_input_refused(world: World) {
    refused(world.erase("nobody@example.com", &request_id(), false).await, Code::CustomerNotFound);
    refused(world.erase("nobody@example.com", &request_id(), true).await, Code::CustomerNotFound);
    let outcome = world.client.erase_customer(proto::EraseCustomerRequest::default()).await;
    assert_eq!(wrong_fields(outcome), ["parent", "person"]);
    let request = proto::ExportCustomerRequest {
        person: Some(person("")),
        page_size: -1,
        ..proto::ExportCustomerRequest::default()
    };
    let outcome = world.client.export_customer(request).await;
    assert_eq!(wrong_fields(outcome), ["parent", "person.email", "page_size"]);
}

async fn after_an_erasure_no_trace_is_left(backend: Backend) {
    let world = World::own(backend, &[]).await;
    let (sent, cancelled) = (world.canary().await, world.canary().await);
    world.complete_with_note(&sent).await;
    world.cancel(&cancelled, false).await.unwrap();
    what_is_refused_names_nobody(&world, &sent).await;
    let mut live = Listener::open(&world, Start::Oldest).await;
    let heard = live.until(world.revision().await).await;
    assert!(format!("{:?}", heard.batches).contains("Canarynotat"), "the ring has it");
    let events = format!("{:?}", heard.events).to_lowercase();
    for canary in CANARIES {
        assert!(!events.contains(&canary.to_lowercase()), "{canary} is in an event");
    }

    eventually("both are found", async || (found(&world).await.len() == 2).then_some(())).await;
    let dump = world.server.store.dump().await;
    let indexed = dump.iter().filter(|(table, _)| table == INDEXED);
    let words: Vec<String> =
        indexed.map(|(_, word)| String::from_utf8_lossy(word).into_owned()).collect();
    for word in ["canaryfornavn", "canarypost"] {
        assert!(words.iter().any(|text| text.contains(word)), "{word}: {words:?}");
    }

    assert_eq!(world.erase(EMAIL, &request_id(), false).await.unwrap().len(), 2);
    for start in [Start::Oldest, Start::Snapshot] {
        let mut again = Listener::open(&world, start).await;
        let heard = again.until(world.revision().await).await;
        let told = format!("{:?} {:?}", heard.batches, heard.snapshot).to_lowercase();
        for canary in CANARIES {
            assert!(!told.contains(&canary.to_lowercase()), "{canary} is still told");
        }
    }
    eventually("nobody is found", async || found(&world).await.is_empty().then_some(())).await;
    let dump = world.server.store.dump().await;
    for table in ["customers", "order_search", INDEXED] {
        assert!(dump.iter().any(|(known, _)| known == table), "{table}");
    }
    for (table, bytes) in &dump {
        let text = String::from_utf8_lossy(bytes).to_lowercase();
        for canary in CANARIES {
            let is_kept = table == "voucher_parties" && ON_VOUCHER.contains(&canary);
            let is_found = text.contains(&canary.to_lowercase());
            assert!(is_kept || !is_found, "{canary} is in {table}");
        }
    }
    if backend == Backend::Sqlite {
        no_file_has_a_canary(&world.server.store.files());
    }
    let vouchers =
        world.server.store.texts("SELECT CAST(count(*) AS TEXT) AS a FROM voucher_parties");
    assert_eq!(vouchers.await, ["1"], "of the order that was paid");
    for canary in CANARIES {
        assert!(!world.server.log().contains(canary), "{canary} is in the log");
    }
    audit(&world).await;
}

/// Neither where rows were overwritten nor in the log beside the file.
fn no_file_has_a_canary(files: &[PathBuf]) {
    assert!(!files.is_empty());
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(file).unwrap()).to_lowercase();
        for canary in CANARIES.into_iter().filter(|canary| !ON_VOUCHER.contains(canary)) {
            assert!(!text.contains(&canary.to_lowercase()), "{canary} is in {}", file.display());
        }
    }
}

/// Orders that a search for the person finds, by either word.
async fn found(world: &World) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for text in ["canaryfornavn", "canarypost"] {
        let page = world.client.orders(&world.shop).text(text).page().await.unwrap();
        found.extend(page.items.into_iter().map(|order| order.name));
    }
    found
}

/// Neither a field that is wrong, nor a rule that says no, nor what is not there.
async fn what_is_refused_names_nobody(world: &World, order: &OrderName) {
    let wrong = world.draft(900).payment("manual", "", 900).with(|order| {
        let customer = order.customer.get_or_insert_default();
        customer.full_name = "Canaryfornavn\u{7}".to_owned();
        customer.email = "Canarypost@".to_owned();
        customer.phone = "+4799887766 Canary".repeat(20);
        order.metadata.insert("canary-merke".to_owned(), "canary-verdi".repeat(100));
    });
    let mut stale = proto::Order { name: order.into(), ..proto::Order::default() };
    stale.customer.get_or_insert_default().email = EMAIL.to_owned();
    let stale = proto::UpdateOrderRequest {
        order: Some(stale),
        update_mask: Some(mask(&["customer.email"])),
        etag: world.shop().await.etag,
        ..proto::UpdateOrderRequest::default()
    };
    let missing = world.client.new_note(
        &world.shop.order(4_711).unwrap(),
        NoteAudience::Customer,
        "Canarynotat",
    );
    for (error, code) in [
        (wrong.send().await.map(drop).unwrap_err(), Code::InvalidRequest),
        (world.client.update_order(stale).await.map(drop).unwrap_err(), Code::EtagMismatch),
        (missing.send().await.map(drop).unwrap_err(), Code::OrderNotFound),
        (
            world.erase("canarypost@example.org", &request_id(), false).await.unwrap_err(),
            Code::CustomerNotFound,
        ),
    ] {
        let told = format!("{error:?} {error}").to_lowercase();
        for canary in CANARIES {
            // The names of fields are the caller's own.
            assert!(!told.contains(&canary.to_lowercase()), "{canary}: {told}");
        }
        refused(Err::<(), _>(error), code);
    }
}

async fn an_erasure_empties_the_ring_of_every_replica() {
    let (first, second) = pair(&[]).await;
    let name = first.canary().await;
    first.complete_with_note(&name).await;
    let mut there = Listener::open(&second, Start::Oldest).await;
    let heard = there.until(second.revision().await).await;
    assert!(format!("{:?}", heard.batches).contains("Canarynotat"));
    first.erase(EMAIL, &request_id(), false).await.unwrap();
    let head = first.revision().await;
    there.until(head).await;
    let mut again = Listener::open(&second, Start::Oldest).await;
    let heard = again.until(head).await;
    assert!(!format!("{:?}", heard.batches).contains("Canary"), "served from the ring");
}

async fn the_files_of_mails_go_with_the_person(backend: Backend) {
    let world = World::own(backend, &[]).await;
    set_seller(&world).await;
    let name = world.canary().await;
    for text in ["Canarynotat en", "Canarynotat to"] {
        mailed(&world, &name, text).send().await.unwrap();
    }
    let order = sent(&world, &name).await;
    let files: Vec<_> = order.mails.iter().map(|mail| file_path(&world, mail)).collect();
    assert!(std::fs::read_to_string(&files[0]).unwrap().contains("Canary"));
    world.cancel(&name, false).await.unwrap();
    // One of them cannot be removed for now: something else is in its place.
    std::fs::remove_file(&files[1]).unwrap();
    std::fs::create_dir(&files[1]).unwrap();
    let request = proto::EraseCustomerRequest {
        parent: (&world.shop).into(),
        person: Some(person(EMAIL)),
        request_id: request_id(),
        validate_only: false,
    };
    let erase = async || {
        let answer = world.client.erase_customer(request.clone()).await.unwrap();
        (answer.removed_mail_files, answer.left_mail_files)
    };
    assert_eq!(erase().await, (1, 1));
    std::fs::remove_dir(&files[1]).unwrap();
    std::fs::write(&files[1], "Canarynotat to").unwrap();
    assert_eq!(erase().await, (1, 0), "asked again with the same id");
    assert_eq!(erase().await, (0, 0));
    let left = std::fs::read_dir(files[0].parent().unwrap()).unwrap().count();
    assert_eq!(left, 0, "nothing of the person lies in the folder");
    audit(&world).await;
}
