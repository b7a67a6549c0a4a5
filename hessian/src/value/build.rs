//! Events to a graph.

use super::{Class, Graph, Node, Remote, RemoteId, Span, Value};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, Event, RefId, TypeId};
use crate::grammar::Grammar;
use crate::limits::Limits;
use crate::parser::{Core, EventSink, Step};
use crate::table::Tables;
use crate::utf16;
use std::collections::HashMap;
use std::sync::Arc;

/// Builds a graph from the values of a slice.
///
/// The children of each open container are collected in a vector of its own and moved when it ends, so that the values
/// of each node stand one after the other.
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

    /// Passes over `bytes` that somebody else has read.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.core.start_at(self.core.offset() + bytes as u64, self.core.containers());
    }

    /// Adds one value to those of a message; tells how many bytes it took.
    pub(crate) fn read_next<'de>(&mut self, building: &mut Building<'de>, input: &'de [u8]) -> Result<usize> {
        let used = self.value(building, input)?;
        self.core.next_value();
        Ok(used)
    }

    /// The graph of the values that were read.
    pub(crate) fn finish<'de>(self, building: Building<'de>) -> Graph<'de> {
        building.finish(self.tables)
    }

    /// Reads one value; tells how many bytes it took.
    pub(crate) fn read_one<'de>(mut self, input: &'de [u8]) -> Result<(Graph<'de>, usize)> {
        let mut building = Building::new(self.limits.max_values);
        let used = self.value(&mut building, input)?;
        Ok((building.finish(self.tables), used))
    }

    /// Reads all values of a packet. Graphs of other packets of the stream share the names.
    pub(crate) fn read_all<'de>(mut self, input: &'de [u8]) -> Result<Graph<'de>> {
        let mut building = Building::new(self.limits.max_values);
        let mut at = 0;
        while at < input.len() {
            at += self.value(&mut building, &input[at..])?;
            self.core.next_value();
        }
        Ok(building.finish_in(&[], self.tables))
    }

    fn value<'de>(&mut self, building: &mut Building<'de>, input: &'de [u8]) -> Result<usize> {
        let start = self.core.offset();
        match self.core.run(self.tables, self.limits, input, building) {
            Ok(Step::NeedMore { needed, .. }) => {
                let error = Error::at(self.core.offset(), ErrorKind::Incomplete { needed });
                Err(building.in_open(error, &[], self.tables))
            }
            Err(error) => Err(building.in_open(error, &[], self.tables)),
            #[expect(clippy::cast_possible_truncation, reason = "within the input")]
            Ok(_) => Ok((self.core.offset() - start) as usize),
        }
    }
}

/// A graph in the making.
#[derive(Debug)]
pub(crate) struct Building<'de> {
    nodes: Vec<Node>,
    values: Vec<Value<'de>>,
    /// The values of the innermost container (of the document, outside of one) so far.
    current: Vec<Value<'de>>,
    /// The numbers of the containers that have not ended, and the values so far of what is around each.
    open: Vec<(u32, Vec<Value<'de>>)>,
    /// Empty vectors for the next ones.
    spare: Vec<Vec<Value<'de>>>,
    /// How many more values it takes.
    left: u64,
    /// The next piece of text, if it is the last, is a string.
    plain: bool,
    /// The string in the making, when it comes in pieces.
    text: Option<Pieces>,
    bytes: Option<Vec<u8>>,
    remotes: Vec<Remote<'de>>,
    /// The next string is the address of the last of them.
    address: bool,
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

impl<'de> EventSink<'de> for Building<'de> {
    const ONE: bool = false;

    #[inline(always)]
    fn event(&mut self, event: Event<'de>) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let value = match event {
            Event::Null => Value::Null,
            Event::Bool(value) => Value::Bool(value),
            Event::Int(value) => Value::Int(value),
            Event::Long(value) => Value::Long(value),
            Event::Double(value) => Value::Double(value),
            Event::Date(millis) => Value::Date(millis),
            Event::Text { text, last: true } if self.plain => Value::Str(text),
            // A string is one value, in however many pieces it comes.
            Event::Text { text, last } => {
                self.left += u64::from(!last);
                self.text_piece(text, last);
                return true;
            }
            Event::Surrogate { unit, last } => {
                self.left += u64::from(!last);
                self.surrogate(unit, last);
                return true;
            }
            Event::Binary { bytes, last: true } if self.bytes.is_none() => Value::Binary(bytes),
            Event::Binary { bytes, last } => {
                self.left += u64::from(!last);
                self.binary_piece(bytes, last);
                return true;
            }
            Event::List { ty, len } => {
                self.open(Node::List { ty, items: Span::default(), open: len.is_none() });
                return true;
            }
            Event::Map { ty } => {
                self.open(Node::Map { ty, entries: Span::default() });
                return true;
            }
            Event::Object { class } => {
                self.open(Node::Object { class, fields: Span::default() });
                return true;
            }
            Event::Definition(_) => return true,
            Event::Remote { ty } => {
                self.remotes.push(Remote { ty, url: Value::Null });
                (self.address, self.plain) = (true, false);
                return true;
            }
            Event::Reference(id) => Value::Node(self.referred(id)),
            Event::End => self.close(),
        };
        self.current.push(value);
        true
    }
}

