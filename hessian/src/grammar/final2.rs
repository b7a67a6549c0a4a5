//! Hessian 2.0.

use super::token::{above, be_i8, be_i16, be_i32, be_i64, be_u8, be_u16, unexpected};
use super::{Grammar, LengthForm, Scan, Token, TypeForm, TypeToken};

/// Hessian 2.0, the grammar of every Java library since August 2008.
///
/// | byte | meaning | byte | meaning |
/// | --- | --- | --- | --- |
/// | `00..1f` | string of 0..31 units | `54` | true |
/// | `20..2f` | binary of 0..15 bytes | `55` | list: type, values, `Z` |
/// | `30..33` | string of 0..1023 units | `56` | list: type, int length, values |
/// | `34..37` | binary of 0..1023 bytes | `57` | list: values, `Z` |
/// | `38..3f` | long of three bytes | `58` | list: int length, values |
/// | `41` | binary chunk, more follow | `59` | long of an i32 |
/// | `42` | last binary chunk | `5a` | end of list or map |
/// | `43` | class definition | `5b 5c` | double 0, 1 |
/// | `44` | double | `5d 5e` | double of an i8, i16 |
/// | `46` | false | `5f` | double of 0.001 × i32 |
/// | `48` | map | `60..6f` | object of class 0..15 |
/// | `49` | int | `70..77` | list of 0..7: type, values |
/// | `4a 4b` | date in ms, in minutes | `78..7f` | list of 0..7: values |
/// | `4c` | long | `80..bf` | int -16..47 |
/// | `4d` | map with type | `c0..cf` | int of two bytes |
/// | `4e` | null | `d0..d7` | int of three bytes |
/// | `4f` | object: int class | `d8..ef` | long -8..15 |
/// | `51` | reference: int | `f0..ff` | long of two bytes |
/// | `52` | string chunk, more follow | `53` | last string chunk |
#[derive(Debug, Clone, Copy)]
pub enum Final {}

const VALUE: &str = "a value";

#[expect(private_interfaces, reason = "sealed: nobody else implements a grammar")]
impl Grammar for Final {
    const END: u8 = b'Z';
    const DEFINITION: Option<u8> = Some(b'C');

