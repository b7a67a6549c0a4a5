//! CORS: what scripts of pages of other origins may ask for and see.
//!
//! Those pages may that may open WebSockets ([`Origins`]); they are answered with their origin, never with `*`, and
//! without `Access-Control-Allow-Credentials`: cookies mean nothing here, and a token is given by hand.
//!
//! By hand, though there is a crate, `tower-http`: its layer writes the fields, 250 bytes, into each answer, whether or
//! not a page asks, those that Flash reads and WebSocket handshakes among them; it takes every `OPTIONS` for a question
//! of a browser; and a page that may not ask is no refusal that could be counted.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::origin::{Asker, Origins};
use super::params::refuse_for;
use crate::guard::Reason;

/// Seconds for which a browser need not ask again. An origin that is taken from the list is believed for so long at
/// most.
const PREFLIGHT: &str = "600";

/// What a script may send.
const METHODS: &str = "GET, HEAD, POST";
const ASKED: &str = "authorization, cache-control, content-type, idempotency-key, last-event-id";

/// What a script may see of an answer, beside what it always sees.
const TOLD: &str = "push-counting, push-gap, push-heartbeat, push-next, push-next-position, push-position, \
                    push-resume, push-rotate, etag, idempotent-replayed, retry-after, www-authenticate";

/// The layer around the routes.
pub(super) async fn cors(request: Request, next: Next) -> Response {
    let headers = request.headers();
    let origin = match Origins::asked_by(headers) {
        Asker::NoPage | Asker::Unclear => None,
        Asker::Page(origin) => {
            let default = Origins::default();
            let origins = request.extensions().get::<Origins>().unwrap_or(&default);
            let is_admitted = origins.admits(origin, headers);
            is_admitted.then(|| headers[header::ORIGIN].clone())
        }
    };
    let is_preflight = request.method() == Method::OPTIONS
        && headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    if is_preflight {
        return preflight(origin);
    }
    let mut response = next.run(request).await;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        tell(response.headers_mut(), origin);
    }
    response
}

/// What a browser asks before it sends what a form could not.
fn preflight(origin: Option<HeaderValue>) -> Response {
    let Some(origin) = origin else {
        let mut refusal = *refuse_for(Reason::Origin, "Pages of that origin may not ask here.");
        refusal.headers_mut().insert(header::VARY, HeaderValue::from_static("origin"));
        return refusal;
    };
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    tell(headers, Some(origin));
    for (name, value) in [
        (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, ASKED),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn tell(headers: &mut HeaderMap, origin: Option<HeaderValue>) {
    // What nobody keeps is the same for nobody else.
    let is_kept = headers.get(header::CACHE_CONTROL).is_none_or(|control| control != "no-store");
    if origin.is_some() || is_kept {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(TOLD));
    }
}
