//! The contract of the order service: messages, clients and the descriptor set, generated from
//! `orders/v1/*.proto`.

/// Package `orders.v1`.
#[allow(clippy::all, clippy::doc_markdown, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("orders.v1");
}

/// The file descriptor set of the contract with all its options and imports, as reflection serves it.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
