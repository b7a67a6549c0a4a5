//! Streams as Java's `Hessian2StreamingOutput` wrote them, written again.

use hessian::grammar::{Draft, Final, Grammar};
use hessian::packet::{Framing, Packet};
use hessian::typed::{As, IntArray, LongArray};
use hessian::{
    ErrorKind, Graph, GraphBuilder, Limits, Shared, StreamDecoder, StreamEncoder, from_slice, hessian,
};
use serde::{Serialize, Serializer};

struct Line {
    name: String,
    framing: Framing,
    is_draft: bool,
    bytes: Vec<u8>,
    json: serde_json::Value,
}

fn lines(file: &str) -> impl Iterator<Item = Line> {
    let path = format!("{}/tests/vectors/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<_> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    lines.into_iter().filter_map(|json: serde_json::Value| {
        let digits = json["hex"].as_str()?;
        let bytes =
            (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap());
        let framing = match json["framing"].as_str()? {
            "ws" => Framing::Ws,
            "p" => Framing::P,
            "varint" => Framing::Varint,
            _ => Framing::Marked,
        };
        let is_draft = json["grammar"] == "draft";
        let name = json["name"].as_str()?.to_owned();
        Some(Line { name, framing, is_draft, bytes: bytes.collect(), json })
    })
}

/// The stream decoded and encoded again.
fn again<G: Grammar>(line: &Line) -> Vec<u8> {
    let mut decoder = StreamDecoder::<G>::new(Some(line.framing), Limits::new());
    let mut encoder = StreamEncoder::<G>::new(line.framing);
    let mut out = Vec::new();
    decoder.push(&line.bytes);
    while let Some(packet) = decoder.next_packet().unwrap() {
        match packet {
            Packet::Heartbeat => encoder.heartbeat(&mut out),
            Packet::Data(data) => encoder.encode_graph(&decoder.graph(&data).unwrap(), &mut out).unwrap(),
        }
    }
    out
}

/// What Java wrote in frames of its own choice (its buffer is 8 KiB, of old 1 KiB or 4 KiB) is not compared.
#[test]
fn streams_are_those_of_java() {
    let mut checked = Vec::new();
    for line in lines("streaming") {
        if line.json["note"] == "Hessian2StreamingOutput.writeObject" {
            checked.push(line);
        }
    }
    assert_eq!(checked.len(), 8);
    let fits = |line: &Line| line.bytes.len() < 1000;
    let is_javas =
        |line: &Line| line.json["source"].as_str().is_some_and(|source| source.starts_with("java"));
    for line in lines("streaming-legacy") {
        let later = ["draft-2007-10"].iter().any(|grammar| line.json["grammar"] == *grammar);
        if is_javas(&line) && !later && line.json["end"] == "clean" && fits(&line) {
            checked.push(line);
        }
    }
    let mut packets = 0;
    for line in &checked {
        let written = if line.is_draft { again::<Draft>(line) } else { again::<Final>(line) };
        assert_eq!(written, line.bytes, "{}", line.name);
        packets += line.json["packets"].as_array().unwrap().len();
    }
    println!("{} streams, {packets} packets: the bytes of Java", checked.len());
    for framing in [Framing::Ws, Framing::P, Framing::Varint, Framing::Marked] {
        assert!(checked.iter().any(|line| line.framing == framing), "{framing:?}");
    }
    assert!(checked.iter().any(|line| line.is_draft) && packets > 50, "{packets}");
}

#[derive(Serialize)]
#[serde(rename = "x.Tick")]
struct Tick {
    symbol: &'static str,
    #[serde(with = "As::<IntArray>")]
    sizes: Vec<i32>,
}

/// Names a class and a type of its own and a shared value, then fails, one way or another.
#[derive(Serialize)]
#[serde(rename = "x.Broken")]
struct Broken {
    #[serde(with = "As::<LongArray>")]
    longs: Vec<i64>,
    shared: Shared<Vec<i32>>,
    #[serde(serialize_with = "fail")]
    how: How,
}

#[derive(Clone, Copy)]
enum How {
    Fails,
    Panics,
    Works,
}

fn fail<S: Serializer>(how: &How, serializer: S) -> Result<S::Ok, S::Error> {
    match how {
        How::Fails => Err(serde::ser::Error::custom("no")),
        How::Panics => panic!("a Serialize implementation panics"),
        How::Works => serializer.serialize_unit(),
    }
}

