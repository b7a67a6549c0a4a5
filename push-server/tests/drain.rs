//! A hub whose clients leave over a time.

mod support;

use std::time::Duration;

use push_server::{Hub, Limits, Start, Transport};
use support::{attach, wait_for};
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
