//! Hessian 1.

use super::token::{be_i32, be_i64, be_u8, be_u16, be_u32, unexpected};
use super::{Grammar, LengthForm, Scan, Token, TypeForm, TypeToken};

/// Hessian 1: the values of its calls and replies. Java's `HessianProxyFactory` still sends its calls in it.
///
/// | byte | meaning | byte | meaning |
/// | --- | --- | --- | --- |
/// | `42 62` | last binary chunk; more follow | `53 73` | last string chunk; more follow |
/// | `44` | double | `54` | true |
/// | `46` | false | `56` | list: \[type\] \[length\] values `z` |
/// | `49` | int | `58 78` | last XML chunk; more follow |
/// | `4c` | long | `64` | date in ms |
/// | `4d` | map: \[type\] entries `z` | `6c` | length of a list, u32 |
/// | `4e` | null | `72` | remote object: \[type\] string |
/// | `52` | reference: u32 | `74` | name of a type, u16 units |
/// | | | `7a` | end of list or map |
///
/// Numbers have their full width. There are no objects: an object is a map whose type is the class and whose keys are
/// the names of the fields. XML is read as a string (the Java library refuses it) and written as one.
///
/// A list may tell its length and ends with `7a` all the same; both have to agree. A negative length is none, as in the Java
/// library: `python-hessian` writes -1 for each list.
#[derive(Debug, Clone, Copy)]
pub enum One {}

const VALUE: &str = "a value";

#[expect(private_interfaces, reason = "sealed: nobody else implements a grammar")]
impl Grammar for One {
    const END: u8 = b'z';
    const DEFINITION: Option<u8> = None;
    const NUMBERED_TYPES: bool = false;
    const LENGTH_AND_END: bool = true;

    fn token(input: &[u8]) -> Scan<'_, Token> {
        let (rest, tag) = be_u8(input)?;
        Ok(match tag {
            b'B' | b'b' => {
                let (rest, len) = be_u16(rest)?;
                (rest, Token::Binary { len: len.into(), last: tag == b'B' })
            }
            b'D' => {
                let (rest, bits) = be_i64(rest)?;
                (rest, Token::Double(f64::from_bits(bits.cast_unsigned())))
            }
            b'F' => (rest, Token::Bool(false)),
            b'I' => {
                let (rest, value) = be_i32(rest)?;
                (rest, Token::Int(value))
            }
            b'L' => {
                let (rest, value) = be_i64(rest)?;
                (rest, Token::Long(value))
            }
            b'M' => (rest, Token::Map { ty: TypeForm::Optional }),
            b'N' => (rest, Token::Null),
            b'R' => {
                let (rest, number) = be_u32(rest)?;
                (rest, Token::Reference(Some(number)))
            }
            b'S' | b's' | b'X' | b'x' => {
                let (rest, units) = be_u16(rest)?;
                (rest, Token::Text { units: units.into(), last: tag.is_ascii_uppercase() })
            }
            b'T' => (rest, Token::Bool(true)),
            b'V' => (rest, Token::List { ty: TypeForm::Optional, len: LengthForm::Optional, ended: true }),
            b'd' => {
                let (rest, millis) = be_i64(rest)?;
                (rest, Token::Date(millis))
            }
            b'r' => (rest, Token::Remote { ty: TypeForm::Optional }),
            b'z' => (rest, Token::End),
            _ => return unexpected(tag, VALUE),
        })
    }

    fn type_of(_: TypeForm, input: &[u8]) -> Scan<'_, TypeToken> {
        match be_u8(input)? {
            (rest, b't') => {
                let (rest, units) = be_u16(rest)?;
                Ok((rest, TypeToken::Name { units: units.into(), last: true }))
            }
            _ => Ok((input, TypeToken::Absent)),
        }
    }

    fn length_of(form: LengthForm, input: &[u8]) -> Scan<'_, Option<i32>> {
        match (form, be_u8(input)?) {
            (LengthForm::Optional, (rest, b'l')) => {
                let (rest, len) = be_i32(rest)?;
                Ok((rest, (len >= 0).then_some(len)))
            }
            _ => Ok((input, None)),
        }
    }
}
