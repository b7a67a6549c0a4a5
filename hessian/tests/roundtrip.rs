//! Random values, out and in again.

#[path = "../fuzz/targets/lib.rs"]
#[allow(
    missing_docs,
    unreachable_pub,
    unnameable_types,
    dead_code,
    reason = "a library of its own in the fuzz folder"
)]
mod targets;

use hessian::grammar::{Draft, Final, Grammar, One};
use hessian::{Date, Graph, Limits, from_slice, to_vec};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Out and in again, as a type and as a graph, in a grammar.
fn survives_in<G: Grammar, T>(value: &T) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let bytes =
        hessian::ser::to_vec_in::<G, T>(value).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let again: T = hessian::de::from_slice_in::<G, T>(&bytes, &Limits::new())
        .map_err(|error| TestCaseError::fail(format!("{error}: {bytes:02x?}")))?;
    prop_assert_eq!(value, &again, "{:02x?}", bytes);
    targets::check::any::<G>(&bytes);
    targets::check::pushed::<G>(&bytes, &[3, 1, 7]);
    Ok(())
}

fn survives<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(
    value: &T,
) -> Result<(), TestCaseError> {
    survives_in::<Final, T>(value)?;
    survives_in::<Draft, T>(value)?;
    survives_in::<One, T>(value)
}

/// A double by its bits; every NaN becomes the one of Java.
fn double_survives(value: f64) -> Result<(), TestCaseError> {
    let bytes = to_vec(&value).unwrap();
    let value = if value.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { value };
    let again: f64 = from_slice(&bytes).unwrap();
    prop_assert_eq!(value.to_bits(), again.to_bits(), "{:02x?}", bytes);
    let graph = Graph::from_slice(&bytes).unwrap();
    prop_assert_eq!(graph.root().as_f64().unwrap().to_bits(), value.to_bits());
    prop_assert_eq!(&graph.to_vec().unwrap(), &bytes);
    for bytes in [
        hessian::ser::to_vec_in::<Draft, f64>(&value).unwrap(),
        hessian::ser::to_vec_in::<One, f64>(&value).unwrap(),
    ] {
        prop_assert!(bytes.len() <= 9);
    }
    let one = hessian::ser::to_vec_in::<One, f64>(&value).unwrap();
    let again = hessian::de::from_slice_in::<One, f64>(&one, &Limits::new()).unwrap();
    prop_assert_eq!(value.to_bits(), again.to_bits());
    let draft = hessian::ser::to_vec_in::<Draft, f64>(&value).unwrap();
    let again = hessian::de::from_slice_in::<Draft, f64>(&draft, &Limits::new()).unwrap();
    prop_assert_eq!(value.to_bits(), again.to_bits(), "{:02x?}", draft);
    Ok(())
}

/// Every class of bits: sign × exponent (also the ends) × mantissa (also the ends).
fn any_bits() -> impl Strategy<Value = f64> {
    let exponent = prop_oneof![Just(0u64), Just(1), Just(0x7fe), Just(0x7ff), 0x3f0u64..0x430, 0u64..0x800];
    let mantissa = prop_oneof![
        Just(0u64),
        Just(1),
        Just((1 << 52) - 1),
        Just(1 << 51),
        (0u32..52).prop_map(|bit| 1 << bit),
        0u64..1 << 52
    ];
    (any::<bool>(), exponent, mantissa).prop_map(|(sign, exponent, mantissa)| {
        f64::from_bits(u64::from(sign) << 63 | exponent << 52 | mantissa)
    })
}

/// What has a short form, and its neighbours.
fn near_short_forms() -> impl Strategy<Value = f64> {
    let base = prop_oneof![
        any::<i8>().prop_map(f64::from),
        any::<i16>().prop_map(f64::from),
        any::<i32>().prop_map(f64::from),
        any::<i32>().prop_map(|mills| 0.001 * f64::from(mills)),
        any::<i32>().prop_map(|mills| f64::from(mills) / 1000.0),
        any::<f32>().prop_map(f64::from),
        prop::sample::select(vec![-129.0, -128.0, 127.0, 128.0, -32769.0, -32768.0, 32767.0, 32768.0, -0.0])
    ];
    (base, -2i64..=2).prop_map(|(base, ulps)| {
        f64::from_bits((base.to_bits().cast_signed()).wrapping_add(ulps).cast_unsigned())
    })
}

/// Text of so many units, of characters of one to four bytes.
fn text(units: usize, seed: u64) -> String {
    let mut state = seed;
    let mut text = String::new();
    let mut left = units;
    while left > 0 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let character = match (seed % 3, (state >> 33) % 8) {
            (0, _) | (_, 0..=2) => char::from(b' ' + (state >> 40) as u8 % 90),
            (_, 3) => '\0',
            (_, 4) => 'é',
            (_, 5) => '\u{ffff}',
            (_, 6) => '語',
            _ if left > 1 => '\u{1f600}',
            _ => 'x',
        };
        left -= character.len_utf16();
        text.push(character);
    }
    text
}

