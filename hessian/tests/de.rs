//! Hessian to serde: what decodes into what.

use hessian::{ErrorKind, Limits, from_slice, from_slice_with, to_vec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn de<T: serde::de::DeserializeOwned>(hex: &str) -> hessian::Result<T> {
    from_slice(&unhex(hex))
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.AddString")]
struct AddString<'a> {
    value: &'a str,
}

#[derive(Debug, PartialEq, Serialize, Deserialize, Clone)]
#[serde(rename = "Tick")]
struct Tick {
    symbol: String,
    price: f64,
    size: i64,
    #[serde(default)]
    venue: Option<String>,
}

fn tick(n: i64) -> Tick {
    Tick { symbol: format!("S{n}"), price: 12.25, size: n, venue: (n % 2 == 0).then(|| "X".into()) }
}

#[test]
fn text_is_borrowed_from_the_input() {
    let bytes = to_vec(&AddString { value: "héllo" }).unwrap();
    let decoded: AddString<'_> = from_slice(&bytes).unwrap();
    assert_eq!(decoded.value, "héllo");
    assert!(bytes.as_ptr_range().contains(&decoded.value.as_ptr()));
}

#[test]
fn structs_round_trip_alone_and_in_lists() {
    let ticks: Vec<_> = (0..50).map(tick).collect();
    assert_eq!(from_slice::<Vec<Tick>>(&to_vec(&ticks).unwrap()).unwrap(), ticks);
}

#[test]
fn fields_may_come_in_any_order_be_missing_or_unknown() {
    // class T with fields size, extra, price, symbol
    let object = "43 0154 94 0473697a65 056578747261 057072696365 0673796d626f6c 60 e5 7a 90 79 4e 5c 0161";
    let expected = Tick { symbol: "a".into(), price: 1.0, size: 5, venue: None };
    assert_eq!(de::<Tick>(object).unwrap(), expected);
    let map = "48 0473697a65 e5 056578747261 7a 90 79 4e 057072696365 5c 0673796d626f6c 0161 5a";
    assert_eq!(de::<Tick>(map).unwrap(), expected);
    let error = de::<Tick>("43 0154 91 0473697a65 60 95").unwrap_err();
    assert!(error.to_string().contains("missing field `symbol`"), "{error}");
}

#[test]
fn objects_decode_into_maps() {
    let bytes = to_vec(&tick(1)).unwrap();
    let map: HashMap<String, serde_json::Value> = from_slice(&bytes).unwrap();
    assert_eq!(map["symbol"], "S1");
    assert_eq!(map["size"], 1);
}

#[test]
fn integers_narrow_with_a_check() {
    assert_eq!(de::<u8>("e5").unwrap(), 5);
    assert_eq!(de::<i64>("95").unwrap(), 5);
    assert_eq!(de::<f64>("95").unwrap(), 5.0);
    let error = de::<Vec<u8>>("7a 90 c900").unwrap_err();
    assert_eq!((error.path().as_str(), error.offset()), ("[1]", Some(2)));
    assert!(de::<i32>("5c").unwrap_err().to_string().contains("a double where an integer was expected"));
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Update {
    #[serde(rename = "example.Add")]
    Add(Owned),
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
    At(hessian::Date),
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Owned {
    value: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[test]
fn enums_round_trip() {
    let updates = [
        Update::Add(Owned { value: "x".into() }),
        Update::Move { x: 1, y: 2 },
        Update::Stop(Unit),
        Update::Red,
        Update::Count(3),
        Update::Pair(4, 5),
        Update::Nested(Box::new(Update::Move { x: 6, y: 7 })),
        Update::Nested(Box::new(Update::Pair(6, 7))),
        Update::Nested(Box::new(Update::Nested(Box::new(Update::Red)))),
        Update::Nested(Box::new(Update::Add(Owned { value: "y".into() }))),
        Update::Many(vec![Update::Red, Update::Count(1)]),
        Update::At(hessian::Date::from_millis(1)),
    ];
    for update in &updates {
        let bytes = to_vec(update).unwrap();
        assert_eq!(&from_slice::<Update>(&bytes).unwrap(), update, "{bytes:02x?}");
    }
    let bytes = to_vec(&updates).unwrap();
    assert_eq!(from_slice::<Vec<Update>>(&bytes).unwrap(), updates);
    // The second use of a Java enum constant is a reference.
    let list = "7a 43 0543 6f6c6f72 91 046e616d65 60 03526564 5191";
    assert_eq!(de::<Vec<Update>>(list).unwrap(), [Update::Red, Update::Red]);
    let error = de::<Update>("43 0145 90 60").unwrap_err();
    assert!(error.to_string().contains("\"E\""), "{error}");
}

#[test]
fn references_are_read_again() {
    // [a, b, a, b] where a = {value: "x"} and b = ["y"]
    let list = "7c 43 0141 91 0576616c7565 60 0178 79 0179 5191 5192";
    type Four = (Owned, Vec<String>, Owned, Vec<String>);
    let (a, b, c, d) = de::<Four>(list).unwrap();
    assert_eq!((a, b), (c, d));
    let error = de::<Vec<Owned>>("79 5190").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Cycle { number: 0 });
    let error = de::<Vec<Vec<i32>>>("79 5191").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::UnknownReference { number: 1, defined: 1 });
    // A cycle that is met while a reference is followed: x = [[ref x]] , ref x
    let error = de::<Vec<serde_json::Value>>("7a 79 5191 5191").unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Cycle { number: 1 });
}

#[test]
fn references_cannot_multiply_without_bound() {
    // l0 = [], l1 = [l0, l0], l2 = [l1, l1] ... 40 times.
    let mut bytes = vec![0x58, 0x90 + 41, 0x78];
    for n in 1..=40u8 {
        bytes.extend([0x7a, 0x51, 0x90 + n, 0x51, 0x90 + n]);
    }
    let mut limits = Limits::new();
    limits.max_expansion = 1 << 16;
    let error = from_slice_with::<serde_json::Value>(&bytes, &limits).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Limit { limit: "max_expansion", max: 1 << 16 });
    // Skipping them costs nothing.
    from_slice::<serde::de::IgnoredAny>(&bytes).unwrap();
}

