//! Connections that are answered, and stay until their peers have the answer.
//!
//! A peer says so by ending its side of the stream. Instead of a task, a timer and a registration for each,
//! they wait in lines and are looked at now and then: a short while after the answer, then later and later,
//! a handful of times in all. Nobody waits for it: what is given back late is only a descriptor.

use std::{
    collections::VecDeque,
    io::{self, Read as _},
    net::TcpStream,
    pin::Pin,
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::{
    gate::{Newcomer, Open},
    metrics::Counter,
    responder::Responder,
};

/// When a connection is looked at, in thousandths of [`Limits::drain`](super::Limits::drain) after its answer;
/// by default after 4, 20, 80, 320 ms and 2 s. The last look ends it.
const LOOKS: [u32; 5] = [2, 10, 40, 160, 1000];

/// Connections whose answer is out.
pub(super) struct Lingering {
    responder: Responder,
    lines: [Line; LOOKS.len()],
    /// Goes off at the next look or before it: setting it for every connection would cost more.
    alarm: Pin<Box<Sleep>>,
    is_set: bool,
}

/// Those who wait for the same look, in the order in which they were answered.
struct Line {
    after: Duration,
    queue: VecDeque<Answered>,
}

struct Answered {
    stream: TcpStream,
    since: Instant,
    /// Bytes that may still come.
    left: usize,
    _places: (Open, Newcomer),
}

enum Drained {
    /// The peer has the answer, or is gone.
    Ended,
    Open,
    TooMuch,
}

impl Lingering {
    pub(super) fn new(responder: Responder) -> Self {
        let drain = responder.limits().drain;
        let line = |thousandths| Line { after: drain * thousandths / 1000, queue: VecDeque::new() };
        let alarm = Box::pin(sleep_until(Instant::now()));
        Self { responder, lines: LOOKS.map(line), alarm, is_set: false }
    }

    /// Takes in a connection that does not block and whose answer is sent, with the places it holds.
    pub(super) fn push(&mut self, stream: TcpStream, places: (Open, Newcomer)) {
        let (since, left) = (Instant::now(), self.responder.limits().drain_bytes);
        self.lines[0].queue.push_back(Answered { stream, since, left, _places: places });
        if !self.is_set {
            self.set_alarm();
        }
    }

    /// Waits until it is time for the next look, and looks; for ever if there is nothing to look at. May be
    /// dropped unfinished.
    pub(super) async fn look(&mut self) {
        if !self.is_set {
            return std::future::pending().await;
        }
        self.alarm.as_mut().await;
        self.look_now(Instant::now());
        self.set_alarm();
    }

    /// Looks until nobody is left.
    pub(super) async fn finish(mut self) {
        while self.is_set {
            self.look().await;
        }
    }

    fn set_alarm(&mut self) {
        let next = self.lines.iter().filter_map(|line| Some(line.queue.front()?.since + line.after)).min();
        self.is_set = next.is_some();
        if let Some(next) = next {
            self.alarm.as_mut().reset(next);
        }
    }

    fn look_now(&mut self, now: Instant) {
        // From the last, so that nobody is looked at twice.
        for index in (0..self.lines.len()).rev() {
            let due = |line: &Line| line.queue.front().is_some_and(|first| first.since + line.after <= now);
            while due(&self.lines[index]) {
                let Some(mut answered) = self.lines[index].queue.pop_front() else { break };
                match (answered.drain(), self.lines.get_mut(index + 1)) {
                    (Drained::Ended, _) => {}
                    (Drained::Open, Some(next)) => next.queue.push_back(answered),
                    (Drained::Open, None) | (Drained::TooMuch, _) => self.responder.count(Counter::Undrained),
                }
            }
        }
    }
}

impl Answered {
    /// Reads what there is and drops it.
    fn drain(&mut self) -> Drained {
        let mut scratch = [0; 256];
        loop {
            match self.stream.read(&mut scratch) {
                Ok(0) => return Drained::Ended,
                Ok(n) if n > self.left => return Drained::TooMuch,
                Ok(n) => self.left -= n,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Drained::Open,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return Drained::Ended,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, net::TcpListener};

    use super::*;
    use crate::{
        policy::PolicyFile,
        port::{Limits, gate::Gate},
    };

    /// Lingering connections, and the peer of the first.
    fn lingering(peers: usize) -> (Lingering, Gate, Vec<TcpStream>) {
        let responder = Responder::new(&PolicyFile::default());
        let (mut lingering, gate) = (Lingering::new(responder), Gate::new(&Limits::default()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = |_| {
            let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (stream, address) = listener.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let open = gate.open_place(None).unwrap();
            lingering.push(stream, (open, gate.newcomer(Some(address.ip())).unwrap().0));
            peer
        };
        let peers = (0..peers).map(connect).collect();
        (lingering, gate, peers)
    }

    fn undrained(lingering: &Lingering) -> u64 {
        lingering.responder.metrics().get(Counter::Undrained)
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_has_the_answer_is_seen_at_the_first_look() {
        let (mut lingering, gate, peers) = lingering(3);
        let start = Instant::now();
        drop(peers);
        lingering.look().await;
        assert_eq!((gate.open(), undrained(&lingering)), (0, 0));
        assert_eq!(start.elapsed(), Duration::from_millis(4));
        assert!(!lingering.is_set);
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_stays_is_looked_at_a_few_times_and_closed_at_the_deadline() {
        let (mut lingering, gate, _peers) = lingering(2);
        let start = Instant::now();
        let mut looks = Vec::new();
        while gate.open() > 0 {
            lingering.look().await;
            looks.push(start.elapsed().as_millis());
        }
        assert_eq!(looks, [4, 20, 80, 320, 2000]);
        assert_eq!(undrained(&lingering), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_late_is_dropped_up_to_the_limit() {
        let (mut lingering, gate, mut peers) = lingering(1);
        peers[0].write_all(&[0; 1000]).unwrap();
        lingering.look().await;
        assert_eq!(gate.open(), 1);
        peers[0].write_all(&[0; 25]).unwrap();
        lingering.look().await;
        assert_eq!((gate.open(), undrained(&lingering)), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_come_later_are_looked_at_in_their_time() {
        let (mut lingering, gate, peers) = lingering(1);
        let start = Instant::now();
        lingering.look().await;
        let (listener, address) = (TcpListener::bind("127.0.0.1:0").unwrap(), "127.0.0.1".parse().unwrap());
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = listener.accept().unwrap().0;
        stream.set_nonblocking(true).unwrap();
        lingering.push(stream, (gate.open_place(None).unwrap(), gate.newcomer(Some(address)).unwrap().0));
        drop((peer, peers));
        // The alarm is set for the first one's second look, at 20 ms, and the second is due before.
        lingering.look().await;
        assert_eq!((start.elapsed().as_millis(), gate.open()), (20, 0));
    }
}
