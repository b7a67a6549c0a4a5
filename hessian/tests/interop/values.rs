//! Java's random values, of every kind that its encoder can write, read by us.

use crate::peer::{self, Peer};
use crate::random::Random;
use crate::transcript::{Item, Reader};

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
