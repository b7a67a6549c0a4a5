//! Objects of Java's classes: fixed fields, any class name, any order.

/// Makes a struct that is an object of a Java class: written with its fields, read from any object or map that has them.
macro_rules! object {
    (
        $(#[$doc:meta])*
        pub struct $name:ident: $plain:literal $(, $handle:literal)? {
            $($(#[$field_doc:meta])* pub $field:ident: $type:ty = $wire:literal $(| $alias:literal)*,)*
        }
        $(check $check:expr;)?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $crate::java::spelling::sealed::Sealed for $name {}

        impl $crate::java::spelling::Spelled for $name {
            fn spell<S: ::serde::ser::Serializer>(
                &self,
                spelling: $crate::java::spelling::Spelling,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                use ::serde::ser::SerializeStruct;
                let class = $crate::java::spelling::class!(spelling, $plain $(, $handle)?);
                let fields = [$($wire),*].len();
                let mut object = serializer.serialize_struct(class, fields)?;
                $(object.serialize_field($wire, &$crate::java::spelling::In(spelling, &self.$field))?;)*
                object.end()
            }
        }

        impl ::serde::ser::Serialize for $name {
            fn serialize<S: ::serde::ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::java::spelling::Spelled::spell(
                    self,
                    $crate::java::spelling::Spelling::Plain,
                    serializer,
                )
            }
        }

        $crate::java::object::read_object! {
            $name: $plain { $($field: $type = $wire $(| $alias)*,)* } $(check $check;)?
        }
    };
}
pub(super) use object;

/// The `Deserialize` of such a struct.
macro_rules! read_object {
    (
        $name:ident: $plain:literal { $($field:ident: $type:ty = $wire:literal $(| $alias:literal)*,)* }
        $(check $check:expr;)?
    ) => {
        impl<'de> ::serde::de::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use ::serde::de::{self, Deserializer, Error as _, MapAccess, SeqAccess};

                struct Visitor;

                impl<'de> de::Visitor<'de> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object with the fields of ", $plain))
                    }
                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        $(let mut $field: Option<$type> = None;)*
                        while let Some(name) = map.next_key_seed($crate::java::object::Name(&[
                            $(&[$wire $(, $alias)*]),*
                        ]))? {
                            let mut index = 0;
                            $(
                                if name == Some(index) {
                                    $field = Some(map.next_value()?);
                                    continue;
                                }
                                index += 1;
                            )*
                            let _ = index;
                            map.next_value::<de::IgnoredAny>()?;
                        }
                        let object = $name {
                            $($field: match $field {
                                Some(value) => value,
                                None => $crate::java::object::missing($wire)?,
                            },)*
                        };
                        $(($check)(&object).map_err(A::Error::custom)?;)?
                        Ok(object)
                    }
                    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<$name, A::Error> {
                        let object = $name {
                            $($field: match seq.next_element()? {
                                Some(value) => value,
                                None => return Err(A::Error::missing_field($wire)),
                            },)*
                        };
                        $(($check)(&object).map_err(A::Error::custom)?;)?
                        Ok(object)
                    }
                    fn visit_newtype_struct<D: Deserializer<'de>>(
                        self,
                        deserializer: D,
                    ) -> Result<$name, D::Error> {
                        if deserializer.is_human_readable() {
                            deserializer.deserialize_any(self)
                        } else {
                            deserializer.deserialize_struct($plain, &[$($wire),*], self)
                        }
                    }
                }

                deserializer.deserialize_newtype_struct($crate::magic::ANY, Visitor)
            }
        }
    };
}
pub(super) use read_object;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer};
use std::fmt;

/// Which of the fields a name is.
#[derive(Clone, Copy)]
pub(super) struct Name(pub(super) &'static [&'static [&'static str]]);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl de::Visitor<'_> for Name {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }
    fn visit_str<E: de::Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.iter().position(|names| names.contains(&name)))
    }
}

/// What a field that is not there has for its value: `None`, or it is an error.
pub(super) fn missing<'de, T: Deserialize<'de>, E: de::Error>(name: &'static str) -> Result<T, E> {
    T::deserialize(de::value::UnitDeserializer::<E>::new()).map_err(|_| E::missing_field(name))
}

