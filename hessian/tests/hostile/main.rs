//! What hostile input costs: memory in proportion to the bytes that are there, whatever they claim, and a clear end.

mod inputs;
#[cfg(feature = "json")]
mod json;
mod ways;

use allocation_counter::measure;
use hessian::dump::Dump;
use hessian::grammar::{Draft, Final, Grammar, One};
use hessian::{Limits, Result};
use inputs::{Input, Reaches};
use serde::de::IgnoredAny;
use std::fmt::Write;
use std::path::Path;

/// Bytes of memory that decoding may take for each byte of input: a one-byte value is 32 bytes in a vector that may be
/// twice as long as it need be, three times while it grows.
const PER_BYTE: usize = 128;
/// The same whatever the input: tables, errors, small buffers.
const FIXED: usize = 16 << 10;
/// What references may lead to again, and what may be inflated, in these tests: bytes.
const EXPANSION: usize = 1 << 18;
/// The path of an error has at most so many names of 1,000 bytes, twice while it is written.
const PATH: usize = 128 * 1000 * 2;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Runs it, and checks the memory it had at once.
fn bounded(name: &str, how: &str, len: usize, more: usize, run: impl FnOnce()) {
    let used = usize::try_from(measure(run).bytes_max).unwrap();
    let max = FIXED + PER_BYTE * len + more;
    assert!(used <= max, "{name}, {how}: {used} bytes of memory for {len} of input, {max} allowed");
}

/// The default limits, but for what would only make the test take longer.
fn limits() -> Limits {
    let mut limits = Limits::new();
    limits.max_expansion = EXPANSION as u64;
    limits.max_inflated = EXPANSION as u64;
    limits
}

fn check(inputs: Vec<Input>) {
    assert!(!inputs.is_empty());
    for Input { name, bytes, ways, reaches } in inputs {
        let more = match reaches {
            None => 0,
            Some(Reaches::Expansion | Reaches::Inflated) => PER_BYTE * EXPANSION,
            Some(Reaches::Path) => PATH,
        };
        for ((how, way), expected) in ways {
            let mut end = String::new();
            bounded(name, how, bytes.len(), more, || end = ways::end(&way(&bytes, &limits())));
            assert_eq!(end, expected, "{name}, {how}");
        }
    }
}

#[test]
fn values_end_as_they_must_within_their_memory() {
    check(inputs::values());
}

#[test]
fn messages_end_as_they_must_within_their_memory() {
    check(inputs::messages());
}

#[cfg(feature = "json")]
#[test]
fn json_ends_as_it_must_within_its_memory() {
    check(json::inputs());
}

