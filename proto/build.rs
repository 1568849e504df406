//! Compiles the contract without protoc.

use std::{env, error::Error, fs, path::PathBuf};

fn main() -> Result<(), Box<dyn Error>> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let mut files: Vec<PathBuf> = fs::read_dir("orders/v1")?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.sort();
    println!("cargo:rerun-if-changed=orders/v1");

    let mut compiler = protox::Compiler::new(["."])?;
    compiler.include_source_info(true).include_imports(true).open_files(&files)?;
    // The raw bytes keep what prost's own descriptor types would drop; reflection serves them.
    fs::write(out.join("descriptor.bin"), compiler.encode_file_descriptor_set())?;

    // The server answers these with stored bytes, so it generates its own stubs for them (server/build.rs).
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(true)
        .bytes(".")
        .btree_map(".")
        // They hold secrets; the crate prints them without.
        .skip_debug([
            ".orders.v1.AdyenIntegration",
            ".orders.v1.CargonizerIntegration",
            ".orders.v1.KlarnaIntegration",
            ".orders.v1.TripletexIntegration",
            ".orders.v1.VippsIntegration",
        ])
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
