//! `policy-server serve` as a person runs it: the built binary, its output, its signals.

mod activation;
mod harness;
mod http;
mod misuse;
mod ports;
mod proxy;
mod reload;
mod root;
mod stop;
