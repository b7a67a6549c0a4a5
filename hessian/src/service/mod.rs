//! A Rust service that answers Hessian calls.
