//! Writing Hessian: the shortest form of each value, as the Java library writes it.

pub(crate) mod dialect;
mod draft;
pub(crate) mod number;
mod one;
#[cfg(feature = "client")]
pub(crate) mod parts;
pub(crate) mod sink;
pub(crate) mod text;
mod tutorial;

pub use sink::Sink;
pub(crate) use text::short_name;
