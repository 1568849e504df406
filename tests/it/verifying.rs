//! The exactness audit: nothing to find in a healthy shop, and every damage by its name.

pub(crate) mod damages;

use std::collections::BTreeSet;

use futures_util::TryStreamExt;
use order_rules::refusals::Code;
use order_sdk::proto::verify_shop_response::Message;
use order_sdk::proto::{self, VerifySummary};

use crate::harness::{World, refused, wrong_fields};

trials! {
    shared: [
        a_healthy_shop_has_nothing_to_find,
        a_shop_that_is_not_there_cannot_be_audited,
    ];
}

impl World {
    /// (invariant, number of the order or 0) of every breach, and the summary.
    pub(crate) async fn breaches(&self) -> (BTreeSet<(String, i64)>, VerifySummary) {
        let request = proto::VerifyShopRequest { parent: (&self.shop).into() };
        let messages = self.client.verify_shop(request).await.unwrap();
        let messages: Vec<_> = messages.try_collect().await.unwrap();
        let mut breaches = BTreeSet::new();
        let mut summary = None;
        for message in messages {
            assert!(summary.is_none(), "the summary is the last");
            match message.message.unwrap() {
                Message::Progress(progress) => assert!(progress.events <= progress.events_total),
                Message::Breach(breach) => {
                    assert!(!breach.description.is_empty());
                    let number = breach.order.rsplit('/').next().unwrap().parse();
                    breaches.insert((breach.invariant, number.unwrap_or_default()));
                }
                Message::Summary(told) => summary = Some(told),
            }
        }
        (breaches, summary.unwrap())
    }
}

async fn a_healthy_shop_has_nothing_to_find(world: World) {
    world.stock("CUP", 10).await;
    let draft = world.draft(0).with(|order| order.lines.clear());
    world.place(draft.goods("CUP", "Kopp", 2, 500, 2_500).payment("manual", "", 1_000)).await;
    let (first, second) = (world.buy(900, "").await, world.buy(700, "capture=decline").await);
    world.complete(&first.name).await.unwrap();
    world.complete(&second.name).await.unwrap();
    let third = world.buy(500, "").await;
    world.cancel(&third.name, true).await.unwrap();
    let (breaches, summary) = world.breaches().await;
    assert_eq!(breaches, BTreeSet::new());
    assert_eq!((summary.orders, summary.payments, summary.stock_items), (4, 4, 1));
    assert_eq!(summary.revision, world.revision().await);
    assert_eq!(summary.events, summary.revision);
}

async fn a_shop_that_is_not_there_cannot_be_audited(world: World) {
    let ask = async |parent: &str| {
        let request = proto::VerifyShopRequest { parent: parent.to_owned() };
        world.client.verify_shop(request).await.map(drop)
    };
    refused(ask("shops/nowhere").await, Code::ShopNotFound);
    assert_eq!(wrong_fields(ask("nowhere").await), ["parent"]);
}
