//! What may not be handed over, and settings that make no sense.

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{self, TransferForm};

use super::{Stage, TOTAL, reason, tripletex};
use crate::harness::{Backend, World, eventually, number_of, refused, wrong_fields};

trials! {
    shared: [without_accounting_nothing_is_transferred];
    own: [
        what_may_not_be_transferred_is_refused,
        a_credit_note_waits_for_its_refund,
    ];
}

async fn what_may_not_be_transferred_is_refused(backend: Backend) {
    let stage = Stage::set(backend).await;
    let Stage { world, fake, .. } = &stage;
    let order = world.place(world.draft(TOTAL).payment("manual", "", TOTAL)).await;
    let name: OrderName = order.name.parse().unwrap();
    refused(stage.ask(&name, TransferForm::Invoice).await, Code::NotCompleted);
    let unknown = world.shop.order(999_999).unwrap();
    refused(stage.ask(&unknown, TransferForm::Invoice).await, Code::OrderNotFound);
    let sale = stage.sell().await;
    let ask = |form| world.client.transfer(&sale, form);
    let elsewhere = world.shop.integration("nowhere").unwrap();
    let asked = ask(TransferForm::Order).integration(&elsewhere).send().await;
    refused(asked, Code::IntegrationNotFound);
    let klarna = world.shop.integration("klarna").unwrap();
    let asked = ask(TransferForm::Order).integration(&klarna).send().await;
    assert_eq!(wrong_fields(asked), ["integration"]);
    assert_eq!(wrong_fields(ask(TransferForm::Unspecified).send().await), ["form"]);
    let stale = order_sdk::Etag::from(order.etag.clone());
    refused(ask(TransferForm::Order).etag(stale).send().await, Code::EtagMismatch);
    // It is no provider of payments.
    let draft = world.draft(TOTAL).payment("tripletex", "T-1", TOTAL).send().await;
    assert_eq!(wrong_fields(draft), ["order.payments[0].provider"]);
    // Settings that make no sense.
    let wrong = async |change: fn(&mut proto::AccountingSettings)| {
        let mut shop = world.shop().await;
        change(shop.settings.get_or_insert_default().accounting.get_or_insert_default());
        let request = proto::UpdateShopRequest {
            shop: Some(shop),
            update_mask: Some(crate::harness::mask(&["settings.accounting"])),
            ..proto::UpdateShopRequest::default()
        };
        wrong_fields(world.client.update_shop(request).await)
    };
    let place = |field: &str| vec![format!("shop.settings.accounting.{field}")];
    assert_eq!(wrong(|one| one.integration = "tripletex".to_owned()).await, place("integration"));
    assert_eq!(wrong(|one| one.automatic_form = 7).await, place("automatic_form"));
    assert_eq!(
        wrong(|one| {
            one.integration = String::new();
            one.automatic_form = 1;
        })
        .await,
        place("automatic_form")
    );
    assert_eq!(
        wrong(|one| drop(one.vat_types.insert(10_001, "3".to_owned()))).await,
        place("vat_types[10001].key")
    );
    assert_eq!(
        wrong(|one| drop(one.vat_types.insert(0, "x".to_owned()))).await,
        place("vat_types[0].value")
    );
    assert_eq!(
        wrong(|one| drop(one.payment_types.insert("klarna".to_owned(), String::new()))).await,
        place(r#"payment_types["klarna"].value"#)
    );
    // Once orders went there it stays the same company.
    stage.transfer(&sale, TransferForm::Order).await;
    let moved = tripletex(&fake.url(), |one| one.order_number_prefix = "N-".to_owned());
    let moved = world.reintegrate("tripletex", &["tripletex.order_number_prefix"], moved).await;
    refused(moved, Code::IntegrationInUse);
    // A number that the books have for something else.
    let other = stage.sell().await;
    fake.with(|tripletex, _| tripletex.take_number(&other.number().to_string()));
    let order = stage.transfer(&other, TransferForm::Invoice).await;
    assert_eq!(reason(&order).0, "BOOKS_DIFFER", "{order:?}");
    assert_eq!(stage.done("invoice", &other), [0; 0]);
    assert_eq!(number_of(&order), other.number());
}

async fn without_accounting_nothing_is_transferred(world: World) {
    let order = world.place(world.draft(0)).await;
    let name: OrderName = order.name.parse().unwrap();
    world.complete(&name).await.unwrap();
    let request = proto::TransferOrderToAccountingRequest {
        name: (&name).into(),
        form: TransferForm::Invoice.into(),
        ..proto::TransferOrderToAccountingRequest::default()
    };
    let answer = world.client.transfer_order_to_accounting(request).await;
    refused(answer, Code::AccountingNotSetUp);
}

async fn a_credit_note_waits_for_its_refund(backend: Backend) {
    let stage = Stage::set(backend).await;
    let world = &stage.world;
    let reference = world.reference("refund=later:60m");
    let sale = stage.complete(world.draft(TOTAL).payment("klarna", reference, TOTAL)).await;
    stage.transfer(&sale, TransferForm::Invoice).await;
    let credit = world.client.credit(&sale).units(1, 1).refund(true).send().await.unwrap();
    let credit: OrderName = credit.credit_order.unwrap().name.parse().unwrap();
    world.change(&credit, "sent").send().await.unwrap();
    let refusal = refused(stage.ask(&credit, TransferForm::Invoice).await, Code::EffectPending);
    let refunds = world.get(&sale).await.payments[0].operations.last().unwrap().id;
    assert_eq!(refusal.metadata["operation"], refunds.to_string());
    eventually("the refund is at the provider", async || {
        let order = world.get(&sale).await;
        let refund = order.payments[0].operations.last().unwrap();
        (refund.state() != proto::OperationState::Pending).then_some(())
    })
    .await;
    // Seen to by hand, it is booked with what was paid back.
    let settle = proto::SettlePaymentOperationRequest {
        name: (&sale).into(),
        operation_id: refunds,
        verdict: proto::Verdict::Happened.into(),
        reason: "sett i portalen".to_owned(),
        ..proto::SettlePaymentOperationRequest::default()
    };
    world.client.settle_payment_operation(settle).await.unwrap();
    stage.transfer(&credit, TransferForm::Invoice).await;
    assert_eq!(stage.done("credit-note", &credit), [-TOTAL]);
    assert_eq!(stage.done("payment", &credit), [-TOTAL]);
    stage.check().await;
}
