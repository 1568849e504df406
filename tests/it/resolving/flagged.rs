//! Double purchases: who is flagged, and how a flag is taken away (rules 7.1, 7.6).

use order_rules::refusals::Code;
use order_sdk::OrderName;
use order_sdk::proto::{DuplicateResolution as Became, EventKind};

use super::{became, kinds};
use crate::harness::audit::audit;
use crate::harness::{World, refused};

trials! {
    shared: [
        rule_7_1_the_same_customer_buying_the_same_again_is_flagged,
        rule_7_1_a_twin_in_the_same_turn_is_seen,
        rule_7_1_cancelled_purchases_hide_none_that_stands,
        rule_7_6_different_purchases_are_dismissed,
    ];
}

impl World {
    async fn flags_double_purchases(&self) {
        self.set("settings.duplicate_window_seconds", |settings| {
            settings.duplicate_window_seconds = Some(3_600);
        })
        .await;
    }
}

async fn rule_7_1_the_same_customer_buying_the_same_again_is_flagged(world: World) {
    world.flags_double_purchases().await;
    let first = world.buy(900, "").await;
    let reference = world.reference("");
    let answer = world.draft(900).payment("vipps", &reference, 900).send().await.unwrap();
    assert_eq!(answer.receipt.unwrap().other_orders, [String::from(&first.name)]);
    let second = answer.order.unwrap();
    let [link] = second.duplicates.as_slice() else { panic!("{second:?}") };
    assert_eq!(link.order, String::from(&first.name));
    assert!(!link.same_payment && link.same_customer && link.same_lines && link.same_total);
    assert_eq!(link.resolution(), Became::Open);
    assert!(second.problems.is_empty(), "flagged, and no problem");
    let back = world.get(&first.name).await;
    assert_eq!(back.duplicates[0].order, second.name);
    assert_eq!(kinds(&world.history(&first.name).await).last(), Some(&EventKind::DuplicateFound));
    assert_eq!(world.open_pairs().await, [1001, 1002]);

    // Another customer, other lines, or nobody known: no double purchase.
    let by_hand = |total| world.draft(total).payment("manual", "", total);
    world.place(by_hand(900).customer("Per", "per@example.com")).await;
    world.place(by_hand(800)).await;
    world.place(by_hand(900).customer("Ola", "")).await;
    world.place(by_hand(900).customer("Ola", "")).await;
    assert_eq!(world.open_pairs().await, [1001, 1002]);

    // One of them is cancelled: the customer meant one.
    let second: OrderName = second.name.parse().unwrap();
    let answer = world.cancel(&second, true).await.unwrap();
    assert_eq!(became(&answer.order.unwrap()), [Became::Dropped]);
    assert_eq!(became(&world.get(&first.name).await), [Became::Kept]);
    assert!(world.open_pairs().await.is_empty());
    // What is cancelled is no purchase any more.
    let third = world.buy(900, "").await;
    let others: Vec<&str> = third.order.duplicates.iter().map(|link| link.order.as_str()).collect();
    assert_eq!(others, [String::from(&first.name)]);

    world
        .set("settings.duplicate_window_seconds", |settings| {
            settings.duplicate_window_seconds = Some(0);
        })
        .await;
    assert!(world.buy(900, "").await.order.duplicates.is_empty(), "off");
    audit(&world).await;
}

async fn rule_7_1_a_twin_in_the_same_turn_is_seen(world: World) {
    world.flags_double_purchases().await;
    let mut running = Vec::new();
    for _ in 0..30 {
        let world = world.clone();
        running.push(tokio::spawn(async move {
            world.place(world.draft(700).payment("manual", "", 700)).await
        }));
    }
    for one in running {
        one.await.unwrap();
    }
    for number in 1002..=1030 {
        let order = world.get(&world.shop.order(number).unwrap()).await;
        let earlier = order.duplicates.iter().filter(|link| {
            let other: OrderName = link.order.parse().unwrap();
            other.number() < number
        });
        let wanted = usize::try_from((number - 1001).min(10)).unwrap();
        assert_eq!(earlier.count(), wanted, "the newest, and no more: {number}");
    }
}

/// No more than ten are looked at.
async fn rule_7_1_cancelled_purchases_hide_none_that_stands(world: World) {
    let buy = async || world.place(world.draft(600).payment("manual", "", 600)).await;
    let stands = buy().await;
    for _ in 0..11 {
        let name: OrderName = buy().await.name.parse().unwrap();
        world.cancel(&name, false).await.unwrap();
    }
    world.flags_double_purchases().await;
    let again = buy().await;
    let others: Vec<&str> = again.duplicates.iter().map(|link| link.order.as_str()).collect();
    assert_eq!(others, [stands.name.as_str()]);
}

async fn rule_7_6_different_purchases_are_dismissed(world: World) {
    world.flags_double_purchases().await;
    let (first, second) = (world.buy(900, "").await, world.buy(900, "").await);
    let answer = world.dismiss_pair(&first.name, &second.name).await.unwrap();
    assert_eq!(answer.receipt.unwrap().other_orders, [String::from(&second.name)]);
    assert_eq!(became(&answer.order.unwrap()), [Became::Dismissed]);
    assert_eq!(became(&world.get(&second.name).await), [Became::Dismissed]);
    assert!(world.open_pairs().await.is_empty());
    let told = kinds(&world.history(&second.name).await);
    assert_eq!(told.last(), Some(&EventKind::DuplicateResolved));
    // It stays so, whatever becomes of them; and once is enough.
    world.cancel(&second.name, true).await.unwrap();
    assert_eq!(became(&world.get(&first.name).await), [Became::Dismissed]);
    let head = world.revision().await;
    world.dismiss_pair(&second.name, &first.name).await.unwrap();
    assert_eq!(world.revision().await, head + 1, "a noop");

    let twin = world.twin_of(&first, "").await;
    let refusal = refused(world.dismiss_pair(&twin, &first.name).await, Code::SamePayment);
    assert_eq!(refusal.number("other"), Some(first.order.number));
    let stranger = world.place(world.draft(0)).await.name.parse().unwrap();
    refused(world.dismiss_pair(&first.name, &stranger).await, Code::NotADuplicate);
}
