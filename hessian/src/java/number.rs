//! `java.math`.

use super::object::read_object;
use super::spelling::{Spelled, Spelling, sealed};
use crate::error::{Error, ErrorKind, Result};
use crate::typed::{IntArray, Typed};
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

const DECIMAL: &str = "java.math.BigDecimal";
const INTEGER: &str = "java.math.BigInteger";

/// Decimal digits a [`BigInteger`] is made of at most: conversion costs their square. Text and magnitude on the wire are
/// bounded by [`Limits`](crate::Limits).
pub const MAX_DIGITS: usize = 10_000;
/// 32-bit words that [`MAX_DIGITS`] fit into, rounded up.
const MAX_WORDS: usize = 1_040;

/// `java.math.BigDecimal`, as the text that Java's `toString` gives and its constructor takes: nothing is lost.
///
/// Equality is that of the text, as in Java: `1.50` is not `1.5`. Also read from a string, an integer, or a double.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BigDecimal(Box<str>);

impl BigDecimal {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest double.
    #[must_use]
    pub fn to_f64(&self) -> f64 {
        // What the constructor lets through is a subset of what Rust parses.
        self.0.parse().unwrap_or(f64::NAN)
    }
}

impl FromStr for BigDecimal {
    type Err = Error;

    /// Digits with an optional sign, point and exponent.
    fn from_str(text: &str) -> Result<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, Some(exponent)),
            None => (text, None),
        };
        let unsigned = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let is_number = whole.len() + fraction.len() > 0 && digits(whole) && digits(fraction);
        if is_number && exponent.is_none_or(|exponent| exponent.parse::<i32>().is_ok()) {
            Ok(Self(text.into()))
        } else {
            Err(Error::new(ErrorKind::Message("not a decimal number".into())))
        }
    }
}

impl From<i64> for BigDecimal {
    fn from(value: i64) -> Self {
        Self(value.to_string().into())
    }
}

impl TryFrom<f64> for BigDecimal {
    type Error = Error;

    /// The shortest text that gives the same double, as Java's `BigDecimal.valueOf`; NaN and the infinities have none.
    fn try_from(value: f64) -> Result<Self> {
        if value.is_finite() {
            Ok(Self(format!("{value:?}").into()))
        } else {
            Err(Error::new(ErrorKind::Unrepresentable("NaN or infinity as a decimal number")))
        }
    }
}

impl fmt::Display for BigDecimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl sealed::Sealed for BigDecimal {}

impl Spelled for BigDecimal {
    fn spell<S: Serializer>(&self, _: Spelling, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

impl Serialize for BigDecimal {
    /// An object `java.math.BigDecimal { value }`; a string in text formats.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.serialize_str(&self.0);
        }
        let mut object = serializer.serialize_struct(DECIMAL, 1)?;
        object.serialize_field("value", &*self.0)?;
        object.end()
    }
}

impl<'de> Deserialize<'de> for BigDecimal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = BigDecimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<BigDecimal, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<BigDecimal, E> {
                Ok(value.into())
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<BigDecimal, E> {
                Ok(BigDecimal(value.to_string().into()))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<BigDecimal, E> {
                value.try_into().map_err(E::custom)
            }
            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<BigDecimal, A::Error> {
                let mut value = None;
                while let Some(name) = map.next_key_seed(super::object::Name(&[&["value"]]))? {
                    match name {
                        Some(_) => value = Some(map.next_value()?),
                        None => {
                            map.next_value::<de::IgnoredAny>()?;
                        }
                    }
                }
                // Without Caucho's table of serializers Java writes its private fields instead.
                value.ok_or_else(|| {
                    de::Error::custom(
                        "a BigDecimal without `value`: the sender lacks META-INF/hessian/serializers",
                    )
                })
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<BigDecimal, A::Error> {
                seq.next_element()?.ok_or_else(|| de::Error::missing_field("value"))
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<BigDecimal, D::Error> {
                if deserializer.is_human_readable() {
                    deserializer.deserialize_any(self)
                } else {
                    deserializer.deserialize_struct(DECIMAL, &["value"], Inner)
                }
            }
        }

        /// The one field of the struct in formats that do not describe themselves.
        struct Inner;

        impl<'de> de::Visitor<'de> for Inner {
            type Value = BigDecimal;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal number")
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<BigDecimal, A::Error> {
                Visitor.visit_map(map)
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<BigDecimal, A::Error> {
                let text: String = seq.next_element()?.ok_or_else(|| de::Error::missing_field("value"))?;
                text.parse().map_err(de::Error::custom)
            }
        }

        deserializer.deserialize_newtype_struct(crate::magic::ANY, Visitor)
    }
}

/// `java.math.BigInteger`: sign and magnitude. Text formats see its decimal digits.
///
/// On the wire it is the JDK's private fields: `signum` and the words of `mag`, of which both sides make sense; the other
/// fields are caches (written as JDK 9 to 21 name them). Read from `{ value }`, a string or an integer too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct BigInteger {
    /// Below zero.
    negative: bool,
    /// Most significant first, without leading zeros; empty for 0.
    magnitude: Vec<u32>,
}

impl BigInteger {
    /// Of 32-bit words, most significant first.
    #[must_use]
    pub fn from_words(negative: bool, words: &[u32]) -> Self {
        let zeros = words.iter().take_while(|&&word| word == 0).count();
        let magnitude = words[zeros..].to_vec();
        Self { negative: negative && !magnitude.is_empty(), magnitude }
    }

