//! Values, event by event.

use super::{BYTES, Dump, Lines, quote};
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::grammar::Grammar;
use crate::parser::{Core, Step};
use crate::table::{Cursor, Tables};
use std::fmt::{self, Write as _};

pub(super) fn values<G: Grammar>(dump: &Dump<G>, bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut lines = Lines::new::<G>(f, dump.max_lines);
    let mut walk = Walk::new(dump);
    let mut at = 0;
    while at < bytes.len() && lines.left > 0 {
        match walk.value(&mut lines, bytes, at, "", &|offset| offset as u64)? {
            Some(end) => at = end,
            None => break,
        }
    }
    Ok(())
}

/// Containers whose places are remembered, for references to them.
const MAX_PLACES: usize = 1 << 16;

/// Walks over the values of a stream.
pub(super) struct Walk<'d, G> {
    dump: &'d Dump<G>,
    core: Core<G>,
    tables: Tables,
    /// What is open.
    stack: Vec<Open>,
    /// Where each container of this packet begins, and what it is.
    places: Vec<(u64, &'static str)>,
    /// How many type names were told.
    types: usize,
}

/// An open container: what the next value is in it.
enum Open {
    List(u64),
    Map(u64),
    /// With the name of the next field, and how many follow.
    Object {
        name: Cursor,
        left: u32,
    },
}

/// A string or binary whose pieces arrive.
struct Pieces {
    /// Where it begins.
    at: usize,
    /// As much of a string as is shown, in UTF-16: halves of surrogate pairs come one by one.
    text: Vec<u16>,
    /// UTF-16 units, or bytes.
    len: u64,
    pieces: u64,
}

impl<'d, G: Grammar> Walk<'d, G> {
    pub(super) fn new(dump: &'d Dump<G>) -> Self {
        Self {
            dump,
            core: Core::new(),
            tables: Tables::default(),
            stack: Vec::new(),
            places: Vec::new(),
            types: 0,
        }
    }

    /// References start anew.
    pub(super) fn next_packet(&mut self) {
        self.core.next_packet();
        self.stack.clear();
        self.places.clear();
    }

    /// Shows the value that begins at `start`; gives its end, or `None` after a failure. `place` tells what offset a byte
    /// has in the file.
    pub(super) fn value(
        &mut self,
        lines: &mut Lines<'_, '_>,
        bytes: &[u8],
        start: usize,
        label: &str,
        place: &dyn Fn(usize) -> u64,
    ) -> Result<Option<usize>, fmt::Error> {
        self.core.next_value();
        // Offsets of errors are those of `bytes`.
        self.core.start_at(start as u64, self.core.containers());
        let mut at = start;
        let mut pieces: Option<Pieces> = None;
        loop {
            if lines.left == 0 {
                return Ok(None);
            }
            match self.core.step(&mut self.tables, &self.dump.limits, &bytes[at..]) {
                Ok(Step::Done) => return Ok(Some(at)),
                Ok(Step::Event { event, used }) => {
                    let end = at + used;
                    self.event(lines, bytes, (at, end), event, label, &mut pieces, place)?;
                    at = end;
                }
                Ok(Step::NeedMore { needed, .. }) => {
                    let error = Error::new(ErrorKind::Incomplete { needed });
                    self.failure(lines, bytes, at, (pieces, label), &error, place)?;
                    return Ok(None);
                }
                Err(error) => {
                    self.failure(lines, bytes, at, (pieces, label), &error, place)?;
                    return Ok(None);
                }
            }
        }
    }

    /// What failed, in the token at `at`, and where.
    fn failure(
        &mut self,
        lines: &mut Lines<'_, '_>,
        bytes: &[u8],
        at: usize,
        (pieces, label): (Option<Pieces>, &str),
        error: &Error,
        place: &dyn Fn(usize) -> u64,
    ) -> fmt::Result {
        let mut label = self.label(label);
        if let Some(pieces) = pieces {
            self.cut_off(lines, bytes, &pieces, &label, place)?;
            label.clear();
        }
        let rest = &bytes[at..];
        let meaning = match error.offset().and_then(|offset| usize::try_from(offset).ok()) {
            _ if error.is_incomplete() => format!("!!! cut off: {}", error.kind()),
            Some(offset) if offset > at => {
                format!("!!! error at byte {}: {}", place(offset.min(bytes.len())), error.kind())
            }
            _ => format!("!!! error: {}", error.kind()),
        };
        let total = rest.len() as u64;
        lines.line(place(at), rest, total, true, self.stack.len(), format_args!("{label}{meaning}"))
    }

    /// What there is of a string or binary.
    fn cut_off(
        &self,
        lines: &mut Lines<'_, '_>,
        bytes: &[u8],
        pieces: &Pieces,
        label: &str,
        place: &dyn Fn(usize) -> u64,
    ) -> fmt::Result {
        let start = quote(&characters(&pieces.text), self.dump.max_text);
        let total = (bytes.len() - pieces.at) as u64;
        lines.line(
            place(pieces.at),
            &bytes[pieces.at..],
            total,
            true,
            self.stack.len(),
            format_args!("{label}the beginning of {start}, {} so far", pieces.len),
        )
    }

