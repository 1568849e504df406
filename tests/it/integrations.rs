//! Integrations: the systems outside that a shop works with, and their credentials.

use std::sync::Arc;

use order_rules::refusals::Code;
use order_sdk::Error;
use order_sdk::proto::integration::System;
use order_sdk::proto::{
    self, ConnectionState, EventKind, Integration, KlarnaEndpoint, KlarnaIntegration,
};

use crate::harness::server::Store;
use crate::harness::{
    Backend, Server, World, eventually, mask, problems, refused, request_id, status_id,
    wrong_fields,
};

trials! {
    shared: [
        a_new_shop_has_the_sandbox_under_three_names,
        an_integration_is_a_provider_of_payments,
        a_disabled_integration_takes_no_new_payment,
        what_is_planned_waits_for_a_disabled_integration_and_then_goes_on,
        what_waits_for_a_disabled_integration_can_be_taken_back,
        a_change_is_told_without_values,
        payments_keep_an_integration_the_system_it_is,
        wrong_fields_of_an_integration_are_told_at_once,
        what_exists_or_does_not_is_refused,
        without_a_key_no_credential_is_taken,
        a_connection_to_the_sandbox_works,
    ];
    own: [
        a_password_goes_in_and_never_comes_out,
        stand_ins_are_only_for_who_allows_them,
        keys_are_rotated_without_a_restart,
    ];
}

/// Nobody's: must be nowhere but in requests.
const SECRET: &str = "canary-passord-8c1f";

pub(crate) fn sandbox() -> Integration {
    let system = System::Sandbox(proto::SandboxIntegration {});
    Integration { system: Some(system), ..Integration::default() }
}

pub(crate) fn klarna(change: impl FnOnce(&mut KlarnaIntegration)) -> Integration {
    let mut klarna = KlarnaIntegration {
        endpoint: KlarnaEndpoint::EuropePlayground.into(),
        username: "K123456_abcdef".to_owned(),
        password: SECRET.to_owned(),
        ..KlarnaIntegration::default()
    };
    change(&mut klarna);
    Integration { system: Some(System::Klarna(klarna)), ..Integration::default() }
}

pub(crate) fn klarna_of(integration: &Integration) -> &KlarnaIntegration {
    match &integration.system {
        Some(System::Klarna(klarna)) => klarna,
        other => panic!("{other:?}"),
    }
}

impl World {
    pub(crate) async fn integrate(
        &self,
        id: &str,
        integration: Integration,
    ) -> Result<Integration, Error> {
        let request = proto::CreateIntegrationRequest {
            parent: (&self.shop).into(),
            integration_id: id.to_owned(),
            integration: Some(integration),
            ..proto::CreateIntegrationRequest::default()
        };
        Ok(self.client.create_integration(request).await?.integration.unwrap())
    }

    pub(crate) async fn reintegrate(
        &self,
        id: &str,
        paths: &[&str],
        integration: Integration,
    ) -> Result<Integration, Error> {
        let name = self.shop.integration(id).unwrap().into();
        let request = proto::UpdateIntegrationRequest {
            integration: Some(Integration { name, ..integration }),
            update_mask: Some(mask(paths)),
            ..proto::UpdateIntegrationRequest::default()
        };
        Ok(self.client.update_integration(request).await?.integration.unwrap())
    }

    async fn integration_ids(&self) -> Vec<String> {
        let request = proto::ListIntegrationsRequest { parent: (&self.shop).into() };
        let integrations = self.client.list_integrations(request).await.unwrap().integrations;
        let last = |one: Integration| one.name.rsplit('/').next().unwrap().to_owned();
        integrations.into_iter().map(last).collect()
    }

    pub(crate) async fn connection(&self, id: &str) -> proto::TestIntegrationResponse {
        let name = self.shop.integration(id).unwrap().into();
        self.client.test_integration(proto::TestIntegrationRequest { name }).await.unwrap()
    }
}

async fn a_new_shop_has_the_sandbox_under_three_names(world: World) {
    assert_eq!(world.integration_ids().await, ["card", "klarna", "vipps"]);
    let known = world.integration("klarna").await;
    assert_eq!(known.name, String::from(world.shop.integration("klarna").unwrap()));
    assert_eq!(known.system, sandbox().system);
    assert!(!known.disabled && !known.etag.is_empty() && known.create_time.is_some());
}

