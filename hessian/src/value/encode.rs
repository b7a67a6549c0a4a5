//! A graph to bytes, without recursion.

use super::written::Written;
use super::{Class, Graph, Node, Remote, Value};
use crate::encode::Sink;
use crate::encode::dialect::{Dialect, Doubtful};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, RefId, TypeId};
use crate::limits::Limits;
use crate::ser::{Classes, Types, check_type};
use smallvec::{SmallVec, smallvec};
use std::sync::Arc;

/// What is left to write of a container.
struct Frame {
    node: RefId,
    next: usize,
    end: usize,
    close: Close,
}

#[derive(Clone, Copy)]
enum Close {
    /// A list of this length on the wire; its type was told by its number.
    List(Option<u32>, bool),
    Map,
    Object,
    /// An object as a map: its values begin here.
    Entries(ClassId, usize),
}

/// The class that Java has for objects that live elsewhere, where the grammar has no form for them.
const REMOTE: (&str, [&str; 2]) = ("com.caucho.hessian.io.HessianRemote", ["type", "url"]);

struct Encoder<'g, 'de, S> {
    graph: &'g Graph<'de>,
    out: &'g mut S,
    written: Written,
    /// How many containers the packet has.
    nodes: &'g mut u32,
    /// The number on the wire of each class.
    classes: SmallVec<[Option<u32>; 8]>,
    all_classes: &'g mut Classes,
    /// The number on the wire of each type that has one.
    types: SmallVec<[Option<u32>; 8]>,
    all_types: &'g mut Types,
    /// The containers around the innermost one.
    stack: SmallVec<[Frame; 12]>,
    again: Again,
}

/// What is written again where there are no references.
#[derive(Default)]
struct Again {
    /// Nodes that are open.
    open: Vec<bool>,
    /// Where the outermost of those written again begins, and which it is: none is open twice.
    since: Option<(usize, RefId)>,
    /// Bytes of those that are complete.
    bytes: usize,
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
    write::<G, S>(graph, out, (all_classes, all_types, containers), |_, _| Ok(()))
}

/// Writes the graph by itself, with what `between` writes before each root, and after the last.
pub(super) fn encode_between<G: Dialect, S: Sink>(
    graph: &Graph<'_>,
    out: &mut S,
    between: impl FnMut(usize, &mut S) -> Result<()>,
) -> Result<()> {
    let tables = (&mut Classes::default(), &mut Types::default(), &mut 0);
    write::<G, S>(graph, out, tables, between)
}

fn write<G: Dialect, S: Sink>(
    graph: &Graph<'_>,
    out: &mut S,
    (all_classes, all_types, containers): (&mut Classes, &mut Types, &mut u32),
    mut between: impl FnMut(usize, &mut S) -> Result<()>,
) -> Result<()> {
    if G::PLAIN && graph.roots.len() != 1 {
        G::check(Doubtful::Several)?;
    }
    let mut encoder = Encoder {
        graph,
        out,
        written: Written::new(graph.nodes.len()),
        nodes: containers,
        classes: smallvec![None; graph.classes.len()],
        all_classes,
        types: smallvec![None; graph.types.len()],
        all_types,
        stack: SmallVec::new(),
        again: Again::default(),
    };
    if !G::REFERENCES {
        encoder.again.open = vec![false; graph.nodes.len()];
    }
    for (index, root) in graph.roots.iter().enumerate() {
        between(index, encoder.out)?;
        encoder.whole::<G>(root)?;
    }
    between(graph.roots.len(), encoder.out)
}

