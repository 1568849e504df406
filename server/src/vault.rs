//! Keeps the credentials of integrations secret: encrypted wherever they are stored, and bound to the
//! integration they were given for.
//!
//! The first key encrypts and every key decrypts, so keys are rotated by putting a new one in front
//! and taking an old one away once all is sealed with the new one. Keys of a file are read anew while
//! the process runs. Sealed bytes are a version, a mark of the key, a nonce, and the
//! XChaCha20-Poly1305 text, with the names of integration and field as the associated data: moved to
//! another place, they cannot be opened.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use prost::Message;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

/// The keys of this process; clones share them.
#[derive(Clone, Default)]
pub(crate) struct Vault {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    keys: RwLock<Arc<[Key]>>,
    /// Where they are read anew.
    file: Option<PathBuf>,
    /// Why they could not be, the last time.
    problem: Mutex<Option<String>>,
}

/// Says which key something was sealed with.
pub(crate) type Mark = [u8; MARK_BYTES];

struct Key {
    cipher: XChaCha20Poly1305,
    mark: Mark,
    /// Makes prints of secrets.
    print: Zeroizing<[u8; KEY_BYTES]>,
}

/// The secrets of an integration, each sealed by itself, as they are stored: by field.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct Sealed {
    #[prost(btree_map = "string, bytes", tag = "1")]
    pub(crate) secrets: BTreeMap<String, Vec<u8>>,
}

/// There is no key to encrypt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoKey;

/// What is sealed cannot be opened: with none of the keys, or not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable;

const VERSION: u8 = 1;
const KEY_BYTES: usize = 32;
const KEYS_MAX: usize = 10;
const MARK_BYTES: usize = 8;
const NONCE_BYTES: usize = 24;
const MARK_CONTEXT: &str = "orders.v1 2026-11-25 mark of a credentials key";
const PRINT_CONTEXT: &str = "orders.v1 2026-11-25 print of a credential";

impl Vault {
    /// Reads keys: one a line or between commas, each 32 bytes in hexadecimal or base64; the first
    /// encrypts. Lines that begin with `#` say nothing.
    ///
    /// # Errors
    /// What is wrong, without any of it.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        keys(text).map(|keys| Self::of(keys, None))
    }

    /// Reads the keys of a file, now and whenever it has changed.
    ///
    /// # Errors
    /// One line on the file: it cannot be read, or what is in it is no key.
    pub(crate) fn of_file(path: &Path) -> Result<Self, String> {
        keys_of(path).map(|keys| Self::of(keys, Some(path.to_owned())))
    }

    fn of(keys: Vec<Key>, file: Option<PathBuf>) -> Self {
        let keys = RwLock::new(keys.into());
        Self { shared: Arc::new(Shared { keys, file, problem: Mutex::default() }) }
    }

    /// Reads the keys anew, as [`Vault::refresh`] does, off the threads of the asynchronous tasks.
    pub(crate) async fn refreshed(&self) {
        let vault = self.clone();
        drop(spawn_blocking(move || vault.refresh()).await);
    }

    /// Reads the keys anew, if they are in a file. One that cannot be read leaves those there are.
    fn refresh(&self) {
        let Some(path) = &self.shared.file else { return };
        let mut last = self.shared.problem.lock().unwrap_or_else(PoisonError::into_inner);
        match keys_of(path) {
            Ok(keys) => {
                *last = None;
                if marks(&keys) != self.marks() {
                    tracing::info!(keys = keys.len(), "the keys for credentials were read anew");
                    let mut known =
                        self.shared.keys.write().unwrap_or_else(PoisonError::into_inner);
                    *known = keys.into();
                }
            }
            Err(problem) if last.as_ref() == Some(&problem) => {}
            Err(problem) => {
                tracing::warn!(problem, "the keys for credentials stay as they were");
                *last = Some(problem);
            }
        }
    }

    fn keys(&self) -> Arc<[Key]> {
        self.shared.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The marks of all keys, the one that encrypts first.
    pub(crate) fn marks(&self) -> Vec<Mark> {
        marks(&self.keys())
    }

    /// Encrypts a secret for this field of the integration of this name with the first key, which
    /// [`Vault::refreshed`] must have looked for: one that is gone from the file opens nothing after
    /// the next start.
    ///
    /// # Errors
    /// Without a key.
    pub(crate) fn seal(
        &self,
        name: &str,
        field: &str,
        secret: &SecretString,
    ) -> Result<Vec<u8>, NoKey> {
        let keys = self.keys();
        let key = keys.first().ok_or(NoKey)?;
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| NoKey)?;
        let place = place(name, field);
        let text = Payload { msg: secret.expose_secret().as_bytes(), aad: place.as_bytes() };
        let text = key.cipher.encrypt(&XNonce::from(nonce), text).map_err(|_| NoKey)?;
        Ok([&[VERSION][..], &key.mark, &nonce, &text].concat())
    }

    /// Decrypts what was sealed for this field of the integration of this name.
    ///
    /// # Errors
    /// When none of the keys did it, or not for this place.
    pub(crate) fn open(
        &self,
        name: &str,
        field: &str,
        sealed: &[u8],
    ) -> Result<SecretString, Unreadable> {
        let (version, rest) = sealed.split_first().ok_or(Unreadable)?;
        let (mark, rest) = rest.split_first_chunk::<MARK_BYTES>().ok_or(Unreadable)?;
        let (nonce, text) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(Unreadable)?;
        if *version != VERSION {
            return Err(Unreadable);
        }
        let mut keys = self.keys();
        if !keys.iter().any(|key| key.mark == *mark) {
            self.refresh();
            keys = self.keys();
        }
        let key = keys.iter().find(|key| key.mark == *mark).ok_or(Unreadable)?;
        let place = place(name, field);
        let text = Payload { msg: text, aad: place.as_bytes() };
        let text = key.cipher.decrypt(&XNonce::from(*nonce), text).map_err(|_| Unreadable)?;
        String::from_utf8(text).map(SecretString::from).map_err(|_| Unreadable)
    }

    /// What stands for a secret where only equality matters: without the key nobody can tell the
    /// secret by trying. A repeat after the first key has changed does not look like the same.
    pub(crate) fn print(&self, secret: &SecretString) -> String {
        let keys = self.keys();
        let Some(key) = keys.first() else { return String::new() };
        blake3::keyed_hash(&key.print, secret.expose_secret().as_bytes()).to_hex().to_string()
    }
}

