//! The client of streams, against servers that do what they are told.

mod ends;
mod forms;
mod hostile;
mod resume;
mod server;
mod silence;
mod slow;
