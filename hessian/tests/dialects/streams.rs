//! Streams as the Java of 2007 to 2009 wrote them.

use super::vector;
use hessian::grammar::{Draft, Final, Grammar, Tutorial};
use hessian::packet::{Framing, Packet};
use hessian::{ClassTable, Limits, StreamDecoder};
use serde::Serialize;

/// Each packet's values (none for a heartbeat), and how the stream ended.
fn packets<G: Grammar>(
    framing: Framing,
    bytes: &[u8],
    size: usize,
) -> (Vec<Vec<String>>, Result<(), hessian::Error>) {
    let mut decoder = StreamDecoder::<G>::new(Some(framing), Limits::new());
    let mut packets = Vec::new();
    for piece in bytes.chunks(size) {
        decoder.push(piece);
        loop {
            let packet = match decoder.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(error) => return (packets, Err(error)),
            };
            match packet {
                Packet::Heartbeat => packets.push(Vec::new()),
                Packet::Data(data) => match decoder.graph(&data) {
                    Ok(graph) => packets.push(vector::shown(&graph)),
                    Err(error) => return (packets, Err(error)),
                },
            }
        }
    }
    let end = decoder.finish();
    (packets, end)
}

/// Values without their numbers: the vectors begin anew with each value of a packet that has several, as Java does.
fn unnumbered(values: &[String]) -> Vec<String> {
    let without = |value: &String| {
        value.split('#').map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit())).collect()
    };
    values.iter().map(without).collect()
}

#[test]
fn every_stream_decodes() {
    let mut checked = [0; 3];
    for (name, line) in vector::lines("streaming-legacy") {
        let bytes = vector::bytes(&line);
        let framing = match line["framing"].as_str().unwrap() {
            "p" => Framing::P,
            "varint" => Framing::Varint,
            "marked" => Framing::Marked,
            other => panic!("{other}"),
        };
        let mut expected: Vec<Vec<String>> = Vec::new();
        for packet in line["packets"].as_array().unwrap() {
            if packet.get("error").is_none() {
                expected.push(packet["values"].as_array().unwrap().iter().map(vector::described).collect());
            }
        }
        for size in [bytes.len(), 1, 7] {
            let (found, end) = match line["grammar"].as_str().unwrap() {
                "draft" | "draft-2007-10" => packets::<Draft>(framing, &bytes, size),
                _ => packets::<Final>(framing, &bytes, size),
            };
            // Where the vector joins packets against their marks, this decoder keeps to the marks.
            if name.ends_with("object_over_two_P") {
                assert!(found.is_empty() && end.unwrap_err().is_incomplete(), "{name}");
            } else if name == "pf_float5f_window" {
                // Ten days of August 2008; thousandths to everybody since.
                assert_eq!(found, [[format!("double {:016x}", (0.001 * f64::from(0x3f00_0000)).to_bits())]]);
            } else if name.ends_with("chunk_ends_P0") {
                assert_eq!(
                    found.iter().map(|values| unnumbered(values)).collect::<Vec<_>>(),
                    [unnumbered(&expected.concat())],
                    "{name}"
                );
                end.unwrap();
            } else {
                assert_eq!(found.len(), expected.len(), "{name} in pieces of {size}");
                for (found, expected) in found.iter().zip(&expected) {
                    if expected.len() < 2 {
                        assert_eq!(found, expected, "{name} in pieces of {size}");
                    }
                    assert_eq!(unnumbered(found), unnumbered(expected), "{name} in pieces of {size}");
                }
                match line["end"].as_str().unwrap() {
                    "clean" => end.unwrap_or_else(|error| panic!("{name}: {error}")),
                    "incomplete" => assert!(end.as_ref().unwrap_err().is_incomplete(), "{name}: {end:?}"),
                    _ => assert!(end.is_err(), "{name}"),
                }
            }
        }
        checked[match framing {
            Framing::P => 0,
            Framing::Varint => 1,
            _ => 2,
        }] += 1;
    }
    println!("streaming-legacy.jsonl: p {}, varint {}, marked {}", checked[0], checked[1], checked[2]);
    assert_eq!(checked.iter().sum::<i32>(), 113);
}

/// The class `example.AddString` of the tutorial.
#[derive(Serialize)]
#[serde(rename = "example.AddString")]
struct AddString {
    value: Option<String>,
}

#[test]
fn the_tutorial_is_written_as_java_wrote_it() {
    for grammar in ["draft", "final"] {
        let name = if grammar == "draft" { "pd_addstring_3" } else { "pf_addstring_3" };
        let line = vector::lines("streaming-legacy").into_iter().find(|(found, _)| found == name).unwrap().1;
        let values = line["packets"].as_array().unwrap().iter();
        let values = values.map(|packet| packet["values"][0]["f"][0][1]["v"].as_str().map(str::to_owned));
        let written = match grammar {
            "draft" => hub::<Tutorial>(values),
            _ => hub::<Final>(values),
        };
        assert_eq!(super::hex(&written), super::hex(&vector::bytes(&line)), "{name}");
    }
}

/// Values of one class, its definition hoisted and sent with the first.
fn hub<G: Grammar>(values: impl Iterator<Item = Option<String>>) -> Vec<u8> {
    let mut table = ClassTable::<G>::in_grammar();
    let mut known = 0;
    let mut out = Vec::new();
    for value in values {
        let mut body = Vec::new();
        let needs = table.encode(&AddString { value }, &mut body).unwrap();
        Framing::P.frame(&[table.definitions(known, needs), &body], &mut out);
        known = known.max(needs);
    }
    assert_eq!(known, 1);
    out
}
