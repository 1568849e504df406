//! When an effect is sent, looked up, resolved and left to a person.

use super::{
    ATTENTION_AFTER_MICROS, BACK_OFF_MAX_MICROS, CALL_TIMEOUT_MICROS, CARRIED_OUT_WITHIN_MICROS,
    EffectState, HELD_MICROS, HINT_MAX_MICROS, HOUR, KEY_WINDOW_MICROS, MADE_WITHIN_MICROS,
    QUIET_MICROS, RETRY_MAX_MICROS, Report, Resolution, SECOND, Schedule, Sighting, Step, System,
    after_call, after_look_up, back_off, busy_pause, last_send_after, taken_over,
};
use crate::order::Micros;
use crate::payments::OperationState;

const LAST_SEND_AFTER_MICROS: i64 = last_send_after(KEY_WINDOW_MICROS);
/// Of a call that asks for one thing, and at once.
const UNKNOWN: Report = Report::Unknown { asked_ago: None };

fn planned() -> Schedule {
    Schedule::planned(System::Payments, Some(KEY_WINDOW_MICROS))
}

/// Sent at zero, for the first time.
fn sent() -> Schedule {
    planned().sent(Micros(0))
}

fn unknown() -> Schedule {
    Schedule { state: EffectState::Unknown, ..sent() }
}

fn send_again(due_at: i64) -> Step {
    Step::SendAgain { due_at: Micros(due_at) }
}

fn look_up(due_at: i64) -> Step {
    Step::LookUp { due_at: Micros(due_at) }
}

#[test]
fn a_call_ends_in_its_next_step() {
    let cases = [
        (Report::Done, 5, EffectState::Done, Step::Resolve(Resolution::Done)),
        (Report::Declined, 5, EffectState::Declined, Step::Resolve(Resolution::Declined)),
        (UNKNOWN, 5, EffectState::Unknown, look_up(5 + QUIET_MICROS)),
        (
            Report::Accepted { ask_again_in: 60 * SECOND },
            5,
            EffectState::Accepted,
            look_up(5 + 60 * SECOND),
        ),
        (
            Report::Accepted { ask_again_in: -1 },
            5,
            EffectState::Accepted,
            look_up(5 + QUIET_MICROS),
        ),
        (Report::TryLater { after: None }, 5, EffectState::Pending, send_again(5 + SECOND)),
        (
            Report::TryLater { after: Some(90 * SECOND) },
            5,
            EffectState::Pending,
            send_again(5 + 90 * SECOND),
        ),
        (
            Report::TryLater { after: Some(i64::MAX) },
            5,
            EffectState::Pending,
            send_again(5 + HINT_MAX_MICROS),
        ),
    ];
    for (report, now, state, step) in cases {
        let (schedule, next) = after_call(sent(), report, Micros(now), 0);
        assert_eq!((schedule.state, next), (state, step), "{report:?}");
        assert!(!schedule.needs_attention, "{report:?}");
    }
}

#[test]
fn what_was_certainly_not_done_leaves_no_key_to_be_forgotten() {
    let refused = Report::TryLater { after: None };
    let late = LAST_SEND_AFTER_MICROS;
    for (report, pause) in [(refused, 2 * SECOND), (Report::Held, HELD_MICROS)] {
        // Sent twice, and neither is in doubt.
        let again = sent().sent(Micros(HOUR));
        let (waiting, step) = after_call(again, report, Micros(late), 0);
        assert_eq!((waiting.state, step), (EffectState::Pending, send_again(late + pause)));
        assert!(waiting.needs_attention, "it is told, and tried on");
        assert_eq!(waiting.first_sent_at, Some(Micros(late - ATTENTION_AFTER_MICROS)));
        // For as long as nobody was there to send it, too.
        let (taken, step) = taken_over(waiting, Micros(3 * late));
        assert_eq!((taken.state, step), (EffectState::Pending, send_again(3 * late)));
        // What is sent now is in doubt, and has the whole window less the quarter of an hour.
        let (silent, _) = after_call(taken.sent(Micros(3 * late)), UNKNOWN, Micros(3 * late), 0);
        let last = 3 * late - ATTENTION_AFTER_MICROS + LAST_SEND_AFTER_MICROS;
        assert!(silent.may_send_at(Micros(last)) && !silent.may_send_at(Micros(last + 1)));

        // The first is in doubt: its key may be forgotten, whatever is said of the second.
        let doubted = Schedule { doubted_at: Some(Micros(0)), ..again };
        let (waiting, _) = after_call(doubted, report, Micros(HOUR), 0);
        assert_eq!(waiting.first_sent_at, Some(Micros(0)));
        let (left, step) = after_call(doubted, report, Micros(late), 0);
        assert_eq!((left.state, step), (EffectState::Unknown, Step::LeaveToPerson));
        assert_eq!(taken_over(waiting, Micros(late + 1)).1, Step::LeaveToPerson);
    }
    // Not seen is not the same: it is sent again within the window.
    let unseen = seen_absent(unknown(), CARRIED_OUT_WITHIN_MICROS);
    assert_eq!((unseen.state, unseen.doubted_at), (EffectState::Pending, None));
    assert_eq!(taken_over(unseen, Micros(late + 1)).1, Step::LeaveToPerson);
}

