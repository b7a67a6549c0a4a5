//! serde to Hessian: the bytes of each shape.

use serde::Serialize;
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
}
