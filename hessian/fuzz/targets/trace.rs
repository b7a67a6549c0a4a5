//! A value as a flat list of steps, from a graph or from parser events: what both have to agree on.

use hessian::grammar::Grammar;
use hessian::{Event, Graph, Node, Parser, Value, View};

/// A step. Text is UTF-16 and whole, binaries are whole, names stand for numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Null,
    Bool(bool),
    Int(i32),
    Long(i64),
    Double(u64),
    Date(i64),
    Text(Vec<u16>),
    Binary(Vec<u8>),
    List(Option<String>),
    Map(Option<String>),
    Object(String, Vec<String>),
    Remote(Option<String>),
    Reference(u32),
    End,
}

/// Events of a parser as items.
#[derive(Debug, Default)]
pub struct Recorder {
    pub items: Vec<Item>,
    text: Vec<u16>,
    bytes: Vec<u8>,
}

impl Recorder {
    pub fn event<G: Grammar>(&mut self, event: &Event<'_>, parser: &Parser<G>) {
        let name = |ty: Option<hessian::TypeId>| ty.map(|ty| parser.type_name(ty).to_owned());
        let item = match *event {
            Event::Null => Item::Null,
            Event::Bool(value) => Item::Bool(value),
            Event::Int(value) => Item::Int(value),
            Event::Long(value) => Item::Long(value),
            Event::Double(value) => Item::Double(value.to_bits()),
            Event::Date(millis) => Item::Date(millis),
            Event::Text { text, last } => {
                self.text.extend(text.encode_utf16());
                if !last {
                    return;
                }
                Item::Text(std::mem::take(&mut self.text))
            }
            Event::Surrogate { unit, last } => {
                self.text.push(unit);
                if !last {
                    return;
                }
                Item::Text(std::mem::take(&mut self.text))
            }
            Event::Binary { bytes, last } => {
                self.bytes.extend_from_slice(bytes);
                if !last {
                    return;
                }
                Item::Binary(std::mem::take(&mut self.bytes))
            }
            Event::List { ty, .. } => Item::List(name(ty)),
            Event::Map { ty } => Item::Map(name(ty)),
            Event::Object { class } => Item::Object(
                parser.class_name(class).to_owned(),
                parser.field_names(class).map(str::to_owned).collect(),
            ),
            Event::Remote { ty } => Item::Remote(name(ty)),
            Event::Reference(id) => Item::Reference(id.0),
            Event::End => Item::End,
            Event::Definition(_) => return,
            _ => panic!("an event that is not known: {event:?}"),
        };
        self.items.push(item);
    }
}

/// The roots of a graph as items. Without recursion.
pub fn of(graph: &Graph<'_>) -> Vec<Item> {
    let mut seen = vec![false; graph.len()];
    let mut items = Vec::new();
    for root in graph.roots() {
        let mut pending = vec![Some(root)];
        while let Some(next) = pending.pop() {
            match next {
                None => items.push(Item::End),
                Some(view) => step(view, &mut seen, &mut items, &mut pending),
            }
        }
    }
    items
}

fn step<'g, 'de>(
    view: View<'g, 'de>,
    seen: &mut [bool],
    items: &mut Vec<Item>,
    pending: &mut Vec<Option<View<'g, 'de>>>,
) {
    if let Some((ty, url)) = view.as_remote() {
        items.push(Item::Remote(ty.map(str::to_owned)));
        pending.push(Some(url));
        return;
    }
    let (Some(node), Some(id)) = (view.node(), view.id()) else {
        items.push(scalar(view.value()));
        return;
    };
    if std::mem::replace(&mut seen[id.0 as usize], true) {
        items.push(Item::Reference(id.0));
        return;
    }
    let ty = view.type_name().map(str::to_owned);
    items.push(match node {
        Node::List { .. } => Item::List(ty),
        Node::Map { .. } => Item::Map(ty),
        _ => {
            let class = view.class().expect("an object has a class");
            Item::Object(class.name.to_string(), class.fields.iter().map(ToString::to_string).collect())
        }
    });
    pending.push(None);
    let at = pending.len();
    pending.extend(view.values().map(Some));
    pending[at..].reverse();
}

fn scalar(value: &Value<'_>) -> Item {
    match value {
        Value::Null => Item::Null,
        Value::Bool(value) => Item::Bool(*value),
        Value::Int(value) => Item::Int(*value),
        Value::Long(value) => Item::Long(*value),
        Value::Double(value) => Item::Double(value.to_bits()),
        Value::Date(millis) => Item::Date(*millis),
        Value::Utf16(units) => Item::Text(units.to_vec()),
        other => match (other.as_str(), other.as_bytes()) {
            (Some(text), _) => Item::Text(text.encode_utf16().collect()),
            (None, Some(bytes)) => Item::Binary(bytes.to_vec()),
            (None, None) => panic!("a value that is not known: {other:?}"),
        },
    }
}
