//! The draft for the Flash clients of the tutorials.
//!
//! Their decoder (ActionScript 3, November 2007 to March 2008) is modelled here from its source, faults and all. The
//! model is first held against what the vectors note of it, then it has to read what the profile writes.

use super::vector::{self, unhex};
use super::{encode, hex};
use hessian::grammar::{Draft, Tutorial};
use hessian::{Date, Error, ErrorKind, Graph, Limits, ser};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// The decoder of the Flash client. Values are text; every number is a double, as in ActionScript.
struct Flash<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Names and fields.
    classes: Vec<(String, Vec<String>)>,
    types: usize,
    refs: usize,
}

type Read<T> = Result<T, String>;

impl<'a> Flash<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, classes: Vec::new(), types: 0, refs: 0 }
    }

    fn take<const N: usize>(&mut self) -> Read<[u8; N]> {
        let bytes = self.bytes.get(self.at..self.at + N).ok_or("EOFError")?;
        self.at += N;
        Ok(bytes.try_into().unwrap())
    }

    fn byte(&mut self) -> Read<u8> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn short(&mut self) -> Read<usize> {
        self.take().map(|bytes| u16::from_be_bytes(bytes).into())
    }

    fn peek(&self) -> Read<u8> {
        self.bytes.get(self.at).copied().ok_or_else(|| "EOFError".into())
    }

    fn expect_end(&mut self) -> Read<()> {
        match self.byte()? {
            b'z' => Ok(()),
            other => Err(format!("list end expected, got {other:x}")),
        }
    }

    fn int(&mut self) -> Read<i32> {
        let tag = self.byte()?;
        match tag {
            0x80..=0xbf => Ok(i32::from(tag) - 0x90),
            0xc0..=0xcf => Ok((i32::from(tag) - 0xc8) * 0x100 + i32::from(self.byte()?)),
            0xd0..=0xd7 => Ok((i32::from(tag) - 0xd4) * 0x1_0000 + self.short()? as i32),
            b'I' => Ok(i32::from_be_bytes(self.take()?)),
            _ => Err(format!("expected integer at {tag:x}")),
        }
    }

    /// So many units, one to three bytes each.
    fn units(&mut self, count: usize, units: &mut Vec<u16>) -> Read<()> {
        for _ in 0..count {
            let first = u16::from(self.byte()?);
            units.push(match first {
                0..=0x7f => first,
                0xc0..=0xdf => (first & 0x1f) << 6 | u16::from(self.byte()?) & 0x3f,
                _ => {
                    let [second, third] = self.take()?;
                    (first & 0xf) << 12 | (u16::from(second) & 0x3f) << 6 | u16::from(third) & 0x3f
                }
            });
        }
        Ok(())
    }

    fn string(&mut self) -> Read<Vec<u16>> {
        let mut units = Vec::new();
        loop {
            let tag = self.byte()?;
            let (count, last) = match tag {
                0..=0x1f => (tag.into(), true),
                b'S' => (self.short()?, true),
                b's' => (self.short()?, false),
                _ => return Err(format!("expected string at {tag:x}")),
            };
            self.units(count, &mut units)?;
            if last {
                return Ok(units);
            }
        }
    }

    fn name(&mut self) -> Read<String> {
        self.string().map(|units| String::from_utf16_lossy(&units))
    }

    fn binary(&mut self) -> Read<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let tag = self.byte()?;
            let (count, last) = match tag {
                0x20..=0x2f => (usize::from(tag) - 0x20, true),
                b'B' => (self.short()?, true),
                b'b' => (self.short()?, false),
                _ => return Err(format!("expected binary at {tag:x}")),
            };
            for _ in 0..count {
                bytes.push(self.byte()?);
            }
            if last {
                return Ok(bytes);
            }
        }
    }

    fn ty(&mut self) -> Read<()> {
        match self.peek()? {
            b't' => {
                self.at += 1;
                let count = self.short()?;
                self.types += 1;
                self.units(count, &mut Vec::new())
            }
            b'u' | b'T' => {
                self.at += 1;
                self.type_number()
            }
            _ => Ok(()),
        }
    }

    fn type_number(&mut self) -> Read<()> {
        let number = self.int()?;
        if usize::try_from(number).is_ok_and(|number| number < self.types) {
            Ok(())
        } else {
            Err("TypeError".into())
        }
    }

    fn list(&mut self, len: Option<i32>) -> Read<String> {
        let id = self.number();
        let mut items = Vec::new();
        match len {
            Some(len @ 0..) => {
                for _ in 0..len {
                    items.push(self.value()?);
                }
            }
            _ => {
                while self.peek()? != b'z' {
                    items.push(self.value()?);
                }
            }
        }
        // Also after the `v` form, which has no end.
        self.expect_end()?;
        Ok(format!("{id}[{}]", items.join(", ")))
    }

    fn number(&mut self) -> String {
        self.refs += 1;
        format!("#{}", self.refs - 1)
    }

    fn reference(&mut self, number: u32) -> Read<String> {
        if (number as usize) < self.refs { Ok(format!("ref#{number}")) } else { Ok("undefined".into()) }
    }

    fn value(&mut self) -> Read<String> {
        let tag = self.byte()?;
        Ok(match tag {
            b'N' => "null".into(),
            b'T' => "true".into(),
            b'F' => "false".into(),
            0x80..=0xd7 | b'I' => {
                self.at -= 1;
                number(self.int()?.into())
            }
            0xd8..=0xef => number(f64::from(tag) - f64::from(0xe0)),
            0xf0..=0xff => number((f64::from(tag) - f64::from(0xf8)) * 256.0 + f64::from(self.byte()?)),
            0x38..=0x3f => number((f64::from(tag) - f64::from(0x3c)) * 65536.0 + self.short()? as f64),
            0x77 => number(i32::from_be_bytes(self.take()?).into()),
            // Without a sign.
            b'L' => number(u64::from_be_bytes(self.take()?) as f64),
            b'd' => format!("date {:?}", u64::from_be_bytes(self.take()?) as f64),
            0x67 => number(0.0),
            0x68 => number(1.0),
            0x69 => number(self.byte()?.into()),
            0x6a => number(self.short()? as f64),
            0x6b => number(f32::from_be_bytes(self.take()?).into()),
            b'D' => number(f64::from_be_bytes(self.take()?)),
            0..=0x1f | b'S' | b's' => {
                self.at -= 1;
                vector::show_units(&self.string()?)
            }
            0x20..=0x2f | b'B' | b'b' => {
                self.at -= 1;
                format!("bytes {:02x?}", self.binary()?)
            }
            b'V' => {
                self.ty()?;
                let len = match self.peek()? {
                    b'n' => {
                        self.at += 1;
                        Some(self.byte()?.into())
                    }
                    b'l' => {
                        self.at += 1;
                        Some(i32::from_be_bytes(self.take()?))
                    }
                    _ => None,
                };
                self.list(len)?
            }
            b'v' => {
                self.type_number()?;
                let len = self.int()?;
                self.list(Some(len))?
            }
            b'M' => {
                self.ty()?;
                let id = self.number();
                let mut entries = Vec::new();
                while self.peek()? != b'z' {
                    let key = string_of(&self.value()?);
                    entries.push(format!("{key}: {}", self.value()?));
                }
                self.at += 1;
                format!("{id}{{{}}}", entries.join(", "))
            }
            b'O' => {
                let name = self.name()?;
                let count = self.int()?;
                let fields = (0..count).map(|_| self.name()).collect::<Read<_>>()?;
                self.classes.push((name, fields));
                self.value()?
            }
            b'o' => {
                let class = self.int()?;
                let class = usize::try_from(class).ok().and_then(|class| self.classes.get(class).cloned());
                let (name, fields) = class.ok_or("TypeError")?;
                // The movie has the classes of the example alone.
                if !name.starts_with("example.") {
                    return Err(format!("ReferenceError: class {name} not in the SWF"));
                }
                let id = self.number();
                let mut parts = Vec::new();
                for field in fields {
                    parts.push(format!("{field}: {}", self.value()?));
                }
                format!("{id}<{name}>{{{}}}", parts.join(", "))
            }
            b'J' => {
                let number = self.byte()?.into();
                self.reference(number)?
            }
            b'K' => {
                let number = self.short()? as u32;
                self.reference(number)?
            }
            b'R' => {
                let number = u32::from_be_bytes(self.take()?);
                self.reference(number)?
            }
            _ => return Err(format!("unknown code {tag:x}")),
        })
    }
}

