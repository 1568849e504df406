//! The way of a label, or of its print, to the system that hands goods over to carriers.

use std::time::Duration;

use order_proto::v1;
use order_rules::effects::ATTENTION_AFTER_MICROS;
use order_rules::labels::{Consignment, Label, LabelOutcome};
use order_rules::order::Micros;
use order_rules::refusals::Code;
use prost::Message;
use uuid::Uuid;

use super::carrying::{Ending, Errand};
use crate::commands::{Command, RecordLabel};
use crate::labels::{Asked, LabelMaker, Maker, consignee, message_of, missing_of};
use crate::links::Trail;
use crate::store::claims::{LabelParts, Task};
use crate::store::rows::{EffectRow, number};
use crate::store::{Store, StoreFailure, on_either};
use crate::systems::{Decline, Hold, Report, Sighting};
use crate::turns::labelling::{PRINT, label, label_key, reference};

/// A label or a print on its way. What it is made of is read when it is tried: the address may have
/// been corrected since, or erased.
pub(super) struct Labelling {
    pub store: Store,
    /// `None`: it cannot be called as it is set up.
    pub maker: Option<Maker>,
    /// Why nothing is sent, if that is so.
    pub hold: Option<Hold>,
    /// Last part of the shop's name.
    pub shop: String,
    pub effect: EffectRow,
    pub patience: Duration,
}

/// The system's word.
pub(super) enum Done {
    Made(Consignment),
    Printed,
}

/// What there is to do.
enum Matter {
    Make(Box<Asked>),
    /// The address of the goods is not there, or not whole.
    Nowhere(Vec<&'static str>),
    Print {
        consignment: String,
        printer: String,
    },
    /// Nothing is known of it any more.
    Gone,
}

/// Goods wait no longer for a label than three days.
const GIVE_UP_AFTER_MICROS: i64 = 3 * 24 * 60 * 60 * 1_000_000;
const NOT_ASKED_FOR: &str = "could not be asked for within three days";

impl Errand for Labelling {
    type Yes = Done;

    async fn perform(&self) -> Report<Done> {
        let report = match (&self.hold, &self.maker) {
            (Some(hold), _) => Report::Held(hold.clone()),
            (None, Some(maker)) => self.asked_of(maker).await,
            (None, None) => Report::TryLater { after: None },
        };
        match report {
            Report::TryLater { .. } if self.is_too_late() => {
                declined(Code::CarrierUnavailable, &self.in_words(NOT_ASKED_FOR))
            }
            Report::Held(hold) if self.is_too_late() => {
                declined(Code::CarrierUnavailable, &format!("{NOT_ASKED_FOR}: {}", hold.reason))
            }
            Report::TryLater { .. } if self.effect.kind == PRINT && self.waits_for_long() => {
                let reason = self.in_words("could not be printed within a quarter of an hour");
                declined(Code::CarrierUnavailable, &reason)
            }
            report => report,
        }
    }

    async fn look_up(&self) -> Sighting<Done> {
        // A print service keeps no account.
        if self.effect.kind == PRINT {
            return Sighting::Untold;
        }
        let Some(maker) = &self.maker else { return Sighting::NoAnswer };
        maker.look_up(&self.reference(), self.key()).await.map(Done::Made)
    }

    fn is_asked(&self, task: Task) -> bool {
        self.maker.is_some() && (task == Task::LookUp || self.hold.is_none())
    }

    fn patience(&self) -> Duration {
        self.patience
    }

    fn key(&self) -> Uuid {
        label_key(&self.shop, number(self.effect.effect_key), Micros(self.effect.created_at))
    }

    fn kind(&self) -> &'static str {
        if self.effect.kind == PRINT { "print" } else { "label" }
    }

    fn trail(&self) -> Option<&Trail> {
        self.maker.as_ref().and_then(Maker::trail)
    }

    fn tells_of_waiting(&self) -> Option<i64> {
        (self.effect.kind != PRINT).then(|| self.maker.as_ref().map_or(0, Maker::revision))
    }

