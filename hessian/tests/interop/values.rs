//! Java's random values, of every kind that its encoder can write, read by us.

use hessian::Graph;

use crate::peer::{self, Peer, difference};
use crate::random::Random;
use crate::trace::Item;
use crate::transcript::Reader;

const VALUES: usize = 12_000;

#[test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh codec"]
fn we_read_javas_values_whole_and_in_pieces() {
    let mut random = Random::new(0xc0de);
    let (mut values, mut bytes, mut items, mut references, mut lone) = (0, 0, 0, 0, 0);
    for frame in Peer::start(&["generate", "4711", &VALUES.to_string()]) {
        let whole = Reader::new()
            .packet(&frame.bytes)
            .unwrap_or_else(|error| panic!("value {values}, {}: {error}", frame.bytes.escape_ascii()));
        let pieces = Reader::new().packet_in_pieces(&frame.bytes, &mut random).unwrap_or_else(|error| {
            panic!("value {values} in pieces, {}: {error}", frame.bytes.escape_ascii())
        });
        assert!(
            whole == pieces,
            "value {values} in pieces says something else: {}",
            frame.bytes.escape_ascii()
        );
        references += whole.iter().filter(|item| matches!(item, Item::Reference(_))).count();
        // What we find is among what Java made (a map may have lost an entry to an equal key).
        let has_lone =
            whole.iter().any(|item| matches!(item, Item::Text(units) if String::from_utf16(units).is_err()));
        assert!(
            !has_lone || frame.tag & peer::LONE_SURROGATE != 0,
            "value {values}: {}",
            frame.bytes.escape_ascii()
        );
        lone += usize::from(has_lone);
        items += whole.len();
        bytes += frame.bytes.len();
        values += 1;
    }
    assert_eq!(values, VALUES);
    assert!(
        references > 1_000 && lone > 100,
        "{references} references and {lone} values with lone surrogates are too few"
    );
    println!(
        "{values} values, {bytes} bytes, {items} parts, {references} references, {lone} values with lone surrogates: Java's, read by us"
    );
}

/// Java's bytes to the generic graph and out of it again: the same bytes, so nothing was lost, neither order nor sharing nor cycles.
#[test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh codec"]
fn graphs_of_javas_values_encode_to_javas_bytes() {
    let (mut same, mut cut, mut bytes) = (0, 0, 0);
    for (index, frame) in Peer::start(&["generate", "1907", &VALUES.to_string()]).enumerate() {
        let input = frame.bytes.as_slice();
        let graph = Graph::from_slice(input)
            .unwrap_or_else(|error| panic!("value {index}, {}: {error}", input.escape_ascii()));
        let again =
            graph.to_vec().unwrap_or_else(|error| panic!("value {index}, {}: {error}", input.escape_ascii()));
        if frame.tag & peer::CUT_BINARY == 0 {
            assert!(again == input, "value {index}: {}", difference(input, &again));
            same += 1;
        } else {
            // The same value in other chunks, and no more of them than Java made.
            assert!(Graph::from_slice(&again).expect("what we wrote") == graph, "value {index}");
            assert!(
                again.len() <= input.len(),
                "value {index}: {} bytes became {}",
                input.len(),
                again.len()
            );
            cut += 1;
        }
        bytes += input.len();
    }
    assert_eq!(same + cut, VALUES);
    assert!(same >= 10_000, "only {same} values had comparable bytes");
    println!(
        "{same} values, {bytes} bytes: Java's, through our graph, the same bytes; {cut} in other chunks"
    );
}
