//! Interfaces in programs that name things as the macro might.

use super::support::call;
use hessian::rpc::Form;
use hessian::service::Service;
use std::sync::Arc;

mod odd {
    #![no_implicit_prelude]

    use ::core::result::Result::{self, Ok};
    use ::hessian::rpc::ServiceFault;
    use ::std::string::String;

    /// A name that generic parameters like to have.
    #[derive(::serde::Deserialize, ::serde::Serialize)]
    pub(crate) struct T(i32);

    ::hessian::interface! {
        /// Names that are keywords in one of the languages.
        pub(super) trait Odd["example.Odd"] {
            /// A keyword of Rust alone.
            async fn r#type(r#match: i32) -> i32;
            /// Names that the dispatcher has.
            async fn call(request: i32, found: i32, index: i32, result: T) -> i32;
            /// Names of traits' methods.
            async fn clone() -> String;
            /// Another name on the wire.
            #[name = "move"]
            async fn r#loop();
        }
        client OddClient;
        service OddService;
    }

    pub(super) struct Sum;

    impl Odd for Sum {
        async fn r#type(&self, r#match: i32) -> Result<i32, ServiceFault> {
            Ok(r#match)
        }
        async fn call(&self, a: i32, b: i32, c: i32, d: T) -> Result<i32, ServiceFault> {
            Ok(a + b + c + d.0)
        }
        async fn clone(&self) -> Result<String, ServiceFault> {
            Ok(String::new())
        }
        async fn r#loop(&self) -> Result<(), ServiceFault> {
            Ok(())
        }
    }

    /// The proxy is compiled; what it calls is what the service has.
    #[allow(dead_code, reason = "compiled, not run")]
    pub(super) async fn proxy(client: ::hessian::client::Client) -> ::hessian::client::Result<i32> {
        let odd = OddClient::new(client);
        odd.r#loop().await?;
        odd.r#type(1).await
    }
}

#[tokio::test]
async fn names_are_javas() {
    let service = Service::new(odd::OddService(Arc::new(odd::Sum)));
    for form in [Form::One, Form::Two] {
        assert_eq!(call::<_, i32>(&service, form, "type", (3,)).await, Ok(3));
        assert_eq!(call::<_, i32>(&service, form, "call", (1, 2, 3, 4)).await, Ok(10));
        assert_eq!(call::<_, String>(&service, form, "clone", ()).await, Ok(String::new()));
        assert_eq!(call::<_, ()>(&service, form, "move", ()).await, Ok(()));
        for none in ["r#type", "loop"] {
            call::<_, ()>(&service, form, none, ()).await.unwrap_err();
        }
    }
}
