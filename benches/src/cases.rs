//! The cases of the codec's benchmarks: payload, operation, codec.

use crate::payloads::{self, AddString, AddStringRef, Random, Tick, TickRef};
use bytes::Bytes;
use hessian::grammar::Final;
use hessian::{Binary, Graph, Limits, Parser, Step};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

/// One thing to measure.
pub struct Case {
    /// `a` to `f`.
    pub payload: &'static str,
    /// `encode`, `owned`, `borrowed`, …
    pub operation: &'static str,
    /// Who does it.
    pub codec: &'static str,
    /// Does it once; what it makes is dropped.
    pub run: Box<dyn FnMut()>,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} {}", self.payload, self.operation, self.codec)
    }
}

/// A binary as serde's bytes.
#[derive(Serialize, Deserialize)]
struct Blob(#[serde(with = "serde_bytes")] Vec<u8>);

/// A text, alone.
#[derive(Serialize, Deserialize)]
struct Text(String);

/// The payloads' names, as [`of`] takes them.
pub const PAYLOADS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "push", "sets"];

/// Every case, those that are compared next to each other.
#[must_use]
pub fn all() -> Vec<Case> {
    PAYLOADS.into_iter().flat_map(of).collect()
}

/// The cases of one payload; none for a name that is unknown.
#[must_use]
pub fn of(payload: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    match payload {
        "a" => structs::<AddString, AddStringRef<'static>>(&mut cases, "a", payloads::add_string()),
        "b" => structs::<Tick, TickRef<'static>>(&mut cases, "b", payloads::tick(&mut Random::new(7))),
        "c" => structs::<Vec<Tick>, Vec<TickRef<'static>>>(&mut cases, "c", payloads::ticks()),
        "d" => text(&mut cases),
        "e" => binary(&mut cases),
        "f" => document(&mut cases),
        "push" => push(&mut cases),
        "sets" => sets(&mut cases),
        _ => {}
    }
    cases
}

fn leak(bytes: Vec<u8>) -> &'static [u8] {
    bytes.leak()
}

/// Adds a case that makes a value and drops it.
macro_rules! case {
    ($cases:ident, $payload:expr, $operation:expr, $codec:expr, $make:expr) => {
        $cases.push(Case {
            payload: $payload,
            operation: $operation,
            codec: $codec,
            run: Box::new(move || {
                let _ = black_box($make);
            }),
        });
    };
}