#[test]
fn java_wrappers_are_scalars() {
    let handle =
        "43 3020 636f6d2e63617563686f2e6865737369616e2e696f2e4279746548616e646c65 91 065f76616c7565 60 95";
    assert_eq!(de::<i8>(handle).unwrap(), 5);
    let decimal = "43 14 6a6176612e6d6174682e426967446563696d616c 91 0576616c7565 60 0431322e35";
    assert_eq!(de::<String>(decimal).unwrap(), "12.5");
}

#[test]
fn binary_and_text_forms() {
    assert_eq!(de::<Vec<u8>>("23 010203").unwrap(), [1, 2, 3]);
    assert_eq!(de::<Vec<u8>>("41 0001 01 22 0203").unwrap(), [1, 2, 3]);
    assert_eq!(de::<String>("52 0001 61 52 0000 01 62").unwrap(), "ab");
    assert_eq!(de::<String>("02 eda0bdedb880").unwrap(), "😀");
    assert_eq!(de::<String>("02 f09f9880").unwrap(), "😀");
    assert_eq!(de::<String>("52 0001 eda0bd 01 edb880").unwrap(), "😀");
    assert_eq!(de::<String>("01 eda0bd").unwrap_err().kind(), &ErrorKind::LoneSurrogate);
    assert_eq!(de::<String>("01 c380 90").unwrap_err().kind(), &ErrorKind::TrailingBytes { count: 1 });
    assert_eq!(de::<String>("01 c341").unwrap_err().kind(), &ErrorKind::InvalidText);
    assert!(de::<String>("05 6161").unwrap_err().is_incomplete());
}

