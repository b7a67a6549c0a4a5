//! A Rust service that answers Hessian calls.
//!
//! [`Service`] is a `tower` service: axum takes it as a route, bare hyper as it is
//! (`hyper_util::service::TowerToHyperService`). It answers calls of Hessian 2, of Hessian 1, and those of Java's default
//! client, which are in Hessian 1 and want Hessian 2 back.
//!
//! What it calls is a [`Handler`]: of a trait ([`interface!`](crate::interface)), of closures ([`Methods`]), or by hand for
//! what is known at run time only.
//!
//! ```
//! use hessian::java::Throwable;
//! use hessian::rpc::ServiceFault;
//! use hessian::service::Service;
//!
//! hessian::interface! {
//!     /// Computes.
//!     pub trait Calculator["com.example.Calculator"] {
//!         /// The quotient, without what is left.
//!         async fn divide(a: i32, b: i32) -> i32;
//!     }
//!     service CalculatorService;
//! }
//!
//! struct Abacus;
//!
//! impl Calculator for Abacus {
//!     async fn divide(&self, a: i32, b: i32) -> Result<i32, ServiceFault> {
//!         let zero = || Throwable::new("java.lang.ArithmeticException", "/ by zero");
//!         Ok(a.checked_div(b).ok_or_else(zero)?)
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let service = Service::new(CalculatorService(Abacus));
//! let router: axum::Router = axum::Router::new().route_service("/calculator", service.clone());
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
//! # let ending = async { Ok::<_, std::io::Error>(drop(service.stats())) };
//! # tokio::select! { _ = async {
//! axum::serve(listener, router).await
//! # } => {}, _ = ending => {} }
//! # Ok(())
//! # }
//! ```
//!
//! A Java program calls it as it calls any Hessian service:
//!
//! ```java
//! HessianProxyFactory factory = new HessianProxyFactory();
//! Calculator calculator = (Calculator) factory.create("http://127.0.0.1:8080/calculator");
//! calculator.divide(7, 2); // 3; of (1, 0): throws java.lang.ArithmeticException: / by zero
//! ```
//!
//! # What is answered
//!
//! | request | answer |
//! | --- | --- |
//! | a call that its method answers | 200, a reply in the form that the caller reads |
//! | a method that returns an error | 200, a fault: with an exception ([`ServiceFault::thrown`]) Java's client throws that very class, if it has it; without, a `HessianServiceException` of code and message |
//! | a method that panics | 200, a fault with a `java.lang.RuntimeException` without what the panic said, which is logged |
//! | a method that there is not | 200, a fault of the code `NoSuchMethodException` |
//! | another number of arguments | 200, a fault of the code `NoSuchMethod` |
//! | arguments that are malformed, of other types or beyond [`Limits`](crate::Limits) | 200, a fault of the code `ProtocolException`: which argument, where in it, at which byte |
//! | `_hessian_getAttribute` | the name of the interface, which `HessianProxyFactory.create(url)` asks for |
//! | a body that is no call | 400 |
//! | not a `POST` | 405, `Allow: POST` |
//! | a body that is slower than `body_timeout` | 408 |
//! | a body larger than `max_body` | 413 |
//! | `Content-Encoding` | 415 |
//! | more than `max_calls`, `max_bodies` or `max_replies`; a method slower than `method_timeout` | 503, `Retry-After` |
//!
//! Java's client makes a `HessianConnectionException` of everything but 200. The bounds are fields of [`Options`]; each
//! outcome has its counter in [`Stats`]. Refusals and faults are logged by `tracing` as `DEBUG`, overload when it begins
//! (`WARN`) and ends, panics as `ERROR`; what a method logs stands in a span `call` with the method and the request's id, the
//! header `x-request-id`, which comes back in the response.
//!
//! The content type is `x-application/hessian` as of Caucho's servlet, or Spring's `application/x-hessian` where the
//! request has that. What type the request has is not checked: who lets browsers in by cookies or by where they stand should
//! refuse other types than these two in a layer, as pages of any site may post text and forms. A call in a compressed envelope
//! ([`envelope::DEFLATION`](crate::envelope::DEFLATION), feature `deflate`) is opened; its reply has no envelope, because
//! Java's client reads none. Messages of faults stand as they are: Caucho's skeleton writes `<` as `&lt;`, which no client
//! undoes. Java's clients ask for `Content-Encoding: deflate` and mean deflate without zlib's head, which layers that
//! compress (`tower_http`) do not write: leave `deflate` out of them.
//!
//! # Who calls
//!
//! Authentication is a layer in front. What it puts into the request's extensions, the method finds in its [`Context`]:
//!
//! ```
//! use axum::extract::Request;
//! use axum::http::{StatusCode, header::AUTHORIZATION};
//! use axum::middleware::{Next, from_fn};
//! use axum::response::Response;
//! use hessian::rpc::ServiceFault;
//! use hessian::service::{Context, Methods, Service};
//!
//! #[derive(Clone)]
//! struct User(&'static str);
//!
//! async fn authenticate(mut request: Request, next: Next) -> Result<Response, StatusCode> {
//!     // As HessianProxyFactory.setUser and setPassword send them.
//!     let user = match request.headers().get(AUTHORIZATION).map(|value| value.as_bytes()) {
//!         Some(b"Basic YWRhOnNlY3JldA==") => User("ada"),
//!         _ => return Err(StatusCode::UNAUTHORIZED),
//!     };
//!     request.extensions_mut().insert(user);
//!     Ok(next.run(request).await)
//! }
//!
//! let methods = Methods::new().method("whoami", async || {
//!     let user = Context::current().and_then(|context| context.extension::<User>().cloned());
//!     Ok::<_, ServiceFault>(user.map(|user| user.0))
//! });
//! let router: axum::Router =
//!     axum::Router::new().route_service("/", Service::new(methods)).layer(from_fn(authenticate));
//! # drop(router);
//! ```
//!
//! # Memory
//!
//! A call is held as a whole while its method runs; binary arguments ([`Binary`](crate::Binary)) share its bytes. Results are
//! encoded before they are sent, but for binary ones that are sent as they are read ([`Download`]). A runtime of tokio with
//! its timers is needed.
//!
//! The behaviour is that of `com.caucho.hessian.server.HessianServlet` and `HessianSkeleton` 4.0.38 but where said; there a
//! body that is no call is a 500, and so is one whose arguments cannot be read.
//!
//! [`ServiceFault::thrown`]: crate::rpc::ServiceFault::thrown

mod body;
mod context;
mod download;
mod handler;
mod methods;
mod names;
mod options;
mod serve;
mod stats;

pub use body::Body;
pub use context::{Context, MAX_REQUEST_ID, REQUEST_ID};
pub use download::Download;
pub use handler::{Answer, Handler, IntoAnswer, Request};
pub use methods::{Callable, Methods};
pub use options::Options;
pub use serve::Service;
pub use stats::Stats;
