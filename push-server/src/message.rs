//! One published value, encoded once and shared by every reader.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hessian::Graph;
use serde::Serialize;
use tokio::time::Instant;

use crate::encode::{Classes, Grammar, HessianBody, read_value};
use crate::position::Position;
use crate::scratch::exactly;
use crate::transport::{Frame, Transport};
use crate::{Limits, PublishError};

/// The bodies of a value, before it has a place in a stream.
///
/// Both bodies are made here, at publishing, so that a value that one kind of reader could not get is
/// refused as a whole, and so that the log can count what it holds. The frames around them, the larger part
/// of the variants, are made when the first connection needs one.
#[derive(Debug)]
pub(crate) struct Bodies {
    hessian: HessianBody,
    json: Bytes,
}

impl Bodies {
    /// A value of the program's own.
    pub(crate) fn encode<T>(value: &T, classes: &Classes, limits: &Limits) -> Result<Self, PublishError>
    where
        T: Serialize + ?Sized,
    {
        // JSON first: a value that it refuses must not leave classes behind in the shared table.
        let json = to_json(value)?;
        fits("JSON", json.len(), limits)?;
        Self::of(classes.encode(value)?, json, limits)
    }

    /// A generic Hessian value.
    pub(crate) fn graph(graph: &Graph<'_>, classes: &Classes, limits: &Limits) -> Result<Self, PublishError> {
        let json = to_json(graph)?;
        fits("JSON", json.len(), limits)?;
        Self::of(classes.encode_graph(graph)?, json, limits)
    }

    /// JSON, which is kept as it is but for blanks around it. Copied only if there are many of them.
    pub(crate) fn json(json: &Bytes, classes: &Classes, limits: &Limits) -> Result<Self, PublishError> {
        let trimmed = json.trim_ascii();
        fits("JSON", trimmed.len(), limits)?;
        // With its blanks: of those that are cut off, JSON knows not all.
        let graph: Graph<'static> = serde_json::from_slice(json).map_err(PublishError::Json)?;
        let hessian = classes.encode_graph(&graph)?;
        let json = match json.len() - trimmed.len() <= BLANKS {
            true => json.slice_ref(trimmed),
            false => Bytes::copy_from_slice(trimmed),
        };
        Self::of(hessian, json, limits)
    }

    /// One Hessian value of a stranger, with definitions of its own.
    pub(crate) fn hessian(value: &[u8], classes: &Classes, limits: &Limits) -> Result<Self, PublishError> {
        fits("Hessian", value.len(), limits)?;
        let graph = read_value(value).map_err(PublishError::NotHessian)?;
        Self::graph(&graph, classes, limits)
    }

    /// Bytes without a meaning: a binary, and a string in base64.
    pub(crate) fn binary(bytes: &Bytes, classes: &Classes, limits: &Limits) -> Result<Self, PublishError> {
        // Before there is a third more of them.
        fits("Hessian", bytes.len(), limits)?;
        let mut json = String::with_capacity(bytes.len().div_ceil(3) * 4 + 2);
        json.push('"');
        STANDARD.encode_string(bytes, &mut json);
        json.push('"');
        fits("JSON", json.len(), limits)?;
        Self::of(classes.encode(&hessian::Binary::from(bytes.clone()))?, json.into(), limits)
    }

    fn of(hessian: HessianBody, json: Bytes, limits: &Limits) -> Result<Self, PublishError> {
        fits("Hessian", hessian.bytes.len(), limits)?;
        Ok(Self { hessian, json })
    }

    /// The Hessian body alone.
    pub(crate) fn into_hessian(self) -> HessianBody {
        self.hessian
    }

    /// What tells two values apart.
    pub(crate) fn texts(&self) -> [&[u8]; 2] {
        [&self.hessian.bytes, &self.json]
    }

    /// What the log counts for it, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.hessian.bytes.len() + self.json.len()
    }
}

/// Blanks around a JSON text that are held with it rather than cost a copy: a line end or two. What the log holds, it
/// counts, so a short text in a long body must not keep all of that.
const BLANKS: usize = 16;

fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<Bytes, PublishError> {
    exactly(|json| serde_json::to_writer(json, value))
        .map(|(json, ())| json.into())
        .map_err(PublishError::Json)
}

const fn fits(form: &'static str, bytes: usize, limits: &Limits) -> Result<(), PublishError> {
    match bytes <= limits.message_bytes {
        true => Ok(()),
        false => Err(PublishError::TooLong { form, bytes, max: limits.message_bytes }),
    }
}

/// Frames with class definitions that a message keeps at most. Readers lack classes in few ways: who has just
/// come lacks all, and when a class is new, everybody else lacks that one; and most streams are read in one
/// framing.
const KEPT_WITH_DEFINITIONS: usize = 4;

