//! What the structs of the program look like on the wire, worked out once for each.
//!
//! serde tells a format the names of a struct's fields one by one, every time. Here they are put together once per
//! struct: to write a class definition is then one copy. Only names that are
//! part of the program (`&'static str`) are kept, never anything from a message, and at most [`MAX_SHAPES`] of them.

use crate::encode::dialect::Dialect;
use crate::encode::number;
use crate::grammar::Final;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Structs (with each set of fields that `skip_serializing_if` leaves) that are remembered. Beyond it they are worked
/// out each time.
const MAX_SHAPES: usize = 1 << 14;
/// Structs that a thread finds without a lock.
const SLOTS: usize = 64;

/// A struct as it is serialized: a class.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    pub(crate) keys: &'static [&'static str],
    /// The definition: opcode, name, number of fields, names of the fields.
    pub(crate) definition: Box<[u8]>,
    /// Its names have up to 31 units each: but for the opcode the definition is the same in the draft.
    pub(crate) short: bool,
    /// Another shape has this name and number of fields: only a look at the keys can tell which one a value has.
    ambiguous: AtomicBool,
}

impl Shape {
    #[inline]
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.ambiguous.load(Ordering::Relaxed)
    }

    /// By address: the same struct of the program, not merely the same name.
    #[inline]
    pub(crate) fn is(&self, name: &'static str, len: usize) -> bool {
        std::ptr::eq(self.name, name) && self.keys.len() == len
    }
}

thread_local! {
    static SHAPES: [Cell<Option<&'static Shape>>; SLOTS] = const { [const { Cell::new(None) }; SLOTS] };
}

/// Names stand at least a few bytes apart.
#[inline]
fn slot(address: usize) -> usize {
    (address >> 3 ^ address >> 9) % SLOTS
}

/// The shape of a struct that this thread has written before.
#[inline]
pub(crate) fn known(name: &'static str, len: usize) -> Option<&'static Shape> {
    let shape = SHAPES.with(|slots| slots[slot(name.as_ptr().addr())].get())?;
    (shape.is(name, len) && !shape.is_ambiguous()).then_some(shape)
}

/// The shape of a struct with these fields; `None` when there are too many to remember.
pub(crate) fn intern(name: &'static str, keys: &[&'static str]) -> Option<&'static Shape> {
    type Registry = HashMap<(usize, usize), Vec<&'static Shape>>;
    static REGISTRY: OnceLock<Mutex<(Registry, usize)>> = OnceLock::new();

    let mut registry = REGISTRY.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let (shapes, count) = &mut *registry;
    let family = shapes.entry((name.as_ptr().addr(), keys.len())).or_default();
    let shape = match family.iter().find(|shape| shape.name == name && shape.keys == keys) {
        Some(shape) => shape,
        None if *count == MAX_SHAPES => return None,
        None => {
            *count += 1;
            let mut definition = vec![Final::CLASS];
            write_definition::<Final>(&mut definition, name, keys);
            // A text of n bytes has at most n units.
            let short = keys.iter().chain([&name]).all(|name| name.len() <= 0x1f);
            let shape: &'static Shape = Box::leak(Box::new(Shape {
                name,
                keys: Vec::leak(keys.to_vec()),
                definition: definition.into(),
                short,
                ambiguous: AtomicBool::new(false),
            }));
            family.push(shape);
            if family.len() > 1 {
                family.iter().for_each(|shape| shape.ambiguous.store(true, Ordering::Relaxed));
            }
            shape
        }
    };
    SHAPES.with(|slots| slots[slot(name.as_ptr().addr())].set(Some(shape)));
    Some(shape)
}

/// A definition without its opcode.
pub(crate) fn write_definition<G: Dialect>(out: &mut Vec<u8>, name: &str, keys: &[&str]) {
    G::string(out, name);
    put_fields::<G>(out, keys);
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "the fields of a Rust struct"
)]
fn put_fields<G: Dialect>(out: &mut Vec<u8>, keys: &[&str]) {
    number::int(out, keys.len() as i32);
    for key in keys {
        G::string(out, key);
    }
}
