//! serde: graphs to Rust values.

use super::{Node, Value, View, Walk};
use crate::binary::Binary;
use crate::date;
use crate::de::{Octets, visit_remote};
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::magic;
use serde::de::{self, Deserialize, DeserializeSeed, IntoDeserializer, Visitor};

/// Decodes a part of a graph into a Rust value, as [`from_slice`](crate::from_slice) does from bytes; text and binaries
/// are borrowed from the graph.
///
/// Shared parts are read each time ([`Shared`](crate::Shared) gives one value), within [`Limits::max_expansion`].
///
/// # Errors
/// What the type refuses, cycles, and the limits `max_depth` and `max_expansion`.
pub fn from_graph<'g, T: Deserialize<'g>>(view: View<'g, '_>) -> Result<T> {
    from_graph_with(view, &Limits::DEFAULT)
}

/// [`from_graph`] with limits of your own: `max_depth` and `max_expansion` count here.
///
/// # Errors
/// As [`from_graph`].
pub fn from_graph_with<'g, T: Deserialize<'g>>(view: View<'g, '_>, limits: &Limits) -> Result<T> {
    from_graph_in(view, &Walk::new(limits))
}

/// [`from_graph`] of one of several parts of a graph, whose bounds are those of all together.
pub(crate) fn from_graph_in<'g, T: Deserialize<'g>>(view: View<'g, '_>, walk: &Walk) -> Result<T> {
    T::deserialize(Cursor { view, walk, is_variant: false })
}

/// Deserializer of one value.
#[derive(Clone, Copy)]
struct Cursor<'w, 'g, 'de> {
    view: View<'g, 'de>,
    walk: &'w Walk,
    /// Its class has told the variant of an enum: it is no enum in its turn, or a type that holds itself would never end.
    is_variant: bool,
}

impl<'g, 'de> Cursor<'_, 'g, 'de> {
    fn at(&self, view: View<'g, 'de>) -> Self {
        Self { view, walk: self.walk, is_variant: false }
    }

    /// As the content of a variant that its class or type names.
    fn as_variant(self) -> Self {
        Self { is_variant: true, ..self }
    }

    /// Reads the parts of a list, map or object.
    fn inside<R>(&self, read: impl FnOnce() -> Result<R>) -> Result<R> {
        self.walk.inside(self.view, read)
    }

    fn mismatch(&self, expected: &'static str) -> Error {
        let found = match self.view.value() {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Int(_) => "an int",
            Value::Long(_) => "a long",
            Value::Double(_) => "a double",
            Value::Date(_) => "a date",
            Value::Utf16(_) => return Error::new(ErrorKind::LoneSurrogate),
            Value::Str(_) | Value::OwnedStr(_) => "a string",
            Value::Binary(_) | Value::OwnedBinary(_) => "binary",
            Value::Remote(_) => "a remote object",
            Value::Node(_) => match self.view.node() {
                Some(Node::List { .. }) => "a list",
                Some(Node::Map { .. }) => "a map",
                _ => "an object",
            },
        };
        Error::new(ErrorKind::UnexpectedType { found, expected: expected.into() })
    }

    /// The scalar that Java wraps in an object of one field. In Hessian 1 the object is a map with a type.
    fn unwrapped(&self) -> Option<Self> {
        let (field, value) = match self.view.node()? {
            Node::Map { .. } => {
                self.map_type()?;
                let mut entries = self.view.entries();
                let (key, value) = entries.next().filter(|_| entries.len() == 0)?;
                (key.as_str()?, value)
            }
            _ => {
                let mut fields = self.view.fields();
                fields.next().filter(|_| fields.next().is_none())?
            }
        };
        matches!(field, "_value" | "value" | "name").then(|| self.at(value))
    }

    /// The type of a map that has one: in Hessian 1 the class of an object.
    fn map_type(&self) -> Option<&'g str> {
        match self.view.node()? {
            Node::Map { .. } => self.view.type_name().filter(|ty| !ty.is_empty()),
            _ => None,
        }
    }

    fn list<V: Visitor<'g>>(&self, visitor: V) -> Result<V::Value> {
        self.inside(|| {
            let mut items = Items { cursor: self, values: self.view.values(), index: 0 };
            let value = visitor.visit_seq(&mut items)?;
            match items.values.len() {
                0 => Ok(value),
                extra => Err(Error::new(ErrorKind::Message(format!("{extra} more elements than expected")))),
            }
        })
    }

    fn entries<V: Visitor<'g>>(&self, visitor: V) -> Result<V::Value> {
        if let Some((ty, url)) = self.view.as_remote() {
            self.walk.name(ty.unwrap_or_default())?;
            let url = url.as_str().ok_or_else(|| Error::new(ErrorKind::LoneSurrogate))?;
            return visit_remote(ty, url, visitor);
        }
        self.inside(|| match self.view.node() {
            Some(Node::Map { .. }) => visitor.visit_map(Entries {
                cursor: self,
                entries: self.view.entries(),
                entry: None,
                index: 0,
            }),
            _ => visitor.visit_map(Fields { cursor: self, fields: self.view.fields(), value: None }),
        })
    }
}

