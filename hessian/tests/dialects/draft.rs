//! The draft of 2007.

use super::vector::{self, unhex};
use super::{decode, encode, hex};
use hessian::grammar::{Draft, Final, One};
use hessian::{ErrorKind, Graph, Limits, de, ser};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[test]
fn every_vector_decodes_and_what_java_wrote_is_written_again() {
    let (mut decoded, mut refused, mut encoded) = (0, 0, 0);
    for (name, line) in vector::lines("draft") {
        let bytes = vector::bytes(&line);
        let found = decode::<Draft>(&name, &bytes);
        if line["expect"] == "error" {
            assert!(found.is_err(), "{name}: {found:?}");
            refused += 1;
            continue;
        }
        assert_eq!(found.unwrap(), vector::described(&line["value"]), "{name}");
        decoded += 1;
        let graph = Graph::from_slice_with::<Draft>(&bytes, Limits::new()).unwrap();
        let again = encode::<Draft>(&graph);
        assert_eq!(Graph::from_slice_with::<Draft>(&again, Limits::new()).unwrap(), graph, "{name}");
        // Java's chunks of a binary are what its buffer has room for; see the vectors' README.
        let by_java = line["source"].as_str().unwrap().starts_with("java")
            && !name.ends_with("javabug")
            && !matches!(
                name.as_str(),
                "binary_part_api" | "binary_stream_api" | "binary_1024_2008_08" | "binary_3000_2008_08"
            );
        if by_java {
            assert_eq!(hex(&again), hex(&bytes), "{name}");
            assert!(again == bytes, "{name}");
            encoded += 1;
        }
        // And into the other grammars and back.
        let other = encode::<Final>(&graph);
        let other = Graph::from_slice(&other).unwrap();
        if name != "remote" {
            assert_eq!(other, graph, "{name} through Hessian 2");
        }
    }
    println!("draft.jsonl: {decoded} decoded, {refused} refused, {encoded} encoded to the same bytes");
    assert_eq!((decoded, refused), (255, 9));
    assert!(encoded >= 210, "{encoded}");
}

fn error<T: for<'de> Deserialize<'de> + std::fmt::Debug>(hex: &str) -> hessian::Error {
    de::from_slice_in::<Draft, T>(&unhex(hex), &Limits::DEFAULT).unwrap_err()
}

#[test]
fn the_length_of_a_list_and_its_end_agree() {
    let read = |hex: &str| de::from_slice_in::<Draft, Vec<i32>>(&unhex(hex), &Limits::DEFAULT);
    assert_eq!(read("56 6e02 9192 7a").unwrap(), [1, 2]);
    assert!(read("56 6e02 91 7a").unwrap_err().is_malformed());
    assert!(error::<Vec<i32>>("56 6e01 91 92 7a").to_string().contains("the end of a list"));
    for hex in ["56 6e02 91 7a", "56 6e01 9192 7a", "56 6e00 91 7a"] {
        assert!(decode::<Draft>(hex, &unhex(hex)).unwrap_err().is_malformed(), "{hex}");
        assert!(read(hex).is_err(), "{hex}");
    }
    assert_eq!(*error::<Vec<i32>>("56 6c ffffffff 7a").kind(), ErrorKind::NegativeLength(-1));
    assert!(error::<Vec<i32>>("56 6c 7fffffff").is_limit());
    assert!(error::<Vec<i32>>("56 6c 00ffffff").is_incomplete());
}

#[test]
fn the_class_names_of_october_2007() {
    let hex = "4f a1 6578616d706c652e416464537472696e67 91 0576616c7565 6f 90 02 6869";
    let found = decode::<Draft>("2007-10", &unhex(hex)).unwrap();
    assert_eq!(found, "object#0<example.AddString>{value: \"hi\"}");
    assert_eq!(
        de::from_slice_in::<Draft, AddString>(&unhex(hex), &Limits::DEFAULT).unwrap(),
        AddString { value: "hi".into() }
    );
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.AddString")]
struct AddString {
    value: String,
}

#[test]
fn structs_are_defined_and_written_as_the_tutorial_has_them() {
    let bytes = ser::to_vec_in::<Draft, _>(&AddString { value: "hi".into() }).unwrap();
    assert_eq!(bytes, b"O\x11example.AddString\x91\x05valueo\x90\x02hi");
    let bytes =
        ser::to_vec_in::<Draft, _>(&[AddString { value: "a".into() }, AddString { value: "b".into() }]);
    assert_eq!(bytes.unwrap(), b"Vn\x02O\x11example.AddString\x91\x05valueo\x90\x01ao\x90\x01bz");
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "a.class.whose.name.has.more.than.31.units")]
struct Long {
    a_field_whose_name_has_more_than_31_units: i32,
}

