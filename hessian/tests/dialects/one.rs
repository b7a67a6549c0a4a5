//! Hessian 1.

use super::vector::{self, unhex};
use super::{decode, encode, hex};
use hessian::grammar::{Final, One};
use hessian::{Date, Graph, Limits, de, ser};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[test]
fn every_value_decodes_and_is_written_again() {
    let (mut described, mut by_hand) = (0, 0);
    for (name, line) in vector::lines("hessian1") {
        let bytes = vector::bytes(&line);
        // Calls and replies are no values.
        if line.get("call").is_some() || line.get("reply").is_some() {
            continue;
        }
        // The length of the XML vector is one short of its last bracket.
        let bytes = if name == "hand_xml" { bytes[..bytes.len() - 1].to_vec() } else { bytes };
        let found = decode::<One>(&name, &bytes).unwrap();
        let graph = Graph::from_slice_with::<One>(&bytes, Limits::new()).unwrap();
        let again = encode::<One>(&graph);
        assert_eq!(Graph::from_slice_with::<One>(&again, Limits::new()).unwrap(), graph, "{name}");
        match line.get("value") {
            Some(value) => {
                assert_eq!(found, vector::described(value), "{name}");
                assert_eq!(hex(&again), hex(&bytes), "{name}");
                assert!(again == bytes, "{name}");
                described += 1;
            }
            None => {
                let expected = match name.as_str() {
                    "hand_xml" => "\"<a/\"",
                    "hand_short_list_no_len" => "list#0<t.T>[int 1]",
                    "hand_list_no_type" => "list#0[int 1]",
                    "hand_map_no_type" => "map#0{\"a\": int 1}",
                    "hand_chunked_string" => "\"ab\"",
                    "hand_chunked_binary" => "bytes [01, 02]",
                    _ => panic!("{name}"),
                };
                assert_eq!(found, expected, "{name}");
                by_hand += 1;
            }
        }
        if name != "remote" {
            let last = encode::<Final>(&graph);
            assert_eq!(Graph::from_slice(&last).unwrap(), graph, "{name} through Hessian 2");
        }
    }
    println!(
        "hessian1.jsonl: {described} values decoded and encoded to the same bytes, {by_hand} other forms"
    );
    assert_eq!((described, by_hand), (53, 6));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "model.M$AddString")]
struct AddString {
    value: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "model.All")]
