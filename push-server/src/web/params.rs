//! What a request for a stream may say, and what it is told when it says it wrong.

use std::time::Duration;

use axum::extract::{self, FromRequestParts, Path};
use axum::response::Response;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::text;
use crate::guard::Reason;
use crate::hub::{BadClientId, ClientId, Start};
use crate::transport::{Transport, script};
use crate::{BadPosition, Epoch, Framing, Grammar, Limits, Position};

/// A request for a stream, but for the stream and the transport, which stand in the path.
#[derive(Debug)]
pub(crate) struct Ask {
    query: Query,
    pub(super) headers: HeaderMap,
    /// Only the head of a response is asked for: nothing is waited for, nobody becomes present.
    pub(super) is_head: bool,
}

/// Anything else is ignored: scripts add `?_=123` so that no cache answers. So is what another transport would
/// understand.
#[derive(Debug, Default, Deserialize)]
struct Query {
    framing: Option<String>,
    grammar: Option<String>,
    callback: Option<String>,
    since: Option<String>,
    last: Option<String>,
    client: Option<String>,
    to: Option<String>,
    rotate: Option<String>,
    wait: Option<String>,
    format: Option<String>,
}

/// Why a request is refused: a short text, boxed as it is rare.
pub(super) type Refusal = Box<Response>;

pub(super) fn refuse(status: StatusCode, what: &str) -> Refusal {
    Box::new(text(status, what))
}

/// The same for a reason of which the status does not tell.
pub(super) fn refuse_for(why: Reason, what: &str) -> Refusal {
    let mut refusal = refuse(why.status(), what);
    refusal.extensions_mut().insert(why);
    refusal
}

/// One that says when to come back.
pub(super) fn refuse_for_now(why: Reason, seconds: u32, what: &str) -> Refusal {
    let mut refusal = refuse_for(why, what);
    refusal.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    refusal
}

fn bad(what: &str) -> Refusal {
    refuse(StatusCode::BAD_REQUEST, what)
}

/// What is asked for at `/streams/{stream}/{transport}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A response that streams, in this form.
    Stream(Transport),
    /// One answer, as soon as there is something to say.
    LongPoll,
    /// One answer, now.
    Poll,
}

/// In which form the messages of an answer to a poll are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Hessian,
}

/// A position that no history has: what follows on it is [`Resume::EpochChanged`](crate::Resume).
const NOWHERE: Position = Position { epoch: Epoch::new(u64::MAX), sequence: u64::MAX };

impl Ask {
    /// The transport of this name.
    pub(super) fn asked(&self, transport: &str) -> Result<Asked, Refusal> {
        Ok(match transport {
            "hessian" => Asked::Stream(self.hessian()?),
            "script" => Asked::Stream(Transport::Script),
            "sse" => Asked::Stream(Transport::Sse),
            "xhr" => Asked::Stream(Transport::Xhr),
            "multipart" => Asked::Stream(Transport::Multipart),
            "longpoll" => Asked::LongPoll,
            "poll" => Asked::Poll,
            _ => {
                let names =
                    "A transport is one of hessian, script, sse, xhr, multipart, longpoll, poll, ws, ruffle.";
                return Err(refuse(StatusCode::NOT_FOUND, names));
            }
        })
    }

    /// `framing` and `grammar`.
    pub(super) fn hessian(&self) -> Result<Transport, Refusal> {
        let (framing, grammar) =
            packets(self.query.framing.as_deref(), self.query.grammar.as_deref()).map_err(bad)?;
        Ok(Transport::Hessian { framing, grammar })
    }

    /// `framing` and `grammar` of packets for Flash clients, whose defaults are the tutorial's.
    pub(super) fn flash(&self) -> Result<Transport, Refusal> {
        let Transport::Hessian { mut framing, mut grammar } = self.hessian()? else { return self.hessian() };
        if self.query.framing.is_none() {
            framing = Framing::P;
        }
        if self.query.grammar.is_none() {
            grammar = Grammar::Tutorial;
        }
        Ok(Transport::Ruffle { framing, grammar })
    }

    /// Where to begin: `Last-Event-ID`, else `since`, else `last`, else `otherwise`.
    pub(super) fn start(&self, otherwise: Start) -> Result<Start, Refusal> {
        match self.headers.get("last-event-id") {
            // A browser that never got an id sends none or an empty one. It gives the header by itself, from
            // whatever served this address before, and never tries again after an error: an id that is no
            // position of ours is answered like one of another history.
            Some(id) if !id.is_empty() => {
                let position = id.to_str().ok().and_then(|id| id.parse().ok());
                return Ok(Start::After(position.unwrap_or(NOWHERE)));
            }
            _ => {}
        }
        if let Some(position) = &self.query.since {
            let position = position.parse();
            return Ok(Start::After(
                position.map_err(|error: BadPosition| bad(&format!("since: {error}.")))?,
            ));
        }
        match &self.query.last {
            None => Ok(otherwise),
            Some(count) => match whole(count) {
                Some(count) => Ok(Start::Latest(count)),
                None => Err(bad("last is how many messages to begin with, a whole number.")),
            },
        }
    }

