//! Numbers on the wire.

use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;

/// What the numbers of a stream stand for, once it has told something again that was known: each telling takes a
/// number. Those before the first repetition, `plain` of them, stand for themselves.
#[derive(Debug, Clone, Default)]
pub(super) struct Repeats {
    since: Vec<u32>,
}

impl Repeats {
    pub(super) fn is_empty(&self) -> bool {
        self.since.is_empty()
    }

    /// The next number stands for `known`: the newest, if it is `plain`.
    pub(super) fn add(&mut self, plain: &mut u32, known: u32, limits: &Limits) -> Result<()> {
        if known == *plain && self.since.is_empty() {
            *plain += 1;
            return Ok(());
        }
        if self.since.len() >= limits.max_repeats as usize {
            return Err(Error::new(ErrorKind::Limit {
                limit: "max_repeats",
                max: limits.max_repeats.into(),
            }));
        }
        self.since.push(known);
        Ok(())
    }

    /// What a number that is not plain stands for.
    pub(super) fn get(&self, plain: u32, number: u32) -> Option<u32> {
        self.since.get(number.checked_sub(plain)? as usize).copied()
    }

    pub(super) fn len(&self, plain: u32) -> usize {
        plain as usize + self.since.len()
    }

    /// Forgets the numbers from `len` on.
    pub(super) fn truncate(&mut self, plain: &mut u32, len: usize) {
        self.since.truncate(len.saturating_sub(*plain as usize));
        #[expect(clippy::cast_possible_truncation, reason = "the smaller of both")]
        let smaller = len.min(*plain as usize) as u32;
        *plain = smaller;
    }
}
