//! What a parser tells: the shared vocabulary of the generic values, the dump and the push decoder.

/// Number of a class in the order in which a stream defines them. A definition that repeats an earlier one takes a number
/// on the wire, but is the same class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClassId(pub u32);

/// Number of a type name (of lists and maps) in the order in which a stream first names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);

/// Number of a list, map or object in the order in which they start in a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefId(pub u32);

/// One step through a value. Borrows text and bytes from the input.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// Null.
    Null,
    /// True or false.
    Bool(bool),
    /// A 32-bit integer, of whatever width on the wire.
    Int(i32),
    /// A 64-bit integer.
    Long(i64),
    /// A double.
    Double(f64),
    /// A date in milliseconds since 1970 UTC.
    Date(i64),
    /// A piece of a string; the string ends with the piece that says so. May be empty.
    Text {
        /// The piece.
        text: &'a str,
        /// No more pieces.
        last: bool,
    },
    /// A UTF-16 surrogate of a string, which Java writes by itself; two that follow each other are one character.
    Surrogate {
        /// `d800..=dfff`.
        unit: u16,
        /// No more pieces.
        last: bool,
    },
    /// A piece of a binary value. May be empty.
    Binary {
        /// The piece.
        bytes: &'a [u8],
        /// No more pieces.
        last: bool,
    },
    /// A list starts; its elements follow, then [`Event::End`].
    List {
        /// Its type, if it has one.
        ty: Option<TypeId>,
        /// How many elements, if told.
        len: Option<u32>,
    },
    /// A map starts; keys and values follow in turn, then [`Event::End`].
    Map {
        /// Its type, if it has one.
        ty: Option<TypeId>,
    },
    /// An object starts; its fields' values follow in the order of the definition, then [`Event::End`].
    Object {
        /// Its class.
        class: ClassId,
    },
    /// An object that lives elsewhere (Hessian 1 and the draft); its address follows as a string, in pieces of text.
    Remote {
        /// The name of its interface, if told.
        ty: Option<TypeId>,
    },
    /// A class was defined; a value (or another definition) follows.
    Definition(ClassId),
    /// A list, map or object of this packet once more. It may still be open: a cycle.
    Reference(RefId),
    /// The list, map or object that started last and has not ended ends.
    End,
}

const _: () = assert!(size_of::<Event<'_>>() <= 24);
