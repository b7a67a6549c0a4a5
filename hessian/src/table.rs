//! The classes and types that a stream has named so far, as a decoder keeps them.

use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, TypeId};
use crate::limits::Limits;
use crate::shapes::{self, Names};
use smallvec::SmallVec;

/// Classes and types in the order of their numbers. A few classes live in place: no allocation for a first message
/// whose classes are those that the program expects.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    /// Every name, each after its length in two bytes.
    names: Vec<u8>,
    classes: SmallVec<[Entry; 4]>,
    /// Where each type's name stands.
    types: Vec<u32>,
    /// Numbers of types in the order of their names, in grammars that name a type each time.
    by_name: Vec<u32>,
}

/// One class.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Where its name stands; the fields' names follow.
    at: u32,
    fields: u32,
    /// Address and length of the field list of the Rust struct that was compared last, and the verdict.
    compared: usize,
    compared_len: u32,
    same: bool,
    /// The names are in the packet that is being decoded, not in `names`: each after one byte of length, ASCII.
    local: bool,
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
    classes: usize,
    types: usize,
}

const LENGTH: usize = 2;

/// The longest string whose head is its length alone, in both grammars that have classes.
const SHORT_NAME: u8 = 0x1f;
/// What follows an ASCII name in its shortest form.
#[inline]
fn short_name(input: &[u8]) -> Option<&[u8]> {
    let (&len @ 0..=SHORT_NAME, rest) = input.split_first()? else { return None };
    let (name, rest) = rest.split_at_checked(len.into())?;
    name.is_ascii().then_some(rest)
}

impl Tables {
    /// How many fields an object of this class has.
    #[inline]
    pub(crate) fn fields(&self, class: ClassId) -> u32 {
        self.classes[class.0 as usize].fields
    }

    /// The name of a class. `packet` is what is being decoded: the names of its own definitions are left in it.
    pub(crate) fn class_name<'a>(&'a self, packet: &'a [u8], class: ClassId) -> &'a str {
        self.field(packet, &mut self.class_cursor(class))
    }

    pub(crate) fn type_name(&self, ty: TypeId) -> &str {
        self.field(&[], &mut Cursor { at: self.types[ty.0 as usize], local: false })
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

    fn class_cursor(&self, class: ClassId) -> Cursor {
        let Entry { at, local, .. } = self.classes[class.0 as usize];
        Cursor { at, local }
    }

    /// A cursor for [`field`](Self::field), at the first field.
    pub(crate) fn first_field(&self, packet: &[u8], class: ClassId) -> Cursor {
        let mut cursor = self.class_cursor(class);
        self.field(packet, &mut cursor);
        if cursor.local {
            // Between the class's name and the first field's stands their number, an int.
            cursor.at += if self.fields(class) < 0x30 { 1 } else { 2 };
        }
        cursor
    }

    /// The name at the cursor, which moves on.
    #[expect(clippy::cast_possible_truncation, reason = "within max_names, within the packet")]
    pub(crate) fn field<'a>(&'a self, packet: &'a [u8], cursor: &mut Cursor) -> &'a str {
        let at = cursor.at as usize;
        let (bytes, head, len) = match packet.get(at) {
            _ if !cursor.local => (&*self.names, LENGTH, self.length(at)),
            Some(&high @ 0x30..) => {
                (packet, 2, (usize::from(high) - 0x30) << 8 | usize::from(packet[at + 1]))
            }
            len => (packet, 1, len.copied().unwrap_or_default().into()),
        };
        let name = &bytes[at + head..][..len];
        cursor.at += (head + len) as u32;
        // Validated when it was added; an empty name would only spoil a message.
        std::str::from_utf8(name).unwrap_or_default()
    }

    /// True when the class has just these fields in this order. O(1) for a struct that was compared last.
    #[inline]
    pub(crate) fn has_fields(
        &mut self,
        packet: &[u8],
        class: ClassId,
        fields: &'static [&'static str],
    ) -> bool {
        let entry = &self.classes[class.0 as usize];
        if entry.compared == fields.as_ptr().addr() && entry.compared_len as usize == fields.len() {
            return entry.same;
        }
        self.compare(packet, class, fields)
    }

