//! Calls to services over HTTP: real sockets on the loopback interface.

mod replies;
mod server;