    /// Below zero.
    #[must_use]
    pub const fn is_negative(&self) -> bool {
        self.negative
    }

    /// Its absolute value in 32-bit words, most significant first, without leading zeros.
    #[must_use]
    pub fn words(&self) -> &[u32] {
        &self.magnitude
    }
}

macro_rules! from_integers {
    ($($type:ty)*) => {
        $(impl From<$type> for BigInteger {
            fn from(value: $type) -> Self {
                let (negative, magnitude) = {
                    let wide = i128::from(value);
                    (wide < 0, wide.unsigned_abs())
                };
                Self::from_words(negative, &words_of(magnitude))
            }
        })*
    };
}

from_integers! { i32 i64 u32 u64 i128 }

#[expect(clippy::cast_possible_truncation, reason = "four words")]
const fn words_of(value: u128) -> [u32; 4] {
    [(value >> 96) as u32, (value >> 64) as u32, (value >> 32) as u32, value as u32]
}

impl TryFrom<&BigInteger> for i128 {
    type Error = Error;

    fn try_from(value: &BigInteger) -> Result<Self> {
        let magnitude = match value.magnitude.len() {
            0..=4 => value.magnitude.iter().fold(0u128, |sum, &word| sum << 32 | u128::from(word)),
            _ => u128::MAX,
        };
        let signed = match (value.negative, magnitude) {
            (true, 0..=0x8000_0000_0000_0000_0000_0000_0000_0000) => {
                Some(magnitude.wrapping_neg().cast_signed())
            }
            (false, _) => Self::try_from(magnitude).ok(),
            _ => None,
        };
        signed.ok_or_else(|| Error::new(ErrorKind::Unrepresentable("an integer beyond 128 bits")))
    }
}

impl PartialOrd for BigInteger {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for BigInteger {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.magnitude, &other.magnitude);
        let by_size = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
        match (self.negative, other.negative) {
            (false, false) => by_size,
            (true, true) => by_size.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

/// Nine decimal digits: they fit into a word.
const GROUP: u64 = 1_000_000_000;

impl fmt::Display for BigInteger {
    /// Decimal, at a cost of its length squared; in hexadecimal (`0x…`) beyond [`MAX_DIGITS`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negative {
            f.write_str("-")?;
        }
        if self.magnitude.len() > MAX_WORDS {
            f.write_str("0x")?;
            return self.magnitude.iter().try_for_each(|word| write!(f, "{word:08x}"));
        }
        let mut words = self.magnitude.clone();
        let mut groups = Vec::new();
        while words.iter().any(|&word| word != 0) {
            let mut rest = 0;
            for word in &mut words {
                let value = rest << 32 | u64::from(*word);
                // Both below 2^32.
                *word = u32::try_from(value / GROUP).unwrap_or_default();
                rest = value % GROUP;
            }
            groups.push(rest);
        }
        write!(f, "{}", groups.pop().unwrap_or_default())?;
        groups.iter().rev().try_for_each(|group| write!(f, "{group:09}"))
    }
}

impl FromStr for BigInteger {
    type Err = Error;

