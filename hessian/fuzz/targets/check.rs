//! The ways to decode some bytes must not contradict each other.

use super::limits;
use super::plain::Plain;
use super::trace::{self, Recorder};
use hessian::de::from_slice_in;
use hessian::grammar::{Dialect, Grammar};
use hessian::{Error, ErrorKind, Graph, Parser, Step, ValueDecoder};
use serde::de::IgnoredAny;

/// Without a type, passed over, through serde alone and as a packet; what is decoded is encoded to the same value.
pub fn any<G: Grammar>(data: &[u8]) {
    let graph = Graph::from_slice_with::<G>(data, limits());
    let skipped = from_slice_in::<G, IgnoredAny>(data, &limits());
    match (&graph, &skipped) {
        (Ok(_), Ok(_)) => {}
        (Err(error), Err(skipped)) => {
            assert_eq!(error.is_incomplete(), skipped.is_incomplete(), "{error}, passed over: {skipped}");
        }
        _ => panic!("{:?}, passed over: {:?}", graph.map(|_| ()), skipped.map(|_| ())),
    }
    let alone = from_slice_in::<G, Plain>(data, &limits());
    let packet = ValueDecoder::<G>::new(limits()).decode::<Plain>(data);
    match (&alone, &packet) {
        (Ok(alone), Ok(packet)) => assert_eq!(alone, packet),
        (Err(alone), Err(packet)) => {
            assert_eq!(alone.kind(), packet.kind());
            assert_eq!(alone.offset(), packet.offset());
        }
        _ => panic!("alone {alone:?}, as a packet {packet:?}"),
    }
    let graph = match graph {
        Ok(graph) => graph,
        Err(error) => {
            let typed = alone.expect_err("no value, but a typed one");
            if error.is_incomplete() {
                assert!(typed.is_incomplete() || is_of_types(&typed), "{error}, typed: {typed}");
            }
            return;
        }
    };
    match alone {
        Ok(value) => assert_eq!(value, Plain::of(&graph)),
        Err(error) => assert!(is_of_types(&error), "{error}"),
    }
    survives::<G>(&graph);
    assert_eq!(graph.clone().into_owned(), graph);
}

/// What a typed value may refuse though the bytes are right.
fn is_of_types(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Cycle { .. } | ErrorKind::LoneSurrogate => true,
        // What references lead to is read again: it may expand or nest beyond the limits.
        ErrorKind::Limit { limit, .. } => ["max_expansion", "max_depth"].contains(limit),
        _ => false,
    }
}

/// Encoded and decoded again it is the same graph, and the same bytes from then on.
pub fn survives<G: Grammar>(graph: &Graph<'_>) {
    let mut bytes = Vec::new();
    graph.encode_to::<G>(&mut bytes).unwrap_or_else(|error| panic!("{error}: {graph:?}"));
    let again = Graph::from_slice_with::<G>(&bytes, limits())
        .unwrap_or_else(|error| panic!("{error}: {graph:?} as {bytes:02x?}"));
    assert_eq!(*graph, again, "{bytes:02x?}");
    let mut third = Vec::new();
    again.encode_to::<G>(&mut third).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(bytes, third);
}

/// The same in a grammar that has maps for objects: not the graph survives, but what it is then.
pub fn survives_as_maps<G: Grammar>(graph: &Graph<'_>) {
    let mut bytes = Vec::new();
    graph.encode_to::<G>(&mut bytes).unwrap_or_else(|error| panic!("{error}: {graph:?}"));
    let maps = Graph::from_slice_with::<G>(&bytes, limits())
        .unwrap_or_else(|error| panic!("{error}: {graph:?} as {bytes:02x?}"));
    assert_eq!(maps.len(), graph.len());
    survives::<G>(&maps);
}

/// A dialect that only writes.
pub fn writes<G: Dialect>(graph: &Graph<'_>) -> bool {
    graph.encode_to::<G>(&mut Vec::new()).is_ok()
}

/// In pieces of these sizes (in turn) it is what it is at once; no byte is asked for without need.
pub fn pushed<G: Grammar>(data: &[u8], sizes: &[u8]) {
    let graph = Graph::from_slice_with::<G>(data, limits());
    let mut parser = Parser::<G>::new(limits());
    let mut recorder = Recorder::default();
    let (mut at, mut seen) = (0, 0);
    let mut sizes = sizes.iter().cycle();
    // Between two bytes an event may be many steps (ends), but none that takes nothing may come twice for ever.
    let mut steps_without_bytes = 0;
    let error = loop {
        let step = match parser.step(&data[at..seen]) {
            Ok(step) => step,
            Err(error) => break error,
        };
        let used = match step {
            Step::Event { event, used } => {
                recorder.event(&event, &parser);
                used
            }
            Step::NeedMore { used, needed } => {
                assert!(needed > 0);
                at += used;
                if seen == data.len() {
                    let error = graph.as_ref().expect_err("incomplete, but a value at once");
                    // Text of which more is missing for certain is not looked at yet.
                    let text = matches!(error.kind(), ErrorKind::InvalidText | ErrorKind::LoneSurrogate);
                    assert!(error.is_incomplete() || text, "incomplete, but at once {error}");
                    return;
                }
                let size = usize::from(*sizes.next().unwrap_or(&1)).max(1);
                seen = data.len().min(seen + size);
                steps_without_bytes = 0;
                continue;
            }
            Step::Done => {
                match &graph {
                    Ok(graph) => {
                        assert_eq!(at, data.len());
                        assert_eq!(recorder.items, trace::of(graph));
                    }
                    Err(error) => match error.kind() {
                        ErrorKind::TrailingBytes { count } => assert_eq!(at + count, data.len()),
                        _ => panic!("a value of {at} bytes, but at once {error}"),
                    },
                }
                return;
            }
        };
        at += used;
        assert!(at <= seen);
        steps_without_bytes = if used == 0 { steps_without_bytes + 1 } else { 0 };
        assert!(steps_without_bytes <= 4 + limits().max_depth);
    };
    let at_once = graph.map(|_| ()).expect_err("an error in pieces, but a value at once");
    assert_eq!(error.is_limit(), at_once.is_limit(), "{error}, at once {at_once}");
    assert!(!at_once.is_incomplete(), "{error}, at once {at_once}");
}
