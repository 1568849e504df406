//! What a test of the runner needs: a store with a shop, effects to plan, and the sandbox's book.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, QueryableByName, RunQueryDsl as _, SqliteConnection};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection};
use order_proto::v1;
use order_rules::effects::{EffectState, KEY_WINDOW_MICROS, System};
use order_rules::money::Currency;
use order_rules::payments::{Authorization, OperationKind, OperationState};
use uuid::Uuid;

use super::log::Log;
use crate::accounting::Books;
use crate::commands::{Caller, CreateShop};
use crate::effects::paying::key_of;
use crate::effects::{Runner, Running};
use crate::links::{Links, Setup};
use crate::mail::{MailServers, MailService};
use crate::providers::{Call, Doubt, PaymentProvider, Providers, Report};
use crate::shops::Shops;
use crate::store::facts::Changes;
use crate::store::rows::{EffectRow, HolderRow, OperationRow, OrderRow, PaymentRow, key};
use crate::store::{Place, Store, StoreSettings, on_either};
use crate::terms::{Term, effect_state, effect_state_stored, system_stored};
use crate::turns::Turns;
use crate::vault::Vault;

pub(super) struct Stage {
    pub(super) store: Store,
    providers: Providers,
    pub(super) log: Log,
    pub(super) shop_id: i64,
    folder: PathBuf,
    next: Mutex<i64>,
}

/// An effect to plan: a capture of 100, unless told otherwise.
#[derive(Clone)]
pub(super) struct Plan {
    pub order: i64,
    pub provider: &'static str,
    pub reference: String,
    pub amount_minor: i64,
    /// Set: it was sent then, and stands as SENT.
    pub sent_at: Option<i64>,
    /// Set: it was sent first then, and stands as PENDING.
    pub first_sent_at: Option<i64>,
    pub lease: Option<(&'static str, i64)>,
}

/// A call as the sandbox's book has it.
#[derive(Debug, QueryableByName)]
pub(super) struct Arrived {
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub key: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub provider: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    pub reference: String,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub is_look_up: bool,
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    pub received_at: i64,
}

pub(super) const SHOP: &str = "demo";
const CREATED_AT: i64 = 1_700_000_000_000_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// Plays a test on every database there is.
pub(super) async fn on_both(play: impl AsyncFn(&Stage)) {
    play(&Stage::sqlite().await).await;
    #[expect(clippy::disallowed_methods, reason = "a setting of the tests, not of the service")]
    let Ok(server) = std::env::var("ORDER_TEST_POSTGRES") else { return };
    let name = format!("effects_{}", Uuid::now_v7().simple());
    let mut admin = AsyncPgConnection::establish(&server).await.unwrap();
    admin.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    let stage =
        Stage::open(Place::Server(format!("{base}/{name}").parse().unwrap()), folder()).await;
    play(&stage).await;
    admin.batch_execute(&format!("DROP DATABASE {name} WITH (FORCE)")).await.unwrap();
}

impl Plan {
    pub(super) fn capture(order: i64, reference: &str) -> Self {
        Self {
            order,
            provider: "vipps",
            reference: reference.to_owned(),
            amount_minor: 100,
            sent_at: None,
            first_sent_at: None,
            lease: None,
        }
    }

    /// The same payment for the same reference.
    fn payment(&self) -> i64 {
        500_000 + self.order
    }

    fn effect(&self, shop_id: i64, id: i64, now: i64) -> EffectRow {
        let state = if self.sent_at.is_some() { EffectState::Sent } else { EffectState::Pending };
        EffectRow {
            effect_key: key(shop_id, id),
            shop_id,
            system: system_stored(System::Payments),
            payment_key: Some(key(shop_id, self.payment())),
            integration: Some(self.provider.to_owned()),
            order_key: key(shop_id, self.order),
            kind: OperationKind::Capture.stored(),
            state: effect_state_stored(state),
            attempt: i32::from(self.sent_at.is_some()),
            looks: 0,
            amount_minor: self.amount_minor,
            due_at: now,
            lease_owner: self.lease.map(|(owner, _)| owner.to_owned()),
            lease_until: self.lease.map(|(_, until)| until),
            first_sent_at: self.first_sent_at.or(self.sent_at),
            last_sent_at: self.first_sent_at.or(self.sent_at),
            absent_seen_at: None,
            doubted_at: None,
            provider_reason: None,
            needs_attention: false,
            created_at: CREATED_AT,
            key_window: Some(KEY_WINDOW_MICROS),
        }
    }
}

impl Stage {
    pub(super) async fn sqlite() -> Self {
        let folder = folder();
        let place = Place::File(folder.join("orders.db"));
        Self::open(place, folder).await
    }

