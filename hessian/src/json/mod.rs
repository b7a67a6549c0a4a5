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
//! Reading takes any JSON: whole numbers become ints where they fit, else longs. Keys that begin with `$` must be known and
//! come before the others; the order of keys is that of the fields.
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
pub use write::Lossless;

/// The largest integer below which every double is exact: beyond it many readers of JSON round.
const EXACT: i64 = 1 << 53;

/// The graph in one line.
///
/// # Errors
/// Nesting deeper than [`Limits::max_depth`].
pub fn to_string(graph: &Graph<'_>) -> Result<String> {
    serde_json::to_string(&Lossless(graph)).map_err(from_json)
}

/// The graph in lines, indented.
///
/// # Errors
/// As [`to_string`].
pub fn to_string_pretty(graph: &Graph<'_>) -> Result<String> {
    serde_json::to_string_pretty(&Lossless(graph)).map_err(from_json)
}

/// Reads a graph.
///
/// # Errors
/// What is no JSON, keys that begin with `$` and are not known or out of place, references to nothing, and the limits
/// `max_depth` and `max_values`.
pub fn from_str(text: &str) -> Result<Graph<'static>> {
    from_str_with(text, &Limits::DEFAULT)
}

/// [`from_str`] with limits of your own.
///
/// # Errors
/// As [`from_str`].
pub fn from_str_with(text: &str, limits: &Limits) -> Result<Graph<'static>> {
    let mut json = serde_json::Deserializer::from_str(text);
    // Lists of pairs nest deeper than the values they stand for: these are counted instead.
    json.disable_recursion_limit();
    let graph = read::graph(&mut json, limits).map_err(from_json)?;
    json.end().map_err(from_json)?;
    Ok(graph)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn from_json(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Message(error.to_string()))
}
