//! Tells a caller with an old etag what has changed since.

use std::collections::BTreeSet;

use order_proto::v1::{EventChange, EventKind};
use order_rules::refusals::{Code, Refusal};
use prost::Message;

use crate::commands::{Assignment, Command, Failure};
use crate::shops::integration_name;
use crate::store::{Store, StoreFailure, on_either};

/// Events that are looked through for a change of the shop or of an integration.
const EVENTS_MAX: i64 = 100_000;

/// Adds the fields of the order, the shop or the integration that changed since the caller's etag.
/// What cannot be read is left out, and so is what is too far back.
pub(super) async fn explained(
    store: &Store,
    shop_id: i64,
    assignment: &Assignment,
    failure: Failure,
) -> Failure {
    let Failure::Refused(refusal) = failure else { return failure };
    if refusal.code != Code::EtagMismatch {
        return Failure::Refused(refusal);
    }
    let current = refusal.details.iter().find(|(key, _)| *key == "current_etag");
    let current = current.and_then(|(_, etag)| revision(etag));
    let stale = stated_etag(&assignment.command).and_then(revision);
    let (Some(current), Some(stale)) = (current, stale) else { return Failure::Refused(refusal) };
    let changed = match (assignment.command.order_number(), setting(assignment)) {
        (Some(number), _) => changed_in_order(store, shop_id, number, stale).await,
        (None, Some(setting)) if current.saturating_sub(stale) <= EVENTS_MAX => {
            changed_in_setting(store, shop_id, &setting, (stale, current)).await
        }
        (None, _) => return Failure::Refused(refusal),
    };
    match changed {
        Ok(fields) => {
            let fields: Vec<String> = fields.into_iter().collect();
            Failure::Refused(Box::new(Refusal::with(*refusal, "changed_fields", fields.join(","))))
        }
        Err(_) => Failure::Refused(refusal),
    }
}

/// What a command changes that is no order.
enum Setting {
    Shop,
    /// Its name.
    Integration(String),
}

/// A status is none of these: its events do not tell which of its fields they changed.
fn setting(assignment: &Assignment) -> Option<Setting> {
    match &assignment.command {
        Command::UpdateShop(_) => Some(Setting::Shop),
        Command::UpdateIntegration(command) => {
            Some(Setting::Integration(integration_name(&assignment.shop, &command.slug)))
        }
        _ => None,
    }
}

async fn changed_in_order(
    store: &Store,
    shop_id: i64,
    number: i64,
    stale: i64,
) -> Result<BTreeSet<String>, StoreFailure> {
    let events =
        on_either!(store, database => database.order_changes_since(shop_id, number, stale).await)?;
    Ok(events.iter().flat_map(|(kind, change)| fields(*kind, change)).collect())
}

async fn changed_in_setting(
    store: &Store,
    shop_id: i64,
    setting: &Setting,
    revisions: (i64, i64),
) -> Result<BTreeSet<String>, StoreFailure> {
    let kinds = match setting {
        // With a status the setting may change that names it.
        Setting::Shop => vec![EventKind::ShopChanged as i16, EventKind::StatusesChanged as i16],
        Setting::Integration(_) => vec![EventKind::IntegrationsChanged as i16],
    };
    let changes =
        on_either!(store, database => database.shop_changes(shop_id, revisions, kinds).await)?;
    let changes = changes.iter().filter_map(|change| EventChange::decode(change.as_slice()).ok());
    let is_about_it = |change: &EventChange| match setting {
        Setting::Shop => true,
        Setting::Integration(name) => change.integration == *name,
    };
    Ok(changes.filter(is_about_it).flat_map(|change| change.fields).collect())
}

