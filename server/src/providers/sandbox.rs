//! A payment provider to try the service with: real bookkeeping, no real money, and every kind of
//! trouble on command.
//!
//! Its book is a SQLite file of its own, so that what it did survives the server, and so that
//! several servers share it as they would share a provider. It does a key once, declines what a
//! provider declines, and expires reservations after 30 days.
//!
//! The tables, for those who read the file: `reservations` has what is held now, `entries` one row
//! per key that was decided, never changed (`happened_at` lies ahead while the answer is
//! "accepted"), and `calls` one row per call that arrived, look-ups included, before anything was
//! done about it. Amounts are minor units, times microseconds since 1970.
//!
#![doc = include_str!("sandbox/behaviours.md")]

mod behaviour;
mod book;
mod ledger;
mod tables;
#[cfg(test)]
mod tests;

use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use diesel::{QueryResult, SqliteConnection};
use order_rules::order::Micros;
use order_rules::refusals::Code;
use uuid::Uuid;

use self::behaviour::{Behaviour, Orders, ReadBehaviour};
use self::book::{Account, Book, BookFailure, Entry, Outcome};
use super::{
    Call, Confirmation, Decline, Extension, PaymentProvider, Reading, Report, Sighting, Tested,
};

/// The provider; clones share its book.
#[derive(Clone, Debug)]
pub(crate) struct Sandbox {
    book: Book,
    /// Whose reservations are read.
    shop: String,
    provider: String,
}

/// An answer, and how it gets to the caller.
#[derive(Debug)]
enum Reply<T> {
    Now(T),
    After(Duration, T),
    Never,
}

impl Sandbox {
    /// `path` is the file of the book; it is made when it is first opened.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { book: Book::new(path), shop: String::new(), provider: String::new() }
    }

    /// Opens the book.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) async fn open(&self) -> Result<(), String> {
        self.book.open().await
    }

    /// The sandbox as the integration of this name sees it.
    pub(super) fn behind(&self, integration: &str) -> Self {
        let mut parts = integration.split('/').skip(1).step_by(2).map(str::to_owned);
        let (shop, provider) = (parts.next(), parts.next());
        let shop = shop.unwrap_or_default();
        Self { book: self.book.clone(), shop, provider: provider.unwrap_or_default() }
    }

    fn account(&self, reference: &str) -> Account {
        Account {
            shop: self.shop.clone(),
            provider: self.provider.clone(),
            reference: reference.to_owned(),
        }
    }
}

impl PaymentProvider for Sandbox {
    async fn perform(&self, call: &Call) -> Report {
        let call = call.clone();
        match self.book.write(move |connection| take(connection, &call)).await {
            Ok(reply) => reply.deliver().await,
            Err(BookFailure::NotOpened) => Report::TryLater { after: None },
            Err(BookFailure::Interrupted) => Report::Unknown,
        }
    }

    async fn look_up(&self, call: &Call) -> Sighting {
        let call = call.clone();
        match self.book.write(move |connection| look(connection, &call)).await {
            Ok(reply) => reply.deliver().await,
            Err(BookFailure::NotOpened | BookFailure::Interrupted) => Sighting::NoAnswer,
        }
    }

    async fn read(&self, reference: &str) -> Reading {
        let account = self.account(reference);
        let read = self.book.write(move |connection| reading(connection, &account)).await;
        read.unwrap_or(Reading::NoAnswer { after: None })
    }

    async fn extend(&self, reference: &str, key: Uuid) -> Extension {
        let account = self.account(reference);
        let extended =
            self.book.write(move |connection| extension(connection, &account, key)).await;
        extended.unwrap_or(Extension::NoAnswer)
    }

    async fn test(&self) -> Tested {
        match self.book.write(book::now).await {
            Ok(_) => Tested::Works,
            Err(BookFailure::NotOpened | BookFailure::Interrupted) => {
                Tested::Unreachable("the sandbox's book cannot be written".to_owned())
            }
        }
    }
}

impl<T> Reply<T> {
    async fn deliver(self) -> T {
        match self {
            Self::Now(answer) => answer,
            Self::After(pause, answer) => {
                tokio::time::sleep(pause).await;
                answer
            }
            Self::Never => pending().await,
        }
    }
}

