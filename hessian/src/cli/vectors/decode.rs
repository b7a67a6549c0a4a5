//! The ways to decode, each reduced to a verdict that can be compared.

use super::model::{Model, Recorder};
use hessian::de::from_slice_in;
use hessian::grammar::Grammar;
use hessian::{Error, ErrorKind, Graph, Limits, Parser, Step, ValueDecoder};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Nesting that the checks allow: vectors of depth bombs are far deeper.
const MAX_DEPTH: u32 = 1024;

/// What a decoder says of some bytes.
#[derive(Debug)]
pub(crate) enum Verdict {
    Value { value: Model, used: usize },
    Incomplete,
    Error(Error),
}

impl Verdict {
    pub(crate) fn brief(&self) -> String {
        match self {
            Self::Value { used, .. } => format!("a value of {used} bytes"),
            Self::Incomplete => "incomplete".into(),
            Self::Error(error) => format!("an error ({error})"),
        }
    }
}

/// Limits under which no claim of a length is refused: what is checked is that nothing is believed before it is there.
pub(crate) fn limits() -> Limits {
    let mut limits = Limits::new();
    limits.max_depth = MAX_DEPTH;
    limits.max_elements = u64::MAX;
    limits.max_fields = u32::MAX;
    limits.max_packet = u64::MAX;
    limits
}

/// All at once, without a type.
pub(crate) fn slice<G: Grammar>(bytes: &[u8]) -> Verdict {
    match Graph::from_slice_with::<G>(bytes, limits()) {
        Ok(graph) => match Model::from_graph(&graph).pop() {
            Some(value) => Verdict::Value { value, used: bytes.len() },
            None => Verdict::Incomplete,
        },
        Err(error) => match *error.kind() {
            ErrorKind::Incomplete { .. } => Verdict::Incomplete,
            ErrorKind::TrailingBytes { count } if count < bytes.len() => {
                slice::<G>(&bytes[..bytes.len() - count])
            }
            _ => Verdict::Error(error),
        },
    }
}

/// Through the push parser in pieces of `size` bytes. It must take every byte of the value and ask for none after it.
pub(crate) fn push<G: Grammar>(bytes: &[u8], size: usize) -> Result<Verdict, String> {
    let mut parser = Parser::<G>::new(limits());
    let mut recorder = Recorder::default();
    match feed(&mut parser, &mut recorder, bytes, size)? {
        Fed::Value { used, seen, wanted } => {
            if size == 1 && seen != used {
                return Err(format!("the push parser asked for byte {seen}, but the value ends at {used}"));
            }
            if wanted > used {
                return Err(format!(
                    "the push parser needed {wanted} bytes at least, but the value ends at {used}"
                ));
            }
            match recorder.finish()?.pop() {
                Some(value) => Ok(Verdict::Value { value, used }),
                None => Err("the push parser was done without a value".into()),
            }
        }
        Fed::Incomplete => Ok(Verdict::Incomplete),
        Fed::Error(error) => Ok(Verdict::Error(error)),
    }
}

/// How feeding a parser ended.
pub(crate) enum Fed {
    Value {
        used: usize,
        /// Bytes that it was shown.
        seen: usize,
        /// The most bytes that it ever said it needs.
        wanted: usize,
    },
    Incomplete,
    Error(Error),
}

/// Feeds one value to a parser.
pub(crate) fn feed<G: Grammar>(
    parser: &mut Parser<G>,
    recorder: &mut Recorder,
    bytes: &[u8],
    size: usize,
) -> Result<Fed, String> {
    let (mut at, mut seen, mut wanted) = (0, 0, 0);
    loop {
        let before = parser.offset();
        let step = match parser.step(&bytes[at..seen]) {
            Ok(step) => step,
            Err(error) => return Ok(Fed::Error(error)),
        };
        let used = match step {
            Step::Event { event, used } => {
                recorder.event(&event, parser)?;
                used
            }
            Step::NeedMore { used, needed } => {
                if needed == 0 {
                    return Err(format!("the push parser needs 0 more bytes at {before}"));
                }
                wanted = wanted.max(seen + needed);
                used
            }
            Step::Done => return Ok(Fed::Value { used: at, seen, wanted }),
        };
        at += used;
        if parser.offset() - before != used as u64 || at > seen {
            return Err(format!(
                "the push parser took {used} bytes, but went from {before} to {}",
                parser.offset()
            ));
        }
        if matches!(step, Step::NeedMore { .. }) {
            if seen == bytes.len() {
                return Ok(Fed::Incomplete);
            }
            seen = bytes.len().min(seen + size);
        }
    }
}

/// Through serde: passed over, and every part handed over, alone and as a packet of a stream. `Ok` when the whole input
/// is one value; what it is does not matter here.
pub(crate) const TYPED: [(&str, Typed); 3] = [
    ("passed over", Typed::Skipped),
    ("through serde", Typed::Alone),
    ("through serde as a packet", Typed::Packet),
];

/// A way through serde.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Typed {
    Skipped,
    Alone,
    Packet,
}

impl Typed {
    pub(crate) fn decode<G: Grammar>(self, bytes: &[u8]) -> Result<(), Error> {
        match self {
            Self::Skipped => from_slice_in::<G, IgnoredAny>(bytes, &limits()).map(|_| ()),
            Self::Alone => from_slice_in::<G, Drained>(bytes, &limits()).map(|_| ()),
            Self::Packet => ValueDecoder::<G>::new(limits()).decode::<Drained>(bytes).map(|_| ()),
        }
    }
}

/// Takes anything, part by part, and forgets it.
struct Drained;

impl<'de> Deserialize<'de> for Drained {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Drain;

        impl<'de> Visitor<'de> for Drain {
            type Value = Drained;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_unit<E>(self) -> Result<Drained, E> {
                Ok(Drained)
            }
            fn visit_bool<E>(self, _: bool) -> Result<Drained, E> {
                Ok(Drained)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Drained, E> {
                Ok(Drained)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Drained, E> {
                Ok(Drained)
            }
            fn visit_str<E>(self, _: &str) -> Result<Drained, E> {
                Ok(Drained)
            }
            fn visit_bytes<E>(self, _: &[u8]) -> Result<Drained, E> {
                Ok(Drained)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Drained, A::Error> {
                while seq.next_element::<Drained>()?.is_some() {}
                Ok(Drained)
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Drained, A::Error> {
                while map.next_entry::<Drained, Drained>()?.is_some() {}
                Ok(Drained)
            }
        }

        deserializer.deserialize_any(Drain)
    }
}

/// True for what a typed value cannot hold though the bytes are right.
pub(crate) fn is_untypable(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Cycle { .. } | ErrorKind::LoneSurrogate)
}
