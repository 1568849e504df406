//! Where settings come from, and which of them wins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches};

use super::{Settings, Stop};

/// Flags whose values are never told.
const SECRETS: [&str; 3] = ["--database-url", "--credentials-key", "--smtp-url"];
const NOT_ON_THE_LINE: &str = "--credentials-key is not for the command line, which other users of \
                               the machine see: use ORDER_CREDENTIALS_KEY or --credentials-key-file";

/// What the process was given.
pub(super) struct Sources<'a> {
    /// The program's name, then its flags.
    pub(super) arguments: &'a [OsString],
    pub(super) environment: &'a dyn Fn(&str) -> Option<OsString>,
    pub(super) read_file: &'a dyn Fn(&Path) -> io::Result<String>,
}

/// A value that is not a flag, and where it stands, for the one line that says it is wrong.
struct Given {
    value: OsString,
    place: String,
}

/// Reads all sources.
pub(super) fn read(sources: &Sources<'_>) -> Result<Settings, Stop> {
    let environment = given_by_environment(sources);
    let settings = parse(sources, &environment)?;
    let Some(path) = settings.config.as_deref() else { return Ok(settings) };

    let mut given = given_by_file(sources, path)?;
    given.extend(environment);
    parse(sources, &given)
}

/// What is given otherwise takes the place of the default, so one parser judges all of it.
fn parse(sources: &Sources<'_>, given: &BTreeMap<String, Given>) -> Result<Settings, Stop> {
    let mut command = Settings::command();
    for (id, Given { value, place: _ }) in given {
        command = command.mut_arg(id, |argument| argument.default_value(value.clone()));
    }
    command
        .try_get_matches_from(sources.arguments)
        .and_then(|matches| {
            if matches.value_source("credentials_key") == Some(ValueSource::CommandLine) {
                return Err(Settings::command().error(ErrorKind::ArgumentConflict, NOT_ON_THE_LINE));
            }
            Settings::from_arg_matches(&matches)
        })
        .map_err(|error| explain(&error, given))
}

fn given_by_environment(sources: &Sources<'_>) -> BTreeMap<String, Given> {
    setting_ids()
        .filter_map(|id| {
            let place = format!("ORDER_{}", id.to_uppercase());
            (sources.environment)(&place).map(|value| (id, Given { value, place }))
        })
        .collect()
}

fn given_by_file(sources: &Sources<'_>, path: &Path) -> Result<BTreeMap<String, Given>, Stop> {
    let file = path.display();
    let wrong = |text: String| Stop::Wrong(format!("{file}: {text}"));
    let text = (sources.read_file)(path).map_err(|error| wrong(format!("cannot read: {error}")))?;
    let table: toml::Table =
        toml::from_str(&text).map_err(|error| wrong(format!("not TOML: {}", error.message())))?;
    let mut given = BTreeMap::new();
    for (key, value) in table {
        let value = match value {
            toml::Value::String(text) => text,
            toml::Value::Integer(number) => number.to_string(),
            _ => return Err(wrong(format!("`{key}` must be a string or a whole number"))),
        };
        let known = setting_ids().find(|id| *id != "config" && id.replace('_', "-") == key);
        let Some(id) = known else { return Err(wrong(format!("`{key}` is not a setting"))) };
        let place = format!("`{key}` in {file}");
        given.insert(id, Given { value: value.into(), place });
    }
    Ok(given)
}

fn setting_ids() -> impl Iterator<Item = String> {
    let ids: Vec<String> =
        Settings::command().get_arguments().map(|argument| argument.get_id().to_string()).collect();
    ids.into_iter()
}

/// The first line of what is wrong, with the values that are allowed, and the place of a value that is not a flag.
fn explain(error: &clap::Error, given: &BTreeMap<String, Given>) -> Stop {
    let text = error.render().to_string();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Stop::Told(text);
    }
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let flag = context(ContextKind::InvalidArg).unwrap_or_default();
    let value = context(ContextKind::InvalidValue).unwrap_or_default();
    let source = given.iter().find(|(id, given)| {
        let name = format!("--{}", id.replace('_', "-"));
        flag.split(' ').next() == Some(name.as_str()) && given.value == value
    });
    let line = text.lines().next().unwrap_or_default();
    let mut line = line.strip_prefix("error: ").unwrap_or(line).to_owned();
    if SECRETS.iter().any(|secret| flag.starts_with(secret)) && !value.is_empty() {
        // It may hold a password.
        line = line.replace(value, "…");
    }
    if let Some(ContextValue::Strings(allowed)) = error.get(ContextKind::ValidValue)
        && !allowed.is_empty()
    {
        line = format!("{line}: must be one of {}", allowed.join(", "));
    }
    match source {
        Some((_, Given { place, .. })) => Stop::Wrong(format!("{line} ({place})")),
        None => Stop::Wrong(line),
    }
}
