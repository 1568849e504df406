//! `CreateIntegration` and `UpdateIntegration`: the systems outside that a shop works with.

use std::net::IpAddr;

use order_proto::systems::{self, Slot};
use order_proto::v1;
use order_proto::v1::integration::System;
use order_rules::order::Micros;
use order_rules::refusals::{Code, Refusal, Violation};

use super::{Answer, CreateIntegration, ResealCredentials, UpdateIntegration};
use crate::links::required;
use crate::mail::is_mail_server;
use crate::shops::{Integration, Shop, setup_stored};
use crate::store::facts::{Needs, Provider};
use crate::store::rows::IntegrationRow;
use crate::turns::desk::{Desk, check_etag};
use crate::vault::Sealed;

/// Integrations a shop may have.
const INTEGRATIONS_MAX: usize = 20;

/// Stores an integration, and tells that it changed.
fn store(desk: &mut Desk, mut row: IntegrationRow, paths: &[String]) {
    row.revision = desk.next_revision();
    row.updated_at = desk.now.0;
    let change = v1::EventChange {
        integration: desk.shop.integration_name(&row.slug),
        fields: paths.to_vec(),
        ..v1::EventChange::default()
    };
    desk.put_integration(row);
    desk.tell(v1::EventKind::IntegrationsChanged, None, &change);
}

fn wrong(field: &str, description: impl Into<String>) -> Refusal {
    Refusal::fields(vec![Violation { field: field.to_owned(), description: description.into() }])
}

impl CreateIntegration {
    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let shop = &desk.shop;
        if shop.integration(&self.slug).is_some() {
            let name = shop.integration_name(&self.slug);
            return Err(Refusal::new(Code::IntegrationExists).with("integration", name));
        }
        if shop.integrations.len() >= INTEGRATIONS_MAX {
            let description = format!("the shop has {INTEGRATIONS_MAX} integrations already");
            return Err(wrong("integration", description));
        }
        check_whole(&self.system)?;
        check_mail_server(shop, &self.slug, &self.system, &self.credentials)?;
        check_login(&self.system, &self.credentials, &self.credentials)?;
        if systems::needs_webhooks(&self.system) && !self.takes_webhooks {
            return Err(Refusal::new(Code::WebhooksOff));
        }
        let row = IntegrationRow {
            shop_id: shop.row.shop_id,
            slug: self.slug.clone(),
            setup: setup_stored(self.system.clone()),
            credentials: self.credentials.column(),
            credentials_set_at: self.credentials.column().map(|_| desk.now.0),
            is_disabled: self.is_disabled,
            revision: 0,
            created_at: desk.now.0,
            updated_at: desk.now.0,
        };
        store(desk, row, &[]);
        Ok(desk.answer(None))
    }
}

impl UpdateIntegration {
    pub(crate) fn needs(&self, shop_id: i64, needs: &mut Needs) {
        if self.paths.iter().any(|path| may_move(path)) {
            needs.providers.insert(Provider { shop_id, name: self.slug.clone() });
        }
    }

    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Result<Answer, Refusal> {
        let Some(known) = desk.shop.integration(&self.slug).cloned() else {
            let name = desk.shop.integration_name(&self.slug);
            return Err(Refusal::new(Code::IntegrationNotFound).with("integration", name));
        };
        check_etag(known.row.revision, self.etag.as_deref())?;
        let system = self.applied(&known)?;
        check_whole(&system)?;
        if is_elsewhere(&known.system, &system) && desk.used_providers.contains(&self.slug) {
            let name = desk.shop.integration_name(&self.slug);
            return Err(Refusal::new(Code::IntegrationInUse).with("integration", name));
        }
        let mut row = known.row.clone();
        if self.paths.iter().any(|path| path == "disabled") {
            row.is_disabled = self.stated.disabled;
        }
        let is_begun = self.paths.iter().any(|path| path == "disabled" || !path.contains('.'));
        let is_deaf = systems::needs_webhooks(&system) && !self.takes_webhooks;
        if is_begun && is_deaf && !row.is_disabled {
            return Err(Refusal::new(Code::WebhooksOff));
        }
        row.setup = setup_stored(system.clone());
        self.set_credentials(&known, &system, &mut row, desk.now)?;
        let credentials = Sealed::stored(row.credentials.as_deref());
        check_mail_server(&desk.shop, &self.slug, &system, &credentials)?;
        let is_of_login = |path: &str| path == "adyen" || path.starts_with("adyen.webhook_");
        if self.paths.iter().any(|path| is_of_login(path)) {
            check_login(&system, &self.credentials, &credentials)?;
        }
        if row != known.row {
            store(desk, row, &self.paths);
        }
        Ok(desk.answer(None))
    }

