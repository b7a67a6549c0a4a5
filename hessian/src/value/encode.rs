//! A graph to bytes, without recursion.

use super::{Graph, Node, Value};
use crate::encode::Sink;
use crate::encode::dialect::Dialect;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, RefId, TypeId};
use crate::ser::{Classes, Types};

/// What is left to write of a container.
struct Frame {
    next: usize,
    end: usize,
    close: Close,
}

enum Close {
    /// A list of this length on the wire.
    List(Option<u32>),
    Map,
    Object,
}

struct Encoder<'g, 'de, S> {
    graph: &'g Graph<'de>,
    out: &'g mut S,
    /// The number on the wire of each node that has been written.
    written: Vec<Option<u32>>,
    /// How many containers the packet has.
    nodes: &'g mut u32,
    /// The number on the wire of each class.
    classes: Vec<Option<u32>>,
    all_classes: &'g mut Classes,
    /// The number on the wire of each type that has one.
    types: Vec<Option<u32>>,
    all_types: &'g mut Types,
    stack: Vec<Frame>,
}

/// Writes the graph. Its classes and types are numbered after those in the tables, in the order of their first use, and
/// its nodes after `containers`.
pub(crate) fn encode<G: Dialect, S: Sink>(
    graph: &Graph<'_>,
    out: &mut S,
    all_classes: &mut Classes,
    all_types: &mut Types,
    containers: &mut u32,
) -> Result<()> {
    let mut encoder = Encoder {
        graph,
        out,
        written: vec![None; graph.nodes.len()],
        nodes: containers,
        classes: vec![None; graph.classes.len()],
        all_classes,
        types: vec![None; graph.types.len()],
        all_types,
        stack: Vec::new(),
    };
    for root in &graph.roots {
        encoder.value::<G>(root)?;
        encoder.rest::<G>()?;
    }
    Ok(())
}

impl<S: Sink> Encoder<'_, '_, S> {
    /// What is on the stack.
    fn rest<G: Dialect>(&mut self) -> Result<()> {
        while let Some(frame) = self.stack.last_mut() {
            if frame.next < frame.end {
                frame.next += 1;
                let value = &self.graph.values[frame.next - 1];
                self.value::<G>(value)?;
                continue;
            }
            match frame.close {
                Close::List(len) => G::list_end(self.out, len),
                Close::Map => G::map_end(self.out),
                Close::Object => {}
            }
            self.stack.pop();
        }
        Ok(())
    }

    fn value<G: Dialect>(&mut self, value: &Value<'_>) -> Result<()> {
        match value {
            Value::Null => G::null(self.out),
            Value::Bool(value) => G::bool(self.out, *value),
            Value::Int(value) => G::int(self.out, *value),
            Value::Long(value) => G::long(self.out, *value),
            Value::Double(value) => G::double(self.out, *value),
            Value::Date(millis) => G::date(self.out, *millis),
            Value::Str(text) => G::string(self.out, text),
            Value::OwnedStr(text) => G::string(self.out, text),
            Value::Utf16(units) => G::utf16(self.out, units),
            Value::Binary(bytes) => G::binary(self.out, bytes),
            Value::OwnedBinary(bytes) => G::binary(self.out, bytes),
            Value::Node(id) => return self.node::<G>(*id),
        }
        Ok(())
    }

    fn node<G: Dialect>(&mut self, id: RefId) -> Result<()> {
        if let Some(number) = self.written[id.0 as usize] {
            G::reference(self.out, number);
            return Ok(());
        }
        self.written[id.0 as usize] = Some(*self.nodes);
        *self.nodes += 1;
        let node = &self.graph.nodes[id.0 as usize];
        let range = node.span().range();
        let close = match *node {
            Node::List { ty, items, open } => {
                if items.len > i32::MAX.unsigned_abs() {
                    return Err(Error::new(ErrorKind::Unrepresentable("more than 2147483647 elements")));
                }
                let len = (!open).then_some(items.len);
                match ty {
                    None => G::list(self.out, len),
                    Some(ty) => self.typed::<G>(ty, Some(len))?,
                }
                Close::List(len)
            }
            Node::Map { ty, .. } => {
                match ty {
                    None => G::map(self.out),
                    Some(ty) => self.typed::<G>(ty, None)?,
                }
                Close::Map
            }
            Node::Object { class, .. } => {
                self.object::<G>(class)?;
                Close::Object
            }
        };
        self.stack.push(Frame { next: range.start, end: range.end, close });
        Ok(())
    }

    /// Begins a list (with its length) or a map (without) of a type.
    fn typed<G: Dialect>(&mut self, ty: TypeId, list: Option<Option<u32>>) -> Result<()> {
        let name = &self.graph.types[ty.0 as usize];
        let known = self.types[ty.0 as usize].or_else(|| self.all_types.find(name));
        let position = self.out.position();
        match list {
            Some(len) => G::typed_list(self.out, name, known, len),
            None => G::typed_map(self.out, name, known),
        }
        self.types[ty.0 as usize] = match known {
            Some(number) => Some(number),
            None => self.all_types.named(name.to_string().into(), position)?,
        };
        Ok(())
    }

    fn object<G: Dialect>(&mut self, class: ClassId) -> Result<()> {
        let number = match self.classes[class.0 as usize] {
            Some(number) => number,
            None => {
                let number =
                    self.all_classes.number_of::<G>(self.out, &self.graph.classes[class.0 as usize])?;
                self.classes[class.0 as usize] = Some(number);
                number
            }
        };
        G::object(self.out, number);
        Ok(())
    }
}
