//! Values, event by event, in whatever pieces their bytes arrive.

use super::Dump;
use super::lines::{Lines, Part, Span};
use super::words::{Utc, characters, name_of, quote};
use crate::error::{Error, ErrorKind};
use crate::event::{Event, TypeId};
use crate::grammar::Grammar;
use crate::limits::Limits;
use crate::parser::{Core, Step};
use crate::table::{Cursor, Tables};
use std::fmt;

/// Containers whose places are remembered, for references to them.
const MAX_PLACES: usize = 1 << 16;

/// Walks over the values of a stream. Memory: O(depth), the names of classes and types, [`MAX_PLACES`], and the beginning
/// of a token that was cut.
#[derive(Debug)]
pub(super) struct Walk<G> {
    max_text: usize,
    limits: Limits,
    core: Core<G>,
    tables: Tables,
    /// What is open.
    stack: Vec<Open>,
    /// Where each container of this packet begins, and what it is.
    places: Vec<(u64, &'static str)>,
    /// How many type names were told.
    types: usize,
    /// What a value is that stands in no container.
    top: String,
    /// A value has begun and not ended.
    is_inside: bool,
    /// It was an int.
    pub(super) number: Option<i32>,
    /// Bytes that were read since the last line.
    token: Span,
    /// Bytes that were read since the last event.
    step: Span,
    /// A string or binary whose pieces arrive.
    pieces: Option<Pieces>,
    /// Bytes that were not read because the token needs more, and where the first stands.
    carry: Vec<u8>,
    carried_from: u64,
    /// How many more, at least.
    needed: usize,
}

/// An open container: what the next value is in it.
#[derive(Debug)]
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
#[derive(Debug, Default)]
struct Pieces {
    /// As much of a string as is shown, in UTF-16: halves of surrogate pairs come one by one.
    text: Vec<u16>,
    /// UTF-16 units, or bytes.
    len: u64,
    /// As the sender cut it.
    chunks: u64,
    /// Halves of surrogate pairs were told one by one.
    is_mixed: bool,
}

/// How far a value came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fed {
    /// To its end, after so many of the bytes.
    Done(usize),
    /// It goes on.
    More,
    /// It cannot go on: a line tells why, or there may be no further line.
    Failed,
}

impl<G: Grammar> Walk<G> {
    pub(super) fn new<H>(dump: &Dump<H>) -> Self {
        Self {
            max_text: dump.max_text,
            limits: dump.limits,
            core: Core::new(),
            tables: Tables::default(),
            stack: Vec::new(),
            places: Vec::new(),
            types: 0,
            top: String::new(),
            is_inside: false,
            number: None,
            token: Span::default(),
            step: Span::default(),
            pieces: None,
            carry: Vec::new(),
            carried_from: 0,
            needed: 0,
        }
    }

    /// References start anew.
    pub(super) fn next_packet(&mut self) {
        self.core.next_packet();
        self.places.clear();
        self.is_inside = false;
    }

    /// True while a value has begun and not ended.
    pub(super) fn is_inside(&self) -> bool {
        self.is_inside
    }

    /// Begins a value, which stands in no container: what it is.
    pub(super) fn begin(&mut self, label: &str) {
        self.core.next_value();
        self.stack.clear();
        self.token.clear();
        self.step.clear();
        self.carry.clear();
        self.pieces = None;
        self.number = None;
        label.clone_into(&mut self.top);
        self.is_inside = true;
    }

    /// Shows what becomes clear of the value by more bytes; the first stands at `place` in the input.
    pub(super) fn feed(
        &mut self,
        lines: &mut Lines<'_>,
        bytes: &[u8],
        place: u64,
    ) -> Result<Fed, fmt::Error> {
        let mut at = 0;
        // Only what the token in hand needs is copied.
        while !self.carry.is_empty() {
            let taken = self.needed.clamp(1, bytes.len() - at + 1).min(bytes.len() - at);
            if taken == 0 {
                return Ok(Fed::More);
            }
            self.carry.extend_from_slice(&bytes[at..at + taken]);
            at += taken;
            let carry = std::mem::take(&mut self.carry);
            match self.run(lines, &carry, self.carried_from)? {
                // What is left of it came with these bytes.
                Fed::Done(used) => return Ok(Fed::Done(at.saturating_sub(carry.len() - used))),
                Fed::More => {}
                Fed::Failed => return Ok(Fed::Failed),
            }
        }
        Ok(match self.run(lines, &bytes[at..], place + at as u64)? {
            Fed::Done(used) => Fed::Done(at + used),
            other => other,
        })
    }

