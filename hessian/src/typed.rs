//! Types of lists and maps: `[int`, `java.util.LinkedList`, `java.util.TreeMap`, …
//!
//! Rust's sequences are written without a type and Java makes an `ArrayList` of them, its maps make a `HashMap`. Where the
//! receiver wants another class, or an array, say so:
//!
//! ```
//! use hessian::typed::{As, IntArray, LinkedList, Typed, typed};
//! # fn main() -> hessian::Result<()> {
//! #[derive(serde::Serialize, serde::Deserialize)]
//! #[serde(rename = "example.Order")]
//! struct Order {
//!     #[serde(with = "As::<IntArray>")]
//!     sizes: Vec<i32>,                            // an attribute, or
//!     notes: Typed<LinkedList, Vec<String>>,      // a type, or
//! }
//! let order = Order { sizes: vec![1], notes: vec!["a".to_owned()].into() };
//! let bytes = hessian::to_vec(&order)?;
//! assert!(bytes.ends_with(b"\x60\x71\x04[int\x91\x71\x14java.util.LinkedList\x01a"));
//! // a wrapper on the spot.
//! assert_eq!(hessian::to_vec(&typed("[int", &[1, 2]))?, b"\x72\x04[int\x91\x92");
//! # Ok(())
//! # }
//! ```
//!
//! Types are numbered as Java does: the second list of a type names it by number. In the values of a
//! [`ClassTable`](crate::ClassTable) they are written as strings each time. Reading, the type on the wire is ignored: any
//! list decodes into a sequence. Other formats see the list or map alone.

use crate::magic;
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

/// The name of a type of lists or maps; made by [`type_name!`](crate::type_name!).
pub trait TypeName {
    /// As Java names it.
    const NAME: &'static str;
}

/// Makes a [`TypeName`](crate::typed::TypeName).
///
/// ```
/// hessian::type_name!(pub Vector = "java.util.Vector");
/// let list = hessian::typed::Typed::<Vector, _>::new(vec![1]);
/// assert_eq!(hessian::to_vec(&list).unwrap(), b"\x71\x10java.util.Vector\x91");
/// ```
#[macro_export]
macro_rules! type_name {
    ($($(#[$meta:meta])* $vis:vis $name:ident = $text:literal);+ $(;)?) => {
        $($(#[$meta])*
        #[doc = concat!("`", $text, "`")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {}

        impl $crate::typed::TypeName for $name {
            const NAME: &'static str = $text;
        })+
    };
}

type_name! {
    pub BooleanArray = "[boolean";
    pub ShortArray = "[short";
    pub IntArray = "[int";
    pub LongArray = "[long";
    pub FloatArray = "[float";
    pub DoubleArray = "[double";
    pub StringArray = "[string";
    pub ObjectArray = "[object";
    pub DateArray = "[date";
    pub LinkedList = "java.util.LinkedList";
    pub HashSet = "java.util.HashSet";
    pub LinkedHashSet = "java.util.LinkedHashSet";
    pub TreeSet = "java.util.TreeSet";
    pub ArrayDeque = "java.util.ArrayDeque";
    pub LinkedHashMap = "java.util.LinkedHashMap";
    pub TreeMap = "java.util.TreeMap";
    pub ConcurrentHashMap = "java.util.concurrent.ConcurrentHashMap";
}

/// A list or map that is written with a type.
pub struct Typed<N, T>(pub T, PhantomData<fn() -> N>);

impl<N, T> Typed<N, T> {
    /// Wraps it.
    pub const fn new(value: T) -> Self {
        Self(value, PhantomData)
    }

    /// Unwraps it.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<N, T> From<T> for Typed<N, T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<N, T> Deref for Typed<N, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<N, T> DerefMut for Typed<N, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<N, T: Clone> Clone for Typed<N, T> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<N, T: Default> Default for Typed<N, T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<N, T: PartialEq> PartialEq for Typed<N, T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<N: TypeName, T: fmt::Debug> fmt::Debug for Typed<N, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(N::NAME).field(&self.0).finish()
    }
}

impl<N: TypeName, T: Serialize> Serialize for Typed<N, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        As::<N>::serialize(&self.0, serializer)
    }
}

impl<'de, N, T: Deserialize<'de>> Deserialize<'de> for Typed<N, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}

/// For `#[serde(with = "As::<IntArray>")]`. Null for `None`.
#[derive(Debug, Clone, Copy)]
pub struct As<N>(PhantomData<fn() -> N>);

impl<N: TypeName> As<N> {
    /// Writes a list or map with the type.
    ///
    /// # Errors
    /// What is neither a list nor a map nor null.
    pub fn serialize<T: Serialize + ?Sized, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        typed(N::NAME, value).serialize(serializer)
    }

    /// Reads any list or map.
    ///
    /// # Errors
    /// As without the attribute.
    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }
}

/// A list or map with the type `name`, to be written.
pub fn typed<T: Serialize + ?Sized>(name: &'static str, value: &T) -> impl Serialize {
    Outer(Inner { name, value })
}

struct Outer<'a, T: ?Sized>(Inner<'a, T>);

struct Inner<'a, T: ?Sized> {
    name: &'static str,
    value: &'a T,
}

impl<T: Serialize + ?Sized> Serialize for Outer<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(magic::TYPED, &self.0)
    }
}

impl<T: Serialize + ?Sized> Serialize for Inner<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(self.name, self.value)
    }
}
