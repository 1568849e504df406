//! Systems that are gone for a while: nobody else waits for them, they are left alone, and whatever was
//! asked of them is done once when they are back.

mod sides;

use std::sync::Arc;
use std::time::Duration;

use order_sdk::{OrderName, proto};
use order_tests::fakes::{Effect, Fake, Klarna, Trouble, Vipps};

use crate::harness::till::{Deed, Sale, Stage, TOTAL, Till};
use crate::harness::{Backend, World, eventually, problems, status_id};

trials! {
    own: [
        klarna_is_silent_and_comes_back,
        vipps_hangs_up_and_comes_back,
        adyen_is_silent_and_comes_back,
        adyen_that_answers_is_not_left_alone,
        tripletex_hangs_up_and_comes_back,
        cargonizer_is_silent_and_comes_back,
        a_mail_server_is_silent_and_comes_back,
        a_provider_that_hangs_delays_nobody_else,
        what_cannot_be_asked_for_for_long_is_told_and_can_be_taken_back,
    ];
}

/// What vanishes and comes back.
trait Outside {
    /// From now on, to everybody.
    fn vanish(&self, effect: Effect);

    fn reappear(&self);

    /// How often it was asked for anything.
    fn calls(&self) -> usize;
}

/// A shop with such a system.
trait Side: Sized {
    /// What is asked of it.
    type Matter;

    async fn set(backend: Backend) -> Self;

    fn world(&self) -> &World;

    /// So far that it can be asked for.
    async fn prepare(&self) -> Self::Matter;

    async fn ask(&self, matter: &Self::Matter);

    fn outside(&self) -> &impl Outside;

    /// How often it was done there.
    fn done(&self, matter: &Self::Matter) -> usize;

    /// The order once that is settled.
    async fn settled(&self, matter: &Self::Matter) -> proto::Order;
}

/// Matters that wait for it at the same time: more than it gets at once.
const MATTERS: usize = 10;
/// Words of the log.
const LEFT_ALONE: &str = "it is left alone";
const BACK: &str = "answers again";

/// It is gone for so long that it is left alone, and comes back: everything is done once, and nothing
/// is in doubt.
async fn outage<Where: Side>(backend: Backend, effect: Effect) {
    let side = Where::set(backend).await;
    let mut matters = Vec::new();
    for _ in 0..MATTERS {
        matters.push(side.prepare().await);
    }
    side.outside().vanish(effect);
    for matter in &matters {
        side.ask(matter).await;
    }
    let logged = |words: &str| side.world().server.log().contains(words);
    eventually("it is left alone", async || logged(LEFT_ALONE).then_some(())).await;
    let calls = side.outside().calls();
    eventually("it is asked whether it is back", async || {
        (side.outside().calls() > calls).then_some(())
    })
    .await;
    assert!(matters.iter().all(|matter| side.done(matter) == 0) && !logged(BACK));
    side.outside().reappear();
    eventually("it is noticed", async || logged(BACK).then_some(())).await;
    for matter in &matters {
        let order = side.settled(matter).await;
        assert_eq!((problems(&order), side.done(matter)), (vec![], 1), "{order:?}");
        assert!(order.payments.iter().all(|payment| !payment.needs_attention), "{order:?}");
    }
    let (breaches, _) = side.world().breaches().await;
    assert!(breaches.is_empty(), "the audit finds {breaches:?}");
}

async fn klarna_is_silent_and_comes_back(backend: Backend) {
    outage::<Stage<Klarna>>(backend, Effect::Silence).await;
}

async fn vipps_hangs_up_and_comes_back(backend: Backend) {
    outage::<Stage<Vipps>>(backend, Effect::HangUp).await;
}

async fn adyen_is_silent_and_comes_back(backend: Backend) {
    outage::<crate::adyen::stage::Stage>(backend, Effect::Silence).await;
}

/// Whether it was done is in doubt for as long as Adyen says that it is at it; and Adyen says so.
async fn adyen_that_answers_is_not_left_alone(backend: Backend) {
    /// Were these no answers, they would be silence for long enough.
    const LASTING: Duration = Duration::from_secs(11);
    let stage = crate::adyen::stage::Stage::set(backend).await;
    let mut sales = Vec::new();
    for _ in 0..MATTERS {
        sales.push(stage.buy(crate::adyen::stage::TOTAL).await);
    }
    stage.fake.trouble(Trouble::of("capture", Effect::answer(422, "704", "In progress")).always());
    for sale in &sales {
        stage.begin("capture", &sale.name).await;
    }
    let answered = || stage.fake.book().arrivals.iter().filter(|one| one.status == 422).count();
    eventually("it has answered", async || (answered() >= MATTERS).then_some(())).await;
    tokio::time::sleep(LASTING).await;
    let before = answered();
    eventually("it is asked on", async || (answered() >= before + MATTERS).then_some(())).await;
    assert!(!stage.world.server.log().contains(LEFT_ALONE), "it was there all the time");
}

async fn tripletex_hangs_up_and_comes_back(backend: Backend) {
    outage::<crate::accounting::Stage>(backend, Effect::HangUp).await;
}

