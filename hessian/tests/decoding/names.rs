//! Names that a message tells once and its values use often.

use hessian::{ErrorKind, Graph, Limits, from_slice, from_slice_with};
use serde::Deserialize;
use std::collections::HashMap;

/// A list of `count` objects of two bytes, whose class has one field of a long name.
fn long_names(count: i32) -> Vec<u8> {
    let name = "語".repeat(200);
    let mut bytes = b"X".to_vec();
    bytes.extend(hessian::to_vec(&count).unwrap());
    bytes.extend(b"C");
    bytes.extend(hessian::to_vec(&name).unwrap());
    bytes.extend(b"\x91");
    bytes.extend(hessian::to_vec(&name).unwrap());
    bytes.extend(b"\x60N".repeat(count as usize));
    bytes
}

#[test]
fn names_that_are_told_again_count_as_expansion() {
    type Maps = Vec<HashMap<String, Option<i32>>>;
    let mut limits = Limits::new();
    // Of each name 32 bytes are free.
    limits.max_expansion = (600 - 32) * 99;
    assert_eq!(from_slice_with::<Maps>(&long_names(100), &limits).unwrap().len(), 100);
    let limit = ErrorKind::Limit { limit: "max_expansion", max: limits.max_expansion };
    let error = from_slice_with::<Maps>(&long_names(101), &limits).unwrap_err();
    assert_eq!(*error.kind(), limit);
    let error = from_slice_with::<serde_json::Value>(&long_names(101), &limits).unwrap_err();
    assert_eq!(*error.kind(), limit);
    // Graphs share them.
    assert_eq!(from_slice_with::<Vec<Graph<'_>>>(&long_names(10_000), &limits).unwrap().len(), 10_000);
    // Nobody is told names that are only looked at.
    #[derive(Deserialize)]
    struct Other {
        #[serde(default)]
        other: i32,
    }
    let others: Vec<Other> = from_slice_with(&long_names(10_000), &limits).unwrap();
    assert!(others.iter().all(|other| other.other == 0));
}

#[test]
fn names_are_counted_with_what_references_lead_to() {
    // A list of an object and many references to it.
    let object = long_names(1);
    let mut bytes = b"X\xc8\x65".to_vec();
    bytes.extend(&object[2..]);
    bytes.extend(b"Q\x91".repeat(100));
    let mut limits = Limits::new();
    // Each reads the object and its definition again, counts 32 for itself and 568 for the name.
    limits.max_expansion = (object.len() as u64 - 2 + 32 + 568) * 100;
    let maps: Vec<HashMap<String, Option<i32>>> = from_slice_with(&bytes, &limits).unwrap();
    assert_eq!(maps.len(), 101);
    limits.max_expansion -= 1;
    let error = from_slice_with::<Vec<HashMap<String, Option<i32>>>>(&bytes, &limits).unwrap_err();
    assert_eq!(*error.kind(), ErrorKind::Limit { limit: "max_expansion", max: limits.max_expansion });
}

#[test]
fn a_graph_reached_through_a_reference_has_its_types() {
    let list = b"\x7a\x71\x04[int\x91\x51\x91";
    let (_, graph): (Vec<i32>, Graph<'static>) = from_slice(list).unwrap();
    assert_eq!(graph.root().type_name(), Some("[int"));
    assert_eq!(graph.to_vec().unwrap(), b"\x71\x04[int\x91");

    let map = b"\x7aM\x11java.util.TreeMap\x01a\x91Z\x51\x91";
    let (_, graph): (HashMap<String, i32>, Graph<'static>) = from_slice(map).unwrap();
    assert_eq!(graph.root().type_name(), Some("java.util.TreeMap"));

    // By its number, and without a type.
    let numbered = b"\x7b\x71\x04[int\x91\x71\x90\x92\x51\x92";
    let (.., graph): (Vec<i32>, Vec<i32>, Graph<'static>) = from_slice(numbered).unwrap();
    assert_eq!(graph.root().type_name(), Some("[int"));
    let (_, graph): (Vec<i32>, Graph<'static>) = from_slice(b"\x7a\x71\x00\x91\x51\x91").unwrap();
    assert_eq!(graph.root().type_name(), None);
}
