//! Rust structs through serde → Java's classes → the same bytes again.

use crate::peer::{self, Frame, Peer, difference};
use crate::random::Random;
use crate::transcript::Reader;
use crate::tree::Any;

const VALUES: usize = 12_000;

#[test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh codec"]
fn structs_come_back_from_java_with_the_same_bytes() {
    let mut random = Random::new(0x5eed);
    let sent: Vec<Vec<u8>> = (0..VALUES)
        .map(|index| {
            hessian::to_vec(&Any::of_kind(index, &mut random)).expect("nothing here is beyond Hessian")
        })
        .collect();
    let requests = sent.clone();
    let answers = Peer::start_with(&["echo"], move |out| {
        requests.iter().try_for_each(|value| Frame::write(peer::OK, value, out))
    });
    let (mut same, mut cut) = (0, 0);
    for (index, (frame, value)) in answers.zip(&sent).enumerate() {
        let answer = String::from_utf8_lossy(&frame.bytes);
        assert_eq!(frame.tag, peer::OK, "Java on value {index}, {}: {answer}", value.escape_ascii());
        if frame.bytes == *value {
            same += 1;
        } else {
            // Java cuts a binary where its 8 KiB buffer ends: the same value in other chunks.
            assert!(value.len() > 8000, "value {index}: {}", difference(&frame.bytes, value));
            let read = |bytes: &[u8]| Reader::new().packet(bytes).expect("a value");
            assert!(read(&frame.bytes) == read(value), "value {index}: {}", difference(&frame.bytes, value));
            cut += 1;
        }
    }
    assert_eq!(same + cut, VALUES);
    assert!(same >= 10_000, "only {same} values had the same bytes");
    let bytes: usize = sent.iter().map(Vec::len).sum();
    println!(
        "{same} values, {bytes} bytes: Rust structs to Java objects and back, the same bytes; {cut} in other chunks"
    );
}
