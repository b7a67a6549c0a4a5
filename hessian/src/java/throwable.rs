//! Exceptions of any class.

use super::lang::StackTraceElement;
use crate::error::{Error, ErrorKind, Result};
use crate::event::RefId;
use crate::limits::Limits;
use crate::magic;
use crate::value::{Graph, GraphBuilder, Inside, Node, Value, View, Walk, from_graph_in};
use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use std::fmt;
use std::sync::Arc;

/// Exceptions that a [`Throwable`] consists of at most: itself, causes and suppressed ones. Stops chains that a few shared
/// references make endless.
pub const MAX_EXCEPTIONS: usize = 1024;

const MESSAGE: &str = "detailMessage";
const CAUSE: &str = "cause";
const STACK_TRACE: &str = "stackTrace";
const SUPPRESSED: &str = "suppressedExceptions";

/// A Java exception of any class: whatever object has `java.lang.Throwable`'s fields.
///
/// Read from Hessian, wherever it stands, and from a [`Graph`]; written back as Java does (JDK 7 and later). In other
/// formats it is a struct of the fields below, written and read; classes and types inside `fields` are lost there.
///
/// Bounds: [`MAX_EXCEPTIONS`], and the defaults of [`Limits::max_depth`] for causes inside each other and of
/// [`Limits::max_expansion`] for what several of its exceptions share, which each has for itself. Exceptions that cause
/// each other in a circle are an error ([`ErrorKind::Cycle`]): look at their [`Graph`].
///
/// ```
/// # fn main() -> hessian::Result<()> {
/// use hessian::java::Throwable;
/// let mut thrown = Throwable::new("java.lang.IllegalStateException", "closed");
/// thrown.cause = Some(Box::new(Throwable::new("java.io.IOException", "broken pipe")));
/// let read: Throwable = hessian::from_slice(&hessian::to_vec(&thrown)?)?;
/// assert_eq!(read, thrown);
/// assert_eq!(read.to_string(), "java.lang.IllegalStateException: closed");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Throwable {
    /// The name of its class.
    pub class: Arc<str>,
    /// `getMessage()`.
    pub message: Option<String>,
    /// `getCause()`; on the wire an exception without one names itself.
    pub cause: Option<Box<Self>>,
    /// Where it was thrown, innermost frame first.
    pub stack_trace: Vec<StackTraceElement>,
    /// Exceptions that were thrown while resources were closed because of this one.
    pub suppressed: Vec<Self>,
    /// The fields of its own class, by name, each a graph of its own.
    pub fields: Vec<(Arc<str>, Graph<'static>)>,
}

impl Throwable {
    /// An exception with a message.
    #[must_use]
    pub fn new(class: &str, message: &str) -> Self {
        Self {
            class: class.into(),
            message: Some(message.to_owned()),
            cause: None,
            stack_trace: Vec::new(),
            suppressed: Vec::new(),
            fields: Vec::new(),
        }
    }

    /// True when the value has an exception's fields: an object (in Hessian 1 a typed map).
    #[must_use]
    pub fn is(view: View<'_, '_>) -> bool {
        view.type_name().is_some() && view.get(MESSAGE).is_some() && view.get(STACK_TRACE).is_some()
    }

    /// Reads an exception. O(its size).
    ///
    /// # Errors
    /// What is none, circles, and the bounds.
    pub fn from_view(view: View<'_, '_>) -> Result<Self> {
        Reader::new().read(view)
    }

