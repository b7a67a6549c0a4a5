//! The arena: nodes by their reference numbers, values in one vector.

use super::build::Builder;
use super::{Node, Remote, RemoteId, Value, View};
use crate::encode::Sink;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClassId, RefId, TypeId};
use crate::grammar::{Dialect, Final, Grammar};
use crate::limits::Limits;
use crate::ser::{Classes, Types};
use crate::table::Tables;
use smallvec::SmallVec;
use std::sync::Arc;

/// A class as a stream defined it. Cloning copies no names: the graphs of one decode share them, so that one definition
/// and many short objects do not become many long names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Class {
    /// Its name, such as `example.AddString`.
    pub name: Arc<str>,
    /// The names of its fields, in order.
    pub fields: Arc<[Arc<str>]>,
}

/// A document: a root value and the lists, maps and objects that it reaches.
///
/// Nothing is lost: class names and the order of fields, types of lists and maps, the widths of numbers, shared and
/// cyclic references, text that is no UTF-8. Nodes are numbered as on the wire, so a reference is an index and a cycle
/// needs no counting; dropping is flat. Text and bytes are borrowed from the input where they can be.
///
/// Two graphs are equal when they are the same up to the numbers of their nodes (isomorphic): the same shape, the same
/// sharing. Doubles are compared by their bits. How a list stands on the wire (with its length, or up to its end) is
/// kept for [`to_vec`](Graph::to_vec) and makes no difference.
#[derive(Debug, Clone)]
pub struct Graph<'de> {
    pub(super) roots: SmallVec<[Value<'de>; 1]>,
    pub(super) nodes: Vec<Node>,
    pub(super) values: Vec<Value<'de>>,
    pub(super) classes: Vec<Class>,
    pub(super) types: Vec<Arc<str>>,
    pub(super) remotes: Vec<Remote<'de>>,
}

impl<'de> Graph<'de> {
    /// Decodes one value from a slice, which must end with it.
    ///
    /// # Errors
    /// Malformed or incomplete input, bytes after the value, any of the [`Limits`].
    pub fn from_slice(input: &'de [u8]) -> Result<Self> {
        Self::from_slice_with::<Final>(input, Limits::new())
    }

    /// [`from_slice`](Self::from_slice) with a grammar and limits of your own.
    ///
    /// # Errors
    /// As [`from_slice`](Self::from_slice).
    pub fn from_slice_with<G: Grammar>(input: &'de [u8], limits: Limits) -> Result<Self> {
        let mut tables = Tables::default();
        let (graph, used) = Builder::<G>::new(&mut tables, &limits).read_one(input)?;
        match input.len() - used {
            0 => Ok(graph),
            count => Err(Error::at(used as u64, ErrorKind::TrailingBytes { count })),
        }
    }

    /// The document's value: the first, if it has several.
    #[must_use]
    pub fn root(&self) -> View<'_, 'de> {
        View::new(self, self.roots.first().unwrap_or(&Value::Null))
    }

    /// Its values: one, or all of a packet or call that has several; they share references.
    pub fn roots(&self) -> impl ExactSizeIterator<Item = View<'_, 'de>> {
        self.roots.iter().map(|root| View::new(self, root))
    }

    /// How many lists, maps and objects it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True when the root is a scalar.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// A node by its number.
    #[must_use]
    pub fn node(&self, id: RefId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// A class by its number in this graph.
    #[must_use]
    pub fn class(&self, id: ClassId) -> Option<&Class> {
        self.classes.get(id.0 as usize)
    }

    /// The name of a type by its number in this graph.
    #[must_use]
    pub fn type_name(&self, id: TypeId) -> Option<&str> {
        self.types.get(id.0 as usize).map(|name| &**name)
    }

    /// An object that lives elsewhere, by its number.
    #[must_use]
    pub fn remote(&self, id: RemoteId) -> Option<&Remote<'de>> {
        self.remotes.get(id.0 as usize)
    }