struct All {
    id: i64,
    name: Option<String>,
    at: Date,
    #[serde(with = "serde_bytes")]
    raw: Vec<u8>,
    price: f64,
    tags: Vec<String>,
    inner: AddString,
    sizes: BTreeMap<String, i32>,
    nothing: (),
    unit: Unit,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[test]
fn structs_are_maps_with_a_type() {
    let value = AddString { value: "x".into() };
    let bytes = ser::to_vec_in::<One, _>(&value).unwrap();
    let java = vector::lines("hessian1").into_iter().find(|(name, _)| name == "addstring").unwrap().1;
    assert_eq!(hex(&bytes), java["hex"].as_str().unwrap());
    assert_eq!(read::<AddString>(&bytes), value);
    let all = All {
        id: 1 << 40,
        name: None,
        at: Date::from_millis(-5),
        raw: vec![1, 2, 3],
        price: 12.25,
        tags: vec!["a".into(), "é😀".into()],
        inner: value,
        sizes: BTreeMap::from([("k".into(), 1)]),
        nothing: (),
        unit: Unit,
    };
    let bytes = ser::to_vec_in::<One, _>(&all).unwrap();
    assert_eq!(read::<All>(&bytes), all);
}

/// From bytes, and the same from a graph.
fn read<T: for<'de> Deserialize<'de> + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> T {
    let value = de::from_slice_in::<One, T>(bytes, &Limits::DEFAULT)
        .unwrap_or_else(|error| panic!("{}: {error}", hex(bytes)));
    let graph = Graph::from_slice_with::<One>(bytes, Limits::new()).unwrap();
    let same = hessian::from_graph::<T>(graph.root());
    assert_eq!(same.unwrap_or_else(|error| panic!("{}: {error}", hex(bytes))), value);
    value
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Update {
    #[serde(rename = "model.M$AddString")]
    Add(AddString),
    #[serde(rename = "example.Move")]
    Move {
        x: i32,
        y: i32,
    },
    #[serde(rename = "example.Stop")]
    Stop(Unit),
    Red,
    Count(i32),
    Pair(i32, i32),
    Nested(Box<Self>),
    Many(Vec<Self>),
    At(Date),
}

#[test]
fn enums_over_classes_round_trip() {
    let updates = [
        Update::Add(AddString { value: "x".into() }),
        Update::Move { x: 1, y: 2 },
        Update::Stop(Unit),
        Update::Red,
        Update::Count(3),
        Update::Pair(4, 5),
        Update::Nested(Box::new(Update::Move { x: 6, y: 7 })),
        Update::Nested(Box::new(Update::Nested(Box::new(Update::Red)))),
        Update::Nested(Box::new(Update::Add(AddString { value: "y".into() }))),
        Update::Many(vec![Update::Red, Update::Count(1)]),
        Update::At(Date::from_millis(1)),
    ];
    for update in &updates {
        let bytes = ser::to_vec_in::<One, _>(update).unwrap();
        assert_eq!(&read::<Update>(&bytes), update, "{}", hex(&bytes));
        let bytes = ser::to_vec_in::<hessian::grammar::Draft, _>(update).unwrap();
        let back = de::from_slice_in::<hessian::grammar::Draft, Update>(&bytes, &Limits::DEFAULT).unwrap();
        assert_eq!(&back, update, "{}", hex(&bytes));
    }
    assert_eq!(read::<Vec<Update>>(&ser::to_vec_in::<One, _>(&updates).unwrap()), updates);
    // As Hessian 2 allows it too: an object as a map with its class for a type.
    let typed = unhex("4d 11 6d6f64656c2e4d24416464537472696e67 05 76616c7565 01 78 5a");
    assert_eq!(hessian::from_slice::<Update>(&typed).unwrap(), updates[0]);
    // The second use of a Java enum constant is a reference.
    let list = unhex("566c00000002 4d74000143 530004 6e616d65 530003 526564 7a 5200000001 7a");
    assert_eq!(read::<Vec<Update>>(&list), [Update::Red, Update::Red]);
    // The same from a graph, of any grammar.
    let graph = Graph::from_slice(&typed).unwrap();
    assert_eq!(hessian::from_graph::<Update>(graph.root()).unwrap(), updates[0]);
    let other = unhex("4d74000145 7a");
    let graph = Graph::from_slice_with::<One>(&other, Limits::new()).unwrap();
    assert!(hessian::from_graph::<Update>(graph.root()).is_err());
    let error = de::from_slice_in::<One, Update>(&other, &Limits::DEFAULT).unwrap_err();
    assert!(!error.is_limit(), "{error}");
}

#[test]
fn what_java_wraps_is_a_scalar() {
    let decimal =
        unhex("4d740014 6a6176612e6d6174682e426967446563696d616c 530005 76616c7565 530004 31322e35 7a");
    assert_eq!(read::<String>(&decimal), "12.5");
    let stamp =
        unhex("4d740012 6a6176612e73716c2e54696d657374616d70 530005 76616c7565 64 0000000000000005 7a");
    assert_eq!(read::<Date>(&stamp), Date::from_millis(5));
    let byte = unhex("4d740001 62 530006 5f76616c7565 49 00000007 7a");
    assert_eq!(read::<i8>(&byte), 7);
    assert_eq!(read::<f64>(&byte), 7.0);
    let two = unhex("4d740001 62 530006 5f76616c7565 49 00000007 530001 61 4e 7a");
    let error = de::from_slice_in::<One, i8>(&two, &Limits::DEFAULT).unwrap_err();
    assert!(error.to_string().contains("the end of a map of one entry"), "{error}");
    let graph = Graph::from_slice_with::<One>(&two, Limits::new()).unwrap();
    assert!(hessian::from_graph::<i8>(graph.root()).is_err());
    let map = unhex("4d 530001 61 49 00000007 7a");
    let error = de::from_slice_in::<One, i8>(&map, &Limits::DEFAULT).unwrap_err();
    assert!(error.to_string().contains("a map where an integer"), "{error}");
}

#[test]
fn a_type_that_is_named_ten_thousand_times_is_one() {
    let structs: Vec<_> = (0..10_000).map(|n| AddString { value: n.to_string() }).collect();
    let bytes = ser::to_vec_in::<One, _>(&structs).unwrap();
    assert_eq!(read::<Vec<AddString>>(&bytes), structs);
    let graph = Graph::from_slice_with::<One>(&bytes, Limits::new()).unwrap();
    assert!(encode::<One>(&graph) == bytes);
    // Different ones are limited.
    let types: Vec<u8> =
        (0..5000u16).flat_map(|n| [&b"Mt\0\x05"[..], format!("{n:05}").as_bytes(), b"z"].concat()).collect();
    let list = [b"V", &*types, b"z"].concat();
    let error = Graph::from_slice_with::<One>(&list, Limits::new()).unwrap_err();
    assert_eq!(*error.kind(), hessian::ErrorKind::Limit { limit: "max_types", max: 4096 });
}

#[test]
fn objects_of_hessian_2_become_maps_with_references_kept() {
    // [a, a] where a = A { self: a, b: B {} }
    let last = unhex("7a 43 0141 92 0473656c66 0162 60 51 91 43 0142 90 61 51 91");
    let graph = Graph::from_slice(&last).unwrap();
    let one = encode::<One>(&graph);
    assert_eq!(
        decode::<One>("objects", &one).unwrap(),
        "list#0[map#1<A>{\"self\": #1, \"b\": map#2<B>{}}, #1]"
    );
}

/// `python-hessian` writes -1 for each list; the Java library takes any negative length for none.
#[test]
fn a_negative_length_is_none() {
    for length in ["ffffffff", "80000000"] {
        let bytes = unhex(&format!("56 6c {length} 49 00000001 49 00000002 7a"));
        assert_eq!(de::from_slice_in::<One, Vec<i32>>(&bytes, &Limits::new()).unwrap(), [1, 2]);
        let graph = Graph::from_slice_with::<One>(&bytes, Limits::new()).unwrap();
        assert_eq!(graph.root().items().filter_map(hessian::View::as_i32).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(decode::<One>("-1", &bytes).unwrap(), "list#0[int 1, int 2]");
    }
}
