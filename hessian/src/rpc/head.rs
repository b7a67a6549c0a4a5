//! Calls whose arguments have types: the head first, which tells the method, then the arguments that the method takes.

use super::call::{self, reply_form};
use super::read::{self, Input};
use super::{Form, MAX_ARGUMENTS, one};
use crate::de::Deserializer;
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::{Final, Grammar, One};
use crate::limits::Limits;
use crate::table::Tables;
use bytes::Bytes;
use serde::Deserialize;

/// What a call tells before its arguments: the form, the method and, in Hessian 2, how many arguments there are.
///
/// A service needs it to know which types the arguments have. They are then decoded from the bytes themselves, as
/// [`from_slice`](crate::from_slice) does, and share references, classes and types as Java writes them: an object that
/// stands in two arguments is read twice here, or once into [`Shared`](crate::Shared).
///
/// ```
/// use hessian::rpc::{CallHead, Form, write_call};
/// # fn main() -> hessian::Result<()> {
/// let limits = hessian::Limits::new();
/// let mut call = Vec::new();
/// write_call(Form::Two, "greet", &("Ada", 3), &mut call)?;
/// let head = CallHead::parse(&call, &limits)?;
/// assert_eq!((head.method(), head.count()), ("greet", Some(2)));
/// let (name, times): (&str, u8) = head.arguments(&call, &limits)?;
/// assert_eq!((name, times), ("Ada", 3));
///
/// let error = head.arguments::<(&str, &str)>(&call, &limits).unwrap_err();
/// assert_eq!(error.path(), "arguments[1]");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct CallHead {
    form: Form,
    version: [u8; 2],
    method: Box<str>,
    count: Option<usize>,
    /// Where the values start: the arguments; if there are headers (Hessian 1), the first of them.
    start: usize,
    /// Headers are passed over before the arguments: their values may be what references in the arguments name.
    headers: bool,
}

impl CallHead {
    /// Reads the head of a call. Allocates the name of the method.
    ///
    /// # Errors
    /// Malformed or incomplete input, [`Limits::max_name`], [`MAX_ARGUMENTS`],
    /// [`MAX_HEADERS`](super::MAX_HEADERS); those that headers have themselves.
    pub fn parse(input: &[u8], limits: &Limits) -> Result<Self> {
        let (tag, version) = read::version(input, *b"Hc", call::EXPECTED)?;
        if tag == b'H' {
            Self::parse_two(input, version, limits)
        } else {
            Self::parse_one(input, version, limits)
        }
    }

    fn parse_two(input: &[u8], version: [u8; 2], limits: &Limits) -> Result<Self> {
        let mut tables = Tables::default();
        let mut head = Input::<Final>::new(input, 3, &mut tables, limits);
        head.expect(b'C', call::EXPECTED_TWO)?;
        let (method, behind) = match plain_name(input, limits) {
            Some((method, end)) => (method, end),
            None => (head.name(call::NAME)?, head.at()),
        };
        let mut tables = Tables::default();
        let mut head = Input::<Final>::new(input, behind, &mut tables, limits);
        let count = head.count(MAX_ARGUMENTS, "MAX_ARGUMENTS", call::HOW_MANY)?;
        let start = head.at();
        Ok(Self { form: Form::Two, version, method, count: Some(count), start, headers: false })
    }

    fn parse_one(input: &[u8], version: [u8; 2], limits: &Limits) -> Result<Self> {
        let mut tables = Tables::default();
        let mut head = Input::<One>::new(input, 3, &mut tables, limits);
        let headers = !head.headers()?.is_empty();
        head.expect(b'm', one::METHOD)?;
        let method = head.short_name()?;
        let start = if headers { 3 } else { head.at() };
        Ok(Self { form: Form::One, version, method, count: None, start, headers })
    }

    /// Which grammar the call is in.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }

    /// Which grammar its reply has to be in ([`Call::reply_form`](super::Call::reply_form)).
    #[must_use]
    pub fn reply_form(&self) -> Form {
        reply_form(self.form, self.version)
    }

