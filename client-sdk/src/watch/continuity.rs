//! The arithmetic by which a listener knows that it missed nothing and saw nothing twice.
//!
//! What can be known from the messages alone: the revision of the stream never falls; every event is
//! newer than all the stream had reached; a batch's revision covers its events; and without a filter
//! the events of one command follow each other without a gap. Between commands a gap is no proof of
//! a loss: commands that changed nothing have a revision and are never sent.

use crate::error::Error;
use crate::proto;

/// What has been seen so far.
#[derive(Clone, Debug)]
pub(crate) struct Continuity {
    is_filtered: bool,
    /// Revision that the stream has reached.
    reached: Option<i64>,
    /// What had been reached when the connection began: up to here a repeat is no fault.
    reached_before: Option<i64>,
}

/// Whether a batch tells anything new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Batch {
    New,
    /// All of it had been seen over an earlier connection.
    Repeated,
}

impl Continuity {
    pub(crate) fn new(filter: &proto::WatchFilter) -> Self {
        let is_filtered = *filter != proto::WatchFilter::default();
        Self { is_filtered, reached: None, reached_before: None }
    }

    /// A connection begins with the stream at this revision.
    pub(crate) fn connected(&mut self, revision: i64) {
        self.reached_before = self.reached;
        self.reached = Some(self.reached.map_or(revision, |reached| reached.max(revision)));
    }

    /// A message says that the stream has reached this revision.
    pub(crate) fn reached(&mut self, revision: i64) -> Result<(), Error> {
        if let Some(reached) = self.reached.filter(|reached| revision < *reached) {
            return Err(fault(&format!("its revision fell from {reached} to {revision}")));
        }
        self.reached = Some(revision);
        Ok(())
    }

    /// A batch of events, and the revision that its message says the stream has reached with it.
    pub(crate) fn batch(&mut self, events: &[proto::Event], revision: i64) -> Result<Batch, Error> {
        let mut last: Option<i64> = None;
        for event in events {
            let is_next = last.is_none_or(|last| {
                if self.is_filtered { event.revision > last } else { event.revision == last + 1 }
            });
            if !is_next {
                return Err(fault(&format!("event {} follows event {last:?}", event.revision)));
            }
            last = Some(event.revision);
        }
        let (Some(first), Some(last)) = (events.first().map(|event| event.revision), last) else {
            return Err(fault("a batch without events"));
        };
        if revision < last {
            return Err(fault(&format!("a batch up to {last} says it reaches {revision}")));
        }
        if self.reached_before.is_some_and(|before| last <= before) {
            return Ok(Batch::Repeated);
        }
        if let Some(reached) = self.reached.filter(|reached| first <= *reached) {
            return Err(fault(&format!("event {first} came after {reached} was reached")));
        }
        self.reached(revision)?;
        Ok(Batch::New)
    }
}

fn fault(what: &str) -> Error {
    Error::broken_promise(format!("the stream has a fault: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(revisions: &[i64]) -> Vec<proto::Event> {
        let event =
            |revision: &i64| proto::Event { revision: *revision, ..proto::Event::default() };
        revisions.iter().map(event).collect()
    }

    fn at(revision: i64, kinds: &[proto::EventKind]) -> Continuity {
        let kinds = kinds.iter().copied().map(i32::from).collect();
        let filter = proto::WatchFilter { kinds, ..proto::WatchFilter::default() };
        let mut continuity = Continuity::new(&filter);
        continuity.connected(revision);
        continuity
    }

    const FILTERED: &[proto::EventKind] = &[proto::EventKind::StatusChanged];

    #[test]
    fn a_batch_is_taken_when_it_is_new_whole_and_in_order() {
        let good: [(&[proto::EventKind], &[i64], i64); 5] = [
            (&[], &[11], 11),
            (&[], &[11, 12, 13], 13),
            (&[], &[14, 15], 15),
            (&[], &[11], 12),
            (FILTERED, &[11, 14], 20),
        ];
        for (kinds, revisions, reached) in good {
            let verdict = at(10, kinds).batch(&events(revisions), reached);
            assert!(matches!(verdict, Ok(Batch::New)), "{revisions:?}: {verdict:?}");
        }
    }

    #[test]
    fn a_batch_that_breaks_a_promise_is_a_fault() {
        let bad: [(&[proto::EventKind], &[i64], i64); 7] = [
            (&[], &[], 11),
            (&[], &[10], 10),
            (&[], &[10, 11], 11),
            (&[], &[11, 13], 13),
            (&[], &[12, 11], 12),
            (&[], &[11, 12], 11),
            (FILTERED, &[11, 11], 11),
        ];
        for (kinds, revisions, reached) in bad {
            let verdict = at(10, kinds).batch(&events(revisions), reached);
            assert!(verdict.is_err(), "{revisions:?}: {verdict:?}");
        }
    }

    #[test]
    fn the_revision_never_falls() {
        let mut continuity = at(10, &[]);
        assert!(continuity.reached(10).is_ok());
        assert!(continuity.reached(12).is_ok());
        assert!(continuity.reached(11).is_err());
    }

    #[test]
    fn after_a_new_connection_what_was_seen_is_dropped_and_half_of_it_is_a_fault() {
        let mut continuity = at(10, &[]);
        assert!(matches!(continuity.batch(&events(&[11, 12]), 12), Ok(Batch::New)));
        continuity.connected(12);
        assert!(matches!(continuity.batch(&events(&[11, 12]), 12), Ok(Batch::Repeated)));
        assert!(continuity.clone().batch(&events(&[12, 13]), 13).is_err());
        assert!(matches!(continuity.batch(&events(&[13]), 13), Ok(Batch::New)));
        assert!(continuity.batch(&events(&[13]), 13).is_err(), "a repeat within a connection");
    }
}
