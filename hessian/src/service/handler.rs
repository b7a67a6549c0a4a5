//! What answers calls, and what it is given.

use super::context::Context;
use super::download::Download;
use super::names::{self, Named};
use crate::error::{Error, ErrorKind};
use crate::limits::Limits;
use crate::rpc::{
    ARGUMENT_COUNT, Call, CallHead, Form, FromArguments, NO_SUCH_METHOD, PROTOCOL_EXCEPTION,
    SERVICE_EXCEPTION, ServiceFault, write_reply,
};
use bytes::{Bytes, BytesMut};
use serde::Serialize;
use std::future::Future;

/// Answers the calls of a [`Service`](super::Service).
///
/// [`interface!`](crate::interface) makes one of a trait and [`Methods`](super::Methods) one of closures. By hand it is for
/// what knows its methods at run time only, such as a gateway:
///
/// ```
/// use hessian::rpc::ServiceFault;
/// use hessian::service::{Answer, Handler, Request};
///
/// /// Answers each call with its first argument, whatever it is: references and classes stay as they are.
/// struct Echo;
///
/// impl Handler for Echo {
///     async fn call(&self, request: Request) -> Result<Answer, ServiceFault> {
///         let call = request.graph()?;
///         match call.arguments().next() {
///             Some(first) => request.answer(&hessian::to_graph(&first)?),
///             None => Err(ServiceFault::new("ServiceException", "nothing to echo")),
///         }
///     }
/// }
/// ```
///
/// Panics are caught where they unwind: the call gets a fault, others go on. When the caller goes away, or after
/// [`Options::method_timeout`](super::Options::method_timeout), the future is dropped where it waits: what has to be done to
/// its end belongs in a task of its own.
pub trait Handler: Send + Sync + 'static {
    /// The Java interface, which `HessianProxyFactory.create(url)` asks for (`_hessian_getAttribute`). `None`: the handler is
    /// called for that method too.
    fn interface(&self) -> Option<&str> {
        None
    }

    /// Answers one call. The value is encoded by [`Request::answer`] in the form that the caller reads.
    fn call(&self, request: Request) -> impl Future<Output = Result<Answer, ServiceFault>> + Send;
}

/// A call that has arrived as a whole, and the request that it came in. Cloned at the price of the method's name.
#[derive(Debug, Clone)]
pub struct Request {
    body: Bytes,
    head: CallHead,
    limits: Limits,
    context: Context,
}

impl Request {
    /// A call, as it may be made for tests of a handler.
    ///
    /// # Errors
    /// As [`CallHead::parse`].
    pub fn new(body: Bytes, limits: Limits, context: Context) -> Result<Self, Error> {
        Ok(Self { head: CallHead::parse(&body, &limits)?, body, limits, context })
    }

    /// The name of the method, as it stands in the call: perhaps with the types of overloaded arguments.
    #[must_use]
    pub fn method(&self) -> &str {
        self.head.method()
    }

    /// What the call tells before its arguments.
    #[must_use]
    pub fn head(&self) -> &CallHead {
        &self.head
    }

    /// The request around the call.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The bytes of the call: what a gateway sends on.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The arguments: `let (a, b): (i32, String) = request.arguments()?`. A [`Binary`](crate::Binary) in them shares the bytes
    /// of the call.
    ///
    /// # Errors
    /// The fault to answer with: it tells the method, which argument, where in it and at which byte.
    pub fn arguments<'a, T: FromArguments<'a>>(&'a self) -> Result<T, ServiceFault> {
        self.head.arguments_from_bytes(&self.body, &self.limits).map_err(|error| self.refusal(&error))
    }

    /// The call without types: headers and arguments of any kind, references and cycles included. Borrows text and bytes.
    ///
    /// # Errors
    /// The fault to answer with.
    pub fn graph(&self) -> Result<Call<'_>, ServiceFault> {
        let call = Call::parse(&self.body, &self.limits).map_err(|error| self.refusal(&error))?;
        Ok(call.0)
    }

    /// The method of a table that the call means: its index. The name is looked up as Java's skeleton does it: methods of one
    /// name by the number of their arguments; names with the number (`add__2`) or the types of the arguments (`add_int_int`)
    /// are understood.
    ///
    /// # Errors
    /// The fault to answer with when there is no such method.
    pub fn find(&self, methods: &[(&str, usize)]) -> Result<usize, ServiceFault> {
        self.find_among(methods.iter().map(|&(name, arity)| Named { name, arity }))
    }

    pub(super) fn find_among<'a>(
        &self,
        methods: impl Iterator<Item = Named<'a>> + Clone,
    ) -> Result<usize, ServiceFault> {
        let count = || self.head.count_in(&self.body, &self.limits);
        let found = names::find(methods, self.method(), count).map_err(|error| self.refusal(&error))?;
        found.ok_or_else(|| self.no_such_method())
    }

    /// The fault of a call whose method there is not, as Java tells it.
    #[must_use]
    pub fn no_such_method(&self) -> ServiceFault {
        ServiceFault::new(NO_SUCH_METHOD, format!("The service has no method named: {}", self.method()))
    }

    #[cold]
    fn refusal(&self, error: &Error) -> ServiceFault {
        let code = match error.kind() {
            ErrorKind::ArgumentCount { .. } => ARGUMENT_COUNT,
            _ => PROTOCOL_EXCEPTION,
        };
        ServiceFault::new(code, format!("{}: {error}", self.method()))
    }

    /// A value, encoded as the caller reads it.
    ///
    /// # Errors
    /// The fault to answer with when it cannot be encoded (a number above `i64::MAX`).
    pub fn answer<T: Serialize + ?Sized>(&self, value: &T) -> Result<Answer, ServiceFault> {
        let mut out = BytesMut::new();
        match write_reply(self.head.reply_form(), value, &mut out) {
            Ok(()) => Ok(Answer(Kind::Whole(out.freeze()))),
            Err(error) => {
                tracing::error!(method = self.method(), %error, "the result of a method cannot be encoded");
                let message = format!("{}: the result cannot be encoded: {error}", self.method());
                Err(ServiceFault::new(SERVICE_EXCEPTION, message))
            }
        }
    }

    /// A binary that is sent as it is read.
    #[must_use]
    pub fn stream(&self, download: Download) -> Answer {
        Answer(Kind::Stream(download, self.head.reply_form()))
    }
}

/// What a call is answered with: made by [`Request::answer`] and [`Request::stream`].
#[derive(Debug)]
pub struct Answer(pub(super) Kind);

#[derive(Debug)]
pub(super) enum Kind {
    Whole(Bytes),
    Stream(Download, Form),
}

impl Answer {
    /// A reply as somebody else has encoded it, for gateways: it is not looked at.
    #[must_use]
    pub fn encoded(reply: Bytes) -> Self {
        Self(Kind::Whole(reply))
    }
}

/// What methods of a table may return: anything that serializes, and [`Download`].
pub trait IntoAnswer {
    /// Encodes it as the caller of the request reads it.
    ///
    /// # Errors
    /// As [`Request::answer`].
    fn into_answer(self, request: &Request) -> Result<Answer, ServiceFault>;
}

impl<T: Serialize> IntoAnswer for T {
    fn into_answer(self, request: &Request) -> Result<Answer, ServiceFault> {
        request.answer(&self)
    }
}

impl IntoAnswer for Download {
    fn into_answer(self, request: &Request) -> Result<Answer, ServiceFault> {
        Ok(request.stream(self))
    }
}
