//! Dumps.

use super::limits;
use hessian::dump::{Dump, Follow};
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
        in_pieces(data, || dump.follow_packets(framing));
    }
    in_pieces(data, || dump.follow_values());
    for is_whole in [false, true] {
        assert!(dump.recognise(data, is_whole).is_some() || !is_whole && data.len() < 4);
    }
}

/// However the bytes arrive, the lines are the same, and what fails fails. Not always at the same byte: of a text that is
/// none the parser may notice it at its beginning or where it goes wrong, so the line that tells it may be followed by one
/// of its bytes or not; where the lines end by their limit, as many packets more or less come before it.
fn in_pieces(data: &[u8], follow: impl Fn() -> Follow) {
    let fed = |size: usize| {
        let (mut follow, mut text) = (follow(), String::new());
        for piece in data.chunks(size) {
            follow.push(piece, &mut text).unwrap();
        }
        follow.finish(&mut text).unwrap();
        (follow, text)
    };
    let (whole, text) = fed(data.len().max(1));
    let (pieces, text_of_pieces) = fed(data.first().map_or(1, |&byte| 1 + usize::from(byte % 7)));
    assert_eq!(whole.failure().is_some(), pieces.failure().is_some(), "{text}\n{text_of_pieces}");
    let all_is_told = [&text, &text_of_pieces].iter().all(|text| text.lines().count() < MAX_LINES);
    assert!(!all_is_told || whole.packets() == pieces.packets(), "{text}\n{text_of_pieces}");
    assert!(whole.failure().is_some() || text == text_of_pieces, "{text}\n{text_of_pieces}");
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
