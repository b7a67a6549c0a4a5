//! What the fuzz targets check, apart from the fuzzer: `tests/regressions.rs` replays their corpora on stable Rust.
//!
//! Each asks a whole router, as a client would: what is refused is refused with a short text and has done nothing, and what is
//! accepted is in the stream as another reader of the same bytes understands it.

mod form;
mod publish;
mod send;
mod site;
mod token;

pub use form::form;
pub use publish::publish;
pub use send::send;
pub use token::token;