async fn an_integration_is_a_provider_of_payments(world: World) {
    let created = world.integrate("gift-card", sandbox()).await.unwrap();
    assert_eq!(created, world.integration("gift-card").await);
    let reference = world.reference("");
    let order = world.place(world.draft(900).payment("gift-card", &reference, 900)).await;
    let order = world.complete(&order.name.parse().unwrap()).await.unwrap().order.unwrap();
    assert_eq!(order.payments[0].captured_minor, 900);
    let unknown = world.draft(900).payment("giftcard", world.reference(""), 900).send().await;
    assert_eq!(wrong_fields(unknown), ["order.payments[0].provider"]);
}

async fn a_disabled_integration_takes_no_new_payment(world: World) {
    world.disable("klarna", true).await;
    let placed = world.draft(900).payment("klarna", world.reference(""), 900).send().await;
    assert_eq!(wrong_fields(placed), ["order.payments[0].provider"]);
    let order = world.place(world.draft(900).payment("manual", "", 900)).await;
    let attach = proto::AttachPaymentRequest {
        name: order.name,
        payment: Some(proto::NewPayment {
            provider: "klarna".to_owned(),
            reference: world.reference(""),
            amount_minor: 900,
        }),
        ..proto::AttachPaymentRequest::default()
    };
    let attached = world.client.attach_payment(attach.clone()).await;
    assert_eq!(wrong_fields(attached), ["payment.provider"]);
    world.disable("klarna", false).await;
    world.client.attach_payment(attach).await.unwrap();
}

async fn what_is_planned_waits_for_a_disabled_integration_and_then_goes_on(world: World) {
    let bought = world.buy(900, "").await;
    world.disable("klarna", true).await;
    world.change(&bought.name, "sent").send().await.unwrap();
    let order = eventually("the order says why it waits", async || {
        let order = world.get(&bought.name).await;
        (!order.problems.is_empty()).then_some(order)
    })
    .await;
    assert_eq!(problems(&order), ["INTEGRATION_DISABLED"]);
    assert_eq!(order.problems[0].details["provider"], "klarna");
    assert_eq!(status_id(&order), "not-processed");
    assert_eq!(world.book().calls(&bought.reference, "capture"), 0, "nothing was sent");
    let dismiss = proto::DismissProblemRequest {
        name: order.name.clone(),
        problem_id: order.problems[0].id,
        reason: "Jeg vil ikke se den".to_owned(),
        ..proto::DismissProblemRequest::default()
    };
    refused(world.client.dismiss_problem(dismiss).await, Code::ProblemNotDismissible);

    // It is held once more, and told only once.
    let operation = order.payments[0].operations.last().unwrap().id;
    let retry = proto::RetryEffectRequest {
        name: order.name.clone(),
        operation_id: operation,
        ..proto::RetryEffectRequest::default()
    };
    world.client.retry_effect(retry).await.unwrap();
    world.disable("klarna", false).await;
    let order = world.settled(&bought.name).await;
    assert_eq!((status_id(&order), order.payments[0].captured_minor), ("sent", 900));
    assert!(problems(&order).is_empty(), "{order:?}");
    assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
    let opened = world.history(&bought.name).await;
    let opened = opened.iter().filter(|event| event.kind() == EventKind::ProblemOpened).count();
    assert_eq!(opened, 1);
}

async fn what_waits_for_a_disabled_integration_can_be_taken_back(world: World) {
    let bought = world.buy(900, "").await;
    world.disable("klarna", true).await;
    world.change(&bought.name, "sent").send().await.unwrap();
    eventually("the order says why it waits", async || {
        (!world.get(&bought.name).await.problems.is_empty()).then_some(())
    })
    .await;
    // For a moment at each try it may look as if it were sent.
    eventually("the change is taken back", async || {
        let request = proto::WithdrawStatusChangeRequest {
            name: (&bought.name).into(),
            ..proto::WithdrawStatusChangeRequest::default()
        };
        world.client.withdraw_status_change(request).await.ok()
    })
    .await;
    let order = world.get(&bought.name).await;
    assert!(order.pending_status_change.is_none() && problems(&order).is_empty(), "{order:?}");
    world.disable("klarna", false).await;
    world.complete(&bought.name).await.unwrap();
    assert_eq!(world.book().done(&bought.reference, "capture"), [900]);
}

