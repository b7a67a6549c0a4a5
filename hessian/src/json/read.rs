//! JSON to graphs.

use crate::error::ErrorKind;
use crate::event::RefId;
use crate::limits::Limits;
use crate::value::{Graph, GraphBuilder, Value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{self, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess};
use std::collections::HashMap;
use std::fmt;

/// Reads a graph from a format that describes itself. `failed` tells what that format's errors have no way for.
pub(super) fn graph<'de, D: Deserializer<'de>>(
    deserializer: D,
    limits: &Limits,
    failed: &mut Option<ErrorKind>,
) -> Result<Graph<'static>, D::Error> {
    let mut reader = Reader {
        builder: GraphBuilder::new(),
        named: HashMap::new(),
        depth: 0,
        values: 0,
        limits,
        roots: None,
        failed,
    };
    let root = Seed { reader: &mut reader, place: Place::Root }.deserialize(deserializer)?;
    Ok(match reader.roots {
        Some(roots) => reader.builder.finish_all(roots),
        None => reader.builder.finish(root),
    })
}

struct Reader<'l> {
    builder: GraphBuilder<'static>,
    /// What `$id`s name.
    named: HashMap<u64, RefId>,
    depth: u32,
    values: u64,
    limits: &'l Limits,
    roots: Option<Vec<Value<'static>>>,
    failed: &'l mut Option<ErrorKind>,
}

impl Reader<'_> {
    fn limit<E: Error>(&mut self, limit: &'static str, max: u64) -> E {
        let kind = ErrorKind::Limit { limit, max };
        let error = E::custom(&kind);
        *self.failed = Some(kind);
        error
    }

    fn count<E: Error>(&mut self) -> Result<(), E> {
        self.values += 1;
        let max = self.limits.max_values;
        if self.values > max {
            return Err(self.limit("max_values", max));
        }
        Ok(())
    }

    fn open<E: Error>(&mut self) -> Result<(), E> {
        let max = self.limits.max_depth;
        if self.depth >= max {
            return Err(self.limit("max_depth", max.into()));
        }
        self.depth += 1;
        Ok(())
    }
}

/// One value.
struct Seed<'r, 'l> {
    reader: &'r mut Reader<'l>,
    place: Place,
}

/// Where a value stands.
#[derive(PartialEq, Eq)]
enum Place {
    Root,
    /// Inside `$remote`: without a depth of its own, so not inside another one.
    Address,
    Elsewhere,
}

