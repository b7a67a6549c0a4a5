//! The HTTP surface, as an axum router: nothing here knows sockets.
//!
//! # The contract
//!
//! | request | answer |
//! | --- | --- |
//! | `GET /streams/{stream}/{transport}`, or `POST`, whose body is passed over | the stream in this form |
//! | `GET /streams/{stream}` | the same, in the form that `Accept` likes best; `Vary: Accept`; a WebSocket if it says `Upgrade: websocket` |
//! | `POST /streams/{stream}/messages`, `Content-Type: application/json` or `application/x-hessian` | publishes the body; `{"position":"ab:7","receivers":3}` |
//! | `POST /streams/{stream}/batch`, the same types or `application/x-ndjson` | publishes each value in the body, all or none; `{"position":"ab:9","first":"ab:7","messages":3,"receivers":3}` |
//! | `POST /streams/{stream}/clients/{client}/messages`, as `messages` | publishes the body to one client; `{"receivers":1,"waits":false}` |
//! | `POST /streams/{stream}/send?client=ID&to=ID`, `Content-Type: application/json` | a [message](#messages-from-clients) of a client, for the handlers |
//! | `GET` or `POST /serverComet.message?streamId=…&message=…&clientId=…` | the same in the form of the forever-iframe framework |
//! | `POST /hessian`, `Content-Type: x-application/hessian` | publishes by calls of the Java interface `push.Publisher` |
//! | `GET /push-client.js`, `/push-client.global.js`, `/push-client.d.ts` | the script for browsers that reads all this: a module, a classic script, the types |
//!
//! | transport | media type in `Accept` | rotates | parameters of its own |
//! | --- | --- | --- | --- |
//! | [`sse`](crate::transport::sse) | `text/event-stream`; `*/*`; none | no | |
//! | [`hessian`](crate::transport::hessian) | `application/x-hessian` | no | `framing` = `ws` (default), `p`, `varint`, `marked`; `grammar` = `final` (default), `draft`, `tutorial` |
//! | [`longpoll`](crate::transport::poll) | `application/json` | | `wait`, seconds; `format` = `json` (default), `hessian`, or by `Accept`; then `framing` and `grammar` |
//! | [`poll`](crate::transport::poll) | | | `format`, `framing`, `grammar` as `longpoll` |
//! | [`xhr`](crate::transport::xhr) | `application/x-ndjson` | after 30 s | |
//! | [`multipart`](crate::transport::multipart) | `multipart/x-mixed-replace` | no | |
//! | [`script`](crate::transport::script) | `text/html` | after 30 s | `callback`, a function of the parent page |
//!
//! `GET /streams/{stream}/ws` is a [WebSocket](crate::transport::ws), of JSON or of Hessian values by subprotocol;
//! `GET /streams/{stream}/ruffle` and `GET /ruffle` are [sockets of Flash movies](crate::transport::ruffle).
//!
//! Parameters of all of them, in the query; others are passed over, and a parameter given twice is refused:
//!
//! | parameter | |
//! | --- | --- |
//! | `since=epoch:sequence`, or the header `Last-Event-ID`, which wins | goes on after this position. The answer gives the verdict: `complete`, `gap 3-6`, `epoch-changed` |
//! | `last=N` | begins with the newest N messages that are held |
//! | `token=TOKEN` | a [token](crate::guard#tokens), for who cannot set `Authorization` |
//! | `client=ID` | the reader is present by this [name](crate::ClientId), and gets what is sent to it alone |
//! | `rotate=SECONDS` | the response ends after this time, 1 to a day ([`Limits::rotate_longest`](crate::Limits::rotate_longest)), 0 for never; not for polls |
//! | `wait=SECONDS` | a long poll waits so long, 0 to 60 ([`Limits::poll_longest_wait`](crate::Limits::poll_longest_wait)); 25 if it does not say |
//!
//! A `since` that is no position is refused; a `Last-Event-ID` that is none is answered as one of another history, as
//! browsers send it by themselves and never come back after an error.
//!
//! | header field of an answer | |
//! | --- | --- |
//! | `push-position` | the position before the first message |
//! | `push-resume` | the verdict on `since`, if there was one |
//! | `push-heartbeat` | streams: seconds of silence at most; who hears nothing for twice that has lost its server |
//! | `push-rotate` | streams that rotate: after how many seconds |
//! | `push-counting: none` | Hessian: positions cannot be counted from packets |
//! | `push-next-position`, `push-next`, `push-gap` | polls: see [`poll`](crate::transport::poll) |
//!
//! | status | when |
//! | --- | --- |
//! | 400 | a parameter, a name or the body is wrong; the text says which and what is right |
//! | 401 | a [token](crate::guard#tokens) is needed, or the one that was given is not known; `WWW-Authenticate` |
//! | 403 | the token is for something else; the page is [of another origin](Origins) (WebSockets, publishing, messages of clients, of which nothing says that they are of this one); a Ruffle bridge within another one |
//! | 404 | no such stream or transport |
//! | 410 | the stream is over: it was closed while the application still has its address |
//! | 405 | a method that the address does not know |
//! | 406 | nothing of what the client accepts |
//! | 426 | here is a WebSocket, and the request is no handshake |
//! | 502 | a Ruffle bridge could not connect to this port |
//! | 408, 413, 415, 422 | publishing: the body took too long; is too long; is neither JSON nor Hessian by its type; has no form in the other of the two, or its `Idempotency-Key` was used for another |
//! | 429 | [too often](crate::guard#rates), too many connections of one address, or a client takes less than it is sent; `Retry-After` says when it is not |
//! | 503 | the server is full (connections, streams, bodies under way, logs), or shutting down; `Retry-After` where coming back helps |
//!
//! Answers to requests with an `Origin` that is [admitted](Origins) have the fields of CORS, and `OPTIONS` of such pages is
//! answered for every route.
//!
//! A client comes back at once after `rotate`, and after the end of a body or a connection without a farewell; after
//! `end` the stream is over. In every case it goes on with `since=` the last position that it was told.
//!
//! With `?since=` or `?last=`, and `?client=` if it has a name, a publication is answered with what has gathered as
//! well, in the member `poll`, which is the answer of an interval poll (piggyback):
//! `{"position":"ab:7","receivers":3,"poll":{"resume":"complete",…}}`. What the client has just published is in it.
//!
//! Publishing with an `Idempotency-Key` publishes once, however often it is tried; the second answer is the first one
//! again, with `Idempotent-Replayed: true`, and a `poll` of its own. A batch has `batch_messages` (256) and
//! [`Limits::batch_bytes`](crate::Limits::batch_bytes) at most.
//!
//! # Messages from clients
//!
//! Where they may ([`Access::sends`]), clients send values that the [handlers](crate::messages) of the application are asked
//! about, and that go to one client or to all if no handler takes them. Over HTTP the answer is an object:
//!
//! | answer | |
//! | --- | --- |
//! | `{"position":"ab:7","receivers":3}` | it was published, to this position |
//! | `{"receivers":1,"waits":false}` | it was sent to one client; with 0 and true it waits for the client to come back |
//! | `{"reply":…}`, `{}` | a handler has taken it, and says this, or nothing |
//! | 422, `{"status":422,"message":"It is not your turn.","people":true}` | a handler refuses it, in words for people, to be shown to them as text |
//! | 404 | as elsewhere, or the client that it is for is not present |
//! | 500 | a handler failed; the text has a reference to the line in the log that says why |
//! | 429, `Retry-After` | too often, or the client that it is for takes too little |
//! | 503, `Retry-After` | the handlers have too many in hand (`handlers_at_once`), or as elsewhere |
//!
//! `POST /streams/{stream}/send`: the body is the value. `client` is the sender, `to` whom it is for; with an empty name, or
//! without, it is for all. `since` or `last` bring along what has gathered, as with a publication.
//!
//! `/serverComet.message`, for pages that were written for that framework: parameters in the query, in the body of a form, or
//! in both; others are passed over, one given twice or that is no UTF-8 is refused. The value is the text of `message`, a
//! string. `clientId` is whom it is for, as the system handler of the framework has it; `client`, which the framework does
//! not know, names the sender. (What the framework itself answered is not documented. These answers are JSON: what a
//! script, a frame or an image asks for arrives all the same, and nothing of the answer is run or shown.)
//!
//! On a [WebSocket](crate::transport::ws) the client sends objects, and gets these answers as notices.
//!
//! ## Which requests are believed to be meant
//!
//! A page of another site can have a browser send what it likes, with the address, if not the cookies, of whoever looks at it.
//!
//! | form | what is asked of it |
//! | --- | --- |
//! | `send` | `Content-Type: application/json`, for which browsers ask first; and if there is an `Origin`, one that [`Origins`] admits |
//! | a WebSocket | an `Origin` that is admitted, or none |
//! | `/serverComet.message`, `GET` and `POST` alike | a word for it: `Origin`, if there is one, is admitted; else `Sec-Fetch-Site`, if there is one, is `same-origin`; else the origin of `Referer` is admitted. Without any of the three it is refused, as pages can leave out all three; and so is what is fetched in advance (`Sec-Purpose`) |
//!
//! Else it is 403. A link in a mail (`Sec-Fetch-Site: none`) is none of this site either. Programs use `send`.