async fn a_change_is_told_without_values(world: World) {
    let before = world.revision().await;
    world.disable("vipps", true).await;
    world.disable("vipps", true).await;
    assert_eq!(world.revision().await, before + 2, "a change, and one that changed nothing");
    let revision = before + 1;
    let events = world
        .server
        .store
        .texts(&format!(
            "SELECT kind || '' AS a FROM events
             WHERE revision = {revision} AND shop_id =
                 (SELECT shop_id FROM shops WHERE slug = '{}')",
            world.shop.id()
        ))
        .await;
    assert_eq!(events, [i32::from(EventKind::IntegrationsChanged).to_string()]);
}

async fn payments_keep_an_integration_the_system_it_is(world: World) {
    // Nobody has paid with it.
    let other = world.reintegrate("vipps", &["sandbox"], sandbox()).await.unwrap();
    assert_eq!(other.system, sandbox().system);
    world.buy(900, "").await;
    let request =
        world.reintegrate("klarna", &["klarna"], klarna(|klarna| klarna.password.clear()));
    refused(request.await, Code::IntegrationInUse);
    world.reintegrate("klarna", &["sandbox"], sandbox()).await.unwrap();
}

async fn wrong_fields_of_an_integration_are_told_at_once(world: World) {
    let before = world.revision().await;
    let wrong = klarna(|klarna| {
        klarna.endpoint = 77;
        klarna.username = "a:b".to_owned();
        klarna.password = "x".repeat(501);
        klarna.stand_in_url = "http://example.com".to_owned();
    });
    let wanted = [
        "integration_id",
        "integration.klarna.endpoint",
        "integration.klarna.username",
        "integration.klarna.stand_in_url",
        "integration.klarna.password",
    ];
    assert_eq!(wrong_fields(world.integrate("Klarna", wrong.clone()).await), wanted);
    assert_eq!(wrong_fields(world.integrate("manual", sandbox()).await), ["integration_id"]);
    let nothing = world.integrate("other", Integration::default()).await;
    assert_eq!(wrong_fields(nothing), ["integration.system"]);
    let empty = klarna(|klarna| *klarna = KlarnaIntegration::default());
    let wanted = [
        "integration.klarna.endpoint",
        "integration.klarna.username",
        "integration.klarna.password",
    ];
    assert_eq!(wrong_fields(world.integrate("other", empty.clone()).await), wanted);

    let paths = ["klarna.endpoint", "klarna.username", "klarna.password"];
    assert_eq!(wrong_fields(world.reintegrate("klarna", &paths, empty).await), wanted);
    let both = world.reintegrate("klarna", &["klarna", "sandbox"], sandbox()).await;
    assert_eq!(wrong_fields(both), ["update_mask", "integration.klarna"]);
    let unknown = world.reintegrate("klarna", &["name", "klarna.passwords"], sandbox());
    assert_eq!(wrong_fields(unknown.await), ["update_mask.paths[0]", "update_mask.paths[1]"]);
    let other = klarna(|klarna| klarna.password.clear());
    let other = world.reintegrate("vipps", &["klarna.username"], other).await;
    assert_eq!(wrong_fields(other), ["update_mask"]);
    let unset = klarna(|klarna| klarna.password.clear());
    let unset = world.reintegrate("vipps", &["klarna"], unset).await;
    assert_eq!(wrong_fields(unset), ["integration.klarna.password"]);
    assert_eq!(world.revision().await, before);

    for number in 4..=20 {
        world.integrate(&format!("sandbox-{number}"), sandbox()).await.unwrap();
    }
    assert_eq!(wrong_fields(world.integrate("sandbox-21", sandbox()).await), ["integration"]);
}

async fn what_exists_or_does_not_is_refused(world: World) {
    refused(world.integrate("klarna", sandbox()).await, Code::IntegrationExists);
    let missing = world.reintegrate("nobody", &["disabled"], sandbox()).await;
    refused(missing, Code::IntegrationNotFound);
    let name = String::from(world.shop.integration("nobody").unwrap());
    let get = proto::GetIntegrationRequest { name: name.clone() };
    refused(world.client.get_integration(get).await, Code::IntegrationNotFound);
    let test = proto::TestIntegrationRequest { name };
    refused(world.client.test_integration(test).await, Code::IntegrationNotFound);
    let nowhere = proto::ListIntegrationsRequest { parent: "shops/nowhere".to_owned() };
    refused(world.client.list_integrations(nowhere).await, Code::ShopNotFound);
}

