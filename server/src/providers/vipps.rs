//! Vipps MobilePay's `ePayment`.
//!
//! A payment's reference is the merchant's own at Vipps. What is written carries our key as
//! `Idempotency-Key`, by which the payment's event log tells for ever what was done under it. An
//! answer of success is no proof: the event log is, and that nothing is held any more is one of
//! giving it back. Vipps lowers no reservation: less is captured, and the rest cancelled.

mod agreement;
mod answers;
mod pace;
mod payment;
#[cfg(test)]
mod tests;
mod tokens;

use std::time::Duration;

use order_proto::v1::{VippsEndpoint, VippsIntegration};
use order_rules::payments::OperationKind;
use order_rules::reconciling::{Standing, Statement};
use order_rules::refusals::Code;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use self::agreement::Gateway;
use self::agreement::{Agreement, Heard, Sending};
use self::answers::{Refused, Said, refused, said};
use self::payment::{Log, Payment};
use super::{
    Call, Confirmation, Decline, Extension, PaymentProvider, Reading, Report, Sighting, Tested,
};
use crate::links::{Link, Trail};
use crate::outside::Answer;

/// An agreement with Vipps; clones share its connections, its tokens and its pace.
#[derive(Clone, Debug)]
pub(crate) struct Vipps {
    link: Link,
    agreement: Agreement,
}

/// What reading came to.
enum Read<What> {
    There(What),
    Refused(Refused),
    Unauthorized(String),
    /// It may be asked again; with a time where Vipps is there and busy.
    NoAnswer {
        after: Option<Duration>,
        why: String,
    },
}

impl Vipps {
    pub(super) fn new(link: Link, gateway: Gateway, vipps: &VippsIntegration) -> Self {
        let agreement = Agreement::new(&link, gateway, vipps, base(vipps));
        Self { link, agreement }
    }

    pub(super) const fn revision(&self) -> i64 {
        self.link.revision
    }

    pub(super) const fn trail(&self) -> &Trail {
        &self.link.trail
    }

    /// Writes once, and makes of the answer what it means for the operation.
    async fn write(&self, call: &Call, operation: &'static str, body: Option<Value>) -> Report {
        if !is_reference(&call.reference) {
            return Report::Declined(Refused::unknown_reference().decline);
        }
        let sending = Sending {
            method: Method::POST,
            path: format!("/epayment/v1/payments/{}/{operation}", call.reference),
            change: Some((operation, call.key)),
            body,
        };
        match self.agreement.send(&sending).await {
            Heard::NotSent { after, why } => self.link.left_open(&why, Report::TryLater { after }),
            Heard::Nothing(why) => self.link.left_open(&why, Report::Unknown),
            Heard::Unauthorized(word) => Report::Held(self.link.hold(word)),
            Heard::Answer(answer) if answer.status.is_success() => self.proven(call, &answer).await,
            Heard::Answer(answer) => match said(&answer) {
                Said::Busy { after, reason } => {
                    self.link.left_open(&reason, Report::TryLater { after: Some(after) })
                }
                Said::Doubt { reason } => {
                    self.link.left_open(&reason, Report::doubtful(answer.status))
                }
                Said::Refused(no) if no.may_be_known => self.explained(call, no).await,
                Said::Refused(no) => Report::Declined(no.decline),
            },
        }
    }

    /// Vipps says that it is done: the event log proves it, or that nothing is held any more.
    async fn proven(&self, call: &Call, answer: &Answer) -> Report {
        let Some(payment) = Payment::read(&answer.body) else {
            return self.link.left_open(NOT_UNDERSTOOD, Report::Doubt);
        };
        if let Some(confirmation) = payment.given_back(call) {
            return Report::Done(confirmation);
        }
        if !payment.may_show(call) {
            return self.link.left_open(NOT_SHOWN, Report::Doubt);
        }
        match self.log(&call.reference).await {
            Read::There(log) => match log.trace_of(call) {
                Some(confirmation) => Report::Done(confirmation),
                None => self.link.left_open(NOT_SHOWN, Report::Doubt),
            },
            unread => left_open(&unread),
        }
    }

    /// The payment's state forbids it: the payment says whether it has been done already, and else
    /// why.
    async fn explained(&self, call: &Call, no: Refused) -> Report {
        let log = match self.log(&call.reference).await {
            Read::There(log) => log,
            unread => return self.link.left_open(&no.decline.reason, left_open(&unread)),
        };
        if let Some(confirmation) = log.trace_of(call) {
            return Report::Done(confirmation);
        }
        match self.payment(&call.reference).await {
            Read::There(payment) => match payment.given_back(call) {
                Some(confirmation) => Report::Done(confirmation),
                None => Report::Declined(payment.explain(call, &no.decline)),
            },
            unread => self.link.left_open(&no.decline.reason, left_open(&unread)),
        }
    }

