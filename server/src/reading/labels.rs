//! Finds the label that somebody wants to read.

use std::sync::Arc;

use order_proto::v1;
use order_rules::refusals::{Code, Refusal};
use prost::Message;

use super::Reading;
use crate::commands::Failure;
use crate::grpc::fields::lists::OneOrder;
use crate::grpc::fields::printing::OneLabel;
use crate::shops::{Integration, Shop};

/// A label that is made, and where it can be had.
pub(crate) struct FoundLabel {
    pub label: v1::Label,
    pub shop: Arc<Shop>,
    pub integration: Integration,
}

impl Reading {
    /// A label of an order. Of a person whose data were erased nothing is read any more, not even
    /// what a carrier still has.
    ///
    /// # Errors
    /// `SHOP_NOT_FOUND`, `ORDER_NOT_FOUND`, `ORDER_DELETED`, `LABEL_NOT_FOUND`.
    pub(crate) async fn label(&self, wanted: &OneLabel) -> Result<FoundLabel, Failure> {
        let order = OneOrder { of: wanted.of.clone(), as_of_revision: 0, shows_deleted: false };
        let parts = self.order(&order).await?.concat();
        let order = v1::Order::decode(parts.as_slice()).unwrap_or_default();
        let is_wanted = |label: &v1::Label| match wanted.label {
            Some(id) => label.id == id,
            None => label.state() == v1::LabelState::Made,
        };
        let not_found = || {
            let refusal = Refusal::new(Code::LabelNotFound).with("order", order.name.clone());
            match wanted.label {
                Some(label) => refusal.with("label", label),
                None => refusal,
            }
        };
        let label = order.labels.iter().rev().find(|label| is_wanted(label)).cloned();
        let label = label
            .filter(|label| label.state() == v1::LabelState::Made && order.customer.is_some())
            .ok_or_else(not_found)?;
        let (shop, integration) = self.integration(&wanted.of.shop, &label.integration).await?;
        Ok(FoundLabel { label, shop, integration })
    }
}
