//! The names of classes, fields and types.

use super::Step;
use super::core::{Container, Core, State, limit};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, TypeId};
use crate::grammar::{Grammar, Scan, Token, TypeForm, TypeToken};
use crate::limits::Limits;
use crate::table::Tables;
use crate::utf16::{self, Piece, Prefix};

/// A class definition in the middle of being read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Definition {
    /// Where the class's name was begun.
    class: usize,
    /// What was read of the name in hand.
    partial: Partial,
    /// The class's name is complete.
    named: bool,
    /// The class's name goes on in another chunk.
    continued: bool,
    /// How many fields it has; unknown until the class's name is complete.
    fields: Option<u32>,
    /// How many field names are still to come.
    left: u32,
}

/// What was read of a name that comes in several chunks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Partial {
    /// UTF-16 units.
    units: u32,
    /// The first half of a surrogate pair, whose other half the next chunk begins with.
    high: Option<u16>,
}

impl<G: Grammar> Core<G> {
    pub(super) fn begin_definition(&mut self, tables: &mut Tables) -> Definition {
        let class = tables.begin();
        Definition {
            class,
            partial: Partial::default(),
            named: false,
            continued: false,
            fields: None,
            left: 0,
        }
    }

    /// Reads on in a class definition; `None` when it is complete and nothing has to be told.
    pub(super) fn definition<'a>(
        &mut self,
        tables: &mut Tables,
        limits: &Limits,
        input: &'a [u8],
        used: &mut usize,
        mut part: Definition,
    ) -> Result<Option<Step<'a>>> {
        let mut at = *used;
        loop {
            self.state = State::Definition(part);
            match part.fields {
                Some(_) if part.left == 0 => break,
                Some(_) => {
                    let step = self.name_chunk(
                        tables,
                        limits,
                        input,
                        at,
                        (part.partial, "the name of a field"),
                        G::token,
                    );
                    match step? {
                        Chunk::Cut(step) => return Ok(Some(step)),
                        Chunk::Read { end, last, partial } => {
                            at = end;
                            part.partial = partial;
                            if last {
                                tables.finish()?;
                                part.left -= 1;
                            }
                        }
                    }
                }
                None if part.named => {
                    let start = at;
                    let token = match G::token(&input[at..]) {
                        Ok((rest, token)) => {
                            at = input.len() - rest.len();
                            token
                        }
                        Err(stop) => return self.stopped(stop, at, input.len()).map(Some),
                    };
                    let fields = match token {
                        Token::Int(fields @ 0..) => fields.cast_unsigned(),
                        Token::Int(fields) => {
                            return Err(self.fail(start, ErrorKind::NegativeLength(fields.into())));
                        }
                        _ => {
                            return Err(self.unexpected(
                                input,
                                start,
                                "an int (how many fields a class has)",
                            ));
                        }
                    };
                    if fields > limits.max_fields {
                        return Err(self.fail(start, limit("max_fields", limits.max_fields.into())));
                    }
                    (part.fields, part.left) = (Some(fields), fields);
                }
                None => {
                    let name = (part.partial, "the name of a class");
                    let head: fn(&'a [u8]) -> Scan<'a, Token> =
                        if part.continued { G::token } else { G::class_name };
                    match self.name_chunk(tables, limits, input, at, name, head)? {
                        Chunk::Cut(step) => return Ok(Some(step)),
                        Chunk::Read { end, last, partial } => {
                            at = end;
                            part.partial = partial;
                            part.continued = !last;
                            if last {
                                tables.finish()?;
                                part.named = true;
                            }
                        }
                    }
                }
            }
        }
        *used = at;
        self.state = State::Defined;
        if self.replay {
            tables.discard(part.class);
            return Ok(None);
        }
        let class = tables
            .add_class(part.class, part.fields.unwrap_or_default(), limits)
            .map_err(|error| error.or_at(self.offset() + at as u64))?;
        Ok(Some(self.event(Event::Definition(class), at)))
    }

    /// Reads the type of a list or map; `None` when more of its head follows.
    pub(super) fn type_head<'a>(
        &mut self,
        tables: &mut Tables,
        limits: &Limits,
        input: &'a [u8],
        used: &mut usize,
        form: TypeForm,
        then: Container,
    ) -> Result<Option<Step<'a>>> {
        let start = *used;
        let mut at = start;
        let token = match G::type_of(form, &input[at..]) {
            Ok((rest, token)) => {
                at = input.len() - rest.len();
                token
            }
            Err(stop) => return self.stopped(stop, at, input.len()).map(Some),
        };
        match token {
            TypeToken::Number(number) => {
                let ty =
                    tables.ty(number.into()).map_err(|error| error.or_at(self.offset() + start as u64))?;
                *used = at;
                self.typed(named(tables, ty), then, at, limits)
            }
            TypeToken::Absent => self.typed(None, then, at, limits),
            TypeToken::Name { units, last } => {
                let name = tables.begin();
                match self.name_text(tables, limits, input, (start, at), Partial::default(), units, last)? {
                    Chunk::Cut(step) => {
                        tables.discard(name);
                        Ok(Some(step))
                    }
                    Chunk::Read { end, last, partial } => {
                        self.name_read(tables, limits, (end, used), (name, partial), last, then)
                    }
                }
            }
        }
    }

    /// Reads the next chunk of a type's name.
    pub(super) fn type_name<'a>(
        &mut self,
        tables: &mut Tables,
        limits: &Limits,
        input: &'a [u8],
        used: &mut usize,
        (name, partial): (usize, Partial),
        then: Container,
    ) -> Result<Option<Step<'a>>> {
        let name_of = (partial, "the next chunk of a type name");
        match self.name_chunk(tables, limits, input, *used, name_of, G::token)? {
            Chunk::Cut(step) => Ok(Some(step)),
            Chunk::Read { end, last, partial } => {
                self.name_read(tables, limits, (end, used), (name, partial), last, then)
            }
        }
    }

    fn name_read<'a>(
        &mut self,
        tables: &mut Tables,
        limits: &Limits,
        (end, used): (usize, &mut usize),
        (name, partial): (usize, Partial),
        last: bool,
        then: Container,
    ) -> Result<Option<Step<'a>>> {
        *used = end;
        if !last {
            self.state = State::TypeName { at: name, partial, then };
            return Ok(None);
        }
        tables.finish()?;
        if self.replay {
            // It was named when this was read first.
            let ty = tables.known_type(name).and_then(|ty| named(tables, ty));
            return self.typed(ty, then, end, limits);
        }
        let ty = tables
            .add_type(name, G::NUMBERED_TYPES, limits)
            .map_err(|error| error.or_at(self.offset() + end as u64))?;
        self.typed(named(tables, ty), then, end, limits)
    }

    /// One chunk of a name, which has to be there as a whole: at most `max_name` units.
    fn name_chunk<'a>(
        &mut self,
        tables: &mut Tables,
        limits: &Limits,
        input: &'a [u8],
        start: usize,
        (partial, expected): (Partial, &'static str),
        head: impl Fn(&'a [u8]) -> Scan<'a, Token>,
    ) -> Result<Chunk<'a>> {
        let mut at = start;
        let token = match head(&input[at..]) {
            Ok((rest, token)) => {
                at = input.len() - rest.len();
                token
            }
            Err(stop) => return self.stopped(stop, at, input.len()).map(Chunk::Cut),
        };
        match token {
            Token::Text { units, last } => {
                self.name_text(tables, limits, input, (start, at), partial, units, last)
            }
            _ => Err(self.unexpected(input, start, expected)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "one step of a state machine")]
    fn name_text<'a>(
        &mut self,
        tables: &mut Tables,
        limits: &Limits,
        input: &'a [u8],
        (start, at): (usize, usize),
        partial: Partial,
        units: u32,
        last: bool,
    ) -> Result<Chunk<'a>> {
        let max = limits.max_name;
        let all = partial.units.saturating_add(units);
        if all > max {
            return Err(self.fail(start, limit("max_name", max.into())));
        }
        let rest = &input[at..];
        let len = match utf16::prefix(rest, units as usize) {
            Prefix::Bytes(len) => len,
            Prefix::Missing(needed) if utf16::is_beginning(rest) => {
                return Ok(Chunk::Cut(self.more(start, input.len(), needed)));
            }
            Prefix::Missing(_) => return Err(self.fail(at, ErrorKind::InvalidText)),
            Prefix::Split => return Err(self.fail(at, ErrorKind::InvalidText)),
        };
        let high = match utf16::validate(&rest[..len]) {
            Some(text) if partial.high.is_none() => {
                tables.extend(text);
                None
            }
            _ => add_pairs(tables, &rest[..len], partial.high)
                .map_err(|(offset, kind)| Error::at(self.offset() + (at + offset) as u64, kind))?,
        };
        if last && high.is_some() {
            return Err(self.fail(at, ErrorKind::LoneSurrogate));
        }
        tables.check_room(limits).map_err(|error| error.or_at(self.offset() + at as u64))?;
        let partial = if last { Partial::default() } else { Partial { units: all, high } };
        Ok(Chunk::Read { end: at + len, last, partial })
    }
}

