//! The forms in which a stream travels, one file each. Pure: bytes in, bytes out, no sockets.
//!
//! | transport | content type | a message | heartbeat | messages were skipped | farewell |
//! | --- | --- | --- | --- | --- | --- |
//! | [`hessian`] | `application/x-hessian` | a streaming packet | an empty packet | not told | end of the body |
//! | [`script`] | `text/html` | a script tag that calls a function | a line feed | a call of `comet_gap` | a call of `comet_end` |
//! | [`sse`] | `text/event-stream` | an event with its position as id | a comment | an event `gap` | an event `end` or `rotate` |
//! | [`xhr`] | `application/x-ndjson` | a line, an object | an empty line | a notice `gap` | a notice `end` or `rotate` |
//! | [`multipart`] | `multipart/x-mixed-replace` | a part, an object | a line feed before the object | a notice `gap` | a notice `end` or `rotate`, the last boundary |
//! | [`poll`] | `application/json` | an object in an answer | the empty answer | a notice `gap` | a notice `end` |
//! | [`ws`], JSON | | a text message with its position | a ping | a notice `gap` | a notice `end` or `rotate`, a close frame |
//! | [`ws`], Hessian | | a binary message | a ping | a notice `gap` | a notice `end` or `rotate`, a close frame |
//! | [`ruffle`] | | a binary message with a streaming packet | a ping | not told | a close frame |
//!
//! A direct message looks like a broadcast without a position. By which address and parameters each is asked for:
//! [`web`](crate::web).
//!
//! # JSON objects
//!
//! The messages and notices of `xhr`, `multipart`, `ws` and the polls:
//!
//! | object | when |
//! | --- | --- |
//! | `{"event":"begin","position":"ab:6","resume":"complete","heartbeat":15,"rotate":30}` | first, once (in polls its members stand in the answer itself) |
//! | `{"position":"ab:7","data":…}` | a message of the stream |
//! | `{"data":…}` | a direct message, outside of the stream |
//! | `{"event":"gap","from":8,"to":9,"position":"ab:9"}` | the messages 8 to 9 were skipped, for a slow reader of a stream that drops |
//! | `{"event":"rotate","position":"ab:12"}` | last: come back at once, after this position. The connection's time is over, or the server ends: then the next one is asked |
//! | `{"event":"end","position":"ab:12"}` | last: the stream is over, for good |
//!
//! What has no `event` is a message, what has one is a notice; clients skip notices they do not know. `resume` is the
//! verdict on the place that was asked for ([`Resume`](crate::Resume)): `fresh` (none was), `complete`, `gap 3-6`
//! (these are lost; what comes after them follows) or `epoch-changed` (another history: what it still holds follows).
//! `heartbeat` is the longest silence in seconds, `rotate` the seconds until the response ends by itself, null if it
//! does not. A reader goes on with `?since=` the last `position` that it was told.

mod chunk;
pub mod hessian;
mod json;
pub mod multipart;
pub mod poll;
pub mod ruffle;
pub mod script;
pub mod sse;
pub mod ws;
pub mod xhr;

pub(crate) use chunk::{Frame, LAST_CHUNK};

use std::sync::LazyLock;

use crate::encode::{Classes, Framing, Grammar};
use crate::message::Message;
use crate::position::Position;

/// Why the server ends a connection in good order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Farewell {
    /// The stream is over.
    Complete,
    /// The connection's time is over, or the server's, and not the stream: the client comes back and goes on where it is.
    Rotate,
}

impl Farewell {
    /// As clients read it: `complete` or `rotate`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Rotate => "rotate",
        }
    }
}

/// A form in which a stream travels to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// Hessian streaming packets, for rich clients.
    Hessian {
        /// How packets are cut.
        framing: Framing,
        /// The dialect of their values.
        grammar: Grammar,
    },
    /// Script tags for a hidden iframe.
    Script,
    /// Server-sent events.
    Sse,
    /// Lines of JSON, for scripts that read a response while it grows.
    Xhr,
    /// Parts of JSON, each of which replaces the one before.
    Multipart,
    /// WebSocket messages of JSON.
    WsJson,
    /// WebSocket messages that are Hessian values.
    WsHessian,
    /// Hessian streaming packets in WebSocket messages, for Flash movies in Ruffle.
    Ruffle {
        /// How packets are cut.
        framing: Framing,
        /// The dialect of their values.
        grammar: Grammar,
    },
}

