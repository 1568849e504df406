//! A shop whose money is at a stand-in of a real provider, and what must be true of each of them:
//! nothing lost, nothing doubled, every doubt ended, with the stand-in's book as witness.

use std::sync::Arc;
use std::time::Duration;

use order_sdk::{OrderName, proto};
use order_tests::fakes::{Effect, Fake, Provider, Trouble};

use super::{Backend, World, depth, eventually, problems, status_id};
use crate::integrations::world_with_key;

/// What the tests must know of a provider and its stand-in.
pub(crate) trait Till: Provider + Default {
    /// The shop's name for it.
    const ID: &'static str;

    fn integration(url: String) -> proto::Integration;

    /// What a checkout leaves at the provider; its reference.
    fn checkout(fake: &Fake<Self>, reserved_minor: i64) -> String;

    /// The book's word for it; `None`: the provider has no such thing.
    fn word(deed: Deed) -> Option<&'static str>;
}

/// What an order asks of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Capture,
    Cancel,
    /// Of what is left of a reservation after the capture.
    Release,
    Refund,
    /// Of the reserved amount.
    Lower,
}

/// A shop whose provider [`Till::ID`] is the stand-in.
pub(crate) struct Stage<Where: Till> {
    pub(crate) world: World,
    pub(crate) fake: Fake<Where>,
}

/// A sale and its payment.
#[derive(Clone, Debug)]
pub(crate) struct Sale {
    pub(crate) name: OrderName,
    /// Of the payment.
    pub(crate) id: String,
    pub(crate) order: proto::Order,
}

pub(crate) const TOTAL: i64 = 900;
/// What is reserved for a sale beyond its total, so that something is left to release.
const EXTRA: i64 = 100;
const LOWERED: i64 = 700;
/// Orders; more would be turned away, as a shop's queue is bounded.
const ASKED_AT_ONCE: usize = 100;

impl Deed {
    pub(crate) const ALL: [Self; 5] =
        [Self::Capture, Self::Cancel, Self::Release, Self::Refund, Self::Lower];

    fn amount(self) -> i64 {
        match self {
            Self::Capture | Self::Cancel | Self::Refund => TOTAL,
            Self::Release => EXTRA,
            Self::Lower => LOWERED,
        }
    }
}

impl<Where: Till> Stage<Where> {
    pub(crate) async fn set(backend: Backend) -> Self {
        let fake = Fake::start(Where::default()).await.unwrap();
        let world = world_with_key(backend, &["--stand-ins", "true"]).await;
        world.integrate(Where::ID, Where::integration(fake.url())).await.unwrap();
        Self { world, fake }
    }

    /// An order on a payment there, as far as its reservation has come.
    pub(crate) async fn place(&self, id: &str, total_minor: i64) -> proto::Order {
        let draft = self.world.draft(total_minor).payment(Where::ID, id, total_minor);
        self.world.place(draft).await
    }

    pub(crate) async fn buy(&self, reserved_minor: i64) -> Sale {
        let id = Where::checkout(&self.fake, reserved_minor);
        let draft = self.world.draft(TOTAL).payment(Where::ID, &id, reserved_minor);
        let order = self.world.place(draft).await;
        assert_eq!(order.payments[0].authorized_minor, reserved_minor, "{order:?}");
        Sale { name: order.name.parse().unwrap(), id, order }
    }

    /// A sale of which this can be asked.
    pub(crate) async fn buy_for(&self, deed: Deed) -> Sale {
        let sale = self.buy(if deed == Deed::Release { TOTAL + EXTRA } else { TOTAL }).await;
        if deed == Deed::Refund {
            self.world.complete(&sale.name).await.unwrap();
        }
        sale
    }

    /// Asks for it, and waits for nothing.
    pub(crate) async fn begin(&self, deed: Deed, sale: &Sale) {
        let Self { world, .. } = self;
        match deed {
            Deed::Capture | Deed::Release => {
                drop(world.change(&sale.name, "sent").send().await.unwrap());
            }
            Deed::Cancel => {
                let change = world.change(&sale.name, "cancelled").restock(false);
                drop(change.send().await.unwrap());
            }
            Deed::Refund => {
                let credit = world.client.credit(&sale.name).units(1, 1).refund(true);
                drop(credit.send().await.unwrap());
            }
            Deed::Lower => {
                let edit = world.client.edit(&sale.name).unit_price(1, LOWERED);
                drop(edit.send().await.unwrap());
            }
        }
    }

