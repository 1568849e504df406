//! The words in capitals that stand in a remedy's commands for what it is about.

/// The longest value that is put in the place of a word.
const VALUE_BYTES_MAX: usize = 100;

/// The text, where each word of its commands (what stands between backticks) that `value_of` has a
/// value for is replaced by it. Whatever is no plain word to a shell is left out.
pub fn filled<'a>(text: &str, value_of: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            out.push('`');
        }
        match index % 2 {
            0 => out.push_str(part),
            _ => fill(part, &value_of, &mut out),
        }
    }
    out
}

fn fill<'a>(command: &str, value_of: impl Fn(&str) -> Option<&'a str>, out: &mut String) {
    let mut rest = command;
    while let Some(start) = rest.find(is_of_word) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|character| !is_of_word(character)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(value_of(word).filter(|value| is_plain(value)).unwrap_or(word));
        rest = after;
    }
    out.push_str(rest);
}

fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn is_plain(value: &str) -> bool {
    (1..=VALUE_BYTES_MAX).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::filled;

    #[test]
    fn whole_words_of_commands_are_replaced_and_nothing_else() {
        let value = |word: &str| match word {
            "ORDER" => Some("1007"),
            "OPERATION" => Some("12"),
            "SKU" => Some("A; rm -rf ~"),
            "OTHER" => Some(""),
            _ => None,
        };
        let text = "ORDER: `problems retry ORDER OPERATION`, `get ORDER OTHER`, `ORDER_KEY`, \
                    `stock get SKU`, `deliver ORDER --line LINE=1`.";
        let wanted = "ORDER: `problems retry 1007 12`, `get 1007 OTHER`, `ORDER_KEY`, \
                      `stock get SKU`, `deliver 1007 --line LINE=1`.";
        assert_eq!(filled(text, value), wanted);
    }
}
