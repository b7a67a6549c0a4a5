//! Binaries of any size as arguments.

use super::super::error::{Error, Result};
use crate::error::ErrorKind;
use crate::magic;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use serde::ser::{self, Serialize, Serializer};
use std::any::Any;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::{fmt, io};
use tokio::io::AsyncRead;
use tokio::task::JoinHandle;
use tokio_util::io::ReaderStream;

/// Bytes that are read from a source at once.
const PIECE: usize = 32 << 10;

/// A binary argument of any size (for Java's `InputStream` or `byte[]`), which is read while it is sent: memory does not
/// depend on its size. It may stand anywhere in the arguments; several are sent in their turn. The request has no length
/// then (chunked transfer encoding): HTTP/1.0 servers cannot take it.
///
/// An upload is sent once. When its source fails, the call fails with [`Error::Upload`] and its connection is closed, so
/// that the service does not take the beginning for the whole.
///
/// ```no_run
/// use hessian::client::{Client, Upload};
/// # async fn f() -> Result<(), Box<dyn std::error::Error>> {
/// let client = Client::new("http://localhost:8080/files")?;
/// let file = tokio::fs::File::open("video.mp4").await?;
/// let stored: i64 = client.call("store", ("video.mp4", Upload::reader(file))).await?;
/// # Ok(())
/// # }
/// # mod tokio { pub mod fs { pub struct File; impl File {
/// #     pub async fn open(_: &str) -> std::io::Result<&'static [u8]> { Ok(b"") }
/// # } } }
/// ```
pub struct Upload {
    source: Arc<Once>,
}

/// A source until it is taken.
pub(super) struct Once(Mutex<Option<Source>>);

pub(super) type Source = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

impl Upload {
    /// What a reader reads, up to its end.
    #[must_use]
    pub fn reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::stream(ReaderStream::with_capacity(reader, PIECE))
    }

    /// What a stream gives, up to its end. Copies nothing.
    #[must_use]
    pub fn stream(stream: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self { source: Arc::new(Once(Mutex::new(Some(Box::pin(stream))))) }
    }

    /// What a blocking reader reads, up to its end: on tokio's threads for what blocks.
    #[must_use]
    pub fn blocking(reader: impl io::Read + Send + 'static) -> Self {
        Self::stream(Blocking::Idle(Some((Box::new(reader), BytesMut::new()))))
    }
}

impl Once {
    /// The source, if what was met in the arguments is an upload that was not sent.
    pub(super) fn take(later: &(dyn Any + Send + Sync)) -> Result<Source> {
        let source = later.downcast_ref::<Self>().and_then(|once| {
            let mut source = once.0.lock().unwrap_or_else(PoisonError::into_inner);
            source.take()
        });
        source.ok_or_else(|| {
            let told = "an upload that was sent before, or stands twice in a call".into();
            Error::Arguments(crate::Error::new(ErrorKind::Message(told)))
        })
    }
}

impl Serialize for Upload {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        magic::give_later(self.source.clone());
        let done = serializer.serialize_newtype_struct(magic::LATER, &Misplaced);
        // Of a serializer that takes no notice.
        magic::take_later();
        done
    }
}

/// What every other serializer finds in an upload.
struct Misplaced;

impl Serialize for Misplaced {
    fn serialize<S: Serializer>(&self, _: S) -> std::result::Result<S::Ok, S::Error> {
        Err(ser::Error::custom("an upload can only be an argument of a call of this client"))
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").finish_non_exhaustive()
    }
}

/// A blocking reader as a stream: each piece is read on a thread for what blocks.
enum Blocking {
    Idle(Option<Reading>),
    Busy(JoinHandle<(Reading, io::Result<Bytes>)>),
}

type Reading = (Box<dyn io::Read + Send>, BytesMut);

impl Stream for Blocking {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            match &mut *self {
                Self::Idle(reading) => {
                    let Some((mut reader, mut buffer)) = reading.take() else { return Poll::Ready(None) };
                    *self = Self::Busy(tokio::task::spawn_blocking(move || {
                        let piece = read(&mut *reader, &mut buffer);
                        ((reader, buffer), piece)
                    }));
                }
                Self::Busy(read) => {
                    let (reading, piece) = match ready!(Pin::new(read).poll(cx)) {
                        Ok((reading, Ok(piece))) if !piece.is_empty() => (Some(reading), Some(Ok(piece))),
                        Ok((_, Ok(_))) => (None, None),
                        Ok((_, Err(error))) => (None, Some(Err(error))),
                        Err(error) => (None, Some(Err(io::Error::other(error)))),
                    };
                    *self = Self::Idle(reading);
                    return Poll::Ready(piece);
                }
            }
        }
    }
}

/// The next piece; empty at the end.
fn read(reader: &mut (dyn io::Read + Send), buffer: &mut BytesMut) -> io::Result<Bytes> {
    buffer.resize(PIECE, 0);
    loop {
        match reader.read(buffer) {
            Ok(read) => return Ok(buffer.split_to(read).freeze()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
