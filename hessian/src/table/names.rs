//! The texts of names.

use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use std::cmp::Ordering;

/// What a name counts beside its text: what is kept about it is not smaller.
const PER_NAME: usize = size_of::<u32>();

/// Names one after the other, told by their index. They are text from the start: to read one costs nothing.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    text: String,
    /// Where each ends. Behind the last end is the name that is being added.
    ends: Vec<u32>,
}

impl Names {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline]
    fn start(&self, index: usize) -> usize {
        match index.checked_sub(1) {
            Some(before) => self.ends[before] as usize,
            None => 0,
        }
    }

    #[inline]
    pub(super) fn get(&self, index: u32) -> &str {
        let index = index as usize;
        &self.text[self.start(index)..self.ends[index] as usize]
    }

    #[inline]
    pub(super) fn extend(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Ends the name that is being added.
    pub(super) fn finish(&mut self) -> Result<()> {
        let end = u32::try_from(self.text.len()).map_err(|_| limit(u32::MAX))?;
        self.ends.push(end);
        Ok(())
    }

    /// Forgets the names from this one on.
    pub(super) fn truncate(&mut self, index: usize) {
        self.text.truncate(self.start(index));
        self.ends.truncate(index);
    }

    pub(super) fn check_room(&self, limits: &Limits) -> Result<()> {
        if self.text.len() + PER_NAME * self.ends.len() > limits.max_names as usize {
            return Err(limit(limits.max_names));
        }
        Ok(())
    }

    /// Orders runs of `count` names each: the same only when all names are.
    pub(super) fn compare(&self, a: u32, b: u32, count: u32) -> Ordering {
        let lengths = |at: u32| (at..at + count).map(|index| self.get(index).len());
        let text = |at: u32| &self.text[self.start(at as usize)..self.start((at + count) as usize)];
        text(a).cmp(text(b)).then_with(|| lengths(a).cmp(lengths(b)))
    }
}

#[cold]
fn limit(max: u32) -> Error {
    Error::new(ErrorKind::Limit { limit: "max_names", max: max.into() })
}
