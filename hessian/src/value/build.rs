//! Events to a graph.

use super::{Class, Graph, Node, Remote, Span, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, Event, RefId, TypeId};
use crate::grammar::Grammar;
use crate::limits::Limits;
use crate::parser::{Core, Step};
use crate::table::Tables;
use crate::utf16;
use std::collections::HashMap;

/// Builds a graph from the values of a slice.
///
/// Children are collected on a scratch stack and moved when their container ends, so that the values of each node
/// stand one after the other.
#[derive(Debug)]
pub(crate) struct Builder<'t, G> {
    core: Core<G>,
    tables: &'t mut Tables,
    limits: &'t Limits,
}

impl<'t, G: Grammar> Builder<'t, G> {
    pub(crate) fn new(tables: &'t mut Tables, limits: &'t Limits) -> Self {
        Self { core: Core::new(), tables, limits }
    }

    /// Reads one value; tells how many bytes it took.
    pub(crate) fn read_one<'de>(mut self, input: &'de [u8]) -> Result<(Graph<'de>, usize)> {
        let mut building = Building::default();
        let used = self.value(&mut building, input)?;
        Ok((building.finish(self.tables), used))
    }

    /// Reads all values of a packet.
    pub(crate) fn read_all<'de>(mut self, input: &'de [u8]) -> Result<Graph<'de>> {
        let mut building = Building::default();
        let mut at = 0;
        while at < input.len() {
            at += self.value(&mut building, &input[at..])?;
            self.core.next_value();
        }
        Ok(building.finish(self.tables))
    }

    fn value<'de>(&mut self, building: &mut Building<'de>, input: &'de [u8]) -> Result<usize> {
        let mut at = 0;
        loop {
            match self.core.step(self.tables, self.limits, &input[at..])? {
                Step::Event { event, used } => {
                    at += used;
                    building.add(event);
                }
                Step::NeedMore { needed, .. } => {
                    return Err(Error::at(self.core.offset(), ErrorKind::Incomplete { needed }));
                }
                Step::Done => return Ok(at),
            }
        }
    }
}

/// A graph in the making.
#[derive(Debug, Default)]
pub(crate) struct Building<'de> {
    nodes: Vec<Node>,
    values: Vec<Value<'de>>,
    /// Values whose container has not ended.
    scratch: Vec<Value<'de>>,
    /// Containers that have not ended: number, and where their values begin on the scratch.
    open: Vec<(u32, usize)>,
    /// The string in the making, when it comes in pieces.
    text: Option<Pieces>,
    bytes: Option<Vec<u8>>,
    /// The type of a remote object whose address is being read.
    remote: Option<Option<TypeId>>,
    /// How many remote objects have a type.
    remotes: usize,
    /// Set when the graph is a part of a packet: numbers on the wire are not those of its nodes then.
    part: Option<Box<Part>>,
}

/// A part of a packet.
#[derive(Debug)]
struct Part {
    /// Numbers on the wire to nodes.
    nodes: HashMap<u32, u32>,
    /// Number on the wire of the next container.
    next: u32,
    /// Numbers of containers that are referred to but were not met (yet).
    outside: Vec<u32>,
}

/// A string that comes in pieces.
#[derive(Debug)]
enum Pieces {
    Text {
        text: String,
        high: Option<u16>,
    },
    /// It has half a surrogate pair.
    Utf16(Vec<u16>),
}

impl<'de> Building<'de> {
    /// For a value inside a packet whose first list, map or object has this number there.
    pub(crate) fn of_part(next: u32) -> Self {
        let part = Part { nodes: HashMap::new(), next, outside: Vec::new() };
        Self { part: Some(Box::new(part)), ..Self::default() }
    }

    /// The number of a container outside of what was read that belongs to the graph.
    pub(crate) fn next_outside(&mut self) -> Option<u32> {
        self.part.as_mut()?.outside.pop()
    }

    /// The container of this number comes.
    pub(crate) fn begin_outside(&mut self, number: u32) {
        if let Some(part) = &mut self.part {
            part.next = number;
        }
    }

    /// It came; whoever refers to it names it already.
    pub(crate) fn end_outside(&mut self) {
        self.scratch.pop();
    }

    #[inline]
    pub(crate) fn add(&mut self, event: Event<'de>) {
        let value = match event {
            Event::Null => Value::Null,
            Event::Bool(value) => Value::Bool(value),
            Event::Int(value) => Value::Int(value),
            Event::Long(value) => Value::Long(value),
            Event::Double(value) => Value::Double(value),
            Event::Date(millis) => Value::Date(millis),
            Event::Text { text, last: true } if self.text.is_none() => Value::Str(text),
            Event::Text { text, last } => {
                let pieces = self.text.get_or_insert_with(Pieces::new);
                pieces.push(text);
                match self.text.take_if(|_| last) {
                    Some(pieces) => pieces.finish(),
                    None => return,
                }
            }
            Event::Surrogate { unit, last } => {
                let pieces = self.text.get_or_insert_with(Pieces::new);
                pieces.push_surrogate(unit);
                match self.text.take_if(|_| last) {
                    Some(pieces) => pieces.finish(),
                    None => return,
                }
            }
            Event::Binary { bytes, last: true } if self.bytes.is_none() => Value::Binary(bytes),
            Event::Binary { bytes, last } => {
                let joined = self.bytes.get_or_insert_default();
                joined.extend_from_slice(bytes);
                match self.bytes.take_if(|_| last) {
                    Some(joined) => Value::OwnedBinary(joined.into()),
                    None => return,
                }
            }
            Event::List { ty, len } => {
                return self.open(Node::List { ty, items: Span::default(), open: len.is_none() });
            }
            Event::Map { ty } => return self.open(Node::Map { ty, entries: Span::default() }),
            Event::Object { class } => return self.open(Node::Object { class, fields: Span::default() }),
            Event::Definition(_) => return,
            Event::Remote { ty } => {
                self.remotes += usize::from(ty.is_some());
                self.remote = Some(ty);
                return;
            }
            Event::Reference(id) => Value::Node(self.referred(id)),
            Event::End => self.close(),
        };
        let value = match self.remote.take() {
            None => value,
            Some(ty) => Value::Remote(Box::new(Remote { ty, url: value })),
        };
        self.scratch.push(value);
    }

