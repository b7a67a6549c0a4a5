//! A value as the vectors' JSON describes it, made from that JSON, from a graph or from parser events.

use super::data;
use hessian::grammar::Grammar;
use hessian::{Event, Graph, Node, Parser, Value, View};
use serde_json::Value as Json;

/// A value in which nothing is equal that is not the same on the wire (but for the choice among its encodings).
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Model {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    /// The bits.
    Double(u64),
    Date(i64),
    /// UTF-16.
    Text(Vec<u16>),
    Binary(Vec<u8>),
    List {
        id: u32,
        ty: Option<String>,
        items: Vec<Self>,
    },
    Map {
        id: u32,
        ty: Option<String>,
        entries: Vec<(Self, Self)>,
    },
    Object {
        id: u32,
        class: String,
        fields: Vec<(String, Self)>,
    },
    Ref(u32),
    /// An object that lives elsewhere.
    Remote {
        ty: Option<String>,
        url: Box<Self>,
    },
}

impl Model {
    /// From the JSON of a vector.
    pub(crate) fn from_json(json: &Json) -> Result<Self, String> {
        let v = &json["v"];
        let missing = |what: &str| format!("a value without {what}: {}", shortened(&json.to_string()));
        Ok(match json["t"].as_str() {
            Some("null") => Self::Null,
            Some("bool") => Self::Bool(v.as_bool().ok_or_else(|| missing("a boolean v"))?),
            Some("int") => {
                let value = v.as_i64().and_then(|value| i32::try_from(value).ok());
                Self::Int(value.ok_or_else(|| missing("an int32 v"))?)
            }
            Some("long") => Self::Long(decimal(v).ok_or_else(|| missing("a decimal v"))?),
            Some("date") => Self::Date(decimal(&json["ms"]).ok_or_else(|| missing("a decimal ms"))?),
            Some("double") => {
                let bits = json["bits"].as_str().and_then(|bits| u64::from_str_radix(bits, 16).ok());
                Self::Double(bits.ok_or_else(|| missing("bits"))?)
            }
            Some("string") => Self::Text(data::text(json)?),
            Some("binary") => Self::Binary(data::binary(json)?),
            Some("list") => Self::List {
                id: id(json).ok_or_else(|| missing("an id"))?,
                ty: type_name(json),
                items: array(v)?.iter().map(Self::from_json).collect::<Result<_, _>>()?,
            },
            Some("map") => Self::Map {
                id: id(json).ok_or_else(|| missing("an id"))?,
                ty: type_name(json),
                entries: array(v)?
                    .iter()
                    .map(|entry| Ok((Self::from_json(&entry[0])?, Self::from_json(&entry[1])?)))
                    .collect::<Result<_, String>>()?,
            },
            Some("object") => Self::Object {
                id: id(json).ok_or_else(|| missing("an id"))?,
                class: json["class"].as_str().ok_or_else(|| missing("a class"))?.to_owned(),
                fields: array(&json["f"])?
                    .iter()
                    .map(|field| {
                        let name = field[0].as_str().ok_or_else(|| missing("field names"))?;
                        Ok((name.to_owned(), Self::from_json(&field[1])?))
                    })
                    .collect::<Result<_, String>>()?,
            },
            Some("remote") => {
                let url = json["url"].as_str().ok_or_else(|| missing("a url"))?;
                let url = Box::new(Self::Text(url.encode_utf16().collect()));
                Self::Remote { ty: type_name(json), url }
            }
            Some("ref") => Self::Ref(id(json).ok_or_else(|| missing("an id"))?),
            _ => return Err(missing("a type that is known")),
        })
    }

    /// The values of a graph: a container where it is met first, references to it after that.
    pub(crate) fn from_graph(graph: &Graph<'_>) -> Vec<Self> {
        let mut seen = vec![false; graph.len()];
        graph.roots().map(|root| Self::from_view(root, &mut seen)).collect()
    }

    fn from_view(view: View<'_, '_>, seen: &mut [bool]) -> Self {
        if let Some((ty, url)) = view.as_remote() {
            return Self::Remote { ty: ty.map(str::to_owned), url: Box::new(Self::from_view(url, seen)) };
        }
        let (Some(node), Some(id)) = (view.node(), view.id()) else { return Self::scalar(view.value()) };
        let id = id.0;
        if std::mem::replace(&mut seen[id as usize], true) {
            return Self::Ref(id);
        }
        let ty = view.type_name().filter(|name| !name.is_empty()).map(str::to_owned);
        match node {
            Node::List { .. } => {
                Self::List { id, ty, items: view.values().map(|item| Self::from_view(item, seen)).collect() }
            }
            Node::Map { .. } => {
                let entries = view
                    .entries()
                    .map(|(key, value)| (Self::from_view(key, seen), Self::from_view(value, seen)))
                    .collect();
                Self::Map { id, ty, entries }
            }
            Node::Object { .. } => {
                let fields = view
                    .fields()
                    .map(|(name, value)| (name.to_owned(), Self::from_view(value, seen)))
                    .collect();
                Self::Object { id, class: ty.unwrap_or_default(), fields }
            }
            _ => Self::Null,
        }
    }

