//! Lines of packet streams.

use super::Effort;
use super::decode::{self, Fed};
use super::model::{Model, Recorder, array};
use bytes::BytesMut;
use hessian::grammar::Grammar;
use hessian::packet::{Framing, Packet, PacketDecoder};
use hessian::{Parser, StreamDecoder};
use serde_json::Value as Json;

/// What a packet holds.
#[derive(Debug)]
struct Found {
    len: u64,
    /// `None` when it is malformed.
    values: Option<Vec<Model>>,
    error: String,
}

/// A line with `packets`: through the decoder whole, cut, byte by byte and in pieces of other sizes.
pub(crate) fn check<G: Grammar>(line: &Json, bytes: &[u8], effort: Effort) -> Result<(), String> {
    let framing = match line["framing"].as_str() {
        Some("ws") => Framing::Ws,
        Some("p") => Framing::P,
        Some("varint") => Framing::Varint,
        Some("marked") => Framing::Marked,
        other => return Err(format!("a framing that is not known: {other:?}")),
    };
    cuts(framing, bytes, effort)?;
    let note = line["note"].as_str().unwrap_or_default();
    if note.contains("read as thousandths by everybody since") {
        // For ten days of August 2008 Java wrote 5f with a float. Nothing tells it from thousandths.
        return stream::<G>(&thousandths(line, bytes), framing, bytes, 1);
    }
    if note.contains("boundaries not honoured") || note.contains("boundaries are not honoured") {
        return joined::<G>(line, framing, bytes);
    }
    if framing == Framing::P && note.contains("ended by an empty P") {
        // No reader of the time ended a message there: its values come together with those of the next one.
        return joined::<G>(&together(line), framing, bytes);
    }
    for size in [bytes.len().max(1), 1, 3, 1000] {
        stream::<G>(line, framing, bytes, size).map_err(|reason| {
            if size == bytes.len() { reason } else { format!("in pieces of {size} bytes: {reason}") }
        })?;
    }
    Ok(())
}

/// After each byte the packets are those of the same bytes come at once, and whether the stream may end there is told
/// alike. Long streams are only given byte by byte.
fn cuts(framing: Framing, bytes: &[u8], effort: Effort) -> Result<(), String> {
    let mut decoder = PacketDecoder::new(framing, &decode::limits());
    let mut buffer = BytesMut::new();
    let mut packets = 0;
    for cut in 0..=bytes.len() {
        if let Some(at) = cut.checked_sub(1) {
            buffer.extend_from_slice(&bytes[at..cut]);
        }
        let told = told(&mut decoder, &mut buffer);
        packets += told.packets;
        if told.packets > 1 {
            return Err(format!("byte {cut} of {} ends {} packets", bytes.len(), told.packets));
        }
        if bytes.len() <= effort.all {
            let mut fresh = PacketDecoder::new(framing, &decode::limits());
            let at_once = self::told(&mut fresh, &mut BytesMut::from(&bytes[..cut]));
            if at_once != (Told { packets, ..told }) {
                return Err(format!(
                    "cut at byte {cut} of {}: {at_once:?}, byte by byte {told:?}",
                    bytes.len()
                ));
            }
        }
        if told.failed {
            break;
        }
    }
    Ok(())
}

/// What a decoder says of the bytes it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Told {
    packets: usize,
    /// The stream may end here.
    between: bool,
    failed: bool,
}

