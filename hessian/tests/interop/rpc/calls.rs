//! Our client, calling Java's services: `HessianSkeleton` behind the JDK's HTTP server.

use hessian::client::{Client, ClientBuilder, Error, Upload};
use hessian::envelope::{self, Envelope};
use hessian::rpc::{Form, Reply, write_call};
use hessian::typed::{Typed, typed};
use hessian::{Binary, Date, Graph, Limits};
use std::collections::BTreeMap;
use std::fmt::Debug;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::interfaces::{Content, Item, Mixed, OverloadsClient, TroublesClient};
use super::process::{Memory, Running};
use super::serving::Source;
use super::test_service::{self, Line, Typed as Value, describe};
use crate::peer;

fn server() -> Running {
    Running::start(peer::java().command("calls.Server"))
}

/// The forms in which a call and its reply may be.
const FORMS: [(Form, Form); 3] = [(Form::Two, Form::Two), (Form::One, Form::Two), (Form::One, Form::One)];

/// Every method of Caucho's test service: each value in its own type and as a graph, each as an argument and as a result.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn we_call_every_method_of_the_test_service() {
    let server = server();
    let mut passed = 0;
    for (form, reply) in FORMS {
        let client = builder(&server, "/test", form, reply).build().expect("a client");
        let mut methods = 0;
        for line in test_service::lines() {
            passed += every_way(&client, &line).await;
            methods += 1;
        }
        assert_eq!(methods, 183);
    }
    println!(
        "our client, Java's test service, calls in 2, in 1 with replies in 2, in 1:\n{passed} passed, 0 failed"
    );
    // 92 replies and 90 arguments, typed and as graphs, and one method without either.
    assert_eq!(passed, (183 * 2 - 1) * 3);
}

fn builder(server: &Running, path: &str, form: Form, reply: Form) -> ClientBuilder {
    Client::builder(&server.url(path)).form(form).reply_form(reply)
}

/// Calls the method of a line typed, and as graphs; how many calls that were. Panics at the first wrong one.
async fn every_way(client: &Client, line: &Line) -> usize {
    let method = line.method.as_str();
    let Some(value) = &line.value else {
        client.call::<()>(method, ()).await.unwrap_or_else(|error| panic!("{method}: {error}"));
        return 1;
    };
    let wanted = value.describe();
    let reply = method.starts_with("reply");
    if reply {
        let graph = client.call_graph(method, ()).await.unwrap_or_else(|error| panic!("{method}: {error}"));
        assert_eq!(describe(graph.root()), wanted, "{method} as a graph");
    }
    macro_rules! typed {
        ($value:expr, $type:ty) => {{
            let value: $type = $value.clone();
            match reply {
                true => same(client.call::<$type>(method, ()).await, &value, method),
                false => {
                    same(client.call::<Truth>(method, (&value,)).await, &Truth::Is(true), method);
                    let graph = hessian::to_graph(&value).expect("a value");
                    same(client.call::<Truth>(method, (&graph,)).await, &Truth::Is(true), method);
                }
            }
        }};
    }
    match value {
        Value::Null => typed!((), ()),
        Value::Bool(value) => typed!(value, bool),
        Value::Int(value) => typed!(value, i32),
        Value::Long(value) => typed!(value, i64),
        Value::Double(value) => typed!(value, f64),
        Value::Date(value) => typed!(value, Date),
        Value::Text(value) => typed!(value, String),
        Value::Binary(value) => typed!(value, Binary),
        Value::Any(graph) => containers(client, method, graph).await,
    }
    2
}

/// What `arg…` answers.
#[derive(Debug, PartialEq, serde::Deserialize)]
#[serde(untagged)]
enum Truth {
    Is(bool),
    Wrong(String),
}

fn same<T: PartialEq + Debug>(found: Result<T, Error>, wanted: &T, method: &str) {
    match found {
        Ok(found) => assert_eq!(&found, wanted, "{method}"),
        Err(error) => panic!("{method}: {error}"),
    }
}

hessian::type_name!(Hashtable = "java.util.Hashtable");

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename = "com.caucho.hessian.test.TestObject")]
struct TestObject {
    _value: i32,
}

#[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename = "com.caucho.hessian.test.A0")]
struct A0;

