//! The legal clocks, in the shop's time zone: arrival, the time to withdraw, the refund (rule 3.5).

use order_rules::order::Day;
use order_rules::refusals::Code;
use order_sdk::proto::{self, EventKind};
use order_sdk::{Error, OrderName};

use crate::harness::audit::audit;
use crate::harness::{Backend, World, problems, refused, wrong_fields};
use crate::notes::{mailed, sent, set_seller};

trials! {
    shared: [
        rule_3_5_arrival_is_estimated_until_it_is_stated,
        rule_3_5_the_deadline_counts_from_the_last_delivery,
        rule_3_5_the_customer_may_withdraw_before_anything_is_delivered,
        rule_3_5_the_refund_is_due_until_the_money_is_back,
        rule_3_5_who_has_the_form_may_withdraw_for_fourteen_days,
        rule_3_5_days_are_those_of_the_shop,
        bad_input_of_days_is_told,
    ];
    damaged: [
        rule_3_5_a_form_sent_late_gives_fourteen_days_from_then,
        rule_3_5_a_withdrawal_after_the_last_day_is_too_late,
    ];
}

const DAY_MICROS: i64 = 86_400_000_000;

impl World {
    async fn arrived(
        &self,
        order: &OrderName,
        delivery_id: i32,
        day: &str,
    ) -> Result<proto::ConfirmArrivalResponse, Error> {
        let request = proto::ConfirmArrivalRequest {
            name: order.into(),
            delivery_id,
            arrival_date: day.to_owned(),
            ..proto::ConfirmArrivalRequest::default()
        };
        self.client.confirm_arrival(request).await
    }

    async fn withdrawn(
        &self,
        order: &OrderName,
        day: &str,
    ) -> Result<proto::RecordWithdrawalResponse, Error> {
        let request = proto::RecordWithdrawalRequest {
            name: order.into(),
            withdrawal_date: day.to_owned(),
            ..proto::RecordWithdrawalRequest::default()
        };
        self.client.record_withdrawal(request).await
    }

    /// Counts days in UTC, so that the test knows what day it is.
    async fn in_utc(&self) {
        self.set("settings.time_zone", |settings| "UTC".clone_into(&mut settings.time_zone)).await;
    }

    /// The columns that lists filter by.
    async fn legal_days(&self, order: &OrderName) -> (i64, i64) {
        let rest = format!(
            "FROM orders JOIN shops USING (shop_id) WHERE slug = '{}' AND number = {}",
            self.shop.id(),
            order.number()
        );
        let columns =
            ["coalesce(withdrawal_deadline, 0)", "coalesce(refund_due, 0)", "number", "number"];
        let rows = self.server.store.numbers(columns, &rest).await;
        (rows[0][0], rows[0][1])
    }
}

/// The day of a point in time, in UTC.
pub(crate) fn day_of(time: Option<prost_types::Timestamp>) -> Day {
    Day(i32::try_from(time.unwrap().seconds.div_euclid(86_400)).unwrap())
}

async fn two_cups(world: &World) -> OrderName {
    let draft = world.draft(0).with(|order| order.lines.clear()).goods("", "Kopp", 2, 500, 2_500);
    let order = world.place(draft.payment("manual", "", 1_000)).await;
    order.name.parse().unwrap()
}

async fn rule_3_5_arrival_is_estimated_until_it_is_stated(world: World) {
    world.in_utc().await;
    world.set("settings.transit_days", |settings| settings.transit_days = Some(5)).await;
    let name = two_cups(&world).await;
    let order = world.complete(&name).await.unwrap().order.unwrap();
    let left = day_of(order.deliveries[0].ship_time);
    let estimate = left.plus_days(5);
    // The form was never sent: twelve months more.
    let deadline = |arrived: Day| arrived.plus_days(14).plus_months(12);
    let clocks = order.withdrawal.clone().unwrap();
    assert_eq!((clocks.arrival_date, clocks.is_arrival_estimated), (estimate.to_string(), true));
    assert_eq!(clocks.deadline_date, deadline(estimate).to_string());
    assert_eq!(order.deliveries[0].arrival_date, estimate.to_string());
    assert_eq!(world.legal_days(&name).await, (i64::from(deadline(estimate).0), 0));

    let order = world.arrived(&name, 0, &left.to_string()).await.unwrap().order.unwrap();
    assert!(!order.deliveries[0].is_arrival_estimated);
    let clocks = order.withdrawal.clone().unwrap();
    assert_eq!((clocks.arrival_date, clocks.is_arrival_estimated), (left.to_string(), false));
    assert_eq!(clocks.deadline_date, deadline(left).to_string());
    assert_eq!(world.legal_days(&name).await, (i64::from(deadline(left).0), 0));
    let again = world.arrived(&name, 1, &left.to_string()).await.unwrap().order.unwrap();
    assert_eq!(again.revision, order.revision, "said twice is said once");
    let history = world.history(&name).await;
    let told = history.iter().find(|event| event.kind() == EventKind::ArrivalConfirmed).unwrap();
    let change = told.change.as_ref().unwrap();
    assert_eq!((change.delivery_id, change.date.as_str()), (1, left.to_string().as_str()));

    // Another setting changes nothing of what is written already, and counts from the next event on.
    refused(world.arrived(&name, 2, &left.to_string()).await, Code::DeliveryNotFound);
    let other = two_cups(&world).await;
    refused(world.arrived(&other, 0, &left.to_string()).await, Code::DeliveryNotFound);
    audit(&world).await;
}

