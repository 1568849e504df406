//! `orderctl problems`: what needs a person, and what a person can do about it.

mod retried;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use futures_util::StreamExt;
use order_sdk::proto;

use crate::amounts::minor_units;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::orders::outcome::outcome;
use crate::orders::troubles;
use crate::orders::view::problem_view;
use crate::output::Output;
use crate::session::{Session, last_part, present};
use crate::times::duration;

use retried::{Retried, Standing};

const PAGE_SIZE: i32 = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum ProblemsCommand {
    /// List open problems, oldest first, each with its remedy
    #[command(after_help = "Examples:\n  orderctl problems list\n  \
        orderctl problems list --code OUTCOME_UNKNOWN --output json | jq -r .order")]
    List(ListArguments),
    /// Close a problem that has been dealt with
    #[command(after_help = "Example:\n  \
        orderctl problems dismiss 1001 78 --reason 'Paid by bank transfer'")]
    Dismiss(DismissArguments),
    /// Try a payment operation again now: send what waits, look up what is unknown, ask anew for a
    /// refund or release that was declined
    #[command(after_help = "Example:\n  orderctl problems retry 1001 77\n\n\
        The exit code is 3 when it was declined, and 8 when it is still under way once the time of \
        --wait is over.")]
    Retry(RetryArguments),
    /// Say what you saw at the provider: it happened, or it did not and will not
    #[command(after_help = "Examples:\n  \
        orderctl problems settle 1001 77 happened --reason 'Captured, seen in the portal'\n  \
        orderctl problems settle 1001 77 did-not-happen --reason 'Not in the portal'\n\n\
        A status change that waits for it goes on or is dropped, as if the provider had said it. A \
        declined refund that was paid by hand is settled with `happened`.")]
    Settle(SettleArguments),
}

#[derive(Args, Debug)]
pub(crate) struct ListArguments {
    /// Only this code; may be repeated
    #[arg(long, value_name = "CODE")]
    code: Vec<String>,

    /// At most so many
    #[arg(long, value_name = "COUNT")]
    limit: Option<usize>,
}

#[derive(Args, Debug)]
pub(crate) struct DismissArguments {
    /// Number or full name of the order
    #[arg(value_name = "ORDER")]
    order: String,

    /// Number of the problem
    problem: i64,

