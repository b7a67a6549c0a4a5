//! What the clients of WebSockets say, as far as a shard has to do with it.

use bytes::Bytes;

use crate::Limits;
use crate::transport::ws::{self, CloseReason, Incoming, Input};

/// What one client has half said. Held only while there is such a thing.
#[derive(Debug, Default)]
pub(crate) struct Hears {
    frames: Incoming,
    /// The answer to its latest ping. Only that one need be answered (RFC 6455, 5.5.3), so a client that pings and does
    /// not read has one of them here.
    pub(crate) pong: Option<Bytes>,
}

/// What comes of what was heard.
#[derive(Debug)]
pub(crate) enum Heard {
    Fine,
    /// The client closes, with this code.
    Close(Option<u16>),
    /// The client breaks the rules, and is told so.
    Breach(CloseReason),
}

impl Hears {
    /// Whether it is worth no memory.
    pub(crate) const fn is_idle(&self) -> bool {
        self.frames.is_clean() && self.pong.is_none()
    }

    /// Takes in what has come, which is unmasked in place.
    pub(crate) fn hear(&mut self, bytes: &mut [u8], limits: &Limits) -> Heard {
        let Self { frames, pong } = self;
        let mut closed = None;
        let result = frames.feed(bytes, limits.ws_message, |input| match input {
            // Nobody listens to those who read a stream. A controller does, on a connection of its own.
            Input::Message { .. } | Input::Pong => {}
            Input::Ping(payload) => {
                let mut frame = Vec::with_capacity(2 + payload.len());
                ws::pong(payload, &mut frame);
                *pong = Some(frame.into());
            }
            Input::Close(code) => closed = Some(code),
        });
        match (result, closed) {
            (Err(breach), _) => Heard::Breach(breach.close()),
            (Ok(_), Some(code)) => Heard::Close(code),
            (Ok(_), None) => Heard::Fine,
        }
    }
}