async fn rule_3_5_the_deadline_counts_from_the_last_delivery(world: World) {
    world.in_utc().await;
    let name = two_cups(&world).await;
    let order = world.client.deliver(&name).line(1, 1).send().await.unwrap().order.unwrap();
    assert!(order.withdrawal.is_none(), "goods are undelivered: {order:?}");
    assert_eq!(world.legal_days(&name).await, (0, 0));
    let today = day_of(order.update_time);
    world.arrived(&name, 1, &today.to_string()).await.unwrap();
    let order = world.client.deliver(&name).send().await.unwrap().order.unwrap();
    let left = day_of(order.deliveries[1].ship_time);
    let clocks = order.withdrawal.unwrap();
    let estimate = left.plus_days(3).to_string();
    assert_eq!((clocks.arrival_date, clocks.is_arrival_estimated), (estimate, true));
    let request = proto::CancelDeliveryRequest {
        name: (&name).into(),
        delivery_id: 2,
        ..proto::CancelDeliveryRequest::default()
    };
    let order = world.client.cancel_delivery(request).await.unwrap().order.unwrap();
    assert!(order.withdrawal.is_none(), "{order:?}");
    assert_eq!(order.deliveries[1].arrival_date, "");
    assert_eq!(world.legal_days(&name).await, (0, 0));
}

async fn rule_3_5_the_customer_may_withdraw_before_anything_is_delivered(world: World) {
    world.in_utc().await;
    let name = two_cups(&world).await;
    let today = day_of(world.get(&name).await.create_time);
    let order = world.withdrawn(&name, &today.to_string()).await.unwrap().order.unwrap();
    let clocks = order.withdrawal.clone().unwrap();
    let due = today.plus_days(14);
    assert_eq!(
        (clocks.withdrawal_date, clocks.refund_due_date),
        (today.to_string(), due.to_string())
    );
    assert_eq!((clocks.deadline_date.as_str(), clocks.arrival_date.as_str()), ("", ""));
    assert_eq!(world.legal_days(&name).await, (0, 0), "nothing was captured, so nothing is due");
    let again = world.withdrawn(&name, &today.to_string()).await.unwrap().order.unwrap();
    assert_eq!(again.revision, order.revision, "said twice is said once");
    let history = world.history(&name).await;
    let told = history.iter().find(|event| event.kind() == EventKind::WithdrawalRecorded).unwrap();
    assert_eq!(told.change.as_ref().unwrap().date, today.to_string());

    // The goods went out all the same: then the money is due.
    world.complete(&name).await.unwrap();
    assert_eq!(world.legal_days(&name).await.1, i64::from(due.0));
    audit(&world).await;
}

async fn rule_3_5_the_refund_is_due_until_the_money_is_back(world: World) {
    world.in_utc().await;
    let bought = world.buy(900, "refund=decline-once").await;
    let name = &bought.name;
    world.complete(name).await.unwrap();
    let today = day_of(world.get(name).await.create_time);
    world.withdrawn(name, &today.to_string()).await.unwrap();
    let due = i64::from(today.plus_days(14).0);
    assert_eq!(world.legal_days(name).await.1, due);
    // Credited, and the provider says no: whoever has seen that has not paid anything back.
    let sale = world.credit_all(name).await.order.unwrap();
    assert_eq!(problems(&sale), ["REFUND_DECLINED"]);
    assert_eq!(world.legal_days(name).await.1, due);
    world.dismiss(name, sale.problems[0].id).await.unwrap();
    assert_eq!(world.legal_days(name).await.1, due);
    world.retry(name, sale.problems[0].operation_id).await.unwrap();
    assert_eq!(world.legal_days(name).await.1, 0, "it is paid back");
    audit(&world).await;
}

async fn rule_3_5_who_has_the_form_may_withdraw_for_fourteen_days(world: World) {
    world.in_utc().await;
    set_seller(&world).await;
    let name = two_cups(&world).await;
    mailed(&world, &name, "Hei").withdrawal_form(true).send().await.unwrap();
    let order = sent(&world, &name).await;
    assert!(order.mails[0].has_withdrawal_form);
    let order = world.complete(&name).await.unwrap().order.unwrap();
    let today = day_of(order.deliveries[0].ship_time);
    let order = world.arrived(&name, 0, &today.to_string()).await.unwrap().order.unwrap();
    let deadline = today.plus_days(14);
    assert_eq!(order.withdrawal.unwrap().deadline_date, deadline.to_string());
    assert_eq!(world.legal_days(&name).await, (i64::from(deadline.0), 0));
}

