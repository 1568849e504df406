//! Connections to the database that break: what was stored is stored once, whoever has heard of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use order_sdk::{Error, OrderDraft, OrderName, StatusChange};
use tokio::task::JoinHandle;

use crate::harness::audit::audit;
use crate::harness::server::Store;
use crate::harness::{Backend, Server, World, depth, eventually, request_id, seed, status_id};

// An embedded database has no connections that break.
trials! {
    once: [
        connections_that_break_at_any_moment_lose_and_double_nothing,
        a_commit_that_nobody_heard_of_is_found_by_its_request,
    ];
}

/// Callers who place orders and have them sent until it is over.
struct Writers {
    is_over: Arc<AtomicBool>,
    /// Orders that were placed and sent so far.
    sent: Arc<AtomicU64>,
    running: Vec<JoinHandle<Vec<Written>>>,
}

/// An order that was placed and sent, with the requests that did it.
struct Written {
    name: OrderName,
    reference: String,
    placing: OrderDraft,
    sending: StatusChange,
}

const WRITERS: usize = 16;
const TOTAL: i64 = 900;
/// Cuts off who has stored something and waits to be told so; answers how many.
const CUT_UNHEARD: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
    WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'";

impl Writers {
    fn begin(world: &World) -> Self {
        let (is_over, sent) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let writing = |_| {
            let world = world.through(&world.server);
            write(world, Arc::clone(&is_over), Arc::clone(&sent))
        };
        let running = (0..WRITERS).map(writing).map(tokio::spawn).collect();
        Self { is_over, sent, running }
    }

    /// On a busy machine nothing may be quick enough to come between two cuts.
    async fn get_on(&self) {
        let before = self.sent.load(Ordering::Relaxed);
        eventually("an order gets through", async || {
            (self.sent.load(Ordering::Relaxed) > before).then_some(())
        })
        .await;
    }

    /// Lets them come to their end, and finds what they were told done once, and nothing else.
    async fn check(self, world: &World) {
        self.is_over.store(true, Ordering::Relaxed);
        let mut written = Vec::new();
        for one in self.running {
            written.extend(one.await.unwrap());
        }
        let mut numbers = BTreeSet::new();
        for Written { name, reference, placing, sending } in &written {
            assert!(numbers.insert(name.number()), "{name} was given twice");
            let order = world.settled(name).await;
            assert_eq!(status_id(&order), "sent", "{order:?}");
            assert_eq!(world.book().done(reference, "capture"), [TOTAL], "{name}");
            // Whoever asks once more hears the same.
            let placed = placing.clone().send().await.unwrap();
            assert_eq!(placed.order.unwrap().number, name.number());
            assert!(placed.receipt.unwrap().replayed, "{name}");
            assert!(sending.clone().send().await.unwrap().receipt.unwrap().replayed, "{name}");
        }
        assert_eq!(audit(world).await.len(), numbers.len(), "an order for each request");
        let is_met = world.server.log().contains("a turn is run again");
        assert!(is_met, "no turn was cut off");
    }
}

async fn write(world: World, is_over: Arc<AtomicBool>, sent: Arc<AtomicU64>) -> Vec<Written> {
    let mut written = Vec::new();
    while written.is_empty() || !is_over.load(Ordering::Relaxed) {
        let reference = world.reference("");
        let placing = world.draft(TOTAL).payment("klarna", &reference, TOTAL);
        let placing = placing.request_id(request_id());
        let placed = insist(|| placing.clone().send()).await.order.unwrap();
        let name: OrderName = placed.name.parse().unwrap();
        let sending = world.change(&name, "sent").request_id(request_id());
        insist(|| sending.clone().send()).await;
        sent.fetch_add(1, Ordering::Relaxed);
        written.push(Written { name, reference, placing, sending });
    }
    written
}

/// Asks until there is an answer: nothing but what passes is said instead.
async fn insist<Answer, Asked>(ask: impl Fn() -> Asked) -> Answer
where
    Asked: Future<Output = Result<Answer, Error>>,
{
    eventually("the request is answered", || {
        let asked = ask();
        async move {
            match asked.await {
                Ok(answer) => Some(answer),
                Err(error) => {
                    assert!(error.is_retryable() || error.is_unavailable(), "{error:?}");
                    None
                }
            }
        }
    })
    .await
}

async fn connections_that_break_at_any_moment_lose_and_double_nothing() {
    let world = World::own(Backend::Postgres, &[]).await;
    let writers = Writers::begin(&world);
    let database = world.server.store.database.as_ref().unwrap();
    let mut random = Rng::with_seed(seed());
    for _ in 0..5 * depth() {
        for _ in 0..8 {
            // Time enough for some turns, and too little for others.
            tokio::time::sleep(Duration::from_millis(random.u64(0..80))).await;
            database.cut().await;
        }
        writers.get_on().await;
    }
    writers.check(&world).await;
}

/// Whoever commits waits for a server that is to stand by and is not there: what is stored is so cut off
/// before anybody has heard of it.
async fn a_commit_that_nobody_heard_of_is_found_by_its_request() {
    let store = Store::in_own_cluster().await;
    let server = Server::on(Backend::Postgres, Arc::clone(&store), &[]).await;
    let world = World::new(server).await;
    let cluster = store.cluster.as_ref().unwrap();
    cluster.set("synchronous_commit", "local").await;
    cluster.set("synchronous_standby_names", "nobody").await;
    let writers = Writers::begin(&world);
    for _ in 0..8 * depth() {
        cluster.set("synchronous_commit", "on").await;
        eventually("something is stored that nobody has heard of", async || {
            (cluster.text(CUT_UNHEARD).await != "0").then_some(())
        })
        .await;
        cluster.set("synchronous_commit", "local").await;
    }
    // Who had begun to wait meanwhile.
    cluster.text(CUT_UNHEARD).await;
    writers.check(&world).await;
}