/// Lists, maps and objects: as graphs, and in Rust's own types where they have one (no cycles, no sharing that is looked at, keys that are scalars).
async fn containers(client: &Client, method: &str, graph: &Graph<'static>) {
    let (kind, number) = method.split_once('_').expect("KIND_NUMBER");
    let count: Option<usize> = number.parse().ok();
    macro_rules! exchange {
        ($type:ty, $value:expr) => {{
            let value: $type = $value;
            match method.starts_with("reply") {
                true => same(client.call::<$type>(method, ()).await, &value, method),
                false => same(client.call::<Truth>(method, (&value,)).await, &Truth::Is(true), method),
            }
        }};
    }
    let texts = || (1..=count.unwrap_or_default()).map(|n| n.to_string()).collect::<Vec<_>>();
    let object = |value| TestObject { _value: value };
    match (kind.trim_start_matches("reply").trim_start_matches("arg"), number) {
        ("UntypedFixedList", _) => exchange!(Vec<String>, texts()),
        ("TypedFixedList", _) => exchange!(Typed<hessian::typed::StringArray, Vec<String>>, texts().into()),
        ("UntypedMap", "0") => exchange!(BTreeMap<String, i32>, BTreeMap::new()),
        ("UntypedMap", "1") => exchange!(BTreeMap<String, i32>, [("a".to_owned(), 0)].into()),
        ("UntypedMap", "2") => {
            exchange!(BTreeMap<i32, String>, [(0, "a".to_owned()), (1, "b".to_owned())].into())
        }
        ("UntypedMap", _) => exchange!(BTreeMap<Vec<String>, i32>, [(vec!["a".to_owned()], 0)].into()),
        ("TypedMap", "0") => exchange!(Typed<Hashtable, BTreeMap<String, i32>>, BTreeMap::new().into()),
        ("TypedMap", "1") => {
            exchange!(Typed<Hashtable, BTreeMap<String, i32>>, BTreeMap::from([("a".to_owned(), 0)]).into());
        }
        ("TypedMap", "2") => {
            let map = BTreeMap::from([(0, "a".to_owned()), (1, "b".to_owned())]);
            exchange!(Typed<Hashtable, BTreeMap<i32, String>>, map.into());
        }
        ("TypedMap", _) => {
            let map = BTreeMap::from([(vec!["a".to_owned()], 0)]);
            exchange!(Typed<Hashtable, BTreeMap<Vec<String>, i32>>, map.into());
        }
        ("Object", "0") => exchange!(A0, A0),
        ("Object", "1") => exchange!(TestObject, object(0)),
        ("Object", "2") => exchange!(Vec<TestObject>, vec![object(0), object(1)]),
        ("Object", "2b") => exchange!(Vec<TestObject>, vec![object(0), object(0)]),
        // Seventeen classes; one object in two places; one that contains itself: graphs are for these.
        _ if method.starts_with("reply") => {
            let found =
                client.call_graph(method, ()).await.unwrap_or_else(|error| panic!("{method}: {error}"));
            assert_eq!(describe(found.root()), describe(graph.root()));
        }
        _ => same(client.call::<Truth>(method, (graph,)).await, &Truth::Is(true), method),
    }
    if method.starts_with("arg") {
        same(client.call::<Truth>(method, (graph,)).await, &Truth::Is(true), method);
    }
}

/// Overloads, named by hand in an interface, and named by the types of the arguments.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn we_choose_overloads() {
    let server = server();
    for (form, reply) in FORMS {
        let client = builder(&server, "/overloads", form, reply).build().expect("a client");
        let overloads = OverloadsClient::new(client);
        let item = Item { id: 7, name: "seven".into() };
        let mixed = || vec![Mixed::Int(1), Mixed::Text("two".into()), Mixed::Double(3.5)];
        for (found, wanted) in [
            (overloads.tell().await, "nothing"),
            (overloads.int(5).await, "int 5"),
            (overloads.long(1 << 40).await, "long 1099511627776"),
            (overloads.double(2.5).await, "double 2.5"),
            (overloads.boolean(true).await, "boolean true"),
            (overloads.string("Wörtchen".into()).await, "string Wörtchen"),
            (overloads.date(Date::from_millis(894_621_091_000)).await, "date 894621091000"),
            (overloads.binary(vec![0; 100].into()).await, "binary of 100"),
            (overloads.ints(vec![1, 2, 3].into()).await, "ints of 3"),
            (overloads.strings(vec!["a".to_owned(), "b".to_owned()].into()).await, "strings of 2"),
            (overloads.list(mixed()).await, "list of 3"),
            (overloads.map([("a".to_owned(), 1)].into()).await, "map of 1"),
            (overloads.item(item.clone()).await, "item 7 seven"),
            (overloads.int_string(4, "x".into()).await, "int 4 string x"),
            (overloads.string_int("x".into(), 4).await, "string x int 4"),
        ] {
            assert_eq!(found.unwrap_or_else(|error| format!("{error}")), wanted, "{form:?}, {reply:?}");
        }

        let client =
            builder(&server, "/overloads", form, reply).overload_names(true).build().expect("a client");
        macro_rules! tell {
            ($arguments:expr, $wanted:expr) => {
                let found: Result<String, _> = client.call("tell", $arguments).await;
                assert_eq!(found.unwrap_or_else(|error| format!("{error}")), $wanted);
            };
        }
        tell!((), "nothing");
        tell!((5,), "int 5");
        tell!((5_i64,), "long 5");
        tell!((0.5,), "double 0.5");
        tell!((false,), "boolean false");
        tell!(("x",), "string x");
        tell!((Date::from_millis(7),), "date 7");
        tell!((Binary::from(&b"xyz"[..]),), "binary of 3");
        tell!((typed("[int", &[1, 2]),), "ints of 2");
        tell!((typed("[string", &["a"]),), "strings of 1");
        tell!((vec![1, 2, 3, 4],), "list of 4");
        tell!((BTreeMap::from([(1, 2)]),), "map of 1");
        tell!((&item,), "item 7 seven");
        tell!((1, "x"), "int 1 string x");
        tell!(("x", 1), "string x int 1");
    }
    println!("overloads of Java's service: named by hand and by their types:\n90 passed, 0 failed");
}

