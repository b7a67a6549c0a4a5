//! The classes of a stream.

use super::Cursor;
use super::expected::{Expected, Key};
use smallvec::SmallVec;

/// One class.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Class {
    /// Where its name stands; the fields' names follow.
    pub(super) at: u32,
    pub(super) fields: u32,
    /// The struct that has just these fields and takes them in order, if one was compared.
    pub(super) expected: Option<&'static Expected>,
    /// The names are in the packet that is being decoded, not in the table: each after its length, ASCII.
    pub(super) local: bool,
    /// Somebody was told the fields' names.
    pub(super) told: bool,
}

impl Class {
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: self.at, local: self.local }
    }

    /// It has just the fields of this struct, in the order in which the struct takes them.
    #[inline(always)]
    pub(super) fn is_expected(&self, key: Key) -> bool {
        matches!(self.expected, Some(expected) if expected.key == key)
    }
}

/// Classes by their numbers. The first, often the only one, costs least; the first four do not allocate.
#[derive(Debug, Clone, Default)]
pub(super) struct Classes {
    len: u32,
    first: Class,
    others: SmallVec<[Class; 3]>,
}

impl Classes {
    #[inline]
    pub(super) fn len(&self) -> u32 {
        self.len
    }

    /// The class of a number that has been given.
    #[inline]
    pub(super) fn get(&self, number: u32) -> &Class {
        match number.checked_sub(1) {
            None => &self.first,
            Some(other) => &self.others[other as usize],
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, number: u32) -> &mut Class {
        match number.checked_sub(1) {
            None => &mut self.first,
            Some(other) => &mut self.others[other as usize],
        }
    }

    /// Gives the next number. Called once: in each place that it may go to, the class is made where it stays.
    #[inline(always)]
    pub(super) fn push(&mut self, class: impl Fn() -> Class) {
        if self.len == 0 {
            self.first = class();
        } else {
            self.others.push(class());
        }
        self.len += 1;
    }

    pub(super) fn truncate(&mut self, len: u32) {
        self.others.truncate(len.saturating_sub(1) as usize);
        self.len = self.len.min(len);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Class> {
        (0..self.len).map(|number| self.get(number))
    }
}