    /// As Java would write it.
    #[must_use]
    pub fn to_graph(&self) -> Graph<'static> {
        let mut builder = GraphBuilder::new();
        let root = self.build(&mut builder);
        builder.finish(root)
    }

    fn build(&self, builder: &mut GraphBuilder<'static>) -> Value<'static> {
        let id = builder.object(&self.class, []);
        // Java's order: fields of java.lang's classes, then the others.
        let (simple, others): (Vec<_>, Vec<_>) =
            self.fields.iter().partition(|(_, field)| field.root().id().is_none());
        for (name, field) in simple {
            let value = builder.graft(field);
            builder.field(id, name, value);
        }
        builder.field(id, MESSAGE, self.message.clone());
        for (name, field) in others {
            let value = builder.graft(field);
            builder.field(id, name, value);
        }
        let cause = self.cause.as_ref().map_or(Value::Node(id), |cause| cause.build(builder));
        builder.field(id, CAUSE, cause);
        let frames = builder.list(Some("[java.lang.StackTraceElement"));
        for frame in &self.stack_trace {
            let text = |text: &Option<String>| Value::from(text.clone());
            let fields = [
                ("classLoaderName", text(&frame.class_loader_name)),
                ("moduleName", text(&frame.module_name)),
                ("moduleVersion", text(&frame.module_version)),
                ("declaringClass", text(&frame.declaring_class)),
                ("methodName", text(&frame.method_name)),
                ("fileName", text(&frame.file_name)),
                ("lineNumber", frame.line_number.into()),
                ("format", frame.format.unwrap_or_default().into()),
            ];
            let frame = builder.object("java.lang.StackTraceElement", fields);
            builder.push(frames, frame);
        }
        builder.field(id, STACK_TRACE, frames);
        let empty = self.suppressed.is_empty().then_some("java.util.Collections$EmptyList");
        let suppressed = builder.list(empty);
        for exception in &self.suppressed {
            let exception = exception.build(builder);
            builder.push(suppressed, exception);
        }
        builder.field(id, SUPPRESSED, suppressed);
        id.into()
    }
}

struct Reader {
    left: usize,
    walk: Walk,
}

impl Reader {
    fn new() -> Self {
        Self { left: MAX_EXCEPTIONS, walk: Walk::new(&Limits::DEFAULT) }
    }

    /// Goes into one more exception.
    fn enter(&mut self, view: View<'_, '_>, id: RefId) -> Result<Inside> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(Error::new(ErrorKind::Limit { limit: "MAX_EXCEPTIONS", max: MAX_EXCEPTIONS as u64 }));
        };
        self.left = left;
        self.walk.enter(view, id)
    }

    /// A part of the exception that is no exception.
    fn part<'g, T: Deserialize<'g>>(&self, name: &str, value: View<'g, '_>) -> Result<T> {
        in_field(name, from_graph_in(value, &self.walk))
    }

    /// The value of a field of its own class.
    fn own(&self, name: &str, value: View<'_, '_>) -> Result<Graph<'static>> {
        in_field(name, self.walk.copy(value).map(Graph::into_owned))
    }

    /// The struct that other formats have: a map of the fields of [`Throwable`].
    fn read_plain(&mut self, view: View<'_, '_>) -> Result<Throwable> {
        let (Some(id), Some(class)) = (view.id(), view.get("class").and_then(View::as_str)) else {
            return Err(Error::new(ErrorKind::UnexpectedType {
                found: "a value without `class`",
                expected: "an exception".into(),
            }));
        };
        let inside = self.enter(view, id)?;
        let mut throwable = Throwable { class: class.into(), message: None, ..Throwable::new("", "") };
        for (name, value) in view.entries().filter_map(|(key, value)| Some((key.as_str()?, value))) {
            match name {
                "message" => throwable.message = self.part(name, value)?,
                "cause" if value.is_null() => {}
                "cause" => throwable.cause = Some(Box::new(in_field(name, self.read_plain(value))?)),
                "stack_trace" => throwable.stack_trace = self.part(name, value)?,
                "suppressed" => {
                    for exception in value.items() {
                        throwable.suppressed.push(in_field(name, self.read_plain(exception))?);
                    }
                }
                "fields" => {
                    for (key, value) in value.entries() {
                        let key: &str = self.part(name, key)?;
                        throwable.fields.push((key.into(), self.own(key, value)?));
                    }
                }
                _ => {}
            }
        }
        self.walk.leave(inside);
        Ok(throwable)
    }

    fn read(&mut self, view: View<'_, '_>) -> Result<Throwable> {
        let (Some(id), Some(class), true) = (view.id(), view.shared_type_name(), Throwable::is(view)) else {
            return Err(Error::new(ErrorKind::UnexpectedType {
                found: "a value without `detailMessage` and `stackTrace`",
                expected: "an exception".into(),
            }));
        };
        let inside = self.enter(view, id)?;
        let mut throwable = Throwable { class: Arc::clone(class), message: None, ..Throwable::new("", "") };
        for (index, (name, value)) in named(view).into_iter().enumerate() {
            match name {
                MESSAGE => throwable.message = self.part(name, value)?,
                CAUSE if value.is_null() || value.id() == Some(id) => {}
                CAUSE => throwable.cause = Some(Box::new(in_field(name, self.read(value))?)),
                STACK_TRACE => {
                    throwable.stack_trace = self.part::<Option<_>>(name, value)?.unwrap_or_default();
                }
                SUPPRESSED => {
                    for exception in value.values() {
                        throwable.suppressed.push(in_field(name, self.read(exception))?);
                    }
                }
                _ => {
                    let graph = self.own(name, value)?;
                    // The exceptions of a class share its names.
                    let shared = view.class().and_then(|class| class.fields.get(index).cloned());
                    throwable.fields.push((shared.unwrap_or_else(|| name.into()), graph));
                }
            }
        }
        self.walk.leave(inside);
        Ok(throwable)
    }
}

