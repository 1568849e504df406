//! §1 Statuses: a merchant's own labels, and the tags that make some of them act.

#[cfg(test)]
mod tests;

use crate::order::StatusId;
use crate::refusals::{Code, Refusal};

/// What a status triggers (1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    Default,
    Completed,
    Cancelled,
}

/// A status of a shop; its names are texts and no business of the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    pub id: StatusId,
    pub tag: Option<Tag>,
    /// Where it stands in lists; ascending.
    pub position: i32,
    /// Set when it was deleted: it is an alias of this one (1.4).
    pub replaced_by: Option<StatusId>,
}

/// All statuses of a shop, the deleted ones among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statuses(Vec<Status>);

/// A status that a new shop has (1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartingStatus {
    /// Stable, for resource names.
    pub slug: &'static str,
    pub tag: Option<Tag>,
    pub position: i32,
    /// Language and name, as staff sees it.
    pub admin_names: [(&'static str, &'static str); 2],
    /// Language and name, as the customer sees it.
    pub customer_names: [(&'static str, &'static str); 2],
}

/// One status gets another tag; all moves of an answer are one update (1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagMove {
    pub status: StatusId,
    pub from: Option<Tag>,
    pub to: Option<Tag>,
}

/// What still names a status (1.4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    /// Orders that have it.
    pub orders: i64,
    /// Pending changes to it.
    pub pending: i64,
    /// Settings of the shop that name it.
    pub settings: i64,
}

const STARTING: [StartingStatus; 5] = [
    starting("not-processed", Some(Tag::Default), 1, "Ikke behandlet", "Not processed"),
    starting("processing", None, 2, "Under behandling", "Processing"),
    starting("sent", Some(Tag::Completed), 3, "Sendt", "Sent"),
    starting("cancelled", Some(Tag::Cancelled), 4, "Kansellert", "Cancelled"),
    starting("returned", None, 5, "Returnert", "Returned"),
];

impl Tag {
    /// The tag's stable name, as in refusals.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "DEFAULT",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
        }
    }
}

impl Statuses {
    /// The statuses of a shop, in any order.
    #[must_use]
    pub const fn new(statuses: Vec<Status>) -> Self {
        Self(statuses)
    }

    /// The status of this id, or the one that replaced it.
    #[must_use]
    pub fn get(&self, id: StatusId) -> Option<&Status> {
        let mut wanted = id;
        for _ in 0..=self.0.len() {
            let found = self.0.iter().find(|status| status.id == wanted)?;
            match found.replaced_by {
                Some(replacement) => wanted = replacement,
                None => return Some(found),
            }
        }
        None
    }

    /// The first by position that has this tag.
    #[must_use]
    pub fn first(&self, tag: Tag) -> Option<&Status> {
        self.current()
            .filter(|status| status.tag == Some(tag))
            .min_by_key(|status| (status.position, status.id))
    }

    /// The status that orders start in.
    #[must_use]
    pub fn default(&self) -> Option<&Status> {
        self.current().find(|status| status.tag == Some(Tag::Default))
    }

    /// The tag of a status, or of the one that replaced it.
    #[must_use]
    pub fn tag(&self, id: StatusId) -> Option<Tag> {
        self.get(id).and_then(|status| status.tag)
    }

    /// The statuses that are not deleted.
    pub fn current(&self) -> impl Iterator<Item = &Status> {
        self.0.iter().filter(|status| status.replaced_by.is_none())
    }

    /// How many statuses beside this one have the tag.
    fn others_with(&self, tag: Tag, id: StatusId) -> usize {
        self.current().filter(|status| status.tag == Some(tag) && status.id != id).count()
    }
}

/// The statuses of a new shop, in their order (1.1).
#[must_use]
pub const fn starting_statuses() -> &'static [StartingStatus] {
    &STARTING
}

