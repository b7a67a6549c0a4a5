//! Text, names and dates in one line.

use std::fmt::{self, Write as _};

/// A piece of text in one line, of up to `max` characters.
pub(super) fn quote(text: &str, max: usize) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars().take(max) {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ if character.is_alphanumeric() => quoted.push(character),
            // Stands for half a surrogate pair, and for itself: not to be taken for what follows.
            '\u{fffd}' => quoted.extend(character.escape_default()),
            // Signs and emoji; not what is invisible or turns the direction of the line.
            _ => quoted.extend(character.escape_debug()),
        }
    }
    quoted.push('"');
    if text.chars().nth(max).is_some() {
        quoted.push('…');
    }
    quoted
}

/// UTF-16 as text; half a pair is shown by its number.
pub(super) fn characters(units: &[u16]) -> String {
    let mut text = String::with_capacity(units.len());
    for character in char::decode_utf16(units.iter().copied()) {
        match character {
            Ok(character) => text.push(character),
            Err(half) => {
                let _ = write!(text, "\u{fffd}{:04x}", half.unpaired_surrogate());
            }
        }
    }
    text
}

/// A name as it is if it is plain, else quoted.
pub(super) fn name_of(name: &str, max: usize) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._$[;-/".contains(&byte);
    if !name.is_empty() && name.len() <= 4 * max && name.bytes().all(plain) {
        name.to_owned()
    } else {
        quote(name, max)
    }
}

/// Milliseconds since 1970 as a date of the Gregorian calendar, which is taken to hold for all time.
pub(super) struct Utc(pub(super) i64);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, millis) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        // Years that begin in March, so that the leap day is the last: 400 of them have 146,097 days.
        let from_march_0 = days + 719_468;
        let (era, day) = (from_march_0.div_euclid(146_097), from_march_0.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = year + era * 400 + next;
        let (seconds, millis) = (millis / 1000, millis % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{millis:03} UTC")
    }
}
