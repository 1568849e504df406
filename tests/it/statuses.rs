//! Statuses: a merchant's own labels, their tags, and what deleting one means (rules §1).

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{self, EventKind, StatusTag};

use crate::harness::{WAIT, World, mask, refused, status_id};
use crate::notes::{file, readable, sent, set_seller};

trials! {
    shared: [
        rule_1_1_a_new_shop_has_the_five_statuses_in_both_languages,
        rule_1_2_a_status_is_created_renamed_and_reordered,
        rule_1_2_a_name_falls_back_to_the_language_of_the_shop,
        rule_1_3_default_moves_to_another_status_in_one_update,
        rule_1_3_one_status_of_each_tag_stays,
        rule_1_5_a_tag_that_acts_is_fixed_while_orders_have_the_status,
        rule_1_5_a_tag_that_acts_is_fixed_while_changes_to_the_status_wait,
        rule_1_5_a_change_to_a_replaced_status_waits_for_its_replacement,
        rule_1_5_the_status_of_credit_orders_never_cancels,
        rule_1_4_a_status_in_use_is_deleted_only_with_a_replacement,
        rule_1_4_a_setting_uses_a_status_too,
        rule_1_4_a_setting_follows_the_replacement,
        rule_1_6_the_status_an_order_has_already_is_no_change,
        what_does_not_exist_or_exists_already_is_refused,
        a_refusal_names_the_status_that_it_is_about,
    ];
}

impl World {
    async fn statuses(&self) -> Vec<proto::OrderStatus> {
        let request = proto::ListOrderStatusesRequest { parent: (&self.shop).into() };
        self.client.list_order_statuses(request).await.unwrap().order_statuses
    }

    async fn status_ids(&self) -> Vec<String> {
        self.statuses().await.into_iter().map(|status| last(&status.name).to_owned()).collect()
    }

    async fn read_status(&self, id: &str) -> proto::OrderStatus {
        let request = proto::GetOrderStatusRequest { name: self.status(id).into() };
        self.client.get_order_status(request).await.unwrap().order_status.unwrap()
    }

    pub(crate) async fn create_status(
        &self,
        id: &str,
        tag: StatusTag,
        position: i32,
    ) -> Result<proto::CreateOrderStatusResponse, order_sdk::Error> {
        let mut status = proto::OrderStatus { position, ..proto::OrderStatus::default() };
        status.set_tag(tag);
        status.admin_names.insert("nb".to_owned(), format!("Navn på {id}"));
        let request = proto::CreateOrderStatusRequest {
            parent: (&self.shop).into(),
            order_status_id: id.to_owned(),
            order_status: Some(status),
            ..proto::CreateOrderStatusRequest::default()
        };
        self.client.create_order_status(request).await
    }

    async fn update_status(
        &self,
        id: &str,
        path: &str,
        change: impl FnOnce(&mut proto::OrderStatus),
    ) -> Result<proto::UpdateOrderStatusResponse, order_sdk::Error> {
        let name = self.status(id).into();
        let mut order_status = proto::OrderStatus { name, ..proto::OrderStatus::default() };
        change(&mut order_status);
        let request = proto::UpdateOrderStatusRequest {
            order_status: Some(order_status),
            update_mask: Some(mask(&[path])),
            ..proto::UpdateOrderStatusRequest::default()
        };
        self.client.update_order_status(request).await
    }

    async fn set_tag(
        &self,
        id: &str,
        tag: StatusTag,
    ) -> Result<proto::UpdateOrderStatusResponse, order_sdk::Error> {
        self.update_status(id, "tag", |status| status.set_tag(tag)).await
    }

    pub(crate) async fn delete_status(
        &self,
        id: &str,
        replacement: &str,
    ) -> Result<proto::DeleteOrderStatusResponse, order_sdk::Error> {
        let request = proto::DeleteOrderStatusRequest {
            name: self.status(id).into(),
            replacement: if replacement.is_empty() {
                String::new()
            } else {
                self.status(replacement).into()
            },
            ..proto::DeleteOrderStatusRequest::default()
        };
        self.client.delete_order_status(request).await
    }
}

fn last(name: &str) -> &str {
    name.rsplit('/').next().unwrap()
}