impl<'de> Building<'de> {
    pub(crate) fn new(max_values: u64) -> Self {
        Self {
            left: max_values,
            nodes: Vec::new(),
            values: Vec::new(),
            current: Vec::new(),
            open: Vec::new(),
            spare: Vec::new(),
            plain: true,
            text: None,
            bytes: None,
            remotes: Vec::new(),
            address: false,
            part: None,
        }
    }

    /// For a value inside a packet whose first list, map or object has this number there.
    pub(crate) fn of_part(next: u32, max_values: u64) -> Self {
        let part = Part { nodes: HashMap::new(), next, outside: Vec::new() };
        Self { part: Some(Box::new(part)), ..Self::new(max_values) }
    }

    /// How many more values it takes.
    pub(crate) fn left(&self) -> u64 {
        self.left
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

    /// Adds to an error's path where in the value it was noticed.
    #[cold]
    #[inline(never)]
    pub(crate) fn in_open(&self, mut error: Error, input: &[u8], tables: &Tables) -> Error {
        let mut children = &self.current;
        for (id, around) in self.open.iter().rev() {
            let met = children.len();
            error = match &self.nodes[*id as usize] {
                Node::List { .. } => error.in_element(met as u64),
                Node::Map { .. } if met.is_multiple_of(2) => error.in_key(met as u64 / 2),
                Node::Map { .. } => match children[met - 1].as_str() {
                    Some(key) => error.in_entry(key),
                    None => error.in_element(met as u64 / 2),
                },
                Node::Object { class, .. } => {
                    error.in_entry(tables.field_names(input, *class).nth(met).unwrap_or_default())
                }
            };
            children = around;
        }
        error
    }

    /// It came; whoever refers to it names it already.
    pub(crate) fn end_outside(&mut self) {
        self.current.pop();
    }

    /// A piece of a string that comes in several, or that tells where a remote object lives.
    #[inline(never)]
    fn text_piece(&mut self, text: &'de str, last: bool) {
        self.plain = false;
        if last && self.text.is_none() {
            return self.end_of_text(Value::Str(text));
        }
        self.text.get_or_insert_with(Pieces::new).push(text);
        if let Some(pieces) = self.text.take_if(|_| last) {
            self.end_of_text(pieces.finish());
        }
    }

    #[inline(never)]
    fn surrogate(&mut self, unit: u16, last: bool) {
        self.plain = false;
        self.text.get_or_insert_with(Pieces::new).push_surrogate(unit);
        if let Some(pieces) = self.text.take_if(|_| last) {
            self.end_of_text(pieces.finish());
        }
    }

    fn end_of_text(&mut self, text: Value<'de>) {
        self.plain = true;
        let value = match self.remotes.last_mut() {
            Some(remote) if std::mem::take(&mut self.address) => {
                remote.url = text;
                #[expect(clippy::cast_possible_truncation, reason = "packets are below 4 GiB")]
                Value::Remote(RemoteId(self.remotes.len() as u32 - 1))
            }
            _ => text,
        };
        self.current.push(value);
    }

    #[inline(never)]
    fn binary_piece(&mut self, bytes: &[u8], last: bool) {
        let joined = self.bytes.get_or_insert_default();
        joined.extend_from_slice(bytes);
        if let Some(joined) = self.bytes.take_if(|_| last) {
            self.current.push(Value::OwnedBinary(joined.into()));
        }
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "at most max_containers")]
    fn open(&mut self, node: Node) {
        let mut id = self.nodes.len() as u32;
        if let Some(part) = &mut self.part {
            id = *part.nodes.entry(part.next).or_insert(id);
            part.next += 1;
        }
        let empty = self.spare.pop().unwrap_or_default();
        self.open.push((id, std::mem::replace(&mut self.current, empty)));
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
        let Some((id, around)) = self.open.pop() else { return Value::Null };
        let span = Span { start: self.values.len() as u32, len: self.current.len() as u32 };
        self.values.append(&mut self.current);
        self.spare.push(std::mem::replace(&mut self.current, around));
        match &mut self.nodes[id as usize] {
            Node::List { items, .. } => *items = span,
            Node::Map { entries, .. } => *entries = span,
            Node::Object { fields, .. } => *fields = span,
        }
        Value::Node(RefId(id))
    }

