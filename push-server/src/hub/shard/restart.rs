//! What becomes of a shard that panics: a bug of ours, or of an application's `Serialize`, that was not foreseen.
//!
//! Its connections are cut with a reset, so that their clients come back, resume, and are told by the verdict whether
//! they have missed anything; it begins anew with an empty table, and is told of every stream. What is in the logs,
//! other shards, and readers in the process lose nothing. It is logged as an error and counted
//! ([`Stats::shard_restarts`](crate::hub::Stats::shard_restarts)).

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex as StdMutex, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use super::Shard;
use super::timers::Timer;
use crate::hub::Streams;
use crate::hub::channel::Channel;
use crate::hub::inbox::Inbox;
use crate::lifecycle::{Action, Event};

/// A shard begins anew at most so often: what makes it panic may be there again at once.
const PAUSE: Duration = Duration::from_secs(1);

/// Refuses arrivals however the shard's task ends.
struct Closing(Arc<Inbox>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Shard {
    /// Serves until `streams` have ended and the last member is gone, and begins anew after a panic.
    ///
    /// Unconstrained: sockets are polled with wakers of their own, and tokio's budget, which is the task's,
    /// would report some of them as not ready. The shard gives way by itself, after [`TURN`](super::TURN) members.
    pub(crate) fn run(self, streams: Weak<StdMutex<Streams>>) -> impl Future<Output = ()> + Send {
        tokio::task::unconstrained(async move {
            let (index, inbox) = (self.index, self.inbox.clone());
            let this = Arc::new(Mutex::new(self));
            let _closing = Closing(inbox.clone());
            inbox.belongs_to(&this);
            let mut earliest = Instant::now();
            loop {
                let is_over = {
                    let mut work = pin!(Self::work(&this, &inbox));
                    let caught = poll_fn(|cx| {
                        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx)));
                        polled.unwrap_or(Poll::Ready(false))
                    });
                    caught.await
                };
                if is_over {
                    return;
                }
                tracing::error!(
                    shard = index,
                    "a shard has panicked: its connections are cut, and it begins anew"
                );
                this.lock().await.begin_anew();
                for channel in open(&streams) {
                    channel.begin_anew(index, &inbox);
                }
                sleep_until(earliest).await;
                earliest = Instant::now() + PAUSE;
            }
        })
    }

    /// Closes every member, and forgets everything but the upkeep that streams have asked for.
    fn begin_anew(&mut self) {
        let mut anew = Self::new(self.index, self.shared.clone(), self.inbox.clone());
        // What is told of a member that was here means none that comes.
        anew.generation = self.generation;
        for timer in self.wheel.drain() {
            if let Timer::Upkeep(upkeep) = timer {
                anew.wheel.set(upkeep.1, Timer::Upkeep(upkeep));
            }
        }
        self.shared.counts.shard_restarts.fetch_add(1, Ordering::Relaxed);
        *self = anew;
    }
}

/// The channels of the streams that are open.
fn open(streams: &Weak<StdMutex<Streams>>) -> Vec<Arc<Channel>> {
    let Some(streams) = streams.upgrade() else { return Vec::new() };
    let streams = streams.lock().unwrap_or_else(PoisonError::into_inner);
    streams.open.values().map(|stream| stream.channel.clone()).collect()
}

