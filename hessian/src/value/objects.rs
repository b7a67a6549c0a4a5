//! Objects that came as maps, because their grammar has no others.

use super::{Class, Graph, Node, Span, Value};
use crate::event::ClassId;
use crate::limits::Limits;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Ends of the names of Java's maps: what has such a type is a map.
const MAPS: [&str; 4] = ["Map", "Hashtable", "Properties", "Dictionary"];

impl Graph<'_> {
    /// Makes objects of the maps that may be objects. Hessian 1, which Java's clients write unless told otherwise, has no
    /// objects: it writes a map whose type is the class and whose keys are the names of the fields. O(size); moves the
    /// values, copies the names.
    ///
    /// A map becomes an object when it has a type whose name does not end as those of Java's maps do (`Map`, `Hashtable`,
    /// `Properties`, `Dictionary`), and when its keys are different texts, as many as a class may have fields
    /// ([`Limits::max_fields`]) by default. The bytes do not tell more.
    ///
    /// ```
    /// # fn main() -> hessian::Result<()> {
    /// use hessian::{Graph, Limits, grammar::One};
    /// let bytes = b"Mt\0\x11com.example.PointS\0\x01xI\0\0\0\x01z";
    /// let graph = Graph::from_slice_with::<One>(bytes, Limits::new())?;
    /// assert_eq!(graph.root().class(), None);
    /// let graph = graph.objects_from_maps();
    /// assert_eq!(&*graph.root().class().unwrap().name, "com.example.Point");
    /// assert_eq!(graph.root().get("x").and_then(|x| x.as_i32()), Some(1));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn objects_from_maps(mut self) -> Self {
        let mut classes: HashMap<Class, ClassId> = HashMap::new();
        for node in &mut self.nodes {
            let &mut Node::Map { ty: Some(ty), entries } = node else { continue };
            let name = &self.types[ty.0 as usize];
            let Some(fields) = fields(name, &self.values[entries.range()]) else { continue };
            let count = entries.len / 2;
            // The values move up to where the keys were: what stands behind them is nobody's.
            for index in 0..count as usize {
                let (to, from) = (entries.range().start + index, entries.range().start + 2 * index + 1);
                self.values[to] = std::mem::replace(&mut self.values[from], Value::Null);
            }
            let class = Class { name: Arc::clone(name), fields };
            let known = self.classes.len();
            let class = *classes.entry(class).or_insert_with_key(|class| {
                self.classes.push(class.clone());
                ClassId(super::builder::length(known))
            });
            *node = Node::Object { class, fields: Span { start: entries.start, len: count } };
        }
        self
    }
}

/// The fields of the class that a map stands for, if it may be an object.
fn fields(ty: &str, entries: &[Value<'_>]) -> Option<Arc<[Arc<str>]>> {
    if MAPS.iter().any(|map| ty.ends_with(map)) || entries.len() / 2 > Limits::DEFAULT.max_fields as usize {
        return None;
    }
    let names = entries.iter().step_by(2).map(Value::as_str).collect::<Option<Vec<_>>>()?;
    let are_different = names.iter().collect::<HashSet<_>>().len() == names.len();
    are_different.then(|| names.into_iter().map(Arc::from).collect())
}
