//! Structs and the classes of their objects.

use super::message;
use hessian::{Limits, ValueDecoder, from_slice, to_vec};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

#[derive(Debug, PartialEq, Deserialize)]
struct Aliased {
    #[serde(alias = "b")]
    a: i32,
    c: i32,
}

/// The same names as [`Aliased`] asks for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Plain {
    a: i32,
    b: i32,
    c: i32,
}

#[derive(Debug, PartialEq, Deserialize)]
enum Either {
    Plain {
        a: i32,
        b: i32,
        c: i32,
    },
    Aliased {
        #[serde(alias = "b")]
        a: i32,
        c: i32,
    },
}

const OBJECT: &[u8] = b"C\x01K\x93\x01a\x01b\x01c\x60\x91\x92\x93";

#[test]
fn a_name_and_its_alias_are_one_field() {
    // Also after a struct has been met that takes the same names in order.
    for _ in 0..3 {
        assert_eq!(from_slice::<Plain>(OBJECT).unwrap(), Plain { a: 1, b: 2, c: 3 });
        let error = from_slice::<Aliased>(OBJECT).unwrap_err().to_string();
        assert!(error.contains("duplicate field `a`"), "{error}");
        let error = <ValueDecoder>::new(Limits::new()).decode::<Aliased>(OBJECT).unwrap_err().to_string();
        assert!(error.contains("duplicate field `a`"), "{error}");
    }
    let aliased = b"C\x01K\x92\x01b\x01c\x60\x91\x92";
    assert_eq!(from_slice::<Aliased>(aliased).unwrap(), Aliased { a: 1, c: 2 });
    let first = b"C\x01K\x92\x01a\x01c\x60\x91\x92";
    assert_eq!(from_slice::<Aliased>(first).unwrap(), Aliased { a: 1, c: 2 });
}

#[test]
fn a_name_and_its_alias_are_one_field_of_a_variant() {
    for _ in 0..3 {
        let plain = b"C\x05Plain\x93\x01a\x01b\x01c\x60\x91\x92\x93";
        assert_eq!(from_slice::<Either>(plain).unwrap(), Either::Plain { a: 1, b: 2, c: 3 });
        let aliased = b"C\x07Aliased\x93\x01a\x01b\x01c\x60\x91\x92\x93";
        let error = from_slice::<Either>(aliased).unwrap_err().to_string();
        assert!(error.contains("`a`"), "{error}");
    }
}

#[test]
fn the_first_object_is_read_as_the_later_ones_are() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Node {
        name: String,
        inner: Vec<Self>,
        plain: Option<Plain>,
    }
    let leaf = |n: i32| Node { name: n.to_string(), inner: vec![], plain: Some(Plain { a: n, b: 2, c: 3 }) };
    let tree = Node { name: "x".into(), inner: vec![leaf(1), leaf(2)], plain: None };
    let bytes = to_vec(&[&tree, &tree]).unwrap();
    for _ in 0..3 {
        assert_eq!(from_slice::<[Node; 2]>(&bytes).unwrap()[1], tree);
    }
    let mut decoder = <ValueDecoder>::new(Limits::new());
    for _ in 0..3 {
        assert_eq!(decoder.decode::<Vec<Node>>(&bytes).unwrap()[1], tree);
    }
}

#[test]
fn objects_of_one_class_may_be_read_as_several_types() {
    let bytes = to_vec(&[Plain { a: 1, b: 2, c: 3 }, Plain { a: 4, b: 5, c: 6 }, Plain { a: 7, b: 8, c: 9 }])
        .unwrap();
    type Mixed = (Plain, HashMap<String, i32>, Plain);
    for _ in 0..3 {
        let (first, map, last) = from_slice::<Mixed>(&bytes).unwrap();
        assert_eq!((first.c, last.a), (3, 7));
        assert_eq!(map, [("a".into(), 4), ("b".into(), 5), ("c".into(), 6)].into());
    }
    let refused = message(from_slice::<(Plain, Aliased, Plain)>(&bytes)).unwrap_err();
    assert!(refused.contains("duplicate field"), "{refused}");
}

