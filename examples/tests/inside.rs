//! The tests that are beside the examples' code. (As a test of its own an example would not be built as a program any more.)
#![allow(dead_code, unused_imports)]

#[path = "../examples/hessian_comet/main.rs"]
mod hessian_comet;
#[path = "../examples/timer/main.rs"]
mod timer;
