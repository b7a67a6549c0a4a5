//! Caucho's test service in Rust: the values of `testhessian2.jsonl`, each in the Rust type that is natural for it.

use base64::Engine;
use hessian::rpc::ServiceFault;
use hessian::service::Methods;
use hessian::{Binary, Date, Graph, GraphBuilder, RefId, Value, View};
use serde::de::DeserializeOwned;
use serde::{Serialize, Serializer};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::io::Read;

use super::process;

/// One line of the vectors: the method `replyNAME` returns the value, `argNAME` wants it.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) method: String,
    pub(crate) value: Option<Typed>,
}

/// A value in a type.
#[derive(Debug, Clone)]
pub(crate) enum Typed {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Date(Date),
    Text(String),
    Binary(Binary),
    /// Lists, maps and objects of any class.
    Any(Graph<'static>),
}

/// The vectors. They tell each value twice, as bytes and in words: these are made from the words.
pub(crate) fn lines() -> Vec<Line> {
    let text = std::fs::read_to_string(process::vectors()).expect("the vectors");
    text.lines()
        .map(|line| {
            let line: Json = serde_json::from_str(line).expect("a line of JSON");
            let value = line.get("value").or_else(|| line.pointer("/call/args/0")).map(Typed::of);
            Line { method: line["name"].as_str().expect("a name").to_owned(), value }
        })
        .collect()
}

impl Typed {
    fn of(json: &Json) -> Self {
        match scalar(json) {
            Some(value) => value,
            None => {
                let mut builder = GraphBuilder::new();
                let root = build(json, &mut builder, &mut HashMap::new());
                Self::Any(builder.finish(root))
            }
        }
    }

    fn into_value(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::Int(value),
            Self::Long(value) => Value::Long(value),
            Self::Double(value) => Value::Double(value),
            Self::Date(value) => Value::Date(value.millis),
            Self::Text(value) => Value::OwnedStr(value.into()),
            Self::Binary(value) => Value::OwnedBinary(value.to_vec().into()),
            Self::Any(_) => unreachable!("a container is built by its parent"),
        }
    }

    /// As [`describe`] tells it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Any(graph) => describe(graph.root()),
            scalar => describe(Graph::scalar(scalar.clone().into_value()).root()),
        }
    }
}

fn scalar(json: &Json) -> Option<Typed> {
    let text = |name: &str| json[name].as_str().expect("text");
    Some(match text("t") {
        "null" => Typed::Null,
        "bool" => Typed::Bool(json["v"].as_bool().expect("a boolean")),
        "int" => Typed::Int(json["v"].as_i64().and_then(|int| int.try_into().ok()).expect("an int")),
        "long" => Typed::Long(text("v").parse().expect("a long")),
        "double" => {
            Typed::Double(f64::from_bits(u64::from_str_radix(text("bits"), 16).expect("a bit pattern")))
        }
        "date" => Typed::Date(Date::from_millis(text("ms").parse().expect("milliseconds"))),
        "string" => Typed::Text(match json.get("v") {
            Some(plain) => plain.as_str().expect("text").to_owned(),
            None => String::from_utf8(unpack(text("utf8_gz_b64"))).expect("UTF-8"),
        }),
        "binary" => Typed::Binary(match (json.get("hex"), json.get("rep")) {
            (Some(hex), _) => unhex(hex.as_str().expect("hex")).into(),
            (_, Some(rep)) => {
                let unit = |part: &Json| {
                    let count = part[1].as_u64().expect("a count") as usize;
                    unhex(part[0].as_str().expect("hex")).repeat(count)
                };
                rep.as_array().expect("parts").iter().flat_map(unit).collect::<Vec<u8>>().into()
            }
            _ => unpack(text("gz_b64")).into(),
        }),
        _ => return None,
    })
}

fn build(json: &Json, builder: &mut GraphBuilder<'static>, ids: &mut HashMap<u64, RefId>) -> Value<'static> {
    if let Some(scalar) = scalar(json) {
        return scalar.into_value();
    }
    let id = json["id"].as_u64().expect("an id");
    let parts = |name: &str| json[name].as_array().expect("parts");
    let made = match json["t"].as_str() {
        Some("ref") => ids[&id],
        Some("list") => {
            let list = builder.list(json["type"].as_str());
            ids.insert(id, list);
            for item in parts("v") {
                let item = build(item, builder, ids);
                builder.push(list, item);
            }
            list
        }
        Some("map") => {
            let map = builder.map(json["type"].as_str());
            ids.insert(id, map);
            for entry in parts("v") {
                let key = build(&entry[0], builder, ids);
                let value = build(&entry[1], builder, ids);
                builder.entry(map, key, value);
            }
            map
        }
        _ => {
            let object = builder.object(json["class"].as_str().expect("a class"), []);
            ids.insert(id, object);
            for field in parts("f") {
                let value = build(&field[1], builder, ids);
                builder.field(object, field[0].as_str().expect("a name"), value);
            }
            object
        }
    };
    Value::Node(made)
}

fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex"))
        .collect()
}