#[test]
fn long_names_are_in_the_form_of_their_grammar() {
    let value = Long { a_field_whose_name_has_more_than_31_units: 1 };
    for _ in 0..2 {
        let draft = ser::to_vec_in::<Draft, _>(&value).unwrap();
        assert_eq!(draft[..4], *b"OS\x00\x29");
        assert_eq!(de::from_slice_in::<Draft, Long>(&draft, &Limits::DEFAULT).unwrap(), value);
        let last = hessian::to_vec(&value).unwrap();
        assert_eq!(last[..3], *b"C0\x29");
        assert_eq!(hessian::from_slice::<Long>(&last).unwrap(), value);
    }
}

/// A sequence that does not know its length.
struct Unknown<T>(Vec<T>);

impl<T: Serialize> Serialize for Unknown<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeSeq;
        let mut seq = serializer.serialize_seq(None)?;
        self.0.iter().try_for_each(|value| seq.serialize_element(value))?;
        seq.end()
    }
}

#[test]
fn true_is_never_taken_for_a_type() {
    let map = BTreeMap::from([(false, 1), (true, 2)]);
    let bytes = ser::to_vec_in::<Draft, _>(&map).unwrap();
    assert_eq!(bytes, b"MF\x91T\x92z");
    let map = BTreeMap::from([(true, 2)]);
    let bytes = ser::to_vec_in::<Draft, _>(&map).unwrap();
    assert_eq!(bytes, b"Mt\0\0T\x92z");
    assert_eq!(de::from_slice_in::<Draft, BTreeMap<bool, i32>>(&bytes, &Limits::DEFAULT).unwrap(), map);
    let list = ser::to_vec_in::<Draft, _>(&Unknown(vec![true, true])).unwrap();
    assert_eq!(list, b"Vt\0\0TTz");
    assert_eq!(de::from_slice_in::<Draft, Vec<bool>>(&list, &Limits::DEFAULT).unwrap(), [true, true]);
    assert_eq!(ser::to_vec_in::<Draft, _>(&Unknown(vec![1, 2])).unwrap(), b"V\x91\x92z");

    // Documents, and the numbers of types after it.
    let document = unhex("48 54 72 05 5b626f6f6c 54 46 46 72 90 46 46 5a");
    let graph = Graph::from_slice(&document).unwrap();
    let draft = encode::<Draft>(&graph);
    assert_eq!(
        hex(&draft),
        "4d740000 54 56740005 5b626f6f6c 6e02 54467a 46 76 91 92 4646 7a".replace(' ', "")
    );
    assert_eq!(Graph::from_slice_with::<Draft>(&draft, Limits::new()).unwrap(), graph);
    let open = Graph::from_slice(b"WT\x91Z").unwrap();
    let draft = encode::<Draft>(&open);
    assert_eq!(draft, b"Vt\0\0T\x91z");
    assert_eq!(Graph::from_slice_with::<Draft>(&draft, Limits::new()).unwrap(), open);
}

#[test]
fn doubles_keep_every_bit() {
    let all = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        127.0,
        128.0,
        -128.0,
        -129.0,
        32767.0,
        32768.0,
        -32768.0,
        -32769.0,
        0.5,
        0.1,
        f64::MAX,
        f64::MIN_POSITIVE,
        f64::EPSILON,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::from(f32::MIN_POSITIVE),
        5e-324,
        f64::from_bits(0x7ff8_0000_0000_0000),
        16_777_217.0,
    ];
    for value in all {
        let bytes = ser::to_vec_in::<Draft, _>(&value).unwrap();
        let back: f64 = de::from_slice_in::<Draft, _>(&bytes, &Limits::DEFAULT).unwrap();
        assert_eq!(back.to_bits(), value.to_bits(), "{value}");
        let bytes = ser::to_vec_in::<One, _>(&value).unwrap();
        let back: f64 = de::from_slice_in::<One, _>(&bytes, &Limits::DEFAULT).unwrap();
        assert_eq!(back.to_bits(), value.to_bits(), "{value}");
    }
}

#[test]
fn a_known_type_is_a_number_and_lists_of_it_have_no_end() {
    // Two `[int` with lengths, one without: Java's `v` with the length -1 is readable by nobody.
    let last = unhex("7b 71 04 5b696e74 91 71 90 92 55 90 93 5a");
    let graph = Graph::from_slice(&last).unwrap();
    let draft = encode::<Draft>(&graph);
    assert_eq!(hex(&draft), "566e03567400045b696e746e01917a769091925675 90937a7a".replace(' ', ""));
    assert_eq!(Graph::from_slice_with::<Draft>(&draft, Limits::new()).unwrap(), graph);
}