async fn rule_1_1_a_new_shop_has_the_five_statuses_in_both_languages(world: World) {
    let wanted = [
        ("not-processed", StatusTag::Default, "Ikke behandlet", "Not processed"),
        ("processing", StatusTag::Unspecified, "Under behandling", "Processing"),
        ("sent", StatusTag::Completed, "Sendt", "Sent"),
        ("cancelled", StatusTag::Cancelled, "Kansellert", "Cancelled"),
        ("returned", StatusTag::Unspecified, "Returnert", "Returned"),
    ];
    let statuses = world.statuses().await;
    assert_eq!(statuses.len(), wanted.len());
    for (status, (id, tag, norwegian, english)) in statuses.iter().zip(wanted) {
        assert_eq!(status.name, String::from(world.status(id)));
        assert_eq!(status.tag(), tag, "{id}");
        assert_eq!(status.order_count, 0, "{id}");
        for names in [&status.admin_names, &status.customer_names] {
            assert_eq!(names["nb"], norwegian);
            assert_eq!(names["en"], english);
        }
        assert_eq!(world.read_status(id).await, *status);
    }
    assert!(statuses.is_sorted_by_key(|status| status.position));
}

async fn rule_1_2_a_status_is_created_renamed_and_reordered(world: World) {
    let created = world.create_status("packed", StatusTag::Unspecified, 3).await.unwrap();
    assert_eq!(created.receipt.unwrap().revision, world.revision().await);
    let packed = created.order_status.unwrap();
    assert_eq!(packed, world.read_status("packed").await);

    world
        .update_status("packed", "admin_names", |status| {
            status.admin_names.insert("nb".to_owned(), "Pakket".to_owned());
            status.admin_names.insert("en".to_owned(), "Packed".to_owned());
            // Not in the mask: not read.
            status.position = 9_000;
        })
        .await
        .unwrap();
    world
        .update_status("packed", "customer_names", |status| {
            status.customer_names.insert("en".to_owned(), "Being packed".to_owned());
        })
        .await
        .unwrap();
    let packed = world.read_status("packed").await;
    assert_eq!((packed.admin_names["nb"].as_str(), packed.position), ("Pakket", 3));
    assert_eq!(packed.customer_names["en"], "Being packed");

    world.update_status("packed", "position", |status| status.position = 0).await.unwrap();
    let ids = world.status_ids().await;
    assert_eq!(ids[0], "packed");
    assert_eq!(ids.len(), 6);
    world.delete_status("packed", "").await.unwrap();
    assert_eq!(world.status_ids().await.len(), 5, "nobody used it");
    let gone = proto::GetOrderStatusRequest { name: world.status("packed").into() };
    refused(world.client.get_order_status(gone).await, Code::StatusNotFound);
    // The name is nobody's, also when DEFAULT moves away from what it was deleted to, and free again.
    world.set_tag("processing", StatusTag::Default).await.unwrap();
    let gone = proto::GetOrderStatusRequest { name: world.status("packed").into() };
    refused(world.client.get_order_status(gone).await, Code::StatusNotFound);
    world.create_status("packed", StatusTag::Unspecified, 1).await.unwrap();
}

async fn rule_1_2_a_name_falls_back_to_the_language_of_the_shop(world: World) {
    set_seller(&world).await;
    world.set("settings.language_code", |settings| settings.language_code = "nb".to_owned()).await;
    let names = [("nb", "Pakkes nå"), ("fr", "En cours")];
    world
        .update_status("processing", "customer_names", |status| {
            let named = names.map(|(language, name)| (language.to_owned(), name.to_owned()));
            status.customer_names = named.into();
        })
        .await
        .unwrap();
    for (language, wanted) in [("fr", "En cours"), ("de", "Pakkes nå"), ("", "Pakkes nå")] {
        let draft = world.draft(500).payment("manual", "", 500).language(language);
        let name = world.place(draft).await.name.parse().unwrap();
        world.change(&name, "processing").send_email().send().await.unwrap();
        let order = sent(&world, &name).await;
        let text = readable(&file(&world, &order.mails[0]));
        assert!(text.contains(wanted), "{language}: {text}");
    }
}

