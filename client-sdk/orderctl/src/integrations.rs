//! `orderctl integrations`: the systems outside that a shop works with. A secret never stands on the
//! command line, where other users of the machine see it.

mod secrets;

use std::path::Path;

use clap::{Args, Subcommand};
use order_sdk::proto::integration::System;
use order_sdk::systems::{self, Field, Slot};
use order_sdk::{IntegrationName, proto};
use prost_types::FieldMask;

use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::labels::label;
use crate::output::Output;
use crate::session::{Session, last_part, present};
use crate::tables::{facts, table};
use crate::times::local;

const CREATE_EXAMPLES: &str = "\
Examples:
  orderctl integrations create giftcard --kind sandbox
  orderctl integrations create klarna-no --kind klarna --endpoint europe \\
      --set username=K123456_abcdef --secret password=klarna.secret
  orderctl integrations create mobilepay --kind vipps --endpoint production \\
      --set client_id=fb492b5e-7907-4d83-ba20-c7fb60ca35de --set merchant_serial_number=123456 \\
      --secret client_secret=vipps.secret --secret subscription_key=vipps.key
  orderctl integrations create cargonizer --kind cargonizer --endpoint production \\
      --set sender_id=4567 --secret api_key=cargonizer.secret
  orderctl integrations fields klarna

A secret comes from its --secret file (- for stdin), else from the environment, as
ORDERCTL_SECRET_PASSWORD for `password`, else it is asked for. A file's line break at the end is not
part of it.";

const UPDATE_EXAMPLES: &str = "\
Examples:
  orderctl integrations update klarna-no --secret password=new.secret
  orderctl integrations update klarna-no --set username=K123456_ghijkl --new-secret password

Only what is given is changed, and the rest stays as it is. A repeat with --request-id needs the same \
secrets, from the same places.";

#[derive(Debug, Subcommand)]
pub(crate) enum IntegrationsCommand {
    /// List the integrations of the shop
    #[command(after_help = "Example:\n  orderctl integrations list --output json | jq -r .name")]
    List,
    /// Show one integration
    #[command(after_help = "Example:\n  orderctl integrations get klarna-no")]
    Get(OneArguments),
    /// Show what is filled in for a kind of system
    #[command(after_help = "Example:\n  orderctl integrations fields klarna")]
    Fields(FieldsArguments),
    /// Add an integration
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArguments),
    /// Change an integration, or set a secret of it anew
    #[command(after_help = UPDATE_EXAMPLES)]
    Update(UpdateArguments),
    /// Ask the system whether it answers and takes the credentials
    #[command(after_help = "Example:\n  orderctl integrations test klarna-no")]
    Test(OneArguments),
    /// Show what an integration for labels offers: agreements with products, and printers
    #[command(after_help = "Example:\n  orderctl integrations label-options cargonizer")]
    LabelOptions(OneArguments),
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
pub(crate) struct FieldsArguments {
    /// Which system
    #[arg(value_parser = systems::KINDS)]
    kind: String,
}

#[derive(Args, Debug)]
pub(crate) struct SystemFields {
    /// Where the shop's agreement is; see `orderctl integrations fields KIND`
    #[arg(long, value_name = "ENDPOINT")]
    endpoint: Option<String>,

    /// Another field of the system; may be repeated
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,

    /// File with a secret; - for stdin; may be repeated
    #[arg(long, value_name = "FIELD=FILE", value_parser = assignment)]
    secret: Vec<(String, String)>,

