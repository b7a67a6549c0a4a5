//! Packet streams: ours read by `Hessian2StreamingInput`, and `Hessian2StreamingOutput`'s read by us.

use std::collections::VecDeque;

use hessian::packet::{Framing, Packet};
use hessian::{ClassTable, Limits, StreamDecoder};

use crate::peer::{self, Peer, difference};
use crate::random::Random;
use crate::trace::Item;
use crate::transcript::Reader;
use crate::tree::Any;

const PACKETS: usize = 12_000;

fn transcript(value: &[u8]) -> Vec<Item> {
    Reader::new().packet(value).expect("a value")
}

/// One stream with heartbeats, classes defined when first needed and known from then on. What Java reads from it, encoded by itself, must be
/// what each value is when encoded by itself.
#[test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh codec"]
fn java_reads_our_stream() {
    let mut random = Random::new(0x57ea);
    let mut classes = ClassTable::new();
    let mut knows = 0;
    let mut stream = Vec::new();
    let mut alone = Vec::new();
    for index in 0..PACKETS {
        let value = Any::of_kind(index, &mut random);
        let bytes = hessian::to_vec(&value).expect("nothing here is beyond Hessian");
        alone.push(bytes);
        let mut body = Vec::new();
        let needs = classes.encode(&value, &mut body).expect("nothing here is beyond Hessian");
        Framing::Ws.frame(&[classes.definitions(knows, needs), &body], &mut stream);
        knows = knows.max(needs);
        if random.one_in(8) {
            stream.extend_from_slice(Framing::Ws.heartbeat());
        }
    }
    let bytes = stream.len();
    let values = Peer::start_with(&["read-stream"], move |out| out.write_all(&stream));
    let mut read = 0;
    for (index, (frame, value)) in values.zip(&alone).enumerate() {
        let text = String::from_utf8_lossy(&frame.bytes);
        assert_eq!(frame.tag, peer::OK, "Java on packet {index}, {}: {text}", value.escape_ascii());
        // Java cuts a binary where its buffer ends: beyond that size values are compared, not bytes.
        let same =
            frame.bytes == *value || value.len() > 8000 && transcript(&frame.bytes) == transcript(value);
        assert!(same, "packet {index}: {}", difference(&frame.bytes, value));
        read += 1;
    }
    assert_eq!(read, PACKETS);
    println!("{read} packets, {bytes} bytes, {knows} classes: our stream to Java, all values as sent");
}

/// Java's stream in pieces of random sizes: our decoder finds its packets and heartbeats, and with the tables of the whole stream each value
/// says what it says by itself.
#[test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh codec"]
fn we_read_javas_stream() {
    let mut random = Random::new(0x1a7a);
    let mut decoder = <StreamDecoder>::new(None, Limits::default());
    let mut values = Reader::new();
    let mut waiting = VecDeque::new();
    let (mut packets, mut heartbeats, mut bytes) = (0, 0, 0);
    let mut receive = |decoder: &mut StreamDecoder, waiting: &mut VecDeque<Vec<u8>>| {
        while let Some(packet) = decoder.next_packet().expect("Java's frames are sound") {
            match packet {
                Packet::Heartbeat => heartbeats += 1,
                Packet::Data(data) => {
                    let alone: Vec<u8> = waiting.pop_front().expect("no packet comes before its frame");
                    let read =
                        values.packet(&data).unwrap_or_else(|error| panic!("packet {packets}: {error}"));
                    assert!(read == transcript(&alone), "packet {packets}: {}", difference(&alone, &data));
                    packets += 1;
                }
            }
        }
    };
    for frame in Peer::start(&["write-stream", "21", &PACKETS.to_string()]) {
        if frame.tag < peer::PACKET {
            waiting.push_back(frame.bytes);
            continue;
        }
        bytes += frame.bytes.len();
        let mut rest = frame.bytes.as_slice();
        while !rest.is_empty() {
            let (piece, more) = rest.split_at(rest.len().min(1 + random.below(5000)));
            decoder.push(piece);
            receive(&mut decoder, &mut waiting);
            rest = more;
        }
    }
    decoder.finish().expect("the stream ends between packets");
    assert_eq!((packets, heartbeats), (PACKETS, PACKETS / 8));
    println!(
        "{packets} packets, {heartbeats} heartbeats, {bytes} bytes: Java's stream to us, all values as sent"
    );
}