    #[inline(never)]
    #[expect(clippy::cast_possible_truncation, reason = "the field list of a Rust struct")]
    fn compare(&mut self, packet: &[u8], class: ClassId, fields: &'static [&'static str]) -> bool {
        let same = self.fields(class) as usize == fields.len()
            && self.field_names(packet, class).eq(fields.iter().copied());
        let entry = &mut self.classes[class.0 as usize];
        (entry.compared, entry.compared_len, entry.same) =
            (fields.as_ptr().addr(), fields.len() as u32, same);
        same
    }

    /// Adds the class that is defined at `at` of the packet, if it has just these fields and all its names are ASCII in
    /// their shortest form (of Hessian 2, if they are `medium`): one look at the definition as a whole. The names stay where they are, so the packet must
    /// outlive the table. Tells the class and where the definition ends.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the field list of a Rust struct")]
    pub(crate) fn add_expected(
        &mut self,
        packet: &[u8],
        at: usize,
        (name, fields): (&'static str, &'static [&'static str]),
        medium: bool,
        limits: &Limits,
    ) -> Option<(ClassId, usize)> {
        let expected = shapes::expected(name, fields)?;
        match expected.names {
            Names::Short => {}
            Names::Medium if medium => {}
            _ => return None,
        }
        let start = u32::try_from(at).ok()?;
        let definition = packet.get(at..)?;
        // Normally the struct has the name of the class; what it is called does not matter, though.
        let rest = match definition.strip_prefix(&*expected.definition) {
            Some(rest) => rest,
            None => short_name(definition)?.strip_prefix(&expected.definition[expected.fields_at..])?,
        };
        if self.classes.len() >= limits.max_classes as usize || fields.len() > limits.max_fields as usize {
            return None;
        }
        let number = ClassId(self.classes.len() as u32);
        self.classes.push(Entry {
            at: start,
            fields: fields.len() as u32,
            compared: fields.as_ptr().addr(),
            compared_len: fields.len() as u32,
            same: true,
            local: true,
        });
        Some((number, packet.len() - rest.len()))
    }

    #[inline]
    fn length(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes([self.names[at], self.names[at + 1]]))
    }

    /// Starts a name: its text is appended by [`extend`](Self::extend) until [`finish`](Self::finish).
    pub(crate) fn begin(&mut self) -> usize {
        let at = self.names.len();
        self.names.extend_from_slice(&[0; LENGTH]);
        at
    }

    #[inline]
    pub(crate) fn extend(&mut self, text: &[u8]) {
        self.names.extend_from_slice(text);
    }

    /// Ends the name that was begun at `at`.
    #[inline]
    pub(crate) fn finish(&mut self, at: usize) -> Result<()> {
        let len = self.names.len() - at - LENGTH;
        match u16::try_from(len) {
            Ok(len) => {
                self.names[at..at + LENGTH].copy_from_slice(&len.to_le_bytes());
                Ok(())
            }
            Err(_) => Err(Error::new(ErrorKind::Limit { limit: "max_name", max: u16::MAX.into() })),
        }
    }

    /// Adds the class whose name was begun at `at` and whose `fields` names follow it.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by max_names")]
    pub(crate) fn add_class(&mut self, at: usize, fields: u32, limits: &Limits) -> Result<ClassId> {
        self.check_room(limits)?;
        if self.classes.len() >= limits.max_classes as usize {
            return Err(Error::new(ErrorKind::Limit {
                limit: "max_classes",
                max: limits.max_classes.into(),
            }));
        }
        let number = self.classes.len() as u32;
        self.classes.push(Entry {
            at: at as u32,
            fields,
            compared: 0,
            compared_len: 0,
            same: false,
            local: false,
        });
        Ok(ClassId(number))
    }

    /// Adds the type whose name was begun at `at`. When types are not `numbered` on the wire, one of that name that is
    /// known already is taken instead: such grammars name the type of each list and map.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by max_names")]
    pub(crate) fn add_type(&mut self, at: usize, numbered: bool, limits: &Limits) -> Result<TypeId> {
        let place = match numbered {
            true => None,
            false => match self.find_type(at as u32) {
                Ok(known) => {
                    self.discard(at);
                    return Ok(known);
                }
                Err(place) => Some(place),
            },
        };
        self.check_room(limits)?;
        if self.types.len() >= limits.max_types as usize {
            return Err(Error::new(ErrorKind::Limit { limit: "max_types", max: limits.max_types.into() }));
        }
        let number = self.types.len() as u32;
        self.types.push(at as u32);
        if let Some(place) = place {
            self.by_name.insert(place, number);
        }
        Ok(TypeId(number))
    }

    /// The type with the name that stands at `at`, or where it belongs in `by_name`.
    fn find_type(&self, at: u32) -> Result<TypeId, usize> {
        let name = self.field(&[], &mut Cursor { at, local: false });
        self.by_name
            .binary_search_by(|&number| self.type_name(TypeId(number)).cmp(name))
            .map(|place| TypeId(self.by_name[place]))
    }

    /// A state to go back to with [`rewind`](Self::rewind).
    pub(crate) fn mark(&self) -> Mark {
        Mark { names: self.names.len(), classes: self.classes.len(), types: self.types.len() }
    }

    /// Forgets what was named since.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.names.truncate(mark.names);
        self.classes.truncate(mark.classes);
        self.types.truncate(mark.types);
        self.by_name.retain(|&number| (number as usize) < mark.types);
    }

    /// Bytes of names since `at`.
    pub(crate) fn length_since(&self, at: usize) -> usize {
        self.names.len().saturating_sub(at)
    }

    /// Drops what was begun at `at` (while a region is read a second time).
    pub(crate) fn discard(&mut self, at: usize) {
        self.names.truncate(at);
    }

    /// All names of a stream together.
    pub(crate) fn check_room(&self, limits: &Limits) -> Result<()> {
        if self.names.len() > limits.max_names as usize {
            return Err(Error::new(ErrorKind::Limit { limit: "max_names", max: limits.max_names.into() }));
        }
        Ok(())
    }

    /// The class of this number on the wire.
    #[inline]
    pub(crate) fn class(&self, number: i64) -> Result<ClassId> {
        match u32::try_from(number) {
            Ok(id) if (id as usize) < self.classes.len() => Ok(ClassId(id)),
            _ => Err(Error::new(ErrorKind::UnknownClass { number, defined: self.classes.len() })),
        }
    }

    /// The type of this number on the wire.
    pub(crate) fn ty(&self, number: i64) -> Result<TypeId> {
        match u32::try_from(number) {
            Ok(id) if (id as usize) < self.types.len() => Ok(TypeId(id)),
            _ => Err(Error::new(ErrorKind::UnknownType { number, defined: self.types.len() })),
        }
    }
}