    /// It was done in the end: once, under one key, and the order knows.
    pub(crate) async fn check_done(&self, deed: Deed, sale: &Sale, told: &str) {
        let word = Where::word(deed).unwrap();
        eventually(told, async || (!self.done(word, &sale.id).is_empty()).then_some(())).await;
        let order = self.world.settled(&sale.name).await;
        assert_eq!(problems(&order), [""; 0], "{told}: {order:?}");
        let status = match deed {
            Deed::Capture | Deed::Release | Deed::Refund => "sent",
            Deed::Cancel => "cancelled",
            Deed::Lower => "not-processed",
        };
        assert_eq!(status_id(&order), status, "{told}");
        assert_eq!(self.done(word, &sale.id), [deed.amount()], "{told}");
        assert_eq!(self.fake.book().keys(word, &sale.id), 1, "{told}");
    }

    pub(crate) fn done(&self, operation: &str, id: &str) -> Vec<i64> {
        self.fake.book().amounts(operation, id)
    }

    /// Does something there as a person in its portal would: `what` is a path below `/control/`.
    pub(crate) async fn by_hand(&self, what: &str, body: &'static str) {
        let url = format!("{}/control/{what}", self.fake.url());
        let answer = order_tests::fakes::send("POST", &url, &[], body).await.unwrap();
        assert_eq!(answer.status, 204, "{what}");
    }

    pub(crate) async fn check(&self) {
        let (breaches, _) = self.world.breaches().await;
        assert!(breaches.is_empty(), "the audit finds {breaches:?}");
    }
}

/// Why the first problem is there: the page of the provider's reason, and its words.
pub(crate) fn reason(order: &proto::Order) -> (&str, &str) {
    let details = &order.problems[0].details;
    (&details["reason"], &details["provider_reason"])
}

/// What each provider can do, and its word for it.
fn deeds<Where: Till>() -> impl Iterator<Item = (Deed, &'static str)> {
    Deed::ALL.into_iter().filter_map(|deed| Where::word(deed).map(|word| (deed, word)))
}

/// Silence, a line that breaks and a late error, each before it is done and after; and what the
/// provider alone is capable of.
fn doubts(operation: &str, more: &[Effect]) -> Vec<Trouble> {
    let effects =
        [Effect::Silence, Effect::HangUp, Effect::answer(500, "INTERNAL_SERVER_ERROR", "Oops")];
    let befall = |effect| Trouble::of(operation, effect);
    let before = effects.clone().into_iter().chain(more.iter().cloned()).map(befall);
    let after = effects.into_iter().map(|effect| befall(effect).once_done());
    before.chain(after).collect()
}

/// Every operation in every kind of doubt, all at once.
pub(crate) async fn every_doubt_is_ended<Where: Till>(stage: &Arc<Stage<Where>>, more: &[Effect]) {
    let mut running = Vec::new();
    for (deed, word) in deeds::<Where>() {
        for trouble in doubts(word, more) {
            let stage = Arc::clone(stage);
            running.push(tokio::spawn(async move {
                let sale = stage.buy_for(deed).await;
                let trouble = trouble.about(&sale.id);
                let told = format!("{deed:?}: {trouble:?}");
                stage.fake.trouble(trouble);
                stage.begin(deed, &sale).await;
                stage.check_done(deed, &sale, &told).await;
            }));
        }
    }
    for one in running {
        one.await.unwrap();
    }
}

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

