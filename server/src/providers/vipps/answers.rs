//! What Vipps' refusals mean: to be tried again, to be looked up, or for a person. Its numbers
//! decide, never its titles, which it rewords.

use std::time::Duration;

use order_rules::refusals::Code;
use reqwest::StatusCode;
use serde::Deserialize;

use crate::outside::Answer;
use crate::systems::{Decline, in_one_line};

/// An answer that is not a success.
#[derive(Debug)]
pub(super) enum Said {
    /// It was not begun; the same again after this, or when we think fit.
    Busy(Duration),
    /// It may have been done all the same.
    Doubt,
    Refused(Refused),
}

/// A no, and what else it can be taken for.
#[derive(Debug)]
pub(super) struct Refused {
    pub decline: Decline,
    /// The same may be answered later.
    pub is_temporary: bool,
    /// How long Vipps wants to be left alone; zero: it is busy, and does not say how long.
    pub after: Option<Duration>,
    /// The state of the payment forbids it: the payment says more.
    pub may_be_known: bool,
}

/// The body of an error: of the API, or the shorter ones of what stands before it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Words {
    title: Option<String>,
    detail: Option<String>,
    instance: Option<String>,
    trace_id: Option<String>,
    extra_details: Option<Vec<Extra>>,
    message: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Extra {
    name: Option<String>,
    reason: Option<String>,
}

/// What a number is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// Something holds the payment for a moment.
    Passing,
    /// Done or not: somebody has to look.
    Doubtful,
    /// The state of the payment forbids it.
    State,
    Final,
}

const ERROR_CODE: &str = "ErrorCode";

/// What an error says about a write.
pub(super) fn said(answer: &Answer) -> Said {
    let words = Words::read(answer);
    match class(answer.status, words.number()) {
        Class::Passing => Said::Busy(answer.retry_after().unwrap_or_default()),
        Class::Doubtful => Said::Doubt,
        Class::State | Class::Final => Said::Refused(refused(answer)),
    }
}

/// An error as it stands.
pub(super) fn refused(answer: &Answer) -> Refused {
    let words = Words::read(answer);
    let (status, number) = (answer.status, words.number());
    let class = class(status, number);
    let is_busy = class == Class::Passing || status == StatusCode::SERVICE_UNAVAILABLE;
    Refused {
        decline: Decline { code: page(status, number), reason: words.reason(status) },
        is_temporary: matches!(class, Class::Passing | Class::Doubtful),
        after: answer.retry_after().or(is_busy.then_some(Duration::ZERO)),
        may_be_known: class == Class::State,
    }
}

impl Refused {
    /// Vipps was not asked: it takes no such reference.
    pub(super) fn unknown_reference() -> Self {
        let reason = "the reference is none that Vipps would take".to_owned();
        Self {
            decline: Decline { code: Code::NotFoundAtProvider, reason },
            is_temporary: false,
            after: None,
            may_be_known: false,
        }
    }
}

fn class(status: StatusCode, number: Option<u32>) -> Class {
    match number {
        Some(6160 | 6250 | 6280) => Class::Passing,
        // Something was asked under our key, and we ask one thing under a key: it may be that.
        Some(3010 | 4010 | 4020 | 4150) => Class::Doubtful,
        Some(6020..=6050 | 6070..=6100 | 6150 | 6170..=6210 | 6230) => Class::State,
        _ => match status {
            StatusCode::CONFLICT | StatusCode::LOCKED | StatusCode::TOO_MANY_REQUESTS => {
                Class::Passing
            }
            StatusCode::REQUEST_TIMEOUT => Class::Doubtful,
            status if status.is_client_error() => Class::Final,
            _ => Class::Doubtful,
        },
    }
}

/// The page that explains it.
fn page(status: StatusCode, number: Option<u32>) -> Code {
    match number {
        Some(5090) => Code::NotFoundAtProvider,
        Some(5010..=5080 | 5100 | 6140) => Code::NotEnabledAtProvider,
        Some(6030 | 6100) => Code::ReservationExpired,
        Some(6220) => Code::RefundPeriodOver,
        Some(6260) => Code::FundsUnavailable,
        Some(6020 | 6040..=6090 | 6150..=6210 | 6230 | 6250 | 6280) => Code::NotAllowedAtProvider,
        Some(4010..=4160 | 6010 | 6110..=6130 | 7010 | 10_010..=10_070) => Code::RejectedByProvider,
        Some(_) => Code::UnknownProviderError,
        None => match status {
            StatusCode::NOT_FOUND => Code::NotFoundAtProvider,
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNPROCESSABLE_ENTITY => Code::RejectedByProvider,
            _ => Code::UnknownProviderError,
        },
    }
}

impl Words {
    fn read(answer: &Answer) -> Self {
        serde_json::from_slice(&answer.body).unwrap_or_default()
    }

    fn extras(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.extra_details.iter().flatten();
        all.map(|extra| {
            (extra.name.as_deref().unwrap_or_default(), extra.reason.as_deref().unwrap_or_default())
        })
    }

    /// The number that callers decide by.
    fn number(&self) -> Option<u32> {
        let told = self.extras().find(|(name, _)| name.eq_ignore_ascii_case(ERROR_CODE));
        told.and_then(|(_, reason)| reason.trim().parse().ok())
    }

    /// Vipps' words in one line, with what its support asks for.
    fn reason(&self, status: StatusCode) -> String {
        let mut parts = vec![match self.number() {
            Some(number) => number.to_string(),
            None => format!("HTTP {}", status.as_u16()),
        }];
        let said = [&self.title, &self.detail, &self.message, &self.error];
        parts.extend(said.into_iter().flatten().filter(|word| !word.is_empty()).cloned());
        let others = self.extras().filter(|(name, _)| !name.eq_ignore_ascii_case(ERROR_CODE));
        parts.extend(others.map(|(name, reason)| format!("{name}: {reason}")));
        let ids = [("trace id", &self.trace_id), ("instance", &self.instance)];
        let known = ids.into_iter().filter_map(|(name, id)| id.as_ref().map(|id| (name, id)));
        parts.extend(known.map(|(name, id)| format!("({name} {id})")));
        in_one_line(&parts.join(" "))
    }
}
