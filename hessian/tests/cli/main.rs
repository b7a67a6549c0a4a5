//! The `hessian` command as a process: what it prints, how it ends.

mod basics;
mod call;
mod convert;
mod dump;
mod listen;
mod readme;
mod support;
