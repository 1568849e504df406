//! Generates the server's stubs from the contract, without protoc.

use std::{env, error::Error, fs, path::PathBuf};

/// Answers that hold stored orders: the server sends their bytes as they are stored.
const STORED_ANSWERS: [&str; 27] = [
    "CreateOrderResponse",
    "GetOrderResponse",
    "BatchGetOrdersResponse",
    "ListOrdersResponse",
    "UpdateOrderResponse",
    "ChangeOrderStatusResponse",
    "WithdrawStatusChangeResponse",
    "EditOrderResponse",
    "DeleteOrderResponse",
    "AttachPaymentResponse",
    "DismissProblemResponse",
    "RetryEffectResponse",
    "SettlePaymentOperationResponse",
    "ReconcilePaymentResponse",
    "ExtendReservationResponse",
    "DeliverOrderResponse",
    "CancelDeliveryResponse",
    "ConfirmArrivalResponse",
    "RecordWithdrawalResponse",
    "CreditOrderResponse",
    "ResolveDuplicateResponse",
    "DismissDuplicateResponse",
    "AddOrderNoteResponse",
    "ResendMailResponse",
    "TransferOrderToAccountingResponse",
    "PrintOrderLabelResponse",
    "WatchOrdersResponse",
];

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from("../proto");
    let mut files: Vec<PathBuf> = fs::read_dir(root.join("orders/v1"))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    println!("cargo:rerun-if-changed=../proto/orders/v1");

    let mut compiler = protox::Compiler::new([&root])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    let mut stubs = tonic_prost_build::configure().build_client(false).build_transport(false);
    for answer in STORED_ANSWERS {
        stubs = stubs.extern_path(format!(".orders.v1.{answer}"), "crate::wire::Frame");
    }
    stubs
        .extern_path(".orders.v1", "::order_proto::v1")
        .compile_fds(compiler.file_descriptor_set())?;
    compile_health()
}

/// The health protocol, with its server.
fn compile_health() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=health/health.proto");
    let mut compiler = protox::Compiler::new(["health"])?;
    compiler.include_source_info(true).open_file("health.proto")?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("health_descriptor.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_client(false)
        .build_transport(false)
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
