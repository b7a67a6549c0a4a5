//! What a controller's connection may be told about itself, and what it may do with a stream that it joined: each setting by itself.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use push_server::controller::{
    self, Context, Controller, Error, Flow, Form, Handle, Input, Reason, Result, Suspend, WriteError,
};
use push_server::{Limits, ReadError, Start, Stream, StreamConfig};
use support::{TestServer, wait_for};
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

/// What a controller was told, each with the seconds since the test began.
#[derive(Clone)]
struct Log {
    told: Arc<Mutex<Vec<String>>>,
    handle: Arc<Mutex<Option<Handle>>>,
    begin: Instant,
}

impl Log {
    fn new() -> Self {
        Self { told: Arc::default(), handle: Arc::default(), begin: Instant::now() }
    }

    fn add(&self, what: impl std::fmt::Display) {
        self.told.lock().unwrap().push(format!("{} {what}", self.begin.elapsed().as_secs()));
    }

    fn all(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }

    fn handle(&self) -> Handle {
        self.handle.lock().unwrap().clone().expect("it has begun")
    }

    async fn closed(&self) {
        while !self.all().iter().any(|told| told.contains("close")) {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A server of what `run` makes of a suspended request, at `/`.
async fn server(
    run: impl Fn(Suspend, Log) -> axum::response::Response + Clone + Send + Sync + 'static,
) -> (TestServer, Log) {
    let log = Log::new();
    let own = log.clone();
    let server = TestServer::serving_also(Limits::default(), |_| {
        Router::new().route("/here", any(async move |suspend: Suspend| run(suspend, own)))
    })
    .await;
    (server, log)
}

const GET: &str = "GET /here HTTP/1.0\r\n\r\n";

/// Sets the times in `1` one after the other, each when the one before is over.
struct Patient(Log, Vec<Option<Duration>>);

impl Controller for Patient {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        *self.0.handle.lock().unwrap() = Some(cx.handle().clone());
        Ok(Flow::Suspend)
    }

    async fn resume(&mut self, _: &mut Context) -> Result {
        self.0.add("resume");
        Ok(Flow::Suspend)
    }

    async fn timeout(&mut self, cx: &mut Context) -> Result {
        self.0.add("timeout");
        if self.1.is_empty() {
            return Ok(Flow::Complete);
        }
        let next = self.1.remove(0);
        assert_ne!(cx.timeout(), next);
        cx.set_timeout(next);
        assert_eq!(cx.timeout(), next);
        Ok(Flow::Suspend)
    }

    fn close(&mut self, reason: Reason) {
        self.0.add(format!("close {reason:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn the_timeout_counts_from_the_last_event_and_may_be_set_at_each() {
    let (server, log) = server(|suspend, log| {
        let times = vec![Some(SECOND * 2), Some(SECOND * 7), None];
        suspend.form(Form::Json).timeout(Some(SECOND * 5)).run(Patient(log, times))
    })
    .await;
    let mut client = server.ask(GET).await;
    client.head().await;
    sleep(SECOND * 4).await;
    log.handle().wake();
    sleep(SECOND * 100).await;
    // Heartbeats are no events, or the 5 and 7 would be right by chance only: one comes each 15 s.
    assert_eq!(log.all(), ["4 resume", "9 timeout", "11 timeout", "18 timeout"]);
    // Never, where heartbeats show that somebody is there.
    sleep(SECOND * 600).await;
    assert_eq!(log.all().len(), 4);
    log.handle().complete();
    log.closed().await;
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_that_waits_for_ever_waits_for_the_longest_time() {
    let (server, log) = server(|suspend, log| {
        suspend.form(Form::Json).long_poll().timeout(None).run(Patient(log, Vec::new()))
    })
    .await;
    let client = server.ask(GET).await;
    sleep(controller::LONGEST_WAIT - SECOND).await;
    log.closed().await;
    assert!(client.rest_text().await.ends_with("\r\n\r\n[]"));
    let longest = controller::LONGEST_WAIT.as_secs();
    assert_eq!(log.all(), [format!("{longest} timeout"), format!("{longest} close Complete")]);
    server.stop().await;
}

/// Never returns from `resume`, and writes as it is told in `begin`.
struct Writes(Log, fn(&mut Context) -> Result<()>);

impl Controller for Writes {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        *self.0.handle.lock().unwrap() = Some(cx.handle().clone());
        self.1(cx)?;
        Ok(Flow::Suspend)
    }

    async fn resume(&mut self, _: &mut Context) -> Result {
        std::future::pending().await
    }

    async fn read(&mut self, _: &mut Context, input: Input) -> Result {
        if let Input::Data(data) = &input {
            self.0.add(format!("read {}", data.len()));
        }
        Ok(if input == Input::End { Flow::Complete } else { Flow::Suspend })
    }

    async fn error(&mut self, _: &mut Context, error: &Error) {
        self.0.add(error);
    }

    fn close(&mut self, reason: Reason) {
        self.0.add(format!("close {reason:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_callback_has_the_time_that_the_connection_says() {
    let (server, log) = server(|suspend, log| {
        suspend.form(Form::Json).callback_time(SECOND * 3).run(Writes(log, |_| Ok(())))
    })
    .await;
    let mut client = server.ask(GET).await;
    client.head().await;
    log.handle().wake();
    log.closed().await;
    assert_eq!(log.all(), ["3 resume did not return within callback_time = 3s", "3 close Failed"]);
    assert_eq!(client.rest().await, b"");
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_bounded_as_the_connection_says() {
    fn writes(cx: &mut Context) -> Result<()> {
        cx.write("12345")?;
        let refused = cx.write("678901").unwrap_err();
        assert!(matches!(refused, WriteError::Full { bytes: 6, pending: 5, max: 10 }), "{refused}");
        cx.write("67890")?;
        assert_eq!(cx.pending(), 10);
        Ok(())
    }
    let (server, log) = server(|suspend, log| {
        suspend.form(Form::raw("text/plain")).pending_bytes(10).run(Writes(log, writes))
    })
    .await;
    let mut client = server.ask(GET).await;
    client.head().await;
    assert_eq!(client.take(10).await, b"1234567890");
    log.handle().complete();
    assert_eq!(client.rest().await, b"");
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_body_is_bounded_as_the_connection_says() {
    let (server, log) = server(|suspend, log| {
        suspend.form(Form::Json).long_poll().input_bytes(4).run(Writes(log, |_| Ok(())))
    })
    .await;
    for (body, status, told) in [
        ("abcd", "200", ["read 4", "close Complete"]),
        ("abcde", "413", ["the request body: more than input_bytes = 4 bytes", "close Failed"]),
    ] {
        let request = format!("POST /here HTTP/1.0\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let answer = server.answer(&request).await;
        assert!(answer.starts_with(&format!("HTTP/1.0 {status} ")), "{answer}");
        log.closed().await;
        let all: Vec<_> = log.all().iter().map(|told| told.split_once(' ').unwrap().1.to_owned()).collect();
        assert_eq!(all, told);
        log.told.lock().unwrap().clear();
    }
    server.stop().await;
}

/// Passes the odd numbers of a stream on as they are, tells of the even ones in its own words, and reads no further than 5.
struct Filter(Log, Stream);

impl Controller for Filter {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        *self.0.handle.lock().unwrap() = Some(cx.handle().clone());
        cx.join(self.1.subscribe(cx.form().transport(), Start::Latest(9)));
        Ok(Flow::Suspend)
    }

    async fn resume(&mut self, cx: &mut Context) -> Result {
        let Some(batch) = cx.batch() else {
            cx.send_json("{\"batch\":\n null}")?;
            return Ok(Flow::Complete);
        };
        assert!(cx.batch().is_none(), "taken away");
        self.0.add(format!("batch of {} to {}", batch.messages.len(), batch.position));
        for message in &batch.messages {
            let number: u64 = serde_json::from_slice(message.json())?;
            if number % 2 == 1 {
                cx.deliver(message);
            } else {
                assert!(cx.send_json("{\"cut\":").is_err(), "what is no JSON");
                cx.send_json(format!("{{\"even\":\"<{number}>\"}}"))?;
            }
            if number == 5 {
                cx.leave();
            }
        }
        Ok(Flow::Suspend)
    }
}

#[tokio::test(start_paused = true)]
async fn a_joined_stream_is_filtered_and_left() {
    let log = Log::new();
    let own = log.clone();
    let server = TestServer::serving_also(Limits::default(), |stream| {
        let stream = stream.clone();
        controller::router("/filter", Form::Json, move |_| Filter(own.clone(), stream.clone()))
    })
    .await;
    for (form, lines) in [
        ("", vec!["1", r#"{"even":"<2>"}"#, "3", r#"{"even":"<4>"}"#, "5", r#"{"batch":  null}"#]),
        (
            "/sse",
            vec![
                "retry: 2000",
                "id: ab:0",
                "",
                "id: ab:1",
                "data: 1",
                "",
                r#"data: {"even":"<2>"}"#,
                "",
                "id: ab:3",
                "data: 3",
                "",
                r#"data: {"even":"<4>"}"#,
                "",
                "id: ab:5",
                "data: 5",
                "",
            ],
        ),
        (
            "/script",
            vec![
                r#"<script type="text/javascript">comet_update(1, "ab:1");</script>"#,
                r#"<script type="text/javascript">comet_update({"even":"\u003c2\u003e"}, null);</script>"#,
            ],
        ),
    ] {
        if server.stream.position().sequence == 0 {
            for number in 1..=3 {
                server.stream.publish(&number).await.unwrap();
            }
        }
        let mut client = server.ask(&format!("GET /filter{form} HTTP/1.0\r\n\r\n")).await;
        let head = client.head().await;
        assert!(head.contains("push-position: ab:0\r\n"), "{head}");
        if server.stream.position().sequence == 3 {
            // What has gathered is one batch, and what comes later another.
            while log.all().is_empty() {
                sleep(Duration::from_millis(10)).await;
            }
            server.stream.publish(&4).await.unwrap();
            sleep(SECOND).await;
            server.stream.publish(&5).await.unwrap();
            sleep(SECOND).await;
            assert_eq!(log.all(), ["0 batch of 3 to ab:3", "0 batch of 1 to ab:4", "1 batch of 1 to ab:5"]);
        }
        // It has left: nobody reads, and news are none of its own.
        while server.stream.readers() > 0 {
            sleep(Duration::from_millis(10)).await;
        }
        if form.is_empty() {
            server.stream.publish(&6).await.unwrap();
            sleep(SECOND).await;
            assert_eq!(log.all().len(), 3);
        }
        log.handle().wake();
        let text = client.rest_text().await;
        let got: Vec<_> = text.lines().filter(|line| !line.starts_with(':')).collect();
        match form {
            "/script" => assert!(lines.iter().all(|line| got.contains(line)), "{text}"),
            _ => assert_eq!(got[..lines.len()], lines, "{text}"),
        }
    }
    server.stop().await;
}

/// Takes so long over each batch that the stream has gone on meanwhile.
struct Dawdles(Log, Stream);

impl Controller for Dawdles {
    async fn begin(&mut self, cx: &mut Context) -> Result {
        cx.join(self.1.subscribe(cx.form().transport(), Start::Live));
        Ok(Flow::Suspend)
    }

    async fn resume(&mut self, cx: &mut Context) -> Result {
        self.0.add(format!("forwards {}", cx.forward()));
        sleep(SECOND * 10).await;
        Ok(Flow::Suspend)
    }

    async fn error(&mut self, _: &mut Context, error: &Error) {
        assert!(matches!(error, Error::Stream(ReadError::Slow { .. })), "{error}");
        self.0.add("slow");
    }

    fn close(&mut self, reason: Reason) {
        self.0.add(format!("close {reason:?}"));
    }
}

#[tokio::test(start_paused = true)]
async fn who_is_further_behind_its_stream_than_that_allows_is_cut_as_slow() {
    let log = Log::new();
    let own = log.clone();
    let held: Arc<Mutex<Option<Stream>>> = Arc::default();
    let source = held.clone();
    let server = TestServer::serving_also(Limits::default(), |_| {
        let make = move |_: &_| Dawdles(own.clone(), source.lock().unwrap().clone().unwrap());
        Router::new().route("/here", controller::route(Form::Json, make))
    })
    .await;
    let config = StreamConfig::new(&Limits::default()).lag(3, 1 << 20, SECOND * 3_600);
    let stream = server.hub.open_with(&"narrow".parse().unwrap(), &config).unwrap();
    *held.lock().unwrap() = Some(stream.clone());
    let mut client = server.ask("GET /here HTTP/1.1\r\nHost: x\r\n\r\n").await;
    client.head().await;
    wait_for(|| stream.readers() == 1).await;
    stream.publish(&1).await.unwrap();
    sleep(SECOND).await;
    for number in 2..=9 {
        stream.publish(&number).await.unwrap();
    }
    log.closed().await;
    assert_eq!(log.all(), ["0 forwards 1", "10 slow", "10 close Slow"]);
    // A body without its last chunk: it was cut short.
    assert_eq!(client.rest_text().await, "2\r\n1\n\r\n");
    assert_eq!(stream.readers(), 0);
    server.stop().await;
}
