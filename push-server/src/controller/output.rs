//! What waits to go to the client: bounded, and no buffer while nothing does.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::transport::Frame;

/// Frames that are written together at most.
pub(super) const GATHER: usize = 64;

/// How the body goes onto the wire. A further kind of connection (a WebSocket) puts its own frames here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Envelope {
    /// As it is: the end of the connection ends it.
    Plain,
    /// In HTTP/1.1 chunks.
    Chunked,
    /// Kept together until the answer is complete and its length known.
    Collected,
}

impl Envelope {
    pub(super) fn is_chunked(self) -> bool {
        self == Self::Chunked
    }
}

/// Frames on their way to the kernel, first come first.
#[derive(Debug, Default)]
pub(super) struct Output {
    queue: VecDeque<Bytes>,
    bytes: usize,
}

impl Output {
    pub(super) const fn len(&self) -> usize {
        self.bytes
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Bytes as they go onto the wire.
    pub(super) fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.queue.push_back(bytes);
        }
    }

    pub(super) fn push_front(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.bytes += bytes.len();
            self.queue.push_front(bytes);
        }
    }

    /// Puts `before` in front of it.
    pub(super) fn prepend(&mut self, mut before: Self) {
        before.queue.append(&mut self.queue);
        before.bytes += self.bytes;
        *self = before;
    }

    /// A part of the body.
    pub(super) fn push_body(&mut self, body: Vec<u8>, envelope: Envelope) {
        if body.is_empty() {
            return;
        }
        self.push(match envelope {
            Envelope::Plain | Envelope::Collected => body.into(),
            Envelope::Chunked => Frame::build(|out| out.extend_from_slice(&body)).bytes(true),
        });
    }

    /// The front of it, for one write. At least one slice unless it is empty.
    pub(super) fn slices<'a>(&'a self, slices: &mut [IoSlice<'a>; GATHER]) -> usize {
        let mut count = 0;
        for (slice, bytes) in slices.iter_mut().zip(&self.queue) {
            *slice = IoSlice::new(bytes);
            count += 1;
        }
        count
    }

    /// The kernel has taken so much.
    pub(super) fn taken(&mut self, mut count: usize) {
        self.bytes -= count;
        while count > 0 {
            let Some(front) = self.queue.front_mut() else { return };
            if count < front.len() {
                front.advance(count);
                return;
            }
            count -= front.len();
            self.queue.pop_front();
        }
        if self.queue.is_empty() {
            // An idle connection holds no buffer.
            self.queue = VecDeque::new();
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}