const FRAMINGS: [Framing; 4] = [Framing::Ws, Framing::P, Framing::Varint, Framing::Marked];
const GRAMMARS: [Grammar; Grammar::COUNT] = [Grammar::Final, Grammar::Draft, Grammar::Tutorial];

impl Transport {
    /// Number of Hessian forms: they come first.
    const HESSIAN: usize = FRAMINGS.len() * Grammar::COUNT;

    /// Number of forms whose frames a message keeps. What comes after them has few readers, and each its own copy.
    pub(crate) const SHARED: usize = Self::HESSIAN + Self::OTHERS.len();

    /// Number of different framings of a message; [`form`](Self::form) counts them.
    pub(crate) const FORMS: usize = Self::SHARED + Self::HESSIAN;

    /// The forms without a framing and a grammar, in their order.
    const OTHERS: [Self; 6] =
        [Self::Script, Self::Sse, Self::Xhr, Self::Multipart, Self::WsJson, Self::WsHessian];

    /// One of each form, in the order of [`form`](Self::form).
    pub(crate) const ALL: [Self; Self::FORMS] = {
        let mut all = [Self::Script; Self::FORMS];
        let mut form = 0;
        while form < Self::HESSIAN {
            let (framing, grammar) = (FRAMINGS[form % FRAMINGS.len()], GRAMMARS[form / FRAMINGS.len()]);
            all[form] = Self::Hessian { framing, grammar };
            all[Self::SHARED + form] = Self::Ruffle { framing, grammar };
            form += 1;
        }
        let mut other = 0;
        while other < Self::OTHERS.len() {
            all[Self::HESSIAN + other] = Self::OTHERS[other];
            other += 1;
        }
        all
    };

    /// Hessian 2.0 in this framing.
    #[must_use]
    pub const fn hessian(framing: Framing) -> Self {
        Self::Hessian { framing, grammar: Grammar::Final }
    }

    /// The index of this form in a table with one entry per form.
    pub(crate) const fn form(self) -> usize {
        match self {
            Self::Hessian { framing, grammar } => packets(framing, grammar),
            Self::Script => Self::HESSIAN,
            Self::Sse => Self::HESSIAN + 1,
            Self::Xhr => Self::HESSIAN + 2,
            Self::Multipart => Self::HESSIAN + 3,
            Self::WsJson => Self::HESSIAN + 4,
            Self::WsHessian => Self::HESSIAN + 5,
            Self::Ruffle { framing, grammar } => Self::SHARED + packets(framing, grammar),
        }
    }

    /// Whether it travels as frames of a WebSocket.
    #[must_use]
    pub const fn is_websocket(self) -> bool {
        matches!(self, Self::WsJson | Self::WsHessian | Self::Ruffle { .. })
    }

    /// The grammar of its values, if they are Hessian.
    pub(crate) const fn grammar(self) -> Option<Grammar> {
        match self {
            Self::Hessian { grammar, .. } | Self::Ruffle { grammar, .. } => Some(grammar),
            Self::WsHessian => Some(Grammar::Final),
            Self::Script | Self::Sse | Self::Xhr | Self::Multipart | Self::WsJson => None,
        }
    }

