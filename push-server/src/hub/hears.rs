//! What the clients of WebSockets say, as far as a shard has to do with it.

use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use super::Shared;
use super::voice::{Hearing, Speaker, Voice, Words};
use crate::transport::ws::{self, CloseReason, Incoming, Input};

/// What one client has half said, and what it waits for. Held only while there is such a thing.
#[derive(Debug, Default)]
pub(crate) struct Hears {
    frames: Incoming,
    /// The answer to its latest ping. Only that one need be answered (RFC 6455, 5.5.3), so a client that pings and does
    /// not read has one of them here.
    pong: Option<Bytes>,
    /// The message that is coming.
    coming: Option<Words>,
    voice: Option<Arc<Voice>>,
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

/// Where messages go.
pub(crate) struct Listener<'l> {
    pub(crate) shared: &'l Arc<Shared>,
    /// Wakes the connection when there is an answer.
    pub(crate) waker: &'l Waker,
    /// Who handles them. Without it each is refused.
    pub(crate) hearing: Option<&'l Arc<Hearing>>,
    /// Who speaks, asked when something has been said.
    pub(crate) speaker: &'l dyn Fn(&Arc<Hearing>) -> Speaker,
}

impl Hears {
    /// Whether it is worth no memory.
    pub(crate) fn is_idle(&self) -> bool {
        self.frames.is_clean()
            && self.pong.is_none()
            && self.voice.as_ref().is_none_or(|voice| voice.is_idle())
    }

    /// Takes in what has come, which is unmasked in place.
    pub(crate) fn hear(&mut self, bytes: &mut [u8], listener: &Listener<'_>) -> Heard {
        let Self { frames, pong, coming, voice } = self;
        let limits = &listener.shared.limits;
        let (mut closed, mut is_too_much) = (None, false);
        let result = frames.feed(bytes, limits.ws_message, |input| match input {
            Input::Pong => {}
            Input::Message { is_text, piece, is_last } => {
                let new = || Voice::new(listener.waker.clone());
                let Some(hearing) = listener.hearing else {
                    // Not even read.
                    if is_last {
                        voice.get_or_insert_with(new).refuse(limits.ws_unanswered, &listener.shared.guard);
                    }
                    return;
                };
                coming.get_or_insert_with(|| Words::new(listener.shared, is_text)).push(piece);
                let Some(words) = coming.take_if(|_| is_last) else { return };
                let voice = voice.get_or_insert_with(new);
                is_too_much |=
                    voice.say(words, limits.ws_unanswered, || (listener.speaker)(hearing)).is_err();
            }
            Input::Ping(payload) => {
                let mut frame = Vec::with_capacity(2 + payload.len());
                ws::pong(payload, &mut frame);
                *pong = Some(frame.into());
            }
            Input::Close(code) => closed = Some(code),
        });
        match (result, closed) {
            (Err(breach), _) => Heard::Breach(breach.close()),
            (Ok(_), _) if is_too_much => Heard::Breach(CloseReason { code: 1008, reason: "ws_unanswered" }),
            (Ok(_), Some(code)) => Heard::Close(code),
            (Ok(_), None) => Heard::Fine,
        }
    }

    /// Whether there is a frame to send.
    pub(crate) fn has_frame(&self) -> bool {
        self.pong.is_some() || self.voice.as_ref().is_some_and(|voice| voice.has_answer())
    }

    /// The next frame to send: a pong, or the answer to a message.
    pub(crate) fn frame(&mut self) -> Option<Bytes> {
        self.pong.take().or_else(|| self.voice.as_ref()?.answer())
    }
}
