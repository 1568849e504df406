//! Fields of `IntegrationService`. Credentials leave the request here: what goes on is sealed.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use order_proto::systems::{self, Form, Slot};
use order_proto::v1;
use order_proto::v1::integration::System;
use order_rules::payments::MANUAL;
use order_rules::refusals::{Code, Refusal};
use secrecy::{ExposeSecret, SecretString};

use super::Fields;
use super::envelope::Asking;
use super::names::{self, PartName};
use crate::commands::{Command, CreateIntegration, Failure, UpdateIntegration};
use crate::grpc::caller::Caller;
use crate::vault::{Sealed, Vault};

/// Every path that a mask may have.
static PATHS: LazyLock<Vec<String>> =
    LazyLock::new(|| ["disabled".to_owned()].into_iter().chain(systems::paths()).collect());

/// What the fields of an integration are judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) vault: &'a Vault,
    /// Integrations may name a stand-in on this machine.
    pub(crate) stand_ins: bool,
    /// The service listens for webhooks.
    pub(crate) webhooks: bool,
}

/// Secrets that a request stated, by field.
type Secrets = BTreeMap<&'static str, SecretString>;

/// Checks `CreateIntegration`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field, `CREDENTIALS_KEY_MISSING`.
pub(crate) fn create_integration(
    mut request: v1::CreateIntegrationRequest,
    caller: &Caller,
    ground: Ground<'_>,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let secrets = take_secrets(request.integration.as_mut(), ground.vault);
    let envelope = fields.envelope(&mut request, caller);
    let v1::CreateIntegrationRequest {
        parent,
        integration_id,
        integration,
        request_id: _,
        validate_only: _,
    } = request;
    let shop = fields.shop("parent", &parent);
    let slug = fields.slug("integration_id", integration_id);
    fields.check(slug != MANUAL, "integration_id", "is settled by hand, always");
    fields.check(integration.is_some(), "integration", "is required");
    let Some(integration) = integration else { return Err(fields.refusal()) };
    let (system, is_disabled) = (integration.system, integration.disabled);
    fields.check(system.is_some(), "integration.system", "is required");
    let Some(system) = system else { return Err(fields.refusal()) };
    let mut system = systems::without_secrets(system);
    fields.system(&mut system, ground, |_| true);
    fields.secrets(&mut system, &secrets, |_| true);
    let name = names::integration_name(&shop, &slug);
    let credentials = fields.sealed(&secrets, &name, ground.vault)?;
    let takes_webhooks = ground.webhooks;
    let command = CreateIntegration { slug, takes_webhooks, system, credentials, is_disabled };
    envelope.finish(fields, shop, Command::CreateIntegration(Box::new(command)))
}

/// Checks `UpdateIntegration`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field, `CREDENTIALS_KEY_MISSING`.
pub(crate) fn update_integration(
    mut request: v1::UpdateIntegrationRequest,
    caller: &Caller,
    ground: Ground<'_>,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let mut secrets = take_secrets(request.integration.as_mut(), ground.vault);
    let envelope = fields.envelope(&mut request, caller);
    let v1::UpdateIntegrationRequest {
        integration,
        update_mask,
        request_id: _,
        etag,
        validate_only: _,
    } = request;
    let known: Vec<&'static str> = PATHS.iter().map(String::as_str).collect();
    let paths = fields.mask(update_mask, &known);
    let etag = fields.etag(etag);
    fields.check(integration.is_some(), "integration", "is required");
    let Some(mut stated) = integration else { return Err(fields.refusal()) };
    let PartName { shop, part: slug } = fields.integration("integration.name", &stated.name);
    stated.system = stated.system.map(systems::without_secrets);
    fields.check(kinds(&paths).count() < 2, "update_mask", "must name one system");
    let mut removed = Vec::new();
    for kind in kinds(&paths) {
        let has_path = |field: &str| paths.iter().any(|path| is_field(path, kind, field));
        let is_whole = paths.contains(&kind);
        let Some(system) = stated.system.as_mut().filter(|one| systems::kind(one) == kind) else {
            let needs_none =
                systems::empty(kind).is_some_and(|mut one| systems::fields(&mut one).is_empty());
            fields.check(needs_none, &format!("integration.{kind}"), "is required by the mask");
            continue;
        };
        fields.system(system, ground, |field| is_whole || has_path(field));
        // With the whole system a credential that is set stays, unless a new one is stated.
        secrets.retain(|field, _| is_whole || has_path(field));
        fields.secrets(system, &secrets, |field| has_path(field) || secrets.contains_key(field));
        let all = systems::fields(system).into_iter();
        let emptied = all.filter(|field| matches!(field.slot, Slot::Secret { .. }));
        let emptied = emptied.map(|field| field.name).filter(|field| has_path(field));
        removed.extend(emptied.filter(|field| !secrets.contains_key(field)));
    }
    if kinds(&paths).next().is_none() {
        secrets.clear();
    }
    let name = names::integration_name(&shop, &slug);
    let mut credentials = fields.sealed(&secrets, &name, ground.vault)?;
    credentials.secrets.extend(removed.into_iter().map(|field| (field.to_owned(), Vec::new())));
    let paths = paths.into_iter().map(str::to_owned).collect();
    let takes_webhooks = ground.webhooks;
    let command = UpdateIntegration { slug, takes_webhooks, etag, paths, stated, credentials };
    envelope.finish(fields, shop, Command::UpdateIntegration(Box::new(command)))
}

