//! What hostile input costs: memory in proportion to the bytes that are there, whatever they claim.

use hessian::grammar::{Draft, Final, Grammar, One};
use hessian::{Graph, Limits, Parser, Step};
use peak_alloc::PeakAlloc;
use serde::de::IgnoredAny;
use std::path::Path;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Bytes of memory that decoding may take for each byte of input: a one-byte value is a cell of 24 bytes in a vector
/// that may be twice as long as it need be, twice while it grows; a one-byte container a node of 16.
const PER_BYTE: usize = 128;
/// The same whatever the input: tables, errors, small buffers.
const FIXED: usize = 16 << 10;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn measured(name: &str, how: &str, len: usize, run: impl FnOnce()) {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    run();
    let used = MEMORY.peak_usage() - before;
    let max = FIXED + PER_BYTE * len;
    if len >= 1000 {
        println!("{name}, {how}: {} bytes of memory a byte", used / len);
    }
    assert!(used <= max, "{name}, {how}: {used} bytes of memory for {len} of input, {max} allowed");
}

/// In every way to decode, with the default limits and with limits that refuse no length.
fn decodes<G: Grammar>(name: &str, bytes: &[u8]) {
    let mut wide = Limits::new();
    wide.max_elements = u64::MAX;
    wide.max_fields = u32::MAX;
    wide.max_string = u64::MAX;
    wide.max_binary = u64::MAX;
    for limits in [Limits::new(), wide] {
        measured(name, "as a graph", bytes.len(), || drop(Graph::from_slice_with::<G>(bytes, limits)));
        measured(name, "passed over", bytes.len(), || {
            let _ = hessian::de::from_slice_in::<G, IgnoredAny>(bytes, &limits);
        });
        measured(name, "as numbers", bytes.len(), || {
            let _ = hessian::de::from_slice_in::<G, Vec<i32>>(bytes, &limits);
        });
        measured(name, "as text", bytes.len(), || {
            let _ = hessian::de::from_slice_in::<G, Vec<String>>(bytes, &limits);
        });
        measured(name, "pushed", bytes.len(), || {
            let mut parser = Parser::<G>::new(limits);
            let mut at = 0;
            while let Ok(Step::Event { used, .. }) = parser.step(&bytes[at..]) {
                at += used;
            }
        });
    }
}

/// One test: the memory is that of the process.
#[test]
fn memory_is_in_proportion_to_the_input() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/malformed.jsonl");
    let mut lines = 0;
    for line in std::fs::read_to_string(path).unwrap().lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let Some(hex) = vector["hex"].as_str() else { continue };
        decodes::<Final>(vector["name"].as_str().unwrap(), &unhex(hex));
        lines += 1;
    }
    assert!(lines > 400, "{lines}");

    let bombs: [(&str, Vec<u8>); 13] = [
        ("200,000 nested lists", vec![0x79; 200_000]),
        ("200,000 nested open lists", vec![0x57; 200_000]),
        ("200,000 nested maps", vec![b'H'; 200_000]),
        ("a list of 2,147,483,647", unhex("58497fffffff")),
        ("an int[] of 2,147,483,647", unhex("56045b696e74497fffffff")),
        ("a class of 2,147,483,647 fields", unhex("430161497fffffff")),
        ("a string of 65,535 units, again and again", unhex("52ffff").repeat(1000)),
        ("empty chunks", unhex("520000").repeat(50_000)),
        ("100,000 classes without fields", unhex("430090").repeat(100_000)),
        ("a list of nulls", [unhex("584900030d40"), vec![b'N'; 200_000]].concat()),
        ("a list of empty lists", [unhex("584900030d40"), vec![0x78; 200_000]].concat()),
        ("an open list of empty maps", [unhex("57"), b"HZ".repeat(100_000)].concat()),
        ("objects of one byte", [unhex("43016190584900030d40"), vec![0x60; 200_000]].concat()),
    ];
    for (name, bytes) in &bombs {
        decodes::<Final>(name, bytes);
        decodes::<Draft>(name, bytes);
        decodes::<One>(name, bytes);
    }
    for (name, hex) in [("a list that claims 2,147,483,647", "566c7fffffff"), ("nested", "56")] {
        decodes::<One>(name, &unhex(hex).repeat(50_000));
        decodes::<Draft>(name, &unhex("566e7f").repeat(50_000));
    }
}
