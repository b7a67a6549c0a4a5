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
}