async fn rule_1_3_default_moves_to_another_status_in_one_update(world: World) {
    let before = world.revision().await;
    world.set_tag("processing", StatusTag::Default).await.unwrap();
    assert_eq!(world.revision().await, before + 1, "one atomic update is one event");
    let tags: Vec<StatusTag> = world.statuses().await.iter().map(|one| one.tag()).collect();
    assert_eq!(tags.iter().filter(|tag| **tag == StatusTag::Default).count(), 1);
    let order = world.buy(100, "").await.order;
    assert_eq!(status_id(&order), "processing");
    assert_eq!(order.status_tag(), StatusTag::Default);

    // Also back while orders have it, and to a new one as it is made.
    world.set_tag("not-processed", StatusTag::Default).await.unwrap();
    world.create_status("fresh", StatusTag::Default, 0).await.unwrap();
    assert_eq!(world.read_status("not-processed").await.tag(), StatusTag::Unspecified);
    assert_eq!(status_id(&world.buy(100, "").await.order), "fresh");
    assert_eq!(world.read_status("fresh").await.order_count, 1);
}

async fn rule_1_3_one_status_of_each_tag_stays(world: World) {
    let before = world.revision().await;
    for id in ["not-processed", "sent", "cancelled"] {
        refused(world.set_tag(id, StatusTag::Unspecified).await, Code::StatusTagRequired);
        refused(world.delete_status(id, "").await, Code::StatusTagRequired);
    }
    refused(world.set_tag("sent", StatusTag::Cancelled).await, Code::StatusTagRequired);
    assert_eq!(world.revision().await, before, "a refusal stores nothing");
    world.set_tag("returned", StatusTag::Completed).await.unwrap();
    world.set_tag("sent", StatusTag::Unspecified).await.unwrap();
    assert_eq!(world.read_status("returned").await.tag(), StatusTag::Completed);
}

async fn rule_1_5_a_tag_that_acts_is_fixed_while_orders_have_the_status(world: World) {
    let order = world.buy(500, "").await;
    world.create_status("shipped", StatusTag::Completed, 20).await.unwrap();
    world.complete(&order.name).await.unwrap();
    let refusal =
        refused(world.set_tag("sent", StatusTag::Unspecified).await, Code::StatusTagFixed);
    assert_eq!(refusal.number("orders"), Some(1));
    let other = world.buy(500, "").await;
    world.change(&other.name, "processing").send().await.unwrap();
    refused(world.set_tag("processing", StatusTag::Cancelled).await, Code::StatusTagFixed);
    world.set_tag("processing", StatusTag::Default).await.unwrap();
}

/// A change that waits was asked for by the tag its status had: the money would go the other way.
async fn rule_1_5_a_tag_that_acts_is_fixed_while_changes_to_the_status_wait(world: World) {
    world.create_status("aborted", StatusTag::Cancelled, 61).await.unwrap();
    world.create_status("shipped", StatusTag::Completed, 62).await.unwrap();
    let draft = world.draft(900).payment("klarna", world.reference("authorize=later:60m"), 900);
    let cancelled: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
    world.change(&cancelled, "aborted").restock(false).send().await.unwrap();
    let completed = world.buy(700, "capture=later:60m").await;
    world.change(&completed.name, "shipped").send().await.unwrap();
    let before = [world.read_status("aborted").await, world.read_status("shipped").await];
    for id in ["aborted", "shipped"] {
        for tag in
            [StatusTag::Unspecified, StatusTag::Default, StatusTag::Completed, StatusTag::Cancelled]
        {
            if world.read_status(id).await.tag() == tag {
                continue;
            }
            let refusal = refused(world.set_tag(id, tag).await, Code::StatusTagFixed);
            let counted = ["orders", "pending"].map(|key| refusal.number(key));
            assert_eq!(counted, [Some(0), Some(1)], "{id} {tag:?}");
        }
    }
    let after = [world.read_status("aborted").await, world.read_status("shipped").await];
    assert_eq!(after, before);
    // Names and places are free, and so is the tag once nothing waits.
    world.update_status("aborted", "position", |status| status.position = 63).await.unwrap();
    let withdraw = proto::WithdrawStatusChangeRequest {
        name: (&cancelled).into(),
        ..proto::WithdrawStatusChangeRequest::default()
    };
    world.client.withdraw_status_change(withdraw).await.unwrap();
    world.set_tag("aborted", StatusTag::Completed).await.unwrap();
}

