//! A table of closures.

use super::handler::{Answer, Handler, IntoAnswer, Request};
use super::names::Named;
use crate::rpc::ServiceFault;
use serde::de::DeserializeOwned;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

type Answering = Pin<Box<dyn Future<Output = Result<Answer, ServiceFault>> + Send>>;

/// A handler of methods that are closures: for services without a trait, and tables that are made at run time. Costs two
/// boxes a call more than [`interface!`](crate::interface).
///
/// ```
/// use hessian::rpc::ServiceFault;
/// use hessian::service::{Methods, Service};
///
/// let methods = Methods::new()
///     .interface("com.example.Calculator")
///     .method("add", |a: i32, b: i32| async move { Ok::<_, ServiceFault>(a + b) })
///     .method("add", |a: i32, b: i32, c: i32| async move { Ok::<_, ServiceFault>(a + b + c) })
///     .method("divide", async |a: i32, b: i32| match b {
///         0 => Err(ServiceFault::new("ServiceException", "division by zero")),
///         _ => Ok(a / b),
///     });
/// let service = Service::new(methods);
/// # drop(service);
/// ```
#[derive(Default)]
pub struct Methods {
    interface: Option<Box<str>>,
    methods: Vec<Entry>,
}

struct Entry {
    name: Box<str>,
    arity: usize,
    run: Box<dyn Fn(Request) -> Answering + Send + Sync>,
}

impl Methods {
    /// A table without methods.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tells the Java interface ([`Handler::interface`]).
    #[must_use]
    pub fn interface(mut self, name: &str) -> Self {
        self.interface = Some(name.into());
        self
    }

    /// Adds a method: a closure or function of up to 16 arguments. One of the same name is an overload if it takes another
    /// number of arguments; else the first one stays. For overloads of the same number the name is the mangled one
    /// (`add_double_double`).
    #[must_use]
    pub fn method<T, M: Callable<T>>(mut self, name: &str, method: M) -> Self {
        let run = Box::new(move |request| -> Answering { method.run(request) });
        self.methods.push(Entry { name: name.into(), arity: M::ARITY, run });
        self
    }
}

impl Handler for Methods {
    fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    async fn call(&self, request: Request) -> Result<Answer, ServiceFault> {
        let names = self.methods.iter().map(|method| Named { name: &method.name, arity: method.arity });
        let found = request.find_among(names)?;
        (self.methods[found].run)(request).await
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.methods.iter().map(|method| (&method.name, method.arity));
        f.debug_struct("Methods")
            .field("interface", &self.interface)
            .field("methods", &names.collect::<Vec<_>>())
            .finish()
    }
}

/// What [`Methods`] takes: functions of up to 16 arguments that deserialize, whose future gives a result that serializes (or
/// a [`Download`](super::Download)), or an error that becomes a fault. Sealed.
pub trait Callable<T>: private::Sealed<T> + Send + Sync + 'static {
    /// How many arguments it takes.
    #[doc(hidden)]
    const ARITY: usize;
    /// Decodes the arguments, calls, encodes the result.
    #[doc(hidden)]
    fn run(&self, request: Request) -> Answering;
}

macro_rules! callable {
    ($($type:ident)*) => {
        impl<Function, Run, Value, Error, $($type,)*> Callable<($($type,)*)> for Function
        where
            Function: Fn($($type,)*) -> Run + Send + Sync + 'static,
            Run: Future<Output = Result<Value, Error>> + Send + 'static,
            Value: IntoAnswer,
            Error: Into<ServiceFault>,
            $($type: DeserializeOwned,)*
        {
            const ARITY: usize = <[&str]>::len(&[$(stringify!($type)),*]);

            #[allow(non_snake_case, reason = "named as their types")]
            fn run(&self, request: Request) -> Answering {
                let arguments = request.arguments::<($($type,)*)>();
                let run = match arguments {
                    Ok(($($type,)*)) => self($($type,)*),
                    Err(fault) => return Box::pin(async { Err(fault) }),
                };
                Box::pin(async move {
                    match run.await {
                        Ok(value) => value.into_answer(&request),
                        Err(error) => Err(error.into()),
                    }
                })
            }
        }

        impl<Function, Run, $($type,)*> private::Sealed<($($type,)*)> for Function
        where
            Function: Fn($($type,)*) -> Run,
        {
        }
    };
}

callable! {}
callable! { A0 }
callable! { A0 A1 }
callable! { A0 A1 A2 }
callable! { A0 A1 A2 A3 }
callable! { A0 A1 A2 A3 A4 }
callable! { A0 A1 A2 A3 A4 A5 }
callable! { A0 A1 A2 A3 A4 A5 A6 }
callable! { A0 A1 A2 A3 A4 A5 A6 A7 }
callable! { A0 A1 A2 A3 A4 A5 A6 A7 A8 }
callable! { A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 }
callable! { A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 }
callable! { A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 }
callable! { A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 }
callable! { A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 }
callable! { A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 }
callable! { A0 A1 A2 A3 A4 A5 A6 A7 A8 A9 A10 A11 A12 A13 A14 A15 }

#[expect(unnameable_types, reason = "sealed: nobody else implements Callable")]
mod private {
    pub trait Sealed<T> {}
}