#[test]
fn typed_values_and_graphs_are_the_same_stream() {
    fn both<G: Grammar>(framing: Framing) {
        let (mut typed, mut generic) = (StreamEncoder::<G>::new(framing), StreamEncoder::<G>::new(framing));
        let (mut one, mut other, mut last) = (Vec::new(), Vec::new(), 0);
        for (index, symbol) in ["A", "B", "C"].into_iter().enumerate() {
            typed.encode(&Tick { symbol, sizes: vec![1, 2] }, &mut one).unwrap();
            typed.heartbeat(&mut one);
            let graph = hessian!("x.Tick" { symbol: symbol, sizes: "[int" [1, 2] });
            generic.encode_graph(&graph, &mut other).unwrap();
            generic.heartbeat(&mut other);
            assert_eq!(one, other, "{framing:?}, packet {index}");
            // The class is defined, and the type named, once.
            let has = |name: &[u8]| one[last..].windows(name.len()).any(|bytes| bytes == name);
            assert_eq!([has(b"x.Tick"), has(b"[int")], [index == 0; 2], "{framing:?}, packet {index}");
            last = one.len();
        }
        assert_eq!(typed.framing(), framing);
    }
    for framing in [Framing::Ws, Framing::P, Framing::Varint, Framing::Marked] {
        both::<Final>(framing);
        both::<Draft>(framing);
    }
}

/// The packets of a stream as graphs.
fn graphs(bytes: &[u8]) -> Vec<Graph<'static>> {
    let mut decoder = <StreamDecoder>::new(Some(Framing::Ws), Limits::new());
    decoder.push(bytes);
    let mut graphs = Vec::new();
    while let Some(packet) = decoder.next_packet().unwrap() {
        if let Packet::Data(data) = packet {
            graphs.push(decoder.graph(&data).unwrap().into_owned());
        }
    }
    decoder.finish().unwrap();
    graphs
}

#[test]
fn a_packet_that_fails_leaves_no_trace() {
    let shared = Shared::new(vec![7]);
    let broken = |how| Broken { longs: vec![1], shared: shared.clone(), how };
    let mut stream = <StreamEncoder>::new(Framing::Ws);
    let mut out = Vec::new();
    stream.encode(&Tick { symbol: "A", sizes: vec![1] }, &mut out).unwrap();
    let first = out.clone();
    let error = stream.encode(&broken(How::Fails), &mut out).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Message(_)), "{error}");
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        stream.encode(&broken(How::Panics), &mut out)
    }));
    assert!(caught.is_err());
    assert_eq!(out, first);
    // What was known is known, what was not is defined now, values of the packet before are written anew.
    stream.encode(&broken(How::Works), &mut out).unwrap();
    stream.encode(&(Tick { symbol: "B", sizes: vec![2] }, broken(How::Works)), &mut out).unwrap();
    let graphs = graphs(&out);
    assert_eq!(graphs[0], hessian!("x.Tick" { symbol: "A", sizes: "[int" [1] }));
    let longs = hessian!("x.Broken" { longs: "[long" [1_i64], shared: [7], how: null });
    assert_eq!(graphs[1], longs);
    assert_eq!(graphs[2].root().index(1).unwrap().to_graph(), longs);
    let count = |name: &[u8]| out.windows(name.len()).filter(|bytes| *bytes == name).count();
    assert_eq!([count(b"x.Tick"), count(b"x.Broken"), count(b"[int"), count(b"[long")], [1; 4]);
}

#[test]
fn a_large_packet_is_cut_into_frames() {
    let mut stream = <StreamEncoder>::new(Framing::Ws);
    let mut out = Vec::new();
    let text = "x".repeat(200_000);
    stream.encode(&text, &mut out).unwrap();
    stream.encode(&1, &mut out).unwrap();
    assert_eq!(out[..4], [0x85, 0x7e, 0xff, 0xff]);
    assert_eq!(graphs(&out)[0].root().as_str(), Some(&*text));
    assert_eq!(out[out.len() - 3..], [0x05, 0x01, 0x91]);
    assert!(from_slice::<i32>(&out[out.len() - 1..]).is_ok());
}

/// More classes than a reader would take.
#[test]
fn classes_of_a_stream_are_bounded() {
    let mut stream = <StreamEncoder>::new(Framing::Ws);
    let mut out = Vec::new();
    let object = |index: i32| {
        let mut graph = GraphBuilder::new();
        let object = graph.object(&format!("x.C{index}"), [("value", index.into())]);
        graph.finish(object)
    };
    for index in 0..4096 {
        stream.encode_graph(&object(index), &mut out).unwrap();
    }
    let len = out.len();
    let error = stream.encode_graph(&object(4096), &mut out).unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Limit { limit: "max_classes", max: 4096 });
    assert_eq!(out.len(), len);
    // Known ones go on.
    stream.encode_graph(&object(4095), &mut out).unwrap();
    assert_eq!(graphs(&out).last().unwrap().root().get("value").unwrap().as_i32(), Some(4095));
}
