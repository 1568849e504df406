//! A refusal as the caller reads it: the code of the catalogue with its cause, remedy and particulars.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::tokens::Etag;

/// A rule said no.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// Stable code of the catalogue, e.g. `ALREADY_CAPTURED`.
    pub code: String,
    /// gRPC code the call ended with.
    pub grpc_code: Code,
    /// One line in English, for programmers.
    pub message: String,
    /// One line in the language asked for.
    pub title: Option<String>,
    /// Why, in the language asked for.
    pub cause: Option<String>,
    /// What to do, in the language asked for.
    pub remedy: Option<String>,
    /// Every wrong field at once.
    pub violations: Vec<FieldViolation>,
    /// Named values of the case.
    pub metadata: BTreeMap<String, String>,
    /// Do not try again before this long; absent: trying again does not help.
    pub retry_after: Option<Duration>,
    /// The resource's version now, with `ETAG_MISMATCH`.
    pub etag: Option<Etag>,
    /// Name of the resource it is about.
    pub resource: Option<String>,
    /// Where to read more.
    pub help: Vec<HelpLink>,
}

/// One field that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Path from the request, e.g. `order.lines[2].quantity`.
    pub field: String,
    /// What is wrong with it.
    pub description: String,
}

/// A link into the catalogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HelpLink {
    /// What is to be read there.
    pub description: String,
    /// Where.
    pub url: String,
}

impl Refusal {
    /// The refusal in a status; none when the status names no code of the catalogue.
    pub(crate) fn from_status(status: &Status) -> Option<Self> {
        let details = status.get_error_details();
        let info = details.error_info()?;
        let metadata: BTreeMap<String, String> =
            info.metadata.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        let [title, cause, remedy] = localized(&details);
        Some(Self {
            code: info.reason.clone(),
            grpc_code: status.code(),
            message: status.message().to_owned(),
            title,
            cause,
            remedy,
            violations: violations(&details),
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
            etag: ["current_etag", "etag"]
                .iter()
                .find_map(|key| metadata.get(*key))
                .map(|text| Etag::from(text.as_str())),
            metadata,
            resource: details.resource_info().map(|resource| resource.resource_name.clone()),
            help: help(&details),
        })
    }

    /// A number among the named values.
    #[must_use]
    pub fn number(&self, key: &str) -> Option<i64> {
        self.metadata.get(key)?.parse().ok()
    }

    /// True when the same call may succeed if simply made again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self.grpc_code {
            Code::Unavailable => true,
            Code::ResourceExhausted | Code::Aborted => self.retry_after.is_some(),
            _ => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.message)?;
        for violation in &self.violations {
            write!(formatter, "; {}: {}", violation.field, violation.description)?;
        }
        Ok(())
    }
}

/// Title, cause and remedy: the first line of the localized text, all between, and the last.
fn localized(details: &ErrorDetails) -> [Option<String>; 3] {
    let text = details.localized_message().map_or("", |text| text.message.trim());
    let (title, rest) = text.split_once('\n').unwrap_or((text, ""));
    let (cause, remedy) = rest.trim().rsplit_once('\n').unwrap_or((rest, ""));
    [title, cause, remedy].map(|part| {
        let part = part.trim();
        (!part.is_empty()).then(|| part.to_owned())
    })
}

fn violations(details: &ErrorDetails) -> Vec<FieldViolation> {
    details.bad_request().map_or_else(Vec::new, |request| {
        request
            .field_violations
            .iter()
            .map(|violation| FieldViolation {
                field: violation.field.clone(),
                description: violation.description.clone(),
            })
            .collect()
    })
}

fn help(details: &ErrorDetails) -> Vec<HelpLink> {
    details.help().map_or_else(Vec::new, |help| {
        help.links
            .iter()
            .map(|link| HelpLink { description: link.description.clone(), url: link.url.clone() })
            .collect()
    })
}
