//! The forms in which a stream travels, one file each. Pure: bytes in, bytes out, no sockets.
//!
//! | transport | content type | a message | heartbeat | farewell |
//! | --- | --- | --- | --- | --- |
//! | [`hessian`] | `application/x-hessian` | a streaming packet | an empty packet | end of the body |
//! | [`script`] | `text/html` | a script tag that calls a function | a line feed | a call of `comet_end` |
//! | [`sse`] | `text/event-stream` | an event with its position as id | a comment | an event `end` |

mod chunk;
pub mod hessian;
pub mod script;
pub mod sse;

pub(crate) use chunk::{Frame, LAST_CHUNK};

use std::sync::LazyLock;

use crate::encode::Framing;
use crate::message::Message;

/// A form in which a stream travels to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// Hessian streaming packets in one of the framings, for rich clients.
    Hessian(Framing),
    /// Script tags for a hidden iframe.
    Script,
    /// Server-sent events.
    Sse,
}

impl Transport {
    /// Number of different framings of a message; [`form`](Self::form) counts them.
    pub(crate) const FORMS: usize = 6;

    /// One of each form, in the order of [`form`](Self::form).
    pub(crate) const ALL: [Self; Self::FORMS] = [
        Self::Hessian(Framing::Ws),
        Self::Hessian(Framing::P),
        Self::Hessian(Framing::Varint),
        Self::Hessian(Framing::Marked),
        Self::Script,
        Self::Sse,
    ];

    /// The index of this form in a table with one entry per form.
    pub(crate) const fn form(self) -> usize {
        match self {
            Self::Hessian(Framing::Ws) => 0,
            Self::Hessian(Framing::P) => 1,
            Self::Hessian(Framing::Varint) => 2,
            Self::Hessian(Framing::Marked) => 3,
            Self::Hessian(_) => panic!("a framing that this server does not know yet"),
            Self::Script => 4,
            Self::Sse => 5,
        }
    }

    /// The media type of the response.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Hessian(_) => hessian::CONTENT_TYPE,
            Self::Script => script::CONTENT_TYPE,
            Self::Sse => sse::CONTENT_TYPE,
        }
    }

    /// The message as every up-to-date reader of this form gets it.
    pub(crate) fn frame(self, message: &Message) -> Frame {
        Frame::build(|out| match self {
            Self::Hessian(framing) => framing.frame(&[message.hessian()], out),
            Self::Script => script::message(message.json(), message.position, out),
            Self::Sse => sse::message(message.json(), message.position, out),
        })
    }

    /// What keeps an idle connection alive and means nothing to its reader.
    #[must_use]
    pub const fn heartbeat(self) -> &'static [u8] {
        match self {
            Self::Hessian(framing) => framing.heartbeat(),
            Self::Script => script::HEARTBEAT,
            Self::Sse => sse::HEARTBEAT,
        }
    }

    /// The heartbeat, framed once for all connections of the process.
    pub(crate) fn heartbeat_frame(self) -> &'static Frame {
        static HEARTBEATS: LazyLock<[Frame; Transport::FORMS]> = LazyLock::new(|| {
            Transport::ALL.map(|transport| Frame::build(|out| out.extend_from_slice(transport.heartbeat())))
        });
        &HEARTBEATS[self.form()]
    }

    /// What tells the reader that the server ends the stream, before the body ends.
    #[must_use]
    pub const fn farewell(self) -> &'static [u8] {
        match self {
            Self::Hessian(_) => hessian::FAREWELL,
            Self::Script => script::FAREWELL,
            Self::Sse => sse::FAREWELL,
        }
    }
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