/// A binary passes through a parser chunk by chunk, however long it is.
#[test]
fn a_gibibyte_passes_through_in_constant_memory() {
    const CHUNK: usize = 0xffff;
    let mut limits = Limits::new();
    limits.max_binary = u64::MAX;
    let chunk = [&b"A\xff\xff"[..], &vec![7; CHUNK]].concat();
    let chunks = (1 << 30) / CHUNK + 1;
    let (mut passed, mut parser) = (0, hessian::Parser::<Final>::new(limits));
    bounded("1 GiB", "pushed", 0, 0, || {
        for number in 0..=chunks {
            // In pieces that end anywhere.
            let bytes = if number < chunks { &chunk[..] } else { &b"\x20"[..] };
            let (mut at, mut end) = (0, bytes.len().min(4096 + number));
            while at < bytes.len() {
                match parser.step(&bytes[at..end]).unwrap() {
                    hessian::Step::Event { event: hessian::Event::Binary { bytes, .. }, used } => {
                        passed += bytes.len();
                        at += used;
                    }
                    hessian::Step::NeedMore { used, needed } => {
                        at += used;
                        end = bytes.len().min(end + needed.max(4096));
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    });
    assert_eq!(passed, chunks * CHUNK);
    assert!(passed >= 1 << 30);
}

/// In every way to decode, with the default limits and with limits that refuse no length.
fn decodes<G: Grammar>(name: &str, bytes: &[u8], more: usize) {
    let mut wide = limits();
    wide.max_elements = u64::MAX;
    wide.max_fields = u32::MAX;
    wide.max_string = u64::MAX;
    wide.max_binary = u64::MAX;
    type How<'a> = (&'a str, fn(&[u8], &Limits) -> Result<()>);
    let hows: [How<'_>; 7] = [
        ("as a graph", ways::graph::<G>),
        ("as a tree", ways::typed::<G>),
        ("pushed", ways::push::<G>),
        ("explained", dump::<G>),
        ("passed over", |bytes, limits| hessian::de::from_slice_in::<G, IgnoredAny>(bytes, limits).map(drop)),
        ("as numbers", |bytes, limits| hessian::de::from_slice_in::<G, Vec<i32>>(bytes, limits).map(drop)),
        ("as text", |bytes, limits| hessian::de::from_slice_in::<G, Vec<String>>(bytes, limits).map(drop)),
    ];
    for limits in [limits(), wide] {
        for (how, decode) in hows {
            bounded(name, how, bytes.len(), more, || drop(decode(bytes, &limits)));
        }
    }
}

/// Explained, up to the default number of lines; the text is thrown away.
fn dump<G: Grammar>(bytes: &[u8], limits: &Limits) -> Result<()> {
    struct Nowhere;

    impl Write for Nowhere {
        fn write_str(&mut self, _: &str) -> std::fmt::Result {
            Ok(())
        }
    }

    write!(Nowhere, "{}", Dump::<G>::new().limits(*limits).values(bytes)).expect("a dump never fails");
    Ok(())
}

#[test]
fn other_grammars_and_malformed_values_take_no_more() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/malformed.jsonl");
    let mut lines = 0;
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let Some(hex) = vector["hex"].as_str() else { continue };
        decodes::<Final>(vector["name"].as_str().unwrap(), &unhex(hex), 0);
        lines += 1;
    }
    assert!(lines > 400, "{lines}");

    for Input { name, bytes, reaches, .. } in inputs::values() {
        // Longer ones differ in nothing but the time that they take.
        if bytes.len() < 1_000_000 {
            let more = if reaches.is_some() { PATH + PER_BYTE * EXPANSION } else { 0 };
            decodes::<Final>(name, &bytes, more);
            decodes::<Draft>(name, &bytes, more);
            decodes::<One>(name, &bytes, more);
        }
    }
    for (name, hex) in [("a list that claims 2,147,483,647", "566c7fffffff"), ("nested", "56")] {
        decodes::<One>(name, &unhex(hex).repeat(50_000), 0);
        decodes::<Draft>(name, &unhex("566e7f").repeat(50_000), 0);
    }
}

/// One definition of long names, then objects of a few bytes, each decoded by itself: the names are there once.
#[test]
fn graphs_and_exceptions_do_not_copy_names() {
    const OBJECTS: usize = 10_000;
    /// A graph with its vectors, in a vector that grows. A copy of the names would be 6,000 more.
    const EACH: usize = 1_500;
    let long = "\u{8a9e}".repeat(1000);
    let mut definition = b"C\x33\xe8".to_vec();
    definition.extend_from_slice(long.as_bytes());
    definition.extend_from_slice(b"\x93\x0ddetailMessage\x0astackTrace\x33\xe8");
    definition.extend_from_slice(long.as_bytes());
    let mut bytes = b"X\xd4".to_vec();
    bytes.extend_from_slice(&u16::try_from(OBJECTS).unwrap().to_be_bytes());
    bytes.extend(definition);
    (0..OBJECTS).for_each(|_| bytes.extend_from_slice(b"\x60NNN"));
    let max = FIXED + EACH * OBJECTS;
    let used = |decode: fn(&[u8]) -> Result<usize>| {
        let mut decoded = 0;
        let used = measure(|| decoded = decode(&bytes).unwrap()).bytes_max;
        assert_eq!(decoded, OBJECTS);
        usize::try_from(used).unwrap()
    };
    let graphs = used(|bytes| Ok(hessian::from_slice::<Vec<hessian::Graph<'_>>>(bytes)?.len()));
    let exceptions = used(|bytes| Ok(hessian::from_slice::<Vec<hessian::java::Throwable>>(bytes)?.len()));
    assert!(graphs <= max && exceptions <= max, "{graphs}, {exceptions} bytes, {max} allowed");
}
