//! Replies of typed values.

#[cfg(feature = "client")]
use super::Form;
use super::read::{self, Input};
use super::{Reply, ServiceFault};
use crate::de::Deserializer;
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::{Final, Grammar, One};
use crate::limits::Limits;
use crate::table::Tables;
use crate::value::Graph;
use bytes::Bytes;
use serde::Deserialize;

/// What a reply says: the value, or the fault.
pub type Outcome<T> = std::result::Result<T, Box<ServiceFault>>;

/// Reads a reply whose value has a type; tells how many bytes it took (Java ignores what follows). The value is decoded
/// from the bytes themselves as [`from_slice`](crate::from_slice) does, and borrows from them; a fault is copied.
///
/// ```
/// use hessian::rpc::{Form, read_reply, write_fault, write_reply};
/// # fn main() -> hessian::Result<()> {
/// let limits = hessian::Limits::new();
/// let mut reply = Vec::new();
/// write_reply(Form::Two, &[1, 2, 3], &mut reply)?;
/// let (sums, used) = read_reply::<Vec<i64>>(&reply, &limits)?;
/// assert_eq!((sums.unwrap(), used), (vec![1, 2, 3], reply.len()));
///
/// reply.clear();
/// write_fault(Form::Two, "ServiceException", "closed on Sundays", None::<&()>, &mut reply)?;
/// let (sums, _) = read_reply::<Vec<i64>>(&reply, &limits)?;
/// assert_eq!(sums.unwrap_err().message, "closed on Sundays");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`from_slice`](crate::from_slice) and [`Reply::parse`].
pub fn read_reply<'de, T: Deserialize<'de>>(
    input: &'de [u8],
    limits: &Limits,
) -> Result<(Outcome<T>, usize)> {
    read_from(input, None, limits)
}

/// [`read_reply`] from a shared buffer: a [`Binary`](crate::Binary) in the value shares it, nothing is copied.
///
/// # Errors
/// As [`read_reply`].
pub fn read_reply_bytes<'de, T: Deserialize<'de>>(
    input: &'de Bytes,
    limits: &Limits,
) -> Result<(Outcome<T>, usize)> {
    read_from(input, Some(input), limits)
}

fn read_from<'de, T: Deserialize<'de>>(
    input: &'de [u8],
    source: Option<&'de Bytes>,
    limits: &Limits,
) -> Result<(Outcome<T>, usize)> {
    let (tag, _) = read::version(input, *b"Hr", super::reply::REPLY)?;
    match (tag, input.get(3)) {
        (b'H', Some(b'R')) => value::<Final, T>(input, 4, source, limits),
        (b'r', Some(b'H')) => value_one(input, behind_headers(input, limits)?, source, limits),
        (b'r', Some(_)) => value_one(input, 3, source, limits),
        _ => fault(input, limits),
    }
}

/// A reply of Hessian 1 from where its headers end.
fn value_one<'de, T: Deserialize<'de>>(
    input: &'de [u8],
    start: usize,
    source: Option<&'de Bytes>,
    limits: &Limits,
) -> Result<(Outcome<T>, usize)> {
    if input.get(start) == Some(&b'f') {
        return fault(input, limits);
    }
    let (value, end) = value::<One, T>(input, start, source, limits)?;
    match input.get(end) {
        Some(b'z') => Ok((value, end + 1)),
        Some(&found) => {
            let expected = super::one::END_OF_REPLY;
            Err(Error::at(end as u64, ErrorKind::UnexpectedByte { found, expected }))
        }
        None => Err(Error::at(end as u64, ErrorKind::Incomplete { needed: 1 })),
    }
}

/// Where the headers of a reply of Hessian 1 end.
#[cold]
fn behind_headers(input: &[u8], limits: &Limits) -> Result<usize> {
    let (values, end) = headers(input, limits)?;
    // References of the value would count from the first of these. No service is known that has any header.
    if values.roots().any(|value| value.id().is_some()) {
        let told = "a typed value behind headers that are lists, maps or objects: read the reply as a graph";
        return Err(Error::at(3, ErrorKind::Message(told.into())));
    }
    Ok(end)
}

/// The values of the headers of a reply of Hessian 1, and where they end.
fn headers<'de>(input: &'de [u8], limits: &Limits) -> Result<(Graph<'de>, usize)> {
    let mut tables = Tables::default();
    let mut input = Input::<One>::new(input, 3, &mut tables, limits);
    input.headers()?;
    Ok(input.finish())
}

/// The form of a reply that is not there as a whole, and where its value starts; `None` if it is a fault.
#[cfg(feature = "client")]
pub(crate) fn value_of(input: &[u8], limits: &Limits) -> Result<Option<(Form, usize)>> {
    let (tag, _) = read::version(input, *b"Hr", super::reply::REPLY)?;
    let start = match (tag, input.get(3)) {
        (b'r', Some(b'H')) => headers(input, limits)?.1,
        _ => 3,
    };
    match (tag, input.get(start)) {
        (b'H', Some(b'R')) => Ok(Some((Form::Two, 4))),
        (b'H', Some(b'F')) | (b'r', Some(b'f')) => Ok(None),
        (b'H', Some(&found)) => {
            let expected = super::reply::RESULT;
            Err(Error::at(3, ErrorKind::UnexpectedByte { found, expected }))
        }
        (_, Some(_)) => Ok(Some((Form::One, start))),
        (_, None) => Err(Error::at(start as u64, ErrorKind::Incomplete { needed: 1 })),
    }
}

#[cold]
fn fault<T>(input: &[u8], limits: &Limits) -> Result<(Outcome<T>, usize)> {
    let (reply, used) = Reply::parse(input, limits)?;
    match reply.result() {
        Err(fault) => Ok((Err(Box::new(ServiceFault::of(fault)?)), used)),
        Ok(_) => {
            let found = input.get(3).copied().unwrap_or_default();
            Err(Error::at(3, ErrorKind::UnexpectedByte { found, expected: "a fault" }))
        }
    }
}

/// The value that starts at a byte of the reply; tells where it ends.
fn value<'de, G: Grammar, T: Deserialize<'de>>(
    input: &'de [u8],
    start: usize,
    source: Option<&'de Bytes>,
    limits: &Limits,
) -> Result<(Outcome<T>, usize)> {
    let mut tables = Tables::default();
    let mut deserializer = Deserializer::<G>::new(&input[start..], &mut tables, limits, true);
    if let Some(source) = source {
        deserializer = deserializer.sharing(source);
    }
    match T::deserialize(&mut deserializer) {
        Ok(value) => Ok((Ok(value), start + deserializer.offset())),
        Err(error) => Err(error.behind(start)),
    }
}
