//! The tests that are beside the examples' code. (As a test of its own an example would not be built as a program any more.)
#![allow(dead_code, unused_imports)]

#[path = "../examples/chat/main.rs"]
mod chat;
#[path = "../examples/hessian_comet/main.rs"]
mod hessian_comet;
#[path = "../examples/publish_from_java/main.rs"]
mod publish_from_java;
#[path = "../examples/tennis/main.rs"]
mod tennis;
#[path = "../examples/ticker/main.rs"]
mod ticker;
#[path = "../examples/timer/main.rs"]
mod timer;
#[path = "../examples/weather/main.rs"]
mod weather;