fn told(decoder: &mut PacketDecoder, buffer: &mut BytesMut) -> Told {
    let mut packets = 0;
    let failed = loop {
        match decoder.decode(buffer) {
            Ok(Some(_)) => packets += 1,
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    Told { packets, between: !failed && buffer.is_empty() && decoder.is_between_packets(), failed }
}

fn stream<G: Grammar>(line: &Json, framing: Framing, bytes: &[u8], size: usize) -> Result<(), String> {
    let mut decoder = StreamDecoder::<G>::new(Some(framing), decode::limits());
    let mut parser = Parser::<G>::new(decode::limits());
    let mut found = Vec::new();
    let mut failed = None;
    'input: for piece in bytes.chunks(size) {
        decoder.push(piece);
        loop {
            match decoder.next_packet() {
                Ok(Some(Packet::Heartbeat)) => {
                    found.push(Found { len: 0, values: Some(Vec::new()), error: String::new() });
                }
                Ok(Some(Packet::Data(data))) => {
                    let packet = packet(&mut decoder, &mut parser, &data)?;
                    let malformed = packet.values.is_none();
                    found.push(packet);
                    if malformed {
                        failed = Some("a packet is malformed".to_owned());
                        break 'input;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    failed = Some(error.to_string());
                    break 'input;
                }
            }
        }
    }
    let end = match (&failed, decoder.finish()) {
        (Some(_), _) => "error",
        (None, Ok(())) => "clean",
        (None, Err(error)) if error.is_incomplete() => "incomplete",
        (None, Err(_)) => "error",
    };
    compare(array(&line["packets"])?, &found)?;
    if line["end"] != end {
        let why = failed.unwrap_or_default();
        return Err(format!("the stream ends {}, found {end} {why}", line["end"]));
    }
    Ok(())
}

/// Decodes a packet at once and through the push parser byte by byte: both have to say the same.
fn packet<G: Grammar>(
    decoder: &mut StreamDecoder<G>,
    parser: &mut Parser<G>,
    data: &[u8],
) -> Result<Found, String> {
    let graph = decoder.graph(data);
    parser.next_packet();
    let mut recorder = Recorder::default();
    let mut at = 0;
    let mut pushed = Ok(());
    while at < data.len() && pushed.is_ok() {
        match decode::feed(parser, &mut recorder, &data[at..], 1)? {
            Fed::Value { used, .. } => at += used,
            Fed::Incomplete => pushed = Err("incomplete".to_owned()),
            Fed::Error(error) => pushed = Err(error.to_string()),
        }
        parser.next_value();
    }
    let len = data.len() as u64;
    match (graph, pushed) {
        (Ok(graph), Ok(())) => {
            let values = Model::from_graph(&graph);
            let pushed = recorder.finish()?;
            if pushed.len() != values.len() {
                return Err(format!("{} values pushed, {} at once", pushed.len(), values.len()));
            }
            for (value, pushed) in values.iter().zip(&pushed) {
                if let Some(difference) = value.difference(pushed) {
                    return Err(format!("pushed: {difference}"));
                }
            }
            Ok(Found { len, values: Some(values), error: String::new() })
        }
        (Err(error), Err(_)) => Ok(Found { len, values: None, error: error.to_string() }),
        (Ok(_), Err(error)) => Err(format!("a packet is read at once, but pushed: {error}")),
        (Err(error), Ok(())) => Err(format!("a packet is read when pushed, but at once: {error}")),
    }
}

/// The line with all its values in one packet.
fn together(line: &Json) -> Json {
    let packets = line["packets"].as_array().map(Vec::as_slice).unwrap_or_default();
    let values: Vec<_> =
        packets.iter().filter_map(|packet| packet["values"].as_array()).flatten().cloned().collect();
    let len: u64 = packets.iter().filter_map(|packet| packet["payload_len"].as_u64()).sum();
    serde_json::json!({ "packets": [{ "payload_len": len, "values": values }] })
}

/// A stream in which a value goes on over the end of its packet: only all its data together is a value.
fn joined<G: Grammar>(line: &Json, framing: Framing, bytes: &[u8]) -> Result<(), String> {
    let mut decoder = PacketDecoder::new(framing, &decode::limits());
    let mut buffer = BytesMut::from(bytes);
    let mut data = Vec::new();
    while let Some(packet) = decoder.decode(&mut buffer).map_err(|error| error.to_string())? {
        if let Packet::Data(packet) = packet {
            data.extend_from_slice(&packet);
        }
    }
    let mut values = StreamDecoder::<G>::new(Some(framing), decode::limits());
    let found = packet(&mut values, &mut Parser::new(decode::limits()), &data)?;
    compare(array(&line["packets"])?, &[found])
}

/// The line as every later reader understands it.
fn thousandths(line: &Json, bytes: &[u8]) -> Json {
    let mut line = line.clone();
    if let [.., 0x5f, a, b, c, d] = *bytes {
        let value = 0.001 * f64::from(i32::from_be_bytes([a, b, c, d]));
        line["packets"][0]["values"][0]["bits"] = format!("{:016x}", value.to_bits()).into();
    }
    line
}

fn compare(expected: &[Json], found: &[Found]) -> Result<(), String> {
    for (index, expected) in expected.iter().enumerate() {
        let Some(found) = found.get(index) else {
            return Err(format!("{index} packets found, another one expected: {expected}"));
        };
        if expected["payload_len"].as_u64().is_some_and(|len| len != found.len) {
            return Err(format!(
                "packet {index}: {} bytes expected, found {}",
                expected["payload_len"], found.len
            ));
        }
        let malformed = expected.get("error").is_some();
        match &found.values {
            None if malformed => {}
            None => return Err(format!("packet {index}: {}", found.error)),
            Some(_) if malformed => return Err(format!("packet {index}: an error expected")),
            Some(values) => {
                let expected = array(&expected["values"])?;
                if expected.len() != values.len() {
                    return Err(format!(
                        "packet {index}: {} values expected, found {}",
                        expected.len(),
                        values.len()
                    ));
                }
                for (expected, value) in expected.iter().zip(values) {
                    if let Some(difference) = Model::from_json(expected)?.difference_among(value) {
                        return Err(format!("packet {index}: {difference}"));
                    }
                }
            }
        }
    }
    match found.get(expected.len()) {
        Some(more) => Err(format!("{} packets expected, another one found: {more:?}", expected.len())),
        None => Ok(()),
    }
}
