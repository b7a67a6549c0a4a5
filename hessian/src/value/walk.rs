//! A graph told as a tree: what is met again is told again, within a bound.

use super::{Graph, Value, View};
use crate::error::{Error, ErrorKind, Result};
use crate::event::RefId;
use crate::limits::{Limits, told_again};
use crate::shared::Decoded;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

/// What a value that is told again counts for `max_expansion`, beside its text or bytes: what is made of it is not smaller.
const VALUE: u64 = 32;

/// How far a graph was told. What is told once takes no more than the graph itself.
#[derive(Debug)]
pub(crate) struct Walk {
    limits: Limits,
    /// What encloses the value in hand.
    open: RefCell<Vec<RefId>>,
    /// The lists, maps and objects that were told before, by their numbers.
    met: RefCell<Vec<bool>>,
    /// How many of those that enclose the value in hand are told again.
    again: Cell<u32>,
    /// Bytes that may still be told again.
    left: Cell<u64>,
    decoded: Arc<Decoded>,
}

/// What [`Walk::leave`] takes back.
#[derive(Debug)]
#[must_use]
pub(crate) struct Inside {
    again: bool,
}

impl Walk {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limits: *limits,
            open: RefCell::default(),
            met: RefCell::default(),
            again: Cell::new(0),
            left: Cell::new(limits.max_expansion),
            decoded: Arc::default(),
        }
    }

    /// Goes into a list, map or object.
    ///
    /// # Errors
    /// A cycle, `max_depth`, `max_expansion`.
    pub(crate) fn enter(&self, view: View<'_, '_>, id: RefId) -> Result<Inside> {
        let mut open = self.open.borrow_mut();
        if open.contains(&id) {
            return Err(Error::new(ErrorKind::Cycle { number: id.0 }));
        }
        if open.len() >= self.limits.max_depth as usize {
            let max = self.limits.max_depth.into();
            return Err(Error::new(ErrorKind::Limit { limit: "max_depth", max }));
        }
        let again = self.meet(view.graph, id.0);
        if again {
            self.expand(VALUE)?;
            self.again.set(self.again.get() + 1);
        }
        open.push(id);
        Ok(Inside { again })
    }

    pub(crate) fn leave(&self, Inside { again }: Inside) {
        self.open.borrow_mut().pop();
        self.again.set(self.again.get() - u32::from(again));
    }

    /// Goes in, and out again after `read`; a scalar is read where it is.
    pub(crate) fn inside<R>(&self, view: View<'_, '_>, read: impl FnOnce() -> Result<R>) -> Result<R> {
        let Some(id) = view.id() else { return read() };
        let inside = self.enter(view, id)?;
        let done = read();
        self.leave(inside);
        done
    }

    /// The values that references may be asked to share.
    pub(crate) fn decoded(&self) -> Arc<Decoded> {
        Arc::clone(&self.decoded)
    }

    /// True when it was met before.
    fn meet(&self, graph: &Graph<'_>, id: u32) -> bool {
        let mut met = self.met.borrow_mut();
        if met.is_empty() {
            met.resize(graph.nodes.len(), false);
        }
        std::mem::replace(&mut met[id as usize], true)
    }

    /// An element, key, value or field is told.
    #[inline]
    pub(crate) fn value(&self, view: View<'_, '_>) -> Result<()> {
        if self.again.get() == 0 {
            return Ok(());
        }
        self.expand(VALUE + view.value.length())
    }

    /// A name of the graph's is told, which it holds once.
    #[inline]
    pub(crate) fn name(&self, name: &str) -> Result<()> {
        match told_again(name.len()) {
            0 => Ok(()),
            bytes => self.expand(bytes),
        }
    }

    /// A copy of what the value reaches, without the names, which both share.
    pub(crate) fn copy<'de>(&self, view: View<'_, 'de>) -> Result<Graph<'de>> {
        view.copy(|id, values| match self.again.get() > 0 || self.meet(view.graph, id) {
            true => self.expand(values.iter().map(|value| VALUE + value.length()).sum::<u64>() + VALUE),
            false => Ok(()),
        })
    }

    fn expand(&self, bytes: u64) -> Result<()> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                let max = self.limits.max_expansion;
                Err(Error::new(ErrorKind::Limit { limit: "max_expansion", max }))
            }
        }
    }
}

impl Value<'_> {
    /// Bytes of its text or binary.
    fn length(&self) -> u64 {
        let length = match self {
            Self::Utf16(units) => 2 * units.len(),
            other => match (other.as_str(), other.as_bytes()) {
                (Some(text), _) => text.len(),
                (None, bytes) => bytes.map_or(0, <[u8]>::len),
            },
        };
        length as u64
    }
}