    /// A payment that somebody names is read, not believed.
    async fn authorize(&self, call: &Call) -> Report {
        match self.payment(&call.reference).await {
            Read::There(payment) => payment.authorization(call),
            unread => self.unread(unread),
        }
    }

    /// Vipps would cancel the rest of a payment of which something was captured, too: that is no
    /// void any more.
    async fn void(&self, call: &Call) -> Report {
        let payment = match self.payment(&call.reference).await {
            Read::There(payment) => payment,
            unread => return self.unread(unread),
        };
        if let Some(confirmation) = payment.given_back(call) {
            return Report::Done(confirmation);
        }
        if payment.captured() > 0 {
            let reason = format!("{} minor units are captured already", payment.captured());
            return Report::Declined(Decline { code: Code::NotAllowedAtProvider, reason });
        }
        self.write(call, "cancel", None).await
    }

    /// Nothing is held any more: the event log says whether its time was over.
    async fn gone(&self, reference: &str, statement: Statement) -> Reading {
        match self.log(reference).await {
            Read::There(log) if log.has_lapsed() => {
                Reading::Statement(Statement { standing: Standing::Expired, ..statement })
            }
            Read::NoAnswer { after, .. } => Reading::NoAnswer { after },
            Read::There(_) | Read::Refused(_) | Read::Unauthorized(_) => {
                Reading::Statement(statement)
            }
        }
    }

    /// What was to be read first could not be: nothing is sent.
    fn unread<What>(&self, unread: Read<What>) -> Report {
        match unread {
            Read::Unauthorized(word) => Report::Held(self.link.hold(word)),
            Read::Refused(no) => Report::Declined(no.decline),
            Read::NoAnswer { after, .. } => Report::TryLater { after },
            Read::There(_) => Report::TryLater { after: None },
        }
    }

    async fn payment(&self, reference: &str) -> Read<Payment> {
        self.fetch(reference, "", Payment::read).await
    }

    /// `None`: it does not answer.
    pub(super) async fn capture_keys(&self, reference: &str) -> Option<Vec<Uuid>> {
        match self.log(reference).await {
            Read::There(log) => Some(log.capture_keys()),
            Read::Refused(_) | Read::Unauthorized(_) | Read::NoAnswer { .. } => None,
        }
    }

    async fn log(&self, reference: &str) -> Read<Log> {
        self.fetch(reference, "/events", parsed).await
    }

    async fn fetch<What>(
        &self,
        reference: &str,
        path: &str,
        understood: impl FnOnce(&[u8]) -> Option<What>,
    ) -> Read<What> {
        if !is_reference(reference) {
            return Read::Refused(Refused::unknown_reference());
        }
        let path = format!("/epayment/v1/payments/{reference}{path}");
        let sending = Sending { method: Method::GET, path, change: None, body: None };
        let read = match self.agreement.send(&sending).await {
            Heard::NotSent { after, why } => Read::NoAnswer { after, why },
            Heard::Nothing(why) => Read::NoAnswer { after: None, why },
            Heard::Unauthorized(word) => Read::Unauthorized(word),
            Heard::Answer(answer) if answer.status.is_success() => match understood(&answer.body) {
                Some(there) => Read::There(there),
                None => Read::NoAnswer { after: None, why: NOT_UNDERSTOOD.to_owned() },
            },
            Heard::Answer(answer) => match refused(&answer) {
                Refused { is_temporary: true, after, decline, .. } => {
                    Read::NoAnswer { after, why: decline.reason }
                }
                no => Read::Refused(no),
            },
        };
        match &read {
            Read::There(_) => {}
            Read::Refused(no) => self.link.trail.tell(&no.decline.reason),
            Read::Unauthorized(word) | Read::NoAnswer { why: word, .. } => {
                self.link.trail.tell(word);
            }
        }
        read
    }
}

impl PaymentProvider for Vipps {
    async fn perform(&self, call: &Call) -> Report {
        match call.kind {
            OperationKind::Authorize => self.authorize(call).await,
            OperationKind::Capture => self.write(call, "capture", Some(modification(call))).await,
            OperationKind::Refund => self.write(call, "refund", Some(modification(call))).await,
            OperationKind::Void => self.void(call).await,
            OperationKind::Release => self.write(call, "cancel", None).await,
            OperationKind::UpdateAmount | OperationKind::CaptureReversal => {
                Report::Declined(unknown_here())
            }
        }
    }

