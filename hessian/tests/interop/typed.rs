//! Rust structs through serde → Java's classes → the same bytes again.

use crate::peer::{self, Frame, Peer, difference};
use crate::random::Random;
use crate::tree::Any;

const VALUES: usize = 12_000;

#[test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh codec"]
fn structs_come_back_from_java_with_the_same_bytes() {
    let mut random = Random::new(0x5eed);
    let values: Vec<Any> = (0..VALUES).map(|index| Any::of_kind(index, &mut random)).collect();
    let cuttable: Vec<bool> = values.iter().map(Any::has_binary).collect();
    let sent: Vec<Vec<u8>> =
        values.iter().map(|value| hessian::to_vec(value).expect("nothing here is beyond Hessian")).collect();
    let requests = sent.clone();
    let answers = Peer::start_with(&["echo"], move |out| {
        requests.iter().try_for_each(|value| Frame::write(peer::OK, value, out))
    });
    let (mut compared, mut cut) = (0, 0);
    for (index, (frame, value)) in answers.zip(&sent).enumerate() {
        let answer = String::from_utf8_lossy(&frame.bytes);
        assert_eq!(frame.tag, peer::OK, "Java on value {index}, {}: {answer}", value.escape_ascii());
        // Java cuts a binary where its 8 KiB buffer ends; what such a value is worth is compared as a graph elsewhere.
        if value.len() > 8000 && cuttable[index] {
            cut += 1;
            continue;
        }
        assert!(frame.bytes == *value, "value {index}: {}", difference(&frame.bytes, value));
        compared += 1;
    }
    assert_eq!(compared + cut, VALUES);
    assert!(compared >= 10_000, "only {compared} values were comparable");
    let bytes: usize = sent.iter().map(Vec::len).sum();
    println!(
        "{compared} values of {VALUES}, {bytes} bytes: Rust structs to Java objects and back, all the same"
    );
}