    #[expect(clippy::cast_possible_truncation, reason = "at most max_containers")]
    fn open(&mut self, node: Node) {
        let mut id = self.nodes.len() as u32;
        if let Some(part) = &mut self.part {
            id = *part.nodes.entry(part.next).or_insert(id);
            part.next += 1;
        }
        self.open.push((id, self.scratch.len()));
        match self.nodes.get_mut(id as usize) {
            Some(known) => *known = node,
            None => self.nodes.push(node),
        }
    }

    /// The node of a number on the wire.
    #[expect(clippy::cast_possible_truncation, reason = "at most max_containers")]
    fn referred(&mut self, id: RefId) -> RefId {
        let Some(part) = &mut self.part else { return id };
        let node = part.nodes.entry(id.0).or_insert_with(|| {
            part.outside.push(id.0);
            // Its place; what it is comes later.
            self.nodes.push(Node::List { ty: None, items: Span::default(), open: false });
            self.nodes.len() as u32 - 1
        });
        RefId(*node)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most one value a byte, and packets are below 4 GiB"
    )]
    fn close(&mut self) -> Value<'de> {
        let Some((id, from)) = self.open.pop() else { return Value::Null };
        let span = Span { start: self.values.len() as u32, len: (self.scratch.len() - from) as u32 };
        self.values.extend(self.scratch.drain(from..));
        match &mut self.nodes[id as usize] {
            Node::List { items, .. } => *items = span,
            Node::Map { entries, .. } => *entries = span,
            Node::Object { fields, .. } => *fields = span,
        }
        Value::Node(RefId(id))
    }

    /// Copies the names that the graph uses; its numbers for them start at 0.
    fn finish(self, tables: &Tables) -> Graph<'de> {
        self.finish_in(&[], tables)
    }

    /// The same where names may have stayed in the input.
    pub(crate) fn finish_in(mut self, input: &[u8], tables: &Tables) -> Graph<'de> {
        let mut classes = Numbers::default();
        let mut types = Numbers::default();
        for node in &mut self.nodes {
            match node {
                Node::List { ty: Some(ty), .. } | Node::Map { ty: Some(ty), .. } => {
                    *ty = TypeId(types.number(ty.0))
                }
                Node::Object { class, .. } => *class = ClassId(classes.number(class.0)),
                _ => {}
            }
        }
        if self.remotes > 0 {
            for value in self.values.iter_mut().chain(&mut self.scratch) {
                if let Value::Remote(remote) = value {
                    remote.ty = remote.ty.map(|ty| TypeId(types.number(ty.0)));
                }
            }
        }
        let class = |&number: &u32| {
            let class = ClassId(number);
            Class {
                name: tables.class_name(input, class).into(),
                fields: tables.field_names(input, class).map(Into::into).collect(),
            }
        };
        Graph {
            roots: self.scratch.into_iter().collect(),
            nodes: self.nodes,
            values: self.values,
            classes: classes.used.iter().map(class).collect(),
            types: types.used.iter().map(|&number| tables.type_name(TypeId(number)).into()).collect(),
        }
    }
}

/// Numbers of a stream to numbers of a graph, in the order of their first use.
#[derive(Debug, Default)]
struct Numbers {
    used: Vec<u32>,
    by_stream: Vec<Option<u32>>,
}

impl Numbers {
    #[expect(clippy::cast_possible_truncation, reason = "at most max_classes, max_types")]
    fn number(&mut self, stream: u32) -> u32 {
        let index = stream as usize;
        if self.by_stream.len() <= index {
            self.by_stream.resize(index + 1, None);
        }
        *self.by_stream[index].get_or_insert_with(|| {
            self.used.push(stream);
            self.used.len() as u32 - 1
        })
    }
}

impl Pieces {
    fn new() -> Self {
        Self::Text { text: String::new(), high: None }
    }

    fn push(&mut self, piece: &str) {
        if piece.is_empty() {
            return;
        }
        match self {
            Self::Text { text, high: None } => text.push_str(piece),
            Self::Text { .. } => {
                self.widen();
                self.push(piece);
            }
            Self::Utf16(units) => units.extend(piece.encode_utf16()),
        }
    }

    fn push_surrogate(&mut self, unit: u16) {
        match self {
            Self::Text { high: high @ None, .. } if utf16::is_high(unit) => *high = Some(unit),
            Self::Text { text, high } => match high.and_then(|high| utf16::pair(high, unit)) {
                Some(character) => {
                    text.push(character);
                    *high = None;
                }
                None => {
                    self.widen();
                    self.push_surrogate(unit);
                }
            },
            Self::Utf16(units) => units.push(unit),
        }
    }

    /// There is half a pair: go on in UTF-16.
    fn widen(&mut self) {
        if let Self::Text { text, high } = self {
            *self = Self::Utf16(text.encode_utf16().chain(*high).collect());
        }
    }

    fn finish<'de>(mut self) -> Value<'de> {
        if let Self::Text { high: Some(_), .. } = self {
            self.widen();
        }
        match self {
            Self::Text { text, .. } => Value::OwnedStr(text.into()),
            Self::Utf16(units) => Value::Utf16(units.into()),
        }
    }
}