macro_rules! numbers {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
            match self.view.value() {
                Value::Int(value) => visitor.visit_i32(*value),
                Value::Long(value) | Value::Date(value) => visitor.visit_i64(*value),
                _ => match self.unwrapped() {
                    Some(inner) => self.inside(|| inner.$method(visitor)),
                    None => Err(self.mismatch("an integer")),
                },
            }
        })*
    };
}

macro_rules! texts {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
            match (self.view.as_str(), self.unwrapped()) {
                (Some(text), _) => visitor.visit_borrowed_str(text),
                (None, Some(inner)) => self.inside(|| inner.$method(visitor)),
                _ => Err(self.mismatch("a string")),
            }
        })*
    };
}

macro_rules! floats {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
            match self.view.value() {
                Value::Double(value) => visitor.visit_f64(*value),
                Value::Int(value) => visitor.visit_i32(*value),
                Value::Long(value) => visitor.visit_i64(*value),
                _ => match self.unwrapped() {
                    Some(inner) => self.inside(|| inner.$method(visitor)),
                    None => Err(self.mismatch("a number")),
                },
            }
        })*
    };
}

impl<'g> de::Deserializer<'g> for Cursor<'_, 'g, '_> {
    type Error = Error;

    numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8 deserialize_u16
        deserialize_u32 deserialize_u64 deserialize_u128
    }
    texts! { deserialize_char deserialize_str deserialize_string }
    floats! { deserialize_f32 deserialize_f64 }

    fn is_human_readable(&self) -> bool {
        false
    }
    fn deserialize_any<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
        match self.view.value() {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Int(value) => visitor.visit_i32(*value),
            Value::Long(value) | Value::Date(value) => visitor.visit_i64(*value),
            Value::Double(value) => visitor.visit_f64(*value),
            Value::Str(text) => visitor.visit_borrowed_str(text),
            Value::OwnedStr(text) => visitor.visit_borrowed_str(text),
            Value::Utf16(_) => Err(self.mismatch("text")),
            Value::Binary(bytes) => visitor.visit_borrowed_bytes(bytes),
            Value::OwnedBinary(bytes) => visitor.visit_borrowed_bytes(bytes),
            Value::Remote(_) => self.entries(visitor),
            Value::Node(_) => match self.view.node() {
                Some(Node::List { .. }) => self.list(visitor),
                _ => self.entries(visitor),
            },
        }
    }
    fn deserialize_bool<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
        match self.view.as_bool() {
            Some(value) => visitor.visit_bool(value),
            None => Err(self.mismatch("a boolean")),
        }
    }
    fn deserialize_bytes<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
        match self.view.value() {
            Value::Binary(_) | Value::OwnedBinary(_) | Value::Str(_) | Value::OwnedStr(_) => {
                self.deserialize_any(visitor)
            }
            _ => self.deserialize_seq(visitor),
        }
    }
    fn deserialize_byte_buf<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
        self.deserialize_bytes(visitor)
    }
    fn deserialize_option<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
        if self.view.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }
    fn deserialize_unit<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
        if self.view.is_null() { visitor.visit_unit() } else { Err(self.mismatch("null")) }
    }
    fn deserialize_unit_struct<V: Visitor<'g>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }
    fn deserialize_newtype_struct<V: Visitor<'g>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        match name {
            date::NEWTYPE => match (self.view.value(), self.unwrapped()) {
                (Value::Date(millis), _) => visitor.visit_i64(*millis),
                (_, Some(inner)) => self.inside(|| inner.deserialize_newtype_struct(name, visitor)),
                _ => Err(self.mismatch("a date")),
            },
            magic::ANY => self.deserialize_any(visitor),
            magic::GRAPH => {
                magic::give_graph(self.walk.copy(self.view)?.into_owned());
                visitor.visit_unit()
            }
            magic::BINARY => match self.view.as_bytes() {
                Some(bytes) => {
                    magic::give_binary(Binary::from(bytes));
                    visitor.visit_unit()
                }
                None => self.deserialize_bytes(visitor),
            },
            magic::SHARED => match self.view.id() {
                Some(id) => {
                    magic::give_table(self.walk.decoded());
                    visitor.visit_seq(Numbered { cursor: self, number: Some(id.0) })
                }
                None => visitor.visit_newtype_struct(self),
            },
            _ => visitor.visit_newtype_struct(self),
        }
    }
    fn deserialize_seq<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
        match (self.view.node(), self.view.as_bytes()) {
            (Some(Node::List { .. }), _) => self.list(visitor),
            (_, Some(bytes)) => Octets::new(bytes).visit(visitor),
            _ => Err(self.mismatch("a list")),
        }
    }
    fn deserialize_tuple<V: Visitor<'g>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }
    fn deserialize_tuple_struct<V: Visitor<'g>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }
    fn deserialize_map<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
        match (self.view.node(), self.view.value()) {
            (Some(Node::Map { .. } | Node::Object { .. }), _) | (_, Value::Remote(_)) => {
                self.entries(visitor)
            }
            _ => Err(self.mismatch("a map")),
        }
    }
    fn deserialize_struct<V: Visitor<'g>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        match (self.view.node(), self.view.value()) {
            (Some(Node::Map { .. } | Node::Object { .. }), _) | (_, Value::Remote(_)) => {
                self.entries(visitor)
            }
            (Some(Node::List { .. }), _) => self.list(visitor),
            _ => Err(self.mismatch("an object")),
        }
    }
    fn deserialize_enum<V: Visitor<'g>>(
        self,
        enumeration: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if let Some(text) = self.view.as_str() {
            return visitor.visit_enum(de::value::BorrowedStrDeserializer::new(text));
        }
        if self.is_variant {
            return Err(self.mismatch("the content of a variant"));
        }
        if let Some(class) = self.view.class() {
            let name = match &*class.fields {
                [field] if &**field == "name" => self.view.get("name").and_then(View::as_str),
                _ => None,
            };
            // An enum may have a variant of its own name: then the field tells whether it is another one.
            let is_constant =
                &*class.name == enumeration && name.is_some_and(|name| variants.contains(&name));
            if !is_constant && let Some(variant) = variants.iter().find(|&&variant| variant == &*class.name) {
                return visitor.visit_enum(Variant { name: variant, content: self.as_variant() });
            }
            if let Some(name) = name {
                return visitor.visit_enum(de::value::BorrowedStrDeserializer::new(name));
            }
            return Err(Error::new(ErrorKind::UnexpectedType {
                found: "an object of another class",
                expected: format!("one of {variants:?}, not {:?},", class.name).into(),
            }));
        }
        if let Some(ty) = self.map_type() {
            if let Some(variant) = variants.iter().find(|&&variant| variant == ty) {
                return visitor.visit_enum(Variant { name: variant, content: self.as_variant() });
            }
            if let (1, Some(name)) = (self.view.len(), self.view.get("name").and_then(View::as_str))
                && !variants.contains(&"name")
            {
                return visitor.visit_enum(de::value::BorrowedStrDeserializer::new(name));
            }
        }
        let mut entries = self.view.entries();
        match (entries.next(), entries.next()) {
            (Some((key, value)), None) => match key.as_str() {
                Some(name) => self.inside(|| visitor.visit_enum(Variant { name, content: self.at(value) })),
                None => Err(self.at(key).mismatch("the name of an enum variant")),
            },
            _ => Err(self.mismatch("an object, a string or a map of one entry (an enum)")),
        }
    }
    fn deserialize_identifier<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
        match self.unwrapped() {
            // Java's enums are objects of a name.
            Some(inner) => self.inside(|| inner.deserialize_str(visitor)),
            None => self.deserialize_any(visitor),
        }
    }
    fn deserialize_ignored_any<V: Visitor<'g>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }
}

