//! The draft of Hessian 2.

use super::token::{above, be_i8, be_i16, be_i32, be_i64, be_u8, be_u16, be_u32, unexpected};
use super::{Grammar, LengthForm, Scan, Token, TypeForm, TypeToken};

/// The draft of Hessian 2 that Java wrote from November 2007 to August 2008, and all of Resin 3.1 to its end: what the
/// Flash clients of the streaming tutorials read.
///
/// | byte | meaning | byte | meaning |
/// | --- | --- | --- | --- |
/// | `00..1f` | string of 0..31 units | `64` | date in ms |
/// | `20..2f` | binary of 0..15 bytes | `67 68` | double 0, 1 |
/// | `38..3f` | long of three bytes | `69 6a` | double of an i8, i16 |
/// | `42 62` | last binary chunk; more follow | `6b` | double of an f32 |
/// | `44` | double | `6c 6e` | length of a list: u32, u8 |
/// | `46 54` | false, true | `6f` | object: int class |
/// | `49` | int | `72` | remote object: \[type\] string |
/// | `4a 4b 52` | reference: u8, u16, u32 | `74` | name of a type, u16 units |
/// | `4c` | long | `75` | number of a type, an int |
/// | `4d` | map: \[type\] entries `z` | `76` | list: int type, int length, values |
/// | `4e` | null | `77` | long of an i32 |
/// | `4f` | class definition | `7a` | end of list or map |
/// | `53 73` | last string chunk; more follow | `80..bf c0..cf d0..d7` | int of one, two, three bytes |
/// | `56` | list: \[type\] \[length\] values `z` | `d8..ef f0..ff` | long of one, two bytes |
///
/// Everything else is an error, XML (`58`, `78`) too, which Java refuses as well. Read but never written: a `54` before
/// a type's number instead of `75`, and the class names of October 2007 (an int and so many units instead of a string).
/// Because of that `54` no reader takes an untyped map whose first key is true, nor an untyped list of unknown length
/// that starts with true, for what it is: such maps and lists are written with an empty type.
///
/// A list may tell its length and end with `7a` all the same; both have to agree.
#[derive(Debug, Clone, Copy)]
pub enum Draft {}

const VALUE: &str = "a value";
const OPTIONAL_LIST: Token = Token::List { ty: TypeForm::Optional, len: LengthForm::Optional, ended: true };
const NUMBERED_LIST: Token = Token::List { ty: TypeForm::Number, len: LengthForm::Int, ended: false };

#[expect(private_interfaces, reason = "sealed: nobody else implements a grammar")]
impl Grammar for Draft {
    const END: u8 = b'z';
    const DEFINITION: Option<u8> = Some(b'O');
    const LENGTH_AND_END: bool = true;

