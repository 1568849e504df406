//! The place in a shop's log that a listener stores with its own work and comes back with.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use order_rules::refusals::{Code, Refusal, Violation};
use prost::Message;

use crate::store::log::MarkRow;

/// Cursors of another version are not understood.
const VERSION: u32 = 1;

/// What all cursors of a stream have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// Which log: another one after a restore.
    pub epoch: Vec<u8>,
    pub shop_id: i64,
    /// Of the filter, so that a cursor is not taken to have seen what another filter kept back.
    pub filter: u64,
}

/// How far a listener has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    /// Up to here the listener has seen all that its filter lets through.
    pub revision: i64,
    /// Of the event there; 0 before the first.
    pub digest: u64,
    /// Within a snapshot: of every order, its state if it has not changed after `revision`.
    pub is_snapshot: bool,
}

/// A cursor as it is written down.
#[derive(Clone, PartialEq, Message)]
struct CursorRecord {
    #[prost(uint32, tag = "1")]
    version: u32,
    #[prost(bytes = "vec", tag = "2")]
    epoch: Vec<u8>,
    #[prost(int64, tag = "3")]
    shop_id: i64,
    #[prost(fixed64, tag = "4")]
    filter: u64,
    #[prost(int64, tag = "5")]
    revision: i64,
    #[prost(fixed64, tag = "6")]
    digest: u64,
    #[prost(bool, tag = "7")]
    is_snapshot: bool,
}

impl Place {
    /// The place after an event.
    pub(super) fn after(mark: &MarkRow) -> Self {
        Self { revision: mark.revision, digest: digest(mark), is_snapshot: false }
    }

    /// The same place within a snapshot.
    pub(super) fn in_snapshot(self) -> Self {
        Self { is_snapshot: true, ..self }
    }
}

impl Scope {
    /// The cursor of a place.
    pub(super) fn cursor(&self, place: Place) -> String {
        let record = CursorRecord {
            version: VERSION,
            epoch: self.epoch.clone(),
            shop_id: self.shop_id,
            filter: self.filter,
            revision: place.revision,
            digest: place.digest,
            is_snapshot: place.is_snapshot,
        };
        URL_SAFE_NO_PAD.encode(record.encode_to_vec())
    }

    /// The place of a cursor.
    ///
    /// # Errors
    /// `CURSOR_INVALID` for another shop, filter or version, and for what is no cursor at all;
    /// `CURSOR_AHEAD` for another log.
    pub(super) fn place(&self, cursor: &str) -> Result<Place, Refusal> {
        let record = URL_SAFE_NO_PAD
            .decode(cursor)
            .ok()
            .and_then(|bytes| CursorRecord::decode(bytes.as_slice()).ok())
            .filter(|record| record.version == VERSION && record.revision >= 0)
            .ok_or_else(|| invalid("is not a cursor of this service"))?;
        if record.shop_id != self.shop_id {
            return Err(invalid("is of another shop"));
        }
        if record.filter != self.filter {
            return Err(invalid("is of another filter"));
        }
        if record.epoch != self.epoch {
            return Err(Refusal::new(Code::CursorAhead));
        }
        let CursorRecord { revision, digest, is_snapshot, .. } = record;
        Ok(Place { revision, digest, is_snapshot })
    }
}

fn invalid(description: &str) -> Refusal {
    let violation = Violation { field: "cursor".to_owned(), description: description.to_owned() };
    Refusal { violations: vec![violation], ..Refusal::new(Code::CursorInvalid) }
}

/// Tells an event from any other at its revision.
fn digest(mark: &MarkRow) -> u64 {
    let mut hasher = blake3::Hasher::new();
    for number in [
        mark.revision,
        mark.command_revision,
        i64::from(mark.kind),
        mark.order_number.unwrap_or(-1),
        mark.created_at,
    ] {
        hasher.update(&number.to_le_bytes());
    }
    hasher.update(&mark.request_id);
    hasher.update(&mark.change);
    short(&hasher.finalize())
}

/// The first bytes of a hash.
pub(super) fn short(hash: &blake3::Hash) -> u64 {
    hash.as_bytes().first_chunk().copied().map_or(0, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope { epoch: vec![7; 16], shop_id: 3, filter: 99 }
    }

    fn mark() -> MarkRow {
        MarkRow {
            revision: 12,
            command_revision: 11,
            kind: 3,
            order_number: Some(1_001),
            created_at: 1_700_000_000_000_000,
            request_id: vec![1; 16],
            change: vec![2, 3],
        }
    }

    #[test]
    fn a_cursor_is_understood_only_where_it_was_given() {
        let place = Place::after(&mark());
        let cursor = scope().cursor(place);
        let inverted = URL_SAFE_NO_PAD.encode(b"\xff\xff\xff");
        let cases = [
            ("its own", scope(), cursor.as_str(), Ok(place)),
            ("another shop", Scope { shop_id: 4, ..scope() }, &cursor, Err(Code::CursorInvalid)),
            ("another filter", Scope { filter: 98, ..scope() }, &cursor, Err(Code::CursorInvalid)),
            (
                "another log",
                Scope { epoch: vec![8; 16], ..scope() },
                &cursor,
                Err(Code::CursorAhead),
            ),
            ("no base64", scope(), "***", Err(Code::CursorInvalid)),
            ("no record", scope(), &inverted, Err(Code::CursorInvalid)),
            ("nothing", scope(), "", Err(Code::CursorInvalid)),
        ];
        for (name, scope, text, expected) in cases {
            assert_eq!(scope.place(text).map_err(|refusal| refusal.code), expected, "{name}");
        }
        let snapshot = place.in_snapshot();
        assert_eq!(scope().place(&scope().cursor(snapshot)), Ok(snapshot));
    }

    #[test]
    fn the_digest_tells_events_apart() {
        let base = Place::after(&mark()).digest;
        let others = [
            MarkRow { kind: 4, ..mark() },
            MarkRow { command_revision: 12, ..mark() },
            MarkRow { order_number: None, ..mark() },
            MarkRow { created_at: 1, ..mark() },
            MarkRow { request_id: vec![9; 16], ..mark() },
            MarkRow { change: vec![2], ..mark() },
        ];
        for other in others {
            assert_ne!(Place::after(&other).digest, base, "{other:?}");
        }
        assert_eq!(Place::after(&mark()).digest, base);
    }
}
