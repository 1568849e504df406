//! The exactness audit of a shop: its log is followed, its orders are recomputed, its balances are
//! summed up; whatever is not as it must be is told.

mod chain;
mod commands;
mod saying;

use std::collections::BTreeMap;

use order_proto::v1::verify_shop_response::Message as Said;
use order_proto::v1::{self, VerifyProgress, VerifyShopResponse, VerifySummary};
use order_rules::audit::Invariant;
use tokio::sync::mpsc;

use self::chain::{Chain, Step};
use self::commands::{Commands, Wrong};
use crate::commands::Failure;
use crate::shops::Shops;
use crate::store::audits::{BalanceRow, Extent, LinkRow};
use crate::store::{Store, StoreFailure, on_either};
use crate::turns::{Followed, Turns};

/// Audits shops for callers.
#[derive(Clone)]
pub(crate) struct Verifying {
    store: Store,
    shops: Shops,
    turns: Turns,
}

/// One audit under way.
struct Audit {
    verifying: Verifying,
    shop_id: i64,
    extent: Extent,
    told: mpsc::Sender<Result<VerifyShopResponse, Failure>>,
    summary: VerifySummary,
}

/// Why an audit ends before its end.
enum Stop {
    /// Nobody takes its messages any more.
    Gone,
    Failed(Failure),
}

const EVENTS_A_PAGE: i64 = 2_000;
const ORDERS_A_PAGE: i64 = 100;
/// Breaches that are told; the others are only counted.
const BREACHES_TOLD_MAX: i64 = 1_000;
/// Messages that wait for a slow caller; the audit waits then, too.
const MESSAGES_WAITING_MAX: usize = 64;

impl Verifying {
    pub(crate) fn new(store: Store, shops: Shops, turns: Turns) -> Self {
        Self { store, shops, turns }
    }

    /// Begins an audit; its messages come as it goes on. It ends when nobody takes them any more.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, a store that is away.
    pub(crate) async fn verify(
        &self,
        shop: &str,
    ) -> Result<mpsc::Receiver<Result<VerifyShopResponse, Failure>>, Failure> {
        let shop_id = self.turns.shop_id(shop).await?;
        let extent = on_either!(&self.store, database => database.audit_extent(shop_id).await)?;
        let (told, messages) = mpsc::channel(MESSAGES_WAITING_MAX);
        let summary = VerifySummary {
            revision: extent.revision,
            payments: extent.payments,
            stock_items: extent.stock_items,
            ..VerifySummary::default()
        };
        let audit = Audit { verifying: self.clone(), shop_id, extent, told, summary };
        tokio::spawn(audit.run());
        Ok(messages)
    }
}

impl Audit {
    async fn run(mut self) {
        if let Err(Stop::Failed(failure)) = self.steps().await {
            // Whoever asked may have gone meanwhile.
            let _gone = self.told.send(Err(failure)).await;
        }
    }

    async fn steps(&mut self) -> Result<(), Stop> {
        let chain = self.follow_log().await?;
        let followed = Followed { revision: chain.revision(), days_set_at: chain.days_set_at() };
        let credits = self.recompute_orders(followed).await?;
        self.check_credits(&chain.into_credited(), credits).await?;
        self.sum_stock().await?;
        self.say(Said::Summary(self.summary)).await
    }

    /// Every revision once, every command whole, time never falling, every order number once, every
    /// event of its order and kind.
    async fn follow_log(&mut self) -> Result<Chain, Stop> {
        let (shop_id, head) = (self.shop_id, self.extent.revision);
        let (mut chain, mut commands) = (Chain::default(), Commands::default());
        loop {
            let after = chain.revision();
            let store = &self.verifying.store;
            let rows = on_either!(store, database => database
                .audit_events(shop_id, after, EVENTS_A_PAGE)
                .await)?;
            let seen: Vec<&LinkRow> = rows.iter().filter(|row| row.revision <= head).collect();
            for row in &seen {
                self.summary.events = self.summary.events.saturating_add(1);
                for description in chain.follow(row) {
                    self.breach(Invariant::EventChain, None, description).await?;
                }
                self.events(commands.follow(row)).await?;
            }
            self.progress().await?;
            if seen.is_empty() || chain.revision() >= head {
                break;
            }
        }
        self.events(commands.end()).await?;
        for (invariant, description) in chain.differences(&self.extent) {
            self.breach(invariant, None, description).await?;
        }
        Ok(chain)
    }

