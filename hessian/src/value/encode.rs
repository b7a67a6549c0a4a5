//! A graph to bytes, without recursion.

use super::{Class, Graph, Node, Value};
use crate::encode::Sink;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, RefId, TypeId};
use crate::grammar::Grammar;

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
    nodes: u32,
    /// The number on the wire of each class, each type.
    classes: Vec<Option<u32>>,
    class_count: u32,
    types: Vec<Option<u32>>,
    type_count: u32,
    stack: Vec<Frame>,
}

/// Writes the graph. Classes and types are numbered from 0 in the order of their first use.
pub(super) fn encode<G: Grammar>(graph: &Graph<'_>, out: &mut impl Sink) -> Result<()> {
    let mut encoder = Encoder {
        graph,
        out,
        written: vec![None; graph.nodes.len()],
        nodes: 0,
        classes: vec![None; graph.classes.len()],
        class_count: 0,
        types: vec![None; graph.types.len()],
        type_count: 0,
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
    fn rest<G: Grammar>(&mut self) -> Result<()> {
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

    fn value<G: Grammar>(&mut self, value: &Value<'_>) -> Result<()> {
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

    fn node<G: Grammar>(&mut self, id: RefId) -> Result<()> {
        if let Some(number) = self.written[id.0 as usize] {
            G::reference(self.out, number);
            return Ok(());
        }
        self.written[id.0 as usize] = Some(self.nodes);
        self.nodes += 1;
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
                    Some(ty) => self.typed::<G>(ty, Some(len)),
                }
                Close::List(len)
            }
            Node::Map { ty, .. } => {
                match ty {
                    None => G::map(self.out),
                    Some(ty) => self.typed::<G>(ty, None),
                }
                Close::Map
            }
            Node::Object { class, .. } => {
                self.object::<G>(class);
                Close::Object
            }
        };
        self.stack.push(Frame { next: range.start, end: range.end, close });
        Ok(())
    }

    /// Begins a list (with its length) or a map (without) of a type.
    fn typed<G: Grammar>(&mut self, ty: TypeId, list: Option<Option<u32>>) {
        let name = &self.graph.types[ty.0 as usize];
        let number = self.types[ty.0 as usize];
        match list {
            Some(len) => G::typed_list(self.out, name, number, len),
            None => G::typed_map(self.out, name, number),
        }
        if number.is_none() {
            self.types[ty.0 as usize] = Some(self.type_count);
            self.type_count += 1;
        }
    }

    fn object<G: Grammar>(&mut self, class: ClassId) {
        let number = self.classes[class.0 as usize].unwrap_or_else(|| {
            let Class { name, fields } = &self.graph.classes[class.0 as usize];
            self.out.put(&[G::CLASS]);
            G::string(self.out, name);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_possible_wrap,
                reason = "at most max_fields"
            )]
            G::int(self.out, fields.len() as i32);
            for field in fields {
                G::string(self.out, field);
            }
            self.classes[class.0 as usize] = Some(self.class_count);
            self.class_count += 1;
            self.class_count - 1
        });
        G::object(self.out, number);
    }
}
