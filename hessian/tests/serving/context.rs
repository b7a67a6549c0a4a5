//! Headers, content types, introspection, and what a method knows of its caller.

use super::support::{call, call_of, post, send};
use hessian::rpc::{Form, ServiceFault};
use hessian::service::{Context, MAX_REQUEST_ID, Methods, Service};
use http::{HeaderValue, StatusCode};

const FORMS: [Form; 2] = [Form::One, Form::Two];

#[derive(Clone)]
struct User(&'static str);

fn service() -> Service<Methods> {
    Service::new(Methods::new().interface("com.example.Who").method("whoami", async || {
        let context = Context::current().ok_or_else(|| ServiceFault::new("None", "no context"))?;
        tokio::task::yield_now().await;
        let user = context.extension::<User>().map(|user| user.0);
        let header = context.headers().get("x-header").and_then(|value| value.to_str().ok());
        let told = (
            user,
            header.map(str::to_owned),
            context.uri().to_string(),
            context.request_id().map(str::to_owned),
        );
        Ok::<_, ServiceFault>(told)
    }))
}

type Told = (Option<String>, Option<String>, String, Option<String>);

#[tokio::test]
async fn a_method_knows_the_request_around_its_call() {
    let service = service();
    let mut request = post(call_of(Form::Two, "whoami", &()));
    request.extensions_mut().insert(User("ada"));
    request.headers_mut().insert("x-header", HeaderValue::from_static("value"));
    request.headers_mut().insert("x-request-id", HeaderValue::from_static("7f-1"));
    let answered = send(&service, request).await;
    assert_eq!(answered.header("x-request-id"), Some("7f-1"));
    let told: Told = answered.reply().unwrap();
    let own = |text: &str| Some(text.to_owned());
    assert_eq!(told, (own("ada"), own("value"), "/service".to_owned(), own("7f-1")));
    let told: Told = call(&service, Form::Two, "whoami", ()).await.unwrap();
    assert_eq!(told, (None, None, "/service".to_owned(), None));
    assert!(Context::current().is_none());
}

#[tokio::test]
async fn a_method_by_itself_is_tested_with_a_context() {
    let (mut parts, ()) = http::Request::post("/elsewhere").body(()).unwrap().into_parts();
    parts.extensions.insert(User("eve"));
    let told = Context::from(parts).scope(async {
        let context = Context::current().unwrap();
        (context.extension::<User>().unwrap().0, context.uri().path().to_owned())
    });
    assert_eq!(told.await, ("eve", "/elsewhere".to_owned()));
}

#[tokio::test]
async fn ids_that_no_log_should_have_are_not_taken() {
    let service = service();
    let long = "x".repeat(MAX_REQUEST_ID + 1);
    for (id, taken) in [(&long[1..], true), (&long, false), ("two words", false), ("é", false), ("", false)]
    {
        let mut request = post(call_of(Form::Two, "whoami", &()));
        request.headers_mut().insert("x-request-id", HeaderValue::from_bytes(id.as_bytes()).unwrap());
        let answered = send(&service, request).await;
        assert_eq!(answered.header("x-request-id"), taken.then_some(id));
        assert_eq!(answered.reply::<Told>().unwrap().3.is_some(), taken);
    }
    // A refusal has it too.
    let mut request = post("no call");
    request.headers_mut().insert("x-request-id", HeaderValue::from_static("7f-1"));
    let answered = send(&service, request).await;
    assert_eq!((answered.status, answered.header("x-request-id")), (StatusCode::BAD_REQUEST, Some("7f-1")));
}

#[tokio::test]
async fn spring_gets_its_own_content_type() {
    let service = service();
    for (asked, answer) in [
        (None, "x-application/hessian"),
        (Some("x-application/hessian"), "x-application/hessian"),
        (Some("application/x-hessian"), "application/x-hessian"),
        (Some("binary/octet-stream"), "x-application/hessian"),
        (Some("text/html\u{e9}"), "x-application/hessian"),
    ] {
        let mut request = post(call_of(Form::Two, "whoami", &()));
        if let Some(asked) = asked {
            request.headers_mut().insert("content-type", HeaderValue::from_bytes(asked.as_bytes()).unwrap());
        }
        let answered = send(&service, request).await;
        assert_eq!((answered.status, answered.header("content-type")), (StatusCode::OK, Some(answer)));
    }
}

#[tokio::test]
async fn a_client_without_a_class_asks_for_it() {
    let service = service();
    for form in FORMS {
        for method in ["_hessian_getAttribute", "_hessian_getAttribute_string"] {
            for attribute in ["java.api.class", "java.home.class", "java.object.class"] {
                let class: String = call(&service, form, method, (attribute,)).await.unwrap();
                assert_eq!(class, "com.example.Who");
            }
            assert_eq!(call::<_, Option<String>>(&service, form, method, ("remote-class",)).await, Ok(None));
        }
        let fault = call::<_, ()>(&service, form, "_hessian_getAttribute", (7,)).await.unwrap_err();
        assert_eq!(&*fault.code, "ProtocolException");
    }
    let nameless = Service::new(Methods::new());
    let fault = call::<_, ()>(&nameless, Form::Two, "_hessian_getAttribute", ("java.api.class",)).await;
    assert_eq!(&*fault.unwrap_err().code, "NoSuchMethodException");
}
