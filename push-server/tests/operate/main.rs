//! `push-server serve` as operators run it: the built binary, its settings, its signals, what it shows.

mod activation;
mod drain;
mod harness;
mod look;
mod protection;
mod reload;
mod settings;
