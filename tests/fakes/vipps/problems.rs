//! How Vipps refuses: problems with a code, and the shorter ones of the gateway before it.

use serde_json::json;

use crate::fakes::call::Answer;

/// A problem as the API tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    status: u16,
    title: String,
    detail: String,
    /// Names and reasons.
    extra: Vec<(String, String)>,
}

/// The numbers that callers decide by, and their titles.
const TITLES: &[(u32, &str)] = &[
    (3010, "Internal error"),
    (4010, "Capture idempotency conflict"),
    (4020, "Idempotency error"),
    (4040, "Invalid amount"),
    (4140, "Missing required parameter"),
    (4150, "Reference exists"),
    (4160, "Invalid payment method type"),
    (5040, "Currency does not fit the market"),
    (5090, "Reference not found"),
    (5100, "Refund not possible"),
    (6010, "Amount too small"),
    (6020, "Attempted refund before reservation"),
    (6030, "Cancel period expired"),
    (6040, "Cannot cancel a captured payment"),
    (6050, "Cannot cancel a non-reserved payment"),
    (6060, "Cannot cancel authorized payment"),
    (6070, "Cannot capture a cancelled payment"),
    (6080, "Cannot capture before reservation"),
    (6090, "Capture amount too high"),
    (6100, "Capture period expired"),
    (6140, "Must capture full amount"),
    (6150, "Not enough refundable"),
    (6160, "Order processing"),
    (6170, "Payment already captured"),
    (6180, "Payment already refunded"),
    (6190, "Payment cannot be cancelled"),
    (6200, "Payment cannot be captured"),
    (6210, "Payment cannot be refunded"),
    (6220, "Refund period expired"),
    (6230, "Payment is already reserved"),
    (6250, "Cannot cancel processing payment"),
    (6260, "Funds unavailable"),
    (6280, "Capture failed, please try again later"),
    (7010, "Customer not found"),
    (10010, "Approve failed"),
    (10020, "Approve not allowed"),
];

impl Problem {
    /// One of the numbers, with HTTP status 400 unless it has another.
    pub(super) fn code(code: u32) -> Self {
        let status = match code {
            4010 | 4020 | 4150 => 409,
            5090 => 404,
            3010 => 500,
            _ => 400,
        };
        Self::told(status, &code.to_string(), "")
    }

    /// Any code, and its title where it is known.
    pub(super) fn told(status: u16, code: &str, detail: &str) -> Self {
        let known = TITLES.iter().find(|(known, _)| known.to_string() == code);
        let title = known.map_or("Error", |(_, title)| title).to_owned();
        let extra = if code.is_empty() {
            Vec::new()
        } else {
            vec![("ErrorCode".to_owned(), code.to_owned())]
        };
        Self { status, title, detail: detail.to_owned(), extra }
    }

    /// What cannot be understood: fields and what is wrong with them, and no number.
    pub(super) fn malformed(extra: Vec<(String, String)>) -> Self {
        let detail = "One or more validation errors occurred.".to_owned();
        Self { status: 400, title: "Bad Request".to_owned(), detail, extra }
    }

    /// Of the one field that `serde` stumbles over.
    pub(super) fn unreadable(error: &serde_json::Error) -> Self {
        let text = error.to_string();
        // `unknown field `x`, expected …`, `missing field `x` …`
        let field = text.split('`').nth(1).unwrap_or("body").to_owned();
        Self::malformed(vec![(field, text)])
    }

    pub(super) fn locked() -> Self {
        Self::told(423, "", "The payment is locked by another operation.")
    }

    pub(super) fn answer(&self, instance: &str) -> Answer {
        let extra: Vec<_> = self
            .extra
            .iter()
            .map(|(name, reason)| json!({ "name": name, "reason": reason }))
            .collect();
        let trace = format!("00-{}-{:016x}-00", uuid::Uuid::new_v4().simple(), self.status);
        let body = json!({
            "type": "https://developer.vippsmobilepay.com/docs/knowledge-base/errors/",
            "title": self.title,
            "detail": self.detail,
            "instance": instance,
            "status": self.status,
            "traceId": trace,
            "extraDetails": extra,
        });
        let mut answer = Answer::json(self.status, &body);
        answer.headers = vec![("content-type", "application/problem+json".to_owned())];
        answer
    }
}

/// What the gateway says before anything reaches the API.
pub(super) fn gateway(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "statusCode": status, "message": message }))
}
