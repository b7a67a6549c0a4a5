//! Generic values: any Hessian document without a Rust type for it, lossless, with references and cycles.

mod build;
mod encode;
mod graph;
mod node;
mod view;

pub(crate) use build::{Builder, Building};
pub use graph::{Class, Graph};
pub use node::{Node, Remote, RemoteId, Span, Value};
pub use view::View;
