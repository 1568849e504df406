//! `orderctl integrations`: the systems outside that a shop works with. A secret never stands on the
//! command line, where other users of the machine see it.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use order_sdk::proto::integration::System;
use order_sdk::{IntegrationName, proto};
use prost_types::FieldMask;

use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::labels::{choice, label};
use crate::output::Output;
use crate::session::{Session, last_part, present};
use crate::tables::{facts, table};
use crate::times::local;

const CREATE_EXAMPLES: &str = "\
Examples:
  orderctl integrations create giftcard --kind sandbox
  orderctl integrations create klarna-no --kind klarna --endpoint europe \\
      --username K123456_abcdef --password-file klarna.secret

The password comes from --password-file (- for stdin), else from ORDERCTL_PASSWORD, else it is asked
for. A file's line break at the end is not part of it.";

const UPDATE_EXAMPLES: &str = "\
Examples:
  orderctl integrations update klarna-no --password-file new.secret
  orderctl integrations update klarna-no --username K123456_ghijkl --new-password";

/// Where a password may come from that is not in a file.
const PASSWORD: &str = "ORDERCTL_PASSWORD";
const PASSWORD_BYTES_MAX: u64 = 4 * 1024;

#[derive(Debug, Subcommand)]
pub(crate) enum IntegrationsCommand {
    /// List the integrations of the shop
    List,
    /// Show one integration
    #[command(after_help = "Example:\n  orderctl integrations get klarna-no")]
    Get(OneArguments),
    /// Add an integration
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArguments),
    /// Change an integration, or set its password anew
    #[command(after_help = UPDATE_EXAMPLES)]
    Update(UpdateArguments),
    /// Ask the system whether it answers and takes the credentials
    #[command(after_help = "Example:\n  orderctl integrations test klarna-no")]
    Test(OneArguments),
    /// Send nothing more to the system; what is planned waits
    #[command(after_help = "Example:\n  orderctl integrations disable klarna-no")]
    Disable(SwitchArguments),
    /// Send to the system again, first what has waited
    #[command(after_help = "Example:\n  orderctl integrations enable klarna-no")]
    Enable(SwitchArguments),
}

#[derive(Args, Debug)]
pub(crate) struct OneArguments {
    /// The integration: the provider's name in payments
    integration: String,
}

