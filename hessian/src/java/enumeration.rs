//! For `#[serde(with = "hessian::java::enumeration")]`: a Java enum where serde keeps values for later.
//!
//! serde reads what is inside `#[serde(flatten)]`, `#[serde(tag = …)]` and `#[serde(untagged)]` twice: first as whatever it is,
//! where a Java enum is a map of its `name`, then as the type. This reads that map, and a plain string as well. Only for
//! variants without content.
//!
//! What such a value loses: the classes of objects inside it, so an enum over classes cannot be told there. And a
//! struct with a flattened field is written as a map without a class.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! #[serde(rename = "example.Color")]
//! enum Color { RED, GREEN }
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! #[serde(tag = "kind")]
//! enum Event { Painted { #[serde(with = "hessian::java::enumeration")] color: Color } }
//!
//! # fn main() -> hessian::Result<()> {
//! let event = Event::Painted { color: Color::GREEN };
//! assert_eq!(hessian::from_slice::<Event>(&hessian::to_vec(&event)?)?, event);
//! # Ok(())
//! # }
//! ```

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer, StringDeserializer};
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;

/// Writes the enum as it is without the attribute.
///
/// # Errors
/// As without the attribute.
pub fn serialize<T: Serialize + ?Sized, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    value.serialize(serializer)
}

/// Reads a string, or a map or object of the one entry `name`.
///
/// # Errors
/// Another value, or a name that the enum does not have.
pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_any(Constant(PhantomData))
}

struct Constant<T>(PhantomData<fn() -> T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Constant<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an enum: a string or an object of the one field `name`")
    }
    fn visit_str<E: de::Error>(self, name: &str) -> Result<T, E> {
        T::deserialize(StrDeserializer::new(name))
    }
    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<T, E> {
        T::deserialize(BorrowedStrDeserializer::new(name))
    }
    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let no_name = || de::Error::missing_field("name");
        let key: String = map.next_key()?.ok_or_else(no_name)?;
        if key != "name" {
            return Err(de::Error::unknown_field(&key, &["name"]));
        }
        let name: String = map.next_value()?;
        if let Some(key) = map.next_key::<String>()? {
            return Err(de::Error::unknown_field(&key, &["name"]));
        }
        T::deserialize(StringDeserializer::new(name))
    }
}
