//! `GET /streams/{stream}/ws` and `ruffle`: the handshake of RFC 6455, and what follows on it.
//!
//! What the messages are: [`transport::ws`](crate::transport::ws) and [`transport::ruffle`](crate::transport::ruffle).

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::guard::Caller;
use super::origin::{Asker, Origins};
use super::params::{Ask, Refusal, Segments, refuse, refuse_for};
use super::streams::{Takeover, field, place, seconds, subscribe};
use super::{Extent, Site, head, text};
use crate::guard::Reason;
use crate::hub::{Start, Stream};
use crate::messages::Chain;
use crate::transport::ws::{self, HESSIAN_PROTOCOL, JSON_PROTOCOL, Subprotocol};
use crate::transport::{Transport, hessian};

/// A handshake that is right, from a page that may connect.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// The answer, but for what comes of the rest of the request.
    response: Response,
    is_page: bool,
    /// Which of our subprotocols it offers first.
    offered: Option<Subprotocol>,
}

impl<S: Send + Sync> FromRequest<S> for Handshake {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        Self::of(&request).map(|handshake| *handshake).map_err(|refusal| *refusal)
    }
}

impl Handshake {
    /// What this request is, for routes that are not for WebSockets alone.
    pub(crate) fn of(request: &Request) -> Result<Box<Self>, Box<Response>> {
        let origins = request.extensions().get::<Origins>().cloned().unwrap_or_default();
        Self::check(request, &origins).map(Box::new)
    }

    /// The answer to a request that is none.
    pub(crate) fn missing() -> Response {
        *upgrade_required(NO_HANDSHAKE)
    }

    /// The answer where `spoken` is spoken, which it names if the client has offered that.
    pub(crate) fn accept(mut self, spoken: Subprotocol) -> Response {
        if self.offered == Some(spoken) {
            let name = HeaderValue::from_static(spoken.name());
            self.response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, name);
        }
        self.response
    }

    /// RFC 6455, 4.2.1.
    fn check(request: &Request, origins: &Origins) -> Result<Self, Refusal> {
        let headers = request.headers();
        let is_upgrade = request.method() == Method::GET
            && request.version() >= Version::HTTP_11
            && lists(headers, &header::CONNECTION, "upgrade")
            && wants_websocket(headers);
        if !is_upgrade {
            return Err(upgrade_required(NO_HANDSHAKE));
        }
        // One version, told once: 4.1 and 11.3.5. Which ones are spoken, the answer says (4.4).
        let mut versions = headers.get_all(header::SEC_WEBSOCKET_VERSION).iter();
        if versions.next().is_none_or(|version| version != "13") || versions.next().is_some() {
            return Err(upgrade_required(
                "One version of WebSocket is spoken here, Sec-WebSocket-Version: 13.",
            ));
        }
        // What comes behind a handshake are frames: whoever forwards it has to agree where it ends.
        if !request.body().is_end_stream() {
            return Err(refuse(StatusCode::BAD_REQUEST, "A handshake has no body."));
        }
        let keys: Vec<_> = headers.get_all(header::SEC_WEBSOCKET_KEY).iter().collect();
        let is_key = |key: &HeaderValue| STANDARD.decode(key.as_bytes()).is_ok_and(|nonce| nonce.len() == 16);
        let [key] = keys[..] else { return Err(bad_key()) };
        if !is_key(key) {
            return Err(bad_key());
        }
        let is_page = match Origins::asked_by(headers) {
            Asker::NoPage => false,
            Asker::Page(origin) if origins.admits(origin, headers) => true,
            _ => return Err(refuse_for(Reason::Origin, "Pages of that origin may not connect here.")),
        };
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let fields = response.headers_mut();
        fields.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        fields.insert(header::SEC_WEBSOCKET_ACCEPT, field(derive_accept_key(key.as_bytes())));
        let offered = Subprotocol::choose(headers.get_all(header::SEC_WEBSOCKET_PROTOCOL));
        let offered = offered.and_then(|(protocol, is_named)| is_named.then_some(protocol));
        Ok(Self { response, is_page, offered })
    }

    /// What is no page can open TCP itself.
    pub(super) fn of_a_page(self) -> Result<Response, Refusal> {
        match self.is_page {
            true => Ok(self.response),
            false => Err(refuse(StatusCode::FORBIDDEN, "A bridge is for pages, which say their Origin.")),
        }
    }
}

/// Whether a field that is a list of tokens has this one, on whichever of its lines (RFC 9110, 5.6.1 and 5.3).
fn lists(headers: &HeaderMap, field: &HeaderName, token: &str) -> bool {
    let lines = headers.get_all(field).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|item| item.trim().eq_ignore_ascii_case(token))
}

/// Whether the client would rather have a WebSocket than what it asks for.
pub(crate) fn wants_websocket(headers: &HeaderMap) -> bool {
    lists(headers, &header::UPGRADE, "websocket")
}