fn stated_etag(command: &Command) -> Option<&str> {
    match command {
        Command::UpdateOrder(command) => command.etag.as_deref(),
        Command::ChangeStatus(command) => command.etag.as_deref(),
        Command::WithdrawStatusChange(command) => command.etag.as_deref(),
        Command::AttachPayment(command) => command.etag.as_deref(),
        Command::DismissProblem(command) => command.etag.as_deref(),
        Command::RetryEffect(command) => command.etag.as_deref(),
        Command::SettleOperation(command) => command.etag.as_deref(),
        Command::DeliverOrder(command) => command.etag.as_deref(),
        Command::CancelDelivery(command) => command.etag.as_deref(),
        Command::ConfirmArrival(command) => command.etag.as_deref(),
        Command::RecordWithdrawal(command) => command.etag.as_deref(),
        Command::CreditOrder(command) => command.etag.as_deref(),
        Command::ResolveDuplicate(command) => command.etag.as_deref(),
        Command::DismissDuplicate(command) => command.etag.as_deref(),
        Command::EditOrder(command) => command.etag.as_deref(),
        Command::DeleteOrder(command) => command.etag.as_deref(),
        Command::AddNote(command) => command.etag.as_deref(),
        Command::ResendMail(command) => command.etag.as_deref(),
        Command::ReconcilePayment(command) => command.etag.as_deref(),
        Command::TransferOrder(command) => command.etag.as_deref(),
        Command::PrintLabel(command) => command.etag.as_deref(),
        Command::UpdateShop(command) => command.etag.as_deref(),
        Command::UpdateIntegration(command) => command.etag.as_deref(),
        Command::CreateOrder(_)
        | Command::CreateStatus(_)
        | Command::UpdateStatus(_)
        | Command::DeleteStatus(_)
        | Command::CreateIntegration(_)
        | Command::ResealCredentials(_)
        | Command::EraseCustomer(_)
        | Command::CreateStockItem(_)
        | Command::AdjustStock(_)
        | Command::HearOfPayment(_)
        | Command::RecordOutcome(_)
        | Command::RecordMail(_)
        | Command::WarnOfExpiry(_)
        | Command::RecordTransfer(_)
        | Command::RecordLabel(_) => None,
    }
}

fn revision(etag: &str) -> Option<i64> {
    etag.trim_matches('"').parse().ok()
}

/// The fields of `Order` that an event changes.
fn fields(kind: i16, change: &[u8]) -> Vec<String> {
    let kind = EventKind::try_from(i32::from(kind)).unwrap_or_default();
    let field = match kind {
        EventKind::OrderUpdated => {
            return EventChange::decode(change).map(|change| change.fields).unwrap_or_default();
        }
        EventKind::StatusChanged => "status",
        EventKind::StatusChangeRequested | EventKind::StatusChangeDropped => {
            "pending_status_change"
        }
        EventKind::PaymentAttached
        | EventKind::OperationRequested
        | EventKind::OperationResolved
        | EventKind::PaymentUpdated
        | EventKind::OperationSettled
        | EventKind::PaymentReconciled
        | EventKind::ReservationExpiring => "payments",
        EventKind::StockTaken
        | EventKind::StockPutBack
        | EventKind::OrderEdited
        | EventKind::OrderCredited => "lines",
        EventKind::Delivered | EventKind::DeliveryCancelled | EventKind::ArrivalConfirmed => {
            "deliveries"
        }
        EventKind::WithdrawalRecorded => "withdrawal",
        EventKind::MailRequested | EventKind::MailResolved => "mails",
        EventKind::TransferRequested | EventKind::TransferResolved => "accounting_transfers",
        EventKind::LabelRequested | EventKind::LabelResolved => "labels",
        EventKind::ResolutionRequested | EventKind::ResolutionDropped => "pending_resolution",
        EventKind::OrderDeleted => "delete_time",
        EventKind::CustomerErased => "customer",
        EventKind::ProblemOpened | EventKind::ProblemClosed => "problems",
        EventKind::DuplicateFound | EventKind::DuplicateResolved => "duplicates",
        EventKind::NoteAdded => "notes",
        EventKind::OrderCreated
        | EventKind::StatusesChanged
        | EventKind::ShopChanged
        | EventKind::IntegrationsChanged
        | EventKind::StockChanged
        | EventKind::Noop
        | EventKind::Unspecified => return Vec::new(),
    };
    vec![field.to_owned()]
}
