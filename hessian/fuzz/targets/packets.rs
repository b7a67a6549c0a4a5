//! Frames.

use super::limits;
use bytes::BytesMut;
use hessian::packet::{Framing, Packet, PacketDecoder};

const FRAMINGS: [Framing; 4] = [Framing::Ws, Framing::P, Framing::Varint, Framing::Marked];

/// What a decoder finds: packets, and how it ends.
fn run(mut decoder: PacketDecoder, input: &[u8], sizes: &[u8]) -> (Vec<Packet>, String) {
    let mut sizes = sizes.iter().cycle();
    let mut buffer = BytesMut::new();
    let mut packets = Vec::new();
    let mut rest = input;
    loop {
        loop {
            match decoder.decode(&mut buffer) {
                Ok(Some(packet)) => packets.push(packet),
                Ok(None) => break,
                Err(error) => return (packets, error.to_string()),
            }
        }
        if rest.is_empty() {
            let end = match buffer.is_empty() && decoder.is_between_packets() {
                true => "clean",
                false => "incomplete",
            };
            return (packets, end.into());
        }
        let size = usize::from(*sizes.next().unwrap_or(&1)).clamp(1, rest.len());
        buffer.extend_from_slice(&rest[..size]);
        rest = &rest[size..];
    }
}

fn decoder(framing: Option<Framing>) -> PacketDecoder {
    let mut limits = limits();
    limits.max_packet = 1 << 16;
    limits.max_empty_frames = 16;
    match framing {
        Some(framing) => PacketDecoder::new(framing, &limits),
        None => PacketDecoder::recognising(&limits),
    }
}

/// Whatever the pieces, the packets are the same.
pub fn decode(data: &[u8]) {
    let Some((&[choice, count], rest)) = data.split_first_chunk::<2>() else { return };
    let Some((sizes, input)) = rest.split_at_checked(usize::from(count % 8) + 1) else { return };
    let framing = FRAMINGS.get(usize::from(choice % 5)).copied();
    let whole = run(decoder(framing), input, &[255]);
    let pieces = run(decoder(framing), input, sizes);
    assert_eq!(whole, pieces, "{framing:?}");
    // Each packet with data is at least that data on the wire.
    let data: usize =
        whole.0.iter().map(|packet| if let Packet::Data(data) = packet { data.len() } else { 0 }).sum();
    assert!(data <= input.len());
}

/// What is framed is found again, in every framing.
pub fn frame(data: &[u8]) {
    let Some((&repeat, rest)) = data.split_first() else { return };
    let long: Vec<u8>;
    let body = match repeat {
        // A few packets of more than one frame.
        0xff if !rest.is_empty() => {
            long = rest.repeat(0x1_1000 / rest.len());
            &long
        }
        _ => rest,
    };
    let parts: Vec<&[u8]> = body.chunks(usize::from(repeat) * 16 + 1).collect();
    for framing in FRAMINGS {
        let mut stream = Vec::new();
        framing.frame(&parts, &mut stream);
        stream.extend_from_slice(framing.heartbeat());
        framing.frame(&[b"\x90"], &mut stream);
        let mut limits = limits();
        limits.max_packet = 1 << 20;
        let (packets, end) = run(PacketDecoder::new(framing, &limits), &stream, &[200, 3, 255]);
        assert_eq!(end, "clean");
        let first = match body {
            [] => Packet::Heartbeat,
            body => Packet::Data(body.to_vec().into()),
        };
        assert_eq!(packets, [first, Packet::Heartbeat, Packet::Data((&b"\x90"[..]).into())], "{framing:?}");
    }
}
