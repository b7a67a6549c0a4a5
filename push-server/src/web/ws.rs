//! `GET /streams/{stream}/ws`: the handshake of RFC 6455, and what follows on it.
//!
//! What the messages are: [`transport::ws`](crate::transport::ws).

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, handshake::server::create_response_with_body};

use super::origin::{Asker, Origins};
use super::params::{Params, Refusal, Segments, refuse};
use super::streams::Takeover;
use super::{SHUTTING_DOWN, text};
use crate::hub::{Hub, Start, Stream, Subscription};
use crate::transport::ws::{self, HESSIAN_PROTOCOL, JSON_PROTOCOL, Subprotocol};
use crate::transport::{Transport, ruffle};

pub(super) async fn by_name(
    State(hub): State<Hub>,
    origins: Option<Extension<Origins>>,
    Segments(stream): Segments<String>,
    params: Params,
    request: Request,
) -> Response {
    answer(open_stream(&hub, &stream).and_then(|stream| {
        let origins = origins.unwrap_or_default();
        open(&stream, &origins, &params, &request, Start::Live)
    }))
}

/// The same of a Ruffle movie.
pub(super) async fn ruffle_by_name(
    State(hub): State<Hub>,
    origins: Option<Extension<Origins>>,
    Segments(stream): Segments<String>,
    params: Params,
    request: Request,
) -> Response {
    answer(open_stream(&hub, &stream).and_then(|stream| {
        let origins = origins.unwrap_or_default();
        open_ruffle(&stream, &origins, &params, &request, Start::Live)
    }))
}

fn open_stream(hub: &Hub, name: &str) -> Result<Stream, Refusal> {
    hub.get(name).ok_or_else(|| refuse(StatusCode::NOT_FOUND, "No such stream."))
}

pub(super) fn answer(result: Result<Response, Refusal>) -> Response {
    result.unwrap_or_else(|refusal| *refusal)
}

/// Opens a WebSocket on `stream`, or says what is wrong with the request.
pub(super) fn open(
    stream: &Stream,
    origins: &Origins,
    params: &Params,
    request: &Request,
    start: Start,
) -> Result<Response, Refusal> {
    let mut response = accept(request)?;
    let headers = request.headers();
    let is_admitted = match Origins::asked_by(headers) {
        Asker::NoPage => true,
        Asker::Page(origin) => origins.admits(origin, headers),
        Asker::Unclear => false,
    };
    if !is_admitted {
        return Err(refuse(StatusCode::FORBIDDEN, "A page of another origin may not read this."));
    }
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let Some((protocol, is_named)) = Subprotocol::choose(offered) else {
        let known = format!("A subprotocol is one of {JSON_PROTOCOL}, {HESSIAN_PROTOCOL}.");
        return Err(refuse(StatusCode::BAD_REQUEST, &known));
    };
    let (transport, name) = match protocol {
        Subprotocol::Json => (Transport::WsJson, JSON_PROTOCOL),
        Subprotocol::Hessian => (Transport::WsHessian, HESSIAN_PROTOCOL),
    };
    if is_named {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    let limits = stream.limits();
    let rotate_after = params.rotate_after(transport, limits)?;
    let mut subscription = subscribe(stream, transport, params, request, start)?;
    if let Some(time) = rotate_after {
        subscription = subscription.rotate_after(time);
    }
    let mut preamble = Vec::new();
    let (position, resume) = (subscription.position(), subscription.resume());
    ws::preamble(position, resume, limits.heartbeat, rotate_after, &mut preamble);
    Ok(Takeover::Stream { subscription, preamble: preamble.into() }.begin(response))
}

/// Opens the eager form for a movie: see [`ruffle`].
pub(super) fn open_ruffle(
    stream: &Stream,
    origins: &Origins,
    params: &Params,
    request: &Request,
    start: Start,
) -> Result<Response, Refusal> {
    let response = accept(request)?;
    admit_movie(origins, request)?;
    let (framing, grammar) = params.flash()?;
    let subscription = subscribe(stream, Transport::Ruffle { framing, grammar }, params, request, start)?;
    let mut preamble = Vec::new();
    ruffle::head(subscription.position(), &mut preamble);
    Ok(Takeover::Stream { subscription, preamble: preamble.into() }.begin(response))
}

/// Whether the page of a movie may open sockets here. What is no page has no need of a bridge.
pub(super) fn admit_movie(origins: &Origins, request: &Request) -> Result<(), Refusal> {
    match Origins::asked_by(request.headers()) {
        Asker::Page(origin) if origins.admits(origin, request.headers()) => Ok(()),
        Asker::Page(_) => Err(refuse(StatusCode::FORBIDDEN, "A page of another origin has no bridge here.")),
        _ => Err(refuse(StatusCode::FORBIDDEN, "A bridge takes exactly one Origin.")),
    }
}

fn subscribe(
    stream: &Stream,
    transport: Transport,
    params: &Params,
    request: &Request,
    start: Start,
) -> Result<Subscription, Refusal> {
    let mut subscription = stream.subscribe(transport, params.start(request.headers(), start)?);
    if subscription.has_ended() {
        return Err(refuse(StatusCode::SERVICE_UNAVAILABLE, SHUTTING_DOWN));
    }
    if let Some(client) = params.client()? {
        subscription = subscription
            .client(&client)
            .map_err(|error| refuse(StatusCode::SERVICE_UNAVAILABLE, &format!("{error}.")))?;
    }
    Ok(subscription)
}

/// Checks the handshake (RFC 6455, 4.2.1). The answer lacks what comes of the rest of the request.
pub(super) fn accept(request: &Request) -> Result<Response, Refusal> {
    let answer = create_response_with_body(request, || ()).map_err(|error| {
        let what = match error {
            Error::Protocol(ProtocolError::MissingSecWebSocketKey) => "A WebSocket needs a Sec-WebSocket-Key.",
            Error::Protocol(ProtocolError::MissingSecWebSocketVersionHeader) => {
                return upgrade_required("Only version 13 of WebSocket is spoken here.");
            }
            _ => return upgrade_required("Here is a WebSocket: GET with Connection: Upgrade and Upgrade: websocket."),
        };
        refuse(StatusCode::BAD_REQUEST, what)
    })?;
    let keys: Vec<_> = request.headers().get_all(header::SEC_WEBSOCKET_KEY).iter().collect();
    let is_key = |key: &&HeaderValue| STANDARD.decode(key.as_bytes()).is_ok_and(|nonce| nonce.len() == 16);
    if !matches!(&keys[..], [key] if is_key(key)) {
        return Err(refuse(StatusCode::BAD_REQUEST, "A Sec-WebSocket-Key is 16 bytes in base64."));
    }
    Ok(answer.into_response())
}

fn upgrade_required(what: &str) -> Refusal {
    let mut response = text(StatusCode::UPGRADE_REQUIRED, what);
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    Box::new(response)
}
