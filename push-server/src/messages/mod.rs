//! Messages from clients: a chain of handlers that are asked in order, and the system handler behind them.
//!
//! A browser sends a value on the stream that it reads; a handler of the application takes it, or passes it on, and what
//! nobody takes the system handler delivers: to one client if the message is for one, else to all readers of the stream.
//! That is the messaging of the forever-iframe framework (`CometMessageServlet`, its `MessageHandler`s, its
//! `SystemMessageHandler`), with an error for people (`CometBusinessException`) told apart from one that is not.
//!
//! ```
//! use push_server::Hub;
//! use push_server::messages::{Chain, ClientMessage, Failure, Verdict};
//! use push_server::web::{self, Access};
//!
//! #[derive(serde::Deserialize)]
//! struct Guess {
//!     guess: u32,
//! }
//!
//! async fn judge(message: ClientMessage) -> Result<Verdict, Failure> {
//!     // Whatever is no guess is for somebody else: the system handler sends it to all.
//!     let Ok(Guess { guess }) = message.parse() else { return Ok(Verdict::Pass) };
//!     match guess {
//!         42 => Verdict::reply(&"right"),
//!         0..=100 => Verdict::reply(&"wrong"),
//!         _ => Err(Failure::for_people("Guess a number from 0 to 100.")),
//!     }
//! }
//!
//! fn router(hub: Hub) -> axum::Router {
//!     web::router_with_handlers(hub, Access::ALL, Chain::new().with(judge))
//! }
//! ```
//!
//! # How messages come
//!
//! | from | |
//! | --- | --- |
//! | `POST /streams/{stream}/send`, `Content-Type: application/json` | the body is the value; `?client=` is the sender, `?to=` whom it is for |
//! | a WebSocket of the stream | a text message `{"id":7,"to":"ann","data":…}`; the sender is the `?client=` of the connection |
//! | `GET` or `POST /serverComet.message?streamId=…&message=…&clientId=…` | the form of the framework; the value is the text; `clientId` is whom it is for, `client` the sender |
//! | the program itself | [`Chain::dispatch`] |
//!
//! What is answered, and which requests are believed to be meant: [`web`](crate::web#messages-from-clients). A client says
//! by itself who it is: whoever knows a name can use it, unless what stands in front, or a handler, checks.
//!
//! # What is bounded
//!
//! | [`Limits`](crate::Limits) | |
//! | --- | --- |
//! | `message_bytes`, `ws_message` | one message, over HTTP and over a WebSocket; `message_bytes` also for a [reply](Receipt::Reply) |
//! | `handler_time` | how long the handlers take together for one message |
//! | `handlers_at_once` | messages that handlers have in hand |
//! | `bodies_in_all` | bytes of messages that have come and are not dealt with |
//! | `ws_unanswered` | messages of one WebSocket whose answers have not left |
//!
//! [`PEOPLE_TEXT`] bounds what people are told. Messages of one WebSocket are handled one after the other, in order; those
//! of different requests beside each other. A handler that has begun goes on to its end, or its time, also when the client
//! has gone.

mod chain;
mod check;
mod deliver;
mod handler;
mod message;
mod wire;

pub use chain::{Chain, Refused};
pub use deliver::{DeliverError, deliver};
pub use handler::{Failure, Handler, PEOPLE_TEXT, Receipt, Verdict};
pub use message::{BadMessage, ClientMessage};
pub(crate) use wire::{Envelope, Refusal, reason, receipt, retry, unpublished, unsent};