/// Faults of a service behind Spring's kind of exporter. Rust knows none of the exception classes: the error shows class, message, causes and
/// stack traces all the same, and the fields can be read.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn faults_show_what_java_threw() {
    let server = server();
    for (form, reply) in FORMS {
        let client = builder(&server, "/spring/troubles", form, reply).build().expect("a client");
        let troubles = TroublesClient::new(client);

        let error = troubles.account(12, 1.5).await.expect_err("it throws");
        let fault = error.fault().unwrap_or_else(|| panic!("no fault: {error}"));
        assert_eq!(&*fault.code, "ServiceException");
        let thrown = fault.exception.as_ref().expect("an exception");
        assert_eq!(&*thrown.class, "calls.Troubles$AccountException");
        assert_eq!(thrown.message.as_deref(), Some("account 12 lacks 1.5"));
        let field = |name: &str| {
            thrown.fields.iter().find(|(field, _)| &**field == name).map(|(_, graph)| graph.root().as_f64())
        };
        assert_eq!(field("number").map(|_| ()), Some(()));
        assert_eq!(field("lacking"), Some(Some(1.5)));
        assert_eq!(error.to_string(), "calls.Troubles$AccountException: account 12 lacks 1.5");

        let error = troubles.chain("outermost".into()).await.expect_err("it throws");
        let thrown = error.fault().and_then(|fault| fault.exception.as_ref()).expect("an exception");
        let mut causes = Vec::new();
        let mut next = Some(thrown);
        while let Some(exception) = next {
            causes.push(exception.to_string());
            next = exception.cause.as_ref();
        }
        assert_eq!(
            causes,
            [
                "java.lang.RuntimeException: outermost",
                "calls.Troubles$AccountException: account 7 lacks 0.5",
                "java.io.IOException: the ledger is closed",
            ]
        );
        let frame = thrown.stack_trace.first().expect("a stack trace");
        assert_eq!(frame.method_name.as_deref(), Some("chain"));
        assert_eq!(frame.file_name.as_deref(), Some("Troubles.java"));

        let told = format!("{error:#}");
        for part in [
            "java.lang.RuntimeException: outermost\n",
            "\tat calls.Troubles$Service.chain(Troubles.java:",
            "Caused by: calls.Troubles$AccountException: account 7 lacks 0.5\n",
            "Caused by: java.io.IOException: the ledger is closed\n",
        ] {
            assert!(told.contains(part), "no {part:?} in\n{told}");
        }
        if (form, reply) == FORMS[0] {
            println!("an exception of a class that Rust does not know:\n{told}");
        }

        let error = troubles.unknown("what?".into()).await.expect_err("it throws");
        assert_eq!(error.to_string(), "calls.Troubles$Service$Hidden: what?");
        assert_eq!(troubles.nothing(5).await.expect("no fault"), 5);

        let missing = troubles.client().call::<()>("noSuchMethod", ()).await.expect_err("there is none");
        let fault = missing.fault().unwrap_or_else(|| panic!("no fault: {missing}"));
        assert_eq!(&*fault.code, "NoSuchMethodException");
        assert!(fault.message.contains("noSuchMethod"), "{}", fault.message);
    }
}