/// Checks the name of an integration to read or to test.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(crate) fn one_integration(name: &str) -> Result<PartName, Failure> {
    let mut fields = Fields::default();
    let integration = fields.integration("name", name);
    fields.finish().map(|()| integration)
}

/// Checks the shop whose integrations are to be listed.
///
/// # Errors
/// `INVALID_REQUEST`.
pub(crate) fn list_integrations(request: v1::ListIntegrationsRequest) -> Result<String, Failure> {
    let v1::ListIntegrationsRequest { parent } = request;
    let mut fields = Fields::default();
    let shop = fields.shop("parent", &parent);
    fields.finish().map(|()| shop)
}

/// Takes the secrets out of the message. What stands in their places counts as content, so that a
/// repeat with another secret is not the same request, and tells nothing to who reads the log.
fn take_secrets(integration: Option<&mut v1::Integration>, vault: &Vault) -> Secrets {
    let Some(system) = integration.and_then(|one| one.system.as_mut()) else {
        return Secrets::new();
    };
    let mut secrets = Secrets::new();
    for field in systems::fields(system) {
        let Slot::Secret { value, .. } = field.slot else { continue };
        if value.is_empty() {
            continue;
        }
        let secret = SecretString::from(std::mem::take(value));
        *value = vault.print(&secret);
        secrets.insert(field.name, secret);
    }
    secrets
}

/// The systems that the paths are about, each once.
fn kinds<'a>(paths: &'a [&'static str]) -> impl Iterator<Item = &'static str> + 'a {
    let is_about = |path: &str, kind: &str| path.split('.').next() == Some(kind);
    systems::KINDS.into_iter().filter(move |kind| paths.iter().any(|path| is_about(path, kind)))
}

fn is_field(path: &str, kind: &str, field: &str) -> bool {
    path.split_once('.') == Some((kind, field))
}

impl Fields {
    /// The fields of a system that are asked for, apart from secrets.
    fn system(&mut self, system: &mut System, ground: Ground<'_>, is_asked: impl Fn(&str) -> bool) {
        let kind = systems::kind(system);
        for field in systems::fields(system).into_iter().filter(|field| is_asked(field.name)) {
            let name = format!("integration.{kind}.{}", field.name);
            match field.slot {
                Slot::Choice { value, choices } => {
                    self.check(choices.is_known(*value), &name, "is not a known value");
                    let is_allowed = choices.stand_in != Some(*value) || ground.stand_ins;
                    let word = "is not allowed here: see --stand-ins of the service";
                    self.check(is_allowed, &name, word);
                }
                Slot::Text { value, characters, form } => {
                    self.line(&name, value.clone(), characters);
                    self.form(&name, value, form);
                }
                Slot::StandInUrl(value) if !value.is_empty() => {
                    self.line(&name, value.clone(), 1..=systems::URL_CHARACTERS_MAX);
                    let word = "must be like http://127.0.0.1:8080, a loopback address";
                    self.check(crate::outside::is_loopback(value), &name, word);
                }
                Slot::Number { value, range } => {
                    let word = format!("must be from {} to {}", range.start(), range.end());
                    self.check(range.contains(value), &name, &word);
                }
                Slot::StandInUrl(_) | Slot::Flag(_) | Slot::Secret { .. } => {}
            }
        }
    }

    /// The secrets of a system that are asked for.
    fn secrets(&mut self, system: &mut System, secrets: &Secrets, is_asked: impl Fn(&str) -> bool) {
        let kind = systems::kind(system);
        for field in systems::fields(system).into_iter().filter(|field| is_asked(field.name)) {
            let Slot::Secret { most, is_required, form, .. } = field.slot else { continue };
            let name = format!("integration.{kind}.{}", field.name);
            let Some(secret) = secrets.get(field.name) else {
                self.check(!is_required, &name, "must not be empty");
                continue;
            };
            let text = secret.expose_secret();
            if text.chars().count() > most {
                self.refuse(&name, format!("must have at most {most} characters"));
            }
            let word = "must not have control characters or line breaks";
            self.check(!text.chars().any(char::is_control), &name, word);
            let word = "must not begin or end with an invisible character";
            let is_marked = text.starts_with(is_unseen) || text.ends_with(is_unseen);
            self.check(!is_marked, &name, word);
            self.form(&name, text, form);
        }
    }

    fn form(&mut self, field: &str, text: &str, form: Form) {
        if let Some(wrong) = form(text).filter(|_| !text.is_empty()) {
            self.refuse(field, wrong);
        }
    }

    /// The secrets as they may be stored. Only of a request in which all else is right.
    fn sealed(&mut self, secrets: &Secrets, name: &str, vault: &Vault) -> Result<Sealed, Failure> {
        let mut sealed = Sealed::default();
        for (field, secret) in secrets.iter().filter(|_| self.count() == 0) {
            let bytes = vault.seal(name, field, secret);
            let bytes = bytes.map_err(|_| Refusal::new(Code::CredentialsKeyMissing))?;
            sealed.secrets.insert((*field).to_owned(), bytes);
        }
        Ok(sealed)
    }
}

/// What an editor adds to a text unasked, as a byte order mark. A password may end with a space.
fn is_unseen(one: char) -> bool {
    let is_mark = matches!(one, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}');
    is_mark || (one.is_whitespace() && one != ' ' && !one.is_control())
}

/// What an integration that only the command knows would look like.
pub(crate) fn created(shop: &str, command: &CreateIntegration) -> v1::Integration {
    v1::Integration {
        name: names::integration_name(shop, &command.slug),
        system: Some(command.system.clone()),
        disabled: command.is_disabled,
        ..v1::Integration::default()
    }
}
