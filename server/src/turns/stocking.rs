//! The stock of a shop's work during a turn: movements, and the balances they come to.

use order_proto::v1::{EventChange, EventKind};
use order_rules::stock::{Item, Movement};

use super::desk::Desk;
use crate::store::rows::{MovementRow, StockItemRow};
use crate::terms::Term;

impl Desk {
    /// Records one movement that no order caused.
    pub(crate) fn adjust_stock(&mut self, movement: Movement) {
        let change = EventChange {
            sku: movement.sku.clone(),
            quantity: movement.quantity,
            ..EventChange::default()
        };
        self.move_stock(vec![movement]);
        self.tell(EventKind::StockChanged, None, &change);
    }

    /// The movements that a decision has made; each is of an item that the decision has seen.
    pub(super) fn move_stock(&mut self, movements: Vec<Movement>) {
        // Revisions of a command's events follow its movements, so these are unique per line and reason.
        let revision = self.head.revision.saturating_add(1);
        for movement in movements {
            let Some(item) = self.items.get_mut(&movement.sku) else {
                self.note_defect("stock moves of an item that is not there");
                continue;
            };
            item.on_hand = item.on_hand.saturating_add(movement.quantity);
            self.changed_items.insert(movement.sku.clone());
            self.changes.movements.push(MovementRow {
                shop_id: self.shop.row.shop_id,
                sku: movement.sku,
                revision,
                line_id: movement.line.unwrap_or_default(),
                reason: movement.reason.stored(),
                quantity: movement.quantity,
                order_number: movement.order.map(|order| order.0),
                created_at: self.now.0,
            });
        }
    }

    /// An item's row, as it is now.
    pub(super) fn item_row(&self, item: &Item) -> StockItemRow {
        StockItemRow {
            shop_id: self.shop.row.shop_id,
            sku: item.sku.clone(),
            on_hand: item.on_hand,
            updated_at: self.now.0,
        }
    }
}
