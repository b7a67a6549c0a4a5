//! Graphs as JSON and back, without loss: for logs, for people, for what speaks JSON only.
//!
//! What JSON has is written as itself; what it has not is an object whose first key begins with `$`.
//!
//! | Hessian | JSON |
//! | --- | --- |
//! | null, boolean, string | the same |
//! | string with half a surrogate pair | `{"$utf16": "d83d0041"}`, four digits a unit |
//! | int | `5` |
//! | long beyond an int, up to 2^53 | `5000000000` |
//! | other longs | `{"$long": "5"}` |
//! | double | `5.0`, always with a point or an exponent |
//! | NaN, infinities | `{"$double": "NaN"}`, `"Infinity"`, `"-Infinity"`; other NaNs by their bits, `"0x7ff8000000000001"` |
//! | date | `{"$date": 894621091000}`, in milliseconds; beyond 2^53 as a string |
//! | binary | `{"$binary": "AQI="}`, base64 |
//! | list | `[1, 2]` |
//! | list of a type, list up to its end | `{"$type": "[int", "$list": [1, 2]}`, `{"$open": true, "$list": []}` |
//! | map with strings as keys | `{"a": 1}`, with a type `{"$type": "java.util.TreeMap", "a": 1}` |
//! | other maps; with a key twice or one that begins with `$` | `{"$map": [[1, "a"], [null, "b"]]}` |
//! | object | `{"$class": "example.AddString", "value": "hi"}` |
//! | object with a field twice or one that begins with `$` | `{"$class": "x.Y", "$members": [["a", 1], ["a", 2]]}` |
//! | what is met again | `"$id": 0` where it stands first, `{"$ref": 0}` later; also inside itself |
//! | remote object | `{"$type": "example.Api", "$remote": "http://…"}` |
//! | several values | `{"$roots": [1, 2]}` |
//!
//! Reading takes any JSON: whole numbers become ints where they fit, else longs, beyond 64 bits they are an error; what has
//! a point or an exponent, and `-0`, becomes a double. Keys that begin with `$` must be known and come before the others;
//! the order of keys is that of the fields.
//!
//! ```
//! # fn main() -> hessian::Result<()> {
//! let graph = hessian::hessian!("example.Tick" { symbol: "A", sizes: "[int" [1, 2], at: hessian::Date::from_millis(5) });
//! let text = hessian::json::to_string(&graph)?;
//! assert_eq!(text, r#"{"$class":"example.Tick","symbol":"A","sizes":{"$type":"[int","$list":[1,2]},"at":{"$date":5}}"#);
//! assert_eq!(hessian::json::from_str(&text)?, graph);
//! # Ok(())
//! # }
//! ```

mod read;
mod write;

use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::value::Graph;
use std::cell::Cell;
use write::Bounded;
pub use write::Lossless;

/// The largest integer below which every double is exact: beyond it many readers of JSON round.
const EXACT: i64 = 1 << 53;

/// The graph in one line.
///
/// # Errors
/// The defaults of [`Limits::max_depth`] and [`Limits::max_expansion`].
pub fn to_string(graph: &Graph<'_>) -> Result<String> {
    to_string_with(graph, &Limits::DEFAULT)
}

/// [`to_string`] with limits of your own: `max_depth` (a level takes some hundred bytes of stack), and `max_expansion` for
/// the names of classes, fields and types, which stand in each object.
///
/// # Errors
/// Those limits.
pub fn to_string_with(graph: &Graph<'_>, limits: &Limits) -> Result<String> {
    write(graph, limits, |bounded| serde_json::to_string(bounded))
}

/// The graph in lines, indented.
///
/// # Errors
/// As [`to_string`].
pub fn to_string_pretty(graph: &Graph<'_>) -> Result<String> {
    to_string_pretty_with(graph, &Limits::DEFAULT)
}

/// [`to_string_pretty`] with limits of your own, as [`to_string_with`].
///
/// # Errors
/// As [`to_string_with`].
pub fn to_string_pretty_with(graph: &Graph<'_>, limits: &Limits) -> Result<String> {
    write(graph, limits, |bounded| serde_json::to_string_pretty(bounded))
}

/// Reads a graph.
///
/// # Errors
/// What is no JSON, whole numbers beyond 64 bits, keys that begin with `$` and are not known or out of place, references
/// to nothing, and the limits `max_depth` and `max_values`.
pub fn from_str(text: &str) -> Result<Graph<'static>> {
    from_str_with(text, &Limits::DEFAULT)
}

/// [`from_str`] with limits of your own.
///
/// # Errors
/// As [`from_str`].
pub fn from_str_with(text: &str, limits: &Limits) -> Result<Graph<'static>> {
    integers(text)?;
    let mut json = serde_json::Deserializer::from_str(text);
    // Lists of pairs nest deeper than the values they stand for: these are counted instead.
    json.disable_recursion_limit();
    let mut failed = None;
    let graph = read::graph(&mut json, limits, &mut failed);
    graph.and_then(|graph| json.end().map(|()| graph)).map_err(|error| from_json(error, failed, text.len()))
}

/// Checks that whole numbers are longs: beyond 64 bits the parser would make doubles of them, rounded, and nobody could
/// tell. A look at each byte.
fn integers(text: &str) -> Result<()> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'"' => {
                while let Some(&byte) = bytes.get(at) {
                    at += 1 + usize::from(byte == b'\\');
                    if byte == b'"' {
                        break;
                    }
                }
            }
            b'-' | b'0'..=b'9' => {
                while bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
                {
                    at += 1;
                }
                let number = &text[start..at];
                let digits = number.strip_prefix('-').unwrap_or(number);
                let is_whole = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
                if is_whole && number.parse::<i64>().is_err() {
                    let kind = ErrorKind::Unrepresentable("an integer beyond 64 bits");
                    return Err(Error::at(start as u64, kind));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The error of a JSON text of so many bytes, for the reason that `failed` tells if there was one of ours.
fn from_json(error: serde_json::Error, failed: Option<ErrorKind>, length: usize) -> Error {
    match failed {
        Some(kind) => Error::new(kind),
        None if error.is_eof() => Error::at(length as u64, ErrorKind::Incomplete { needed: 1 }),
        None => serde::de::Error::custom(error),
    }
}

fn write(
    graph: &Graph<'_>,
    limits: &Limits,
    write: impl FnOnce(&Bounded<'_, '_>) -> Result<String, serde_json::Error>,
) -> Result<String> {
    let bounded = Bounded { graph, limits, failed: Cell::new(None) };
    write(&bounded).map_err(|error| bounded.failed.take().unwrap_or_else(|| serde::ser::Error::custom(error)))
}
