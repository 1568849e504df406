//! What Tripletex's refusals mean: to be tried again, to be looked into, for a person, or a matter of
//! the credentials.

use std::time::Duration;

use order_rules::refusals::Code;
use reqwest::StatusCode;

use super::session::{PAUSE, rest};
use crate::accounting::entry::Buyer;
use crate::accounting::{Entry, Report, Sighting};
use crate::links::Link;
use crate::outside::Answer;
use crate::systems::{Decline, Words};

/// Why an entry is not booked.
#[derive(Debug)]
pub(super) enum Stop {
    /// It was not begun with, or only read; the same again later. In words, like the next.
    Later(Option<Duration>, String),
    /// Not now: somebody else is at it, the books are closed, or what was there is gone. For good
    /// when it does not pass.
    Passing(Decline),
    /// It may have been done all the same.
    Doubt(String),
    /// The credentials are refused, or may not do it, in these words.
    Held(String),
    Declined(Decline),
}

/// An error as it is told.
struct Error {
    code: String,
    reason: String,
    page: Code,
}

/// What its support asks for.
const IDS: [(&str, &str); 1] = [("request id", "requestId")];
const WRONG_MAX: usize = 10;
const LOCKED: &str = "10000";

/// What Tripletex says of a company's set-up or of an entry, by what its words have in them.
const PAGES: [(&str, Code); 10] = [
    ("mva-kode", Code::VatNotEnabled),
    ("vattype", Code::VatNotEnabled),
    ("bankkontonummer", Code::BankAccountMissing),
    ("ehf", Code::CustomerCannotReceive),
    ("fakturaen er kreditert", Code::CreditedInBooks),
    ("summen av kreditnotaene", Code::CreditedInBooks),
    ("betalingstype", Code::PaymentTypeMissing),
    ("paymenttypeid", Code::PaymentTypeMissing),
    ("ordren er lukket", Code::BooksDiffer),
    ("currency", Code::CurrencyNotEnabled),
];

/// What an answer that is not a success says.
pub(super) fn said(answer: &Answer) -> Stop {
    let Error { code, reason, page } = error(answer);
    let decline = |code| Decline { code, reason: reason.clone() };
    match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Stop::Held(reason),
        StatusCode::TOO_MANY_REQUESTS => Stop::Later(rest(answer), reason),
        StatusCode::CONFLICT if code == LOCKED => Stop::Passing(decline(Code::BooksLocked)),
        StatusCode::CONFLICT | StatusCode::NOT_FOUND => Stop::Passing(decline(Code::BooksDiffer)),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => Stop::Declined(decline(page)),
        StatusCode::REQUEST_TIMEOUT => Stop::Doubt(reason),
        status if status.is_server_error() => Stop::Doubt(reason),
        _ => Stop::Declined(decline(Code::UnknownProviderError)),
    }
}

impl Stop {
    pub(super) const fn declined(code: Code, reason: String) -> Self {
        Self::Declined(Decline { code, reason })
    }

    /// Reading has done nothing.
    pub(super) fn of_a_read(self) -> Self {
        match self {
            Self::Doubt(words) => Self::Later(None, words),
            stop => stop,
        }
    }

    /// A login that is wrong in whatever way is a matter of the credentials.
    pub(super) fn of_a_login(self) -> Self {
        match self {
            Self::Declined(decline) => Self::Held(decline.reason),
            stop => stop.of_a_read(),
        }
    }

    /// Tripletex's words, or ours.
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Later(_, words) | Self::Doubt(words) | Self::Held(words) => words,
            Self::Passing(decline) | Self::Declined(decline) => &decline.reason,
        }
    }

    /// What it means for a look at what became of an entry.
    pub(super) fn sighting(self) -> Sighting {
        match self {
            Self::Later(Some(_), _) => Sighting::Busy,
            Self::Later(None, _) | Self::Doubt(_) => Sighting::NoAnswer,
            Self::Passing(_) | Self::Held(_) | Self::Declined(_) => Sighting::Doubt,
        }
    }

    /// What it means for the entry, in words without anything personal.
    pub(super) fn report(self, entry: &Entry, link: &Link) -> Report {
        match self {
            Self::Later(after, _) => Report::TryLater { after },
            Self::Doubt(_) => Report::Unknown,
            Self::Held(words) => Report::Held(link.hold(impersonal(&words, &entry.buyer))),
            // It answered: that is no silence.
            Self::Passing(_) if !entry.is_late => Report::TryLater { after: Some(PAUSE) },
            Self::Passing(decline) | Self::Declined(decline) => Report::Declined(Decline {
                reason: impersonal(&decline.reason, &entry.buyer),
                ..decline
            }),
        }
    }
}

/// The page that explains a refusal.
fn page(reason: &str) -> Code {
    let words = reason.to_lowercase();
    let known = PAGES.iter().find(|(mark, _)| words.contains(mark));
    known.map_or(Code::RejectedByAccounting, |(_, code)| *code)
}

/// Tripletex's words in one line, with what its support asks for.
fn error(answer: &Answer) -> Error {
    let mut words = Words::read(&answer.body);
    let status = answer.status.as_u16();
    let code = words.take("code");
    let head = match code.as_str() {
        "" | "0" => format!("HTTP {status}"),
        code => format!("{status}/{code}"),
    };
    words.take("status");
    words.take("link");
    let (message, for_developers) = (words.take("message"), words.take("developerMessage"));
    let mut known = vec![head, message];
    for wrong in words.take_list("validationMessages").into_iter().take(WRONG_MAX) {
        known.push(wrong_field(wrong));
    }
    if known.iter().skip(1).all(String::is_empty) {
        known.push(for_developers);
    }
    // What nobody knows tells nothing of the page.
    let page = page(&known.join(" "));
    Error { code, reason: words.tell(known, &IDS), page }
}

/// What is wrong with a field; where it stands is told by its name already.
fn wrong_field(mut wrong: Words) -> String {
    let (field, message) = (wrong.take("field"), wrong.take("message"));
    wrong.take("path");
    wrong.take("rootId");
    let message = [message, wrong.rest()].join(" ");
    match field.as_str() {
        "" => message.trim().to_owned(),
        field => format!("{field}: {}", message.trim()),
    }
}

/// The words without those that say who bought: Tripletex repeats what it was given.
pub(super) fn impersonal(words: &str, buyer: &Buyer) -> String {
    let mut words = words.to_owned();
    for personal in buyer.words() {
        while let Some(begin) = position(&words, personal) {
            let end = begin.saturating_add(personal.len());
            words.replace_range(begin..end, "…");
        }
    }
    words
}

/// Where a text stands in another, in whichever case.
fn position(words: &str, text: &str) -> Option<usize> {
    let is_there = |&(begin, _): &(usize, char)| {
        let end = begin.saturating_add(text.len());
        words.get(begin..end).is_some_and(|part| part.to_lowercase() == text.to_lowercase())
    };
    words.char_indices().find(is_there).map(|(begin, _)| begin)
}
