//! The life of an effect: when to send, when to look, when to give it to a person.
//!
//! A call that may have happened is never repeated before the provider was asked, and never at all
//! once the provider may have forgotten the effect's key.

#[cfg(test)]
mod tests;

use crate::order::Micros;
use crate::payments::OperationState;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EffectState {
    /// To be sent; nothing is under way.
    Pending,
    Sent,
    /// The provider has it and answers later.
    Accepted,
    /// Sent, and it is not known whether it happened.
    Unknown,
    Done,
    Declined,
    Withdrawn,
}

/// The kinds of system that effects are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// Does a key once, for as long as it keeps it, and tells what it did.
    Payments,
    /// Takes the same again and again, and keeps no account.
    Mail,
    /// Makes the same again and again, but what it made is found by our number.
    Accounting,
    /// Has no key, and is asked by our own reference before anything is made.
    Labels,
}

/// Where an effect stands. Times are the database's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    pub system: System,
    /// How long the system keeps the effect's key, in microseconds; `None`: it has none.
    pub key_window: Option<i64>,
    /// Calls made so far; a result of an earlier attempt is evidence only.
    pub attempt: u32,
    /// Look-ups made since the last call.
    pub looks: u32,
    /// The key's window runs from here, and what it takes until a person is told. While nothing is in
    /// doubt it is never longer ago than that takes.
    pub first_sent_at: Option<Micros>,
    pub last_sent_at: Option<Micros>,
    pub state: EffectState,
    /// A look-up that counts found nothing at this time; the next one decides.
    pub absent_seen_at: Option<Micros>,
    /// What was asked for at this time was never answered, and may be carried out yet whatever the
    /// answers to later calls say. An attempt asks for several things, one after the other: the last.
    pub doubted_at: Option<Micros>,
    pub needs_attention: bool,
}

/// What a call came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    Done,
    /// The provider answers later; ask again after so many microseconds.
    Accepted {
        ask_again_in: i64,
    },
    /// Final.
    Declined,
    /// It certainly did not happen; `after` is the provider's hint in microseconds.
    TryLater {
        after: Option<i64>,
    },
    /// It certainly did not happen, and will not before something is done about the integration.
    Held,
    Unknown {
        /// So many microseconds after the system was last asked for a change; `None`: the attempt began
        /// with that.
        asked_ago: Option<i64>,
    },
}

/// What a look-up saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sighting {
    Happened,
    Declined,
    /// The provider does not know it, at least not yet.
    Absent,
    InProgress,
    /// The look-up itself failed.
    NoAnswer,
    /// The system keeps no account: nobody can tell by asking it.
    Untold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    Done,
    Declined,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The outcome is final: hand it in as a command.
    Resolve(Resolution),
    /// Call again with the same key and amount.
    SendAgain {
        due_at: Micros,
    },
    LookUp {
        due_at: Micros,
    },
    /// The machine has nothing left to try: a person retries or settles it.
    LeaveToPerson,
    /// It is over already.
    Nothing,
}

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// How long a call may take.
pub const CALL_TIMEOUT_MICROS: i64 = 30 * SECOND;
/// How long after it was asked for a change may still be carried out: the longest that a provider is
/// known to work on one is 59 s.
pub const CARRIED_OUT_WITHIN_MICROS: i64 = 60 * SECOND;
/// The same where there is no key, and whatever is sent again is made again: what is not there by then is
/// made anew within the minute that a doubt may last.
pub const MADE_WITHIN_MICROS: i64 = 55 * SECOND;
/// How soon whoever is at an effect that is taken from him asks for nothing more.
pub const STOPPED_WITHIN_MICROS: i64 = 15 * SECOND;
/// How long a provider may need before its reads show its writes.
pub const QUIET_MICROS: i64 = 2 * SECOND;
/// The first pause; it doubles each time.
pub const BACK_OFF_FIRST_MICROS: i64 = SECOND;
/// The longest pause where the system is there and needs time: it has promised to answer, or asks to be
/// left alone.
pub const BACK_OFF_MAX_MICROS: i64 = 5 * MINUTE;
/// The longest pause of whatever met with silence: within a minute of a system's return every doubt is
/// over.
pub const RETRY_MAX_MICROS: i64 = 30 * SECOND;
/// The longest hint of a provider that is followed.
pub const HINT_MAX_MICROS: i64 = HOUR;
/// What is held is tried again after this, unless the integration changes before.
pub const HELD_MICROS: i64 = 15 * MINUTE;
/// Not final after this: it is listed for a person, and tried on.
pub const ATTENTION_AFTER_MICROS: i64 = 15 * MINUTE;
/// Providers keep idempotency keys at least this long, as far as they say.
pub const KEY_WINDOW_MICROS: i64 = 24 * HOUR;