async fn without_a_key_no_credential_is_taken(world: World) {
    let before = world.revision().await;
    let refusal = refused(world.integrate("k", klarna(|_| {})).await, Code::CredentialsKeyMissing);
    assert!(!format!("{refusal:?}").contains(SECRET));
    let update = world.reintegrate("vipps", &["klarna"], klarna(|_| {})).await;
    refused(update, Code::CredentialsKeyMissing);
    assert_eq!(world.revision().await, before);
}

async fn a_connection_to_the_sandbox_works(world: World) {
    let told = world.connection("card").await;
    assert_eq!((told.state(), told.detail.as_str()), (ConnectionState::Works, ""));
    world.disable("card", true).await;
    assert_eq!(world.connection("card").await.state(), ConnectionState::Works);
}

/// A shop on a server with a key for credentials.
pub(crate) async fn world_with_key(backend: Backend, more: &[&str]) -> World {
    let store = Store::new(backend).await;
    let key = store.folder.file("credentials.key");
    std::fs::write(&key, format!("# of a test\n{:064x}\n", 7)).unwrap();
    let path = key.display().to_string();
    let patience = ["--call-timeout", "3s"];
    let patience = if more.contains(&patience[0]) { &[][..] } else { &patience[..] };
    let flags = [&["--credentials-key-file", path.as_str()], patience, more].concat();
    World::new(Server::on(backend, store, &flags).await).await
}

async fn a_password_goes_in_and_never_comes_out(backend: Backend) {
    let world = world_with_key(backend, &[]).await;
    let created = world.integrate("klarna-no", klarna(|_| {})).await.unwrap();
    let told = klarna_of(&created);
    assert_eq!(told.password, "");
    assert!(created.credentials_set_time.is_some());
    assert_eq!(created, world.integration("klarna-no").await);

    // The same again is the same; another password under the same id is another request.
    let id = request_id();
    let update = |password: &str| {
        let name = world.shop.integration("klarna-no").unwrap().into();
        let password = password.to_owned();
        let request = proto::UpdateIntegrationRequest {
            integration: Some(Integration { name, ..klarna(|klarna| klarna.password = password) }),
            update_mask: Some(mask(&["klarna.password"])),
            request_id: id.clone(),
            ..proto::UpdateIntegrationRequest::default()
        };
        world.client.update_integration(request)
    };
    let other = format!("{SECRET}-2");
    let first = update(&other).await.unwrap();
    assert!(update(&other).await.unwrap().receipt.unwrap().replayed);
    refused(update(SECRET).await, Code::RequestIdReused);
    let first = first.integration.unwrap();
    assert_ne!(first.credentials_set_time, created.credentials_set_time);
    assert_eq!(klarna_of(&first).username, told.username, "the rest stays");
    // A new name for the credential leaves its secret.
    let renamed = klarna(|klarna| {
        klarna.username = "K123456_new".to_owned();
        klarna.password.clear();
    });
    let renamed = world.reintegrate("klarna-no", &["klarna"], renamed).await.unwrap();
    assert_eq!(klarna_of(&renamed).username, "K123456_new");
    assert_eq!(renamed.credentials_set_time, first.credentials_set_time);

    is_nowhere(&world, SECRET).await;
}

/// The secret stands neither in a table, nor in a file, nor in the log.
pub(crate) async fn is_nowhere(world: &World, secret: &str) {
    are_nowhere(world, &[secret]).await;
}

/// None of the secrets does.
pub(crate) async fn are_nowhere(world: &World, secrets: &[&str]) {
    let has = |bytes: &[u8]| {
        let is_in =
            |secret: &str| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
        secrets.iter().any(|secret| is_in(secret))
    };
    let store = &world.server.store;
    let dump = store.dump().await;
    assert!(dump.iter().any(|(table, _)| table == "integrations"));
    for (table, bytes) in dump {
        assert!(!has(&bytes), "a secret stands in {table}");
    }
    world.server.stop().await;
    let folders = [store.folder.path().to_owned(), store.data_folder()];
    for entry in folders.iter().flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten()) {
        let path = entry.unwrap().path();
        if path.is_file() {
            assert!(!has(&std::fs::read(&path).unwrap()), "a secret stands in {path:?}");
        }
    }
}

