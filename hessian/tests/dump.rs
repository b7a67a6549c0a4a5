//! Dumps against checked-in ones: `UPDATE_DUMPS=1 cargo test -p hessian --test dump` writes them anew.
#![cfg(feature = "dump")]

use hessian::dump::{Dump, Follow, Part};
use hessian::grammar::{Draft, One};
use hessian::packet::Framing;
use std::fmt::Write;

fn unhex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

fn vectors(file: &str) -> impl Iterator<Item = serde_json::Value> {
    let path = format!("{}/tests/vectors/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    // Some values are nested deeper than serde_json goes; other tests have them.
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<_>>().into_iter()
}

/// The bytes of a vector in one of its fields.
fn vector(file: &str, name: &str, field: &str) -> Vec<u8> {
    let vector = vectors(file).find(|vector| vector["name"] == name);
    unhex(vector.unwrap_or_else(|| panic!("no {name} in {file}"))[field].as_str().unwrap())
}

/// Titles and dumps, compared with a file.
struct Snapshot {
    name: &'static str,
    text: String,
}

impl Snapshot {
    fn new(name: &'static str) -> Self {
        Self { name, text: String::new() }
    }

    fn add(&mut self, title: &str, dump: impl std::fmt::Display) {
        let _ = write!(self.text, "## {title}\n\n{dump}\n");
    }

    fn check(self) {
        let path = format!("{}/tests/dumps/{}.txt", env!("CARGO_MANIFEST_DIR"), self.name);
        if std::env::var_os("UPDATE_DUMPS").is_some() {
            return std::fs::write(path, self.text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        for (line, (left, right)) in self.text.lines().zip(expected.lines()).enumerate() {
            assert_eq!(left, right, "{path}, line {}", line + 1);
        }
        assert_eq!(self.text.len(), expected.len(), "{path}");
    }
}

#[test]
fn values() {
    let dump = <Dump>::new();
    let mut snapshot = Snapshot::new("values");
    for (file, name) in [
        ("objects", "prims"),
        ("objects", "exception"),
        ("objects", "nested_def"),
        ("objects", "field_unicode"),
        ("maps", "odd_keys"),
        ("maps", "list_and_map_share_types"),
        ("lists", "typed_variable_1"),
        ("lists", "intint"),
        ("refs", "ring_3_extra"),
        ("refs", "cross_kind2"),
    ] {
        snapshot.add(name, dump.values(&vector(file, name, "hex")));
    }
    let long = "héllo \"wörld\"\n😀\0".repeat(3000);
    let long =
        hessian::to_vec(&(long.as_str(), hessian::Binary::from(vec![7; 100_000]), "\u{202e}evil")).unwrap();
    snapshot.add("long text and binary in chunks", dump.values(&long));
    snapshot.add("half a surrogate pair", dump.values(&unhex("02 61 eda080")));
    snapshot.add("two values of a packet", dump.values(&unhex("7990 5190")));
    snapshot.add("dates", dump.values(&unhex("4a000000d04b9284b8 4b80000000 4affffffffffffffff")));
    snapshot.check();
}

#[test]
fn failures() {
    let dump = <Dump>::new();
    let mut snapshot = Snapshot::new("failures");
    let object = vector("objects", "addstring", "hex");
    snapshot.add("cut in a string", dump.values(&object[..object.len() - 2]));
    snapshot.add("cut in a definition", dump.values(&object[..12]));
    snapshot.add("cut in an int of a list", dump.values(&unhex("7a 90 49 0000")));
    snapshot.add("a byte that is none", dump.values(&unhex("48 0161 40")));
    snapshot.add("no such class", dump.values(&unhex("7a 90 62 91")));
    snapshot.add("a reference to nothing", dump.values(&unhex("79 51 95")));
    snapshot.add("a map that lacks a value", dump.values(&unhex("48 0161 5a")));
    snapshot.add("a claim", dump.values(&unhex("58 49 7fffffff 90")));
    snapshot.add("a text that is none", dump.values(&unhex("7a 01 c341 90")));
    snapshot.add("a chunked string cut", dump.values(&unhex("52 0003 616263 53 0002 64")));
    let mut limits = hessian::Limits::new();
    limits.max_depth = 3;
    snapshot.add("deep", dump.clone().limits(limits).values(&[0x79; 1000]));
    snapshot.add("few lines", dump.clone().max_lines(5).values(&[0x90; 1000]));
    snapshot.add("nothing", dump.values(b""));
    snapshot.check();
}

#[test]
fn packets() {
    let dump = <Dump>::new();
    let mut snapshot = Snapshot::new("packets");
    let class = unhex("43 03612e42 91 0176 60 91");
    for framing in [Framing::Ws, Framing::P, Framing::Varint, Framing::Marked] {
        let mut stream = Vec::new();
        framing.frame(&[&class], &mut stream);
        stream.extend_from_slice(framing.heartbeat());
        framing.frame(&[&unhex("7a 60 92 5191")], &mut stream);
        snapshot.add(&format!("{framing:?}"), dump.packets(Some(framing), &stream));
        let recognised = dump.packets(None, &stream).to_string();
        assert!(framing == Framing::Varint || recognised == dump.packets(Some(framing), &stream).to_string());
    }
    let split = unhex("85 7e 0004 7a 03 61 62  80 7e 0001 63  00 02 5190  05 01 91");
    snapshot.add("a packet of three frames", dump.packets(None, &split));
    let mut tiny: Vec<u8> = [[0x80, 0x01, 0x91]; 20].concat();
    tiny.extend([0x00, 0x01, 0x92, 0x05, 0x03, 0x91]);
    snapshot.add("many frames, and one that is cut", dump.packets(Some(Framing::Ws), &tiny));
    snapshot.add("no header", dump.packets(Some(Framing::P), &unhex("50 0001 91 58")));
    snapshot.add("a cut header", dump.packets(Some(Framing::Ws), &unhex("05 01 91 05")));
    snapshot.add("a bad value, then a good one", dump.packets(None, &unhex("05 02 91 40 05 01 92")));
    snapshot.check();
}

#[test]
fn rpc() {
    let dump = <Dump>::new();
    let mut snapshot = Snapshot::new("rpc");
    for vector in vectors("rpc").filter(|vector| {
        ["h2_add", "h2_boom", "h1_boom", "h1_add", "h1reply2_boom"].iter().any(|name| vector["name"] == *name)
    }) {
        let name = vector["name"].as_str().unwrap();
        for field in ["request_hex", "reply_hex"] {
            if let Some(hex) = vector[field].as_str() {
                snapshot.add(&format!("{name}, {field}"), dump.rpc(&unhex(hex)));
            }
        }
    }
    for name in ["deflation_Integer_1", "deflation_headers_nonzero"] {
        snapshot.add(name, dump.rpc(&vector("envelope", name, "hex")));
    }
    snapshot.add("what follows", dump.rpc(&unhex("480200 52 4e 91")));
    snapshot.add("cut", dump.rpc(&unhex("480200 43 0161 92 91")));
    snapshot.add("a cut name", dump.rpc(&unhex("630100 6d0005 61")));
    snapshot.add("no message", dump.rpc(&unhex("4e4e")));
    snapshot.check();
}

#[test]
fn older_grammars() {
    let mut snapshot = Snapshot::new("older");
    for vector in vectors("draft").filter(|vector| {
        vector["name"].as_str().is_some_and(|name| {
            ["obj_in_obj", "cycle_pair", "type_table_shared", "alt_ref_R"].contains(&name)
        })
    }) {
        let Some(hex) = vector["hex"].as_str() else { continue };
        snapshot.add(vector["name"].as_str().unwrap(), Dump::<Draft>::new().values(&unhex(hex)));
    }
    snapshot
        .add("Hessian 1", Dump::<One>::new().values(&unhex("4d 740004 636c7373 530001 61 4900000001 7a")));
    snapshot.add("remote", Dump::<One>::new().values(&unhex("72 740005 6170692e54 530003 752f78")));
    snapshot.check();
}

/// Every vector, every malformed input, and each cut short everywhere: lines of bounded length, no panic; a value that
/// decodes is shown without a failure.
#[test]
fn every_input_has_a_dump() {
    let dump = <Dump>::new();
    let mut seen = 0;
    for file in ["scalars", "strings", "binary", "lists", "maps", "objects", "refs", "malformed"] {
        for vector in vectors(file) {
            let Some(hex) = vector["hex"].as_str() else { continue };
            let bytes = unhex(hex);
            let text = dump.values(&bytes).to_string();
            if file != "malformed" && vector.get("expect").is_none() {
                assert!(!text.contains("!!!"), "{}: {text}", vector["name"]);
            }
            for len in 0..bytes.len().min(400) {
                let text = dump.values(&bytes[..len]).to_string();
                let text = text
                    + &dump.rpc(&bytes[..len]).to_string()
                    + &dump.packets(None, &bytes[..len]).to_string();
                assert!(text.lines().all(|line| line.chars().count() < 800), "{text}");
            }
            seen += 1;
        }
    }
    assert!(seen > 900, "{seen}");
}

#[test]
fn surrogate_pairs_are_one_character() {
    let dump = <Dump>::new();
    let text = dump.values(b"\x02\xed\xa0\xbd\xed\xb8\x80").to_string();
    assert!(text.contains("string \"😀\" of 2 units"), "{text}");
    // Over two chunks; half a pair stays one.
    let text = dump.values(b"\x52\x00\x01\xed\xa0\xbd\x01\xed\xb8\x80").to_string();
    assert!(text.contains("\"😀\""), "{text}");
    let text = dump.values(b"\x02\xed\xa0\xbda").to_string();
    assert!(text.contains("\\u{fffd}d83da"), "{text}");
}

/// Each field of a wide class under its own name.
#[test]
fn wide_classes() {
    let mut bytes = b"C\x01W\xc9\x54".to_vec();
    for field in 0..340 {
        bytes.extend(format!("\x04f{field:03}").bytes());
    }
    for _ in 0..20 {
        bytes.push(b'`');
        bytes.extend([b'N'; 340]);
    }
    let text = <Dump>::new().max_lines(usize::MAX).values(&bytes).to_string();
    assert!(!text.contains("!!!"), "{text}");
    for field in [0, 1, 47, 338, 339] {
        assert_eq!(text.matches(&format!("f{field:03}: null")).count(), 20, "{field}");
    }
}

/// The lines do not depend on how the bytes arrive, and what fails fails at the same byte for the same reason.
#[test]
fn pieces_of_any_size_give_the_same_dump() {
    let dump = <Dump>::new();
    let check = |name: &str, bytes: &[u8], whole: String, follow: &dyn Fn() -> Follow| {
        let mut at_once = follow();
        at_once.push(bytes, &mut String::new()).unwrap();
        at_once.finish(&mut String::new()).unwrap();
        for size in [1, 2, 3, 7, 61, 1021] {
            let mut follow = follow();
            let mut text = String::new();
            for piece in bytes.chunks(size) {
                follow.push(piece, &mut text).unwrap();
            }
            follow.finish(&mut text).unwrap();
            // Of what follows a failure only so much is shown as has arrived; how much is missing is a lower bound.
            let reason = |follow: &Follow| {
                let failure = follow.failure()?;
                Some((failure.offset, failure.message.split(", at least").next().unwrap().to_owned()))
            };
            assert_eq!(reason(&follow), reason(&at_once), "{name}, pieces of {size}");
            assert_eq!(follow.packets(), at_once.packets(), "{name}, pieces of {size}");
            if follow.failure().is_none() {
                assert_eq!(text, whole, "{name}, pieces of {size}");
            }
        }
    };
    let mut seen = 0;
    for file in ["scalars", "strings", "binary", "lists", "maps", "objects", "refs", "malformed"] {
        for vector in vectors(file) {
            let Some(hex) = vector["hex"].as_str() else { continue };
            let (name, bytes) = (vector["name"].as_str().unwrap(), unhex(hex));
            check(name, &bytes, dump.values(&bytes).to_string(), &|| dump.follow_values());
            for framing in [Framing::Ws, Framing::P, Framing::Varint, Framing::Marked] {
                let mut stream = Vec::new();
                framing.frame(&[&bytes], &mut stream);
                framing.frame(&[], &mut stream);
                framing.frame(&[&bytes], &mut stream);
                let whole = dump.packets(Some(framing), &stream).to_string();
                check(name, &stream, whole, &|| dump.follow_packets(Some(framing)));
            }
            seen += 1;
        }
    }
    assert!(seen > 900, "{seen}");
}

/// What a decoder refuses the dump refuses: by the same limits, and in an empty frame of the `P` framing too.
#[test]
fn packets_have_the_limits_of_a_decoder() {
    let mut limits = hessian::Limits::new();
    limits.max_packet = 4;
    limits.max_empty_frames = 3;
    let dump = <Dump>::new().limits(limits);
    for (framing, stream, message) in [
        (Framing::Ws, "85 03 7a9091 00 03 929394", "limit max_packet = 4 reached"),
        (Framing::P, "70 0003 7a9091 50 0003 929394", "limit max_packet = 4 reached"),
        (Framing::Ws, "8500 8000 8000 8000 05 01 91", "limit max_empty_frames = 3 reached"),
        (Framing::P, "70 0001 7a 500000 500000 500000 500000", "limit max_empty_frames = 3 reached"),
    ] {
        let stream = unhex(stream);
        let mut follow = dump.follow_packets(Some(framing));
        follow.push(&stream, &mut String::new()).unwrap();
        assert_eq!(follow.failure().map(|failure| failure.message.as_str()), Some(message));
        assert!(follow.is_over());
        let mut decoder = <hessian::StreamDecoder>::new(Some(framing), limits);
        decoder.push(&stream);
        let error = loop {
            match decoder.next_packet() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{message}: the decoder wants more"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind().to_string(), message);
    }
}

#[test]
fn parts_are_marked() {
    let marked = <Dump>::new().marks(|part| match part {
        Part::Label => ["<", ">"],
        Part::Text | Part::Number | Part::Failure => ["[", "]"],
        _ => ["", ""],
    });
    let text = marked.values(b"H\x01a\x91\x01b\x40").to_string();
    let lines: Vec<_> = text.lines().map(|line| line[38..].trim_start()).collect();
    assert_eq!(
        lines,
        [
            "map (reference 0)",
            "<key> [string \"a\"]",
            "<value> [int 1]",
            "<key> [string \"b\"]",
            "<value> [!!! error: byte 0x40 where a value was expected]"
        ]
    );
}
