//! One measurement: a server, its subscribers, messages, and what it cost.

use std::time::{Duration, Instant};

use crate::control::Command;
use crate::crowd::{Crowd, Received, Subscriber};
use crate::form::Form;
use crate::target::Running;

/// Quiet time between connecting and publishing.
const SETTLE: Duration = Duration::from_secs(1);

/// How long nothing may come before the rest counts as lost.
const SILENCE: Duration = Duration::from_secs(5);

/// What deliveries cost.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    /// Processor seconds of the server for a million deliveries.
    pub(crate) cpu: f64,
    /// Milliseconds from due to read.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Deliveries a second.
    pub(crate) speed: f64,
    /// Bytes of one delivery, with all framing.
    pub(crate) bytes: f64,
    /// Deliveries that did not come, or came twice.
    pub(crate) lost: u64,
    /// Connections that the server closed.
    pub(crate) closed: u64,
}

/// A subscriber of the stream `number` of `streams`, which has got what is published so far.
pub(crate) fn subscriber(server: &Running, form: &Form, number: usize, streams: usize) -> Subscriber {
    let streams = streams as u64;
    // Messages go to the streams in turn, from number 0 on.
    let first = server.published.next_multiple_of(streams) + number as u64;
    Subscriber {
        request: form.request(number, None),
        next_poll: form.next_poll(number),
        expects: Some(first),
        step: streams,
        stalled: false,
        buffer: None,
        timed: true,
    }
}

/// `count` subscribers, spread over the streams, connected and quiet.
pub(crate) fn crowd(server: &Running, form: &Form, count: usize, streams: usize) -> anyhow::Result<Crowd> {
    let mut crowd = Crowd::new(server.address)?;
    crowd.join((0..count).map(|index| subscriber(server, form, index % streams, streams)), server.at_once)?;
    crowd.watch(Instant::now() + SETTLE)?;
    crowd.take();
    Ok(crowd)
}

/// Publishes at a fixed rate, `count` messages to one stream of `readers` or to many, and waits for all.
pub(crate) fn rate(
    server: &mut Running,
    crowd: &mut Crowd,
    (per_second, count, bytes): (f64, u64, usize),
    deliveries: u64,
) -> anyhow::Result<Outcome> {
    let begin = Instant::now();
    let before = server.cpu_seconds()?;
    server.tell(&Command::Rate { per_second, count, bytes })?;
    let received = until_all(server, crowd, deliveries, |_, _| Ok(()))?;
    outcome(server, received, deliveries, before, begin)
}

/// Publishes as fast as all subscribers keep within `window` messages.
pub(crate) fn burst(
    server: &mut Running,
    crowd: &mut Crowd,
    (window, count, bytes): (u64, u64, usize),
    deliveries: u64,
) -> anyhow::Result<Outcome> {
    let first = server.published;
    crowd.count_from(first);
    let begin = Instant::now();
    let before = server.cpu_seconds()?;
    server.tell(&Command::Window { count, window, bytes })?;
    let mut told = 0;
    let received = until_all(server, crowd, deliveries, |server, crowd| {
        let got = crowd.everybody_has(first);
        if got > told {
            told = got;
            server.tell(&Command::Ack(got))?;
        }
        Ok(())
    })?;
    outcome(server, received, deliveries, before, begin)
}

fn until_all(
    server: &mut Running,
    crowd: &mut Crowd,
    deliveries: u64,
    mut each: impl FnMut(&mut Running, &mut Crowd) -> anyhow::Result<()>,
) -> anyhow::Result<Received> {
    let (mut last, mut seen, mut is_done) = (Instant::now(), 0, false);
    while seen < deliveries {
        crowd.turn(Duration::from_millis(100))?;
        each(server, crowd)?;
        let received = crowd.received();
        let now = received.messages + received.lost;
        if now > seen {
            (seen, last) = (now, Instant::now());
        }
        is_done |= server.is_done()?;
        if is_done && last.elapsed() > SILENCE {
            break;
        }
    }
    while !is_done {
        crowd.turn(Duration::from_millis(1))?;
        is_done = server.is_done()?;
    }
    Ok(crowd.take())
}

fn outcome(
    server: &Running,
    mut received: Received,
    deliveries: u64,
    before: f64,
    begin: Instant,
) -> anyhow::Result<Outcome> {
    let messages = received.messages.max(1) as f64;
    Ok(Outcome {
        cpu: (server.cpu_seconds()? - before) / messages * 1e6,
        p50: percentile(&mut received.latencies, 0.5) / 1e3,
        p99: percentile(&mut received.latencies, 0.99) / 1e3,
        speed: messages / begin.elapsed().as_secs_f64(),
        bytes: received.bytes as f64 / messages,
        lost: deliveries.saturating_sub(received.messages) + received.doubled,
        closed: received.closed,
    })
}

/// The value below which this part of `values` lies; 0 if there are none.
pub(crate) fn percentile(values: &mut [u32], part: f64) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let index = ((values.len() as f64 * part) as usize).min(values.len() - 1);
    f64::from(*values.select_nth_unstable(index).1)
}

/// The middle value; of an even number, the mean of the two in the middle.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        len if len % 2 == 1 => values[len / 2],
        len => (values[len / 2 - 1] + values[len / 2]) / 2.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0]), 2.5);
        let mut values: Vec<u32> = (0..100).rev().collect();
        assert_eq!(percentile(&mut values, 0.5), 50.0);
        assert_eq!(percentile(&mut values, 0.99), 99.0);
        assert_eq!(percentile(&mut [], 0.5), 0.0);
    }
}
