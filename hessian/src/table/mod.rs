//! The classes and types that a stream has named so far, as a decoder keeps them.

mod classes;
mod expected;
mod names;
mod numbers;

use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, TypeId};
use crate::limits::Limits;
use crate::rare::Rare;
use crate::utf16;
use crate::value::Names as GraphNames;
use classes::{Class, Classes};
pub(crate) use expected::Target;
use expected::{Key, SHORT};
use names::Names;
use numbers::Repeats;

/// Classes and types in the order of their numbers. A few classes live in place: no allocation for a first message
/// whose classes are those that the program expects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    classes: Classes,
    /// Numbers of definitions before the first that repeats another: those of the classes.
    plain: u32,
    /// What such a message has no need of.
    more: Rare<More>,
}

#[derive(Debug, Clone, Default)]
struct More {
    names: Names,
    /// The numbers of definitions from the first that repeats another on.
    definitions: Repeats,
    /// The classes whose names are here, in the order of their names.
    by_names: Vec<u32>,
    /// The structs that were compared last with the classes and do not take their fields in order, by class.
    compared: Vec<(Key, Match)>,
    /// Each type's name.
    types: Vec<u32>,
    /// Types in the order of their names.
    by_name: Vec<u32>,
    /// Numbers of types, as those of definitions.
    plain_types: u32,
    numbers: Repeats,
    /// The names that graphs have.
    shared: GraphNames,
}

/// How a struct is like a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    /// Just these fields, which the struct takes in this order.
    InOrder,
    /// Just these fields; whether the struct takes them in order is not known.
    Same,
    /// Other fields or another order.
    Other,
}

/// Where a name stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor {
    at: u32,
    local: bool,
}

/// A state of [`Tables`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    names: usize,
    classes: u32,
    definitions: usize,
    types: usize,
    numbers: usize,
}

/// Classes whose names are left in the packet: each struct of the program at most once.
const MAX_LOCAL: u32 = 64;

/// What follows an ASCII name in its shortest form.
#[inline]
fn short_name(input: &[u8]) -> Option<&[u8]> {
    let (&len @ 0..=SHORT, rest) = input.split_first()? else { return None };
    let (name, rest) = rest.split_at_checked(len.into())?;
    name.is_ascii().then_some(rest)
}

impl Tables {
    /// How many fields an object of this class has.
    #[inline]
    pub(crate) fn fields(&self, class: ClassId) -> u32 {
        self.classes.get(class.0).fields
    }

    /// The name of a class. `packet` is what is being decoded: the names of its own definitions are left in it.
    pub(crate) fn class_name<'a>(&'a self, packet: &'a [u8], class: ClassId) -> &'a str {
        self.field(packet, &mut self.classes.get(class.0).cursor())
    }

    pub(crate) fn type_name(&self, ty: TypeId) -> &str {
        self.more.as_deref().map_or("", |more| more.names.get(more.types[ty.0 as usize]))
    }

