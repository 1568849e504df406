//! A shop's integrations: which system stands behind the provider name of a payment.

use order_proto::v1;
use order_proto::v1::integration::System;
use order_rules::accounting::{NewTransfer, TransferForm};
use order_rules::effects::KEY_WINDOW_MICROS;
use order_rules::labels::{LabelRules, Parcel};
use order_rules::order::Micros;
use order_rules::payments::{Capabilities, MANUAL, ProviderName};
use prost::Message;

use super::{Shop, etag};
use crate::accounting;
use crate::commands::timestamp;
use crate::labels;
use crate::links::Setup;
use crate::providers;
use crate::store::StoreFailure;
use crate::store::rows::IntegrationRow;
use crate::terms::Term;

/// A system outside under the name that payments give it.
#[derive(Clone, Debug)]
pub(crate) struct Integration {
    pub row: IntegrationRow,
    /// Without anything secret.
    pub system: System,
}

impl Integration {
    /// The integration of this row.
    ///
    /// # Errors
    /// When the row is not what this version wrote.
    pub(crate) fn from_row(row: IntegrationRow) -> Result<Self, StoreFailure> {
        let stored = v1::Integration::decode(row.setup.as_slice()).ok();
        let system = stored
            .and_then(|stored| stored.system)
            .ok_or_else(|| StoreFailure::Defect("setup of an integration".to_owned()))?;
        Ok(Self { row, system })
    }

    /// As it goes out.
    pub(crate) fn message(&self, shop: &Shop) -> v1::Integration {
        v1::Integration {
            name: shop.integration_name(&self.row.slug),
            disabled: self.row.is_disabled,
            etag: etag(self.row.revision),
            create_time: Some(timestamp(Micros(self.row.created_at))),
            update_time: Some(timestamp(Micros(self.row.updated_at))),
            credentials_set_time: self.row.credentials_set_at.map(|time| timestamp(Micros(time))),
            system: Some(self.system.clone()),
        }
    }

    /// What its system must be told; `name` is its resource name.
    pub(crate) fn setup<'a>(&'a self, name: &'a str) -> Setup<'a> {
        Setup {
            name,
            system: &self.system,
            credentials: self.row.credentials.as_deref(),
            revision: self.row.revision,
        }
    }
}

impl Shop {
    pub(crate) fn integration_name(&self, slug: &str) -> String {
        integration_name(&self.row.slug, slug)
    }

    /// The integration of this name.
    pub(crate) fn integration(&self, slug: &str) -> Option<&Integration> {
        self.integrations.iter().find(|one| one.row.slug == slug)
    }

    /// Last part of the name of the accounting integration that orders go to, if there is one.
    pub(crate) fn accounting_integration(&self) -> Option<String> {
        accounting_of(&self.settings, &self.integrations)
    }

    /// What the provider can do; `None` where no new payment may name it.
    pub(crate) fn offered(&self, provider: &ProviderName) -> Option<Capabilities> {
        let is_disabled = self.integration(&provider.0).is_some_and(|known| known.row.is_disabled);
        self.capabilities.get(provider).copied().filter(|_| !is_disabled)
    }

    /// Puts an integration in the place of the one it was.
    pub(crate) fn put_integration(&mut self, row: IntegrationRow) {
        self.integrations.retain(|other| other.row.slug != row.slug);
        self.integrations.extend(Integration::from_row(row));
        self.integrations.sort_by(|one, other| one.row.slug.cmp(&other.row.slug));
    }
}

/// `shops/{shop}/integrations/{integration}`.
pub(crate) fn integration_name(shop: &str, slug: &str) -> String {
    format!("shops/{shop}/integrations/{slug}")
}

/// The system as it is stored.
pub(crate) fn setup_stored(system: System) -> Vec<u8> {
    v1::Integration { system: Some(system), ..v1::Integration::default() }.encode_to_vec()
}

/// The accounting integration that a shop's settings name.
fn accounting_of(settings: &v1::ShopSettings, integrations: &[Integration]) -> Option<String> {
    let named = settings.accounting.as_ref()?.integration.rsplit('/').next()?;
    let known = integrations.iter().find(|one| one.row.slug == named)?;
    accounting::is_accounting(&known.system).then(|| known.row.slug.clone())
}

/// What the shop hands over to accounting by itself.
pub(super) fn automatic_transfer(
    settings: &v1::ShopSettings,
    integrations: &[Integration],
) -> Option<NewTransfer> {
    let v1::AccountingSettings { automatic_form, sends_invoice_mail, .. } =
        settings.accounting.clone()?;
    let form =
        v1::TransferForm::try_from(automatic_form).ok().and_then(TransferForm::from_contract)?;
    let integration = accounting_of(settings, integrations)?;
    Some(NewTransfer { integration, form, sends_mail: sends_invoice_mail })
}

/// How labels are made; `None` where the settings name no integration that does it.
pub(super) fn label_rules(
    settings: &v1::ShopSettings,
    integrations: &[Integration],
) -> Option<LabelRules> {
    let stated = settings.labels.as_ref()?;
    let known = integrations.iter().find(|one| one.row.slug == stated.integration)?;
    labels::are_made_by(&known.system).then(|| LabelRules {
        integration: stated.integration.clone(),
        parcel: Parcel {
            transport_agreement: stated.transport_agreement.clone(),
            product: stated.product.clone(),
            weight_grams: stated.parcel_weight_grams,
        },
        is_automatic: stated.automatic,
        printer: Some(stated.printer.clone()).filter(|printer| !printer.is_empty()),
    })
}

/// What each provider can do, `manual` among them.
pub(super) fn capabilities(
    integrations: &[Integration],
) -> impl Iterator<Item = (ProviderName, Capabilities)> {
    let by_hand = Capabilities {
        is_manual: true,
        decline_rank: 0,
        can_release: true,
        keeps_remainder: true,
        can_lower: true,
        can_read_back: false,
        key_window: KEY_WINDOW_MICROS,
    };
    let outside = integrations.iter().filter_map(|one| {
        let slug = &one.row.slug;
        Some((ProviderName(slug.clone()), providers::capabilities(&one.system, slug)?))
    });
    outside.chain([(ProviderName(MANUAL.to_owned()), by_hand)])
}
