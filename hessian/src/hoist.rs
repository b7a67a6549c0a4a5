//! Class definitions kept apart from the values: encode once, send to readers that have seen different classes.
//!
//! In a Hessian stream classes are numbered over the whole stream, so the bytes of a packet depend on what its reader
//! has seen before. A [`ClassTable`] gives every class one number for the life of the process and leaves the
//! definitions out of the values. Who sends a value puts in front of it the definitions its reader lacks; they are
//! legal wherever a value is, and every reader goes on to the value after them.

use crate::encode::Sink;
use crate::error::Result;
use crate::grammar::{Dialect, Final};
use crate::ser::{Classes, Serializer};
use crate::value::Graph;
use serde::Serialize;
use std::marker::PhantomData;

/// An append-only table of class definitions, shared by all values encoded with it.
///
/// ```
/// # fn main() -> hessian::Result<()> {
/// #[derive(serde::Serialize)]
/// #[serde(rename = "example.AddString")]
/// struct AddString { value: &'static str }
///
/// let mut table = hessian::ClassTable::new();
/// let mut body = Vec::new();
/// let needs = table.encode(&AddString { value: "hi" }, &mut body)?;
/// assert_eq!((needs, body.as_slice()), (1, b"\x60\x02hi".as_slice()));
///
/// // A reader that has seen `knows` classes gets the definitions [knows, needs) first, in the same packet.
/// let knows = 0;
/// let mut packet = Vec::new();
/// hessian::packet::Framing::Ws.frame(&[table.definitions(knows, needs), &body], &mut packet);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ClassTable<G = Final> {
    classes: Option<Classes>,
    omits_types: bool,
    grammar: PhantomData<G>,
}

impl<G: Dialect> Default for ClassTable<G> {
    fn default() -> Self {
        Self::in_grammar()
    }
}

impl ClassTable {
    /// An empty table. Does not allocate.
    #[must_use]
    pub fn new() -> Self {
        Self::in_grammar()
    }
}

impl<G: Dialect> ClassTable<G> {
    /// An empty table for a grammar of your choice. In Hessian 1, which defines no classes, it stays empty.
    #[must_use]
    pub fn in_grammar() -> Self {
        Self { classes: None, omits_types: false, grammar: PhantomData }
    }

    /// Leaves the types of lists and maps out of the values. A type has no definition that could be kept apart: it is
    /// written by its name each time, and readers number each one that they meet, so on a stream without end their
    /// tables would grow with every message (Java's without a bound; this crate's up to `max_types`). Java readers
    /// make an `ArrayList` of an untyped list and a `HashMap` of an untyped map, or in the field of an object what the
    /// field is declared to be.
    ///
    /// ```
    /// # fn main() -> hessian::Result<()> {
    /// let mut table = hessian::ClassTable::new().without_types();
    /// let mut body = Vec::new();
    /// table.encode_graph(&hessian::hessian!("[int" [1, 2]), &mut body)?;
    /// assert_eq!(body, b"\x7a\x91\x92");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn without_types(mut self) -> Self {
        self.omits_types = true;
        self
    }

    /// Appends `value` without any definition and returns what it needs: a reader must know the classes `[0, needs)`.
    /// Defines the classes that are new to the table.
    ///
    /// # Errors
    /// As [`to_vec`](crate::to_vec); also the limit `max_classes` (4,096), past which a new class is refused. The
    /// buffer is then as it was; a class that was defined on the way stays defined, which harms nobody.
    pub fn encode<T: Serialize + ?Sized>(&mut self, value: &T, out: &mut impl Sink) -> Result<u32> {
        let mut lent = Lent::<_, G>::new(self.omits_types, &mut self.classes, out);
        let done = lent.serializer.encode(value);
        let needs = lent.serializer.take_used();
        done.map(|()| needs)
    }

    /// [`encode`](Self::encode) for a generic value: the same bytes, without the detour through serde.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn encode_graph(&mut self, graph: &Graph<'_>, out: &mut impl Sink) -> Result<u32> {
        let mut lent = Lent::<_, G>::new(self.omits_types, &mut self.classes, out);
        let done = lent.serializer.encode_graph(graph);
        let needs = lent.serializer.take_used();
        done.map(|()| needs)
    }

    /// The definitions of the classes `[from, to)`, in order: borrowed, nothing is copied. Empty when `from >= to`.
    #[must_use]
    pub fn definitions(&self, from: u32, to: u32) -> &[u8] {
        self.classes.as_ref().map_or(&[], |classes| classes.definitions(from, to))
    }

    /// How many classes are defined.
    #[must_use]
    pub fn len(&self) -> u32 {
        self.classes.as_ref().map_or(0, Classes::count)
    }

    /// True before the first class.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A serializer with the table's classes, which go home even when a `Serialize` implementation panics: readers know
/// them, so their numbers must never be given again.
struct Lent<'t, 'o, S: Sink, G: Dialect> {
    home: &'t mut Option<Classes>,
    serializer: Serializer<'o, S, G>,
}

impl<'t, 'o, S: Sink, G: Dialect> Lent<'t, 'o, S, G> {
    fn new(omits_types: bool, home: &'t mut Option<Classes>, out: &'o mut S) -> Self {
        let classes = home.take().unwrap_or_else(|| Classes::hoisted(omits_types));
        Self { home, serializer: Serializer::with_classes(out, classes) }
    }
}

impl<S: Sink, G: Dialect> Drop for Lent<'_, '_, S, G> {
    fn drop(&mut self) {
        *self.home = Some(self.serializer.take_classes());
    }
}

#[cfg(test)]
mod tests {
    use super::ClassTable;
    use serde::{Serialize, Serializer};

    #[derive(Serialize)]
    struct A {
        value: i32,
    }

    #[derive(Serialize)]
    struct B {
        value: i32,
    }

    #[derive(Serialize)]
    struct Panics {
        a: A,
        #[serde(serialize_with = "panic")]
        value: (),
    }

    fn panic<S: Serializer>(_: &(), _: S) -> Result<S::Ok, S::Error> {
        panic!("a Serialize implementation panics")
    }

    #[test]
    fn numbers_outlive_a_panic() {
        let mut table = ClassTable::new();
        let mut out = Vec::new();
        assert_eq!(table.encode(&A { value: 1 }, &mut out).unwrap(), 1);
        let value = Panics { a: A { value: 1 }, value: () };
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            drop(table.encode(&value, &mut Vec::new()));
        }));
        assert!(caught.is_err());
        out.clear();
        let needs = table.encode(&B { value: 1 }, &mut out).unwrap();
        assert_eq!((needs, &out[..]), (3, &b"\x62\x91"[..]));
        out.clear();
        assert_eq!(table.encode(&A { value: 1 }, &mut out).unwrap(), 1);
        assert_eq!(out, b"\x60\x91");
    }

    #[test]
    fn types_are_left_out_of_typed_and_generic_values_alike() {
        #[derive(Serialize)]
        struct Typed {
            #[serde(with = "crate::typed::As::<crate::typed::LinkedList>")]
            list: Vec<i32>,
        }
        let mut table = ClassTable::new().without_types();
        let mut out = Vec::new();
        table.encode(&Typed { list: vec![1] }, &mut out).unwrap();
        let graph = crate::hessian!(["java.util.TreeMap" { 1 => 2 }, "[int" [3]]);
        table.encode_graph(&graph, &mut out).unwrap();
        table.encode(&graph, &mut out).unwrap();
        assert_eq!(out, b"\x60\x79\x91\x7aH\x91\x92Z\x79\x93\x7aH\x91\x92Z\x79\x93");
    }
}
