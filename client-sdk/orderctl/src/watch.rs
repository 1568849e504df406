//! `orderctl watch`: what happens in the shop, one line per event, live.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use order_proto::v1::watch_orders_response::Message;
use order_sdk::{CheckpointStore, Cursor, Error, FileCheckpoints, Start, WatchItem, proto};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::amounts::money;
use crate::event_words::change;
use crate::failure::Failure;
use crate::labels::{choice_but, label};
use crate::output::Output;
use crate::session::{Session, last_part};
use crate::status_names::StatusNames;
use crate::times::{duration, local};

/// A checkpoint costs a write to disk: not one per event while catching up.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  orderctl watch
  orderctl watch --from oldest --kind order-created --kind status-changed
  orderctl watch --from snapshot --output json --checkpoint ./cursor | ./index
  orderctl watch --from oldest --until-caught-up

The stream has every event once, in order, without a gap, and goes on by itself when the connection \
breaks or the service restarts: when it is away and when it is back is told on stderr. With --checkpoint \
the next run goes on where this one stopped; what was printed just before a crash may be printed again. A \
cursor belongs to its filter.";

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct WatchArguments {
    /// Where to begin: now, oldest, snapshot (every order as it is first), or a cursor
    #[arg(long, value_name = "START", default_value = "now")]
    from: String,

    /// File that keeps the cursor; when it holds one, the stream begins there instead of at --from
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<std::path::PathBuf>,

    /// Only events of this kind, e.g. order-created, status-changed, problem-opened
    #[arg(long, value_name = "KIND", value_parser = listened_to)]
    kind: Vec<proto::EventKind>,

    /// Only events after which the order has this status
    #[arg(long, value_name = "STATUS")]
    status: Vec<String>,

    /// Only events about this order
    #[arg(long, value_name = "NUMBER")]
    order: Vec<String>,

    /// Longest silence, 1s to 60s
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "15s")]
    heartbeat: Duration,

    /// End when the head of the log is reached
    #[arg(long)]
    until_caught_up: bool,
}

/// A kind of event that the stream can have: what changed nothing is only in the history.
fn listened_to(text: &str) -> Result<proto::EventKind, String> {
    choice_but(text, |kind: proto::EventKind| kind == proto::EventKind::Noop)
}

/// Stores the cursor of what has been printed, now and then.
struct Keeper {
    store: Option<FileCheckpoints>,
    unsaved: Option<Cursor>,
    saved_at: Instant,
}

pub(crate) async fn run(session: &Session, arguments: WatchArguments) -> Result<(), Failure> {
    let store = arguments.checkpoint.as_ref().map(FileCheckpoints::new);
    let mut watch = session
        .client
        .watch(&session.shop)
        .from(start(&arguments.from)?)
        .kinds(arguments.kind.iter().copied())
        .heartbeat(arguments.heartbeat);
    if !arguments.status.is_empty() {
        let names = StatusNames::load(session).await?;
        for status in &arguments.status {
            watch = watch.status(&names.meant(session, status).await?);
        }
    }
    for order in &arguments.order {
        watch = watch.order(&session.order_name(order)?);
    }
    if let Some(store) = &store {
        watch = watch.resume_from(store).await?;
    }
    let mut keeper = Keeper { store, unsaved: None, saved_at: Instant::now() };
    let is_away = Arc::new(AtomicBool::new(false));
    let mut items = watch.on_unreachable(tell_once(Arc::clone(&is_away))).open();
    // Listened to from here on: a signal that comes while an item is printed is not lost.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let ended = loop {
        let item = tokio::select! {
            item = items.next() => item,
            _ = interrupt.recv() => break Ok(()),
            _ = terminate.recv() => break Ok(()),
        };
        match item {
            Some(Ok(item)) => {
                print(session, &item, is_away.swap(false, Ordering::Relaxed))?;
                Output::flush()?;
                let is_caught_up = matches!(item, WatchItem::CaughtUp { .. });
                keeper.printed(&item).await?;
                if is_caught_up && arguments.until_caught_up {
                    break Ok(());
                }
            }
            Some(Err(error)) => break Err(error.into()),
            None => break Ok(()),
        }
    };
    keeper.save().await?;
    ended
}

impl Keeper {
    async fn printed(&mut self, item: &WatchItem) -> Result<(), Failure> {
        if self.store.is_some() {
            self.unsaved = Some(item.cursor().clone());
        }
        let is_due = self.saved_at.elapsed() >= CHECKPOINT_INTERVAL;
        if is_due || matches!(item, WatchItem::CaughtUp { .. }) {
            self.save().await
        } else {
            Ok(())
        }
    }

