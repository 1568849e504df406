//! What is kept of a command's content: enough to tell whether a repeat is the same, and no more.

use super::{Shop, key_material};
use crate::store::rows::ShopRow;

/// Names the use of the key.
const CONTEXT: &str = "orders.v1 2026-11-25 contents of a shop's commands";

impl Shop {
    /// What stands for the content of a command of this shop where it is stored.
    pub(crate) fn content_print(&self, content: &[u8; 32]) -> [u8; 32] {
        content_print(&self.row, content)
    }
}

/// What stands for the content of a command where it is stored. Other shops have others for the same
/// content, so that no list of guesses tells what was asked for.
pub(crate) fn content_print(shop: &ShopRow, content: &[u8; 32]) -> [u8; 32] {
    let key = blake3::derive_key(CONTEXT, key_material(shop).as_bytes());
    *blake3::keyed_hash(&key, content).as_bytes()
}