struct Items<'c, 'w, 'g, 'de, I> {
    cursor: &'c Cursor<'w, 'g, 'de>,
    values: I,
    index: u64,
}

impl<'g, 'de, I: ExactSizeIterator<Item = View<'g, 'de>>> de::SeqAccess<'g>
    for &mut Items<'_, '_, 'g, 'de, I>
{
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'g>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some(view) = self.values.next() else { return Ok(None) };
        self.cursor.walk.value(view)?;
        self.index += 1;
        let index = self.index - 1;
        seed.deserialize(self.cursor.at(view)).map(Some).map_err(|error| error.in_element(index))
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.values.len())
    }
}

struct Entries<'c, 'w, 'g, 'de, I> {
    cursor: &'c Cursor<'w, 'g, 'de>,
    entries: I,
    /// Those of the entry whose key was asked for.
    entry: Option<(View<'g, 'de>, View<'g, 'de>)>,
    index: u64,
}

impl<'g, 'de, I: Iterator<Item = (View<'g, 'de>, View<'g, 'de>)>> de::MapAccess<'g>
    for Entries<'_, '_, 'g, 'de, I>
{
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'g>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.cursor.walk.value(key)?;
        self.cursor.walk.value(value)?;
        self.entry = Some((key, value));
        self.index += 1;
        seed.deserialize(self.cursor.at(key)).map(Some).map_err(|error| error.in_key(self.index - 1))
    }
    fn next_value_seed<S: DeserializeSeed<'g>>(&mut self, seed: S) -> Result<S::Value> {
        let (key, value) = self
            .entry
            .take()
            .ok_or_else(|| <Error as de::Error>::custom("a value was asked for before its key"))?;
        seed.deserialize(self.cursor.at(value)).map_err(|error| match key.as_str() {
            Some(key) => error.in_entry(key),
            None => error.in_element(self.index - 1),
        })
    }
}

