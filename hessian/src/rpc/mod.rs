//! Calls and replies: the messages of a Hessian service, without IO.
//!
//! A call is the body of an HTTP POST, a reply that of its response. The first byte tells the form.
//!
//! | message | Hessian 2 | Hessian 1 |
//! | --- | --- | --- |
//! | call | `H 02 00 C` method, int count, arguments | `c` major minor (`H` name value)\* `m` method arguments `z` |
//! | reply | `H 02 00 R` value | `r` major minor (`H` name value)\* value `z` |
//! | fault | `H 02 00 F` map of `code`, `message`, `detail` | `r` major minor `f` (key value)\* `z z` |
//!
//! [`Call`] and [`Reply`] are messages of any values; [`CallHead`] and [`read_reply`] read into types.
//!
//! The arguments of a call share references, classes and types; each message has its own.
//!
//! What Java's `HessianProxyFactory` sends unless told otherwise is a call of Hessian 1 of major version 2: it wants
//! its reply in Hessian 2 ([`Call::reply_form`]). Version bytes are not checked beyond that, as in the Java library.
//!
//! ```
//! use hessian::rpc::{Call, Form, Reply};
//! # fn main() -> hessian::Result<()> {
//! let limits = hessian::Limits::new();
//! let (call, used) = Call::parse(b"H\x02\x00C\x03add\x92\x91\x92", &limits)?;
//! assert_eq!((call.method(), used), ("add", 11));
//! let sum: i64 = call.arguments().filter_map(|argument| argument.as_i64()).sum();
//!
//! let mut out = Vec::new();
//! hessian::rpc::write_reply(call.reply_form(), &sum, &mut out)?;
//! assert_eq!(out, b"H\x02\x00R\xe3");
//! let (reply, _) = Reply::parse(&out, &limits)?;
//! assert_eq!(reply.result().unwrap().as_i64(), Some(3));
//! # Ok(())
//! # }
//! ```

mod call;
mod fault;
mod head;
mod one;
mod read;
mod reply;
mod typed;
mod write;

pub use call::Call;
pub use fault::{ARGUMENT_COUNT, NO_SUCH_METHOD, PROTOCOL_EXCEPTION, SERVICE_EXCEPTION, ServiceFault};
pub use head::{CallHead, FromArguments};
pub(crate) use read::Input;
pub use reply::{Fault, Reply};
#[cfg_attr(not(feature = "client"), allow(unused_imports, reason = "the client's messages have it too"))]
pub(crate) use reply::{REPLY, RESULT};
#[cfg(feature = "client")]
pub(crate) use typed::value_of;
pub use typed::{Outcome, read_reply, read_reply_bytes};
pub use write::{Arguments, write_call, write_call_for, write_fault, write_reply, write_service_fault};

/// Arguments of a call at most: what a Java method may have.
pub const MAX_ARGUMENTS: usize = 255;

/// Headers (and footers) of a message at most. Java's own services know none.
pub const MAX_HEADERS: usize = 64;

/// The grammar of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// Hessian 1.
    One,
    /// Hessian 2.
    Two,
}

/// Versions as Java writes them.
const VERSION_ONE: [u8; 2] = [1, 0];
const VERSION_TWO: [u8; 2] = [2, 0];
