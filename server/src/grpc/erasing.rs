//! Erases a person order by order, in as many turns as that takes; the same id again goes on.

use order_proto::v1;
use uuid::Uuid;

use super::Edge;
use super::caller::Caller;
use super::fields::envelope::Envelope;
use super::fields::names::order_name;
use super::fields::privacy::Erasing;
use crate::commands::{self, Assignment, Command, EraseCustomer, Failure};

/// Orders of one turn: each makes an event.
const ORDERS_PER_TURN: usize = 200;

impl Edge {
    /// Refused as a whole while money of one order is open; then one turn after the other.
    pub(super) async fn erase_customer(
        &self,
        erasing: Erasing,
        caller: &Caller,
    ) -> Result<v1::EraseCustomerResponse, Failure> {
        let Erasing { shop, person, envelope } = erasing;
        let Envelope { caller: command_caller, validate_only, wait: _ } = envelope;
        let numbers = self.reading.orders_of_person(&shop, &person).await?;
        let request_id = command_caller.request_id;
        let assignment = |numbers: &[i64], request_id: Uuid| Assignment {
            shop: shop.clone(),
            caller: commands::Caller { request_id, ..command_caller.clone() },
            command: Command::EraseCustomer(EraseCustomer { numbers: numbers.to_vec() }),
        };
        // Asked under an id of its own: a repeat must not be taken for done before all is looked at.
        for chunk in numbers.chunks(ORDERS_PER_TURN) {
            self.turns.preview(assignment(chunk, Uuid::now_v7())).await?;
        }
        let mut rest = numbers.as_slice();
        let first = rest.get(..ORDERS_PER_TURN.min(rest.len())).unwrap_or_default();
        let begun = assignment(first, request_id);
        let answer = match validate_only {
            true => self.turns.preview(begun).await?,
            false => self.turns.submit(begun, caller.deadline()).await?,
        };
        let mut erased = numbers.clone();
        if answer.replayed {
            let before = self.reading.orders_of_command(&shop, answer.revision).await?;
            erased.splice(..0, before);
        } else {
            rest = rest.get(first.len()..).unwrap_or_default();
        }
        if !validate_only {
            for chunk in rest.chunks(ORDERS_PER_TURN) {
                let name = format!("erase/{}", chunk.first().copied().unwrap_or_default());
                let id = Uuid::new_v5(&request_id, name.as_bytes());
                self.turns.submit(assignment(chunk, id), caller.deadline()).await?;
            }
        }
        let receipt = v1::Receipt {
            request_id: request_id.to_string(),
            revision: answer.revision,
            replayed: answer.replayed,
            settled: !validate_only,
            other_orders: erased.into_iter().map(|number| order_name(&shop, number)).collect(),
            ..v1::Receipt::default()
        };
        Ok(v1::EraseCustomerResponse { receipt: Some(receipt) })
    }
}
