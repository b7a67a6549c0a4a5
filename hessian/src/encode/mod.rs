//! Writing Hessian: the shortest form of each value, as the Java library writes it.

pub(crate) mod dialect;
pub(crate) mod number;
pub(crate) mod sink;
pub(crate) mod text;

pub use sink::Sink;
