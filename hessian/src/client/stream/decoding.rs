//! The values of packets: class tables that live as long as a connection.

use super::event::Packet;
use crate::error::{Error, ErrorKind, Result};
use crate::grammar::Grammar;
use crate::limits::Limits;
use crate::stream::ValueDecoder;
use crate::table::Mark;
use crate::value::Graph;
use serde::Deserialize;

/// Decodes the packets of a listener, each connection's from empty tables.
#[derive(Debug)]
pub(super) struct Decoding<G> {
    limits: Limits,
    connection: u64,
    /// The number of the packet that has to come next.
    next: u64,
    /// Before the packet that came last, which may be decoded once more.
    before_last: Option<Mark>,
    values: ValueDecoder<G>,
}

impl<G: Grammar> Decoding<G> {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, connection: 0, next: 0, before_last: None, values: ValueDecoder::new(limits) }
    }

    pub(super) fn decode<'de, T: Deserialize<'de>>(&mut self, packet: &'de Packet) -> Result<T> {
        self.turn_to(packet)?.decode_bytes(&packet.data)
    }

    pub(super) fn graph<'de>(&mut self, packet: &'de Packet) -> Result<Graph<'de>> {
        self.turn_to(packet)?.graph(&packet.data)
    }

    pub(super) fn skip(&mut self, packet: &Packet) -> Result<()> {
        let mut values = self.turn_to(packet)?.deserializer(&packet.data)?;
        while !values.is_at_end() {
            values.skip()?;
        }
        Ok(())
    }

    /// Whether an earlier packet of this connection was malformed, so that none can be decoded any more.
    pub(super) fn is_broken(&self) -> bool {
        self.values.is_broken()
    }

    /// The tables as they have to be before `packet`.
    fn turn_to(&mut self, packet: &Packet) -> Result<&mut ValueDecoder<G>> {
        if packet.connection > self.connection {
            *self = Self { connection: packet.connection, ..Self::new(self.limits) };
        }
        let wrong = |what: &str| Err(Error::new(ErrorKind::Message(what.into())));
        if packet.connection < self.connection {
            return wrong("a packet of an earlier connection, whose class definitions are forgotten");
        }
        match (self.before_last, self.next.checked_sub(packet.number)) {
            (_, Some(0)) => {
                self.before_last = Some(self.values.mark());
                self.next += 1;
            }
            (Some(mark), Some(1)) => self.values.rewind(mark),
            (_, Some(_)) => return wrong("a packet before the one that was decoded last"),
            (_, None) => {
                return wrong(
                    "packets before this one were not decoded (nor skipped): they may define its classes",
                );
            }
        }
        Ok(&mut self.values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StreamEncoder;
    use crate::grammar::Final;
    use crate::packet::{Framing, Packet as Data, PacketDecoder};
    use serde::Serialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct A {
        a: i32,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct B {
        b: i32,
    }

    /// A, B, A of one connection.
    fn packets(connection: u64) -> Vec<Packet> {
        let mut stream = <StreamEncoder>::new(Framing::Ws);
        let mut out = bytes::BytesMut::new();
        stream.encode(&A { a: 1 }, &mut out).unwrap();
        stream.encode(&B { b: 2 }, &mut out).unwrap();
        stream.encode(&A { a: 3 }, &mut out).unwrap();
        let mut decoder = PacketDecoder::new(Framing::Ws, &Limits::new());
        let packets = std::iter::from_fn(|| decoder.decode(&mut out).unwrap());
        let packets = packets.enumerate().map(|(number, data)| match data {
            Data::Data(data) => Packet { data, position: None, connection, number: number as u64 },
            Data::Heartbeat => unreachable!(),
        });
        packets.collect()
    }

    #[test]
    fn the_last_packet_may_be_decoded_again_in_another_way() {
        let mut decoding = Decoding::<Final>::new(Limits::new());
        let packets = packets(1);
        for _ in 0..3 {
            assert_eq!(decoding.decode::<A>(&packets[0]).unwrap(), A { a: 1 });
        }
        decoding.decode::<A>(&packets[1]).unwrap_err();
        assert_eq!(decoding.decode::<B>(&packets[1]).unwrap(), B { b: 2 });
        assert_eq!(decoding.graph(&packets[1]).unwrap().root().type_name(), Some("B"));
        decoding.skip(&packets[1]).unwrap();
        assert_eq!(decoding.decode::<A>(&packets[2]).unwrap(), A { a: 3 });
    }

    #[test]
    fn what_would_be_decoded_wrong_is_refused() {
        let mut decoding = Decoding::<Final>::new(Limits::new());
        let (first, second) = (packets(1), packets(2));
        let refused = |result: Result<A>| result.unwrap_err().to_string();
        assert!(refused(decoding.decode(&first[2])).contains("not decoded"));
        decoding.skip(&first[0]).unwrap();
        assert!(refused(decoding.decode(&first[2])).contains("not decoded"));
        decoding.skip(&first[1]).unwrap();
        assert_eq!(decoding.decode::<A>(&first[2]).unwrap(), A { a: 3 });
        assert!(refused(decoding.decode(&first[1])).contains("before the one"));
        assert!(refused(decoding.decode(&first[0])).contains("before the one"));
        // Another connection begins with empty tables.
        assert!(refused(decoding.decode(&second[1])).contains("not decoded"));
        decoding.decode::<A>(&second[0]).unwrap();
        assert!(refused(decoding.decode(&first[2])).contains("earlier connection"));
        decoding.decode::<B>(&second[1]).unwrap();
    }
}