#[test]
fn hostile_lengths_and_depths() {
    assert!(de::<Vec<i32>>("58 49 7fffffff").unwrap_err().is_limit());
    assert!(de::<Vec<i32>>("58 49 00ffffff").unwrap_err().is_incomplete());
    assert!(de::<serde_json::Value>("43 0161 49 7fffffff").unwrap_err().is_limit());
    assert_eq!(de::<Vec<i32>>("58 8f").unwrap_err().kind(), &ErrorKind::NegativeLength(-1));
    for deep in [vec![0x79; 200_000], vec![0x57; 200_000], vec![b'H'; 200_000]] {
        if deep[0] != b'H' {
            assert!(from_slice::<serde_json::Value>(&deep).unwrap_err().is_limit());
        }
        assert!(from_slice::<serde::de::IgnoredAny>(&deep).unwrap_err().is_limit());
    }
    assert!(Limits::default().max_depth >= 64);
}

#[test]
fn maps_and_tuples() {
    let map = BTreeMap::from([(1, vec!["a".to_owned()]), (2, vec![])]);
    assert_eq!(from_slice::<BTreeMap<i32, Vec<String>>>(&to_vec(&map).unwrap()).unwrap(), map);
    let tuple = (1u8, Some("x".to_owned()), None::<i32>, [1.5, -0.0], ());
    assert_eq!(
        from_slice::<(u8, Option<String>, Option<i32>, [f64; 2], ())>(&to_vec(&tuple).unwrap()).unwrap(),
        tuple
    );
    assert!(de::<(i32, i32)>("7b 90 91 92").unwrap_err().to_string().contains("1 more"));
    assert_eq!(de::<Vec<i32>>("57 90 91 5a").unwrap(), [0, 1]);
    assert_eq!(de::<Vec<Vec<i32>>>("7a 71 045b696e74 91 71 90 92").unwrap(), [[1], [2]]);
    assert_eq!(de::<Option<i32>>("43 0161 90 4e").unwrap(), None);
}

