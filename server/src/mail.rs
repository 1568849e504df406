//! Mails to customers: their words, the withdrawal form, and the way to the mail server (§3).
//!
//! Nothing here knows the store. A [`Matter`] holds all that a mail is made of; the mail is written
//! from it each time it is tried, so that neither text nor address is kept anywhere else.

mod folder;
mod form;
mod letter;
mod matter;
mod servers;
mod smtp;
mod view;
mod wording;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use order_proto::v1;
use order_rules::contact;
use order_rules::mail::{Mail, MailFacts};
use order_rules::refusals::{Code, Refusal};
use uuid::Uuid;

use self::folder::Folder;
use self::letter::Letter;
pub(crate) use self::matter::Matter;
pub(crate) use self::servers::{MailServers, is_mail_server};
use self::smtp::{Reach, Smtp};
pub(crate) use self::smtp::{SmtpUrl, Unreadable};
pub(crate) use self::wording::check_template;
use crate::shops::Shop;
use crate::systems::Sighting;

/// What takes mails.
pub(crate) trait MailSystem {
    /// Hands the mail over. May take as long as [`MailSystem::patience`].
    async fn send(&self, letter: &Letter) -> Handed;

    /// Asks what became of the mail of this id, where the system keeps account.
    async fn look_up(&self, message_id: &str) -> Sighting<()>;

    /// How long handing over may take.
    fn patience(&self) -> Duration;
}

/// What takes mails: this server's own, or a shop's.
#[derive(Clone, Debug)]
pub(crate) enum MailService {
    Smtp(Smtp),
    /// No mail server is set up: mails lie in a folder, to be looked at.
    Folder(Folder),
}

/// What became of a mail that was to be handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Handed {
    Taken,
    /// For good, in the system's words.
    Refused(String),
    /// It was certainly not taken; why, in the system's words or ours.
    Waits(Cause, String),
    /// The word of it was lost: it may have been taken.
    Unknown,
}

/// Why a mail waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Silence,
    /// The system is there, and not ready for it.
    Busy,
    /// The system does not let us in.
    LoginRefused,
}

/// What became of the files of mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Forgotten {
    pub removed: i32,
    pub left: i32,
}

/// Message-IDs are of this name space.
const IDS: Uuid = Uuid::from_u128(0x1c2f_7be0_53d4_4f7e_9a35_60b2_8d1e_47c9);

impl MailService {
    /// Through this mail server, for which `authority` vouches besides those that this system trusts,
    /// and which has so long to come to the text.
    ///
    /// # Errors
    /// When the authority is no certificate, or this system trusts nobody at all.
    pub(crate) fn to_server(
        url: SmtpUrl,
        authority: Option<Arc<[u8]>>,
        until_text: Duration,
    ) -> Result<Self, String> {
        let smtp = Smtp::new(url, Reach::Anywhere, authority, until_text);
        smtp.check_trust()
            .map_err(|problem| format!("no mail server can be trusted: {problem}"))?;
        Ok(Self::Smtp(smtp))
    }

    /// Into this folder, which is made when it is first needed.
    pub(crate) fn to_folder(folder: PathBuf) -> Self {
        Self::Folder(Folder::new(folder))
    }

    /// Writes the mail and hands it over.
    pub(crate) async fn send(&self, matter: Matter) -> Handed {
        // Writing may take a while, with a form and files: not on the threads that serve.
        let written = tokio::task::spawn_blocking(move || Letter::write(&matter)).await;
        match written {
            Ok(Ok(letter)) => match self {
                Self::Smtp(smtp) => smtp.send(&letter).await,
                Self::Folder(folder) => folder.send(&letter).await,
            },
            Ok(Err(reason)) => Handed::Refused(reason),
            Err(failure) => {
                tracing::error!(%failure, "a mail could not be written");
                Handed::Waits(Cause::Busy, "it could not be written".to_owned())
            }
        }
    }

    /// Asks what became of a mail.
    pub(crate) async fn look_up(&self, message_id: &str) -> Sighting<()> {
        match self {
            Self::Smtp(smtp) => smtp.look_up(message_id).await,
            Self::Folder(folder) => folder.look_up(message_id).await,
        }
    }

    /// Removes what is kept here of these mails: how many there were, and how many would not go.
    pub(crate) async fn forget(&self, message_ids: &[String]) -> Forgotten {
        match self {
            Self::Smtp(_) => Forgotten::default(),
            Self::Folder(folder) => folder.forget(message_ids).await,
        }
    }

    /// How long handing over may take.
    pub(crate) fn patience(&self) -> Duration {
        match self {
            Self::Smtp(smtp) => smtp.patience(),
            Self::Folder(folder) => folder.patience(),
        }
    }
}

/// What mailing depends on, in this shop and to this address.
pub(crate) fn facts(shop: &Shop, email: &str) -> MailFacts {
    let defaults = shop.settings.note_defaults.unwrap_or_default();
    MailFacts {
        has_seller: has_seller(&shop.settings),
        has_address: contact::is_valid_email(email),
        mails_notes: defaults.send_email,
        attaches_form: defaults.attach_withdrawal_form,
    }
}

/// Refuses settings by which mails would go out that nobody can write.
///
/// # Errors
/// `SELLER_DETAILS_MISSING` (3.2, 3.6).
pub(crate) fn check_settings(settings: &v1::ShopSettings) -> Result<(), Refusal> {
    if settings.confirms_orders && !has_seller(settings) {
        return Err(Refusal::new(Code::SellerDetailsMissing));
    }
    Ok(())
}

/// The Message-ID of a mail, without its brackets: the same however often it is tried, and another
/// in every database.
pub(crate) fn message_id(shop: &Shop, mail: &Mail) -> String {
    let name =
        format!("{}/{}/{}/{}", shop.row.slug, shop.row.created_at, mail.id, mail.requested_at.0);
    let seller = shop.settings.seller.as_ref().map(|seller| seller.email.as_str());
    let domain = seller.and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain);
    let domain = domain.filter(|domain| domain.is_ascii()).unwrap_or("orders.invalid");
    format!("{}@{domain}", Uuid::new_v5(&IDS, name.as_bytes()))
}

/// Name, geographic address and e-mail: without them the form is not what the law asks for.
fn has_seller(settings: &v1::ShopSettings) -> bool {
    settings.seller.as_ref().is_some_and(|seller| {
        let has_address = seller.address.as_ref().is_some_and(|address| {
            address.lines.iter().any(|line| !line.trim().is_empty())
                || !address.city.trim().is_empty()
        });
        !seller.name.trim().is_empty() && has_address && contact::is_valid_email(&seller.email)
    })
}
