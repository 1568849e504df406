//! Fields of `IntegrationService`. Credentials leave the request here: what goes on is sealed.

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
use crate::vault::Vault;

const PATHS: [&str; 7] = [
    "disabled",
    "sandbox",
    "klarna",
    "klarna.endpoint",
    "klarna.username",
    "klarna.password",
    "klarna.stand_in_url",
];
const USERNAME_CHARACTERS_MAX: usize = 200;
const PASSWORD_CHARACTERS_MAX: usize = 500;
const STAND_IN_URL_CHARACTERS_MAX: usize = 200;

/// What the fields of an integration are judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ground<'a> {
    pub(crate) vault: &'a Vault,
    /// Integrations may name a stand-in on this machine.
    pub(crate) stand_ins: bool,
}

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
    let secret = take_secret(request.integration.as_mut(), ground.vault);
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
    let v1::Integration { name: _, system, disabled, etag: _, create_time: _, update_time: _ } =
        integration;
    fields.check(system.is_some(), "integration.system", "is required");
    let Some(mut system) = system else { return Err(fields.refusal()) };
    match &mut system {
        System::Sandbox(v1::SandboxIntegration {}) => {}
        System::Klarna(klarna) => {
            fields.klarna(klarna, &PATHS, ground);
            fields.password(secret.as_ref());
        }
    }
    let name = names::integration_name(&shop, &slug);
    let credentials = fields.sealed(secret.as_ref(), &name, ground.vault)?;
    let is_disabled = disabled;
    let command = CreateIntegration { slug, system, credentials, is_disabled };
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
    let secret = take_secret(request.integration.as_mut(), ground.vault);
    let envelope = fields.envelope(&mut request, caller);
    let v1::UpdateIntegrationRequest {
        integration,
        update_mask,
        request_id: _,
        etag,
        validate_only: _,
    } = request;
    let paths = fields.mask(update_mask, &PATHS);
    let etag = fields.etag(etag);
    fields.check(integration.is_some(), "integration", "is required");
    let Some(mut stated) = integration else { return Err(fields.refusal()) };
    let PartName { shop, part: slug } = fields.integration("integration.name", &stated.name);
    let is_about_klarna = paths.iter().any(|path| path.starts_with("klarna"));
    let systems = paths.iter().filter(|path| ["sandbox", "klarna"].contains(path)).count();
    fields.check(systems < 2, "update_mask", "must name one system");
    if is_about_klarna {
        match &mut stated.system {
            Some(System::Klarna(klarna)) => fields.klarna(klarna, &paths, ground),
            _ => fields.refuse("integration.klarna", "is required by the mask"),
        }
    }
    let is_masked = |path: &str| paths.contains(&path);
    if is_masked("klarna.password") {
        fields.password(secret.as_ref());
    }
    // With `klarna` the password that is set stays, unless a new one is stated.
    let is_stated = is_masked("klarna.password") || (is_masked("klarna") && secret.is_some());
    if is_masked("klarna") && secret.is_some() {
        fields.password(secret.as_ref());
    }
    let name = names::integration_name(&shop, &slug);
    let credentials = fields.sealed(secret.as_ref().filter(|_| is_stated), &name, ground.vault)?;
    let paths = paths.into_iter().map(str::to_owned).collect();
    let command = UpdateIntegration { slug, etag, paths, stated, credentials };
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

/// Takes the secret out of the message. What stands in its place counts as content, so that a repeat
/// with another secret is not the same request, and tells nothing to who reads the log.
fn take_secret(integration: Option<&mut v1::Integration>, vault: &Vault) -> Option<SecretString> {
    let Some(System::Klarna(klarna)) = integration?.system.as_mut() else { return None };
    if klarna.password.is_empty() {
        return None;
    }
    let secret = SecretString::from(std::mem::take(&mut klarna.password));
    klarna.password = vault.print(&secret);
    Some(secret)
}

impl Fields {
    /// The fields of Klarna that the paths name, and nothing that only goes out.
    fn klarna(&mut self, klarna: &mut v1::KlarnaIntegration, paths: &[&str], ground: Ground<'_>) {
        let v1::KlarnaIntegration { endpoint, username, password, password_set_time, stand_in_url } =
            klarna;
        // It was taken out; what stands for it has done its work.
        password.clear();
        *password_set_time = None;
        let is_masked = |path: &str| paths.contains(&path) || paths.contains(&"klarna");
        if is_masked("klarna.endpoint") {
            let known = v1::KlarnaEndpoint::try_from(*endpoint).unwrap_or_default();
            let field = "integration.klarna.endpoint";
            self.check(known != v1::KlarnaEndpoint::Unspecified, field, "is not a known value");
            let is_allowed = known != v1::KlarnaEndpoint::StandIn || ground.stand_ins;
            self.check(is_allowed, field, "is not allowed here: see --stand-ins of the service");
        }
        if is_masked("klarna.username") {
            let field = "integration.klarna.username";
            self.line(field, username.clone(), 1..=USERNAME_CHARACTERS_MAX);
            self.check(!username.contains(':'), field, "must not have a colon");
        }
        if is_masked("klarna.stand_in_url") && !stand_in_url.is_empty() {
            let field = "integration.klarna.stand_in_url";
            self.line(field, stand_in_url.clone(), 1..=STAND_IN_URL_CHARACTERS_MAX);
            let is_right = crate::outside::is_loopback(stand_in_url);
            self.check(is_right, field, "must be like http://127.0.0.1:8080, a loopback address");
        }
    }

    fn password(&mut self, secret: Option<&SecretString>) {
        let field = "integration.klarna.password";
        let Some(secret) = secret else { return self.refuse(field, "must not be empty") };
        let text = secret.expose_secret();
        if text.chars().count() > PASSWORD_CHARACTERS_MAX {
            self.refuse(field, format!("must have at most {PASSWORD_CHARACTERS_MAX} characters"));
        }
        self.check(
            !text.chars().any(char::is_control),
            field,
            "must not have control characters or line breaks",
        );
    }

    /// The secret as it may be stored. Only of a request in which all else is right.
    fn sealed(
        &mut self,
        secret: Option<&SecretString>,
        name: &str,
        vault: &Vault,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let Some(secret) = secret.filter(|_| self.count() == 0) else { return Ok(None) };
        let sealed = vault.seal(name, secret);
        Ok(Some(sealed.map_err(|_| Refusal::new(Code::CredentialsKeyMissing))?))
    }
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
