//! What calls get that cannot be answered with a value.

use super::support::{call, call_of, post, send};
use hessian::java::Throwable;
use hessian::rpc::{Form, Reply, ServiceFault};
use hessian::service::{Answer, Handler, Methods, Request, Service};
use hessian::{Limits, hessian, to_graph};
use std::io;

const FORMS: [Form; 2] = [Form::One, Form::Two];

fn service() -> Service<Methods> {
    Service::new(
        Methods::new()
            .method("add", async |a: i32, b: i32| Ok::<_, ServiceFault>(a + b))
            .method("names", async |names: Vec<String>| Ok::<_, ServiceFault>(names.len()))
            .method("open", async |path: String| {
                Err::<(), _>(io::Error::new(io::ErrorKind::NotFound, format!("no {path}")))
            })
            .method("closed", async || {
                let mut thrown = Throwable::new("java.lang.IllegalStateException", "closed <for> good & all");
                thrown.cause = Some(Box::new(Throwable::new("java.io.IOException", "broken pipe")));
                Err::<(), _>(thrown)
            })
            .method("nothing", async || {
                let thrown =
                    Throwable { message: None, ..Throwable::new("java.lang.NullPointerException", "") };
                Err::<(), ServiceFault>(thrown.into())
            })
            .method("detail", async || {
                let mut fault = ServiceFault::new("Full", "no room");
                fault.detail = Some(Box::new(to_graph(&[1, 2, 3]).unwrap()));
                Err::<(), _>(fault)
            })
            .method("panic", async || -> Result<(), ServiceFault> { panic!("on purpose") })
            .method("early", || -> std::future::Ready<Result<(), ServiceFault>> { panic!("on purpose") })
            .method("huge", async || Ok::<_, ServiceFault>(u64::MAX)),
    )
}

#[tokio::test]
async fn a_method_that_there_is_not() {
    let service = service();
    for form in FORMS {
        let fault = call::<_, ()>(&service, form, "sub", (1, 2)).await.unwrap_err();
        assert_eq!(
            (&*fault.code, &*fault.message),
            ("NoSuchMethodException", "The service has no method named: sub")
        );
    }
    assert_eq!(service.stats().unknown_methods, 2);
}

#[tokio::test]
async fn other_arguments_than_the_method_takes() {
    let service = service();
    for form in FORMS {
        for (fault, found) in [
            (call::<_, ()>(&service, form, "add", ()).await, 0),
            (call::<_, ()>(&service, form, "add", (1,)).await, 1),
            (call::<_, ()>(&service, form, "add", (1, 2, [3])).await, 3),
        ] {
            let fault = fault.unwrap_err();
            assert_eq!(&*fault.code, "NoSuchMethod", "{form:?}");
            let expected = format!("add: {found} arguments where 2 were expected");
            assert!(fault.message.starts_with(&expected), "{}", fault.message);
        }
        let fault = call::<_, ()>(&service, form, "add", (1, "two")).await.unwrap_err();
        assert_eq!(&*fault.code, "ProtocolException");
        assert!(fault.message.starts_with("add: "), "{}", fault.message);
        assert!(fault.message.ends_with("in arguments[1]"), "{}", fault.message);
        let names = (["one", "two"].map(str::to_owned).to_vec(),);
        assert_eq!(call::<_, i32>(&service, form, "names", names).await, Ok(2));
        let fault = call::<_, ()>(&service, form, "names", (hessian!(["one", 2]),)).await.unwrap_err();
        assert!(fault.message.ends_with("in arguments[0][1]"), "{}", fault.message);
    }
    assert_eq!(service.stats().bad_arguments, 10);
}

#[tokio::test]
async fn exceptions_arrive_with_class_message_and_cause() {
    let service = service();
    for form in FORMS {
        let fault = call::<_, ()>(&service, form, "closed", ()).await.unwrap_err();
        assert_eq!(&*fault.code, "ServiceException");
        assert_eq!(fault.message, "closed <for> good & all");
        let thrown = fault.exception.unwrap();
        assert_eq!(thrown.to_string(), "java.lang.IllegalStateException: closed <for> good & all");
        assert_eq!(thrown.cause.unwrap().to_string(), "java.io.IOException: broken pipe");

        let fault = call::<_, ()>(&service, form, "open", ("sesame",)).await.unwrap_err();
        assert_eq!(fault.exception.unwrap().to_string(), "java.io.IOException: no sesame");
    }
    assert_eq!(service.stats().faults, 4);
}

