//! Reading a value that is there as a whole.

use super::replay::Replay;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, Event};
use crate::grammar::{Grammar, LengthForm, Scan, Stop, Token, TypeForm, TypeToken};
use crate::limits::Limits;
use crate::parser::{Core, Step};
use crate::rare::Rare;
use crate::table::{Match, Tables, Target};
use crate::utf16;
use bytes::Bytes;
use std::marker::PhantomData;

/// A position in a slice, with what the stream has defined before it.
#[derive(Debug)]
pub(super) struct Reader<'de, 't, G> {
    pub(super) input: &'de [u8],
    pub(super) pos: usize,
    /// Where the last token starts, for messages. Values that are looked at without tokens leave it as it is.
    pub(super) start: usize,
    pub(super) tables: &'t mut Tables,
    /// The tables are used for this input only: names may stay in it.
    alone: bool,
    pub(super) limits: &'t Limits,
    /// How many containers may still be opened inside each other.
    pub(super) depth_left: u32,
    /// Lists, maps and objects started so far: those that references can name.
    pub(super) containers: u32,
    /// References that are being followed, inside each other: what is read is read once more.
    pub(super) replaying: u32,
    /// For what is told more than once.
    pub(super) replay: Rare<Replay<G>>,
    /// The buffer that the input is a slice of, if it is shared.
    pub(super) source: Option<&'de Bytes>,
    grammar: PhantomData<G>,
}

impl<'de, 't, G: Grammar> Reader<'de, 't, G> {
    #[inline]
    pub(super) fn new(input: &'de [u8], tables: &'t mut Tables, limits: &'t Limits, alone: bool) -> Self {
        Self {
            input,
            pos: 0,
            start: 0,
            tables,
            alone,
            limits,
            depth_left: limits.max_depth,
            containers: 0,
            replaying: 0,
            replay: Rare::default(),
            source: None,
            grammar: PhantomData,
        }
    }

