//! How Klarna refuses.

use serde_json::json;

use crate::fakes::call::Answer;

/// An error as Klarna tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) messages: Vec<String>,
}

impl Refused {
    pub(super) fn new(status: u16, code: &str, message: &str) -> Self {
        Self { status, code: code.to_owned(), messages: vec![message.to_owned()] }
    }

    /// Everything that is wrong with it.
    pub(super) fn bad_value(messages: Vec<String>) -> Self {
        Self { status: 400, code: "BAD_VALUE".to_owned(), messages }
    }

    pub(super) fn invalid_order_id() -> Self {
        Self::new(400, "INVALID_ORDER_ID", "Order ID must be a valid UUID.")
    }

    pub(super) fn not_allowed(message: &str) -> Self {
        Self::new(403, "NOT_ALLOWED", message)
    }

    pub(super) fn capture(message: &str) -> Self {
        Self::new(403, "CAPTURE_NOT_ALLOWED", message)
    }

    pub(super) fn refund(message: &str) -> Self {
        Self::new(403, "REFUND_NOT_ALLOWED", message)
    }

    pub(super) fn cancel(message: &str) -> Self {
        Self::new(403, "CANCEL_NOT_ALLOWED", message)
    }

    /// Refunds have another word for it.
    pub(super) fn no_order(id: &str, is_refund: bool) -> Self {
        let code = if is_refund { "NOT_FOUND" } else { "NO_SUCH_ORDER" };
        Self::new(404, code, &format!("No such order: {id}"))
    }

    pub(super) fn no_capture(id: &str) -> Self {
        Self::new(404, "NO_SUCH_CAPTURE", &format!("No such capture: {id}"))
    }

    pub(super) fn not_found(message: &str) -> Self {
        Self::new(404, "NOT_FOUND", message)
    }

    /// As the newer platform tells it.
    pub(super) fn answer_newly(&self) -> Answer {
        let body = json!({
            "error_id": uuid::Uuid::new_v4().to_string(),
            "error_type": "INPUT_ERROR",
            "error_code": self.code,
            "error_message": self.messages.join(" "),
        });
        Answer::json(self.status, &body)
    }

    pub(super) fn answer(&self) -> Answer {
        let correlation = uuid::Uuid::new_v4().to_string();
        let body = json!({
            "error_code": self.code,
            "error_messages": self.messages,
            "correlation_id": correlation,
        });
        Answer::json(self.status, &body).with("Klarna-Correlation-Id", correlation)
    }
}