async fn rule_1_5_a_change_to_a_replaced_status_waits_for_its_replacement(world: World) {
    for (id, position) in [("shipped", 61), ("collected", 62)] {
        world.create_status(id, StatusTag::Completed, position).await.unwrap();
    }
    let bought = world.buy(700, "capture=later:60m").await;
    world.change(&bought.name, "shipped").send().await.unwrap();
    world.delete_status("shipped", "collected").await.unwrap();
    let fixed = world.set_tag("collected", StatusTag::Cancelled).await;
    assert_eq!(refused(fixed, Code::StatusTagFixed).number("pending"), Some(1));
    let used = world.delete_status("collected", "").await;
    assert_eq!(refused(used, Code::StatusInUse).number("pending"), Some(1));
}

/// No credit order can be cancelled (4.5), so none starts so.
async fn rule_1_5_the_status_of_credit_orders_never_cancels(world: World) {
    let refusal =
        refused(world.set_tag("processing", StatusTag::Cancelled).await, Code::StatusTagFixed);
    let counted = ["orders", "pending", "settings"].map(|key| refusal.number(key));
    assert_eq!(counted, [Some(0), Some(0), Some(1)]);
    world.set_tag("processing", StatusTag::Completed).await.unwrap();
    world.set_tag("processing", StatusTag::Unspecified).await.unwrap();
    world.set("settings.transit_days", |settings| settings.transit_days = Some(5)).await;
}

async fn rule_1_4_a_status_in_use_is_deleted_only_with_a_replacement(world: World) {
    let order = world.buy(500, "").await;
    world.change(&order.name, "processing").send().await.unwrap();
    let refusal = refused(world.delete_status("processing", "").await, Code::StatusInUse);
    assert_eq!(refusal.number("orders"), Some(1));
    refused(world.delete_status("processing", "sent").await, Code::StatusTagFixed);

    let (before, was) = (world.revision().await, world.get(&order.name).await);
    world.delete_status("processing", "returned").await.unwrap();
    assert_eq!(world.revision().await, before + 1, "one event of the shop");
    let now = world.get(&order.name).await;
    assert_eq!(now.revision, was.revision, "no order is rewritten");
    assert_eq!(status_id(&now), "returned");
    assert_eq!(world.read_status("returned").await.order_count, 1);
    let listed = world.client.orders(&world.shop).status(&world.status("returned")).page().await;
    assert_eq!(listed.unwrap().items.len(), 1, "the alias is found under its new name");
    assert_eq!(
        world.read_status("processing").await,
        world.read_status("returned").await,
        "its name reads the one that took its place"
    );
    let renamed = world.update_status("processing", "position", |status| status.position = 9).await;
    refused(renamed, Code::StatusNotFound);
    let again = world.create_status("processing", StatusTag::Unspecified, 9).await;
    refused(again, Code::StatusExists);
    let as_it_was = world.change(&order.name, "processing").send().await.unwrap();
    assert_eq!(status_id(&as_it_was.order.unwrap()), "returned", "the alias stands for it");

    // An alias of an alias, and the change itself is then no change.
    let replaced = world.create_status("back", StatusTag::Unspecified, 6).await;
    assert!(replaced.is_ok());
    world.delete_status("returned", "back").await.unwrap();
    assert_eq!(status_id(&world.get(&order.name).await), "back");
    world.set_tag("back", StatusTag::Default).await.unwrap();
    for name in ["processing", "returned"] {
        assert_eq!(last(&world.read_status(name).await.name), "back", "{name}");
        let again = world.create_status(name, StatusTag::Unspecified, 9).await;
        refused(again, Code::StatusExists);
    }
    world.set_tag("not-processed", StatusTag::Default).await.unwrap();
    let unchanged = world.change(&order.name, "back").send().await.unwrap();
    assert_eq!(unchanged.order.unwrap().revision, was.revision);
}

async fn rule_1_4_a_setting_uses_a_status_too(world: World) {
    let name: String = world.status("returned").into();
    world.set("settings.credit_order_status", |settings| settings.credit_order_status = name).await;
    let refusal = refused(world.delete_status("returned", "").await, Code::StatusInUse);
    assert_eq!(refusal.number("settings"), Some(1));
    // A waiting change does too.
    world.create_status("shipped", StatusTag::Completed, 20).await.unwrap();
    let order = world.buy(700, "capture=later:60m").await;
    world.change(&order.name, "shipped").send().await.unwrap();
    let refusal = refused(world.delete_status("shipped", "").await, Code::StatusInUse);
    assert_eq!(refusal.number("pending"), Some(1));
}