    /// The name of the method, as it stands in the call.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// How many arguments the call has, if it tells: Hessian 1 does not ([`count_in`](Self::count_in)).
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        self.count
    }

    /// How many arguments the call has. O(1) in Hessian 2; in Hessian 1 they are passed over.
    ///
    /// # Errors
    /// Malformed or incomplete arguments of Hessian 1.
    pub fn count_in(&self, input: &[u8], limits: &Limits) -> Result<usize> {
        match self.count {
            Some(count) => Ok(count),
            None => self.values::<One, _>(input, None, limits, |values| values.pass_to_end(0)),
        }
    }

    /// The arguments; `input` is what the head was read from. What follows them is ignored, as by Java.
    ///
    /// # Errors
    /// Another number of them ([`ErrorKind::ArgumentCount`]); as [`from_slice`](crate::from_slice) for each, with
    /// `arguments[index]` at the beginning of the path.
    pub fn arguments<'de, T: FromArguments<'de>>(&self, input: &'de [u8], limits: &Limits) -> Result<T> {
        self.read(input, None, limits)
    }

    /// [`arguments`](Self::arguments) from a shared buffer: a [`Binary`](crate::Binary) in them shares it, nothing is
    /// copied.
    ///
    /// # Errors
    /// As [`arguments`](Self::arguments).
    pub fn arguments_from_bytes<'de, T: FromArguments<'de>>(
        &self,
        input: &'de Bytes,
        limits: &Limits,
    ) -> Result<T> {
        self.read(input, Some(input), limits)
    }

    fn read<'de, T: FromArguments<'de>>(
        &self,
        input: &'de [u8],
        source: Option<&'de Bytes>,
        limits: &Limits,
    ) -> Result<T> {
        match self.form {
            Form::Two => {
                let found = self.count.unwrap_or_default();
                if found != T::COUNT {
                    let kind = ErrorKind::ArgumentCount { found, expected: T::COUNT };
                    return Err(Error::at(self.start as u64, kind));
                }
                self.values::<Final, _>(input, source, limits, |values| T::read(values))
            }
            Form::One => self.values::<One, _>(input, source, limits, |values| {
                let read = T::read(values)?;
                match values.pass_to_end(T::COUNT)? {
                    found if found == T::COUNT => Ok(read),
                    found => Err(values.fail(ErrorKind::ArgumentCount { found, expected: T::COUNT })),
                }
            }),
        }
    }

    /// Reads from the first argument on.
    fn values<'de, G: Grammar, R>(
        &self,
        input: &'de [u8],
        source: Option<&'de Bytes>,
        limits: &Limits,
        read: impl FnOnce(&mut Values<'de, '_, G>) -> Result<R>,
    ) -> Result<R> {
        let mut tables = Tables::default();
        let rest = input.get(self.start..).unwrap_or_default();
        let mut deserializer = Deserializer::<G>::new(rest, &mut tables, limits, true);
        if let Some(source) = source {
            deserializer = deserializer.sharing(source);
        }
        let mut values = Values { input: rest, deserializer, index: 0 };
        let result = match self.headers {
            true => values.pass_headers(limits),
            false => Ok(()),
        };
        result.and_then(|()| read(&mut values)).map_err(|error| error.behind(self.start))
    }
}

/// The normal case: the method's name is a string of one chunk. Tells where it ends.
fn plain_name(input: &[u8], limits: &Limits) -> Option<(Box<str>, usize)> {
    let mut tables = Tables::default();
    let names = Limits { max_string: limits.max_name.into(), ..*limits };
    let mut name = Deserializer::<Final>::new(&input[4..], &mut tables, &names, true);
    let method = name.try_text()?;
    Some((method.into(), 4 + name.offset()))
}

/// The values of a call, from the first argument on.
#[expect(missing_debug_implementations, reason = "of the private side of FromArguments")]
#[expect(unnameable_types, reason = "of the private side of FromArguments")]
pub struct Values<'de, 't, G> {
    input: &'de [u8],
    deserializer: Deserializer<'de, 't, G>,
    /// How many arguments were read.
    index: u64,
}

