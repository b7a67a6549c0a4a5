//! Some Rust types, to be decoded from anything.

use super::plain::Plain;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

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

fn attempt<'a, T: Deserialize<'a> + Serialize + PartialEq + std::fmt::Debug>(data: &'a [u8]) {
    let Ok(value) = hessian::from_slice_with::<T>(data, &super::limits()) else { return };
    // What was decoded is encoded; decoded again it is itself.
    let bytes = hessian::to_vec(&value).unwrap_or_else(|error| panic!("{error}: {value:?}"));
    // Decoding must not read back what borrows from `bytes`: compare as generic values.
    let plain: Plain = hessian::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {value:?}"));
    let again = hessian::from_slice::<IgnoredAny>(&bytes);
    assert!(again.is_ok(), "{again:?}: {plain:?}");
}

/// Decodes into each.
pub fn decode(data: &[u8]) {
    attempt::<Tick<'_>>(data);
    attempt::<Vec<Tick<'_>>>(data);
    attempt::<Update>(data);
    attempt::<Vec<Update>>(data);
    attempt::<HashMap<String, Vec<i32>>>(data);
    attempt::<BTreeMap<i64, Option<bool>>>(data);
    attempt::<(i8, u64, f32, char)>(data);
    attempt::<Option<Vec<String>>>(data);
    attempt::<Vec<hessian::Date>>(data);
    attempt::<[u8; 3]>(data);
    let _ = hessian::from_slice_with::<Vec<&[u8]>>(data, &super::limits());
    let _ = hessian::from_slice_with::<()>(data, &super::limits());
}