    /// Copies the names that the graph uses; its numbers for them start at 0. For tables that make one graph.
    fn finish(self, tables: &Tables) -> Graph<'de> {
        self.finish_with(|class| class_of(&[], tables, class), |ty| tables.type_name(ty).into())
    }

    /// The same where names may have stayed in the input, and other graphs may have been made with the same tables: they
    /// share the names.
    pub(crate) fn finish_in(self, input: &[u8], tables: &mut Tables) -> Graph<'de> {
        // Taken out while the tables are asked.
        let mut names = tables.take_names();
        let Names { classes, types } = &mut names;
        let graph = self.finish_with(
            |class| classes.entry(class.0).or_insert_with(|| class_of(input, tables, class)).clone(),
            |ty| Arc::clone(types.entry(ty.0).or_insert_with(|| tables.type_name(ty).into())),
        );
        tables.put_names(names);
        graph
    }

    fn finish_with(
        mut self,
        class: impl FnMut(ClassId) -> Class,
        ty: impl FnMut(TypeId) -> Arc<str>,
    ) -> Graph<'de> {
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
        for remote in &mut self.remotes {
            remote.ty = remote.ty.map(|ty| TypeId(types.number(ty.0)));
        }
        Graph {
            roots: self.current.into_iter().collect(),
            nodes: self.nodes,
            values: self.values,
            remotes: self.remotes,
            classes: classes.used.into_iter().map(ClassId).map(class).collect(),
            types: types.used.into_iter().map(TypeId).map(ty).collect(),
        }
    }
}

/// The names that the graphs of a stream share, by the numbers of its tables. At most one of each name that the tables
/// have.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    classes: HashMap<u32, Class>,
    types: HashMap<u32, Arc<str>>,
}

impl Names {
    pub(crate) fn is_empty(&self) -> bool {
        self.classes.is_empty() && self.types.is_empty()
    }

    /// Forgets those that the tables do.
    pub(crate) fn truncate(&mut self, classes: u32, types: usize) {
        self.classes.retain(|&class, _| class < classes);
        self.types.retain(|&ty, _| (ty as usize) < types);
    }
}

fn class_of(input: &[u8], tables: &Tables, class: ClassId) -> Class {
    Class {
        name: tables.class_name(input, class).into(),
        fields: tables.field_names(input, class).map(Into::into).collect(),
    }
}

/// Numbers of a stream to numbers of a graph, in the order of their first use.
#[derive(Debug, Default)]
struct Numbers {
    used: Vec<u32>,
    /// Made when there are more than a look along `used` is good for. No larger than what is used: a value of a few bytes
    /// may be of class 4,095.
    by_stream: HashMap<u32, u32>,
}

/// Numbers that are searched for one by one.
const FEW: usize = 8;

impl Numbers {
    #[expect(clippy::cast_possible_truncation, reason = "at most max_classes, max_types")]
    fn number(&mut self, stream: u32) -> u32 {
        let known = match self.used.len() {
            0..=FEW => self.used.iter().position(|&used| used == stream).map(|number| number as u32),
            _ => self.by_stream.get(&stream).copied(),
        };
        if let Some(number) = known {
            return number;
        }
        let number = self.used.len() as u32;
        self.used.push(stream);
        match self.used.len() {
            0..=FEW => {}
            // The first of them that is looked up so.
            len if len == FEW + 1 => self.by_stream.extend(self.used.iter().copied().zip(0..)),
            _ => {
                self.by_stream.insert(stream, number);
            }
        }
        number
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
