//! The one way from a failure to the status a caller sees: code, reason, remedy, and nothing internal.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use order_rules::refusals::{Code, Refusal, Violation};
use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};
use uuid::Uuid;

use super::about::About;
use crate::catalogue;
use crate::commands::Failure;

/// Domain of every reason.
const DOMAIN: &str = "orders.v1";
/// Wrong fields that are listed; the others are counted.
const VIOLATIONS_MAX: usize = 50;
/// Bytes of all wrong fields that are listed. The details go into one header, and clients accept
/// 16 KiB of headers: all parts together stay below 4 KiB.
const VIOLATION_BYTES_MAX: usize = 1_200;
/// Bytes of all named values.
const METADATA_BYTES_MAX: usize = 800;
/// Named values that are lists, with commas between their parts.
const LISTS: [&str; 6] = ["skus", "order", "orders", "changed_fields", "left_by_line", "missing"];
/// Ends the name of how many parts of a list are left out.
const OMITTED: &str = "_omitted";
/// Room for how many those are.
const OMITTED_DIGITS: usize = 7;
/// When nobody knows better.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// What a status holds besides its reason.
enum Fitting {
    /// Every wrong field.
    Fields,
    /// What the thing is like, so that the command is refused.
    State,
    /// The thing that is not there, or there already.
    Resource(&'static str),
    /// How long to wait.
    Retry,
    Nothing,
}

/// The status of a failure, with its remedy in the language the caller prefers, and about what the
/// call is about.
pub(crate) fn status(failure: Failure, accept_language: &str, about: &About) -> Status {
    let (refusal, retry_after) = refusal_of(failure);
    refused(&refusal, retry_after, accept_language, about)
}

/// A failure as it is told within an answer.
pub(crate) struct Told {
    pub(crate) code: Code,
    /// Title, cause and remedy in the language the caller prefers.
    pub(crate) message: String,
    /// Named values of the case, and every wrong field.
    pub(crate) details: HashMap<String, String>,
}

/// What an answer tells of a failure that does not end the call.
pub(crate) fn told(failure: Failure, accept_language: &str, about: &About) -> Told {
    let (refusal, _) = refusal_of(failure);
    let mut details = metadata(&refusal.details);
    let (listed, _) = listed(&refusal.violations);
    details.extend(listed.into_iter().map(|violation| (violation.field, violation.description)));
    let message = remedy(&refusal, accept_language, about).1;
    Told { code: refusal.code, message, details }
}

/// The refusal that a failure is to a caller, and how long to wait. A defect is logged.
fn refusal_of(failure: Failure) -> (Refusal, Duration) {
    match failure {
        Failure::Refused(refusal) => (*refusal, RETRY_AFTER),
        Failure::QueueFull { retry_after } => (Refusal::new(Code::QueueFull), retry_after),
        Failure::Unavailable { retry_after } => (Refusal::new(Code::Unavailable), retry_after),
        Failure::Internal { log } => {
            let incident = Uuid::new_v4();
            tracing::error!(%incident, failure = log, "a call failed by a defect");
            (Refusal::new(Code::Internal).with("incident", incident), RETRY_AFTER)
        }
    }
}

/// Title, cause and remedy, and the language they are in.
fn remedy(refusal: &Refusal, accept_language: &str, about: &About) -> (&'static str, String) {
    let text = catalogue::text(refusal.code, accept_language);
    let [cause, remedy] = [text.cause, text.remedy].map(|said| about.fill(said, &refusal.details));
    (text.language, format!("{}\n{cause}\n{remedy}", text.title))
}

fn refused(
    refusal: &Refusal,
    retry_after: Duration,
    accept_language: &str,
    about: &About,
) -> Status {
    let code = refusal.code;
    let name = code.name();
    let english = catalogue::text(code, "");
    let (language, remedy) = remedy(refusal, accept_language, about);
    let (listed, omitted) = listed(&refusal.violations);
    let mut metadata = metadata(&refusal.details);
    if omitted > 0 {
        metadata.insert("violations_omitted".to_owned(), omitted.to_string());
    }

    let mut details = ErrorDetails::with_error_info(name, DOMAIN, metadata);
    details.add_help_link(format!("orderctl explain {name}"), format!("refusals/{name}"));
    details.set_localized_message(language, remedy);
    match fitting(code) {
        Fitting::Fields => {}
        Fitting::State => {
            let named = refusal.details.iter().find(|(_, value)| value.starts_with("shops/"));
            let subject = named.map(name_in).unwrap_or_default();
            let violation = PreconditionViolation::new(name, subject, english.title);
            details.set_precondition_failure(vec![violation]);
        }
        Fitting::Resource(kind) => {
            let wanted = refusal.details.first().map(name_in).unwrap_or_default();
            details.set_resource_info(kind, wanted, "", english.title);
        }
        Fitting::Retry => {
            details.set_retry_info(Some(retry_after));
        }
        Fitting::Nothing => {}
    }
    if !listed.is_empty() {
        details.set_bad_request(listed);
    }
    // A problem never ends a call; that one did is a defect.
    let grpc = catalogue::page(code).grpc.unwrap_or(tonic::Code::Internal);
    Status::with_error_details(grpc, message(english.title, &refusal.violations), details)
}

/// What fits a code beside its reason. Exhaustive: a new code is a decision.
#[expect(clippy::too_many_lines, reason = "a table: one row per code")]
fn fitting(code: Code) -> Fitting {
    match code {
        Code::InvalidRequest
        | Code::PageTokenInvalid
        | Code::CursorInvalid
        | Code::RequestIdReused
        | Code::TotalMismatch => Fitting::Fields,

        Code::MailNotFound => Fitting::Resource("orders.v1/Mail"),
        Code::LabelNotFound => Fitting::Resource("orders.v1/Label"),

        Code::ShopNotFound | Code::ShopExists => Fitting::Resource("orders.v1/Shop"),
        Code::OrderNotFound
        | Code::OrderDeleted
        | Code::RevisionNotFound
        | Code::ExternalReferenceTaken => Fitting::Resource("orders.v1/Order"),
        Code::DeliveryNotFound => Fitting::Resource("orders.v1/Delivery"),
        Code::StatusNotFound | Code::StatusExists => Fitting::Resource("orders.v1/OrderStatus"),
        Code::StockItemNotFound | Code::StockItemExists => Fitting::Resource("orders.v1/StockItem"),
        Code::IntegrationNotFound | Code::IntegrationExists => {
            Fitting::Resource("orders.v1/Integration")
        }
        Code::RefusalNotFound => Fitting::Resource("orders.v1/Refusal"),
        Code::CustomerNotFound => Fitting::Resource("orders.v1/Person"),
        Code::ProblemNotFound => Fitting::Resource("orders.v1/Problem"),
        Code::OperationNotFound => Fitting::Resource("orders.v1/Operation"),
        Code::PaymentNotFound => Fitting::Resource("orders.v1/Payment"),

        Code::StatusTagRequired
        | Code::StatusTagFixed
        | Code::StatusInUse
        | Code::StatusChangePending
        | Code::NoStatusChangePending
        | Code::EffectAlreadySent
        | Code::NotDelivered
        | Code::NotCompleted
        | Code::ShippingAddressIncomplete
        | Code::LabelsNotSetUp
        | Code::CarrierUnavailable
        | Code::PartlyDelivered
        | Code::AlreadyCaptured
        | Code::RestockRequired
        | Code::ReservationGone
        | Code::ReservationExpired
        | Code::PaymentPending
        | Code::CreditOrderFinal
        | Code::OrderCancelled
        | Code::WithdrawalTooLate
        | Code::DeliveryExceedsOrdered
        | Code::DeliveryCaptured
        | Code::CreditExceedsCaptured
        | Code::RefundByHand
        | Code::DuplicateUnresolved
        | Code::DuplicateNotCreditable
        | Code::LineFixed
        | Code::TotalMayNotRise
        | Code::TotalBelowCaptured
        | Code::MoneyNotCredited
        | Code::EffectPending
        | Code::ProblemOpen
        | Code::ReservationHeld
        | Code::DuplicateAlreadyCaptured
        | Code::NotADuplicate
        | Code::SamePayment
        | Code::KeptOrderCancelled
        | Code::PaymentInsufficient
        | Code::PaymentMismatch
        | Code::OutOfStock
        | Code::OrderNumberTaken
        | Code::CreditNumberTaken
        | Code::ProblemNotDismissible
        | Code::OperationNotSent
        | Code::OperationFinal
        | Code::EffectNotRetryable
        | Code::PaymentNotReadable
        | Code::ExtensionDeclined
        | Code::SellerDetailsMissing
        | Code::EmailMissing
        | Code::MailFilesGone
        | Code::MoneyOpen
        | Code::AlreadyTransferred
        | Code::OriginalNotTransferred
        | Code::AccountingNotSetUp
        | Code::IntegrationInUse
        | Code::CredentialsKeyMissing
        | Code::WebhooksOff
        | Code::EtagMismatch => Fitting::State,

        Code::QueueFull | Code::Unavailable | Code::ProviderUnavailable => Fitting::Retry,

        Code::CursorExpired
        | Code::CursorAhead
        | Code::DeadlineExceeded
        | Code::Internal
        | Code::TransferDeclined
        | Code::TransferUnknown
        | Code::VatNotEnabled
        | Code::PaymentTypeMissing
        | Code::BankAccountMissing
        | Code::CustomerCannotReceive
        | Code::BooksLocked
        | Code::BooksDiffer
        | Code::CreditedInBooks
        | Code::CurrencyNotEnabled
        | Code::RejectedByAccounting
        | Code::CaptureDeclined
        | Code::VoidDeclined
        | Code::ReleaseDeclined
        | Code::RefundDeclined
        | Code::CaptureReversed
        | Code::RefundReversed
        | Code::ChangedAtProvider
        | Code::AuthorizationDeclined
        | Code::AmountUpdateDeclined
        | Code::OutcomeUnknown
        | Code::OperationDelayed
        | Code::LedgerDiffers
        | Code::RefundedAtProvider
        | Code::ReservationExpiring
        | Code::Oversold
        | Code::MailDeclined
        | Code::MailUnknown
        | Code::MailWaiting
        | Code::LabelDeclined
        | Code::LabelUnknown
        | Code::PrintDeclined
        | Code::PrintUnknown
        | Code::IntegrationDisabled
        | Code::IntegrationUnauthorized
        | Code::IntegrationUnusable
        | Code::NotAllowedAtProvider
        | Code::NotFoundAtProvider
        | Code::RejectedByProvider
        | Code::FraudRejected
        | Code::PaymentNotApproved
        | Code::NotEnabledAtProvider
        | Code::FundsUnavailable
        | Code::RefundPeriodOver
        | Code::UnknownProviderError
        | Code::TransportAgreementInvalid
        | Code::CarrierLicenceSpent
        | Code::PrinterUnavailable => Fitting::Nothing,
    }
}

/// The title, and for people without a tool the first wrong field.
fn message(title: &str, violations: &[Violation]) -> String {
    let Some(Violation { field, description }) = violations.first() else {
        return title.to_owned();
    };
    let first = cut(format!("{title}: {field} {description}"), METADATA_BYTES_MAX / 2);
    match violations.len() - 1 {
        0 => first,
        others => format!("{first} (and {others} more)"),
    }
}

/// The wrong fields that fit into a status, and how many do not.
fn listed(violations: &[Violation]) -> (Vec<FieldViolation>, usize) {
    let mut bytes = 0;
    let listed: Vec<FieldViolation> = violations
        .iter()
        .take(VIOLATIONS_MAX)
        .take_while(|violation| {
            bytes += violation.field.len() + violation.description.len() + 8;
            bytes <= VIOLATION_BYTES_MAX
        })
        .map(|violation| FieldViolation::new(&violation.field, &violation.description))
        .collect();
    let omitted = violations.len() - listed.len();
    (listed, omitted)
}

/// The named values; those too long are cut where the room ends, and what is left out of a list is
/// counted.
fn metadata(details: &[(&'static str, String)]) -> HashMap<String, String> {
    let mut room = METADATA_BYTES_MAX;
    let mut metadata = HashMap::new();
    for (key, value) in details {
        let is_long_list = LISTS.contains(key) && key.len() + value.len() > room;
        let value = if is_long_list {
            let name = format!("{key}{OMITTED}");
            room = room.saturating_sub(name.len() + OMITTED_DIGITS);
            let (listed, omitted) = first_parts(value, room.saturating_sub(key.len()));
            metadata.insert(name, omitted.to_string());
            listed.to_owned()
        } else {
            cut(value.clone(), room.saturating_sub(key.len()))
        };
        room = room.saturating_sub(key.len() + value.len());
        metadata.insert((*key).to_owned(), value);
    }
    metadata
}

/// What a named value is called where there is room for a name: of a list, the names that fit.
fn name_in((key, value): &(&'static str, String)) -> String {
    let bytes_max = METADATA_BYTES_MAX / 4;
    if LISTS.contains(key) && value.len() > bytes_max {
        return first_parts(value, bytes_max).0.to_owned();
    }
    cut(value.clone(), bytes_max)
}

/// The parts of a list that fit whole into so many bytes, and how many do not.
fn first_parts(list: &str, bytes_max: usize) -> (&str, usize) {
    let ends = list.match_indices(',').map(|(end, _)| end);
    let fitting = ends.take_while(|end| *end <= bytes_max).last();
    let listed = fitting.and_then(|end| list.get(..end)).unwrap_or_default();
    let rest = list.get(listed.len()..).unwrap_or_default();
    let omitted = rest.matches(',').count() + usize::from(fitting.is_none());
    (listed, omitted)
}

/// The text, at most so many bytes of it.
fn cut(mut text: String, bytes_max: usize) -> String {
    if text.len() > bytes_max {
        text.truncate(text.floor_char_boundary(bytes_max.saturating_sub('…'.len_utf8())));
        text.push('…');
    }
    text
}
