//! The one file that knows the codec: values to bodies, bodies to packets.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::PublishError;

pub use hessian::packet::Framing;

/// The class table that every Hessian connection of a hub shares.
///
/// In a Hessian stream a class is defined once and then only numbered, so the bytes of an object depend on
/// what its reader has seen before. Here all readers share one numbering: a body is encoded once, without
/// definitions, and a connection that has not met a class yet gets the missing definitions in front of the
/// same body. The lock is held while a value is encoded, never while anything is sent.
///
/// The table holds 4,096 classes (the codec's bound); a value that would define one more is refused.
#[derive(Debug, Default)]
pub(crate) struct Classes(Mutex<hessian::ClassTable>);

/// A value, encoded once for all readers.
#[derive(Debug)]
pub(crate) struct HessianBody {
    /// The value: no definitions, only numbers of classes.
    pub(crate) bytes: Vec<u8>,
    /// How many classes a reader must know to read it.
    pub(crate) needs: u32,
}

impl Classes {
    /// Encodes `value` once. Classes it meets first are added to the table.
    pub(crate) fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<HessianBody, PublishError> {
        let mut bytes = Vec::with_capacity(64);
        let needs = self.lock().encode(value, &mut bytes).map_err(PublishError::Hessian)?;
        Ok(HessianBody { bytes, needs })
    }

    /// Calls `with` with the definitions of the classes `from..to`, in that order.
    pub(crate) fn definitions<R>(&self, from: u32, to: u32, with: impl FnOnce(&[u8]) -> R) -> R {
        with(self.lock().definitions(from, to))
    }

    fn lock(&self) -> MutexGuard<'_, hessian::ClassTable> {
        // The table is append-only: what a panicking thread left behind is still a prefix of the truth.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