impl<S: Sink> Encoder<'_, '_, S> {
    /// A value with all that is in it.
    fn whole<G: Dialect>(&mut self, value: &Value<'_>) -> Result<()> {
        // The innermost container is not on the stack: most values are no containers and leave that alone.
        let Some(mut frame) = self.value::<G>(value)? else { return Ok(()) };
        loop {
            if frame.next < frame.end {
                let index = frame.next;
                frame.next += 1;
                if G::OBJECTS_ARE_MAPS
                    && let Close::Entries(class, start) = frame.close
                {
                    let field = self.graph.classes[class.0 as usize].fields.get(index - start);
                    G::string(self.out, field.map_or("", |field| field));
                }
                let value = &self.graph.values[index];
                if let Some(inner) = self.value::<G>(value)? {
                    self.stack.push(std::mem::replace(&mut frame, inner));
                }
                continue;
            }
            match frame.close {
                Close::List(len, numbered) => G::list_end(self.out, len, numbered),
                Close::Map | Close::Entries(..) => G::map_end(self.out),
                Close::Object => {}
            }
            if !G::REFERENCES {
                self.closed(frame.node);
            }
            match self.stack.pop() {
                Some(outer) => frame = outer,
                None => return Ok(()),
            }
        }
    }

    /// A value, or the beginning of a container.
    fn value<G: Dialect>(&mut self, value: &Value<'_>) -> Result<Option<Frame>> {
        match value {
            Value::Null => G::null(self.out),
            Value::Bool(value) => G::bool(self.out, *value),
            Value::Int(value) => G::int(self.out, *value),
            Value::Long(value) => {
                G::check(Doubtful::Long(*value))?;
                G::long(self.out, *value);
            }
            Value::Double(value) => G::double(self.out, *value),
            Value::Date(millis) => {
                G::check(Doubtful::Date(*millis))?;
                G::date(self.out, *millis);
            }
            Value::Str(text) => G::string(self.out, text),
            Value::OwnedStr(text) => G::string(self.out, text),
            Value::Utf16(units) => G::utf16(self.out, units),
            Value::Binary(bytes) => G::binary(self.out, bytes),
            Value::OwnedBinary(bytes) => G::binary(self.out, bytes),
            Value::Remote(id) => return self.remote::<G>(&self.graph.remotes[id.0 as usize]),
            Value::Node(id) => return self.node::<G>(*id),
        }
        Ok(None)
    }

    fn node<G: Dialect>(&mut self, id: RefId) -> Result<Option<Frame>> {
        if G::REFERENCES {
            if let Some(number) = self.written.get(id) {
                G::reference(self.out, number);
                return Ok(None);
            }
            self.written.set(id, *self.nodes);
            *self.nodes += 1;
        } else {
            self.opened::<G>(id)?;
        }
        let node = &self.graph.nodes[id.0 as usize];
        let range = node.span().range();
        // Where a type may stand, true is taken for one; an empty type is none.
        let trap = G::TRUE_IS_A_TYPE
            && !range.is_empty()
            && matches!(self.graph.values[range.start], Value::Bool(true));
        let close = match *node {
            Node::List { ty, items, open } => {
                if items.len > i32::MAX.unsigned_abs() {
                    return Err(Error::new(ErrorKind::Unrepresentable("more than 2147483647 elements")));
                }
                let len = (!open || G::PLAIN).then_some(items.len);
                match ty {
                    Some(ty) if !G::PLAIN && !self.all_types.are_omitted() => {
                        self.typed::<G>(ty, Some(len))?
                    }
                    _ if trap && len.is_none() => {
                        self.all_types.unnamed(self.out.position());
                        G::typed_list(self.out, "", None, None);
                        Close::List(None, false)
                    }
                    _ => {
                        G::list(self.out, len);
                        Close::List(len, false)
                    }
                }
            }
            Node::Map { ty, .. } => {
                if G::PLAIN && self.graph.values[range.clone()].iter().step_by(2).any(|key| !key.is_string())
                {
                    G::check(Doubtful::Key)?;
                }
                match ty {
                    Some(ty) if !G::PLAIN && !self.all_types.are_omitted() => self.typed::<G>(ty, None)?,
                    _ if trap => {
                        self.all_types.unnamed(self.out.position());
                        G::typed_map(self.out, "", None);
                        Close::Map
                    }
                    _ => {
                        G::map(self.out);
                        Close::Map
                    }
                }
            }
            Node::Object { class, .. } if G::OBJECTS_ARE_MAPS => {
                let name = &self.graph.classes[class.0 as usize].name;
                check_type(name)?;
                G::typed_map(self.out, name, None);
                Close::Entries(class, range.start)
            }
            Node::Object { class, .. } => {
                self.object::<G>(class)?;
                Close::Object
            }
        };
        Ok(Some(Frame { node: id, next: range.start, end: range.end, close }))
    }