mod bridge;
mod client;
mod cors;
mod form;
mod guard;
mod head;
mod negotiate;
mod origin;
mod params;
mod poll;
mod publish;
mod send;
mod service;
mod streams;
mod ws;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, get, on, post};
use http::{StatusCode, header};

pub(crate) use bridge::{Bridges, Place, Port};
pub(crate) use guard::{ClientAddress, denied};
pub(crate) use head::{Extent, SHUTTING_DOWN, head, refusal, stream_head, switching_protocols};
pub use origin::Origins;
pub(crate) use params::packets;
pub(crate) use streams::Takeover;
pub(crate) use ws::{Handshake, wants_websocket};

use crate::guard::{Action, Reason};
use crate::hub::{Hub, Start, Stream};
use crate::messages::Chain;
use crate::{BadStreamName, OpenError, StreamName};
use guard::{Door, door};
use params::{Ask, Refusal, Segments, refuse, refuse_for_now};

/// Subscribing: GET, and POST, since Flash's `URLStream` posts an empty body.
pub(crate) const SUBSCRIBE: MethodFilter = MethodFilter::GET.or(MethodFilter::POST);

/// What clients may do beside reading the streams that are open. Nothing by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// A stream is opened by the first request for it, whoever makes it, up to
    /// [`Limits::streams`](crate::Limits::streams). At that bound a new one takes the place of one that was opened in
    /// this way too, that nobody reads and no client is present in, and whose log is empty: nothing was published to
    /// it, or everything is older than [`Limits::log_age`](crate::Limits::log_age). A stream of which the application
    /// holds a handle keeps its place.
    pub opens: bool,
    /// Whoever reaches the server publishes, to streams and to single clients; or, where
    /// [tokens](crate::guard::Rules::publish) are asked for, who has one.
    pub publishes: bool,
    /// Clients send [messages](crate::messages), which the handlers get, and whoever they are for. With the system handler
    /// alone that is as much as `publishes`, but that it says who a message is for: so, where those that publish are asked
    /// for [tokens](crate::guard#tokens), those that send are too.
    pub sends: bool,
}