    fn run(&mut self, lines: &mut Lines<'_>, bytes: &[u8], place: u64) -> Result<Fed, fmt::Error> {
        let mut at = 0;
        loop {
            if lines.is_full() {
                return Ok(Fed::Failed);
            }
            let rest = &bytes[at..];
            let here = place + at as u64;
            match self.core.step(&mut self.tables, &self.limits, rest) {
                Ok(Step::Done) => {
                    self.is_inside = false;
                    return Ok(Fed::Done(at));
                }
                Ok(Step::Event { event, used }) => {
                    self.took(here, &rest[..used]);
                    self.event(lines, event)?;
                    self.step.clear();
                    at += used;
                }
                Ok(Step::NeedMore { used, needed }) => {
                    self.took(here, &rest[..used]);
                    self.carried_from = here + used as u64;
                    self.carry.extend_from_slice(&rest[used..]);
                    self.needed = needed;
                    return Ok(Fed::More);
                }
                Err(error) => {
                    // Offsets of errors count the bytes of packets; nothing was taken by the step that failed.
                    let offset = error.offset().unwrap_or_else(|| self.core.offset());
                    let inside = offset.checked_sub(self.core.offset()).map(|inside| here + inside);
                    let start = self.step.at().unwrap_or(here);
                    let end = place + bytes.len() as u64;
                    let noticed = inside.unwrap_or(start).min(end);
                    self.failure(lines, rest, here, noticed, &format!("error: {}", error.kind()))?;
                    self.is_inside = false;
                    return Ok(Fed::Failed);
                }
            }
        }
    }

