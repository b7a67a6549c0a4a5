//! Streaming packets: values on a connection that stays open.
//!
//! A packet carries one value (or none: a heartbeat). Class and type tables live as long as the stream, references as
//! long as the packet. Four framings were used over the years; none announces itself.
//!
//! | framing | who | frame |
//! | --- | --- | --- |
//! | [`Framing::Ws`] | Java 4.0.11 and later, hessian-lite | flag (`05` first, `00` continued; bit 7: more follow), length 7 bit, `7e` u16 or `7f` u64 |
//! | [`Framing::P`] | Java 3.1.5–3.2.1, the Flash client | `p` (more follow) or `P` (last), u16 length |
//! | [`Framing::Varint`] | Java 4.0.0–4.0.2, hessian-flex 4.0.0 | base-128 length, `00` ends the packet |
//! | [`Framing::Marked`] | Java 4.0.3–4.0.10 | `80`, base-128 length; `80 00` ends the packet |

mod decode;
mod frame;

#[cfg(feature = "dump")]
pub(crate) use decode::{Header, recognise};
pub use decode::{Packet, PacketDecoder};
pub use frame::Framing;