fn number(value: f64) -> String {
    format!("n{:x}", value.to_bits())
}

/// `String(key)`.
fn string_of(key: &str) -> String {
    match key.strip_prefix('n').and_then(|bits| u64::from_str_radix(bits, 16).ok()) {
        Some(bits) => format!("{:?}", f64::from_bits(bits).to_string()),
        None if key.starts_with('"') => key.to_owned(),
        None => format!("{key:?}"),
    }
}

/// What a line describes, as ActionScript has it. References are followed when there is something to follow them in.
fn in_flash<'j>(json: &'j Json, ids: &mut BTreeMap<u64, &'j Json>, follow: bool) -> Option<String> {
    let v = &json["v"];
    let id = json["id"].as_u64();
    if json["t"] == "ref" {
        let id = id.unwrap();
        return match ids.get(&id).copied() {
            _ if !follow => Some(format!("ref#{id}")),
            Some(Json::Null) | None => None,
            Some(other) => in_flash(other, ids, follow),
        };
    }
    if let Some(id) = id {
        // Open: a cycle.
        ids.insert(id, &Json::Null);
    }
    let head = id.filter(|_| !follow).map(|id| format!("#{id}")).unwrap_or_default();
    let shown = match json["t"].as_str().unwrap() {
        "null" => "null".into(),
        "bool" => v.to_string(),
        "int" => number(v.as_i64().unwrap() as f64),
        "long" => number(v.as_str().unwrap().parse::<i64>().unwrap() as f64),
        "double" => number(f64::from_bits(u64::from_str_radix(json["bits"].as_str().unwrap(), 16).unwrap())),
        "date" => format!("date {:?}", json["ms"].as_str().unwrap().parse::<i64>().unwrap() as f64),
        "string" => vector::show_units(&vector::units(json)),
        "binary" => format!("bytes {:02x?}", vector::binary(json)),
        "list" => {
            let mut items = Vec::new();
            for item in v.as_array().unwrap() {
                items.push(in_flash(item, ids, follow)?);
            }
            format!("{head}[{}]", items.join(", "))
        }
        "map" => {
            let mut entries = Vec::new();
            for entry in v.as_array().unwrap() {
                let key = string_of(&in_flash(&entry[0], ids, follow)?);
                entries.push(format!("{key}: {}", in_flash(&entry[1], ids, follow)?));
            }
            format!("{head}{{{}}}", entries.join(", "))
        }
        "object" => {
            let mut fields = Vec::new();
            for field in json["f"].as_array().unwrap() {
                fields.push(format!("{}: {}", field[0].as_str().unwrap(), in_flash(&field[1], ids, follow)?));
            }
            format!("{head}<{}>{{{}}}", json["class"].as_str().unwrap(), fields.join(", "))
        }
        _ => return None,
    };
    if let Some(id) = id {
        ids.insert(id, json);
    }
    Some(shown)
}