const _: () = assert!(last_send_after(KEY_WINDOW_MICROS) + CALL_TIMEOUT_MICROS < KEY_WINDOW_MICROS);

/// The last re-send after the first, well inside the window of a key.
#[must_use]
pub const fn last_send_after(key_window: i64) -> i64 {
    key_window - key_window / 6
}

impl EffectState {
    /// Nothing more will come of it.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::Declined | Self::Withdrawn)
    }
}

impl From<EffectState> for OperationState {
    fn from(state: EffectState) -> Self {
        match state {
            EffectState::Pending => Self::Pending,
            EffectState::Sent => Self::Sent,
            EffectState::Accepted => Self::Accepted,
            EffectState::Unknown => Self::Unknown,
            EffectState::Done => Self::Succeeded,
            EffectState::Declined => Self::Declined,
            EffectState::Withdrawn => Self::Withdrawn,
        }
    }
}

impl Schedule {
    /// An effect that was just planned.
    #[must_use]
    pub const fn planned(system: System, key_window: Option<i64>) -> Self {
        Self {
            system,
            key_window,
            attempt: 0,
            looks: 0,
            first_sent_at: None,
            last_sent_at: None,
            state: EffectState::Pending,
            absent_seen_at: None,
            doubted_at: None,
            needs_attention: false,
        }
    }

    /// The schedule as it must be stored before the call is made.
    #[must_use]
    pub fn sent(self, now: Micros) -> Self {
        Self {
            system: self.system,
            key_window: self.key_window,
            attempt: self.attempt.saturating_add(1),
            looks: 0,
            first_sent_at: self.first_sent_at.or(Some(now)),
            last_sent_at: Some(now),
            state: EffectState::Sent,
            absent_seen_at: None,
            doubted_at: self.doubted_at,
            needs_attention: self.needs_attention,
        }
    }

    /// Whether a call made at this time still falls within the key's window. What has no key is
    /// only ever sent again when it certainly did not happen, so it may be at any time; the window of
    /// what has one begins anew then, see [`not_done`](Self::not_done).
    #[must_use]
    pub fn may_send_at(&self, time: Micros) -> bool {
        let Some((first, window)) = self.first_sent_at.zip(self.key_window) else { return true };
        time.0 <= first.0.saturating_add(last_send_after(window))
    }

    /// From here on a look-up that finds nothing counts. With a key it is enough that the call is over:
    /// the same again does it once, whichever of them is carried out. Without one nothing that was asked
    /// for may still be carried out.
    fn absent_counts_from(&self) -> Micros {
        let sent = self.last_sent_at.or(self.first_sent_at);
        match self.key_window {
            Some(_) => later(sent.unwrap_or_default(), CALL_TIMEOUT_MICROS + QUIET_MICROS),
            None => later(sent.max(self.doubted_at).unwrap_or_default(), MADE_WITHIN_MICROS),
        }
    }

    /// What was asked for at this time, of the attempt that was sent last, has no answer.
    fn doubted(mut self, asked_at: Option<Micros>) -> Self {
        self.state = EffectState::Unknown;
        self.doubted_at = asked_at.max(self.last_sent_at);
        self
    }

