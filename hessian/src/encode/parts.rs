//! A buffer with places for binaries whose bytes come later.

use super::Sink;
use super::sink::private::Sealed;
use bytes::BytesMut;
use std::any::Any;
use std::sync::Arc;

/// Where the bytes of a binary come from.
pub(crate) type Later = Arc<dyn Any + Send + Sync>;

/// What is written, and the places in it at which chunks of binaries have to be put in: each stands right before the last
/// chunk of its binary, which is empty.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    pub(crate) bytes: BytesMut,
    pub(crate) later: Vec<(usize, Later)>,
}

impl Sealed for Parts {}

impl Sink for Parts {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.bytes.put(bytes);
    }
    #[inline(always)]
    fn put_first_of<const N: usize>(&mut self, bytes: [u8; 8], more: [u8; N], len: usize) {
        self.bytes.put_first_of(bytes, more, len);
    }
    #[inline(always)]
    fn position(&self) -> usize {
        self.bytes.len()
    }
    fn cut(&mut self, position: usize) {
        self.bytes.truncate(position);
        self.later.retain(|&(at, _)| at < position);
    }
    fn byte(&self, position: usize) -> Option<u8> {
        self.bytes.byte(position)
    }
    fn room(&mut self, additional: usize) {
        self.bytes.reserve(additional);
    }
    fn later(&mut self, source: Later) -> bool {
        self.later.push((self.bytes.len(), source));
        true
    }
}