async fn rule_3_5_days_are_those_of_the_shop(world: World) {
    // There it is another day than here for most of the day.
    for (zone, hours) in [("Pacific/Kiritimati", 14), ("Pacific/Pago_Pago", -11)] {
        world.set("settings.time_zone", |settings| zone.clone_into(&mut settings.time_zone)).await;
        world.set("settings.transit_days", |settings| settings.transit_days = Some(0)).await;
        let name = two_cups(&world).await;
        let order = world.complete(&name).await.unwrap().order.unwrap();
        let mut left = order.deliveries[0].ship_time.unwrap();
        left.seconds += hours * 3_600;
        assert_eq!(order.deliveries[0].arrival_date, day_of(Some(left)).to_string(), "{zone}");
    }
}

async fn bad_input_of_days_is_told(world: World) {
    world.in_utc().await;
    let name = two_cups(&world).await;
    let order = world.complete(&name).await.unwrap().order.unwrap();
    let today = day_of(order.update_time);
    let head = world.revision().await;
    let (early, late) = (today.plus_days(-40).to_string(), today.plus_days(2).to_string());
    for day in ["", "25.11.2026", "2026-02-30", "2026-11-25T10:00:00Z", &early, &late] {
        let wrong = wrong_fields(world.arrived(&name, 0, day).await);
        assert_eq!(wrong, ["arrival_date"], "{day}");
        let wrong = wrong_fields(world.withdrawn(&name, day).await);
        assert_eq!(wrong, ["withdrawal_date"], "{day}");
    }
    assert_eq!(wrong_fields(world.arrived(&name, -1, "x").await), ["delivery_id", "arrival_date"]);
    let settings = |zone: &str| proto::UpdateShopRequest {
        shop: Some(proto::Shop {
            name: (&world.shop).into(),
            settings: Some(proto::ShopSettings {
                time_zone: zone.to_owned(),
                ..proto::ShopSettings::default()
            }),
            ..proto::Shop::default()
        }),
        update_mask: Some(crate::harness::mask(&["settings.time_zone"])),
        ..proto::UpdateShopRequest::default()
    };
    for zone in ["Europe/Nowhere", "CEST", ""] {
        let wrong = world.client.update_shop(settings(zone)).await;
        assert_eq!(wrong_fields(wrong), ["shop.settings.time_zone"], "{zone}");
    }
    assert_eq!(world.revision().await, head);
}

/// An order that was placed and sent so many days ago, and today.
async fn sent_long_ago(world: &World, ago: i32) -> (OrderName, Day) {
    let name = two_cups(world).await;
    let order = world.complete(&name).await.unwrap().order.unwrap();
    assert_eq!(world.server.stop().await, 0);
    let back = i64::from(ago) * DAY_MICROS;
    let statements = format!(
        "UPDATE orders SET placed_at = placed_at - {back};
         UPDATE deliveries SET shipped_at = shipped_at - {back}, recorded_at = recorded_at - {back};"
    );
    world.server.store.damage(&statements).await;
    world.server.start().await;
    (name, day_of(order.update_time))
}

async fn rule_3_5_a_form_sent_late_gives_fourteen_days_from_then(backend: Backend) {
    let world = World::own(backend, &[]).await;
    world.in_utc().await;
    set_seller(&world).await;
    let ago = 30;
    let (name, today) = sent_long_ago(&world, ago).await;
    let left = today.plus_days(-ago);
    let order = world.arrived(&name, 0, &left.to_string()).await.unwrap().order.unwrap();
    let longest = left.plus_days(14).plus_months(12);
    assert_eq!(order.withdrawal.unwrap().deadline_date, longest.to_string(), "never told");
    mailed(&world, &name, "Hei").withdrawal_form(true).send().await.unwrap();
    let order = sent(&world, &name).await;
    let told = day_of(order.mails[0].resolve_time);
    assert_eq!(order.withdrawal.unwrap().deadline_date, told.plus_days(14).to_string());
    assert_eq!(world.legal_days(&name).await, (i64::from(told.plus_days(14).0), 0));
}

async fn rule_3_5_a_withdrawal_after_the_last_day_is_too_late(backend: Backend) {
    let world = World::own(backend, &[]).await;
    world.in_utc().await;
    let ago = 500;
    let (name, today) = sent_long_ago(&world, ago).await;

    let sent = today.plus_days(-ago);
    let last_day = sent.plus_days(3).plus_days(14).plus_months(12);
    assert!(last_day < today);
    let late = last_day.plus_days(1).to_string();
    let refusal = refused(world.withdrawn(&name, &late).await, Code::WithdrawalTooLate);
    assert_eq!(refusal.metadata["last_day"], last_day.to_string());
    // Really received later than estimated: then that day was in time.
    world.arrived(&name, 0, &sent.plus_days(4).to_string()).await.unwrap();
    let order = world.withdrawn(&name, &late).await.unwrap().order.unwrap();
    let clocks = order.withdrawal.unwrap();
    assert_eq!(clocks.withdrawal_date, late);
    assert_eq!(clocks.deadline_date, late);
    let due = last_day.plus_days(1).plus_days(14);
    assert_eq!(clocks.refund_due_date, due.to_string());
    assert_eq!(world.legal_days(&name).await.1, i64::from(due.0));
}
