//! Cuts a stream into packets and tells when each was complete. Knows only today's framing, and nothing of our codec, on purpose.

use std::io::Read;
use std::time::{Duration, Instant};

/// The demo's lines come every two seconds. Wide enough for a busy machine, too narrow for a packet that waited for the next.
pub(crate) const LEAST_GAP: Duration = Duration::from_millis(1500);
/// The other bound.
pub(crate) const MOST_GAP: Duration = Duration::from_millis(2600);

/// An HTTP response as it came in.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// Status line and headers, lower case.
    pub(crate) head: String,
    /// Payloads of the packets that were not empty, with the time since the request.
    pub(crate) packets: Vec<(Duration, Vec<u8>)>,
    /// How many were empty: heartbeats.
    pub(crate) heartbeats: usize,
}

/// Reads `response` to its end.
pub(crate) fn read(mut response: impl Read, asked: Instant) -> Arrivals {
    let mut arrivals = Arrivals::default();
    let mut head = Vec::new();
    let mut packets = Packets::default();
    let mut buffer = [0; 4096];
    loop {
        let n = response.read(&mut buffer).expect("the response is readable");
        if n == 0 {
            return arrivals;
        }
        let now = asked.elapsed();
        if arrivals.head.is_empty() {
            head.extend_from_slice(&buffer[..n]);
            let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
            arrivals.head = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
            packets.push(&head[end + 4..]);
        } else {
            packets.push(&buffer[..n]);
        }
        for packet in packets.take() {
            if packet.is_empty() {
                arrivals.heartbeats += 1;
            } else {
                arrivals.packets.push((now, packet));
            }
        }
    }
}

/// Bytes of a stream in, payloads of whole packets out.
#[derive(Debug, Default)]
pub(crate) struct Packets {
    waiting: Vec<u8>,
    open: Vec<u8>,
}

impl Packets {
    /// Takes in a piece of the stream, cut anywhere.
    pub(crate) fn push(&mut self, piece: &[u8]) {
        self.waiting.extend_from_slice(piece);
    }

    /// The packets that are whole by now; an empty one is a heartbeat.
    pub(crate) fn take(&mut self) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        while let Some((used, last)) = frame(&self.waiting, &mut self.open) {
            self.waiting.drain(..used);
            if last {
                whole.push(std::mem::take(&mut self.open));
            }
        }
        whole
    }
}

/// One frame: a flag byte whose top bit says that more frames follow, a length of 7 or 16 bits, the payload.
fn frame(input: &[u8], packet: &mut Vec<u8>) -> Option<(usize, bool)> {
    let (&flags, rest) = input.split_first()?;
    assert!(
        matches!(flags, 0x05 | 0x85 | 0x80 | 0x00),
        "flag byte {flags:#04x} begins no frame: is the body chunked twice?"
    );
    let (start, length) = match *rest.first()? {
        0x7e => (4, usize::from(u16::from_be_bytes([*rest.get(1)?, *rest.get(2)?]))),
        short if short < 0x7e => (2, usize::from(short)),
        long => panic!("the demo's packets need no length byte {long:#04x}"),
    };
    packet.extend_from_slice(input.get(start..start + length)?);
    Some((start + length, flags & 0x80 == 0))
}

impl Arrivals {
    /// Fails unless at least `count` messages came, two seconds apart. The first gap may be shorter: a client joins at any moment.
    pub(crate) fn assert_paced(&self, count: usize) {
        for (at, packet) in &self.packets {
            println!("{:>6} ms  {:>3} bytes  {}", at.as_millis(), packet.len(), packet.escape_ascii());
        }
        println!("{} heartbeats", self.heartbeats);
        assert!(
            self.packets.len() >= count,
            "{} messages instead of {count}; response head: {}",
            self.packets.len(),
            self.head
        );
        for (i, pair) in self.packets.windows(2).enumerate() {
            let gap = pair[1].0 - pair[0].0;
            assert!(gap <= MOST_GAP, "message {} came {gap:?} after the one before", i + 1);
            assert!(
                i == 0 || gap >= LEAST_GAP,
                "message {} came {gap:?} after the one before: it was held back",
                i + 1
            );
        }
        let first = &self.packets[0].1;
        let class = b"example.AddString";
        assert!(
            first.windows(class.len()).any(|part| part == class),
            "the first message defines no example.AddString"
        );
    }
}
