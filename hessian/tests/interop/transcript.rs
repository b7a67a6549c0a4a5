//! What a value says, whatever the bytes in which it says it: cuts between chunks, definitions and table numbers are gone.

use hessian::{Event, Limits, Parser, Step};

use crate::random::Random;

/// One step of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    /// By its bits: NaN is equal to itself, -0.0 is not 0.0.
    Double(u64),
    Date(i64),
    /// UTF-16 units, as the wire counts them.
    Text(Vec<u16>),
    Binary(Vec<u8>),
    List(Option<String>),
    Map(Option<String>),
    Object(String, Vec<String>),
    Reference(u32),
    End,
}

/// Reads values of one stream, class and type tables included, and writes down what they say.
#[derive(Debug)]
pub(crate) struct Reader {
    parser: Parser,
    /// The string or binary of which pieces are still to come.
    text: Vec<u16>,
    binary: Vec<u8>,
}

impl Reader {
    pub(crate) fn new() -> Self {
        Self { parser: Parser::new(Limits::default()), text: Vec::new(), binary: Vec::new() }
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
        let mut items = Vec::new();
        let (mut at, mut end) = (0, bytes.len().min(arriving()));
        loop {
            match self.parser.step(&bytes[at..end])? {
                Step::Event { event, used } => {
                    at += used;
                    self.note(event, &mut items);
                }
                Step::NeedMore { used, needed } => {
                    at += used;
                    assert!(needed > 0, "nothing is missing, yet the value is not done");
                    assert!(end < bytes.len(), "{needed} bytes are missing after the value's end, {end}");
                    end = bytes.len().min(end.saturating_add(arriving()));
                }
                Step::Done => {
                    assert_eq!(at, bytes.len(), "bytes are left after the value");
                    return Ok(items);
                }
            }
        }
    }

    fn note(&mut self, event: Event<'_>, items: &mut Vec<Item>) {
        let type_name = |ty: Option<_>| ty.map(|ty| self.parser.type_name(ty).to_owned());
        items.push(match event {
            Event::Null => Item::Null,
            Event::Bool(value) => Item::Bool(value),
            Event::Int(value) => Item::Int(value),
            Event::Long(value) => Item::Long(value),
            Event::Double(value) => Item::Double(value.to_bits()),
            Event::Date(millis) => Item::Date(millis),
            Event::Text { text, last } => {
                self.text.extend(text.encode_utf16());
                if !last {
                    return;
                }
                Item::Text(std::mem::take(&mut self.text))
            }
            Event::Surrogate { unit, last } => {
                self.text.push(unit);
                if !last {
                    return;
                }
                Item::Text(std::mem::take(&mut self.text))
            }
            Event::Binary { bytes, last } => {
                self.binary.extend_from_slice(bytes);
                if !last {
                    return;
                }
                Item::Binary(std::mem::take(&mut self.binary))
            }
            Event::List { ty, .. } => Item::List(type_name(ty)),
            Event::Map { ty } => Item::Map(type_name(ty)),
            Event::Object { class } => Item::Object(
                self.parser.class_name(class).to_owned(),
                self.parser.field_names(class).map(str::to_owned).collect(),
            ),
            Event::Definition(_) => return,
            Event::Reference(to) => Item::Reference(to.0),
            Event::End => Item::End,
            other => panic!("an event that this test does not know: {other:?}"),
        });
    }
}
