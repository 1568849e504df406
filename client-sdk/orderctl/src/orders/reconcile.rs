//! `orderctl orders reconcile` and `extend`: what the provider says of a payment, and for how long it
//! holds it.

use std::time::Duration;

use clap::Args;
use order_sdk::proto;

use super::outcome::outcome;
use crate::amounts::amount;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::labels::{Label, label};
use crate::output::Output;
use crate::session::{Session, present};
use crate::tables::table;
use crate::times::{duration, local};

#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  \
    orderctl orders reconcile 1001\n  \
    orderctl orders reconcile 1001 --payment 7 --dry-run")]
pub(crate) struct ReconcileArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// Number of the payment; without it each of the order that is held by a provider
    #[arg(long, value_name = "NUMBER")]
    payment: Option<i64>,

    /// Wait at most this long, up to 60s, for what is under way
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  orderctl orders extend 1001 --payment 7")]
pub(crate) struct ExtendArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// Number of the payment; needed where the order has several
    #[arg(long, value_name = "NUMBER")]
    payment: Option<i64>,

    #[command(flatten)]
    change: ChangeArguments,
}

/// What is settled by hand has no provider to ask.
const MANUAL: &str = "manual";

pub(crate) async fn reconcile(
    session: &Session,
    arguments: &ReconcileArguments,
) -> Result<(), Failure> {
    let payments = payments(session, &arguments.order, arguments.payment).await?;
    if arguments.change.request_id.is_some() && payments.len() > 1 {
        return Err(Failure::Usage("--request-id goes with one --payment".to_owned()));
    }
    for payment in payments {
        let request_id = session.request_id(arguments.change.request_id);
        let request = proto::ReconcilePaymentRequest {
            name: session.order_name(&arguments.order)?.into(),
            payment_id: payment.id,
            request_id: request_id.clone(),
            etag: String::new(),
            validate_only: arguments.change.dry_run,
            wait: prost_types::Duration::try_from(arguments.wait).ok(),
        };
        let answer = session
            .client
            .reconcile_payment(request)
            .await
            .map_err(|error| Failure::of_change(error, &request_id))?;
        session.output.either(&answer, || {
            let order = answer.order.clone().unwrap_or_default();
            let is_dry_run = arguments.change.dry_run;
            let told = answer.reconciliation.clone().unwrap_or_default();
            format!(
                "{}\n{}",
                outcome(&order, answer.receipt.as_ref(), is_dry_run),
                comparison(&payment, &told, &order.currency_code, is_dry_run)
            )
        })?;
    }
    Ok(())
}

pub(crate) async fn extend(session: &Session, arguments: &ExtendArguments) -> Result<(), Failure> {
    let payments = payments(session, &arguments.order, arguments.payment).await?;
    let [payment] = payments.as_slice() else {
        return Err(Failure::Usage("name one payment of the order with --payment".to_owned()));
    };
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::ExtendReservationRequest {
        name: session.order_name(&arguments.order)?.into(),
        payment_id: payment.id,
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .extend_reservation(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        let held = order.payments.iter().find(|one| one.id == payment.id).cloned();
        let until = local(held.and_then(|one| one.expire_time).as_ref());
        let text = outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run);
        format!("{text}\n  payment {} is held until {until}", payment.id)
    })
}

/// The payments that are meant.
async fn payments(
    session: &Session,
    order: &str,
    payment: Option<i64>,
) -> Result<Vec<proto::Payment>, Failure> {
    let request = proto::GetOrderRequest {
        name: session.order_name(order)?.into(),
        as_of_revision: 0,
        show_deleted: false,
    };
    let order = present(session.client.get_order(request).await?.order)?;
    if let Some(id) = payment {
        // One the order has not is refused by the service, with what to do about it.
        let known = order.payments.into_iter().find(|known| known.id == id);
        let known = known.unwrap_or(proto::Payment { id, ..proto::Payment::default() });
        return Ok(vec![known]);
    }
    let held: Vec<proto::Payment> =
        order.payments.into_iter().filter(|known| known.provider != MANUAL).collect();
    if held.is_empty() {
        Output::tell("no provider holds a payment of this order");
    }
    Ok(held)
}

/// `Payment 7 klarna abc: DIFFERS`, and a row per difference.
fn comparison(
    payment: &proto::Payment,
    told: &proto::Reconciliation,
    currency_code: &str,
    is_dry_run: bool,
) -> String {
    let state = match told.state() {
        proto::ReconciliationState::Open => "nothing can be said while something is under way",
        state => state.label(),
    };
    let proto::Payment { id, provider, reference, .. } = payment;
    let heading = format!("Payment {id} {provider} {reference}: {state}");
    if told.differences.is_empty() {
        return heading;
    }
    let row = |one: &proto::Difference| {
        let outcome = match (one.adopted, is_dry_run) {
            (true, false) => "adopted",
            (true, true) => "would be adopted",
            (false, _) => "for a person",
        };
        vec![
            format!("  {}", label::<proto::DifferenceKind>(one.kind)),
            amount(one.our_minor, currency_code),
            amount(one.provider_minor, currency_code),
            outcome.to_owned(),
        ]
    };
    let rows = told.differences.iter().map(row).collect();
    format!("{heading}\n{}", table(&["  DIFFERENCE", ">OURS", ">PROVIDER", "OUTCOME"], rows))
}
