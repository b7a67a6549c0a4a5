//! What operators look at, over HTTP: `/healthz`, `/readyz`, `/metrics`, `/console`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};

use super::console::Console;
use super::metrics;
use super::phase::Phase;
use super::status::Status;

/// A page that is made anew each time.
type Headers = [(header::HeaderName, &'static str); 3];

pub(super) const fn headers(media_type: &'static str) -> Headers {
    [
        (header::CONTENT_TYPE, media_type),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]
}

const TEXT: Headers = headers("text/plain; charset=utf-8");

/// `/healthz`: the process works, also while it ends. `/readyz`: new clients are welcome.
pub(super) fn health(status: Arc<Status>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { (TEXT, "ok\n") }))
        .route("/readyz", get(ready))
        .with_state(status)
}

async fn ready(State(status): State<Arc<Status>>) -> Response {
    match status.phases.now() {
        Phase::Serving => (TEXT, "ready\n").into_response(),
        ending => (StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{}\n", ending.name())).into_response(),
    }
}

/// Those, the metrics, and the console if there is one.
pub(super) fn all(status: Arc<Status>, console: Option<&Console>) -> Router {
    let metrics = Router::new().route("/metrics", get(metrics)).with_state(status.clone());
    let pages = health(status).merge(metrics);
    match console {
        Some(console) => pages.merge(console.router()),
        None => pages,
    }
}

async fn metrics(State(status): State<Arc<Status>>) -> Response {
    match status.metrics().await {
        Some(text) => (headers(metrics::MEDIA_TYPE), text).into_response(),
        None => (StatusCode::INTERNAL_SERVER_ERROR, TEXT, "metrics cannot be written\n").into_response(),
    }
}
