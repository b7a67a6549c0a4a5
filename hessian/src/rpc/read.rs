//! A message's bytes: values and what stands between them.

use super::MAX_HEADERS;
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::{Grammar, Stop, Token};
use crate::limits::Limits;
use crate::table::Tables;
use crate::utf16::{self, Prefix};
use crate::value::{Builder, Building, Graph};

/// A position in a message. The values that are read become the roots of one graph.
#[derive(Debug)]
pub(crate) struct Input<'de, 't, G> {
    input: &'de [u8],
    at: usize,
    builder: Builder<'t, G>,
    building: Building<'de>,
    limits: &'t Limits,
}

impl<'de, 't, G: Grammar> Input<'de, 't, G> {
    pub(crate) fn new(input: &'de [u8], at: usize, tables: &'t mut Tables, limits: &'t Limits) -> Self {
        let mut builder = Builder::new(tables, limits);
        builder.advance(at);
        Self { input, at, builder, building: Building::new(limits.max_values), limits }
    }

    #[cold]
    pub(crate) fn fail(&self, kind: ErrorKind) -> Error {
        Error::at(self.at as u64, kind)
    }

    /// The position.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn rest(&self) -> &'de [u8] {
        &self.input[self.at..]
    }

    fn advance(&mut self, bytes: usize) {
        self.at += bytes;
        self.builder.advance(bytes);
    }

    /// The next byte, which stays.
    pub(crate) fn peek(&self) -> Result<u8> {
        self.rest().first().copied().ok_or_else(|| self.fail(ErrorKind::Incomplete { needed: 1 }))
    }

    /// Takes a byte that has to be there.
    pub(crate) fn expect(&mut self, byte: u8, expected: &'static str) -> Result<()> {
        match self.peek()? {
            found if found == byte => {
                self.advance(1);
                Ok(())
            }
            found => Err(self.fail(ErrorKind::UnexpectedByte { found, expected })),
        }
    }

    /// Takes the byte if it is next.
    pub(crate) fn take(&mut self, byte: u8) -> Result<bool> {
        let next = self.peek()? == byte;
        self.advance(next.into());
        Ok(next)
    }

    /// The next token, which stays.
    fn token(&self) -> Result<Token> {
        match G::token(self.rest()) {
            Ok((_, token)) => Ok(token),
            Err(Stop::Incomplete(needed)) => Err(self.fail(ErrorKind::Incomplete { needed })),
            Err(Stop::Unexpected(what)) => {
                Err(self.fail(ErrorKind::UnexpectedByte { found: what.found, expected: what.expected }))
            }
        }
    }

    /// The next value, a root of the graph.
    pub(crate) fn value(&mut self) -> Result<()> {
        let rest = self.rest();
        self.at += self.builder.read_next(&mut self.building, rest)?;
        Ok(())
    }

    /// A binary, a root of the graph.
    pub(crate) fn binary(&mut self, expected: &'static str) -> Result<()> {
        match self.token()? {
            Token::Binary { .. } => self.value(),
            _ => Err(self.fail(ErrorKind::UnexpectedByte { found: self.peek()?, expected })),
        }
    }

    /// A map, a root of the graph.
    pub(crate) fn map(&mut self, expected: &'static str) -> Result<()> {
        match self.token()? {
            Token::Map { .. } => self.value(),
            _ => Err(self.fail(ErrorKind::UnexpectedByte { found: self.peek()?, expected })),
        }
    }

    /// A string that is a name: of a method, a header.
    pub(crate) fn name(&mut self, expected: &'static str) -> Result<Box<str>> {
        let Token::Text { .. } = self.token()? else {
            return Err(self.fail(ErrorKind::UnexpectedByte { found: self.peek()?, expected }));
        };
        let mut tables = Tables::default();
        let limits = Limits { max_string: self.limits.max_name.into(), ..*self.limits };
        let mut builder = Builder::<G>::new(&mut tables, &limits);
        builder.advance(self.at);
        let (graph, used) = builder.read_one(self.rest()).map_err(|error| match error.kind() {
            ErrorKind::Limit { limit: "max_string", max } => {
                self.fail(ErrorKind::Limit { limit: "max_name", max: *max })
            }
            _ => error,
        })?;
        let name = graph.root().as_str().ok_or_else(|| self.fail(ErrorKind::LoneSurrogate))?.into();
        self.advance(used);
        Ok(name)
    }

    /// A name of Hessian 1: its length in two bytes, then its text.
    pub(crate) fn short_name(&mut self) -> Result<Box<str>> {
        let Some((&head, rest)) = self.rest().split_first_chunk::<2>() else {
            let needed = 2 - self.rest().len();
            return Err(self.fail(ErrorKind::Incomplete { needed }));
        };
        let units = u16::from_be_bytes(head);
        if u32::from(units) > self.limits.max_name {
            let kind = ErrorKind::Limit { limit: "max_name", max: self.limits.max_name.into() };
            return Err(self.fail(kind));
        }
        let len = match utf16::prefix(rest, units.into()) {
            Prefix::Bytes(len) => len,
            Prefix::Missing(needed) if utf16::is_beginning(rest) => {
                return Err(self.fail(ErrorKind::Incomplete { needed }));
            }
            Prefix::Missing(_) | Prefix::Split => return Err(self.fail(ErrorKind::InvalidText)),
        };
        let name = utf16::joined(&rest[..len]).map_err(|kind| self.fail(kind))?;
        self.advance(2 + len);
        Ok(name.into())
    }

    /// How many of something follow: an int of at most `max`.
    pub(crate) fn count(&mut self, max: usize, limit: &'static str, expected: &'static str) -> Result<usize> {
        match self.token()? {
            Token::Int(count) => {
                let found =
                    usize::try_from(count).map_err(|_| self.fail(ErrorKind::NegativeLength(count.into())))?;
                if found > max {
                    return Err(self.fail(ErrorKind::Limit { limit, max: max as u64 }));
                }
                let len = self.rest().len() - G::token(self.rest()).map_or(0, |(rest, _)| rest.len());
                self.advance(len);
                Ok(found)
            }
            _ => Err(self.fail(ErrorKind::UnexpectedByte { found: self.peek()?, expected })),
        }
    }

    /// The headers of Hessian 1: their values become roots.
    pub(crate) fn headers(&mut self) -> Result<Vec<Box<str>>> {
        let mut names = Vec::new();
        while self.take(b'H')? {
            if names.len() == MAX_HEADERS {
                let max = MAX_HEADERS as u64;
                return Err(self.fail(ErrorKind::Limit { limit: "MAX_HEADERS", max }));
            }
            names.push(self.short_name()?);
            self.value()?;
        }
        Ok(names)
    }

    /// The graph of the values and how many bytes the message took.
    pub(crate) fn finish(self) -> (Graph<'de>, usize) {
        (self.builder.finish(self.building), self.at)
    }
}

/// The first bytes of a message: the tag of Hessian 1 or `H`, and its version.
pub(super) fn version(input: &[u8], tags: [u8; 2], expected: &'static str) -> Result<(u8, [u8; 2])> {
    match *input {
        [tag, major, minor, ..] if tags.contains(&tag) => Ok((tag, [major, minor])),
        [tag, ..] if !tags.contains(&tag) => {
            Err(Error::at(0, ErrorKind::UnexpectedByte { found: tag, expected }))
        }
        _ => Err(Error::at(0, ErrorKind::Incomplete { needed: 3 - input.len() })),
    }
}