    fn scalar(value: &Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Long(value) => Self::Long(*value),
            Value::Double(value) => Self::Double(value.to_bits()),
            Value::Date(millis) => Self::Date(*millis),
            Value::Utf16(units) => Self::Text(units.to_vec()),
            other => match (other.as_str(), other.as_bytes()) {
                (Some(text), _) => Self::Text(text.encode_utf16().collect()),
                (None, Some(bytes)) => Self::Binary(bytes.to_vec()),
                (None, None) => Self::Null,
            },
        }
    }

    /// The place and the two values where `self` (expected) and `found` differ.
    pub(crate) fn difference(&self, found: &Self) -> Option<String> {
        if self == found {
            return None;
        }
        let inside = |step: String, a: &Self, b: &Self| {
            a.difference(b).map(|what| match what.strip_prefix('.') {
                Some(what) => format!(".{step}.{what}"),
                None => format!(".{step}: {what}"),
            })
        };
        match (self, found) {
            (Self::List { id: a, ty: s, items: x }, Self::List { id: b, ty: t, items: y })
                if a == b && s == t && x.len() == y.len() =>
            {
                x.iter().zip(y).enumerate().find_map(|(index, (a, b))| inside(index.to_string(), a, b))
            }
            (Self::Map { id: a, ty: s, entries: x }, Self::Map { id: b, ty: t, entries: y })
                if a == b && s == t && x.len() == y.len() =>
            {
                x.iter().zip(y).enumerate().find_map(|(index, (a, b))| {
                    inside(format!("key{index}"), &a.0, &b.0)
                        .or_else(|| inside(format!("value{index}"), &a.1, &b.1))
                })
            }
            (Self::Object { id: a, class: s, fields: x }, Self::Object { id: b, class: t, fields: y })
                if a == b && s == t && x.iter().map(|(name, _)| name).eq(y.iter().map(|(name, _)| name)) =>
            {
                x.iter().zip(y).find_map(|(a, b)| inside(a.0.clone(), &a.1, &b.1))
            }
            _ => Some(format!("{} expected, found {}", self.brief(), found.brief())),
        }
    }

    fn brief(&self) -> String {
        match self {
            Self::Text(units) => format!("Text({} units, {:x?})", units.len(), &units[..units.len().min(8)]),
            Self::Binary(bytes) => {
                format!("Binary({} bytes, {:x?})", bytes.len(), &bytes[..bytes.len().min(8)])
            }
            Self::Double(bits) => format!("Double({bits:016x})"),
            Self::List { id, ty, items } => {
                format!("List {{ id: {id}, type: {ty:?}, {} items }}", items.len())
            }
            Self::Map { id, ty, entries } => {
                format!("Map {{ id: {id}, type: {ty:?}, {} entries }}", entries.len())
            }
            Self::Object { id, class, fields } => {
                let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
                format!("Object {{ id: {id}, class: {class:?}, fields: {names:?} }}")
            }
            other => format!("{other:?}"),
        }
    }

    /// The same value with its containers numbered from `first` less.
    fn renumbered(&self, first: u32) -> Self {
        let inside = |value: &Self| value.renumbered(first);
        match self {
            Self::List { id, ty, items } => Self::List {
                id: id.wrapping_sub(first),
                ty: ty.clone(),
                items: items.iter().map(inside).collect(),
            },
            Self::Map { id, ty, entries } => Self::Map {
                id: id.wrapping_sub(first),
                ty: ty.clone(),
                entries: entries.iter().map(|(key, value)| (inside(key), inside(value))).collect(),
            },
            Self::Object { id, class, fields } => Self::Object {
                id: id.wrapping_sub(first),
                class: class.clone(),
                fields: fields.iter().map(|(name, value)| (name.clone(), inside(value))).collect(),
            },
            Self::Ref(id) => Self::Ref(id.wrapping_sub(first)),
            other => other.clone(),
        }
    }

    /// The number of its container, if it is one.
    fn id(&self) -> Option<u32> {
        match self {
            Self::List { id, .. } | Self::Map { id, .. } | Self::Object { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// [`difference`](Self::difference) to one of several values of a message. Where there are several some
    /// descriptions number the containers of each from 0, not those of the message.
    pub(crate) fn difference_among(&self, found: &Self) -> Option<String> {
        match (self.id(), found.id()) {
            (Some(0), Some(first)) if first > 0 => self.difference(&found.renumbered(first)),
            _ => self.difference(found),
        }
    }

    /// True when it or something in it is one that `test` says.
    pub(crate) fn any(&self, test: &impl Fn(&Self) -> bool) -> bool {
        test(self)
            || match self {
                Self::List { items, .. } => items.iter().any(|item| item.any(test)),
                Self::Map { entries, .. } => entries.iter().any(|(k, v)| k.any(test) || v.any(test)),
                Self::Object { fields, .. } => fields.iter().any(|(_, value)| value.any(test)),
                _ => false,
            }
    }
}

fn decimal(json: &Json) -> Option<i64> {
    json.as_str()?.parse().ok()
}

fn id(json: &Json) -> Option<u32> {
    json["id"].as_u64().and_then(|id| u32::try_from(id).ok())
}

/// An empty type name is as good as none.
fn type_name(json: &Json) -> Option<String> {
    json["type"].as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

pub(crate) fn array(json: &Json) -> Result<&[Json], String> {
    json.as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| format!("an array expected, found {}", shortened(&json.to_string())))
}

pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(80) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Builds models from the events of a parser.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    open: Vec<Open>,
    /// The type of a remote object whose place comes next.
    remote: Option<Option<String>>,
    text: Vec<u16>,
    bytes: Vec<u8>,
    /// Lists, maps and objects so far.
    count: u32,
    values: Vec<Model>,
}

#[derive(Debug)]
enum Open {
    List { id: u32, ty: Option<String>, items: Vec<Model> },
    Map { id: u32, ty: Option<String>, items: Vec<Model> },
    Object { id: u32, class: String, names: Vec<String>, items: Vec<Model> },
}

impl Recorder {
    pub(crate) fn event<G: Grammar>(&mut self, event: &Event<'_>, parser: &Parser<G>) -> Result<(), String> {
        let model = match *event {
            Event::Null => Model::Null,
            Event::Bool(value) => Model::Bool(value),
            Event::Int(value) => Model::Int(value),
            Event::Long(value) => Model::Long(value),
            Event::Double(value) => Model::Double(value.to_bits()),
            Event::Date(millis) => Model::Date(millis),
            Event::Text { text, last } => {
                self.text.extend(text.encode_utf16());
                if !last {
                    return Ok(());
                }
                Model::Text(std::mem::take(&mut self.text))
            }
            Event::Surrogate { unit, last } => {
                self.text.push(unit);
                if !last {
                    return Ok(());
                }
                Model::Text(std::mem::take(&mut self.text))
            }
            Event::Binary { bytes, last } => {
                self.bytes.extend_from_slice(bytes);
                if !last {
                    return Ok(());
                }
                Model::Binary(std::mem::take(&mut self.bytes))
            }
            Event::List { ty, .. } => {
                let ty = ty.map(|ty| parser.type_name(ty).to_owned());
                let id = self.number();
                self.open.push(Open::List { id, ty, items: Vec::new() });
                return Ok(());
            }
            Event::Map { ty } => {
                let ty = ty.map(|ty| parser.type_name(ty).to_owned());
                let id = self.number();
                self.open.push(Open::Map { id, ty, items: Vec::new() });
                return Ok(());
            }
            Event::Object { class } => {
                let names = parser.field_names(class).map(str::to_owned).collect();
                let class = parser.class_name(class).to_owned();
                let id = self.number();
                self.open.push(Open::Object { id, class, names, items: Vec::new() });
                return Ok(());
            }
            Event::Reference(id) => Model::Ref(id.0),
            Event::Remote { ty } => {
                self.remote = Some(ty.map(|ty| parser.type_name(ty).to_owned()));
                return Ok(());
            }
            Event::Definition(_) => return Ok(()),
            Event::End => self.close()?,
            _ => return Err(format!("an event that is not known: {event:?}")),
        };
        let model = match self.remote.take() {
            Some(ty) => Model::Remote { ty, url: Box::new(model) },
            None => model,
        };
        match self.open.last_mut() {
            Some(Open::List { items, .. } | Open::Map { items, .. } | Open::Object { items, .. }) => {
                items.push(model);
            }
            None => self.values.push(model),
        }
        Ok(())
    }

    fn number(&mut self) -> u32 {
        self.count += 1;
        self.count - 1
    }

    fn close(&mut self) -> Result<Model, String> {
        match self.open.pop() {
            Some(Open::List { id, ty, items }) => Ok(Model::List { id, ty, items }),
            Some(Open::Map { id, ty, items }) => {
                let mut entries = Vec::new();
                let mut items = items.into_iter();
                while let Some(key) = items.next() {
                    entries.push((key, items.next().ok_or("a map that ends after a key")?));
                }
                Ok(Model::Map { id, ty, entries })
            }
            Some(Open::Object { id, class, names, items }) => {
                if names.len() != items.len() {
                    return Err(format!("{} values for {} fields", items.len(), names.len()));
                }
                Ok(Model::Object { id, class, fields: names.into_iter().zip(items).collect() })
            }
            None => Err("an end without a beginning".into()),
        }
    }

    /// The values that are complete.
    pub(crate) fn finish(self) -> Result<Vec<Model>, String> {
        match self.open.len() {
            0 => Ok(self.values),
            open => Err(format!("{open} containers have not ended")),
        }
    }
}
