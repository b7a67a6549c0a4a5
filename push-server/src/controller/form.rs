//! The forms in which a controller's values go to the client: those of the hub's transports, and two plain ones.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;

use super::error::{Error, WriteError};
use crate::encode::{Classes, HessianBody};
use crate::hub::{Delivery, Resume};
use crate::message::{Bodies, Rendered};
use crate::transport::script::Callback;
use crate::transport::ws::CloseReason;
use crate::transport::{Farewell, Transport, script, sse, ws};
use crate::{Framing, Grammar, Limits, Position, PublishError};

/// What a connection's values look like on the wire.
///
/// | form | content type | a value | silence is broken by | the end is told by |
/// | --- | --- | --- | --- | --- |
/// | [`Hessian`](Self::Hessian) | `application/x-hessian` | a packet; classes are defined as this reader needs them | an empty packet | the end of the body |
/// | [`Script`](Self::Script) | `text/html` | a script tag that calls a function of the parent page | a line feed | a call of `comet_end` |
/// | [`Sse`](Self::Sse) | `text/event-stream` | an event | a comment | an event `end` or `rotate` |
/// | [`Json`](Self::Json) | `application/x-ndjson` | a line of JSON; an element of one array in a [long poll](super::Suspend::long_poll) (`application/json`) | an empty line | the end of the body |
/// | [`WsJson`](Self::WsJson) | a WebSocket | a text message `{"data":…}` | a ping | a close frame; before it the notice `end` or `rotate`, if a stream was joined |
/// | [`WsHessian`](Self::WsHessian) | a WebSocket | a binary message; classes are defined as this reader needs them | a ping | the same |
/// | [`Raw`](Self::Raw) | yours | bytes as they are, [`Context::write`](super::Context::write) only | nothing | the end of the body |
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// Hessian streaming packets, as [`transport::hessian`](crate::transport::hessian) has them.
    Hessian {
        /// How packets are cut.
        framing: Framing,
        /// The dialect of their values.
        grammar: Grammar,
    },
    /// Script tags into an iframe, as [`transport::script`](crate::transport::script) has them. The function gets
    /// the value and `null`, or the position of a message of the joined stream.
    Script(Callback),
    /// Server-sent events, as [`transport::sse`](crate::transport::sse) has them.
    Sse,
    /// JSON, for scripts that read the response as it comes, and for long polls.
    Json,
    /// A WebSocket of JSON objects, as [`transport::ws`](crate::transport::ws) has them. What the client says is
    /// [`read`](super::Controller::read). The request has to be a handshake (426), from a page of an origin that
    /// [`Origins`](crate::web::Origins) admits (403). [`Context::write`](super::Context::write) makes a binary message.
    WsJson,
    /// The same, of Hessian values.
    WsHessian,
    /// Bytes of this content type.
    Raw(HeaderValue),
}

impl Form {
    /// Hessian 2.0 in this framing.
    #[must_use]
    pub const fn hessian(framing: Framing) -> Self {
        Self::Hessian { framing, grammar: Grammar::Final }
    }

    /// Script tags that call `comet_update`, as in the tutorial.
    #[must_use]
    pub fn script() -> Self {
        Self::Script(Callback::default())
    }

    /// Bytes of this content type.
    ///
    /// # Panics
    ///
    /// If `content_type` is no header value: if it has characters that are not visible ASCII.
    #[must_use]
    pub const fn raw(content_type: &'static str) -> Self {
        Self::Raw(HeaderValue::from_static(content_type))
    }

    /// The hub's transport with the same messages. For JSON and raw bytes, which are no transport of the hub's,
    /// the one whose values are JSON.
    #[must_use]
    pub const fn transport(&self) -> Transport {
        match *self {
            Self::Hessian { framing, grammar } => Transport::Hessian { framing, grammar },
            Self::Script(_) => Transport::Script,
            Self::WsJson => Transport::WsJson,
            Self::WsHessian => Transport::WsHessian,
            Self::Sse | Self::Json | Self::Raw(_) => Transport::Sse,
        }
    }

    pub(super) const fn is_websocket(&self) -> bool {
        matches!(self, Self::WsJson | Self::WsHessian)
    }

