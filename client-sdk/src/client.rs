//! The client itself: what a program holds, clones and calls.

use std::sync::Arc;
use std::time::Duration;

use crate::calls::CallSettings;
use crate::connection::{ClientBuilder, Connections, metadata_text};
use crate::crediting::Credit;
use crate::deliveries::DeliveryDraft;
use crate::editing::OrderEdit;
use crate::error::Error;
use crate::labels::LabelDraft;
use crate::names::ShopName;
use crate::notes::NoteDraft;
use crate::orders::{OrderQuery, StatusChange};
use crate::placing::OrderDraft;
use crate::proto::TransferForm;
use crate::resolving::Resolution;
use crate::retry::{RetryBudget, RetryPolicy};
use crate::transferring::Transfer;
use crate::watch::WatchBuilder;
use crate::{OrderName, StatusName};

/// A client of the order service. Cloning it is cheap and shares its connections.
#[derive(Clone, Debug)]
pub struct OrderClient {
    connections: Arc<Connections>,
    budget: Arc<RetryBudget>,
    settings: Arc<CallSettings>,
}

impl OrderClient {
    /// Sets up a client.
    #[must_use]
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub(crate) fn new(
        connections: Connections,
        settings: CallSettings,
        budget: RetryBudget,
    ) -> Self {
        Self {
            connections: Arc::new(connections),
            budget: Arc::new(budget),
            settings: Arc::new(settings),
        }
    }

    /// The same client with another time for a call with all its attempts.
    #[must_use]
    pub fn with_timeout(&self, timeout: Duration) -> Self {
        self.with(|settings| settings.timeout = timeout)
    }

    /// The same client with other retries.
    #[must_use]
    pub fn with_retry(&self, retry: RetryPolicy) -> Self {
        self.with(|settings| settings.retry = retry)
    }

    /// The same client, calling for somebody else: visible ASCII.
    pub fn with_actor(&self, actor: &str) -> Result<Self, Error> {
        let actor = metadata_text(actor, "actor")?;
        Ok(self.with(|settings| settings.actor = Some(actor)))
    }

    /// The same client, told causes and remedies in another language, e.g. `nb`.
    pub fn with_language(&self, language: &str) -> Result<Self, Error> {
        let language = metadata_text(language, "language")?;
        Ok(self.with(|settings| settings.language = Some(language)))
    }

    /// Begins an order to place in the shop, amounts in minor units of this ISO 4217 currency.
    pub fn new_order(&self, shop: &ShopName, currency_code: &str) -> OrderDraft {
        OrderDraft::new(self.clone(), shop, currency_code)
    }

    /// Begins a change of an order's status.
    pub fn change_status(&self, order: &OrderName, status: &StatusName) -> StatusChange {
        StatusChange::new(self.clone(), order, status)
    }

    /// Begins a delivery: everything that is undelivered, unless lines are named.
    pub fn deliver(&self, order: &OrderName) -> DeliveryDraft {
        DeliveryDraft::new(self.clone(), order)
    }

    /// Begins to hand an order over to accounting, in this form.
    pub fn transfer(&self, order: &OrderName, form: TransferForm) -> Transfer {
        Transfer::new(self.clone(), order, form)
    }

    /// Begins a label: of the only delivery, or of the whole order, unless one is named.
    pub fn label(&self, order: &OrderName) -> LabelDraft {
        LabelDraft::new(self.clone(), order)
    }

    /// Begins a credit of a sale order; whether the money goes back is a choice to make.
    pub fn credit(&self, order: &OrderName) -> Credit {
        Credit::new(self.clone(), order)
    }

    /// Begins to decide that this order stands and others on its payment do not.
    pub fn keep(&self, order: &OrderName) -> Resolution {
        Resolution::new(self.clone(), order)
    }

    /// Begins an edit of an order's lines.
    pub fn edit(&self, order: &OrderName) -> OrderEdit {
        OrderEdit::new(self.clone(), order)
    }

    /// Begins a note on an order.
    pub fn new_note(
        &self,
        order: &OrderName,
        audience: crate::proto::NoteAudience,
        text: impl Into<String>,
    ) -> NoteDraft {
        NoteDraft::new(self.clone(), order, audience, text)
    }

    /// Begins a list of the shop's orders.
    pub fn orders(&self, shop: &ShopName) -> OrderQuery {
        OrderQuery::new(self.clone(), shop)
    }

    /// Begins to follow the shop's orders.
    pub fn watch(&self, shop: &ShopName) -> WatchBuilder {
        WatchBuilder::new(self.clone(), shop)
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    pub(crate) fn budget(&self) -> &RetryBudget {
        &self.budget
    }

    pub(crate) fn settings(&self) -> &CallSettings {
        &self.settings
    }

    fn with(&self, change: impl FnOnce(&mut CallSettings)) -> Self {
        let mut settings = CallSettings::clone(&self.settings);
        change(&mut settings);
        Self { settings: Arc::new(settings), ..self.clone() }
    }
}
