//! Checks every field of a request, all of them at once, and turns requests into commands.
//!
//! Each request is taken apart field by field by name: a new field of the contract does not compile
//! until it is decided here what is right for it.

pub(crate) mod accounting;
pub(crate) mod attention;
pub(crate) mod batches;
pub(crate) mod crediting;
pub(crate) mod delivering;
pub(crate) mod editing;
pub(crate) mod envelope;
pub(crate) mod integrations;
pub(crate) mod lists;
pub(crate) mod names;
pub(crate) mod notes;
pub(crate) mod orders;
pub(crate) mod placing;
pub(crate) mod printing;
pub(crate) mod privacy;
pub(crate) mod reconciling;
pub(crate) mod resolving;
pub(crate) mod shops;
pub(crate) mod statuses;
pub(crate) mod stock;
#[cfg(test)]
mod tests;
pub(crate) mod watching;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use order_proto::v1;
use order_rules::money::Currency;
use order_rules::refusals::{Refusal, Violation};

use crate::commands::Failure;

/// Collects what is wrong with a request. A check of a wrong field answers some value all the same,
/// so that the next field is checked too; [`Fields::finish`] says whether the values are of use.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    wrong: Vec<Violation>,
}

const METADATA_ENTRIES_MAX: usize = 50;
const METADATA_KEY: RangeInclusive<usize> = 1..=64;
const METADATA_VALUE: RangeInclusive<usize> = 0..=500;
const LANGUAGE_CHARACTERS_MAX: usize = 35;
const ETAG_CHARACTERS_MAX: usize = 100;
/// More of a map's key is not told.
const KEY_CHARACTERS_TOLD_MAX: usize = 60;

impl Fields {
    /// The field is wrong. The description must not hold the value, which may be personal.
    pub(crate) fn refuse(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.wrong.push(Violation { field: field.into(), description: description.into() });
    }

    /// The field is wrong unless `is_right`.
    pub(crate) fn check(&mut self, is_right: bool, field: &str, description: &str) {
        if !is_right {
            self.refuse(field, description);
        }
    }

    /// How many fields are wrong so far.
    fn count(&self) -> usize {
        self.wrong.len()
    }

