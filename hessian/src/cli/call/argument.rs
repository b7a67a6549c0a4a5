//! Arguments as they are written on a command line.

use super::date;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hessian::client::Upload;
use hessian::{Binary, Graph, GraphBuilder, Limits, Value, json};
use serde::{Serialize, Serializer};
use std::fs::File;
use std::io;
use std::io::Read as _;

/// The grammar, for `--help`.
pub(in crate::cli) const GRAMMAR: &str = r#"Arguments:
  3  -7  5000000000           int where it fits, else long
  3L                          long
  2.5  1e3  NaN  -Infinity    double
  true  false  null
  '"text"'  text:text         string; after text: as it stands, without quotes
  @2024-01-31                 date: midnight UTC; so @2024-01-31T12:00:00.5Z and
                              @2024-01-31T12:00:00+02:00
  base64:AQI=  hex:0102       bytes
  file:PATH  file:-           bytes: what the file, or standard input, has; of any size
  '[1, "two"]'  '{"a": 1}'    list, map
  '{"$class": "example.AddString", "value": "hi"}'
                              object of a Java class; all of JSON is as `hessian json` writes it"#;

/// Files up to so many bytes are read before the call is made; longer ones while it is sent, in constant memory: its
/// length is unknown then, which HTTP/1.0 servers cannot take.
const MAX_WHOLE: u64 = 1 << 20;

/// What an argument stands for.
#[derive(Debug)]
pub(super) enum Argument {
    Value(Graph<'static>),
    Bytes(Binary),
    Upload(Upload),
}

impl Serialize for Argument {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Value(graph) => graph.serialize(serializer),
            Self::Bytes(bytes) => bytes.serialize(serializer),
            Self::Upload(upload) => upload.serialize(serializer),
        }
    }
}

/// Reads an argument.
pub(super) fn argument(text: &str, limits: &Limits) -> Result<Argument, String> {
    match text.strip_prefix("file:") {
        Some("-") => Ok(Argument::Upload(Upload::blocking(io::stdin()))),
        Some(path) => file(path).map_err(|error| format!("{path}: {error}")),
        None => value(text, limits).map(Argument::Value),
    }
}

/// The value that a text stands for.
fn value(text: &str, limits: &Limits) -> Result<Graph<'static>, String> {
    let scalar = |value: Value<'static>| Ok(GraphBuilder::new().finish(value));
    if let Some(text) = text.strip_prefix("text:") {
        return scalar(text.to_owned().into());
    }
    if let Some(date) = text.strip_prefix('@') {
        return scalar(Value::Date(date::millis(date)?));
    }
    if let Some(text) = text.strip_prefix("base64:") {
        return scalar(STANDARD.decode(text).map_err(|error| format!("no base64: {error}"))?.into());
    }
    if let Some(text) = text.strip_prefix("hex:") {
        return scalar(hex(text)?.into());
    }
    match text {
        "NaN" => return scalar(f64::NAN.into()),
        "Infinity" => return scalar(f64::INFINITY.into()),
        "-Infinity" => return scalar(f64::NEG_INFINITY.into()),
        _ => {}
    }
    if let Some(digits) = text.strip_suffix('L')
        && digits.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit())
        && !digits.is_empty()
    {
        let long = digits.parse().map_err(|_| format!("a long is from {} to {}", i64::MIN, i64::MAX))?;
        return scalar(Value::Long(long));
    }
    let is_json = matches!(text, "true" | "false" | "null")
        || text
            .trim_start()
            .starts_with(['{', '[', '"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    if !is_json {
        return Err(
            "a number, true, false, null, JSON, @date, text:…, base64:…, hex:… or file:… was expected".into(),
        );
    }
    json::from_str_with(text, limits).map_err(|error| error.to_string())
}

fn hex(text: &str) -> Result<Vec<u8>, String> {
    let digits: Vec<u8> = text
        .chars()
        .map(|character| match character.to_digit(16).map(u8::try_from) {
            Some(Ok(digit)) => Ok(digit),
            _ => Err(format!("{character:?} is no hexadecimal digit")),
        })
        .collect::<Result<_, _>>()?;
    match digits.as_chunks::<2>() {
        (pairs, []) => Ok(pairs.iter().map(|[high, low]| high << 4 | low).collect()),
        _ => Err("two hexadecimal digits for each byte were expected".into()),
    }
}

fn file(path: &str) -> io::Result<Argument> {
    let mut bytes = Vec::new();
    let mut file = File::open(path)?;
    (&mut file).take(MAX_WHOLE + 1).read_to_end(&mut bytes)?;
    Ok(if bytes.len() as u64 > MAX_WHOLE {
        Argument::Upload(Upload::blocking(io::Cursor::new(bytes).chain(file)))
    } else {
        Argument::Bytes(bytes.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hessian::hessian;

    fn read(text: &str) -> Result<Graph<'static>, String> {
        match argument(text, &Limits::DEFAULT)? {
            Argument::Value(graph) => Ok(graph),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_type_has_a_form() {
        for (text, bytes) in [
            ("3", &b"\x93"[..]),
            ("-7", b"\x89"),
            ("3L", b"\xe3"),
            ("-3L", b"\xdd"),
            ("5000000000", b"L\x00\x00\x00\x01\x2a\x05\xf2\x00"),
            ("2.5", b"\x5f\x00\x00\x09\xc4"),
            ("1e3", b"\x5e\x03\xe8"),
            ("NaN", b"D\x7f\xf8\x00\x00\x00\x00\x00\x00"),
            ("-Infinity", b"D\xff\xf0\x00\x00\x00\x00\x00\x00"),
            ("true", b"T"),
            ("null", b"N"),
            ("\"3L\"", b"\x023L"),
            ("text:null", b"\x04null"),
            ("text:", b"\x00"),
            ("base64:AQI=", b"\x22\x01\x02"),
            ("hex:0102", b"\x22\x01\x02"),
            ("@1998-05-08T09:51:31Z", b"J\x00\x00\x00\xd0\x4b\x92\x84\xb8"),
            ("[1, \"two\"]", b"\x7a\x91\x03two"),
        ] {
            assert_eq!(read(text).unwrap().to_vec().unwrap(), bytes, "{text}");
        }
        let object = read(r#"{"$class": "example.AddString", "value": "hi"}"#).unwrap();
        assert_eq!(object, hessian!("example.AddString" { value: "hi" }));
    }

    #[test]
    fn what_is_none_is_told() {
        for (text, expected) in [
            ("hello", "text:… "),
            ("truee", "was expected"),
            ("9223372036854775808L", "a long is from"),
            ("hex:0", "two hexadecimal digits"),
            ("hex:0g", "'g' is no hexadecimal digit"),
            ("base64:*", "no base64"),
            ("[1", "input ends"),
            ("-", "at"),
            ("@yesterday", "date"),
            ("file:/does/not/exist", "/does/not/exist: "),
            ("", "was expected"),
            ("L", "was expected"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(expected.trim_end()), "{text}: {error}");
        }
    }
}
