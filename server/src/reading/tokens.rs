//! Page tokens: opaque, of one query only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use order_rules::refusals::{Code, Refusal, Violation};

/// Version of the tokens' form.
const VERSION: u8 = 1;
const DIGEST_LENGTH: usize = 12;

/// Writes and reads the tokens of one query.
pub(super) struct Token {
    query: [u8; DIGEST_LENGTH],
}

impl Token {
    /// The tokens of the query that these parts make up.
    pub(super) fn of(parts: &[&str]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
            hasher.update(part.as_bytes());
        }
        let mut query = [0; DIGEST_LENGTH];
        hasher.finalize_xof().fill(&mut query);
        Self { query }
    }

    pub(super) fn write(&self, numbers: &[i64]) -> String {
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.seal(&bytes)
    }

    pub(super) fn write_text(&self, text: &str) -> String {
        self.seal(text.as_bytes())
    }

    /// The numbers of a token; `None` for the empty one.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID`.
    pub(super) fn read<const COUNT: usize>(
        &self,
        token: &str,
    ) -> Result<Option<[i64; COUNT]>, Refusal> {
        let Some(bytes) = self.open(token)? else { return Ok(None) };
        let (numbers, rest) = bytes.as_chunks::<8>();
        let numbers: Vec<i64> = numbers.iter().map(|one| i64::from_le_bytes(*one)).collect();
        match <[i64; COUNT]>::try_from(numbers) {
            Ok(numbers) if rest.is_empty() => Ok(Some(numbers)),
            _ => Err(invalid()),
        }
    }

    /// The text of a token; `None` for the empty one.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID`.
    pub(super) fn read_text(&self, token: &str) -> Result<Option<String>, Refusal> {
        let Some(bytes) = self.open(token)? else { return Ok(None) };
        String::from_utf8(bytes).map(Some).map_err(|_| invalid())
    }

    fn seal(&self, place: &[u8]) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(self.query);
        bytes.extend(place);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn open(&self, token: &str) -> Result<Option<Vec<u8>>, Refusal> {
        if token.is_empty() {
            return Ok(None);
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
        let place = bytes
            .strip_prefix(&[VERSION])
            .and_then(|bytes| bytes.strip_prefix(&self.query[..]))
            .ok_or_else(invalid)?;
        Ok(Some(place.to_vec()))
    }
}

fn invalid() -> Refusal {
    let violation = Violation {
        field: "page_token".to_owned(),
        description: "is not of this list, filter and order".to_owned(),
    };
    Refusal { violations: vec![violation], ..Refusal::new(Code::PageTokenInvalid) }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn a_token_is_read_by_its_own_query_only() {
        let token = Token::of(&["list", "a"]).write(&[1, -2]);
        assert_eq!(Token::of(&["list", "a"]).read(&token), Ok(Some([1, -2])));
        assert!(Token::of(&["list", "b"]).read::<2>(&token).is_err());
        assert!(Token::of(&["lista", ""]).read::<2>(&token).is_err());
        assert!(Token::of(&["list", "a"]).read::<3>(&token).is_err());
        assert!(Token::of(&["list", "a"]).read::<2>("%%%").is_err());
        assert_eq!(Token::of(&["list", "a"]).read::<2>(""), Ok(None));
    }

    #[test]
    fn text_comes_back_as_it_was() {
        let token = Token::of(&["items"]);
        assert_eq!(token.read_text(&token.write_text("å-1")), Ok(Some("å-1".to_owned())));
    }
}
