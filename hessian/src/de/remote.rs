//! Objects that live elsewhere, which Hessian 1 and the draft have a form for.

use super::Deserializer;
use super::text::Text;
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::{Grammar, Token, TypeForm};
use serde::de::value::MapDeserializer;
use serde::de::{self, IntoDeserializer, Visitor};

impl<'de, G: Grammar> Deserializer<'de, '_, G> {
    /// As Java's class for it, `com.caucho.hessian.io.HessianRemote`: entries `type`, if told, and `url`.
    #[cold]
    pub(super) fn remote<V: Visitor<'de>>(&mut self, ty: TypeForm, visitor: V) -> Result<V::Value> {
        // As without a type: one without a name is none.
        let ty = self.reader.look_at_type(ty, str::to_owned)?.filter(|ty| !ty.is_empty());
        self.reader.name_again(ty.as_ref().map_or(0, String::len))?;
        let url = match self.reader.token()? {
            Token::Text { units, last } => self.reader.text(units, last)?,
            _ => {
                let (start, found) = (self.reader.start, self.reader.input[self.reader.start]);
                let expected = "a string (where a remote object lives)";
                return Err(Error::at(start as u64, ErrorKind::UnexpectedByte { found, expected }));
            }
        };
        let start = self.reader.start;
        visit(ty.map(Text::Owned), url, visitor).map_err(|error| error.or_at(start as u64))
    }
}

fn visit<'de, V: Visitor<'de>>(ty: Option<Text<'de>>, url: Text<'de>, visitor: V) -> Result<V::Value> {
    let ty = ty.map(|ty| ("type", Part(ty)));
    let entries = ty.into_iter().chain([("url", Part(url))]);
    visitor.visit_map(MapDeserializer::<_, Error>::new(entries))
}

/// The same for one of a graph.
pub(crate) fn visit_remote<'g, V: Visitor<'g>>(
    ty: Option<&'g str>,
    url: &'g str,
    visitor: V,
) -> Result<V::Value> {
    visit(ty.map(Text::Borrowed), Text::Borrowed(url), visitor)
}

/// Its type or address.
struct Part<'de>(Text<'de>);

impl<'de> IntoDeserializer<'de, Error> for Part<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> de::Deserializer<'de> for Part<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.0 {
            Text::Borrowed(text) => visitor.visit_borrowed_str(text),
            Text::Owned(text) => visitor.visit_string(text),
        }
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}