#[test]
fn what_is_held_is_as_if_it_had_not_been_tried() {
    let (held, step) = after_call(sent(), Report::Held, Micros(5), 0);
    assert_eq!((held.state, step), (EffectState::Pending, send_again(5 + HELD_MICROS)));
    assert_eq!((held.first_sent_at, held.last_sent_at), (None, None), "no window runs");
    // However long it is held, it is sent in the end.
    let mut schedule = held;
    for day in 1..=40 {
        let now = day * 24 * HOUR;
        let (next, step) = after_call(schedule.sent(Micros(now)), Report::Held, Micros(now + 5), 0);
        assert_eq!(step, send_again(now + 5 + HELD_MICROS), "day {day}");
        assert!(!next.needs_attention, "day {day}");
        schedule = next;
    }
}

#[test]
fn a_look_up_ends_in_its_next_step() {
    let accepted = Schedule { state: EffectState::Accepted, ..sent() };
    let cases = [
        (unknown(), Sighting::Happened, EffectState::Done, Step::Resolve(Resolution::Done)),
        (unknown(), Sighting::Declined, EffectState::Declined, Step::Resolve(Resolution::Declined)),
        (unknown(), Sighting::InProgress, EffectState::Accepted, look_up(9 + SECOND)),
        (unknown(), Sighting::NoAnswer, EffectState::Unknown, look_up(9 + SECOND)),
        (accepted, Sighting::Absent, EffectState::Accepted, look_up(9 + SECOND)),
        (
            unknown(),
            Sighting::Absent,
            EffectState::Unknown,
            look_up(CALL_TIMEOUT_MICROS + QUIET_MICROS),
        ),
    ];
    for (schedule, sighting, state, step) in cases {
        let (schedule, next) = after_look_up(schedule, sighting, Micros(9), 0);
        assert_eq!((schedule.state, next), (state, step), "{sighting:?}");
    }
}

#[test]
fn absent_is_believed_at_the_second_look_after_the_quiet_time() {
    let counts_from = CALL_TIMEOUT_MICROS + QUIET_MICROS;
    let early = Micros(counts_from - 1);
    let (schedule, step) = after_look_up(unknown(), Sighting::Absent, early, 0);
    assert_eq!((schedule.absent_seen_at, step), (None, look_up(counts_from)));

    let first = Micros(counts_from);
    let (schedule, step) = after_look_up(schedule, Sighting::Absent, first, 0);
    assert_eq!((schedule.absent_seen_at, step), (Some(first), look_up(first.0 + QUIET_MICROS)));

    let hasty = Micros(first.0 + 1);
    let (schedule, step) = after_look_up(schedule, Sighting::Absent, hasty, 0);
    assert_eq!(step, look_up(first.0 + QUIET_MICROS));

    let second = Micros(first.0 + QUIET_MICROS);
    let (again, step) = after_look_up(schedule, Sighting::Absent, second, 0);
    assert_eq!((again.state, step), (EffectState::Pending, send_again(second.0)));
    let (seen, _) = after_look_up(schedule, Sighting::InProgress, second, 0);
    assert_eq!(seen.absent_seen_at, None);

    let resent = again.sent(second);
    assert_eq!((resent.attempt, resent.absent_seen_at), (2, None));
    assert_eq!(resent.first_sent_at, Some(Micros(0)));
    let (_, step) = after_look_up(resent, Sighting::Absent, second, 0);
    assert_eq!(step, look_up(second.0 + counts_from));
}

