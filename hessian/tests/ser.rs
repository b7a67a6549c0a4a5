//! serde to Hessian: the bytes of each shape.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

fn hex(value: &(impl Serialize + ?Sized)) -> String {
    hessian::to_vec(value).unwrap().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Serialize)]
#[serde(rename = "example.AddString")]
struct AddString<'a> {
    value: &'a str,
}

#[derive(Serialize)]
struct Node {
    value: i32,
    next: Option<Box<Self>>,
}

#[derive(Serialize)]
#[serde(rename = "S")]
struct Skipping {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<i32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    c: Vec<Self>,
}

#[derive(Serialize)]
#[serde(rename = "E")]
enum Update<'a> {
    #[serde(rename = "example.AddString")]
    Add(AddString<'a>),
    Clear,
    Move {
        x: i32,
    },
    Count(i32),
    Pair(i32, i32),
    Inner(Box<Self>),
}

#[test]
fn a_struct_is_a_definition_and_an_object() {
    let one = AddString { value: "hello" };
    assert_eq!(hex(&one), "43116578616d706c652e416464537472696e67910576616c7565600568656c6c6f");
    assert_eq!(hex(&[&one, &one])[..4], *"7a43");
    assert!(hex(&[&one, &one]).ends_with("600568656c6c6f600568656c6c6f"));
}

#[test]
fn a_struct_inside_itself_is_defined_once() {
    let list = Node { value: 1, next: Some(Box::new(Node { value: 2, next: None })) };
    assert_eq!(hex(&list), "43044e6f6465920576616c7565046e657874609160924e");
}

#[test]
fn conditional_fields_give_definitions_of_their_own() {
    let plain = |a, b| Skipping { a, b, c: vec![] };
    // Two shapes of one field each under one name, met in turn, the second in the middle of a list.
    assert_eq!(
        hex(&[plain(Some(1), None), plain(None, Some(2)), plain(Some(3), None), plain(None, Some(4))]),
        "7c430153910161609143015391016261926093 6194".replace(' ', "")
    );
    // A shape that turns out to differ only after a nested object was written.
    let nested = |a, b| Skipping { a, b, c: vec![plain(None, Some(9))] };
    let bytes = hex(&[nested(Some(1), None), nested(None, Some(2))]);
    assert_eq!(
        bytes,
        "7a 430153 92 0161 0163 60 91 79 430153 91 0162 61 99 430153 92 0162 0163 62 92 79 61 99"
            .replace(' ', "")
    );
}

#[test]
fn enums() {
    assert_eq!(hex(&Update::Add(AddString { value: "a" })), hex(&AddString { value: "a" }));
    assert_eq!(hex(&Update::Clear), "43014591046e616d656005436c656172");
    assert_eq!(hex(&Update::Move { x: 1 }), "43044d6f7665910178 6091".replace(' ', ""));
    assert_eq!(hex(&Update::Count(1)), "4805436f756e74915a");
    assert_eq!(hex(&Update::Pair(1, 2)), "48045061697 27a91925a".replace(' ', ""));
    assert_eq!(hex(&Update::Inner(Box::new(Update::Count(1)))), "4805496e6e65724805436f756e74915a5a");
    let inner = hex(&Update::Inner(Box::new(Update::Clear)));
    assert_eq!(inner, "4805496e6e657243014591046e616d656005436c6561725a");
    assert_eq!(
        hex(&Update::Inner(Box::new(Update::Move { x: 1 }))),
        "43044d6f76659101784805496e6e657260915a"
    );
}

#[test]
fn scalars_lists_and_maps() {
    assert_eq!(
        hex(&(1, -17, 2048, 262_144, i64::MAX)),
        "7d 91 c7ef d40800 4900040000 4c7fffffffffffffff".replace(' ', "")
    );
    assert_eq!(hex(&u32::MAX), "4c00000000ffffffff");
    assert!(hessian::to_vec(&u64::MAX).unwrap_err().to_string().contains("9223372036854775807"));
    assert_eq!(
        hex(&[0.0, 1.0, -128.0, 32767.0, 65536.0, 12.25, 0.1 + 0.2]),
        "7f5b5c5d805e7fff5f03e800005f00002fda443fd3333333333334"
    );
    assert_eq!(hex(&-0.0), "448000000000000000");
    assert_eq!(hex(&"😀"), "02eda0bdedb880");
    assert_eq!(hex(&BTreeMap::from([("a", 1)])), "480161915a");
    assert_eq!(hex(&hessian::Date::from_millis(60_000)), "4b00000001");
    assert_eq!(hex(&hessian::Date::from_millis(-1)), "4affffffffffffffff");
    assert_eq!(hex(&vec![0; 8]), "5898".to_owned() + &"90".repeat(8));
}

#[test]
fn a_failed_value_leaves_no_trace() {
    let mut out = b"before".to_vec();
    assert!(hessian::to_bytes(&(AddString { value: "" }, u64::MAX), &mut out).is_err());
    assert_eq!(out, b"before");
    let error = hessian::to_vec(&Some([(1, u64::MAX)])).unwrap_err();
    assert_eq!(error.path(), "[0][1]");
    // In maps by the position of the entry; a key itself.
    let refused = BTreeMap::from([("a", vec![1_u64]), ("b", vec![2, u64::MAX])]);
    assert_eq!(hessian::to_vec(&[refused]).unwrap_err().path(), "[0][1][1]");
    let refused = BTreeMap::from([(u64::MAX, 1)]);
    assert_eq!(hessian::to_vec(&refused).unwrap_err().path(), "<key 0>");
}