impl<'r, 'l> Seed<'r, 'l> {
    fn of(reader: &'r mut Reader<'l>) -> Self {
        Self { reader, place: Place::Elsewhere }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_> {
    type Value = Value<'static>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.reader.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> de::Visitor<'de> for Seed<'_, '_> {
    type Value = Value<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(i32::try_from(value).map_or(Value::Long(value), Value::Int))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            Err(_) => Err(E::custom(ErrorKind::Unrepresentable("an integer above 9223372036854775807"))),
        }
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(value.into())
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(text.to_owned().into())
    }
    fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
        Ok(text.into())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        let list = self.reader.builder.list(None);
        Elements { reader: self.reader, list }.visit_seq(seq)?;
        Ok(list.into())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let Self { reader, place } = self;
        let mut head = Head::default();
        loop {
            let Some(key) = map.next_key::<String>()? else {
                // Without content: an empty map, an object without fields.
                return head.begin(reader).map(Value::Node);
            };
            match key.as_str() {
                "$id" => head.id = Some(map.next_value()?),
                "$type" => head.ty = Some(map.next_value()?),
                "$class" => head.class = Some(map.next_value()?),
                "$open" => head.open = map.next_value()?,
                "$list" => {
                    let ty = head.ty.take();
                    let list = match head.open {
                        true => reader.builder.open_list(ty.as_deref()),
                        false => reader.builder.list(ty.as_deref()),
                    };
                    head.open = false;
                    head.name(reader, list)?;
                    map.next_value_seed(Elements { reader, list })?;
                    return end(&mut map, list.into());
                }
                "$map" | "$members" => {
                    let is_map = key == "$map";
                    if is_map != head.class.is_none() {
                        return Err(Error::custom("$map goes with $type, $members with $class"));
                    }
                    let id = head.begin(reader)?;
                    map.next_value_seed(Pairs { reader, id, is_map })?;
                    return end(&mut map, id.into());
                }
                "$remote" if place != Place::Address => {
                    let url = map.next_value_seed(Seed { reader, place: Place::Address })?;
                    let remote = reader.builder.remote_at(head.ty.take().as_deref(), url);
                    head.is_empty()?;
                    return end(
                        &mut map,
                        remote.ok_or_else(|| Error::custom("$remote: a string was expected"))?,
                    );
                }
                "$roots" if place == Place::Root => {
                    head.is_empty()?;
                    reader.roots = Some(map.next_value_seed(Roots(reader))?);
                    return end(&mut map, Value::Null);
                }
                "$ref" => {
                    head.is_empty()?;
                    let number: u64 = map.next_value()?;
                    let id = reader.named.get(&number).copied();
                    let id =
                        id.ok_or_else(|| Error::custom(format!("$ref: no $id {number} stands before it")))?;
                    return end(&mut map, id.into());
                }
                tag if tag.starts_with('$') => {
                    if !SCALARS.contains(&tag) {
                        return Err(Error::custom(format!("{tag} is not known here")));
                    }
                    head.is_empty()?;
                    let text: Text = map.next_value()?;
                    let value = scalar(tag, &text.0).map_err(Error::custom)?;
                    return end(&mut map, value);
                }
                _ => {
                    reader.open()?;
                    let is_object = head.class.is_some();
                    let id = head.begin(reader)?;
                    let mut key = Some(key);
                    while let Some(name) = key {
                        if name.starts_with('$') {
                            return Err(Error::custom(format!("{name} has to come before other keys")));
                        }
                        let value = map.next_value_seed(Seed::of(reader))?;
                        if is_object {
                            reader.builder.field(id, &name, value);
                        } else {
                            reader.count()?;
                            reader.builder.entry(id, name, value);
                        }
                        key = map.next_key()?;
                    }
                    reader.depth -= 1;
                    return Ok(id.into());
                }
            }
        }
    }
}

/// What stands before the content.
#[derive(Default)]
struct Head {
    id: Option<u64>,
    ty: Option<String>,
    class: Option<String>,
    open: bool,
}

impl Head {
    /// Begins a map or object.
    fn begin<E: Error>(mut self, reader: &mut Reader<'_>) -> Result<RefId, E> {
        let id = match (self.class.take(), self.ty.take()) {
            (Some(class), None) => reader.builder.object(&class, []),
            (None, ty) => reader.builder.map(ty.as_deref()),
            (Some(_), Some(_)) => return Err(E::custom("either $class or $type")),
        };
        self.name(reader, id)?;
        Ok(id)
    }

    /// Gives the container its `$id`; nothing else may be left.
    fn name<E: Error>(mut self, reader: &mut Reader<'_>, id: RefId) -> Result<(), E> {
        if let Some(number) = self.id.take()
            && reader.named.insert(number, id).is_some()
        {
            return Err(E::custom(format!("$id {number} stands twice")));
        }
        self.is_empty()
    }

    fn is_empty<E: Error>(&self) -> Result<(), E> {
        if self.id.is_none() && self.ty.is_none() && self.class.is_none() && !self.open {
            Ok(())
        } else {
            Err(E::custom("$id, $type, $class and $open go with lists, maps and objects"))
        }
    }
}