    /// The media type of the response. Empty for a WebSocket, which has none.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Hessian { .. } => hessian::CONTENT_TYPE,
            Self::Script => script::CONTENT_TYPE,
            Self::Sse => sse::CONTENT_TYPE,
            Self::Xhr => xhr::CONTENT_TYPE,
            Self::Multipart => multipart::CONTENT_TYPE,
            Self::WsJson | Self::WsHessian | Self::Ruffle { .. } => "",
        }
    }

    /// The message as every up-to-date reader of this form gets it.
    pub(crate) fn frame(self, message: &Message, classes: &Classes) -> Frame {
        if let Some(grammar) = self.grammar() {
            return self.frame_value(&[&message.hessian(grammar, classes).bytes], message.is_direct);
        }
        let (json, position) = (message.json(), message.told_position());
        Frame::build(|out| match self {
            Self::Script => script::message(json, position, out),
            Self::Sse => sse::message(json, position, out),
            Self::Xhr => xhr::message(json, position, out),
            Self::Multipart => multipart::message(json, position, out),
            _ => ws::message(json, position, out),
        })
    }

    /// The frame of a Hessian form around a value that is in parts: definitions of classes, and the rest.
    pub(crate) fn frame_value(self, parts: &[&[u8]], is_direct: bool) -> Frame {
        Frame::build(|out| match self {
            Self::Hessian { framing, .. } => framing.frame(parts, out),
            Self::Ruffle { framing, .. } => {
                let mut packet = Vec::new();
                framing.frame(parts, &mut packet);
                ws::binary(&[&packet], out);
            }
            _ => ws::value(parts, is_direct, out),
        })
    }

    /// What tells the reader that the messages `from..=to.sequence` were skipped, if the form can tell. A Hessian
    /// stream cannot: every packet is a value that the client has asked for.
    pub(crate) fn gap(self, from: u64, to: Position) -> Option<Frame> {
        match self {
            Self::Hessian { .. } | Self::Ruffle { .. } => None,
            Self::Script => Some(Frame::build(|out| script::gap(from, to, out))),
            Self::Sse => Some(Frame::build(|out| sse::gap(from, to, out))),
            Self::Xhr => Some(Frame::build(|out| xhr::gap(from, to, out))),
            Self::Multipart => Some(Frame::build(|out| multipart::gap(from, to, out))),
            Self::WsJson | Self::WsHessian => Some(Frame::build(|out| ws::gap(from, to, out))),
        }
    }

    /// What keeps an idle connection alive and means nothing to its reader.
    #[must_use]
    pub const fn heartbeat(self) -> &'static [u8] {
        match self {
            Self::Hessian { framing, .. } => framing.heartbeat(),
            Self::Script => script::HEARTBEAT,
            Self::Sse => sse::HEARTBEAT,
            Self::Xhr => xhr::HEARTBEAT,
            Self::Multipart => multipart::HEARTBEAT,
            Self::WsJson | Self::WsHessian | Self::Ruffle { .. } => ws::HEARTBEAT,
        }
    }

    /// The heartbeat, framed once for all connections of the process.
    pub(crate) fn heartbeat_frame(self) -> &'static Frame {
        static HEARTBEATS: LazyLock<[Frame; Transport::FORMS]> = LazyLock::new(|| {
            Transport::ALL.map(|transport| Frame::build(|out| out.extend_from_slice(transport.heartbeat())))
        });
        &HEARTBEATS[self.form()]
    }

    /// What tells the reader that the server ends the connection at `position`, before the body ends. Empty where
    /// the end of the body says so.
    pub(crate) fn farewell(self, why: Farewell, position: Position, out: &mut Vec<u8>) {
        match self {
            Self::Hessian { .. } => out.extend_from_slice(hessian::FAREWELL),
            Self::Script => script::farewell(why, position, out),
            Self::Sse => sse::farewell(why, position, out),
            Self::Xhr => xhr::farewell(why, position, out),
            Self::Multipart => multipart::farewell(why, position, out),
            Self::WsJson | Self::WsHessian => ws::farewell(why, position, out),
            Self::Ruffle { .. } => ws::close(Some(why.into()), out),
        }
    }
}

/// The place of packets among the packets of all framings and grammars.
const fn packets(framing: Framing, grammar: Grammar) -> usize {
    let framing = match framing {
        Framing::Ws => 0,
        Framing::P => 1,
        Framing::Varint => 2,
        Framing::Marked => 3,
        _ => panic!("a framing that this server does not know yet"),
    };
    framing + FRAMINGS.len() * grammar as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_has_its_own_index() {
        for (index, transport) in Transport::ALL.into_iter().enumerate() {
            assert_eq!(transport.form(), index, "{transport:?}");
        }
    }
}