/// Makes a newtype that is a Java object of one field, a scalar in other formats.
macro_rules! wrapper {
    (
        $(#[$doc:meta])*
        pub struct $name:ident($inner:ty): $plain:literal $(, $handle:literal)?;
        field $field:literal;
        read $($read:ident($from:ty))*;
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name(pub $inner);

        impl From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }

        impl $crate::java::spelling::sealed::Sealed for $name {}

        impl $crate::java::spelling::Spelled for $name {
            fn spell<S: ::serde::ser::Serializer>(
                &self,
                spelling: $crate::java::spelling::Spelling,
                serializer: S,
            ) -> Result<S::Ok, S::Error> {
                use ::serde::ser::{Serialize, SerializeStruct};
                if serializer.is_human_readable() {
                    return self.0.serialize(serializer);
                }
                let class = $crate::java::spelling::class!(spelling, $plain $(, $handle)?);
                let mut object = serializer.serialize_struct(class, 1)?;
                object.serialize_field($field, &self.0)?;
                object.end()
            }
        }

        impl ::serde::ser::Serialize for $name {
            fn serialize<S: ::serde::ser::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::java::spelling::Spelled::spell(
                    self,
                    $crate::java::spelling::Spelling::Plain,
                    serializer,
                )
            }
        }

        impl<'de> ::serde::de::Deserialize<'de> for $name {
            fn deserialize<D: ::serde::de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                use ::serde::de::{self, Deserializer, Error as _, MapAccess, SeqAccess};

                struct Visitor;

                impl<'de> de::Visitor<'de> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a scalar, or an object of one field as ", $plain))
                    }
                    $(fn $read<E: de::Error>(self, value: $from) -> Result<$name, E> {
                        $crate::java::object::FromWire::from_wire(value).map($name).map_err(E::custom)
                    })*
                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut read: Option<$name> = None;
                        while let Some(name) =
                            map.next_key_seed($crate::java::object::Name(&[&[$field, "value", "_value"]]))?
                        {
                            match name {
                                Some(_) => read = Some(map.next_value()?),
                                None => {
                                    map.next_value::<de::IgnoredAny>()?;
                                }
                            }
                        }
                        read.ok_or_else(|| A::Error::missing_field($field))
                    }
                    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<$name, A::Error> {
                        let value: $inner =
                            seq.next_element()?.ok_or_else(|| A::Error::missing_field($field))?;
                        $crate::java::object::FromWire::from_wire(value).map($name).map_err(A::Error::custom)
                    }
                    fn visit_newtype_struct<D: Deserializer<'de>>(
                        self,
                        deserializer: D,
                    ) -> Result<$name, D::Error> {
                        if deserializer.is_human_readable() {
                            deserializer.deserialize_any(self)
                        } else {
                            deserializer.deserialize_struct($plain, &[$field], self)
                        }
                    }
                }

                deserializer.deserialize_newtype_struct($crate::magic::ANY, Visitor)
            }
        }
    };
}
pub(super) use wrapper;

/// What a wrapper holds, of what stands on the wire.
pub(super) trait FromWire<W>: Sized {
    fn from_wire(value: W) -> Result<Self, String>;
}

impl FromWire<&str> for String {
    fn from_wire(value: &str) -> Result<Self, String> {
        Ok(value.to_owned())
    }
}

impl<T> FromWire<T> for T {
    fn from_wire(value: T) -> Result<Self, String> {
        Ok(value)
    }
}

macro_rules! narrow {
    ($($to:ty: $($from:ty)*;)*) => {
        $($(impl FromWire<$from> for $to {
            fn from_wire(value: $from) -> Result<Self, String> {
                Self::try_from(value)
                    .map_err(|_| format!("{value} is out of the range of {}", stringify!($to)))
            }
        })*)*
    };
}

narrow! {
    i8: i64 u64;
    i16: i64 u64;
}

impl FromWire<f64> for f32 {
    #[expect(clippy::cast_possible_truncation, reason = "Java's float, widened on the wire")]
    fn from_wire(value: f64) -> Result<Self, String> {
        Ok(value as Self)
    }
}

impl FromWire<i64> for f32 {
    #[expect(clippy::cast_precision_loss, reason = "a float that a sender wrote as an integer")]
    fn from_wire(value: i64) -> Result<Self, String> {
        Ok(value as Self)
    }
}

impl FromWire<u64> for f32 {
    #[expect(clippy::cast_precision_loss, reason = "a float that a sender wrote as an integer")]
    fn from_wire(value: u64) -> Result<Self, String> {
        Ok(value as Self)
    }
}

impl FromWire<i64> for crate::date::Date {
    fn from_wire(millis: i64) -> Result<Self, String> {
        Ok(Self::from_millis(millis))
    }
}

impl FromWire<u64> for crate::date::Date {
    fn from_wire(millis: u64) -> Result<Self, String> {
        i64::try_from(millis).map(Self::from_millis).map_err(|error| error.to_string())
    }
}
