//! Packet streams: ours read by `Hessian2StreamingInput`.

use hessian::ClassTable;
use hessian::packet::Framing;

use crate::peer::{self, Peer, difference};
use crate::random::Random;
use crate::tree::Any;

const PACKETS: usize = 12_000;

/// One stream with heartbeats, classes defined when first needed and known from then on. What Java reads from it, encoded by itself, must be
/// what each value is when encoded by itself.
#[test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh codec"]
fn java_reads_our_stream() {
    let mut random = Random::new(0x57ea);
    let mut classes = ClassTable::new();
    let mut knows = 0;
    let mut stream = Vec::new();
    let mut alone = Vec::new();
    for index in 0..PACKETS {
        let value = Any::of_kind(index, &mut random);
        let bytes = hessian::to_vec(&value).expect("nothing here is beyond Hessian");
        alone.push((bytes.len() > 8000 && value.has_binary(), bytes));
        let mut body = Vec::new();
        let needs = classes.encode(&value, &mut body).expect("nothing here is beyond Hessian");
        Framing::Ws.frame(&[classes.definitions(knows, needs), &body], &mut stream);
        knows = knows.max(needs);
        if random.one_in(8) {
            stream.extend_from_slice(Framing::Ws.heartbeat());
        }
    }
    let bytes = stream.len();
    let values = Peer::start_with(&["read-stream"], move |out| out.write_all(&stream));
    let mut read = 0;
    for (index, (frame, (cut, value))) in values.zip(&alone).enumerate() {
        let text = String::from_utf8_lossy(&frame.bytes);
        assert_eq!(frame.tag, peer::OK, "Java on packet {index}, {}: {text}", value.escape_ascii());
        assert!(*cut || frame.bytes == *value, "packet {index}: {}", difference(&frame.bytes, value));
        read += 1;
    }
    assert_eq!(read, PACKETS);
    println!("{read} packets, {bytes} bytes, {knows} classes: our stream to Java, all values as sent");
}