/// Two looks that find nothing, from when they count.
fn seen_absent(schedule: Schedule, first: i64) -> Schedule {
    let (schedule, _) = after_look_up(schedule, Sighting::Absent, Micros(first), 0);
    after_look_up(schedule, Sighting::Absent, Micros(first + QUIET_MICROS), 0).0
}

#[test]
fn what_was_never_answered_is_in_doubt_until_nothing_can_come_of_it() {
    let (silent, _) = after_call(sent(), UNKNOWN, Micros(CALL_TIMEOUT_MICROS), 0);
    assert_eq!(silent.doubted_at, Some(Micros(0)));
    // Of several things that were asked for the last may come the latest.
    let asked_ago = Some(2 * SECOND);
    let end = Micros(CALL_TIMEOUT_MICROS);
    let (silent_later, _) = after_call(sent(), Report::Unknown { asked_ago }, end, 0);
    assert_eq!(silent_later.doubted_at, Some(Micros(CALL_TIMEOUT_MICROS - 2 * SECOND)));
    // Whoever asked has died meanwhile, at any time.
    for (taken_at, asked_at) in [(SECOND, SECOND), (HOUR, CALL_TIMEOUT_MICROS)] {
        assert_eq!(taken_over(sent(), Micros(taken_at)).0.doubted_at, Some(Micros(asked_at)));
    }

    // With its key it is sent again soon; the answer says nothing of the first call.
    let again = seen_absent(silent, CALL_TIMEOUT_MICROS + QUIET_MICROS);
    assert_eq!((again.state, again.doubted_at), (EffectState::Pending, Some(Micros(0))));
    let resent = again.sent(Micros(36 * SECOND));
    for report in [Report::TryLater { after: None }, Report::Held] {
        let (later, _) = after_call(resent, report, Micros(37 * SECOND), 0);
        assert_eq!((later.state, later.doubted_at), (EffectState::Pending, Some(Micros(0))));
    }
    let (second, _) = after_call(resent, UNKNOWN, Micros(37 * SECOND), 0);
    assert_eq!(second.doubted_at, Some(Micros(36 * SECOND)), "the last of those that may come");

    // What is not there when it is too late for it will not come.
    let over = CARRIED_OUT_WITHIN_MICROS;
    assert!(seen_absent(silent, over - QUIET_MICROS - 1).doubted_at.is_some());
    let gone = seen_absent(silent, over - QUIET_MICROS);
    assert_eq!((gone.state, gone.doubted_at), (EffectState::Pending, None));
    assert_eq!(after_call(resent, Report::Done, Micros(over), 0).0.doubted_at, None);
}

#[test]
fn what_has_no_key_is_made_again_when_it_was_not_made_for_long() {
    let sent = Schedule::planned(System::Labels, None).sent(Micros(0));
    let ended = |asked_ago| {
        after_call(sent, Report::Unknown { asked_ago }, Micros(CALL_TIMEOUT_MICROS), 0).0
    };
    // An attempt looks, and makes one thing after the other: what was asked for last counts, and of an
    // attempt whose end nobody has seen, the last moment at which it could ask.
    let cases = [
        (ended(None), 0),
        (ended(Some(CALL_TIMEOUT_MICROS - SECOND)), SECOND),
        (ended(Some(2 * SECOND)), CALL_TIMEOUT_MICROS - 2 * SECOND),
        (taken_over(sent, Micros(20 * SECOND)).0, 20 * SECOND),
        (taken_over(sent, Micros(HOUR)).0, CALL_TIMEOUT_MICROS),
    ];
    for (silent, asked_at) in cases {
        let counts_from = asked_at + MADE_WITHIN_MICROS;
        let early = Micros(counts_from - 1);
        let (waiting, step) = after_look_up(silent, Sighting::Absent, early, 0);
        assert_eq!((waiting.absent_seen_at, step), (None, look_up(counts_from)), "{asked_at}");
        let again = seen_absent(silent, counts_from);
        assert_eq!((again.state, again.doubted_at), (EffectState::Pending, None), "{asked_at}");
    }
}

