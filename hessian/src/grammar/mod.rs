//! The dialects of Hessian: one table of opcodes and one token reader each.
//!
//! | type | on the wire |
//! | --- | --- |
//! | [`Final`] | Hessian 2.0 as every Java library since August 2008 writes it |
//! | [`Draft`] | its draft of 2007 and 2008: the first streaming services and their Flash clients |
//! | [`Tutorial`] | the same, written so that the oldest of those clients read it right |
//! | [`One`] | Hessian 1, before 2007; still what a Java client sends first |
//!
//! No dialect announces itself, and small values look alike in all of them: choose by what you know of the other side.
//! The first object tells a draft stream from a final one, if need be: a definition is `4f` and a string in the draft,
//! `43` and a string in the final grammar, where a `4f` is followed by an int.

mod draft;
mod final2;
mod one;
pub(crate) mod token;
mod tutorial;

pub use crate::encode::dialect::Dialect;
pub use draft::Draft;
pub use final2::Final;
pub use one::One;
pub(crate) use token::{LengthForm, Scan, Stop, Token, TypeForm, TypeToken};
pub use tutorial::Tutorial;

/// How a grammar is read: bytes to tokens. Nesting, lengths and tables belong to the parser.
pub trait Grammar: Dialect {
    /// The byte that ends maps and lists of unknown length.
    #[doc(hidden)]
    const END: u8;

    /// The opcode of a class definition, the only thing that may stand before a value.
    #[doc(hidden)]
    const DEFINITION: Option<u8>;

    /// Lists and maps may name a type by its number: every name that is told gets one.
    #[doc(hidden)]
    const NUMBERED_TYPES: bool = true;

    /// Lists may have a length and an end.
    #[doc(hidden)]
    const LENGTH_AND_END: bool = false;

    /// One opcode with its fixed operands.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "sealed: nobody else implements a grammar")]
    fn token(input: &[u8]) -> Scan<'_, Token>;

    /// The head of the first chunk of a class's name.
    #[doc(hidden)]
    #[inline]
    #[expect(private_interfaces, reason = "sealed: nobody else implements a grammar")]
    fn class_name(input: &[u8]) -> Scan<'_, Token> {
        Self::token(input)
    }

    /// The type of a list or map, as far as its fixed operands.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "sealed: nobody else implements a grammar")]
    fn type_of(form: TypeForm, input: &[u8]) -> Scan<'_, TypeToken>;

    /// The length of a list; `None` when it is not told.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "sealed: nobody else implements a grammar")]
    fn length_of(form: LengthForm, input: &[u8]) -> Scan<'_, Option<i32>>;

    /// An int or long and the bytes it takes, 0 if there is another token.
    ///
    /// This and the next ones are the hot path of typed decoding, where the type tells what to expect: a pair in
    /// registers instead of a token in memory.
    #[doc(hidden)]
    #[inline(never)]
    fn integer(input: &[u8]) -> (i64, usize) {
        match Self::token(input) {
            Ok((rest, Token::Int(value))) => (value.into(), input.len() - rest.len()),
            Ok((rest, Token::Long(value))) => (value, input.len() - rest.len()),
            _ => (0, 0),
        }
    }

    /// A double and the bytes it takes, 0 if there is another token.
    #[doc(hidden)]
    #[inline(never)]
    fn double_at(input: &[u8]) -> (f64, usize) {
        match Self::token(input) {
            Ok((rest, Token::Double(value))) => (value, input.len() - rest.len()),
            _ => (0.0, 0),
        }
    }

    /// The units of a string of one chunk and the bytes of its head, 0 if there is another token.
    #[doc(hidden)]
    #[inline]
    fn text_at(input: &[u8]) -> (usize, usize) {
        match Self::token(input) {
            Ok((rest, Token::Text { units, last: true })) => (units as usize, input.len() - rest.len()),
            _ => (0, 0),
        }
    }

    /// The number of an object's class and the bytes of its opcode, 0 if there is another token.
    #[doc(hidden)]
    #[inline(always)]
    fn object_at(input: &[u8]) -> (u32, usize) {
        match Self::token(input) {
            Ok((rest, Token::Object(Some(number)))) => (number, input.len() - rest.len()),
            _ => (0, 0),
        }
    }
}
