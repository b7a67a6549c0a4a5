//! Graphs made by hand.

use super::{Class, Graph, Node, Remote, RemoteId, Span, Value};
use crate::date::Date;
use crate::event::{ClassId, RefId, TypeId};
use smallvec::smallvec;
use std::collections::HashMap;
use std::sync::Arc;

/// Makes a [`Graph`] by hand: lists, maps and objects of any class, shared and in cycles.
///
/// A list, map or object is named by the number that making it gives; the number is a value like any other and may be
/// put in several places, also into itself. Names (of classes, fields, types) are copied.
///
/// ```
/// # fn main() -> hessian::Result<()> {
/// use hessian::GraphBuilder;
/// let mut graph = GraphBuilder::new();
/// let leaf = graph.object("example.Leaf", [("value", 1.into())]);
/// let list = graph.list(Some("java.util.LinkedList"));
/// graph.push(list, leaf).push(list, leaf).push(list, list);
/// let graph = graph.finish(list);
/// assert_eq!(graph.root().index(2).and_then(hessian::View::id), graph.root().id());
/// assert_eq!(hessian::Graph::from_slice(&graph.to_vec()?)?, graph);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct GraphBuilder<'de> {
    nodes: Vec<Draft<'de>>,
    types: Vec<Arc<str>>,
    type_numbers: HashMap<Arc<str>, u32>,
    remotes: Vec<Remote<'de>>,
}

#[derive(Debug)]
struct Draft<'de> {
    kind: Kind,
    values: Vec<Value<'de>>,
}

#[derive(Debug)]
enum Kind {
    List { ty: Option<TypeId>, open: bool },
    Map { ty: Option<TypeId> },
    Object { class: Arc<str>, fields: Vec<Arc<str>> },
}

impl<'de> GraphBuilder<'de> {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty list, of a type such as `[int` or `java.util.LinkedList`.
    pub fn list(&mut self, ty: Option<&str>) -> RefId {
        let ty = ty.map(|ty| self.ty(ty));
        self.draft(Kind::List { ty, open: false })
    }

    /// An empty list that is written without its length, as Java writes iterators.
    pub fn open_list(&mut self, ty: Option<&str>) -> RefId {
        let ty = ty.map(|ty| self.ty(ty));
        self.draft(Kind::List { ty, open: true })
    }

    /// An empty map, of a type such as `java.util.TreeMap`.
    pub fn map(&mut self, ty: Option<&str>) -> RefId {
        let ty = ty.map(|ty| self.ty(ty));
        self.draft(Kind::Map { ty })
    }

