//! The contract of the order service: messages, clients and the descriptor set, generated from
//! `orders/v1/*.proto`.

/// Package `orders.v1`.
#[allow(clippy::all, clippy::doc_markdown, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("orders.v1");
}

/// Prints all but the password.
impl std::fmt::Debug for v1::KlarnaIntegration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("KlarnaIntegration")
            .field("endpoint", &self.endpoint())
            .field("username", &self.username)
            .field("password_set_time", &self.password_set_time)
            .field("stand_in_url", &self.stand_in_url)
            .finish_non_exhaustive()
    }
}

/// The file descriptor set of the contract with all its options and imports, as reflection serves it.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
