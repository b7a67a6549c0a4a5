//! Decoding into Rust types: structs, enums, names, binaries, and what errors tell.

mod binaries;
mod enums;
mod errors;
mod names;
mod structs;

/// What `de` gives for a value of a slice, or the message of its error.
fn message<T>(result: hessian::Result<T>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}
