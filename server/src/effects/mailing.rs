//! The way of a mail to the system that takes mails.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use order_proto::v1;
use order_rules::effects::busy_pause;
use order_rules::mail::{MailKind, MailOutcome};
use order_rules::refusals::Code;
use prost::Message;
use uuid::Uuid;

use super::carrying::{Ending, Errand};
use crate::commands::{Command, RecordMail};
use crate::mail::{Cause, Handed, MailService, Matter};
use crate::store::claims::{MailParts, Task};
use crate::store::rows::{EffectRow, StatusRow, number};
use crate::store::{Store, StoreFailure, on_either};
use crate::systems::{Decline, Hold, Report, Sighting};
use crate::terms::Term;
use crate::turns::FilesRecord;

/// A mail on its way. What it is made of is read when it is tried: it may have been erased since.
pub(super) struct Mailing {
    pub store: Store,
    /// `None`: it cannot be called as it is set up.
    pub mail: Option<MailService>,
    /// Why nothing is sent, if that is so.
    pub hold: Option<Hold>,
    /// The shop's own mail server, if it has one: last part of the integration's name, and its revision.
    pub own: Option<(String, i64)>,
    /// Last part of the shop's name.
    pub shop: String,
    pub effect: EffectRow,
    /// Why it waits, once that is known.
    pub reason: OnceLock<String>,
}

/// Keys of mails are of this name space.
const KEYS: Uuid = Uuid::from_u128(0x7d1a_90e4_2b6c_4d0f_b8c5_41f7_06a9_3e52);
/// Nobody is asked.
const NO_PATIENCE: Duration = Duration::from_secs(1);
/// A mail that could not be handed over for so long is given up: three days.
const GIVE_UP_AFTER_MICROS: i64 = 3 * 24 * 60 * 60 * 1_000_000;

impl Errand for Mailing {
    type Yes = ();

    async fn perform(&self) -> Report<()> {
        match self.hand_over().await {
            Report::TryLater { .. } | Report::Held(_) if self.is_too_late() => {
                let reason = self.reason.get().map_or("", String::as_str);
                declined(format!("could not be handed over for three days: {reason}"))
            }
            report => report,
        }
    }

    async fn look_up(&self) -> Sighting<()> {
        match self.matter().await {
            Ok(Some(matter)) => match &self.mail {
                Some(mail) => mail.look_up(&matter.message_id).await,
                // No mail server that a shop sets up keeps account.
                None => Sighting::Untold,
            },
            Ok(None) => Sighting::Untold,
            Err(_) => Sighting::NoAnswer,
        }
    }

    fn is_asked(&self, _task: Task) -> bool {
        self.mail.is_some() && self.hold.is_none()
    }

    fn kind(&self) -> &'static str {
        "mail"
    }

    fn reason(&self) -> Option<String> {
        self.reason.get().cloned()
    }

    fn tells_of_waiting(&self) -> Option<i64> {
        Some(self.own.as_ref().map_or(0, |(_, revision)| *revision))
    }

    fn patience(&self) -> Duration {
        self.mail.as_ref().map_or(NO_PATIENCE, MailService::patience)
    }

    fn key(&self) -> Uuid {
        let EffectRow { effect_key, created_at, .. } = &self.effect;
        let name = format!("{}/{effect_key}/{created_at}", self.shop);
        Uuid::new_v5(&KEYS, name.as_bytes())
    }

    fn command(&self, ending: &Ending<'_, ()>) -> Command {
        let outcome = match ending {
            Ending::Succeeded(()) => MailOutcome::Sent,
            Ending::Declined(decline) => MailOutcome::Declined { reason: decline.reason.clone() },
            Ending::Held(hold) => MailOutcome::Held {
                code: hold.code,
                integration: hold.integration.clone(),
                reason: hold.reason.clone(),
            },
            Ending::Waiting(reason) => MailOutcome::Waiting { reason: (*reason).to_owned() },
            // No mail system takes what it answers later.
            Ending::Accepted | Ending::Unknown(_) => MailOutcome::Unknown,
        };
        Command::RecordMail(RecordMail {
            number: number(self.effect.order_key),
            mail: number(self.effect.effect_key),
            attempt: self.effect.attempt,
            outcome,
        })
    }
}