impl Sealed {
    /// The same with the key that encrypts now, as it is stored; `None` where nothing is to be done.
    ///
    /// # Errors
    /// When one of them cannot be opened.
    pub(crate) fn renewed(&self, vault: &Vault, name: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let mark = vault.marks().first().copied();
        let is_old =
            |sealed: &[u8]| sealed.get(1..=MARK_BYTES) != mark.as_ref().map(Mark::as_slice);
        if mark.is_none() || !self.secrets.values().any(|sealed| is_old(sealed)) {
            return Ok(None);
        }
        let mut renewed = Self::default();
        for (field, sealed) in &self.secrets {
            let secret = vault.open(name, field, sealed)?;
            let sealed = vault.seal(name, field, &secret).map_err(|NoKey| Unreadable)?;
            renewed.secrets.insert(field.clone(), sealed);
        }
        Ok(renewed.column())
    }

    /// What is in the column of this name.
    pub(crate) fn stored(column: Option<&[u8]>) -> Self {
        column.and_then(|bytes| Self::decode(bytes).ok()).unwrap_or_default()
    }

    /// The column; nothing where there is no secret.
    pub(crate) fn column(&self) -> Option<Vec<u8>> {
        (!self.secrets.is_empty()).then(|| self.encode_to_vec())
    }
}

impl Key {
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let mut mark = [0; MARK_BYTES];
        let digest = blake3::derive_key(MARK_CONTEXT, bytes);
        mark.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Self {
            cipher: XChaCha20Poly1305::new(&(*bytes).into()),
            mark,
            print: Zeroizing::new(blake3::derive_key(PRINT_CONTEXT, bytes)),
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Vault of {} keys", self.keys().len())
    }
}

fn keys_of(path: &Path) -> Result<Vec<Key>, String> {
    let text = std::fs::read_to_string(path).map(Zeroizing::new);
    let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    keys(&text).map_err(|problem| format!("{}: {problem}", path.display()))
}

fn keys(text: &str) -> Result<Vec<Key>, String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let parts = lines.flat_map(|line| line.split(',')).map(str::trim);
    let mut keys: Vec<Key> = Vec::new();
    for (index, part) in parts.filter(|part| !part.is_empty()).enumerate() {
        let bytes = key_bytes(part).ok_or_else(|| {
            format!("key {} must be 32 bytes in hexadecimal or base64", index + 1)
        })?;
        let key = Key::new(&bytes);
        if keys.iter().any(|other| other.mark == key.mark) {
            return Err(format!("key {} is there twice", index + 1));
        }
        keys.push(key);
    }
    match keys.len() {
        0 => Err("must have a key".to_owned()),
        count if count > KEYS_MAX => Err(format!("must have at most {KEYS_MAX} keys")),
        _ => Ok(keys),
    }
}

fn marks(keys: &[Key]) -> Vec<Mark> {
    keys.iter().map(|key| key.mark).collect()
}

/// What a sealed secret is bound to.
fn place(name: &str, field: &str) -> String {
    format!("{name}#{field}")
}

fn key_bytes(text: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let bytes = Zeroizing::new(match text.len() {
        64 => hexadecimal(text)?,
        _ => STANDARD.decode(text).ok()?,
    });
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|value| u8::try_from(value).ok()))
        .collect();
    let digits = Zeroizing::new(digits?);
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| pair.iter().try_fold(0_u8, |sum, one| sum.checked_mul(16)?.checked_add(*one)))
        .collect()
}
