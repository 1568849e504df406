//! `orderctl orders withdraw` and `attach-payment`: ways out when money does not move.

use std::time::Duration;

use clap::Args;
use order_sdk::proto;

use super::outcome::outcome;
use super::troubles;
use crate::amounts::minor_units;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::session::{Session, present};
use crate::times::duration;

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  orderctl orders withdraw 1001")]
pub(crate) struct WithdrawArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    #[command(flatten)]
    change: ChangeArguments,
}

#[derive(Args, Debug)]
#[command(after_help = "Example:\n  \
    orderctl orders attach-payment 1001 --provider klarna --reference K-2 --amount 2598\n\n\
    The exit code is 3 when the provider declines it or does not hold it any more, and 8 when it is not confirmed yet once the time \
    of --wait is over.")]
pub(crate) struct AttachArguments {
    /// Number or full name of the order
    #[arg(value_name = "NUMBER")]
    order: String,

    /// The shop's name of the provider, e.g. klarna; manual for money settled by hand
    #[arg(long)]
    provider: String,

    /// The provider's reference of the reservation; none for manual
    #[arg(long, default_value = "", hide_default_value = true)]
    reference: String,

    /// The amount reserved, in major units of the order's currency: 2598 or 249.50
    #[arg(long)]
    amount: String,

    /// Wait at most this long, up to 60s, for the provider to confirm the reservation; 0s does not wait
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn withdraw(
    session: &Session,
    arguments: &WithdrawArguments,
) -> Result<(), Failure> {
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::WithdrawStatusChangeRequest {
        name: session.order_name(&arguments.order)?.into(),
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
    };
    let answer = session
        .client
        .withdraw_status_change(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })
}

pub(crate) async fn attach(session: &Session, arguments: &AttachArguments) -> Result<(), Failure> {
    let name = session.order_name(&arguments.order)?;
    let request =
        proto::GetOrderRequest { name: (&name).into(), as_of_revision: 0, show_deleted: false };
    let order = present(session.client.get_order(request).await?.order)?;
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::AttachPaymentRequest {
        name: name.into(),
        payment: Some(proto::NewPayment {
            provider: arguments.provider.clone(),
            reference: arguments.reference.clone(),
            amount_minor: minor_units(&arguments.amount, &order.currency_code)?,
        }),
        request_id: request_id.clone(),
        etag: String::new(),
        validate_only: arguments.change.dry_run,
        wait: prost_types::Duration::try_from(arguments.wait).ok(),
    };
    let answer = session
        .client
        .attach_payment(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })?;
    if arguments.change.dry_run {
        return Ok(());
    }
    let order = present(answer.order)?;
    // The newest of them: by hand there may be several.
    let named = order.payments.iter().filter(|payment| {
        payment.provider == arguments.provider && payment.reference == arguments.reference
    });
    let Some(attached) = named.max_by_key(|payment| payment.id) else {
        return Ok(());
    };
    let is_declined = |operation: &proto::Operation| {
        operation.kind() == proto::OperationKind::Authorize
            && operation.state() == proto::OperationState::Declined
    };
    let is_declined = attached.operations.iter().any(is_declined);
    if is_declined || is_over(attached) {
        // No problem stands on an order that other payments cover.
        let is_about = |problem: &proto::Problem| problem.payment_id == attached.id;
        let what = if is_declined { "not confirmed" } else { "not held any more" };
        let headline = format!("the payment of order {} is {what}", order.number);
        return Err(troubles::declined(session, &order, &headline, is_about).await);
    }
    if !arguments.wait.is_zero() && troubles::awaits_confirmation(attached) {
        let headline = "the payment is attached, and not confirmed yet";
        return Err(troubles::unfinished(session, &order, headline).await);
    }
    troubles::tell(session, &order, troubles::is_left_by_payment).await;
    Ok(())
}

/// Whether the payment is known to hold nothing.
fn is_over(payment: &proto::Payment) -> bool {
    use proto::AuthorizationState::{Declined, Expired, Voided};
    matches!(payment.authorization_state(), Declined | Expired | Voided)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_that_was_there_before_may_be_over() {
        use proto::AuthorizationState::{Declined, Expired, Held, Pending, Voided};
        let of = |state: proto::AuthorizationState| proto::Payment {
            authorization_state: state.into(),
            ..Default::default()
        };
        assert!([Declined, Expired, Voided].map(of).iter().all(is_over));
        assert!(![Held, Pending].map(of).iter().any(is_over));
    }
}
