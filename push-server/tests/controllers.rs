//! Controllers over real connections: what a client gets, and what the controller is told.

mod support;

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::any;
use push_server::controller::{
    self, Context, Controller, Error, Flow, Form, Handle, Input, Reason, Result, Suspend,
};
use push_server::{Limits, Start, Stream, demo};
use support::{Client, TestServer, wait_for};
use tokio::time::Instant;

/// What the controllers of a test were told, and the handles of their connections.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>, Arc<Mutex<Vec<Handle>>>);

impl Log {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    fn has(&self, what: &str) -> bool {
        self.all().iter().any(|told| told == what)
    }

    /// Waits for it in paused time.
    async fn later(&self, what: &str) {
        while !self.has(what) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn until(&self, what: &str) {
        wait_for(|| self.has(what)).await;
    }

    fn handles(&self) -> Vec<Handle> {
        self.1.lock().unwrap().clone()
    }

    async fn handle(&self, index: usize) -> Handle {
        wait_for(|| self.handles().len() > index).await;
        self.handles()[index].clone()
    }
}

/// Tells what it is told; sends the attribute `news` on resume, echoes what it reads.
struct Told(Log);

impl Controller for Told {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        self.0.add("begin");
        self.0.1.lock().unwrap().push(cx.handle().clone());
        Ok(Flow::Suspend)
    }

    async fn resume(&mut self, cx: &mut Context) -> Result {
        self.0.add("resume");
        if let Some(news) = cx.get::<String>("news") {
            if *news == "panic" {
                panic!("as asked");
            }
            cx.send(&*news)?;
        }
        Ok(Flow::Suspend)
    }

    async fn read(&mut self, cx: &mut Context, input: Input) -> Result {
        match input {
            Input::Data(data) if data[0] == b'.' => Ok(Flow::Suspend),
            Input::Data(data) => {
                self.0.add(format!("read {}", data.escape_ascii()));
                cx.write(data)?;
                Ok(Flow::Suspend)
            }
            _ => {
                self.0.add("end");
                Ok(Flow::Complete)
            }
        }
    }

    async fn timeout(&mut self, _: &mut Context) -> Result {
        self.0.add("timeout");
        Ok(Flow::Complete)
    }

    async fn error(&mut self, _: &mut Context, error: &Error) {
        self.0.add(format!("error: {error}"));
    }

    fn close(&mut self, reason: Reason) {
        self.0.add(format!("close {reason:?}"));
    }
}

/// A server of such controllers, in every form at `/told`, and raw at `/raw`.
async fn told(limits: Limits) -> (TestServer, Log) {
    let log = Log::default();
    let (form, raw) = (log.clone(), log.clone());
    let server = TestServer::serving_also(limits, |_| {
        controller::router("/told", Form::script(), move |_| Told(form.clone()))
            .route("/raw", controller::route(Form::raw("text/plain"), move |_| Told(raw.clone())))
    })
    .await;
    (server, log)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")
}

async fn chunk(client: &mut Client) -> String {
    let line = String::from_utf8(client.until(b"\r\n").await).unwrap();
    let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
    let mut body = client.take(length + 2).await;
    body.truncate(length);
    String::from_utf8(body).unwrap()
}

const COMMON: &str =
    "cache-control: no-store\r\nx-content-type-options: nosniff\r\nx-accel-buffering: no\r\n";

#[tokio::test]
async fn a_stream_begins_with_its_head_and_gets_what_it_is_woken_for() {
    let (server, log) = told(Limits::default()).await;
    let mut client = server.ask(&get("/told/sse")).await;
    assert_eq!(
        client.head().await,
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n{COMMON}push-heartbeat: 15\r\nconnection: close\r\n\
             transfer-encoding: chunked\r\n\r\n"
        )
    );
    assert_eq!(chunk(&mut client).await, "retry: 2000\n\n");
    let handle = log.handle(0).await;
    for news in ["one", "two"] {
        handle.set("news", news.to_owned());
        assert!(handle.wake());
        assert_eq!(chunk(&mut client).await, format!("data: \"{news}\"\n\n"));
    }
    assert!(handle.complete());
    assert_eq!(client.rest_text().await, "1b\r\nevent: end\ndata: complete\n\n\r\n0\r\n\r\n");
    assert!(!handle.wake() && !handle.complete());
    log.until("close Complete").await;
    assert_eq!(log.all(), ["begin", "resume", "resume", "close Complete"]);
    server.stop().await;
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_no_chunks() {
    let (server, log) = told(Limits::default()).await;
    let mut client = server.ask("GET /told/json HTTP/1.0\r\n\r\n").await;
    assert_eq!(
        client.head().await,
        format!(
            "HTTP/1.0 200 OK\r\ncontent-type: application/x-ndjson\r\n{COMMON}push-heartbeat: 15\r\nconnection: close\r\n\r\n"
        )
    );
    let handle = log.handle(0).await;
    handle.set("news", "<one>\n".to_owned());
    handle.wake();
    // What it was woken for before is heard.
    handle.complete();
    assert_eq!(client.rest_text().await, "\"<one>\\n\"\n");
    server.stop().await;
}

