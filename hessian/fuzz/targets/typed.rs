//! Some Rust types, to be decoded from anything.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.Tick")]
pub struct Tick<'a> {
    #[serde(borrow)]
    symbol: Cow<'a, str>,
    bid: f64,
    size: i64,
    flags: u8,
    #[serde(default)]
    venue: Option<&'a str>,
    at: hessian::Date,
    next: Option<Box<Self>>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.AddString")]
pub struct AddString {
    value: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub enum Update {
    #[serde(rename = "example.AddString")]
    Add(AddString),
    #[serde(rename = "example.Move")]
    Move {
        x: i32,
        y: f32,
    },
    Red,
    Count(u16),
    Pair(i8, bool),
    Nested(Box<Self>),
    Many(Vec<Self>),
}

/// What is decoded is encoded, decoded again, and encoded to the same bytes (NaN is not equal to itself, its bytes are).
macro_rules! attempt {
    ($data:expr, $($type:ty),* $(,)?) => {$({
        if let Ok(value) = hessian::from_slice_with::<$type>($data, &super::limits()) {
            let bytes = hessian::to_vec(&value).unwrap_or_else(|error| panic!("{error}: {value:?}"));
            let again: $type =
                hessian::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {value:?} as {bytes:02x?}"));
            let third = hessian::to_vec(&again).unwrap_or_else(|error| panic!("{error}: {again:?}"));
            assert_eq!(bytes, third, "{value:?}, then {again:?}");
        }
    })*};
}

/// Decodes into each.
pub fn decode(data: &[u8]) {
    attempt!(
        data,
        Tick<'_>,
        Vec<Tick<'_>>,
        Update,
        Vec<Update>,
        BTreeMap<String, Vec<i32>>,
        BTreeMap<i64, Option<bool>>,
        BTreeMap<&str, Cow<'_, str>>,
        (i8, u64, f32, char),
        (&str, Option<&str>, hessian::Date),
        Option<Vec<String>>,
        Vec<hessian::Date>,
        [u8; 3],
        (),
    );
    let _ = hessian::from_slice_with::<Vec<&[u8]>>(data, &super::limits());
}
