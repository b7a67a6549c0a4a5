//! What errors tell: where, and what kind.

use hessian::de::from_slice_in;
use hessian::grammar::{Draft, Grammar, One};
use hessian::{ErrorKind, Graph, Limits, from_graph, from_slice, from_slice_with};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};

#[derive(Debug, Deserialize)]
struct Order {
    #[expect(dead_code, reason = "for its type")]
    items: Vec<i32>,
}

/// The path and the offset of the error.
#[track_caller]
fn place<T: DeserializeOwned>(input: &[u8]) -> (String, Option<u64>) {
    let Err(error) = from_slice::<T>(input) else { panic!("no error") };
    let graph = Graph::from_slice(input).unwrap();
    let Err(same) = from_graph::<T>(graph.root()) else { panic!("no error from the graph") };
    assert_eq!(same.path(), error.path(), "from the graph");
    (error.path(), error.offset())
}

#[test]
fn entries_of_maps_go_by_their_keys() {
    assert_eq!(place::<BTreeMap<String, i32>>(b"H\x01a\x91\x05price\x01xZ"), ("price".into(), Some(10)));
    assert_eq!(place::<Order>(b"H\x05items\x7a\x91\x01xZ"), ("items[1]".into(), Some(9)));
    assert_eq!(
        place::<HashMap<String, Order>>(b"H\x01a\x48\x05items\x7a\x91\x01xZZ"),
        ("a.items[1]".into(), Some(12))
    );
    // A key itself.
    assert_eq!(place::<BTreeMap<i32, i32>>(b"H\x91\x91\x01a\x91Z"), ("<key 1>".into(), Some(3)));
    // What is no text goes by its position.
    assert_eq!(place::<BTreeMap<i32, i32>>(b"H\x91\x91\x97\x01xZ"), ("[1]".into(), Some(4)));
    // In two chunks, and too long to be of use.
    let long = ["H".as_bytes(), b"R\x00\x01a\x30\x64", "é".repeat(100).as_bytes(), b"\x01xZ"].concat();
    let (path, _) = place::<BTreeMap<String, i32>>(&long);
    assert_eq!(path, format!("a{}…", "é".repeat(63)));
}

#[test]
fn offsets_are_those_of_the_value() {
    // A double of nine bytes where an int is wanted.
    let double = b"\x7a\x91D\x40\x09\x21\xfb\x54\x44\x2d\x18";
    assert_eq!(place::<Vec<i32>>(double), ("[1]".into(), Some(2)));
    // An int of five bytes that an i8 cannot hold.
    assert_eq!(place::<Vec<i8>>(b"\x7a\x91I\x00\x01\x00\x00"), ("[1]".into(), Some(2)));
    // Lists that are too long begin before their elements.
    assert_eq!(place::<Vec<bool>>(b"\x79\x02hi"), ("[0]".into(), Some(1)));
    // After a class definition.
    let defined = b"\x7a\x91C\x01K\x91\x01x\x60\x91";
    assert_eq!(from_slice::<Vec<i32>>(defined).unwrap_err().offset(), Some(8));
    assert_eq!(from_slice::<Vec<Vec<i32>>>(b"\x79\x01a").unwrap_err().offset(), Some(1));
}

#[derive(Debug, Deserialize)]
#[serde(try_from = "i32")]
struct Even;

impl TryFrom<i32> for Even {
    type Error = String;

    fn try_from(value: i32) -> Result<Self, String> {
        if value % 2 == 0 { Ok(Self) } else { Err(format!("{value} is odd")) }
    }
}

#[test]
fn offsets_of_what_a_type_refuses() {
    #[derive(Debug, Deserialize)]
    struct Two {
        #[expect(dead_code, reason = "for its type")]
        a: Even,
        #[expect(dead_code, reason = "for its type")]
        b: Even,
    }
    assert_eq!(place::<Vec<Even>>(b"\x7b\x92\xd4\x27\x10\x93"), ("[2]".into(), Some(5)));
    assert_eq!(place::<BTreeMap<String, Even>>(b"H\x01a\xd4\x27\x11Z"), ("a".into(), Some(3)));
    from_slice::<Two>(b"C\x03Two\x92\x01a\x01b\x60\x92\x92").unwrap();
    // Now the fields come in order.
    for _ in 0..2 {
        let object = b"C\x03Two\x92\x01a\x01b\x60\xd4\x27\x10\x93";
        assert_eq!(place::<Two>(object), ("b".into(), Some(14)));
    }
}

