//! Graphs to JSON.

use super::EXACT;
use crate::error::ErrorKind;
use crate::event::RefId;
use crate::limits::Limits;
use crate::value::{Graph, Node, Value, View, Walk};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::ser::{Error, Serialize, SerializeMap, SerializeSeq, Serializer};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::fmt::Write;

/// A graph to be written without loss, as the table of [this module](super) says, into JSON or a format like it.
#[derive(Debug, Clone, Copy)]
pub struct Lossless<'g, 'de>(pub &'g Graph<'de>);

impl Serialize for Lossless<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Bounded { graph: self.0, limits: &Limits::DEFAULT, failed: Cell::new(None) }.serialize(serializer)
    }
}

/// The same with a bound of one's own.
pub(super) struct Bounded<'g, 'de> {
    pub(super) graph: &'g Graph<'de>,
    pub(super) limits: &'g Limits,
    /// What other formats' errors have no way for.
    pub(super) failed: Cell<Option<crate::Error>>,
}

impl Serialize for Bounded<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let state = State {
            numbers: RefCell::new(met_again(self.graph)),
            next: Cell::new(0),
            depth: Cell::new(0),
            max_depth: self.limits.max_depth,
            walk: Walk::new(self.limits),
            failed: &self.failed,
        };
        let cell = |view| Item { view, state: &state };
        let mut roots = self.graph.roots();
        match (roots.next(), roots.len()) {
            (Some(root), 0) => cell(root).serialize(serializer),
            _ => {
                let roots: Vec<_> = self.graph.roots().map(cell).collect();
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("$roots", &roots)?;
                map.end()
            }
        }
    }
}

/// For each node what is known of its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Number {
    /// It is met once: it needs none.
    None,
    /// It is met again, but was not written.
    Later,
    Written(u32),
}

/// Which nodes are named by more than one value.
fn met_again(graph: &Graph<'_>) -> Vec<Number> {
    let mut met: Vec<Option<Number>> = vec![None; graph.len()];
    let mut pending: Vec<View<'_, '_>> = graph.roots().collect();
    while let Some(view) = pending.pop() {
        let Some(RefId(id)) = view.id() else { continue };
        match &mut met[id as usize] {
            Some(number) => *number = Number::Later,
            number @ None => {
                *number = Some(Number::None);
                pending.extend(view.values());
            }
        }
    }
    met.into_iter().map(|number| number.unwrap_or(Number::None)).collect()
}

struct State<'s> {
    numbers: RefCell<Vec<Number>>,
    next: Cell<u32>,
    depth: Cell<u32>,
    max_depth: u32,
    /// For the names.
    walk: Walk,
    failed: &'s Cell<Option<crate::Error>>,
}

struct Item<'s, 'g, 'de> {
    view: View<'g, 'de>,
    state: &'s State<'s>,
}

impl<'g, 'de> Item<'_, 'g, 'de> {
    fn at(&self, view: View<'g, 'de>) -> Self {
        Item { view, state: self.state }
    }

    /// A name is written, once more.
    fn name<E: Error>(&self, name: &str) -> Result<(), E> {
        self.state.walk.name(name).map_err(|error| self.fail(error))
    }

    fn fail<E: Error>(&self, error: crate::Error) -> E {
        let told = E::custom(&error);
        self.state.failed.set(Some(error));
        told
    }

    /// A list, map or object that is written for the first time.
    fn container<S: Serializer>(
        &self,
        node: Node,
        id: Option<u32>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let ty = self.view.type_name();
        let head = |map: &mut S::SerializeMap, key: &'static str| {
            if let Some(id) = id {
                map.serialize_entry("$id", &id)?;
            }
            match ty {
                Some(ty) => {
                    self.name(ty)?;
                    map.serialize_entry(key, ty)
                }
                None => Ok(()),
            }
        };
        match node {
            Node::List { open, .. } => {
                let items = Items(self);
                if (id, ty, open) == (None, None, false) {
                    return items.serialize(serializer);
                }
                let mut map = serializer.serialize_map(None)?;
                head(&mut map, "$type")?;
                if open {
                    map.serialize_entry("$open", &true)?;
                }
                map.serialize_entry("$list", &items)?;
                map.end()
            }
            Node::Map { .. } => {
                let mut map = serializer.serialize_map(None)?;
                head(&mut map, "$type")?;
                if are_plain(self.view.entries().map(|(key, _)| key.as_str())) {
                    for (key, value) in self.view.entries() {
                        map.serialize_entry(key.as_str().unwrap_or_default(), &self.at(value))?;
                    }
                } else {
                    let entries: Vec<_> =
                        self.view.entries().map(|(key, value)| (self.at(key), self.at(value))).collect();
                    map.serialize_entry("$map", &entries)?;
                }
                map.end()
            }
            Node::Object { .. } => {
                self.view.fields().try_for_each(|(name, _)| self.name(name))?;
                let mut map = serializer.serialize_map(None)?;
                head(&mut map, "$class")?;
                if are_plain(self.view.fields().map(|(name, _)| Some(name))) {
                    for (name, value) in self.view.fields() {
                        map.serialize_entry(name, &self.at(value))?;
                    }
                } else {
                    let fields: Vec<_> =
                        self.view.fields().map(|(name, value)| (name, self.at(value))).collect();
                    map.serialize_entry("$members", &fields)?;
                }
                map.end()
            }
        }
    }

    fn node<S: Serializer>(&self, RefId(id): RefId, node: Node, serializer: S) -> Result<S::Ok, S::Error> {
        let number = self.state.numbers.borrow()[id as usize];
        let number = match number {
            Number::Written(number) => return tagged(serializer, "$ref", &number),
            Number::None => None,
            Number::Later => {
                let number = self.state.next.replace(self.state.next.get() + 1);
                self.state.numbers.borrow_mut()[id as usize] = Number::Written(number);
                Some(number)
            }
        };
        let max = self.state.max_depth;
        if self.state.depth.get() >= max {
            let limit = ErrorKind::Limit { limit: "max_depth", max: max.into() };
            return Err(self.fail(crate::Error::new(limit)));
        }
        self.state.depth.set(self.state.depth.get() + 1);
        let done = self.container(node, number, serializer);
        self.state.depth.set(self.state.depth.get() - 1);
        done
    }
}

