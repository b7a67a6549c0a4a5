//! Where encoded bytes go.

use bytes::BytesMut;

/// A growable buffer that an encoder appends to: [`Vec<u8>`] or [`BytesMut`]. Sealed.
///
/// Everything before the position at which encoding starts is left alone; after an error the buffer ends where it
/// ended before.
pub trait Sink: private::Sealed {
    #[doc(hidden)]
    fn put(&mut self, bytes: &[u8]);
    #[doc(hidden)]
    fn position(&self) -> usize;
    #[doc(hidden)]
    fn cut(&mut self, position: usize);
    /// The byte that was put at a position.
    #[doc(hidden)]
    fn byte(&self, position: usize) -> Option<u8>;
    #[doc(hidden)]
    fn room(&mut self, additional: usize);
}

impl Sink for Vec<u8> {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    #[inline(always)]
    fn position(&self) -> usize {
        self.len()
    }
    fn cut(&mut self, position: usize) {
        self.truncate(position);
    }
    fn byte(&self, position: usize) -> Option<u8> {
        self.get(position).copied()
    }
    fn room(&mut self, additional: usize) {
        self.reserve(additional);
    }
}

impl Sink for BytesMut {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
    #[inline(always)]
    fn position(&self) -> usize {
        self.len()
    }
    fn cut(&mut self, position: usize) {
        self.truncate(position);
    }
    fn byte(&self, position: usize) -> Option<u8> {
        self.get(position).copied()
    }
    fn room(&mut self, additional: usize) {
        self.reserve(additional);
    }
}

#[expect(unnameable_types, reason = "sealed: nobody else implements Sink")]
mod private {
    pub trait Sealed {}
    impl Sealed for Vec<u8> {}
    impl Sealed for bytes::BytesMut {}
}
