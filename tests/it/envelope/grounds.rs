//! Orders as they must be for each command of the contract to succeed.

use order_sdk::{OrderName, proto};

use crate::harness::{World, eventually};

/// An order of two cups that were sent one by one, and the day on which that was.
pub(super) async fn delivered(world: &World) -> (OrderName, order_rules::order::Day) {
    world.set("settings.time_zone", |settings| "UTC".clone_into(&mut settings.time_zone)).await;
    let draft = world.draft(0).with(|order| order.lines.clear()).goods("", "Kopp", 2, 500, 2_500);
    let order = world.place(draft.payment("manual", "", 1_000)).await;
    let name: OrderName = order.name.parse().unwrap();
    for _ in 0..2 {
        world.client.deliver(&name).line(1, 1).send().await.unwrap();
    }
    let day = order.create_time.unwrap().seconds.div_euclid(86_400);
    (name, order_rules::order::Day(i32::try_from(day).unwrap()))
}

/// An order on two reservations, and their numbers.
pub(super) async fn held(world: &World) -> (OrderName, [i64; 2]) {
    let (first, second) = (world.reference(""), world.reference(""));
    let draft = world.draft(900).payment("klarna", &first, 500).payment("vipps", &second, 400);
    let order = world.place(draft).await;
    (order.name.parse().unwrap(), [order.payments[0].id, order.payments[1].id])
}

/// An order with two mails, both sent: from then on nothing happens to it by itself.
pub(super) async fn mailed_twice(world: &World) -> (OrderName, [i64; 2]) {
    crate::notes::set_seller(world).await;
    let order = world.place(world.draft(900).payment("manual", "", 900)).await;
    let name: OrderName = order.name.parse().unwrap();
    for _ in 0..2 {
        let note = world.client.new_note(&name, proto::NoteAudience::Customer, "Hei");
        note.send_email(true).send().await.unwrap();
    }
    let mails = eventually("both mails are sent", async || {
        let mails = world.get(&name).await.mails;
        mails.iter().all(|mail| mail.state() == proto::MailState::Sent).then_some(mails)
    });
    let ids = mails.await.iter().map(|mail| mail.id).collect::<Vec<_>>();
    (name, [ids[0], ids[1]])
}

/// An order that is sent, in a shop whose sandbox makes labels.
pub(super) async fn sent(world: &World) -> OrderName {
    let labels = proto::LabelSettings {
        integration: "klarna".to_owned(),
        transport_agreement: "1".to_owned(),
        product: "parcel".to_owned(),
        parcel_weight_grams: 1_000,
        ..proto::LabelSettings::default()
    };
    world.set("settings.labels", |settings| settings.labels = Some(labels)).await;
    let address = proto::Address {
        postal_code: "0155".to_owned(),
        city: "Oslo".to_owned(),
        region_code: "NO".to_owned(),
        ..proto::Address::default()
    };
    let draft = world.draft(900).payment("manual", "", 900);
    let order = world.place(draft.with(|order| order.shipping_address = Some(address))).await;
    let name = order.name.parse().unwrap();
    world.complete(&name).await.unwrap();
    name
}

/// An order whose change waits for a reservation that nobody ever confirms.
pub(super) async fn wait_for_ever(world: &World) -> OrderName {
    let reference = world.reference("authorize=later:60m");
    let draft = world.draft(900).payment("card", reference, 900);
    let order = draft.send().await.unwrap().order.unwrap();
    let name = order.name.parse().unwrap();
    world.change(&name, "sent").send().await.unwrap();
    // From then on nothing happens to it by itself.
    eventually("the provider has taken it", async || {
        let operation = world.get(&name).await.payments[0].operations[0].state();
        (operation == proto::OperationState::Accepted).then_some(())
    })
    .await;
    name
}

/// Three orders on one confirmed payment.
pub(super) async fn three_twins(world: &World) -> [OrderName; 3] {
    let reference = world.reference("");
    let mut twins = Vec::new();
    for _ in 0..3 {
        let order = world.place(world.draft(300).payment("klarna", &reference, 300)).await;
        twins.push(order.name.parse().unwrap());
    }
    twins.try_into().unwrap()
}

/// Three orders of the same, each paid for.
pub(super) async fn three_purchases(world: &World) -> [OrderName; 3] {
    let window = |seconds: i32| {
        world.set("settings.duplicate_window_seconds", move |settings| {
            settings.duplicate_window_seconds = Some(seconds);
        })
    };
    window(3_600).await;
    let mut purchases = Vec::new();
    for _ in 0..3 {
        let order = world.place(world.draft(200).payment("manual", "", 200)).await;
        purchases.push(order.name.parse().unwrap());
    }
    window(0).await;
    purchases.try_into().unwrap()
}