/// A service that wants to know who calls; one that compresses its replies; addresses that are wrong.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn authorization_compression_and_wrong_addresses() {
    let server = server();
    let call = async |builder: ClientBuilder| {
        builder
            .build()
            .expect("a client")
            .call::<String>("replyString_65536", ())
            .await
            .map(|text| text.len())
    };
    let at = |path: &str| Client::builder(&server.url(path));

    assert!(matches!(call(at("/private")).await, Err(Error::Status { status, .. }) if status == 401));
    assert!(
        matches!(call(at("/private").basic_auth("reader", "wrong")).await, Err(Error::Status { status, .. }) if status == 401)
    );
    assert_eq!(call(at("/private").basic_auth("reader", "öffne")).await.expect("let in"), 65536);
    let address = server.url("/private").replace("//", "//reader:%C3%B6ffne@");
    assert_eq!(call(Client::builder(&address)).await.expect("let in"), 65536);

    assert_eq!(call(at("/deflated")).await.expect("inflated"), 65536);

    assert!(matches!(call(at("/nowhere")).await, Err(Error::Status { status, .. }) if status == 404));
    // A service that answers what cannot be read with an error page that tells why: nothing but text is sent.
    let wrong = Client::new(&server.url("/files")).expect("a client").call::<()>("upload", (1,)).await;
    assert!(
        matches!(&wrong, Err(Error::Status { status, body }) if *status == 500 && !body.is_empty()),
        "{wrong:?}"
    );
}

/// Bytes of the large binaries.
const LARGE: u64 = 256 << 20;

/// Memory that may come and go while they pass through.
const FLAT: u64 = 32 << 20;

/// 256 MiB to Java's `InputStream` and back from one, in memory that does not grow with them.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn binaries_of_256_mib_both_ways() {
    let server = server();
    for (form, reply) in FORMS {
        let client = builder(&server, "/files", form, reply).build().expect("a client");
        let mut memory = Memory::watch();
        let mut content = Content::new();
        let mut download = client.call_binary("download", (LARGE as i64,)).await.expect("a binary");
        while let Some(piece) = download.chunk().await.expect("the whole of it") {
            content.take(&piece);
            if content.length & 0xff_ffff < piece.len() as u64 {
                memory.look();
            }
        }
        assert_eq!(content.length, LARGE);
        let down = memory.growth();

        let mut looking = tokio::time::interval(std::time::Duration::from_millis(20));
        let mut upload =
            std::pin::pin!(client.call::<String>("upload", (Upload::reader(Source::of(LARGE)),)));
        let told = loop {
            tokio::select! {
                told = &mut upload => break told.expect("it arrives"),
                _ = looking.tick() => memory.look(),
            }
        };
        assert_eq!(told, content.told());
        let up = memory.growth();
        println!(
            "{LARGE} bytes in {form:?}, reply in {reply:?}: memory grew by {} KiB down, {} KiB up",
            down >> 10,
            up >> 10
        );
        assert!(up < FLAT, "memory grew by {up} bytes");

        let some = Binary::from(vec![7; 1 << 20]);
        let back: Binary = client.call("echo", (&some,)).await.expect("an echo");
        assert_eq!(back, some);
    }
}

/// A call in an envelope that is compressed, and its reply in another one. Java's own client knows none of them, nor does ours: what goes over the wire is
/// made and read by the codec.
#[tokio::test]
#[ignore = "needs libhessian-java and a JDK: bash .ci/interop.sh rpc"]
async fn envelopes_there_and_back() {
    let server = server();
    let limits = Limits::new();
    let mut call = Vec::new();
    write_call(Form::Two, "replyString_65536", &(), &mut call).expect("a call");
    let mut body = Vec::new();
    envelope::deflate(&call, &mut body);

    let mut connection = TcpStream::connect(("127.0.0.1", server.ports[0])).await.expect("a server");
    let head = format!(
        "POST /envelope HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    connection.write_all(&[head.as_bytes(), &body].concat()).await.expect("sent");
    let mut response = Vec::new();
    connection.read_to_end(&mut response).await.expect("received");
    let start = response.windows(4).position(|end| end == b"\r\n\r\n").expect("a head") + 4;
    let told = String::from_utf8_lossy(&response[..start]);
    assert!(told.contains(" 200 "), "{told}");

    let (reply, used) = Envelope::parse(&response[start..], &limits).expect("an envelope");
    assert_eq!((reply.method(), used), (envelope::DEFLATION, response.len() - start));
    let inside = reply.inflate(&limits).expect("zlib");
    let (reply, _) = Reply::parse(&inside, &limits).expect("a reply");
    let text = reply.result().expect("no fault").as_str().map(str::len);
    assert_eq!(text, Some(65536));
    println!("a reply of {} bytes, {} in its envelope", inside.len(), used);
}
