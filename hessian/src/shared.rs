//! Values that several places share, through serde.

use crate::magic;
use serde::de::{self, Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};
use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

/// A value that several places of a message share.
///
/// Encoding: the second time the same `Arc` is met in a packet, a reference is written; Java gets one object. Decoding: a
/// reference to a value that was decoded as `Shared<T>` of the same `T` gives the same `Arc`; to any other value, a new
/// one. What is no list, map or object (strings, numbers) cannot be referred to in Hessian and is written each time.
///
/// Cycles: written when the data has them (through `Mutex`, `OnceLock`, …); decoding one gives
/// [`ErrorKind::Cycle`](crate::ErrorKind::Cycle), because an `Arc` cannot be had before its value is complete: decode
/// cyclic data into a [`Graph`](crate::Graph). Other formats see the value itself, each time.
///
/// ```
/// # fn main() -> hessian::Result<()> {
/// use hessian::Shared;
/// let one = Shared::new(vec![1, 2]);
/// let bytes = hessian::to_vec(&[&one, &one])?;
/// assert_eq!(bytes, b"\x7a\x7a\x91\x92\x51\x91"); // a list of two: a list of two, reference 1
/// let two: [Shared<Vec<i32>>; 2] = hessian::from_slice(&bytes)?;
/// assert!(Shared::ptr_eq(&two[0], &two[1]));
/// # Ok(())
/// # }
/// ```
pub struct Shared<T: ?Sized>(pub Arc<T>);

impl<T> Shared<T> {
    /// A value to be shared.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: ?Sized> Shared<T> {
    /// True when both are one value.
    #[must_use]
    pub fn ptr_eq(a: &Self, b: &Self) -> bool {
        Arc::ptr_eq(&a.0, &b.0)
    }
}

impl<T: ?Sized> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> From<Arc<T>> for Shared<T> {
    fn from(value: Arc<T>) -> Self {
        Self(value)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: PartialEq + ?Sized> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Serialize + Send + Sync + ?Sized + 'static> Serialize for Shared<T> {
    /// Hessian's serializer keeps a clone of the `Arc` until the packet is complete. Allocates for that.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let address = Arc::as_ptr(&self.0).cast::<()>().addr();
        magic::give_shared(magic::Met { address, value: Arc::new(Arc::clone(&self.0)) });
        let done = serializer.serialize_newtype_struct(magic::SHARED, &*self.0);
        // Other formats leave it.
        magic::take_shared();
        done
    }
}

/// What the parts of a packet that are decoded apart have in common.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    /// What references may lead to: the values decoded as [`Shared`], by number and type.
    values: Mutex<HashMap<(u32, TypeId), Arc<dyn Any + Send + Sync>>>,
}

impl Decoded {
    fn get<T: Send + Sync + 'static>(&self, number: u32) -> Option<Arc<T>> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(&(number, TypeId::of::<T>()))?.clone().downcast().ok()
    }

    fn put<T: Send + Sync + 'static>(&self, number: u32, value: Arc<T>) {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.insert((number, TypeId::of::<T>()), value);
    }
}

impl<'de, T: Deserialize<'de> + Send + Sync + 'static> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de> + Send + Sync + 'static> de::Visitor<'de> for Visitor<T> {
            type Value = Shared<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value that may be shared")
            }
            /// This crate's deserializers: the value's number, then the value, which is read only when asked for.
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Shared<T>, A::Error> {
                let table = magic::take_table();
                let (Some(table), Some(number)) = (table, seq.next_element::<u32>()?) else {
                    return Err(de::Error::invalid_type(de::Unexpected::Seq, &self));
                };
                if let Some(value) = table.get(number) {
                    return Ok(Shared(value));
                }
                let value: T = seq.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                let value = Arc::new(value);
                table.put(number, Arc::clone(&value));
                Ok(Shared(value))
            }
            fn visit_newtype_struct<D: Deserializer<'de>>(
                self,
                deserializer: D,
            ) -> Result<Shared<T>, D::Error> {
                T::deserialize(deserializer).map(Shared::new)
            }
        }

        deserializer.deserialize_newtype_struct(magic::SHARED, Visitor(PhantomData))
    }
}
