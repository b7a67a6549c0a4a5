//! What calls send, and what comes of replies.

use crate::server::{Server, ok};
use hessian::client::{Client, Error};
use hessian::java::{StackTraceElement, Throwable};
use hessian::rpc::{Call, Form, SERVICE_EXCEPTION, write_fault, write_reply};
use hessian::{Binary, ErrorKind, Graph, Limits, hessian};
use http_body_util::{BodyExt, Full};
use hyper::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE};
use hyper::{HeaderMap, Method, Response};
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.Order")]
struct Order {
    number: i64,
    items: Vec<String>,
}

/// A reply in the form that the call asks for.
fn reply<T: Serialize>(call: &Call<'_>, value: &T) -> Vec<u8> {
    let mut out = Vec::new();
    write_reply(call.reply_form(), value, &mut out).unwrap();
    out
}

fn parse(call: &[u8]) -> Call<'_> {
    let (call, used) = Call::parse(call, &Limits::new()).unwrap();
    assert!(used > 0);
    call
}

/// Adds up the arguments of a call.
fn sum(call: &[u8]) -> Vec<u8> {
    let call = parse(call);
    assert_eq!(call.method(), "add");
    reply(&call, &call.arguments().filter_map(|argument| argument.as_i64()).sum::<i64>())
}

/// One client for each form of calls and replies.
fn clients(address: &str) -> [Client; 3] {
    let builder = || Client::builder(address);
    [
        Client::new(address).unwrap(),
        builder().form(Form::One).build().unwrap(),
        builder().form(Form::One).reply_form(Form::Two).build().unwrap(),
    ]
}

