//! Lines that hold one value: decoded whole, cut, pushed, encoded again.

use super::decode::{self, Verdict};
use super::model::Model;
use super::{Effort, data};
use hessian::Graph;
use hessian::grammar::Grammar;
use serde_json::Value as Json;

/// Longest binary of which Java's chunks can be foreseen.
const BINARY_SINGLE: usize = 8189;
/// The same for the draft.
const BINARY_SINGLE_DRAFT: usize = 1000;

/// A line with `value` and its bytes.
pub(crate) fn check<G: Grammar>(line: &Json, bytes: &[u8], effort: Effort) -> Result<(), String> {
    let expected = Model::from_json(&line["value"])?;
    reads::<G>(bytes, Some(&expected), effort)?;
    encodes_again::<G>(bytes, is_canonical(line, &expected))
}

/// A line whose value is only described in words.
pub(crate) fn check_described<G: Grammar>(line: &Json, bytes: &[u8], effort: Effort) -> Result<(), String> {
    // What Java refused may be read or refused here.
    if line["java"].as_str().is_some_and(|java| java.starts_with('!')) {
        decode::push::<G>(bytes, 1)?;
        return Ok(());
    }
    reads::<G>(bytes, None, effort)?;
    encodes_again::<G>(bytes, false)
}

/// A line with a value and all its encodings.
pub(crate) fn check_alternates<G: Grammar>(line: &Json, effort: Effort) -> Result<(), String> {
    let expected = Model::from_json(&line["value"])?;
    let name = line["name"].as_str().unwrap_or_default();
    let may_differ = ["overlong", "nan", "empty_type"].iter().any(|word| name.contains(word));
    for (index, encoding) in super::model::array(&line["encodings"])?.iter().enumerate() {
        let bytes = data::bytes(encoding, "")?.ok_or("an encoding without bytes")?;
        let done = reads::<G>(&bytes, Some(&expected), effort);
        match done.and_then(|()| encodes_again::<G>(&bytes, false)) {
            Err(_) if may_differ => {}
            done => done.map_err(|reason| format!("encoding {index}: {reason}"))?,
        }
    }
    Ok(())
}

/// The bytes are one value, whole or in pieces; every beginning of them is told to be one.
pub(crate) fn reads<G: Grammar>(
    bytes: &[u8],
    expected: Option<&Model>,
    effort: Effort,
) -> Result<(), String> {
    let whole = match decode::slice::<G>(bytes) {
        Verdict::Value { value, used } if used == bytes.len() => value,
        Verdict::Value { used, .. } => {
            return Err(format!("the value ends at byte {used} of {}", bytes.len()));
        }
        other => return Err(format!("a value expected, found {}", other.brief())),
    };
    if let Some(difference) = expected.and_then(|expected| expected.difference(&whole)) {
        return Err(difference);
    }
    let mut untypable = false;
    for (how, way) in decode::TYPED {
        match way.decode::<G>(bytes) {
            Ok(()) => {}
            Err(error) if decode::is_untypable(&error) => untypable = true,
            Err(error) => return Err(format!("{how}: {error}")),
        }
    }
    for size in [1, 3, 64] {
        match decode::push::<G>(bytes, size)? {
            Verdict::Value { value, used } if used == bytes.len() => {
                if let Some(difference) = whole.difference(&value) {
                    return Err(format!("in pieces of {size} bytes: {difference}"));
                }
            }
            other => return Err(format!("in pieces of {size} bytes: {}", other.brief())),
        }
    }
    for cut in effort.cuts(bytes.len()) {
        let prefix = &bytes[..cut];
        match decode::slice::<G>(prefix) {
            Verdict::Incomplete => {}
            other => return Err(format!("cut at byte {cut} of {}: {}", bytes.len(), other.brief())),
        }
        for (how, way) in decode::TYPED {
            match way.decode::<G>(prefix) {
                Err(error) if error.is_incomplete() => {}
                Err(error) if untypable && decode::is_untypable(&error) => {}
                done => {
                    let found = done.map_or_else(|error| error.to_string(), |()| "a value".into());
                    return Err(format!("cut at byte {cut} of {}, {how}: {found}", bytes.len()));
                }
            }
        }
    }
    Ok(())
}

fn encoded<G: Grammar>(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let graph = Graph::from_slice_with::<G>(bytes, decode::limits()).map_err(|error| error.to_string())?;
    let mut again = Vec::new();
    graph.encode_to::<G>(&mut again).map_err(|error| format!("encoding: {error}"))?;
    Ok(again)
}

/// What was decoded is encoded to the same bytes, or at least to the same value.
pub(crate) fn encodes_again<G: Grammar>(bytes: &[u8], same_bytes: bool) -> Result<(), String> {
    let again = encoded::<G>(bytes)?;
    if again == bytes {
        return Ok(());
    }
    if same_bytes {
        let at = again.iter().zip(bytes).take_while(|(a, b)| a == b).count();
        let around = |bytes: &[u8]| format!("{:02x?}", &bytes[at.min(bytes.len())..bytes.len().min(at + 8)]);
        return Err(format!(
            "encoded again it differs at byte {at}: {} expected, found {}",
            around(bytes),
            around(&again)
        ));
    }
    if encoded::<G>(&again)? != again {
        return Err("encoded a third time it is other bytes".into());
    }
    let (Verdict::Value { value: before, .. }, Verdict::Value { value: after, .. }) =
        (decode::slice::<G>(bytes), decode::slice::<G>(&again))
    else {
        return Err("encoded again it is no value".into());
    };
    match before.difference(&after) {
        Some(difference) => Err(format!("encoded again it is another value: {difference}")),
        None => Ok(()),
    }
}

/// True when the bytes are what an encoder must write. The exceptions are those of the vectors' README.
fn is_canonical(line: &Json, value: &Model) -> bool {
    let name = line["name"].as_str().unwrap_or_default();
    let by_buffer = ["inputstream_", "bytesoutputstream_", "typed_variable_", "untyped_variable_"];
    if by_buffer.iter().any(|prefix| name.starts_with(prefix))
        || ["bytebuffer_parts", "after_ints"].contains(&name)
        || name.ends_with("_api")
    {
        return false;
    }
    let draft = line["grammar"] == "draft";
    if draft {
        let by_java = line["source"].as_str().is_some_and(|source| source.starts_with("java"));
        if !by_java || name.ends_with("javabug") {
            return false;
        }
    }
    let longest = if draft { BINARY_SINGLE_DRAFT } else { BINARY_SINGLE };
    !value.any(&|value| match value {
        Model::Binary(bytes) => bytes.len() > longest,
        Model::Double(bits) => draft && *bits == 1 << 63,
        _ => false,
    })
}