#[test]
fn text_that_is_none_is_malformed_whatever_follows() {
    for input in [&b"R\x00\x01\xca\x61"[..], b"R\x00\x01\xca\x61\x01a", b"R\x00\x02a\xca\x61\x01a"] {
        let error = from_slice::<String>(input).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::InvalidText, "{input:x?}");
    }
    assert!(from_slice::<String>(b"R\x00\x01a").unwrap_err().is_incomplete());
}

#[test]
fn long_names_are_a_matter_of_their_limit() {
    #[track_caller]
    fn limit(input: &[u8], limits: Limits) {
        let kind = ErrorKind::Limit { limit: "max_name", max: limits.max_name.into() };
        let error = from_slice_with::<HashMap<String, i32>>(input, &limits).unwrap_err();
        assert_eq!(*error.kind(), kind);
        let error = Graph::from_slice_with::<hessian::grammar::Final>(input, limits).unwrap_err();
        assert_eq!(*error.kind(), kind, "in the graph");
    }

    // A claim, though nothing of it is there.
    limit(b"CS\x4d\x2f", Limits::new());
    limit(b"CS\x4d\x2f\xca\x61", Limits::new());
    limit(b"MS\x4d\x2f", Limits::new());
    // Names with a head of one byte.
    let mut limits = Limits::new();
    limits.max_name = 4;
    limit(b"C\x06a.Long\x91\x01a\x60\x91", limits);
    limit(b"C\x01K\x91\x05price\x60\x91", limits);
    limit(b"M\x06a.Long\x01a\x91Z", limits);
    // Also of classes that the program expects.
    #[derive(Debug, Deserialize)]
    struct Price {
        #[expect(dead_code, reason = "for its type")]
        price: i32,
    }
    for _ in 0..3 {
        let input = b"C\x05Price\x91\x05price\x60\x91";
        from_slice::<Price>(input).unwrap();
        let error = from_slice_with::<Price>(input, &limits).unwrap_err();
        assert_eq!(*error.kind(), ErrorKind::Limit { limit: "max_name", max: 4 });
    }
}

#[test]
fn older_grammars_are_malformed_in_the_same_way() {
    #[track_caller]
    fn same<G: Grammar, T: DeserializeOwned>(input: &[u8]) {
        let Err(error) = from_slice_in::<G, T>(input, &Limits::new()) else { panic!("no error") };
        let graph = Graph::from_slice_with::<G>(input, Limits::new()).unwrap_err();
        assert!(error.is_malformed(), "{error}");
        assert_eq!(error.kind(), graph.kind());
        assert_eq!(error.offset(), graph.offset());
    }

    // More elements than announced.
    same::<One, Vec<i32>>(b"Vl\x00\x00\x00\x01I\x00\x00\x00\x01I\x00\x00\x00\x02z");
    same::<Draft, Vec<i32>>(b"Vn\x01\x91\x92z");
    // An object elsewhere, without its address.
    same::<One, HashMap<String, String>>(b"rt\x00\x01AI\x00\x00\x00\x01");
    same::<Draft, HashMap<String, String>>(b"rt\x00\x01A\x91");
}

/// A generic value tells the same place, read by itself and as a part of something typed.
#[test]
fn errors_in_generic_values_tell_the_place() {
    let place = |input: &[u8]| {
        let error = Graph::from_slice(input).unwrap_err();
        let (typed, part) =
            (from_slice::<Graph<'_>>(input), from_slice::<Vec<Graph<'_>>>(&[b"\x79", input].concat()));
        assert_eq!(typed.unwrap_err().path(), error.path());
        let prefix = if error.path().starts_with('[') || error.path().is_empty() { "[0]" } else { "[0]." };
        assert_eq!(part.unwrap_err().path(), format!("{prefix}{}", error.path()));
        (error.path(), error.offset().unwrap())
    };
    assert_eq!(place(b"\x40"), (String::new(), 0));
    // A list's second value; the value of a map's entry in it, by its key, by its position; a key itself.
    assert_eq!(place(b"\x7a\x91\x40"), ("[1]".into(), 2));
    assert_eq!(place(b"\x7a\x91H\x01a\x91\x05price\x40"), ("[1].price".into(), 12));
    assert_eq!(place(b"\x7a\x91H\x91\x91\x92\x40"), ("[1][1]".into(), 6));
    assert_eq!(place(b"H\x91\x91\x40"), ("<key 1>".into(), 3));
    // Fields of an object in an object, after one that has ended.
    let object = b"C\x01K\x92\x01x\x05items\x60\x60\x91\x78\x7b\x91\x92\x40";
    assert_eq!(place(object), ("items[2]".into(), 19));
    assert_eq!(place(b"C\x01K\x92\x01x\x05items\x60\x91\x7a\x60\x91\x78\x51\x97"), ("items[1]".into(), 20));
    // What is missing, and what is too much.
    assert_eq!(place(b"\x7a\x91H\x05items\x7a\x91"), ("[1].items[1]".into(), 11));
    let mut limits = Limits::new();
    limits.max_depth = 2;
    let error = Graph::from_slice_with::<hessian::grammar::Final>(b"\x79\x79\x79\x91", limits).unwrap_err();
    assert_eq!((error.is_limit(), error.path().as_str()), (true, "[0][0]"));
}

