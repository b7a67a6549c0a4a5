//! Anything as serde sees it: references are followed, classes and types are gone.

use hessian::{Graph, Node, Value, View};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

#[derive(Debug, Clone, PartialEq)]
pub enum Plain {
    Unit,
    Bool(bool),
    Integer(i64),
    Double(u64),
    Text(String),
    Bytes(Vec<u8>),
    Seq(Vec<Self>),
    Map(Vec<(Self, Self)>),
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = Plain;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_unit<E>(self) -> Result<Plain, E> {
                Ok(Plain::Unit)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
                Ok(Plain::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Plain, E> {
                Ok(Plain::Integer(value))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Plain, E> {
                Ok(Plain::Double(value.to_bits()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Plain, E> {
                Ok(Plain::Text(text.to_owned()))
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Plain, E> {
                Ok(Plain::Bytes(bytes.to_vec()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Plain, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Plain::Seq(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Plain, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Plain::Map(entries))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

impl Plain {
    /// The first value of a graph, which must have no cycle.
    pub fn of(graph: &Graph<'_>) -> Self {
        Self::view(graph.root())
    }

    fn view(view: View<'_, '_>) -> Self {
        if let Some((ty, url)) = view.as_remote() {
            let ty = ty.map(|ty| (Self::Text("type".into()), Self::Text(ty.to_owned())));
            let url = (Self::Text("url".into()), Self::view(url));
            return Self::Map(ty.into_iter().chain([url]).collect());
        }
        match (view.node(), view.value()) {
            (Some(Node::List { .. }), _) => Self::Seq(view.values().map(Self::view).collect()),
            (Some(Node::Map { .. }), _) => {
                Self::Map(view.entries().map(|(key, value)| (Self::view(key), Self::view(value))).collect())
            }
            (Some(_), _) => Self::Map(
                view.fields().map(|(name, value)| (Self::Text(name.to_owned()), Self::view(value))).collect(),
            ),
            (None, Value::Bool(value)) => Self::Bool(*value),
            (None, Value::Int(value)) => Self::Integer((*value).into()),
            (None, Value::Long(value) | Value::Date(value)) => Self::Integer(*value),
            (None, Value::Double(value)) => Self::Double(value.to_bits()),
            (None, value) => match (value.as_str(), value.as_bytes()) {
                (Some(text), _) => Self::Text(text.to_owned()),
                (None, Some(bytes)) => Self::Bytes(bytes.to_vec()),
                (None, None) => Self::Unit,
            },
        }
    }
}