#[derive(Args, Debug)]
pub(crate) struct SwitchArguments {
    /// The integration: the provider's name in payments
    integration: String,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct SystemFields {
    /// Where the agreement is: europe, europe-playground, north-america, …, kustom, stand-in
    #[arg(long, value_name = "ENDPOINT", value_parser = choice::<proto::KlarnaEndpoint>)]
    endpoint: Option<proto::KlarnaEndpoint>,

    /// User name of the API credential
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// File with the secret of the API credential; - for stdin
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,

    /// Address of a stand-in on the service's machine, e.g. `http://127.0.0.1:8080`
    #[arg(long, value_name = "URL")]
    stand_in_url: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct CreateArguments {
    /// Its id: 1 to 40 of a-z, 0-9 and -, beginning with a letter; payments give it as provider
    id: String,

    /// Which system it is: sandbox, klarna (also Kustom)
    #[arg(long, value_name = "KIND", value_parser = ["sandbox", "klarna"])]
    kind: String,

    #[command(flatten)]
    fields: SystemFields,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct UpdateArguments {
    /// The integration: the provider's name in payments
    integration: String,

    /// Make it this system, while no payment names it: sandbox, klarna
    #[arg(long, value_name = "KIND", value_parser = ["sandbox", "klarna"])]
    kind: Option<String>,

    #[command(flatten)]
    fields: SystemFields,

    /// Set the password anew, from `ORDERCTL_PASSWORD` or asked for
    #[arg(long)]
    new_password: bool,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn run(session: &Session, command: IntegrationsCommand) -> Result<(), Failure> {
    match command {
        IntegrationsCommand::List => list(session).await,
        IntegrationsCommand::Get(arguments) => get(session, &arguments).await,
        IntegrationsCommand::Create(arguments) => create(session, arguments).await,
        IntegrationsCommand::Update(arguments) => update(session, &arguments).await,
        IntegrationsCommand::Test(arguments) => test(session, &arguments).await,
        IntegrationsCommand::Disable(arguments) => switch(session, &arguments, true).await,
        IntegrationsCommand::Enable(arguments) => switch(session, &arguments, false).await,
    }
}

async fn list(session: &Session) -> Result<(), Failure> {
    let request = proto::ListIntegrationsRequest { parent: (&session.shop).into() };
    let integrations = session.client.list_integrations(request).await?.integrations;
    if session.output.is_json() {
        return integrations.iter().try_for_each(Output::json);
    }
    let headings = ["ID", "SYSTEM", "STATE", "ENDPOINT", "PASSWORD SET"];
    Output::text(&table(&headings, integrations.iter().map(row).collect()))
}

async fn get(session: &Session, arguments: &OneArguments) -> Result<(), Failure> {
    let name = find(session, &arguments.integration)?;
    let integration = read(session, &name).await?;
    session.output.either(&integration, || view(&integration))
}

async fn create(session: &Session, arguments: CreateArguments) -> Result<(), Failure> {
    let mut system = system(&arguments.kind);
    let fields = &arguments.fields;
    set_fields(&mut system, fields)?;
    if let System::Klarna(klarna) = &mut system {
        klarna.password = password(fields.password_file.as_deref())?;
    }
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::CreateIntegrationRequest {
        parent: (&session.shop).into(),
        integration_id: arguments.id,
        integration: Some(proto::Integration {
            system: Some(system),
            ..proto::Integration::default()
        }),
        request_id: request_id.clone(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .create_integration(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || answer.integration.as_ref().map(view).unwrap_or_default())
}

async fn update(session: &Session, arguments: &UpdateArguments) -> Result<(), Failure> {
    let name = find(session, &arguments.integration)?;
    let known = read(session, &name).await?;
    let mut integration = known.clone();
    let mut paths = Vec::new();
    if let Some(kind) = &arguments.kind {
        integration.system = Some(system(kind));
        paths.push(kind.clone());
    }
    let mut system = present(integration.system.take())?;
    let set = set_fields(&mut system, &arguments.fields)?;
    let has_password = arguments.new_password || arguments.fields.password_file.is_some();
    let needs_password = arguments.kind.as_deref() == Some("klarna")
        && !matches!(known.system, Some(System::Klarna(_)));
    if let (System::Klarna(klarna), true) = (&mut system, has_password || needs_password) {
        klarna.password = password(arguments.fields.password_file.as_deref())?;
        paths.push("klarna.password".to_owned());
    }
    paths.extend(set);
    integration.system = Some(system);
    change(session, integration, paths, &arguments.change).await
}

async fn switch(
    session: &Session,
    arguments: &SwitchArguments,
    disabled: bool,
) -> Result<(), Failure> {
    let name = find(session, &arguments.integration)?;
    let integration = proto::Integration { disabled, ..read(session, &name).await? };
    change(session, integration, vec!["disabled".to_owned()], &arguments.change).await
}

async fn change(
    session: &Session,
    integration: proto::Integration,
    paths: Vec<String>,
    arguments: &ChangeArguments,
) -> Result<(), Failure> {
    if paths.is_empty() {
        return Err(Failure::Usage("nothing to change: see --help".to_owned()));
    }
    let request_id = session.request_id(arguments.request_id);
    let request = proto::UpdateIntegrationRequest {
        etag: integration.etag.clone(),
        integration: Some(integration),
        update_mask: Some(FieldMask { paths }),
        request_id: request_id.clone(),
        validate_only: arguments.dry_run,
    };
    let answer = session
        .client
        .update_integration(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || answer.integration.as_ref().map(view).unwrap_or_default())
}

async fn test(session: &Session, arguments: &OneArguments) -> Result<(), Failure> {
    let name = find(session, &arguments.integration)?;
    let request = proto::TestIntegrationRequest { name: (&name).into() };
    let answer = session.client.test_integration(request).await?;
    let told = match answer.detail.as_str() {
        "" => label::<proto::ConnectionState>(answer.state),
        detail => format!("{}: {detail}", label::<proto::ConnectionState>(answer.state)),
    };
    session.output.either(&answer, || format!("{told}\n"))?;
    if answer.state() == proto::ConnectionState::Works {
        return Ok(());
    }
    Err(Failure::Other(format!("{} does not work", name.id())))
}

fn find(session: &Session, text: &str) -> Result<IntegrationName, Failure> {
    match text.parse() {
        Ok(name) => Ok(name),
        Err(_) => Ok(session.shop.integration(text)?),
    }
}

async fn read(session: &Session, name: &IntegrationName) -> Result<proto::Integration, Failure> {
    let request = proto::GetIntegrationRequest { name: name.into() };
    present(session.client.get_integration(request).await?.integration)
}

fn system(kind: &str) -> System {
    match kind {
        "klarna" => System::Klarna(proto::KlarnaIntegration::default()),
        _ => System::Sandbox(proto::SandboxIntegration {}),
    }
}

/// Sets what was given, apart from the password; answers the paths of the mask.
fn set_fields(system: &mut System, fields: &SystemFields) -> Result<Vec<String>, Failure> {
    let SystemFields { endpoint, username, password_file, stand_in_url } = fields;
    let System::Klarna(klarna) = system else {
        let is_given = endpoint.is_some()
            || username.is_some()
            || password_file.is_some()
            || stand_in_url.is_some();
        return match is_given {
            true => Err(Failure::Usage("the sandbox needs nothing".to_owned())),
            false => Ok(Vec::new()),
        };
    };
    let mut paths = Vec::new();
    if let Some(endpoint) = endpoint {
        klarna.set_endpoint(*endpoint);
        paths.push("klarna.endpoint".to_owned());
    }
    if let Some(username) = username {
        klarna.username.clone_from(username);
        paths.push("klarna.username".to_owned());
    }
    if let Some(url) = stand_in_url {
        klarna.stand_in_url.clone_from(url);
        paths.push("klarna.stand_in_url".to_owned());
    }
    Ok(paths)
}

/// The secret, from wherever it may come.
fn password(file: Option<&Path>) -> Result<String, Failure> {
    let text = match file {
        Some(path) if path == Path::new("-") => bounded(std::io::stdin())?,
        Some(path) => bounded(std::fs::File::open(path).map_err(|error| {
            Failure::Other(format!("cannot read {}: {error}", path.display()))
        })?)?,
        None => match from_environment() {
            Some(password) => password,
            None if std::io::stdin().is_terminal() => rpassword::prompt_password("Password: ")?,
            None => {
                let needed = format!("a password is needed: --password-file, or {PASSWORD}");
                return Err(Failure::Usage(needed));
            }
        },
    };
    let password = text.trim_end_matches(['\r', '\n']);
    if password.is_empty() {
        return Err(Failure::Usage("the password is empty".to_owned()));
    }
    Ok(password.to_owned())
}

fn bounded(source: impl Read) -> Result<String, Failure> {
    let mut text = String::new();
    source.take(PASSWORD_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

#[expect(clippy::disallowed_methods, reason = "no option may hold it, so clap cannot read it")]
fn from_environment() -> Option<String> {
    std::env::var(PASSWORD).ok()
}

/// Kind, endpoint and when the password was set.
fn told(integration: &proto::Integration) -> (&'static str, String, String) {
    match &integration.system {
        None => ("", String::new(), String::new()),
        Some(System::Sandbox(_)) => ("SANDBOX", String::new(), String::new()),
        Some(System::Klarna(klarna)) => {
            let endpoint = match klarna.stand_in_url.as_str() {
                "" => label::<proto::KlarnaEndpoint>(klarna.endpoint),
                url => url.to_owned(),
            };
            ("KLARNA", endpoint, local(klarna.password_set_time.as_ref()))
        }
    }
}

fn state(integration: &proto::Integration) -> &'static str {
    if integration.disabled { "DISABLED" } else { "ENABLED" }
}

fn row(integration: &proto::Integration) -> Vec<String> {
    let (kind, endpoint, password) = told(integration);
    let id = last_part(&integration.name).to_owned();
    vec![id, kind.to_owned(), state(integration).to_owned(), endpoint, password]
}

fn view(integration: &proto::Integration) -> String {
    let (kind, endpoint, password) = told(integration);
    let username = match &integration.system {
        Some(System::Klarna(klarna)) => klarna.username.clone(),
        Some(System::Sandbox(_)) | None => String::new(),
    };
    facts(&[
        ("Integration", last_part(&integration.name).to_owned()),
        ("System", kind.to_owned()),
        ("State", state(integration).to_owned()),
        ("Endpoint", endpoint),
        ("User name", username),
        ("Password set", password),
        ("Changed", local(integration.update_time.as_ref())),
        ("Version", format!("etag {}", integration.etag)),
    ])
}
