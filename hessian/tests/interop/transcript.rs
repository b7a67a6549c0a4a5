//! What a value says, whatever the bytes in which it says it: cuts between chunks, definitions and table numbers are gone.

use hessian::{Limits, Parser, Step};

use crate::random::Random;
use crate::trace::{Item, Recorder};

/// Reads values of one stream, class and type tables included, and writes down what they say.
#[derive(Debug)]
pub(crate) struct Reader {
    parser: Parser,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self { parser: Parser::new(Limits::default()) }
    }

    /// The one value of a packet, which may stand anywhere in a stream.
    pub(crate) fn packet(&mut self, bytes: &[u8]) -> hessian::Result<Vec<Item>> {
        self.read(bytes, || usize::MAX)
    }

    /// The same, with the bytes handed over in pieces of random sizes.
    pub(crate) fn packet_in_pieces(
        &mut self,
        bytes: &[u8],
        random: &mut Random,
    ) -> hessian::Result<Vec<Item>> {
        let largest = random.pick(&[1, 3, 16, 1000]);
        self.read(bytes, || 1 + random.below(largest))
    }

    /// `arriving` tells how many bytes come in each time that those in hand are not enough.
    fn read(&mut self, bytes: &[u8], mut arriving: impl FnMut() -> usize) -> hessian::Result<Vec<Item>> {
        self.parser.next_packet();
        let mut recorder = Recorder::default();
        let (mut at, mut end) = (0, bytes.len().min(arriving()));
        loop {
            match self.parser.step(&bytes[at..end])? {
                Step::Event { event, used } => {
                    at += used;
                    recorder.event(&event, &self.parser);
                }
                Step::NeedMore { used, needed } => {
                    at += used;
                    assert!(needed > 0, "nothing is missing, yet the value is not done");
                    assert!(end < bytes.len(), "{needed} bytes are missing after the value's end, {end}");
                    end = bytes.len().min(end.saturating_add(arriving()));
                }
                Step::Done => {
                    assert_eq!(at, bytes.len(), "bytes are left after the value");
                    return Ok(recorder.items);
                }
            }
        }
    }
}
