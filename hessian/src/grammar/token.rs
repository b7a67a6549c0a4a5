//! The vocabulary between bytes and structure, and the operands that all grammars share. The only file that uses nom.

use nom::bytes::streaming::take;
use nom::error::{ErrorKind as NomKind, ParseError};
use nom::{IResult, Needed};

/// An opcode with its fixed operands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    /// Milliseconds.
    Date(i64),
    /// The head of a string chunk; its text follows.
    Text {
        units: u32,
        last: bool,
    },
    /// The head of a binary chunk; its bytes follow.
    Binary {
        len: u32,
        last: bool,
    },
    List {
        ty: TypeForm,
        len: LengthForm,
        /// Ended by the grammar's end byte, whatever its length says.
        ended: bool,
    },
    Map {
        ty: TypeForm,
    },
    /// A class definition: name, field count and field names follow, then a value.
    Definition,
    /// An object; without a number an int follows that tells it.
    Object(Option<u32>),
    /// An object that lives elsewhere: its type follows, then a string that tells its address.
    Remote {
        ty: TypeForm,
    },
    /// A reference; without a number an int follows that tells it.
    Reference(Option<u32>),
    /// The end of a list or map; never a value.
    End,
}

/// How the type of a list or map is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TypeForm {
    /// Not at all.
    None,
    /// By a string or the number of an earlier one.
    NameOrNumber,
    /// By an opcode of its own and what belongs to it, or not at all.
    Optional,
    /// By the number of an earlier one, an int.
    Number,
}

/// How the length of a list is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LengthForm {
    /// In the opcode.
    Known(u32),
    /// By an int.
    Int,
    /// By an opcode of its own and what belongs to it, or not at all.
    Optional,
    /// Not at all.
    None,
}

/// A type's fixed operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TypeToken {
    /// The head of a chunk of its name.
    Name { units: u32, last: bool },
    /// The number of a type that was named before.
    Number(i32),
    /// There is none, and nothing was taken.
    Absent,
}

/// Why there is no token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unexpected {
    pub(crate) found: u8,
    pub(crate) expected: &'static str,
}

/// Why there is no token (yet).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// At least so many bytes are missing.
    Incomplete(usize),
    Unexpected(Unexpected),
}

/// A token and the input after it.
pub(crate) type Scan<'a, T> = Result<(&'a [u8], T), Stop>;

/// nom's errors carry nothing: operands cannot be wrong, only missing.
struct Missing;

impl<I> ParseError<I> for Missing {
    fn from_error_kind(_: I, _: NomKind) -> Self {
        Self
    }
    fn append(_: I, _: NomKind, other: Self) -> Self {
        other
    }
}

/// The next `N` bytes.
#[inline(always)]
pub(crate) fn bytes<const N: usize>(input: &[u8]) -> Scan<'_, [u8; N]> {
    let taken: IResult<&[u8], &[u8], Missing> = take(N)(input);
    match taken {
        Ok((rest, bytes)) => match bytes.try_into() {
            Ok(bytes) => Ok((rest, bytes)),
            Err(_) => Err(Stop::Incomplete(1)),
        },
        Err(nom::Err::Incomplete(Needed::Size(needed))) => Err(Stop::Incomplete(needed.get())),
        Err(_) => Err(Stop::Incomplete(1)),
    }
}

/// Big-endian operands.
#[inline(always)]
pub(crate) fn be_i8(input: &[u8]) -> Scan<'_, i8> {
    bytes(input).map(|(rest, bytes)| (rest, i8::from_be_bytes(bytes)))
}
#[inline(always)]
pub(crate) fn be_u8(input: &[u8]) -> Scan<'_, u8> {
    bytes(input).map(|(rest, [byte])| (rest, byte))
}
#[inline(always)]
pub(crate) fn be_i16(input: &[u8]) -> Scan<'_, i16> {
    bytes(input).map(|(rest, bytes)| (rest, i16::from_be_bytes(bytes)))
}
#[inline(always)]
pub(crate) fn be_u16(input: &[u8]) -> Scan<'_, u16> {
    bytes(input).map(|(rest, bytes)| (rest, u16::from_be_bytes(bytes)))
}
#[inline(always)]
pub(crate) fn be_u32(input: &[u8]) -> Scan<'_, u32> {
    bytes(input).map(|(rest, bytes)| (rest, u32::from_be_bytes(bytes)))
}
#[inline(always)]
pub(crate) fn be_i32(input: &[u8]) -> Scan<'_, i32> {
    bytes(input).map(|(rest, bytes)| (rest, i32::from_be_bytes(bytes)))
}
#[inline(always)]
pub(crate) fn be_i64(input: &[u8]) -> Scan<'_, i64> {
    bytes(input).map(|(rest, bytes)| (rest, i64::from_be_bytes(bytes)))
}

/// The part of a number that the opcode `tag` holds, above its lower `bits`; the opcode `zero` stands for none.
#[inline(always)]
pub(crate) fn above(tag: u8, zero: u8, bits: u32) -> i32 {
    (i32::from(tag) - i32::from(zero)) << bits
}

/// A byte that the grammar does not allow.
#[cold]
pub(crate) fn unexpected<T>(found: u8, expected: &'static str) -> Result<T, Stop> {
    Err(Stop::Unexpected(Unexpected { found, expected }))
}