    /// Copies what is borrowed; the numbers stay.
    #[must_use]
    pub fn into_owned(self) -> Graph<'static> {
        Graph {
            roots: self.roots.into_iter().map(Value::into_owned).collect(),
            values: self.values.into_iter().map(Value::into_owned).collect(),
            nodes: self.nodes,
            classes: self.classes,
            types: self.types,
            remotes: self.remotes.into_iter().map(Remote::into_owned).collect(),
        }
    }

    /// Encodes it: what Java wrote gives the same bytes again (binaries above 8 KiB are cut into chunks of another
    /// size). O(size), without recursion.
    ///
    /// # Errors
    /// More elements than Hessian counts.
    pub fn to_vec(&self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(64 + 16 * self.values.len());
        self.encode_to::<Final>(&mut out)?;
        Ok(out)
    }

    /// Appends it in a grammar of your choice.
    ///
    /// # Errors
    /// As [`to_vec`](Self::to_vec), and with [`Tutorial`](crate::grammar::Tutorial) also
    /// [`ErrorKind::Refused`]; the buffer is then as it was before.
    pub fn encode_to<G: Dialect>(&self, out: &mut impl Sink) -> Result<()> {
        let start = out.position();
        let (mut classes, mut types) = (Classes::default(), Types::default());
        super::encode::<G, _>(self, out, &mut classes, &mut types, &mut 0).inspect_err(|_| out.cut(start))
    }

    /// Appends its values with what `between` writes before each and after the last.
    pub(crate) fn encode_between<G: Dialect, S: Sink>(
        &self,
        out: &mut S,
        between: impl FnMut(usize, &mut S) -> Result<()>,
    ) -> Result<()> {
        let start = out.position();
        super::encode::encode_between::<G, S>(self, out, between).inspect_err(|_| out.cut(start))
    }
}

impl<'other> PartialEq<Graph<'other>> for Graph<'_> {
    fn eq(&self, other: &Graph<'other>) -> bool {
        isomorphic(self, other)
    }
}

/// Walks both in step; a node of one must always meet the same node of the other.
fn isomorphic(a: &Graph<'_>, b: &Graph<'_>) -> bool {
    if a.nodes.len() != b.nodes.len() || a.roots.len() != b.roots.len() {
        return false;
    }
    let mut met: Vec<Option<u32>> = vec![None; a.nodes.len()];
    let mut met_back: Vec<bool> = vec![false; b.nodes.len()];
    let mut pending: Vec<(&Value<'_>, &Value<'_>)> = a.roots.iter().zip(&b.roots).collect();
    while let Some((left, right)) = pending.pop() {
        if let (Value::Remote(left), Value::Remote(right)) = (left, right) {
            let (left, right) = (&a.remotes[left.0 as usize], &b.remotes[right.0 as usize]);
            if !same_type(a, left.ty, b, right.ty) {
                return false;
            }
            pending.push((&left.url, &right.url));
            continue;
        }
        let (Value::Node(left), Value::Node(right)) = (left, right) else {
            if left.same_scalar(right) {
                continue;
            }
            return false;
        };
        match met[left.0 as usize] {
            Some(number) if number == right.0 => continue,
            Some(_) => return false,
            None => {}
        }
        if std::mem::replace(&mut met_back[right.0 as usize], true) {
            return false;
        }
        met[left.0 as usize] = Some(right.0);
        let (left, right) = (&a.nodes[left.0 as usize], &b.nodes[right.0 as usize]);
        if !same_head(a, left, b, right) {
            return false;
        }
        pending.extend(a.values[left.span().range()].iter().zip(&b.values[right.span().range()]));
    }
    true
}

fn same_type(a: &Graph<'_>, left: Option<TypeId>, b: &Graph<'_>, right: Option<TypeId>) -> bool {
    left.and_then(|ty| a.type_name(ty)) == right.and_then(|ty| b.type_name(ty))
}

fn same_head(a: &Graph<'_>, left: &Node, b: &Graph<'_>, right: &Node) -> bool {
    left.span().len == right.span().len
        && match (left, right) {
            (Node::List { ty: left, .. }, Node::List { ty: right, .. })
            | (Node::Map { ty: left, .. }, Node::Map { ty: right, .. }) => same_type(a, *left, b, *right),
            (Node::Object { class: left, .. }, Node::Object { class: right, .. }) => {
                a.class(*left) == b.class(*right)
            }
            _ => false,
        }
}
