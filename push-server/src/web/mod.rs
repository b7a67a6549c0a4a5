//! The HTTP surface, as an axum router: nothing here knows sockets.

mod head;
mod streams;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use http::{HeaderMap, StatusCode, header};

pub(crate) use head::{SHUTTING_DOWN, shutting_down, stream_head};
pub(crate) use streams::Takeover;
use streams::{Params, Segments};

use crate::hub::{Hub, Start, Stream};

/// Subscribing: GET, and POST, since Flash's `URLStream` posts an empty body.
pub(crate) const SUBSCRIBE: MethodFilter = MethodFilter::GET.or(MethodFilter::POST);

/// The streams of `hub` under `/streams/{stream}/{transport}`, and short texts for everything else.
///
/// `transport` is `hessian`, `script` or `sse`. Query parameters: `framing` (`ws`, `p`, `varint`, `marked`),
/// `callback`, `since` (a position; the header `Last-Event-ID` says the same), `last` (how many messages
/// that are there already); others are ignored. A `since` that is no position is refused, a `Last-Event-ID`
/// that is none is answered as one of another history. To be served by [`Server`](crate::Server); more routes may be merged into it.
pub fn router(hub: Hub) -> Router {
    Router::new()
        .route("/streams/{stream}/{transport}", on(SUBSCRIBE, streams::by_name))
        .with_state(hub)
        .fallback(|| async { text(StatusCode::NOT_FOUND, "Nothing is served here.") })
        .method_not_allowed_fallback(wrong_method)
}

/// For routes that know some methods only.
pub(crate) async fn wrong_method() -> Response {
    text(StatusCode::METHOD_NOT_ALLOWED, "This address does not know this method.")
}

/// `stream` at an address of its own: `path` as Hessian packets, `path/hessian`, `path/script` and
/// `path/sse` as with [`router`], beginning at `start` unless the request says where.
pub fn alias(path: &str, stream: &Stream, start: Start) -> Router {
    let by_transport = |stream: Stream| {
        move |Segments(transport): Segments<String>, params: Params, headers: HeaderMap| {
            let response = streams::subscribe(&stream, &transport, &params, &headers, start);
            async move { response }
        }
    };
    let plain = |stream: Stream| {
        move |params: Params, headers: HeaderMap| {
            let response = streams::subscribe(&stream, "hessian", &params, &headers, start);
            async move { response }
        }
    };
    Router::new()
        .route(path, on(SUBSCRIBE, plain(stream.clone())))
        .route(&format!("{path}/{{transport}}"), on(SUBSCRIBE, by_transport(stream.clone())))
        .method_not_allowed_fallback(wrong_method)
}

/// A short plain text.
pub(crate) fn text(status: StatusCode, what: &str) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (status, headers, format!("{what}\n")).into_response()
}
