//! One published value, encoded once and shared by every reader.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use serde::Serialize;

use crate::encode::{Classes, Framing};
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

/// Frames with class definitions that a message keeps at most. Readers lack classes in few ways: who has just
/// come lacks all, and when a class is new, everybody else lacks that one; and most streams are read in one
/// framing.
const KEPT_WITH_DEFINITIONS: usize = 4;

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
    defining: Mutex<Vec<Defining>>,
}

/// A frame for those who know the first `knows` classes and lack the others.
#[derive(Debug)]
struct Defining {
    framing: Framing,
    knows: u32,
    frame: Frame,
}

impl Message {
    pub(crate) fn new(bodies: Bodies, position: Position, end: u64) -> Arc<Self> {
        Arc::new(Self { position, end, bodies, frames: Default::default(), defining: Mutex::default() })
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

    /// The message as a reader gets it that knows `knows` classes, too few: made for the first one, shared by
    /// those who lack the same, so that a crowd of late joiners with full sockets holds one frame. Past
    /// [`KEPT_WITH_DEFINITIONS`] ways of lacking, a reader has a frame of its own.
    fn defining_frame(&self, framing: Framing, knows: u32, classes: &Classes) -> Frame {
        let mut kept = self.defining.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = kept.iter().find(|kept| kept.framing == framing && kept.knows == knows) {
            return same.frame.clone();
        }
        let frame = classes.definitions(knows, self.needs(), |definitions| {
            Frame::build(|out| framing.frame(&[definitions, self.hessian()], out))
        });
        if kept.len() < KEPT_WITH_DEFINITIONS {
            kept.push(Defining { framing, knows, frame: frame.clone() });
        }
        frame
    }
}

/// Whose bytes one connection gets for one message.
pub(crate) enum Rendered<'a> {
    /// The frame of all up-to-date readers.
    Shared(&'a Frame),
    /// A frame with class definitions, because it had not met all classes yet.
    Defining(Frame),
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
                let frame = message.defining_frame(framing, *knows, classes);
                *knows = message.needs();
                Rendered::Defining(frame)
            }
            _ => Rendered::Shared(message.frame(transport)),
        }
    }

    /// The bytes for a chunked or a plain response body. A reference count, no copy.
    pub(crate) fn bytes(&self, chunked: bool) -> Bytes {
        match self {
            Self::Shared(frame) => frame.bytes(chunked),
            Self::Defining(frame) => frame.bytes(chunked),
        }
    }

    pub(crate) fn as_slice(&self, chunked: bool) -> &[u8] {
        match self {
            Self::Shared(frame) => frame.as_slice(chunked),
            Self::Defining(frame) => frame.as_slice(chunked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, demo::AddString};

    const WS: Transport = Transport::Hessian(Framing::Ws);
    const P: Transport = Transport::Hessian(Framing::P);

    fn message(value: &(impl Serialize + ?Sized), classes: &Classes) -> Arc<Message> {
        let bodies = Bodies::encode(value, classes, &Limits::default()).unwrap();
        let end = bodies.weight() as u64;
        Message::new(bodies, Position { epoch: Epoch::new(1), sequence: 1 }, end)
    }

    fn rendered(message: &Message, transport: Transport, mut knows: u32, classes: &Classes) -> Bytes {
        let bytes = Rendered::of(message, transport, &mut knows, classes).bytes(true);
        assert_eq!(knows, message.needs());
        bytes
    }

    #[test]
    fn late_joiners_share_one_frame() {
        let classes = Classes::default();
        let message = message(&AddString { value: "Lorem".to_owned() }, &classes);
        for transport in [WS, P] {
            let first = rendered(&message, transport, 0, &classes);
            for _ in 0..100 {
                assert_eq!(rendered(&message, transport, 0, &classes).as_ptr(), first.as_ptr());
            }
            assert_ne!(rendered(&message, transport, 1, &classes), first);
        }
        assert_ne!(rendered(&message, WS, 0, &classes), rendered(&message, P, 0, &classes));
    }

    #[test]
    fn a_message_keeps_few_frames_with_definitions_and_the_others_are_right_all_the_same() {
        #[derive(Serialize)]
        struct A(u8);
        #[derive(Serialize)]
        struct Named<T> {
            inner: T,
        }
        #[derive(Serialize)]
        struct Other {
            b: Named<A>,
            c: AddString,
        }
        let classes = Classes::default();
        let c = AddString { value: "Lorem".to_owned() };
        let message = message(&Other { b: Named { inner: A(1) }, c }, &classes);
        assert!(message.needs() >= 3);
        for transport in &Transport::ALL[..4] {
            for knows in 0..message.needs() {
                let fresh = Message::new(
                    Bodies {
                        hessian: message.hessian().to_vec(),
                        needs: message.needs(),
                        json: message.json().to_vec(),
                    },
                    message.position,
                    message.end,
                );
                assert_eq!(
                    rendered(&message, *transport, knows, &classes),
                    rendered(&fresh, *transport, knows, &classes)
                );
            }
        }
        assert_eq!(message.defining.lock().unwrap().len(), KEPT_WITH_DEFINITIONS);
    }

    /// What `Limits::log_bytes` says of the frames.
    #[test]
    fn the_frames_of_a_message_hold_at_most_eight_times_its_weight() {
        /// Around a frame: the chunk, the packet, the script tag, the event; and the definitions.
        const AROUND: usize = 256;
        let classes = Classes::default();
        // The worst text for script tags.
        let message = message(&AddString { value: "<".repeat(100_000) }, &classes);
        let forms = Transport::ALL.map(|transport| message.frame(transport).as_slice(true).len());
        for transport in &Transport::ALL[..4] {
            rendered(&message, *transport, 0, &classes);
        }
        let defining = message.defining.lock().unwrap();
        assert_eq!(defining.len(), KEPT_WITH_DEFINITIONS);
        let defining: usize = defining.iter().map(|kept| kept.frame.as_slice(true).len()).sum();
        let held = forms.iter().sum::<usize>() + defining;
        assert!(held <= 8 * message.weight() + AROUND * (Transport::FORMS + KEPT_WITH_DEFINITIONS), "{held}");
        // The bound is one: this text comes near it.
        assert!(held > 7 * message.weight(), "{held}");
    }
}
