//! The body of a request: what is there, and uploads that are read while it is sent.

use super::encode::{Encoded, Part};
use crate::encode::dialect::Dialect;
use crate::grammar::{Final, One};
use crate::rpc::Form;
use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use tokio::time::Instant;

/// Bytes of a chunk of a binary at most: what this crate's encoder makes of binaries too.
const MAX_CHUNK: usize = 0x8000;

/// The body of a request.
pub(super) struct Outgoing {
    form: Form,
    parts: VecDeque<Part>,
    /// What an upload gave and does not fit its chunk.
    rest: Bytes,
    /// None when all is there.
    progress: Option<Arc<Progress>>,
}

impl Outgoing {
    pub(super) fn new(call: Encoded, progress: Option<Arc<Progress>>) -> Self {
        Self { form: call.form, parts: call.parts, rest: Bytes::new(), progress }
    }

    /// A chunk that others follow.
    fn chunk(&mut self) -> Piece {
        let data = self.rest.split_to(self.rest.len().min(MAX_CHUNK));
        let opcode = match self.form {
            Form::One => One::BINARY_CHUNK,
            Form::Two => Final::BINARY_CHUNK,
        };
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX_CHUNK")]
        let [high, low] = (data.len() as u16).to_be_bytes();
        Piece { head: [opcode, high, low], at: 0, data }
    }

    fn tell(&self, now: State) {
        if let Some(progress) = &self.progress {
            *progress.lock() = now;
        }
    }
}

impl Body for Outgoing {
    type Data = Piece;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Piece>>>> {
        let piece = loop {
            if !self.rest.is_empty() {
                break self.chunk();
            }
            match self.parts.front_mut() {
                None => return Poll::Ready(None),
                Some(Part::Bytes(bytes)) => {
                    let bytes = std::mem::take(bytes);
                    self.parts.pop_front();
                    if !bytes.is_empty() {
                        break Piece { head: [0; 3], at: 3, data: bytes };
                    }
                }
                Some(Part::Upload(source)) => match ready!(source.as_mut().poll_next(cx)) {
                    Some(Ok(piece)) => self.rest = piece,
                    Some(Err(error)) => {
                        self.parts.clear();
                        self.tell(State::Failed(error));
                        return Poll::Ready(Some(Err(io::ErrorKind::Other.into())));
                    }
                    None => drop(self.parts.pop_front()),
                },
            }
        };
        let now = Instant::now();
        self.tell(if self.parts.is_empty() { State::Sent(now) } else { State::Sending(now) });
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.parts.is_empty() && self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        let mut known = 0;
        for part in &self.parts {
            match part {
                Part::Bytes(bytes) => known += bytes.len() as u64,
                Part::Upload(_) => return SizeHint::default(),
            }
        }
        SizeHint::with_exact(known)
    }
}

/// How far the body of a request is, for whoever waits for the response.
#[derive(Debug)]
pub(super) struct Progress(Mutex<State>);

#[derive(Debug)]
pub(super) enum State {
    /// Not begun: there is no connection yet.
    Waiting,
    /// Something was sent at this time, and there is more.
    Sending(Instant),
    /// The last was handed to the connection.
    Sent(Instant),
    /// The source of an upload failed.
    Failed(io::Error),
}

impl Progress {
    pub(super) fn new() -> Self {
        Self(Mutex::new(State::Waiting))
    }

    pub(super) fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of a body: of an upload with the head of their chunk before them, which is joined to them without a copy.
#[derive(Debug)]
pub(super) struct Piece {
    head: [u8; 3],
    /// How much of the head is gone.
    at: usize,
    data: Bytes,
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.head.len() - self.at + self.data.len()
    }

    fn chunk(&self) -> &[u8] {
        match &self.head[self.at..] {
            [] => &self.data,
            head => head,
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let filled = [&self.head[self.at..], &self.data];
        let filled = filled.into_iter().filter(|part| !part.is_empty());
        slices.iter_mut().zip(filled).map(|(slice, part)| *slice = IoSlice::new(part)).count()
    }

    fn advance(&mut self, count: usize) {
        let head = count.min(self.head.len() - self.at);
        self.at += head;
        self.data.advance(count - head);
    }
}