struct Fields<'c, 'w, 'g, 'de, I> {
    cursor: &'c Cursor<'w, 'g, 'de>,
    fields: I,
    value: Option<(&'g str, View<'g, 'de>)>,
}

impl<'g, 'de, I: Iterator<Item = (&'g str, View<'g, 'de>)>> de::MapAccess<'g> for Fields<'_, '_, 'g, 'de, I> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'g>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        let Some((name, value)) = self.fields.next() else { return Ok(None) };
        self.cursor.walk.name(name)?;
        self.cursor.walk.value(value)?;
        self.value = Some((name, value));
        seed.deserialize(de::value::BorrowedStrDeserializer::new(name)).map(Some)
    }
    fn next_value_seed<S: DeserializeSeed<'g>>(&mut self, seed: S) -> Result<S::Value> {
        let (name, value) = self
            .value
            .take()
            .ok_or_else(|| <Error as de::Error>::custom("a value was asked for before its field"))?;
        seed.deserialize(self.cursor.at(value)).map_err(|error| error.in_entry(name))
    }
}

/// The number of a value and the value.
struct Numbered<'w, 'g, 'de> {
    cursor: Cursor<'w, 'g, 'de>,
    number: Option<u32>,
}

impl<'g> de::SeqAccess<'g> for Numbered<'_, 'g, '_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'g>>(&mut self, seed: S) -> Result<Option<S::Value>> {
        match self.number.take() {
            Some(number) => seed.deserialize(number.into_deserializer()).map(Some),
            None => seed.deserialize(self.cursor).map(Some),
        }
    }
}

struct Variant<'w, 'g, 'de> {
    name: &'g str,
    content: Cursor<'w, 'g, 'de>,
}

impl<'g> de::EnumAccess<'g> for Variant<'_, 'g, '_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'g>>(self, seed: S) -> Result<(S::Value, Self)> {
        let name = de::value::BorrowedStrDeserializer::<Error>::new(self.name);
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'g> de::VariantAccess<'g> for Variant<'_, 'g, '_> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        Ok(())
    }
    fn newtype_variant_seed<S: DeserializeSeed<'g>>(self, seed: S) -> Result<S::Value> {
        seed.deserialize(self.content).map_err(|error| error.in_field(self.name.to_owned()))
    }
    fn tuple_variant<V: Visitor<'g>>(self, len: usize, visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_tuple(self.content, len, visitor)
            .map_err(|error| error.in_field(self.name.to_owned()))
    }
    fn struct_variant<V: Visitor<'g>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value> {
        de::Deserializer::deserialize_struct(self.content, "", fields, visitor)
            .map_err(|error| error.in_field(self.name.to_owned()))
    }
}