    fn command(&self, ending: &Ending<'_, Done>) -> Command {
        let outcome = match ending {
            Ending::Succeeded(Done::Made(consignment)) => LabelOutcome::Made(consignment.clone()),
            Ending::Succeeded(Done::Printed) => LabelOutcome::Printed,
            Ending::Declined(Decline { code, reason }) => {
                LabelOutcome::Declined { code: *code, reason: reason.clone() }
            }
            Ending::Held(Hold { code, reason, .. }) => {
                LabelOutcome::Held { code: *code, reason: reason.clone() }
            }
            // No such system takes what it answers later.
            Ending::Accepted => LabelOutcome::Unknown { reason: String::new() },
            Ending::Waiting(reason) | Ending::Unknown(reason) => {
                LabelOutcome::Unknown { reason: (*reason).to_owned() }
            }
        };
        Command::RecordLabel(RecordLabel {
            number: number(self.effect.order_key),
            about: number(self.effect.effect_key),
            attempt: self.effect.attempt,
            outcome,
        })
    }
}

impl Labelling {
    async fn asked_of(&self, maker: &Maker) -> Report<Done> {
        match self.matter().await {
            Ok(Matter::Make(asked)) => maker.make(&asked).await.map(Done::Made),
            Ok(Matter::Print { consignment, printer }) => {
                maker.print(&consignment, &printer).await.map(|()| Done::Printed)
            }
            Ok(Matter::Nowhere(missing)) => {
                declined(Code::ShippingAddressIncomplete, &missing.join(","))
            }
            Ok(Matter::Gone) => {
                declined(Code::LabelNotFound, "nothing is known of the label any more")
            }
            Err(failure) => {
                tracing::warn!(%failure, "a label cannot be read, it waits");
                Report::TryLater { after: None }
            }
        }
    }

    async fn matter(&self) -> Result<Matter, StoreFailure> {
        let order_key = self.effect.order_key;
        let LabelParts { labels, personal } =
            on_either!(&self.store, database => database.labels_find(order_key).await)?;
        let labels: Vec<Label> = labels.iter().map(label).collect::<Result<_, _>>()?;
        let id = number(self.effect.effect_key);
        if self.effect.kind == PRINT {
            return Ok(printing(labels, id).unwrap_or(Matter::Gone));
        }
        let Some(label) = labels.into_iter().find(|label| label.id == id) else {
            return Ok(Matter::Gone);
        };
        // Erased data are an empty part.
        let personal = v1::Order::decode(personal.as_slice()).unwrap_or_default();
        let missing = missing_of(&personal);
        if !missing.is_empty() {
            return Ok(Matter::Nowhere(missing));
        }
        Ok(Matter::Make(Box::new(Asked {
            key: self.key(),
            reference: self.reference(),
            order: number(order_key),
            parcel: label.parcel,
            consignee: consignee(&personal),
            message: message_of(&personal),
        })))
    }

    fn reference(&self) -> String {
        reference(number(self.effect.order_key), self.key())
    }

    /// With what the system said last, if anything.
    fn in_words(&self, what: &str) -> String {
        let said = self.reason().or_else(|| self.effect.provider_reason.clone());
        said.map_or_else(|| what.to_owned(), |said| format!("{what}: {said}"))
    }

    /// Whoever stands at the printer does so no longer.
    fn waits_for_long(&self) -> bool {
        let EffectRow { first_sent_at, last_sent_at, .. } = self.effect;
        first_sent_at
            .zip(last_sent_at)
            .is_some_and(|(first, last)| last.saturating_sub(first) >= ATTENTION_AFTER_MICROS)
    }

    fn is_too_late(&self) -> bool {
        let EffectRow { created_at, last_sent_at, .. } = self.effect;
        last_sent_at.is_some_and(|last| last.saturating_sub(created_at) >= GIVE_UP_AFTER_MICROS)
    }
}

fn printing(labels: Vec<Label>, id: i64) -> Option<Matter> {
    labels.into_iter().find_map(|label| {
        let print = label.prints.into_iter().find(|print| print.id == id)?;
        Some(Matter::Print { consignment: label.consignment?.id, printer: print.printer })
    })
}

fn declined(code: Code, reason: &str) -> Report<Done> {
    Report::Declined(Decline { code, reason: reason.to_owned() })
}
