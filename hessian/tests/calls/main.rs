//! Calls to services over HTTP: real sockets on the loopback interface.

mod blocking;
mod connections;
mod hostile;
mod replies;
mod server;
mod streams;
mod tls;
