//! Many callers at once, while the provider is slow: everything is done once.

use order_tests::fakes::{Effect, Trouble};

use super::{Deed, Stage, TOTAL, Till, ask, deeds};
use crate::harness::{Backend, depth, status_id};

/// Orders; more would be turned away, as a shop's queue is bounded.
const ASKED_AT_ONCE: usize = 100;
const CALLERS: usize = 4;

/// Many orders at the same moment, each asked for twice, while the provider is slow.
pub(crate) async fn many_at_once_are_captured_once_each<Where: Till>(
    backend: Backend,
) -> Stage<Where> {
    let orders = 30 * usize::try_from(depth()).unwrap();
    let stage = Stage::<Where>::set(backend).await;
    let (world, word) = (&stage.world, Where::word(Deed::Capture).unwrap());
    let mut sales = Vec::new();
    for _ in 0..orders {
        sales.push(stage.buy(TOTAL).await);
    }
    stage.fake.trouble(Trouble::of(word, Effect::Slow { millis: 20 }).always());
    for some in sales.chunks(ASKED_AT_ONCE) {
        let mut running = Vec::new();
        for sale in some {
            for _ in 0..2 {
                let (world, name) = (world.clone(), sale.name.clone());
                running.push(tokio::spawn(async move { world.change(&name, "sent").send().await }));
            }
        }
        for one in running {
            // The second of a pair finds the first waiting.
            drop(one.await.unwrap());
        }
    }
    for sale in &sales {
        let order = world.settled(&sale.name).await;
        assert_eq!(status_id(&order), "sent");
        assert_eq!(stage.done(word, &sale.id), [TOTAL]);
        assert_eq!(stage.fake.book().keys(word, &sale.id), 1);
    }
    assert_eq!(stage.fake.book().done.len(), orders);
    stage.check().await;
    stage
}

/// What else there is, each asked for by several callers at the same moment, of many orders at once.
pub(crate) async fn many_callers_at_once_have_each_done_once<Where: Till>(backend: Backend) {
    let orders = 6 * usize::try_from(depth()).unwrap();
    let stage = Stage::<Where>::set(backend).await;
    let mut sales = Vec::new();
    for (deed, word) in deeds::<Where>().filter(|(deed, _)| *deed != Deed::Capture) {
        let slow = Effect::Slow { millis: 20 };
        stage.fake.trouble(Trouble::of(word, slow).always());
        for _ in 0..orders {
            sales.push((deed, stage.buy_for(deed).await));
        }
    }
    for some in sales.chunks(ASKED_AT_ONCE) {
        let mut running = Vec::new();
        for (deed, sale) in some {
            for _ in 0..CALLERS {
                let (world, name, deed) = (stage.world.clone(), sale.name.clone(), *deed);
                running.push(tokio::spawn(async move { ask(&world, deed, &name).await.is_ok() }));
            }
        }
        let mut taken = 0;
        for one in running {
            // Whoever comes second finds it under way, or done.
            taken += usize::from(one.await.unwrap());
        }
        assert!(taken >= some.len(), "{taken} of {} orders", some.len());
    }
    for (deed, sale) in &sales {
        stage.check_done(*deed, sale, &format!("{deed:?} of {}", sale.id)).await;
    }
    stage.check().await;
}
