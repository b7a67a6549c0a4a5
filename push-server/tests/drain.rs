//! A hub whose clients leave over a time.

mod support;

use std::time::Duration;

use axum::Router;
use push_server::controller::{self, Context, Controller, Flow, Form};
use push_server::{Hub, Limits, Start, Transport};
use support::{TestServer, attach, wait_for};
use tokio::time::{Instant, timeout};

const WINDOW: Duration = Duration::from_secs(6);

#[tokio::test(start_paused = true)]
async fn connections_leave_one_after_the_other_and_who_comes_meanwhile_is_sent_on() {
    let hub = Hub::start(support::EPOCH, Limits::default(), 2);
    let stream = push_server::demo::open(&hub).unwrap();
    let mut clients = Vec::new();
    for _ in 0..12 {
        clients.push(attach(&stream, Transport::Sse, Start::Live, false, "head").await);
    }
    wait_for(|| stream.readers() == 12).await;
    let begin = Instant::now();
    let draining = tokio::spawn({
        let hub = hub.clone();
        async move { hub.drain(WINDOW).await }
    });
    let ends = clients.into_iter().map(async |client| {
        let text = client.rest_text().await;
        assert!(text.contains("event: rotate\ndata: ab:"), "{text}");
        begin.elapsed()
    });
    let meanwhile = async {
        tokio::time::sleep(WINDOW / 2).await;
        let late = attach(&stream, Transport::Sse, Start::Live, false, "head").await;
        let text = timeout(WINDOW / 4, late.rest_text()).await.expect("at once");
        assert!(text.ends_with("event: rotate\ndata: ab:0\n\n"), "{text}");
        // Everything else goes on.
        assert!(!stream.has_ended() && stream.publish(&1).await.is_ok());
    };
    let (mut ends, ()) = tokio::join!(futures_util::future::join_all(ends), meanwhile);
    ends.sort();
    for (place, end) in ends.iter().enumerate() {
        let due = WINDOW.mul_f64(place as f64 / 12.0);
        assert!(end.abs_diff(due) < WINDOW / 12, "{place}: {end:?} instead of {due:?}");
    }
    draining.await.unwrap();
    assert!(begin.elapsed() <= WINDOW, "nobody is left, so there is nothing to wait for");
}

#[tokio::test(start_paused = true)]
async fn a_window_without_clients_takes_no_time_and_one_with_them_ends() {
    let hub = Hub::start(support::EPOCH, Limits::default(), 2);
    let begin = Instant::now();
    hub.drain(WINDOW).await;
    assert_eq!(begin.elapsed(), Duration::ZERO);

    let hub = Hub::start(support::EPOCH, Limits::default(), 1);
    let stream = push_server::demo::open(&hub).unwrap();
    // It takes nothing, so its farewell never leaves.
    let _stalled = attach(&stream, Transport::Sse, Start::Live, false, &"x".repeat(32 << 20)).await;
    wait_for(|| stream.readers() == 1).await;
    let begin = Instant::now();
    hub.drain(WINDOW).await;
    assert!(begin.elapsed() >= WINDOW && begin.elapsed() < WINDOW + Duration::from_secs(1));
}

/// Tells what its stream has, if it has one; until then, or without one, nothing.
struct Forwards(Option<push_server::Stream>);

impl Controller for Forwards {
    async fn begin(&mut self, cx: &mut Context) -> controller::Result {
        if let Some(stream) = &self.0 {
            cx.join(stream.subscribe(cx.form().transport(), Start::Live));
        }
        Ok(Flow::Suspend)
    }

    async fn resume(&mut self, cx: &mut Context) -> controller::Result {
        cx.forward();
        Ok(if cx.has_stream_ended() { Flow::Complete } else { Flow::Suspend })
    }
}

#[tokio::test(start_paused = true)]
async fn controllers_leave_in_their_turn_with_what_their_stream_had_by_then() {
    const EACH: usize = 15;
    let server = TestServer::serving_also(Limits::default(), |stream| {
        let stream = stream.clone();
        Router::new()
            .route("/joined", controller::route(Form::Sse, move |_| Forwards(Some(stream.clone()))))
            .route("/alone", controller::route(Form::Sse, |_| Forwards(None)))
    })
    .await;
    let mut clients = Vec::new();
    for path in ["/joined", "/alone"] {
        for _ in 0..EACH {
            let mut client = server.ask(&format!("GET {path} HTTP/1.0\r\n\r\n")).await;
            client.until(b"\r\n\r\n").await;
            clients.push(client);
        }
    }
    wait_for(|| server.hub.stats().controllers == 2 * EACH && server.stream.readers() == EACH).await;
    let begin = Instant::now();
    let draining = tokio::spawn({
        let hub = server.hub.clone();
        async move { hub.drain(WINDOW).await }
    });
    let publishing = async {
        for number in 0..60 {
            server.stream.publish(&number).await.unwrap();
            tokio::time::sleep(WINDOW / 60).await;
        }
    };
    let ends = clients.into_iter().map(async |client| (client.rest_text().await, begin.elapsed()));
    let (ends, ()) = tokio::join!(futures_util::future::join_all(ends), publishing);
    let mut thirds = [0; 3];
    for (text, end) in &ends {
        assert!(text.contains("event: rotate\n"), "{text}");
        thirds[((end.as_secs_f64() / WINDOW.as_secs_f64() * 3.0) as usize).min(2)] += 1;
    }
    assert!(thirds.iter().all(|third| (2 * EACH / 4..=2 * EACH / 2).contains(third)), "{thirds:?}");
    for (text, end) in &ends[..EACH] {
        let heard = text.lines().filter_map(|line| line.strip_prefix("data: ")?.parse::<u64>().ok());
        let heard: Vec<_> = heard.collect();
        assert!(heard.iter().copied().eq(0..heard.len() as u64), "{heard:?}");
        // All that there was by then, and its place is told.
        let published = (end.as_secs_f64() / WINDOW.as_secs_f64() * 60.0) as usize;
        assert!(heard.len().abs_diff(published) <= 2, "{} of {published}", heard.len());
        assert!(text.contains(&format!("event: rotate\ndata: ab:{}\n", heard.len())), "{text}");
    }
    draining.await.unwrap();
    assert!(begin.elapsed() <= WINDOW + Duration::from_millis(100), "{:?}", begin.elapsed());
    // Who comes now is sent on.
    let late = server.answer("GET /alone HTTP/1.0\r\n\r\n").await;
    assert!(late.contains("event: rotate\n"), "{late}");
    server.stop().await;
}
