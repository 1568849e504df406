//! A shop's settings and statuses as turns and readers use them, kept until they change.

mod calendar;
mod contents;
mod integrations;
pub(crate) mod persons;
mod settings;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) use calendar::is_time_zone;
pub(crate) use contents::content_print;
pub(crate) use integrations::{Integration, integration_name, setup_stored};
pub(crate) use settings::{SETTINGS, assign, expiry_warning_micros, with_defaults};

use jiff::tz::TimeZone;
use order_proto::v1;
use order_rules::order::StatusId;
use order_rules::payments::{Capabilities, ProviderName};
use order_rules::refusals::Refusal;
use order_rules::shop::{CaptureMode, DuplicateMode, Rulebook, StockMode};
use order_rules::statuses::{Status, Statuses, Tag};
use prost::Message;

use crate::store::StoreFailure;
use crate::store::facts::ShopRows;
use crate::store::rows::{ShopRow, StatusRow};
use crate::terms::Term;

/// What is known of a shop at one revision of its settings.
#[derive(Clone, Debug)]
pub(crate) struct Shop {
    pub row: ShopRow,
    /// By position, the deleted ones among them.
    pub status_rows: Vec<StatusRow>,
    pub settings: v1::ShopSettings,
    pub settings_revision: i64,
    pub rulebook: Rulebook,
    pub statuses: Statuses,
    /// By name.
    pub integrations: Vec<Integration>,
    /// Of every provider that payments name, also of those disabled.
    pub capabilities: BTreeMap<ProviderName, Capabilities>,
    zone: TimeZone,
}

/// The shops this process has met.
#[derive(Clone, Default)]
pub(crate) struct Shops {
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    ids: HashMap<String, i64>,
    shops: HashMap<i64, Arc<Shop>>,
}

impl Shops {
    /// The id of a shop, if this process has met it. Names never move to another shop.
    pub(crate) fn id(&self, slug: &str) -> Option<i64> {
        self.known().ids.get(slug).copied()
    }

    pub(crate) fn shop(&self, shop_id: i64) -> Option<Arc<Shop>> {
        self.known().shops.get(&shop_id).cloned()
    }

    /// Remembers a shop, unless something newer is known.
    pub(crate) fn remember(&self, shop: Arc<Shop>) {
        let mut known = self.known();
        known.ids.insert(shop.row.slug.clone(), shop.row.shop_id);
        let newer = known
            .shops
            .get(&shop.row.shop_id)
            .is_some_and(|other| other.settings_revision > shop.settings_revision);
        if !newer {
            known.shops.insert(shop.row.shop_id, shop);
        }
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shop {
    /// The shop of these rows.
    ///
    /// # Errors
    /// When the settings are not what this version wrote.
    pub(crate) fn from_rows(rows: ShopRows) -> Result<Self, StoreFailure> {
        let ShopRows { shop: row, statuses: status_rows, integrations, settings_revision } = rows;
        let settings = v1::ShopSettings::decode(row.settings.as_slice())
            .map_err(|error| StoreFailure::Defect(format!("settings of a shop: {error}")))?;
        let statuses = Statuses::new(status_rows.iter().map(status_of).collect());
        // A status that was deleted may have left its name to another.
        let credit_status = status_rows
            .iter()
            .filter(|status| settings.credit_order_status.ends_with(&format!("/{}", status.slug)))
            .min_by_key(|status| status.replaced_by.is_some())
            .map(|status| StatusId(status.status_id));
        let integrations: Vec<Integration> =
            integrations.into_iter().map(Integration::from_row).collect::<Result<_, _>>()?;
        let rulebook = Rulebook {
            stock_mode: StockMode::from_contract(settings.stock_mode()).unwrap_or(StockMode::Allow),
            capture_mode: CaptureMode::from_contract(settings.capture_mode())
                .unwrap_or(CaptureMode::OnCompleted),
            duplicate_mode: DuplicateMode::from_contract(settings.duplicate_mode())
                .unwrap_or(DuplicateMode::Flag),
            duplicate_window_seconds: i64::from(settings.duplicate_window_seconds()),
            completed_delivers: settings.completed_delivers(),
            credit_status,
            automatic_transfer: integrations::automatic_transfer(&settings, &integrations),
            labels: integrations::label_rules(&settings, &integrations),
        };
        let capabilities = integrations::capabilities(&integrations).collect();
        let zone = calendar::zone(&settings.time_zone)
            .ok_or_else(|| StoreFailure::Defect("time zone of a shop".to_owned()))?;
        Ok(Self {
            row,
            status_rows,
            settings,
            settings_revision,
            rulebook,
            statuses,
            integrations,
            capabilities,
            zone,
        })
    }

    /// The rows that it is made of, as they are at this revision.
    pub(crate) fn into_rows(self, settings_revision: i64) -> ShopRows {
        ShopRows {
            shop: self.row,
            statuses: self.status_rows,
            integrations: self.integrations.into_iter().map(|one| one.row).collect(),
            settings_revision,
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("shops/{}", self.row.slug)
    }

    pub(crate) fn order_name(&self, number: i64) -> String {
        format!("shops/{}/orders/{number}", self.row.slug)
    }

    pub(crate) fn status_name(&self, slug: &str) -> String {
        format!("shops/{}/orderStatuses/{slug}", self.row.slug)
    }

    /// The row of a status, or of the one that replaced it.
    pub(crate) fn status_row(&self, id: StatusId) -> Option<&StatusRow> {
        let id = self.statuses.get(id)?.id;
        self.status_rows.iter().find(|row| row.status_id == id.0)
    }

    /// A refusal with statuses as callers know them.
    pub(crate) fn named(&self, refusal: Refusal) -> Refusal {
        refusal.with_names(|id| self.status_row(id).map(|row| self.status_name(&row.slug)))
    }

    /// The status of this name, or the one that replaced it.
    pub(crate) fn status_meant(&self, slug: &str) -> Option<&StatusRow> {
        let replaced = || self.status_rows.iter().find(|row| row.slug == slug && row.keeps_name);
        self.status_by_slug(slug).or_else(|| self.status_row(StatusId(replaced()?.status_id)))
    }

    /// The status of this name that is not deleted.
    pub(crate) fn status_by_slug(&self, slug: &str) -> Option<&StatusRow> {
        self.status_rows.iter().find(|row| row.slug == slug && row.replaced_by.is_none())
    }
}

/// The opaque version of a resource whose last event has this revision.
pub(crate) fn etag(revision: i64) -> String {
    format!("\"{revision}\"")
}

/// What the keys of a shop are made of: the same in every process, and never another.
fn key_material(row: &ShopRow) -> String {
    format!("{}/{}", row.shop_id, row.created_at)
}

fn status_of(row: &StatusRow) -> Status {
    Status {
        id: StatusId(row.status_id),
        tag: Tag::from_stored(row.tag),
        position: row.position,
        replaced_by: row.replaced_by.map(StatusId),
    }
}