/// Decides a call. Everything it does is one transaction of the book.
fn take(connection: &mut SqliteConnection, call: &Call) -> QueryResult<Reply<Report>> {
    let now = book::now(connection)?;
    book::note_call(connection, call, false, now)?;
    if let Some(entry) = book::entry(connection, call)? {
        return Ok(Reply::Now(told_again(&entry, call, now)));
    }
    let orders = match Orders::parse(&call.reference) {
        Ok(orders) => orders,
        Err(unknown) => {
            let reason = format!("the sandbox does not know the behaviour {unknown}");
            return Ok(Reply::Now(Report::Declined(ledger::decline(call, reason))));
        }
    };
    let history = book::history(connection, call)?;
    let behaviour = orders.of(call.kind);
    if let Some(reply) = kept_from_happening(behaviour, &history, now) {
        return Ok(reply);
    }
    let entry = decide(connection, call, &orders, history.calls == 1, now)?;
    let report = told(&entry, now);
    Ok(match behaviour {
        Some(Behaviour::Slow(pause) | Behaviour::SlowDecline(pause)) => Reply::After(pause, report),
        Some(Behaviour::TimeoutAfter(pause)) if history.calls == 1 => broken_off(pause),
        _ => Reply::Now(report),
    })
}

/// The trouble in which nothing is done.
fn kept_from_happening(
    behaviour: Option<Behaviour>,
    history: &book::History,
    now: Micros,
) -> Option<Reply<Report>> {
    let out_of_order_for = |lasts: Duration| remaining(history.first_at, lasts, now);
    match behaviour? {
        Behaviour::Hang => Some(Reply::Never),
        Behaviour::TimeoutBefore(pause) if history.calls == 1 => Some(broken_off(pause)),
        Behaviour::Unavailable(lasts) => {
            let is_over = lasts.is_some_and(|lasts| out_of_order_for(lasts).is_none());
            (!is_over).then_some(Reply::Now(Report::TryLater { after: None }))
        }
        Behaviour::Busy(lasts) => {
            out_of_order_for(lasts).map(|after| Reply::Now(Report::TryLater { after: Some(after) }))
        }
        _ => None,
    }
}

/// Writes the entry that stands for ever, and moves the money.
fn decide(
    connection: &mut SqliteConnection,
    call: &Call,
    orders: &Orders,
    is_first: bool,
    now: Micros,
) -> QueryResult<Entry> {
    let reservation = book::reservation(connection, call)?;
    let behaviour = orders.of(call.kind);
    let (verdict, pause) = match behaviour {
        Some(Behaviour::Decline | Behaviour::SlowDecline(_)) => {
            (Err(ledger::decline(call, "declined on command")), None)
        }
        Some(Behaviour::DeclineOnce) if is_first => {
            (Err(ledger::decline(call, "declined on command, once")), None)
        }
        Some(Behaviour::LaterDecline(pause)) => {
            (Err(ledger::decline(call, "declined on command, late")), Some(pause))
        }
        Some(Behaviour::Expired) => {
            book::expire(connection, call, now)?;
            let expired = reservation.map(|held| held.expired_at(now));
            (ledger::judge(expired.as_ref(), call, now, orders), None)
        }
        Some(Behaviour::Later(pause)) => {
            (ledger::judge(reservation.as_ref(), call, now, orders), Some(pause))
        }
        _ => (ledger::judge(reservation.as_ref(), call, now, orders), None),
    };
    let happened_at = later(now, pause.unwrap_or_default());
    let outcome = match verdict {
        Ok((after, amount_minor)) => {
            book::put_reservation(connection, call, &after, now)?;
            Outcome::Done { amount_minor, expires_at: Micros(after.expires_at) }
        }
        Err(decline) => Outcome::Declined(decline),
    };
    book::append(connection, call, outcome, now, happened_at)
}

/// The stored answer, or a no where the key was used for something else.
fn told_again(entry: &Entry, call: &Call, now: Micros) -> Report {
    if entry.is_about(call) {
        return told(entry, now);
    }
    Report::Declined(ledger::decline(call, "the key was used for another operation"))
}

fn told(entry: &Entry, now: Micros) -> Report {
    if let Some(ask_again_in) = ahead(entry.happened_at, now) {
        return Report::Accepted { ask_again_in };
    }
    match &entry.outcome {
        Outcome::Done { .. } => Report::Done(entry.confirmation()),
        Outcome::Declined(decline) => Report::Declined(decline.clone()),
    }
}

/// What a look-up sees. It is noted as a call, and changes nothing else.
fn look(connection: &mut SqliteConnection, call: &Call) -> QueryResult<Reply<Sighting>> {
    let now = book::now(connection)?;
    book::note_call(connection, call, true, now)?;
    let orders = Orders::parse(&call.reference).unwrap_or_default();
    if orders.of(call.kind) == Some(Behaviour::Hang) {
        return Ok(Reply::Never);
    }
    let entry = book::entry(connection, call)?.filter(|entry| entry.is_about(call));
    let first_at = book::history(connection, call)?.first_at;
    let sighting = match (orders.read, entry) {
        (Some(ReadBehaviour::Nothing), _) => Sighting::Untold,
        (Some(ReadBehaviour::Unavailable(None)), _) => Sighting::NoAnswer,
        (Some(ReadBehaviour::Unavailable(Some(lasts))), _)
            if remaining(first_at, lasts, now).is_some() =>
        {
            Sighting::NoAnswer
        }
        (_, None) => Sighting::Absent,
        (Some(ReadBehaviour::Lag(lag)), Some(entry))
            if remaining(entry.received_at, lag, now).is_some() =>
        {
            Sighting::Absent
        }
        (_, Some(entry)) => seen(&entry, now),
    };
    Ok(Reply::Now(sighting))
}

