//! The mail servers that shops have set up, each made once for every change of its integration.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use order_proto::v1::integration::System;

use super::MailService;
use super::smtp::{Reach, Smtp, SmtpUrl};
use crate::links::{Links, Setup, Unusable};

/// The way to them; clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct MailServers {
    links: Links,
    /// Who vouches for them besides those that this system trusts.
    authority: Option<Arc<[u8]>>,
    /// How long they have to come to the text.
    until_text: Duration,
    /// By the integration's name, with its revision.
    known: Arc<Mutex<HashMap<String, (i64, Smtp)>>>,
}

/// Each keeps who may vouch for it; where there are more they are made anew now and then.
const KNOWN_MAX: usize = 100;

/// Whether an integration is with a mail server.
pub(crate) fn is_mail_server(system: &System) -> bool {
    matches!(system, System::Smtp(_))
}

impl MailServers {
    pub(crate) fn new(links: Links, authority: Option<Arc<[u8]>>, until_text: Duration) -> Self {
        Self { links, authority, until_text, known: Arc::default() }
    }

    /// What takes the mails of the shop with this integration.
    ///
    /// # Errors
    /// When it cannot be called as it is set up.
    pub(crate) fn behind(&self, setup: Setup<'_>) -> Result<MailService, Unusable> {
        self.server(setup).map(MailService::Smtp)
    }

    /// The mail server of this integration.
    ///
    /// # Errors
    /// When it cannot be called as it is set up.
    pub(crate) fn server(&self, setup: Setup<'_>) -> Result<Smtp, Unusable> {
        let System::Smtp(smtp) = setup.system else { return Err(Unusable::OtherSystem) };
        let link = self.links.open(setup)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((revision, server)) = known.get(&link.name)
            && *revision == link.revision
        {
            return Ok(server.clone());
        }
        let url = SmtpUrl::of_shop(smtp, &link.secret("password")).ok_or(Unusable::OtherSystem)?;
        let reach = Reach::Public { or_loopback: self.links.allows_stand_ins() };
        let server = Smtp::new(url, reach, self.authority.clone(), self.until_text);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(link.name, (link.revision, server.clone()));
        Ok(server)
    }
}
