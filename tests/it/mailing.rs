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
        a_kill_before_the_text_loses_and_doubles_no_mail,
        a_mail_goes_through_tls_and_a_password,
        a_mail_waits_for_a_mail_server_that_is_away,
        a_person_who_is_erased_is_not_mailed,
    ];
}

/// More than what a mail waits unseen.
const LONG_MICROS: i64 = 60 * 60 * 1_000_000;

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

/// The order once its mails have come to their end.
async fn resolved(world: &World, order: &OrderName) -> proto::Order {
    eventually(&format!("the mails of {order} end"), async || {
        let order = world.get(order).await;
        let is_over = mail_states(&order).into_iter().all(|state| state != MailState::Pending);
        (is_over && !order.mails.is_empty()).then_some(order)
    })
    .await
}

async fn rule_3_4_what_the_mail_server_says_is_obeyed(backend: Backend) {
    let mail = MailServer::start(Speech::Plain).await;
    let patience = ["--call-timeout", "2s"].map(str::to_owned);
    let world = world(backend, &[mail.flags(), patience.to_vec()].concat()).await;
    let endings = [
        ("fine", MailState::Sent, 1, None),
        ("busy", MailState::Sent, 1, None),
        ("later", MailState::Sent, 1, None),
        ("hang-up", MailState::Sent, 1, None),
        ("silent", MailState::Sent, 1, None),
        ("say-421", MailState::Sent, 1, None),
        ("say-450", MailState::Sent, 1, None),
        // About who we are, not about the mail.
        ("say-530", MailState::Sent, 1, None),
        ("say-534", MailState::Sent, 1, None),
        ("say-553", MailState::Declined, 0, Some(Code::MailDeclined)),
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
    let of = |wanted| &orders[endings.iter().position(|(what, ..)| *what == wanted).unwrap()];
    let order = world.get(of("reject")).await;
    let reason = &order.problems[0].details["provider_reason"];
    assert!(reason.contains("5.1.1") && reason.contains("is unknown"), "{reason}");
    assert!(!reason.contains("kari"), "{reason}");

    // The remedy of the unknown one: a mail of its own, and the problem is gone.
    let vanished = world.get(of("vanish")).await;
    resend(&world, of("vanish"), vanished.mails[0].id).await.unwrap();
    let order = resolved(&world, of("vanish")).await;
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

async fn a_kill_before_the_text_loses_and_doubles_no_mail(backend: Backend) {
    let port = crate::harness::server::free_port();
    let flags = ["--smtp-url".to_owned(), format!("smtp://127.0.0.1:{port}")];
    let world = world(backend, &flags).await;
    // Planned, and perhaps tried: there is no mail server yet.
    let planned = mail_to(&world, "kari+planned@example.com").await;
    world.server.kill().await;
    let mail = MailServer::start_at(Speech::Plain, port).await;
    world.server.start().await;
    let order = resolved(&world, &planned).await;
    let taken = mail.taken("kari+planned@example.com").len();
    // Killed at the moment of a try, nobody knows of it.
    let known = [(MailState::Sent, 1), (MailState::Unknown, 0)];
    assert!(known.contains(&(mail_states(&order)[0], taken)), "{order:?}");

    let email = "kari+silent@example.com";
    let name = mail_to(&world, email).await;
    eventually("it has come to the text", async || (mail.silence().begun > 0).then_some(())).await;
    world.server.kill().await;
    world.server.start().await;
    let order = resolved(&world, &name).await;
    assert_eq!(mail_states(&order), [MailState::Unknown], "nobody knows how far it had come");
    assert_eq!((problems(&order), mail.taken(email).len()), (vec!["MAIL_UNKNOWN"], 0));
    resend(&world, &name, order.mails[0].id).await.unwrap();
    let order = resolved(&world, &name).await;
    assert_eq!(mail_states(&order), [MailState::Unknown, MailState::Sent]);
    assert_eq!((problems(&order).len(), mail.taken(email).len()), (0, 1));
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
    // What has waited for long is told of, and goes out all the same.
    let told = mail_to(&world, "ola@example.com").await;
    let untried = "SELECT CAST(count(*) AS TEXT) AS a FROM effects
                   WHERE payment_key IS NULL AND first_sent_at IS NULL";
    eventually("all have been tried", async || {
        (world.server.store.texts(untried).await == ["0"]).then_some(())
    })
    .await;
    assert_eq!(world.server.stop().await, 0);
    let earlier = format!(
        "UPDATE effects SET first_sent_at = first_sent_at - {LONG_MICROS} \
         WHERE first_sent_at IS NOT NULL"
    );
    world.server.store.damage(&earlier).await;
    world.server.start().await;
    let order = eventually("it is told of", async || {
        let order = world.get(&told).await;
        (!problems(&order).is_empty()).then_some(order)
    })
    .await;
    assert_eq!(problems(&order), ["MAIL_WAITING"]);
    assert_eq!(order.problems[0].details["mail"], order.mails[0].id.to_string());
    assert!(!order.problems[0].details["provider_reason"].is_empty());
    let mail = MailServer::start_at(Speech::Plain, port).await;
    for (name, email) in [(&name, "kari@example.com"), (&told, "ola@example.com")] {
        let order = resolved(&world, name).await;
        let is_sent = |state: MailState| state == MailState::Sent;
        assert!(mail_states(&order).into_iter().all(is_sent), "{order:?}");
        assert_eq!((problems(&order).len(), mail.taken(email).len()), (0, order.mails.len()));
    }
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
