//! What every example needs beside its own story: a port, a page in the shared look, an end with Ctrl-C.
//!
//! The examples are in the folder `examples`: one runnable story each. `cargo run --release -p examples --example NAME`
//! prints the address to open.

pub mod loopback;
mod page;
mod site;

pub use page::{CSS, HTML, JAVASCRIPT, file, page};
pub use site::{Listen, Site, say};
