//! What Vipps' refusals mean: to be tried again, to be looked up, or for a person. Its numbers
//! decide, never its titles, which it rewords.

use std::time::Duration;

use order_rules::refusals::Code;
use reqwest::StatusCode;

use crate::outside::Answer;
use crate::systems::{Decline, Words};

/// An answer that is not a success.
#[derive(Debug)]
pub(super) enum Said {
    /// It was not begun; the same again after this, or when we think fit.
    Busy {
        after: Duration,
        reason: String,
    },
    /// It may have been done all the same.
    Doubt {
        reason: String,
    },
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

/// An error as it is told: of the API, or the shorter ones of what stands before it.
struct Error {
    /// What callers decide by. A code that is no number is none that is known.
    number: Option<u32>,
    reason: String,
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
/// What its support asks for.
const IDS: [(&str, &str); 2] = [("trace id", "traceId"), ("instance", "instance")];
/// Say no more than the code does.
const KINDS: [&str; 3] = ["status", "statusCode", "type"];

/// What an error says about a write.
pub(super) fn said(answer: &Answer) -> Said {
    let Error { number, reason } = Error::read(answer);
    match class(answer.status, number) {
        Class::Passing => Said::Busy { after: answer.retry_after().unwrap_or_default(), reason },
        Class::Doubtful => Said::Doubt { reason },
        Class::State | Class::Final => Said::Refused(refused(answer)),
    }
}

/// An error as it stands.
pub(super) fn refused(answer: &Answer) -> Refused {
    let status = answer.status;
    let Error { number, reason } = Error::read(answer);
    let class = class(status, number);
    let is_busy = class == Class::Passing || status == StatusCode::SERVICE_UNAVAILABLE;
    Refused {
        decline: Decline { code: page(status, number), reason },
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

impl Error {
    fn read(answer: &Answer) -> Self {
        let mut words = Words::read(&answer.body);
        let (mut code, mut others) = (String::new(), Vec::new());
        for mut extra in words.take_list("extraDetails") {
            let (name, reason) = (extra.take("name"), extra.take("reason"));
            if name.eq_ignore_ascii_case(ERROR_CODE) && code.is_empty() {
                code = reason;
                continue;
            }
            let told = if reason.is_empty() { name } else { format!("{name}: {reason}") };
            others.extend([told, extra.rest()]);
        }
        for kind in KINDS {
            words.take(kind);
        }
        let mut known = vec![match code.as_str() {
            "" => format!("HTTP {}", answer.status.as_u16()),
            code => code.to_owned(),
        }];
        known.extend(["title", "detail", "message", "error"].map(|name| words.take(name)));
        known.extend(others);
        let number = (!code.is_empty()).then(|| code.parse().unwrap_or_default());
        Self { number, reason: words.tell(known, &IDS) }
    }
}
