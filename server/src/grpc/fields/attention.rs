//! Fields of what needs a person: listing problems, dismissing, retrying and settling.

use order_proto::v1;
use order_rules::attention::Verdict;
use order_rules::refusals::Code;

use super::Fields;
use super::envelope::Asking;
use super::lists::Page;
use super::names::OrderName;
use crate::commands::{Command, DismissProblem, Failure, RetryEffect, SettleOperation};
use crate::grpc::caller::Caller;

/// A page of the open problems of a shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProblemsPage {
    pub(crate) shop: String,
    pub(crate) page: Page,
    /// Empty: all.
    pub(crate) codes: Vec<&'static str>,
}

const PROBLEMS_PAGE_SIZE: usize = 50;
const CODES_MAX: usize = 50;
const REASON_CHARACTERS_MAX: usize = 5_000;

/// Checks `ListProblems`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn list_problems(request: v1::ListProblemsRequest) -> Result<ProblemsPage, Failure> {
    let v1::ListProblemsRequest { parent, page_size, page_token, codes } = request;
    let mut fields = Fields::default();
    let shop = fields.shop("parent", &parent);
    let page = fields.page(page_size, page_token, PROBLEMS_PAGE_SIZE);
    fields.check(codes.len() <= CODES_MAX, "codes", "has more than 50 values");
    let mut known = Vec::new();
    for (index, name) in codes.iter().take(CODES_MAX).enumerate() {
        match Code::from_name(name) {
            Some(code) => known.push(code.name()),
            None => fields.refuse(format!("codes[{index}]"), "is not a code of the catalogue"),
        }
    }
    known.sort_unstable();
    known.dedup();
    fields.finish().map(|()| ProblemsPage { shop, page, codes: known })
}

/// Checks `DismissProblem`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn dismiss_problem(
    mut request: v1::DismissProblemRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::DismissProblemRequest {
        name,
        problem_id,
        reason,
        request_id: _,
        etag,
        validate_only: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    fields.check(problem_id > 0, "problem_id", "must be at least 1");
    let command = DismissProblem {
        number,
        etag: fields.etag(etag),
        problem: problem_id,
        reason: fields.reason(reason),
    };
    envelope.finish(fields, shop, Command::DismissProblem(command))
}

/// Checks `RetryEffect`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn retry_effect(
    mut request: v1::RetryEffectRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::RetryEffectRequest {
        name,
        operation_id,
        request_id: _,
        etag,
        validate_only: _,
        wait: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    fields.operation(operation_id);
    let command = RetryEffect { number, etag: fields.etag(etag), operation: operation_id };
    envelope.finish(fields, shop, Command::RetryEffect(command))
}

/// Checks `SettlePaymentOperation`.
///
/// # Errors
/// `INVALID_REQUEST` with every wrong field.
pub(crate) fn settle_operation(
    mut request: v1::SettlePaymentOperationRequest,
    caller: &Caller,
) -> Result<Asking, Failure> {
    let mut fields = Fields::default();
    let envelope = fields.envelope(&mut request, caller);
    let v1::SettlePaymentOperationRequest {
        name,
        operation_id,
        verdict,
        amount_minor,
        reason,
        request_id: _,
        etag,
        validate_only: _,
    } = request;
    let OrderName { shop, number } = fields.order("name", &name);
    fields.operation(operation_id);
    let verdict = fields.verdict(verdict, amount_minor);
    let command = SettleOperation {
        number,
        etag: fields.etag(etag),
        operation: operation_id,
        verdict,
        reason: fields.reason(reason),
    };
    envelope.finish(fields, shop, Command::SettleOperation(command))
}

impl Fields {
    fn operation(&mut self, id: i64) {
        self.check(id > 0, "operation_id", "must be at least 1");
    }

    fn reason(&mut self, reason: String) -> String {
        self.paragraph("reason", reason, 1..=REASON_CHARACTERS_MAX)
    }

    fn verdict(&mut self, verdict: i32, amount_minor: Option<i64>) -> Verdict {
        let is_positive = amount_minor.is_none_or(|amount| amount > 0);
        self.check(is_positive, "amount_minor", "must be at least 1");
        match self.term("verdict", verdict) {
            v1::Verdict::Happened => Verdict::Happened { amount_minor },
            v1::Verdict::DidNotHappen => {
                let is_absent = amount_minor.is_none();
                self.check(is_absent, "amount_minor", "goes with HAPPENED only");
                Verdict::DidNotHappen
            }
            v1::Verdict::Unspecified => {
                self.refuse("verdict", "is required");
                Verdict::DidNotHappen
            }
        }
    }
}