async fn keys_are_rotated_without_a_restart(backend: Backend) {
    let world = world_with_key(backend, &["--stand-ins", "true"]).await;
    let neighbour = World::new(Arc::clone(&world.server)).await;
    let stand_in = |password: &str| {
        klarna(|klarna| {
            klarna.set_endpoint(KlarnaEndpoint::StandIn);
            klarna.stand_in_url = "http://127.0.0.1:1".to_owned();
            password.clone_into(&mut klarna.password);
        })
    };
    let shops = [&world, &neighbour];
    for shop in shops {
        shop.integrate("k", stand_in(SECRET)).await.unwrap();
    }
    let before = world.integration("k").await;
    let set_keys = |keys: &[u8]| {
        let keys: Vec<String> = keys.iter().map(|key| format!("{key:064x}")).collect();
        // In one step, as nobody is to find half a file.
        let file = world.server.store.folder.file("credentials.key");
        let next = world.server.store.folder.file("credentials.next");
        std::fs::write(&next, keys.join("\n")).unwrap();
        std::fs::rename(next, file).unwrap();
    };
    // Nobody listens there; that far it comes only with the password in hand.
    let (readable, unreadable) =
        (ConnectionState::Unreachable, ConnectionState::CredentialsUnreadable);
    let become_so = async |state: ConnectionState, what: &str| {
        for shop in shops {
            eventually(what, async || (shop.connection("k").await.state() == state).then_some(()))
                .await;
        }
    };
    let resealed = async |times: usize| {
        eventually("all is under the first key", async || {
            let log = world.server.log();
            (log.matches("encrypted with the first key now").count() == times).then_some(())
        })
        .await;
    };
    set_keys(&[8, 7]);
    become_so(readable, "the old key still decrypts").await;
    resealed(1).await;
    set_keys(&[8]);
    // What is in memory and what is stored: neither needs the old key.
    become_so(readable, "all is under the new key").await;
    assert_eq!(world.server.stop().await, 0);
    world.server.start().await;
    become_so(readable, "all is under the new key").await;
    assert_eq!(world.integration("k").await, before, "it is not another integration");

    // A key that is missed is noticed, and waited for.
    set_keys(&[9]);
    become_so(unreadable, "nothing was sealed with this one").await;
    let detail = world.connection("k").await.detail;
    assert!(detail.ends_with(": password"), "it says which: {detail}");
    let draft = world.draft(900).payment("k", "kl-1", 900).send().await.unwrap();
    let name = draft.order.unwrap().name.parse().unwrap();
    eventually("the order says so", async || {
        (problems(&world.get(&name).await) == ["INTEGRATION_UNUSABLE"]).then_some(())
    })
    .await;
    set_keys(&[9, 8]);
    become_so(readable, "it is there again").await;
    resealed(2).await;
    set_keys(&[9]);
    become_so(readable, "all is under the newest key").await;
    world.reintegrate("k", &["klarna.password"], stand_in("annet-passord")).await.unwrap();
    set_keys(&[10, 9]);
    resealed(3).await;
    set_keys(&[10]);
    become_so(readable, "what was set since too").await;
    assert!(!world.server.log().contains(&format!("{:064x}", 8)));
    are_nowhere(&world, &[SECRET, "annet-passord"]).await;
}

async fn stand_ins_are_only_for_who_allows_them(backend: Backend) {
    let stand_in = || {
        klarna(|klarna| {
            klarna.set_endpoint(KlarnaEndpoint::StandIn);
            klarna.stand_in_url = "http://127.0.0.1:1".to_owned();
        })
    };
    let world = world_with_key(backend, &[]).await;
    let forbidden = wrong_fields(world.integrate("k", stand_in()).await);
    assert_eq!(forbidden, ["integration.klarna.endpoint"]);
    let world = world_with_key(backend, &["--stand-ins", "true"]).await;
    world.integrate("k", stand_in()).await.unwrap();
    let told = world.connection("k").await;
    assert_eq!(told.state(), ConnectionState::Unreachable);
    let mixed = klarna(|klarna| klarna.stand_in_url = "http://127.0.0.1:1".to_owned());
    let mixed = world.integrate("mixed", mixed).await;
    assert_eq!(wrong_fields(mixed), ["integration.klarna.stand_in_url"]);
    let nowhere = klarna(|klarna| klarna.set_endpoint(KlarnaEndpoint::StandIn));
    let nowhere = world.integrate("nowhere", nowhere).await;
    assert_eq!(wrong_fields(nowhere), ["integration.klarna.stand_in_url"]);
}