    async fn save(&mut self) -> Result<(), Failure> {
        if let (Some(store), Some(cursor)) = (&self.store, self.unsaved.take()) {
            store.save(&cursor).await?;
            self.saved_at = Instant::now();
        }
        Ok(())
    }
}

fn start(text: &str) -> Result<Start, Failure> {
    Ok(match text {
        "now" => Start::Now,
        "oldest" => Start::Oldest,
        "snapshot" => Start::Snapshot,
        "" => {
            return Err(Failure::Usage(
                "--from needs now, oldest, snapshot or a cursor".to_owned(),
            ));
        }
        cursor => {
            let Ok(cursor) = cursor.parse();
            Start::Cursor(cursor)
        }
    })
}

/// Says that the service is away, and no more until it is back.
fn tell_once(is_away: Arc<AtomicBool>) -> impl Fn(&Error) + Send + Sync + 'static {
    move |_why: &Error| {
        if !is_away.swap(true, Ordering::Relaxed) {
            Output::tell("the service cannot be reached; trying again");
        }
    }
}

/// Prints data, and tells the rest; in JSON all is data, but that the service is back.
fn print(session: &Session, item: &WatchItem, is_back: bool) -> Result<(), Failure> {
    if let WatchItem::Created { place, is_resumed, .. } = item
        && (is_back || !session.output.is_json())
    {
        let (what, how) =
            if *is_resumed { ("connected again", "") } else { ("watching", ", ctrl-c ends") };
        Output::tell(&format!("{what} at revision {}{how}", place.revision));
    }
    if session.output.is_json() {
        return Output::json(&message(item));
    }
    match item {
        WatchItem::SnapshotOrder { order, .. } => Output::text(&order_line(session, order)),
        WatchItem::SnapshotComplete { place } => {
            Output::tell(&format!("snapshot complete at revision {}", place.revision));
            Ok(())
        }
        WatchItem::Batch { events, orders, .. } => events.iter().try_for_each(|event| {
            let order = orders.iter().find(|order| order.name == event.order);
            let currency_code = order.map_or("", |order| order.currency_code.as_str());
            Output::text(&event_line(session, event, currency_code))
        }),
        WatchItem::FellBehind { place, head_revision } => {
            let behind = head_revision - place.revision;
            Output::tell(&format!("{behind} revisions behind"));
            Ok(())
        }
        _ => Ok(()),
    }
}

fn event_line(session: &Session, event: &proto::Event, currency_code: &str) -> String {
    let about = match last_part(&event.order) {
        "" => "shop".to_owned(),
        number => format!("order {number}"),
    };
    let when = session.output.aside(&local(event.create_time.as_ref()));
    let kind = session.output.heading(&label::<proto::EventKind>(event.kind));
    let line = format!(
        "{when}  {}  {about}  {kind}  {}  by {}",
        event.revision,
        change(event, currency_code),
        event.actor
    );
    line.replace("    by ", "  by ")
}

fn order_line(session: &Session, order: &proto::Order) -> String {
    let when = session.output.aside(&local(order.update_time.as_ref()));
    let total = order.totals.as_ref().map_or(0, |totals| totals.gross_minor);
    format!(
        "{when}  {}  order {}  {}  {}  {}",
        order.revision,
        order.number,
        last_part(&order.status),
        label::<proto::PaymentState>(order.payment_state),
        money(total, &order.currency_code)
    )
}

/// The item as the contract says it.
fn message(item: &WatchItem) -> proto::WatchOrdersResponse {
    let message = match item.clone() {
        WatchItem::Created { oldest_revision, head_revision, .. } => {
            Some(Message::Created(proto::WatchCreated {
                oldest_revision,
                head_revision,
                heartbeat: None,
            }))
        }
        WatchItem::SnapshotOrder { order, .. } => {
            Some(Message::SnapshotOrder(proto::WatchSnapshotOrder { order: Some(*order) }))
        }
        WatchItem::SnapshotComplete { .. } => {
            Some(Message::SnapshotComplete(proto::WatchSnapshotComplete {}))
        }
        WatchItem::Batch { events, orders, .. } => {
            Some(Message::Batch(proto::WatchBatch { events, orders }))
        }
        WatchItem::Checkpoint { head_revision, .. } => {
            Some(Message::Checkpoint(proto::WatchCheckpoint { head_revision }))
        }
        WatchItem::CaughtUp { .. } => Some(Message::CaughtUp(proto::WatchCaughtUp {})),
        WatchItem::FellBehind { head_revision, .. } => {
            Some(Message::FellBehind(proto::WatchFellBehind { head_revision }))
        }
        // Newer than this program: its place is told.
        _ => None,
    };
    proto::WatchOrdersResponse {
        revision: item.revision(),
        cursor: item.cursor().to_string(),
        message,
    }
}
