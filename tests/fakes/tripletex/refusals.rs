//! How Tripletex refuses: with a code, and in Norwegian.

use serde_json::{Value, json};

use crate::fakes::call::Answer;

/// An error as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    status: u16,
    code: u32,
    message: String,
    /// Fields, where there are any, and what is wrong with them.
    wrong: Vec<(String, String)>,
}

pub(super) const NULL: &str = "Kan ikke være null.";

impl Refused {
    pub(super) fn new(status: u16, code: u32, message: &str) -> Self {
        Self { status, code, message: message.to_owned(), wrong: Vec::new() }
    }

    pub(super) fn unauthenticated() -> Self {
        Self::new(401, 3_000, "Unauthorized")
    }

    pub(super) fn not_found() -> Self {
        Self::new(404, 6_000, "Object not found")
    }

    pub(super) fn stale() -> Self {
        Self::new(409, 8_000, "RevisionException")
    }

    /// All that is wrong with what was sent.
    pub(super) fn invalid(wrong: Vec<(String, String)>) -> Self {
        Self { wrong, ..Self::new(422, 18_000, "Validering feilet.") }
    }

    /// The one thing that is.
    pub(super) fn because(field: &str, message: &str) -> Self {
        Self::invalid(vec![(field.to_owned(), message.to_owned())])
    }

    /// Fields that an object does not have.
    pub(super) fn unmapped(fields: Vec<String>) -> Self {
        let message = "Feltet eksisterer ikke i objektet.";
        let wrong = fields.into_iter().map(|field| (field, message.to_owned())).collect();
        Self { wrong, ..Self::new(422, 16_000, "Request mapping failed") }
    }

    pub(super) fn unreadable() -> Self {
        Self::new(422, 22_000, "Invalid JSON")
    }

    /// In the words of a trouble.
    pub(super) fn told(status: u16, code: &str, message: &str) -> Self {
        Self::new(status, code.parse().unwrap_or_default(), message)
    }

    pub(super) fn answer(&self) -> Answer {
        let messages: Vec<Value> = self
            .wrong
            .iter()
            .map(|(field, message)| {
                let field = (!field.is_empty()).then_some(field);
                json!({ "field": field, "message": message, "path": null, "rootId": null })
            })
            .collect();
        let request = uuid::Uuid::new_v4().to_string();
        let body = json!({
            "status": self.status,
            "code": self.code,
            "message": self.message,
            "link": "https://tripletex.no/v2-docs/",
            "developerMessage": format!("error {}", self.code),
            "validationMessages": messages,
            "requestId": request,
        });
        Answer::json(self.status, &body).with("x-tlx-request-id", request)
    }
}
