//! One write to a member's socket: a frame, a vector of frames, or a buffer that members share.

use std::io::{self, IoSlice};
use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::Member;
use crate::encode::Classes;
use crate::hub::log::Cursor;
use crate::message::{Message, Rendered};
use crate::transport::Transport;

/// Messages that are written together at most, when several are due.
pub(super) const GATHER: usize = 64;

/// Bytes after which nothing more is gathered into one write.
const GATHER_BYTES: usize = 256 << 10;

/// Bytes of message bodies that are put into one buffer at most when several messages are due to many: 64 messages of
/// 1 KiB in each of their bodies. Larger ones are worth a vector.
const MERGE_BYTES: u64 = 128 << 10;

/// Merged buffers that a shard has at a time.
const MERGED: usize = 8;

/// Buffers that the members of a shard use in turn.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// What a member that reads the log alone has read.
    pub(super) messages: Vec<Arc<Message>>,
    frames: Vec<Gathered>,
    merged: Vec<Merged>,
}

impl Scratch {
    /// Gives back what was merged: it was for members that were due the same at the same time.
    pub(crate) fn forget(&mut self) {
        self.merged.clear();
    }
}

/// A frame that is about to be written, and the reader's state after it.
#[derive(Debug)]
struct Gathered {
    bytes: Bytes,
    cursor: Cursor,
    knows: u32,
}

/// Small messages in one piece, for all members that are due the same: one `send` of one buffer, where a vector of
/// frames would cost each member a reference count and an `iovec` per message.
#[derive(Debug)]
struct Merged {
    /// What they were made of: `count` messages from this one on, for members that knew so many classes.
    first: Arc<Message>,
    count: usize,
    transport: Transport,
    chunked: bool,
    knew: u32,
    bytes: Vec<u8>,
    /// Where such a member is then.
    after: Cursor,
    knows: u32,
}

impl Member {
    /// One write: the rest, and as much of `batch` as is worth gathering. What the kernel took a part of
    /// becomes the rest; what it took nothing of stays ahead of the cursor, in the log.
    pub(super) fn write(
        &mut self,
        batch: &[Arc<Message>],
        is_shared: bool,
        scratch: &mut Scratch,
        classes: &Classes,
    ) -> io::Result<()> {
        let batch = &batch[..batch.len().min(GATHER)];
        match batch {
            [message] if self.rest.is_empty() => self.write_one(message, classes),
            // Whoever reads the log alone gains nothing from a buffer that others could share.
            [first, .., last] if is_shared && self.rest.is_empty() && last.end - first.end <= MERGE_BYTES => {
                self.write_merged(batch, &mut scratch.merged, classes)
            }
            _ => self.write_gathered(batch, &mut scratch.frames, classes),
        }
    }

    /// The general case: a vector of frames.
    fn write_gathered(
        &mut self,
        batch: &[Arc<Message>],
        frames: &mut Vec<Gathered>,
        classes: &Classes,
    ) -> io::Result<()> {
        frames.clear();
        let (mut knows, mut bytes) = (self.knows, self.rest.len());
        if !self.rest.is_empty() {
            frames.push(Gathered { bytes: self.rest.clone(), cursor: self.cursor, knows });
        }
        for message in batch.iter().take(GATHER - frames.len()) {
            if bytes >= GATHER_BYTES {
                break;
            }
            let frame = Rendered::of(message, self.transport, &mut knows, classes).bytes(self.chunked);
            bytes += frame.len();
            frames.push(Gathered { bytes: frame, cursor: Cursor::after(message), knows });
        }
        let mut slices = [IoSlice::new(&[]); GATHER];
        for (slice, frame) in slices.iter_mut().zip(&*frames) {
            *slice = IoSlice::new(&frame.bytes);
        }
        let mut taken = self.socket.try_write_vectored(&slices[..frames.len()])?;
        for frame in frames.drain(..) {
            self.took(frame, &mut taken);
        }
        Ok(())
    }

    /// Several small messages: the bytes that the first member that was due the same had made.
    fn write_merged(
        &mut self,
        batch: &[Arc<Message>],
        merged: &mut Vec<Merged>,
        classes: &Classes,
    ) -> io::Result<()> {
        let (transport, chunked, knew) = (self.transport, self.chunked, self.knows);
        let same = |merged: &Merged| {
            Arc::ptr_eq(&merged.first, &batch[0])
                && (merged.count, merged.transport, merged.chunked, merged.knew)
                    == (batch.len(), transport, chunked, knew)
        };
        let index = merged.iter().position(same).unwrap_or_else(|| {
            if merged.len() == MERGED {
                merged.remove(0);
            }
            let mut bytes = Vec::new();
            let (mut knows, mut after) = (knew, self.cursor);
            for message in batch {
                let frame = Rendered::of(message, transport, &mut knows, classes);
                bytes.extend_from_slice(frame.as_slice(chunked));
                after = Cursor::after(message);
            }
            let (first, count) = (batch[0].clone(), batch.len());
            merged.push(Merged { first, count, transport, chunked, knew, bytes, after, knows });
            merged.len() - 1
        });
        let Merged { bytes, after, knows, .. } = &merged[index];
        let mut taken = self.socket.try_write(bytes)?;
        if taken == bytes.len() {
            (self.cursor, self.knows) = (*after, *knows);
            return Ok(());
        }
        let mut knows = knew;
        for message in batch {
            let bytes = Rendered::of(message, transport, &mut knows, classes).bytes(chunked);
            self.took(Gathered { bytes, cursor: Cursor::after(message), knows }, &mut taken);
        }
        Ok(())
    }

    /// Of the bytes that the kernel took, these are the next; what it took nothing of is left alone.
    fn took(&mut self, mut frame: Gathered, taken: &mut usize) {
        if *taken == 0 {
            return;
        }
        let part = frame.bytes.len().min(*taken);
        *taken -= part;
        frame.bytes.advance(part);
        (self.cursor, self.knows, self.rest) = (frame.cursor, frame.knows, frame.bytes);
    }

    /// The usual case, one message for a reader who is up to date: the shared bytes straight to the kernel.
    fn write_one(&mut self, message: &Message, classes: &Classes) -> io::Result<()> {
        let mut knows = self.knows;
        let frame = Rendered::of(message, self.transport, &mut knows, classes);
        let bytes = frame.as_slice(self.chunked);
        let taken = self.socket.try_write(bytes)?;
        if taken < bytes.len() {
            self.rest = frame.bytes(self.chunked).slice(taken..);
        }
        self.cursor = Cursor::after(message);
        self.knows = knows;
        Ok(())
    }
}