/// Text without the numbers of lists, maps and objects.
fn unnumbered(text: &str) -> String {
    text.split('#').map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect()
}

fn lines() -> Vec<(String, Json)> {
    vector::lines("draft")
}

#[test]
fn the_model_reads_as_the_vectors_note() {
    let (mut same, mut different, mut dead) = (0, 0, 0);
    for (name, line) in lines() {
        let bytes = vector::bytes(&line);
        let mut flash = Flash::new(&bytes);
        let found = flash.value();
        let expected = line.get("value").and_then(|value| in_flash(value, &mut BTreeMap::new(), false));
        let note = &line["readers"]["as3_2007_11"];
        match note.as_str() {
            Some(note) if note.starts_with('!') => {
                assert!(found.is_err(), "{name}: {found:?}, noted {note}");
                dead += 1;
            }
            None if line["expect"] == "error" => {}
            // A typed map is an object of a class that the movie has: the same to this model.
            Some(_) if name == "alt_map_object_as_map" => assert_eq!(found.ok(), expected),
            Some(note) if !note.starts_with("same") => {
                assert_ne!(found.as_ref().ok(), expected.as_ref(), "{name}: noted {note}");
                if let Some(noted) = note.strip_prefix('n').and_then(|noted| noted.parse().ok()) {
                    assert_eq!(found.unwrap(), number(noted), "{name}");
                }
                different += 1;
            }
            _ => {
                assert_eq!(found.unwrap(), expected.unwrap(), "{name}");
                same += 1;
            }
        }
    }
    println!("the client reads {same} lines right, {different} wrong, and is dead after {dead}");
    assert!(same > 200 && different >= 10 && dead >= 10, "{same} {different} {dead}");
}

