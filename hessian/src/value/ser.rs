//! Graphs through serde: into other formats as trees, into Hessian without loss; from any format.

use super::{Class, Graph, GraphBuilder, Node, Remote, RemoteId, Value, View, Walk};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, RefId, TypeId};
use crate::limits::Limits;
use crate::magic;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{self, Serialize, SerializeMap, SerializeSeq, Serializer};
use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;

/// A graph of what `value` is in Hessian. Encodes and decodes it: O(size), one copy.
///
/// # Errors
/// As [`to_vec`](crate::to_vec).
pub fn to_graph<T: Serialize + ?Sized>(value: &T) -> Result<Graph<'static>> {
    let encoded = crate::to_vec(value)?;
    Ok(Graph::from_slice_with::<crate::grammar::Final>(&encoded, Limits::UNBOUNDED)?.into_owned())
}

impl<'de> View<'_, 'de> {
    /// A graph of its own of what this value reaches. Copies it: O(size of that part).
    #[must_use]
    pub fn to_graph(self) -> Graph<'de> {
        let Ok(graph) = self.copy(|_, _| Ok::<(), Infallible>(()));
        graph
    }

    /// As [`to_graph`](Self::to_graph), after `take` has agreed to each list, map and object: its number and what it holds.
    pub(super) fn copy<E>(
        self,
        mut take: impl FnMut(u32, &[Value<'de>]) -> Result<(), E>,
    ) -> Result<Graph<'de>, E> {
        let mut copy =
            Copy { of: self.graph, numbers: HashMap::new(), pending: Vec::new(), remotes: Vec::new() };
        let mut nodes = Vec::new();
        let mut values: Vec<Value<'de>> = Vec::new();
        let mut types = HashMap::new();
        let root = copy.value(self.value, &mut types);
        let mut classes = HashMap::new();
        let mut at = 0;
        while let Some(&id) = copy.pending.get(at) {
            at += 1;
            let mut node = self.graph.nodes[id as usize];
            let start = super::builder::length(values.len());
            let inside = &self.graph.values[node.span().range()];
            take(id, inside)?;
            values.extend(inside.iter().map(|value| copy.value(value, &mut types)));
            match &mut node {
                Node::List { items, ty, .. } => {
                    items.start = start;
                    renumber(ty, &mut types);
                }
                Node::Map { entries, ty } => {
                    entries.start = start;
                    renumber(ty, &mut types);
                }
                Node::Object { class, fields } => {
                    fields.start = start;
                    let next = super::builder::length(classes.len());
                    *class = ClassId(*classes.entry(class.0).or_insert(next));
                }
            }
            nodes.push(node);
        }
        Ok(Graph {
            roots: smallvec::smallvec![root],
            nodes,
            values,
            classes: in_order(classes, |id| self.graph.classes[id].clone()),
            types: in_order(types, |id| self.graph.types[id].clone()),
            remotes: copy.remotes,
        })
    }
}

struct Copy<'g, 'de> {
    of: &'g Graph<'de>,
    numbers: HashMap<u32, u32>,
    pending: Vec<u32>,
    remotes: Vec<Remote<'de>>,
}

impl<'de> Copy<'_, 'de> {
    fn value(&mut self, value: &Value<'de>, types: &mut HashMap<u32, u32>) -> Value<'de> {
        let id = match value {
            Value::Node(id) => *id,
            Value::Remote(id) => {
                let mut remote = self.of.remotes[id.0 as usize].clone();
                renumber(&mut remote.ty, types);
                self.remotes.push(remote);
                return Value::Remote(RemoteId(super::builder::length(self.remotes.len() - 1)));
            }
            scalar => return scalar.clone(),
        };
        debug_assert!(self.of.node(id).is_some());
        let next = super::builder::length(self.pending.len());
        let number = *self.numbers.entry(id.0).or_insert(next);
        if number == next {
            self.pending.push(id.0);
        }
        Value::Node(RefId(number))
    }
}

fn renumber(ty: &mut Option<TypeId>, types: &mut HashMap<u32, u32>) {
    if let Some(ty) = ty {
        let next = super::builder::length(types.len());
        *ty = TypeId(*types.entry(ty.0).or_insert(next));
    }
}

fn in_order<T>(numbers: HashMap<u32, u32>, get: impl Fn(usize) -> T) -> Vec<T> {
    let mut order: Vec<(u32, u32)> = numbers.into_iter().map(|(id, number)| (number, id)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, id)| get(id as usize)).collect()
}

impl Serialize for Graph<'_> {
    /// The first value, see [`View`].
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.root().serialize(serializer)
    }
}

impl Serialize for View<'_, '_> {
    /// Into Hessian: itself, nothing is lost; references go no further than what this value reaches.
    ///
    /// Into other formats a tree: lists as sequences, maps as maps, objects as maps of their fields, dates as numbers of
    /// milliseconds, shared parts each time. Class and type names are left out; `hessian::json` keeps them. Cycles,
    /// text that is no Unicode, nesting deeper than the default of [`Limits::max_depth`], and more that is told again than
    /// that of [`Limits::max_expansion`] are errors.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(magic::GRAPH, &Content(*self))
    }
}

/// What stands in the newtype [`magic::GRAPH`].
struct Content<'g, 'de>(View<'g, 'de>);