    /// The attempt that was sent last did certainly nothing. Where no other one is in doubt the system
    /// has no key to forget: its window begins anew, and a person is told as early as ever.
    fn not_done(mut self, now: Micros) -> Self {
        if self.doubted_at.is_none() {
            let late = later(now, -ATTENTION_AFTER_MICROS);
            self.first_sent_at = self.first_sent_at.map(|first| first.max(late));
        }
        self
    }

    /// Nothing is there, and nothing can come any more of what was sent.
    fn cleared(mut self, now: Micros) -> Self {
        let within = match self.key_window {
            Some(_) => CARRIED_OUT_WITHIN_MICROS,
            None => MADE_WITHIN_MICROS,
        };
        self.doubted_at = self.doubted_at.filter(|sent| now < later(*sent, within));
        self
    }

    fn watched(mut self, now: Micros) -> Self {
        let is_late = self
            .first_sent_at
            .is_some_and(|first| now.0.saturating_sub(first.0) >= ATTENTION_AFTER_MICROS);
        self.needs_attention |= is_late;
        self
    }

    fn resolved(mut self, resolution: Resolution) -> (Self, Step) {
        self.doubted_at = None;
        self.state = match resolution {
            Resolution::Done => EffectState::Done,
            Resolution::Declined => EffectState::Declined,
        };
        self.needs_attention = false;
        (self, Step::Resolve(resolution))
    }

    /// Sends again if the key still holds at that time.
    fn again(mut self, due_at: Micros) -> (Self, Step) {
        if self.may_send_at(due_at) {
            self.state = EffectState::Pending;
            return (self, Step::SendAgain { due_at });
        }
        self.state = EffectState::Unknown;
        self.needs_attention = true;
        (self, Step::LeaveToPerson)
    }

    /// Waits for the integration. What was never sent has no window that runs.
    fn held(mut self, now: Micros) -> (Self, Step) {
        if self.first_sent_at == self.last_sent_at {
            (self.first_sent_at, self.last_sent_at) = (None, None);
        }
        self.not_done(now).again(later(now, HELD_MICROS))
    }

    fn look_later(mut self, now: Micros, longest: i64, jitter_permille: u16) -> (Self, Step) {
        let due_at = later(now, back_off(self.looks, longest, jitter_permille));
        self.looks = self.looks.saturating_add(1);
        (self, Step::LookUp { due_at })
    }
}

/// The call came back. `jitter_permille` is a random number from 0 to 999.
#[must_use]
pub fn after_call(
    schedule: Schedule,
    report: Report,
    now: Micros,
    jitter_permille: u16,
) -> (Schedule, Step) {
    if schedule.state.is_final() {
        return (schedule, Step::Nothing);
    }
    let mut schedule = schedule.watched(now);
    match report {
        Report::Done => schedule.resolved(Resolution::Done),
        Report::Declined => schedule.resolved(Resolution::Declined),
        Report::Accepted { ask_again_in } => {
            schedule.state = EffectState::Accepted;
            let pause = ask_again_in.clamp(QUIET_MICROS, HINT_MAX_MICROS);
            (schedule, Step::LookUp { due_at: later(now, pause) })
        }
        Report::TryLater { after } => {
            let tried = schedule.attempt.saturating_sub(1);
            let pause = back_off(tried, RETRY_MAX_MICROS, jitter_permille);
            let hint = after.unwrap_or(0).clamp(0, HINT_MAX_MICROS);
            schedule.not_done(now).again(later(now, pause.max(hint)))
        }
        Report::Held => schedule.held(now),
        Report::Unknown { asked_ago } => {
            let asked_at = asked_ago.map(|ago| later(now, ago.saturating_neg()));
            (schedule.doubted(asked_at), Step::LookUp { due_at: later(now, QUIET_MICROS) })
        }
    }
}