fn structs<T, B>(cases: &mut Vec<Case>, payload: &'static str, value: T)
where
    T: Serialize + for<'de> Deserialize<'de> + 'static,
    B: Deserialize<'static> + 'static,
{
    let value: &'static T = Box::leak(Box::new(value));
    let hessian = leak(hessian::to_vec(value).expect("encodes"));
    let rmp = leak(rmp_serde::to_vec(value).expect("encodes"));
    let post = leak(postcard::to_stdvec(value).expect("encodes"));
    let json = leak(serde_json::to_vec(value).expect("encodes"));
    let hessian2 = leak(hessian2::to_vec(value).expect("encodes"));
    case!(cases, payload, "encode", "hessian", hessian::to_vec(black_box(value)));
    case!(cases, payload, "encode", "rmp-serde", rmp_serde::to_vec(black_box(value)));
    case!(cases, payload, "encode", "postcard", postcard::to_stdvec(black_box(value)));
    case!(cases, payload, "encode", "serde_json", serde_json::to_vec(black_box(value)));
    case!(cases, payload, "encode", "hessian2", hessian2::to_vec(black_box(value)));
    into_buffer(cases, payload, value);
    case!(cases, payload, "owned", "hessian", hessian::from_slice::<T>(black_box(hessian)));
    case!(cases, payload, "owned", "rmp-serde", rmp_serde::from_slice::<T>(black_box(rmp)));
    case!(cases, payload, "owned", "postcard", postcard::from_bytes::<T>(black_box(post)));
    case!(cases, payload, "owned", "serde_json", serde_json::from_slice::<T>(black_box(json)));
    case!(cases, payload, "owned", "hessian2", hessian2::from_slice::<T>(black_box(hessian2)));
    case!(cases, payload, "borrowed", "hessian", hessian::from_slice::<B>(black_box(hessian)));
    case!(cases, payload, "borrowed", "rmp-serde", rmp_serde::from_slice::<B>(black_box(rmp)));
    case!(cases, payload, "borrowed", "postcard", postcard::from_bytes::<B>(black_box(post)));
    case!(cases, payload, "borrowed", "serde_json", serde_json::from_slice::<B>(black_box(json)));
}

/// Encoding into a buffer that has the room already.
fn into_buffer<T: Serialize>(cases: &mut Vec<Case>, payload: &'static str, value: &'static T) {
    let mut buffer = Vec::new();
    case!(cases, payload, "encode into a buffer", "hessian", {
        buffer.clear();
        hessian::to_bytes(black_box(value), &mut buffer)
    });
    let mut buffer = Vec::new();
    case!(cases, payload, "encode into a buffer", "rmp-serde", {
        buffer.clear();
        rmp_serde::encode::write(&mut buffer, black_box(value))
    });
    let mut buffer = Some(Vec::new());
    case!(cases, payload, "encode into a buffer", "postcard", {
        let mut room = buffer.take().unwrap_or_default();
        room.clear();
        buffer = postcard::to_extend(black_box(value), room).ok();
    });
    let mut buffer = Vec::new();
    case!(cases, payload, "encode into a buffer", "serde_json", {
        buffer.clear();
        serde_json::to_writer(&mut buffer, black_box(value))
    });
}

fn text(cases: &mut Vec<Case>) {
    let value: &'static Text = Box::leak(Box::new(Text(payloads::text())));
    let hessian = leak(hessian::to_vec(value).expect("encodes"));
    let rmp = leak(rmp_serde::to_vec(value).expect("encodes"));
    let post = leak(postcard::to_stdvec(value).expect("encodes"));
    let json = leak(serde_json::to_vec(value).expect("encodes"));
    let hessian2 = leak(hessian2::to_vec(value).expect("encodes"));
    case!(cases, "d", "encode", "hessian", hessian::to_vec(black_box(value)));
    case!(cases, "d", "encode", "rmp-serde", rmp_serde::to_vec(black_box(value)));
    case!(cases, "d", "encode", "postcard", postcard::to_stdvec(black_box(value)));
    case!(cases, "d", "encode", "serde_json", serde_json::to_vec(black_box(value)));
    case!(cases, "d", "encode", "hessian2", hessian2::to_vec(black_box(value)));
    into_buffer(cases, "d", value);
    case!(cases, "d", "owned", "hessian", hessian::from_slice::<Text>(black_box(hessian)));
    case!(cases, "d", "owned", "rmp-serde", rmp_serde::from_slice::<Text>(black_box(rmp)));
    case!(cases, "d", "owned", "postcard", postcard::from_bytes::<Text>(black_box(post)));
    case!(cases, "d", "owned", "serde_json", serde_json::from_slice::<Text>(black_box(json)));
    case!(cases, "d", "owned", "hessian2", hessian2::from_slice::<Text>(black_box(hessian2)));
    // A text of several chunks cannot be one `&str`: the chunks are borrowed one by one.
    case!(cases, "d", "borrowed", "hessian", chunks(black_box(hessian)));
    case!(cases, "d", "borrowed", "rmp-serde", rmp_serde::from_slice::<&str>(black_box(rmp)));
    case!(cases, "d", "borrowed", "postcard", postcard::from_bytes::<&str>(black_box(post)));
    // As much as one chunk holds can.
    let chunk: String = value.0.chars().take(0x8000).collect();
    let hessian = leak(hessian::to_vec(&chunk).expect("encodes"));
    let rmp = leak(rmp_serde::to_vec(&chunk).expect("encodes"));
    let post = leak(postcard::to_stdvec(&chunk).expect("encodes"));
    case!(cases, "d", "borrowed, one chunk", "hessian", hessian::from_slice::<&str>(black_box(hessian)));
    case!(cases, "d", "borrowed, one chunk", "rmp-serde", rmp_serde::from_slice::<&str>(black_box(rmp)));
    case!(cases, "d", "borrowed, one chunk", "postcard", postcard::from_bytes::<&str>(black_box(post)));
}

/// Bytes of every piece of a value's texts, each validated and borrowed.
fn chunks(input: &[u8]) -> usize {
    let mut parser = <Parser>::new(Limits::default());
    let mut at = 0;
    let mut total = 0;
    while let Ok(Step::Event { event, used }) = parser.step(&input[at..]) {
        at += used;
        if let hessian::Event::Text { text, .. } = event {
            total += black_box(text).len();
        }
    }
    total
}

fn binary(cases: &mut Vec<Case>) {
    let value: &'static Blob = Box::leak(Box::new(Blob(payloads::binary())));
    let hessian = leak(hessian::to_vec(value).expect("encodes"));
    let rmp = leak(rmp_serde::to_vec(value).expect("encodes"));
    let post = leak(postcard::to_stdvec(value).expect("encodes"));
    let hessian2 = leak(hessian2::to_vec(value).expect("encodes"));
    case!(cases, "e", "encode", "hessian", hessian::to_vec(black_box(value)));
    case!(cases, "e", "encode", "memcpy", black_box(&value.0).clone());
    case!(cases, "e", "encode", "rmp-serde", rmp_serde::to_vec(black_box(value)));
    case!(cases, "e", "encode", "postcard", postcard::to_stdvec(black_box(value)));
    case!(cases, "e", "encode", "hessian2", hessian2::to_vec(black_box(value)));
    into_buffer(cases, "e", value);
    case!(cases, "e", "owned", "hessian", hessian::from_slice::<Blob>(black_box(hessian)));
    case!(cases, "e", "owned", "memcpy", black_box(&value.0).clone());
    case!(cases, "e", "owned", "rmp-serde", rmp_serde::from_slice::<Blob>(black_box(rmp)));
    case!(cases, "e", "owned", "postcard", postcard::from_bytes::<Blob>(black_box(post)));
    case!(cases, "e", "owned", "hessian2", hessian2::from_slice::<Blob>(black_box(hessian2)));
    // The value shares the buffer: a slice of it for each chunk. Peers can only lend the bytes.
    let shared: &'static Bytes = Box::leak(Box::new(Bytes::from_static(hessian)));
    case!(cases, "e", "from Bytes", "hessian", hessian::from_bytes::<Binary>(black_box(shared)));
    case!(cases, "e", "from Bytes", "memcpy", black_box(&value.0).clone());
    case!(
        cases,
        "e",
        "from Bytes",
        "rmp-serde",
        rmp_serde::from_slice::<&serde_bytes::Bytes>(black_box(rmp))
    );
    case!(cases, "e", "from Bytes", "postcard", postcard::from_bytes::<&serde_bytes::Bytes>(black_box(post)));
}

fn document(cases: &mut Vec<Case>) {
    let value: &'static rmpv::Value = Box::leak(Box::new(payloads::document()));
    let hessian = leak(hessian::to_vec(value).expect("encodes"));
    let mut rmp = Vec::new();
    rmpv::encode::write_value(&mut rmp, value).expect("encodes");
    let rmp = leak(rmp);
    let json = leak(serde_json::to_vec(value).expect("encodes"));
    let graph: &'static Graph<'static> = Box::leak(Box::new(Graph::from_slice(hessian).expect("decodes")));
    case!(cases, "f", "encode", "hessian", black_box(graph).to_vec());
    case!(cases, "f", "encode", "rmpv", {
        let mut out = Vec::with_capacity(64);
        rmpv::encode::write_value(&mut out, black_box(value)).map(|()| out)
    });
    let json_value: &'static serde_json::Value =
        Box::leak(Box::new(serde_json::from_slice(json).expect("decodes")));
    case!(cases, "f", "encode", "serde_json", serde_json::to_vec(black_box(json_value)));
    let mut buffer = Vec::new();
    case!(cases, "f", "encode into a buffer", "hessian", {
        buffer.clear();
        black_box(graph).encode_to::<Final>(&mut buffer)
    });
    let mut buffer = Vec::new();
    case!(cases, "f", "encode into a buffer", "rmpv", {
        buffer.clear();
        rmpv::encode::write_value(&mut buffer, black_box(value))
    });
    case!(cases, "f", "borrowed", "hessian", Graph::from_slice(black_box(hessian)));
    case!(cases, "f", "borrowed", "rmpv", rmpv::decode::read_value_ref(&mut black_box(rmp)));
    case!(cases, "f", "owned", "hessian", Graph::from_slice(black_box(hessian)).map(Graph::into_owned));
    case!(cases, "f", "owned", "rmpv", rmpv::decode::read_value(&mut black_box(rmp)));
    case!(cases, "f", "owned", "serde_json", serde_json::from_slice::<serde_json::Value>(black_box(json)));
}

/// The push parser on the bytes of (c), whole and in pieces, and doubled.
fn push(cases: &mut Vec<Case>) {
    let ticks = payloads::ticks();
    let once = leak(hessian::to_vec(&ticks).expect("encodes"));
    let twice: Vec<_> = ticks.iter().chain(&ticks).collect();
    let twice = leak(hessian::to_vec(&twice).expect("encodes"));
    case!(cases, "push", "whole", "from_slice", Graph::from_slice(black_box(once)));
    case!(cases, "push", "whole", "push", fed(black_box(once), once.len()));
    case!(cases, "push", "64-byte pieces", "from_slice", Graph::from_slice(black_box(once)));
    case!(cases, "push", "64-byte pieces", "push", fed(black_box(once), 64));
    case!(cases, "push", "doubled", "once", fed(black_box(once), 64));
    case!(cases, "push", "doubled", "twice", fed(black_box(twice), 64));
}

/// Events of a value whose bytes arrive in pieces; what is not used yet is kept in a buffer.
fn fed(input: &[u8], piece: usize) -> usize {
    let mut parser = <Parser>::new(Limits::default());
    let mut buffer: Vec<u8> = Vec::new();
    let mut events = 0;
    for piece in input.chunks(piece) {
        buffer.extend_from_slice(piece);
        let mut at = 0;
        loop {
            match parser.step(&buffer[at..]) {
                Ok(Step::Event { used, event }) => {
                    black_box(event);
                    events += 1;
                    at += used;
                }
                Ok(Step::NeedMore { used, .. }) => {
                    at += used;
                    break;
                }
                Ok(Step::Done) | Err(_) => break,
            }
        }
        buffer.drain(..at);
    }
    events
}

/// 1,000 structs that leave out a field, always the same one or each in turn: then their names are looked at.
fn sets(cases: &mut Vec<Case>) {
    #[derive(Serialize)]
    struct Alike {
        x: i32,
        #[serde(skip_serializing_if = "Option::is_none")]
        y: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        z: Option<i32>,
    }
    #[derive(Serialize)]
    struct InTurn {
        x: i32,
        #[serde(skip_serializing_if = "Option::is_none")]
        y: Option<i32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        z: Option<i32>,
    }
    let alike: &'static [Alike] =
        (0..1000).map(|x| Alike { x, y: Some(1), z: None }).collect::<Vec<_>>().leak();
    let in_turn: &'static [InTurn] = (0..1000)
        .map(|x| InTurn { x, y: (x % 2 == 0).then_some(1), z: (x % 2 == 1).then_some(1) })
        .collect::<Vec<_>>()
        .leak();
    case!(cases, "sets", "encode", "once", hessian::to_vec(black_box(alike)));
    case!(cases, "sets", "encode", "in turn", hessian::to_vec(black_box(in_turn)));
    case!(
        cases,
        "sets",
        "encode",
        "in turn, alone",
        black_box(in_turn)
            .iter()
            .map(|value| hessian::to_vec(value).map_or(0, |value| value.len()))
            .sum::<usize>()
    );
}
