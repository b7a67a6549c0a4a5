//! The types of lists and maps an encoder has named.

use crate::error::{Error, ErrorKind, Result};
use std::borrow::Cow;

/// Type names an encoder numbers at most; the default of [`Limits::max_types`](crate::Limits::max_types).
const MAX_TYPES: usize = 4096;

/// Numbers of types, in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct Types {
    /// Each with the position in the sink where it was written.
    met: Vec<(Cow<'static, str>, usize)>,
    /// Never a number: the values are read by readers that have seen other types before.
    literal: bool,
    /// Never told at all.
    omitted: bool,
    /// How many were written before the packet in hand: these stay, whatever is cut.
    kept: usize,
}

impl Types {
    /// Types that are written by their names each time, or not at all.
    pub(super) fn literal(omitted: bool) -> Self {
        Self { literal: true, omitted, ..Self::default() }
    }

    /// True when lists and maps are written without a type.
    pub(crate) const fn are_omitted(&self) -> bool {
        self.omitted
    }

    /// The number of a type; without one its name has to be written, and [`named`](Self::named) called. Few types:
    /// a linear search.
    pub(crate) fn find(&self, name: &str) -> Option<u32> {
        let index = self.met.iter().position(|(met, _)| met == name)?;
        u32::try_from(index).ok()
    }

    /// A name is written, at this position of the sink; gives its number, if it has one from now on.
    pub(crate) fn named(&mut self, name: Cow<'static, str>, position: usize) -> Result<Option<u32>> {
        if self.literal {
            return Ok(None);
        }
        if self.met.len() == MAX_TYPES {
            return Err(Error::new(ErrorKind::Limit { limit: "max_types", max: MAX_TYPES as u64 }));
        }
        self.met.push((name, position));
        Ok(u32::try_from(self.met.len() - 1).ok())
    }

    /// An empty type is written, which readers count.
    pub(crate) fn unnamed(&mut self, position: usize) {
        if !self.literal {
            self.met.push((Cow::Borrowed(""), position));
        }
    }

    /// The sink was cut at this position: forgets what stood behind it.
    pub(super) fn cut(&mut self, position: usize) {
        while self.met.len() > self.kept && self.met.last().is_some_and(|&(_, at)| at >= position) {
            self.met.pop();
        }
    }

    /// The packet is sent: its types are known from now on, in whatever sink the next one is written.
    pub(super) fn keep(&mut self) {
        self.kept = self.met.len();
    }
}
