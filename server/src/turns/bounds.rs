//! What one command must have made: all that it decided, and no more than listeners can be handed as
//! the one batch it is.

use super::desk::Desk;
use crate::store::StoreFailure;
use crate::store::log::{COMMAND_BYTES_MAX, COMMAND_EVENTS_MAX};

impl Desk {
    /// Notes that the command at hand cannot be carried out as it was decided: nothing of it is stored.
    pub(super) fn note_defect(&mut self, what: &'static str) {
        self.defect.get_or_insert(what);
    }

    /// Checks the command at hand. What commands may bring and touch is bounded so that each stays below.
    ///
    /// # Errors
    /// When it made too much, or something of it could not be made: a defect.
    pub(super) fn check_command(&self) -> Result<(), StoreFailure> {
        if let Some(defect) = self.defect {
            return Err(StoreFailure::Defect(defect.to_owned()));
        }
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
    use order_proto::v1;
    use order_rules::decision::PlannedEffect;
    use order_rules::order::{Micros, OrderNumber};
    use order_rules::payments::{Operation, OperationKind, OperationState, PaymentId};
    use order_rules::stock::{Movement, MovementReason};
    use prost::Message;

    use super::*;
    use crate::shops::Shops;
    use crate::store::facts::Facts;
    use crate::store::rows::{HeadRow, ShopRow, StockItemRow};
    use crate::turns::turn::desks;

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

    /// Of a shop without orders, with ten cups.
    fn desk() -> Desk {
        let settings =
            v1::ShopSettings { time_zone: "UTC".to_owned(), ..v1::ShopSettings::default() };
        let shop = ShopRow {
            shop_id: 1,
            slug: "default".to_owned(),
            display_name: "Default".to_owned(),
            settings: settings.encode_to_vec(),
            expiry_warning_micros: 0,
            revision: 1,
            created_at: 0,
        };
        let head = HeadRow {
            shop_id: 1,
            revision: 1,
            settings_revision: 1,
            next_order_number: 1,
            next_credit_number: 1,
            next_id: 1,
            last_event_at: 0,
        };
        let cup = StockItemRow { shop_id: 1, sku: "CUP".to_owned(), on_hand: 10, updated_at: 0 };
        let facts =
            Facts { heads: vec![head], shops: vec![shop], items: vec![cup], ..Facts::default() };
        let mut desks = desks(&Shops::default(), &facts, Micros(0)).unwrap();
        desks.remove(&1).unwrap()
    }

    fn movement(sku: &str) -> Movement {
        Movement {
            sku: sku.to_owned(),
            quantity: 1,
            reason: MovementReason::Adjusted,
            order: None,
            line: None,
        }
    }

    fn is_defect(desk: &Desk) -> bool {
        matches!(desk.check_command(), Err(StoreFailure::Defect(_)))
    }

    #[test]
    fn a_movement_of_what_is_not_there_is_a_defect() {
        let mut desk = desk();
        desk.adjust_stock(movement("CUP"));
        assert!(!is_defect(&desk));
        desk.adjust_stock(movement("BOWL"));
        assert!(is_defect(&desk));
    }

    #[test]
    fn an_effect_on_a_payment_that_is_not_there_is_a_defect() {
        let mut desk = desk();
        desk.put_effects(Vec::new());
        assert!(!is_defect(&desk));
        let operation = Operation {
            id: 8,
            order: OrderNumber(1),
            kind: OperationKind::Capture,
            amount_minor: 100,
            state: OperationState::Pending,
            requested_at: Micros(0),
            resolved_at: None,
            provider_reason: None,
            provider_reference: None,
            credit: None,
        };
        desk.put_effects(vec![PlannedEffect {
            payment: PaymentId(7),
            operation,
            due_at: Micros(0),
        }]);
        assert!(is_defect(&desk));
    }
}
