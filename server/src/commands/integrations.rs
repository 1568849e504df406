//! `CreateIntegration` and `UpdateIntegration`: the systems outside that a shop works with.

use order_proto::v1;
use order_proto::v1::integration::System;
use order_rules::refusals::{Code, Refusal, Violation};

use super::{Answer, CreateIntegration, UpdateIntegration};
use crate::shops::{Integration, setup_stored};
use crate::store::facts::{Needs, Provider};
use crate::store::rows::IntegrationRow;
use crate::turns::desk::{Desk, check_etag};

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
        let row = IntegrationRow {
            shop_id: shop.row.shop_id,
            slug: self.slug.clone(),
            setup: setup_stored(self.system.clone()),
            credentials: self.credentials.clone(),
            credentials_set_at: self.credentials.as_ref().map(|_| desk.now.0),
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
        row.setup = setup_stored(system.clone());
        if let Some(credentials) = &self.credentials {
            row.credentials = Some(credentials.clone());
            row.credentials_set_at = Some(desk.now.0);
        }
        match system {
            System::Sandbox(_) => (row.credentials, row.credentials_set_at) = (None, None),
            System::Klarna(_) if row.credentials.is_none() => {
                return Err(wrong("integration.klarna.password", "must not be empty"));
            }
            System::Klarna(_) => {}
        }
        if row != known.row {
            store(desk, row, &self.paths);
        }
        Ok(desk.answer(None))
    }

    /// The system with the masked fields as they are stated.
    pub(crate) fn applied(&self, known: &Integration) -> Result<System, Refusal> {
        let mut system = known.system.clone();
        for path in &self.paths {
            match (path.as_str(), &self.stated.system) {
                ("sandbox", _) => system = System::Sandbox(v1::SandboxIntegration {}),
                ("klarna", Some(System::Klarna(stated))) => system = System::Klarna(stated.clone()),
                (path, Some(System::Klarna(stated))) if path.starts_with("klarna.") => {
                    let System::Klarna(klarna) = &mut system else {
                        let other = "is of another system than the integration: name klarna whole";
                        return Err(wrong("update_mask", other));
                    };
                    match path {
                        "klarna.endpoint" => klarna.endpoint = stated.endpoint,
                        "klarna.username" => klarna.username.clone_from(&stated.username),
                        "klarna.stand_in_url" => {
                            klarna.stand_in_url.clone_from(&stated.stand_in_url);
                        }
                        // The password is not among what is kept in clear.
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        Ok(system)
    }
}

/// Paths that can lead to another system, or to the same at another place.
fn may_move(path: &str) -> bool {
    matches!(path, "sandbox" | "klarna" | "klarna.endpoint" | "klarna.stand_in_url")
}

/// Whether payments at the one would not be found at the other.
fn is_elsewhere(one: &System, other: &System) -> bool {
    match (one, other) {
        (System::Sandbox(_), System::Sandbox(_)) => false,
        (System::Klarna(one), System::Klarna(other)) => {
            one.endpoint != other.endpoint || one.stand_in_url != other.stand_in_url
        }
        (System::Sandbox(_), System::Klarna(_)) | (System::Klarna(_), System::Sandbox(_)) => true,
    }
}

/// What only the whole shows: a stand-in has its address, and nothing else has one.
fn check_whole(system: &System) -> Result<(), Refusal> {
    let System::Klarna(klarna) = system else { return Ok(()) };
    let is_stand_in = klarna.endpoint() == v1::KlarnaEndpoint::StandIn;
    match (is_stand_in, klarna.stand_in_url.is_empty()) {
        (true, true) => {
            Err(wrong("integration.klarna.stand_in_url", "must say where the stand-in is"))
        }
        (false, false) => Err(wrong("integration.klarna.stand_in_url", "is only for a stand-in")),
        _ => Ok(()),
    }
}
