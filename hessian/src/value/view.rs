//! Looking at a graph.

use super::{Class, Graph, Node, Value};
use crate::date::Date;
use crate::event::RefId;
use std::sync::Arc;

/// A value together with the graph it belongs to. Copies nothing.
#[derive(Debug, Clone, Copy)]
pub struct View<'g, 'de> {
    pub(super) graph: &'g Graph<'de>,
    pub(super) value: &'g Value<'de>,
}

impl<'g, 'de> View<'g, 'de> {
    pub(super) fn new(graph: &'g Graph<'de>, value: &'g Value<'de>) -> Self {
        Self { graph, value }
    }

    /// The cell itself.
    #[must_use]
    pub fn value(self) -> &'g Value<'de> {
        self.value
    }

    fn at(self, value: &'g Value<'de>) -> Self {
        Self { graph: self.graph, value }
    }

    /// The number of the list, map or object; two values with the same number are one.
    #[must_use]
    pub fn id(self) -> Option<RefId> {
        match self.value {
            Value::Node(id) => Some(*id),
            _ => None,
        }
    }

    /// The list, map or object.
    #[must_use]
    pub fn node(self) -> Option<&'g Node> {
        self.graph.node(self.id()?)
    }

    /// True for null.
    #[must_use]
    pub fn is_null(self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// A boolean.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// An int.
    #[must_use]
    pub fn as_i32(self) -> Option<i32> {
        match self.value {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// An int or long.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self.value {
            Value::Int(value) => Some((*value).into()),
            Value::Long(value) => Some(*value),
            _ => None,
        }
    }

    /// A double; an int, as one.
    #[must_use]
    pub fn as_f64(self) -> Option<f64> {
        match self.value {
            Value::Double(value) => Some(*value),
            Value::Int(value) => Some((*value).into()),
            _ => None,
        }
    }

    /// A date.
    #[must_use]
    pub fn as_date(self) -> Option<Date> {
        match self.value {
            Value::Date(millis) => Some(Date::from_millis(*millis)),
            _ => None,
        }
    }

    /// Text, if Rust can hold it.
    #[must_use]
    pub fn as_str(self) -> Option<&'g str> {
        self.value.as_str()
    }

    /// Bytes.
    #[must_use]
    pub fn as_bytes(self) -> Option<&'g [u8]> {
        self.value.as_bytes()
    }

    /// An object that lives elsewhere: the name of its interface, if told, and where it lives.
    #[must_use]
    pub fn as_remote(self) -> Option<(Option<&'g str>, Self)> {
        match self.value {
            Value::Remote(id) => {
                let remote = self.graph.remote(*id)?;
                Some((remote.ty.and_then(|ty| self.graph.type_name(ty)), self.at(&remote.url)))
            }
            _ => None,
        }
    }

    /// The class of an object.
    #[must_use]
    pub fn class(self) -> Option<&'g Class> {
        match self.node()? {
            Node::Object { class, .. } => self.graph.class(*class),
            _ => None,
        }
    }

    /// The type of a list or map, or the name of an object's class.
    #[must_use]
    pub fn type_name(self) -> Option<&'g str> {
        match self.node()? {
            Node::List { ty, .. } | Node::Map { ty, .. } => self.graph.type_name((*ty)?),
            Node::Object { class, .. } => self.graph.class(*class).map(|class| &*class.name),
        }
    }

    /// The same to keep, without a copy.
    pub(crate) fn shared_type_name(self) -> Option<&'g Arc<str>> {
        match self.node()? {
            Node::List { ty, .. } | Node::Map { ty, .. } => self.graph.types.get((*ty)?.0 as usize),
            Node::Object { class, .. } => self.graph.class(*class).map(|class| &class.name),
        }
    }

    /// How many elements a list has, entries a map, fields an object; 0 for a scalar.
    #[must_use]
    pub fn len(self) -> usize {
        match self.node() {
            Some(Node::Map { entries, .. }) => entries.len as usize / 2,
            Some(node) => node.span().len as usize,
            None => 0,
        }
    }

    /// True for an empty list or map, an object without fields, and for scalars.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The elements of a list; none for anything else.
    pub fn items(self) -> impl ExactSizeIterator<Item = Self> {
        let span = match self.node() {
            Some(Node::List { items, .. }) => *items,
            _ => super::Span::default(),
        };
        self.graph.values[span.range()].iter().map(move |value| self.at(value))
    }

    /// The values in a list, map (keys and values in turn) or object, in order; none for a scalar.
    pub fn values(self) -> impl ExactSizeIterator<Item = Self> {
        let span = self.node().map(Node::span).unwrap_or_default();
        self.graph.values[span.range()].iter().map(move |value| self.at(value))
    }

    /// The entries of a map.
    pub fn entries(self) -> impl ExactSizeIterator<Item = (Self, Self)> {
        let span = match self.node() {
            Some(Node::Map { entries, .. }) => *entries,
            _ => super::Span::default(),
        };
        self.graph.values[span.range()]
            .as_chunks::<2>()
            .0
            .iter()
            .map(move |[key, value]| (self.at(key), self.at(value)))
    }

    /// The fields of an object.
    pub fn fields(self) -> impl Iterator<Item = (&'g str, Self)> {
        let names = self.class().map(|class| &*class.fields).unwrap_or_default();
        names.iter().map(|name| &**name).zip(self.values())
    }

    /// The element of a list at a position.
    #[must_use]
    pub fn index(self, index: usize) -> Option<Self> {
        match self.node()? {
            Node::List { items, .. } => {
                self.graph.values[items.range()].get(index).map(|value| self.at(value))
            }
            _ => None,
        }
    }

    /// The field of an object, or the entry of a map with a string for its key; the first of several.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
        match self.node()? {
            Node::Object { .. } => self.fields().find(|(field, _)| *field == name).map(|(_, value)| value),
            Node::Map { .. } => {
                self.entries().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value)
            }
            Node::List { .. } => None,
        }
    }

    /// Follows a path such as `/ticks/3/price`: field names, keys and positions (JSON Pointer, RFC 6901, with its
    /// `~0` and `~1`).
    #[must_use]
    pub fn pointer(self, path: &str) -> Option<Self> {
        let Some(path) = path.strip_prefix('/') else {
            return path.is_empty().then_some(self);
        };
        path.split('/').try_fold(self, |view, step| {
            let step = step.replace("~1", "/").replace("~0", "~");
            match view.node()? {
                // RFC 6901: digits, without a leading zero.
                Node::List { .. } if step != "0" && !step.starts_with(|first| matches!(first, '1'..='9')) => {
                    None
                }
                Node::List { .. } => view.index(step.parse().ok()?),
                _ => view.get(&step),
            }
        })
    }
}
