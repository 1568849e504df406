//! §3.3 E-mail addresses: refused when impossible, questioned when probably mistyped, never changed.

mod domains;
#[cfg(test)]
mod tests;

use domains::{LOOK_ALIKES, ONE_HOME, PROVIDERS, TOP_LEVEL};

/// The longest address that SMTP can carry, in bytes.
pub const EMAIL_BYTES_MAX: usize = 254;

const LOCAL_BYTES_MAX: usize = 64;
const LABEL_BYTES_MAX: usize = 63;
/// Names shorter than this are too alike to call two differences a slip.
const LONG_NAME_CHARACTERS: usize = 5;

/// The address that was probably meant, when the domain looks like a slip of a well-known one.
/// Only ever a suggestion: mail goes to what the customer wrote.
#[must_use]
pub fn suggest_email(email: &str) -> Option<String> {
    if !is_valid_email(email) {
        return None;
    }
    let (local, domain) = email.rsplit_once('@')?;
    let suggestion = suggest_domain(&domain.to_lowercase())?;
    Some(format!("{local}@{suggestion}"))
}

/// Whether this is one address that mail can be sent to: no second address, no display name, no
/// control characters, at most 254 bytes.
#[must_use]
pub fn is_valid_email(email: &str) -> bool {
    let Some((local, domain)) = email.split_once('@') else { return false };
    email.len() <= EMAIL_BYTES_MAX && is_valid_local(local) && is_valid_domain(domain)
}

fn is_valid_local(local: &str) -> bool {
    let is_atom =
        |character: char| character.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character);
    local.len() <= LOCAL_BYTES_MAX
        && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

fn is_valid_domain(domain: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= LABEL_BYTES_MAX
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|character| character.is_alphanumeric() || character == '-')
    };
    let Some((_, last)) = domain.rsplit_once('.') else { return false };
    domain.split('.').all(is_label)
        && last.chars().count() >= 2
        && !last.chars().all(|character| character.is_ascii_digit())
}

fn suggest_domain(domain: &str) -> Option<&'static str> {
    if let Some((_, meant)) = LOOK_ALIKES.iter().find(|(written, _)| *written == domain) {
        return Some(meant);
    }
    if PROVIDERS.contains(&domain) {
        return None;
    }
    let (name, ending) = domain.split_once('.')?;
    if let Some((_, home)) = ONE_HOME.iter().find(|(known, _)| *known == name) {
        return Some(home);
    }
    let known_ending = TOP_LEVEL.contains(&ending);
    PROVIDERS
        .iter()
        .filter_map(|provider| {
            let (provider_name, provider_ending) = provider.split_once('.')?;
            // Another country's domain is another domain and no slip.
            if known_ending && ending != provider_ending {
                return None;
            }
            let is_long = provider_name.chars().count() >= LONG_NAME_CHARACTERS;
            let slips_max = if is_long { 2 } else { 1 };
            // Most are told apart by their length alone.
            if name.chars().count().abs_diff(provider_name.chars().count()) > slips_max {
                return None;
            }
            let slips = distance(name, provider_name) + distance(ending, provider_ending);
            (slips <= slips_max).then_some((slips, *provider))
        })
        .min_by_key(|&(slips, _)| slips)
        .map(|(_, provider)| provider)
}

/// Letters to insert, delete, replace or swap with their neighbour to turn one word into the other.
fn distance(from: &str, to: &str) -> usize {
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, &letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, &other) in to.iter().enumerate() {
            let at =
                |cells: &[usize], place: usize| cells.get(place).copied().unwrap_or(usize::MAX);
            let replaced = at(&last, column) + usize::from(letter != other);
            let mut best = replaced.min(at(&last, column + 1) + 1).min(at(&current, column) + 1);
            let is_swap = row > 0
                && column > 0
                && from.get(row - 1) == Some(&other)
                && to.get(column - 1) == Some(&letter);
            if is_swap {
                best = best.min(at(&before_last, column - 1) + 1);
            }
            current.push(best);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}