    #[inline(always)]
    fn token(input: &[u8]) -> Scan<'_, Token> {
        let (rest, tag) = be_u8(input)?;
        let token = match tag {
            0x00..=0x1f => Token::Text { units: tag.into(), last: true },
            0x20..=0x2f => Token::Binary { len: u32::from(tag) - 0x20, last: true },
            0x30..=0x33 => {
                let (rest, low) = be_u8(rest)?;
                return Ok((
                    rest,
                    Token::Text { units: (u32::from(tag) - 0x30) << 8 | u32::from(low), last: true },
                ));
            }
            0x34..=0x37 => {
                let (rest, low) = be_u8(rest)?;
                return Ok((
                    rest,
                    Token::Binary { len: (u32::from(tag) - 0x34) << 8 | u32::from(low), last: true },
                ));
            }
            0x38..=0x3f => {
                let (rest, low) = be_u16(rest)?;
                return Ok((rest, Token::Long((above(tag, 0x3c, 16) + i32::from(low)).into())));
            }
            b'A' | b'B' => {
                let (rest, len) = be_u16(rest)?;
                return Ok((rest, Token::Binary { len: len.into(), last: tag == b'B' }));
            }
            b'C' => Token::Definition,
            b'D' => {
                let (rest, bits) = be_i64(rest)?;
                return Ok((rest, Token::Double(f64::from_bits(bits.cast_unsigned()))));
            }
            b'F' => Token::Bool(false),
            b'H' => Token::Map { ty: TypeForm::None },
            b'I' => {
                let (rest, value) = be_i32(rest)?;
                return Ok((rest, Token::Int(value)));
            }
            0x4a => {
                let (rest, millis) = be_i64(rest)?;
                return Ok((rest, Token::Date(millis)));
            }
            0x4b => {
                let (rest, minutes) = be_i32(rest)?;
                return Ok((rest, Token::Date(i64::from(minutes) * 60_000)));
            }
            b'L' => {
                let (rest, value) = be_i64(rest)?;
                return Ok((rest, Token::Long(value)));
            }
            b'M' => Token::Map { ty: TypeForm::NameOrNumber },
            b'N' => Token::Null,
            b'O' => Token::Object(None),
            b'Q' => Token::Reference(None),
            b'R' | b'S' => {
                let (rest, units) = be_u16(rest)?;
                return Ok((rest, Token::Text { units: units.into(), last: tag == b'S' }));
            }
            b'T' => Token::Bool(true),
            b'U' => Token::List { ty: TypeForm::NameOrNumber, len: LengthForm::None, ended: true },
            b'V' => Token::List { ty: TypeForm::NameOrNumber, len: LengthForm::Int, ended: false },
            b'W' => Token::List { ty: TypeForm::None, len: LengthForm::None, ended: true },
            b'X' => Token::List { ty: TypeForm::None, len: LengthForm::Int, ended: false },
            0x59 => {
                let (rest, value) = be_i32(rest)?;
                return Ok((rest, Token::Long(value.into())));
            }
            b'Z' => Token::End,
            0x5b => Token::Double(0.0),
            0x5c => Token::Double(1.0),
            0x5d => {
                let (rest, value) = be_i8(rest)?;
                return Ok((rest, Token::Double(value.into())));
            }
            0x5e => {
                let (rest, value) = be_i16(rest)?;
                return Ok((rest, Token::Double(value.into())));
            }
            0x5f => {
                let (rest, mills) = be_i32(rest)?;
                return Ok((rest, Token::Double(0.001 * f64::from(mills))));
            }
            0x60..=0x6f => Token::Object(Some(u32::from(tag) - 0x60)),
            0x70..=0x77 => {
                let len = LengthForm::Known(u32::from(tag) - 0x70);
                Token::List { ty: TypeForm::NameOrNumber, len, ended: false }
            }
            0x78..=0x7f => {
                let len = LengthForm::Known(u32::from(tag) - 0x78);
                Token::List { ty: TypeForm::None, len, ended: false }
            }
            0x80..=0xbf => Token::Int(i32::from(tag) - 0x90),
            0xc0..=0xcf => {
                let (rest, low) = be_u8(rest)?;
                return Ok((rest, Token::Int(above(tag, 0xc8, 8) + i32::from(low))));
            }
            0xd0..=0xd7 => {
                let (rest, low) = be_u16(rest)?;
                return Ok((rest, Token::Int(above(tag, 0xd4, 16) + i32::from(low))));
            }
            0xd8..=0xef => Token::Long(i64::from(tag) - 0xe0),
            0xf0..=0xff => {
                let (rest, low) = be_u8(rest)?;
                return Ok((rest, Token::Long((above(tag, 0xf8, 8) + i32::from(low)).into())));
            }
            0x40 | b'E' | b'G' | b'P' => return unexpected(tag, VALUE),
        };
        Ok((rest, token))
    }

    #[inline]
    fn type_of(_: TypeForm, input: &[u8]) -> Scan<'_, TypeToken> {
        let (rest, token) = Self::token(input)?;
        match token {
            Token::Text { units, last } => Ok((rest, TypeToken::Name { units, last })),
            Token::Int(number) => Ok((rest, TypeToken::Number(number))),
            _ => unexpected(input[0], "a type name or the number of one"),
        }
    }

    #[inline]
    fn length_of(form: LengthForm, input: &[u8]) -> Scan<'_, Option<i32>> {
        match form {
            LengthForm::Known(len) => Ok((input, Some(len.cast_signed()))),
            LengthForm::None | LengthForm::Optional => Ok((input, None)),
            LengthForm::Int => {
                let (rest, token) = Self::token(input)?;
                match token {
                    Token::Int(len) => Ok((rest, Some(len))),
                    _ => unexpected(input[0], "an int (the length of a list)"),
                }
            }
        }
    }

    // The same opcodes once more, for who knows what to expect.

    /// Without a branch on the opcode: numbers of a message have now this form, now that. A third fewer instructions than
    /// one case after the other; where all have the same form, which a processor foresees, no faster for that.
    #[inline]
    fn integer(input: &[u8]) -> (i64, usize) {
        let [tag, a, b, c, d, e, f, g, h, ..] = *input else { return integer_near_the_end(input) };
        let form = &INTEGERS[usize::from(tag)];
        let operand = u64::from_be_bytes([a, b, c, d, e, f, g, h]);
        let with_opcode = u64::from(tag.wrapping_sub(form.zero)) << 56 | operand >> 8;
        let word = if form.is_wide { operand } else { with_opcode };
        (word.cast_signed() >> form.shift, form.len.into())
    }

    #[inline]
    fn double_at(input: &[u8]) -> (f64, usize) {
        match *input {
            [b'D', a, b, c, d, e, f, g, h, ..] => (f64::from_be_bytes([a, b, c, d, e, f, g, h]), 9),
            [0x5f, a, b, c, d, ..] => (0.001 * f64::from(i32::from_be_bytes([a, b, c, d])), 5),
            [0x5b, ..] => (0.0, 1),
            [0x5c, ..] => (1.0, 1),
            [0x5d, a, ..] => (f64::from(a.cast_signed()), 2),
            [0x5e, a, b, ..] => (f64::from(i16::from_be_bytes([a, b])), 3),
            _ => (0.0, 0),
        }
    }

    #[inline]
    fn text_at(input: &[u8]) -> (usize, usize) {
        match *input {
            [tag @ 0x00..=0x1f, ..] => (tag.into(), 1),
            [tag @ 0x30..=0x33, low, ..] => (usize::from(tag - 0x30) << 8 | usize::from(low), 2),
            [b'S', high, low, ..] => (usize::from(high) << 8 | usize::from(low), 3),
            _ => (0, 0),
        }
    }

    #[inline]
    fn object_at(input: &[u8]) -> (u32, usize) {
        match *input {
            [tag @ 0x60..=0x6f, ..] => (u32::from(tag) - 0x60, 1),
            _ => (0, 0),
        }
    }
}

