//! The classes that the structs of the program expect, worked out once for each.
//!
//! A class with just the fields of a struct can be handed over in their order, without names. serde does not tell
//! whether a struct takes them so: its list of fields has their aliases too, and then there are fewer fields than names.
//! So the first object is handed over by name. If that succeeds, each name belongs to a field of its own: two names of
//! one would have been refused as a field that comes twice.

use crate::encode::dialect::Dialect;
use crate::grammar::Final;
use crate::shapes::write_definition;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// Structs that are remembered. Beyond it they are handed over by name.
const MAX_EXPECTED: usize = 1 << 14;
/// Fields whose number takes two bytes at most.
const MAX_FIELDS: usize = 0x7ff;
/// Structs that a thread finds without a lock.
const SLOTS: usize = 64;
/// The longest name whose head is one byte, in both grammars that have classes.
pub(super) const SHORT: u8 = 0x1f;

/// A struct that is to be decoded.
///
/// It is known when the program is compiled. The functions that are part of the hot path take a function that tells it:
/// so each call that is rarely made puts it into memory by itself, and the hot path need not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) fields: &'static [&'static str],
    key: Key,
}

impl Target {
    #[inline(always)]
    pub(crate) fn new<V>(name: &'static str, fields: &'static [&'static str]) -> Self {
        Self { name, fields, key: Key::new::<V>(fields, 0) }
    }

    /// A struct variant. The types of the visitors of one enum's variants go by one name.
    pub(crate) fn variant<V>(
        name: &'static str,
        fields: &'static [&'static str],
        variants: &[&'static str],
    ) -> Self {
        let number = variants.iter().position(|&variant| variant == name);
        Self { name, fields, key: Key::new::<V>(fields, number.map_or(0, |number| number + 1)) }
    }

    #[inline(always)]
    pub(super) fn key(&self) -> Key {
        self.key
    }
}

/// Which struct. Cheap to compare: addresses in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Key {
    fields: usize,
    /// With the number of a variant.
    len: usize,
    /// The name of the visitor's type. Lists of fields may be shared between structs that have the same names.
    visitor: usize,
}

impl Key {
    #[inline(always)]
    fn new<V>(fields: &'static [&'static str], variant: usize) -> Self {
        let visitor = std::any::type_name::<V>().as_ptr().addr();
        Self { fields: fields.as_ptr().addr(), len: fields.len() ^ variant << 16, visitor }
    }
}

/// The class that a struct expects, which takes its fields in order.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) key: Key,
    /// The definition of the class of its name, with just its fields, in its shortest form and without its opcode.
    pub(super) definition: Box<[u8]>,
    /// Where in it the number and the names of the fields begin: a class of another name has the same.
    pub(super) fields_at: usize,
    /// The longest of its names that are ASCII, [`SHORT`] at least; the maximum if one cannot be found again where it
    /// stands in a definition.
    pub(super) longest: u32,
}

thread_local! {
    static EXPECTED: [Cell<Option<&'static Expected>>; SLOTS] = const { [const { Cell::new(None) }; SLOTS] };
}

/// Lists of names stand at least 16 bytes apart.
#[inline]
fn slot(key: Key) -> usize {
    (key.fields >> 4) % SLOTS
}

/// What a struct expects that is known to take its fields in order.
#[inline(always)]
pub(super) fn in_order(target: impl Fn() -> Target) -> Option<&'static Expected> {
    let key = target().key();
    match EXPECTED.with(|slots| slots[slot(key)].get()) {
        Some(known) if known.key == key => Some(known),
        _ => look_up(target().key()),
    }
}

type Registry = HashMap<Key, &'static Expected>;

fn registry() -> MutexGuard<'static, Registry> {
    static REGISTRY: OnceLock<Mutex<Registry>> = OnceLock::new();
    REGISTRY.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner)
}

#[cold]
#[inline(never)]
fn look_up(key: Key) -> Option<&'static Expected> {
    let known = *registry().get(&key)?;
    EXPECTED.with(|slots| slots[slot(key)].set(Some(known)));
    Some(known)
}

/// The struct has taken all its fields by name, once each.
#[cold]
#[inline(never)]
pub(super) fn learn(target: Target) {
    let mut registry = registry();
    if registry.len() < MAX_EXPECTED {
        registry.entry(target.key()).or_insert_with(|| Box::leak(Box::new(Expected::new(target))));
    }
}

impl Expected {
    fn new(target: Target) -> Self {
        let Target { name, fields, .. } = target;
        let mut definition = Vec::new();
        Final::string(&mut definition, name);
        let fields_at = definition.len();
        definition.clear();
        write_definition::<Final>(&mut definition, name, fields);
        let names = || fields.iter().chain([&name]);
        let longest = match names().map(|name| name.len()).max() {
            _ if fields.len() > MAX_FIELDS || !names().all(|name| name.is_ascii()) => u32::MAX,
            // Longer ones have heads of another form.
            #[expect(clippy::cast_possible_truncation, reason = "at most 1,023")]
            Some(longest @ 0..=0x3ff) => (longest as u32).max(SHORT.into()),
            _ => u32::MAX,
        };
        Self { key: target.key(), definition: definition.into(), fields_at, longest }
    }
}
