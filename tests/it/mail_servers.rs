//! A shop's own mail server: its mails go through it, and wait while it does not take them.

use std::sync::Arc;

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::integration::System;
use order_sdk::proto::{
    ConnectionState, Integration, MailState, NoteAudience, Order, SmtpIntegration, SmtpSecurity,
};
use order_tests::fakes::smtp::Taken;
use order_tests::fakes::{Service, recipe};

use crate::harness::folder::Folder;
use crate::harness::smtp::{MailServer, PASSWORD, PLAIN, Speech, USER};
use crate::harness::{Backend, World, eventually, problems, refused, wrong_fields};
use crate::integrations::{are_nowhere, world_with_key};
use crate::notes::{mail_states, set_seller};
use crate::orderctl::{run, shell};

trials! {
    shared: [
        what_is_wrong_with_a_mail_server_is_told,
    ];
    own: [
        mails_go_through_the_shops_own_mail_server,
        mails_wait_while_the_shops_mail_server_does_not_take_them,
        mail_servers_that_hang_delay_no_other_shops_mails,
        a_shop_is_set_up_for_the_stand_in_by_its_recipe,
    ];
}

fn integration(change: impl FnOnce(&mut SmtpIntegration)) -> Integration {
    let mut smtp = SmtpIntegration {
        host: "localhost".to_owned(),
        port: 465,
        security: SmtpSecurity::Tls.into(),
        username: USER.to_owned(),
        password: PASSWORD.to_owned(),
    };
    change(&mut smtp);
    Integration { system: Some(System::Smtp(smtp)), ..Integration::default() }
}

/// The integration of a stand-in.
pub(crate) fn with(mail: &MailServer, change: impl FnOnce(&mut SmtpIntegration)) -> Integration {
    integration(|smtp| {
        smtp.port = mail.port().into();
        smtp.security = match mail.speech() {
            Speech::Plain => SmtpSecurity::None,
            Speech::Tls => SmtpSecurity::Tls,
            Speech::StartTls => SmtpSecurity::Starttls,
        }
        .into();
        change(smtp);
    })
}

/// How long a mail server may take to come to the text.
const PATIENCE: &str = "30s";

/// A world that trusts this mail server, and keeps its own mails in a folder.
async fn world(backend: Backend, mail: &MailServer) -> World {
    let authority = mail.authority().display().to_string();
    let flags =
        ["--stand-ins", "true", "--smtp-ca", authority.as_str(), "--call-timeout", PATIENCE];
    let world = world_with_key(backend, &flags).await;
    set_seller(&world).await;
    world
}

async fn mail_to(world: &World, email: &str) -> OrderName {
    let draft = world.draft(500).customer("Kari Testesen-Hemmelig", email);
    let order = world.place(draft.payment("manual", "", 500)).await;
    let name: OrderName = order.name.parse().unwrap();
    let note = world.client.new_note(&name, NoteAudience::Customer, "Pakk godt ut");
    note.send_email(true).send().await.unwrap();
    name
}

async fn is_sent(world: &World, order: &OrderName) {
    eventually(&format!("the mail of {order} is sent"), async || {
        (mail_states(&world.get(order).await) == [MailState::Sent]).then_some(())
    })
    .await;
}

async fn mails_go_through_the_shops_own_mail_server(backend: Backend) {
    for speech in [Speech::Tls, Speech::StartTls] {
        let mail = MailServer::start(speech).await;
        let world = world(backend, &mail).await;
        // Before the shop has one of its own, mails go through the service's.
        is_sent(&world, &mail_to(&world, "first@example.com").await).await;
        let created = world.integrate("post", with(&mail, |_| {})).await.unwrap();
        let Some(System::Smtp(told)) = &created.system else { panic!("{created:?}") };
        assert_eq!((told.username.as_str(), told.password.as_str()), (USER, ""));
        assert_eq!(world.connection("post").await.state(), ConnectionState::Works);
        is_sent(&world, &mail_to(&world, "second@example.com").await).await;
        let counts = ["first", "second"].map(|to| mail.taken(&format!("{to}@example.com")).len());
        assert_eq!(counts, [0, 1], "{speech:?}");
        assert_eq!(mail.logins(), 2);
        // No payment is kept there.
        let draft = world.draft(900).payment("post", "r1", 900);
        refused(draft.send().await, Code::InvalidRequest);
        let log = world.server.log();
        assert!(!log.contains(PASSWORD) && !log.contains("s3cret"));
        assert!(!log.contains("Hemmelig") && !log.contains("second@"));
    }
}