    /// Decimal digits with an optional sign, at most [`MAX_DIGITS`].
    fn from_str(text: &str) -> Result<Self> {
        let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::new(ErrorKind::Message("not an integer".into())));
        }
        if digits.len() > MAX_DIGITS {
            return Err(Error::new(ErrorKind::Limit { limit: "MAX_DIGITS", max: MAX_DIGITS as u64 }));
        }
        // Least significant first.
        let mut words: Vec<u32> = Vec::new();
        for group in digits.as_bytes().chunks(9) {
            let (mut carry, mut base) = (0, 1);
            for digit in group {
                (carry, base) = (carry * 10 + u64::from(digit - b'0'), base * 10);
            }
            for word in &mut words {
                let value = u64::from(*word) * base + carry;
                (*word, carry) = (low(value), value >> 32);
            }
            if carry > 0 {
                words.push(low(carry));
            }
        }
        words.reverse();
        Ok(Self::from_words(text.starts_with('-'), &words))
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low word is meant")]
const fn low(value: u64) -> u32 {
    value as u32
}

impl sealed::Sealed for BigInteger {}

impl Spelled for BigInteger {
    fn spell<S: Serializer>(&self, _: Spelling, serializer: S) -> Result<S::Ok, S::Error> {
        self.serialize(serializer)
    }
}

impl Serialize for BigInteger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        let signum = match (self.negative, self.magnitude.is_empty()) {
            (_, true) => 0,
            (true, _) => -1,
            (false, _) => 1,
        };
        let words: Typed<IntArray, Vec<i32>> =
            self.magnitude.iter().map(|word| word.cast_signed()).collect::<Vec<_>>().into();
        let mut object = serializer.serialize_struct(INTEGER, 6)?;
        object.serialize_field("signum", &signum)?;
        object.serialize_field("bitCountPlusOne", &0)?;
        object.serialize_field("bitLengthPlusOne", &0)?;
        object.serialize_field("lowestSetBitPlusTwo", &0)?;
        object.serialize_field("firstNonzeroIntNumPlusTwo", &0)?;
        object.serialize_field("mag", &words)?;
        object.end()
    }
}

/// What stands on the wire.
struct Raw {
    value: Option<String>,
    signum: Option<i32>,
    mag: Option<Vec<i32>>,
}

read_object! {
    Raw: "java.math.BigInteger" {
        value: Option<String> = "value",
        signum: Option<i32> = "signum",
        mag: Option<Vec<i32>> = "mag",
    }
}

impl<'de> Deserialize<'de> for BigInteger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = BigInteger;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an integer")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<BigInteger, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_i64<E: de::Error>(self, value: i64) -> Result<BigInteger, E> {
                Ok(value.into())
            }
            fn visit_u64<E: de::Error>(self, value: u64) -> Result<BigInteger, E> {
                Ok(value.into())
            }
            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<BigInteger, A::Error> {
                let raw = Raw::deserialize(de::value::MapAccessDeserializer::new(map))?;
                match raw {
                    Raw { value: Some(text), .. } => self.visit_str(&text),
                    Raw { signum: Some(signum), mag: Some(mag), .. } => {
                        let words: Vec<u32> = mag.into_iter().map(i32::cast_unsigned).collect();
                        Ok(BigInteger::from_words(signum < 0, &words))
                    }
                    _ => Err(de::Error::missing_field("mag")),
                }
            }
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<BigInteger, A::Error> {
                // The six fields as they were written.
                let signum: i32 = seq.next_element()?.ok_or_else(|| de::Error::missing_field("signum"))?;
                for _ in 0..4 {
                    seq.next_element::<i32>()?;
                }
                let mag: Vec<i32> = seq.next_element()?.ok_or_else(|| de::Error::missing_field("mag"))?;
                let words: Vec<u32> = mag.into_iter().map(i32::cast_unsigned).collect();
                Ok(BigInteger::from_words(signum < 0, &words))
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<BigInteger, D::Error> {
                if deserializer.is_human_readable() {
                    deserializer.deserialize_any(self)
                } else {
                    deserializer.deserialize_struct(INTEGER, FIELDS, self)
                }
            }
        }

        const FIELDS: &[&str] = &[
            "signum",
            "bitCountPlusOne",
            "bitLengthPlusOne",
            "lowestSetBitPlusTwo",
            "firstNonzeroIntNumPlusTwo",
            "mag",
        ];

        deserializer.deserialize_newtype_struct(crate::magic::ANY, Visitor)
    }
}