#[test]
fn nothing_is_sent_again_when_the_provider_may_have_forgotten_the_key() {
    let seen = Schedule { absent_seen_at: Some(Micros(HOUR)), ..unknown() };
    let cases = [
        (LAST_SEND_AFTER_MICROS, EffectState::Pending, send_again(LAST_SEND_AFTER_MICROS)),
        (LAST_SEND_AFTER_MICROS + 1, EffectState::Unknown, Step::LeaveToPerson),
        (30 * HOUR, EffectState::Unknown, Step::LeaveToPerson),
    ];
    for (now, state, step) in cases {
        let (schedule, next) = after_look_up(seen, Sighting::Absent, Micros(now), 0);
        assert_eq!((schedule.state, next), (state, step), "{now}");
        assert!(schedule.needs_attention);
    }
}

#[test]
fn each_provider_keeps_its_keys_as_long_as_it_says() {
    let week = 7 * 24 * HOUR;
    for (window, last) in [
        (Some(KEY_WINDOW_MICROS), Some(20 * HOUR)),
        (Some(week), Some(week / 6 * 5)),
        (Some(i64::MAX), Some(i64::MAX - i64::MAX / 6)),
        (None, None),
    ] {
        let schedule = Schedule { key_window: window, ..sent() };
        let last = last.unwrap_or(i64::MAX);
        assert!(schedule.may_send_at(Micros(last)), "{window:?}");
        let is_over = last < i64::MAX;
        assert_eq!(!schedule.may_send_at(Micros(last.saturating_add(1))), is_over, "{window:?}");
    }
}

#[test]
fn a_late_effect_is_listed_for_a_person_and_tried_on() {
    for (now, needs_attention) in
        [(ATTENTION_AFTER_MICROS - 1, false), (ATTENTION_AFTER_MICROS, true)]
    {
        let (looked, step) = after_look_up(unknown(), Sighting::NoAnswer, Micros(now), 0);
        assert_eq!((looked.needs_attention, step), (needs_attention, look_up(now + SECOND)));
        let (called, _) = after_call(sent(), Report::TryLater { after: None }, Micros(now), 0);
        assert_eq!(called.needs_attention, needs_attention);
    }
    let late = Schedule { needs_attention: true, ..unknown() };
    let (resolved, _) = after_look_up(late, Sighting::Happened, Micros(30 * HOUR), 0);
    assert!(!resolved.needs_attention);
}

#[test]
fn what_a_dead_replica_sent_is_looked_up_first() {
    let in_state = |state| Schedule { state, ..sent() };
    let now = Micros(20 * SECOND);
    let cases = [
        (planned(), EffectState::Pending, send_again(now.0)),
        (sent(), EffectState::Unknown, look_up(now.0)),
        (unknown(), EffectState::Unknown, look_up(now.0)),
        (in_state(EffectState::Accepted), EffectState::Accepted, look_up(now.0)),
        (in_state(EffectState::Done), EffectState::Done, Step::Nothing),
        (in_state(EffectState::Declined), EffectState::Declined, Step::Nothing),
        (in_state(EffectState::Withdrawn), EffectState::Withdrawn, Step::Nothing),
    ];
    for (schedule, state, step) in cases {
        let (taken, next) = taken_over(schedule, now);
        assert_eq!((taken.state, next), (state, step), "{schedule:?}");
    }
    let doubted_at = Some(Micros(0));
    let stale = Schedule { state: EffectState::Pending, doubted_at, ..sent() };
    let (taken, step) = taken_over(stale, Micros(30 * HOUR));
    assert_eq!((taken.needs_attention, step), (true, Step::LeaveToPerson));
}