    /// What a WebSocket is told last, when its connection fails.
    pub(super) fn failure(&self, error: &Error) -> Vec<u8> {
        let mut out = Vec::new();
        if self.is_websocket() {
            let (code, reason) = match *error {
                Error::Breach { code, reason } => (code, reason),
                Error::Stream(_) => (1008, "too slow for this stream"),
                _ => (1011, "this address failed"),
            };
            ws::close(Some(CloseReason { code, reason }), &mut out);
        }
        out
    }

    pub(super) fn content_type(&self, is_poll: bool) -> HeaderValue {
        match self {
            Self::Raw(content_type) => content_type.clone(),
            Self::Json if is_poll => HeaderValue::from_static("application/json"),
            Self::Json => HeaderValue::from_static("application/x-ndjson"),
            form => HeaderValue::from_static(form.transport().content_type()),
        }
    }

    /// What keeps an idle connection alive. Empty where nothing can be said that means nothing.
    pub(super) const fn heartbeat(&self) -> &'static [u8] {
        match self {
            Self::Raw(_) => b"",
            Self::Json => b"\n",
            form => form.transport().heartbeat(),
        }
    }

    /// What comes before the first value. `joined` is where in a stream the connection begins; a WebSocket is told how
    /// long its silences and its life are.
    pub(super) fn preamble(
        &self,
        joined: Option<(Position, Resume)>,
        heartbeat: Duration,
        lifetime: Option<Duration>,
    ) -> Vec<u8> {
        match (self, joined) {
            (Self::Script(callback), joined) => {
                // Of a reader that is fresh the position is not told.
                let nowhere = (Position { epoch: crate::Epoch::new(0), sequence: 0 }, Resume::Fresh);
                let (position, resume) = joined.unwrap_or(nowhere);
                script::preamble(callback, position, resume)
            }
            (Self::Sse, Some((position, resume))) => sse::preamble(position, resume),
            (Self::Sse, None) => format!("retry: {}\n\n", sse::RETRY.as_millis()).into_bytes(),
            (Self::WsJson | Self::WsHessian, Some((position, resume))) => {
                let mut out = Vec::new();
                ws::preamble(position, resume, heartbeat, lifetime, &mut out);
                out
            }
            (Self::WsJson | Self::WsHessian, None) => Vec::new(),
            (Self::Hessian { .. } | Self::Json | Self::Raw(_), _) => Vec::new(),
        }
    }

    /// What tells the client that the server ends the connection.
    pub(super) fn farewell(&self, why: Farewell, position: Option<Position>) -> Vec<u8> {
        let mut out = Vec::new();
        match (self, position) {
            (Self::Script(_), Some(position)) => script::farewell(why, position, &mut out),
            (Self::Sse, Some(position)) => sse::farewell(why, position, &mut out),
            (Self::Script(_), None) => {
                let why = why.as_str();
                let tag = format!(
                    "<script type=\"text/javascript\">comet_call(\"comet_end\", \"{why}\", null);</script>\n\
                     </body></html>\n"
                );
                out.extend_from_slice(tag.as_bytes());
            }
            (Self::Sse, None) => {
                let event = match why {
                    Farewell::Complete => "event: end\ndata: complete\n\n",
                    // Without a place to come back to.
                    Farewell::Rotate => "event: rotate\ndata\n\n",
                };
                out.extend_from_slice(event.as_bytes());
            }
            (Self::WsJson | Self::WsHessian, Some(position)) => ws::farewell(why, position, &mut out),
            (Self::WsJson | Self::WsHessian, None) => ws::close(Some(why.into()), &mut out),
            (Self::Hessian { .. } | Self::Json | Self::Raw(_), _) => {}
        }
        out
    }

    /// A value of the application's, for one reader that knows `knows` classes. Encoded in this form alone.
    pub(super) fn value<T: Serialize + ?Sized>(
        &self,
        value: &T,
        knows: &mut u32,
        classes: &Classes,
        limits: &Limits,
    ) -> Result<Vec<u8>, WriteError> {
        match *self {
            Self::Hessian { framing, grammar } => {
                let body = classes.encode(value)?;
                fits("Hessian", body.bytes.len(), limits)?;
                Ok(packet(body, framing, grammar, knows, classes))
            }
            Self::WsHessian => {
                let body = classes.encode(value)?;
                fits("Hessian", body.bytes.len(), limits)?;
                Ok(message(&body, knows, classes))
            }
            Self::Raw(_) => Err(WriteError::NoValues),
            _ => {
                let json = serde_json::to_vec(value).map_err(PublishError::Json)?;
                fits("JSON", json.len(), limits)?;
                Ok(self.text(&json))
            }
        }
    }

    /// The same for JSON, which is checked.
    pub(super) fn json(
        &self,
        json: &Bytes,
        knows: &mut u32,
        classes: &Classes,
        limits: &Limits,
    ) -> Result<Vec<u8>, WriteError> {
        match *self {
            Self::Hessian { framing, grammar } => {
                let body = Bodies::json(json, classes, limits)?.into_hessian();
                Ok(packet(body, framing, grammar, knows, classes))
            }
            Self::WsHessian => {
                let body = Bodies::json(json, classes, limits)?.into_hessian();
                Ok(message(&body, knows, classes))
            }
            Self::Raw(_) => Err(WriteError::NoValues),
            _ => {
                let json = json.trim_ascii();
                fits("JSON", json.len(), limits)?;
                serde_json::from_slice::<serde::de::IgnoredAny>(json).map_err(PublishError::Json)?;
                Ok(self.text(json))
            }
        }
    }

    /// JSON in the forms that are text.
    fn text(&self, json: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(json.len() + 64);
        match self {
            Self::Script(_) => script::message(json, None, &mut out),
            Self::Sse => sse::message(json, None, &mut out),
            Self::WsJson => ws::message(json, None, &mut out),
            _ => {
                // In JSON a line end can only stand between tokens.
                out.extend(json.iter().map(|&byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
                out.push(b'\n');
            }
        }
        out
    }

    /// A message of the joined stream: the bytes that all its readers share, where the form is one of the hub's.
    pub(super) fn delivery(
        &self,
        delivery: &Delivery,
        knows: &mut u32,
        classes: &Classes,
        chunked: bool,
    ) -> Shared {
        match self {
            Self::Json => Shared::Own(self.text(delivery.json())),
            Self::Raw(_) => Shared::Own(delivery.json().to_vec()),
            form => {
                let rendered = Rendered::of(delivery.message(), form.transport(), knows, classes);
                Shared::Framed(rendered.bytes(chunked))
            }
        }
    }

    /// Tells that messages of the joined stream were skipped, where the form can.
    pub(super) fn gap(&self, from: u64, to: Position, chunked: bool) -> Option<Bytes> {
        match self {
            Self::Json | Self::Raw(_) => None,
            form => form.transport().gap(from, to).map(|frame| frame.bytes(chunked)),
        }
    }
}

/// Bytes that are framed already, or are not.
pub(super) enum Shared {
    Framed(Bytes),
    Own(Vec<u8>),
}

/// One packet: the definitions that the reader lacks, and the value.
fn packet(
    body: HessianBody,
    framing: Framing,
    grammar: Grammar,
    knows: &mut u32,
    classes: &Classes,
) -> Vec<u8> {
    let body = match grammar {
        Grammar::Final => body,
        older => classes.translate(&body, older),
    };
    let mut out = Vec::with_capacity(body.bytes.len() + 16);
    classes.definitions(grammar, *knows, body.needs, |definitions| {
        framing.frame(&[definitions, &body.bytes], &mut out);
    });
    *knows = (*knows).max(body.needs);
    out
}

/// The same as a binary message of a WebSocket.
fn message(body: &HessianBody, knows: &mut u32, classes: &Classes) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.bytes.len() + 16);
    classes.definitions(Grammar::Final, *knows, body.needs, |definitions| {
        ws::value(&[definitions, &body.bytes], false, &mut out);
    });
    *knows = (*knows).max(body.needs);
    out
}

fn fits(form: &'static str, bytes: usize, limits: &Limits) -> Result<(), PublishError> {
    let max = limits.message_bytes;
    if bytes <= max { Ok(()) } else { Err(PublishError::TooLong { form, bytes, max }) }
}