impl Access {
    /// Everything: for a server that stands alone behind something that knows its users.
    pub const ALL: Self = Self { opens: true, publishes: true, sends: true };
}

/// The streams of a hub, and what clients may do with them.
#[derive(Clone, Debug)]
struct Site {
    hub: Hub,
    access: Access,
    /// Who handles messages, where clients may send them.
    chain: Option<Chain>,
}

impl Site {
    /// Whether there is, or can be, a stream of this name.
    fn knows(&self, name: &str) -> Result<(), Refusal> {
        if self.hub.get(name).is_some() {
            return Ok(());
        }
        match self.access.opens {
            false => Err(refuse(StatusCode::NOT_FOUND, "No such stream.")),
            true => self.name(name).map(drop),
        }
    }

    fn name(&self, name: &str) -> Result<StreamName, Refusal> {
        name.parse()
            .map_err(|error: BadStreamName| refuse(StatusCode::BAD_REQUEST, &format!("stream: {error}.")))
    }

    /// The stream of this name; opened, if need be and clients may.
    fn stream(&self, name: &str) -> Result<Stream, Refusal> {
        self.knows(name)?;
        if let Some(stream) = self.hub.get(name) {
            return Ok(stream);
        }
        let name = self.name(name)?;
        self.hub
            .open_for_client(&name)
            .map_err(|error: OpenError| refuse_for_now(Reason::Streams, 30, &format!("{error}.")))
    }
}