/// What a type passes over is passed over as a whole, or nothing can be read any more.
#[test]
fn a_type_that_passes_over_errors_does_not_go_on_inside_of_values() {
    #[derive(Debug, PartialEq)]
    struct Lenient<T>(Option<T>);

    impl<'de, T: Deserialize<'de>> Deserialize<'de> for Lenient<T> {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Ok(Self(T::deserialize(deserializer).ok()))
        }
    }

    let numbers = |input: &[u8]| {
        let list: Vec<Lenient<i32>> = from_slice(input).unwrap();
        list.into_iter().map(|number| number.0).collect::<Vec<_>>()
    };
    // A text, a list of two, an object with its definition, a typed map, a long out of range, null.
    let list = b"\x57\x91\x03abc\x92\x7a\x95\x96\x93C\x01K\x91\x01x\x60\x95M\x01T\x01a\x91Z\x94L\x7f\xff\xff\xff\xff\xff\xff\xffN\x95Z";
    let expected = [Some(1), None, Some(2), None, Some(3), None, None, Some(4), None, None, Some(5)];
    assert_eq!(numbers(list), expected);
    // Containers that were passed over have their numbers: reference 2 is the second list of the first.
    let list = b"\x7b\x79\x91\x79\x92\x51\x92";
    let (first, _, third): (Lenient<i32>, Vec<i32>, Vec<i32>) = from_slice(list).unwrap();
    assert_eq!((first.0, third), (None, vec![2]));
    // What a reference leads to.
    let list = b"\x7b\x79\x91\x51\x91\x97";
    let (_, second, third): (Vec<i32>, Lenient<String>, i32) = from_slice(list).unwrap();
    assert_eq!((second.0, third), (None, 7));
    // An error in the middle of a list: at the end of the input nothing is lost.
    assert_eq!(from_slice::<Lenient<Vec<bool>>>(b"\x7a\x54\x91").unwrap().0, None);
    let error = from_slice::<(Lenient<Vec<bool>>, i32)>(b"\x7a\x7a\x54\x91\x92").unwrap_err();
    assert_eq!(error.path(), "[1]");
}

#[test]
fn messages_do_not_grow_with_what_they_are_about() {
    let long = hessian::to_vec(&format!("\n{}", "x".repeat(1 << 20))).unwrap();
    for error in [from_slice::<char>(&long).unwrap_err(), from_slice::<Result<(), ()>>(&long).unwrap_err()] {
        let text = error.to_string();
        assert!(
            text.len() < hessian::MAX_MESSAGE + 100 && text.contains('…') && !text.contains('\n'),
            "{text}"
        );
    }
    let key = hessian::to_vec(&BTreeMap::from([("a\x1b[2J", "x")])).unwrap();
    assert_eq!(from_slice::<BTreeMap<String, i32>>(&key).unwrap_err().path(), "a\\u{1b}[2J");
}

#[test]
fn errors_keep_their_kind() {
    // An exception that is its own cause's cause.
    let circle = b"\x7aC\x01X\x93\x0ddetailMessage\x0astackTrace\x05cause\x60NN\x60NN\x51\x91\x51\x92";
    let error = from_slice::<Vec<hessian::java::Throwable>>(circle).unwrap_err();
    assert_eq!((error.kind(), error.path().as_str()), (&ErrorKind::Cycle { number: 0 }, "[0].cause.cause"));
}
