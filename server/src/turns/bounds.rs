//! What one command may make, so that listeners can be handed it as the one batch it is.

use super::desk::Desk;
use crate::store::StoreFailure;
use crate::store::log::{COMMAND_BYTES_MAX, COMMAND_EVENTS_MAX};

impl Desk {
    /// Checks the command at hand. What commands may bring and touch is bounded so that each stays below.
    ///
    /// # Errors
    /// When it made too much: a defect.
    pub(super) fn check_command(&self) -> Result<(), StoreFailure> {
        check(self.command_events().map(|event| event.change.len()))
    }
}

/// Checks events of these sizes.
fn check(sizes: impl Iterator<Item = usize>) -> Result<(), StoreFailure> {
    let sum =
        |(count, sum): (i64, usize), size| (count.saturating_add(1), sum.saturating_add(size));
    match sizes.fold((0, 0), sum) {
        (..=COMMAND_EVENTS_MAX, ..=COMMAND_BYTES_MAX) => Ok(()),
        (count, bytes) => {
            Err(StoreFailure::Defect(format!("a command made {count} events of {bytes} bytes")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_listeners_could_not_be_handed_is_a_defect() {
        let of = |count: usize, size: usize| check(std::iter::repeat_n(size, count));
        for (count, size) in [(0, 0), (1_000, 1_000), (1, COMMAND_BYTES_MAX)] {
            of(count, size).unwrap();
        }
        for (count, size) in [(1_001, 0), (1, COMMAND_BYTES_MAX + 1), (1_000, 1_049)] {
            let failure = of(count, size).unwrap_err();
            assert!(matches!(failure, StoreFailure::Defect(_)), "{failure}");
        }
    }
}
