//! The Flash movie, and Ruffle, which plays it.

use std::path::Path;

use anyhow::ensure;
use axum::Router;
use axum::routing::{MethodRouter, get};
use examples::{JAVASCRIPT, file};
use tower_http::services::ServeDir;

/// Built from `examples/flash/comet`.
const MOVIE: &[u8] = include_bytes!("../../flash/comet/comet_client.swf");

/// The movie. What its `comet` is relative to.
pub(crate) fn movie() -> MethodRouter {
    get(async || file("application/x-shockwave-flash", MOVIE))
}

/// Ruffle's files under `/player`; without a folder only a script that does nothing, so that the page says what is missing.
pub(crate) fn routes(folder: Option<&Path>) -> anyhow::Result<Router> {
    let Some(folder) = folder else {
        return Ok(
            Router::new().route("/player/ruffle.js", get(async || file(JAVASCRIPT, b"// See --ruffle.\n")))
        );
    };
    let script = folder.join("ruffle.js");
    ensure!(
        script.is_file(),
        "--ruffle: there is no {}; `npm install @ruffle-rs/ruffle` puts the folder into node_modules",
        script.display()
    );
    Ok(Router::new().nest_service("/player", ServeDir::new(folder)))
}
