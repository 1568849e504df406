//! `orderctl orders create`: places one order from a JSON file.

use std::fs;
use std::io::{self, Read};
use std::time::Duration;

use clap::Args;
use order_sdk::proto;

use super::outcome::outcome;
use super::troubles;
use crate::arguments::ChangeArguments;
use crate::failure::Failure;
use crate::json;
use crate::output::Output;
use crate::session::{Session, present};
use crate::times::duration;

const EXAMPLES: &str = r#"Example:
  orderctl orders create - <<'END'
  {
    "currencyCode": "NOK",
    "customer": {"fullName": "Kari Nordmann", "email": "kari@example.com"},
    "lines": [
      {"sku": "TENT-3", "title": "Tent", "quantity": "1", "unitPriceMinor": "249900", "vatRateBp": 2500},
      {"kind": "LINE_KIND_SHIPPING", "title": "Parcel", "quantity": "1", "unitPriceMinor": "9900", "vatRateBp": 2500}
    ],
    "payments": [{"provider": "klarna", "reference": "K-1", "amountMinor": "259800"}],
    "externalReference": "web-1"
  }
  END

The file holds one `NewOrder` of the contract; amounts are in minor units, VAT in basis points.

The exit code is 3 when a provider declines a payment, and 8 when one is not confirmed yet once the time of --wait is over. The order is placed all the same."#;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CreateArguments {
    /// File with one order, or - for stdin
    file: String,

    /// Wait at most this long, up to 60s, for the provider to confirm the reservation; 0s does not wait
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    wait: Duration,

    #[command(flatten)]
    change: ChangeArguments,
}

pub(crate) async fn run(session: &Session, arguments: &CreateArguments) -> Result<(), Failure> {
    let text = if arguments.file == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        text
    } else {
        fs::read_to_string(&arguments.file)
            .map_err(|error| Failure::Usage(format!("{}: {error}", arguments.file)))?
    };
    let order: proto::NewOrder = json::read(&text)?;
    let request_id = session.request_id(arguments.change.request_id);
    let request = proto::CreateOrderRequest {
        parent: (&session.shop).into(),
        order: Some(order),
        request_id: request_id.clone(),
        validate_only: arguments.change.dry_run,
        wait: prost_types::Duration::try_from(arguments.wait).ok(),
    };
    let answer = session
        .client
        .create_order(request)
        .await
        .map_err(|error| Failure::of_change(error, &request_id))?;
    if answer.already_exists {
        Output::tell("this payment had placed an order before; that order is answered");
    }
    session.output.either(&answer, || {
        let order = answer.order.clone().unwrap_or_default();
        outcome(&order, answer.receipt.as_ref(), arguments.change.dry_run)
    })?;
    if arguments.change.dry_run {
        return Ok(());
    }
    let order = present(answer.order)?;
    if order.problems.iter().any(troubles::is_unconfirmed) {
        let headline =
            format!("order {} is placed, and its payment is not confirmed", order.number);
        return Err(troubles::declined(session, &order, &headline, troubles::is_unconfirmed).await);
    }
    if !arguments.wait.is_zero() && order.payments.iter().any(troubles::awaits_confirmation) {
        let headline = "placed, and its payment is not confirmed yet";
        return Err(troubles::unfinished(session, &order, headline).await);
    }
    troubles::tell(session, &order, troubles::is_left_by_payment).await;
    Ok(())
}