/// Lengths on both sides of every boundary of the forms.
const LENGTHS: [usize; 22] = [
    0, 1, 6, 7, 8, 15, 16, 17, 31, 32, 33, 255, 256, 1023, 1024, 1025, 8189, 8190, 32767, 32768, 32769, 65537,
];

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.Leaf")]
struct Leaf {
    flag: bool,
    small: i8,
    int: i32,
    long: i64,
    unsigned: u32,
    text: String,
    letter: char,
    maybe: Option<i16>,
    at: Date,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    list: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Tree {
    #[serde(rename = "example.Leaf")]
    Leaf(Leaf),
    Red,
    Number(i64),
    Text(String),
    Pair(Box<Self>, Box<Self>),
    #[serde(rename = "example.Fork")]
    Fork {
        left: Box<Self>,
        right: Option<Box<Self>>,
    },
    Map(BTreeMap<String, Self>),
    List(Vec<Self>),
}

fn leaf() -> impl Strategy<Value = Leaf> {
    let numbers = (any::<bool>(), any::<i8>(), any::<i32>(), any::<i64>(), 0u32..=i32::MAX.unsigned_abs());
    let rest = (
        ".{0,12}",
        any::<char>(),
        any::<Option<i16>>(),
        any::<i64>(),
        prop::collection::vec(any::<i64>(), 0..4),
    );
    (numbers, rest).prop_map(|((flag, small, int, long, unsigned), (text, letter, maybe, millis, list))| {
        Leaf { flag, small, int, long, unsigned, text, letter, maybe, at: Date::from_millis(millis), list }
    })
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        leaf().prop_map(Tree::Leaf),
        Just(Tree::Red),
        any::<i64>().prop_map(Tree::Number),
        any::<String>().prop_map(Tree::Text),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Tree::Pair(a.into(), b.into())),
            (inner.clone(), prop::option::of(inner.clone()))
                .prop_map(|(left, right)| Tree::Fork { left: left.into(), right: right.map(Into::into) }),
            prop::collection::btree_map(".{0,6}", inner.clone(), 0..4).prop_map(Tree::Map),
            prop::collection::vec(inner, 0..9).prop_map(Tree::List),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn doubles_of_any_bits(value in any_bits()) {
        double_survives(value)?;
    }

    #[test]
    fn doubles_near_short_forms(value in near_short_forms()) {
        double_survives(value)?;
    }

    #[test]
    fn integers(int in any::<i32>(), long in any::<i64>(), shift in 0u32..64) {
        survives(&(int >> (shift % 32)))?;
        survives(&(long >> shift))?;
        survives(&(1i64 << shift).wrapping_add(i64::from(int % 3)))?;
        survives(&Date::from_millis(long >> shift))?;
        survives(&Date::from_millis(i64::from(int) * 60_000))?;
    }

    #[test]
    fn any_text(text in any::<String>(), character in any::<char>()) {
        survives(&text)?;
        survives(&character)?;
        survives(&vec![text.clone(), character.to_string(), text])?;
    }

    #[test]
    fn any_utf16(units in prop::collection::vec(prop_oneof![any::<u16>(), 0xd800u16..0xe000, 0x20u16..0x80], 0..80)) {
        // Half pairs too: as Java writes them, by hand, in one chunk.
        let mut bytes = vec![b'S', 0, u8::try_from(units.len()).unwrap()];
        for &unit in &units {
            match unit {
                0..=0x7f => bytes.push(unit as u8),
                0x80..=0x7ff => bytes.extend([0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
                _ => bytes.extend([0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8]),
            }
        }
        targets::check::any::<Final>(&bytes);
        targets::check::pushed::<Final>(&bytes, &[1]);
        let graph = Graph::from_slice(&bytes).unwrap();
        prop_assert_eq!(targets::trace::of(&graph), [targets::trace::Item::Text(units)]);
    }

    #[test]
    fn any_tree(tree in tree()) {
        survives(&tree)?;
    }

    #[test]
    fn any_graph(entropy in prop::collection::vec(any::<u8>(), 0..600)) {
        targets::round_trip(&entropy);
    }

    #[test]
    fn graphs_in_pieces(entropy in prop::collection::vec(any::<u8>(), 0..300), sizes in prop::collection::vec(1u8.., 1..6)) {
        targets::check::pushed::<Final>(&targets::generate::value(&entropy), &sizes);
    }

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        targets::decode(&bytes);
        targets::draft(&bytes);
        targets::one(&bytes);
        targets::messages(&bytes);
        targets::packets(&bytes);
    }
}

#[test]
fn text_of_every_length_around_a_boundary() {
    for length in LENGTHS {
        for seed in 0..6 {
            let text = text(length, seed);
            survives(&text).unwrap();
            // One unit more or less before a pair moves it over the boundary.
            survives(&format!("\u{1f600}{text}\u{1f600}")).unwrap();
            survives(&format!("x{text}\u{1f600}")).unwrap();
        }
    }
}

#[test]
fn binaries_and_lists_of_every_length_around_a_boundary() {
    for length in LENGTHS {
        let bytes: Vec<u8> = (0..length).map(|index| index as u8).collect();
        survives(&serde_bytes::ByteBuf::from(bytes)).unwrap();
        survives(&vec![None::<bool>; length]).unwrap();
        survives(&(0..length as i32).map(|key| (key, key)).collect::<BTreeMap<_, _>>()).unwrap();
    }
}
