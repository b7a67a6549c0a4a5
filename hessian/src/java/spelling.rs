//! The names that Java's libraries give to the same thing.

use crate::date::Date;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeSeq, Serializer};

/// Which classes the receiver knows.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(unnameable_types, reason = "an argument of a sealed trait's hidden method")]
pub enum Spelling {
    /// What Caucho 4.0.38 writes; for `java.time` the fields of the JDK's classes.
    Plain,
    /// `com.caucho.hessian.io.*`, with `java8.*Handle` for `java.time` (SOFA's fork).
    Caucho,
    /// `com.alibaba.com.caucho.hessian.io.*` (hessian-lite, Dubbo).
    Alibaba,
}

/// A value whose class name depends on the receiver's library; sealed.
pub trait Spelled: sealed::Sealed {
    #[doc(hidden)]
    fn spell<S: Serializer>(&self, spelling: Spelling, serializer: S) -> Result<S::Ok, S::Error>;
}

pub(super) mod sealed {
    #[expect(unnameable_types, reason = "sealed: nobody else implements it")]
    pub trait Sealed {}
}

/// A value in a spelling.
pub(super) struct In<'a, T: ?Sized>(pub(super) Spelling, pub(super) &'a T);

impl<T: Spelled + ?Sized> Serialize for In<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.1.spell(self.0, serializer)
    }
}

macro_rules! unspelled {
    ($($type:ty)*) => {
        $(impl sealed::Sealed for $type {}

        impl Spelled for $type {
            fn spell<S: Serializer>(&self, _: Spelling, serializer: S) -> Result<S::Ok, S::Error> {
                self.serialize(serializer)
            }
        })*
    };
}

unspelled! { u8 i8 i16 i32 u32 i64 f32 String Date }

impl<T: Spelled> sealed::Sealed for Option<T> {}
impl<T: Spelled> sealed::Sealed for Vec<T> {}

impl<T: Spelled> Spelled for Option<T> {
    fn spell<S: Serializer>(&self, spelling: Spelling, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => serializer.serialize_some(&In(spelling, value)),
            None => serializer.serialize_none(),
        }
    }
}

impl<T: Spelled> Spelled for Vec<T> {
    fn spell<S: Serializer>(&self, spelling: Spelling, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.len()))?;
        for value in self {
            seq.serialize_element(&In(spelling, value))?;
        }
        seq.end()
    }
}

macro_rules! libraries {
    ($($(#[$doc:meta])* $name:ident, $module:ident;)*) => {
        $($(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name<T>(pub T);

        impl<T: Spelled> Serialize for $name<T> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.0.spell(Spelling::$name, serializer)
            }
        }

        impl<'de, T: Deserialize<'de>> Deserialize<'de> for $name<T> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                T::deserialize(deserializer).map(Self)
            }
        }

        #[doc = concat!(
            "For `#[serde(with = \"hessian::java::", stringify!($module), "\")]`: as [`", stringify!($name), "`]."
        )]
        pub mod $module {
            use super::{Spelled, Spelling};
            use serde::de::{Deserialize, Deserializer};
            use serde::ser::Serializer;

            /// Writes the value with this library's class names.
            ///
            /// # Errors
            /// The serializer's.
            pub fn serialize<T: Spelled, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
                value.spell(Spelling::$name, serializer)
            }

            /// Reads the value, whatever its class name.
            ///
            /// # Errors
            /// The deserializer's.
            pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
                deserializer: D,
            ) -> Result<T, D::Error> {
                T::deserialize(deserializer)
            }
        })*
    };
}

libraries! {
    /// Writes `com.caucho.hessian.io.*` class names, `com.caucho.hessian.io.java8.*Handle` for `java.time`.
    Caucho, caucho;
    /// Writes `com.alibaba.com.caucho.hessian.io.*` class names (hessian-lite, Dubbo), `….java8.*Handle` for `java.time`.
    Alibaba, alibaba;
}

/// `name` after the package of the library; `plain` where it stands.
macro_rules! class {
    ($spelling:expr, $plain:literal, $handle:literal) => {
        match $spelling {
            $crate::java::spelling::Spelling::Plain => $plain,
            $crate::java::spelling::Spelling::Caucho => concat!("com.caucho.hessian.io.", $handle),
            $crate::java::spelling::Spelling::Alibaba => {
                concat!("com.alibaba.com.caucho.hessian.io.", $handle)
            }
        }
    };
    ($spelling:expr, $plain:literal) => {{
        let _: $crate::java::spelling::Spelling = $spelling;
        $plain
    }};
}
pub(super) use class;
