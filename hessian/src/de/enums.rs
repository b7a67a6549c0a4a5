//! Enums: over the classes of objects, over Java enums, and as maps of one entry.

use super::Deserializer;
use super::text::Text;
use crate::error::{Error, ErrorKind, Result};
use crate::event::ClassId;
use crate::grammar::{Grammar, Token};
use crate::magic;
use crate::table::Target;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};

impl<'de, G: Grammar> Deserializer<'de, '_, G> {
    /// | on the wire | variant |
    /// | --- | --- |
    /// | object of a class that is a variant's name | that variant, with the object as its content |
    /// | object with the one field `name` (a Java enum) | the variant that the field names |
    /// | the same of a class that is both the enum's name and a variant's | the variant that the field names, if any |
    /// | string | the unit variant of that name |
    /// | map with the name of a variant as its type (an object in Hessian 1) | that variant, with the map as its content |
    /// | map with a type and the one key `name` (a Java enum in Hessian 1) | the variant that the value names |
    /// | map of one entry, string to content | that variant |
    pub(super) fn enumeration<V: Visitor<'de>>(
        &mut self,
        enumeration: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.reader.peek()?;
        let start = self.reader.pos;
        match self.reader.token()? {
            Token::Object(number) => {
                let class = self.reader.class(number)?;
                let name = self.reader.tables.class_name(self.reader.input, class);
                let variant = variants.iter().find(|&&variant| variant == name).copied();
                let own = name == enumeration;
                let mut fields = self.reader.tables.field_names(self.reader.input, class);
                let is_named = (fields.next(), fields.next()) == (Some("name"), None);
                drop(fields);
                if let Some(variant) = variant
                    && !(own && is_named && self.is_constant(variants)?)
                {
                    let object = ObjectVariant { de: self, class: Some(class), start, variant, variants };
                    return visitor.visit_enum(object).map_err(|error| self.give_up(error));
                }
                if !is_named {
                    let name = self.reader.tables.class_name(self.reader.input, class);
                    let expected = format!("one of {variants:?}, not {name:?},").into();
                    let kind = ErrorKind::UnexpectedType { found: "an object of another class", expected };
                    return Err(self.give_up(Error::at(start as u64, kind)));
                }
                self.reader.open()?;
                let name = self.name()?;
                self.reader.close();
                self.constant(name.as_str(), visitor)
            }
            Token::Text { units, last } => {
                let name = self.reader.text(units, last)?;
                self.constant(name.as_str(), visitor)
            }
            Token::Map { ty } => {
                let variant = |name: &str| variants.iter().find(|&&variant| variant == name).copied();
                let ty = self.reader.look_at_type(ty, |name| (!name.is_empty(), variant(name)))?;
                if let Some((_, Some(variant))) = ty {
                    let object = ObjectVariant { de: self, class: None, start, variant, variants };
                    return visitor.visit_enum(object).map_err(|error| self.give_up(error));
                }
                self.reader.open()?;
                let name = self.name()?;
                let value = if let Some((true, _)) = ty
                    && name.as_str() == "name"
                    && variant("name").is_none()
                {
                    let name = self.name()?;
                    self.constant(name.as_str(), visitor)?
                } else {
                    let entry = EntryVariant { de: self, name, variants };
                    visitor.visit_enum(entry).map_err(|error| self.give_up(error))?
                };
                self.end_of_entry()?;
                self.reader.close();
                Ok(value)
            }
            Token::Reference(number) => {
                self.follow(number, |de| de.enumeration(enumeration, variants, visitor))
            }
            other => Err(self.mismatch(&other, "an object, a string or a map of one entry (an enum)")),
        }
    }

    /// A variant without content, whose name was the last token.
    fn constant<V: Visitor<'de>>(&self, name: &str, visitor: V) -> Result<V::Value> {
        let result = visitor.visit_enum(name.into_deserializer());
        self.place(self.reader.start, result)
    }

    /// The object's only field, which is next, names a variant.
    fn is_constant(&mut self, variants: &[&str]) -> Result<bool> {
        let pos = self.reader.pos;
        let name = match G::token(self.reader.rest()) {
            Ok((rest, Token::Text { units, last })) => {
                self.reader.pos = self.reader.input.len() - rest.len();
                self.reader.text(units, last)?
            }
            _ => return Ok(false),
        };
        self.reader.pos = pos;
        Ok(variants.contains(&name.as_str()))
    }

    fn name(&mut self) -> Result<Text<'de>> {
        match self.reader.token()? {
            Token::Text { units, last } => self.reader.text(units, last),
            other => Err(self.stray(&other, "the name of an enum variant")),
        }
    }
}

