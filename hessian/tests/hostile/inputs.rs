//! Inputs made to cost a decoder far more than their sender. `cargo run --release -p benches --bin hostile` measures them.

use super::ways::{MESSAGES, VALUES, Way};
use hessian::packet::Framing;

/// Values, packets or messages, and what becomes of them.
pub(crate) struct Input {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    /// The ways that it goes in, and how it ends in each.
    pub(crate) ways: Vec<(Way, &'static str)>,
    /// A limit up to which it may take memory though its bytes are few, if one is meant to be reached.
    pub(crate) reaches: Option<Reaches>,
}

/// Limits that bound more memory than the input has bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reaches {
    Expansion,
    Inflated,
    /// The name of each of up to `max_depth` fields stands in the error.
    Path,
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap_or_default())
        .collect()
}

fn int(value: u32) -> Vec<u8> {
    [&b"I"[..], &value.to_be_bytes()].concat()
}

/// Hessian 2 values: through serde, as a graph, through the push parser, from a stream of packets.
pub(crate) fn values() -> Vec<Input> {
    let mut inputs = Vec::new();
    let mut add = |name, bytes: Vec<u8>, ends: [&'static str; 4]| {
        let ways = VALUES.into_iter().zip(ends).collect();
        inputs.push(Input { name, bytes, ways, reaches: None });
    };
    let all = |end| [end; 4];
    let list = |count: u32, item: &[u8]| [b"X".to_vec(), int(count), item.repeat(count as usize)].concat();

    // Nesting.
    add("200,000 lists in each other", vec![0x79; 200_000], all("max_depth"));
    add("200,000 open lists in each other", vec![b'W'; 200_000], all("max_depth"));
    add("200,000 maps, each the key of one", vec![b'H'; 200_000], all("max_depth"));
    let class = unhex("430161910162");
    add("200,000 objects in each other", [class, vec![0x60; 200_000]].concat(), all("max_depth"));
    let long = "n".repeat(1000);
    let class = [b"C\x01a\x91\x33\xe8", long.as_bytes()].concat();
    add("128 objects in fields of long names", [class, vec![0x60; 200]].concat(), all("max_depth"));

    // Claims.
    add("`58 49 7f ff ff ff`: a list of 2,147,483,647", unhex("58497fffffff"), all("max_elements"));
    add("an `int[]` of 2,147,483,647", unhex("56045b696e74497fffffff"), all("max_elements"));
    add("a list of 16,777,216, within the limit", unhex("584901000000"), all("incomplete"));
    add("a list of -1", unhex("5849ffffffff"), all("a negative length"));
    add("a class of 2,147,483,647 fields", unhex("430161497fffffff"), all("max_fields"));
    add("an object of class 2,147,483,647", unhex("4f497fffffff"), all("an unknown class"));
    add("reference 2,147,483,647", unhex("51497fffffff"), all("an unknown reference"));
    add("a string of 65,535 units, not there", unhex("53ffff"), all("incomplete"));
    add("strings of 65,535 units, 1,000 times", unhex("52ffff").repeat(1000), all("invalid text"));
    add("a binary of 65,535 bytes, not there", unhex("42ffff"), all("incomplete"));

    // Tables.
    let classes = |count: u32, fields: &[u8]| -> Vec<u8> {
        (0..count).flat_map(|number| [format!("C\x06{number:06}").as_bytes(), fields].concat()).collect()
    };
    add("100,000 classes without fields", classes(100_000, b"\x90"), all("max_classes"));
    add("one class, 100,000 times", unhex("430090").repeat(100_000), all("incomplete"));
    let fields = [&b"\xcc\x00"[..], &[0; 1024]].concat();
    add("1,000 classes of 1,024 fields without names", classes(1000, &fields), all("max_names"));
    let fields = [b"\x91\x33\xe8", long.as_bytes()].concat();
    add("2,000 classes with a field of 1,000 letters", classes(2000, &fields), all("max_names"));
    let types = (0..10_000).flat_map(|number| format!("\x70\x04{number:04}").into_bytes());
    add("10,000 types of empty lists", [b"W".to_vec(), types.collect()].concat(), all("max_types"));

    // Chunks.
    let chunk = [&b"R\xff\xff"[..], &[b'a'; 0xffff]].concat();
    add("a string that never ends, 19 MB", chunk.repeat(300), all("max_string"));
    add("a string of 100,000 empty chunks", unhex("520000").repeat(100_000), all("incomplete"));
    add("a string of chunks of one unit", unhex("52000161").repeat(100_000), all("incomplete"));
    add("100,000 halves of surrogate pairs", halves(100_000), ["half a pair", "value", "value", "value"]);
    let chunk = [&b"A\xff\xff"[..], &[0; 0xffff]].concat();
    add("a binary that never ends, 72 MB", chunk.repeat(1100), all("max_binary"));
    add("a binary of 100,000 empty chunks", unhex("410000").repeat(100_000), all("incomplete"));

    // One byte each.
    add("200,000 nulls", list(200_000, b"N"), all("value"));
    add("5,000,000 nulls", list(5_000_000, b"N"), ["value", "max_values", "value", "max_values"]);
    add("200,000 empty lists", list(200_000, b"\x78"), all("value"));
    let containers = ["max_containers", "max_values", "max_containers", "max_values"];
    add("5,000,000 empty lists", list(5_000_000, b"\x78"), containers);
    add("100,000 empty maps", list(100_000, b"HZ"), all("value"));
    add(
        "200,000 objects without fields",
        [b"C\x01a\x90".to_vec(), list(200_000, b"\x60")].concat(),
        all("value"),
    );
    add(
        "a map with 100,000 lists as keys",
        [b"H".to_vec(), b"\x78N".repeat(100_000), b"Z".to_vec()].concat(),
        all("value"),
    );
    add(
        "a map with 100,000 times the same key",
        [b"H".to_vec(), b"\x01aN".repeat(100_000), b"Z".to_vec()].concat(),
        all("value"),
    );

    // References.
    let cycle = ["a cycle", "value", "value", "value"];
    add("a list that contains itself", unhex("795190"), cycle);
    add(
        "5,000 references to an empty list",
        [b"X".to_vec(), int(5001), b"\x78".to_vec(), b"Q\x91".repeat(5000)].concat(),
        all("value"),
    );
    let expands = ["max_expansion", "value", "value", "value"];
    add("100 lists, each twice in the one around it", doubling(100), expands);
    let nulls = list(60_000, b"N");
    let bomb = [b"X".to_vec(), int(60_001), nulls, b"Q\x91".repeat(60_000)].concat();
    add("60,000 references to 60,000 nulls", bomb, expands);
    for input in &mut inputs {
        if input.ways[0].1 == "max_expansion" {
            input.reaches = Some(Reaches::Expansion);
        }
        if input.name.ends_with("long names") {
            input.reaches = Some(Reaches::Path);
        }
    }
    inputs
}