fn unpack(packed: &str) -> Vec<u8> {
    let packed = base64::engine::general_purpose::STANDARD.decode(packed).expect("base64");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut bytes).expect("gzip");
    bytes
}

/// A value as text: equal texts are equal values. Lists, maps and objects are numbered; an object is told as the typed map that it is in
/// Hessian 1, and an untyped map as the `HashMap` that it is to Java.
pub(crate) fn describe(view: View<'_, '_>) -> String {
    let mut seen = HashMap::new();
    let mut out = String::new();
    write(view, &mut seen, &mut out);
    out
}

fn write(view: View<'_, '_>, seen: &mut HashMap<RefId, usize>, out: &mut String) {
    let Some(id) = view.id() else {
        return out.push_str(&match view.value() {
            Value::OwnedStr(text) => format!("{text:?}"),
            Value::Str(text) => format!("{text:?}"),
            Value::OwnedBinary(bytes) => format!("binary {bytes:?}"),
            Value::Binary(bytes) => format!("binary {bytes:?}"),
            other => format!("{other:?}"),
        });
    };
    if let Some(number) = seen.get(&id) {
        return out.push_str(&format!("ref #{number}"));
    }
    seen.insert(id, seen.len());
    let is_map = view.entries().len() > 0 || matches!(view.node(), Some(hessian::Node::Map { .. }));
    out.push_str(view.type_name().unwrap_or(if is_map { "java.util.HashMap" } else { "" }));
    out.push_str(if matches!(view.node(), Some(hessian::Node::List { .. })) { "[" } else { "{" });
    for (key, value) in view.entries() {
        write(key, seen, out);
        out.push('=');
        write(value, seen, out);
        out.push(' ');
    }
    for (name, value) in view.fields() {
        out.push_str(&format!("{name:?}="));
        write(value, seen, out);
        out.push(' ');
    }
    if matches!(view.node(), Some(hessian::Node::List { .. })) {
        for item in view.items() {
            write(item, seen, out);
            out.push(' ');
        }
    }
    out.push(']');
}

/// What `arg…` answers: true, or what was wrong.
#[derive(Debug)]
struct Answer(Result<(), String>);

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Ok(()) => serializer.serialize_bool(true),
            Err(wrong) => serializer.serialize_str(wrong),
        }
    }
}

/// The service: every method of the vectors.
pub(crate) fn methods() -> Methods {
    let mut methods = Methods::new().interface("com.caucho.hessian.test.TestHessian2");
    for Line { method, value } in lines() {
        methods = match value {
            None => methods.method(&method, async || Ok::<_, ServiceFault>(())),
            Some(Typed::Null) => one(methods, &method, ()),
            Some(Typed::Bool(value)) => one(methods, &method, value),
            Some(Typed::Int(value)) => one(methods, &method, value),
            Some(Typed::Long(value)) => one(methods, &method, value),
            Some(Typed::Double(value)) => one(methods, &method, value),
            Some(Typed::Date(value)) => one(methods, &method, value),
            Some(Typed::Text(value)) => one(methods, &method, value),
            Some(Typed::Binary(value)) => one(methods, &method, value),
            Some(Typed::Any(value)) if method.starts_with("reply") => {
                methods.method(&method, move || std::future::ready(Ok::<_, ServiceFault>(value.clone())))
            }
            Some(Typed::Any(value)) => {
                let wanted = describe(value.root());
                methods.method(&method, move |found: Graph<'static>| {
                    let found = describe(found.root());
                    let answer =
                        if found == wanted { Ok(()) } else { Err(format!("wanted {wanted}, not {found}")) };
                    std::future::ready(Ok::<_, ServiceFault>(Answer(answer)))
                })
            }
        };
    }
    methods
}

/// A method whose argument or result has a type of its own.
fn one<T>(methods: Methods, method: &str, value: T) -> Methods
where
    T: Serialize + DeserializeOwned + Clone + PartialEq + std::fmt::Debug + Send + Sync + 'static,
{
    if method.starts_with("reply") {
        return methods.method(method, move || std::future::ready(Ok::<_, ServiceFault>(value.clone())));
    }
    methods.method(method, move |found: T| {
        let answer = if found == value { Ok(()) } else { Err(format!("wanted {value:?}, not {found:?}")) };
        std::future::ready(Ok::<_, ServiceFault>(Answer(answer)))
    })
}
