//! What the structs of the program look like on the wire, worked out once for each.
//!
//! serde tells a format the names of a struct's fields one by one, every time. Here they are put together once per
//! struct, for all threads: to write a class definition is then one copy. Only names that are part of the program
//! (`&'static str`) are kept, never anything from a message, and of each name at most [`MAX_SETS`] sets of fields.

use crate::encode::dialect::Dialect;
use crate::encode::number;
use crate::grammar::Final;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

/// Sets of fields that are remembered of the structs of one name. `skip_serializing_if` can leave as many as a power of
/// two; beyond these few they are worked out each time, for this name alone.
pub(crate) const MAX_SETS: usize = 256;
/// Shapes that a thread finds without a lock.
const SLOTS: usize = 1 << SLOT_BITS;
const SLOT_BITS: u32 = 7;

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
    fn new(name: &'static str, keys: &[&'static str]) -> Self {
        let mut definition = vec![Final::CLASS];
        write_definition::<Final>(&mut definition, name, keys);
        // A text of n bytes has at most n units.
        let short = keys.iter().chain([&name]).all(|name| name.len() <= 0x1f);
        let keys = Vec::leak(keys.to_vec());
        Self { name, keys, definition: definition.into(), short, ambiguous: AtomicBool::new(false) }
    }

    #[inline]
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.ambiguous.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn is(&self, name: &'static str, len: usize) -> bool {
        self.keys.len() == len && is_same(self.name, name)
    }

    fn has(&self, name: &'static str, keys: &[&'static str]) -> bool {
        self.is(name, keys.len()) && self.keys.iter().zip(keys).all(|(a, b)| is_same(a, b))
    }
}

/// Normally by the address. But a compiler may put the same name of the program in several places.
#[inline(always)]
fn is_same(a: &'static str, b: &'static str) -> bool {
    std::ptr::eq(a, b) || (a.len() == b.len() && is_same_text(a, b))
}

#[cold]
#[inline(never)]
fn is_same_text(a: &str, b: &str) -> bool {
    a == b
}

thread_local! {
    /// Found by name and number of fields, those that are ambiguous by the names of all fields.
    static SHAPES: [Cell<Option<&'static Shape>>; SLOTS] = const { [const { Cell::new(None) }; SLOTS] };
}

/// Spreads addresses, whose highest bits are all the same and whose lowest may be.
#[inline(always)]
const fn mix(hash: u64, address: usize) -> u64 {
    (hash.rotate_left(5) ^ address as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[inline(always)]
const fn slot(hash: u64) -> usize {
    (hash >> (u64::BITS - SLOT_BITS)) as usize
}

#[inline(always)]
fn slot_by_len(name: &'static str, len: usize) -> usize {
    slot(mix(len as u64, name.as_ptr().addr()))
}

fn slot_by_keys(name: &'static str, keys: &[&'static str]) -> usize {
    slot(keys.iter().fold(mix(0, name.as_ptr().addr()), |hash, key| mix(hash, key.as_ptr().addr())))
}

/// The shape of a struct that this thread has written before.
#[inline]
pub(crate) fn known(name: &'static str, len: usize) -> Option<&'static Shape> {
    let shape = SHAPES.with(|slots| slots[slot_by_len(name, len)].get())?;
    (shape.is(name, len) && !shape.is_ambiguous()).then_some(shape)
}

/// The shape of a struct with these fields; `None` when its name has too many sets of them to remember.
pub(crate) fn intern(name: &'static str, keys: &[&'static str]) -> Option<&'static Shape> {
    let slot = slot_by_keys(name, keys);
    if let Some(shape) = SHAPES.with(|slots| slots[slot].get())
        && shape.has(name, keys)
    {
        return Some(shape);
    }
    let shape = shared(name, keys)?;
    if shape.is_ambiguous() {
        SHAPES.with(|slots| slots[slot].set(Some(shape)));
    }
    Some(shape)
}

/// This thread finds the shape by this name, in this place of the program, from now on.
pub(crate) fn remember(name: &'static str, shape: &'static Shape) {
    if !shape.is_ambiguous() {
        SHAPES.with(|slots| slots[slot_by_len(name, shape.keys.len())].set(Some(shape)));
    }
}

/// The shapes of one name, by their fields.
type Sets = HashMap<&'static [&'static str], &'static Shape>;

/// [`intern`] for all threads.
fn shared(name: &'static str, keys: &[&'static str]) -> Option<&'static Shape> {
    static SHARED: OnceLock<RwLock<HashMap<&'static str, Sets>>> = OnceLock::new();

    let shared = SHARED.get_or_init(RwLock::default);
    if let Some(sets) = shared.read().unwrap_or_else(PoisonError::into_inner).get(name) {
        match sets.get(keys) {
            Some(shape) => return Some(shape),
            None if sets.len() >= MAX_SETS => return None,
            None => {}
        }
    }
    let mut shared = shared.write().unwrap_or_else(PoisonError::into_inner);
    let sets = shared.entry(name).or_default();
    if let Some(shape) = sets.get(keys) {
        return Some(shape);
    }
    if sets.len() >= MAX_SETS {
        return None;
    }
    let shape: &'static Shape = Box::leak(Box::new(Shape::new(name, keys)));
    for other in sets.values().filter(|other| other.keys.len() == keys.len()) {
        other.ambiguous.store(true, Ordering::Relaxed);
        shape.ambiguous.store(true, Ordering::Relaxed);
    }
    sets.insert(shape.keys, shape);
    if sets.len() == MAX_SETS {
        // Those that come now have the length of one of them, or not: who knows.
        sets.values().for_each(|shape| shape.ambiguous.store(true, Ordering::Relaxed));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

    /// The fields that the bits of a number choose.
    fn set(bits: usize) -> Vec<&'static str> {
        (0..KEYS.len()).filter(|at| bits >> at & 1 == 1).map(|at| KEYS[at]).collect()
    }

    #[test]
    fn one_struct_does_not_take_what_others_need() {
        let found = (0..1 << KEYS.len()).filter(|&bits| intern("Wide", &set(bits)).is_some()).count();
        assert_eq!(found, MAX_SETS);
        let narrow = intern("Narrow", &["a"]).unwrap();
        remember("Narrow", narrow);
        assert!(std::ptr::eq(known("Narrow", 1).unwrap(), narrow));
        // Those that are remembered stay so, but their number of fields does not tell them any more.
        let first = intern("Wide", &set(0)).unwrap();
        assert!(std::ptr::eq(intern("Wide", &[]).unwrap(), first));
        remember("Wide", first);
        assert!(known("Wide", 0).is_none());
    }

    #[test]
    fn a_set_of_fields_is_found_by_all_threads_wherever_its_names_stand() {
        let here = intern("Everywhere", &["x", "y"]).unwrap();
        let [name, x, y] = ["Everywhere", "x", "y"].map(|name| &*name.to_owned().leak());
        let there = std::thread::spawn(move || intern(name, &[x, y]).unwrap()).join().unwrap();
        assert!(std::ptr::eq(here, there));
        remember(name, here);
        assert!(std::ptr::eq(known(name, 2).unwrap(), here));
        let other = intern("Everywhere", &["x", "z"]).unwrap();
        assert!(!std::ptr::eq(here, other));
        assert!(known(name, 2).is_none());
    }
}