/// How an int or long is read, by its opcode.
#[derive(Clone, Copy)]
struct Integer {
    /// The opcode that adds nothing to the bytes after it.
    zero: u8,
    /// The opcode adds nothing at all.
    is_wide: bool,
    /// What of eight bytes, beginning with the opcode or after it, belongs to something else.
    shift: u8,
    /// Bytes with the opcode; 0 if it is no int and no long.
    len: u8,
}

static INTEGERS: [Integer; 256] = {
    const fn short(zero: u8, more: u8) -> Integer {
        Integer { zero, is_wide: false, shift: 56 - 8 * more, len: 1 + more }
    }
    let mut table = [Integer { zero: 0, is_wide: true, shift: 0, len: 0 }; 256];
    let mut tag = 0;
    while tag < table.len() {
        table[tag] = match tag as u8 {
            0x80..=0xbf => short(0x90, 0),
            0xc0..=0xcf => short(0xc8, 1),
            0xd0..=0xd7 => short(0xd4, 2),
            0xd8..=0xef => short(0xe0, 0),
            0xf0..=0xff => short(0xf8, 1),
            0x38..=0x3f => short(0x3c, 2),
            b'I' | 0x59 => Integer { zero: 0, is_wide: true, shift: 32, len: 5 },
            b'L' => Integer { zero: 0, is_wide: true, shift: 0, len: 9 },
            _ => table[tag],
        };
        tag += 1;
    }
    table
};

/// Where less than nine bytes are left.
#[inline(never)]
fn integer_near_the_end(input: &[u8]) -> (i64, usize) {
    match *input {
        [tag @ 0x80..=0xbf, ..] => (i64::from(tag) - 0x90, 1),
        [tag @ 0xc0..=0xcf, low, ..] => ((above(tag, 0xc8, 8) + i32::from(low)).into(), 2),
        [tag @ 0xd8..=0xef, ..] => (i64::from(tag) - 0xe0, 1),
        [tag @ 0xf0..=0xff, low, ..] => ((above(tag, 0xf8, 8) + i32::from(low)).into(), 2),
        [tag @ 0xd0..=0xd7, high, low, ..] => {
            ((above(tag, 0xd4, 16) + i32::from(u16::from_be_bytes([high, low]))).into(), 3)
        }
        [tag @ 0x38..=0x3f, high, low, ..] => {
            ((above(tag, 0x3c, 16) + i32::from(u16::from_be_bytes([high, low]))).into(), 3)
        }
        [b'I' | 0x59, a, b, c, d, ..] => (i32::from_be_bytes([a, b, c, d]).into(), 5),
        _ => (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_what_their_tokens_are_wherever_they_stand() {
        let operands = [[0; 8], [0xff; 8], [0x80, 0, 0, 0, 0, 0, 0, 1], [0x7f, 0xfe, 3, 4, 5, 6, 7, 8]];
        for (tag, operand) in (0..=u8::MAX).flat_map(|tag| operands.map(|operand| (tag, operand))) {
            let input = [&[tag][..], &operand, b"and more"].concat();
            for input in (0..=input.len()).map(|len| &input[..len]) {
                let expected = match Final::token(input) {
                    Ok((rest, Token::Int(value))) => Some((value.into(), input.len() - rest.len())),
                    Ok((rest, Token::Long(value))) => Some((value, input.len() - rest.len())),
                    _ => None,
                };
                let (value, len) = Final::integer(input);
                assert_eq!((len > 0).then_some((value, len)), expected, "{input:02x?}");
            }
        }
    }
}
