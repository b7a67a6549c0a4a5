//! The client of streams, against servers that do what they are told.

mod resume;
mod server;
