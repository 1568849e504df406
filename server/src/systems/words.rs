//! What a system says in an error, read leniently: a field that is missing, empty or of another kind
//! takes no other with it, and what nobody here knows is told as it stands.

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use super::in_one_line;

/// The body of an error. What is taken out of it is not told again.
#[derive(Debug, Default)]
pub(crate) struct Words(Map<String, Value>);

/// A body that is no object has this one field.
const UNNAMED: &str = "";
const BODY_BYTES_MAX: usize = 16 * 1024;
/// Of what nobody knows, so that it leaves room for what support asks for.
const REST_CHARACTERS_MAX: usize = 300;
/// Elements whose inside nobody reads, and what ends them.
const UNREAD: [(&str, &str); 2] = [("style", "</style"), ("script", "</script")];

impl Words {
    pub(crate) fn read(body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_else(|_| readable(body).into());
        Self::of(body)
    }

    fn of(value: Value) -> Self {
        match value {
            Value::Object(fields) => Self(fields),
            other => Self(Map::from_iter([(UNNAMED.to_owned(), other)])),
        }
    }

    /// A field's text, whatever it is written as; empty where there is none.
    pub(crate) fn take(&mut self, name: &str) -> String {
        self.0.remove(name).map(plain).unwrap_or_default()
    }

    /// The texts of a list, or the one that stands in its place.
    pub(crate) fn take_texts(&mut self, name: &str) -> Vec<String> {
        let texts = self.values(name).into_iter().map(plain);
        texts.filter(|text| !text.is_empty()).collect()
    }

    /// The same where each has fields of its own.
    pub(crate) fn take_list(&mut self, name: &str) -> Vec<Self> {
        self.values(name).into_iter().map(Self::of).collect()
    }

    fn values(&mut self, name: &str) -> Vec<Value> {
        match self.0.remove(name) {
            Some(Value::Array(all)) => all,
            Some(one) => vec![one],
            None => Vec::new(),
        }
    }

    /// All in one line: first what is known of it, then what is left, then the ids by which support
    /// finds it.
    pub(crate) fn tell(mut self, known: Vec<String>, ids: &[(&str, &str)]) -> String {
        let ids: Vec<String> = ids
            .iter()
            .map(|(title, name)| (title, self.take(name)))
            .filter(|(_, id)| !id.is_empty())
            .map(|(title, id)| format!("({title} {id})"))
            .collect();
        let parts = known.into_iter().chain([self.rest()]).chain(ids);
        let parts: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
        in_one_line(&parts.join(" "))
    }

    /// What nobody has taken, with its names.
    pub(crate) fn rest(self) -> String {
        let fields = self.0.into_iter().map(|(name, value)| (name, plain(value)));
        let told = fields
            .filter(|(_, text)| !text.is_empty())
            .map(|(name, text)| if name == UNNAMED { text } else { format!("{name}: {text}") });
        let told: Vec<String> = told.collect();
        told.join(" ").chars().take(REST_CHARACTERS_MAX).collect()
    }
}

fn plain(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        Value::Array(all) if all.is_empty() => String::new(),
        Value::Object(fields) if fields.is_empty() => String::new(),
        other => other.to_string(),
    }
}

/// The beginning of what is not JSON: of a page its words.
fn readable(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..BODY_BYTES_MAX).unwrap_or(body));
    let is_page = text.trim_start().starts_with('<');
    let words = if is_page { unmarked(&text) } else { text.to_string() };
    let words = if words.trim().is_empty() { &*text } else { &*words };
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A page's words without what is only there for machines.
fn unmarked(page: &str) -> String {
    let mut words = String::new();
    let mut left = page;
    while let Some((before, element)) = left.split_once('<') {
        words.push_str(before);
        words.push(' ');
        let is_named = |name: &str| {
            element.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name))
        };
        let unread = UNREAD.iter().find(|(name, _)| is_named(name));
        let last = match unread {
            Some((_, end)) => element.split_once(end).map_or("", |(_, after)| after),
            None => element,
        };
        left = last.split_once('>').map_or("", |(_, after)| after);
    }
    words.push_str(left);
    words
}
