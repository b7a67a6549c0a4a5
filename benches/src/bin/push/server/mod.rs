//! The servers that this program can be, each in a process of its own, and how they say that they are ready.

pub(crate) mod axum;
pub(crate) mod floor;
pub(crate) mod ours;

use std::io::{self, Write as _};
use std::net::SocketAddr;

use crate::control::DONE;

/// The first line of a server's output: where it listens.
fn say_address(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(out, "{address}").and_then(|()| out.flush())
}

/// Tells that everything is published. Who started this server and has gone is told nothing.
fn say_done() {
    let mut out = io::stdout();
    let _ = writeln!(out, "{DONE}").and_then(|()| out.flush());
}