    /// Takes out what is wrong so far, to be told elsewhere.
    fn take(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.wrong)
    }

    /// What the rules found wrong.
    pub(crate) fn extend(&mut self, violations: Vec<Violation>) {
        self.wrong.extend(violations);
    }

    /// Ends the check.
    ///
    /// # Errors
    /// `INVALID_REQUEST` with every wrong field.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if self.wrong.is_empty() { Ok(()) } else { Err(self.refusal()) }
    }

    /// The refusal of a request that lacks what all else hangs on.
    pub(crate) fn refusal(self) -> Failure {
        Refusal::fields(self.wrong).into()
    }

    /// One line of text, of so many characters.
    pub(crate) fn line(
        &mut self,
        field: &str,
        text: String,
        length: RangeInclusive<usize>,
    ) -> String {
        self.length(field, &text, &length);
        let is_allowed = |character: char| !character.is_control() && !is_misleading(character);
        self.check(
            text.chars().all(is_allowed),
            field,
            "must not have control or invisible characters",
        );
        text
    }

    /// Text of several lines, of so many characters.
    pub(crate) fn paragraph(
        &mut self,
        field: &str,
        text: String,
        length: RangeInclusive<usize>,
    ) -> String {
        self.length(field, &text, &length);
        let is_allowed = |character: char| !character.is_control() || "\n\r\t".contains(character);
        self.check(
            text.chars().all(is_allowed),
            field,
            "must not have control characters other than line breaks",
        );
        text
    }

    /// The currency of an ISO 4217 code.
    pub(crate) fn currency(&mut self, field: &str, code: &str) -> Option<Currency> {
        let currency = Currency::from_code(code);
        self.check(currency.is_some(), field, "must be a code of ISO 4217 in capitals, e.g. NOK");
        currency
    }

    /// A BCP 47 tag; may be empty.
    pub(crate) fn language(&mut self, field: &str, tag: String) -> String {
        let is_right = tag.is_empty() || is_language(&tag);
        self.check(is_right, field, "must be a language tag of BCP 47, e.g. nb or en-GB");
        tag
    }

    /// A term of an enumeration of the contract; one that this version does not know is wrong.
    pub(crate) fn term<Term: TryFrom<i32> + Default>(&mut self, field: &str, number: i32) -> Term {
        if let Ok(term) = Term::try_from(number) {
            return term;
        }
        self.refuse(field, "is not a known value");
        Term::default()
    }

    /// Terms of a list, each known and stated.
    pub(crate) fn terms<Term: TryFrom<i32> + Default + PartialEq>(
        &mut self,
        field: &str,
        numbers: &[i32],
    ) {
        for (index, &number) in numbers.iter().enumerate() {
            let is_stated = Term::try_from(number).is_ok_and(|term| term != Term::default());
            if !is_stated {
                self.refuse(format!("{field}[{index}]"), "is not a known value");
            }
        }
    }

    /// A time span within bounds; the default where absent.
    pub(crate) fn duration(
        &mut self,
        field: &str,
        duration: Option<prost_types::Duration>,
        bounds: RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        let Some(duration) = duration else { return default };
        let seconds = u64::try_from(duration.seconds).ok();
        let nanos = u32::try_from(duration.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
        match seconds.zip(nanos).map(|(seconds, nanos)| Duration::new(seconds, nanos)) {
            Some(duration) if bounds.contains(&duration) => duration,
            _ => {
                let (from, to) = (bounds.start().as_secs(), bounds.end().as_secs());
                self.refuse(field, format!("must be from {from} to {to} seconds"));
                default
            }
        }
    }

    /// The caller's own keys and values.
    pub(crate) fn metadata(
        &mut self,
        field: &str,
        metadata: BTreeMap<String, String>,
    ) -> BTreeMap<String, String> {
        if metadata.len() > METADATA_ENTRIES_MAX {
            self.refuse(field, format!("has more than {METADATA_ENTRIES_MAX} entries"));
        }
        // A key may be personal too, so wrong entries are named by their place.
        for (index, (key, value)) in metadata.iter().enumerate() {
            let place = format!("{field}[{index}]");
            self.line(&format!("{place}.key"), key.clone(), METADATA_KEY);
            self.paragraph(&format!("{place}.value"), value.clone(), METADATA_VALUE);
        }
        metadata
    }

    /// An etag to compare with; `None` when empty.
    pub(crate) fn etag(&mut self, etag: String) -> Option<String> {
        let etag = self.line("etag", etag, 0..=ETAG_CHARACTERS_MAX);
        (!etag.is_empty()).then_some(etag)
    }

    /// The paths of an update mask, each among `known`, without repeats.
    pub(crate) fn mask(
        &mut self,
        mask: Option<prost_types::FieldMask>,
        known: &[&'static str],
    ) -> Vec<&'static str> {
        let paths = mask.map(|mask| mask.paths).unwrap_or_default();
        self.check(!paths.is_empty(), "update_mask", "must have at least one path");
        let mut masked: Vec<&'static str> = Vec::new();
        let mut told = false;
        for (index, path) in paths.iter().enumerate() {
            match known.iter().copied().find(|known| known == path) {
                Some(path) if masked.contains(&path) => {}
                Some(path) => masked.push(path),
                None => {
                    let field = format!("update_mask.paths[{index}]");
                    // All there are is much to say, and said once.
                    let these = if told { "these too".to_owned() } else { known.join(", ") };
                    self.refuse(field, format!("must be one of {these}"));
                    told = true;
                }
            }
        }
        masked
    }

    fn length(&mut self, field: &str, text: &str, length: &RangeInclusive<usize>) {
        let (min, max) = (*length.start(), *length.end());
        // A character is at least a byte: counting is for those near the bound.
        let is_long = text.len() > max && text.chars().count() > max;
        if is_long {
            self.refuse(field, format!("must have at most {max} characters"));
        } else if min > 0 && text.trim().is_empty() {
            self.refuse(field, "must not be empty");
        }
    }
}

/// The place of an entry of a map that holds nothing personal: maps have keys and no order.
fn entry(field: &str, key: &str) -> String {
    let key: String = key.chars().take(KEY_CHARACTERS_TOLD_MAX).collect();
    format!("{field}[{key:?}]")
}

/// Whether a line with it does not read as it is written: separators of lines and paragraphs, what turns
/// the direction of writing round, and spaces without width. Joiners stay: names and emoji need them.
const fn is_misleading(character: char) -> bool {
    matches!(character, '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The restock choice: made or not.
pub(crate) fn restock(restock: v1::Restock) -> Option<bool> {
    match restock {
        v1::Restock::Unspecified => None,
        v1::Restock::Yes => Some(true),
        v1::Restock::No => Some(false),
    }
}

fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let is_primary = parts.next().is_some_and(|primary| {
        (2..=3).contains(&primary.len()) && primary.bytes().all(|byte| byte.is_ascii_alphabetic())
    });
    let is_part = |part: &str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    is_primary && tag.len() <= LANGUAGE_CHARACTERS_MAX && parts.all(is_part)
}
