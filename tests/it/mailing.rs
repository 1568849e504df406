//! §3 The way of a mail to the mail server: at most once after it was taken, whatever happens.

use std::time::Duration;

use order_rules::refusals::Code;
use order_sdk::proto::{self, MailState, NoteAudience};
use order_sdk::{Error, OrderName};

use crate::harness::smtp::{MailServer, PASSWORD, Speech, USER};
use crate::harness::{Backend, World, eventually, problems, refused};
use crate::notes::{mail_states, set_seller};

trials! {
    own: [
        rule_3_4_what_the_mail_server_says_is_obeyed,
        rule_3_4_a_mail_is_not_sent_twice_though_the_service_is_killed,
        a_mail_goes_through_tls_and_a_password,
        a_mail_waits_for_a_mail_server_that_is_away,
        a_person_who_is_erased_is_not_mailed,
    ];
}

async fn world(backend: Backend, flags: &[String]) -> World {
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let world = World::own(backend, &flags).await;
    set_seller(&world).await;
    world
}

/// Places an order for this address and mails a note about it.
async fn mail_to(world: &World, email: &str) -> OrderName {
    let draft = world.draft(500).customer("Kari Testesen-Hemmelig", email);
    let order = world.place(draft.payment("manual", "", 500)).await;
    let name: OrderName = order.name.parse().unwrap();
    note(world, &name).await.unwrap();
    name
}

async fn note(world: &World, order: &OrderName) -> Result<proto::AddOrderNoteResponse, Error> {
    let note = world.client.new_note(order, NoteAudience::Customer, "Pakk godt ut");
    note.send_email(true).withdrawal_form(true).send().await
}

/// The order once its last mail has come to its end.
async fn resolved(world: &World, order: &OrderName) -> proto::Order {
    eventually(&format!("the mail of {order} ends"), async || {
        let order = world.get(order).await;
        let last = order.mails.last().map(|mail| mail.state());
        (last != Some(MailState::Pending)).then_some(order)
    })
    .await
}

async fn rule_3_4_what_the_mail_server_says_is_obeyed(backend: Backend) {
    let mail = MailServer::start(Speech::Plain).await;
    let world = world(backend, &mail.flags()).await;
    let endings = [
        ("fine", MailState::Sent, 1, None),
        ("busy", MailState::Sent, 1, None),
        ("later", MailState::Sent, 1, None),
        ("hang-up", MailState::Sent, 1, None),
        ("reject", MailState::Declined, 0, Some(Code::MailDeclined)),
        ("full", MailState::Declined, 0, Some(Code::MailDeclined)),
        ("vanish", MailState::Unknown, 1, Some(Code::MailUnknown)),
    ];
    let mut orders = Vec::new();
    for (what, ..) in endings {
        orders.push(mail_to(&world, &format!("kari+{what}@example.com")).await);
    }
    for (name, (what, state, count, code)) in orders.iter().zip(endings) {
        let order = resolved(&world, name).await;
        assert_eq!(mail_states(&order), [state], "{what}");
        let taken = mail.taken(&format!("kari+{what}@example.com"));
        assert_eq!(taken.len(), count, "{what}");
        let id = format!("Message-ID: <{}>", order.mails[0].message_id);
        assert!(taken.iter().all(|taken| taken.text.contains(&id)), "{what}: {taken:?}");
        assert_eq!(problems(&order), code.iter().map(|code| code.name()).collect::<Vec<_>>());
        let form = order.withdrawal.and_then(|withdrawal| withdrawal.form_send_time);
        assert_eq!(form.is_some(), state == MailState::Sent, "{what}");
    }
    let order = world.get(&orders[4]).await;
    let reason = &order.problems[0].details["provider_reason"];
    assert!(reason.contains("5.1.1") && reason.contains("is unknown"), "{reason}");
    assert!(!reason.contains("kari"), "{reason}");

    // The remedy of the unknown one: a mail of its own, and the problem is gone.
    let vanished = world.get(&orders[6]).await;
    resend(&world, &orders[6], vanished.mails[0].id).await.unwrap();
    let order = resolved(&world, &orders[6]).await;
    assert_eq!(mail_states(&order), [MailState::Unknown, MailState::Unknown]);
    assert_eq!(problems(&order), ["MAIL_UNKNOWN"]);
    assert_eq!(order.problems[0].details["mail"], order.mails[1].id.to_string());
    assert_ne!(order.mails[0].message_id, order.mails[1].message_id);
    assert_eq!(mail.taken("kari+vanish@example.com").len(), 2);
    let log = world.server.log();
    assert!(!log.contains("kari") && !log.contains("Hemmelig") && !log.contains("Pakk godt"));
}

