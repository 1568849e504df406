//! Who may be called now: so many at once in all, and so many in one lane of one shop, few after
//! silence, so that a system that hangs delays nobody else.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::breakers::{Breaker, Heard, Room};
use crate::store::claims::{Candidate, Lane};

/// Everything under way; clones share it.
#[derive(Clone, Default)]
pub(super) struct Slots {
    state: Arc<Mutex<State>>,
    freed: Arc<Notify>,
}

#[derive(Default)]
struct State {
    taken: BTreeMap<i64, Taken>,
    /// Of lanes whose last call heard nothing.
    breakers: HashMap<(i64, Lane), Breaker>,
    /// Shops whose mails have met with an answer before.
    mailed: HashSet<i64>,
}

struct Taken {
    /// With its shop.
    lane: (i64, Lane),
    lease_lost: CancellationToken,
    /// When the renewal of the lease began that is known to have succeeded.
    renewed_at: Instant,
}

/// Calls under way to systems that may be gone.
#[derive(Clone, Copy, Default)]
struct Probes {
    calls: usize,
    mails: usize,
}

/// A place of one effect; dropping it makes room.
pub(super) struct Place {
    slots: Slots,
    effect_key: i64,
    lane: (i64, Lane),
    lease_lost: CancellationToken,
    since: Instant,
}

const AT_ONCE: usize = 256;
const IN_ONE_LANE: usize = 8;
/// Of a lane whose system may be gone: one alone may have met with an accident of its own. And of mails
/// to a server that was not heard of yet.
const PROBES_IN_ONE_LANE: usize = 2;
/// Calls to systems that may be gone: with all shops' at once there is room for others.
const PROBES_AT_ONCE: usize = 64;
/// Of the integrations of one name, in all shops: when their system hangs, others have room beside them
/// before its lanes are known to be silent.
const CALLS_OF_ONE_NAME: usize = 96;
/// A mail may take minutes: others have room beside them.
const MAILS_AT_ONCE: usize = 96;
/// Mails to servers that may be gone, each of which takes long to find that out.
const MAIL_PROBES_AT_ONCE: usize = 32;
/// Each is a condition of one statement, and SQLite bounds how deep an expression may be.
const SATURATED_MAX: usize = 200;