    /// The fields' names in order.
    pub(crate) fn field_names<'a>(
        &'a self,
        packet: &'a [u8],
        class: ClassId,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut cursor = self.first_field(packet, class);
        (0..self.fields(class)).map(move |_| self.field(packet, &mut cursor))
    }

    /// A cursor for [`field`](Self::field), at the first field.
    pub(crate) fn first_field(&self, packet: &[u8], class: ClassId) -> Cursor {
        let mut cursor = self.classes.get(class.0).cursor();
        self.field(packet, &mut cursor);
        if cursor.local {
            // Between the class's name and the first field's stands their number, an int.
            cursor.at += if self.fields(class) < 0x30 { 1 } else { 2 };
        }
        cursor
    }

    /// The name at the cursor, which moves on. O(1), but for a name that was left in the packet.
    #[inline]
    pub(crate) fn field<'a>(&'a self, packet: &'a [u8], cursor: &mut Cursor) -> &'a str {
        match &*self.more {
            Some(more) if !cursor.local => {
                cursor.at += 1;
                more.names.get(cursor.at - 1)
            }
            _ => local_name(packet, cursor),
        }
    }

    /// How the struct is like the class. O(1) for a struct that was compared last.
    #[inline]
    pub(crate) fn compare(&mut self, packet: &[u8], class: ClassId, target: impl Fn() -> Target) -> Match {
        match self.classes.get(class.0).is_expected(target().key()) {
            true => Match::InOrder,
            false => self.compare_names(packet, class, target()),
        }
    }

    #[inline(never)]
    fn compare_names(&mut self, packet: &[u8], class: ClassId, target: Target) -> Match {
        let index = class.0 as usize;
        let compared = self.more.as_ref().and_then(|more| more.compared.get(index));
        if let Some(&(key, found)) = compared
            && key == target.key()
        {
            return found;
        }
        let mut found = Match::Other;
        if self.fields(class) as usize == target.fields.len()
            && self.field_names(packet, class).eq(target.fields.iter().copied())
        {
            found = Match::Same;
            if let Some(expected) = expected::in_order(|| target) {
                self.classes.get_mut(class.0).expected = Some(expected);
                return Match::InOrder;
            }
        }
        let compared = &mut self.more.get_or_insert_default().compared;
        if compared.len() <= index {
            compared.resize(index + 1, (Key::default(), Match::Other));
        }
        compared[index] = (target.key(), found);
        found
    }

    /// The struct has taken all the fields of the class, which are just its own, by name.
    #[cold]
    #[inline(never)]
    pub(crate) fn learn(&mut self, class: ClassId, target: Target) {
        expected::learn(target);
        let compared = self.more.as_mut().and_then(|more| more.compared.get_mut(class.0 as usize));
        if let Some((key, _)) = compared {
            *key = Key::default();
        }
    }

    /// Tells whether the names of the fields were told before.
    pub(crate) fn tell(&mut self, class: ClassId) -> bool {
        std::mem::replace(&mut self.classes.get_mut(class.0).told, true)
    }

    /// Adds the class that is defined at `at` of the packet, if it has just these fields, which the struct takes in this
    /// order, and all its names are ASCII in their shortest form (of Hessian 2, if they are `medium`): one look at the
    /// definition as a whole. The names stay where they are, so the packet must outlive the table. Tells the class and
    /// where the definition ends.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the field list of a Rust struct")]
    pub(crate) fn add_expected(
        &mut self,
        packet: &[u8],
        at: usize,
        target: impl Fn() -> Target,
        medium: bool,
        limits: &Limits,
    ) -> Option<(ClassId, usize)> {
        let expected = expected::in_order(&target)?;
        if expected.longest > if medium { limits.max_name } else { limits.max_name.min(SHORT.into()) } {
            return None;
        }
        let start = u32::try_from(at).ok()?;
        let definition = packet.get(at..)?;
        // Normally the struct has the name of the class; what it is called does not matter, though.
        let rest = match definition.strip_prefix(&*expected.definition) {
            Some(rest) => rest,
            None => short_name(definition)?.strip_prefix(&expected.definition[expected.fields_at..])?,
        };
        let fields = target().fields.len();
        if self.plain >= limits.max_classes || fields > limits.max_fields as usize {
            return None;
        }
        if self.plain > 0 && !self.is_new(target()) {
            return None;
        }
        let number = ClassId(self.plain);
        self.plain += 1;
        let expected = Some(expected);
        self.classes.push(|| Class { at: start, fields: fields as u32, expected, local: true, told: false });
        Some((number, packet.len() - rest.len()))
    }

    /// No definition was repeated so far, and there is none that was compared with this struct.
    #[inline(never)]
    fn is_new(&self, target: Target) -> bool {
        self.plain < MAX_LOCAL
            && self.more.as_ref().is_none_or(|more| more.definitions.is_empty())
            && !self.classes.iter().any(|class| class.is_expected(target.key()))
    }

    /// Starts a name: its text is appended by [`extend`](Self::extend) until [`finish`](Self::finish).
    pub(crate) fn begin(&mut self) -> usize {
        self.more.get_or_insert_default().names.len()
    }

    #[inline]
    pub(crate) fn extend(&mut self, text: &str) {
        self.more.get_or_insert_default().names.extend(text);
    }

    /// Ends the name that was begun last.
    pub(crate) fn finish(&mut self) -> Result<()> {
        self.more.get_or_insert_default().names.finish()
    }

    /// Adds the class whose name was begun at `at` and whose `fields` names follow it. One that repeats another takes a
    /// number, but is the same class.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by max_names")]
    pub(crate) fn add_class(&mut self, at: usize, fields: u32, limits: &Limits) -> Result<ClassId> {
        let more = self.more.get_or_insert_default();
        more.names.check_room(limits)?;
        let name = at as u32;
        let place = more.by_names.binary_search_by(|&known| {
            let known = self.classes.get(known);
            known.fields.cmp(&fields).then_with(|| more.names.compare(known.at, name, fields + 1))
        });
        let class = match place {
            Ok(place) => {
                more.names.truncate(at);
                more.by_names[place]
            }
            Err(_) if self.classes.len() >= limits.max_classes => {
                return Err(limit("max_classes", limits.max_classes));
            }
            Err(place) => {
                let class = self.classes.len();
                more.by_names.insert(place, class);
                self.classes.push(|| Class { at: name, fields, ..Class::default() });
                class
            }
        };
        more.definitions.add(&mut self.plain, class, limits)?;
        Ok(ClassId(class))
    }

    /// Adds the type whose name was begun at `at`; one of that name that is known already is taken instead. Types that
    /// are `numbered` on the wire take a number each time.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by max_names")]
    pub(crate) fn add_type(&mut self, at: usize, numbered: bool, limits: &Limits) -> Result<TypeId> {
        let more = self.more.get_or_insert_default();
        let ty = match more.find_type(at) {
            Ok(known) => {
                more.names.truncate(at);
                known
            }
            Err(place) => {
                more.names.check_room(limits)?;
                if more.types.len() >= limits.max_types as usize {
                    return Err(limit("max_types", limits.max_types));
                }
                let ty = more.types.len() as u32;
                more.types.push(at as u32);
                more.by_name.insert(place, ty);
                ty
            }
        };
        if numbered {
            more.numbers.add(&mut more.plain_types, ty, limits)?;
        }
        Ok(TypeId(ty))
    }

    /// The type whose name was begun at `at`, which is dropped: while a region is read a second time.
    pub(crate) fn known_type(&mut self, at: usize) -> Option<TypeId> {
        let more = self.more.as_deref_mut()?;
        let known = more.find_type(at).ok();
        more.names.truncate(at);
        known.map(TypeId)
    }

    /// The names that graphs share, to be [put back](Self::put_names).
    pub(crate) fn take_names(&mut self) -> GraphNames {
        self.more.as_mut().map(|more| std::mem::take(&mut more.shared)).unwrap_or_default()
    }

    pub(crate) fn put_names(&mut self, names: GraphNames) {
        // Graphs of scalars have none: no need to make room for them.
        if !names.is_empty() {
            self.more.get_or_insert_default().shared = names;
        }
    }

    /// A state to go back to with [`rewind`](Self::rewind).
    pub(crate) fn mark(&self) -> Mark {
        let classes = self.classes.len();
        match &*self.more {
            Some(more) => Mark {
                names: more.names.len(),
                classes,
                definitions: more.definitions.len(self.plain),
                types: more.types.len(),
                numbers: more.numbers.len(more.plain_types),
            },
            None => Mark { names: 0, classes, definitions: classes as usize, types: 0, numbers: 0 },
        }
    }

    /// Forgets what was named since.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.classes.truncate(mark.classes);
        let more = self.more.get_or_insert_default();
        more.definitions.truncate(&mut self.plain, mark.definitions);
        more.by_names.retain(|&class| class < mark.classes);
        more.compared.truncate(mark.classes as usize);
        more.types.truncate(mark.types);
        more.by_name.retain(|&ty| (ty as usize) < mark.types);
        more.numbers.truncate(&mut more.plain_types, mark.numbers);
        more.shared.truncate(mark.classes, mark.types);
        more.names.truncate(mark.names);
    }

    /// Drops what was begun at `at` (while a region is read a second time).
    pub(crate) fn discard(&mut self, at: usize) {
        if let Some(more) = &mut *self.more {
            more.names.truncate(at);
        }
    }

    /// All names of a stream together.
    pub(crate) fn check_room(&self, limits: &Limits) -> Result<()> {
        self.more.as_ref().map_or(Ok(()), |more| more.names.check_room(limits))
    }

    /// The class of this number on the wire.
    #[inline]
    pub(crate) fn class(&self, number: i64) -> Result<ClassId> {
        match u32::try_from(number) {
            Ok(id) if id < self.plain => Ok(ClassId(id)),
            _ => self.other_class(number),
        }
    }

    #[cold]
    #[inline(never)]
    fn other_class(&self, number: i64) -> Result<ClassId> {
        let repeats = self.more.as_ref().map(|more| &more.definitions);
        let class = u32::try_from(number).ok().and_then(|id| repeats?.get(self.plain, id));
        let defined = repeats.map_or(self.classes.len() as usize, |repeats| repeats.len(self.plain));
        class.map(ClassId).ok_or_else(|| Error::new(ErrorKind::UnknownClass { number, defined }))
    }

    /// The type of this number on the wire.
    pub(crate) fn ty(&self, number: i64) -> Result<TypeId> {
        let unknown = |defined| Error::new(ErrorKind::UnknownType { number, defined });
        let more = self.more.as_ref().ok_or_else(|| unknown(0))?;
        match u32::try_from(number) {
            Ok(id) if id < more.plain_types => Some(id),
            Ok(id) => more.numbers.get(more.plain_types, id),
            Err(_) => None,
        }
        .map(TypeId)
        .ok_or_else(|| unknown(more.numbers.len(more.plain_types)))
    }
}

impl More {
    /// The type with the name that stands at `at`, or where it belongs in `by_name`.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by max_names")]
    fn find_type(&self, at: usize) -> Result<u32, usize> {
        let name = self.names.get(at as u32);
        self.by_name
            .binary_search_by(|&ty| self.names.get(self.types[ty as usize]).cmp(name))
            .map(|place| self.by_name[place])
    }
}

/// A name that was left in the packet, which was looked at there.
#[expect(clippy::cast_possible_truncation, reason = "within the packet")]
fn local_name<'a>(packet: &'a [u8], cursor: &mut Cursor) -> &'a str {
    let at = cursor.at as usize;
    let (head, len) = match packet.get(at..) {
        Some(&[high @ 0x30..=0xff, low, ..]) => (2, (usize::from(high) - 0x30) << 8 | usize::from(low)),
        Some(&[len, ..]) => (1, len.into()),
        _ => (0, 0),
    };
    cursor.at += (head + len) as u32;
    packet.get(at + head..).and_then(|name| utf16::ascii(name, len)).unwrap_or_default()
}

#[cold]
fn limit(limit: &'static str, max: u32) -> Error {
    Error::new(ErrorKind::Limit { limit, max: max.into() })
}
