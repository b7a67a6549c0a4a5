//! Where encoded bytes go.

use bytes::BytesMut;

/// A growable buffer that an encoder appends to: [`Vec<u8>`] or [`BytesMut`]. Sealed.
///
/// Everything before the position at which encoding starts is left alone; after an error the buffer ends where it
/// ended before.
pub trait Sink: private::Sealed {
    #[doc(hidden)]
    fn put(&mut self, bytes: &[u8]);
    /// The first `len` bytes of eight: a number is stored as a whole, whatever `len` is.
    #[doc(hidden)]
    #[inline(always)]
    fn put_first(&mut self, bytes: [u8; 8], len: usize) {
        self.put_first_of(bytes, [], len);
    }
    /// The first `len` bytes of two arrays, one after the other. Not one array: that would be put together in memory and
    /// read back at once in other pieces, which processors are slow at.
    #[doc(hidden)]
    fn put_first_of<const N: usize>(&mut self, bytes: [u8; 8], more: [u8; N], len: usize);
    #[doc(hidden)]
    fn position(&self) -> usize;
    #[doc(hidden)]
    fn cut(&mut self, position: usize);
    /// The byte that was put at a position.
    #[doc(hidden)]
    fn byte(&self, position: usize) -> Option<u8>;
    #[doc(hidden)]
    fn room(&mut self, additional: usize);
    /// The chunks of a binary are put in here later: false where that is not possible.
    #[cfg(feature = "client")]
    #[doc(hidden)]
    fn later(&mut self, source: super::parts::Later) -> bool {
        drop(source);
        false
    }
}

/// Room that a full buffer grows by at least: a vector by itself would begin with eight bytes.
const MIN_ROOM: usize = 128;

#[cold]
#[inline(never)]
fn grow(out: &mut Vec<u8>, additional: usize) {
    if out.capacity() == 0 {
        *out = Vec::with_capacity(additional.max(MIN_ROOM));
    } else {
        out.reserve(additional);
    }
}

/// [`Sink::put_first_of`] where there is no room for all: there may be for what counts of it.
#[cold]
#[inline(never)]
fn put_tight<const N: usize>(out: &mut impl Sink, bytes: [u8; 8], more: [u8; N], len: usize) {
    out.put(&bytes[..len.min(8)]);
    out.put(&more[..len.saturating_sub(8)]);
}

impl Sink for Vec<u8> {
    #[inline(always)]
    fn put(&mut self, bytes: &[u8]) {
        if self.capacity() - self.len() < bytes.len() {
            grow(self, bytes.len());
        }
        self.extend_from_slice(bytes);
    }
    #[inline(always)]
    fn put_first_of<const N: usize>(&mut self, bytes: [u8; 8], more: [u8; N], len: usize) {
        if self.capacity() - self.len() < 8 + N {
            return put_tight(self, bytes, more, len);
        }
        let end = self.len() + len;
        self.extend_from_slice(&bytes);
        self.extend_from_slice(&more);
        self.truncate(end);
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
    fn put_first_of<const N: usize>(&mut self, bytes: [u8; 8], more: [u8; N], len: usize) {
        if self.capacity() - self.len() < 8 + N {
            return put_tight(self, bytes, more, len);
        }
        let end = self.len() + len;
        self.extend_from_slice(&bytes);
        self.extend_from_slice(&more);
        self.truncate(end);
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
pub(super) mod private {
    pub trait Sealed {}
    impl Sealed for Vec<u8> {}
    impl Sealed for bytes::BytesMut {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_every_room<S: Sink + AsRef<[u8]>>(with_room: impl Fn(usize) -> S) {
        for room in 0..40 {
            for len in 0..=16 {
                let mut out = with_room(room);
                out.put(b"before");
                let bytes: [u8; 16] = std::array::from_fn(|at| at as u8);
                let (first, more) = (*bytes.first_chunk().unwrap(), *bytes.last_chunk::<8>().unwrap());
                out.put_first_of(first, more, len);
                out.put_first(first, len.min(8));
                assert_eq!(out.as_ref(), [b"before", &bytes[..len], &bytes[..len.min(8)]].concat());
            }
        }
    }

    #[test]
    fn what_counts_is_put_whatever_room_there_is() {
        at_every_room(Vec::with_capacity);
        at_every_room(BytesMut::with_capacity);
    }

    #[test]
    fn a_buffer_that_has_the_room_stays_where_it_is() {
        let value = ("short", "not so short a text", 1, i64::MAX, 0.25, 1.0 / 3.0);
        let encoded = crate::to_vec(&value).unwrap();
        let mut out = Vec::with_capacity(encoded.len());
        let (room, place) = (out.capacity(), out.as_ptr());
        crate::to_bytes(&value, &mut out).unwrap();
        assert_eq!((out.capacity(), out.as_ptr()), (room, place));
        assert_eq!(out, encoded);
    }
}
