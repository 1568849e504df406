//! Erases a person order by order, in as many turns as that takes; the same id again goes on.

use order_proto::v1;
use order_rules::refusals::{Code, Refusal};
use tokio::time::Instant;
use uuid::Uuid;

use super::Edge;
use super::caller::Caller;
use super::fields::envelope::Envelope;
use super::fields::names::order_name;
use super::fields::privacy::Erasing;
use crate::commands::{self, Answer, Assignment, Command, EraseCustomer, Failure};
use crate::mail::Forgotten;

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
        let Envelope { caller: command_caller, validate_only, .. } = envelope;
        let numbers = self.reading.orders_of_person(&shop, &person).await?;
        let request_id = command_caller.request_id;
        // Asked under an id of its own: a repeat must not be taken for done before all is looked at.
        for chunk in numbers.chunks(ORDERS_PER_TURN) {
            let asked = turn_of(&shop, &command_caller, Uuid::now_v7(), chunk);
            self.turns.preview(asked).await?;
        }
        let (answer, erased) = if validate_only {
            let first = numbers.get(..ORDERS_PER_TURN).unwrap_or(&numbers);
            let asked = turn_of(&shop, &command_caller, request_id, first);
            (self.turns.preview(asked).await?, numbers)
        } else {
            self.erase_by_turns(&shop, &numbers, &command_caller, caller.deadline()).await?
        };
        let mut files = Forgotten::default();
        if !validate_only {
            // Only now: what was planned before the erasure is handed over or taken back.
            let (ids, open) = self.reading.mails_of_orders(&shop, &erased).await?;
            files = self.mail.forget(&ids).await;
            files.left = files.left.saturating_add(open);
            self.reading.forget(&shop).await?;
        }
        let receipt = v1::Receipt {
            request_id: request_id.to_string(),
            revision: answer.revision,
            replayed: answer.replayed,
            settled: !validate_only,
            other_orders: erased.into_iter().map(|number| order_name(&shop, number)).collect(),
            ..v1::Receipt::default()
        };
        Ok(v1::EraseCustomerResponse {
            receipt: Some(receipt),
            removed_mail_files: files.removed,
            left_mail_files: files.left,
        })
    }

    /// Turn after turn until nothing is left; answers the first, and every order that was erased under
    /// this id. Turns that were done before, and cut off from their answer, are counted in.
    async fn erase_by_turns(
        &self,
        shop: &str,
        numbers: &[i64],
        caller: &commands::Caller,
        deadline: Option<Instant>,
    ) -> Result<(Answer, Vec<i64>), Failure> {
        let (mut first, mut erased, mut rest) = (None, Vec::new(), numbers);
        for turn in 0_u32.. {
            let chunk = rest.get(..ORDERS_PER_TURN).unwrap_or(rest);
            let id = match turn {
                0 => caller.request_id,
                _ => Uuid::new_v5(&caller.request_id, format!("erase/{turn}").as_bytes()),
            };
            let outcome = self.turns.submit(turn_of(shop, caller, id, chunk), deadline).await;
            let answer = match outcome {
                // Neither done before nor anything left to do.
                Err(failure) if turn > 0 && chunk.is_empty() && is_nobody(&failure) => break,
                outcome => outcome?,
            };
            if answer.replayed {
                erased.extend(self.reading.orders_of_command(shop, answer.revision).await?);
            } else {
                erased.extend_from_slice(chunk);
                rest = rest.get(chunk.len()..).unwrap_or_default();
            }
            first.get_or_insert(answer);
        }
        first
            .map(|first| (first, erased))
            .ok_or_else(|| Refusal::new(Code::CustomerNotFound).into())
    }
}

/// The erasure of these orders, as a command of its own.
fn turn_of(shop: &str, caller: &commands::Caller, request_id: Uuid, numbers: &[i64]) -> Assignment {
    Assignment {
        shop: shop.to_owned(),
        caller: commands::Caller { request_id, ..caller.clone() },
        command: Command::EraseCustomer(EraseCustomer { numbers: numbers.to_vec() }),
        bytes: 0,
    }
}

fn is_nobody(failure: &Failure) -> bool {
    matches!(failure, Failure::Refused(refusal) if refusal.code == Code::CustomerNotFound)
}