    /// Whether the request says where to begin.
    pub(super) fn has_start(&self) -> bool {
        self.query.since.is_some() || self.query.last.is_some() || self.headers.contains_key("last-event-id")
    }

    /// Who asks.
    pub(super) fn client(&self) -> Result<Option<ClientId>, Refusal> {
        let id = self.query.client.as_deref().map(str::parse).transpose();
        let id = id.map_err(|error: BadClientId| bad(&format!("client: {error}.")))?;
        Ok(id.filter(|_| !self.is_head))
    }

    /// Whom a message is for. An empty name is none.
    pub(super) fn to(&self) -> Result<Option<ClientId>, Refusal> {
        let id = self.query.to.as_deref().filter(|id| !id.is_empty()).map(str::parse).transpose();
        id.map_err(|error: BadClientId| bad(&format!("to: {error}.")))
    }

    /// The function of the parent page.
    pub(super) fn callback(&self) -> Result<script::Callback, Refusal> {
        match self.query.callback.as_deref() {
            None => Ok(script::Callback::default()),
            Some(name) => script::Callback::new(name).map_err(|error| bad(&format!("callback: {error}."))),
        }
    }

    /// After what time the response ends by itself.
    pub(super) fn rotate_after(
        &self,
        transport: Transport,
        limits: &Limits,
    ) -> Result<Option<Duration>, Refusal> {
        let Some(seconds) = &self.query.rotate else {
            let grows = matches!(transport, Transport::Script | Transport::Xhr);
            return Ok((grows && !limits.rotate.is_zero()).then_some(limits.rotate));
        };
        match within(seconds, limits.rotate_longest) {
            Ok(Duration::ZERO) => Ok(None),
            Ok(time) => Ok(Some(time)),
            Err(longest) => {
                Err(bad(&format!("rotate is a whole number of seconds, 1 to {longest}, or 0 for never.")))
            }
        }
    }

    /// How long a long poll waits.
    pub(super) fn wait(&self, limits: &Limits) -> Result<Duration, Refusal> {
        match &self.query.wait {
            None => Ok(limits.poll_wait),
            Some(seconds) => within(seconds, limits.poll_longest_wait)
                .map_err(|longest| bad(&format!("wait is a whole number of seconds, 0 to {longest}."))),
        }
    }

    /// The form of an answer, if the request names one.
    pub(super) fn format(&self) -> Result<Option<Format>, Refusal> {
        match self.query.format.as_deref() {
            None => Ok(None),
            Some("json") => Ok(Some(Format::Json)),
            Some("hessian") => Ok(Some(Format::Hessian)),
            Some(_) => Err(bad("format is one of json, hessian.")),
        }
    }
}

/// What `framing` and `grammar` ask for, or what they may be.
pub(crate) fn packets(
    framing: Option<&str>,
    grammar: Option<&str>,
) -> Result<(Framing, Grammar), &'static str> {
    let framing = match framing {
        None | Some("ws") => Framing::Ws,
        Some("p") => Framing::P,
        Some("varint") => Framing::Varint,
        Some("marked") => Framing::Marked,
        Some(_) => return Err("framing is one of ws, p, varint, marked."),
    };
    let grammar = match grammar {
        None | Some("final") => Grammar::Final,
        Some("draft") => Grammar::Draft,
        Some("tutorial") => Grammar::Tutorial,
        Some(_) => return Err("grammar is one of final, draft, tutorial."),
    };
    Ok((framing, grammar))
}

/// Digits and nothing else; a number too large for its type is as good as the largest.
fn whole(text: &str) -> Option<u64> {
    let is_whole = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_whole.then(|| text.parse().unwrap_or(u64::MAX))
}

/// Seconds up to `longest`, or its seconds.
fn within(seconds: &str, longest: Duration) -> Result<Duration, u64> {
    let time = whole(seconds).map(Duration::from_secs);
    time.filter(|time| *time <= longest).ok_or(longest.as_secs())
}

/// Refused in our own words, where axum's answers have neither `nosniff` nor an end of line.
impl<S: Send + Sync> FromRequestParts<S> for Ask {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match extract::Query::from_request_parts(parts, state).await {
            Ok(extract::Query(query)) => {
                Ok(Self { query, headers: parts.headers.clone(), is_head: parts.method == Method::HEAD })
            }
            Err(problem) => Err(text(problem.status(), &problem.body_text())),
        }
    }
}

/// The variable segments of a path, refused in the same way.
#[derive(Debug)]
pub(super) struct Segments<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segments<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segments)) => Ok(Self(segments)),
            Err(problem) => Err(text(problem.status(), &problem.body_text())),
        }
    }
}
