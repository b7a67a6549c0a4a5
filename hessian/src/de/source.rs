//! Where input comes from: shared buffers, readers, and one value after the other.

use super::{Deserializer, from_slice_in};
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::{Final, Grammar};
use crate::limits::Limits;
use crate::stream::ValueDecoder;
use crate::table::Tables;
use bytes::Bytes;
use serde::de::{Deserialize, DeserializeOwned};
use std::io::Read;

/// Decodes one value from a shared buffer, which must end with it. As [`from_slice`](crate::from_slice); besides, a
/// [`Binary`](crate::Binary) in it shares the buffer: O(1) for each of its chunks, no copy.
///
/// # Errors
/// As [`from_slice`](crate::from_slice).
pub fn from_bytes<'de, T: Deserialize<'de>>(input: &'de Bytes) -> Result<T> {
    from_bytes_with(input, &Limits::DEFAULT)
}

/// [`from_bytes`] with limits of your own.
///
/// # Errors
/// As [`from_slice`](crate::from_slice).
pub fn from_bytes_with<'de, T: Deserialize<'de>>(input: &'de Bytes, limits: &Limits) -> Result<T> {
    from_bytes_in::<Final, T>(input, limits)
}

/// [`from_bytes_with`] in a grammar of your choice, as [`from_slice_in`].
///
/// # Errors
/// As [`from_slice`](crate::from_slice).
pub fn from_bytes_in<'de, G: Grammar, T: Deserialize<'de>>(input: &'de Bytes, limits: &Limits) -> Result<T> {
    let mut tables = Tables::default();
    let mut deserializer = Deserializer::<G>::new(input, &mut tables, limits, true).sharing(input);
    let value = T::deserialize(&mut deserializer)?;
    deserializer.finish()?;
    Ok(value)
}

/// Reads a reader **to its end**, up to [`Limits::max_packet`] bytes, and decodes the one value that it must be: on a
/// connection that stays open this waits for ever (use a [`StreamDecoder`](crate::StreamDecoder) there, or a
/// [`Parser`](crate::Parser)). Allocates what it reads.
///
/// # Errors
/// As [`from_slice`](crate::from_slice), and [`ErrorKind::Io`] when reading fails.
pub fn from_reader<T: DeserializeOwned>(reader: impl Read) -> Result<T> {
    from_reader_with(reader, &Limits::DEFAULT)
}

/// [`from_reader`] with limits of your own.
///
/// # Errors
/// As [`from_reader`].
pub fn from_reader_with<T: DeserializeOwned>(reader: impl Read, limits: &Limits) -> Result<T> {
    from_reader_in::<Final, T>(reader, limits)
}

/// [`from_reader_with`] in a grammar of your choice, as [`from_slice_in`].
///
/// # Errors
/// As [`from_reader`].
pub fn from_reader_in<G: Grammar, T: DeserializeOwned>(reader: impl Read, limits: &Limits) -> Result<T> {
    let mut input = Vec::new();
    reader.take(limits.max_packet.saturating_add(1)).read_to_end(&mut input)?;
    if input.len() as u64 > limits.max_packet {
        return Err(Error::new(ErrorKind::Limit { limit: "max_packet", max: limits.max_packet }));
    }
    from_slice_in::<G, T>(&input, limits)
}

impl<'de, 't, G: Grammar> Deserializer<'de, 't, G> {
    /// Reads a slice; `decoder` has the limits, and what earlier packets have defined. For what needs the deserializer
    /// itself: several values in a row, a [`DeserializeSeed`](serde::de::DeserializeSeed), crates that wrap deserializers.
    /// Begins a packet: references count from here.
    ///
    /// ```
    /// # fn main() -> hessian::Result<()> {
    /// use hessian::{Limits, ValueDecoder, de::Deserializer};
    /// use serde::Deserialize;
    /// let mut decoder = <ValueDecoder>::new(Limits::new());
    /// let mut values = Deserializer::from_slice(b"\x91\x02hi", &mut decoder)?;
    /// assert_eq!(i32::deserialize(&mut values)?, 1);
    /// assert_eq!(<&str>::deserialize(&mut values)?, "hi");
    /// values.finish()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// After malformed data in an earlier packet.
    pub fn from_slice(input: &'de [u8], decoder: &'t mut ValueDecoder<G>) -> Result<Self> {
        decoder.deserializer(input)
    }

    /// The same from a shared buffer: a [`Binary`](crate::Binary) shares it, nothing is copied.
    ///
    /// # Errors
    /// As [`from_slice`](Self::from_slice).
    pub fn from_bytes(input: &'de Bytes, decoder: &'t mut ValueDecoder<G>) -> Result<Self> {
        Ok(decoder.deserializer(input)?.sharing(input))
    }
}
