//! Text that stands for bytes, decoded as it arrives.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// A character as it is shown in messages.
fn shown(byte: u8) -> String {
    if byte.is_ascii_graphic() { format!("`{}`", char::from(byte)) } else { format!("byte 0x{byte:02x}") }
}

/// Text to bytes; errors tell which character is none.
pub(super) trait Coding {
    /// Appends the bytes that are complete by more text.
    fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), String>;

    /// The text ends.
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), String>;
}

/// Hexadecimal digits. Between bytes may stand white space and `, : ; - _ [ ] { } ( )`, before each `0x` or `\x`.
#[derive(Default)]
pub(super) struct Hex {
    at: u64,
    digits: Digits,
}

/// What was met of a byte.
#[derive(Clone, Copy, Default)]
enum Digits {
    #[default]
    None,
    /// A backslash: an `x` follows.
    Slash,
    /// A first digit.
    One(u8),
    /// A `0` that may be one of `0x`.
    Zero,
}

impl Hex {
    /// The byte that ends with this character, if one does.
    fn take(&mut self, byte: u8) -> Result<Option<u8>, String> {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let (digits, done) = match (self.digits, byte, digit) {
            (Digits::None, b'\\', _) => (Digits::Slash, None),
            (Digits::None, b'0', _) => (Digits::Zero, None),
            (Digits::None, _, Some(digit)) => (Digits::One(digit), None),
            (Digits::None, b',' | b':' | b';' | b'-' | b'_' | b'[' | b']' | b'{' | b'}' | b'(' | b')', _) => {
                (Digits::None, None)
            }
            (Digits::None, space, _) if space.is_ascii_whitespace() => (Digits::None, None),
            (Digits::Slash, b'x' | b'X', _) | (Digits::Zero, b'x' | b'X', _) => (Digits::None, None),
            (Digits::Zero, _, Some(digit)) => (Digits::None, Some(digit)),
            (Digits::One(first), _, Some(digit)) => (Digits::None, Some(first << 4 | digit)),
            (digits, ..) => {
                let expected = match digits {
                    Digits::None => "a hexadecimal digit",
                    Digits::Slash => "the x of \\x",
                    Digits::One(_) | Digits::Zero => "the second hexadecimal digit of a byte",
                };
                let found = shown(byte);
                return Err(format!("character {} is {found}, where {expected} was expected", self.at));
            }
        };
        self.digits = digits;
        self.at += 1;
        Ok(done)
    }
}

impl Coding for Hex {
    fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        for &byte in text {
            out.extend(self.take(byte)?);
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<u8>) -> Result<(), String> {
        match self.digits {
            Digits::None => Ok(()),
            _ => Err(format!(
                "the text ends after {} characters inside a byte: two hexadecimal digits were expected",
                self.at
            )),
        }
    }
}

/// Base64 of either alphabet; padding may be missing, and white space stand anywhere.
#[derive(Default)]
pub(super) struct Base64 {
    at: u64,
    /// Characters that are no group of four yet.
    group: Vec<u8>,
    ended: bool,
}

const ENGINE: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Base64 {
    fn decode(&mut self, characters: usize, out: &mut Vec<u8>) -> Result<(), String> {
        let done = ENGINE.decode_vec(&self.group[..characters], out);
        self.group.drain(..characters);
        done.map_err(|error| format!("before character {}: no base64: {error}", self.at))
    }
}

impl Coding for Base64 {
    fn push(&mut self, text: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        for &byte in text {
            let plain = match byte {
                b'-' => b'+',
                b'_' => b'/',
                byte => byte,
            };
            let is_late = self.ended && plain != b'=';
            match plain {
                space if space.is_ascii_whitespace() => {}
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' if !is_late => {
                    self.ended |= plain == b'=';
                    self.group.push(plain);
                }
                _ => {
                    let expected = if is_late { "nothing after the padding" } else { "base64" };
                    let (at, found) = (self.at, shown(byte));
                    return Err(format!("character {at} is {found}, where {expected} was expected"));
                }
            }
            self.at += 1;
        }
        // Padding stays for the end: it may be in pieces itself.
        let whole = if self.ended { 0 } else { self.group.len() / 4 * 4 };
        self.decode(whole, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<(), String> {
        self.decode(self.group.len(), out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In one piece and byte by byte.
    fn both<C: Coding + Default>(text: &[u8]) -> Result<Vec<u8>, String> {
        let decoded = |pieces: usize| {
            let (mut coding, mut out) = (C::default(), Vec::new());
            for piece in text.chunks(pieces) {
                coding.push(piece, &mut out)?;
            }
            coding.finish(&mut out).map(|()| out)
        };
        let whole = decoded(usize::MAX);
        assert_eq!(whole, decoded(1));
        whole
    }

    #[test]
    fn hexadecimal_as_people_paste_it() {
        for text in [
            "48020043",
            "48 02\n00 43",
            "0x48,0x02, 0x00,0x43",
            "\\x48\\x02\\x00\\x43",
            "[48:02:00:43]",
            "48-02-00-43",
        ] {
            assert_eq!(both::<Hex>(text.as_bytes()).unwrap(), b"H\x02\x00C", "{text}");
        }
        assert_eq!(both::<Hex>(b"").unwrap(), b"");
        for (text, error) in [
            ("48 0g", "character 4 is `g`, where the second hexadecimal digit of a byte was expected"),
            ("48 4 8", "character 4 is byte 0x20, where the second hexadecimal digit of a byte was expected"),
            ("48 x", "character 3 is `x`, where a hexadecimal digit was expected"),
            ("48 \\4", "character 4 is `4`, where the x of \\x was expected"),
            ("480", "the text ends after 3 characters inside a byte: two hexadecimal digits were expected"),
        ] {
            assert_eq!(both::<Hex>(text.as_bytes()).unwrap_err(), error, "{text}");
        }
    }

    #[test]
    fn base64_of_either_alphabet() {
        for (text, bytes) in [
            ("SAIAQw==", &b"H\x02\x00C"[..]),
            ("SAIAQw", b"H\x02\x00C"),
            ("SAI\nAQ\r\nw==\n", b"H\x02\x00C"),
            ("+/+/", b"\xfb\xff\xbf"),
            ("-_-_", b"\xfb\xff\xbf"),
            ("", b""),
        ] {
            assert_eq!(both::<Base64>(text.as_bytes()).unwrap(), bytes, "{text}");
        }
        for (text, error) in [
            ("SAI*", "character 3 is `*`, where base64 was expected"),
            ("SA==SA==", "character 4 is `S`, where nothing after the padding was expected"),
        ] {
            assert_eq!(both::<Base64>(text.as_bytes()).unwrap_err(), error, "{text}");
        }
        assert!(both::<Base64>(b"SAIAQ").unwrap_err().contains("no base64"));
    }
}
