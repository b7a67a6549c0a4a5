//! Packets written in each framing.

use crate::encode::Sink;

/// How packets are cut into frames on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Framing {
    /// Today's Java library (4.0.11 and later).
    #[default]
    Ws,
    /// Java 3.1.5–3.2.1 and the Flash client of the 2007–2009 tutorials.
    P,
    /// Java 4.0.0–4.0.2 and hessian-flex 4.0.0.
    Varint,
    /// Java 4.0.3–4.0.10.
    Marked,
}

/// Largest chunk of [`Framing::P`]: its length is a u16.
const P_CHUNK: usize = 0xffff;
/// Largest chunk of [`Framing::Varint`] and [`Framing::Marked`]: two base-128 groups, as Java writes them; three
/// groups were never seen from Java.
const VARINT_CHUNK: usize = 0x3fff;
/// Largest frame of [`Framing::Ws`] written: `7e` and a u16; `7f` is never written by Java.
const WS_FRAME: usize = 0xffff;

impl Framing {
    /// Appends one packet whose data is the concatenation of `parts`. Copies the parts once; allocates only what the
    /// buffer lacks. Without data it is a [`heartbeat`](Self::heartbeat).
    pub fn frame(self, parts: &[&[u8]], out: &mut impl Sink) {
        let len = parts.iter().map(|part| part.len()).sum();
        out.room(len + 8);
        let mut data = Parts { parts, left: len };
        match self {
            Self::Ws => ws(&mut data, out),
            Self::P => p(&mut data, out),
            Self::Varint => {
                while data.left > 0 {
                    varint(&mut data, out);
                }
                out.put(&[0]);
            }
            Self::Marked => {
                while data.left > 0 {
                    out.put(&[0x80]);
                    varint(&mut data, out);
                }
                out.put(&[0x80, 0]);
            }
        }
    }

    /// A packet without data: every reader skips it. Keeps an idle connection alive.
    #[must_use]
    pub const fn heartbeat(self) -> &'static [u8] {
        match self {
            Self::Ws => &[0x05, 0x00],
            Self::P => b"P\x00\x00",
            Self::Varint => &[0x00],
            Self::Marked => &[0x80, 0x00],
        }
    }
}

/// What of a packet's data has not been written yet.
struct Parts<'a> {
    parts: &'a [&'a [u8]],
    left: usize,
}

impl Parts<'_> {
    fn take(&mut self, mut len: usize, out: &mut impl Sink) {
        // The position inside the first part is not kept: count from the end.
        let mut skip = self.parts.iter().map(|part| part.len()).sum::<usize>() - self.left;
        self.left -= len;
        for part in self.parts {
            let from = skip.min(part.len());
            skip -= from;
            let taken = len.min(part.len() - from);
            out.put(&part[from..from + taken]);
            len -= taken;
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "at most WS_FRAME")]
fn ws(data: &mut Parts<'_>, out: &mut impl Sink) {
    let mut flag = 0x05;
    while data.left > WS_FRAME {
        out.put(&[flag | 0x80, 0x7e, (WS_FRAME >> 8) as u8, WS_FRAME as u8]);
        data.take(WS_FRAME, out);
        flag = 0;
    }
    let len = data.left;
    if len < 0x7e {
        out.put(&[flag, len as u8]);
    } else {
        out.put(&[flag, 0x7e, (len >> 8) as u8, len as u8]);
    }
    data.take(len, out);
}

#[expect(clippy::cast_possible_truncation, reason = "at most P_CHUNK")]
fn p(data: &mut Parts<'_>, out: &mut impl Sink) {
    // The last chunk that carries data must be the `P`: after it an empty one would end nothing.
    while data.left > P_CHUNK {
        out.put(&[b'p', (P_CHUNK >> 8) as u8, P_CHUNK as u8]);
        data.take(P_CHUNK, out);
    }
    let len = data.left;
    out.put(&[b'P', (len >> 8) as u8, len as u8]);
    data.take(len, out);
}

#[expect(clippy::cast_possible_truncation, reason = "masked to seven bits")]
fn varint(data: &mut Parts<'_>, out: &mut impl Sink) {
    let len = data.left.min(VARINT_CHUNK);
    // Java's last chunk has a length of one byte when that suffices.
    if len < 0x80 {
        out.put(&[len as u8]);
    } else {
        out.put(&[0x80 | (len >> 7) as u8, len as u8 & 0x7f]);
    }
    data.take(len, out);
}

#[cfg(test)]
mod tests {
    use super::Framing;

    fn framed(framing: Framing, parts: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        framing.frame(parts, &mut out);
        out
    }

    #[test]
    fn small_packets_are_those_of_the_java_libraries() {
        let parts: &[&[u8]] = &[b"\x02", b"", b"ab"];
        assert_eq!(framed(Framing::Ws, parts), b"\x05\x03\x02ab");
        assert_eq!(framed(Framing::P, parts), b"P\x00\x03\x02ab");
        assert_eq!(framed(Framing::Varint, parts), b"\x03\x02ab\x00");
        assert_eq!(framed(Framing::Marked, parts), b"\x80\x03\x02ab\x80\x00");
    }

    #[test]
    fn no_data_is_a_heartbeat() {
        for framing in [Framing::Ws, Framing::P, Framing::Varint, Framing::Marked] {
            assert_eq!(framed(framing, &[]), framing.heartbeat());
        }
    }

    #[test]
    fn long_packets_are_cut_where_the_length_ends() {
        let data = vec![7; 0x1_0005];
        let (first, rest) = data.split_at(0x8000);
        let ws = framed(Framing::Ws, &[first, rest]);
        assert_eq!(ws[..4], [0x85, 0x7e, 0xff, 0xff]);
        assert_eq!(ws[4 + 0xffff..][..2], [0x00, 0x06]);
        assert_eq!(ws.len(), 4 + 0xffff + 2 + 6);
        let p = framed(Framing::P, &[first, rest]);
        assert_eq!((p[0], p[3 + 0xffff], p.len()), (b'p', b'P', data.len() + 6));
        let varint = framed(Framing::Varint, &[first, rest]);
        assert_eq!((varint[0], varint[1], varint.last()), (0xff, 0x7f, Some(&0)));
        assert_eq!(framed(Framing::Ws, &[&[7; 126]])[..4], [0x05, 0x7e, 0x00, 0x7e]);
        assert_eq!(framed(Framing::Ws, &[&[7; 125]])[..2], [0x05, 0x7d]);
    }
}