/// A message of a stream: its bodies, its place, and one frame per form that somebody reads.
#[derive(Debug)]
pub(crate) struct Message {
    /// Where a reader is that has got this message. Of a direct message: the broadcast after which it comes.
    pub(crate) position: Position,
    /// Whether it is for one client alone, outside of the log.
    pub(crate) is_direct: bool,
    /// Bytes of all messages of the stream up to and with this one; the distance of two readers in bytes is
    /// a difference of two of these.
    pub(crate) end: u64,
    pub(crate) published: Instant,
    bodies: Bodies,
    /// The frame of the form that was asked for first, and that form: most streams are read in one.
    first: OnceLock<(u8, Frame)>,
    rest: OnceLock<Box<Rest>>,
}

/// What few messages need: made when the first of it is asked for.
#[derive(Debug, Default)]
struct Rest {
    frames: [OnceLock<Box<Frame>>; Transport::SHARED],
    /// The body in the draft grammars.
    older: [OnceLock<Box<HessianBody>>; Grammar::COUNT - 1],
    defining: Mutex<Vec<Defining>>,
}

/// A frame for those who know the first `knows` classes and lack the others.
#[derive(Debug)]
struct Defining {
    transport: Transport,
    knows: u32,
    frame: Frame,
}

impl Message {
    /// Bytes that a message in a log costs beside its bodies: itself, its counts of references, its place in the ring.
    pub(crate) const OVERHEAD: usize = size_of::<Self>() + 3 * size_of::<usize>();

    pub(crate) fn new(bodies: Bodies, position: Position, end: u64, published: Instant) -> Arc<Self> {
        Self::place(bodies, position, end, published, false)
    }

    /// For one client, after the broadcast at `position`.
    pub(crate) fn direct(bodies: Bodies, position: Position, published: Instant) -> Arc<Self> {
        Self::place(bodies, position, 0, published, true)
    }

    fn place(bodies: Bodies, position: Position, end: u64, published: Instant, is_direct: bool) -> Arc<Self> {
        Arc::new(Self {
            position,
            is_direct,
            end,
            published,
            bodies,
            first: OnceLock::new(),
            rest: OnceLock::new(),
        })
    }

    /// The Hessian body: the value without class definitions.
    pub(crate) fn hessian(&self, grammar: Grammar, classes: &Classes) -> &HessianBody {
        let older = match grammar {
            Grammar::Final => return &self.bodies.hessian,
            Grammar::Draft => &self.rest().older[0],
            Grammar::Tutorial => &self.rest().older[1],
        };
        older.get_or_init(|| classes.translate(&self.bodies.hessian, grammar).into())
    }

    fn rest(&self) -> &Rest {
        self.rest.get_or_init(Box::default)
    }

    /// The position that its readers are told, unless it is a direct message, which has none.
    pub(crate) fn told_position(&self) -> Option<Position> {
        (!self.is_direct).then_some(self.position)
    }

    /// The JSON body.
    pub(crate) const fn json(&self) -> &Bytes {
        &self.bodies.json
    }

    pub(crate) fn weight(&self) -> usize {
        self.bodies.weight()
    }

    /// The message as every up-to-date reader of `transport` gets it: made for the first one, shared by all.
    pub(crate) fn frame(&self, transport: Transport, classes: &Classes) -> &Frame {
        let form = u8::try_from(transport.form()).expect("there are not so many forms");
        let (first, frame) = self.first.get_or_init(|| (form, transport.frame(self, classes)));
        if *first == form {
            return frame;
        }
        self.rest().frames[transport.form()].get_or_init(|| transport.frame(self, classes).into())
    }

    /// The message as a reader gets it that knows `knows` classes, too few: made for the first one, shared by
    /// those who lack the same, so that a crowd of late joiners with full sockets holds one frame. Past
    /// [`KEPT_WITH_DEFINITIONS`] ways of lacking, a reader has a frame of its own.
    fn defining_frame(&self, transport: Transport, grammar: Grammar, knows: u32, classes: &Classes) -> Frame {
        let mut kept = self.rest().defining.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |kept: &&Defining| (kept.transport, kept.knows) == (transport, knows);
        if let Some(same) = kept.iter().find(same) {
            return same.frame.clone();
        }
        let body = self.hessian(grammar, classes);
        let frame = classes.definitions(grammar, knows, body.needs, |definitions| {
            transport.frame_value(&[definitions, &body.bytes], self.is_direct)
        });
        if kept.len() < KEPT_WITH_DEFINITIONS {
            kept.push(Defining { transport, knows, frame: frame.clone() });
        }
        frame
    }
}

