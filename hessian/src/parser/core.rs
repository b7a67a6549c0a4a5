//! The state machine: tokens to events, with an explicit stack.

use super::Step;
use super::names::{Definition, Partial};
use super::text::Text;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, RefId, TypeId};
use crate::grammar::{Grammar, LengthForm, Stop, Token, TypeForm};
use crate::limits::Limits;
use crate::table::Tables;
use crate::utf16;
use smallvec::SmallVec;
use std::marker::PhantomData;

/// See [`Parser`](super::Parser), which adds tables and limits.
#[derive(Debug)]
pub(crate) struct Core<G> {
    pub(super) state: State,
    /// The innermost container.
    top: Frame,
    /// Those around it, the outermost first, after [`Kind::Root`].
    outer: SmallVec<[Frame; 8]>,
    /// Offset of the next input's first byte.
    offset: u64,
    /// So many bytes must be there before it is worth looking: keeps byte-wise feeding linear.
    need: usize,
    /// Lists, maps and objects since the packet began.
    containers: u32,
    /// Reads a region a second time: names nothing anew.
    pub(crate) replay: bool,
    pub(super) text: Text,
    /// Bytes of the binary value so far.
    binary: u64,
    grammar: PhantomData<G>,
}

/// What the next byte belongs to.
#[derive(Debug, Clone, Copy)]
pub(super) enum State {
    /// A value, or the end of the innermost container.
    Value,
    /// A value: a class was defined, which does not stand alone.
    Defined,
    /// The text of a string chunk: so many units are left of it.
    Text { left: u32, last: bool },
    /// The head of the string's next chunk.
    TextHead,
    /// The bytes of a binary chunk.
    Binary { left: u32, last: bool },
    /// The head of the binary's next chunk.
    BinaryHead,
    /// The type of a list or map.
    Type { form: TypeForm, then: Container },
    /// The length of a list.
    Length { form: LengthForm, ty: Option<TypeId>, ended: bool },
    /// A part of a class definition.
    Definition(Definition),
    /// The name of a type, in chunks.
    TypeName { at: usize, partial: Partial, then: Container },
    /// The int that tells the class of an object.
    ObjectClass,
    /// The int that tells a reference.
    ReferenceNumber,
    /// The string that tells where a remote object lives.
    Address,
    /// The value is complete.
    Done,
}

/// What follows a type.
#[derive(Debug, Clone, Copy)]
pub(super) enum Container {
    List {
        len: LengthForm,
        ended: bool,
    },
    Map,
    /// No container: an address.
    Remote,
}

/// An open container.
#[derive(Debug, Clone, Copy)]
struct Frame {
    kind: Kind,
    /// Values to come, for [`Kind::Counted`] and [`Kind::Both`]; elements or keys and values so far, for the others.
    count: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// No container: the value itself.
    Root,
    /// A list of known length, or an object.
    Counted,
    /// A list that ends with the grammar's end byte.
    Open,
    /// A list of known length that ends with the end byte all the same.
    Both,
    /// A map: as `Open`, but keys and values come in pairs.
    Map,
}

const ROOT: Frame = Frame { kind: Kind::Root, count: 0 };

/// Where events go.
pub(crate) trait EventSink<'a> {
    /// One is enough: it is what the step returns.
    const ONE: bool;

    /// False when it cannot take more: `max_values`.
    fn event(&mut self, event: Event<'a>) -> bool;
}

/// Takes one event.
struct One;

impl<'a> EventSink<'a> for One {
    const ONE: bool = true;

    fn event(&mut self, _: Event<'a>) -> bool {
        true
    }
}

/// Takes a token off `input[at..]`, or returns from the step.
macro_rules! scan {
    ($self:ident, $input:ident, $at:ident, $scan:expr) => {
        match $scan {
            Ok((rest, token)) => {
                $at = $input.len() - rest.len();
                token
            }
            Err(stop) => return $self.stopped(stop, $at, $input.len()),
        }
    };
}