/// Callers know no numbers of statuses.
async fn a_refusal_names_the_status_that_it_is_about(world: World) {
    let bought = world.buy(700, "capture=later:2s").await;
    world.change(&bought.name, "sent").send().await.unwrap();
    let refusal =
        refused(world.change(&bought.name, "processing").send().await, Code::StatusChangePending);
    assert_eq!(refusal.metadata["to"], String::from(world.status("sent")));
    world.settled(&bought.name).await;

    let bought = world.buy(700, "").await;
    world.cancel(&bought.name, false).await.unwrap();
    let edit = world.client.edit(&bought.name).unit_price(1, 500).validate_only().send().await;
    let refusal = refused(edit, Code::OrderCancelled);
    assert_eq!(refusal.metadata["status"], String::from(world.status("cancelled")));
    let attach = proto::AttachPaymentRequest {
        name: (&bought.name).into(),
        payment: Some(proto::NewPayment {
            provider: "vipps".to_owned(),
            reference: world.reference(""),
            amount_minor: 700,
        }),
        ..proto::AttachPaymentRequest::default()
    };
    let refusal = refused(world.client.attach_payment(attach).await, Code::OrderCancelled);
    assert_eq!(refusal.metadata["status"], String::from(world.status("cancelled")));
}

/// What names a status of the shop names one that it has, whatever is set of the others.
async fn rule_1_4_a_setting_follows_the_replacement(world: World) {
    let bought = world.buy(500, "").await;
    world.complete(&bought.name).await.unwrap();
    let (before, etag) = (world.revision().await, world.shop().await.etag);
    world.delete_status("processing", "returned").await.unwrap();
    assert_eq!(world.revision().await, before + 1, "one event of the shop");
    let shop = world.shop().await;
    let named = shop.settings.unwrap().credit_order_status;
    assert_eq!(named, String::from(world.status("returned")));
    assert_ne!(shop.etag, etag, "the shop has changed");
    world.set("settings.transit_days", |settings| settings.transit_days = Some(5)).await;

    // Its name stands for the other from now on.
    let again = world.create_status("processing", StatusTag::Unspecified, 70).await;
    refused(again, Code::StatusExists);
    let credit = world.client.credit(&bought.name).units(1, 1).refund(true);
    let credited = credit.send().await.unwrap().credit_order.unwrap();
    assert_eq!(status_id(&credited), "returned");
}

/// The history of an order without the records of commands that changed nothing.
async fn changes(world: &World, order: &OrderName) -> Vec<proto::Event> {
    let mut events = world.history(order).await;
    events.retain(|event| event.kind() != EventKind::Noop);
    events
}

async fn rule_1_6_the_status_an_order_has_already_is_no_change(world: World) {
    let bought = world.buy(500, "").await;
    for status in ["not-processed", "processing", "sent"] {
        world.change(&bought.name, status).wait(WAIT).send().await.unwrap();
        let (order, events) =
            (world.settled(&bought.name).await, changes(&world, &bought.name).await);
        let again = world.change(&bought.name, status).send().await.unwrap();
        assert!(again.receipt.unwrap().plan.is_empty());
        assert_eq!(again.order.unwrap(), order, "{status}");
        assert_eq!(changes(&world, &bought.name).await, events, "{status}: no event");
    }
    let bought = world.buy(500, "").await;
    world.cancel(&bought.name, false).await.unwrap();
    let events = changes(&world, &bought.name).await;
    world.cancel(&bought.name, true).await.unwrap();
    assert_eq!(changes(&world, &bought.name).await, events);
}

async fn what_does_not_exist_or_exists_already_is_refused(world: World) {
    let before = world.revision().await;
    let exists = world.create_status("sent", StatusTag::Unspecified, 1).await;
    refused(exists, Code::StatusExists);
    let missing = world.update_status("missing", "position", |status| status.position = 1).await;
    refused(missing, Code::StatusNotFound);
    refused(world.delete_status("missing", "").await, Code::StatusNotFound);
    refused(world.delete_status("returned", "missing").await, Code::StatusNotFound);
    let order = world.shop.order(1001).unwrap();
    refused(world.change(&order, "processing").send().await, Code::OrderNotFound);
    assert_eq!(world.revision().await, before);
    let order = world.buy(100, "").await;
    refused(world.change(&order.name, "missing").send().await, Code::StatusNotFound);

    let nowhere = proto::ListOrderStatusesRequest { parent: "shops/nowhere".to_owned() };
    refused(world.client.list_order_statuses(nowhere).await, Code::ShopNotFound);
}