    /// The system with the masked fields as they are stated.
    pub(crate) fn applied(&self, known: &Integration) -> Result<System, Refusal> {
        let mut system = known.system.clone();
        for path in self.paths.iter().filter(|path| *path != "disabled") {
            let (kind, field) = path.split_once('.').unwrap_or((path, ""));
            let stated = self.stated.system.clone().filter(|one| systems::kind(one) == kind);
            if field.is_empty() {
                system = stated.or_else(|| systems::empty(kind)).unwrap_or(system);
                continue;
            }
            if systems::kind(&system) != kind {
                let other = format!("is of another system than the integration: name {kind} whole");
                return Err(wrong("update_mask", other));
            }
            let mut stated = stated.unwrap_or_else(|| system.clone());
            let both = systems::fields(&mut system).into_iter().zip(systems::fields(&mut stated));
            for (mut to, from) in both.filter(|(to, _)| to.name == field) {
                to.slot.copy_from(&from.slot);
            }
        }
        Ok(system)
    }

    /// New credentials take the place of those there were; those of another system go.
    fn set_credentials(
        &self,
        known: &Integration,
        system: &System,
        row: &mut IntegrationRow,
        now: Micros,
    ) -> Result<(), Refusal> {
        let is_same = systems::kind(system) == systems::kind(&known.system);
        let before = Sealed::stored(known.row.credentials.as_deref().filter(|_| is_same));
        let mut after = before.clone();
        let is_stated = self.credentials.secrets.contains_key("password");
        if is_same
            && is_other_server(&known.system, system)
            && !before.secrets.is_empty()
            && !is_stated
        {
            let description = "must be stated anew for another server";
            return Err(wrong("integration.smtp.password", description));
        }
        after.secrets.extend(self.credentials.secrets.clone());
        after.secrets.retain(|_, sealed| !sealed.is_empty());
        let mut missing = required(system).into_iter();
        if let Some(field) = missing.find(|name| !after.secrets.contains_key(*name)) {
            let field = format!("integration.{}.{field}", systems::kind(system));
            return Err(wrong(&field, "must not be empty"));
        }
        row.credentials = after.column();
        if row.credentials.is_none() {
            row.credentials_set_at = None;
        } else if after != before || !is_same {
            row.credentials_set_at = Some(now.0);
        }
        Ok(())
    }
}

impl ResealCredentials {
    /// To whoever knows an integration it is as it was.
    pub(crate) fn carry_out(&self, desk: &mut Desk) -> Answer {
        for one in &self.credentials {
            let known = desk.shop.integration(&one.slug);
            let known = known.filter(|known| known.row.credentials.as_ref() == Some(&one.before));
            let Some(row) = known.map(|known| known.row.clone()) else { continue };
            desk.put_integration(IntegrationRow { credentials: Some(one.after.clone()), ..row });
        }
        desk.answer(None)
    }
}

/// Paths that can lead to another system, or to the same at another place.
fn may_move(path: &str) -> bool {
    let (kind, field) = path.split_once('.').unwrap_or((path, ""));
    let Some(mut system) = systems::empty(kind) else { return false };
    let fields = systems::fields(&mut system);
    field.is_empty() || fields.iter().any(|one| one.name == field && one.is_home)
}