async fn mails_wait_while_the_shops_mail_server_does_not_take_them(backend: Backend) {
    let mail = MailServer::start(Speech::Tls).await;
    let world = world(backend, &mail).await;
    let wrong = with(&mail, |smtp| "feil".clone_into(&mut smtp.password));
    world.integrate("post", wrong).await.unwrap();
    let told = world.connection("post").await;
    assert_eq!(told.state(), ConnectionState::CredentialsRefused, "{told:?}");
    assert!(told.detail.contains("who are you"), "{told:?}");
    // A password that was meant for one server goes to no other.
    let elsewhere = || with(&mail, |smtp| "127.0.0.1".clone_into(&mut smtp.host));
    let moved = world.reintegrate("post", &["smtp.host"], elsewhere()).await;
    assert_eq!(wrong_fields(moved), ["integration.smtp.password"]);
    let waiting = mail_to(&world, "kari@example.com").await;
    let order = says(&world, &waiting, "INTEGRATION_UNAUTHORIZED").await;
    let details = &order.problems[0].details;
    assert_eq!(details["provider"], "post");
    assert!(details["provider_reason"].contains("who are you"), "{details:?}");
    let disabled = Integration { disabled: true, ..Integration::default() };
    world.reintegrate("post", &["disabled"], disabled).await.unwrap();
    world.reintegrate("post", &["smtp.password"], with(&mail, |_| {})).await.unwrap();
    // It can be tried before it is enabled.
    assert_eq!(world.connection("post").await.state(), ConnectionState::Works);
    let other = mail_to(&world, "ola@example.com").await;
    for name in [&waiting, &other] {
        let order = says(&world, name, "INTEGRATION_DISABLED").await;
        assert_eq!(mail_states(&order), [MailState::Pending]);
    }
    world.reintegrate("post", &["disabled"], Integration::default()).await.unwrap();
    is_sent(&world, &waiting).await;
    is_sent(&world, &other).await;
    assert_eq!(mail.taken("kari@example.com").len(), 1);
    for name in [&waiting, &other] {
        assert_eq!(problems(&world.get(name).await), [""; 0]);
    }
    are_nowhere(&world, &[PASSWORD, PLAIN]).await;
    // While the mail server's certificate is there to be read.
    world.server.start().await;
}

/// The order once this is its problem.
async fn says(world: &World, name: &OrderName, code: &str) -> Order {
    eventually(&format!("{name} says {code}"), async || {
        let order = world.get(name).await;
        (problems(&order) == [code]).then_some(order)
    })
    .await
}

async fn mail_servers_that_hang_delay_no_other_shops_mails(backend: Backend) {
    const HUNG: usize = 8;
    const MAILS: usize = 10;
    let mail = MailServer::start(Speech::Tls).await;
    let good = world(backend, &mail).await;
    good.integrate("post", with(&mail, |_| {})).await.unwrap();
    for _ in 0..HUNG {
        let hung = World::new(Arc::clone(&good.server)).await;
        set_seller(&hung).await;
        hung.integrate("post", with(&mail, |_| {})).await.unwrap();
        for _ in 0..MAILS {
            mail_to(&hung, "kari+hung@example.com").await;
        }
    }
    eventually("all of them hang", async || (mail.silence().begun >= 2 * HUNG).then_some(())).await;
    let mut sent = Vec::new();
    for number in 0..MAILS {
        sent.push(mail_to(&good, &format!("kari-{number}@example.com")).await);
    }
    for (number, name) in sent.iter().enumerate() {
        is_sent(&good, name).await;
        assert_eq!(mail.taken(&format!("kari-{number}@example.com")).len(), 1);
    }
    assert_eq!(mail.silence().left, 0, "they were waited for");
}

/// In a shop that has nobody yet whom mails are from.
async fn a_shop_is_set_up_for_the_stand_in_by_its_recipe(backend: Backend) {
    let mail = MailServer::start(Speech::Plain).await;
    let world = world_with_key(backend, &["--stand-ins", "true"]).await;
    let service = Service { shop: world.shop.id().to_owned(), webhooks: String::new() };
    let folder = Folder::new();
    for line in recipe("mail", &format!("smtp://{}", mail.address()), &service).lines() {
        let told = run(shell(&world, folder.path(), line)).await;
        assert_eq!(told.code, Some(0), "{line}: {told:?}");
    }
    assert_eq!(world.connection("post").await.state(), ConnectionState::Works);
    let name = mail_to(&world, "kari@example.com").await;
    is_sent(&world, &name).await;
    let subjects: Vec<String> = mail.taken("kari@example.com").iter().map(Taken::subject).collect();
    let number = name.number().to_string();
    assert!(subjects.len() == 1 && subjects[0].contains(&number), "{subjects:?}");
}

async fn what_is_wrong_with_a_mail_server_is_told(world: World) {
    type Change = fn(&mut SmtpIntegration);
    let cases: [(&str, Change); 7] = [
        ("smtp.host", |smtp| "http://post.example".clone_into(&mut smtp.host)),
        ("smtp.host", |smtp| smtp.host.clear()),
        ("smtp.port", |smtp| smtp.port = 0),
        ("smtp.port", |smtp| smtp.port = 65_536),
        ("smtp.security", |smtp| smtp.security = 0),
        // Only where the operator allows it.
        ("smtp.security", |smtp| smtp.security = SmtpSecurity::None.into()),
        ("smtp.password", |smtp| smtp.password = "a\nb".to_owned()),
    ];
    for (field, change) in cases {
        let wrong = integration(|smtp| {
            smtp.username.clear();
            smtp.password.clear();
            change(smtp);
        });
        let fields = wrong_fields(world.integrate("post", wrong).await);
        assert_eq!(fields, [format!("integration.{field}")]);
    }
    // A user and a password go together.
    let nameless = integration(|smtp| smtp.password.clear());
    let fields = wrong_fields(world.integrate("post", nameless).await);
    assert_eq!(fields, ["integration.smtp.password"]);
    let open = || {
        integration(|smtp| {
            smtp.username.clear();
            smtp.password.clear();
        })
    };
    world.integrate("post", open()).await.unwrap();
    let fields = wrong_fields(world.integrate("post-2", open()).await);
    assert_eq!(fields, ["integration.smtp"]);
    // The machine's own network is nobody else's.
    let told = world.connection("post").await;
    assert_eq!(told.state(), ConnectionState::Unreachable, "{told:?}");
    assert!(told.detail.contains("public"), "{told:?}");
}
