//! What few messages need.

use std::mem::ManuallyDrop;
use std::ops::{Deref, DerefMut};

/// A value that is made when it is needed first. Until then it costs one word, and next to nothing to drop: one look,
/// where the compiler by itself would call a function for a second one.
#[derive(Debug, Clone)]
pub(crate) struct Rare<T>(ManuallyDrop<Option<Box<T>>>);

impl<T> Default for Rare<T> {
    #[inline]
    fn default() -> Self {
        Self(ManuallyDrop::new(None))
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

#[cfg(test)]
mod tests {
    use super::Rare;
    use std::rc::Rc;

    #[test]
    fn what_is_made_is_dropped() {
        let value = Rc::new(());
        let mut rare = Rare::<Option<Rc<()>>>::default();
        assert!(rare.is_none());
        **rare.get_or_insert_default() = Some(value.clone());
        let other = rare.clone();
        assert_eq!(Rc::strong_count(&value), 3);
        drop((rare, other));
        assert_eq!(Rc::strong_count(&value), 1);
    }
}
