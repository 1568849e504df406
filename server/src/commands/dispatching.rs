//! Which command needs what, and what it has in common with the others.

use order_rules::refusals::Refusal;

use super::{Answer, Awaits, Command, DeleteStatus};
use crate::store::facts::Needs;
use crate::turns::desk::Desk;

impl Command {
    /// Names the facts this command needs, before its turn.
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        match self {
            Self::CreateOrder(command) => command.needs(shop_id, needs),
            Self::UpdateOrder(command) => command.needs(shop_id, needs),
            Self::ChangeStatus(command) => command.needs(shop_id, needs),
            Self::WithdrawStatusChange(command) => command.needs(shop_id, needs),
            Self::AttachPayment(command) => command.needs(shop_id, needs),
            Self::DismissProblem(command) => command.needs(shop_id, needs),
            Self::RetryEffect(command) => command.needs(shop_id, needs),
            Self::EraseCustomer(command) => command.needs(shop_id, needs),
            Self::SettleOperation(command) => command.needs(shop_id, needs),
            Self::DeliverOrder(command) => command.needs(shop_id, needs),
            Self::CancelDelivery(command) => command.needs(shop_id, needs),
            Self::ConfirmArrival(command) => command.needs(shop_id, needs),
            Self::RecordWithdrawal(command) => command.needs(shop_id, needs),
            Self::CreditOrder(command) => command.needs(shop_id, needs),
            Self::ResolveDuplicate(command) => command.needs(shop_id, needs),
            Self::DismissDuplicate(command) => command.needs(shop_id, needs),
            Self::EditOrder(command) => command.needs(shop_id, needs),
            Self::DeleteOrder(command) => command.needs(shop_id, needs),
            Self::UpdateStatus(command) => command.needs(shop_id, needs),
            Self::DeleteStatus(_) => DeleteStatus::needs(shop_id, needs),
            Self::CreateStockItem(command) => command.needs(needs),
            Self::AdjustStock(command) => command.needs(needs),
            Self::AddNote(command) => command.needs(shop_id, needs),
            Self::ResendMail(command) => command.needs(shop_id, needs),
            Self::PrintLabel(command) => command.needs(shop_id, needs),
            Self::RecordLabel(command) => command.needs(shop_id, needs),
            Self::RecordOutcome(command) => command.needs(shop_id, needs),
            Self::RecordMail(command) => command.needs(shop_id, needs),
            Self::TransferOrder(command) => command.needs(shop_id, needs),
            Self::RecordTransfer(command) => command.needs(shop_id, needs),
            Self::HearOfPayment(command) => command.needs(needs),
            Self::ReconcilePayment(command) => command.needs(shop_id, needs),
            Self::WarnOfExpiry(command) => command.needs(shop_id, needs),
            Self::UpdateIntegration(command) => command.needs(shop_id, needs),
            Self::CreateStatus(_)
            | Self::CreateIntegration(_)
            | Self::ResealCredentials(_)
            | Self::UpdateShop(_) => {}
        }
    }

    /// Asks the rule and makes its decision the truth of the desk. A refusal leaves the desk as it was.
    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        if !self.is_outcome()
            && !self.is_about_money_owed()
            && let Some(number) = self.order_number()
        {
            desk.check_not_deleted(number)?;
        }
        self.dispatch(desk).map_err(|refusal| self.about(desk, refusal))
    }

    /// Says what a refusal is about, where it does not say so itself.
    fn about(&self, desk: &Desk, mut refusal: Refusal) -> Refusal {
        let (key, name) = match (self, self.order_number()) {
            (Self::UpdateStatus(command), _) => ("status", desk.shop.status_name(&command.slug)),
            (Self::DeleteStatus(command), _) => ("status", desk.shop.status_name(&command.slug)),
            (_, Some(number)) => ("order", desk.shop.order_name(number)),
            (_, None) => return refusal,
        };
        match refusal.details.iter_mut().find(|(known, _)| *known == key) {
            // The rules know orders by number.
            Some((_, told)) => {
                if let Ok(number) = told.parse() {
                    *told = desk.shop.order_name(number);
                }
                refusal
            }
            None => refusal.with(key, name),
        }
    }

    fn dispatch(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        match self {
            Self::CreateOrder(command) => command.carry_out(desk),
            Self::UpdateOrder(command) => command.carry_out(desk),
            Self::ChangeStatus(command) => command.carry_out(desk),
            Self::WithdrawStatusChange(command) => command.carry_out(desk),
            Self::AttachPayment(command) => command.carry_out(desk),
            Self::DismissProblem(command) => command.carry_out(desk),
            Self::RetryEffect(command) => command.carry_out(desk),
            Self::EraseCustomer(command) => command.carry_out(desk),
            Self::SettleOperation(command) => command.carry_out(desk),
            Self::DeliverOrder(command) => command.carry_out(desk),
            Self::CancelDelivery(command) => command.carry_out(desk),
            Self::ConfirmArrival(command) => command.carry_out(desk),
            Self::RecordWithdrawal(command) => command.carry_out(desk),
            Self::CreditOrder(command) => command.carry_out(desk),
            Self::ResolveDuplicate(command) => command.carry_out(desk),
            Self::DismissDuplicate(command) => command.carry_out(desk),
            Self::EditOrder(command) => command.carry_out(desk),
            Self::DeleteOrder(command) => command.carry_out(desk),
            Self::CreateStatus(command) => command.carry_out(desk),
            Self::UpdateStatus(command) => command.carry_out(desk),
            Self::DeleteStatus(command) => command.carry_out(desk),
            Self::CreateIntegration(command) => command.carry_out(desk),
            Self::UpdateIntegration(command) => command.carry_out(desk),
            Self::ResealCredentials(command) => Ok(command.carry_out(desk)),
            Self::UpdateShop(command) => command.carry_out(desk),
            Self::CreateStockItem(command) => command.carry_out(desk),
            Self::AdjustStock(command) => command.carry_out(desk),
            Self::AddNote(command) => command.carry_out(desk),
            Self::ResendMail(command) => command.carry_out(desk),
            Self::PrintLabel(command) => command.carry_out(desk),
            Self::RecordLabel(command) => command.carry_out(desk),
            Self::RecordOutcome(command) => command.carry_out(desk),
            Self::RecordMail(command) => command.carry_out(desk),
            Self::TransferOrder(command) => command.carry_out(desk),
            Self::RecordTransfer(command) => command.carry_out(desk),
            Self::HearOfPayment(command) => command.carry_out(desk),
            Self::ReconcilePayment(command) => command.carry_out(desk),
            Self::WarnOfExpiry(command) => command.carry_out(desk),
        }
    }

    /// What became of something outside. It happened, so it is recorded whatever has become of the order,
    /// and never refused for a full queue.
    pub(crate) const fn is_outcome(&self) -> bool {
        matches!(
            self,
            Self::RecordOutcome(_)
                | Self::RecordMail(_)
                | Self::RecordTransfer(_)
                | Self::RecordLabel(_)
                | Self::HearOfPayment(_)
        )
    }

    /// Money may come back to an order that was deleted, and must find its way out again.
    const fn is_about_money_owed(&self) -> bool {
        matches!(self, Self::DismissProblem(_) | Self::RetryEffect(_) | Self::SettleOperation(_))
    }

    /// Lines the command brings, for the bound on a turn.
    pub(crate) fn lines(&self) -> usize {
        match self {
            Self::CreateOrder(command) => command.placement.lines.len(),
            Self::DeliverOrder(command) => command.delivery.lines.len().max(1),
            Self::CreditOrder(command) => command.credit.lines.len().max(1),
            Self::EditOrder(command) => {
                command.edit.lines.len().saturating_add(command.edit.added.len())
            }
            Self::EraseCustomer(command) => command.numbers.len().max(1),
            _ => 1,
        }
    }

    /// What whoever asked for it may wait for.
    pub(crate) fn awaits(&self) -> Awaits {
        match self {
            Self::TransferOrder(_) => Awaits::Transfers,
            Self::RetryEffect(_) => Awaits::Retries,
            Self::PrintLabel(_) => Awaits::Labels,
            Self::AttachPayment(command) => command.awaits(),
            _ => Awaits::Money,
        }
    }

    /// The order that the command names.
    pub(crate) fn order_number(&self) -> Option<i64> {
        match self {
            Self::UpdateOrder(command) => Some(command.number),
            Self::ChangeStatus(command) => Some(command.number),
            Self::WithdrawStatusChange(command) => Some(command.number),
            Self::AttachPayment(command) => Some(command.number),
            Self::DismissProblem(command) => Some(command.number),
            Self::RetryEffect(command) => Some(command.number),
            Self::SettleOperation(command) => Some(command.number),
            Self::DeliverOrder(command) => Some(command.number),
            Self::CancelDelivery(command) => Some(command.number),
            Self::ConfirmArrival(command) => Some(command.number),
            Self::RecordWithdrawal(command) => Some(command.number),
            Self::CreditOrder(command) => Some(command.number),
            Self::ResolveDuplicate(command) => Some(command.keep),
            Self::DismissDuplicate(command) => Some(command.number),
            Self::EditOrder(command) => Some(command.number),
            Self::DeleteOrder(command) => Some(command.number),
            Self::AddNote(command) => Some(command.number),
            Self::ResendMail(command) => Some(command.number),
            Self::RecordOutcome(command) => Some(command.number),
            Self::RecordMail(command) => Some(command.number),
            Self::ReconcilePayment(command) => Some(command.number),
            Self::WarnOfExpiry(command) => Some(command.number),
            Self::TransferOrder(command) => Some(command.number),
            Self::RecordTransfer(command) => Some(command.number),
            Self::PrintLabel(command) => Some(command.number),
            Self::RecordLabel(command) => Some(command.number),
            _ => None,
        }
    }
}