    async fn open(place: Place, folder: PathBuf) -> Self {
        let settings = StoreSettings { place, readers: 4, writers: 4 };
        let store = Store::open(&settings).await.unwrap();
        let turns = Turns::start(store.clone(), Shops::default(), 2);
        let command = CreateShop {
            slug: SHOP.to_owned(),
            display_name: "Demo".to_owned(),
            settings: v1::ShopSettings::default(),
            caller: Caller {
                actor: "test".to_owned(),
                request_id: Uuid::now_v7(),
                content: [0; 32],
            },
        };
        turns.create_shop(command, false).await.unwrap();
        let shop_id = turns.shop_id(SHOP).await.unwrap();
        Self {
            store,
            providers: Providers::new(
                folder.join("book.sqlite"),
                Links::new(Vault::default(), false),
            ),
            log: Log::of(turns),
            shop_id,
            folder,
            next: Mutex::new(1_000),
        }
    }

    pub(super) fn start(&self) -> Started {
        let runner = Runner {
            store: self.store.clone(),
            providers: self.providers.clone(),
            books: Books::new(Links::new(Vault::default(), false)),
            mail: MailService::to_folder(self.folder.join("mail")),
            mail_servers: MailServers::new(
                Links::new(Vault::default(), false),
                None,
                Duration::from_secs(30),
            ),
            links: Links::new(Vault::default(), false),
            log: self.log.clone(),
            call_timeout: Duration::from_secs(30),
        };
        Started(runner.start())
    }

    /// Opens a reservation of 1,000 at vipps and at klarna, not through the runner.
    pub(super) async fn authorize(&self, reference: &str) {
        for provider in ["vipps", "klarna"] {
            let call = Call {
                shop: SHOP.to_owned(),
                provider: provider.to_owned(),
                reference: reference.to_owned(),
                key: Uuid::now_v7(),
                kind: OperationKind::Authorize,
                amount_minor: 1_000,
                currency: Currency::from_code("NOK").unwrap(),
                order: 1,
                lines: Vec::new(),
                told: Vec::new(),
                doubt: Doubt::Wait,
            };
            let report = self.provider().perform(&call).await;
            assert!(matches!(report, Report::Done(_)), "{report:?}");
        }
    }

    /// Makes the call of the next effect to be planned, as a process would that died after it.
    pub(super) async fn perform(&self, plan: &Plan) {
        let id = *self.next.lock().unwrap();
        let effect = plan.effect(self.shop_id, id, 0);
        let call = Call {
            shop: SHOP.to_owned(),
            provider: plan.provider.to_owned(),
            reference: plan.reference.clone(),
            key: key_of(SHOP, plan.provider, &plan.reference, &effect),
            kind: OperationKind::Capture,
            amount_minor: plan.amount_minor,
            currency: Currency::from_code("NOK").unwrap(),
            order: 1,
            lines: Vec::new(),
            told: Vec::new(),
            doubt: Doubt::Wait,
        };
        let report = self.provider().perform(&call).await;
        assert!(matches!(report, Report::Done(_)), "{report:?}");
    }

    fn provider(&self) -> crate::providers::Provider {
        let setup = Setup {
            name: "",
            system: &v1::integration::System::Sandbox(v1::SandboxIntegration {}),
            credentials: None,
            revision: 1,
        };
        self.providers.behind(setup).unwrap()
    }

    /// Stores the effect with its order, payment and operation; answers its key.
    pub(super) async fn plan(&self, plan: Plan) -> i64 {
        let id = {
            let mut next = self.next.lock().unwrap();
            *next += 1;
            *next - 1
        };
        let (shop_id, now) = (self.shop_id, now());
        let effect = plan.effect(shop_id, id, now);
        let changes = Changes {
            orders: vec![order(shop_id, plan.order)],
            payments: vec![payment(shop_id, &plan)],
            holders: vec![HolderRow {
                order_key: key(shop_id, plan.order),
                payment_key: key(shop_id, plan.payment()),
                position: 0,
                amount_minor: 1_000,
                is_live: true,
            }],
            operations: vec![OperationRow {
                operation_key: key(shop_id, id),
                payment_key: key(shop_id, plan.payment()),
                order_key: key(shop_id, plan.order),
                kind: OperationKind::Capture.stored(),
                state: OperationState::Pending.stored(),
                amount_minor: plan.amount_minor,
                requested_at: CREATED_AT,
                resolved_at: None,
                provider_reason: None,
                provider_reference: None,
                credit_number: None,
            }],
            effects: vec![effect.clone()],
            ..Changes::default()
        };
        on_either!(&self.store, database => database.shop_create(changes).await).unwrap();
        effect.effect_key
    }