/// All that is held for a reference. It is noted as a call, and changes nothing else.
fn reading(connection: &mut SqliteConnection, account: &Account) -> QueryResult<Reading> {
    let now = book::now(connection)?;
    book::note_errand(connection, account, ("read", Uuid::nil()), now)?;
    if keeps_no_account(account) {
        return Ok(Reading::Untold);
    }
    if is_out_of_order(connection, account, now)? {
        return Ok(Reading::NoAnswer { after: None });
    }
    Ok(match book::held(connection, account)? {
        Some(held) => Reading::Statement(held.statement(now)),
        None => Reading::Declined(no_such_reservation()),
    })
}

/// Another full time from now on, at most once per key.
fn extension(
    connection: &mut SqliteConnection,
    account: &Account,
    key: Uuid,
) -> QueryResult<Extension> {
    let now = book::now(connection)?;
    if keeps_no_account(account) {
        return Ok(Extension::Unsupported);
    }
    if is_out_of_order(connection, account, now)? {
        return Ok(Extension::NoAnswer);
    }
    if book::was_extended(connection, account, key)? {
        return Ok(Extension::Extended);
    }
    let Some(held) = book::held(connection, account)? else {
        return Ok(Extension::Declined(no_such_reservation()));
    };
    match ledger::extended(&held, now) {
        Err(decline) => Ok(Extension::Declined(decline)),
        Ok(expires_at) => {
            book::note_errand(connection, account, ("extend", key), now)?;
            book::set_expiry(connection, account, expires_at)?;
            Ok(Extension::Extended)
        }
    }
}

/// Whether reads fail, by what the reference orders.
fn is_out_of_order(
    connection: &mut SqliteConnection,
    account: &Account,
    now: Micros,
) -> QueryResult<bool> {
    let orders = Orders::parse(&account.reference).unwrap_or_default();
    Ok(match orders.read {
        Some(ReadBehaviour::Unavailable(None)) => true,
        Some(ReadBehaviour::Unavailable(Some(lasts))) => {
            let first_at = book::first_call(connection, account)?;
            remaining(first_at.unwrap_or(now), lasts, now).is_some()
        }
        Some(ReadBehaviour::Nothing | ReadBehaviour::Lag(_)) | None => false,
    })
}

fn keeps_no_account(account: &Account) -> bool {
    let orders = Orders::parse(&account.reference).unwrap_or_default();
    orders.read == Some(ReadBehaviour::Nothing)
}

fn no_such_reservation() -> Decline {
    Decline { code: Code::NotFoundAtProvider, reason: "no such reservation".to_owned() }
}

fn seen(entry: &Entry, now: Micros) -> Sighting {
    if ahead(entry.happened_at, now).is_some() {
        return Sighting::InProgress;
    }
    match &entry.outcome {
        Outcome::Done { .. } => Sighting::Happened(entry.confirmation()),
        Outcome::Declined(decline) => Sighting::Declined(decline.clone()),
    }
}

/// Without a pause the connection stays open and silent.
fn broken_off(pause: Option<Duration>) -> Reply<Report> {
    pause.map_or(Reply::Never, |pause| Reply::After(pause, Report::Unknown))
}

/// What is left of something that lasts from `start`.
fn remaining(start: Micros, lasts: Duration, now: Micros) -> Option<Duration> {
    ahead(later(start, lasts), now)
}

fn ahead(time: Micros, now: Micros) -> Option<Duration> {
    let micros = u64::try_from(time.0.saturating_sub(now.0)).ok()?;
    (micros > 0).then(|| Duration::from_micros(micros))
}

fn later(time: Micros, pause: Duration) -> Micros {
    let micros = i64::try_from(pause.as_micros()).unwrap_or(i64::MAX);
    Micros(time.0.saturating_add(micros))
}

impl Entry {
    fn confirmation(&self) -> Confirmation {
        let (amount_minor, expires_at) = match self.outcome {
            Outcome::Done { amount_minor, expires_at } => (amount_minor, Some(expires_at)),
            Outcome::Declined(Decline { .. }) => (0, None),
        };
        Confirmation {
            provider_reference: self.provider_reference.clone(),
            amount_minor,
            expires_at,
        }
    }
}
