//! The binaries under test, built once per run with the tests' own profile.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(build);

pub(crate) fn server() -> PathBuf {
    FOLDER.join("order-server")
}

pub(crate) fn orderctl() -> PathBuf {
    FOLDER.join("orderctl")
}

/// The workspace's root.
pub(crate) fn workspace() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap().to_owned()
}

/// `target/debug` or `target/release`, as the tests themselves lie in its `deps`.
fn build() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(Path::parent).unwrap().to_owned();
    let mut cargo = Command::new(env!("CARGO"));
    // The whole workspace, as the tests: other features would have all it rests on built again.
    cargo.args(["build", "--quiet", "--workspace", "--bins", "--target-dir"]);
    cargo.arg(folder.parent().unwrap()).current_dir(workspace()).stdin(Stdio::null());
    if folder.ends_with("release") {
        cargo.arg("--release");
    }
    // What cargo tells the tests of their package is no news for what it builds: some build scripts would
    // run anew for it, and all that rests on them be built again, in every run.
    for (name, _) in std::env::vars_os() {
        let is_of_tests =
            |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|of| name.starts_with(of));
        if name.to_str().is_some_and(is_of_tests) {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the binaries under test do not build:\n{said}");
    folder
}