    #[inline]
    pub(super) fn rest(&self) -> &'de [u8] {
        &self.input[self.pos..]
    }

    #[cold]
    #[inline(never)]
    pub(super) fn fail(&self, kind: ErrorKind) -> Error {
        Error::at(self.pos as u64, kind)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn stopped(&self, stop: Stop) -> Error {
        self.fail(match stop {
            Stop::Incomplete(needed) => ErrorKind::Incomplete { needed },
            Stop::Unexpected(what) => {
                ErrorKind::UnexpectedByte { found: what.found, expected: what.expected }
            }
        })
    }

    /// The opcode of the next value (or end); class definitions before it are taken in.
    #[inline]
    pub(super) fn peek(&mut self) -> Result<u8> {
        match self.input.get(self.pos) {
            Some(&tag) if Some(tag) != G::DEFINITION => Ok(tag),
            _ => self.peek_slow(),
        }
    }

    #[inline(never)]
    fn peek_slow(&mut self) -> Result<u8> {
        loop {
            match G::token(self.rest()) {
                Ok((rest, Token::Definition)) => {
                    self.pos = self.input.len() - rest.len();
                    self.definition()?;
                }
                Err(stop) => return Err(self.stopped(stop)),
                Ok(_) => return Ok(self.input[self.pos]),
            }
        }
    }

    /// The next token that is not a class definition.
    #[inline]
    pub(super) fn token(&mut self) -> Result<Token> {
        loop {
            match G::token(self.rest()) {
                Ok((rest, Token::Definition)) => {
                    self.pos = self.input.len() - rest.len();
                    self.definition()?;
                }
                Ok((rest, token)) => {
                    self.start = self.pos;
                    self.pos = self.input.len() - rest.len();
                    return Ok(token);
                }
                Err(stop) => return Err(self.stopped(stop)),
            }
        }
    }

    /// Takes the end of a map or open list if it is next.
    #[inline]
    pub(super) fn end(&mut self) -> bool {
        let end = self.input.get(self.pos) == Some(&G::END);
        self.pos += usize::from(end);
        end
    }

    /// The int that a token left to be told.
    #[inline]
    pub(super) fn int(&mut self, expected: &'static str) -> Result<i32> {
        match G::token(self.rest()) {
            Ok((rest, Token::Int(value))) => {
                self.pos = self.input.len() - rest.len();
                Ok(value)
            }
            Ok(_) => Err(self.fail(ErrorKind::UnexpectedByte { found: self.input[self.pos], expected })),
            Err(stop) => Err(self.stopped(stop)),
        }
    }

    /// The class of an object whose opcode was taken.
    #[inline]
    pub(super) fn class(&mut self, number: Option<u32>) -> Result<ClassId> {
        let start = self.pos;
        let number = match number {
            Some(number) => i64::from(number),
            None => self.int("an int (the number of a class)")?.into(),
        };
        self.tables.class(number).map_err(|error| error.or_at(start as u64))
    }

    /// Takes in a class definition whose opcode was taken.
    fn definition(&mut self) -> Result<()> {
        let class = self.tables.begin();
        self.name("the name of a class", G::class_name)?;
        let fields = match self.int("an int (how many fields a class has)")? {
            fields @ 0.. => fields.cast_unsigned(),
            fields => return Err(self.fail(ErrorKind::NegativeLength(fields.into()))),
        };
        if fields > self.limits.max_fields {
            return Err(self.limit("max_fields", self.limits.max_fields.into()));
        }
        for _ in 0..fields {
            self.name("the name of a field", G::token)?;
        }
        if self.replaying > 0 {
            self.tables.discard(class);
            return Ok(());
        }
        let pos = self.pos as u64;
        self.tables.add_class(class, fields, self.limits).map_err(|error| error.or_at(pos))?;
        Ok(())
    }

    /// A name of a class or field, into the table.
    #[inline]
    fn name(&mut self, expected: &'static str, head: fn(&[u8]) -> Scan<'_, Token>) -> Result<()> {
        // The normal case: ASCII of up to 31 units, one length byte.
        if let Some((&len @ 0..=0x1f, rest)) = self.rest().split_first()
            && u32::from(len) <= self.limits.max_name
            && let Some(name) = utf16::ascii(rest, len.into())
        {
            self.pos += 1 + name.len();
            self.tables.extend(name);
            return self.tables.finish();
        }
        self.long_name(expected, head)
    }

    #[inline(never)]
    fn long_name(&mut self, expected: &'static str, head: fn(&[u8]) -> Scan<'_, Token>) -> Result<()> {
        let start = self.pos;
        let (units, last) = match head(self.rest()) {
            Ok((rest, Token::Text { units, last })) => {
                self.pos = self.input.len() - rest.len();
                (units, last)
            }
            Ok(_) => return Err(self.fail(ErrorKind::UnexpectedByte { found: self.input[start], expected })),
            Err(stop) => return Err(self.stopped(stop)),
        };
        let text = self.name_text(units, last)?;
        self.tables.extend(text.as_str());
        self.tables.finish()?;
        self.tables.check_room(self.limits).map_err(|error| error.or_at(start as u64))
    }

    /// The type of a list or map whose opcode was taken.
    pub(super) fn ty(&mut self, form: TypeForm) -> Result<()> {
        self.look_at_type(form, |_| ()).map(|_| ())
    }

    /// The same; shows its name to `look`. `None` when it has no type.
    pub(super) fn look_at_type<R>(
        &mut self,
        form: TypeForm,
        look: impl FnOnce(&str) -> R,
    ) -> Result<Option<R>> {
        if form == TypeForm::None {
            return Ok(None);
        }
        let start = self.pos;
        match G::type_of(form, self.rest()) {
            Ok((_, TypeToken::Absent)) => Ok(None),
            Ok((rest, TypeToken::Number(number))) => {
                self.pos = self.input.len() - rest.len();
                let ty = self.tables.ty(number.into()).map_err(|error| error.or_at(start as u64))?;
                Ok(Some(look(self.tables.type_name(ty))))
            }
            Ok((rest, TypeToken::Name { units, last })) => {
                self.pos = self.input.len() - rest.len();
                let text = self.name_text(units, last)?;
                let text = text.as_str();
                if self.replaying > 0 {
                    return Ok(Some(look(text)));
                }
                let name = self.tables.begin();
                self.tables.extend(text);
                self.tables.finish()?;
                self.tables
                    .add_type(name, G::NUMBERED_TYPES, self.limits)
                    .map_err(|error| error.or_at(start as u64))?;
                Ok(Some(look(text)))
            }
            Err(stop) => Err(self.stopped(stop)),
        }
    }

    /// The head of a list whose opcode was taken: its length, if it is told, and whether an end byte follows.
    #[inline]
    pub(super) fn list(&mut self, ty: TypeForm, len: LengthForm, ended: bool) -> Result<(Option<u32>, bool)> {
        if ty != TypeForm::None {
            self.ty(ty)?;
        }
        let len = match len {
            LengthForm::Known(len) => Some(len),
            LengthForm::None => None,
            LengthForm::Int | LengthForm::Optional => match G::length_of(len, self.rest()) {
                Ok((rest, len)) => {
                    if let Some(len @ ..0) = len {
                        return Err(self.fail(ErrorKind::NegativeLength(len.into())));
                    }
                    self.pos = self.input.len() - rest.len();
                    len.map(i32::cast_unsigned)
                }
                Err(stop) => return Err(self.stopped(stop)),
            },
        };
        if u64::from(len.unwrap_or_default()) > self.limits.max_elements {
            return Err(self.limit("max_elements", self.limits.max_elements));
        }
        Ok((len, ended))
    }

    /// A container opens.
    #[inline(always)]
    pub(super) fn open(&mut self) -> Result<()> {
        if self.depth_left == 0 {
            return Err(self.limit("max_depth", self.limits.max_depth.into()));
        }
        self.depth_left -= 1;
        if self.replaying == 0 {
            if self.containers >= self.limits.max_containers {
                return Err(self.limit("max_containers", self.limits.max_containers.into()));
            }
            self.containers += 1;
        }
        Ok(())
    }

    /// A container ended.
    #[inline(always)]
    pub(super) fn close(&mut self) {
        self.depth_left += 1;
    }

    #[cold]
    #[inline(never)]
    pub(super) fn limit(&self, limit: &'static str, max: u64) -> Error {
        self.fail(ErrorKind::Limit { limit, max })
    }

    /// An int or long, if it is next.
    #[inline]
    pub(super) fn try_integer(&mut self) -> Option<i64> {
        let (value, used) = G::integer(self.rest());
        self.pos += used;
        (used > 0).then_some(value)
    }

    /// A boolean, if it is next.
    #[inline]
    pub(super) fn try_bool(&mut self) -> Option<bool> {
        // The same two bytes in all grammars.
        let value = match self.input.get(self.pos) {
            Some(b'T') => true,
            Some(b'F') => false,
            _ => return None,
        };
        self.pos += 1;
        Some(value)
    }

    /// A double, if it is next.
    #[inline]
    pub(super) fn try_double(&mut self) -> Option<f64> {
        let (value, used) = G::double_at(self.rest());
        self.pos += used;
        (used > 0).then_some(value)
    }

    /// A string of one chunk of plain UTF-8, if it is next.
    #[inline(always)]
    pub(super) fn try_text(&mut self) -> Option<&'de str> {
        let (units, used) = G::text_at(self.rest());
        // A single chunk is below every sensible max_string, but the limit may be any.
        if used == 0 || units as u64 > self.limits.max_string {
            return None;
        }
        let rest = &self.input[self.pos + used..];
        let text = match utf16::ascii(rest, units) {
            Some(text) => text,
            None => utf16::plain(rest, units)?,
        };
        self.pos += used + text.len();
        Some(text)
    }

    /// An object whose class has just these fields, if it is next: its definition may stand before it.
    #[inline(always)]
    pub(super) fn try_object(&mut self, target: impl Fn() -> Target) -> bool {
        if self.input.get(self.pos).copied() == G::DEFINITION {
            return self.try_definition(target);
        }
        let (number, used) = G::object_at(self.rest());
        match self.tables.class(number.into()) {
            Ok(class)
                if used > 0 && matches!(self.tables.compare(self.input, class, target), Match::InOrder) =>
            {
                self.pos += used;
                true
            }
            _ => false,
        }
    }

    /// The same where a definition is next.
    #[inline(always)]
    fn try_definition(&mut self, target: impl Fn() -> Target) -> bool {
        if self.replaying > 0 || !self.alone {
            return false;
        }
        let expected =
            self.tables.add_expected(self.input, self.pos + 1, target, G::MEDIUM_STRINGS, self.limits);
        let Some((class, end)) = expected else { return false };
        self.pos = end;
        let (number, used) = G::object_at(self.rest());
        let found = used > 0 && number == class.0;
        self.pos += if found { used } else { 0 };
        found
    }

    /// Passes over one value; what it defines is taken in.
    pub(super) fn skip(&mut self) -> Result<()> {
        match G::token(self.rest()) {
            Ok((
                rest,
                Token::Null
                | Token::Bool(_)
                | Token::Int(_)
                | Token::Long(_)
                | Token::Double(_)
                | Token::Date(_),
            )) => {
                self.pos = self.input.len() - rest.len();
                Ok(())
            }
            Ok((_, Token::Text { .. })) if self.try_text().is_some() => Ok(()),
            _ => self.skip_any(),
        }
    }

    #[inline(never)]
    fn skip_any(&mut self) -> Result<()> {
        self.walk(|_| true)
    }

    /// Passes over one value and tells its events, until there are more of them than whoever is told takes.
    pub(super) fn walk(&mut self, mut takes: impl FnMut(Event<'de>) -> bool) -> Result<()> {
        let mut core = Core::<G>::new();
        core.start_at(self.pos as u64, self.containers);
        core.replay = self.replaying > 0;
        // Containers that are read again count for `max_expansion`, not for `max_containers`.
        let max_containers = if core.replay { u32::MAX } else { self.limits.max_containers };
        let limits = Limits { max_depth: self.depth_left, max_containers, ..*self.limits };
        loop {
            match core.step(self.tables, &limits, &self.input[self.pos..])? {
                Step::Event { event, used } => {
                    self.pos += used;
                    if !takes(event) {
                        return Err(self.limit("max_values", self.limits.max_values));
                    }
                }
                Step::NeedMore { used, needed } => {
                    self.pos += used;
                    return Err(self.fail(ErrorKind::Incomplete { needed }));
                }
                Step::Done => {
                    if !core.replay {
                        self.containers = core.containers();
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Where the value starts that is the `index`th from `start` on. Those before it were read.
    #[cold]
    pub(super) fn nth_value(&mut self, start: usize, index: usize) -> usize {
        let pos = std::mem::replace(&mut self.pos, start);
        // What they define is known.
        self.replaying += 1;
        let depth_left = std::mem::replace(&mut self.depth_left, u32::MAX);
        let skipped = (0..index).try_for_each(|_| self.skip());
        self.depth_left = depth_left;
        self.replaying -= 1;
        let value = std::mem::replace(&mut self.pos, pos);
        if skipped.is_ok() { value } else { pos }
    }
}