    /// What the next value is in the container around it.
    fn label(&mut self, top: &str) -> String {
        match self.stack.last_mut() {
            None => top.to_owned(),
            Some(Open::List(index)) => {
                *index += 1;
                format!("[{}] ", *index - 1)
            }
            Some(Open::Map(index)) => {
                *index += 1;
                (if *index % 2 == 1 { "key " } else { "  value " }).to_owned()
            }
            Some(Open::Object { left: 0, .. }) => String::new(),
            Some(Open::Object { name, left }) => {
                *left -= 1;
                format!("{}: ", name_of(self.tables.field(&[], name), self.dump.max_text))
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what a line is made of")]
    fn event(
        &mut self,
        lines: &mut Lines<'_, '_>,
        bytes: &[u8],
        (start, end): (usize, usize),
        event: Event<'_>,
        top: &str,
        pieces: &mut Option<Pieces>,
        place: &dyn Fn(usize) -> u64,
    ) -> fmt::Result {
        let depth = self.stack.len();
        let mut line = |from: usize, meaning: fmt::Arguments<'_>| {
            let part = &bytes[from..end];
            lines.line(place(from), part, part.len() as u64, true, depth, meaning)
        };
        let max = self.dump.max_text;
        match event {
            Event::Null => line(start, format_args!("{}null", self.label(top))),
            Event::Bool(value) => line(start, format_args!("{}{value}", self.label(top))),
            Event::Int(value) => line(start, format_args!("{}int {value}", self.label(top))),
            Event::Long(value) => line(start, format_args!("{}long {value}", self.label(top))),
            Event::Double(value) => line(start, format_args!("{}double {value:?}", self.label(top))),
            Event::Date(millis) => {
                line(start, format_args!("{}date {millis} ms ({})", self.label(top), Utc(millis)))
            }
            Event::Text { text, last } => {
                let units = text.encode_utf16().count() as u64;
                self.piece(pieces, start, text.encode_utf16(), units);
                if last { self.string(&mut line, pieces.take(), top) } else { Ok(()) }
            }
            Event::Surrogate { unit, last } => {
                self.piece(pieces, start, std::iter::once(unit), 1);
                if last { self.string(&mut line, pieces.take(), top) } else { Ok(()) }
            }
            Event::Binary { bytes, last } => {
                self.piece(pieces, start, std::iter::empty(), bytes.len() as u64);
                if !last {
                    return Ok(());
                }
                let Some(Pieces { at, len, pieces, .. }) = pieces.take() else { return Ok(()) };
                let in_pieces = InPieces(pieces);
                line(at, format_args!("{}binary of {len} bytes{in_pieces}", self.label(top)))
            }
            Event::List { ty, len } => {
                let ty = self.type_of(ty);
                let label = self.label(top);
                let number = self.open(place(start), "list", Open::List(0));
                match len {
                    Some(len) => line(start, format_args!("{label}list of {len}{ty} (reference {number})")),
                    None => line(start, format_args!("{label}list up to its end{ty} (reference {number})")),
                }
            }
            Event::Map { ty } => {
                let ty = self.type_of(ty);
                let label = self.label(top);
                let number = self.open(place(start), "map", Open::Map(0));
                line(start, format_args!("{label}map{ty} (reference {number})"))
            }
            Event::Object { class } => {
                let label = self.label(top);
                let (name, left) = (self.tables.first_field(&[], class), self.tables.fields(class));
                let number = self.open(place(start), "object", Open::Object { name, left });
                let name = name_of(self.tables.class_name(&[], class), max);
                line(start, format_args!("{label}object of class {}, {name} (reference {number})", class.0))
            }
            Event::Definition(class) => {
                let name = name_of(self.tables.class_name(&[], class), max);
                let mut fields = String::new();
                for (index, field) in self.tables.field_names(&[], class).enumerate() {
                    fields.push_str(if index == 0 { " " } else { ", " });
                    if fields.len() > 4 * max {
                        fields.push('…');
                        break;
                    }
                    fields.push_str(&name_of(field, max));
                }
                line(start, format_args!("class {}: {name} {{{fields} }}", class.0))
            }
            Event::Remote { ty } => {
                let ty = self.type_of(ty);
                line(start, format_args!("a remote object{ty}; its address:"))
            }
            Event::Reference(id) => {
                let label = self.label(top);
                match self.places.get(id.0 as usize) {
                    Some((at, what)) => {
                        line(start, format_args!("{label}reference {}, the {what} at {at}", id.0))
                    }
                    None => line(start, format_args!("{label}reference {}", id.0)),
                }
            }
            Event::End => {
                self.stack.pop();
                let depth = self.stack.len();
                if start == end {
                    return Ok(());
                }
                let part = &bytes[start..end];
                lines.line(place(start), part, part.len() as u64, true, depth, format_args!("end"))
            }
        }
    }

    fn piece(&self, pieces: &mut Option<Pieces>, at: usize, units: impl Iterator<Item = u16>, len: u64) {
        let pieces = pieces.get_or_insert_with(|| Pieces { at, text: Vec::new(), len: 0, pieces: 0 });
        pieces.pieces += 1;
        pieces.len += len;
        // One character more than is shown, so that it is seen that there are more.
        let room = (2 * (self.dump.max_text + 1)).saturating_sub(pieces.text.len());
        pieces.text.extend(units.take(room));
    }

    fn string(
        &mut self,
        line: &mut impl FnMut(usize, fmt::Arguments<'_>) -> fmt::Result,
        pieces: Option<Pieces>,
        top: &str,
    ) -> fmt::Result {
        let Some(Pieces { at, text, len, pieces }) = pieces else { return Ok(()) };
        let (label, text) = (self.label(top), characters(&text));
        let shown = quote(&text, self.dump.max_text);
        if text.chars().nth(self.dump.max_text).is_none() && pieces == 1 {
            return line(at, format_args!("{label}string {shown}"));
        }
        line(at, format_args!("{label}string {shown} of {len} units{}", InPieces(pieces)))
    }

    /// A container opens: its reference number.
    fn open(&mut self, at: u64, what: &'static str, open: Open) -> u32 {
        if self.places.len() < MAX_PLACES {
            self.places.push((at, what));
        }
        self.stack.push(open);
        self.core.containers() - 1
    }

    /// The type of a list or map, with its number.
    fn type_of(&mut self, ty: Option<crate::event::TypeId>) -> String {
        let Some(ty) = ty else { return String::new() };
        let name = name_of(self.tables.type_name(ty), self.dump.max_text);
        if !G::NUMBERED_TYPES {
            return format!(" of type {name}");
        }
        let is_new = ty.0 as usize >= self.types;
        self.types = self.types.max(ty.0 as usize + 1);
        format!(" of type {}, {name}{}", ty.0, if is_new { " (named here)" } else { "" })
    }
}

/// UTF-16 as text; half a pair is shown by its number.
fn characters(units: &[u16]) -> String {
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
fn name_of(name: &str, max: usize) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._$[;-/".contains(&byte);
    if !name.is_empty() && name.len() <= 4 * max && name.bytes().all(plain) {
        name.to_owned()
    } else {
        quote(name, max)
    }
}

struct InPieces(u64);

impl fmt::Display for InPieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 1 { write!(f, " in {} pieces", self.0) } else { Ok(()) }
    }
}

/// Milliseconds since 1970 as a date of the Gregorian calendar, which is taken to hold for all time.
struct Utc(i64);

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

impl<G: Grammar> Walk<'_, G> {
    /// A value that the envelope around the values uses for itself: its text or number, where it ends. As
    /// [`value`](Self::value) otherwise.
    pub(super) fn part(
        &mut self,
        lines: &mut Lines<'_, '_>,
        bytes: &[u8],
        start: usize,
        label: &str,
    ) -> Result<Option<(usize, Option<i32>)>, fmt::Error> {
        let Some(end) = self.value(lines, bytes, start, label, &|offset| offset as u64)? else {
            return Ok(None);
        };
        let number = match G::token(&bytes[start..end]) {
            Ok((_, crate::grammar::Token::Int(number))) => Some(number),
            _ => None,
        };
        Ok(Some((end, number)))
    }
}

/// A line about bytes that are no values.
pub(super) fn bytes_line(
    lines: &mut Lines<'_, '_>,
    bytes: &[u8],
    range: std::ops::Range<usize>,
    indent: usize,
    meaning: fmt::Arguments<'_>,
) -> fmt::Result {
    let part = &bytes[range.start.min(bytes.len())..range.end.min(bytes.len())];
    let shown = &part[..part.len().min(BYTES)];
    lines.line(range.start as u64, shown, part.len() as u64, true, indent, meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name comes from where the cursor stands, however many fields went before: a look for the n-th name would make
    /// the dump of a wide class quadratic.
    #[test]
    fn a_field_is_named_from_where_the_last_one_ended() {
        let dump = <Dump>::new();
        let mut walk = Walk::new(&dump);
        let ends = ["x.Wide", "a", "b", "c"].map(|name| {
            let at = walk.tables.begin();
            walk.tables.extend(name);
            walk.tables.finish().unwrap();
            at
        });
        let class = walk.tables.add_class(ends[0], 3, &dump.limits).unwrap();
        let mut name = walk.tables.first_field(&[], class);
        assert_eq!(walk.tables.field(&[], &mut name), "a");
        walk.stack.push(Open::Object { name, left: 2 });
        assert_eq!([walk.label(""), walk.label(""), walk.label("")], ["b: ", "c: ", ""]);
    }
}