impl Slots {
    /// Resolves when a place was given up since it was last asked.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    pub(super) fn is_full(&self) -> bool {
        self.state().taken.len() >= AT_ONCE
    }

    /// Lanes that get nothing more for now; not all, if they are very many.
    pub(super) fn saturated(&self) -> Vec<(i64, Lane)> {
        let (state, now) = (self.state(), Instant::now());
        let calls = state.calls();
        let probes = state.probes();
        let tripped = state.breakers.iter().filter(|(_, breaker)| breaker.is_tripped());
        let tripped = tripped.map(|(lane, _)| lane);
        let mut lanes: Vec<&(i64, Lane)> = calls.keys().copied().chain(tripped).collect();
        lanes.sort_unstable();
        lanes.dedup();
        let is_busy = |lane: &&(i64, Lane)| {
            calls.get(lane).copied().unwrap_or_default() >= state.room(lane, now)
                || (state.is_tripped(lane) && probes.room(&lane.1) == 0)
        };
        lanes.into_iter().filter(is_busy).take(SATURATED_MAX).cloned().collect()
    }

    /// Whether mails get nothing more for now, of whatever shop.
    pub(super) fn has_no_room_for_mails(&self) -> bool {
        self.state().mails() >= MAILS_AT_ONCE
    }

    /// Integrations whose calls get nothing more for now, of whatever shop.
    pub(super) fn full(&self) -> Vec<String> {
        let state = self.state();
        let full = state.calls_of_names().into_iter().filter_map(|(lane, calls)| match lane {
            Lane::Provider(name) if calls >= CALLS_OF_ONE_NAME => Some(name.clone()),
            Lane::Provider(_) | Lane::Mail => None,
        });
        full.collect()
    }

    /// Those that fit, in their order.
    pub(super) fn choose<'a>(&self, ready: &'a [Candidate]) -> Vec<&'a Candidate> {
        let (state, now) = (self.state(), Instant::now());
        let (mut calls, mut names) = (state.calls(), state.calls_of_names());
        let lanes: Vec<(i64, Lane)> = ready.iter().map(Candidate::lane_of_shop).collect();
        let mut room = AT_ONCE.saturating_sub(state.taken.len());
        let mut probes = state.probes();
        let mut mails = MAILS_AT_ONCE.saturating_sub(state.mails());
        let mut chosen = Vec::new();
        for (candidate, lane) in ready.iter().zip(&lanes) {
            let there = calls.entry(lane).or_default();
            let of_its_name = names.entry(&lane.1).or_default();
            let (is_probe, is_mail) = (state.is_tripped(lane), lane.1 == Lane::Mail);
            // One given up by this process a moment ago may still be on its way out.
            let is_there = state.taken.contains_key(&candidate.effect_key);
            let is_full = (is_probe && probes.room(&lane.1) == 0)
                || if is_mail { mails == 0 } else { *of_its_name >= CALLS_OF_ONE_NAME };
            if room == 0 || is_there || is_full || *there >= state.room(lane, now) {
                continue;
            }
            *there += 1;
            *of_its_name += 1;
            mails -= usize::from(is_mail);
            room -= 1;
            if is_probe {
                probes.add(&lane.1);
            }
            chosen.push(candidate);
        }
        chosen
    }

    /// Takes a place for an effect that was just claimed.
    pub(super) fn occupy(&self, candidate: &Candidate) -> Place {
        let lease_lost = CancellationToken::new();
        let lane = candidate.lane_of_shop();
        let now = Instant::now();
        let taken = Taken { lane: lane.clone(), lease_lost: lease_lost.clone(), renewed_at: now };
        self.state().taken.insert(candidate.effect_key, taken);
        Place {
            slots: self.clone(),
            effect_key: candidate.effect_key,
            lane,
            lease_lost,
            since: now,
        }
    }

    /// The effects under way.
    pub(super) fn keys(&self) -> Vec<i64> {
        self.state().taken.keys().copied().collect()
    }

    /// Of the leases asked for, these are held; the others are lost.
    pub(super) fn renewed(&self, asked: &[i64], held: &[i64], began: Instant) {
        let mut state = self.state();
        for key in asked {
            let Some(taken) = state.taken.get_mut(key) else { continue };
            if held.contains(key) {
                taken.renewed_at = began;
            } else {
                taken.lease_lost.cancel();
            }
        }
    }

    /// Gives up what nobody can say is still one's own.
    pub(super) fn give_up_unrenewed(&self, after: Duration) {
        let state = self.state();
        for taken in state.taken.values().filter(|taken| taken.renewed_at.elapsed() >= after) {
            taken.lease_lost.cancel();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// How many calls are under way, by lane.
    fn calls(&self) -> HashMap<&(i64, Lane), usize> {
        let mut calls = HashMap::new();
        for taken in self.taken.values() {
            *calls.entry(&taken.lane).or_default() += 1;
        }
        calls
    }

    /// How many calls are under way, by the lane without its shop.
    fn calls_of_names(&self) -> HashMap<&Lane, usize> {
        let mut names = HashMap::new();
        for taken in self.taken.values() {
            *names.entry(&taken.lane.1).or_default() += 1;
        }
        names
    }

    fn is_tripped(&self, lane: &(i64, Lane)) -> bool {
        self.breakers.get(lane).is_some_and(Breaker::is_tripped)
    }

    fn probes(&self) -> Probes {
        let mut probes = Probes::default();
        let under_way = self.taken.values().filter(|taken| self.is_tripped(&taken.lane));
        under_way.for_each(|taken| probes.add(&taken.lane.1));
        probes
    }

    fn mails(&self) -> usize {
        self.taken.values().filter(|taken| taken.lane.1 == Lane::Mail).count()
    }

    fn room(&self, lane: &(i64, Lane), now: Instant) -> usize {
        match self.breakers.get(lane).map_or(Room::Usual, |breaker| breaker.room(now)) {
            Room::Usual if lane.1 == Lane::Mail && !self.mailed.contains(&lane.0) => {
                PROBES_IN_ONE_LANE
            }
            Room::Usual => IN_ONE_LANE,
            Room::Probe => PROBES_IN_ONE_LANE,
            Room::None => 0,
        }
    }
}

impl Probes {
    fn add(&mut self, lane: &Lane) {
        match lane {
            Lane::Provider(_) => self.calls = self.calls.saturating_add(1),
            Lane::Mail => self.mails = self.mails.saturating_add(1),
        }
    }

    /// For more of them in such lanes.
    fn room(self, lane: &Lane) -> usize {
        match lane {
            Lane::Provider(_) => PROBES_AT_ONCE.saturating_sub(self.calls),
            Lane::Mail => MAIL_PROBES_AT_ONCE.saturating_sub(self.mails),
        }
    }
}

impl Place {
    pub(super) fn lane(&self) -> &(i64, Lane) {
        &self.lane
    }

    /// Cancelled when the effect is no longer one's own.
    pub(super) fn lease_lost(&self) -> &CancellationToken {
        &self.lease_lost
    }

    /// Notes what the call heard of its system; answers whether that is there again.
    pub(super) fn hear(&self, heard: Heard) -> bool {
        if heard == Heard::Nothing {
            return false;
        }
        let mut state = self.slots.state();
        if heard == Heard::Answer && self.lane.1 == Lane::Mail {
            state.mailed.insert(self.lane.0);
        }
        let new = Breaker::of(&self.lane.1);
        let breaker = state.breakers.entry(self.lane.clone()).or_insert(new);
        let was_tripped = breaker.is_tripped();
        breaker.hear(heard, self.since, Instant::now());
        let is_tripped = breaker.is_tripped();
        if heard == Heard::Answer {
            state.breakers.remove(&self.lane);
        }
        let (shop, system) = (self.lane.0, &self.lane.1);
        match (was_tripped, is_tripped) {
            (false, true) => {
                tracing::warn!(shop, ?system, "a system does not answer, it is left alone");
            }
            (true, false) => tracing::info!(shop, ?system, "a system answers again"),
            _ => {}
        }
        was_tripped && !is_tripped
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.slots.state().taken.remove(&self.effect_key);
        self.slots.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many effects of each of these shops' only lane.
    fn ready(shops: std::ops::Range<i64>, each: i64) -> Vec<Candidate> {
        ready_in(&Lane::Provider("klarna".to_owned()), shops, each)
    }

    fn ready_in(lane: &Lane, shops: std::ops::Range<i64>, each: i64) -> Vec<Candidate> {
        let of_shop = |shop_id| {
            (0..each).map(move |number| Candidate {
                effect_key: shop_id * 1_000 + number,
                shop_id,
                lane: lane.clone(),
            })
        };
        shops.flat_map(of_shop).collect()
    }

    fn trip(slots: &Slots, lane: &Lane, shops: std::ops::Range<i64>) {
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        let mut state = slots.state();
        for lane in ready_in(lane, shops, 1).iter().map(Candidate::lane_of_shop) {
            let breaker = state.breakers.entry(lane).or_insert(Breaker::of(&Lane::Mail));
            while !breaker.is_tripped() {
                breaker.hear(Heard::Silence, long_ago, long_ago);
            }
        }
    }

    #[tokio::test]
    async fn a_lane_gets_no_more_than_its_part() {
        let slots = Slots::default();
        let effects = ready(1..3, 20);
        let chosen = slots.choose(&effects);
        assert_eq!(chosen.len(), 2 * IN_ONE_LANE);
        let places: Vec<Place> = chosen.into_iter().map(|one| slots.occupy(one)).collect();
        assert_eq!(slots.saturated().len(), 2);
        assert!(slots.choose(&effects).is_empty());
        drop(places);
        assert!(slots.saturated().is_empty());
    }

    #[tokio::test]
    async fn however_many_mails_there_are_others_have_room() {
        let slots = Slots::default();
        let mails = ready_in(&Lane::Mail, 1..1_000, 8);
        let chosen = slots.choose(&mails);
        assert_eq!(chosen.len(), MAILS_AT_ONCE);
        let places: Vec<Place> = chosen.into_iter().map(|one| slots.occupy(one)).collect();
        assert!(slots.has_no_room_for_mails() && slots.choose(&mails).is_empty());
        assert_eq!(slots.choose(&ready(2_000..2_001, 20)).len(), IN_ONE_LANE);
        drop(places);
        assert!(!slots.has_no_room_for_mails());
    }

    #[tokio::test]
    async fn while_nothing_is_known_of_a_system_that_hangs_others_have_room() {
        let slots = Slots::default();
        let hanging = ready(1..1_000, 8);
        let chosen = slots.choose(&hanging);
        assert_eq!(chosen.len(), CALLS_OF_ONE_NAME);
        let places: Vec<Place> = chosen.into_iter().map(|one| slots.occupy(one)).collect();
        assert_eq!(slots.full(), ["klarna"]);
        assert!(slots.choose(&hanging).is_empty() && !slots.is_full());
        let others = ready_in(&Lane::Provider("vipps".to_owned()), 1..2, 20);
        assert_eq!(slots.choose(&others).len(), IN_ONE_LANE);
        drop(places);
        assert!(slots.full().is_empty());
    }

    #[tokio::test]
    async fn however_many_systems_are_gone_others_have_room_and_few_are_named() {
        let slots = Slots::default();
        trip(&slots, &Lane::Provider("klarna".to_owned()), 1..1_000);
        let gone = ready(1..1_000, 4);
        let chosen = slots.choose(&gone);
        assert_eq!(chosen.len(), PROBES_AT_ONCE);
        let places: Vec<Place> = chosen.into_iter().map(|one| slots.occupy(one)).collect();
        assert_eq!(slots.saturated().len(), SATURATED_MAX);
        assert!(slots.choose(&gone).is_empty());
        assert_eq!(slots.choose(&ready(2_000..2_001, 20)).len(), IN_ONE_LANE);
        drop(places);
    }

    #[tokio::test]
    async fn however_many_mail_servers_are_gone_those_that_answer_have_room() {
        let slots = Slots::default();
        let new = ready_in(&Lane::Mail, 1..2, 20);
        assert_eq!(slots.choose(&new).len(), PROBES_IN_ONE_LANE, "nothing is known of it");
        let place = slots.occupy(new.first().unwrap());
        assert!(!place.hear(Heard::Answer));
        drop(place);
        assert_eq!(slots.choose(&new).len(), IN_ONE_LANE);

        trip(&slots, &Lane::Mail, 2..1_000);
        let gone = ready_in(&Lane::Mail, 2..1_000, 4);
        let chosen = slots.choose(&gone);
        assert_eq!(chosen.len(), MAIL_PROBES_AT_ONCE);
        let places: Vec<Place> = chosen.into_iter().map(|one| slots.occupy(one)).collect();
        assert!(slots.choose(&gone).is_empty() && !slots.has_no_room_for_mails());
        assert_eq!(slots.choose(&new).len(), IN_ONE_LANE);
        // Neither do they take the room of other systems that may be gone.
        trip(&slots, &Lane::Provider("klarna".to_owned()), 1..1_000);
        assert_eq!(slots.choose(&ready(1..1_000, 1)).len(), PROBES_AT_ONCE);
        let back =
            places.first().map(|place| (place.hear(Heard::Answer), place.hear(Heard::Answer)));
        assert_eq!(back, Some((true, false)), "once");
    }
}
