//! The older grammars against what Java wrote in them.

#![allow(missing_docs, reason = "a test")]

mod draft;
mod mutations;
mod one;
mod streams;
mod tutorial;
mod vector;

use hessian::grammar::Grammar;
use hessian::{Graph, Limits, Parser, Step, ValueDecoder};
use serde::de::IgnoredAny;

/// Decodes a value as a whole and in pieces, typed and untyped, whole and cut (at every byte, if it is short): all have to agree.
fn decode<G: Grammar>(name: &str, bytes: &[u8]) -> Result<String, hessian::Error> {
    let whole = Graph::from_slice_with::<G>(bytes, Limits::new());
    let skipped = ValueDecoder::<G>::new(Limits::new()).decode::<IgnoredAny>(bytes);
    assert_eq!(skipped.is_ok(), whole.is_ok(), "{name}: passing over it: {skipped:?}, reading it: {whole:?}");
    for size in [1, 3, 64] {
        match (&whole, push::<G>(bytes, size)) {
            (Ok(graph), Ok((value, used))) => {
                assert_eq!(vector::shown(graph), [value], "{name} in pieces of {size}");
                assert_eq!(used, bytes.len(), "{name} in pieces of {size}");
            }
            // The parser stops behind the first value; a slice has to be one.
            (Err(error), Ok((_, used))) => {
                let count = bytes.len() - used;
                assert_eq!(error.kind(), &hessian::ErrorKind::TrailingBytes { count }, "{name}");
            }
            (Err(error), Err(other)) => assert_eq!(error.kind(), other.kind(), "{name} in pieces of {size}"),
            (whole, pieces) => panic!("{name}: {whole:?} as a whole, {pieces:?} in pieces of {size}"),
        }
    }
    if whole.is_ok() {
        let step = if bytes.len() < 500 { 1 } else { bytes.len() / 20 };
        for cut in (0..bytes.len()).step_by(step) {
            let error = Graph::from_slice_with::<G>(&bytes[..cut], Limits::new()).unwrap_err();
            assert!(error.is_incomplete(), "{name} cut at {cut}: {error}");
            let error = push::<G>(&bytes[..cut], cut.max(1)).unwrap_err();
            assert!(error.is_incomplete(), "{name} cut at {cut}, pushed: {error}");
            let error =
                ValueDecoder::<G>::new(Limits::new()).decode::<IgnoredAny>(&bytes[..cut]).unwrap_err();
            assert!(error.is_incomplete(), "{name} cut at {cut}, passed over: {error}");
        }
    }
    whole.map(|graph| vector::shown(&graph).concat())
}

/// One value through the push parser, and the bytes it takes.
fn push<G: Grammar>(bytes: &[u8], size: usize) -> Result<(String, usize), hessian::Error> {
    let mut parser = Parser::<G>::new(Limits::new());
    let mut events = vector::Events::default();
    let (mut at, mut end) = (0, 0);
    loop {
        match parser.step(&bytes[at..end])? {
            Step::Event { event, used } => {
                events.add(event, &parser);
                at += used;
            }
            Step::NeedMore { used, needed } => {
                at += used;
                if end == bytes.len() {
                    // As a whole slice would tell it.
                    return Err(Graph::from_slice_with::<G>(bytes, Limits::new())
                        .err()
                        .unwrap_or_else(|| panic!("{needed} more bytes are wanted after the last")));
                }
                end = bytes.len().min(end + size);
            }
            Step::Done => return Ok((events.values.concat(), at)),
        }
    }
}

fn encode<G: Grammar>(graph: &Graph<'_>) -> Vec<u8> {
    let mut out = b"before".to_vec();
    graph.encode_to::<G>(&mut out).unwrap();
    assert_eq!(out[..6], *b"before");
    out.split_off(6)
}

/// The short text of bytes, for messages.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().take(200).map(|byte| format!("{byte:02x}")).collect()
}
