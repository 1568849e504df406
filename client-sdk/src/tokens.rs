//! Opaque tokens: made by the server, kept by the caller, understood by the server alone.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

/// Where a page of a list begins.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageToken(String);

/// A version of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Etag(String);

/// A place in a shop's stream, to be stored and given back to resume after it.
///
/// Its text is the server's cursor; one taken while a snapshot was under way says so in front
/// (`snapshot:`), because it is resumed in another way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    token: String,
    in_snapshot: bool,
}

const SNAPSHOT_PREFIX: &str = "snapshot:";

impl PageToken {
    /// The token's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token of a `next_page_token`; none when that is empty.
    pub(crate) fn next(text: String) -> Option<Self> {
        (!text.is_empty()).then_some(Self(text))
    }
}

impl Etag {
    /// The etag's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Cursor {
    /// True when it was taken before the snapshot was complete.
    #[must_use]
    pub fn is_in_snapshot(&self) -> bool {
        self.in_snapshot
    }

    /// A place among the events.
    pub(crate) fn in_log(token: String) -> Self {
        Self { token, in_snapshot: false }
    }

    /// A place among the orders of a snapshot; empty: its beginning.
    pub(crate) fn in_snapshot(token: String) -> Self {
        Self { token, in_snapshot: true }
    }

    /// The cursor as the server knows it.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefix = if self.in_snapshot { SNAPSHOT_PREFIX } else { "" };
        write!(formatter, "{prefix}{}", self.token)
    }
}

impl FromStr for Cursor {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.strip_prefix(SNAPSHOT_PREFIX) {
            Some(token) => Self::in_snapshot(token.to_owned()),
            None => Self::in_log(text.to_owned()),
        })
    }
}

macro_rules! text_token {
    ($($name:ident),+) => {
        $(
            impl fmt::Display for $name {
                fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                    formatter.write_str(&self.0)
                }
            }

            impl From<String> for $name {
                fn from(text: String) -> Self {
                    Self(text)
                }
            }

            impl From<&str> for $name {
                fn from(text: &str) -> Self {
                    Self(text.to_owned())
                }
            }

            impl From<$name> for String {
                fn from(token: $name) -> Self {
                    token.0
                }
            }
        )+
    };
}

text_token!(PageToken, Etag);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_remembers_in_its_text_whether_a_snapshot_was_under_way() {
        for cursor in [
            Cursor::in_log("abc".to_owned()),
            Cursor::in_snapshot("abc".to_owned()),
            Cursor::in_snapshot(String::new()),
        ] {
            let Ok(again) = cursor.to_string().parse::<Cursor>();
            assert_eq!(again, cursor);
        }
    }
}