/// However it ends, every member is closed and told, and publishers stop waiting for it. Trusts no table but that of
/// the members.
impl Drop for Shard {
    fn drop(&mut self) {
        for member in std::mem::take(&mut self.members).drain() {
            if let (_, Action::Close(why)) = member.state.on(Event::Fail) {
                self.release(&member, why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::{Connection, Hub, Start, Stream};
    use crate::{Epoch, Limits, Transport, demo};
    use tokio::io::AsyncReadExt as _;
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::sleep;

    async fn attach(stream: &Stream, start: Start) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let connection = Connection { socket, head: "head\n".into(), chunked: false, permit: None };
        stream.subscribe(Transport::Xhr, start).attach(connection).unwrap();
        client
    }

    /// Has the next walk through the members of `stream` panic.
    async fn sabotage(hub: &Hub, stream: &Stream) {
        let shard = hub.shared.inboxes[0].shard().expect("it runs");
        let mut shard = shard.lock().await;
        shard.groups.entry(stream.channel.id).or_default().push(9_999);
    }

    async fn until(client: &mut TcpStream, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let read = client.read_buf(&mut text).await.unwrap();
            assert!(read > 0, "{:?}", text.escape_ascii().to_string());
        }
        String::from_utf8(text).unwrap()
    }

    /// Both ways into a shard: the publisher's own, of a lone message, and the shard's task.
    #[tokio::test(start_paused = true)]
    async fn a_shard_that_panics_cuts_its_connections_and_begins_anew() {
        for is_alone in [true, false] {
            let limits = Limits { log_messages: 3, ..Limits::default() };
            let hub = Hub::start(Epoch::new(0xab), limits.clone(), 1);
            let (stream, other) = (demo::open(&hub).unwrap(), hub.open(&"other".parse().unwrap()).unwrap());
            let mut reader = stream.subscribe(Transport::Xhr, Start::Live).into_reader();
            let mut client = attach(&stream, Start::Live).await;
            let mut bystander = attach(&other, Start::Live).await;
            until(&mut client, "head\n").await;
            until(&mut bystander, "head\n").await;
            other.publish(&0).await.unwrap();
            if !is_alone {
                stream.publish(&1).await.unwrap();
                until(&mut client, "1}\n").await;
            }
            sabotage(&hub, &stream).await;
            let position = stream.publish(&2).await.unwrap().position;
            // Of the same turn, and so lost to the shard.
            other.publish(&1).await.unwrap();
            // A reset, and not the end of a stream that is over.
            for client in [&mut client, &mut bystander] {
                let error = loop {
                    match client.read(&mut [0; 64]).await {
                        Ok(0) => panic!("ended in good order"),
                        Ok(_) => {}
                        Err(error) => break error,
                    }
                };
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
            }
            assert_eq!((hub.stats().shard_restarts, stream.readers(), other.readers()), (1, 1, 0));

            // Nobody waits for those who are gone, and readers in the process miss nothing.
            let mut client = attach(&stream, Start::After(position)).await;
            let mut told = Vec::new();
            for value in 3..9 {
                stream.publish(&value).await.unwrap();
                while let Ok(Some(batch)) = reader.try_batch(9, 1 << 20) {
                    told.extend(batch.messages.iter().map(|message| message.json().clone()));
                }
            }
            assert_eq!(told.last().map(|json| &json[..]), Some(&b"8"[..]));
            assert_eq!(told.len(), if is_alone { 7 } else { 8 });
            assert!(until(&mut client, "8}\n").await.contains("\"data\":3"));

            let mut again = attach(&other, Start::Live).await;
            until(&mut again, "head\n").await;
            other.publish(&7).await.unwrap();
            assert!(until(&mut again, "7}\n").await.ends_with("\"data\":7}\n"));

            // Also the upkeep of a stream that nobody publishes to any more.
            sleep(limits.log_age + PAUSE).await;
            assert_eq!((stream.stats().held, other.stats().held), ((0, 0), (0, 0)));
            drop(reader);
            hub.end().await;
            assert!(until(&mut client, "}\n").await.contains("rotate"));
        }
    }

    /// Readers that come, publishers and readers in the process, all while it happens: nobody misses anything, and the
    /// counts are right afterwards.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn nothing_is_lost_to_those_who_come_while_a_shard_begins_anew() {
        const MESSAGES: u64 = 200;
        for round in 0..12 {
            let hub = Hub::start(Epoch::new(0xab), Limits::default(), 1);
            let stream = demo::open(&hub).unwrap();
            let mut reader = stream.subscribe(Transport::Xhr, Start::Live).into_reader();
            let clients = (0..6).map(|client| {
                let stream = stream.clone();
                tokio::spawn(async move {
                    let (mut last, mut cuts) = (0, 0);
                    while last < MESSAGES {
                        let after = crate::Position { epoch: Epoch::new(0xab), sequence: last };
                        let mut socket = attach(&stream, Start::After(after)).await;
                        let mut text = Vec::new();
                        while let Ok(1..) = socket.read_buf(&mut text).await {
                            if text.ends_with(format!("\"ab:{MESSAGES}\",\"data\":{MESSAGES}}}\n").as_bytes())
                                || (text.len() > 4_000 && client % 2 == 0)
                            {
                                break;
                            }
                        }
                        cuts += 1;
                        // What has come whole.
                        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
                        for line in
                            String::from_utf8_lossy(&text[..whole]).lines().filter(|line| *line != "head")
                        {
                            last += 1;
                            assert_eq!(line, format!("{{\"position\":\"ab:{last}\",\"data\":{last}}}"));
                        }
                    }
                    cuts
                })
            });
            let clients: Vec<_> = clients.collect();
            for value in 1..=MESSAGES {
                if value == 20 + 10 * round {
                    sabotage(&hub, &stream).await;
                }
                stream.publish(&value).await.unwrap();
                if value % (round + 2) == 0 {
                    sleep(Duration::from_millis(round % 4)).await;
                }
            }
            let mut told = 0;
            while told < MESSAGES {
                let batch = reader.next_batch(50, 1 << 20).await.unwrap();
                told += batch.messages.len() as u64;
            }
            for client in clients {
                assert!(client.await.unwrap() > 0);
            }
            assert_eq!(hub.stats().shard_restarts, 1);
            drop(reader);
            hub.end().await;
            let stats = hub.stats();
            assert_eq!((stream.readers(), stats.closed.iter().sum()), (0, stats.opened));
            assert!(stats.open.iter().all(|(_, count)| *count == 0), "{stats:?}");
        }
    }
}