/// Java's client puts the message of the fault into the exception, if there is one.
#[tokio::test]
async fn an_exception_without_a_message_keeps_none() {
    let service = service();
    for form in FORMS {
        let answered = send(&service, post(call_of(form, "nothing", &()))).await;
        let (reply, _) = Reply::parse(&answered.body, &Limits::new()).unwrap();
        let fault = reply.result().unwrap_err();
        assert!(fault.get("message").unwrap().is_null());
        assert!(fault.detail().unwrap().get("detailMessage").unwrap().is_null());
    }
}

#[tokio::test]
async fn a_detail_that_is_no_exception() {
    let service = service();
    for form in FORMS {
        let fault = call::<_, ()>(&service, form, "detail", ()).await.unwrap_err();
        assert_eq!((&*fault.code, &*fault.message), ("Full", "no room"));
        assert_eq!(fault.detail.unwrap().root().index(2).unwrap().as_i64(), Some(3));
    }
}

#[tokio::test]
async fn a_panic_is_a_fault_and_others_go_on() {
    let service = service();
    for form in FORMS {
        for method in ["panic", "early"] {
            let fault = call::<_, ()>(&service, form, method, ()).await.unwrap_err();
            let thrown = fault.exception.unwrap();
            assert_eq!(&*thrown.class, "java.lang.RuntimeException");
            assert!(!thrown.message.unwrap().contains("on purpose"), "what it said is for the log");
        }
        assert_eq!(call::<_, i32>(&service, form, "add", (1, 2)).await, Ok(3));
    }
    let stats = service.stats();
    assert_eq!((stats.panics, stats.faults, stats.answered, stats.calls), (4, 4, 2, 0));
}

/// What panics where nobody catches it ends its own connection alone: what it held is given back.
#[tokio::test]
async fn a_panic_where_it_is_not_caught_gives_back_what_it_held() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose");
        }
    }
    struct Torn;
    impl tokio::io::AsyncRead for Torn {
        fn poll_read(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            _: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<io::Result<()>> {
            panic!("on purpose")
        }
    }
    let methods = Methods::new()
        .method("drops", async || {
            let _bomb = Bomb;
            std::future::pending::<Result<(), ServiceFault>>().await
        })
        .method("tears", async || Ok::<_, ServiceFault>(hessian::service::Download::new(Torn)));
    let mut options = hessian::service::Options::new();
    options.method_timeout = Some(std::time::Duration::from_millis(1));
    options.max_calls = 1;
    let service = Service::with(methods, options);
    for method in ["drops", "tears", "drops"] {
        let (calling, request) = (service.clone(), post(call_of(Form::Two, method, &())));
        tokio::spawn(async move { send(&calling, request).await }).await.unwrap_err();
        let stats = service.stats();
        assert_eq!((stats.calls, stats.body_bytes, stats.reply_bytes), (0, 0, 0), "{method}");
    }
    assert_eq!((service.stats().busy, service.stats().aborted), (0, 3));
}

#[tokio::test]
async fn a_result_that_hessian_cannot_write() {
    let service = service();
    for form in FORMS {
        let fault = call::<_, ()>(&service, form, "huge", ()).await.unwrap_err();
        assert!(fault.message.starts_with("huge: the result cannot be encoded"), "{}", fault.message);
    }
}

/// A gateway: names and values of any kind.
struct Gateway;

impl Handler for Gateway {
    async fn call(&self, request: Request) -> Result<Answer, ServiceFault> {
        let call = request.graph()?;
        if request.method() == "bytes" {
            return Ok(Answer::encoded(request.body().slice(..0).into_iter().chain(*b"H\x02\0RN").collect()));
        }
        match call.arguments().next() {
            Some(first) => request.answer(&to_graph(&first)?),
            None => Err(request.no_such_method()),
        }
    }
}

#[tokio::test]
async fn a_handler_of_names_and_values() {
    let service = Service::new(Gateway);
    for form in FORMS {
        let echoed: Vec<i32> = call(&service, form, "any", (vec![1, 2],)).await.unwrap();
        assert_eq!(echoed, [1, 2]);
        // Without an interface of its own it is asked for that too.
        let name: String = call(&service, form, "_hessian_getAttribute", ("java.api.class",)).await.unwrap();
        assert_eq!(name, "java.api.class");
        assert_eq!(call::<_, ()>(&service, form, "bytes", ()).await, Ok(()));
        let fault = call::<_, ()>(&service, form, "none", ()).await.unwrap_err();
        assert_eq!(&*fault.code, "NoSuchMethodException");
    }
}
