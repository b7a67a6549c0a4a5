//! What the structs of the program look like on the wire, worked out once for each.
//!
//! serde tells a format the names of a struct's fields one by one, every time. Here they are put together once per
//! struct: to write a class definition is then one copy, to recognise one is one comparison. Only names that are
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
/// Fields whose number takes two bytes at most.
const MAX_FIELDS: usize = 0x7ff;
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
    static EXPECTED: [Cell<Option<&'static Expected>>; SLOTS] = const { [const { Cell::new(None) }; SLOTS] };
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

/// A struct as it is deserialized: the class that it expects.
#[derive(Debug)]
pub(crate) struct Expected {
    fields: &'static [&'static str],
    /// The definition of the class of its name, with just its fields, in its shortest form and without its opcode.
    pub(crate) definition: Box<[u8]>,
    /// Where in it the number and the names of the fields begin: a class of another name has the same.
    pub(crate) fields_at: usize,
    /// How long its names are.
    pub(crate) names: Names,
}

/// The names of a class and its fields, and whether they can be found again where they stand in a definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// ASCII of up to 31 bytes each.
    Short,
    /// ASCII of up to 1,023 bytes each: their heads are not the same in the draft.
    Medium,
    /// Not so.
    Other,
}

impl Names {
    fn of(name: &str, fields: &[&str]) -> Self {
        let mut names = fields.iter().chain([&name]);
        match names.clone().map(|name| name.len()).max() {
            _ if fields.len() > MAX_FIELDS || names.any(|name| !name.is_ascii()) => Self::Other,
            Some(0..=0x1f) => Self::Short,
            Some(0x20..=0x3ff) => Self::Medium,
            _ => Self::Other,
        }
    }
}

/// What a struct of this name expects.
#[inline]
pub(crate) fn expected(name: &'static str, fields: &'static [&'static str]) -> Option<&'static Expected> {
    match EXPECTED.with(|slots| slots[slot(fields.as_ptr().addr())].get()) {
        Some(known) if std::ptr::eq(known.fields, fields) => Some(known),
        _ => intern_expected(name, fields),
    }
}

#[cold]
fn intern_expected(name: &'static str, fields: &'static [&'static str]) -> Option<&'static Expected> {
    static REGISTRY: OnceLock<Mutex<HashMap<(usize, usize), &'static Expected>>> = OnceLock::new();

    let mut registry = REGISTRY.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let key = (fields.as_ptr().addr(), fields.len());
    if registry.len() == MAX_SHAPES && !registry.contains_key(&key) {
        return None;
    }
    let known = *registry.entry(key).or_insert_with(|| {
        let mut definition = Vec::new();
        Final::string(&mut definition, name);
        let fields_at = definition.len();
        put_fields::<Final>(&mut definition, fields);
        let names = Names::of(name, fields);
        Box::leak(Box::new(Expected { fields, definition: definition.into(), fields_at, names }))
    });
    EXPECTED.with(|slots| slots[slot(fields.as_ptr().addr())].set(Some(known)));
    Some(known)
}
