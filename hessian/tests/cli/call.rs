//! `hessian call` against a small server.

use crate::basics::tempfile;
use crate::support::{Request, Server, http, run};
use hessian::java::Throwable;
use hessian::rpc::{Call, Form, Reply, ServiceFault, write_fault, write_reply};
use hessian::{Limits, json};
use std::sync::mpsc;

/// Answers one call with a value; gives what was called, as JSON, and the request.
fn calling(
    options: &[&str],
    method: &str,
    arguments: &[&str],
    reply: Vec<u8>,
) -> (crate::support::Ended, String, Request) {
    let (send, called) = mpsc::channel();
    let server = Server::answering(move |request| {
        let (call, _) = Call::parse(&request.body, &Limits::DEFAULT).unwrap();
        let values = json::to_string(call.values()).unwrap();
        let request = Request { head: request.head.clone(), body: request.body.clone() };
        send.send((format!("{} {values}", call.method()), request)).unwrap();
        http("200 OK", "x-application/hessian", &reply)
    });
    let url = server.url("/api");
    let ended = run(&[&["call"], options, &[&url, method], arguments].concat(), b"");
    let (called, request) = called.recv().unwrap();
    server.join();
    (ended, called, request)
}

fn reply(value: impl serde::Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_reply(Form::Two, &value, &mut bytes).unwrap();
    bytes
}

