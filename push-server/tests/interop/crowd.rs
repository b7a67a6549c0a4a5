//! A thousand subscribers of `/comet`: each gets every message, in order. Prints what the demo spends on them.

use std::fs;
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::arrivals::Packets;
use crate::demo::Demo;

const SUBSCRIBERS: usize = 1_000;
const WATCHED: Duration = Duration::from_secs(20);

/// What one subscriber got until `end`, without its first message: that one brings the class definition along, the others are the same for all.
async fn watch(
    client: Client<HttpConnector, Empty<&'static [u8]>>,
    url: http::Uri,
    end: Instant,
) -> Vec<Vec<u8>> {
    let mut body = client.get(url).await.expect("the demo takes a thousand subscribers").into_body();
    let mut packets = Packets::default();
    let mut messages = Vec::new();
    while let Ok(frame) = timeout_at(end, body.frame()).await {
        let frame = frame.expect("the stream has no end").expect("the stream does not break");
        packets.push(frame.data_ref().expect("a stream has no trailers"));
        messages.extend(packets.take().into_iter().filter(|packet| !packet.is_empty()));
    }
    if !messages.is_empty() {
        messages.remove(0);
    }
    messages
}

/// Resident memory in KiB and processor time in clock ticks (100 a second on Linux), as the system tells them.
pub(crate) fn spent(process: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the demo runs");
    let resident =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the demo runs");
    // After the name, which may hold anything: state is the first field, user and system time are the 12th and 13th.
    let (_, fields) = stat.rsplit_once(')').expect("the name stands in parentheses");
    let ticks =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    (resident.expect("a resident size"), ticks)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes 20 s and a thousand sockets: bash .ci/interop.sh stream"]
async fn a_thousand_subscribers_get_every_message_in_order() {
    let demo = Demo::start();
    let url: http::Uri = demo.url("/comet").parse().expect("a URL");
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (idle, _) = spent(demo.id());
    let start = Instant::now();
    let end = start + WATCHED;

    let crowd: Vec<_> =
        (0..SUBSCRIBERS).map(|_| tokio::spawn(watch(client.clone(), url.clone(), end))).collect();
    sleep_until(start + Duration::from_secs(4)).await; // all are connected by now
    let (_, before) = spent(demo.id());
    sleep_until(end - Duration::from_secs(1)).await;
    let (resident, after) = spent(demo.id());

    let mut lists = Vec::new();
    for subscriber in crowd {
        lists.push(subscriber.await.expect("no subscriber fails"));
    }
    let longest = lists.iter().max_by_key(|list| list.len()).expect("a thousand lists").clone();
    assert!(longest.len() >= 7, "in {WATCHED:?} only {} messages came after the first", longest.len());
    for (number, list) in lists.iter().enumerate() {
        // Whoever joined later, or was cut off just before a message, has one or two fewer; none may be missing in between.
        assert!(
            list.len() + 2 >= longest.len(),
            "subscriber {number} got {} messages, another {}",
            list.len(),
            longest.len()
        );
        assert!(
            longest.windows(list.len()).any(|part| part == list),
            "subscriber {number} got other messages, or in another order"
        );
    }
    let deliveries: usize = lists.iter().map(Vec::len).sum();
    println!(
        "{SUBSCRIBERS} subscribers, {deliveries} messages, all in order; resident {resident} KiB ({idle} KiB before them, {} bytes each); \
         processor {} ms in 15 s{}",
        resident.saturating_sub(idle) * 1024 / SUBSCRIBERS as u64,
        (after - before) * 10,
        if cfg!(debug_assertions) { " (debug build)" } else { "" },
    );
    demo.stop();
}