/// A type without a name is none, but it has its number.
fn named(tables: &Tables, ty: TypeId) -> Option<TypeId> {
    (!tables.type_name(ty).is_empty()).then_some(ty)
}

/// A chunk of a name.
enum Chunk<'a> {
    /// It has been added to the table.
    Read { end: usize, last: bool, partial: Partial },
    /// More input is needed.
    Cut(Step<'a>),
}

/// Text with surrogate pairs of three bytes each, after half of one; tells the half that is left. Names have no lone
/// surrogates.
fn add_pairs(
    tables: &mut Tables,
    bytes: &[u8],
    mut high: Option<u16>,
) -> Result<Option<u16>, (usize, ErrorKind)> {
    for piece in utf16::pieces(bytes) {
        match (piece, high.take()) {
            (Ok(Piece::Text(text)), None) => tables.extend(text),
            (Ok(Piece::Surrogate(unit)), None) if utf16::is_high(unit) => high = Some(unit),
            (Ok(Piece::Surrogate(low)), Some(unit)) => match utf16::pair(unit, low) {
                Some(character) => tables.extend(character.encode_utf8(&mut [0; 4])),
                None => return Err((0, ErrorKind::LoneSurrogate)),
            },
            (Ok(_), _) => return Err((0, ErrorKind::LoneSurrogate)),
            (Err(offset), _) => return Err((offset, ErrorKind::InvalidText)),
        }
    }
    Ok(high)
}