    fn token(input: &[u8]) -> Scan<'_, Token> {
        let (rest, tag) = be_u8(input)?;
        Ok(match tag {
            0x00..=0x1f => (rest, Token::Text { units: tag.into(), last: true }),
            0x20..=0x2f => (rest, Token::Binary { len: u32::from(tag) - 0x20, last: true }),
            0x38..=0x3f => {
                let (rest, low) = be_u16(rest)?;
                (rest, Token::Long((above(tag, 0x3c, 16) + i32::from(low)).into()))
            }
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
            b'J' => {
                let (rest, number) = be_u8(rest)?;
                (rest, Token::Reference(Some(number.into())))
            }
            b'K' => {
                let (rest, number) = be_u16(rest)?;
                (rest, Token::Reference(Some(number.into())))
            }
            b'L' => {
                let (rest, value) = be_i64(rest)?;
                (rest, Token::Long(value))
            }
            b'M' => (rest, Token::Map { ty: TypeForm::Optional }),
            b'N' => (rest, Token::Null),
            b'O' => (rest, Token::Definition),
            b'R' => {
                let (rest, number) = be_u32(rest)?;
                (rest, Token::Reference(Some(number)))
            }
            b'S' | b's' => {
                let (rest, units) = be_u16(rest)?;
                (rest, Token::Text { units: units.into(), last: tag == b'S' })
            }
            b'T' => (rest, Token::Bool(true)),
            b'V' => (rest, OPTIONAL_LIST),
            b'd' => {
                let (rest, millis) = be_i64(rest)?;
                (rest, Token::Date(millis))
            }
            0x67 => (rest, Token::Double(0.0)),
            0x68 => (rest, Token::Double(1.0)),
            0x69 => {
                let (rest, value) = be_i8(rest)?;
                (rest, Token::Double(value.into()))
            }
            0x6a => {
                let (rest, value) = be_i16(rest)?;
                (rest, Token::Double(value.into()))
            }
            0x6b => {
                let (rest, bits) = be_u32(rest)?;
                (rest, Token::Double(f32::from_bits(bits).into()))
            }
            b'o' => (rest, Token::Object(None)),
            b'r' => (rest, Token::Remote { ty: TypeForm::Optional }),
            b'v' => (rest, NUMBERED_LIST),
            0x77 => {
                let (rest, value) = be_i32(rest)?;
                (rest, Token::Long(value.into()))
            }
            b'z' => (rest, Token::End),
            0x80..=0xbf => (rest, Token::Int(i32::from(tag) - 0x90)),
            0xc0..=0xcf => {
                let (rest, low) = be_u8(rest)?;
                (rest, Token::Int(above(tag, 0xc8, 8) + i32::from(low)))
            }
            0xd0..=0xd7 => {
                let (rest, low) = be_u16(rest)?;
                (rest, Token::Int(above(tag, 0xd4, 16) + i32::from(low)))
            }
            0xd8..=0xef => (rest, Token::Long(i64::from(tag) - 0xe0)),
            0xf0..=0xff => {
                let (rest, low) = be_u8(rest)?;
                (rest, Token::Long((above(tag, 0xf8, 8) + i32::from(low)).into()))
            }
            _ => return unexpected(tag, VALUE),
        })
    }

    fn class_name(input: &[u8]) -> Scan<'_, Token> {
        let (rest, token) = Self::token(input)?;
        match token {
            // As of October 2007.
            Token::Int(units @ 0..) => Ok((rest, Token::Text { units: units.cast_unsigned(), last: true })),
            token => Ok((rest, token)),
        }
    }

    fn type_of(form: TypeForm, input: &[u8]) -> Scan<'_, TypeToken> {
        if form == TypeForm::Number {
            return number(input);
        }
        let (rest, tag) = be_u8(input)?;
        match tag {
            b't' => {
                let (rest, units) = be_u16(rest)?;
                Ok((rest, TypeToken::Name { units: units.into(), last: true }))
            }
            b'u' | b'T' => number(rest),
            _ => Ok((input, TypeToken::Absent)),
        }
    }

    fn length_of(form: LengthForm, input: &[u8]) -> Scan<'_, Option<i32>> {
        match form {
            LengthForm::Known(len) => Ok((input, Some(len.cast_signed()))),
            LengthForm::None => Ok((input, None)),
            LengthForm::Int => match Self::token(input)? {
                (rest, Token::Int(len)) => Ok((rest, Some(len))),
                _ => unexpected(input[0], "an int (the length of a list)"),
            },
            LengthForm::Optional => match be_u8(input)? {
                (rest, b'n') => {
                    let (rest, len) = be_u8(rest)?;
                    Ok((rest, Some(len.into())))
                }
                (rest, b'l') => {
                    let (rest, len) = be_i32(rest)?;
                    Ok((rest, Some(len)))
                }
                _ => Ok((input, None)),
            },
        }
    }
}

fn number(input: &[u8]) -> Scan<'_, TypeToken> {
    match Draft::token(input)? {
        (rest, Token::Int(number)) => Ok((rest, TypeToken::Number(number))),
        _ => unexpected(input[0], "an int (the number of a type)"),
    }
}
