//! What became of a status change, as the log tells it.

use order_proto::v1::{Event, EventKind};
use order_rules::refusals::{Code, Refusal};

use super::Reading;
use crate::commands::Failure;
use crate::grpc::fields::lists::{OrderPage, Page};
use crate::grpc::fields::names::OrderName;

/// Events of one read.
const PAGE: usize = 200;

/// What became of a status change.
#[derive(Debug)]
pub(crate) enum Fate {
    /// The label moved, or was there already.
    Done,
    Waiting,
    /// The order kept its status: the provider declined, or somebody took the change back.
    Dropped(Box<Refusal>),
}

impl Reading {
    /// What became of the change that was asked for at this revision.
    ///
    /// # Errors
    /// As [`Reading::events`].
    pub(crate) async fn fate(&self, of: OrderName, revision: i64) -> Result<Fate, Failure> {
        let page = Page { size: PAGE, token: String::new() };
        let mut query = OrderPage { of, page };
        let mut command: Vec<Event> = Vec::new();
        loop {
            let (events, next) = self.events(query.clone()).await?;
            for event in events.into_iter().filter(|event| event.revision >= revision) {
                if command.last().is_some_and(|last| last.request_id != event.request_id) {
                    if let Some(fate) = fate_in(&command, revision) {
                        return Ok(fate);
                    }
                    command.clear();
                }
                command.push(event);
            }
            let Some(token) = next else { break };
            query.page.token = token;
        }
        Ok(fate_in(&command, revision).unwrap_or(Fate::Waiting))
    }
}

/// What the events of one command say of the change.
fn fate_in(command: &[Event], revision: i64) -> Option<Fate> {
    let has = |kind: EventKind| command.iter().any(|event| event.kind() == kind);
    let is_its_own = command.first().is_some_and(|event| event.revision == revision);
    if has(EventKind::StatusChanged) || is_its_own && has(EventKind::Noop) {
        return Some(Fate::Done);
    }
    if !has(EventKind::StatusChangeDropped) {
        return None;
    }
    let opened = command.iter().find(|event| event.kind() == EventKind::ProblemOpened);
    let code = opened.and_then(|event| Code::from_name(&event.change.as_ref()?.problem_code));
    Some(Fate::Dropped(Box::new(Refusal::new(code.unwrap_or(Code::NoStatusChangePending)))))
}
