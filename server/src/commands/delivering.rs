//! `DeliverOrder`, `CancelDelivery`, `ConfirmArrival` and `RecordWithdrawal` (§6, 3.5).

use std::sync::Arc;

use order_proto::v1;
use order_rules::changing::ChangingFacts;
use order_rules::delivering::{self, Arrived, Deliver};
use order_rules::order::Day;
use order_rules::refusals::Refusal;

use super::change_status::decide;
use super::{Answer, is_to_be_done, planned};
use crate::store::facts::Needs;
use crate::store::rows::key;
use crate::turns::desk::Desk;

#[derive(Clone, Debug)]
pub(crate) struct DeliverOrder {
    pub number: i64,
    pub etag: Option<String>,
    pub delivery: Deliver,
}

#[derive(Clone, Debug)]
pub(crate) struct CancelDelivery {
    pub number: i64,
    pub etag: Option<String>,
    pub delivery: i32,
}

#[derive(Clone, Debug)]
pub(crate) struct ConfirmArrival {
    pub number: i64,
    pub etag: Option<String>,
    pub arrived: Arrived,
}

#[derive(Clone, Debug)]
pub(crate) struct RecordWithdrawal {
    pub number: i64,
    pub etag: Option<String>,
    pub day: Day,
}

impl DeliverOrder {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let now = desk.now;
        decide(desk, self.number, |facts, ids| delivering::deliver(facts, &self.delivery, ids, now))
    }

    /// Everything this delivery would make the outside world do, in order.
    pub(crate) fn whole_plan(&self, desk: &Desk) -> Vec<v1::PlannedEffect> {
        let Ok(case) = desk.case(self.number) else { return Vec::new() };
        let facts = ChangingFacts {
            case: &case,
            statuses: &desk.shop.statuses,
            rulebook: &desk.shop.rulebook,
            items: &desk.items,
        };
        delivering::expected_effects(&facts, &self.delivery, desk.now)
            .into_iter()
            .filter_map(|(payment, kind, amount_minor)| {
                let payment = case.payments.iter().find(|one| one.id == payment)?;
                Some(planned(payment, kind, amount_minor)).filter(is_to_be_done)
            })
            .collect()
    }
}

impl CancelDelivery {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let now = desk.now;
        decide(desk, self.number, |facts, ids| {
            delivering::cancel_delivery(facts, self.delivery, ids, now)
        })
    }
}

impl ConfirmArrival {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let (shop, now) = (Arc::clone(&desk.shop), desk.now);
        decide(desk, self.number, |facts, _| {
            shop.with_calendar(|calendar| {
                delivering::confirm_arrival(facts, calendar, self.arrived, now)
            })
        })
    }
}

impl RecordWithdrawal {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        needs.orders.insert(key(shop_id, self.number));
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        desk.case(self.number)?;
        desk.check_etag(self.number, self.etag.as_deref())?;
        let (shop, now) = (Arc::clone(&desk.shop), desk.now);
        decide(desk, self.number, |facts, _| {
            shop.with_calendar(|calendar| {
                delivering::record_withdrawal(facts, calendar, self.day, now)
            })
        })
    }
}