/// The fields of an object, or the entries of a typed map (Hessian 1).
fn named<'g, 'de>(view: View<'g, 'de>) -> Vec<(&'g str, View<'g, 'de>)> {
    match view.node() {
        Some(Node::Map { .. }) => {
            view.entries().filter_map(|(key, value)| Some((key.as_str()?, value))).collect()
        }
        _ => view.fields().collect(),
    }
}

fn in_field<T>(name: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| error.in_field(name.to_owned()))
}

impl TryFrom<&Graph<'_>> for Throwable {
    type Error = Error;

    fn try_from(graph: &Graph<'_>) -> Result<Self> {
        Self::from_view(graph.root())
    }
}

impl Serialize for Throwable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(magic::GRAPH, &Content(self))
    }
}

/// What stands in the newtype [`magic::GRAPH`].
struct Content<'a>(&'a Throwable);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let throwable = self.0;
        if magic::is_graph_wanted().is_some() {
            magic::give_graph(throwable.to_graph());
            return serializer.serialize_unit();
        }
        let mut object = serializer.serialize_struct("Throwable", 6)?;
        object.serialize_field("class", &*throwable.class)?;
        object.serialize_field("message", &throwable.message)?;
        object.serialize_field("cause", &throwable.cause)?;
        object.serialize_field("stack_trace", &throwable.stack_trace)?;
        object.serialize_field("suppressed", &throwable.suppressed)?;
        object.serialize_field("fields", &Fields(&throwable.fields))?;
        object.end()
    }
}

struct Fields<'a>(&'a [(Arc<str>, Graph<'static>)]);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (&**name, value)))
    }
}

impl<'de> Deserialize<'de> for Throwable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let graph = Graph::deserialize(deserializer)?;
        let mut reader = Reader::new();
        match graph.root() {
            // Another format's.
            view if view.type_name().is_none() && view.get("class").is_some() => reader.read_plain(view),
            view => reader.read(view),
        }
        .map_err(|error| magic::carry(error, serde::de::Error::custom))
    }
}

impl fmt::Display for Throwable {
    /// As Java's `toString`; with `{:#}` as its `printStackTrace`, whole stacks where Java leaves out the frames that
    /// an exception has in common with the one around it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() { self.trace(f, 0) } else { self.headline(f) }
    }
}

impl Throwable {
    fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.class)?;
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }

    /// Suppressed exceptions, and what belongs to them, stand one tab further in.
    fn trace(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let tabs = |f: &mut fmt::Formatter<'_>| (0..depth).try_for_each(|_| f.write_str("\t"));
        self.headline(f)?;
        for frame in &self.stack_trace {
            f.write_str("\n")?;
            tabs(f)?;
            write!(f, "\tat {frame}")?;
        }
        for suppressed in &self.suppressed {
            f.write_str("\n")?;
            tabs(f)?;
            f.write_str("\tSuppressed: ")?;
            suppressed.trace(f, depth + 1)?;
        }
        let Some(cause) = &self.cause else { return Ok(()) };
        f.write_str("\n")?;
        tabs(f)?;
        f.write_str("Caused by: ")?;
        cause.trace(f, depth)
    }
}

impl std::error::Error for Throwable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as &(dyn std::error::Error + 'static))
    }
}
