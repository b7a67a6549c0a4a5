//! Programs from npm, at the versions that `npm/package-lock.json` pins.

use std::path::PathBuf;

/// The folder of one package, or of one of its files.
pub(crate) fn package(path: &str) -> PathBuf {
    // From wherever in the workspace this is used.
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../policy-server/tests/interop/npm");
    let package = folder.join("node_modules").join(path);
    assert!(package.exists(), "no {path}: npm ci --ignore-scripts --prefix {}", folder.display());
    package
}
