//! Graphs written as literals.

use super::{Graph, GraphBuilder, Value};
use crate::event::RefId;

/// A [`Graph`](crate::Graph) written as a literal.
///
/// | literal | value |
/// | --- | --- |
/// | `null`, or any expression that is `Into<Value>` | a scalar: `1` is an int, `1_i64` a long, `1.0` a double |
/// | `[1, "a", [2]]` | list |
/// | `"[int" [1, 2]` | list of a type |
/// | `{ "key" => 1, 2 => [3] }` | map: keys are expressions or literals of this kind |
/// | `"java.util.TreeMap" { "key" => 1 }` | map of a type |
/// | `"example.AddString" { value: "hi" }` | object: field names are identifiers |
/// | `"example.Empty" {}` | object without fields (an empty map of a type: [`GraphBuilder::map`](crate::GraphBuilder::map)) |
///
/// An expression of several tokens stands in parentheses when a list, map or object could begin with its first token.
/// Shared parts and cycles: [`GraphBuilder`](crate::GraphBuilder).
///
/// ```
/// let price = 12.25;
/// let graph = hessian::hessian!({
///     "ticks" => ["example.Tick" { symbol: "A", price: price, size: 100_i64 }],
///     "ids" => "[int" [1, 2, 3],
///     "none" => null,
/// });
/// assert_eq!(graph.root().pointer("/ticks/0/price").and_then(hessian::View::as_f64), Some(12.25));
/// ```
#[macro_export]
macro_rules! hessian {
    ($($literal:tt)+) => {{
        let mut literal = $crate::Literal::new();
        let root = $crate::__hessian_value!(literal, $($literal)+);
        literal.finish(root)
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __hessian_value {
    ($b:ident, null) => { $b.value(()) };
    ($b:ident, [$($items:tt)*]) => {{
        let list = $b.list(None);
        $crate::__hessian_items!($b, list, [] $($items)*);
        $b.value(list)
    }};
    ($b:ident, $ty:literal [$($items:tt)*]) => {{
        let list = $b.list(Some($ty));
        $crate::__hessian_items!($b, list, [] $($items)*);
        $b.value(list)
    }};
    ($b:ident, { $($entries:tt)* }) => {{
        let map = $b.map(None);
        $crate::__hessian_entries!($b, map, [] $($entries)*);
        $b.value(map)
    }};
    ($b:ident, $class:literal {}) => { $b.object_value($class) };
    ($b:ident, $class:literal { $field:ident : $($fields:tt)* }) => {{
        let object = $b.object($class);
        $crate::__hessian_fields!($b, object, $field, [] $($fields)*);
        $b.value(object)
    }};
    ($b:ident, $ty:literal { $($entries:tt)* }) => {{
        let map = $b.map(Some($ty));
        $crate::__hessian_entries!($b, map, [] $($entries)*);
        $b.value(map)
    }};
    ($b:ident, $scalar:expr) => { $b.value($scalar) };
}

/// Gathers the tokens of each element up to the comma.
#[doc(hidden)]
#[macro_export]
macro_rules! __hessian_items {
    ($b:ident, $list:ident, []) => {};
    ($b:ident, $list:ident, [$($value:tt)+]) => {
        let value = $crate::__hessian_value!($b, $($value)+);
        $b.push($list, value);
    };
    ($b:ident, $list:ident, [$($value:tt)+] , $($rest:tt)*) => {
        $crate::__hessian_items!($b, $list, [$($value)+]);
        $crate::__hessian_items!($b, $list, [] $($rest)*);
    };
    ($b:ident, $list:ident, [$($value:tt)*] $next:tt $($rest:tt)*) => {
        $crate::__hessian_items!($b, $list, [$($value)* $next] $($rest)*);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __hessian_entries {
    ($b:ident, $map:ident, []) => {};
    ($b:ident, $map:ident, [$($key:tt)+] => $($rest:tt)+) => {
        let key = $crate::__hessian_value!($b, $($key)+);
        $crate::__hessian_entry!($b, $map, key, [] $($rest)+);
    };
    ($b:ident, $map:ident, [$($key:tt)*] $next:tt $($rest:tt)*) => {
        $crate::__hessian_entries!($b, $map, [$($key)* $next] $($rest)*);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __hessian_entry {
    ($b:ident, $map:ident, $key:ident, [$($value:tt)+]) => {
        let value = $crate::__hessian_value!($b, $($value)+);
        $b.entry($map, $key, value);
    };
    ($b:ident, $map:ident, $key:ident, [$($value:tt)+] , $($rest:tt)*) => {
        $crate::__hessian_entry!($b, $map, $key, [$($value)+]);
        $crate::__hessian_entries!($b, $map, [] $($rest)*);
    };
    ($b:ident, $map:ident, $key:ident, [$($value:tt)*] $next:tt $($rest:tt)*) => {
        $crate::__hessian_entry!($b, $map, $key, [$($value)* $next] $($rest)*);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __hessian_fields {
    ($b:ident, $object:ident, $field:ident, [$($value:tt)+] $(,)?) => {
        let value = $crate::__hessian_value!($b, $($value)+);
        $b.field($object, stringify!($field), value);
    };
    ($b:ident, $object:ident, $field:ident, [$($value:tt)+] , $next:ident : $($rest:tt)*) => {
        $crate::__hessian_fields!($b, $object, $field, [$($value)+]);
        $crate::__hessian_fields!($b, $object, $next, [] $($rest)*);
    };
    ($b:ident, $object:ident, $field:ident, [$($value:tt)*] $next:tt $($rest:tt)*) => {
        $crate::__hessian_fields!($b, $object, $field, [$($value)* $next] $($rest)*);
    };
}

/// What [`hessian!`](crate::hessian!) expands to.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Literal<'de>(GraphBuilder<'de>);

#[doc(hidden)]
impl<'de> Literal<'de> {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
    pub fn value(&mut self, value: impl Into<Value<'de>>) -> Value<'de> {
        value.into()
    }
    pub fn list(&mut self, ty: Option<&str>) -> RefId {
        self.0.list(ty)
    }
    pub fn map(&mut self, ty: Option<&str>) -> RefId {
        self.0.map(ty)
    }
    pub fn object(&mut self, class: &str) -> RefId {
        self.0.object(class, [])
    }
    pub fn object_value(&mut self, class: &str) -> Value<'de> {
        self.object(class).into()
    }
    pub fn push(&mut self, list: RefId, value: Value<'de>) {
        self.0.push(list, value);
    }
    pub fn entry(&mut self, map: RefId, key: Value<'de>, value: Value<'de>) {
        self.0.entry(map, key, value);
    }
    pub fn field(&mut self, object: RefId, name: &str, value: Value<'de>) {
        self.0.field(object, name.strip_prefix("r#").unwrap_or(name), value);
    }
    #[must_use]
    pub fn finish(self, root: Value<'de>) -> Graph<'de> {
        self.0.finish(root)
    }
}
