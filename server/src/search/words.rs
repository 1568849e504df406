//! The words of an order and of a question, folded alike whatever the database.

use std::collections::{BTreeMap, BTreeSet};

use order_proto::v1;
use prost::Message;
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::store::pages::{Findable, Sought};
use crate::store::rows::number;

/// What is longer is cut, in orders and questions alike.
const WORD_CHARACTERS_MAX: usize = 40;
/// What stands before the mark of a metadata entry: no word has it.
const MARK: char = '=';
const MARK_BYTES: usize = 16;

/// The words of an order, apart by blanks, each once.
pub(crate) fn of(order: &Findable) -> String {
    // What has been erased, or cannot be read, has no words.
    let personal = v1::Order::decode(order.personal.as_slice()).unwrap_or_default();
    let customer = personal.customer.unwrap_or_default();
    let order_number = number(order.order_key).to_string();
    let mut found = BTreeSet::new();
    let texts = [&order_number, &customer.full_name, &customer.email];
    let texts = texts.into_iter().chain(&order.external_reference);
    for text in texts.chain(&order.skus).chain(&order.references) {
        found.extend(words(text));
    }
    found.extend(personal.metadata.iter().map(|(key, value)| mark(key, value)));
    found.into_iter().collect::<Vec<_>>().join(" ")
}

/// What is asked for; `None` when nothing is.
pub(crate) fn sought(text: &str, metadata: &BTreeMap<String, String>) -> Option<Sought> {
    let beginnings: BTreeSet<String> = words(text).collect();
    let marks = metadata.iter().map(|(key, value)| mark(key, value)).collect();
    let sought = Sought { beginnings: beginnings.into_iter().collect(), marks };
    (sought != Sought::default()).then_some(sought)
}

/// The words of a text: letters and digits, without case and accents.
fn words(text: &str) -> impl Iterator<Item = String> {
    let folded: String = text.nfkd().filter(|letter| !is_combining_mark(*letter)).fold(
        String::with_capacity(text.len()),
        |mut folded, letter| {
            for letter in letter.to_lowercase() {
                match plain(letter) {
                    Some(letters) => folded.push_str(letters),
                    None => folded.push(letter),
                }
            }
            folded
        },
    );
    let words: Vec<String> = folded
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(WORD_CHARACTERS_MAX).collect())
        .collect();
    words.into_iter()
}

/// Letters that are no other letter with an accent, as people write them without.
fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'æ' => "ae",
        'ø' => "o",
        'œ' => "oe",
        'ß' => "ss",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ł' => "l",
        'ħ' => "h",
        'ŧ' => "t",
        'ŋ' => "n",
        'ı' => "i",
        _ => return None,
    })
}

/// An entry of metadata as one word, which tells neither key nor value.
fn mark(key: &str, value: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&u64::try_from(key.len()).unwrap_or(u64::MAX).to_le_bytes());
    hasher.update(key.as_bytes());
    hasher.update(value.as_bytes());
    let mut digest = [0_u8; MARK_BYTES];
    hasher.finalize_xof().fill(&mut digest);
    let mut mark = String::from(MARK);
    mark.extend(digest.iter().map(|byte| format!("{byte:02x}")));
    mark
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_signs_make_no_difference() {
        for (text, wanted) in [
            ("Bjørn Åse ÆRLIG", &["bjorn", "ase", "aerlig"][..]),
            ("kari.nordmann@Example.COM", &["kari", "nordmann", "example", "com"]),
            ("José  Müller-Straße", &["jose", "muller", "strasse"]),
            ("Jose\u{301}", &["jose"]),
            ("TENT-3/XL ~capture=decline", &["tent", "3", "xl", "capture", "decline"]),
            ("İstanbul ﬁ ２", &["istanbul", "fi", "2"]),
            ("東京", &["東京"]),
            ("\"' *:&|!()\u{0}🦀", &[]),
        ] {
            assert_eq!(words(text).collect::<Vec<_>>(), wanted, "{text}");
        }
        let long = "å".repeat(100);
        assert_eq!(words(&long).next().unwrap().len(), WORD_CHARACTERS_MAX);
    }

    #[test]
    fn an_order_has_the_words_of_all_that_it_is_found_by() {
        let personal = v1::Order {
            customer: Some(v1::Customer {
                full_name: "Kari Nordmann".to_owned(),
                email: "kari@example.com".to_owned(),
                phone: "99887766".to_owned(),
                ..v1::Customer::default()
            }),
            metadata: BTreeMap::from([("gift".to_owned(), "yes".to_owned())]),
            ..v1::Order::default()
        };
        let order = Findable {
            order_key: (3 << 40) + 1001,
            external_reference: Some("WEB-7".to_owned()),
            personal: personal.encode_to_vec(),
            skus: vec!["CUP".to_owned(), String::new(), "CUP".to_owned()],
            references: vec!["K-1".to_owned(), String::new()],
        };
        let mark = mark("gift", "yes");
        assert_eq!(of(&order), format!("1 1001 7 {mark} com cup example k kari nordmann web"));
        assert!(mark.starts_with('=') && mark.len() == 33);
        assert_ne!(mark, super::mark("giftyes", ""), "where the key ends is part of it");
        let erased = Findable { personal: Vec::new(), ..order };
        assert_eq!(of(&erased), "1 1001 7 cup k web");
    }
}
