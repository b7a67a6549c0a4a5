//! The draft as its oldest readers take it.

use super::Sink;
use super::dialect::{Dialect, Doubtful};
use super::draft;
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::{Draft, Tutorial};

/// Whole numbers between these are doubles without loss.
const LEAST: i64 = -MOST;
const MOST: i64 = 1 << 53;

impl Dialect for Tutorial {
    const OBJECTS_ARE_MAPS: bool = false;
    const REFERENCES: bool = false;
    const PLAIN: bool = true;
    const TRUE_IS_A_TYPE: bool = true;
    const CLASS: u8 = Draft::CLASS;
    const STRING_CHUNK: u8 = Draft::STRING_CHUNK;
    const BINARY_CHUNK: u8 = Draft::BINARY_CHUNK;

    fn check(value: Doubtful) -> Result<()> {
        let what = match value {
            Doubtful::Long(LEAST..=MOST) | Doubtful::Date(0..) => return Ok(()),
            Doubtful::Long(_) => "a long beyond ±2^53: they round it",
            Doubtful::Date(_) => "a date before 1970: they add 2^64 milliseconds",
            Doubtful::Key => "the key of a map that is no string: they make it one",
            Doubtful::True => "a list of unknown length that starts with true: they take it for a type",
            Doubtful::Remote => "a remote object: they stop decoding",
            Doubtful::Cycle => "a list, map or object inside itself: they do not keep references apart",
            Doubtful::Several => "several values in a message: they read the first alone",
        };
        Err(Error::new(ErrorKind::Refused(what)))
    }

    fn string_head(out: &mut impl Sink, units: usize) {
        Draft::string_head(out, units);
    }
    fn binary_head(out: &mut impl Sink, len: usize) {
        Draft::binary_head(out, len);
    }
    fn int(out: &mut impl Sink, value: i32) {
        Draft::int(out, value);
    }
    fn long(out: &mut impl Sink, value: i64) {
        if value < i32::MIN.into() {
            // They read the eight bytes of a long without a sign, and make a double of it anyway.
            #[expect(clippy::cast_precision_loss, reason = "checked to be exact")]
            Self::double(out, value as f64);
        } else {
            Draft::long(out, value);
        }
    }
    fn double(out: &mut impl Sink, value: f64) {
        draft::double(out, value, 0);
    }
    fn date(out: &mut impl Sink, millis: i64) {
        Draft::date(out, millis);
    }
    fn list(out: &mut impl Sink, len: Option<u32>) {
        Draft::list(out, len);
    }
    fn typed_list(out: &mut impl Sink, _: &str, _: Option<u32>, len: Option<u32>) {
        Draft::list(out, len);
    }
    fn list_end(out: &mut impl Sink, len: Option<u32>, _: bool) {
        Draft::list_end(out, len, false);
    }
    fn map(out: &mut impl Sink) {
        Draft::map(out);
    }
    fn typed_map(out: &mut impl Sink, _: &str, _: Option<u32>) {
        Draft::map(out);
    }
    fn map_end(out: &mut impl Sink) {
        Draft::map_end(out);
    }
    fn object(out: &mut impl Sink, class: u32) {
        Draft::object(out, class);
    }
    fn reference(_: &mut impl Sink, _: u32) {}
}