/// Strings, each once, none of them like the keys of this mapping.
fn are_plain<'k>(keys: impl Iterator<Item = Option<&'k str>>) -> bool {
    let mut met = HashSet::new();
    keys.into_iter().all(|key| key.is_some_and(|key| !key.starts_with('$') && met.insert(key)))
}

struct Items<'i, 's, 'g, 'de>(&'i Item<'s, 'g, 'de>);

impl Serialize for Items<'_, '_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let values = self.0.view.values();
        let mut seq = serializer.serialize_seq(Some(values.len()))?;
        for value in values {
            seq.serialize_element(&self.0.at(value))?;
        }
        seq.end()
    }
}

fn tagged<S: Serializer>(
    serializer: S,
    tag: &'static str,
    value: &(impl Serialize + ?Sized),
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(tag, value)?;
    map.end()
}

const fn is_exact(value: i64) -> bool {
    -EXACT <= value && value <= EXACT
}

impl Serialize for Item<'_, '_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.view.value() {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Int(value) => serializer.serialize_i32(*value),
            Value::Long(value) if is_exact(*value) && i32::try_from(*value).is_err() => {
                serializer.serialize_i64(*value)
            }
            Value::Long(value) => tagged(serializer, "$long", &value.to_string()),
            Value::Double(value) if value.is_finite() => serializer.serialize_f64(*value),
            Value::Double(value) => {
                let text = match value.to_bits() {
                    0x7ff8_0000_0000_0000 => "NaN".to_owned(),
                    0x7ff0_0000_0000_0000 => "Infinity".to_owned(),
                    0xfff0_0000_0000_0000 => "-Infinity".to_owned(),
                    bits => format!("{bits:#018x}"),
                };
                tagged(serializer, "$double", &text)
            }
            Value::Date(millis) if is_exact(*millis) => tagged(serializer, "$date", millis),
            Value::Date(millis) => tagged(serializer, "$date", &millis.to_string()),
            Value::Str(text) => serializer.serialize_str(text),
            Value::OwnedStr(text) => serializer.serialize_str(text),
            Value::Utf16(units) => {
                let digits = units.iter().fold(String::new(), |mut digits, unit| {
                    let _ = write!(digits, "{unit:04x}");
                    digits
                });
                tagged(serializer, "$utf16", &digits)
            }
            Value::Binary(bytes) => tagged(serializer, "$binary", &STANDARD.encode(bytes)),
            Value::OwnedBinary(bytes) => tagged(serializer, "$binary", &STANDARD.encode(bytes)),
            Value::Remote(_) => {
                let (ty, url) = self.view.as_remote().unwrap_or((None, self.view));
                let mut map = serializer.serialize_map(None)?;
                if let Some(ty) = ty {
                    self.name(ty)?;
                    map.serialize_entry("$type", ty)?;
                }
                map.serialize_entry("$remote", &self.at(url))?;
                map.end()
            }
            Value::Node(id) => match self.view.node() {
                Some(node) => self.node(*id, *node, serializer),
                None => serializer.serialize_unit(),
            },
        }
    }
}
