//! Refusals as tests expect them, and a record of those that were really seen.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::sync::Mutex;

use order_rules::refusals::Code;
use order_sdk::{Error, Refusal, proto};

static SEEN: Mutex<BTreeSet<Code>> = Mutex::new(BTreeSet::new());

/// The refusal of a call that must be refused with this code, with its cause and remedy.
#[track_caller]
pub(crate) fn refused<Answer: Debug>(outcome: Result<Answer, Error>, code: Code) -> Refusal {
    let error = match outcome {
        Ok(answer) => panic!("{} was expected, and the answer is {answer:?}", code.name()),
        Err(error) => error,
    };
    // A deadline is an error of its own in the SDK, whoever found that it had passed.
    let refusal = match error.refusal() {
        Some(refusal) => refusal.clone(),
        None => panic!("{} was expected, not {error:?}", code.name()),
    };
    assert_eq!(refusal.code, code.name(), "{refusal:?}");
    for text in [&refusal.cause, &refusal.remedy] {
        let length = text.as_deref().unwrap_or_default().len();
        assert!(length > 20, "a refusal must say why and what to do: {refusal:?}");
    }
    note(code);
    refusal
}

/// The fields that are wrong, in the order they are told.
#[track_caller]
pub(crate) fn wrong_fields<Answer: Debug>(outcome: Result<Answer, Error>) -> Vec<String> {
    let refusal = refused(outcome, Code::InvalidRequest);
    assert_eq!(refusal.grpc_code, order_sdk::Code::InvalidArgument);
    refusal.violations.into_iter().map(|violation| violation.field).collect()
}

/// Notes a code that was seen otherwise than through the SDK.
pub(crate) fn note(code: Code) {
    SEEN.lock().unwrap().insert(code);
}

/// Notes the codes of an order's problems, and those that their details give as reasons.
pub(crate) fn note_problems(order: &proto::Order) {
    let reasons = order.problems.iter().flat_map(|problem| {
        std::iter::once(problem.code.as_str()).chain(problem.details.values().map(String::as_str))
    });
    reasons.filter_map(Code::from_name).for_each(note);
}

/// Every code that has been seen.
pub(crate) fn seen() -> BTreeSet<Code> {
    SEEN.lock().unwrap().clone()
}