    /// The effect as it is stored.
    pub(super) async fn effect(&self, effect_key: i64) -> EffectRow {
        on_either!(&self.store, database => database.effect_find(effect_key).await)
            .unwrap()
            .unwrap()
    }

    /// Changes the effect behind the runner's back.
    pub(super) async fn edit(&self, effect_key: i64, edit: impl Fn(&mut EffectRow)) {
        let mut effect = self.effect(effect_key).await;
        edit(&mut effect);
        let changes = Changes { effects: vec![effect], ..Changes::default() };
        on_either!(&self.store, database => database.shop_create(changes).await).unwrap();
    }

    pub(super) async fn state(&self, effect_key: i64) -> EffectState {
        effect_state(self.effect(effect_key).await.state).unwrap()
    }

    pub(super) async fn until_state(&self, effect_key: i64, state: EffectState) {
        self.until(&format!("{state:?}"), async || self.state(effect_key).await == state).await;
    }

    pub(super) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let began = Instant::now();
        while !is_so().await {
            assert!(began.elapsed() < PATIENCE, "waiting for {what}: {:?}", self.all_calls());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What was handed in for an effect, in order.
    pub(super) fn handed_in(&self, effect_key: i64) -> Vec<&'static str> {
        self.log.words(effect_key)
    }

    /// The captures and look-ups that arrived for a reference, oldest first.
    pub(super) fn calls(&self, reference: &str) -> Vec<Arrived> {
        let mut calls = self.all_calls();
        calls.retain(|call| call.reference == reference);
        calls
    }

    /// All captures and look-ups that arrived, oldest first.
    pub(super) fn all_calls(&self) -> Vec<Arrived> {
        let path = self.folder.join("book.sqlite");
        if !path.exists() {
            return Vec::new();
        }
        let mut book = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
        book.batch_execute("PRAGMA busy_timeout = 5000").unwrap();
        diesel::sql_query(
            "SELECT key, provider, reference, is_look_up, received_at FROM calls \
             WHERE kind = 'capture' ORDER BY sequence",
        )
        .load(&mut book)
        .unwrap()
    }
}

/// Microseconds since 1970.
pub(super) fn now() -> i64 {
    crate::clock::now().0
}

/// A runner that stops with its test, also when it fails.
pub(super) struct Started(Running);

impl Started {
    pub(super) async fn drain(self) {
        self.0.drain().await;
    }

    /// Leaves it to the end of the test.
    pub(super) fn leave(self) {
        drop(self.0);
    }
}

fn folder() -> PathBuf {
    let path = std::env::temp_dir().join(format!("effects-{}", Uuid::now_v7()));
    std::fs::create_dir_all(&path).unwrap();
    path
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

fn order(shop_id: i64, number: i64) -> OrderRow {
    OrderRow {
        order_key: key(shop_id, number),
        shop_id,
        number,
        kind: order_rules::order::OrderKind::Sale.stored(),
        status_id: 1,
        pending: None,
        currency: "NOK".to_owned(),
        price_basis: order_rules::order::PriceBasis::Gross.stored(),
        net_minor: 1_000,
        vat_minor: 0,
        gross_minor: 1_000,
        payment_state: order_rules::payments::PaymentState::Authorized.stored(),
        delivery_state: order_rules::order::DeliveryState::NothingToDeliver.stored(),
        has_problem: false,
        is_possible_duplicate: false,
        needs_attention: false,
        external_reference: None,
        language: "nb".to_owned(),
        customer_key: String::new(),
        lines_fingerprint: String::new(),
        original_number: None,
        revision: 1,
        personal_version: 0,
        placed_at: CREATED_AT,
        updated_at: CREATED_AT,
        completed_at: None,
        cancelled_at: None,
        deleted_at: None,
        credit_number: None,
        withdrawal_deadline: None,
        refund_due: None,
        handling: None,
    }
}

fn payment(shop_id: i64, plan: &Plan) -> PaymentRow {
    PaymentRow {
        payment_key: key(shop_id, plan.payment()),
        shop_id,
        provider: plan.provider.to_owned(),
        reference: plan.reference.clone(),
        currency: "NOK".to_owned(),
        authorization_state: Authorization::Held.stored(),
        authorized_minor: 1_000,
        captured_minor: 0,
        capture_claimed_minor: 0,
        refunded_minor: 0,
        refund_claimed_minor: 0,
        expires_at: None,
        confirmed_at: None,
        confirmed_by: None,
        read_due_at: None,
        needs_attention: false,
    }
}
