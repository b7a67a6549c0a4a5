//! The ways in: each decodes some bytes and tells how it ended.

use hessian::envelope::Envelope;
use hessian::grammar::{Final, Grammar};
use hessian::packet::{Framing, Packet};
use hessian::rpc::{Call, Reply};
use hessian::{ErrorKind, Graph, Limits, Parser, Result, Step, StreamDecoder};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// A name and what it does.
pub(crate) type Way = (&'static str, fn(&[u8], &Limits) -> Result<()>);

/// The ways in for a value.
pub(crate) const VALUES: [Way; 4] = [
    ("from_slice", typed::<Final>),
    ("Graph", graph::<Final>),
    ("Parser", push::<Final>),
    ("StreamDecoder", packet),
];

/// The ways in for what is more than a value.
pub(crate) const MESSAGES: [Way; 4] = [
    ("StreamDecoder", stream),
    ("Call", |bytes, limits| Call::parse(bytes, limits).map(drop)),
    ("Reply", |bytes, limits| Reply::parse(bytes, limits).map(drop)),
    ("Envelope", |bytes, limits| Envelope::parse(bytes, limits)?.0.inflate(limits).map(drop)),
];

/// How many bytes arrive at a time.
const ARRIVING: usize = 4096;

/// In a word how it ended: the limit that was reached, if it was one.
pub(crate) fn end(done: &Result<()>) -> String {
    let error = match done {
        Ok(()) => return "value".into(),
        Err(error) => error,
    };
    match error.kind() {
        ErrorKind::Limit { limit, .. } => (*limit).into(),
        ErrorKind::Incomplete { .. } => "incomplete".into(),
        ErrorKind::NegativeLength(_) => "a negative length".into(),
        ErrorKind::UnknownClass { .. } => "an unknown class".into(),
        ErrorKind::UnknownReference { .. } => "an unknown reference".into(),
        ErrorKind::Cycle { .. } => "a cycle".into(),
        ErrorKind::LoneSurrogate => "half a pair".into(),
        ErrorKind::InvalidFrame(_) => "an invalid frame".into(),
        ErrorKind::InvalidText => "invalid text".into(),
        ErrorKind::Unrepresentable(what) => (*what).into(),
        // Errors that have gone through JSON's are words only.
        ErrorKind::Message(text) => match text.strip_prefix("limit ").and_then(|text| text.split_once(' ')) {
            Some((limit, _)) => limit.into(),
            None => "invalid JSON".into(),
        },
        other => format!("{other:?}"),
    }
}

/// Through serde, into owned values: the type that makes most of each byte.
pub(crate) fn typed<G: Grammar>(bytes: &[u8], limits: &Limits) -> Result<()> {
    hessian::de::from_slice_in::<G, Tree>(bytes, limits).map(drop)
}

pub(crate) fn graph<G: Grammar>(bytes: &[u8], limits: &Limits) -> Result<()> {
    Graph::from_slice_with::<G>(bytes, *limits).map(drop)
}

/// Through the push parser, which is given the bytes as they arrive. What it tells is forgotten.
pub(crate) fn push<G: Grammar>(bytes: &[u8], limits: &Limits) -> Result<()> {
    let mut parser = Parser::<G>::new(*limits);
    let (mut at, mut seen) = (0, 0);
    loop {
        match parser.step(&bytes[at..seen])? {
            Step::Event { used, .. } => at += used,
            Step::NeedMore { used, .. } => {
                at += used;
                if seen == bytes.len() {
                    // As the other ways tell it.
                    return Graph::from_slice(&[]).map(drop);
                }
                seen = bytes.len().min(seen + ARRIVING);
            }
            Step::Done => return Ok(()),
        }
    }
}

/// One packet with the value, from a stream as it arrives, as a graph. The packet may be of any size: what is in it is
/// looked at.
fn packet(bytes: &[u8], limits: &Limits) -> Result<()> {
    let mut limits = *limits;
    limits.max_packet = u64::MAX;
    let mut decoder = <StreamDecoder>::new(Some(Framing::Ws), limits);
    let pieces = bytes.len().div_ceil(ARRIVING);
    for (index, piece) in bytes.chunks(ARRIVING).enumerate() {
        let first = if index == 0 { 0x05 } else { 0 };
        let more = if index + 1 < pieces { 0x80 } else { 0 };
        let [high, low] = u16::try_from(piece.len()).unwrap_or(u16::MAX).to_be_bytes();
        decoder.push(&[first | more, 0x7e, high, low]);
        decoder.push(piece);
        next(&mut decoder)?;
    }
    Ok(())
}

/// Decodes the packets that have arrived.
fn next(decoder: &mut StreamDecoder) -> Result<()> {
    while let Some(packet) = decoder.next_packet()? {
        if let Packet::Data(data) = packet {
            decoder.graph(&data)?;
        }
    }
    Ok(())
}

/// Whole packets as they arrive.
fn stream(bytes: &[u8], limits: &Limits) -> Result<()> {
    let mut decoder = <StreamDecoder>::new(None, *limits);
    for piece in bytes.chunks(ARRIVING) {
        decoder.push(piece);
        next(&mut decoder)?;
    }
    decoder.finish()
}

/// Anything, in values of its own.
#[expect(dead_code, reason = "it is only made")]
#[derive(Debug)]
pub(crate) enum Tree {
    Unit,
    Bool(bool),
    Integer(i64),
    Double(f64),
    Text(String),
    Bytes(Vec<u8>),
    Seq(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Tree;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Unit)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
                Ok(Tree::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
                Ok(Tree::Integer(value))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
                Ok(Tree::Double(value))
            }
            fn visit_str<E>(self, text: &str) -> Result<Tree, E> {
                Ok(Tree::Text(text.to_owned()))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Tree, E> {
                Ok(Tree::Bytes(bytes.to_vec()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Tree, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Tree::Seq(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Tree::Map(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
