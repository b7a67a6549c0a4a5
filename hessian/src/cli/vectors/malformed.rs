//! Lines of bytes that are wrong, cut, or more than a value.

use super::Effort;
use super::decode::{self, Verdict};
use super::model::Model;
use hessian::grammar::Grammar;
use hessian::{ErrorKind, Graph, Limits};
use serde_json::Value as Json;

/// A line with `expect`: "value", "incomplete" or "error".
pub(crate) fn check<G: Grammar>(line: &Json, bytes: &[u8], effort: Effort) -> Result<(), String> {
    let slice = decode::slice::<G>(bytes);
    agrees(line, bytes.len(), &slice)?;
    for size in [1, 3, 64] {
        let push = decode::push::<G>(bytes, size)?;
        agrees(line, bytes.len(), &push).map_err(|reason| format!("in pieces of {size} bytes: {reason}"))?;
    }
    // With the default limits a claim may be refused at once.
    if let Err(error) = Graph::from_slice_with::<G>(bytes, Limits::new()) {
        let refused = error.is_limit() || matches!(error.kind(), ErrorKind::TrailingBytes { .. });
        if matches!(slice, Verdict::Value { .. }) && !refused {
            return Err(format!("with default limits: {error}"));
        }
    }
    // Through serde: the same, but for what a type cannot hold.
    for (how, way) in decode::TYPED {
        let done = way.decode::<G>(bytes);
        let agrees = match (&slice, &done) {
            (Verdict::Value { used, .. }, Ok(())) => *used == bytes.len(),
            (Verdict::Value { used, .. }, Err(error)) => {
                let trailing = matches!(error.kind(), ErrorKind::TrailingBytes { .. }) && *used < bytes.len();
                trailing || decode::is_untypable(error)
            }
            (Verdict::Incomplete, Err(error)) => error.is_incomplete() || decode::is_untypable(error),
            (Verdict::Error(_), Err(error)) => !error.is_incomplete(),
            (_, Ok(())) => false,
        };
        if !agrees {
            let found = done.map_or_else(|error| error.to_string(), |()| "a value".into());
            return Err(format!("{how}: {found}, but {} without a type", slice.brief()));
        }
    }
    for cut in effort.cuts(bytes.len()) {
        let beginning = decode::slice::<G>(&bytes[..cut]);
        // What was wrong (or done) stays so, whatever follows.
        let agrees = match (&beginning, &slice) {
            (Verdict::Incomplete, Verdict::Value { used, .. }) => cut < *used,
            (Verdict::Incomplete, _) | (Verdict::Error(_), Verdict::Error(_)) => true,
            (Verdict::Value { used, .. }, Verdict::Value { used: whole, .. }) => used == whole,
            _ => false,
        };
        if !agrees {
            return Err(format!("cut at byte {cut}: {}, but whole {}", beginning.brief(), slice.brief()));
        }
    }
    Ok(())
}

fn agrees(line: &Json, len: usize, verdict: &Verdict) -> Result<(), String> {
    let expect = line["expect"].as_str().unwrap_or("value");
    match (expect, verdict) {
        ("value", Verdict::Value { value, used }) => {
            if let Some(difference) = Model::from_json(&line["value"])?.difference(value) {
                return Err(difference);
            }
            match line["used"].as_u64() {
                Some(expected) if expected != *used as u64 => {
                    Err(format!("the value takes {expected} bytes, found {used}"))
                }
                _ => Ok(()),
            }
        }
        ("incomplete", Verdict::Incomplete) | ("error", Verdict::Error(_)) => Ok(()),
        ("error", Verdict::Value { used, .. }) if may_accept(line) || is_followed(line, len - used) => Ok(()),
        _ => Err(format!("{expect} expected, found {}", verdict.brief())),
    }
}

/// The value is right, the error is what follows it.
fn is_followed(line: &Json, count: usize) -> bool {
    line["why"] == format!("{count} unread bytes")
}

/// What Java reads may be read; and four-byte UTF-8, which other peers write, always is.
fn may_accept(line: &Json) -> bool {
    line["java"]["verdict"] == "value"
        || line["why"].as_str().is_some_and(|why| why.starts_with("utf8 f") && why <= "utf8 f4")
}