/// One string of so many units, none of which has its other half.
fn halves(count: usize) -> Vec<u8> {
    let unit = [0xed, 0xa0, 0x80];
    let mut left = count;
    let mut bytes = Vec::new();
    while left > 0 {
        let len = left.min(0x8000);
        left -= len;
        bytes.push(if left > 0 { b'R' } else { b'S' });
        bytes.extend((len as u16).to_be_bytes());
        bytes.extend(unit.repeat(len));
    }
    bytes
}

/// `[a, a]` where `a` is `[b, b]`, and so on: 2^depth values.
fn doubling(depth: u8) -> Vec<u8> {
    let mut bytes = vec![0x7a; depth.into()];
    bytes.extend(b"NN");
    for number in (1..depth).rev() {
        bytes.extend([b'Q', 0xc8, number]);
    }
    bytes
}

/// Streams of packets, calls, replies and envelopes.
pub(crate) fn messages() -> Vec<Input> {
    let mut inputs = Vec::new();
    let mut add = |way: &str, name, bytes: Vec<u8>, end| {
        let way = MESSAGES.into_iter().find(|(name, _)| *name == way);
        let ways = way.into_iter().map(|way| (way, end)).collect();
        inputs.push(Input { name, bytes, ways, reaches: None });
    };

    // Packets.
    let frame = [&b"\x80\x7e\xff\xff"[..], &[b'N'; 0xffff]].concat();
    add(
        "StreamDecoder",
        "a packet that claims 2,147,483,647 bytes",
        unhex("057f000000007fffffff"),
        "max_packet",
    );
    add("StreamDecoder", "a packet that claims 2^63 bytes", unhex("057f8000000000000000"), "max_packet");
    add(
        "StreamDecoder",
        "a packet that claims 60 MiB, not there",
        unhex("057f0000000003c00000"),
        "incomplete",
    );
    add(
        "StreamDecoder",
        "a packet that never ends, 72 MB",
        [unhex("857e0000"), frame.repeat(1100)].concat(),
        "max_packet",
    );
    add(
        "StreamDecoder",
        "a packet of frames of one byte",
        [unhex("857e0000"), b"\x80\x01N".repeat(100_000)].concat(),
        "incomplete",
    );
    add(
        "StreamDecoder",
        "frames without data",
        [unhex("857e0000"), b"\x80\x00".repeat(100_000)].concat(),
        "max_empty_frames",
    );
    add("StreamDecoder", "100,000 heartbeats", Framing::Ws.heartbeat().repeat(100_000), "value");
    add(
        "StreamDecoder",
        "5,000 packets that define a class each",
        (0..5000)
            .flat_map(|number| [b"\x05\x08C\x04", format!("{number:04}").as_bytes(), b"\x90N"].concat())
            .collect(),
        "max_classes",
    );
    add("StreamDecoder", "5,000 packets that define one class", b"\x05\x04C\x00\x90N".repeat(5000), "value");
    add("StreamDecoder", "frames without data (`p`)", b"p\x00\x00".repeat(100_000), "max_empty_frames");
    add("StreamDecoder", "a length of ten groups (varint)", vec![0xff; 10], "an invalid frame");
    add(
        "StreamDecoder",
        "a length of ten groups (marked)",
        [vec![0x80], vec![0xff; 10]].concat(),
        "an invalid frame",
    );

    // Calls, replies, envelopes.
    let nested = vec![0x79; 200_000];
    add("Call", "a call of 2,147,483,647 arguments", unhex("48020043016d497fffffff"), "MAX_ARGUMENTS");
    add(
        "Call",
        "a method's name in 100,000 chunks",
        [unhex("48020043"), unhex("52000161").repeat(100_000)].concat(),
        "max_name",
    );
    add(
        "Call",
        "100,000 headers (Hessian 1)",
        [unhex("630100"), unhex("480001614e").repeat(100_000)].concat(),
        "MAX_HEADERS",
    );
    add(
        "Call",
        "100,000 arguments (Hessian 1)",
        [unhex("6301006d000161"), vec![b'N'; 100_000]].concat(),
        "MAX_ARGUMENTS",
    );
    add("Reply", "a reply of 200,000 lists in each other", [unhex("48020052"), nested].concat(), "max_depth");
    add(
        "Reply",
        "a fault of 100,000 entries (Hessian 1)",
        [unhex("72010066"), vec![b'N'; 200_000]].concat(),
        "MAX_ARGUMENTS",
    );
    add("Envelope", "an envelope of 2,147,483,647 headers", unhex("48020045016d497fffffff"), "MAX_HEADERS");
    let mut bomb = Vec::new();
    hessian::envelope::deflate(&vec![0; 80 << 20], &mut bomb);
    add("Envelope", "80 MiB of zeros, deflated", bomb, "max_inflated");

    for input in &mut inputs {
        if input.ways[0].1 == "max_inflated" {
            input.reaches = Some(Reaches::Inflated);
        }
    }
    inputs
}