async fn resend(
    world: &World,
    order: &OrderName,
    mail_id: i64,
) -> Result<proto::ResendMailResponse, Error> {
    let request = proto::ResendMailRequest {
        name: order.into(),
        mail_id,
        ..proto::ResendMailRequest::default()
    };
    world.client.resend_mail(request).await
}

async fn rule_3_4_a_mail_is_not_sent_twice_though_the_service_is_killed(backend: Backend) {
    let mail = MailServer::start(Speech::Plain).await;
    let world = world(backend, &mail.flags()).await;
    let email = "kari+slow@example.com";
    let name = mail_to(&world, email).await;
    eventually("the mail server has the mail", async || {
        (!mail.taken(email).is_empty()).then_some(())
    })
    .await;
    world.server.kill().await;
    world.server.start().await;
    let order = resolved(&world, &name).await;
    assert_eq!(mail_states(&order), [MailState::Unknown]);
    assert_eq!(problems(&order), ["MAIL_UNKNOWN"]);
    assert_eq!(mail.taken(email).len(), 1);
    let again = resend(&world, &name, order.mails[0].id).await.unwrap();
    assert_eq!(problems(&again.order.unwrap()), Vec::<String>::new());
    let order = resolved(&world, &name).await;
    assert_eq!(mail_states(&order), [MailState::Unknown, MailState::Sent]);
    assert_eq!(mail.taken(email).len(), 2);

    // Killed before and after, where nothing is under way, nothing is sent again.
    let sent = mail_to(&world, "kari@example.com").await;
    resolved(&world, &sent).await;
    world.server.kill().await;
    world.server.start().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(mail.taken("kari@example.com").len(), 1);
}

async fn a_mail_goes_through_tls_and_a_password(backend: Backend) {
    for speech in [Speech::Tls, Speech::StartTls] {
        let mail = MailServer::start(speech).await;
        let world = world(backend, &mail.flags()).await;
        let name = mail_to(&world, "kari@example.com").await;
        assert_eq!(mail_states(&resolved(&world, &name).await), [MailState::Sent]);
        let taken = mail.taken("kari@example.com");
        assert!(taken[0].text.contains("Content-Type: application/pdf"), "{taken:?}");
        assert_eq!(mail.logins(), 1);
        let log = world.server.log();
        assert!(!log.contains(PASSWORD) && !log.contains(USER) && !log.contains("s3cret"));
    }
}

async fn a_mail_waits_for_a_mail_server_that_is_away(backend: Backend) {
    let port = crate::harness::server::free_port();
    let flags = ["--smtp-url".to_owned(), format!("smtp://127.0.0.1:{port}")];
    let world = world(backend, &flags).await;
    let name = mail_to(&world, "kari@example.com").await;
    let waiting = world.get(&name).await;
    assert_eq!(mail_states(&waiting), [MailState::Pending]);
    refused(resend(&world, &name, waiting.mails[0].id).await, Code::EffectPending);
    // Commands go on meanwhile.
    note(&world, &name).await.unwrap();
    world.change(&name, "processing").send().await.unwrap();
    assert_eq!(world.get(&name).await.notes.len(), 2);
}

async fn a_person_who_is_erased_is_not_mailed(backend: Backend) {
    let port = crate::harness::server::free_port();
    let flags = ["--smtp-url".to_owned(), format!("smtp://127.0.0.1:{port}")];
    let world = world(backend, &flags).await;
    let email = "kari@example.com";
    let draft = world.draft(500).customer("Kari Testesen-Hemmelig", email);
    let order = world.place(draft.payment("manual", "", 500)).await;
    let name: OrderName = order.name.parse().unwrap();
    world.complete(&name).await.unwrap();
    let note = world.client.new_note(&name, NoteAudience::Customer, "Se vedlegget");
    let note = note.send_email(true).attach("a.pdf", "application/pdf", b"hemmelig".to_vec());
    note.send().await.unwrap();
    let files = "SELECT CAST(count(*) AS TEXT) AS a FROM mail_files";
    assert_eq!(world.server.store.texts(files).await, ["1"]);
    let request = proto::EraseCustomerRequest {
        parent: (&world.shop).into(),
        person: Some(proto::Person {
            identity: Some(proto::person::Identity::Email(email.to_owned())),
        }),
        ..proto::EraseCustomerRequest::default()
    };
    world.client.erase_customer(request).await.unwrap();
    // One that is being handed over just then comes to nothing: there is nobody to write to.
    let order = resolved(&world, &name).await;
    assert!(matches!(mail_states(&order)[0], MailState::Withdrawn | MailState::Declined));
    assert_eq!(world.server.store.texts(files).await, ["0"]);
}