    /// Begins a list (with its length) or a map (without) of a type.
    fn typed<G: Dialect>(&mut self, ty: TypeId, list: Option<Option<u32>>) -> Result<Close> {
        let name = &self.graph.types[ty.0 as usize];
        let number = self.types[ty.0 as usize].or_else(|| self.all_types.find(name));
        self.types[ty.0 as usize] = match number {
            Some(number) => Some(number),
            None => {
                check_type(name)?;
                self.all_types.named(name.to_string().into(), self.out.position())?
            }
        };
        match list {
            Some(len) => {
                G::typed_list(self.out, name, number, len);
                Ok(Close::List(len, number.is_some()))
            }
            None => {
                G::typed_map(self.out, name, number);
                Ok(Close::Map)
            }
        }
    }

    fn object<G: Dialect>(&mut self, class: ClassId) -> Result<()> {
        let number = match self.classes[class.0 as usize] {
            Some(number) => number,
            None => {
                let class_of = &self.graph.classes[class.0 as usize];
                let number = self.all_classes.generic::<G>(self.out, class_of)?;
                self.classes[class.0 as usize] = Some(number);
                number
            }
        };
        G::object(self.out, number);
        Ok(())
    }

    fn remote<G: Dialect>(&mut self, remote: &Remote<'_>) -> Result<Option<Frame>> {
        G::check(Doubtful::Remote)?;
        let ty = remote.ty.map(|ty| &*self.graph.types[ty.0 as usize]);
        if G::REMOTES {
            if let Some(ty) = ty {
                check_type(ty)?;
                // Its type is told each time, and numbered.
                self.all_types.named(ty.to_owned().into(), self.out.position())?;
            }
            G::remote(self.out, ty);
            if let Some(url) = remote.url.as_str() {
                G::address(self.out, url);
                return Ok(None);
            }
        } else {
            let class = Class { name: REMOTE.0.into(), fields: Arc::new(REMOTE.1.map(Into::into)) };
            let number = self.all_classes.generic::<G>(self.out, &class)?;
            G::object(self.out, number);
            *self.nodes += 1;
            match ty {
                Some(ty) => G::string(self.out, ty),
                None => G::null(self.out),
            }
        }
        self.value::<G>(&remote.url)
    }

    /// A node begins where there are no references.
    fn opened<G: Dialect>(&mut self, id: RefId) -> Result<()> {
        let index = id.0 as usize;
        if std::mem::replace(&mut self.again.open[index], true) {
            G::check(Doubtful::Cycle)?;
        }
        let at = self.out.position();
        if self.written.get(id).is_none() {
            self.written.set(id, id.0);
        } else if self.again.since.is_none() {
            self.again.since = Some((at, id));
        }
        let bytes = self.again.bytes + self.again.since.map_or(0, |(since, _)| at - since);
        let max = Limits::DEFAULT.max_expansion;
        if bytes as u64 > max {
            return Err(Error::new(ErrorKind::Limit { limit: "max_expansion", max }));
        }
        Ok(())
    }

    /// A node ends where there are no references.
    fn closed(&mut self, id: RefId) {
        self.again.open[id.0 as usize] = false;
        if let Some((since, node)) = self.again.since
            && node == id
        {
            self.again.bytes += self.out.position() - since;
            self.again.since = None;
        }
    }
}