    fn took(&mut self, place: u64, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.token.add(place, bytes);
            self.step.add(place, bytes);
        }
    }

    /// The input ends inside the value.
    pub(super) fn cut_off(&mut self, lines: &mut Lines<'_>, end: u64) -> fmt::Result {
        let error = Error::new(ErrorKind::Incomplete { needed: self.needed.max(1) });
        let rest = std::mem::take(&mut self.carry);
        self.is_inside = false;
        self.failure(lines, &rest, self.carried_from, end, &format!("cut off: {}", error.kind()))
    }

    /// What failed, in the token of which `rest` stands at `place` behind what was read of it.
    fn failure(
        &mut self,
        lines: &mut Lines<'_>,
        rest: &[u8],
        place: u64,
        noticed: u64,
        what: &str,
    ) -> fmt::Result {
        let mut label = self.label();
        lines.failed(self.token.at().unwrap_or(place), noticed, what);
        if let Some(pieces) = self.pieces.take() {
            let mut span = self.token;
            span.add(place, rest);
            let len = pieces.len;
            let (part, start) = match pieces.text.as_slice() {
                [] => (Part::Binary, format!("a binary, {len} bytes")),
                text => (Part::Text, format!("{}, {len} units", quote(&characters(text), self.max_text))),
            };
            let depth = self.stack.len();
            lines.line(&span, depth, &label, part, format_args!("the beginning of {start} so far"))?;
            label.clear();
        }
        let mut span = self.step;
        span.add(place, rest);
        lines.failure(&span, self.stack.len(), &label, noticed, what)
    }

    /// What the next value is in the container around it.
    fn label(&mut self) -> String {
        match self.stack.last_mut() {
            None => self.top.clone(),
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
                format!("{}: ", name_of(self.tables.field(&[], name), self.max_text))
            }
        }
    }

    fn event(&mut self, lines: &mut Lines<'_>, event: Event<'_>) -> fmt::Result {
        let depth = self.stack.len();
        let max = self.max_text;
        let (label, part, meaning) = match event {
            Event::Null => (self.label(), Part::Constant, "null".to_owned()),
            Event::Bool(value) => (self.label(), Part::Constant, value.to_string()),
            Event::Int(value) => {
                self.number = (depth == 0).then_some(value);
                (self.label(), Part::Number, format!("int {value}"))
            }
            Event::Long(value) => (self.label(), Part::Number, format!("long {value}")),
            Event::Double(value) => (self.label(), Part::Number, format!("double {value:?}")),
            Event::Date(millis) => {
                (self.label(), Part::Number, format!("date {millis} ms ({})", Utc(millis)))
            }
            Event::Text { text, last } => {
                let units = text.encode_utf16().count() as u64;
                self.piece(text.encode_utf16(), units, text.len());
                match last.then(|| self.pieces.take()).flatten() {
                    Some(pieces) => (self.label(), Part::Text, self.string(&pieces)),
                    None => return Ok(()),
                }
            }
            Event::Surrogate { unit, last } => {
                self.piece(std::iter::once(unit), 1, 3).is_mixed = true;
                match last.then(|| self.pieces.take()).flatten() {
                    Some(pieces) => (self.label(), Part::Text, self.string(&pieces)),
                    None => return Ok(()),
                }
            }
            Event::Binary { bytes, last } => {
                self.piece(std::iter::empty(), bytes.len() as u64, bytes.len());
                match last.then(|| self.pieces.take()).flatten() {
                    Some(Pieces { len, chunks, .. }) => {
                        (self.label(), Part::Binary, format!("binary of {len} bytes{}", InChunks(chunks)))
                    }
                    None => return Ok(()),
                }
            }
            Event::List { ty, len } => {
                let ty = self.type_of(ty);
                let label = self.label();
                let number = self.open("list", Open::List(0));
                let meaning = match len {
                    Some(len) => format!("list of {len}{ty} (reference {number})"),
                    None => format!("list up to its end{ty} (reference {number})"),
                };
                (label, Part::Container, meaning)
            }
            Event::Map { ty } => {
                let ty = self.type_of(ty);
                let label = self.label();
                let number = self.open("map", Open::Map(0));
                (label, Part::Container, format!("map{ty} (reference {number})"))
            }
            Event::Object { class } => {
                let label = self.label();
                let (name, left) = (self.tables.first_field(&[], class), self.tables.fields(class));
                let number = self.open("object", Open::Object { name, left });
                let name = name_of(self.tables.class_name(&[], class), max);
                let meaning = format!("object of class {}, {name} (reference {number})", class.0);
                (label, Part::Container, meaning)
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
                (String::new(), Part::Definition, format!("class {}: {name} {{{fields} }}", class.0))
            }
            Event::Remote { ty } => {
                let ty = self.type_of(ty);
                (String::new(), Part::Container, format!("a remote object{ty}; its address:"))
            }
            Event::Reference(id) => {
                let meaning = match self.places.get(id.0 as usize) {
                    Some((at, what)) => format!("reference {}, the {what} at {at}", id.0),
                    None => format!("reference {}", id.0),
                };
                (self.label(), Part::Reference, meaning)
            }
            Event::End => {
                self.stack.pop();
                if self.token.len() == 0 {
                    return Ok(());
                }
                let span = std::mem::take(&mut self.token);
                return lines.line(&span, self.stack.len(), "", Part::Container, format_args!("end"));
            }
        };
        let span = std::mem::take(&mut self.token);
        lines.line(&span, depth, &label, part, format_args!("{meaning}"))
    }

    /// Adds a piece of so many bytes; what else was read since the last one is the head of a chunk.
    fn piece(&mut self, units: impl Iterator<Item = u16>, len: u64, bytes: usize) -> &mut Pieces {
        let pieces = self.pieces.get_or_insert_default();
        pieces.chunks += u64::from(self.step.len() > bytes as u64);
        pieces.len += len;
        // One character more than is shown, so that it is seen that there are more.
        let room = self.max_text.saturating_add(1).saturating_mul(2).saturating_sub(pieces.text.len());
        pieces.text.extend(units.take(room));
        pieces
    }

    fn string(&self, pieces: &Pieces) -> String {
        let text = characters(&pieces.text);
        let shown = quote(&text, self.max_text);
        if text.chars().nth(self.max_text).is_none() && pieces.chunks <= 1 && !pieces.is_mixed {
            return format!("string {shown}");
        }
        format!("string {shown} of {} units{}", pieces.len, InChunks(pieces.chunks))
    }

    /// A container opens: its reference number.
    fn open(&mut self, what: &'static str, open: Open) -> u32 {
        if self.places.len() < MAX_PLACES {
            self.places.push((self.token.at().unwrap_or_default(), what));
        }
        self.stack.push(open);
        self.core.containers() - 1
    }

    /// The type of a list or map, with its number.
    fn type_of(&mut self, ty: Option<TypeId>) -> String {
        let Some(ty) = ty else { return String::new() };
        let name = name_of(self.tables.type_name(ty), self.max_text);
        if !G::NUMBERED_TYPES {
            return format!(" of type {name}");
        }
        let is_new = ty.0 as usize >= self.types;
        self.types = self.types.max(ty.0 as usize + 1);
        format!(" of type {}, {name}{}", ty.0, if is_new { " (named here)" } else { "" })
    }
}

struct InChunks(u64);

impl fmt::Display for InChunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 > 1 { write!(f, " in {} chunks", self.0) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name comes from where the cursor stands, however many fields went before: a look for the n-th name would make
    /// the dump of a wide class quadratic.
    #[test]
    fn a_field_is_named_from_where_the_last_one_ended() {
        let dump = <Dump>::new();
        let mut walk = Walk::<crate::grammar::Final>::new(&dump);
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
        assert_eq!([walk.label(), walk.label(), walk.label()], ["b: ", "c: ", ""]);
    }
}