#[test]
fn arguments_have_types() {
    let path = tempfile("argument.bin", b"\x01\x02");
    let file = format!("file:{}", path.display());
    let arguments = [
        "3",
        "-7",
        "3L",
        "2.5",
        "-1e3",
        "true",
        "null",
        "\"3\"",
        "text:--timeout",
        "@1998-05-08T09:51:31Z",
        "base64:AQI=",
        "hex:0102",
        &file,
        "[1,2]",
        r#"{"$class":"example.AddString","value":"hi"}"#,
    ];
    let (ended, called, request) = calling(&[], "overloaded_15", &arguments, reply(5));
    assert_eq!(ended.ok().text(), "5\n");
    assert_eq!(
        called,
        concat!(
            r#"overloaded_15 {"$roots":[3,-7,{"$long":"3"},2.5,-1000.0,true,null,"3","--timeout",{"$date":894621091000},"#,
            r#"{"$binary":"AQI="},{"$binary":"AQI="},{"$binary":"AQI="},[1,2],{"$class":"example.AddString","value":"hi"}]}"#
        )
    );
    assert!(request.head.starts_with("POST /api HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!(request.header("content-type"), Some("x-application/hessian"));
}

#[test]
fn what_is_sent_with_it_is_chosen() {
    let options = ["--user", "me:se:cret", "-H", "X-Trace: 1", "--hessian1"];
    let mut one = Vec::new();
    write_reply(Form::One, "pong", &mut one).unwrap();
    let (ended, _, request) = calling(&options, "ping", &[], one);
    assert_eq!(ended.ok().text(), "\"pong\"\n");
    assert_eq!(request.header("authorization"), Some("Basic bWU6c2U6Y3JldA=="));
    assert_eq!(request.header("x-trace"), Some("1"));
    assert!(request.body.starts_with(b"c\x01\x00m\x00\x04ping"));
    let (ended, _, request) = calling(&["--bearer", "tok", "--pretty"], "get", &[], reply([1, 2]));
    assert_eq!(ended.ok().text(), "[\n  1,\n  2\n]\n");
    assert_eq!(request.header("authorization"), Some("Bearer tok"));
}

#[test]
fn a_binary_result_goes_to_a_file() {
    let path = tempfile("result.bin", b"");
    let out = path.to_str().unwrap();
    let bytes = vec![7; 100_000];
    let (ended, ..) = calling(&["--out", out], "download", &[], reply(hessian::Binary::from(bytes.clone())));
    assert_eq!(ended.ok().text(), "");
    assert!(std::fs::read(&path).unwrap() == bytes);
    let (ended, ..) = calling(&["--out", out], "download", &[], reply("no binary"));
    ended.told(1, &["the result is no binary"]);
    assert!(std::fs::read(&path).unwrap() == bytes, "what was there stays");
}

/// Nothing of a result that is cut off stays; what was there does.
#[test]
fn a_result_that_is_cut_off_is_not_taken_for_one() {
    let path = tempfile("kept.bin", b"old");
    let mut bytes = reply(hessian::Binary::from(vec![7; 100_000]));
    bytes.truncate(70_000);
    let (ended, ..) = calling(&["--out", path.to_str().unwrap()], "download", &[], bytes);
    ended.told(3, &["cut off after 69987 bytes"]);
    assert_eq!(std::fs::read(&path).unwrap(), b"old");
    assert!(!path.with_file_name("kept.bin.part").exists());
    let bytes = reply(hessian::Binary::from(vec![7; 100_000]));
    let (ended, ..) = calling(&["--out", "-"], "download", &[], bytes);
    assert!(ended.ok().out == vec![7; 100_000]);
}

#[test]
fn files_of_any_size_are_sent() {
    let large: Vec<u8> = (0..3_000_000_u32).map(|byte| byte as u8).collect();
    let path = format!("file:{}", tempfile("large.bin", &large).display());
    let (ended, _, request) = calling(&[], "upload", &["text:a", &path], reply(()));
    assert_eq!(ended.ok().text(), "null\n");
    assert_eq!(request.header("transfer-encoding"), Some("chunked"));
    let (call, _) = Call::parse(&request.body, &Limits::DEFAULT).unwrap();
    assert!(call.arguments().nth(1).unwrap().as_bytes().unwrap() == large);
    let (_, called, request) = calling(&[], "upload", &["hex:01"], reply(()));
    assert_eq!(
        (called.as_str(), request.header("transfer-encoding")),
        (r#"upload {"$binary":"AQ=="}"#, None)
    );
}

/// The exception of a class that nobody here knows, with its causes, as Java prints it.
#[test]
fn faults_are_told_whole() {
    let mut cause = Throwable::new("java.sql.SQLException", "no such table");
    cause.stack_trace.push(serde_json::from_str(FRAME).unwrap());
    let mut thrown = Throwable::new("com.example.OrderException", "order 7");
    thrown.cause = Some(Box::new(cause));
    let fault = ServiceFault::thrown(thrown.clone());
    for form in [Form::Two, Form::One] {
        let mut bytes = Vec::new();
        let detail = thrown.to_graph();
        write_fault(form, &fault.code, &fault.message, Some(&detail), &mut bytes).unwrap();
        assert!(Reply::parse(&bytes, &Limits::DEFAULT).unwrap().0.result().is_err());
        let (ended, ..) = calling(&[], "order", &["7"], bytes);
        assert_eq!((ended.code, ended.text()), (Some(1), ""));
        let lines: Vec<_> = ended.err.lines().collect();
        assert_eq!(
            lines,
            [
                "hessian: the service answered with a fault: ServiceException: order 7",
                "com.example.OrderException: order 7",
                "Caused by: java.sql.SQLException: no such table",
                "\tat com.example.Orders.find(Orders.java:42)"
            ]
        );
    }
    let mut bytes = Vec::new();
    write_fault(Form::Two, "NoSuchMethodException", "no method", Some(&[1, 2]), &mut bytes).unwrap();
    let (ended, ..) = calling(&[], "order", &[], bytes);
    assert_eq!(ended.code, Some(1));
    assert_eq!(
        ended.err,
        "hessian: the service answered with a fault: NoSuchMethodException: no method\ndetail: [1,2]\n"
    );
}

const FRAME: &str =
    r#"{"declaringClass":"com.example.Orders","methodName":"find","fileName":"Orders.java","lineNumber":42}"#;

#[test]
fn who_does_not_answer_has_code_3() {
    let url = {
        let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://me:secret@{}/", gone.local_addr().unwrap())
    };
    let refused = run(&["call", &url, "ping"], b"").told(3, &["refused"]);
    assert!(!refused.err.contains("secret"), "{}", refused.err);
    for (answer, words) in [
        (http("404 Not Found", "text/plain", b"Nothing here."), &["404 Not Found", "Nothing here."][..]),
        (http("200 OK", "text/html", b"<html>Log in</html>"), &["no Hessian reply", "text/html"]),
        (http("200 OK", "x-application/hessian", b"H\x02\x00R\x7a\x91"), &["ends"]),
        (b"nonsense".to_vec(), &["http"]),
    ] {
        let server = Server::answering(move |_| answer);
        run(&["call", &server.url("/"), "ping"], b"").told(3, words);
        server.join();
    }
    let silent = Server::start(vec![Box::new(|mut connection| connection.wait_for_end())]);
    run(&["call", &silent.url("/"), "ping", "--timeout", "0.2"], b"").told(3, &["nothing after 200ms"]);
    silent.join();
}

#[test]
fn what_cannot_be_sent_has_code_2() {
    run(&["call", "http://localhost:1/", "m", "hello"], b"").told(2, &["argument 1, \"hello\": ", "text:…"]);
    run(&["call", "http://localhost:1/", "m", "1", "@tomorrow"], b"")
        .told(2, &["argument 2, \"@tomorrow\": no date: "]);
    run(&["call", "localhost", "m"], b"").told(2, &["localhost"]);
    run(&["call", "http://localhost:1/", "m", "-H", "Content-Length: 5"], b"").told(2, &["content-length"]);
    run(&["call", "http://localhost:1/", "m", "--tmeout", "5"], b"").told(2, &["argument 1, \"--tmeout\""]);
}
