//! serde: Hessian to Rust values.

mod access;
mod compound;
mod enums;
mod forward;
mod octets;
mod reader;
mod remote;
mod replay;
mod scalar;
mod source;
mod special;
mod text;

use crate::error::{Error, ErrorKind, Result};
use crate::grammar::{Final, Grammar, Token};
use crate::limits::Limits;
use crate::table::Tables;
use bytes::Bytes;
pub(crate) use octets::Octets;
use reader::Reader;
pub(crate) use remote::visit_remote;
use serde::de::Deserialize;
pub use source::{from_bytes, from_bytes_in, from_bytes_with, from_reader, from_reader_in, from_reader_with};

/// Decodes one value from a slice, which must end with it. Strings and binaries of one chunk are borrowed where the
/// type allows it (`&'de str`, `&'de [u8]`, `Cow` with `#[serde(borrow)]`).
///
/// # Errors
/// Malformed or incomplete input, bytes after the value, any of the [`Limits`], and what the type refuses.
pub fn from_slice<'de, T: Deserialize<'de>>(input: &'de [u8]) -> Result<T> {
    from_slice_with(input, &Limits::DEFAULT)
}

/// [`from_slice`] with limits of your own.
///
/// # Errors
/// As [`from_slice`].
pub fn from_slice_with<'de, T: Deserialize<'de>>(input: &'de [u8], limits: &Limits) -> Result<T> {
    from_slice_in::<Final, T>(input, limits)
}

/// [`from_slice_with`] in a grammar of your choice: `from_slice_in::<One, T>(input, &Limits::DEFAULT)`.
///
/// In Hessian 1, which has no objects, a map with a type is what an object is in the others: it decodes into structs,
/// into enums over classes, and into the scalar that Java wraps in it. An object that lives elsewhere decodes into a
/// map or struct of `type` (an `Option`) and `url`.
///
/// # Errors
/// As [`from_slice`].
#[inline]
pub fn from_slice_in<'de, G: Grammar, T: Deserialize<'de>>(input: &'de [u8], limits: &Limits) -> Result<T> {
    let mut tables = Tables::default();
    let mut deserializer = Deserializer::<G>::new(input, &mut tables, limits, true);
    // Not `?`: the value stays where it was made.
    let value = T::deserialize(&mut deserializer);
    if value.is_ok() {
        deserializer.finish()?;
    }
    value
}

/// Reads values one after the other from a slice: [`from_slice`](Self::from_slice).
#[derive(Debug)]
pub struct Deserializer<'de, 't, G = Final> {
    reader: Reader<'de, 't, G>,
}

impl<'de, 't, G: Grammar> Deserializer<'de, 't, G> {
    /// `alone`: the tables are used for this input only.
    #[inline]
    pub(crate) fn new(input: &'de [u8], tables: &'t mut Tables, limits: &'t Limits, alone: bool) -> Self {
        Self { reader: Reader::new(input, tables, limits, alone) }
    }

    /// The input is (a slice of) this buffer: binaries may share it.
    pub(crate) fn sharing(mut self, source: &'de Bytes) -> Self {
        self.reader.source = Some(source);
        self
    }

    /// Bytes read so far.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.reader.pos
    }

    /// True when the input has been read to its end.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.reader.pos == self.reader.input.len()
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// [`ErrorKind::TrailingBytes`].
    #[inline]
    pub fn finish(&self) -> Result<()> {
        match self.reader.input.len() - self.reader.pos {
            0 => Ok(()),
            count => Err(self.reader.fail(ErrorKind::TrailingBytes { count })),
        }
    }

    /// Passes over one value; the classes and types that it defines are taken in.
    ///
    /// # Errors
    /// Malformed or incomplete input and the limits.
    pub fn skip(&mut self) -> Result<()> {
        self.reader.skip()
    }

    /// Passes over bytes that are no value: what stands between two values of a message.
    #[cold]
    pub(crate) fn pass_over(&mut self, bytes: usize) -> Result<()> {
        self.reader.pass_over(bytes)
    }

    /// A string of one chunk of plain UTF-8, if it is next.
    #[inline]
    pub(crate) fn try_text(&mut self) -> Option<&'de str> {
        self.reader.try_text()
    }

    /// Reads what a reference names with `read`.
    #[inline(never)]
    fn follow<R>(&mut self, number: Option<u32>, read: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        let back = self.reader.jump(number)?;
        let value = read(self);
        // Also after an error, which the type may pass over.
        let done = self.reader.back(&back);
        let value = value?;
        done.map(|()| value)
    }

    /// The value of the last token has a type that the target does not take.
    #[cold]
    #[inline(never)]
    fn mismatch(&mut self, found: &Token, expected: &'static str) -> Error {
        let error = self.misfit(found, expected);
        // Who passes over the error goes on behind the value.
        let start = self.reader.start;
        self.reader.pos = start;
        match self.reader.skip() {
            Ok(()) => error,
            Err(_) => self.give_up(error),
        }
    }

    /// The same inside of a value that was begun.
    #[cold]
    #[inline(never)]
    fn stray(&mut self, found: &Token, expected: &'static str) -> Error {
        let error = self.misfit(found, expected);
        self.give_up(error)
    }

    fn misfit(&self, found: &Token, expected: &'static str) -> Error {
        let kind = match found {
            Token::End => ErrorKind::UnexpectedByte { found: G::END, expected: "a value" },
            _ => ErrorKind::UnexpectedType { found: name_of(found), expected: expected.into() },
        };
        Error::at(self.reader.start as u64, kind)
    }

    /// Nobody reads on in the middle of a value that could not be read, though a type may pass over the error: what
    /// follows would be taken for what it is not.
    #[cold]
    #[inline(never)]
    fn give_up(&mut self, error: Error) -> Error {
        self.reader.pos = self.reader.input.len();
        error
    }

    /// Tells an error of a visitor where the value starts that it did not like.
    #[inline]
    fn place<T>(&self, start: usize, result: Result<T>) -> Result<T> {
        result.map_err(|error| error.or_at(start as u64))
    }
}

/// For messages.
const fn name_of(token: &Token) -> &'static str {
    match token {
        Token::Null => "null",
        Token::Bool(_) => "a boolean",
        Token::Int(_) => "an int",
        Token::Long(_) => "a long",
        Token::Double(_) => "a double",
        Token::Date(_) => "a date",
        Token::Text { .. } => "a string",
        Token::Binary { .. } => "binary",
        Token::List { .. } => "a list",
        Token::Map { .. } => "a map",
        Token::Definition => "a class definition",
        Token::Object(_) => "an object",
        Token::Reference(_) => "a reference",
        Token::Remote { .. } => "a remote object",
        Token::End => "an end",
    }
}
