//! The classes and types that a stream has named so far, as a decoder keeps them.

use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, TypeId};
use crate::limits::Limits;
use smallvec::SmallVec;

/// Classes and types in the order of their numbers. Small tables live in place: no allocation for a first message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tables {
    /// Every name, each after its length in two bytes.
    names: SmallVec<[u8; 256]>,
    classes: SmallVec<[Entry; 4]>,
    /// Where each type's name stands.
    types: SmallVec<[u32; 4]>,
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
}

/// A state of [`Tables`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    names: usize,
    classes: usize,
    types: usize,
}

const LENGTH: usize = 2;

impl Tables {
    /// How many fields an object of this class has.
    #[inline]
    pub(crate) fn fields(&self, class: ClassId) -> u32 {
        self.classes[class.0 as usize].fields
    }

    pub(crate) fn class_name(&self, class: ClassId) -> &str {
        self.name(self.classes[class.0 as usize].at).0
    }

    pub(crate) fn type_name(&self, ty: TypeId) -> &str {
        self.name(self.types[ty.0 as usize]).0
    }

    /// The fields' names in order.
    pub(crate) fn field_names(&self, class: ClassId) -> impl Iterator<Item = &str> {
        let entry = self.classes[class.0 as usize];
        let mut cursor = self.first_field(class);
        (0..entry.fields).map(move |_| self.field(&mut cursor))
    }

    /// A cursor for [`field`](Self::field), at the first field.
    pub(crate) fn first_field(&self, class: ClassId) -> u32 {
        self.name(self.classes[class.0 as usize].at).1
    }

    /// The name at the cursor, which moves on.
    pub(crate) fn field(&self, cursor: &mut u32) -> &str {
        let (name, next) = self.name(*cursor);
        *cursor = next;
        name
    }

    /// True when the class has just these fields in this order. O(1) for a struct that was compared last.
    #[inline]
    pub(crate) fn has_fields(&mut self, class: ClassId, fields: &'static [&'static str]) -> bool {
        let entry = &self.classes[class.0 as usize];
        if entry.compared == fields.as_ptr().addr() && entry.compared_len as usize == fields.len() {
            return entry.same;
        }
        self.compare(class, fields)
    }

    #[expect(clippy::cast_possible_truncation, reason = "the field list of a Rust struct")]
    fn compare(&mut self, class: ClassId, fields: &'static [&'static str]) -> bool {
        let entry = self.classes[class.0 as usize];
        let mut at = entry.at as usize;
        at += LENGTH + self.length(at);
        let same = entry.fields as usize == fields.len()
            && fields.iter().all(|field| {
                let len = self.length(at);
                let name = &self.names[at + LENGTH..][..len];
                at += LENGTH + len;
                name == field.as_bytes()
            });
        let entry = &mut self.classes[class.0 as usize];
        (entry.compared, entry.compared_len, entry.same) =
            (fields.as_ptr().addr(), fields.len() as u32, same);
        same
    }

    #[inline]
    fn length(&self, at: usize) -> usize {
        usize::from(u16::from_le_bytes([self.names[at], self.names[at + 1]]))
    }

    /// The name at an offset and where the next one stands.
    #[expect(clippy::cast_possible_truncation, reason = "max_classes * max_fields names are refused before")]
    fn name(&self, at: u32) -> (&str, u32) {
        let start = at as usize + LENGTH;
        let end = start + self.length(at as usize);
        // Validated when it was added; an empty name would only spoil a message.
        (std::str::from_utf8(&self.names[start..end]).unwrap_or_default(), end as u32)
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
        self.classes.push(Entry { at: at as u32, fields, compared: 0, compared_len: 0, same: false });
        Ok(ClassId(number))
    }

    /// Adds the type whose name was begun at `at`.
    #[expect(clippy::cast_possible_truncation, reason = "bounded by max_names")]
    pub(crate) fn add_type(&mut self, at: usize, limits: &Limits) -> Result<TypeId> {
        self.check_room(limits)?;
        if self.types.len() >= limits.max_types as usize {
            return Err(Error::new(ErrorKind::Limit { limit: "max_types", max: limits.max_types.into() }));
        }
        let number = self.types.len() as u32;
        self.types.push(at as u32);
        Ok(TypeId(number))
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
