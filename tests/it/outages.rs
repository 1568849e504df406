//! A provider that is gone: nobody else waits for it, and what was asked of it is done once it is back.

use order_tests::fakes::{Effect, Klarna, Trouble};

use crate::harness::till::{Deed, Stage, TOTAL};
use crate::harness::{Backend, eventually, status_id};

trials! {
    own: [a_provider_that_is_gone_delays_no_other_and_catches_up];
}

async fn a_provider_that_is_gone_delays_no_other_and_catches_up(backend: Backend) {
    const SALES: usize = 12;
    let stage = Stage::<Klarna>::set(backend).await;
    let Stage { world, fake } = &stage;
    let mut sales = Vec::new();
    for _ in 0..SALES {
        sales.push(stage.buy(TOTAL).await);
    }
    let before = fake.book().arrivals.len();
    fake.trouble(Trouble::of("", Effect::HangUp).always());
    for sale in &sales {
        stage.begin(Deed::Capture, sale).await;
    }
    eventually("it is asked in vain, again and again", async || {
        (fake.book().arrivals.len() > before + SALES).then_some(())
    })
    .await;
    // The same shop's other provider hears of nothing.
    let other = world.buy(TOTAL, "").await;
    world.complete(&other.name).await.unwrap();
    assert_eq!(status_id(&world.settled(&other.name).await), "sent");
    for sale in &sales {
        assert_eq!(stage.done("capture", &sale.id), [0; 0]);
        assert_eq!(status_id(&world.get(&sale.name).await), "not-processed");
    }
    fake.recover();
    for sale in &sales {
        stage.check_done(Deed::Capture, sale, "it is back").await;
    }
    stage.check().await;
}