impl<G: Grammar> Core<G> {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Value,
            top: ROOT,
            outer: SmallVec::new(),
            offset: 0,
            need: 0,
            containers: 0,
            replay: false,
            text: Text::default(),
            binary: 0,
            grammar: PhantomData,
        }
    }

    pub(crate) fn next_value(&mut self) {
        self.state = State::Value;
        self.top = ROOT;
        self.outer.clear();
        self.need = 0;
    }

    pub(crate) fn next_packet(&mut self) {
        self.next_value();
        self.containers = 0;
    }

    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) fn depth(&self) -> usize {
        self.outer.len()
    }

    pub(crate) fn containers(&self) -> u32 {
        self.containers
    }

    /// Pretends that bytes and containers were read by somebody else.
    pub(crate) fn start_at(&mut self, offset: u64, containers: u32) {
        self.offset = offset;
        self.containers = containers;
    }

    /// Reads one event.
    #[inline]
    pub(crate) fn step<'a>(
        &mut self,
        tables: &mut Tables,
        limits: &Limits,
        input: &'a [u8],
    ) -> Result<Step<'a>> {
        self.run(tables, limits, input, &mut One)
    }

    /// Reads until the sink has enough, the input ends or the value is complete.
    #[inline(always)]
    pub(crate) fn run<'a, S: EventSink<'a>>(
        &mut self,
        tables: &mut Tables,
        limits: &Limits,
        input: &'a [u8],
        sink: &mut S,
    ) -> Result<Step<'a>> {
        if input.len() < self.need {
            return Ok(Step::NeedMore { used: 0, needed: self.need - input.len() });
        }
        self.need = 0;
        let mut at = 0;
        'states: loop {
            /// Hands an event to the sink.
            macro_rules! emit {
                ($step:expr) => {
                    match $step {
                        Step::Event { event, used } => {
                            if S::ONE {
                                self.offset += used as u64;
                                return Ok(Step::Event { event, used });
                            }
                            if !sink.event(event) {
                                return Err(self.fail(at, limit("max_values", limits.max_values)));
                            }
                            at = used;
                            continue 'states;
                        }
                        other => return Ok(other),
                    }
                };
            }
            match self.state {
                // Stays in here as long as values come whole.
                State::Value => loop {
                    let event = match self.close(input, &mut at)? {
                        Some(event) => event,
                        None => {
                            let token = scan!(self, input, at, G::token(&input[at..]));
                            if !matches!(token, Token::Definition | Token::End) {
                                self.count(at, limits)?;
                            }
                            match token {
                                Token::Null => Event::Null,
                                Token::Bool(value) => Event::Bool(value),
                                Token::Int(value) => Event::Int(value),
                                Token::Long(value) => Event::Long(value),
                                Token::Double(value) => Event::Double(value),
                                Token::Date(millis) => Event::Date(millis),
                                Token::Text { units, last } => {
                                    self.text.begin();
                                    self.text_chunk(units, last, at, limits)?;
                                    match utf16::ascii(&input[at..], units as usize) {
                                        Some(text) if last => {
                                            at += text.len();
                                            Event::Text { text, last }
                                        }
                                        _ => break,
                                    }
                                }
                                Token::List {
                                    ty: TypeForm::None,
                                    len: LengthForm::Known(len),
                                    ended: false,
                                } => {
                                    emit!(self.list(None, Some(len), false, at, limits)?);
                                }
                                Token::Map { ty: TypeForm::None } => emit!(self.map(None, at, limits)?),
                                Token::Object(Some(number)) => {
                                    emit!(self.object(tables, number.into(), at, limits)?);
                                }
                                Token::Reference(Some(number)) => emit!(self.reference(number.into(), at)?),
                                other => {
                                    self.begin(other, tables, at, limits)?;
                                    break;
                                }
                            }
                        }
                    };
                    self.after_value();
                    if S::ONE {
                        self.offset += at as u64;
                        return Ok(Step::Event { event, used: at });
                    }
                    if !sink.event(event) {
                        return Err(self.fail(at, limit("max_values", limits.max_values)));
                    }
                    if self.top.kind == Kind::Root {
                        break;
                    }
                },
                State::Defined => match input.get(at) {
                    Some(&found) if found == G::END => {
                        let expected = "a value after a class definition";
                        return Err(self.fail(at, ErrorKind::UnexpectedByte { found, expected }));
                    }
                    Some(_) => self.state = State::Value,
                    None => return Ok(self.more(at, input.len(), 1)),
                },
                State::Text { left, last } => emit!(self.text_piece(input, at, left, last)?),
                State::TextHead => {
                    let start = at;
                    let token = scan!(self, input, at, G::token(&input[at..]));
                    let Token::Text { units, last } = token else {
                        return Err(self.unexpected(input, start, "the next chunk of a string"));
                    };
                    self.text_chunk(units, last, at, limits)?;
                }
                State::Binary { left, last } => emit!(self.binary_piece(input, at, left, last)),
                State::BinaryHead => {
                    let start = at;
                    let token = scan!(self, input, at, G::token(&input[at..]));
                    let Token::Binary { len, last } = token else {
                        return Err(self.unexpected(input, start, "the next chunk of a binary"));
                    };
                    self.binary_chunk(len, last, at, limits)?;
                }
                State::Type { form, then } => {
                    if let Some(step) = self.type_head(tables, limits, input, &mut at, form, then)? {
                        emit!(step);
                    }
                }
                State::TypeName { at: name, partial, then } => {
                    if let Some(step) =
                        self.type_name(tables, limits, input, &mut at, (name, partial), then)?
                    {
                        emit!(step);
                    }
                }
                State::Length { form, ty, ended } => {
                    let len = scan!(self, input, at, G::length_of(form, &input[at..]));
                    match len.map(u32::try_from) {
                        None => emit!(self.list(ty, None, ended, at, limits)?),
                        Some(Ok(len)) => emit!(self.list(ty, Some(len), ended, at, limits)?),
                        Some(Err(_)) => {
                            return Err(self.fail(at, ErrorKind::NegativeLength(len.unwrap_or(0).into())));
                        }
                    }
                }
                State::Definition(part) => {
                    if let Some(step) = self.definition(tables, limits, input, &mut at, part)? {
                        emit!(step);
                    }
                }
                State::ObjectClass => {
                    let start = at;
                    let token = scan!(self, input, at, G::token(&input[at..]));
                    let Token::Int(number) = token else {
                        return Err(self.unexpected(input, start, "an int (the number of a class)"));
                    };
                    emit!(self.object(tables, number.into(), at, limits)?);
                }
                State::ReferenceNumber => {
                    let start = at;
                    let token = scan!(self, input, at, G::token(&input[at..]));
                    let Token::Int(number) = token else {
                        return Err(self.unexpected(input, start, "an int (the number of a reference)"));
                    };
                    emit!(self.reference(number.into(), at)?);
                }
                State::Address => {
                    let start = at;
                    let token = scan!(self, input, at, G::token(&input[at..]));
                    let Token::Text { units, last } = token else {
                        return Err(self.unexpected(input, start, "a string (where a remote object lives)"));
                    };
                    self.text.begin();
                    self.text_chunk(units, last, at, limits)?;
                }
                State::Done => {
                    self.offset += at as u64;
                    return Ok(Step::Done);
                }
            }
        }
    }

    /// A token that only begins a value.
    fn begin(&mut self, token: Token, tables: &mut Tables, at: usize, limits: &Limits) -> Result<()> {
        self.state = match token {
            Token::Binary { len, last } => {
                self.binary = 0;
                return self.binary_chunk(len, last, at, limits);
            }
            Token::List { ty: TypeForm::None, len: form, ended } => State::Length { form, ty: None, ended },
            Token::List { ty, len, ended } => State::Type { form: ty, then: Container::List { len, ended } },
            Token::Map { ty } => State::Type { form: ty, then: Container::Map },
            Token::Remote { ty } => State::Type { form: ty, then: Container::Remote },
            Token::Definition => State::Definition(self.begin_definition(tables)),
            Token::Object(_) => State::ObjectClass,
            Token::Reference(_) => State::ReferenceNumber,
            _ => {
                let kind = ErrorKind::UnexpectedByte { found: G::END, expected: "a value" };
                return Err(self.fail(at - 1, kind));
            }
        };
        Ok(())
    }

    /// Ends the innermost container if it is time.
    #[inline(always)]
    fn close(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Event<'static>>> {
        let top = self.top;
        match top.kind {
            Kind::Root => return Ok(None),
            Kind::Counted if top.count == 0 => {}
            Kind::Counted => return Ok(None),
            Kind::Both if !G::LENGTH_AND_END || top.count > 0 => return Ok(None),
            Kind::Both => match input.get(*at) {
                Some(&byte) if byte == G::END => *at += 1,
                Some(&found) => {
                    let expected = "the end of a list that has all the values it announced";
                    return Err(self.fail(*at, ErrorKind::UnexpectedByte { found, expected }));
                }
                None => return Ok(None),
            },
            Kind::Open | Kind::Map => match input.get(*at) {
                Some(&byte) if byte == G::END => {
                    if top.kind == Kind::Map && top.count % 2 == 1 {
                        let kind = ErrorKind::UnexpectedByte {
                            found: byte,
                            expected: "the value of a map's last key",
                        };
                        return Err(self.fail(*at, kind));
                    }
                    *at += 1;
                }
                _ => return Ok(None),
            },
        }
        self.top = self.outer.pop().unwrap_or(ROOT);
        Ok(Some(Event::End))
    }

    /// A value starts inside the innermost container.
    #[inline(always)]
    fn count(&mut self, at: usize, limits: &Limits) -> Result<()> {
        let top = &mut self.top;
        match top.kind {
            Kind::Root => {}
            Kind::Counted => top.count -= 1,
            Kind::Both => top.count = top.count.saturating_sub(1),
            Kind::Open | Kind::Map => {
                top.count += 1;
                let elements = if top.kind == Kind::Map { top.count.div_ceil(2) } else { top.count };
                if u64::from(elements) > limits.max_elements || top.count == u32::MAX {
                    return Err(self.fail(at, limit("max_elements", limits.max_elements)));
                }
            }
        }
        Ok(())
    }

    #[inline(always)]
    fn push(&mut self, kind: Kind, count: u32, at: usize, limits: &Limits) -> Result<()> {
        if self.outer.len() >= limits.max_depth as usize {
            return Err(self.fail(at, limit("max_depth", limits.max_depth.into())));
        }
        if self.containers >= limits.max_containers {
            return Err(self.fail(at, limit("max_containers", limits.max_containers.into())));
        }
        self.containers += 1;
        self.outer.push(std::mem::replace(&mut self.top, Frame { kind, count }));
        self.state = State::Value;
        Ok(())
    }

    #[inline(always)]
    fn list<'a>(
        &mut self,
        ty: Option<TypeId>,
        len: Option<u32>,
        ended: bool,
        at: usize,
        limits: &Limits,
    ) -> Result<Step<'a>> {
        if u64::from(len.unwrap_or(0)) > limits.max_elements {
            return Err(self.fail(at, limit("max_elements", limits.max_elements)));
        }
        match len {
            Some(len) if !ended => self.push(Kind::Counted, len, at, limits)?,
            Some(len) if G::LENGTH_AND_END => self.push(Kind::Both, len, at, limits)?,
            _ => self.push(Kind::Open, 0, at, limits)?,
        }
        Ok(self.event(Event::List { ty, len }, at))
    }

    #[inline(always)]
    fn map<'a>(&mut self, ty: Option<TypeId>, at: usize, limits: &Limits) -> Result<Step<'a>> {
        self.push(Kind::Map, 0, at, limits)?;
        Ok(self.event(Event::Map { ty }, at))
    }

    #[inline(always)]
    fn object<'a>(&mut self, tables: &Tables, number: i64, at: usize, limits: &Limits) -> Result<Step<'a>> {
        let class = tables.class(number).map_err(|error| error.or_at(self.offset + at as u64))?;
        self.push(Kind::Counted, tables.fields(class), at, limits)?;
        Ok(self.event(Event::Object { class }, at))
    }

    fn reference<'a>(&mut self, number: i64, at: usize) -> Result<Step<'a>> {
        match u32::try_from(number) {
            Ok(id) if id < self.containers => Ok(self.value(Event::Reference(RefId(id)), at)),
            _ => {
                let defined = self.containers as usize;
                Err(self.fail(at, ErrorKind::UnknownReference { number, defined }))
            }
        }
    }

    /// What follows a type that has been read: the length of a list, the entries of a map.
    pub(super) fn typed<'a>(
        &mut self,
        ty: Option<TypeId>,
        then: Container,
        at: usize,
        limits: &Limits,
    ) -> Result<Option<Step<'a>>> {
        match then {
            Container::Map => self.map(ty, at, limits).map(Some),
            Container::Remote => {
                self.state = State::Address;
                Ok(Some(self.event(Event::Remote { ty }, at)))
            }
            Container::List { len: LengthForm::Known(len), ended } => {
                self.list(ty, Some(len), ended, at, limits).map(Some)
            }
            Container::List { len, ended } => {
                self.state = State::Length { form: len, ty, ended };
                Ok(None)
            }
        }
    }

    fn binary_chunk(&mut self, len: u32, last: bool, at: usize, limits: &Limits) -> Result<()> {
        self.binary += u64::from(len);
        if self.binary > limits.max_binary {
            return Err(self.fail(at, limit("max_binary", limits.max_binary)));
        }
        self.state = State::Binary { left: len, last };
        Ok(())
    }

    fn binary_piece<'a>(&mut self, input: &'a [u8], at: usize, left: u32, last: bool) -> Step<'a> {
        let rest = &input[at..];
        if rest.is_empty() && left > 0 {
            return self.more(at, at, 1);
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most left")]
        let taken = rest.len().min(left as usize) as u32;
        let bytes = &rest[..taken as usize];
        let left = left - taken;
        let done = left == 0 && last;
        match (left, last) {
            (0, true) => self.after_value(),
            (0, false) => self.state = State::BinaryHead,
            _ => self.state = State::Binary { left, last },
        }
        self.event(Event::Binary { bytes, last: done }, at + taken as usize)
    }

    /// A value has ended: the next one belongs to the container around it, if there is one.
    #[inline]
    pub(super) fn after_value(&mut self) {
        self.state = if self.top.kind == Kind::Root { State::Done } else { State::Value };
    }

    /// An event that is a whole value.
    #[inline]
    fn value<'a>(&mut self, event: Event<'a>, used: usize) -> Step<'a> {
        self.after_value();
        self.event(event, used)
    }

    #[inline]
    pub(super) fn event<'a>(&self, event: Event<'a>, used: usize) -> Step<'a> {
        Step::Event { event, used }
    }

    /// More input is needed: `needed` bytes beyond the `len` that are there, of which `at` are done with.
    pub(super) fn more<'a>(&mut self, at: usize, len: usize, needed: usize) -> Step<'a> {
        self.offset += at as u64;
        self.need = len - at + needed;
        Step::NeedMore { used: at, needed }
    }

    #[cold]
    pub(super) fn stopped<'a>(&mut self, stop: Stop, at: usize, len: usize) -> Result<Step<'a>> {
        match stop {
            Stop::Incomplete(needed) => Ok(self.more(at, len, needed)),
            Stop::Unexpected(what) => {
                Err(self.fail(at, ErrorKind::UnexpectedByte { found: what.found, expected: what.expected }))
            }
        }
    }

    /// The token that starts at `at` is not one that is allowed here.
    #[cold]
    pub(super) fn unexpected(&self, input: &[u8], at: usize, expected: &'static str) -> Error {
        self.fail(at, ErrorKind::UnexpectedByte { found: input[at], expected })
    }

    #[cold]
    pub(super) fn fail(&self, at: usize, kind: ErrorKind) -> Error {
        Error::at(self.offset + at as u64, kind)
    }
}

pub(super) const fn limit(limit: &'static str, max: u64) -> ErrorKind {
    ErrorKind::Limit { limit, max }
}
