//! Dumps.

use super::limits;
use hessian::dump::Dump;
use hessian::grammar::{Draft, Final, Grammar, One};
use hessian::packet::Framing;

/// Lines at most: few enough to be reached.
const MAX_LINES: usize = 64;

/// Whatever the bytes, there is a dump of them within its bound.
pub fn dump(data: &[u8]) {
    let final2 = explain::<Final>(data);
    let draft = explain::<Draft>(data);
    let one = explain::<One>(data);
    assert_eq!(data.is_empty(), final2.is_empty() && draft.is_empty() && one.is_empty());
    let dump = Dump::<Final>::new().limits(limits()).max_lines(MAX_LINES);
    bounded(&dump.rpc(data).to_string());
    for framing in [None, Some(Framing::Ws), Some(Framing::P), Some(Framing::Varint), Some(Framing::Marked)] {
        bounded(&dump.packets(framing, data).to_string());
    }
}

fn explain<G: Grammar>(data: &[u8]) -> String {
    let text = Dump::<G>::new().limits(limits()).max_lines(MAX_LINES).values(data).to_string();
    bounded(&text);
    text
}

fn bounded(text: &str) {
    assert!(text.lines().count() <= MAX_LINES, "{text}");
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
}