#[tokio::test]
async fn script_tags_and_packets_are_those_of_the_hub() {
    let (server, log) = told(Limits::default()).await;
    for (index, (path, value, farewell)) in [
        (
            "/told",
            "<script type=\"text/javascript\">comet_update(\"\\u003c\", null);</script>\n",
            "<script type=\"text/javascript\">comet_call(\"comet_end\", \"complete\", null);</script>\n</body></html>\n",
        ),
        ("/told/hessian", "\x02\x01<", ""),
        ("/told/hessian?framing=p", "P\x00\x02\x01<", ""),
        ("/told/hessian?framing=varint", "\x02\x01<\0", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let mut client = server.ask(&format!("GET {path} HTTP/1.0\r\n\r\n")).await;
        client.head().await;
        let handle = log.handle(index).await;
        handle.set("news", "<".to_owned());
        handle.wake();
        handle.complete();
        let text = client.rest_text().await;
        assert!(text.ends_with(&format!("{value}{farewell}")), "{path}: {text:?}");
    }
    for (query, what) in [
        ("script?callback=a.b", "callback: a callback is 1 to 64"),
        ("hessian?framing=x", "framing is one of ws, p, varint, marked.\n"),
        ("hessian?grammar=x", "grammar is one of final, draft, tutorial.\n"),
    ] {
        let answer = server.answer(&format!("GET /told/{query} HTTP/1.0\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.0 400 ") && answer.contains(what), "{answer}");
    }
    let answer = server.answer("DELETE /told HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 405 "), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn the_same_controller_answers_long_polls_one_after_the_other_on_a_connection() {
    let (server, log) = told(Limits::default()).await;
    let mut client = server.ask(&get("/told/longpoll")).await;
    for index in 0..3 {
        let handle = log.handle(index).await;
        handle.set("news", format!("news {index}"));
        handle.wake();
        assert_eq!(
            client.head().await,
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{COMMON}content-length: 11\r\n\r\n"
            )
        );
        assert_eq!(client.take(11).await, format!("[\"news {index}\"\n]").as_bytes());
        client.send(get("/told/longpoll").as_bytes()).await;
    }
    let closed = log.all().iter().filter(|told| *told == "close Complete").count();
    assert_eq!(closed, 3, "{:?}", log.all());
    // The fourth is under way: the server is not held up by it.
    log.handle(3).await;
    server.stop().await;
    assert!(client.rest_text().await.starts_with("HTTP/1.1 503 "));
    assert!(log.has("close Shutdown"));
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_without_news_is_answered_all_the_same() {
    let (server, log) = told(Limits::default()).await;
    let begin = Instant::now();
    let mut client = server.ask(&get("/told/longpoll")).await;
    log.later("close Complete").await;
    assert!(client.head().await.contains("\r\ncontent-length: 2\r\n"));
    assert_eq!(client.take(2).await, b"[]");
    assert_eq!(begin.elapsed().as_secs(), controller::TIMEOUT.as_secs());
    assert_eq!(log.all(), ["begin", "timeout", "close Complete"]);
    // A stream is kept by heartbeats, and waits for ever.
    let mut stream = server.ask(&get("/told/json")).await;
    stream.head().await;
    for _ in 0..20 {
        tokio::time::sleep(Limits::default().heartbeat).await;
        assert_eq!(chunk(&mut stream).await, "\n");
    }
    log.handle(1).await.complete();
    assert_eq!(stream.rest_text().await, "0\r\n\r\n");
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn raw_bytes_have_no_heartbeat_and_so_a_timeout() {
    let (server, log) = told(Limits::default()).await;
    let begin = Instant::now();
    let client = server.ask("GET /raw HTTP/1.0\r\n\r\n").await;
    log.later("close Complete").await;
    assert!(client.rest_text().await.ends_with("connection: close\r\n\r\n"));
    assert_eq!(begin.elapsed().as_secs(), controller::TIMEOUT.as_secs());
    assert_eq!(log.all(), ["begin", "timeout", "close Complete"]);
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_comes_late_is_read_piece_by_piece() {
    let (server, log) = told(Limits::default()).await;
    let announced = [
        ("content-length: 10", ["hello", "world"], ""),
        ("transfer-encoding: chunked", ["5\r\nhello\r\n", "5\r\nworld\r\n"], "0\r\n\r\n"),
    ];
    for (index, (length, pieces, end)) in announced.into_iter().enumerate() {
        // The client that waits to be asked is asked.
        let expect = if index == 0 { "Expect: 100-continue\r\n" } else { "" };
        let request = format!("POST /raw HTTP/1.1\r\nHost: x\r\n{expect}{length}\r\n\r\n");
        let mut client = server.ask(&request).await;
        if index == 0 {
            assert_eq!(client.until(b"\r\n\r\n").await, b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        client.head().await;
        for (piece, body) in pieces.into_iter().zip(["hello", "world"]) {
            client.send(piece.as_bytes()).await;
            assert_eq!(chunk(&mut client).await, body);
        }
        client.send(end.as_bytes()).await;
        assert_eq!(client.rest_text().await, "0\r\n\r\n");
        log.until("close Complete").await;
        assert_eq!(log.all(), ["begin", "read hello", "read world", "end", "close Complete"]);
        log.0.lock().unwrap().clear();
    }
    // What arrives with the head, too.
    let request = "POST /raw HTTP/1.0\r\ncontent-length: 5\r\n\r\nhello, and more";
    let answer = server.answer(request).await;
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_body_is_bounded_and_has_to_be_one() {
    let (server, log) = told(Limits::default()).await;
    let max = controller::INPUT_BYTES;
    let post = |fields: &str| format!("POST /told/longpoll HTTP/1.1\r\nHost: x\r\n{fields}\r\n\r\n");
    for (request, status, error) in [
        (post(&format!("content-length: {}", max + 1)), "413", "more than input_bytes = 1048576 bytes"),
        (
            post("transfer-encoding: chunked") + "100001\r\n" + &".".repeat(1 + (1 << 20)),
            "413",
            "more than input_bytes = 1048576 bytes",
        ),
        (post("transfer-encoding: chunked") + "x", "400", "not as announced: Invalid chunk size line"),
    ] {
        let answer = server.answer(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        log.until("close Failed").await;
        let told = log.all();
        assert!(told.len() == 3 && told[1].contains(error), "{told:?}");
        log.0.lock().unwrap().clear();
    }
    // In a stream the head has left: the body has no last chunk.
    let mut client = server.ask("POST /told/sse HTTP/1.1\r\nHost: x\r\ncontent-length: 9\r\n\r\n").await;
    client.head().await;
    client.end().await;
    assert!(!client.rest_text().await.contains("0\r\n\r\n"));
    log.until("close Failed").await;
    assert_eq!(log.all()[1], "error: the request body: it ended early");
    server.stop().await;
}

#[tokio::test]
async fn a_client_that_ends_its_direction_still_reads() {
    let (server, log) = told(Limits::default()).await;
    let mut client = server.ask(&get("/told/json")).await;
    client.end().await;
    client.head().await;
    // The probe whether it is there.
    assert_eq!(chunk(&mut client).await, "\n");
    let handle = log.handle(0).await;
    handle.set("news", "one".to_owned());
    handle.wake();
    assert_eq!(chunk(&mut client).await, "\"one\"\n");
    handle.complete();
    client.rest().await;
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_is_noticed_within_seconds() {
    for (path, is_reset) in
        [("/told/sse", true), ("/told/sse", false), ("/told/longpoll", true), ("/raw", true)]
    {
        let (server, log) = told(Limits::default()).await;
        let mut client = server.ask(&get(path)).await;
        if path != "/told/longpoll" {
            client.head().await;
        }
        log.until("begin").await;
        let begin = Instant::now();
        if is_reset {
            client.socket.set_zero_linger().unwrap();
        }
        drop(client);
        log.later("close Peer").await;
        assert!(begin.elapsed() < Duration::from_secs(3), "{path} {is_reset}: {:?}", begin.elapsed());
        // No failure: nobody but `close` is told.
        assert_eq!(log.all(), ["begin", "close Peer"]);
        server.stop().await;
    }
}

/// A controller that is woken often and has nothing to say is silent all the same.
#[tokio::test(start_paused = true)]
async fn wakes_that_write_nothing_keep_neither_heartbeats_nor_the_end_away() {
    let mut limits = Limits::default();
    limits.heartbeat = Duration::from_secs(5);
    let heartbeat = limits.heartbeat;
    let (server, log) = told(limits).await;
    let mut client = server.ask("GET /told/sse HTTP/1.0\r\n\r\n").await;
    client.head().await;
    let handle = log.handle(0).await;
    let waker = {
        let handle = handle.clone();
        tokio::spawn(async move {
            while !handle.is_closed() {
                handle.wake();
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        })
    };
    let begin = Instant::now();
    client.until(b":\n\n").await;
    assert!(
        (heartbeat..heartbeat + Duration::from_secs(1)).contains(&begin.elapsed()),
        "{:?}",
        begin.elapsed()
    );
    drop(client);
    log.later("close Peer").await;
    waker.await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn a_panic_ends_its_connection_alone() {
    let (server, log) = told(Limits::default()).await;
    let mut healthy = server.ask(&get("/told/json")).await;
    healthy.head().await;
    let other = log.handle(0).await;
    let client = server.ask(&get("/told/json")).await;
    let handle = log.handle(1).await;
    handle.set("news", "panic".to_owned());
    handle.wake();
    let answer = client.rest_text().await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("\r\n\r\n"), "{answer}");
    log.until("close Failed").await;
    assert_eq!(log.all(), ["begin", "begin", "resume", "error: resume panicked: as asked", "close Failed"]);
    other.set("news", "still here".to_owned());
    other.wake();
    assert_eq!(chunk(&mut healthy).await, "\"still here\"\n");
    drop(healthy);
    server.stop().await;
}

/// Fails, panics or never returns in `begin`, and panics in `error` and `close`.
struct Broken(Log, &'static str);

impl Controller for Broken {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        cx.send("never sent")?;
        match self.1 {
            "panic" => panic!("in begin"),
            "wait" => pending().await,
            "full" => cx.write(vec![b'x'; controller::PENDING_BYTES])?,
            _ => {}
        }
        Err("as asked".into())
    }

    async fn error(&mut self, _: &mut Context, error: &Error) {
        self.0.add(error.to_string());
        panic!("in error");
    }

    fn close(&mut self, reason: Reason) {
        self.0.add(format!("close {reason:?}"));
        panic!("in close");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_a_callback_does_the_client_is_answered_and_close_is_told() {
    let log = Log::default();
    let server = TestServer::serving_also(Limits::default(), |_| {
        let mut router = Router::new();
        for how in ["error", "panic", "wait", "full"] {
            let log = log.clone();
            let make = move |_: &_| Broken(log.clone(), how);
            router = router.route(&format!("/{how}"), controller::route(Form::Json, make));
        }
        router
    })
    .await;
    for (how, error) in [
        ("error", "begin failed: as asked"),
        ("panic", "begin panicked: in begin"),
        ("wait", "begin did not return within callback_time = 60s"),
        (
            "full",
            "begin failed: 262144 bytes more than the 18 that wait are above pending_bytes = 262144: write a part, \
             wake, return",
        ),
    ] {
        let client = server.ask(&get(&format!("/{how}"))).await;
        log.later("close Failed").await;
        let answer = client.rest_text().await;
        assert!(answer.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{answer}");
        assert!(answer.ends_with("\r\n\r\nThis address failed.\n"), "{answer}");
        assert_eq!(log.all(), [error, "close Failed"]);
        log.0.lock().unwrap().clear();
    }
    server.stop().await;
}

/// Writes more than kernels hold whenever it is resumed.
struct Flood(Log);

impl Controller for Flood {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        self.0.1.lock().unwrap().push(cx.handle().clone());
        Ok(Flow::Suspend)
    }

    async fn resume(&mut self, cx: &mut Context) -> Result {
        assert_eq!(cx.pending(), 0);
        self.0.add("resume");
        cx.write(vec![b'x'; 200 << 10])?;
        // More than fits into one callback: as much again when this has gone.
        cx.handle().wake();
        Ok(Flow::Suspend)
    }

    async fn error(&mut self, _: &mut Context, error: &Error) {
        self.0.add(error.to_string());
    }

    fn close(&mut self, reason: Reason) {
        self.0.add(format!("close {reason:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_read_is_resumed_no_more_and_ended_after_the_stall_time() {
    let log = Log::default();
    let made = log.clone();
    let server = TestServer::serving_also(Limits::default(), |_| {
        Router::new().route("/flood", controller::route(Form::Sse, move |_| Flood(made.clone())))
    })
    .await;
    let mut stalled = server.ask(&get("/flood")).await;
    stalled.head().await;
    let mut reader = server.ask(&get("/flood")).await;
    let handle = log.handle(0).await;
    handle.wake();
    let begin = Instant::now();
    while !log.has("close Stalled") {
        // It wakes all the time, and that piles up nowhere.
        handle.wake();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let stall = Limits::default().stall;
    assert!(begin.elapsed() >= stall && begin.elapsed() < stall * 2, "{:?}", begin.elapsed());
    let told = log.all();
    assert!(told.len() < 60, "{} resumes into a full socket", told.len());
    assert_eq!(told[told.len() - 2], "the client has taken nothing for stall = 30s");
    // The other one gets as much as it reads.
    log.handle(1).await.wake();
    for _ in 0..100 {
        reader.take(200 << 10).await;
    }
    drop(reader);
    log.until("close Peer").await;
    server.stop().await;
}

#[tokio::test]
async fn complete_and_wake_work_from_other_threads() {
    let (server, log) = told(Limits::default()).await;
    let mut client = server.ask(&get("/told/json")).await;
    client.head().await;
    let handle = log.handle(0).await;
    let other = handle.clone();
    std::thread::spawn(move || {
        other.set("news", "from a thread".to_owned());
        assert!(other.wake());
        assert!(other.complete());
        assert!(!other.wake());
    });
    let text = client.rest_text().await;
    assert!(text.ends_with("10\r\n\"from a thread\"\n\r\n0\r\n\r\n"), "{text:?}");
    handle.closed().await;
    server.stop().await;
}

/// Joins the demo's stream and leaves the rest to the defaults.
struct Joins(Stream);

impl Controller for Joins {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        cx.join(self.0.subscribe(cx.form().transport(), Start::Latest(1)));
        Ok(Flow::Suspend)
    }
}

#[tokio::test]
async fn a_joined_stream_is_read_as_the_hub_s_own_transports_have_it() {
    let server = TestServer::serving_also(Limits::default(), |stream| {
        let stream = stream.clone();
        controller::router("/joined", Form::Sse, move |_| Joins(stream.clone()))
    })
    .await;
    server.publish("first").await;
    let mut clients = Vec::new();
    for transport in ["sse", "script", "hessian"] {
        let mut own = server.ask(&format!("GET /comet/{transport} HTTP/1.0\r\n\r\n")).await;
        let mut ours = server.ask(&format!("GET /joined/{transport} HTTP/1.0\r\n\r\n")).await;
        // A controller's lifetime is its own.
        assert_eq!(own.head().await.replace("push-rotate: 30\r\n", ""), ours.head().await);
        clients.push((own, ours));
    }
    let mut poll = server.ask(&get("/joined/longpoll")).await;
    assert!(poll.head().await.contains("\r\npush-position: ab:1\r\n"));
    assert_eq!(poll.take(20).await, b"[{\"value\":\"first\"}\n]".as_slice()[..20]);
    wait_for(|| server.stream.readers() == 6).await;
    server.publish("second").await;
    server.stop().await;
    for (own, ours) in clients {
        let [own, ours] = [own.rest().await, ours.rest().await].map(|bytes| bytes.escape_ascii().to_string());
        assert!(own.contains("second"), "{own}");
        assert_eq!(own, ours);
    }
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_server_is_told_to_those_who_wait_and_cuts_who_does_not_return() {
    let log = Log::default();
    let (waiting, hanging) = (log.clone(), log.clone());
    let server = TestServer::serving_also(Limits::default(), |_| {
        let told = controller::route(Form::Sse, move |_| Told(waiting.clone()));
        let hangs = controller::route(Form::Sse, move |_| Broken(hanging.clone(), "wait"));
        Router::new().route("/told", told).route("/hangs", hangs)
    })
    .await;
    let mut client = server.ask(&get("/told")).await;
    client.head().await;
    let handle = log.handle(0).await;
    let hanging = server.ask(&get("/hangs")).await;
    // Its head has been read when the other's is answered after it.
    server.answer("GET /nowhere HTTP/1.0\r\n\r\n").await;
    handle.set("news", "the last".to_owned());
    handle.wake();
    let begin = Instant::now();
    server.stop().await;
    assert_eq!(begin.elapsed().as_secs(), Limits::default().drain.as_secs());
    let text = client.rest_text().await;
    assert!(text.contains("the last") && text.ends_with("event: rotate\ndata\n\n\r\n0\r\n\r\n"), "{text}");
    drop(hanging);
    log.until("close Cut").await;
    assert_eq!(log.all(), ["begin", "resume", "close Shutdown", "close Cut"]);
}

#[tokio::test(start_paused = true)]
async fn a_handler_of_the_application_s_sets_what_it_likes() {
    async fn comet(suspend: Suspend) -> Response {
        struct Fields;
        impl Controller for Fields {
            async fn begin(&mut self, cx: &mut Context) -> Result {
                let fields = cx.headers_mut().expect("not left yet");
                fields.insert("x-of-begin", "1".parse()?);
                cx.send(&1)?;
                Ok(Flow::Suspend)
            }
        }
        let suspend = suspend.form(Form::script()).lifetime(Duration::from_secs(30));
        let mut response = suspend.run(Fields);
        response.headers_mut().insert("x-of-the-route", "1".parse().unwrap());
        response
    }
    let server =
        TestServer::serving_also(Limits::default(), |_| Router::new().route("/comet2", any(comet))).await;
    let begin = Instant::now();
    let mut client = server.ask("GET /comet2 HTTP/1.0\r\n\r\n").await;
    let head = client.head().await;
    assert!(head.contains("x-of-begin: 1\r\n") && head.contains("x-of-the-route: 1\r\n"), "{head}");
    tokio::time::sleep(Duration::from_secs(29)).await;
    let text = client.rest_text().await;
    assert!(
        text.contains("comet_update(1, null)")
            && text.contains("comet_call(\"comet_end\", \"rotate\", null)")
    );
    assert_eq!(begin.elapsed().as_secs(), 30);
    // Nothing begins for HEAD.
    let answer = server.answer("HEAD /comet2 HTTP/1.0\r\n\r\n").await;
    assert!(answer.contains("x-of-the-route") && !answer.contains("x-of-begin"), "{answer}");
    server.stop().await;
}

/// The tutorial's object in the tutorial's packets, from the controller and from the stream in one numbering.
#[tokio::test]
async fn classes_of_the_controller_and_of_its_stream_are_one_table() {
    struct Both(Stream);
    impl Controller for Both {
        async fn begin(&mut self, cx: &mut Context) -> Result {
            #[derive(serde::Serialize)]
            #[serde(rename = "example.Other")]
            struct Other {
                n: i32,
            }
            cx.send(&Other { n: 1 })?;
            cx.send(&demo::AddString { value: "a".to_owned() })?;
            cx.send(&Other { n: 2 })?;
            cx.join(self.0.subscribe(cx.form().transport(), Start::Latest(1)));
            Ok(Flow::Suspend)
        }
    }
    let server = TestServer::serving_also(Limits::default(), |stream| {
        let stream = stream.clone();
        let make = move |_: &_| Both(stream.clone());
        Router::new().route("/both", controller::route(Form::hessian(push_server::Framing::Ws), make))
    })
    .await;
    let mut late = server.ask("GET /both HTTP/1.0\r\n\r\n").await;
    late.head().await;
    let first = b"\x05\x14C\x0dexample.Other\x91\x01n\x60\x91";
    assert_eq!(late.take(first.len()).await.escape_ascii().to_string(), first.escape_ascii().to_string());
    server.publish("b").await;
    server.stop().await;
    let rest = late.rest().await;
    let needle = b"C\x11example.AddString\x91\x05value";
    let definitions = rest.windows(needle.len()).filter(|window| window == needle).count();
    assert_eq!(definitions, 1, "defined once: {}", rest.escape_ascii());
    assert!(rest.ends_with(b"\x03\x61\x01b"), "{}", rest.escape_ascii());
}

/// A client that has sent its next request already still gets to read why the first came to nothing: no reset takes it
/// back.
#[tokio::test]
async fn a_refusal_arrives_though_the_next_request_waits_unread() {
    let log = Log::default();
    let told = log.clone();
    let server = TestServer::serving_also(Limits::default(), |_| {
        let poll = any(move |suspend: Suspend| async move { suspend.long_poll().run(Told(told.clone())) });
        Router::new().route("/poll", poll)
    })
    .await;
    let mut client = server.ask(&get("/poll")).await;
    let handle = log.handle(0).await;
    assert_eq!((server.hub.stats().controllers, server.hub.stats().controllers_opened), (1, 1));
    client.send(get("/poll").as_bytes()).await;
    // The controller's task looks at what has come before it is woken for the last time.
    client.send(b"GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    handle.set("news", "panic".to_owned());
    handle.wake();
    log.until("close Failed").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let answer = client.rest_text().await;
    assert!(answer.starts_with("HTTP/1.1 500 ") && answer.ends_with("This address failed.\n"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    wait_for(|| server.hub.stats().controllers == 0).await;
    server.stop().await;
}

/// A comet servlet that was ported, asked by the clients of its time.
#[tokio::test]
async fn objects_come_in_the_grammar_asked_for() {
    struct Servlet;
    impl Controller for Servlet {
        async fn begin(&mut self, cx: &mut Context) -> Result {
            cx.send(&demo::AddString { value: "hi".to_owned() })?;
            cx.send_json(r#"{"a":[1]}"#)?;
            cx.send(&demo::AddString { value: "yo".to_owned() })?;
            Ok(Flow::Complete)
        }
    }
    let server = TestServer::serving_also(Limits::default(), |_| {
        controller::router("/servlet", Form::script(), |_| Servlet)
    })
    .await;
    for (query, body) in [
        (
            "framing=p&grammar=tutorial",
            &b"P\0\x1fO\x11example.AddString\x91\x05valueo\x90\x02hi\
            P\0\x09M\x01aVn\x01\x91zzP\0\x05o\x90\x02yo"[..],
        ),
        ("framing=varint&grammar=draft", b"\x1fO\x11example.AddString\x91\x05valueo\x90\x02hi\0"),
        ("grammar=final", b"\x05\x1eC\x11example.AddString\x91\x05value\x60\x02hi\x05\x06H\x01ay\x91Z"),
        ("", b"\x05\x1eC\x11example.AddString\x91\x05value\x60\x02hi"),
    ] {
        let mut client = server.ask(&format!("GET /servlet/hessian?{query} HTTP/1.0\r\n\r\n")).await;
        client.head().await;
        let got = client.rest().await;
        assert!(got.starts_with(body), "{query}: {}", got.escape_ascii());
    }
    server.stop().await;
}

/// Fails when the client has had time to send more.
struct SlowToFail;

impl Controller for SlowToFail {
    async fn begin(&mut self, _: &mut Context) -> Result {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Err("as asked".into())
    }
}

/// Nor does one that has come while the controller was at work, so that nobody knows of it.
#[tokio::test]
async fn a_refusal_arrives_though_a_request_came_meanwhile() {
    let server = TestServer::serving_also(Limits::default(), |_| {
        Router::new()
            .route("/poll", any(|suspend: Suspend| async move { suspend.long_poll().run(SlowToFail) }))
            .route("/stream", any(|suspend: Suspend| async move { suspend.run(SlowToFail) }))
    })
    .await;
    for path in ["/poll", "/stream"] {
        let mut client = server.ask(&get(path)).await;
        tokio::time::sleep(Duration::from_millis(30)).await;
        client.send(get("/never").as_bytes()).await;
        tokio::time::sleep(Duration::from_millis(150)).await;
        let answer = client.rest_text().await;
        assert!(answer.starts_with("HTTP/1.1 500 "), "{path} {answer}");
        assert!(answer.ends_with("This address failed.\n"), "{path} {answer}");
    }
    server.stop().await;
}