impl<'de, G: Grammar> Values<'de, '_, G> {
    #[cold]
    fn fail(&self, kind: ErrorKind) -> Error {
        Error::at(self.deserializer.offset() as u64, kind)
    }

    fn peek(&self) -> Result<u8> {
        let next = self.input.get(self.deserializer.offset()).copied();
        next.ok_or_else(|| self.fail(ErrorKind::Incomplete { needed: 1 }))
    }

    /// True where no argument follows: Hessian 1 alone has an end.
    fn is_over(&self) -> bool {
        G::END == One::END && self.input.get(self.deserializer.offset()) == Some(&One::END)
    }

    fn next<T: Deserialize<'de>>(&mut self, expected: usize) -> Result<T> {
        if self.is_over() {
            #[expect(clippy::cast_possible_truncation, reason = "below the length of a tuple")]
            return Err(self.fail(ErrorKind::ArgumentCount { found: self.index as usize, expected }));
        }
        let index = self.index;
        self.index += 1;
        T::deserialize(&mut self.deserializer).map_err(|error| error.in_element(index).in_field("arguments"))
    }

    /// Headers, up to the name of the method and with it.
    #[cold]
    fn pass_headers(&mut self, limits: &Limits) -> Result<()> {
        loop {
            let tag = self.peek()?;
            let at = self.deserializer.offset() + 1;
            let mut tables = Tables::default();
            let mut name = Input::<One>::new(self.input, at, &mut tables, limits);
            name.short_name()?;
            self.deserializer.pass_over(name.at() - (at - 1))?;
            match tag {
                b'H' => self.deserializer.skip()?,
                _ => return Ok(()),
            }
        }
    }

    /// Passes over the arguments that are left, where `read` of them were read; tells how many there are.
    fn pass_to_end(&mut self, read: usize) -> Result<usize> {
        let mut count = read;
        while !self.is_over() {
            if count == MAX_ARGUMENTS {
                let max = MAX_ARGUMENTS as u64;
                return Err(self.fail(ErrorKind::Limit { limit: "MAX_ARGUMENTS", max }));
            }
            self.peek()?;
            self.deserializer.skip()?;
            count += 1;
        }
        Ok(count)
    }
}

/// Arguments that a method takes: tuples of up to 16 deserializable values. Sealed.
pub trait FromArguments<'de>: private::Sealed + Sized {
    /// How many.
    #[doc(hidden)]
    const COUNT: usize;
    /// Reads each.
    #[doc(hidden)]
    fn read<G: Grammar>(values: &mut Values<'de, '_, G>) -> Result<Self>;
}

macro_rules! tuples {
    ($(($($type:ident),*) $count:literal;)*) => {
        $(
            impl<'de, $($type: Deserialize<'de>),*> FromArguments<'de> for ($($type,)*) {
                const COUNT: usize = $count;
                #[allow(unused_variables, clippy::unused_unit, reason = "of the empty tuple")]
                fn read<G: Grammar>(values: &mut Values<'de, '_, G>) -> Result<Self> {
                    Ok(($(values.next::<$type>($count)?,)*))
                }
            }
            impl<$($type),*> private::Sealed for ($($type,)*) {}
        )*
    };
}

tuples! {
    () 0;
    (A) 1;
    (A, B) 2;
    (A, B, C) 3;
    (A, B, C, D) 4;
    (A, B, C, D, E) 5;
    (A, B, C, D, E, F) 6;
    (A, B, C, D, E, F, H) 7;
    (A, B, C, D, E, F, H, I) 8;
    (A, B, C, D, E, F, H, I, J) 9;
    (A, B, C, D, E, F, H, I, J, K) 10;
    (A, B, C, D, E, F, H, I, J, K, L) 11;
    (A, B, C, D, E, F, H, I, J, K, L, M) 12;
    (A, B, C, D, E, F, H, I, J, K, L, M, N) 13;
    (A, B, C, D, E, F, H, I, J, K, L, M, N, O) 14;
    (A, B, C, D, E, F, H, I, J, K, L, M, N, O, P) 15;
    (A, B, C, D, E, F, H, I, J, K, L, M, N, O, P, Q) 16;
}

#[expect(unnameable_types, reason = "sealed: nobody else implements FromArguments")]
mod private {
    pub trait Sealed {}
}