async fn cargonizer_is_silent_and_comes_back(backend: Backend) {
    outage::<crate::labels::Stage>(backend, Effect::Silence).await;
}

async fn a_mail_server_is_silent_and_comes_back(backend: Backend) {
    outage::<sides::Post>(backend, Effect::Silence).await;
}

async fn a_provider_that_hangs_delays_nobody_else(backend: Backend) {
    const SALES: usize = 30;
    let stage = Stage::<Klarna>::set(backend).await;
    let vipps = Fake::start(Vipps::default()).await.unwrap();
    let neighbour = World::new(Arc::clone(&stage.world.server)).await;
    let buyers = [&stage.world, &neighbour];
    let mut sales: Vec<(&World, String, OrderName)> = Vec::new();
    for world in buyers {
        world.integrate(Vipps::ID, Vipps::integration(vipps.url())).await.unwrap();
        for _ in 0..MATTERS {
            let id = Vipps::checkout(&vipps, TOTAL);
            let order = world.place(world.draft(TOTAL).payment(Vipps::ID, &id, TOTAL)).await;
            sales.push((world, id, order.name.parse().unwrap()));
        }
    }
    let mut hung = Vec::new();
    for _ in 0..SALES {
        hung.push(stage.buy(TOTAL).await);
    }
    let calls = stage.fake.book().arrivals.len();
    stage.fake.trouble(Trouble::of("", Effect::Silence).always());
    for sale in &hung {
        stage.begin(Deed::Capture, sale).await;
    }
    eventually("it hangs", async || (stage.fake.book().arrivals.len() > calls).then_some(())).await;
    for (world, id, name) in &sales {
        world.complete(name).await.unwrap();
        assert_eq!(status_id(&world.settled(name).await), "sent");
        assert_eq!(vipps.book().amounts("capture", id), [TOTAL]);
    }
    for sale in &hung {
        assert_eq!(stage.done("capture", &sale.id), [0; 0], "it hangs all the time");
    }
    stage.fake.recover();
    for sale in &hung {
        stage.check_done(Deed::Capture, sale, "it is back").await;
    }
    stage.check().await;
}

/// Time is turned back behind the server's back, by more than a provider may keep a key: nobody waits a
/// quarter of an hour.
async fn is_delayed(world: &World, sale: &Sale) -> proto::Order {
    let now = jiff::Timestamp::now().as_microsecond();
    let minutes = |count: i64| now - count * 60_000_000;
    let back = format!(
        "UPDATE effects SET first_sent_at = {} WHERE payment_key IS NOT NULL AND attempt > 0
         AND first_sent_at > {} AND state = 0",
        minutes(21 * 60),
        minutes(14),
    );
    eventually("a person is told", async || {
        world.server.store.damage(&back).await;
        let order = world.get(&sale.name).await;
        (!order.problems.is_empty()).then_some(order)
    })
    .await
}

async fn what_cannot_be_asked_for_for_long_is_told_and_can_be_taken_back(backend: Backend) {
    let mut stage = Stage::<Klarna>::set(backend).await;
    let world = stage.world.clone();
    let [busy, unreached, taken_back] =
        [stage.buy(TOTAL).await, stage.buy(TOTAL).await, stage.buy(TOTAL).await];
    let later = Effect::answer(429, "TOO_MANY_REQUESTS", "Later");
    stage.fake.trouble(Trouble::of("capture", later).about(&busy.id).always());
    stage.begin(Deed::Capture, &busy).await;
    let order = is_delayed(&world, &busy).await;
    assert_eq!(problems(&order), ["OPERATION_DELAYED"]);
    let details = &order.problems[0].details;
    assert_eq!(details["provider"], Klarna::ID);
    assert!(details["provider_reason"].starts_with("TOO_MANY_REQUESTS Later"), "{details:?}");
    assert!(world.server.log().contains(&details["provider_reason"]), "it is logged");
    stage.fake.recover();
    stage.check_done(Deed::Capture, &busy, "busy no more").await;

    stage.fake.go_away();
    // Whoever still holds a connection has seen by then that it is cut.
    tokio::time::sleep(Duration::from_millis(300)).await;
    for sale in [&unreached, &taken_back] {
        stage.begin(Deed::Capture, sale).await;
    }
    for sale in [&unreached, &taken_back] {
        let order = is_delayed(&world, sale).await;
        assert_eq!(problems(&order), ["OPERATION_DELAYED"], "{order:?}");
        assert_ne!(order.problems[0].details["provider_reason"], "");
        assert!(order.pending_status_change.is_some(), "it is tried on");
    }
    let withdraw = proto::WithdrawStatusChangeRequest {
        name: (&taken_back.name).into(),
        ..proto::WithdrawStatusChangeRequest::default()
    };
    let order = world.client.withdraw_status_change(withdraw).await.unwrap().order.unwrap();
    assert_eq!((status_id(&order), problems(&order).len()), ("not-processed", 0), "{order:?}");
    stage.fake.come_back().await.unwrap();
    stage.check_done(Deed::Capture, &unreached, "it is back").await;
    assert_eq!(stage.done("capture", &taken_back.id), [0; 0]);
    stage.check().await;
}
