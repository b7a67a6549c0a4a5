//! Lines of calls, replies and envelopes.

use super::decode;
use super::model::{Model, array};
use super::{Effort, data};
use hessian::envelope::Envelope;
use hessian::rpc::{Call, Form, Reply};
use hessian::{Error, Graph};
use serde_json::Value as Json;

/// Whether a line that nothing else explains has a call, a reply or an envelope.
pub(crate) fn is_message(line: &Json, bytes: &[u8]) -> bool {
    let has = |key: &str| line.get(key).is_some();
    let envelope = || Envelope::parse(bytes, &decode::limits()).is_ok();
    ["call", "reply", "envelope"].iter().any(|key| has(key))
        // No value begins with `E`; lines of malformed values tell what Java did with them.
        || (bytes.starts_with(b"E") && !has("java"))
        || (bytes.starts_with(&[b'H', 2, 0, b'E']) && envelope())
        || !(has("value") || has("expect") || has("java"))
}

/// A line with a request and what the service answers; either may be missing.
pub(crate) fn check_exchange(line: &Json, effort: Effort) -> Result<(), String> {
    if let Some(request) = data::bytes(line, "request_")? {
        check_call(line, &request, effort).map_err(|reason| format!("request: {reason}"))?;
    }
    if let Some(reply) = data::bytes(line, "reply_")? {
        check_reply(line, &reply, effort).map_err(|reason| format!("reply: {reason}"))?;
    }
    Ok(())
}

/// A line with a message in `hex`.
pub(crate) fn check(line: &Json, bytes: &[u8], effort: Effort) -> Result<(), String> {
    if line.get("call").is_some() {
        return check_call(line, bytes, effort);
    }
    if line.get("reply").is_some() {
        return check_reply(line, bytes, effort);
    }
    if matches!(bytes, [b'E', ..] | [b'H', _, _, b'E', ..]) {
        return check_envelope(line, bytes, effort);
    }
    // A message that no service answers: it has to be refused.
    match (Call::parse(bytes, &decode::limits()), Reply::parse(bytes, &decode::limits())) {
        (Err(_), Err(_)) => Ok(()),
        _ => Err("neither a call nor a reply, but it is read as one".into()),
    }
}

fn check_call(line: &Json, bytes: &[u8], effort: Effort) -> Result<(), String> {
    let expected = &line["call"];
    let java = line["java_error"].as_str();
    // What Java did not even recognise is refused here too. Other errors are the service's.
    let unreadable = ["unknown Hessian message code", "end of file", "expected hessian call"];
    let (call, used) = match (Call::parse(bytes, &decode::limits()), java) {
        (Err(_), Some(java)) if unreadable.iter().any(|words| java.contains(words)) => return Ok(()),
        (Ok(_), Some(java)) if unreadable.iter().any(|words| java.contains(words)) => {
            return Err("an error expected, but the call is read".into());
        }
        (Err(error), _) => return Err(error.to_string()),
        (Ok(call), _) => call,
    };
    if used != bytes.len() && !line["note"].as_str().is_some_and(|note| note.contains("bytes after")) {
        return Err(format!("the call ends at byte {used} of {}", bytes.len()));
    }
    if let Some(method) = expected["method"].as_str()
        && method != call.method()
    {
        return Err(format!("method {method} expected, found {}", call.method()));
    }
    let values = Model::from_graph(call.values());
    let headers = call.headers().len();
    if expected.get("args").is_some() {
        same(array(&expected["args"])?, &values[headers..], "argument")?;
    }
    if expected.get("headers").is_some() {
        let expected = array(&expected["headers"])?;
        let names: Vec<_> = call.headers().map(|(name, _)| Json::from(name)).collect();
        if !expected.iter().map(|header| &header[0]).eq(&names) {
            return Err(format!("headers {expected:?} expected, found {names:?}"));
        }
        let expected: Vec<_> = expected.iter().map(|header| header[1].clone()).collect();
        same(&expected, &values[..headers], "header")?;
    }
    cuts(&bytes[..used], effort, |cut| Call::parse(cut, &decode::limits()).map(|_| ()))?;
    let mut again = Vec::new();
    call.write(&mut again).map_err(|error| error.to_string())?;
    let (parsed, _) = Call::parse(&again, &decode::limits()).map_err(|error| error.to_string())?;
    same_bytes(&again, &bytes[..used], parsed.values() == call.values())
}