impl Mailing {
    async fn hand_over(&self) -> Report<()> {
        if let Some(hold) = &self.hold {
            return self.held(hold.clone());
        }
        let Some(mail) = &self.mail else { return self.later(Duration::ZERO, String::new()) };
        match self.matter().await {
            Ok(Some(matter)) => self.report(mail.send(matter).await),
            Ok(None) => declined("nothing is known of the mail any more".to_owned()),
            Err(failure) => {
                tracing::warn!(%failure, "a mail cannot be read, it waits");
                self.later(Duration::ZERO, "it cannot be read".to_owned())
            }
        }
    }

    fn report(&self, handed: Handed) -> Report<()> {
        match handed {
            Handed::Taken => Report::Done(()),
            Handed::Refused(reason) => declined(reason),
            Handed::Waits(Cause::Silence, reason) => {
                self.reason.get_or_init(|| reason);
                Report::TryLater { after: None }
            }
            Handed::Waits(Cause::LoginRefused, reason) if self.own.is_some() => {
                let (integration, revision) = self.own.clone().unwrap_or_default();
                let code = Code::IntegrationUnauthorized;
                self.held(Hold { code, reason, integration, revision })
            }
            Handed::Waits(Cause::Busy | Cause::LoginRefused, reason) => {
                let tried = u32::try_from(self.effect.attempt.saturating_sub(1)).unwrap_or(0);
                let pause = u64::try_from(busy_pause(tried)).unwrap_or(0);
                self.later(Duration::from_micros(pause), reason)
            }
            Handed::Unknown => Report::Unknown,
        }
    }

    fn held(&self, hold: Hold) -> Report<()> {
        self.reason.get_or_init(|| format!("{} {}", hold.code.name(), hold.reason));
        Report::Held(hold)
    }

    /// Tried again, and nothing is said against the mail server.
    fn later(&self, pause: Duration, reason: String) -> Report<()> {
        self.reason.get_or_init(|| reason);
        Report::TryLater { after: Some(pause) }
    }

    async fn matter(&self) -> Result<Option<Matter>, StoreFailure> {
        let parts =
            on_either!(&self.store, database => database.mail_find(self.effect.effect_key).await)?;
        Ok(parts.map(Matter::from))
    }

    fn is_too_late(&self) -> bool {
        let EffectRow { created_at, last_sent_at, .. } = self.effect;
        last_sent_at.is_some_and(|last| last.saturating_sub(created_at) >= GIVE_UP_AFTER_MICROS)
    }
}

fn declined(reason: String) -> Report<()> {
    Report::Declined(Decline { code: Code::MailDeclined, reason })
}

impl From<MailParts> for Matter {
    fn from(parts: MailParts) -> Self {
        let MailParts { mail, shop, statuses, personal, document, files } = parts;
        let document = document.unwrap_or_default();
        // Erased data are an empty part.
        let bytes = [document, personal.unwrap_or_default()].concat();
        let order = v1::Order::decode(bytes.as_slice()).unwrap_or_default();
        let files = files.map(|files| FilesRecord::decode(files.as_slice()).unwrap_or_default());
        Self {
            kind: MailKind::from_stored(mail.kind),
            message_id: mail.message_id,
            requested_at: mail.requested_at,
            has_form: mail.has_form,
            note_id: mail.note_id.unwrap_or_default(),
            files: files.unwrap_or_default().files,
            status_names: customer_names(&order.status, &statuses),
            order,
            shop_name: shop.display_name,
            settings: v1::ShopSettings::decode(shop.settings.as_slice()).unwrap_or_default(),
        }
    }
}

/// What customers call the status of this name, or the one that replaced it.
fn customer_names(status: &str, statuses: &[StatusRow]) -> BTreeMap<String, String> {
    let slug = status.rsplit('/').next().unwrap_or_default();
    let mut known = statuses.iter().find(|row| row.slug == slug);
    while let Some(replacement) = known.and_then(|row| row.replaced_by) {
        known = statuses.iter().find(|row| row.status_id == replacement);
    }
    let names = known.map(|row| v1::OrderStatus::decode(row.names.as_slice()).unwrap_or_default());
    let v1::OrderStatus { admin_names, customer_names, .. } = names.unwrap_or_default();
    // What has no name for customers goes by the shop's own.
    admin_names.into_iter().chain(customer_names).filter(|(_, name)| !name.is_empty()).collect()
}
