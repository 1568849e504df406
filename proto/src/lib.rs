//! The contract of the order service: messages, clients and the descriptor set, generated from
//! `orders/v1/*.proto`.

pub mod placeholders;
pub mod systems;

/// Package `orders.v1`.
#[allow(clippy::all, clippy::doc_markdown, reason = "generated code")]
pub mod v1 {
    tonic::include_proto!("orders.v1");
}

/// Systems print nothing secret.
macro_rules! discreet {
    ($($name:ident in $system:ident),+ $(,)?) => {
        $(
            impl std::fmt::Debug for v1::$name {
                fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    let mut system = v1::integration::System::$system(self.clone());
                    let mut told = formatter.debug_struct(stringify!($name));
                    for field in systems::fields(&mut system) {
                        told.field(field.name, &field.slot);
                    }
                    told.finish()
                }
            }
        )+
    };
}

discreet!(
    AdyenIntegration in Adyen,
    CargonizerIntegration in Cargonizer,
    KlarnaIntegration in Klarna,
    TripletexIntegration in Tripletex,
    VippsIntegration in Vipps,
);

/// The file descriptor set of the contract with all its options and imports, as reflection serves it.
pub const DESCRIPTOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
