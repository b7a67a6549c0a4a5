//! One declaration of an interface for both ends.

/// Declares a Java interface once; makes what each end needs: a trait with its dispatcher for a service, a typed proxy for
/// clients.
///
/// ```
/// # #[cfg(all(feature = "client", feature = "service"))]
/// # mod both {
/// hessian::interface! {
///     /// Computes.
///     pub trait Calculator["com.example.Calculator"] {
///         /// The sum.
///         async fn add(a: i32, b: i32) -> i32;
///
///         /// The sum of all three. `add` too for Java: one name, told apart by the number of arguments.
///         #[name = "add"]
///         async fn add_three(a: i32, b: i32, c: i32) -> i32;
///
///         /// As many arguments as another `add`: told apart by Java's mangled name.
///         #[name = "add_double_double"]
///         async fn add_doubles(a: f64, b: f64) -> f64;
///
///         /// Returns nothing (`void`).
///         async fn clear();
///
///         /// A large binary (`byte[]` or `InputStream`), sent and received as a stream.
///         stream fn tape(reel: String);
///     }
///     client CalculatorClient;
///     service CalculatorService;
/// }
/// # }
/// ```
///
/// * `service CalculatorService;` (feature `service`) makes the trait, and a tuple struct around whatever implements it, which
///   is a [`Handler`](crate::service::Handler): `Service::new(CalculatorService(MyCalculator))`. The trait's methods take
///   `&self` and the arguments and return `Result<R, ServiceFault>`; they are written as `async fn`, and their futures are
///   `Send`. `?` works on whatever becomes a [`ServiceFault`](crate::rpc::ServiceFault) by `From`. An `Arc` of an
///   implementation is one too. `stream fn` returns a [`Download`](crate::service::Download).
/// * `client CalculatorClient;` (feature `client`) makes a struct around a `client::Client` with the same methods, which
///   return the client's `Result`; of a `stream fn` a `client::BinaryReply`. Leave the client's `overload_names` off: the
///   names are these.
/// * `["com.example.Calculator"]`, the name of the interface, is what `HessianProxyFactory.create(url)` asks a service for. It
///   may be left out.
/// * `#[name = "getName"]`: the name in Java, where it is not the Rust one. Java's own names may be used in Rust too: nothing
///   warns about their case, and `r#type` is `type` in Java. It stands last before the method, behind its documentation;
///   other attributes are not taken. A proxy has the methods `new` and `client` itself: give Java's `client` another name.
///
/// Arguments are owned types that serialize (client) and deserialize (service), 16 at most. A
/// service finds its methods as Java's does: by their names; where several have one name, by the number of their arguments; by
/// `add__2` and, from clients with `setOverloadEnabled(true)`, by names with types (`add_int_int`), which need no
/// declaration unless two methods have as many arguments.
#[macro_export]
macro_rules! interface {
    (
        $(#[$meta:meta])* $vis:vis trait $trait:ident $([$java:expr])? { $($methods:tt)* }
        client $client:ident; service $service:ident;
    ) => {
        $crate::__interface_client! { [$(#[$meta])*] [$vis] $client { $($methods)* } }
        $crate::__interface_service! { [$(#[$meta])*] [$vis] $trait [$($java)?] $service { $($methods)* } }
    };
    ($(#[$meta:meta])* $vis:vis trait $trait:ident $([$java:expr])? { $($methods:tt)* } client $client:ident;) => {
        $crate::__interface_client! { [$(#[$meta])*] [$vis] $client { $($methods)* } }
    };
    ($(#[$meta:meta])* $vis:vis trait $trait:ident $([$java:expr])? { $($methods:tt)* } service $service:ident;) => {
        $crate::__interface_service! { [$(#[$meta])*] [$vis] $trait [$($java)?] $service { $($methods)* } }
    };
}

/// The name of a method on the wire.
#[doc(hidden)]
#[macro_export]
macro_rules! __interface_name {
    ([$name:expr] $method:ident) => {
        $name
    };
    ([] $method:ident) => {
        $crate::__interface_plain(::core::stringify!($method))
    };
}

/// A name without what makes a keyword of Rust an identifier (`r#type`): Java's name of it.
#[doc(hidden)]
#[must_use]
pub const fn plain(name: &'static str) -> &'static str {
    match name.as_bytes() {
        [b'r', b'#', ..] => name.split_at(2).1,
        _ => name,
    }
}

/// What a method of a service returns.
#[doc(hidden)]
#[macro_export]
macro_rules! __interface_result {
    (async [$result:ty]) => {
        $result
    };
    (async []) => {
        ()
    };
    (stream []) => {
        $crate::service::Download
    };
}

#[cfg(feature = "client")]
#[doc(hidden)]
#[macro_export]
macro_rules! __interface_client {
    (
        [$($meta:tt)*] [$vis:vis] $client:ident
        {
            $(
                $(#[doc = $doc:expr])*
                $(#[name = $name:expr])?
                $kind:ident fn $method:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;
            )*
        }
    ) => {
        $($meta)*
        #[derive(::core::fmt::Debug, ::core::clone::Clone)]
        $vis struct $client {
            client: $crate::client::Client,
        }

        #[allow(dead_code, non_snake_case, clippy::too_many_arguments, reason = "as the interface has them")]
        impl $client {
            /// Calls by this client.
            #[must_use]
            $vis const fn new(client: $crate::client::Client) -> Self {
                Self { client }
            }

            /// The client that calls.
            #[must_use]
            $vis const fn client(&self) -> &$crate::client::Client {
                &self.client
            }

            $(
                $crate::__interface_client_method! {
                    [$(#[doc = $doc])*] [$vis] $kind $method
                    [$crate::__interface_name!([$($name)?] $method)] ($($argument: $type,)*) [$($result)?]
                }
            )*
        }
    };
}

#[cfg(feature = "client")]
#[doc(hidden)]
#[macro_export]
macro_rules! __interface_client_method {
    (
        [$($doc:tt)*] [$vis:vis] async $method:ident [$name:expr] ($($argument:ident: $type:ty,)*) [$($result:ty)?]
    ) => {
        $($doc)*
        ///
        /// # Errors
        /// As `hessian::client::Client::call`.
        $vis async fn $method(
            &self,
            $($argument: $type,)*
        ) -> $crate::client::Result<$crate::__interface_result!(async [$($result)?])> {
            self.client.call($name, ($($argument,)*)).await
        }
    };
    (
        [$($doc:tt)*] [$vis:vis] stream $method:ident [$name:expr] ($($argument:ident: $type:ty,)*) []
    ) => {
        $($doc)*
        ///
        /// # Errors
        /// As `hessian::client::Client::call_binary`.
        $vis async fn $method(
            &self,
            $($argument: $type,)*
        ) -> $crate::client::Result<$crate::client::BinaryReply> {
            self.client.call_binary($name, ($($argument,)*)).await
        }
    };
}

#[cfg(not(feature = "client"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __interface_client {
    ($($declared:tt)*) => {
        ::core::compile_error!("`client` in an interface needs the feature `client` of the crate `hessian`");
    };
}

#[cfg(feature = "service")]
#[doc(hidden)]
#[macro_export]
macro_rules! __interface_service {
    (
        [$($meta:tt)*] [$vis:vis] $trait:ident [$($java:expr)?] $service:ident
        {
            $(
                $(#[doc = $doc:expr])*
                $(#[name = $name:expr])?
                $kind:ident fn $method:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)?;
            )*
        }
    ) => {
        $($meta)*
        #[allow(non_snake_case, clippy::too_many_arguments, reason = "as the interface has them")]
        $vis trait $trait: ::core::marker::Send + ::core::marker::Sync + 'static {
            $(
                $(#[doc = $doc])*
                fn $method(
                    &self,
                    $($argument: $type,)*
                ) -> impl ::core::future::Future<
                    Output = ::core::result::Result<
                        $crate::__interface_result!($kind [$($result)?]),
                        $crate::rpc::ServiceFault,
                    >,
                > + ::core::marker::Send;
            )*
        }

        #[allow(non_snake_case, clippy::too_many_arguments, reason = "as the interface has them")]
        impl<__Implementation: $trait> $trait for ::std::sync::Arc<__Implementation> {
            $(
                fn $method(
                    &self,
                    $($argument: $type,)*
                ) -> impl ::core::future::Future<
                    Output = ::core::result::Result<
                        $crate::__interface_result!($kind [$($result)?]),
                        $crate::rpc::ServiceFault,
                    >,
                > + ::core::marker::Send {
                    __Implementation::$method(self, $($argument,)*)
                }
            )*
        }

        /// Answers calls by what implements the interface.
        #[derive(::core::fmt::Debug, ::core::clone::Clone)]
        $vis struct $service<__Implementation>(
            /// The implementation.
            $vis __Implementation,
        );

        #[allow(unused_mut, unused_variables, unused_assignments, non_snake_case, reason = "of interfaces without methods")]
        impl<__Implementation: $trait> $crate::service::Handler for $service<__Implementation> {
            fn interface(&self) -> ::core::option::Option<&str> {
                <[&str]>::first(&[$($java)?]).copied()
            }

            async fn call(
                &self,
                request: $crate::service::Request,
            ) -> ::core::result::Result<$crate::service::Answer, $crate::rpc::ServiceFault> {
                let found = request.find(&[
                    $(
                        (
                            $crate::__interface_name!([$($name)?] $method),
                            <[&str]>::len(&[$(::core::stringify!($argument)),*]),
                        ),
                    )*
                ])?;
                let mut index = 0_usize;
                $(
                    if found == index {
                        let ($($argument,)*) = request.arguments::<($($type,)*)>()?;
                        let result = self.0.$method($($argument,)*).await?;
                        return $crate::service::IntoAnswer::into_answer(result, &request);
                    }
                    index += 1;
                )*
                ::core::result::Result::Err(request.no_such_method())
            }
        }
    };
}

#[cfg(not(feature = "service"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __interface_service {
    ($($declared:tt)*) => {
        ::core::compile_error!(
            "`service` in an interface needs the feature `service` of the crate `hessian`"
        );
    };
}