impl Serialize for Content<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if magic::is_graph_wanted().is_some() {
            magic::give_graph(self.0.to_graph().into_owned());
            return serializer.serialize_unit();
        }
        Tree { view: self.0, walk: &Walk::new(&Limits::DEFAULT) }.serialize(serializer)
    }
}

struct Tree<'w, 'g, 'de> {
    view: View<'g, 'de>,
    walk: &'w Walk,
}

impl<'g, 'de> Tree<'_, 'g, 'de> {
    fn child(&self, view: View<'g, 'de>) -> Self {
        Tree { view, walk: self.walk }
    }

    fn container<S: Serializer>(&self, id: RefId, serializer: S) -> Result<S::Ok, S::Error> {
        let inside =
            self.walk.enter(self.view, id).map_err(|error| magic::carry(error, ser::Error::custom))?;
        let done = match self.view.node() {
            Some(Node::List { items, .. }) => {
                let mut seq = serializer.serialize_seq(Some(items.len as usize))?;
                for item in self.view.values() {
                    seq.serialize_element(&self.child(item))?;
                }
                seq.end()
            }
            Some(Node::Map { entries, .. }) => {
                let mut map = serializer.serialize_map(Some(entries.len as usize / 2))?;
                for (key, value) in self.view.entries() {
                    map.serialize_entry(&self.child(key), &self.child(value))?;
                }
                map.end()
            }
            _ => {
                let mut map = serializer.serialize_map(Some(self.view.values().len()))?;
                for (name, value) in self.view.fields() {
                    self.walk.name(name).map_err(|error| magic::carry(error, ser::Error::custom))?;
                    map.serialize_entry(name, &self.child(value))?;
                }
                map.end()
            }
        };
        self.walk.leave(inside);
        done
    }
}

impl Serialize for Tree<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.walk.value(self.view).map_err(|error| magic::carry(error, ser::Error::custom))?;
        match self.view.value() {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i32(*value),
            Value::Long(value) | Value::Date(value) => serializer.serialize_i64(*value),
            Value::Double(value) => serializer.serialize_f64(*value),
            Value::Str(text) => serializer.serialize_str(text),
            Value::OwnedStr(text) => serializer.serialize_str(text),
            Value::Utf16(_) => Err(ser::Error::custom(ErrorKind::LoneSurrogate)),
            Value::Binary(bytes) => serializer.serialize_bytes(bytes),
            Value::OwnedBinary(bytes) => serializer.serialize_bytes(bytes),
            Value::Remote(_) => {
                let (ty, url) = self.view.as_remote().unwrap_or((None, self.view));
                self.walk
                    .name(ty.unwrap_or_default())
                    .map_err(|error| magic::carry(error, ser::Error::custom))?;
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("type", &ty)?;
                map.serialize_entry("url", &self.child(url))?;
                map.end()
            }
            Value::Node(id) => self.container(*id, serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Graph<'static> {
    /// From Hessian: the value as it is, also inside typed data; references out of it are followed (a cycle through what
    /// encloses it is an error). Copies text and bytes; [`Graph::from_slice`] borrows them.
    ///
    /// From other formats: maps, lists and scalars; whole numbers are ints where they fit, else longs.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Graph<'static>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any value")
            }
            /// The deserializer of this crate has handed it over.
            fn visit_unit<E: de::Error>(self) -> Result<Graph<'static>, E> {
                magic::take_graph().ok_or_else(|| E::custom("no graph was handed over"))
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Self::Value, D::Error> {
                let mut builder = GraphBuilder::new();
                let root = de::DeserializeSeed::deserialize(Seed(&mut builder), deserializer)?;
                Ok(builder.finish(root))
            }
        }

        deserializer.deserialize_newtype_struct(magic::GRAPH, Visitor)
    }
}

/// Takes any value of any format into a builder.
struct Seed<'b>(&'b mut GraphBuilder<'static>);

impl<'de> de::DeserializeSeed<'de> for Seed<'_> {
    type Value = Value<'static>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Seed<'_> {
    type Value = Value<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }
    fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(i32::try_from(value).map_or(Value::Long(value), Value::Int))
    }
    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Self::Value, E> {
        let value = i64::try_from(value).map_err(|_| {
            E::custom(Error::new(ErrorKind::Unrepresentable("an integer above 9223372036854775807")))
        })?;
        self.visit_i64(value)
    }
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(value.into())
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.to_owned().into())
    }
    fn visit_string<E: de::Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(text.into())
    }
    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
        Ok(bytes.to_vec().into())
    }
    fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
        Ok(bytes.into())
    }
    fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let list = self.0.list(None);
        while let Some(value) = seq.next_element_seed(Seed(self.0))? {
            self.0.push(list, value);
        }
        Ok(list.into())
    }
    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let id = self.0.map(None);
        while let Some(key) = map.next_key_seed(Seed(self.0))? {
            let value = map.next_value_seed(Seed(self.0))?;
            self.0.entry(id, key, value);
        }
        Ok(id.into())
    }
}

/// For messages: a class as `example.AddString { value }`.
impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {{", self.name)?;
        for (index, field) in self.fields.iter().enumerate() {
            write!(f, "{}{field}", if index == 0 { " " } else { ", " })?;
        }
        f.write_str(if self.fields.is_empty() { "}" } else { " }" })
    }
}