#[test]
fn a_sender_may_repeat_its_definitions() {
    let mut decoder = <ValueDecoder>::new(Limits::new());
    let plain = to_vec(&Plain { a: 1, b: 2, c: 3 }).unwrap();
    for packet in 0..10_000 {
        // Each definition takes a number, so this is object 0 of an equal class.
        let decoded = decoder.decode::<Plain>(&plain);
        assert_eq!(decoded.unwrap(), Plain { a: 1, b: 2, c: 3 }, "packet {packet}");
    }
    // Number 10,000 is that of the last packet, 10,001 that of another class.
    assert_eq!(decoder.decode::<Plain>(b"O\xd4\x27\x0f\x94\x95\x96").unwrap(), Plain { a: 4, b: 5, c: 6 });
    let other = b"C\x01L\x91\x01x\x4f\xd4\x27\x10\x91";
    assert_eq!(decoder.decode::<HashMap<String, i32>>(other).unwrap(), [("x".into(), 1)].into());
    let error = decoder.decode::<Plain>(b"O\xd4\x27\x11\x94\x95\x96").unwrap_err();
    let kind = hessian::ErrorKind::UnknownClass { number: 10_001, defined: 10_001 };
    assert_eq!(*error.kind(), kind);
}

#[test]
fn a_sender_may_repeat_its_types() {
    let mut decoder = <ValueDecoder>::new(Limits::new());
    for packet in 0..10_000 {
        let graph = decoder.graph(b"\x71\x04[int\x91").unwrap();
        assert_eq!(graph.root().type_name(), Some("[int"), "packet {packet}");
    }
    let graph = decoder.graph(b"\x71\xd4\x27\x0f\x91").unwrap();
    assert_eq!(graph.root().type_name(), Some("[int"));
    assert!(decoder.graph(b"\x71\xd4\x27\x10\x91").is_err());
}

#[test]
fn repetitions_have_a_limit() {
    let mut limits = Limits::new();
    limits.max_repeats = 3;
    let mut decoder = <ValueDecoder>::new(limits);
    let packet = b"C\x01K\x91\x01a\x60\x91";
    for _ in 0..4 {
        decoder.decode::<HashMap<String, i32>>(packet).unwrap();
    }
    let error = decoder.decode::<HashMap<String, i32>>(packet).unwrap_err();
    assert_eq!(*error.kind(), hessian::ErrorKind::Limit { limit: "max_repeats", max: 3 });
}

#[test]
fn a_failed_packet_leaves_the_numbers_right() {
    let mut decoder = <ValueDecoder>::new(Limits::new());
    let packet = b"C\x01K\x91\x01a\x60\x91";
    for _ in 0..3 {
        decoder.decode::<HashMap<String, i32>>(packet).unwrap();
        decoder.decode::<String>(packet).unwrap_err();
    }
    decoder.decode::<HashMap<String, i32>>(b"\x65\x91").unwrap();
    assert!(decoder.decode::<HashMap<String, i32>>(b"\x66\x91").is_err());
}

/// A visitor that was written by hand is asked in one way, whatever was read before.
#[test]
fn hand_written_visitors_get_entries() {
    use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

    #[derive(Debug, PartialEq)]
    struct Point {
        x: i32,
        y: i32,
    }

    struct ByHand;

    impl<'de> Visitor<'de> for ByHand {
        type Value = Point;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a point")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Point, A::Error> {
            let mut point = Point { x: 0, y: 0 };
            while let Some(name) = map.next_key::<String>()? {
                *(if name == "x" { &mut point.x } else { &mut point.y }) = map.next_value()?;
            }
            Ok(point)
        }
        /// In another order than the fields.
        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Point, A::Error> {
            let (y, x) = (seq.next_element()?.unwrap(), seq.next_element()?.unwrap());
            Ok(Point { x, y })
        }
    }

    impl<'de> Deserialize<'de> for Point {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_struct("Point", &["x", "y"], ByHand)
        }
    }

    let one = b"C\x05Point\x92\x01x\x01y\x60\x91\x92";
    for _ in 0..3 {
        assert_eq!(from_slice::<Point>(one).unwrap(), Point { x: 1, y: 2 });
    }
    let three = [b"\x7b", &one[..], b"\x60\x91\x92\x60\x91\x92"].concat();
    assert_eq!(from_slice::<[Point; 3]>(&three).unwrap(), [1, 1, 1].map(|x| Point { x, y: 2 }));
}
