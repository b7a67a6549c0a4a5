//! Bytes that many have to share.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What is held of something that is bounded in all, wherever in the hub it is. One atomic addition to take, one to
/// give back.
#[derive(Debug)]
pub(crate) struct Budget {
    used: AtomicUsize,
    max: usize,
}

impl Budget {
    pub(crate) const fn new(max: usize) -> Self {
        Self { used: AtomicUsize::new(0), max }
    }

    pub(crate) const fn max(&self) -> usize {
        self.max
    }

    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Takes `bytes` in any case, and returns how many are too many now: whoever cannot do without those gives all of
    /// his back.
    pub(crate) fn overdraw(&self, bytes: usize) -> usize {
        (self.used.fetch_add(bytes, Ordering::Relaxed) + bytes).saturating_sub(self.max)
    }

    /// Takes `bytes`, if there are as many left.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let fits = self.overdraw(bytes) == 0;
        if !fits {
            self.give_back(bytes);
        }
        fits
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is_and_what_is_given_back_is_there_again() {
        let budget = Budget::new(10);
        assert!(budget.take(7) && !budget.take(4) && budget.take(3));
        assert_eq!((budget.used(), budget.overdraw(5)), (10, 5));
        budget.give_back(12);
        assert_eq!((budget.used(), budget.take(8), budget.take(7)), (3, false, true));
    }
}
