//! Servers that are killed wherever their work has come, with the stand-in's book as witness.

use order_sdk::OrderName;
use order_tests::fakes::{Effect, Trouble};

use super::{Sale, Stage, TOTAL, Till, deeds};
use crate::harness::standstill::Standstill;
use crate::harness::{Backend, depth, eventually, problems};

/// Longer than any test keeps a call waiting.
const PATIENT: [&str; 2] = ["--call-timeout", "25s"];

/// Kills the server when effects have come everywhere they can: planned and perhaps called; called
/// and not done; done and not heard; and both while nobody knows.
pub(crate) async fn a_kill_anywhere_is_survived<Where: Till>(backend: Backend) {
    let stage = Stage::<Where>::set(backend).await;
    // A hundredfold in all: deeper and oftener.
    let times = depth().isqrt();
    for _ in 0..times {
        let mut sales = Vec::new();
        for (deed, word) in deeds::<Where>() {
            for effect in [None, Some(Effect::Silence), Some(Effect::HangUp)] {
                for is_done in [false, true] {
                    for _ in 0..times {
                        let sale = stage.buy_for(deed).await;
                        if let Some(effect) = &effect {
                            let trouble = Trouble::of(word, effect.clone()).about(&sale.id);
                            stage.fake.trouble(if is_done { trouble.once_done() } else { trouble });
                        }
                        sales.push((deed, word, effect.is_some(), sale));
                    }
                }
            }
        }
        for (deed, _, _, sale) in &sales {
            stage.begin(*deed, sale).await;
        }
        let troubled = || sales.iter().filter(|(_, _, is_troubled, _)| *is_troubled);
        eventually("the troubled ones are called", async || {
            let book = stage.fake.book();
            let is_called =
                |(_, word, _, sale): &&(_, &str, _, Sale)| book.calls(word, &sale.id) > 0;
            troubled().all(|one| is_called(&one)).then_some(())
        })
        .await;
        stage.world.server.kill().await;
        stage.world.server.start().await;
        for (deed, _, is_troubled, sale) in &sales {
            let told = format!("{deed:?} of {}, troubled: {is_troubled}", sale.id);
            stage.check_done(*deed, sale, &told).await;
        }
    }
    stage.check().await;
}

/// Kills the server when the provider has done and answered everything, and nothing of that is
/// recorded: nobody can write to the store meanwhile. What was done is found, and not asked for again.
pub(crate) async fn a_kill_between_answer_and_record_is_survived<Where: Till>(backend: Backend) {
    let stage = Stage::<Where>::set_with(backend, &PATIENT).await;
    let Stage { world, fake } = &stage;
    let mut sales = Vec::new();
    for (deed, word) in deeds::<Where>() {
        let sale = stage.buy_for(deed).await;
        fake.trouble(Trouble::of(word, Effect::Waiting).about(&sale.id));
        sales.push((deed, word, sale));
    }
    let named = Where::checkout(fake, TOTAL);
    fake.trouble(Trouble::of("read", Effect::Waiting).about(&named));
    for (deed, _, sale) in &sales {
        stage.begin(*deed, sale).await;
    }
    let draft = world.draft(TOTAL).payment(Where::ID, &named, TOTAL);
    let name: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
    let ids: Vec<&String> = sales.iter().map(|(_, _, sale)| &sale.id).chain([&named]).collect();
    let standstill = Standstill::once_answered(&world.server.store, fake, &ids).await;
    for (deed, word, sale) in &sales {
        assert_eq!(stage.done(word, &sale.id), [deed.amount()], "{deed:?}");
    }
    world.server.kill().await;
    standstill.end();
    world.server.start().await;
    for (deed, word, sale) in &sales {
        let told = format!("{deed:?} of {}", sale.id);
        stage.check_done(*deed, sale, &told).await;
        assert_eq!(fake.book().calls(word, &sale.id), 1, "{told}: what is done is found");
    }
    let order = world.settled(&name).await;
    assert_eq!((order.payments[0].authorized_minor, problems(&order).len()), (TOTAL, 0));
    stage.check().await;
}

/// Kills the server while a payment that somebody names is read, before the provider has answered.
pub(crate) async fn a_kill_while_a_payment_is_read_is_survived<Where: Till>(backend: Backend) {
    let stage = Stage::<Where>::set(backend).await;
    let Stage { world, fake } = &stage;
    for effect in [Effect::Silence, Effect::HangUp, Effect::Slow { millis: 1_000 }] {
        let id = Where::checkout(fake, TOTAL);
        let told = format!("{effect:?}");
        fake.trouble(Trouble::of("read", effect).about(&id));
        let draft = world.draft(TOTAL).payment(Where::ID, &id, TOTAL);
        let name: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
        eventually(&told, async || {
            let is_asked = fake.book().calls("read", &id) > 0 || fake.is_working_on(&id);
            is_asked.then_some(())
        })
        .await;
        world.server.kill().await;
        world.server.start().await;
        let order = world.settled(&name).await;
        let found = (order.payments[0].authorized_minor, problems(&order).len());
        assert_eq!(found, (TOTAL, 0), "{told}: {order:?}");
    }
    stage.check().await;
}
