//! Secrets of integrations, from wherever one may come but the command line.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use crate::failure::Failure;

/// What the variables begin with that hold secrets.
const SECRET_PREFIX: &str = "ORDERCTL_SECRET_";
const SECRET_BYTES_MAX: u64 = 16 * 1024;
/// What some editors put before the text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// A secret, from wherever it may come.
pub(super) fn secret(name: &str, file: Option<&Path>) -> Result<String, Failure> {
    let text = match file {
        Some(path) if path == Path::new("-") => text_of(io::stdin(), "stdin")?,
        Some(path) => {
            let place = path.display().to_string();
            text_of(File::open(path).map_err(|error| unreadable(&place, &error))?, &place)?
        }
        None => match from_environment(name) {
            Some(secret) => secret,
            None if io::stdin().is_terminal() => rpassword::prompt_password(format!("{name}: "))?,
            None => {
                let variable = variable(name);
                let needed = format!("{name} is needed: --secret {name}=FILE, or {variable}");
                return Err(Failure::Usage(needed));
            }
        },
    };
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(Failure::Usage(format!("{name} is empty")));
    }
    Ok(secret.to_owned())
}

/// Whether the environment has it.
pub(super) fn is_in_environment(field: &str) -> bool {
    from_environment(field).is_some()
}

/// The text that is there, without the mark before it.
fn text_of(source: impl Read, place: &str) -> Result<String, Failure> {
    let mut text = String::new();
    let read = source.take(SECRET_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| unreadable(place, &error))?;
    Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&text).to_owned())
}

fn unreadable(place: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::InvalidData => {
            Failure::Other(format!("cannot read {place}: it is not text in UTF-8"))
        }
        _ => Failure::Other(format!("cannot read {place}: {error}")),
    }
}

fn variable(field: &str) -> String {
    format!("{SECRET_PREFIX}{}", field.to_ascii_uppercase())
}

#[expect(clippy::disallowed_methods, reason = "no option may hold it, so clap cannot read it")]
fn from_environment(field: &str) -> Option<String> {
    std::env::var(variable(field)).ok()
}

#[cfg(test)]
mod tests {
    use super::text_of;

    #[test]
    fn a_mark_before_the_text_is_no_part_of_it_and_what_is_no_text_is_named() {
        let read = |bytes: &[u8]| text_of(bytes, "a.secret");
        assert_eq!(read(b"hemmelig\n").expect("text"), "hemmelig\n");
        assert_eq!(read("\u{feff}på".as_bytes()).expect("text"), "på");
        let wrong = read(b"p\xe5").expect_err("no text").to_string();
        assert_eq!(wrong, "error: cannot read a.secret: it is not text in UTF-8");
    }
}
