//! The exactness audit of a shop: its log is followed, its orders are recomputed, its balances are
//! summed up; whatever is not as it must be is told.

use order_proto::v1::verify_shop_response::Message as Said;
use order_proto::v1::{
    self, EventChange, EventKind, VerifyProgress, VerifyShopResponse, VerifySummary,
};
use prost::Message;
use tokio::sync::mpsc;

use crate::commands::Failure;
use crate::shops::Shops;
use crate::store::audits::{BalanceRow, Extent, LinkRow};
use crate::store::{Store, StoreFailure, on_either};
use crate::turns::Turns;

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

/// The log, as far as it was followed.
#[derive(Default)]
struct Chain {
    revision: i64,
    command: i64,
    time: i64,
    request_id: Vec<u8>,
    next_order: Option<i64>,
    /// The series of credits was raised so often.
    raises: usize,
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
        let raises = self.follow_log().await?;
        let credits = self.recompute_orders().await?;
        self.check_credits(credits, raises).await?;
        self.sum_stock().await?;
        self.say(Said::Summary(self.summary)).await
    }

    /// Every revision once, every command whole, time never falling, every order number once. Answers
    /// how often the start of the series of credits was raised.
    async fn follow_log(&mut self) -> Result<usize, Stop> {
        let (shop_id, head) = (self.shop_id, self.extent.revision);
        let mut chain = Chain::default();
        loop {
            let after = chain.revision;
            let store = &self.verifying.store;
            let rows = on_either!(store, database => database
                .audit_events(shop_id, after, EVENTS_A_PAGE)
                .await)?;
            let seen: Vec<&LinkRow> = rows.iter().filter(|row| row.revision <= head).collect();
            for row in &seen {
                self.summary.events = self.summary.events.saturating_add(1);
                for description in chain.follow(row) {
                    self.breach("event-chain", None, description).await?;
                }
            }
            self.progress().await?;
            if seen.is_empty() || chain.revision >= head {
                break;
            }
        }
        if chain.revision != head {
            let text = format!("it ends at {}, its head is {head}", chain.revision);
            self.breach("event-chain", None, text).await?;
        }
        if chain.time != self.extent.last_event_at {
            let text = "the head has another time than the last event".to_owned();
            self.breach("event-chain", None, text).await?;
        }
        let next = self.extent.next_order_number;
        if let Some(expected) = chain.next_order.filter(|expected| *expected != next) {
            let text = format!("the next order gets {next}, not {expected}");
            self.breach("order-series", None, text).await?;
        }
        Ok(chain.raises)
    }

    /// Answers the numbers of all credits.
    async fn recompute_orders(&mut self) -> Result<Vec<i64>, Stop> {
        let mut credits = Vec::new();
        let mut after = 0;
        loop {
            let page = self.verifying.turns.audit(self.shop_id, after, ORDERS_A_PAGE).await?;
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
    async fn check_credits(&mut self, mut credits: Vec<i64>, raises: usize) -> Result<(), Stop> {
        credits.sort_unstable();
        let pairs = credits.iter().zip(credits.iter().skip(1));
        let jumps = pairs.clone().filter(|(one, next)| one.saturating_add(1) < **next).count();
        if jumps > raises {
            let text = format!("{jumps} gaps, though its start was raised {raises} times");
            self.breach("credit-series", None, text).await?;
        }
        let next = self.extent.next_credit_number;
        // Credits made since the audit began are beyond what it compares with.
        if jumps == 0
            && raises == 0
            && credits.last().is_some_and(|last| last.saturating_add(1) < next)
        {
            let text = format!("the next credit gets {next}, the last had {:?}", credits.last());
            self.breach("credit-series", None, text).await?;
        }
        if pairs.clone().any(|(one, next)| one == next) {
            self.breach("credit-series", None, "a number was given twice".to_owned()).await?;
        }
        Ok(())
    }

    async fn sum_stock(&mut self) -> Result<(), Stop> {
        let shop_id = self.shop_id;
        let store = &self.verifying.store;
        let wrong = on_either!(store, database => database.audit_stock(shop_id).await)?;
        for BalanceRow { sku, on_hand, moved } in wrong {
            let text = format!("{sku}: {on_hand} on hand, but its movements come to {moved}");
            self.breach("stock-balance", None, text).await?;
        }
        Ok(())
    }

    async fn breach(
        &mut self,
        invariant: &str,
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
            invariant: invariant.to_owned(),
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

impl Chain {
    /// Takes the next event; answers what is wrong with it.
    fn follow(&mut self, row: &LinkRow) -> Vec<String> {
        let mut wrong = Vec::new();
        let revision = row.revision;
        if revision != self.revision.saturating_add(1) {
            wrong.push(format!("{revision} follows {}", self.revision));
        }
        let is_first = row.command_revision == revision;
        if !is_first && row.command_revision != self.command {
            wrong.push(format!("{revision} is of no command"));
        }
        if row.content.is_some() != is_first {
            wrong.push(format!("{revision}: the request stands at the wrong event"));
        }
        if !is_first && row.request_id != self.request_id {
            wrong.push(format!("{revision}: a command has two requests"));
        }
        if row.created_at < self.time {
            wrong.push(format!("time falls at {revision}"));
        }
        wrong.extend(self.follow_numbers(row));
        self.revision = revision;
        self.command = row.command_revision;
        self.time = row.created_at;
        self.request_id.clone_from(&row.request_id);
        wrong
    }

    /// Order numbers ascend without gaps in the order of placing, but where their start was raised.
    fn follow_numbers(&mut self, row: &LinkRow) -> Option<String> {
        let kind = EventKind::try_from(i32::from(row.kind)).unwrap_or_default();
        match (kind, row.order_number) {
            (EventKind::OrderCreated, Some(number)) => {
                let expected = self.next_order.replace(number.saturating_add(1));
                let is_right = expected.is_none_or(|expected| expected == number);
                (!is_right).then(|| {
                    format!("order {number} was placed at {}, {expected:?} was next", row.revision)
                })
            }
            (EventKind::ShopChanged, _) => {
                let change = EventChange::decode(row.change.as_slice()).unwrap_or_default();
                let names = |path: &str| change.fields.iter().any(|field| field == path);
                if names("settings.next_order_number") {
                    self.next_order = None;
                }
                self.raises =
                    self.raises.saturating_add(usize::from(names("settings.next_credit_number")));
                None
            }
            _ => None,
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn link(revision: i64, command_revision: i64) -> LinkRow {
        LinkRow {
            revision,
            command_revision,
            kind: EventKind::StatusChanged as i16,
            order_number: Some(7),
            created_at: 100,
            request_id: vec![1],
            content: (revision == command_revision).then(Vec::new),
            change: Vec::new(),
        }
    }

    fn wrong(rows: &[LinkRow]) -> Vec<String> {
        let mut chain = Chain::default();
        rows.iter().flat_map(|row| chain.follow(row)).collect()
    }

    #[test]
    fn a_whole_log_has_nothing_wrong() {
        assert_eq!(wrong(&[link(1, 1), link(2, 1), link(3, 3)]), Vec::<String>::new());
    }

    #[test]
    fn every_way_a_log_can_be_damaged_is_seen() {
        let other = |change: fn(&mut LinkRow)| {
            let mut row = link(2, 1);
            change(&mut row);
            wrong(&[link(1, 1), row]).len()
        };
        assert_eq!(wrong(&[link(1, 1), link(3, 3)]), ["3 follows 1"]);
        assert_eq!(wrong(&[link(1, 1), link(1, 1)]), ["1 follows 1"]);
        assert_eq!(other(|row| row.command_revision = 7), 1);
        assert_eq!(other(|row| row.content = Some(Vec::new())), 1);
        assert_eq!(other(|row| row.request_id = vec![2]), 1);
        assert_eq!(other(|row| row.created_at = 99), 1);
    }

    #[test]
    fn order_numbers_have_gaps_only_where_their_start_was_raised() {
        let placed = |revision: i64, number: i64| LinkRow {
            kind: EventKind::OrderCreated as i16,
            order_number: Some(number),
            ..link(revision, revision)
        };
        assert_eq!(wrong(&[placed(1, 1_001), placed(2, 1_002)]).len(), 0);
        assert_eq!(wrong(&[placed(1, 1_001), placed(2, 1_003)]).len(), 1);
        let raised = LinkRow {
            kind: EventKind::ShopChanged as i16,
            order_number: None,
            change: EventChange {
                fields: vec!["settings.next_order_number".to_owned()],
                ..EventChange::default()
            }
            .encode_to_vec(),
            ..link(2, 2)
        };
        assert_eq!(wrong(&[placed(1, 1_001), raised, placed(3, 2_000)]).len(), 0);
    }
}