/// The streams of `hub` that are open, to be read, as the [contract](self#the-contract) says, and short texts for
/// everything else. To be served by [`Server`](crate::Server); more routes may be merged into it.
pub fn router(hub: Hub) -> Router {
    router_with(hub, Access::default())
}

/// The same, with more that clients may do. Messages that they send, the system handler alone delivers.
pub fn router_with(hub: Hub, access: Access) -> Router {
    router_with_handlers(hub, access, Chain::new())
}

/// The same, with the handlers of messages that clients send, which [`Access::sends`] lets in.
pub fn router_with_handlers(hub: Hub, access: Access, chain: Chain) -> Router {
    let reading = || from_fn_with_state(Door::new(&hub, Action::Subscribe), door);
    let publishing = || from_fn_with_state(Door::new(&hub, Action::Publish), door);
    let sending = || from_fn_with_state(Door::new(&hub, Action::Send), door);
    let mut router = Router::new()
        .route("/streams/{stream}", on(SUBSCRIBE, streams::negotiated))
        .route("/streams/{stream}/{transport}", on(SUBSCRIBE, streams::by_name))
        .route("/streams/{stream}/ws", get(ws::by_name))
        .route("/streams/{stream}/ruffle", get(ws::ruffle_by_name))
        .route_layer(reading());
    if access.publishes {
        let publish = Router::new()
            .route("/streams/{stream}/messages", post(publish::message))
            .route("/streams/{stream}/batch", post(publish::batch))
            .route("/streams/{stream}/clients/{client}/messages", post(publish::direct))
            .merge(service::router(&hub, access));
        router = router.merge(publish.route_layer(publishing()));
    }
    if access.sends {
        let send = Router::new()
            .route("/streams/{stream}/send", post(send::by_name))
            .route("/serverComet.message", on(MethodFilter::GET.or(MethodFilter::POST), send::framework));
        router = router.merge(send.route_layer(sending()));
    }
    let chain = access.sends.then_some(chain);
    router
        // Whatever comes through a bridge comes to these doors by itself.
        .route("/ruffle", get(bridge::open))
        .merge(client::router())
        .with_state(Site { hub, access, chain })
        .fallback(|| async { text(StatusCode::NOT_FOUND, "Nothing is served here.") })
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(cors::cors))
}

/// For routes that know some methods only.
pub(crate) async fn wrong_method() -> Response {
    text(StatusCode::METHOD_NOT_ALLOWED, "This address does not know this method.")
}

/// `stream` at an address of its own: `path` as Hessian packets, and `path/hessian`, `path/sse` and so on as with
/// [`router`], beginning at `start` unless the request says where.
pub fn alias(path: &str, stream: &Stream, start: Start) -> Router {
    let by_transport = |stream: Stream| {
        async move |Segments(transport): Segments<String>, ask: Ask| {
            streams::answer(&stream, &transport, &ask, start).await
        }
    };
    let plain = |stream: Stream| async move |ask: Ask| streams::answer(&stream, "hessian", &ask, start).await;
    let websocket = |stream: Stream| {
        async move |ask: Ask, handshake: Handshake| {
            ws::answer(ws::open(&stream, &ask, handshake, start, None))
        }
    };
    let movie = |stream: Stream| {
        async move |ask: Ask, handshake: Handshake| {
            ws::answer(ws::open_ruffle(&stream, &ask, handshake, start))
        }
    };
    Router::new()
        .route(path, on(SUBSCRIBE, plain(stream.clone())))
        .route(&format!("{path}/{{transport}}"), on(SUBSCRIBE, by_transport(stream.clone())))
        .route(&format!("{path}/ws"), get(websocket(stream.clone())))
        .route(&format!("{path}/ruffle"), get(movie(stream.clone())))
        .route_layer(from_fn_with_state(Door::of(stream), door))
        .layer(from_fn(cors::cors))
        .method_not_allowed_fallback(wrong_method)
}

/// A short plain text.
pub(crate) fn text(status: StatusCode, what: &str) -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    (status, headers, format!("{what}\n")).into_response()
}
