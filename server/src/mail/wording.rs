//! The words of mails: the shop's own templates or the service's, checked when they are set.

mod fields;
#[cfg(test)]
mod tests;

use std::io::{self, Write};

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior, Value};
use order_proto::v1;
use order_rules::mail::MailKind;

use self::fields::unknown_fields;
use super::matter::Matter;
use super::view::View;

/// What a mail says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    pub subject: String,
    pub text: String,
    /// `None`: only the text is sent.
    pub html: Option<String>,
}

/// Steps that filling in one template may take.
const FUEL: u64 = 200_000;
const SUBJECT_CHARACTERS_MAX: usize = 300;
/// An order of 500 lines with the longest titles is half of it.
const BODY_BYTES_MAX: usize = 1_000_000;
const NESTING_MAX: usize = 20;
/// Those that could make much of little, or leave values as they are.
const LEFT_OUT: [&str; 5] = ["format", "indent", "safe", "pprint", "tojson"];

/// Key of a kind in `mail_templates`.
const KINDS: [(&str, MailKind); 3] = [
    ("order_confirmation", MailKind::OrderConfirmation),
    ("status_changed", MailKind::StatusChanged),
    ("note", MailKind::Note),
];

/// The service's own words: kind, language, text with the subject on its first line, HTML.
const OWN: [(MailKind, &str, &str, &str); 6] = [
    (
        MailKind::OrderConfirmation,
        "nb",
        include_str!("templates/order_confirmation.nb.txt"),
        include_str!("templates/order_confirmation.nb.html"),
    ),
    (
        MailKind::OrderConfirmation,
        "en",
        include_str!("templates/order_confirmation.en.txt"),
        include_str!("templates/order_confirmation.en.html"),
    ),
    (
        MailKind::StatusChanged,
        "nb",
        include_str!("templates/status_changed.nb.txt"),
        include_str!("templates/status_changed.nb.html"),
    ),
    (
        MailKind::StatusChanged,
        "en",
        include_str!("templates/status_changed.en.txt"),
        include_str!("templates/status_changed.en.html"),
    ),
    (
        MailKind::Note,
        "nb",
        include_str!("templates/note.nb.txt"),
        include_str!("templates/note.nb.html"),
    ),
    (
        MailKind::Note,
        "en",
        include_str!("templates/note.en.txt"),
        include_str!("templates/note.en.html"),
    ),
];

/// The words of a mail. A template that cannot be filled in is named with what is wrong.
pub(super) fn words(matter: &Matter) -> Result<Words, String> {
    let kind = matter.kind.ok_or("a kind of mail that this version does not know")?;
    let (language, template) = template(kind, matter);
    let view = Value::from(Serde(View::of(matter, &language)));
    fill_in(&template, &view).map_err(|(part, problem)| {
        format!("the template {}.{language} cannot be filled in: {part} {problem}", key(kind))
    })
}