#[tokio::test]
async fn a_method_is_called_in_every_form() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (server, seen) = (
        {
            let seen = Arc::clone(&seen);
            Server::replies(move |call| {
                let reply = sum(&call);
                seen.lock().unwrap().push((call[0], call[1], reply[0]));
                reply
            })
            .await
        },
        seen,
    );
    for client in clients(&server.address) {
        assert_eq!(client.call::<i32>("add", (1, 2, 39)).await.unwrap(), 42);
        assert_eq!(client.call_graph("add", (1, 2)).await.unwrap().root().as_i64(), Some(3));
    }
    let seen: Vec<_> = seen.lock().unwrap().iter().copied().step_by(2).collect();
    assert_eq!(seen, [(b'H', 2, b'H'), (b'c', 1, b'r'), (b'c', 2, b'H')]);
    match Client::builder(&server.address).reply_form(Form::One).build() {
        Err(Error::Setting { name: "reply_form", .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn values_of_any_type_come_back() {
    // An echo, cut from the call's own bytes.
    let server = Server::replies(|call| {
        let call = parse(&call);
        let [value] = *call.arguments().collect::<Vec<_>>() else { panic!() };
        let mut out = Vec::new();
        write_reply(call.reply_form(), &hessian::to_graph(&value).unwrap(), &mut out).unwrap();
        out
    })
    .await;
    for client in clients(&server.address) {
        let order = Order { number: 1 << 40, items: vec!["a".into(), "语".into()] };
        assert_eq!(client.call::<Order>("echo", (&order,)).await.unwrap(), order);
        assert_eq!(client.call::<Option<Order>>("echo", (None::<Order>,)).await.unwrap(), None);
        client.call::<()>("echo", ((),)).await.unwrap();
        let graph = client.call_graph("echo", (hessian!([{"a" => 1}, "b"]),)).await.unwrap();
        assert_eq!(graph.root().pointer("/0/a").unwrap().as_i64(), Some(1));
        let graph: Graph<'static> = client.call("echo", (&order,)).await.unwrap();
        assert_eq!(graph.root().type_name(), Some("example.Order"));

        let raw = client.call_raw("echo", (("borrowed", Binary::from(vec![7; 1000])),)).await.unwrap();
        let (text, binary): (&str, Binary) = raw.read().unwrap();
        assert!(raw.bytes().as_ptr_range().contains(&text.as_ptr()));
        assert!(raw.bytes().as_ptr_range().contains(&binary.chunks()[0].as_ptr()));
        assert_eq!(raw.reply().unwrap().result().unwrap().index(0).unwrap().as_str(), Some("borrowed"));

        // Of another type than the caller thought.
        let error = client.call::<i32>("echo", ("text",)).await.unwrap_err();
        match &error {
            Error::Codec(codec) => assert!(matches!(codec.kind(), ErrorKind::UnexpectedType { .. })),
            other => panic!("{other:?}"),
        }
        assert!(error.to_string().contains("at byte"), "{error}");
    }
    // Whatever came of the replies: one connection for each client.
    assert_eq!(server.connections(), 3);
}

/// Hessian 1 has headers, and references that count from them.
#[tokio::test]
async fn headers_of_replies_are_passed_over() {
    let plain = b"r\x01\x00H\x00\x01aS\x00\x01bVl\x00\x00\x00\x02M\x74\x00\x00zR\x00\x00\x00\x01zz";
    let server = Server::says(ok(plain)).await;
    let client = Client::new(&server.address).unwrap();
    let maps: Vec<std::collections::BTreeMap<String, i32>> = client.call("f", ()).await.unwrap();
    assert_eq!(maps.len(), 2);
    let server = Server::says(ok(b"r\x01\x00H\x00\x01aVzI\x00\x00\x00\x07z")).await;
    let client = Client::new(&server.address).unwrap();
    let error = client.call::<i32>("f", ()).await.unwrap_err();
    assert!(error.to_string().contains("headers"), "{error}");
    let raw = client.call_raw("f", ()).await.unwrap();
    assert_eq!(raw.reply().unwrap().result().unwrap().as_i64(), Some(7));
}

fn exception() -> Throwable {
    let frame =
        |class: &str, method: &str, line| StackTraceElement::new(class, method, Some("Shop.java"), line);
    let mut cause = Throwable::new("java.io.IOException", "disk full");
    cause.stack_trace = vec![frame("com.example.Disk", "write", 7)];
    let mut thrown = Throwable::new("com.example.ShopException", "no order <1>");
    thrown.stack_trace = vec![frame("com.example.Shop", "order", 42)];
    thrown.fields = vec![("number".into(), Graph::scalar(1).into_owned())];
    thrown.cause = Some(Box::new(cause));
    thrown
}

#[tokio::test]
async fn a_fault_has_javas_exception_inside() {
    let server = Server::replies(|call| {
        let call = parse(&call);
        let mut out = Vec::new();
        let thrown = exception();
        let message = thrown.message.clone().unwrap();
        write_fault(call.reply_form(), SERVICE_EXCEPTION, &message, Some(&thrown), &mut out).unwrap();
        out
    })
    .await;
    for client in clients(&server.address) {
        let error = client.call::<Order>("order", (1,)).await.unwrap_err();
        let fault = error.fault().unwrap();
        assert_eq!((&*fault.code, &*fault.message), (SERVICE_EXCEPTION, "no order <1>"));
        let thrown = fault.exception.as_ref().unwrap();
        assert_eq!(&*thrown.class, "com.example.ShopException");
        assert_eq!(thrown.fields[0].1.root().as_i64(), Some(1));
        assert_eq!(&*thrown.cause.as_ref().unwrap().class, "java.io.IOException");
        assert_eq!(error.to_string(), "com.example.ShopException: no order <1>");
        assert_eq!(
            format!("{error:#}"),
            "com.example.ShopException: no order <1>\n\
             \tat com.example.Shop.order(Shop.java:42)\n\
             Caused by: java.io.IOException: disk full\n\
             \tat com.example.Disk.write(Shop.java:7)"
        );
        // What prints chains of causes finds Java's.
        let mut chain = Vec::new();
        let mut next: Option<&dyn std::error::Error> = Some(&error);
        while let Some(error) = next {
            chain.push(error.to_string());
            next = error.source();
        }
        assert_eq!(chain.last().unwrap(), "java.io.IOException: disk full");
        // All ways of calling tell it.
        assert!(client.call_raw("order", (1,)).await.unwrap_err().fault().is_some());
        assert!(client.call_graph("order", (1,)).await.unwrap_err().fault().is_some());
        assert!(client.call_binary("order", (1,)).await.unwrap_err().fault().is_some());
    }
    assert_eq!(server.connections(), 3);
}

/// Whatever the detail is, the fault is told.
#[tokio::test]
async fn faults_of_every_shape() {
    const CLASS: &[u8] = b"C\x01E\x93\x0ddetailMessage\x0astackTrace\x05cause";
    let fault = |detail: &[&[u8]]| {
        let head = b"H\x02\x00FH\x04code\x10ServiceException\x07message\x01m\x06detail";
        ok(&[&head[..], &detail.concat(), b"Z"].concat())
    };
    for (response, told, has_detail) in [
        (fault(&[b"N"]), "ServiceException: m", false),
        (fault(&[b"\x91"]), "ServiceException: m", true),
        (fault(&[CLASS, b"\x60\x01aNN"]), "E: a", false),
        // Causes that are each other's, that are none, and that is the fault itself.
        (fault(&[CLASS, b"\x60\x01aN\x60\x01bNQ\x91"]), "ServiceException: m", true),
        (fault(&[CLASS, b"\x60\x01aN\x01x"]), "ServiceException: m", true),
        (fault(&[CLASS, b"\x60\x01aNQ\x90"]), "ServiceException: m", true),
        (fault(&[b"Q\x90"]), "ServiceException: m", true),
        // Little is told.
        (ok(b"H\x02\x00FHZ"), "a fault of which nothing is told", false),
        (ok(b"H\x02\x00FH\x07message\x01mZ"), "m", false),
        (ok(b"H\x02\x00FH\x04code\x01cZ"), "c", false),
        (ok(b"H\x02\x00FH\x04code\x91\x07message\x92\x91NZ"), "a fault of which nothing is told", false),
        // Ended as Java does, and as the specification says.
        (ok(b"r\x01\x00fz"), "a fault of which nothing is told", false),
        (ok(b"r\x01\x00fzz"), "a fault of which nothing is told", false),
        (ok(b"r\x01\x00fS\x00\x04codeS\x00\x01cS\x00\x06detailNzz"), "c", false),
    ] {
        let server = Server::says(response).await;
        let client = Client::new(&server.address).unwrap();
        for error in
            [client.call::<i32>("f", ()).await.unwrap_err(), client.call_binary("f", ()).await.unwrap_err()]
        {
            let fault = error.fault().unwrap_or_else(|| panic!("{told}: {error:?}"));
            assert_eq!((&*error.to_string(), fault.detail.is_some()), (told, has_detail));
        }
    }
    for response in [
        &b"H\x02\x00F\x91"[..],
        b"H\x02\x00FN",
        b"H\x02\x00FH\x04code",
        b"r\x01\x00fN",
        b"r\x01\x00fS\x00\x02z",
    ] {
        let server = Server::says(ok(response)).await;
        let error = Client::new(&server.address).unwrap().call::<i32>("f", ()).await.unwrap_err();
        assert!(matches!(error, Error::Codec(_)), "{error:?}");
    }
}

#[tokio::test]
async fn a_fault_with_another_status_is_a_fault_all_the_same() {
    let mut fault = Vec::new();
    write_fault(Form::Two, "NoSuchMethodException", "no such method", None::<&()>, &mut fault).unwrap();
    let mut response = b"HTTP/1.1 500 Oops\r\nConnection: close\r\n\r\n".to_vec();
    response.extend_from_slice(&fault);
    let server = Server::says(response).await;
    let error = Client::new(&server.address).unwrap().call::<()>("f", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "NoSuchMethodException: no such method");
}

/// What a server saw of a request.

#[tokio::test]
async fn a_text_that_begins_like_a_reply_is_told_all_the_same() {
    for text in ["resource not found: /service", "Have a nice day", "r", "r\u{1}\0fS"] {
        let response = format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        let server = Server::says(response).await;
        let error = Client::new(&server.address).unwrap().call::<i32>("f", ()).await.unwrap_err();
        let Error::Status { status, body } = &error else { panic!("{error:?}") };
        let shown = if text.contains('\0') { "" } else { text };
        assert_eq!((status.as_u16(), &**body), (404, shown));
    }
}

async fn headers_of(build: impl FnOnce(&str) -> Client) -> (Method, String, HeaderMap) {
    let seen = Arc::new(Mutex::new(None));
    let server = {
        let seen = Arc::clone(&seen);
        Server::http(move |request| {
            let seen = Arc::clone(&seen);
            async move {
                let (head, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                *seen.lock().unwrap() = Some((head.method, head.uri.to_string(), head.headers));
                Response::new(Full::from(sum(&body)))
            }
        })
        .await
    };
    let client = build(&server.address);
    client.call::<i32>("add", ()).await.unwrap();
    seen.lock().unwrap().take().unwrap()
}

#[tokio::test]
async fn headers_are_those_that_java_sends() {
    let (method, path, headers) = headers_of(|address| Client::new(address).unwrap()).await;
    assert_eq!((method, &*path), (Method::POST, "/service"));
    assert_eq!(headers[CONTENT_TYPE], "x-application/hessian");
    assert_eq!(headers[ACCEPT_ENCODING], "deflate");
    assert_eq!(headers["content-length"], "9");
    assert!(headers.get(AUTHORIZATION).is_none());
    let mut names: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    // Nothing that the documentation does not tell.
    assert_eq!(names, ["accept-encoding", "content-length", "content-type", "host"]);

    let (_, _, headers) = headers_of(|address| {
        Client::new(&address.replace("http://", "http://Aladdin:open%20sesame@")).unwrap()
    })
    .await;
    assert_eq!(headers[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");

    let (_, _, headers) = headers_of(|address| {
        let builder = Client::builder(address).header("Content-Type", "application/x-hessian");
        builder.bearer("t0ken").header("X-Tenant", "7").request_id_header("X-Request-Id").build().unwrap()
    })
    .await;
    assert_eq!(headers[AUTHORIZATION], "Bearer t0ken");
    assert_eq!(headers[CONTENT_TYPE], "application/x-hessian");
    assert_eq!(headers["x-tenant"], "7");
    let id = headers["x-request-id"].to_str().unwrap();
    assert!(id.len() == 10 && id.ends_with("-0"), "{id}");
}

#[test]
fn settings_that_cannot_be_are_told() {
    let builder = || Client::builder("http://localhost/");
    for (wrong, name) in [
        (builder().header("Content-Length", "1"), "header"),
        (builder().header("a b", "1"), "header"),
        (builder().header("a", "1\n"), "header"),
        (builder().bearer("a\nb"), "bearer"),
        (builder().basic_auth("a:b", "c"), "basic_auth"),
        (builder().request_id_header("Transfer-Encoding"), "request_id_header"),
        (builder().max_calls(0), "max_calls"),
    ] {
        match wrong.build() {
            Err(Error::Setting { name: told, wrong }) => {
                assert_eq!(told, name);
                assert!(!wrong.is_empty());
            }
            other => panic!("{name}: {other:?}"),
        }
    }
    for address in ["", "localhost", "ftp://localhost", "http://:80/"] {
        assert!(matches!(Client::new(address), Err(Error::Address(..))), "{address}");
    }
}

#[tokio::test]
async fn overloaded_methods_have_the_types_of_their_arguments() {
    let server = Server::replies(|call| {
        let call = parse(&call);
        reply(&call, &call.method())
    })
    .await;
    let client = Client::builder(&server.address).overload_names(true).build().unwrap();
    assert_eq!(client.call::<String>("add", (1, 2)).await.unwrap(), "add_int_int");
    assert_eq!(client.call::<String>("add", ("a", 2.5, [1])).await.unwrap(), "add_string_double_List");
    let order = Order { number: 1, items: vec![] };
    assert_eq!(client.call::<String>("add", (order,)).await.unwrap(), "add_Order");
    assert_eq!(client.call::<String>("add", ()).await.unwrap(), "add");
    let error = client.call::<String>("add", (None::<i32>,)).await.unwrap_err();
    assert!(error.is_unsent() && error.to_string().contains("argument 1 has no type"), "{error}");
    // By hand it works without the setting.
    let client = Client::new(&server.address).unwrap();
    assert_eq!(client.call::<String>("add_int_int", (1, 2)).await.unwrap(), "add_int_int");
}

#[tokio::test]
async fn arguments_that_cannot_be_encoded_are_not_sent() {
    let server = Server::replies(|call| sum(&call)).await;
    let error = Client::new(&server.address).unwrap().call::<i32>("add", (u64::MAX,)).await.unwrap_err();
    assert!(matches!(error, Error::Arguments(_)) && error.is_unsent(), "{error}");
    assert_eq!(server.connections(), 0);
}

fn deflated(bytes: &[u8], zlib: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let level = flate2::Compression::default();
    match zlib {
        true => flate2::write::ZlibEncoder::new(&mut out, level).write_all(bytes).unwrap(),
        false => {
            flate2::read::DeflateEncoder::new(bytes, level).read_to_end(&mut out).unwrap();
        }
    }
    out
}

fn encoded(encoding: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn deflated_replies_are_inflated_within_bounds() {
    let text: String = "deflated ".repeat(50_000);
    let mut plain = Vec::new();
    write_reply(Form::Two, &text, &mut plain).unwrap();
    for zlib in [true, false] {
        let body = deflated(&plain, zlib);
        assert!(body.len() * 20 < plain.len());
        let server = Server::says(encoded("Deflate", &body)).await;
        let client = Client::new(&server.address).unwrap();
        assert_eq!(client.call::<String>("f", ()).await.unwrap(), text);
        let client = Client::builder(&server.address).max_reply(100_000).build().unwrap();
        match client.call::<String>("f", ()).await.unwrap_err() {
            Error::Codec(error) => {
                assert_eq!(error.kind(), &ErrorKind::Limit { limit: "max_reply", max: 100_000 });
            }
            other => panic!("{other}"),
        }
        // Cut off, damaged, with something behind it.
        let cut = &body[..body.len() - 5];
        let behind = [&body[..], b"more"].concat();
        for (body, told) in
            [(cut, "cut off"), (&behind[..], "follow"), (&b"\xff\xff\xff"[..], "no deflated data")]
        {
            let server = Server::says(encoded("deflate", body)).await;
            let client = Client::new(&server.address).unwrap();
            let error = client.call::<String>("f", ()).await.unwrap_err().to_string();
            assert!(error.contains(told), "{told}: {error}");
        }
    }
    let server = Server::says(encoded("br", b"")).await;
    let error = Client::new(&server.address).unwrap().call::<()>("f", ()).await.unwrap_err();
    assert!(error.to_string().contains("\"br\", which was not asked for"), "{error}");
}

#[tokio::test]
async fn connections_are_kept_and_shared_by_clones() {
    let server = Server::replies(|call| sum(&call)).await;
    let client = Client::new(&server.address).unwrap();
    for _ in 0..5 {
        client.clone().call::<i32>("add", (1,)).await.unwrap();
    }
    assert_eq!(server.connections(), 1);
    let client = Client::builder(&server.address).pool_max_idle(0).build().unwrap();
    for _ in 0..3 {
        client.call::<i32>("add", (1,)).await.unwrap();
    }
    assert_eq!(server.connections(), 4);
}

/// What the log says, on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_tells_what_became_of_a_call_and_no_password() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false).with_writer({
            let log = log.clone();
            move || log.clone()
        });
    let logging = tracing::subscriber::set_default(subscriber.finish());
    let server = Server::replies(|call| sum(&call)).await;
    let address = server.address.replace("http://", "http://me:secret@") + "?token=secret";
    let client = Client::new(&address).unwrap();
    client.call::<i32>("add", (1,)).await.unwrap();
    client.call::<String>("add", (1,)).await.unwrap_err();
    drop(logging);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let told: Vec<_> = log.lines().filter(|line| line.contains(" hessian::client: ")).collect();
    let [answered, failed] = told[..] else { panic!("{log}") };
    let url = &server.address;
    assert!(answered.contains("method=\"add\"") && answered.contains(&format!("url={url}")), "{answered}");
    assert!(answered.contains("-0}") && answered.contains("answered elapsed="), "{answered}");
    assert!(failed.contains("-1}") && failed.contains("error=a long where"), "{failed}");
    assert!(!log.contains("secret") && !log.contains("bWU6c2VjcmV0"), "{log}");
}

/// A service's words are one line of the log, whatever they hold.
#[tokio::test]
async fn a_message_forges_no_line_of_the_log() {
    let log = Log::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).with_ansi(false).with_writer({
            let log = log.clone();
            move || log.clone()
        });
    let logging = tracing::subscriber::set_default(subscriber.finish());
    let server = Server::says(ok(b"H\x02\x00FH\x07message\x0ba\nFORGED \x1b[Z")).await;
    Client::new(&server.address).unwrap().call::<i32>("f\nFORGED", ()).await.unwrap_err().fault().unwrap();
    drop(logging);
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("FORGED"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("FORGED")) && !log.contains('\x1b'), "{log}");
}
