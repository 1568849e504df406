//! Pairs of possible duplicates at the end of a command: what became of each follows from which of
//! its orders live, whatever it was that changed them (7.5).

use std::collections::BTreeSet;

use order_rules::order::OrderNumber;
use order_rules::resolving;

use super::desk::Desk;

impl Desk {
    /// Brings the pairs of the orders that the command at hand touched up to date. Answers the
    /// orders that now say otherwise.
    pub(super) fn settle_pairs(&mut self) -> Vec<OrderNumber> {
        let touched = self.touched();
        let others = touched
            .iter()
            .filter_map(|number| self.orders.get(number))
            .flat_map(|file| file.order.duplicates.iter().map(|link| link.other.0));
        let concerned: BTreeSet<i64> = others.chain(touched.iter().copied()).collect();
        let mut changed = Vec::new();
        for number in concerned {
            let has_pairs =
                self.orders.get(&number).is_some_and(|file| !file.order.duplicates.is_empty());
            let Some(case) = has_pairs.then(|| self.case(number).ok()).flatten() else { continue };
            let is_live =
                |other: OrderNumber| self.orders.get(&other.0).map(|file| file.order.is_live());
            let decision = resolving::settle(case, is_live);
            if !decision.is_noop() {
                let ids = self.ids();
                self.apply(decision, &ids);
                changed.push(OrderNumber(number));
            }
        }
        changed
    }
}