const NO_HANDSHAKE: &str =
    "Here is a WebSocket: GET, HTTP/1.1, with Connection: Upgrade and Upgrade: websocket.";

fn bad_key() -> Refusal {
    refuse(StatusCode::BAD_REQUEST, "A handshake has one Sec-WebSocket-Key, 16 bytes in base64.")
}

fn upgrade_required(what: &str) -> Refusal {
    let mut response = text(StatusCode::UPGRADE_REQUIRED, what);
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    Box::new(response)
}

/// `/streams/{stream}/ws`.
pub(super) async fn by_name(
    State(site): State<Site>,
    Segments(stream): Segments<String>,
    caller: Caller,
    ask: Ask,
    handshake: Handshake,
) -> Response {
    open_by_name(&site, &stream, &caller, &ask, handshake)
}

pub(super) fn open_by_name(
    site: &Site,
    stream: &str,
    caller: &Caller,
    ask: &Ask,
    handshake: Handshake,
) -> Response {
    let heard_by = site.chain.as_ref().map(|chain| (chain, caller));
    // The protocol first: a request that makes no sense opens no stream.
    let stream = protocol(&ask.headers).and_then(|_| site.stream(stream));
    answer(stream.and_then(|stream| open(&stream, ask, handshake, Start::Live, heard_by)))
}

/// `/streams/{stream}/ruffle`.
pub(super) async fn ruffle_by_name(
    State(site): State<Site>,
    Segments(stream): Segments<String>,
    ask: Ask,
    handshake: Handshake,
) -> Response {
    let stream = ask.flash().and_then(|_| site.stream(&stream));
    answer(stream.and_then(|stream| open_ruffle(&stream, &ask, handshake, Start::Live)))
}

pub(super) fn answer(result: Result<Response, Refusal>) -> Response {
    result.unwrap_or_else(|refusal| *refusal)
}

/// The subprotocol, and the name to answer with, if some were offered.
fn protocol(headers: &HeaderMap) -> Result<(Transport, Option<&'static str>), Refusal> {
    let offered = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL);
    let Some((protocol, is_named)) = Subprotocol::choose(offered) else {
        let known = format!("A subprotocol is one of {JSON_PROTOCOL}, {HESSIAN_PROTOCOL}.");
        return Err(refuse(StatusCode::BAD_REQUEST, &known));
    };
    let transport = match protocol {
        Subprotocol::Json => Transport::WsJson,
        Subprotocol::Hessian => Transport::WsHessian,
    };
    Ok((transport, is_named.then_some(protocol.name())))
}

/// A WebSocket on `stream`.
pub(super) fn open(
    stream: &Stream,
    ask: &Ask,
    handshake: Handshake,
    start: Start,
    heard_by: Option<(&Chain, &Caller)>,
) -> Result<Response, Refusal> {
    let (transport, name) = protocol(&ask.headers)?;
    let limits = stream.limits();
    let rotate_after = ask.rotate_after(transport, limits)?;
    let mut subscription = subscribe(stream, transport, ask, start)?;
    if let Some(time) = rotate_after {
        subscription = subscription.rotate_after(time);
    }
    if let Some((chain, caller)) = heard_by {
        subscription = subscription.heard_from(chain, caller.speaker());
    }
    let mut response = handshake.response;
    // For clients that can see this head: scripts cannot.
    place(&subscription, response.headers_mut());
    if let Some(name) = name {
        response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    let mut preamble = Vec::new();
    let (position, resume) = (subscription.position(), subscription.resume());
    ws::preamble(position, resume, limits.heartbeat, rotate_after, &mut preamble);
    Ok(Takeover::Stream { subscription, preamble: preamble.into() }.begin(response))
}

/// The eager form for a movie.
pub(super) fn open_ruffle(
    stream: &Stream,
    ask: &Ask,
    handshake: Handshake,
    start: Start,
) -> Result<Response, Refusal> {
    let mut response = handshake.of_a_page()?;
    let transport = ask.flash()?;
    let rotate_after = ask.rotate_after(transport, stream.limits())?;
    let mut subscription = subscribe(stream, transport, ask, start)?;
    // What the movie reads is the head of the answer to the request that never came.
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(hessian::CONTENT_TYPE));
    place(&subscription, &mut headers);
    if let Some(time) = rotate_after {
        subscription = subscription.rotate_after(time);
        headers.insert("push-rotate", seconds(time));
    }
    let head = head(Version::HTTP_10, StatusCode::OK, &headers, Extent::Close);
    place(&subscription, response.headers_mut());
    let mut preamble = Vec::with_capacity(head.len() + 16);
    ws::binary(&[&head], &mut preamble);
    Ok(Takeover::Stream { subscription, preamble: preamble.into() }.begin(response))
}