#[test]
fn what_is_over_stays_over() {
    for state in [EffectState::Done, EffectState::Declined, EffectState::Withdrawn] {
        let over = Schedule { state, ..sent() };
        let now = Micros(HOUR);
        assert_eq!(after_call(over, Report::Done, now, 0), (over, Step::Nothing));
        assert_eq!(after_look_up(over, Sighting::Happened, now, 0), (over, Step::Nothing));
        assert!(state.is_final());
    }
}

#[test]
fn pauses_double_to_a_longest_and_jitter_takes_up_to_half() {
    let cases = [
        (0, 0, SECOND),
        (1, 0, 2 * SECOND),
        (8, 0, 256 * SECOND),
        (9, 0, BACK_OFF_MAX_MICROS),
        (u32::MAX, 0, BACK_OFF_MAX_MICROS),
        (0, 500, SECOND - SECOND / 4),
        (1, 999, 2 * SECOND - 999_000),
        (1, u16::MAX, 2 * SECOND - 999_000),
    ];
    for (tried, jitter, pause) in cases {
        assert_eq!(back_off(tried, BACK_OFF_MAX_MICROS, jitter), pause, "{tried} {jitter}");
    }
    let mut schedule = sent();
    for pause in [1, 2, 4, 8, 16, 30, 30] {
        let (next, step) = after_call(schedule, Report::TryLater { after: None }, Micros(0), 0);
        assert_eq!(step, send_again(pause * SECOND));
        schedule = next.sent(Micros(0));
    }
    assert_eq!([0, 3, 20].map(busy_pause), [SECOND, 8 * SECOND, BACK_OFF_MAX_MICROS]);
}

/// However long a system is away, also longer than it keeps keys: what it is to do, what it may have
/// done, and what it has promised.
#[test]
fn whatever_meets_with_silence_is_tried_again_soon() {
    for (system, key_window) in [
        (System::Payments, Some(KEY_WINDOW_MICROS)),
        (System::Mail, None),
        (System::Accounting, None),
        (System::Labels, None),
    ] {
        let of = |state| Schedule { system, key_window, state, ..sent() };
        let mut calls = of(EffectState::Sent);
        let mut looks = [of(EffectState::Unknown), of(EffectState::Accepted)];
        let mut now = 0;
        for silences in 0..40 * HOUR / RETRY_MAX_MICROS {
            let later = Report::TryLater { after: None };
            let (waiting, step) = after_call(calls, later, Micros(now), 0);
            let mut due = vec![step];
            for look in &mut looks {
                let (waiting, step) = after_look_up(*look, Sighting::NoAnswer, Micros(now), 0);
                *look = waiting;
                due.push(step);
            }
            for step in due {
                let (Step::SendAgain { due_at } | Step::LookUp { due_at }) = step else {
                    panic!("{system:?}: {step:?} after {silences}");
                };
                assert!(due_at.0 - now <= RETRY_MAX_MICROS, "{system:?}: {step:?} at {now}");
            }
            assert_eq!(waiting.needs_attention, now >= ATTENTION_AFTER_MICROS, "{system:?}");
            now += RETRY_MAX_MICROS;
            calls = waiting.sent(Micros(now));
        }
    }
    // What is there, and needs time, is asked less and less often.
    let promised = Schedule { state: EffectState::Accepted, looks: 20, ..sent() };
    for sighting in [Sighting::InProgress, Sighting::Absent] {
        let (_, step) = after_look_up(promised, sighting, Micros(0), 0);
        assert_eq!(step, look_up(BACK_OFF_MAX_MICROS), "{sighting:?}");
    }
}

#[test]
fn effects_and_operations_share_their_states() {
    let pairs = [
        (EffectState::Pending, OperationState::Pending),
        (EffectState::Sent, OperationState::Sent),
        (EffectState::Accepted, OperationState::Accepted),
        (EffectState::Unknown, OperationState::Unknown),
        (EffectState::Done, OperationState::Succeeded),
        (EffectState::Declined, OperationState::Declined),
        (EffectState::Withdrawn, OperationState::Withdrawn),
    ];
    for (effect, operation) in pairs {
        assert_eq!(OperationState::from(effect), operation);
        assert_eq!(effect.is_final(), !operation.is_claimed());
    }
}