/// What giving `new_tag` to a status means for all of them (1.3, 1.5). `id` is `None` for a status
/// being created, whose own move is then not in the answer. `in_use` counts what names the status,
/// under an alias too: a change that waits was asked for by the tag it has (2.2, 2.3), and no credit
/// order starts cancelled (4.5).
///
/// # Errors
/// `STATUS_NOT_FOUND`, `STATUS_TAG_FIXED` with the counts, `STATUS_TAG_REQUIRED`.
pub fn check_tag_change(
    statuses: &Statuses,
    id: Option<StatusId>,
    new_tag: Option<Tag>,
    in_use: InUse,
) -> Result<Vec<TagMove>, Refusal> {
    let mut moves = Vec::new();
    if let Some(id) = id {
        let status = find_current(statuses, id)?;
        if status.tag == new_tag {
            return Ok(moves);
        }
        let acts = |tag| matches!(tag, Some(Tag::Completed | Tag::Cancelled));
        let is_used = in_use.orders > 0 || in_use.pending > 0;
        let is_fixed = is_used && (acts(status.tag) || acts(new_tag));
        if is_fixed || (in_use.settings > 0 && new_tag == Some(Tag::Cancelled)) {
            return Err(counted(Code::StatusTagFixed, in_use));
        }
        check_tag_leaves_another(statuses, status)?;
        moves.push(TagMove { status: id, from: status.tag, to: new_tag });
    }
    if new_tag == Some(Tag::Default) {
        let holders = statuses.current().filter(|status| status.tag == new_tag);
        moves.extend(holders.map(|holder| TagMove { status: holder.id, from: new_tag, to: None }));
    }
    Ok(moves)
}

/// Whether a status may be deleted (1.3, 1.4); with a `replacement` it becomes an alias of it.
///
/// # Errors
/// `STATUS_NOT_FOUND`, `STATUS_TAG_REQUIRED`, `STATUS_TAG_FIXED` when the replacement has another
/// tag, `STATUS_IN_USE` with the counts.
pub fn check_delete(
    statuses: &Statuses,
    id: StatusId,
    in_use: InUse,
    replacement: Option<StatusId>,
) -> Result<(), Refusal> {
    let status = find_current(statuses, id)?;
    check_tag_leaves_another(statuses, status)?;
    if let Some(replacement) = replacement {
        let replacement = find_current(statuses, replacement)?;
        if replacement.id == id {
            return Err(Refusal::new(Code::StatusNotFound).with_status("status", id));
        }
        if replacement.tag != status.tag {
            return Err(counted(Code::StatusTagFixed, in_use));
        }
        return Ok(());
    }
    if in_use == InUse::default() {
        return Ok(());
    }
    Err(counted(Code::StatusInUse, in_use))
}

fn counted(code: Code, in_use: InUse) -> Refusal {
    Refusal::new(code)
        .with("orders", in_use.orders)
        .with("pending", in_use.pending)
        .with("settings", in_use.settings)
}

const fn starting(
    slug: &'static str,
    tag: Option<Tag>,
    position: i32,
    nb: &'static str,
    en: &'static str,
) -> StartingStatus {
    let names = [("nb", nb), ("en", en)];
    StartingStatus { slug, tag, position, admin_names: names, customer_names: names }
}

fn find_current(statuses: &Statuses, id: StatusId) -> Result<&Status, Refusal> {
    statuses
        .current()
        .find(|status| status.id == id)
        .ok_or_else(|| Refusal::new(Code::StatusNotFound).with_status("status", id))
}

/// DEFAULT is only moved by giving it to another; the others need another holder (1.3).
fn check_tag_leaves_another(statuses: &Statuses, status: &Status) -> Result<(), Refusal> {
    match status.tag {
        Some(tag) if statuses.others_with(tag, status.id) == 0 => {
            Err(Refusal::new(Code::StatusTagRequired).with("tag", tag.name()))
        }
        _ => Ok(()),
    }
}