    /// Address of a stand-in on the service's machine, e.g. `http://127.0.0.1:8080`
    #[arg(long, value_name = "URL")]
    stand_in_url: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct CreateArguments {
    /// Its id: 1 to 40 of a-z, 0-9 and -, beginning with a letter; payments give it as provider
    id: String,

    /// Which system it is; Kustom is a klarna
    #[arg(long, value_name = "KIND", value_parser = systems::KINDS)]
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

    /// Make it this system, while no payment names it
    #[arg(long, value_name = "KIND", value_parser = systems::KINDS)]
    kind: Option<String>,

    #[command(flatten)]
    fields: SystemFields,

    /// Set a secret anew, from the environment or asked for; may be repeated
    #[arg(long, value_name = "FIELD")]
    new_secret: Vec<String>,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn run(session: &Session, command: IntegrationsCommand) -> Result<(), Failure> {
    match command {
        IntegrationsCommand::List => list(session).await,
        IntegrationsCommand::Get(arguments) => get(session, &arguments).await,
        IntegrationsCommand::Fields(arguments) => show_fields(session, &arguments.kind),
        IntegrationsCommand::Create(arguments) => create(session, arguments).await,
        IntegrationsCommand::Update(arguments) => update(session, &arguments).await,
        IntegrationsCommand::Test(arguments) => test(session, &arguments).await,
        IntegrationsCommand::LabelOptions(arguments) => label_options(session, &arguments).await,
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
    let headings = ["ID", "SYSTEM", "STATE", "ENDPOINT", "SECRETS SET"];
    Output::text(&table(&headings, integrations.iter().map(row).collect()))
}

async fn get(session: &Session, arguments: &OneArguments) -> Result<(), Failure> {
    let name = find(session, &arguments.integration)?;
    let integration = read(session, &name).await?;
    session.output.either(&integration, || view(&integration))
}

fn show_fields(session: &Session, kind: &str) -> Result<(), Failure> {
    let mut system = present(systems::empty(kind))?;
    let rows = systems::fields(&mut system).iter().map(asked).collect();
    if !session.output.is_json() {
        return Output::text(&table(&["FIELD", "SET BY", "VALUE"], rows));
    }
    rows.iter().try_for_each(|row| {
        let [field, set_by, value] = row.as_slice() else { return Ok(()) };
        let line = serde_json::json!({ "field": field, "setBy": set_by, "value": value });
        Output::text(&format!("{line}\n"))
    })
}

async fn create(session: &Session, arguments: CreateArguments) -> Result<(), Failure> {
    let mut system = present(systems::empty(&arguments.kind))?;
    set_fields(&mut system, &arguments.fields)?;
    set_secrets(&mut system, &arguments.fields, &[], (true, true))?;
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
    let before = read(session, &name).await?.system;
    let before = before.as_ref().map(systems::kind).unwrap_or_default();
    let kind = arguments.kind.as_deref().unwrap_or(before);
    // A repeat must say the same, so it says nothing of what is there.
    let mut system = present(systems::empty(kind))?;
    let mut paths: Vec<String> = arguments.kind.iter().cloned().collect();
    paths.extend(set_fields(&mut system, &arguments.fields)?);
    let stated = (kind != before, arguments.kind.is_some());
    paths.extend(set_secrets(&mut system, &arguments.fields, &arguments.new_secret, stated)?);
    let name = (&name).into();
    let integration = proto::Integration { name, system: Some(system), ..Default::default() };
    change(session, integration, paths, &arguments.change).await
}

async fn switch(
    session: &Session,
    arguments: &SwitchArguments,
    disabled: bool,
) -> Result<(), Failure> {
    let name = (&find(session, &arguments.integration)?).into();
    let integration = proto::Integration { name, disabled, ..Default::default() };
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
        etag: String::new(),
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

async fn label_options(session: &Session, arguments: &OneArguments) -> Result<(), Failure> {
    let name = find(session, &arguments.integration)?;
    let request = proto::ListLabelOptionsRequest { name: (&name).into() };
    let answer = session.client.list_label_options(request).await?;
    session.output.either(&answer, || {
        let product = |one: &proto::LabelProduct| {
            vec![
                one.transport_agreement.clone(),
                one.agreement_name.clone(),
                one.carrier.clone(),
                one.product.clone(),
                one.product_name.clone(),
            ]
        };
        let printer =
            |one: &proto::LabelPrinter| vec![one.printer.clone(), one.printer_name.clone()];
        let products = answer.products.iter().map(product).collect();
        let printers = answer.printers.iter().map(printer).collect();
        let headings = ["AGREEMENT", "NAME", "CARRIER", "PRODUCT", "NAME"];
        format!("{}\n{}", table(&headings, products), table(&["PRINTER", "NAME"], printers))
    })
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

/// Sets what was given, apart from secrets; answers the paths of the mask.
fn set_fields(system: &mut System, given: &SystemFields) -> Result<Vec<String>, Failure> {
    let SystemFields { endpoint, set, secret: _, stand_in_url } = given;
    let options = [("endpoint", endpoint), ("stand_in_url", stand_in_url)];
    let options = options.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let others = set.iter().map(|(name, value)| (name.as_str(), value));
    let mut paths = Vec::new();
    for (name, value) in options.chain(others) {
        let kind = systems::kind(system);
        let mut fields = systems::fields(system);
        let field = one(&mut fields, kind, name)?;
        if matches!(field.slot, Slot::Secret { .. }) {
            let instead = format!("{} is a secret: --secret {0}=FILE", field.name);
            return Err(Failure::Usage(instead));
        }
        let written = field.slot.write(value);
        written.map_err(|wrong| Failure::Usage(format!("{name} {wrong}")))?;
        paths.push(format!("{kind}.{}", field.name));
    }
    Ok(paths)
}

/// Sets the secrets that were given, of a system that is stated whole also those of the environment, and
/// of a new one the others that are needed; answers the paths of the mask.
fn set_secrets(
    system: &mut System,
    given: &SystemFields,
    anew: &[String],
    (is_new, is_whole): (bool, bool),
) -> Result<Vec<String>, Failure> {
    let kind = systems::kind(system);
    let mut fields = systems::fields(system);
    for name in given.secret.iter().map(|(name, _)| name).chain(anew) {
        if !matches!(one(&mut fields, kind, name)?.slot, Slot::Secret { .. }) {
            return Err(Failure::Usage(format!("{name} is no secret: --set {name}=VALUE")));
        }
    }
    let mut paths = Vec::new();
    for field in fields {
        let Slot::Secret { value, is_required, .. } = field.slot else { continue };
        let is_it = |name: &str| name.replace('-', "_") == field.name;
        let file = given.secret.iter().find(|(name, _)| is_it(name)).map(|(_, file)| file);
        let is_wanted = file.is_some() || anew.iter().any(|name| is_it(name));
        let is_found = is_whole && secrets::is_in_environment(field.name);
        if !(is_wanted || is_found || (is_new && is_required)) {
            continue;
        }
        *value = secrets::secret(field.name, file.map(Path::new))?;
        paths.push(format!("{kind}.{}", field.name));
    }
    Ok(paths)
}

/// The field of this name, however a person writes it.
fn one<'a, 'b>(
    fields: &'a mut [Field<'b>],
    kind: &str,
    name: &str,
) -> Result<&'a mut Field<'b>, Failure> {
    let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
    let known = match names.as_slice() {
        [] => format!("a {kind} needs nothing"),
        names => format!("a {kind} has no field {name}, but {}", names.join(", ")),
    };
    let wanted = name.replace('-', "_");
    fields.iter_mut().find(|field| field.name == wanted).ok_or(Failure::Usage(known))
}

/// `FIELD=VALUE`.
fn assignment(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be like FIELD=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// A field with the option that sets it and what may stand there.
fn asked(field: &Field<'_>) -> Vec<String> {
    let (set_by, value) = match &field.slot {
        Slot::Choice { choices, .. } if field.name == "endpoint" => {
            ("--endpoint", choices.words().join(", "))
        }
        Slot::Choice { choices, .. } => ("--set", choices.words().join(", ")),
        Slot::Text { characters, .. } => {
            let need = if *characters.start() == 0 { "optional, " } else { "" };
            ("--set", format!("{need}at most {} characters", characters.end()))
        }
        Slot::Number { range, .. } => ("--set", format!("{} to {}", range.start(), range.end())),
        Slot::Flag(_) => ("--set", "true or false".to_owned()),
        Slot::Secret { is_required, .. } => {
            ("--secret", if *is_required { "" } else { "optional" }.to_owned())
        }
        Slot::StandInUrl(_) => ("--stand-in-url", "only for a stand-in".to_owned()),
    };
    vec![field.name.to_owned(), set_by.to_owned(), value]
}

fn kind(integration: &proto::Integration) -> String {
    integration.system.as_ref().map(systems::kind).unwrap_or_default().to_ascii_uppercase()
}

/// What is filled in, without secrets.
fn filled_in(integration: &proto::Integration) -> Vec<(&'static str, String)> {
    let mut system = integration.system.clone();
    let fields = system.as_mut().map(systems::fields).unwrap_or_default();
    let told = fields.iter().filter(|field| !matches!(field.slot, Slot::Secret { .. }));
    let told = told.map(|field| (field.name, field.slot.told()));
    told.filter(|(_, value)| !value.is_empty()).collect()
}

fn state(integration: &proto::Integration) -> &'static str {
    if integration.disabled { "DISABLED" } else { "ENABLED" }
}

fn row(integration: &proto::Integration) -> Vec<String> {
    let filled_in = filled_in(integration);
    let value = |name: &str| filled_in.iter().find(|(field, _)| *field == name);
    let place = value("stand_in_url").or_else(|| value("endpoint"));
    vec![
        last_part(&integration.name).to_owned(),
        kind(integration),
        state(integration).to_owned(),
        place.map(|(_, value)| value.clone()).unwrap_or_default(),
        local(integration.credentials_set_time.as_ref()),
    ]
}

fn view(integration: &proto::Integration) -> String {
    let head = [
        ("Integration", last_part(&integration.name).to_owned()),
        ("System", kind(integration)),
        ("State", state(integration).to_owned()),
    ];
    let tail = [
        ("Secrets set", local(integration.credentials_set_time.as_ref())),
        ("Changed", local(integration.update_time.as_ref())),
        ("Version", format!("etag {}", integration.etag)),
    ];
    facts(&head.into_iter().chain(filled_in(integration)).chain(tail).collect::<Vec<_>>())
}
