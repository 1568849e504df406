//! 5.5 Stock follows the quantity: what leaves the order goes back by choice, what comes is taken.

use crate::changing::ChangingFacts;
use crate::draft::{About, Draft};
use crate::order::Line;
use crate::placing::{missing_skus, out_of_stock, takes_stock};
use crate::refusals::{Code, Refusal};
use crate::shop::StockMode;
use crate::stock::MovementReason;

/// What an edit moves.
pub(super) struct StockPlan {
    /// Line, sku and units; negative when goods leave the shelf.
    moves: Vec<(i32, String, i64)>,
    /// The skus that fewer are on hand of than the edit takes.
    short: Vec<String>,
}

/// Brings what the lines have taken up to date with their units. Units that leave the order are no
/// longer its own, whether they go back on the shelf or not.
///
/// # Errors
/// `RESTOCK_REQUIRED`, `OUT_OF_STOCK`.
pub(super) fn follow(
    facts: &ChangingFacts<'_>,
    lines: &mut [Line],
    restock: Option<bool>,
) -> Result<StockPlan, Refusal> {
    let mut moves = Vec::new();
    let mut items = facts.items.clone();
    let mut coming = Vec::new();
    for line in lines.iter_mut().filter(|line| takes_stock(line)) {
        let before = facts.case.order.lines.iter().find(|before| before.id == line.id);
        let was = before.map_or(0, |before| before.quantity);
        let more = line.quantity.saturating_sub(was);
        if more > 0 && items.contains_key(&line.sku) {
            line.stock_taken = line.stock_taken.saturating_add(more);
            coming.push(Line { quantity: more, ..line.clone() });
            moves.push((line.id, line.sku.clone(), more.saturating_neg()));
        }
        let out = line.stock_taken.saturating_sub(line.stock_put_back);
        let leaving = more.saturating_neg().min(out);
        if leaving <= 0 {
            continue;
        }
        line.stock_taken = line.stock_taken.saturating_sub(leaving);
        match restock {
            None => return Err(Refusal::new(Code::RestockRequired)),
            Some(false) => {}
            Some(true) => {
                if let Some(item) = items.get_mut(&line.sku) {
                    item.on_hand = item.on_hand.saturating_add(leaving);
                    moves.push((line.id, line.sku.clone(), leaving));
                }
            }
        }
    }
    let short = missing_skus(&items, &coming);
    if !short.is_empty() && facts.rulebook.stock_mode == StockMode::Refuse {
        return Err(out_of_stock(&short));
    }
    Ok(StockPlan { moves, short })
}

/// Moves the goods, and says where there were too few.
pub(super) fn carry_out(draft: &mut Draft<'_>, plan: StockPlan) {
    for (line, sku, quantity) in plan.moves {
        draft.move_stock(line, sku, quantity, MovementReason::Edited);
    }
    if !plan.short.is_empty() {
        let details = vec![("skus", plan.short.join(","))];
        draft.open_problem(Code::Oversold, About::default(), details);
    }
}
