//! What Adyen has told of a payment, as the outcome of an operation on it.

use order_rules::changing::Happening;
use order_rules::payments::OperationKind;
use order_rules::refusals::Code;

use crate::providers::{Call, Confirmation, Decline, Told};
use crate::systems::in_one_line;
use crate::webhooks::adyen::happening;

/// How an operation ended.
pub(super) type Ending = Result<Confirmation, Decline>;

/// How the operation ended; `None` while nothing was told of it.
pub(super) fn ending(call: &Call) -> Option<Ending> {
    match call.kind {
        OperationKind::Authorize => authorization(call),
        OperationKind::Release | OperationKind::CaptureReversal => None,
        OperationKind::Capture
        | OperationKind::Refund
        | OperationKind::Void
        | OperationKind::UpdateAmount => modification(call),
    }
}

/// Success was told once and stays told: what Adyen takes back later is a matter of its own.
fn modification(call: &Call) -> Option<Ending> {
    let ended = |is_success| Happening::Ended { kind: call.kind, is_success };
    let find = |wanted| {
        let own = call.told.iter().filter(move |told| told.key == Some(call.key));
        own.rev().filter(move |told| happening(told) == wanted)
    };
    if let Some(told) = find(ended(true)).find(|told| is_of_its_money(call, told)) {
        return Some(Ok(Confirmation {
            provider_reference: told.provider_reference.clone(),
            amount_minor: if call.kind == OperationKind::Void {
                call.amount_minor
            } else {
                told.amount_minor
            },
            expires_at: None,
        }));
    }
    let told = find(ended(false)).next()?;
    let reason = match told.reason.as_str() {
        "" => format!("{} failed", told.event),
        reason => in_one_line(reason),
    };
    Some(Err(Decline { code: code(call.kind, &reason), reason }))
}

/// The captures that succeeded and were not taken back, whoever asked for them.
pub(super) fn captures(call: &Call) -> impl Iterator<Item = &Told> {
    let is_taken_back = move |capture: &Told| {
        call.told.iter().any(|told| {
            happening(told) == Happening::CaptureFailed
                && told.provider_reference == capture.provider_reference
        })
    };
    succeeded(call, OperationKind::Capture).filter(move |told| !is_taken_back(told))
}

/// The refunds that succeeded; none where one came back, which may be any of them.
pub(super) fn refunds(call: &Call) -> impl Iterator<Item = &Told> {
    let has_come_back = call.told.iter().any(|told| happening(told) == Happening::RefundFailed);
    succeeded(call, OperationKind::Refund).filter(move |_| !has_come_back)
}

fn succeeded(call: &Call, kind: OperationKind) -> impl Iterator<Item = &Told> {
    let succeeded = Happening::Ended { kind, is_success: true };
    let told = call.told.iter();
    told.filter(move |told| happening(told) == succeeded && is_of_its_money(call, told))
}

/// Of another currency, or of nothing, it ends no operation that moves money.
fn is_of_its_money(call: &Call, told: &Told) -> bool {
    call.kind == OperationKind::Void
        || (told.currency == call.currency.code() && told.amount_minor > 0)
}

/// The reservation as it is by now: it may have been changed before an order named it.
fn authorization(call: &Call) -> Option<Ending> {
    let mut held: Option<&Told> = None;
    let mut amount_minor = 0;
    let (mut refusal, mut loss) = (None, None);
    for told in &call.told {
        match happening(told) {
            Happening::Ended { kind: OperationKind::Authorize, is_success: true } => {
                held = Some(told);
                amount_minor = told.amount_minor;
            }
            Happening::Ended { kind: OperationKind::Authorize, is_success: false } => {
                refusal = Some(told);
            }
            Happening::Ended { kind: OperationKind::UpdateAmount, is_success: true } => {
                amount_minor = told.amount_minor;
            }
            Happening::Ended {
                kind: OperationKind::Void | OperationKind::Capture,
                is_success: true,
            } => loss = Some((Code::ReservationGone, told)),
            Happening::Expired => loss = Some((Code::ReservationExpired, told)),
            _ => {}
        }
    }
    let declined = |code, reason: String| Some(Err(Decline { code, reason }));
    match (held, loss, refusal) {
        (_, Some((code, told)), _) => declined(code, format!("Adyen told {}", told.event)),
        (Some(told), None, _) if told.currency != call.currency.code() => {
            let reason = format!("{} is held, not {}", told.currency, call.currency.code());
            declined(Code::PaymentMismatch, reason)
        }
        (Some(told), None, _) => Some(Ok(Confirmation {
            provider_reference: told.provider_reference.clone(),
            amount_minor,
            expires_at: None,
        })),
        (None, None, Some(told)) => declined(Code::RejectedByProvider, in_one_line(&told.reason)),
        (None, None, None) => None,
    }
}

/// The page that explains why a modification failed: Adyen has words for it and no code.
fn code(kind: OperationKind, reason: &str) -> Code {
    let words = reason.to_lowercase();
    let has = |word: &str| words.contains(word);
    match kind {
        _ if has("expired") && kind != OperationKind::Refund => Code::ReservationExpired,
        _ if has("cancelled") && kind != OperationKind::Refund => Code::ReservationGone,
        _ if has("not supported") || has("captured") || has("balance") || has("adjusted") => {
            Code::NotAllowedAtProvider
        }
        _ => Code::UnknownProviderError,
    }
}
