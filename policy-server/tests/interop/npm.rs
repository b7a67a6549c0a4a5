//! Programs from npm, at the versions that `npm/package-lock.json` pins.

use std::fs;
use std::path::PathBuf;

use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

/// The folder of one package, or of one of its files.
pub(crate) fn package(path: &str) -> PathBuf {
    // From wherever in the workspace this is used.
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../policy-server/tests/interop/npm");
    let package = folder.join("node_modules").join(path);
    assert!(package.exists(), "no {path}: npm ci --ignore-scripts --prefix {}", folder.display());
    package
}

/// Ruffle as npm has it. One path segment, so that no other file can be named.
pub(crate) async fn ruffle(Path(file): Path<String>) -> impl IntoResponse {
    let kind = match file.rsplit_once('.') {
        Some((_, "wasm")) => "application/wasm", // or the browser will not compile it as it comes
        Some((_, "js")) => "text/javascript",
        _ => return Err(StatusCode::NOT_FOUND),
    };
    if file.contains(['/', '\\']) {
        return Err(StatusCode::NOT_FOUND);
    }
    let path = package("@ruffle-rs/ruffle").join(file);
    let bytes = tokio::task::spawn_blocking(|| fs::read(path)).await.expect("it does not panic");
    bytes.map(|bytes| ([(header::CONTENT_TYPE, kind)], bytes)).map_err(|_| StatusCode::NOT_FOUND)
}
