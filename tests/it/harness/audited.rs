//! At the end of a test that started servers, each shop on them passes the exactness audit.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::TryStreamExt;
use order_sdk::proto;
use order_sdk::{OrderClient, ShopName};

use super::World;
use super::server::Server;

thread_local! {
    /// The test that this thread works for, if its servers are audited.
    static TEST: Cell<Option<u64>> = const { Cell::new(None) };
}

/// The servers that each running test has started.
static STARTED: Mutex<BTreeMap<u64, Vec<Arc<Server>>>> = Mutex::new(BTreeMap::new());

/// A running test whose servers are audited.
#[derive(Debug)]
pub(crate) struct Audited(u64);

impl Audited {
    pub(crate) fn begin() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) const fn id(&self) -> u64 {
        self.0
    }

    /// Audits what the test has started, and lets go of it.
    pub(crate) async fn finish(&self) {
        let servers = STARTED.lock().unwrap().remove(&self.0).unwrap_or_default();
        audit(servers).await;
    }
}

impl Drop for Audited {
    fn drop(&mut self) {
        TEST.set(None);
        let left = STARTED.lock().unwrap().remove(&self.0);
        drop(left);
    }
}

/// This thread works for this test.
pub(crate) fn enter(test: u64) {
    TEST.set(Some(test));
}

/// Its shops are audited when the test that started it has run.
pub(crate) fn remember(server: &Arc<Server>) {
    if let Some(test) = TEST.get() {
        STARTED.lock().unwrap().entry(test).or_default().push(Arc::clone(server));
    }
}

/// Audits what the test has let go of, so that nothing waits for what only the audit holds.
pub(crate) async fn audit_what_was_left() {
    let Some(test) = TEST.get() else { return };
    let left = {
        let mut started = STARTED.lock().unwrap();
        let Some(servers) = started.get_mut(&test) else { return };
        let is_left = |server: &mut Arc<Server>| Arc::strong_count(server) == 1;
        servers.extract_if(.., is_left).collect()
    };
    audit(left).await;
}

/// One server of each database will do: whichever runs, else the last.
async fn audit(mut servers: Vec<Arc<Server>>) {
    servers.sort_by_key(|server| !server.is_running());
    let mut seen: Vec<Arc<Server>> = Vec::new();
    for server in servers {
        if seen.iter().any(|other| Arc::ptr_eq(&other.store, &server.store)) {
            continue;
        }
        if !server.is_running() {
            server.start().await;
        }
        let client = server.client();
        for shop in shops(&client).await {
            let shop: ShopName = shop.name.parse().unwrap();
            let world = World { server: Arc::clone(&server), client: client.clone(), shop };
            let (breaches, _) = world.breaches().await;
            assert!(breaches.is_empty(), "the audit of {} finds {breaches:?}", world.shop);
        }
        seen.push(server);
    }
}

async fn shops(client: &OrderClient) -> Vec<proto::Shop> {
    let request = proto::ListShopsRequest::default();
    client.shop_pages(request).by_item().try_collect().await.unwrap()
}