    async fn events(&mut self, wrong: Vec<Wrong>) -> Result<(), Stop> {
        for (order, description) in wrong {
            self.breach(Invariant::Events, order, description).await?;
        }
        Ok(())
    }

    /// Answers the order and the number of every credit.
    async fn recompute_orders(&mut self, followed: Followed) -> Result<BTreeMap<i64, i64>, Stop> {
        let mut credits = BTreeMap::new();
        let mut after = 0;
        loop {
            let asked = (after, ORDERS_A_PAGE);
            let page = self.verifying.turns.audit(self.shop_id, asked, followed).await?;
            let orders = i64::try_from(page.orders).unwrap_or(i64::MAX);
            self.summary.orders = self.summary.orders.saturating_add(orders);
            credits.extend(page.credits);
            for (number, breach) in page.found {
                self.breach(breach.invariant, Some(number), breach.description).await?;
            }
            self.progress().await?;
            match page.last {
                Some(last) if orders >= ORDERS_A_PAGE => after = last,
                _ => return Ok(credits),
            }
        }
    }

    /// Gapless, but where its start was raised (4.4, 9.5).
    async fn check_credits(
        &mut self,
        credited: &[Step],
        mut credits: BTreeMap<i64, i64>,
    ) -> Result<(), Stop> {
        // Credits made since the audit began are beyond what it compares with.
        credits.retain(|order, _| *order < self.extent.next_order_number);
        for description in chain::credits(credited, credits, self.extent.next_credit_number) {
            self.breach(Invariant::CreditSeries, None, description).await?;
        }
        Ok(())
    }

    async fn sum_stock(&mut self) -> Result<(), Stop> {
        let shop_id = self.shop_id;
        let store = &self.verifying.store;
        let wrong = on_either!(store, database => database.audit_stock(shop_id).await)?;
        for BalanceRow { sku, on_hand, moved } in wrong {
            let text = format!("{sku}: {on_hand} on hand, but its movements come to {moved}");
            self.breach(Invariant::StockBalance, None, text).await?;
        }
        Ok(())
    }

    async fn breach(
        &mut self,
        invariant: Invariant,
        order: Option<i64>,
        description: String,
    ) -> Result<(), Stop> {
        self.summary.breaches = self.summary.breaches.saturating_add(1);
        if self.summary.breaches > BREACHES_TOLD_MAX {
            return Ok(());
        }
        let shop = self.verifying.shops.shop(self.shop_id);
        let order = shop.zip(order).map(|(shop, number)| shop.order_name(number));
        self.say(Said::Breach(v1::Breach {
            invariant: invariant.name().to_owned(),
            order: order.unwrap_or_default(),
            description,
        }))
        .await
    }

    async fn progress(&self) -> Result<(), Stop> {
        self.say(Said::Progress(VerifyProgress {
            orders: self.summary.orders,
            events: self.summary.events,
            orders_total: self.extent.orders,
            events_total: self.extent.events,
        }))
        .await
    }

    async fn say(&self, message: Said) -> Result<(), Stop> {
        let message = VerifyShopResponse { message: Some(message) };
        self.told.send(Ok(message)).await.map_err(|_| Stop::Gone)
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<StoreFailure> for Stop {
    fn from(failure: StoreFailure) -> Self {
        Self::Failed(failure.into())
    }
}