/// What is wrong with a shop's own template, by field; empty when nothing is.
pub(crate) fn check_template(
    name: &str,
    template: &v1::MailTemplate,
) -> Vec<(&'static str, String)> {
    let Some((kind, language)) = name.split_once('.') else {
        return vec![("key", "must be a kind and a language, e.g. order_confirmation.nb".into())];
    };
    let mut wrong = Vec::new();
    let known: Vec<&str> = KINDS.iter().map(|(known, _)| *known).collect();
    if !known.contains(&kind) {
        wrong.push(("key", format!("must begin with one of {}", known.join(", "))));
    }
    let is_language = (2..=35).contains(&language.len())
        && language.split('-').all(|part| {
            (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        });
    if !is_language {
        wrong.push(("key", "must end with a language tag of BCP 47, e.g. .nb".to_owned()));
    }
    let sample = View::sample();
    let fields = serde_json::to_value(&sample).unwrap_or_default();
    let samples = [sample, View::bare(), View::crowded()].map(|sample| Value::from(Serde(sample)));
    let parts = [
        ("value.subject", "subject", &template.subject),
        ("value.text", "text", &template.text),
        ("value.html", "html", &template.html),
    ];
    for (field, part, source) in parts {
        if let Err(problem) = check_part(part, source, &fields, &samples) {
            wrong.push((field, problem));
        }
    }
    wrong
}

/// The best template there is, with its language. A shop's own comes before the service's.
fn template(kind: MailKind, matter: &Matter) -> (String, v1::MailTemplate) {
    let languages = matter.languages();
    for language in &languages {
        let own = matter.settings.mail_templates.get(&format!("{}.{language}", key(kind)));
        if let Some(template) = own {
            return (language.clone(), template.clone());
        }
        if let Some(template) = service_template(kind, language) {
            return (language.clone(), template);
        }
    }
    (languages.last().cloned().unwrap_or_default(), v1::MailTemplate::default())
}

fn service_template(kind: MailKind, language: &str) -> Option<v1::MailTemplate> {
    let (_, _, text, html) =
        OWN.into_iter().find(|(known, tag, ..)| *known == kind && *tag == language)?;
    let (subject, text) = text.split_once('\n')?;
    Some(v1::MailTemplate {
        subject: subject.to_owned(),
        text: text.trim_start().to_owned(),
        html: html.to_owned(),
    })
}

fn key(kind: MailKind) -> &'static str {
    KINDS.iter().find(|(_, known)| *known == kind).map_or("", |(name, _)| name)
}

fn fill_in(template: &v1::MailTemplate, view: &Value) -> Result<Words, (&'static str, String)> {
    let part = |part: &'static str, source: &str| {
        render(part, source, view).map_err(|problem| (part, problem))
    };
    let subject = part("subject", &template.subject)?;
    // One line, whatever a template makes of it.
    let subject = subject.split_whitespace().collect::<Vec<_>>().join(" ");
    let html = match template.html.is_empty() {
        true => None,
        false => Some(part("html", &template.html)?),
    };
    Ok(Words {
        subject: subject.chars().take(SUBJECT_CHARACTERS_MAX).collect(),
        text: part("text", &template.text)?,
        html,
    })
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Errors tell the place in the template.
    environment.set_debug(true);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(NESTING_MAX);
    environment.set_auto_escape_callback(|name| match name {
        "html" => AutoEscape::Html,
        _ => AutoEscape::None,
    });
    for filter in LEFT_OUT {
        environment.remove_filter(filter);
    }
    environment
}

fn render(part: &str, source: &str, view: &Value) -> Result<String, String> {
    let environment = environment();
    let template =
        environment.template_from_named_str(part, source).map_err(|error| told(&error, source))?;
    let mut out = Bounded(Vec::new());
    template.render_captured_to(view, &mut out).map_err(|error| told(&error, source))?;
    String::from_utf8(out.0).map_err(|_| "is not text".to_owned())
}

fn check_part(
    part: &str,
    source: &str,
    fields: &serde_json::Value,
    samples: &[Value],
) -> Result<(), String> {
    let unknown = unknown_fields(source, fields).map_err(|error| told(&error, source))?;
    if !unknown.is_empty() {
        return Err(format!("names unknown fields: {}", unknown.join(", ")));
    }
    samples.iter().try_for_each(|sample| render(part, source, sample).map(drop))
}

/// What is wrong, with the place; never a value.
fn told(error: &minijinja::Error, source: &str) -> String {
    let line = error.line().unwrap_or(1);
    let place = error.range().and_then(|range| source.get(range)).unwrap_or_default();
    match error.kind() {
        ErrorKind::UndefinedError => format!("names an unknown field in line {line}: {place}"),
        ErrorKind::OutOfFuel => format!("takes too many steps (line {line})"),
        ErrorKind::WriteFailure => "becomes too long".to_owned(),
        ErrorKind::UnknownFilter | ErrorKind::UnknownTest | ErrorKind::UnknownFunction => {
            format!("uses what there is not in line {line}: {place}")
        }
        ErrorKind::SyntaxError => {
            format!("is no template: line {line}: {}", error.detail().unwrap_or("syntax error"))
        }
        kind => format!("fails in line {line}: {kind}"),
    }
}

/// Text that does not grow without end.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > BODY_BYTES_MAX {
            return Err(io::Error::other("too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
