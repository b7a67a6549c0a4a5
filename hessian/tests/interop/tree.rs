//! Random trees of Rust structs whose classes Java knows (`java/interop/Beans.java`).

use std::collections::BTreeMap;

use hessian::Date;
use serde::{Serialize, Serializer};

use crate::random::Random;

#[derive(Debug, Serialize)]
#[serde(rename = "interop.Beans$Point")]
pub(crate) struct Point {
    x: i32,
    y: i64,
    z: f64,
    name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename = "interop.Beans$Node")]
pub(crate) struct Node {
    id: String,
    open: bool,
    next: Any,
    extra: Any,
}

/// In Java the fields come from two classes; this is the order in which it writes them.
#[derive(Debug, Serialize)]
#[serde(rename = "interop.Beans$Derived")]
pub(crate) struct Derived {
    label: String,
    version: i32,
    when: Option<Date>,
    origin: Any,
}

#[derive(Debug, Serialize)]
#[serde(rename = "interop.Beans$Empty")]
pub(crate) struct Empty {}

#[derive(Debug)]
pub(crate) struct Binary(Vec<u8>);

impl Serialize for Binary {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

/// What a field of type Object may hold.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Any {
    Null(()),
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(f64),
    Date(Date),
    Binary(Binary),
    Text(String),
    List(Vec<Self>),
    /// At most one entry: a `HashMap` has an order of its own.
    Map(BTreeMap<String, Self>),
    Point(Box<Point>),
    Node(Box<Node>),
    Derived(Box<Derived>),
    Empty(Empty),
}

impl Any {
    /// The `index`-th value of a run: kinds take turns, so that each is covered evenly.
    pub(crate) fn of_kind(index: usize, random: &mut Random) -> Self {
        match index % 16 {
            0 => Self::Null(()),
            1 => Self::Bool(random.one_in(2)),
            2 => Self::Int(random.int()),
            3 => Self::Long(random.long()),
            4 | 5 => Self::Double(random.double()),
            6 => Self::Date(random.date()),
            7 => Self::Binary(Binary(random.binary())),
            8 => Self::Text(random.text()),
            9 if random.one_in(5) => Self::Text(random.large_text()),
            _ => Self::compound(random, 0),
        }
    }

    fn random(random: &mut Random, depth: usize) -> Self {
        if depth < 5 && random.one_in(3) {
            return Self::compound(random, depth);
        }
        let kind = random.below(9);
        Self::of_kind(kind, random)
    }

    fn compound(random: &mut Random, depth: usize) -> Self {
        let inner = |random: &mut Random| Self::random(random, depth + 1);
        match random.below(8) {
            0..=2 => {
                let len = random.below(12);
                Self::List((0..len).map(|_| inner(random)).collect())
            }
            3 => {
                let len = random.below(2);
                Self::Map((0..len).map(|_| (random.text(), inner(random))).collect())
            }
            4 => Self::Point(Box::new(Point {
                x: random.int(),
                y: random.long(),
                z: random.double(),
                name: random.one_in(2).then(|| random.text()),
            })),
            5 => Self::Node(Box::new(Node {
                id: random.text(),
                open: random.one_in(2),
                next: inner(random),
                extra: inner(random),
            })),
            6 => Self::Derived(Box::new(Derived {
                label: random.text(),
                version: random.int(),
                when: random.one_in(2).then(|| random.date()),
                origin: inner(random),
            })),
            _ => Self::Empty(Empty {}),
        }
    }
}
