//! The newest batches of a shop in memory, bounded: what listeners that keep up are served from.

use std::collections::VecDeque;
use std::sync::Arc;

use super::batch::Batch;
use super::cursor::Place;

/// Bytes a ring holds; one batch is kept whatever its size.
const BYTES_MAX: usize = 4 * 1024 * 1024;
const BATCHES_MAX: usize = 4_096;
/// Batches whose frames are kept: those that listeners who keep up are about to get.
const FRAMED_MAX: usize = 64;

pub(super) struct Ring {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    /// Revision before the first batch.
    floor: i64,
    head: Place,
}

/// What a ring has for a listener.
pub(super) enum Found {
    Next(Arc<Batch>),
    /// The listener has seen all there is.
    Nothing,
    /// What comes next has left the ring.
    Gone,
}

impl Ring {
    /// A ring that begins after a place.
    pub(super) fn new(head: Place) -> Self {
        Self { batches: VecDeque::new(), bytes: 0, floor: head.revision, head }
    }

    pub(super) fn head(&self) -> Place {
        self.head
    }

    /// The first batch after a revision.
    pub(super) fn after(&self, revision: i64) -> Found {
        if revision >= self.head.revision {
            return Found::Nothing;
        }
        if revision < self.floor {
            return Found::Gone;
        }
        let index = self.batches.partition_point(|batch| batch.place.revision <= revision);
        self.batches.get(index).map_or(Found::Nothing, |batch| Found::Next(Arc::clone(batch)))
    }

    /// Lets go of all batches; what comes next follows the head.
    pub(super) fn clear(&mut self) {
        self.batches.clear();
        self.bytes = 0;
        self.floor = self.head.revision;
    }

    /// Adds the batch that follows the head.
    pub(super) fn push(&mut self, batch: Batch) {
        self.head = batch.place;
        self.bytes = self.bytes.saturating_add(batch.size);
        self.batches.push_back(Arc::new(batch));
        while self.batches.len() > 1 && (self.bytes > BYTES_MAX || self.batches.len() > BATCHES_MAX)
        {
            let Some(oldest) = self.batches.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.size);
            self.floor = oldest.place.revision;
        }
        let framed = self.batches.len().checked_sub(FRAMED_MAX.saturating_add(1));
        if let Some(batch) = framed.and_then(|index| self.batches.get(index)) {
            batch.forget_frames();
        }
    }
}

#[cfg(test)]
mod tests {
    use order_proto::v1::EventKind;

    use super::*;
    use crate::feed::batch::batches;
    use crate::feed::tests::{log_row, shop};

    /// Batches of two events each: 1–2, 3–4 and so on.
    fn ring(batches_count: i64, text: usize) -> Ring {
        let mut ring = Ring::new(Place::default());
        for command in 0..batches_count {
            let first = command * 2 + 1;
            let rows = [first, first + 1].map(|revision| {
                let mut row = log_row(revision, first, EventKind::NoteAdded, Some(1_001));
                row.personal = Some(vec![0; text]);
                row.document = (revision > first).then(Vec::new);
                row
            });
            for batch in batches(&shop(), 0, rows.to_vec()) {
                ring.push(batch);
            }
        }
        ring
    }

    fn found(ring: &Ring, revision: i64) -> Option<(i64, i64)> {
        match ring.after(revision) {
            Found::Next(batch) => Some((batch.first, batch.place.revision)),
            Found::Nothing => None,
            Found::Gone => Some((0, 0)),
        }
    }

    #[test]
    fn the_next_batch_is_the_one_after_the_listeners_place() {
        let ring = ring(3, 0);
        let cases = [
            (-1, Some((0, 0))),
            (0, Some((1, 2))),
            (2, Some((3, 4))),
            (4, Some((5, 6))),
            (6, None),
            (7, None),
        ];
        for (revision, expected) in cases {
            assert_eq!(found(&ring, revision), expected, "after {revision}");
        }
        assert_eq!(ring.head().revision, 6);
    }

    #[test]
    fn what_does_not_fit_leaves_and_is_said_to_be_gone() {
        let few_large = ring(10, BYTES_MAX / 4);
        assert_eq!(found(&few_large, 12), Some((0, 0)));
        assert_eq!(found(&few_large, 14), Some((15, 16)));
        assert!(few_large.bytes <= BYTES_MAX);

        let many_small = ring(i64::try_from(BATCHES_MAX).unwrap() + 5, 0);
        assert_eq!(many_small.batches.len(), BATCHES_MAX);
        assert_eq!(found(&many_small, 8), Some((0, 0)));
        assert_eq!(found(&many_small, 10), Some((11, 12)));

        let one_giant = ring(1, BYTES_MAX * 2);
        assert_eq!(found(&one_giant, 0), Some((1, 2)));
    }
}