/// An object whose class names the variant; its opcode and class were read. A map with a type has no class.
struct ObjectVariant<'a, 'de, 't, G> {
    de: &'a mut Deserializer<'de, 't, G>,
    class: Option<ClassId>,
    /// Where its opcode stands.
    start: usize,
    variant: &'static str,
    variants: &'static [&'static str],
}

impl<'de, G: Grammar> de::EnumAccess<'de> for ObjectVariant<'_, 'de, '_, G> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let variant =
            seed.deserialize::<de::value::StrDeserializer<'_, Error>>(self.variant.into_deserializer())?;
        Ok((variant, self))
    }
}

impl<'de, G: Grammar> de::VariantAccess<'de> for ObjectVariant<'_, 'de, '_, G> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        OpenObject { de: self.de, class: self.class, start: self.start }.entries(de::IgnoredAny).map(|_| ())
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        let name = self.variant;
        seed.deserialize(OpenObject { de: self.de, class: self.class, start: self.start })
            .map_err(|error| error.in_field(name))
    }
    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value> {
        let expected = "a list (a tuple variant)".into();
        Err(Error::at(self.start as u64, ErrorKind::UnexpectedType { found: "an object", expected }))
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let name = self.variant;
        let target = Target::variant::<V>(name, fields, self.variants);
        let object = OpenObject { de: self.de, class: self.class, start: self.start };
        object.structure(target, visitor).map_err(|error| error.in_field(name))
    }
}

/// Deserializer of an object whose opcode and class were read, or of a map whose opcode and type were.
struct OpenObject<'a, 'de, 't, G> {
    de: &'a mut Deserializer<'de, 't, G>,
    class: Option<ClassId>,
    start: usize,
}

impl<'de, G: Grammar> OpenObject<'_, 'de, '_, G> {
    fn structure<V: Visitor<'de>>(self, target: Target, visitor: V) -> Result<V::Value> {
        match self.class {
            Some(class) => self.de.object_of(class, target, visitor),
            None => self.de.map(visitor),
        }
    }

    fn entries<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.class {
            Some(class) => self.de.object(class, visitor),
            None => self.de.map(visitor),
        }
    }
}

impl<'de, G: Grammar> de::Deserializer<'de> for OpenObject<'_, 'de, '_, G> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.entries(visitor)
    }
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.structure(Target::new::<V>(name, fields), visitor)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        // A type that was named goes by its number from now on: it cannot be read twice.
        if name.starts_with(magic::PREFIX) && self.class.is_some() {
            self.de.reader.pos = self.start;
            return self.de.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        self.entries(de::IgnoredAny)?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

/// The content of a map's only entry; its key was read.
struct EntryVariant<'a, 'de, 't, G> {
    de: &'a mut Deserializer<'de, 't, G>,
    name: Text<'de>,
    variants: &'static [&'static str],
}

impl<'de, G: Grammar> de::EnumAccess<'de> for EntryVariant<'_, 'de, '_, G> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self)> {
        let name: de::value::StrDeserializer<'_, Error> = self.name.as_str().into_deserializer();
        let variant = seed.deserialize(name)?;
        Ok((variant, self))
    }
}

impl<'de, G: Grammar> de::VariantAccess<'de> for EntryVariant<'_, 'de, '_, G> {
    type Error = Error;

    fn unit_variant(self) -> Result<()> {
        de::Deserialize::deserialize(self.de)
    }
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value> {
        seed.deserialize(&mut *self.de).map_err(|error| error.in_field(self.name.as_str().to_owned()))
    }
    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        let _ = len;
        self.de.sequence(visitor).map_err(|error| error.in_field(self.name.as_str().to_owned()))
    }
    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let variant = self.variants.iter().find(|&&variant| variant == self.name.as_str());
        let target = Target::variant::<V>(variant.unwrap_or(&""), fields, self.variants);
        self.de
            .other_structure(target, visitor)
            .map_err(|error| error.in_field(self.name.as_str().to_owned()))
    }
}
