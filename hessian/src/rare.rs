//! What few messages need.

use std::ops::{Deref, DerefMut};

/// A value that is made when it is needed first. Until then it costs one word, and next to nothing to drop.
#[derive(Debug, Clone)]
pub(crate) struct Rare<T>(Option<Box<T>>);

impl<T> Default for Rare<T> {
    #[inline]
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Deref for Rare<T> {
    type Target = Option<Box<T>>;

    #[inline]
    fn deref(&self) -> &Option<Box<T>> {
        &self.0
    }
}

impl<T> DerefMut for Rare<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Option<Box<T>> {
        &mut self.0
    }
}

impl<T> Drop for Rare<T> {
    #[inline(always)]
    fn drop(&mut self) {
        /// Out of line, so that the check is not.
        #[cold]
        #[inline(never)]
        fn discard<T>(value: &mut Option<Box<T>>) {
            *value = None;
        }

        if self.0.is_some() {
            discard(&mut self.0);
        }
    }
}