/// Nothing may follow.
fn end<'de, A: MapAccess<'de>>(map: &mut A, value: Value<'static>) -> Result<Value<'static>, A::Error> {
    match map.next_key::<String>()? {
        None => Ok(value),
        Some(key) => Err(Error::custom(format!("{key} follows what is complete"))),
    }
}

const SCALARS: [&str; 5] = ["$long", "$double", "$date", "$binary", "$utf16"];

/// What a tag of a scalar says.
fn scalar(tag: &str, text: &str) -> Result<Value<'static>, String> {
    let wrong = |expected: &str| format!("{tag}: {expected} was expected");
    match tag {
        "$long" => text.parse().map(Value::Long).map_err(|_| wrong("a 64-bit integer")),
        "$date" => text.parse().map(Value::Date).map_err(|_| wrong("milliseconds")),
        "$double" => match text {
            "NaN" => Ok(f64::NAN.into()),
            "Infinity" => Ok(f64::INFINITY.into()),
            "-Infinity" => Ok(f64::NEG_INFINITY.into()),
            _ => {
                let bits = text.strip_prefix("0x").and_then(|bits| u64::from_str_radix(bits, 16).ok());
                bits.map(|bits| f64::from_bits(bits).into())
                    .ok_or_else(|| wrong("NaN, Infinity, -Infinity or 0x and 16 digits"))
            }
        },
        "$binary" => STANDARD.decode(text).map(Value::from).map_err(|_| wrong("base64")),
        "$utf16" => {
            let digits = text.as_bytes().as_chunks::<4>();
            let units: Option<Box<[u16]>> = digits
                .0
                .iter()
                .map(|unit| u16::from_str_radix(std::str::from_utf8(unit).ok()?, 16).ok())
                .collect();
            match units {
                Some(units) if digits.1.is_empty() => Ok(match String::from_utf16(&units) {
                    Ok(text) => text.into(),
                    Err(_) => Value::Utf16(units),
                }),
                _ => Err(wrong("four digits a unit")),
            }
        }
        _ => Err(wrong("a tag of a scalar")),
    }
}

/// A string, or a number as one.
struct Text(String);

impl<'de> de::Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Text;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a number")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text, E> {
                Ok(Text(text.to_owned()))
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
            fn visit_u64<E: Error>(self, value: u64) -> Result<Text, E> {
                Ok(Text(value.to_string()))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// The elements of a list.
struct Elements<'r, 'l> {
    reader: &'r mut Reader<'l>,
    list: RefId,
}

impl<'de> DeserializeSeed<'de> for Elements<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> de::Visitor<'de> for Elements<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the elements of a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.reader.open()?;
        while let Some(value) = seq.next_element_seed(Seed::of(self.reader))? {
            self.reader.builder.push(self.list, value);
        }
        self.reader.depth -= 1;
        Ok(())
    }
}

/// Several values.
struct Roots<'r, 'l>(&'r mut Reader<'l>);

impl<'de> DeserializeSeed<'de> for Roots<'_, '_> {
    type Value = Vec<Value<'static>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> de::Visitor<'de> for Roots<'_, '_> {
    type Value = Vec<Value<'static>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("values")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut roots = Vec::new();
        while let Some(value) = seq.next_element_seed(Seed::of(self.0))? {
            roots.push(value);
        }
        Ok(roots)
    }
}

/// The entries of a map, or the fields of an object, as pairs.
struct Pairs<'r, 'l> {
    reader: &'r mut Reader<'l>,
    id: RefId,
    is_map: bool,
}

impl<'de> DeserializeSeed<'de> for Pairs<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> de::Visitor<'de> for Pairs<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("pairs")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.reader.open()?;
        while let Some((key, value)) = seq.next_element_seed(Pair(self.reader))? {
            match key {
                key if self.is_map => {
                    self.reader.builder.entry(self.id, key, value);
                }
                Value::OwnedStr(name) => {
                    self.reader.builder.field(self.id, &name, value);
                }
                _ => return Err(Error::custom("the name of a field is a string")),
            }
        }
        self.reader.depth -= 1;
        Ok(())
    }
}

struct Pair<'r, 'l>(&'r mut Reader<'l>);

impl<'de> DeserializeSeed<'de> for Pair<'_, '_> {
    type Value = (Value<'static>, Value<'static>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> de::Visitor<'de> for Pair<'_, '_> {
    type Value = (Value<'static>, Value<'static>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pair")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let short = || Error::invalid_length(1, &"a pair");
        let key = seq.next_element_seed(Seed::of(self.0))?.ok_or_else(short)?;
        let value = seq.next_element_seed(Seed::of(self.0))?.ok_or_else(short)?;
        match seq.next_element::<de::IgnoredAny>()? {
            None => Ok((key, value)),
            Some(_) => Err(Error::invalid_length(3, &"a pair")),
        }
    }
}