    /// An object with its first fields.
    pub fn object<'f>(
        &mut self,
        class: &str,
        fields: impl IntoIterator<Item = (&'f str, Value<'de>)>,
    ) -> RefId {
        let id = self.draft(Kind::Object { class: class.into(), fields: Vec::new() });
        for (name, value) in fields {
            self.field(id, name, value);
        }
        id
    }

    /// Appends an element to a list.
    ///
    /// # Panics
    /// When `list` is no list of this builder.
    pub fn push(&mut self, list: RefId, value: impl Into<Value<'de>>) -> &mut Self {
        let draft = self.get(list);
        assert!(matches!(draft.kind, Kind::List { .. }), "not a list");
        draft.values.push(value.into());
        self
    }

    /// Appends an entry to a map. A key that is there already makes a second entry, as Hessian allows.
    ///
    /// # Panics
    /// When `map` is no map of this builder.
    pub fn entry(
        &mut self,
        map: RefId,
        key: impl Into<Value<'de>>,
        value: impl Into<Value<'de>>,
    ) -> &mut Self {
        let draft = self.get(map);
        assert!(matches!(draft.kind, Kind::Map { .. }), "not a map");
        draft.values.extend([key.into(), value.into()]);
        self
    }

    /// Appends a field to an object. Objects of one class name with other fields are of other classes on the wire.
    ///
    /// # Panics
    /// When `object` is no object of this builder.
    pub fn field(&mut self, object: RefId, name: &str, value: impl Into<Value<'de>>) -> &mut Self {
        let draft = self.get(object);
        let Kind::Object { fields, .. } = &mut draft.kind else { panic!("not an object") };
        fields.push(name.into());
        draft.values.push(value.into());
        self
    }

    /// An object that lives elsewhere, as Hessian 1 and the draft write it. In Hessian 2 an object of Java's class for it is
    /// written: [`java::Remote`](crate::java::Remote).
    pub fn remote(&mut self, interface: Option<&str>, url: impl Into<String>) -> Value<'de> {
        let ty = interface.map(|name| self.ty(name));
        self.remotes.push(Remote { ty, url: url.into().into() });
        Value::Remote(RemoteId(length(self.remotes.len() - 1)))
    }

    /// The same with any kind of text for the address; `None` for another value.
    #[cfg(feature = "json")]
    pub(crate) fn remote_at(&mut self, interface: Option<&str>, url: Value<'de>) -> Option<Value<'de>> {
        if !matches!(url, Value::Str(_) | Value::OwnedStr(_) | Value::Utf16(_)) {
            return None;
        }
        let ty = interface.map(|name| self.ty(name));
        self.remotes.push(Remote { ty, url });
        Some(Value::Remote(RemoteId(length(self.remotes.len() - 1))))
    }

    /// Copies the first value of another graph into this one; it can be put anywhere. O(size).
    pub fn graft(&mut self, graph: &Graph<'de>) -> Value<'de> {
        let first = length(self.nodes.len());
        let first_remote = length(self.remotes.len());
        let types: Vec<TypeId> = graph.types.iter().map(|name| self.ty(name)).collect();
        let ty = |ty: Option<TypeId>| ty.map(|ty| types[ty.0 as usize]);
        let moved = |value: &Value<'de>| match value {
            Value::Node(id) => Value::Node(RefId(first + id.0)),
            Value::Remote(id) => Value::Remote(RemoteId(first_remote + id.0)),
            scalar => scalar.clone(),
        };
        self.remotes
            .extend(graph.remotes.iter().map(|remote| Remote { ty: ty(remote.ty), url: remote.url.clone() }));
        for node in &graph.nodes {
            let kind = match *node {
                Node::List { ty: list, open, .. } => Kind::List { ty: ty(list), open },
                Node::Map { ty: map, .. } => Kind::Map { ty: ty(map) },
                Node::Object { class, .. } => {
                    let Class { name, fields } = &graph.classes[class.0 as usize];
                    Kind::Object { class: name.clone(), fields: fields.to_vec() }
                }
            };
            let values = graph.values[node.span().range()].iter().map(moved).collect();
            self.nodes.push(Draft { kind, values });
        }
        graph.roots.first().map_or(Value::Null, moved)
    }

    /// The graph of what `root` reaches; the rest is dropped. O(size).
    ///
    /// # Panics
    /// When a value names a list, map, object or remote object of another builder.
    #[must_use]
    pub fn finish(self, root: impl Into<Value<'de>>) -> Graph<'de> {
        self.finish_all([root.into()])
    }

    /// A graph of several values, such as the arguments of a call.
    ///
    /// # Panics
    /// As [`finish`](Self::finish).
    #[must_use]
    pub fn finish_all(mut self, roots: impl IntoIterator<Item = Value<'de>>) -> Graph<'de> {
        let mut graph = Graph {
            roots: roots.into_iter().collect(),
            nodes: Vec::new(),
            values: Vec::new(),
            classes: Vec::new(),
            types: std::mem::take(&mut self.types),
            remotes: std::mem::take(&mut self.remotes),
        };
        let remotes = graph.remotes.len();
        let mut classes = HashMap::new();
        let mut numbers: Vec<Option<u32>> = vec![None; self.nodes.len()];
        let mut pending: Vec<u32> = Vec::new();
        let mut roots = std::mem::replace(&mut graph.roots, smallvec![]);
        for root in &mut roots {
            visit(root, &mut numbers, &mut graph.nodes, &mut pending, remotes);
        }
        graph.roots = roots;
        while let Some(id) = pending.pop() {
            let Draft { kind, mut values } =
                std::mem::replace(&mut self.nodes[id as usize], Draft { kind: LIST, values: Vec::new() });
            for value in &mut values {
                visit(value, &mut numbers, &mut graph.nodes, &mut pending, remotes);
            }
            let span = Span { start: length(graph.values.len()), len: length(values.len()) };
            graph.values.append(&mut values);
            let node = match kind {
                Kind::List { ty, open } => Node::List { ty, items: span, open },
                Kind::Map { ty } => Node::Map { ty, entries: span },
                Kind::Object { class, fields } => {
                    let class = Class { name: class, fields: fields.into() };
                    let number = classes.entry(class).or_insert_with_key(|class| {
                        graph.classes.push(class.clone());
                        ClassId(length(graph.classes.len() - 1))
                    });
                    Node::Object { class: *number, fields: span }
                }
            };
            if let Some(number) = numbers[id as usize] {
                graph.nodes[number as usize] = node;
            }
        }
        graph
    }

    fn draft(&mut self, kind: Kind) -> RefId {
        self.nodes.push(Draft { kind, values: Vec::new() });
        RefId(length(self.nodes.len() - 1))
    }

    fn get(&mut self, id: RefId) -> &mut Draft<'de> {
        &mut self.nodes[id.0 as usize]
    }

    fn ty(&mut self, name: &str) -> TypeId {
        if let Some(&number) = self.type_numbers.get(name) {
            return TypeId(number);
        }
        let number = length(self.types.len());
        let name: Arc<str> = name.into();
        self.types.push(Arc::clone(&name));
        self.type_numbers.insert(name, number);
        TypeId(number)
    }
}

const LIST: Kind = Kind::List { ty: None, open: false };

/// Numbers what a value names.
fn visit(
    value: &mut Value<'_>,
    numbers: &mut [Option<u32>],
    nodes: &mut Vec<Node>,
    pending: &mut Vec<u32>,
    remotes: usize,
) {
    let id = match value {
        Value::Node(id) => id,
        Value::Remote(id) => return assert!((id.0 as usize) < remotes, "a remote object of another builder"),
        _ => return,
    };
    let number = *numbers[id.0 as usize].get_or_insert_with(|| {
        pending.push(id.0);
        nodes.push(Node::List { ty: None, items: Span::default(), open: false });
        length(nodes.len() - 1)
    });
    *id = RefId(number);
}

#[expect(clippy::cast_possible_truncation, reason = "24 bytes for each: 96 GiB before that")]
pub(super) fn length(len: usize) -> u32 {
    len as u32
}

macro_rules! scalars {
    ($($type:ty, $value:ident => $to:expr;)*) => {
        $(impl<'de> From<$type> for Value<'de> {
            fn from($value: $type) -> Self {
                $to
            }
        })*
    };
}

scalars! {
    bool, value => Self::Bool(value);
    i8, value => Self::Int(value.into());
    i16, value => Self::Int(value.into());
    i32, value => Self::Int(value);
    u8, value => Self::Int(value.into());
    u16, value => Self::Int(value.into());
    i64, value => Self::Long(value);
    u32, value => Self::Long(value.into());
    f32, value => Self::Double(value.into());
    f64, value => Self::Double(value);
    Date, date => Self::Date(date.millis);
    &'de str, text => Self::Str(text);
    String, text => Self::OwnedStr(text.into());
    Box<str>, text => Self::OwnedStr(text);
    &'de [u8], bytes => Self::Binary(bytes);
    Vec<u8>, bytes => Self::OwnedBinary(bytes.into());
    (), _unit => Self::Null;
    RefId, id => Self::Node(id);
}

impl<'de, T: Into<Self>> From<Option<T>> for Value<'de> {
    /// `None` is null.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<'de> Graph<'de> {
    /// Begins a graph made by hand.
    #[must_use]
    pub fn builder() -> GraphBuilder<'de> {
        GraphBuilder::new()
    }

    /// A graph of one scalar.
    #[must_use]
    pub fn scalar(value: impl Into<Value<'de>>) -> Self {
        GraphBuilder::new().finish(value)
    }
}
