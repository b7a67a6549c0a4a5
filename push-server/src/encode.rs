//! The one file that knows the codec: values to bodies, bodies to packets.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hessian::grammar::{Dialect, Draft, Final, Tutorial};
use hessian::{ClassTable, Graph, Limits, ValueDecoder};
use serde::Serialize;

use crate::PublishError;
use crate::scratch::exactly;

pub use hessian::packet::Framing;

/// The dialects in which a Hessian stream can be read. None of them announces itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Grammar {
    /// Hessian 2.0 as every Java library since August 2008 reads it.
    #[default]
    Final,
    /// The draft of 2007 and 2008, which the first streaming services and their clients spoke.
    Draft,
    /// The draft, written so that the Flash client of the tutorials reads it right: no references, no types of lists
    /// and maps. A value that this client would misread (a long beyond 2^53, a date before 1970, a cycle, a key that
    /// is no string) becomes null, which is logged: the count of positions goes on.
    Tutorial,
}

impl Grammar {
    /// Number of grammars.
    pub(crate) const COUNT: usize = 3;
}

/// The class tables that the Hessian connections of a hub share, one for each grammar.
///
/// In a Hessian stream a class is defined once and then only numbered, so the bytes of an object depend on
/// what its reader has seen before. Here all readers of a grammar share one numbering: a body is encoded once,
/// without definitions, and a connection that has not met a class yet gets the missing definitions in front of the
/// same body. The lock is held while a value is encoded, never while anything is sent.
///
/// A table holds 4,096 classes (the codec's bound); a value that would define one more is refused.
///
/// Types of lists and maps cannot be hoisted so, and are left out: written by name in every message, they would
/// make the tables of all readers grow for ever.
#[derive(Debug)]
pub(crate) struct Classes {
    table: Mutex<ClassTable>,
    draft: Mutex<ClassTable<Draft>>,
    tutorial: Mutex<ClassTable<Tutorial>>,
    again: Mutex<Again>,
}

/// Reads what this process has encoded: a reader like any other, which knows the classes it has met.
#[derive(Debug)]
struct Again {
    decoder: ValueDecoder,
    knows: u32,
}

impl Default for Again {
    fn default() -> Self {
        Self { decoder: ValueDecoder::new(our_own()), knows: 0 }
    }
}

impl Default for Classes {
    fn default() -> Self {
        Self {
            table: Mutex::new(ClassTable::new().without_types()),
            draft: Mutex::new(ClassTable::in_grammar().without_types()),
            tutorial: Mutex::new(ClassTable::in_grammar().without_types()),
            again: Mutex::default(),
        }
    }
}

/// A value, encoded once for all readers of a grammar.
#[derive(Debug, Default)]
pub(crate) struct HessianBody {
    /// The value: no definitions, only numbers of classes.
    pub(crate) bytes: Vec<u8>,
    /// How many classes a reader must know to read it.
    pub(crate) needs: u32,
}

impl Classes {
    /// Encodes `value` once. Classes it meets first are added to the table.
    pub(crate) fn encode<T: Serialize + ?Sized>(&self, value: &T) -> Result<HessianBody, PublishError> {
        exactly(|bytes| lock(&self.table).encode(value, bytes))
            .map(|(bytes, needs)| HessianBody { bytes, needs })
            .map_err(PublishError::Hessian)
    }

    /// The same for a generic value.
    pub(crate) fn encode_graph(&self, graph: &Graph<'_>) -> Result<HessianBody, PublishError> {
        encode_in(&self.table, graph).map_err(PublishError::Hessian)
    }

    /// The body in an older grammar: decoded and encoded again, for the first reader of a message and never for a
    /// stream that nobody reads so.
    pub(crate) fn translate(&self, body: &HessianBody, grammar: Grammar) -> HessianBody {
        let mut again = lock(&self.again);
        let mut whole = Vec::with_capacity(body.bytes.len() + 64);
        let knows = again.knows;
        self.definitions(Grammar::Final, knows, body.needs, |definitions| {
            whole.extend_from_slice(definitions)
        });
        whole.extend_from_slice(&body.bytes);
        again.knows = knows.max(body.needs);
        let graph = again.decoder.graph(&whole);
        if graph.is_err() {
            // What it knows now is anybody's guess.
            *again = Again::default();
        }
        let translated = graph.and_then(|graph| match grammar {
            Grammar::Final => encode_in(&self.table, &graph),
            Grammar::Draft => encode_in(&self.draft, &graph),
            Grammar::Tutorial => encode_in(&self.tutorial, &graph),
        });
        translated.unwrap_or_else(|error| {
            tracing::warn!(%error, ?grammar, "readers of an old grammar get null for a value that it lacks");
            HessianBody { bytes: b"N".to_vec(), needs: 0 }
        })
    }

    /// Calls `with` with the definitions of the classes `from..to`, in that order.
    pub(crate) fn definitions<R>(
        &self,
        grammar: Grammar,
        from: u32,
        to: u32,
        with: impl FnOnce(&[u8]) -> R,
    ) -> R {
        match grammar {
            Grammar::Final => with(lock(&self.table).definitions(from, to)),
            Grammar::Draft => with(lock(&self.draft).definitions(from, to)),
            Grammar::Tutorial => with(lock(&self.tutorial).definitions(from, to)),
        }
    }
}

fn encode_in<G: Dialect>(table: &Mutex<ClassTable<G>>, graph: &Graph<'_>) -> hessian::Result<HessianBody> {
    exactly(|bytes| lock(table).encode_graph(graph, bytes)).map(|(bytes, needs)| HessianBody { bytes, needs })
}

/// Parts of a value that a stranger publishes, or of the values of a batch: a byte may be one, and takes up to 72 while
/// it is read.
pub(crate) const MAX_PARTS: u64 = 1 << 18;

/// What a stranger's values may cost.
pub(crate) const fn strangers() -> Limits {
    let mut limits = Limits::new();
    limits.max_values = MAX_PARTS;
    limits
}

/// Reads exactly one value.
pub(crate) fn read_value(bytes: &[u8]) -> hessian::Result<Graph<'_>> {
    Graph::from_slice_with::<Final>(bytes, strangers())
}

/// Reads values that stand one after the other and share classes and references; there may be none.
pub(crate) fn read_values(bytes: &[u8]) -> hessian::Result<Graph<'_>> {
    <ValueDecoder>::new(strangers()).graph(bytes)
}

/// Limits for what this process has encoded itself: `message_bytes` has bounded it.
fn our_own() -> Limits {
    let mut limits = Limits::new();
    for bound in [
        &mut limits.max_depth,
        &mut limits.max_fields,
        &mut limits.max_name,
        &mut limits.max_names,
        &mut limits.max_containers,
    ] {
        *bound = u32::MAX;
    }
    for bound in
        [&mut limits.max_string, &mut limits.max_binary, &mut limits.max_elements, &mut limits.max_values]
    {
        *bound = u64::MAX;
    }
    limits
}

fn lock<T>(table: &Mutex<T>) -> MutexGuard<'_, T> {
    // A table is append-only: what a panicking thread left behind is still a prefix of the truth.
    table.lock().unwrap_or_else(PoisonError::into_inner)
}