    async fn look_up(&self, call: &Call) -> Sighting {
        match call.kind {
            OperationKind::Authorize => self.authorize(call).await.into(),
            OperationKind::Capture | OperationKind::Refund => {
                seen(self.log(&call.reference).await, |log| log.trace_of(call))
            }
            OperationKind::Void | OperationKind::Release => {
                seen(self.payment(&call.reference).await, |payment| payment.given_back(call))
            }
            OperationKind::UpdateAmount | OperationKind::CaptureReversal => {
                Sighting::Declined(unknown_here())
            }
        }
    }

    async fn read(&self, reference: &str) -> Reading {
        match self.payment(reference).await {
            Read::There(payment) => match payment.statement() {
                Some(statement) if statement.standing == Standing::Gone => {
                    self.gone(reference, statement).await
                }
                Some(statement) => Reading::Statement(statement),
                None => {
                    let reason = "the payment is in a state that is not known here";
                    self.link.left_open(reason, Reading::NoAnswer { after: Some(Duration::ZERO) })
                }
            },
            Read::Unauthorized(word) => Reading::Held(self.link.hold(word)),
            Read::Refused(no) => Reading::Declined(no.decline),
            Read::NoAnswer { after, .. } => Reading::NoAnswer { after },
        }
    }

    /// What the bank behind a payment guarantees is not Vipps' to prolong.
    async fn extend(&self, _reference: &str, _key: Uuid) -> Extension {
        Extension::Unsupported
    }

    /// A fresh token shows whether the credentials would do, and a payment that nobody has, whether
    /// the agreement does.
    async fn test(&self) -> Tested {
        self.agreement.forget_token().await;
        match self.payment(&Uuid::new_v4().to_string()).await {
            Read::There(_) => Tested::Works,
            Read::Unauthorized(word) => Tested::CredentialsRefused(word),
            Read::Refused(no) if no.decline.code == Code::NotFoundAtProvider => Tested::Works,
            Read::Refused(no) => Tested::UnexpectedAnswer(no.decline.reason),
            Read::NoAnswer { why, .. } => Tested::Unreachable(why),
        }
    }
}

/// How soon Vipps is asked again whether its customer has approved; they have ten minutes.
const APPROVED_AGAIN_IN: Duration = Duration::from_secs(10);
const NOT_UNDERSTOOD: &str = "the answer cannot be understood";
const NOT_SHOWN: &str = "Vipps says that it is done, and does not show it";

fn base(setup: &VippsIntegration) -> String {
    let host = match setup.endpoint() {
        VippsEndpoint::Production | VippsEndpoint::Unspecified => "api.vipps.no",
        VippsEndpoint::Test => "apitest.vipps.no",
        VippsEndpoint::StandIn => return setup.stand_in_url.trim_end_matches('/').to_owned(),
    };
    format!("https://{host}")
}

/// What the payment's own account shows of an operation.
fn seen<What>(read: Read<What>, trace: impl FnOnce(&What) -> Option<Confirmation>) -> Sighting {
    match read {
        Read::There(what) => trace(&what).map_or(Sighting::Absent, Sighting::Happened),
        Read::NoAnswer { after: Some(_), .. } => Sighting::Busy,
        // Money may have moved under other credentials than these.
        Read::Refused(_) | Read::Unauthorized(_) => Sighting::Doubt,
        Read::NoAnswer { after: None, .. } => Sighting::NoAnswer,
    }
}

/// What the answer to a write left open, and a read does not settle.
fn left_open<What>(unread: &Read<What>) -> Report {
    match unread {
        Read::NoAnswer { after: None, .. } => Report::Unknown,
        Read::There(_) | Read::Refused(_) | Read::Unauthorized(_) | Read::NoAnswer { .. } => {
            Report::Doubt
        }
    }
}

fn modification(call: &Call) -> Value {
    json!({
        "modificationAmount": { "currency": call.currency.code(), "value": call.amount_minor },
    })
}

fn unknown_here() -> Decline {
    Decline {
        code: Code::NotAllowedAtProvider,
        reason: "Vipps changes no amount of a reservation and takes no capture back".to_owned(),
    }
}

/// What Vipps takes as a merchant's reference, and so what can stand in an address as it is.
fn is_reference(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    (8..=64).contains(&text.len()) && text.bytes().all(is_allowed)
}

fn parsed<What: DeserializeOwned>(body: &[u8]) -> Option<What> {
    serde_json::from_slice(body).ok()
}