#[test]
fn the_client_reads_what_the_profile_writes() {
    let (mut written, mut refused) = (0, Vec::new());
    for (name, line) in lines() {
        let (bytes, Some(value)) = (vector::bytes(&line), line.get("value")) else { continue };
        let graph = Graph::from_slice_with::<Draft>(&bytes, Limits::new()).unwrap();
        let mut out = Vec::new();
        match graph.encode_to::<Tutorial>(&mut out) {
            Ok(()) => {
                let mut flash = Flash::new(&out);
                let found = match flash.value() {
                    // For the caller to see to.
                    Err(error) if error.starts_with("ReferenceError") => continue,
                    found => found.unwrap_or_else(|error| panic!("{name}: {error}: {}", hex(&out))),
                };
                assert_eq!(flash.at, out.len(), "{name}");
                assert_eq!(flash.types, 0, "{name}");
                let expected = in_flash(value, &mut BTreeMap::new(), true).unwrap();
                assert_eq!(unnumbered(&found), unnumbered(&expected), "{name}");
                // Its other readers see the same lists, maps and objects.
                Graph::from_slice_with::<Tutorial>(&out, Limits::new()).unwrap();
                written += 1;
            }
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Refused(_)), "{name}: {error}");
                assert!(out.is_empty());
                refused.push(name);
            }
        }
    }
    println!("{written} values written, refused: {refused:?}");
    assert!(written > 215, "{written}");
    let expected = [
        "long_9007199254740993",
        "long_9223372036854775807",
        "long_-9223372036854775808",
        "date_-1",
        "date_-62135596800000",
        "date_-9223372036854775808",
        "map_int_keys",
        "map_null_key",
        "map_false_key",
        "remote",
        "cycle_list",
        "cycle_map",
        "cycle_obj",
        "cycle_pair",
    ];
    assert_eq!(refused, expected);
}

fn written<T: serde::Serialize>(value: &T) -> String {
    hex(&ser::to_vec_in::<Tutorial, _>(value).unwrap())
}

fn refused<T: serde::Serialize>(value: &T) -> Error {
    let error = ser::to_vec_in::<Tutorial, _>(value).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Refused(_)), "{error}");
    assert!(!error.is_malformed());
    error
}

#[test]
fn numbers() {
    assert_eq!(written(&-1.0), "6bbf800000");
    assert_eq!(written(&-129.0), "6bc3010000");
    assert_eq!(written(&2.0), "6902");
    assert_eq!(written(&300.0), "6a012c");
    assert_eq!(written(&-0.0), "6b80000000");
    assert_eq!(written(&-0.1), "44bfb999999999999a");
    assert_eq!(written(&(i64::from(i32::MIN) - 1)), "44c1e0000000200000");
    assert_eq!(written(&i64::from(i32::MIN)), "7780000000");
    assert_eq!(written(&(1i64 << 53)), "4c0020000000000000");
    assert_eq!(written(&-(1i64 << 53)), "6bda000000");
    let error = refused(&[[1, (1i64 << 53) + 1]]);
    assert_eq!(error.path(), "[0][1]");
    assert!(error.to_string().contains("a long beyond ±2^53"), "{error}");
    refused(&(-(1i64 << 53) - 1));
    refused(&Date::from_millis(-1));
    assert_eq!(written(&Date::from_millis(0)), "640000000000000000");
}

#[test]
fn maps_and_lists() {
    assert_eq!(written(&BTreeMap::from([("a", 1)])), "4d0161917a");
    refused(&BTreeMap::from([(1, 1)]));
    refused(&BTreeMap::from([(true, 1)]));
    refused(&BTreeMap::from([((), 1)]));
    let typed = unhex("7a 71 04 5b696e74 91 71 90 92");
    let graph = Graph::from_slice(&typed).unwrap();
    assert_eq!(hex(&encode::<Tutorial>(&graph)), "566e02566e01917a566e01927a7a");
    // A list of unknown length that starts with true.
    let open = Graph::from_slice(b"WT\x91Z").unwrap();
    assert_eq!(hex(&encode::<Tutorial>(&open)), "566e0254917a");
}

#[test]
fn what_is_shared_is_written_again_within_bounds() {
    let twice = unhex("7a 79 91 51 91");
    assert_eq!(hex(&encode::<Tutorial>(&Graph::from_slice(&twice).unwrap())), "566e02566e01917a566e01917a7a");
    // l0 = [], l1 = [l0, l0], l2 = [l1, l1] ... 40 times: 2^40 lists if nothing stopped it.
    let mut bytes = vec![0x58, 0x90 + 41, 0x78];
    for n in 1..=40u8 {
        bytes.extend([0x7a, 0x51, 0x90 + n, 0x51, 0x90 + n]);
    }
    let graph = Graph::from_slice(&bytes).unwrap();
    let mut out = b"before".to_vec();
    let error = graph.encode_to::<Tutorial>(&mut out).unwrap_err();
    assert_eq!(
        *error.kind(),
        ErrorKind::Limit { limit: "max_expansion", max: Limits::DEFAULT.max_expansion }
    );
    assert_eq!(out, b"before");
}

#[test]
fn a_message_has_one_value() {
    let mut decoder = <hessian::ValueDecoder>::new(Limits::new());
    let two = decoder.graph(b"\x91\x92").unwrap();
    let error = two.encode_to::<Tutorial>(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("several values"), "{error}");
}
