//! Bodies: of requests as they arrive, of responses as they leave.

use super::download::{self, Reply};
use super::stats::{Counters, count};
use bytes::{Buf, Bytes, BytesMut};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use tokio::sync::OwnedSemaphorePermit;

/// Bytes of a reply that a connection is given at once: it takes more when it has sent some, so that what is left here is
/// what waits for the caller.
const PIECE: usize = 64 << 10;

/// What is made room for at most before it has arrived.
const FIRST_ROOM: usize = 64 << 10;

/// The body of a response: in one piece of known length, or a [`Download`](super::Download) as it is read.
#[derive(Debug)]
pub struct Body(Content);

#[derive(Debug)]
enum Content {
    Whole { bytes: Bytes, waiting: Option<Waiting> },
    Stream { reply: Box<Reply>, underway: Underway },
}

impl Body {
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Content::Whole { bytes: bytes.into(), waiting: None })
    }

    /// One that is counted until it was taken.
    pub(super) fn reply(bytes: Bytes, counters: Arc<Counters>) -> Self {
        let waiting = Some(Waiting::new(counters, bytes.len() as u64));
        Self(Content::Whole { bytes, waiting })
    }

    pub(super) fn stream(reply: Reply, underway: Underway) -> Self {
        Self(Content::Stream { reply: Box::new(reply), underway })
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut self.0 {
            Content::Whole { bytes, .. } if bytes.is_empty() => Poll::Ready(None),
            Content::Whole { bytes, waiting } => {
                let piece = bytes.split_to(bytes.len().min(PIECE));
                if bytes.is_empty() {
                    *waiting = None;
                }
                Poll::Ready(Some(Ok(Frame::data(piece))))
            }
            Content::Stream { reply, underway } => {
                let polled = reply.poll(cx);
                if reply.is_done() {
                    underway.end();
                }
                polled.map(|piece| piece.map(download::frame))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole { bytes, .. } => bytes.is_empty(),
            Content::Stream { reply, .. } => reply.is_done(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole { bytes, .. } => SizeHint::with_exact(bytes.len() as u64),
            Content::Stream { .. } => SizeHint::default(),
        }
    }
}

/// A reply that waits to be taken. Its pieces share one buffer: it counts as a whole until it is dropped.
#[derive(Debug)]
struct Waiting {
    counters: Arc<Counters>,
    bytes: u64,
}

impl Waiting {
    fn new(counters: Arc<Counters>, bytes: u64) -> Self {
        counters.reply_bytes.fetch_add(bytes, Ordering::Relaxed);
        Self { counters, bytes }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.counters.reply_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A call under way. Ends when it is dropped: as aborted, unless it was ended before.
#[derive(Debug)]
pub(super) struct Underway {
    counters: Arc<Counters>,
    /// Bytes of the call's body.
    held: u64,
    permit: Option<OwnedSemaphorePermit>,
}

impl Underway {
    pub(super) fn begin(counters: Arc<Counters>, permit: OwnedSemaphorePermit) -> Self {
        count(&counters.calls);
        Self { counters, held: 0, permit: Some(permit) }
    }

    /// Holds more bytes, if all calls together may.
    pub(super) fn hold(&mut self, bytes: u64, max: u64) -> bool {
        let add = |held: u64| held.checked_add(bytes).filter(|&held| held <= max);
        let is_held =
            self.counters.body_bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok();
        self.held += if is_held { bytes } else { 0 };
        is_held
    }

    /// The call was read and is no longer needed.
    pub(super) fn release(&mut self) {
        self.counters.body_bytes.fetch_sub(std::mem::take(&mut self.held), Ordering::Relaxed);
    }

    /// The call has been answered.
    pub(super) fn end(&mut self) {
        self.release();
        if self.permit.take().is_some() {
            self.counters.calls.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if self.permit.is_some() {
            count(&self.counters.aborted);
            self.end();
        }
    }
}

/// Why there is no whole body.
#[derive(Debug)]
pub(super) enum Unread {
    /// It is larger than one may be.
    TooLarge,
    /// Those of all calls are larger than they may be.
    Busy,
    /// It broke off.
    Broken(Box<dyn std::error::Error + Send + Sync>),
}

/// Reads a body. One that arrives in one piece is not copied.
pub(super) async fn read<B>(
    body: B,
    underway: &mut Underway,
    max_body: u64,
    max_bodies: u64,
) -> Result<Bytes, Unread>
where
    B: http_body::Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut body = pin!(body);
    let announced = body.size_hint().lower();
    if announced > max_body {
        return Err(Unread::TooLarge);
    }
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(mut data) = frame.map_err(|error| Unread::Broken(error.into()))?.into_data() else {
            continue;
        };
        let len = data.remaining();
        if (first.len() + joined.len()) as u64 + len as u64 > max_body {
            return Err(Unread::TooLarge);
        }
        if !underway.hold(len as u64, max_bodies) {
            return Err(Unread::Busy);
        }
        if first.is_empty() && joined.is_empty() {
            // Where the data is `Bytes` this is the buffer itself.
            first = data.copy_to_bytes(len);
            continue;
        }
        if joined.is_empty() {
            let room = usize::try_from(announced).unwrap_or(FIRST_ROOM).min(FIRST_ROOM);
            joined.reserve(room.max(first.len() + len));
            joined.extend_from_slice(&std::mem::take(&mut first));
        }
        while data.has_remaining() {
            let chunk = data.chunk();
            joined.extend_from_slice(chunk);
            let len = chunk.len();
            data.advance(len);
        }
    }
    Ok(if joined.is_empty() { first } else { joined.freeze() })
}
