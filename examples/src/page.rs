//! Pages and what they are made of: plain files, served as they are.

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;

/// Media type of pages.
pub const HTML: &str = "text/html; charset=utf-8";
/// Media type of scripts.
pub const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// Media type of styles.
pub const CSS: &str = "text/css; charset=utf-8";

/// What a page may load: what this server has. So the browser itself sees to it that no example asks anybody else.
/// (WebAssembly is for Flash movies; Ruffle styles its own element, and shows and runs what it has in memory, `blob:`.)
const MAY: &str = "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self' 'wasm-unsafe-eval'; \
                   img-src 'self' data: blob:; font-src 'self' data:; worker-src 'self' blob:; \
                   connect-src 'self'; frame-src 'self'; \
                   base-uri 'none'; form-action 'none'";

/// A page at `/`, its script at `/page.js`, and what all pages share under `/web`.
pub fn page(html: &'static str, script: &'static str) -> Router {
    let shared = [
        ("/page.js", JAVASCRIPT, script),
        ("/web/look.css", CSS, include_str!("../web/look.css")),
        ("/web/journal.js", JAVASCRIPT, include_str!("../web/journal.js")),
        ("/web/retry.js", JAVASCRIPT, include_str!("../web/retry.js")),
        ("/web/tab.js", JAVASCRIPT, include_str!("../web/tab.js")),
        ("/web/commands.js", JAVASCRIPT, include_str!("../web/commands.js")),
    ];
    let page = Router::new().route(
        "/",
        get(async move || ([(header::CONTENT_SECURITY_POLICY, MAY)], file(HTML, html.as_bytes()))),
    );
    shared.into_iter().fold(page, |router, (path, kind, text)| {
        router.route(path, get(async move || file(kind, text.as_bytes())))
    })
}

/// A file of this media type, to be asked for again before it is used: the next example has another one at the same
/// address.
pub fn file(kind: &'static str, contents: &'static [u8]) -> Response {
    let fields = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (fields, contents).into_response()
}