#[test]
fn an_empty_type_is_none_also_by_its_number() {
    let bytes = unhex("566e03 56740000 6e00 7a 76 90 90 4d 75 90 7a 7a");
    assert_eq!(decode::<Draft>("empty", &bytes).unwrap(), "list#0[list#1[], list#2[], map#3{}]");
    let last = Graph::from_slice(&unhex("7a 4d 00 5a 4d 90 5a")).unwrap().into_owned();
    assert_eq!(vector::shown(&last), ["list#0[map#1{}, map#2{}]"]);
    assert_eq!(last, Graph::from_slice(b"\x7aHZHZ").unwrap());
}

/// Through serde as well as directly.
#[test]
fn graphs_with_remote_objects_encode_alike_in_both_ways() {
    fn alike<G: hessian::grammar::Dialect>(graph: &Graph<'_>) {
        let mut direct = Vec::new();
        graph.encode_to::<G>(&mut direct).unwrap();
        assert_eq!(ser::to_vec_in::<G, _>(graph).unwrap(), direct);
    }

    let mut builder = Graph::builder();
    let remote = builder.remote(Some("example.Api"), "http://localhost/");
    let list = builder.list(None);
    let shared = builder.list(Some("[int"));
    builder.push(list, remote).push(list, shared).push(list, shared);
    let graph = builder.finish(list);
    alike::<Draft>(&graph);
    alike::<One>(&graph);
    alike::<Final>(&graph);
}

#[test]
fn remote_objects() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Remote {
        #[serde(rename = "type")]
        ty: Option<String>,
        url: String,
    }
    let bytes = unhex("72 74 0003 612e62 02 7575");
    let expected = Remote { ty: Some("a.b".into()), url: "uu".into() };
    assert_eq!(de::from_slice_in::<Draft, Remote>(&bytes, &Limits::DEFAULT).unwrap(), expected);
    let bare = unhex("72 02 7575");
    let expected = Remote { ty: None, url: "uu".into() };
    assert_eq!(de::from_slice_in::<Draft, Remote>(&bare, &Limits::DEFAULT).unwrap(), expected);
    assert_eq!(decode::<Draft>("remote", &bare).unwrap(), "remote \"uu\"");
    assert!(decode::<Draft>("remote", &unhex("72 74 0001 61 91")).unwrap_err().is_malformed());
    // Two of one type, then a list of it: each `t` has a number.
    let list = unhex("566e03 72740001 61 0178 72740001 61 0179 5674 0001 61 6e00 7a 7a");
    let graph = Graph::from_slice_with::<Draft>(&list, Limits::new()).unwrap();
    assert_eq!(graph.clone().into_owned(), graph);
    assert_eq!(Graph::from_slice_with::<Draft>(&encode::<Draft>(&graph), Limits::new()).unwrap(), graph);
    assert_eq!(Graph::from_slice_with::<One>(&encode::<One>(&graph), Limits::new()).unwrap(), graph);
    // Hessian 2 has an object for it.
    let last = encode::<Final>(&graph);
    assert_eq!(
        vector::shown(&Graph::from_slice(&last).unwrap()).concat(),
        "list#0[object#1<com.caucho.hessian.io.HessianRemote>{type: \"a\", url: \"x\"}, \
         object#2<com.caucho.hessian.io.HessianRemote>{type: \"a\", url: \"y\"}, list#3<a>[]]"
    );
}

#[test]
fn hostile_input_meets_the_limits() {
    for deep in [b"V".repeat(200_000), b"M\x90".repeat(100_000), b"Vn\x01".repeat(100_000)] {
        assert!(Graph::from_slice_with::<Draft>(&deep, Limits::new()).unwrap_err().is_limit());
        let typed = de::from_slice_in::<Draft, serde::de::IgnoredAny>(&deep, &Limits::DEFAULT);
        assert!(typed.unwrap_err().is_limit());
    }
    let mut limits = Limits::new();
    limits.max_types = 2;
    let types = unhex("566e03 56740001 61 7a 56740001 62 7a 56740001 63 7a 7a");
    assert_eq!(
        *Graph::from_slice_with::<Draft>(&types, limits).unwrap_err().kind(),
        ErrorKind::Limit { limit: "max_types", max: 2 }
    );
    limits.max_name = 3;
    assert!(Graph::from_slice_with::<Draft>(b"Mt\0\x04abcdz", limits).unwrap_err().is_limit());
    assert!(
        de::from_slice_in::<Draft, BTreeMap<i32, i32>>(b"Mt\0\x04abcdz", &limits).unwrap_err().is_limit()
    );
}
