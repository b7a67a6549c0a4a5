//! Java's `byte[]` into sequences of numbers.

use super::message;
use hessian::{Graph, from_graph, from_slice};
use serde::de::DeserializeOwned;

/// From the slice and from the graph.
fn both<T: DeserializeOwned>(input: &[u8]) -> [Result<T, String>; 2] {
    let graph = Graph::from_slice(input).unwrap();
    [message(from_slice(input)), message(from_graph(graph.root()))]
}

#[test]
fn no_byte_is_lost() {
    for result in both::<[u8; 2]>(b"\x23abc") {
        let error = result.unwrap_err();
        assert!(error.contains("1 more elements than expected"), "{error}");
    }
    for result in both::<[u8; 3]>(b"\x23abc") {
        assert_eq!(result.unwrap(), *b"abc");
    }
    for result in both::<[u8; 2]>(b"A\x00\x01a\x22bc") {
        assert!(result.is_err());
    }
}

#[test]
fn javas_bytes_have_signs() {
    for result in both::<Vec<i8>>(b"\x23\xff\x01\x80") {
        assert_eq!(result.unwrap(), [-1, 1, -128]);
    }
    for result in both::<(Option<i8>, u8, i16, u64)>(b"\x24\xff\xff\xff\xff") {
        assert_eq!(result.unwrap(), (Some(-1), 255, 255, 255));
    }
}