/// A struct, encoded twice in a list, and one of its fields alone read from the second.
macro_rules! twice {
    ($name:literal, $($field:ident $key:literal)*) => {{
        #[derive(Debug, PartialEq, Serialize, Deserialize, Default)]
        #[serde(rename = $name)]
        struct Whole { $(#[serde(rename = $key)] $field: i32,)* last: i32 }
        #[derive(Debug, PartialEq, Deserialize)]
        struct Part { last: i32 }

        let bytes = to_vec(&[Whole { last: 1, ..Default::default() }, Whole { last: 2, ..Default::default() }]);
        let bytes = bytes.unwrap();
        let (whole, part): (Whole, Part) = from_slice(&bytes).unwrap();
        assert_eq!((whole.last, part.last), (1, 2));
        let (whole, map): (Whole, BTreeMap<String, i32>) = from_slice(&bytes).unwrap();
        assert_eq!((whole.last, map["last"]), (1, 2));
        $(assert_eq!(map[$key], 0);)*
    }};
}

#[test]
fn names_in_the_packet_are_found_again() {
    twice!("A", a "b");
    twice!("a.class.whose.name.has.more.than.31.bytes", a "b");
    twice!("A", a "a.field.whose.name.has.more.than.31.bytes" b "b");
    twice!("größe", a "größe" b "b");
    // 48 fields and more: their number takes two bytes.
    twice!("A", a0 "a0" a1 "a1" a2 "a2" a3 "a3" a4 "a4" a5 "a5" a6 "a6" a7 "a7" a8 "a8" a9 "a9" b0 "b0" b1 "b1"
        b2 "b2" b3 "b3" b4 "b4" b5 "b5" b6 "b6" b7 "b7" b8 "b8" b9 "b9" c0 "c0" c1 "c1" c2 "c2" c3 "c3" c4 "c4"
        c5 "c5" c6 "c6" c7 "c7" c8 "c8" c9 "c9" d0 "d0" d1 "d1" d2 "d2" d3 "d3" d4 "d4" d5 "d5" d6 "d6" d7 "d7"
        d8 "d8" d9 "d9" e0 "e0" e1 "e1" e2 "e2" e3 "e3" e4 "e4" e5 "e5" e6 "e6" e7 "e7" e8 "e8" e9 "e9");
}

/// Passes over every error.
#[derive(Debug)]
struct Lenient;

impl<'de> Deserialize<'de> for Lenient {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let _ = i32::deserialize(deserializer);
        Ok(Self)
    }
}

#[test]
fn a_type_that_swallows_errors_cannot_bring_it_out_of_step() {
    // References to what is around them, then to what is not, then again.
    for bytes in ["7a7a519051905191", "7a79519051905191", "7c51905191785191", "7a785191"] {
        let bytes = unhex(bytes);
        for cut in 0..=bytes.len() {
            let _ = from_slice::<Vec<Vec<Lenient>>>(&bytes[..cut]);
            let _ = from_slice::<Vec<Lenient>>(&bytes[..cut]);
        }
    }
}

#[test]
fn text_in_very_many_chunks_costs_what_it_holds() {
    let mut bytes = b"R\x00\x00R\x00\x01a".repeat(5_000);
    bytes.extend_from_slice(b"\x01z");
    let text: String = from_slice(&bytes).unwrap();
    assert_eq!(text, "a".repeat(5_000) + "z");
}

#[test]
fn every_source_takes_limits_and_grammars() {
    use hessian::grammar::{Draft, One};
    use hessian::{ErrorKind, Limits, de, ser};
    let bytes = bytes::Bytes::from(ser::to_vec_in::<One, _>(&vec![1, 2]).unwrap());
    assert!(hessian::from_bytes::<Vec<i32>>(&bytes).is_err());
    assert_eq!(de::from_bytes_in::<One, Vec<i32>>(&bytes, &Limits::DEFAULT).unwrap(), [1, 2]);
    assert_eq!(de::from_reader_in::<One, Vec<i32>>(&bytes[..], &Limits::DEFAULT).unwrap(), [1, 2]);
    let mut limits = Limits::DEFAULT;
    limits.max_packet = 3;
    assert_eq!(hessian::from_reader_with::<Vec<i32>>(&b"\x7a\x91\x92"[..], &limits).unwrap(), [1, 2]);
    let error = hessian::from_reader_with::<Vec<i32>>(&b"\x7a\x91\x92\x93"[..], &limits).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Limit { limit: "max_packet", max: 3 });
    limits.max_packet = u64::MAX;
    assert!(hessian::from_reader_with::<Vec<i32>>(&b"\x7a\x91\x92"[..], &limits).is_ok());
    // Written.
    let expected = ser::to_vec_in::<Draft, _>(&[1, 2]).unwrap();
    let (mut buffer, mut written) = (b"x".to_vec(), Vec::new());
    ser::to_bytes_in::<Draft, _>(&[1, 2], &mut buffer).unwrap();
    ser::to_writer_in::<Draft, _>(&[1, 2], &mut written).unwrap();
    assert_eq!((&buffer[1..], &written[..]), (&expected[..], &expected[..]));
    assert_ne!(expected, to_vec(&[1, 2]).unwrap());
}

/// As crates do that wrap deserializers.
#[test]
fn deserializers_are_made_by_anybody() {
    use hessian::{Binary, Limits, ValueDecoder, de::Deserializer};
    use serde::de::DeserializeSeed;
    struct Times(i32);
    impl<'de> DeserializeSeed<'de> for Times {
        type Value = i32;
        fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<i32, D::Error> {
            Ok(self.0 * <i32 as Deserialize>::deserialize(deserializer)?)
        }
    }
    let mut decoder = <ValueDecoder>::new(Limits::new());
    let mut values = Deserializer::from_slice(b"\x92\x93", &mut decoder).unwrap();
    assert_eq!(Times(10).deserialize(&mut values).unwrap(), 20);
    assert_eq!(values.finish().unwrap_err().offset(), Some(1));
    assert_eq!(Times(10).deserialize(&mut values).unwrap(), 30);
    assert!(values.is_at_end());
    let packet = bytes::Bytes::from_static(b"\x22ab");
    let mut values = Deserializer::from_bytes(&packet, &mut decoder).unwrap();
    let binary = <Binary as Deserialize>::deserialize(&mut values).unwrap();
    assert_eq!(binary.chunks()[0].as_ptr(), packet[1..].as_ptr());
}
