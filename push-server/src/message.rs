//! One published value, encoded once and shared by every reader.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::Serialize;

use crate::encode::Classes;
use crate::position::Position;
use crate::transport::{Frame, Transport};
use crate::{Limits, PublishError};

/// The bodies of a value, before it has a place in a stream.
///
/// Both bodies are made here, at publishing, so that a value that one kind of reader could not get is
/// refused as a whole, and so that the log can count what it holds. The frames around them, the larger part
/// of the variants, are made when the first connection needs one.
#[derive(Debug)]
pub(crate) struct Bodies {
    hessian: Vec<u8>,
    needs: u32,
    json: Vec<u8>,
}

impl Bodies {
    pub(crate) fn encode<T>(value: &T, classes: &Classes, limits: &Limits) -> Result<Self, PublishError>
    where
        T: Serialize + ?Sized,
    {
        let fits = |form, bytes: usize| match bytes <= limits.message_bytes {
            true => Ok(()),
            false => Err(PublishError::TooLong { form, bytes, max: limits.message_bytes }),
        };
        // JSON first: a value that it refuses must not leave classes behind in the shared table.
        let json = serde_json::to_vec(value).map_err(PublishError::Json)?;
        fits("JSON", json.len())?;
        let body = classes.encode(value)?;
        fits("Hessian", body.bytes.len())?;
        Ok(Self { hessian: body.bytes, needs: body.needs, json })
    }

    /// What the log counts for it, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.hessian.len() + self.json.len()
    }
}

/// A message of a stream: its bodies, its place, and one frame per form that somebody reads.
#[derive(Debug)]
pub(crate) struct Message {
    /// Where a reader is that has got this message.
    pub(crate) position: Position,
    /// Bytes of all messages of the stream up to and with this one; the distance of two readers in bytes is
    /// a difference of two of these.
    pub(crate) end: u64,
    bodies: Bodies,
    frames: [OnceLock<Frame>; Transport::FORMS],
}

impl Message {
    pub(crate) fn new(bodies: Bodies, position: Position, end: u64) -> Arc<Self> {
        Arc::new(Self { position, end, bodies, frames: Default::default() })
    }

    /// The Hessian body: the value without class definitions.
    pub(crate) fn hessian(&self) -> &[u8] {
        &self.bodies.hessian
    }

    /// How many classes of the shared table a reader of [`hessian`](Self::hessian) must know.
    pub(crate) const fn needs(&self) -> u32 {
        self.bodies.needs
    }

    /// The JSON body.
    pub(crate) fn json(&self) -> &[u8] {
        &self.bodies.json
    }

    pub(crate) fn weight(&self) -> usize {
        self.bodies.weight()
    }

    /// The message as every up-to-date reader of `transport` gets it: made for the first one, shared by all.
    pub(crate) fn frame(&self, transport: Transport) -> &Frame {
        self.frames[transport.form()].get_or_init(|| transport.frame(self))
    }
}

/// Whose bytes one connection gets for one message.
pub(crate) enum Rendered<'a> {
    /// The shared frame.
    Shared(&'a Frame),
    /// A frame of its own, because it had not met all classes yet.
    Own(Frame),
}

impl Rendered<'_> {
    /// Renders `message` for a connection that knows the first `knows` classes, and moves `knows` on.
    pub(crate) fn of<'a>(
        message: &'a Message,
        transport: Transport,
        knows: &mut u32,
        classes: &Classes,
    ) -> Rendered<'a> {
        match transport {
            Transport::Hessian(framing) if *knows < message.needs() => {
                let own = classes.definitions(*knows, message.needs(), |definitions| {
                    Frame::build(|out| framing.frame(&[definitions, message.hessian()], out))
                });
                *knows = message.needs();
                Rendered::Own(own)
            }
            _ => Rendered::Shared(message.frame(transport)),
        }
    }

    /// The bytes for a chunked or a plain response body. A reference count, no copy.
    pub(crate) fn bytes(&self, chunked: bool) -> Bytes {
        match self {
            Self::Shared(frame) => frame.bytes(chunked),
            Self::Own(frame) => frame.bytes(chunked),
        }
    }

    pub(crate) fn as_slice(&self, chunked: bool) -> &[u8] {
        match self {
            Self::Shared(frame) => frame.as_slice(chunked),
            Self::Own(frame) => frame.as_slice(chunked),
        }
    }
}