/// The look-up came back.
#[must_use]
pub fn after_look_up(
    schedule: Schedule,
    sighting: Sighting,
    now: Micros,
    jitter_permille: u16,
) -> (Schedule, Step) {
    if schedule.state.is_final() {
        return (schedule, Step::Nothing);
    }
    let mut schedule = schedule.watched(now);
    match sighting {
        Sighting::Happened => schedule.resolved(Resolution::Done),
        Sighting::Declined => schedule.resolved(Resolution::Declined),
        Sighting::InProgress => {
            schedule.absent_seen_at = None;
            schedule.state = EffectState::Accepted;
            schedule.look_later(now, BACK_OFF_MAX_MICROS, jitter_permille)
        }
        Sighting::NoAnswer => schedule.look_later(now, RETRY_MAX_MICROS, jitter_permille),
        Sighting::Untold => {
            schedule.state = EffectState::Unknown;
            schedule.needs_attention = true;
            (schedule, Step::LeaveToPerson)
        }
        // It said that it has it: what it does not show yet is no proof of the contrary.
        Sighting::Absent if schedule.state == EffectState::Accepted => {
            schedule.look_later(now, BACK_OFF_MAX_MICROS, jitter_permille)
        }
        Sighting::Absent => after_absent(schedule, now),
    }
}

/// The lease of whoever worked on it ran out.
#[must_use]
pub fn taken_over(schedule: Schedule, now: Micros) -> (Schedule, Step) {
    match schedule.state {
        // Nothing was found of it: it is sent again within the window.
        EffectState::Pending if schedule.absent_seen_at.is_some() => schedule.again(now),
        EffectState::Pending => schedule.not_done(now).again(now),
        EffectState::Sent => {
            // Whoever called cannot say when it asked for what: at the latest when its time was over.
            let over = schedule.last_sent_at.map(|sent| later(sent, CALL_TIMEOUT_MICROS).min(now));
            (schedule.doubted(over).watched(now), Step::LookUp { due_at: now })
        }
        EffectState::Unknown | EffectState::Accepted => {
            (schedule.watched(now), Step::LookUp { due_at: now })
        }
        EffectState::Done | EffectState::Declined | EffectState::Withdrawn => {
            (schedule, Step::Nothing)
        }
    }
}

/// One look that finds nothing is not believed: providers' reads lag behind their writes.
fn after_absent(mut schedule: Schedule, now: Micros) -> (Schedule, Step) {
    let counts_from = schedule.absent_counts_from();
    if now < counts_from {
        schedule.looks = schedule.looks.saturating_add(1);
        return (schedule, Step::LookUp { due_at: counts_from });
    }
    let Some(seen_at) = schedule.absent_seen_at else {
        schedule.absent_seen_at = Some(now);
        schedule.looks = schedule.looks.saturating_add(1);
        return (schedule, Step::LookUp { due_at: later(now, QUIET_MICROS) });
    };
    let second_look_at = later(seen_at, QUIET_MICROS);
    if now < second_look_at {
        return (schedule, Step::LookUp { due_at: second_look_at });
    }
    schedule.cleared(now).again(now)
}

/// How long a system is left alone that asks for it and names no time, after so many tries before.
#[must_use]
pub fn busy_pause(tried: u32) -> i64 {
    back_off(tried, BACK_OFF_MAX_MICROS, 0)
}

/// Doubles up to the longest pause; the jitter takes away up to half.
fn back_off(tried: u32, longest: i64, jitter_permille: u16) -> i64 {
    let doubled = 1_i64.checked_shl(tried.min(30)).unwrap_or(i64::MAX);
    let pause = BACK_OFF_FIRST_MICROS.saturating_mul(doubled).min(longest);
    let half = pause / 2;
    pause - half * i64::from(jitter_permille.min(999)) / 1_000
}

fn later(now: Micros, pause: i64) -> Micros {
    Micros(now.0.saturating_add(pause))
}
