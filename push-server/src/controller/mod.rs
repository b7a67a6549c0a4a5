//! Controllers: an application's own logic for one connection, called at each event of its life.
//!
//! A stream of the hub is for what everybody gets. A controller is for what one connection gets: it is the comet servlet
//! of the Java world, and the union of what its servers offered. It begins with a request, is suspended, is resumed when
//! somebody has news for it, reads what the client sends, and is told of its end exactly once. The same controller
//! serves a connection that streams, in any [`Form`], and a [long poll](Suspend::long_poll).
//!
//! # A comet servlet, ported
//!
//! The server-push tutorial's: a service wakes the servlet with a counter, and closes it after the tenth update. The
//! page's iframe at `/comet` runs `comet_update(1)` to `comet_update(10)`.
//!
//! ```
//! use std::time::Duration;
//! use push_server::controller::{self, Context, Controller, Flow, Form, Handle, Result};
//!
//! /// TestCometServlet: sends what is new on each resume.
//! struct TestComet;
//!
//! impl Controller for TestComet {
//!     async fn begin(&mut self, cx: &mut Context) -> Result {
//!         cx.handle().start(timer_service(cx.handle().clone()));
//!         Ok(Flow::Suspend)
//!     }
//!
//!     async fn resume(&mut self, cx: &mut Context) -> Result {
//!         if let Some(count) = cx.get::<u32>("caucho.count") {
//!             cx.send(&*count)?;
//!         }
//!         Ok(Flow::Suspend)
//!     }
//! }
//!
//! /// TimerService.
//! async fn timer_service(comet: Handle) {
//!     for count in 1..=10_u32 {
//!         tokio::time::sleep(Duration::from_secs(2)).await;
//!         comet.set("caucho.count", count);
//!         comet.wake();
//!     }
//!     comet.complete();
//! }
//!
//! # use push_server::{Epoch, Hub, Limits, Server};
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let app = axum::Router::new().route("/comet", controller::route(Form::script(), |_| TestComet));
//! # let policy = policy_server::PolicyFile::builder().allow("*", "80").build()?;
//! # let hub = Hub::start(Epoch::now(), Limits::default(), 1);
//! # let server = Server::new(hub, app, policy_server::Responder::new(&policy));
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let mut client = tokio::net::TcpStream::connect(listener.local_addr()?).await?;
//! # client.write_all(b"GET /comet HTTP/1.0\r\n\r\n").await?;
//! # tokio::spawn(server.serve(listener, std::future::pending()));
//! # let mut page = Vec::new();
//! # client.read_buf(&mut page).await?; // Real time until it has come.
//! # tokio::time::pause();
//! # let mut rest = String::new();
//! # client.read_to_string(&mut rest).await?;
//! # let page = String::from_utf8(page)? + &rest;
//! # let calls: Vec<_> = (1..=10).map(|n| page.find(&format!("comet_update({n}, null);"))).collect();
//! # assert!(calls.iter().all(Option::is_some) && calls.is_sorted(), "{page}");
//! # assert!(page.ends_with("comet_call(\"comet_end\", \"complete\", null);</script>\n</body></html>\n"));
//! # Ok(())
//! # }
//! ```
//!
//! # A long poll, ported
//!
//! The weather servlet of the articles on Tomcat 6 and Jetty, which is the same on both but for their calls: what the weatherman
//! has to say gathers while nobody asks; a request gets all of it and ends, and the page asks again.
//!
//! ```
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//! use axum::{Router, routing::any};
//! use push_server::controller::{Context, Controller, Flow, Form, Handle, Input, Reason, Result, Suspend};
//!
//! /// MessageSender: the messages, and the connection that waits for them.
//! #[derive(Clone, Default)]
//! struct MessageSender(Arc<Mutex<(Vec<String>, Option<Handle>)>>);
//!
//! impl MessageSender {
//!     fn send(&self, message: String) {
//!         let mut state = self.0.lock().unwrap();
//!         state.0.push(message);
//!         if let Some(connection) = &state.1 {
//!             connection.wake();
//!         }
//!     }
//!
//!     /// setConnection.
//!     fn connect(&self, connection: Handle) {
//!         let mut state = self.0.lock().unwrap();
//!         if !state.0.is_empty() {
//!             connection.wake(); // It is resumed when `begin` has returned.
//!         }
//!         state.1 = Some(connection);
//!     }
//!
//!     fn take(&self) -> Vec<String> {
//!         std::mem::take(&mut self.0.lock().unwrap().0)
//!     }
//! }
//!
//! struct Weather(MessageSender);
//!
//! impl Controller for Weather {
//!     // EventType.BEGIN; isInitial()
//!     async fn begin(&mut self, cx: &mut Context) -> Result {
//!         cx.set_timeout(Some(Duration::from_secs(60)));
//!         self.0.connect(cx.handle().clone());
//!         Ok(Flow::Suspend)
//!     }
//!
//!     // MessageSender.run(); isResumed()
//!     async fn resume(&mut self, cx: &mut Context) -> Result {
//!         for forecast in self.0.take() {
//!             cx.write(format!("{forecast}<br>"))?;
//!         }
//!         Ok(Flow::Complete)
//!     }
//!
//!     // EventType.READ
//!     async fn read(&mut self, _: &mut Context, _: Input) -> Result {
//!         Err("This servlet does not accept data".into())
//!     }
//!
//!     // EventType.END, EventType.ERROR; onComplete
//!     fn close(&mut self, reason: Reason) {
//!         println!("End: {reason:?}");
//!     }
//! }
//!
//! /// Weatherman.
//! async fn weatherman(sender: MessageSender) {
//!     loop {
//!         for zip in [95118, 32408] {
//!             sender.send(format!("{zip}: sunny"));
//!         }
//!         tokio::time::sleep(Duration::from_secs(30)).await;
//!     }
//! }
//!
//! # use push_server::{Epoch, Hub, Limits, Server};
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<()> {
//! let sender = MessageSender::default();
//! # let theirs = sender.clone();
//! let weather = async move |suspend: Suspend| {
//!     suspend.form(Form::raw("text/html")).long_poll().run(Weather(sender.clone()))
//! };
//! let app = Router::new().route("/Weather", any(weather));
//! # tokio::spawn(weatherman(theirs));
//! # let policy = policy_server::PolicyFile::builder().allow("*", "80").build()?;
//! # let hub = Hub::start(Epoch::now(), Limits::default(), 1);
//! # let server = Server::new(hub, app, policy_server::Responder::new(&policy));
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let address = listener.local_addr()?;
//! # tokio::spawn(server.serve(listener, std::future::pending()));
//! # // What has gathered, then the news of each half minute.
//! # let begin = tokio::time::Instant::now();
//! # for second in [0, 30, 60] {
//! #     let mut client = tokio::net::TcpStream::connect(address).await?;
//! #     client.write_all(b"GET /Weather HTTP/1.0\r\n\r\n").await?;
//! #     let mut page = String::new();
//! #     client.read_to_string(&mut page).await?;
//! #     assert!(page.ends_with("\r\n\r\n95118: sunny<br>32408: sunny<br>"), "{page}");
//! #     assert_eq!(begin.elapsed().as_secs(), second);
//! # }
//! # let mut client = tokio::net::TcpStream::connect(address).await?;
//! # client.write_all(b"POST /Weather HTTP/1.0\r\nContent-Length: 1\r\n\r\nx").await?;
//! # let mut page = String::new();
//! # client.read_to_string(&mut page).await?;
//! # assert!(page.starts_with("HTTP/1.0 500 "), "{page}");
//! # Ok(())
//! # }
//! ```
//!
//! # Where each call has gone
//!
//! | `CometController`, `GenericCometServlet` (Resin 3.1) | here |
//! | --- | --- |
//! | `service(request, response, controller)` | [`Controller::begin`] |
//! | `resume(request, response, controller)` | [`Controller::resume`] |
//! | returning `true`, `false` from either | [`Flow::Suspend`], [`Flow::Complete`] |
//! | `controller.wake()` | [`Handle::wake`], with the same `false` when it is too late |
//! | `controller.setAttribute`, `getAttribute`, `removeAttribute` | [`Handle::set`], [`Handle::get`] (typed), [`Handle::remove`]; [`Handle::take`] for both at once |
//! | `request.getAttribute` in `resume` | [`Context::get`] |
//! | `controller.close()` | [`Handle::complete`] |
//! | passing the controller to other threads | [`Context::handle`], cloned |
//! | `response.setContentType` | the [`Form`], or [`Context::headers_mut`] |
//! | `Hessian2StreamingOutput.writeObject` | [`Context::send`] in the form [`Form::Hessian`]: one for the whole connection, so that a stream of many classes reads right |
//! | `out.print("<script>…")` | [`Context::send`] in the form [`Form::Script`], which escapes; or [`Context::write`] |
//!
//! | `CometProcessor`, `CometEvent` (Tomcat 6) | here |
//! | --- | --- |
//! | `event(event)` with `BEGIN` | [`Controller::begin`] |
//! | with `READ` | [`Controller::read`], given the bytes and the end |
//! | with `END` | [`Controller::close`] |
//! | with `ERROR`, sub-type `TIMEOUT` | [`Controller::timeout`], which may go on |
//! | with `ERROR`, sub-type `CLIENT_DISCONNECT` | [`Controller::close`] with [`Reason::Peer`]: no error |
//! | with `ERROR`, sub-type `IOEXCEPTION`; `END` of a broken request | [`Controller::error`], then [`Controller::close`] |
//! | with `END`, sub-type `SERVER_SHUTDOWN` | [`Controller::close`] with [`Reason::Shutdown`] |
//! | with `END`, sub-type `WEBAPP_RELOAD` | the same: a route goes with its server |
//! | with `END`, sub-type `SESSION_END` | none: there are no sessions; who ends one of its own calls [`Handle::complete`] |
//! | `event.close()` | [`Flow::Complete`], from elsewhere [`Handle::complete`] |
//! | `event.setTimeout(ms)`, attribute `org.apache.tomcat.comet.timeout` | [`Context::set_timeout`], [`Suspend::timeout`] |
//! | writing to the kept `ServletResponse` from another thread | [`Handle::set`] and [`Handle::wake`]; [`Controller::resume`] writes |
//!
//! | `Continuation` (Jetty 6, 7) | here |
//! | --- | --- |
//! | `ContinuationSupport.getContinuation(request)` | [`Suspend`], an argument of the handler |
//! | `suspend()`, `suspend(ms)`, `setTimeout(ms)` | [`Flow::Suspend`], with [`Context::set_timeout`] |
//! | `resume()` | [`Handle::wake`] |
//! | the request handled again: `isResumed()`, `isExpired()`, `isInitial()` | a callback each: [`resume`](Controller::resume), [`timeout`](Controller::timeout), [`begin`](Controller::begin) |
//! | `isNew()` (6) | [`begin`](Controller::begin) |
//! | `complete()` | [`Handle::complete`] |
//! | `undispatch()`, the exception that leaves the servlet | none: a callback returns [`Flow::Suspend`] |
//! | `setAttribute`, `getAttribute`, `removeAttribute` | [`Handle::set`], [`Handle::get`], [`Handle::remove`] |
//! | `setObject(object)`, `getObject()` (6) | the controller's own fields, from elsewhere [`Handle::set`] and [`Handle::get`] |
//! | `addContinuationListener(listener)` | none: the controller is told; others wait for [`Handle::closed`] |
//! | `isPending()`, `isSuspended()` | the opposite of [`Handle::is_closed`] |
//! | `ContinuationListener.onComplete`, `onTimeout` | [`Controller::close`], [`Controller::timeout`] |
//!
//! | `AsyncContext`, `AsyncListener` (Servlet 3.0) | here |
//! | --- | --- |
//! | `request.startAsync()`, `@WebServlet(asyncSupported)` | [`Suspend`] and [`Suspend::run`], or [`route()`] |
//! | `request.getAsyncContext()` | [`Context`] in callbacks, elsewhere its [`Handle`] |
//! | `isAsyncStarted()` | the opposite of [`Handle::is_closed`] |
//! | `setTimeout(ms)`, default 30 s; `getTimeout()` | [`Context::set_timeout`], [`Suspend::timeout`]; default [`TIMEOUT`] where no heartbeat goes out; [`Context::timeout`] |
//! | `setTimeout(0)` | `set_timeout(None)` |
//! | `@WebServlet(asyncTimeout = ms)` (drafts) | [`Suspend::timeout`] |
//! | `dispatch()` | [`Handle::wake`] |
//! | `dispatch(path)`, `dispatch(context, path)` | none: a controller answers its own request |
//! | `addListener(listener)` | none: the controller is told; others wait for [`Handle::closed`] |
//! | `complete()` | [`Handle::complete`], [`Flow::Complete`] |
//! | `start(runnable)` | [`Handle::start`], which ends with the connection |
//! | `getRequest`, `hasOriginalRequestAndResponse` | the handler's arguments, which the controller keeps what it needs of |
//! | `getResponse().getWriter()` | [`Context`], in callbacks only |
//! | `onStartAsync` | [`Controller::begin`] |
//! | `onTimeout`, `onError`, `onComplete` | [`Controller::timeout`], [`Controller::error`], [`Controller::close`] (once on every path, which `onComplete` was not) |
//! | `ReadListener.onDataAvailable`, `onAllDataRead` (3.1) | [`Controller::read`] with [`Input::Data`], [`Input::End`] |
//! | `WriteListener.onWritePossible`, `isReady` (3.1) | [`Handle::wake`] by oneself: callbacks come when everything written before has left |
//!
//! # What it costs, and what bounds it
//!
//! A connection is a task that holds its socket, the controller, and no buffer while it is idle: some 3 KiB (the README
//! has the figure and how to measure it), where a response body of an HTTP library costs some ten. That is why a
//! controller takes the socket over, as a stream of the hub does. It is a task of its own, and not a member of one of
//! the hub's shards, because its callbacks may await, and so none may hold up another. Only while a request *body* is
//! read HTTP's machinery stays in place, to decode it.
//!
//! What waits for a client: at most [`Suspend::pending_bytes`], beside one batch of a joined stream (64 messages, shared
//! with its log). A client that takes nothing of it for [`Limits::stall`](crate::Limits::stall) is cut off, and one that
//! joined a stream is bound by that stream's [`StreamConfig`](crate::StreamConfig). What comes from a client: at most
//! [`Suspend::input_bytes`], in pieces of [`READ`], the next when the last was dealt with; on a WebSocket messages of
//! [`Limits::ws_message`](crate::Limits::ws_message), as many as it deals with. How long: the
//! [timeout](Context::set_timeout), a [lifetime](Suspend::lifetime), [`Suspend::callback_time`]. How many:
//! [`Limits::connections`](crate::Limits::connections).
//!
//! A client that resets the connection is noticed at once; one that closes it within a second or so, as what is sent to
//! it then comes back as a reset. (Ending one direction is no closing: such a client still reads.) One that vanishes
//! without a word is noticed by the heartbeat that is not acknowledged,
//! [`Limits::unacknowledged`](crate::Limits::unacknowledged) after it. To a long poll nothing can be sent before its
//! answer, so there only a reset shows, or the timeout ends it.

mod callbacks;
mod context;
mod error;
mod form;
mod handle;
mod input;
mod life;
mod output;
mod route;
mod run;
mod settings;
mod socket;
mod suspend;
mod wire;

#[cfg(test)]
mod tests;

pub use callbacks::{Controller, Flow, Input, Reason, Result};
pub use context::Context;
pub use error::{BoxError, Error, WriteError};
pub use form::Form;
pub use handle::Handle;
pub use input::BadBody;
pub use route::{route, router};
pub use settings::{CALLBACK_TIME, INPUT_BYTES, LONGEST_WAIT, PENDING_BYTES, READ, TIMEOUT};
pub use suspend::Suspend;

pub(crate) use error::panic_text;
pub(crate) use suspend::{Launch, Seat, Takeover, Vacated};
