//! `CreateStockItem` and `AdjustStock`: what is on hand of a tracked sku.

use order_rules::refusals::{Code, Refusal, Violation};
use order_rules::stock::{Item, Movement, MovementReason};

use super::{AdjustStock, Answer, CreateStockItem};
use crate::store::facts::Needs;
use crate::turns::desk::Desk;

/// A balance stays within this, so that no sum of movements overflows.
const BALANCE_MAX: i64 = 1_000_000_000_000;

impl CreateStockItem {
    pub(crate) fn needs(&self, needs: &mut Needs) {
        needs.skus.insert(self.sku.clone());
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        if desk.items.contains_key(&self.sku) {
            return Err(Refusal::new(Code::StockItemExists).with("sku", &self.sku));
        }
        desk.items.insert(self.sku.clone(), Item { sku: self.sku.clone(), on_hand: 0 });
        desk.adjust_stock(adjustment(&self.sku, self.on_hand));
        Ok(desk.answer(None))
    }
}

impl AdjustStock {
    pub(crate) fn needs(&self, needs: &mut Needs) {
        needs.skus.insert(self.sku.clone());
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let Some(item) = desk.items.get(&self.sku) else {
            return Err(Refusal::new(Code::StockItemNotFound).with("sku", &self.sku));
        };
        if item.on_hand.saturating_add(self.delta).unsigned_abs() > BALANCE_MAX.unsigned_abs() {
            return Err(Refusal::fields(vec![Violation {
                field: "delta_quantity".to_owned(),
                description: format!("brings the balance beyond {BALANCE_MAX} units"),
            }]));
        }
        desk.adjust_stock(adjustment(&self.sku, self.delta));
        Ok(desk.answer(None))
    }
}

fn adjustment(sku: &str, quantity: i64) -> Movement {
    Movement {
        sku: sku.to_owned(),
        quantity,
        reason: MovementReason::Adjusted,
        order: None,
        line: None,
    }
}