fn check_reply(line: &Json, bytes: &[u8], effort: Effort) -> Result<(), String> {
    let expected = &line["reply"];
    let (reply, used) = Reply::parse(bytes, &decode::limits()).map_err(|error| error.to_string())?;
    if used != bytes.len() {
        return Err(format!("the reply ends at byte {used} of {}", bytes.len()));
    }
    let kind = match (reply.form(), reply.result()) {
        (Form::Two, Ok(_)) => "reply",
        (_, Err(_)) => "fault",
        (Form::One, Ok(_)) => "hessian1",
    };
    let one = reply.form() == Form::One;
    if let Some(expected) = expected["kind"].as_str()
        && expected != kind
        && !(one && matches!(expected, "hessian1" | "reply"))
    {
        return Err(format!("{expected} expected, found {kind}"));
    }
    let values = Model::from_graph(reply.values());
    // In testhessian2.jsonl the value stands beside the reply.
    for value in [expected.get("value"), line.get("value")].into_iter().flatten() {
        same(std::slice::from_ref(value), &values, "value")?;
    }
    if let Err(fault) = reply.result() {
        for (name, found) in [("code", fault.code()), ("message", fault.message())] {
            if expected[name].as_str().is_some_and(|expected| expected != found) {
                return Err(format!("{name} {} expected, found {found:?}", expected[name]));
            }
        }
        if let Some(detail) = expected.get("detail")
            && values.last().is_none_or(|found| Model::from_json(detail).is_ok_and(|detail| detail != *found))
        {
            return Err(format!("detail {detail} expected, found {:?}", values.last()));
        }
    }
    cuts(bytes, effort, |cut| Reply::parse(cut, &decode::limits()).map(|_| ()))?;
    let mut again = Vec::new();
    reply.write(&mut again).map_err(|error| error.to_string())?;
    let (parsed, _) = Reply::parse(&again, &decode::limits()).map_err(|error| error.to_string())?;
    same_bytes(&again, bytes, parsed.values() == reply.values())
}

fn check_envelope(line: &Json, bytes: &[u8], effort: Effort) -> Result<(), String> {
    let limits = decode::limits();
    let parsed = Envelope::parse(bytes, &limits);
    if line["expect"] == "error" {
        return match parsed.and_then(|(envelope, _)| envelope.inflate(&limits)) {
            Err(error) if !error.is_incomplete() => Ok(()),
            Err(error) => Err(error.to_string()),
            Ok(_) => Err("an error expected, but it is read".into()),
        };
    }
    let (envelope, used) = parsed.map_err(|error| error.to_string())?;
    if used != bytes.len() {
        return Err(format!("the envelope ends at byte {used} of {}", bytes.len()));
    }
    cuts(bytes, effort, |cut| Envelope::parse(cut, &limits).map(|_| ()))?;
    let mut again = Vec::new();
    envelope.write(&mut again).map_err(|error| error.to_string())?;
    let (parsed, _) = Envelope::parse(&again, &limits).map_err(|error| error.to_string())?;
    let same_parts = parsed.method() == envelope.method()
        && parsed.body() == envelope.body()
        && names(&parsed).eq(&names(&envelope));
    same_bytes(&again, bytes, same_parts)?;
    if envelope.method() == hessian::envelope::DEFLATION {
        let message = envelope.inflate(&limits).map_err(|error| error.to_string())?;
        let graph = Graph::from_slice(&message).map_err(|error| error.to_string())?;
        return same(std::slice::from_ref(&line["value"]), &Model::from_graph(&graph), "value");
    }
    // The ciphers of X509Encryption and X509Signature are not done: their parts have to be there, and a signature
    // leaves its message readable.
    let parts: &[&str] = if envelope.method().ends_with("X509Signature") {
        let graph = Graph::from_slice(envelope.body()).map_err(|error| error.to_string())?;
        same(std::slice::from_ref(&line["value"]), &Model::from_graph(&graph), "value")?;
        &["algorithm", "fingerprint", "key-algorithm", "key", "signature"]
    } else {
        &["algorithm", "fingerprint", "key-algorithm", "key"]
    };
    match names(&envelope).eq(parts) && !envelope.body().is_empty() {
        true => Ok(()),
        false => Err(format!("headers and footers {parts:?} expected, found {:?}", names(&envelope))),
    }
}

fn names(envelope: &Envelope<'_>) -> Vec<String> {
    envelope.headers().chain(envelope.footers()).map(|(name, _)| name.to_owned()).collect()
}

fn same(expected: &[Json], found: &[Model], what: &str) -> Result<(), String> {
    if expected.len() != found.len() {
        return Err(format!("{} {what}s expected, found {}", expected.len(), found.len()));
    }
    for (index, (expected, found)) in expected.iter().zip(found).enumerate() {
        if let Some(difference) = Model::from_json(expected)?.difference_among(found) {
            return Err(format!("{what} {index}: {difference}"));
        }
    }
    Ok(())
}

/// Every proper beginning is told to be one.
fn cuts(bytes: &[u8], effort: Effort, parse: impl Fn(&[u8]) -> Result<(), Error>) -> Result<(), String> {
    for cut in effort.cuts(bytes.len()) {
        match parse(&bytes[..cut]) {
            Err(error) if error.is_incomplete() => {}
            Err(error) => return Err(format!("cut at byte {cut} of {}: {error}", bytes.len())),
            Ok(()) => return Err(format!("cut at byte {cut} of {}: read as if it were whole", bytes.len())),
        }
    }
    Ok(())
}

/// Written again it is the same, if need be in other chunks.
fn same_bytes(again: &[u8], bytes: &[u8], same_parts: bool) -> Result<(), String> {
    // A chunk that is not the last shows that the writer had a stream or a buffer of its own.
    let in_chunks = bytes.iter().any(|byte| matches!(byte, b'A' | b'B' | b'b'));
    match again == bytes || (same_parts && in_chunks) {
        true => Ok(()),
        false => Err(format!("written again it is {again:02x?}")),
    }
}