/// Whose bytes one connection gets for one message.
pub(crate) enum Rendered<'a> {
    /// The frame of all up-to-date readers.
    Shared(&'a Frame),
    /// One of its own: with class definitions, because it had not met all classes yet, or in a form of few readers.
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
        match transport.grammar() {
            Some(grammar) if *knows < message.hessian(grammar, classes).needs => {
                let frame = message.defining_frame(transport, grammar, *knows, classes);
                *knows = message.hessian(grammar, classes).needs;
                Rendered::Own(frame)
            }
            _ if transport.form() < Transport::SHARED => Rendered::Shared(message.frame(transport, classes)),
            _ => Rendered::Own(transport.frame(message, classes)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Epoch, Framing, demo::AddString};

    const WS: Transport = Transport::hessian(Framing::Ws);
    const P: Transport = Transport::hessian(Framing::P);

    fn message(value: &(impl Serialize + ?Sized), classes: &Classes) -> Arc<Message> {
        let bodies = Bodies::encode(value, classes, &Limits::default()).unwrap();
        let end = bodies.weight() as u64;
        Message::new(bodies, Position { epoch: Epoch::new(1), sequence: 1 }, end, Instant::now())
    }

    fn rendered(message: &Message, transport: Transport, mut knows: u32, classes: &Classes) -> Bytes {
        let bytes = Rendered::of(message, transport, &mut knows, classes).bytes(true);
        assert_eq!(knows, message.hessian(Grammar::Final, classes).needs);
        bytes
    }

    /// What an up-to-date reader gets.
    fn rendered_len(message: &Message, transport: Transport, classes: &Classes) -> usize {
        let mut knows = u32::MAX;
        Rendered::of(message, transport, &mut knows, classes).as_slice(true).len()
    }

    /// What a message costs beside its bodies and the frame of one form.
    #[test]
    fn a_message_that_is_read_in_one_form_is_small() {
        assert!(size_of::<Message>() <= 184, "{}", size_of::<Message>());
    }

    /// What is held is what is counted.
    #[test]
    fn a_short_text_does_not_keep_the_long_body_that_it_came_in() {
        for (blanks, is_copied) in [(0, false), (BLANKS, false), (BLANKS + 1, true), (1 << 19, true)] {
            let body = Bytes::from(format!("[1]{}", " ".repeat(blanks)).into_bytes());
            let bodies = Bodies::json(&body, &Classes::default(), &Limits::default()).unwrap();
            assert_eq!(&bodies.json[..], b"[1]");
            assert_eq!(body.is_unique(), is_copied, "{blanks} blanks");
        }
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

    /// A movie's WebSocket frame is made for each connection, of the packet's body, which is shared.
    #[test]
    fn each_form_is_framed_once_however_many_read_it() {
        let classes = Classes::default();
        let message = message(&AddString { value: "Lorem".to_owned() }, &classes);
        for transport in Transport::ALL {
            for chunked in [true, false] {
                let read =
                    || Rendered::of(&message, transport, &mut u32::MAX.clone(), &classes).bytes(chunked);
                let first = read();
                let is_shared = !matches!(transport, Transport::Ruffle { .. });
                for _ in 0..100 {
                    let next = read();
                    assert_eq!(next, first);
                    assert_eq!(next.as_ptr() == first.as_ptr(), is_shared, "{transport:?}, {chunked}");
                }
            }
            if let Some(grammar) = transport.grammar() {
                let body = message.hessian(grammar, &classes).bytes.as_ptr();
                assert_eq!(message.hessian(grammar, &classes).bytes.as_ptr(), body);
            }
        }
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
        let needs = message.hessian(Grammar::Final, &classes).needs;
        assert!(needs >= 3);
        for transport in &Transport::ALL[..4] {
            for knows in 0..needs {
                let hessian =
                    HessianBody { bytes: message.hessian(Grammar::Final, &classes).bytes.clone(), needs };
                let bodies = Bodies { hessian, json: message.json().clone() };
                let fresh = Message::new(bodies, message.position, message.end, message.published);
                assert_eq!(
                    rendered(&message, *transport, knows, &classes),
                    rendered(&fresh, *transport, knows, &classes)
                );
            }
        }
        assert_eq!(message.rest().defining.lock().unwrap().len(), KEPT_WITH_DEFINITIONS);
    }

    /// What `Limits::log_bytes` says of the frames.
    #[test]
    fn the_frames_of_a_message_hold_at_most_fifteen_times_its_weight() {
        /// Around a frame: the chunk, the packet, the script tag, the event; and the definitions.
        const AROUND: usize = 256;
        let classes = Classes::default();
        // The worst text for script tags.
        let message = message(&AddString { value: "<".repeat(100_000) }, &classes);
        let forms = Transport::ALL[..Transport::SHARED]
            .iter()
            .map(|transport| rendered_len(&message, *transport, &classes))
            .sum::<usize>();
        for transport in &Transport::ALL[..4] {
            rendered(&message, *transport, 0, &classes);
        }
        let defining = message.rest().defining.lock().unwrap();
        assert_eq!(defining.len(), KEPT_WITH_DEFINITIONS);
        let defining: usize = defining.iter().map(|kept| kept.frame.as_slice(true).len()).sum();
        let older = [Grammar::Draft, Grammar::Tutorial];
        let older: usize = older.map(|grammar| message.hessian(grammar, &classes).bytes.len()).iter().sum();
        let held = forms + older + defining;
        assert!(
            held <= 15 * message.weight() + AROUND * (Transport::SHARED + KEPT_WITH_DEFINITIONS),
            "{held}"
        );
        // The bound is one: this text comes near it.
        assert!(held > 14 * message.weight(), "{held}");
    }
}