/// Whether payments at the one would not be found at the other.
fn is_elsewhere(one: &System, other: &System) -> bool {
    let home = |system: &System| {
        let (kind, mut system) = (systems::kind(system), system.clone());
        let fields = systems::fields(&mut system).into_iter();
        let told = fields.filter(|field| field.is_home).map(|field| field.slot.told());
        (kind, told.collect::<Vec<_>>())
    };
    home(one) != home(other)
}

/// What only the whole shows: a stand-in has its address, and nothing else has one.
fn check_whole(system: &System) -> Result<(), Refusal> {
    check_live(system)?;
    let is_stand_in = systems::is_stand_in(system);
    let mut system = system.clone();
    let kind = systems::kind(&system);
    for field in systems::fields(&mut system) {
        let Slot::StandInUrl(url) = field.slot else { continue };
        let field = format!("integration.{kind}.{}", field.name);
        match (is_stand_in, url.is_empty()) {
            (true, true) => return Err(wrong(&field, "must say where the stand-in is")),
            (false, false) => return Err(wrong(&field, "is only for a stand-in")),
            _ => {}
        }
    }
    Ok(())
}

/// A mail server is wherever the shop says: a password that was meant for one must not go to another.
fn is_other_server(one: &System, other: &System) -> bool {
    match (one, other) {
        (System::Smtp(one), System::Smtp(other)) => {
            (&one.host, one.port, one.security) != (&other.host, other.port, other.security)
        }
        _ => false,
    }
}

/// A shop has one mail server, whose user has a password; in the clear there is neither.
fn check_mail_server(
    shop: &Shop,
    slug: &str,
    system: &System,
    credentials: &Sealed,
) -> Result<(), Refusal> {
    let System::Smtp(smtp) = system else { return Ok(()) };
    let mut others = shop.integrations.iter().filter(|one| one.row.slug != slug);
    if let Some(other) = others.find(|one| is_mail_server(&one.system)) {
        let description = format!("the shop has a mail server already: {}", other.row.slug);
        return Err(wrong("integration.smtp", description));
    }
    let is_open = smtp.security() == v1::SmtpSecurity::None;
    let has_user = !smtp.username.is_empty();
    if is_open && has_user {
        return Err(wrong("integration.smtp.username", "must not go over the wire in the clear"));
    }
    if is_open && !smtp.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback()) {
        return Err(wrong("integration.smtp.host", "must be a loopback address without TLS"));
    }
    match (has_user, credentials.secrets.contains_key("password")) {
        (true, false) => Err(wrong("integration.smtp.password", "must not be empty with a user")),
        (false, true) => Err(wrong("integration.smtp.username", "must go with the password")),
        _ => Ok(()),
    }
}

/// The login of Adyen's webhooks is whole. A password that was set before may stay without its user.
fn check_login(system: &System, stated: &Sealed, credentials: &Sealed) -> Result<(), Refusal> {
    let System::Adyen(adyen) = system else { return Ok(()) };
    let has_password = |sealed: &Sealed| {
        sealed.secrets.get("webhook_password").is_some_and(|password| !password.is_empty())
    };
    let has_user = !adyen.webhook_username.is_empty();
    if has_user && !has_password(credentials) {
        return Err(wrong("integration.adyen.webhook_password", "must go with the user name"));
    }
    if !has_user && has_password(stated) {
        return Err(wrong("integration.adyen.webhook_username", "must go with the password"));
    }
    Ok(())
}

/// Adyen's live endpoint is at an address of the company's own.
fn check_live(system: &System) -> Result<(), Refusal> {
    let System::Adyen(adyen) = system else { return Ok(()) };
    let field = "integration.adyen.live_url_prefix";
    let is_live = adyen.endpoint() == v1::AdyenEndpoint::Live;
    match (is_live, adyen.live_url_prefix.is_empty()) {
        (true, true) => Err(wrong(field, "must say what the live address begins with")),
        (false, false) => Err(wrong(field, "is only for the live endpoint")),
        _ => Ok(()),
    }
}
