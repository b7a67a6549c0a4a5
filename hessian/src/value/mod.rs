//! Generic values: any Hessian document without a Rust type for it, lossless, with references and cycles.

mod build;
mod builder;
mod de;
mod encode;
mod graph;
mod literal;
mod node;
mod objects;
mod ser;
mod view;
mod walk;
mod written;

pub(crate) use build::{Builder, Building, Names};
pub use builder::GraphBuilder;
pub(crate) use de::from_graph_in;
pub use de::{from_graph, from_graph_with};
pub(crate) use encode::encode;
pub use graph::{Class, Graph};
#[doc(hidden)]
pub use literal::Literal;
pub use node::{Node, Remote, RemoteId, Span, Value};
pub use ser::to_graph;
pub use view::View;
pub(crate) use walk::{Inside, Walk};
