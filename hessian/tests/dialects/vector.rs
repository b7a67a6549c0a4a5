//! The lines of a file of vectors, and values as text: what a line describes, what a graph holds, what events tell.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hessian::grammar::Grammar;
use hessian::{Event, Graph, Node, Parser, Value, View};
use serde_json::Value as Json;
use std::fmt::Write;
use std::io::Read;

/// Each line of a file with its name.
pub(crate) fn lines(file: &str) -> Vec<(String, Json)> {
    let path = format!("{}/tests/vectors/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let json = |line| serde_json::from_str::<Json>(line).unwrap();
    text.lines().map(json).map(|line| (line["name"].as_str().unwrap().to_owned(), line)).collect()
}

pub(crate) fn bytes(line: &Json) -> Vec<u8> {
    let bytes = match line["hex"].as_str() {
        Some(hex) => unhex(hex),
        None => unpack(&line["hex_gz_b64"]),
    };
    assert!(line["len"].as_u64().is_none_or(|len| len == bytes.len() as u64));
    bytes
}

pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn unpack(json: &Json) -> Vec<u8> {
    let packed = STANDARD.decode(json.as_str().expect("base64")).unwrap();
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(&*packed).read_to_end(&mut bytes).unwrap();
    bytes
}

fn repeated<T: Copy>(rep: &Json, unit: impl Fn(&str) -> Vec<T>) -> Vec<T> {
    let parts = rep.as_array().expect("rep").iter();
    parts
        .flat_map(|part| unit(part[0].as_str().unwrap()).repeat(part[1].as_u64().unwrap() as usize))
        .collect()
}

/// The units of a string that a line describes.
pub(crate) fn units(json: &Json) -> Vec<u16> {
    let wide = |bytes: Vec<u8>| bytes.chunks(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect();
    if let Some(text) = json["v"].as_str() {
        text.encode_utf16().collect()
    } else if let Some(hex) = json["utf16"].as_str() {
        wide(unhex(hex))
    } else if json.get("utf16_gz_b64").is_some() {
        wide(unpack(&json["utf16_gz_b64"]))
    } else if json.get("utf8_gz_b64").is_some() {
        String::from_utf8(unpack(&json["utf8_gz_b64"])).unwrap().encode_utf16().collect()
    } else {
        repeated(&json["rep"], |unit| unit.encode_utf16().collect())
    }
}

pub(crate) fn binary(json: &Json) -> Vec<u8> {
    match json["hex"].as_str() {
        Some(hex) => unhex(hex),
        None if json.get("gz_b64").is_some() => unpack(&json["gz_b64"]),
        None => repeated(&json["rep"], unhex),
    }
}

pub(crate) fn show_units(units: &[u16]) -> String {
    match String::from_utf16(units) {
        Ok(text) => format!("{text:?}"),
        Err(_) => format!("utf16 {units:x?}"),
    }
}

fn show_type(ty: Option<&str>) -> String {
    ty.filter(|ty| !ty.is_empty()).map(|ty| format!("<{ty}>")).unwrap_or_default()
}

/// What a line describes.
pub(crate) fn described(json: &Json) -> String {
    let items = |list: &Json| list.as_array().unwrap().iter().map(described).collect::<Vec<_>>().join(", ");
    let pairs = |list: &Json, key: fn(&Json) -> String| {
        let pairs = list.as_array().unwrap().iter();
        pairs.map(|pair| format!("{}: {}", key(&pair[0]), described(&pair[1]))).collect::<Vec<_>>().join(", ")
    };
    let (v, id, ty) = (&json["v"], &json["id"], show_type(json["type"].as_str()));
    match json["t"].as_str().unwrap() {
        "null" => "null".into(),
        "bool" => v.to_string(),
        "int" => format!("int {v}"),
        "long" => format!("long {}", v.as_str().unwrap()),
        "double" => format!("double {}", json["bits"].as_str().unwrap()),
        "date" => format!("date {}", json["ms"].as_str().unwrap()),
        "string" => show_units(&units(json)),
        "binary" => format!("bytes {:02x?}", binary(json)),
        "list" => format!("list#{id}{ty}[{}]", items(v)),
        "map" => format!("map#{id}{ty}{{{}}}", pairs(v, described)),
        "object" => {
            let class = show_type(json["class"].as_str());
            format!("object#{id}{class}{{{}}}", pairs(&json["f"], |name| name.as_str().unwrap().into()))
        }
        "ref" => format!("#{id}"),
        "remote" => format!("remote{ty} {:?}", json["url"].as_str().unwrap()),
        other => panic!("a value of type {other}"),
    }
}

/// What a graph holds, root by root.
pub(crate) fn shown(graph: &Graph<'_>) -> Vec<String> {
    let mut seen = vec![false; graph.len()];
    graph.roots().map(|root| show(root, &mut seen)).collect()
}

fn show(view: View<'_, '_>, seen: &mut [bool]) -> String {
    let Some(node) = view.node() else {
        if let Some((ty, url)) = view.as_remote() {
            return format!("remote{} {}", show_type(ty), show(url, seen));
        }
        return match view.value() {
            Value::Null => "null".into(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => format!("int {value}"),
            Value::Long(value) => format!("long {value}"),
            Value::Double(value) => format!("double {:016x}", value.to_bits()),
            Value::Date(millis) => format!("date {millis}"),
            Value::Utf16(units) => show_units(units),
            _ => match (view.as_str(), view.as_bytes()) {
                (Some(text), _) => format!("{text:?}"),
                (_, Some(bytes)) => format!("bytes {bytes:02x?}"),
                _ => panic!("{view:?}"),
            },
        };
    };
    let id = view.id().unwrap().0;
    if std::mem::replace(&mut seen[id as usize], true) {
        return format!("#{id}");
    }
    let ty = show_type(view.type_name());
    let mut parts = Vec::new();
    match node {
        Node::List { .. } => {
            view.values().for_each(|item| parts.push(show(item, seen)));
            format!("list#{id}{ty}[{}]", parts.join(", "))
        }
        Node::Map { .. } => {
            for (key, value) in view.entries() {
                let key = show(key, seen);
                parts.push(format!("{key}: {}", show(value, seen)));
            }
            format!("map#{id}{ty}{{{}}}", parts.join(", "))
        }
        _ => {
            view.fields().for_each(|(name, value)| parts.push(format!("{name}: {}", show(value, seen))));
            format!("object#{id}{ty}{{{}}}", parts.join(", "))
        }
    }
}

/// What the events of a parser tell.
#[derive(Default)]
pub(crate) struct Events {
    text: Vec<u16>,
    bytes: Vec<u8>,
    count: u32,
    remote: Option<String>,
    open: Vec<Open>,
    pub(crate) values: Vec<String>,
}

struct Open {
    head: String,
    brackets: [char; 2],
    /// The names of an object's fields.
    names: Option<Vec<String>>,
    parts: Vec<String>,
}

impl Events {
    pub(crate) fn add<G: Grammar>(&mut self, event: Event<'_>, parser: &Parser<G>) {
        let ty = |ty: Option<_>| show_type(ty.map(|ty| parser.type_name(ty)));
        let value = match event {
            Event::Null => "null".into(),
            Event::Bool(value) => value.to_string(),
            Event::Int(value) => format!("int {value}"),
            Event::Long(value) => format!("long {value}"),
            Event::Double(value) => format!("double {:016x}", value.to_bits()),
            Event::Date(millis) => format!("date {millis}"),
            Event::Text { text, last } => {
                self.text.extend(text.encode_utf16());
                match self.text(last) {
                    Some(text) => text,
                    None => return,
                }
            }
            Event::Surrogate { unit, last } => {
                self.text.push(unit);
                match self.text(last) {
                    Some(text) => text,
                    None => return,
                }
            }
            Event::Binary { bytes, last } => {
                self.bytes.extend_from_slice(bytes);
                if !last {
                    return;
                }
                format!("bytes {:02x?}", std::mem::take(&mut self.bytes))
            }
            Event::List { ty: name, .. } => return self.open("list", &ty(name), ['[', ']'], None),
            Event::Map { ty: name } => return self.open("map", &ty(name), ['{', '}'], None),
            Event::Object { class } => {
                let names = parser.field_names(class).map(str::to_owned).collect();
                let class = show_type(Some(parser.class_name(class)));
                return self.open("object", &class, ['{', '}'], Some(names));
            }
            Event::Remote { ty: name } => {
                self.remote = Some(ty(name));
                return;
            }
            Event::Reference(id) => format!("#{}", id.0),
            Event::Definition(_) => return,
            Event::End => self.close(),
            other => panic!("{other:?}"),
        };
        match self.open.last_mut() {
            Some(open) => open.parts.push(value),
            None => self.values.push(value),
        }
    }

    fn text(&mut self, last: bool) -> Option<String> {
        if !last {
            return None;
        }
        let text = show_units(&std::mem::take(&mut self.text));
        match self.remote.take() {
            Some(ty) => Some(format!("remote{ty} {text}")),
            None => Some(text),
        }
    }

    fn open(&mut self, kind: &str, ty: &str, brackets: [char; 2], names: Option<Vec<String>>) {
        let head = format!("{kind}#{}{ty}", self.count);
        self.count += 1;
        self.open.push(Open { head, brackets, names, parts: Vec::new() });
    }

    fn close(&mut self) -> String {
        let Open { head, brackets: [open, close], names, parts } = self.open.pop().unwrap();
        let parts = match names {
            Some(names) => {
                assert_eq!(names.len(), parts.len());
                names.iter().zip(&parts).map(|(name, part)| format!("{name}: {part}")).collect()
            }
            None if open == '{' => parts.chunks(2).map(|pair| pair.join(": ")).collect(),
            None => parts,
        };
        let mut shown = head;
        write!(shown, "{open}{}{close}", parts.join(", ")).unwrap();
        shown
    }
}