    /// Why it is none any more; becomes a note for the staff
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct RetryArguments {
    /// Number or full name of the order
    #[arg(value_name = "ORDER")]
    order: String,

    /// Number of the operation
    operation: i64,

    /// Wait at most this long, up to 60s, for its outcome
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
pub(crate) struct SettleArguments {
    /// Number or full name of the order
    #[arg(value_name = "ORDER")]
    order: String,

    /// Number of the operation
    operation: i64,

    /// What you saw
    #[arg(value_enum)]
    verdict: Verdict,

    /// What was really moved, in major units, when it is less than what was asked for
    #[arg(long)]
    amount: Option<String>,

    /// Who looked where; becomes a note for the staff
    #[arg(long, value_name = "TEXT")]
    reason: String,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Verdict {
    Happened,
    DidNotHappen,
}

pub(crate) async fn run(session: &Session, command: ProblemsCommand) -> Result<(), Failure> {
    match command {
        ProblemsCommand::List(arguments) => list(session, arguments).await,
        ProblemsCommand::Dismiss(arguments) => dismiss(session, arguments).await,
        ProblemsCommand::Retry(arguments) => retry(session, &arguments).await,
        ProblemsCommand::Settle(arguments) => settle(session, arguments).await,
    }
}

async fn list(session: &Session, arguments: ListArguments) -> Result<(), Failure> {
    let request = proto::ListProblemsRequest {
        parent: (&session.shop).into(),
        page_size: PAGE_SIZE,
        page_token: String::new(),
        codes: arguments.code,
    };
    let mut texts = BTreeMap::new();
    let mut left = arguments.limit.unwrap_or(usize::MAX);
    let mut pages = session.client.problem_pages(request);
    while left > 0
        && let Some(page) = pages.next().await
    {
        for found in page?.items.iter().take(left) {
            left = left.saturating_sub(1);
            if session.output.is_json() {
                Output::json(found)?;
                continue;
            }
            let problem = found.problem.clone().unwrap_or_default();
            explain(session, &problem.code, &mut texts).await?;
            let order = last_part(&found.order);
            Output::text(&session.output.heading(&format!("Order {order}")))?;
            Output::text(&problem_view(session, order, &problem, &texts))?;
        }
    }
    Ok(())
}

/// Reads what the catalogue says of a code, once.
async fn explain(
    session: &Session,
    code: &str,
    pages: &mut BTreeMap<String, proto::Refusal>,
) -> Result<(), Failure> {
    if !pages.contains_key(code) {
        let request = proto::GetRefusalRequest { name: format!("refusals/{code}") };
        let page = present(session.client.get_refusal(request).await?.refusal)?;
        pages.insert(code.to_owned(), page);
    }
    Ok(())
}

async fn dismiss(session: &Session, arguments: DismissArguments) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::DismissProblemRequest {
        name: session.order_name(&arguments.order)?.into(),
        problem_id: arguments.problem,
        reason: arguments.reason,
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .dismiss_problem(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session
        .output
        .either(&answer, || told(answer.order.as_ref(), answer.receipt.as_ref(), arguments.change))
}

async fn retry(session: &Session, arguments: &RetryArguments) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::RetryEffectRequest {
        name: session.order_name(&arguments.order)?.into(),
        operation_id: arguments.operation,
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
        wait: prost_types::Duration::try_from(arguments.wait).ok(),
    };
    let answer = session
        .client
        .retry_effect(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    if arguments.change.dry_run {
        return session.output.either(&answer, || {
            told(answer.order.as_ref(), answer.receipt.as_ref(), arguments.change)
        });
    }
    let retried = answer.order.as_ref().and_then(|order| Retried::find(order, arguments.operation));
    session.output.either(&answer, || told_with(&answer, retried.as_ref(), arguments.change))?;
    let order = present(answer.order)?;
    match retried {
        Some(retried) => ended(session, &order, &retried).await,
        None => Ok(()),
    }
}

/// The outcome, and the operation that was tried with its number.
fn told_with(
    answer: &proto::RetryEffectResponse,
    retried: Option<&Retried>,
    change: ChangeArguments,
) -> String {
    let Some(retried) = retried else {
        return told(answer.order.as_ref(), answer.receipt.as_ref(), change);
    };
    let receipt = answer.receipt.clone().map(|mut receipt| {
        receipt.plan.retain(|effect| !retried.is_planned_as(effect));
        receipt
    });
    format!("{}\n  {}", told(answer.order.as_ref(), receipt.as_ref(), change), retried.words)
}

/// Fails when what was tried was declined, or is not done yet.
async fn ended(session: &Session, order: &proto::Order, retried: &Retried) -> Result<(), Failure> {
    let is_about = |problem: &proto::Problem| problem.operation_id == retried.id;
    let (number, words) = (order.number, &retried.words);
    match retried.standing {
        Standing::Done => Ok(()),
        Standing::UnderWay => {
            let problems = troubles::problems(session, order, is_about).await;
            Err(Failure::Pending(format!(
                "{number}: {words}; look again with: orderctl orders get {number}{problems}"
            )))
        }
        Standing::Declined => {
            let headline = format!("order {number}, {words}");
            Err(troubles::declined(session, order, &headline, is_about).await)
        }
    }
}

async fn settle(session: &Session, arguments: SettleArguments) -> Result<(), Failure> {
    let name = session.order_name(&arguments.order)?;
    let amount_minor = match &arguments.amount {
        Some(amount) => {
            let request = proto::GetOrderRequest {
                name: (&name).into(),
                as_of_revision: 0,
                show_deleted: false,
            };
            let order = present(session.client.get_order(request).await?.order)?;
            Some(minor_units(amount, &order.currency_code)?)
        }
        None => None,
    };
    let request_id = session.request_id(arguments.change.request_id);
    let verdict = match arguments.verdict {
        Verdict::Happened => proto::Verdict::Happened,
        Verdict::DidNotHappen => proto::Verdict::DidNotHappen,
    };
    let request = proto::SettlePaymentOperationRequest {
        name: name.into(),
        operation_id: arguments.operation,
        verdict: verdict.into(),
        amount_minor,
        reason: arguments.reason,
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .settle_payment_operation(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session
        .output
        .either(&answer, || told(answer.order.as_ref(), answer.receipt.as_ref(), arguments.change))
}

fn told(
    order: Option<&proto::Order>,
    receipt: Option<&proto::Receipt>,
    change: ChangeArguments,
) -> String {
    outcome(&order.cloned().unwrap_or_default(), receipt, change.dry_run)
}