/// 1,024 sets of fields, of one length up to 252: more than are remembered of one struct.
#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Sparse {
    #[serde(skip_serializing_if = "Option::is_none")]
    a: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    c: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    f: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    g: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    h: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    i: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    j: Option<i32>,
}

impl Sparse {
    /// The fields that the bits of a number choose, each with that number.
    fn of(bits: i32) -> Self {
        let field = |at: i32| (bits >> at & 1 == 1).then_some(bits);
        Self {
            a: field(0),
            b: field(1),
            c: field(2),
            d: field(3),
            e: field(4),
            f: field(5),
            g: field(6),
            h: field(7),
            i: field(8),
            j: field(9),
        }
    }
}

fn definitions(encoded: &[u8]) -> usize {
    let mut parser = <hessian::Parser>::new(hessian::Limits::default());
    let (mut at, mut count) = (0, 0);
    while let hessian::Step::Event { event, used } = parser.step(&encoded[at..]).unwrap() {
        at += used;
        count += usize::from(matches!(event, hessian::Event::Definition(_)));
    }
    assert_eq!(at, encoded.len());
    count
}

#[test]
fn many_sets_of_fields_are_defined_once_each_and_leave_room_for_other_structs() {
    let values: Vec<_> = (0..3).flat_map(|_| (0..1024).map(Sparse::of)).collect();
    let encoded = hessian::to_vec(&values).unwrap();
    assert_eq!(definitions(&encoded), 1024);
    assert_eq!(hessian::from_slice::<Vec<Sparse>>(&encoded).unwrap(), values);
    let older = hessian::ser::to_vec_in::<hessian::grammar::Draft, _>(&values).unwrap();
    let limits = hessian::Limits::default();
    let read = hessian::de::from_slice_in::<hessian::grammar::Draft, Vec<Sparse>>(&older, &limits).unwrap();
    assert_eq!(read, values);

    #[derive(Clone, Serialize)]
    struct Fresh {
        x: i32,
        y: i32,
    }
    let encoded = hessian::to_vec(&vec![Fresh { x: 1, y: 2 }; 5000]).unwrap();
    assert_eq!(definitions(&encoded), 1);
    assert!(encoded.ends_with(b"\x60\x91\x92\x60\x91\x92"));
}

#[test]
fn structs_and_generic_values_share_definitions_however_many_there_are() {
    let mut out = Vec::new();
    let mut serializer = <hessian::ser::Serializer<'_, _>>::new(&mut out);
    let values: Vec<_> = (0..1024).map(Sparse::of).collect();
    serializer.encode(&values).unwrap();
    let again = hessian::Graph::from_slice(&hessian::to_vec(&values).unwrap()).unwrap().into_owned();
    serializer.encode_graph(&again).unwrap();
    serializer.encode(&values).unwrap();
    let start = hessian::to_vec(&values).unwrap().len();
    assert_eq!(out[..start], hessian::to_vec(&values).unwrap());
    let (generic, typed) = out[start..].split_at((out.len() - start) / 2);
    assert_eq!(generic, typed);
    assert!(generic.len() < start / 2, "without definitions");
}

#[test]
fn a_struct_is_known_wherever_its_names_stand() {
    /// As a compiler may do it: the same names in other places each time.
    struct Moving;

    impl Serialize for Moving {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let [name, x, y] = ["Moving", "x", "y"].map(|name| &*name.to_owned().leak());
            let mut object = serializer.serialize_struct(name, 2)?;
            object.serialize_field(x, &1)?;
            object.serialize_field(y, &2)?;
            object.end()
        }
    }

    assert_eq!(
        hessian::to_vec(&[Moving, Moving]).unwrap(),
        b"\x7aC\x06Moving\x92\x01x\x01y\x60\x91\x92\x60\x91\x92"
    );
}

#[test]
fn definitions_that_were_taken_back_are_written_again() {
    #[derive(Serialize)]
    struct Fails(Vec<Sparse>, u64);

    let values: Vec<_> = (0..600).map(Sparse::of).collect();
    let mut out = Vec::new();
    let mut serializer = <hessian::ser::Serializer<'_, _>>::new(&mut out);
    serializer.encode(&values[..20]).unwrap();
    serializer.encode(&Fails(values.clone(), u64::MAX)).unwrap_err();
    serializer.encode(&values).unwrap();
    let whole = hessian::to_vec(&(&values[..20], &values)).unwrap();
    assert_eq!(out, whole[1..]);
}

#[test]
fn every_nan_is_the_one_of_java_but_a_graph_keeps_what_it_read() {
    const JAVA: &[u8] = b"\x44\x7f\xf8\0\0\0\0\0\0";
    for bits in [0x7ff8 << 48, 0xfff8 << 48, (0x7ff8 << 48) + 1, (0x7ff0 << 48) + 1, u64::MAX] {
        let value = f64::from_bits(bits);
        assert_eq!(hessian::to_vec(&value).unwrap(), JAVA, "{bits:x}");
        assert_eq!(hessian::ser::to_vec_in::<hessian::grammar::Draft, _>(&value).unwrap()[1..], JAVA[1..]);
        assert_eq!(hessian::ser::to_vec_in::<hessian::grammar::One, _>(&value).unwrap(), JAVA);
        let read = [b"D", &bits.to_be_bytes()[..]].concat();
        assert_eq!(hessian::Graph::from_slice(&read).unwrap().to_vec().unwrap(), read);
    }
    assert_eq!(hessian::to_vec(&-f32::NAN).unwrap(), JAVA);
    assert_eq!(hessian::to_vec(&f64::NEG_INFINITY).unwrap(), b"\x44\xff\xf0\0\0\0\0\0\0");
}
