//! The dialects of Hessian: one table of opcodes and one token reader each.
//!
//! | type | on the wire |
//! | --- | --- |
//! | [`Final`] | Hessian 2.0 as every Java library since August 2008 writes it |

mod final2;
pub(crate) mod token;

pub use crate::encode::dialect::Dialect;
pub use final2::Final;
pub(crate) use token::{LengthForm, Scan, Stop, Token, TypeForm, TypeToken};

/// How a grammar is read: bytes to tokens. Nesting, lengths and tables belong to the parser.
pub trait Grammar: Dialect {
    /// The byte that ends maps and lists of unknown length.
    #[doc(hidden)]
    const END: u8;

    /// The opcode of a class definition, the only thing that may stand before a value.
    #[doc(hidden)]
    const DEFINITION: Option<u8>;

    /// One opcode with its fixed operands.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "sealed: nobody else implements a grammar")]
    fn token(input: &[u8]) -> Scan<'_, Token>;

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
    /// This and the next ones are the token reader once more, of which the compiler keeps the arms that matter: the
    /// hot path of typed decoding, in registers.
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