/// The provider forgets the keys of all that it has not answered, done or not: what was done is found
/// by the trace it left.
pub(crate) async fn a_forgotten_key_doubles_nothing<Where: Till>(
    backend: Backend,
    window: Duration,
) {
    let stage = Stage::<Where>::set(backend).await;
    let mut sales = Vec::new();
    for (deed, word) in deeds::<Where>() {
        for is_done in [false, true] {
            let sale = stage.buy_for(deed).await;
            let trouble = Trouble::of(word, Effect::Silence).about(&sale.id);
            stage.fake.trouble(if is_done { trouble.once_done() } else { trouble });
            stage.begin(deed, &sale).await;
            sales.push((deed, word, sale));
        }
    }
    eventually("all are called", async || {
        let book = stage.fake.book();
        sales.iter().all(|(_, word, sale)| book.calls(word, &sale.id) > 0).then_some(())
    })
    .await;
    stage.fake.advance(window);
    for (deed, _, sale) in &sales {
        stage.check_done(*deed, sale, &format!("{deed:?} of {}", sale.name)).await;
    }
    stage.check().await;
}

/// Names a payment that is not decided there yet: it waits, and goes on when it is, by hand at a path
/// below `/control/`.
pub(crate) async fn waits_for_a_decision<Where: Till>(
    stage: &Stage<Where>,
    id: &str,
    (decision, body): (&str, &'static str),
) {
    let world = &stage.world;
    let draft = world.draft(TOTAL).payment(Where::ID, id, TOTAL);
    let order = draft.send().await.unwrap().order.unwrap();
    let name: OrderName = order.name.parse().unwrap();
    let operation_id = eventually("it waits for a decision", async || {
        let operation = world.get(&name).await.payments[0].operations[0].clone();
        (operation.state() == proto::OperationState::Accepted).then_some(operation.id)
    })
    .await;
    stage.by_hand(decision, body).await;
    let retry = proto::RetryEffectRequest {
        name: order.name,
        operation_id,
        ..proto::RetryEffectRequest::default()
    };
    world.client.retry_effect(retry).await.unwrap();
    assert_eq!(world.settled(&name).await.payments[0].authorized_minor, TOTAL);
}

/// Cancels a sale that was captured in the portal: the void is declined, and the capture adopted.
/// Answers the provider's words.
pub(crate) async fn adopts_at_a_void<Where: Till>(
    stage: &Stage<Where>,
    sale: &Sale,
    captured_minor: i64,
) -> String {
    stage.begin(Deed::Cancel, sale).await;
    eventually("the capture is adopted", async || {
        let order = stage.world.get(&sale.name).await;
        (order.payments[0].captured_minor == captured_minor).then_some(())
    })
    .await;
    let operations = stage.world.get(&sale.name).await.payments[0].operations.clone();
    let void = operations.iter().find(|one| one.kind() == proto::OperationKind::Void).unwrap();
    void.provider_reason.clone()
}

/// Completes a sale that was captured in the portal: nothing is captured here, and one capture stands.
pub(crate) async fn adopts_at_a_capture<Where: Till>(stage: &Stage<Where>, sale: &Sale) {
    stage.world.complete(&sale.name).await.unwrap();
    let order = stage.world.settled(&sale.name).await;
    assert_eq!((status_id(&order), problems(&order).len()), ("sent", 0), "{order:?}");
    let word = Where::word(Deed::Capture).unwrap();
    assert_eq!(
        (order.payments[0].captured_minor, stage.done(word, &sale.id)),
        (TOTAL, vec![TOTAL])
    );
}

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

/// Completes a sale while the provider refuses the credentials: the order says so, and waits.
pub(crate) async fn completes_unheard<Where: Till>(stage: &Stage<Where>, sale: &Sale) {
    stage.world.change(&sale.name, "sent").send().await.unwrap();
    let order = eventually("the order says why it waits", async || {
        let order = stage.world.get(&sale.name).await;
        (!order.problems.is_empty()).then_some(order)
    })
    .await;
    assert_eq!(problems(&order), ["INTEGRATION_UNAUTHORIZED"]);
    assert_eq!(order.problems[0].details["provider"], Where::ID);
    assert_eq!(status_id(&order), "not-processed");
}

/// Names a payment while the provider refuses the credentials: the order says so, and waits.
pub(crate) async fn names_unheard<Where: Till>(stage: &Stage<Where>, id: &str) -> OrderName {
    let draft = stage.world.draft(TOTAL).payment(Where::ID, id, TOTAL);
    let named: OrderName = draft.send().await.unwrap().order.unwrap().name.parse().unwrap();
    eventually("the other order says so too", async || {
        (!stage.world.get(&named).await.problems.is_empty()).then_some(())
    })
    .await;
    named
}
