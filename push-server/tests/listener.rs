//! The client of streams of the crate `hessian`, against this server: connections are cut, rotated, refused; servers
//! are started anew. Each message comes once, in order, or is told as lost.

mod support;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hessian::client::stream::{Event, Listen, Listener, Verdict, listen};
use hessian::packet::Framing;
use push_server::demo::AddString;
use push_server::{Epoch, Limits, StreamConfig};
use support::TestServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// Numbers that look random and are the same in each run.
struct Random(u64);

impl Random {
    fn up_to(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most + 1
    }
}

/// Stands between client and server, and cuts each connection after some bytes of what the server says.
struct Proxy {
    address: SocketAddr,
    /// Where it leads, and whether it leads anywhere.
    target: Arc<Mutex<Option<SocketAddr>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    async fn start(target: SocketAddr, seed: u64, longest: u64) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let leads = Arc::new(Mutex::new(Some(target)));
        let target = leads.clone();
        let task = tokio::spawn(async move {
            let mut random = Random(seed);
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let Some(to) = *leads.lock().unwrap() else { continue };
                let Ok(server) = TcpStream::connect(to).await else { continue };
                tokio::spawn(Self::relay(client, server, random.up_to(longest)));
            }
        });
        Self { address, target, task }
    }

    async fn relay(mut client: TcpStream, mut server: TcpStream, mut left: u64) {
        let (mut request, mut answer) = ([0; 1024], [0; 1024]);
        while left > 0 {
            tokio::select! {
                read = client.read(&mut request) => match read {
                    Ok(read) if read > 0 => server.write_all(&request[..read]).await.unwrap(),
                    _ => return,
                },
                read = server.read(&mut answer) => match read {
                    Ok(read) if read > 0 => {
                        let read = read.min(usize::try_from(left).unwrap());
                        left -= read as u64;
                        if client.write_all(&answer[..read]).await.is_err() {
                            return;
                        }
                    }
                    // The end in good order is told as such.
                    _ => return,
                },
            }
        }
    }

    fn lead_to(&self, target: Option<SocketAddr>) {
        *self.target.lock().unwrap() = target;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn quick(listen: Listen) -> Listener {
    listen.backoff(Duration::from_millis(1), Duration::from_millis(4)).wait_for_server(true).open().unwrap()
}

fn publish(
    server: &TestServer,
    from: u64,
    to: u64,
    pause: impl Fn(u64) -> Duration + Send + 'static,
) -> JoinHandle<()> {
    let stream = server.stream.clone();
    tokio::spawn(async move {
        for number in from..=to {
            stream.publish(&AddString { value: number.to_string() }).await.unwrap();
            match pause(number) {
                Duration::ZERO => tokio::task::yield_now().await,
                pause => sleep(pause).await,
            }
        }
    })
}

/// What came until `last` has come: the numbers, the verdicts.
async fn until(listener: &mut Listener, last: u64) -> (Vec<u64>, Vec<Verdict>) {
    let (mut numbers, mut verdicts) = (Vec::new(), Vec::new());
    while numbers.last() != Some(&last) {
        match listener.next().await.expect("it goes on").expect("no error") {
            Event::Connected(connected) => verdicts.push(connected.verdict),
            Event::Packet(packet) => {
                let value: AddString = listener.decode(&packet).unwrap();
                let number = value.value.parse().unwrap();
                if let Some(position) = packet.position() {
                    assert_eq!(position.sequence, number);
                }
                numbers.push(number);
            }
            _ => {}
        }
    }
    (numbers, verdicts)
}

/// Thousands of messages over hundreds of connections that break anywhere, in each framing.
#[tokio::test]
async fn whatever_is_cut_each_message_comes_once() {
    const MESSAGES: u64 = 2_500;
    for (seed, framing, name) in [
        (0x9e37_79b9_7f4a_7c15, Framing::Ws, "ws"),
        (0xd1b5_4a32_d192_ed03, Framing::P, "p"),
        (0x8cb9_2ba7_2f3d_8dd7, Framing::Varint, "varint"),
        (0xaf25_1af3_b0f0_25b5, Framing::Marked, "marked"),
    ] {
        let mut limits = Limits::default();
        limits.log_messages = 10_000;
        let server = TestServer::open(limits, Epoch::new(0xab)).await;
        let proxy = Proxy::start(server.address, seed, 1_000).await;
        let url = format!("http://{}/streams/comet/hessian?framing={name}", proxy.address);
        let mut listener = quick(listen(url).since("ab:0".parse().unwrap()).framing(framing));
        let publisher = publish(&server, 1, MESSAGES, |_| Duration::ZERO);
        let (numbers, verdicts) = until(&mut listener, MESSAGES).await;
        assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Complete), "{name}: {verdicts:?}");
        assert!(numbers.into_iter().eq(1..=MESSAGES), "{name}");
        assert!(verdicts.len() > 60, "{name}: {} connections", verdicts.len());
        assert_eq!(listener.position(), Some(format!("ab:{MESSAGES}").parse().unwrap()));
        publisher.await.unwrap();
        server.stop().await;
    }
}

/// The same where the history is short: what did not come is told as lost, exactly.
#[tokio::test]
async fn whatever_is_cut_each_message_comes_or_is_told_as_lost() {
    const MESSAGES: u64 = 2_000;
    let mut limits = Limits::default();
    limits.log_messages = 20;
    let server = TestServer::open(limits, Epoch::new(0xab)).await;
    let proxy = Proxy::start(server.address, 0x9e37_79b9_7f4a_7c15, 1_000).await;
    let url = format!("http://{}/streams/comet/hessian", proxy.address);
    let mut listener = quick(listen(url).since("ab:0".parse().unwrap()));
    let publisher =
        publish(&server, 1, MESSAGES, |number| Duration::from_millis(u64::from(number % 10 == 0)));
    let (mut next, mut gaps) = (1, 0);
    while next <= MESSAGES {
        match listener.next().await.unwrap().unwrap() {
            Event::Connected(connected) => match connected.verdict {
                Verdict::Complete => {}
                Verdict::Gap { from, to } => {
                    assert_eq!(from, next);
                    (next, gaps) = (to + 1, gaps + 1);
                }
                verdict => panic!("{verdict}"),
            },
            Event::Packet(packet) => {
                assert_eq!(listener.decode::<AddString>(&packet).unwrap().value, next.to_string());
                next += 1;
            }
            _ => {}
        }
    }
    assert!(gaps > 0, "the history was long enough for every cut");
    publisher.await.unwrap();
    server.stop().await;
}

/// Rotation after rotation: each connection ends in good order, the next one begins at once.
#[tokio::test(start_paused = true)]
async fn rotations_are_not_noticed() {
    const MESSAGES: u64 = 3_000;
    let server = TestServer::open(Limits::default(), Epoch::new(0xab)).await;
    // As whoever likes Hessian best.
    let url = format!("http://{}/streams/comet?rotate=1", server.address);
    let mut listener = listen(url).since("ab:0".parse().unwrap()).open().unwrap();
    let publisher = publish(&server, 1, MESSAGES, |number| Duration::from_micros(number * 7_919 % 20_000));
    let begin = Instant::now();
    let (numbers, verdicts) = until(&mut listener, MESSAGES).await;
    assert!(numbers.into_iter().eq(1..=MESSAGES));
    assert!(verdicts.iter().all(|verdict| *verdict == Verdict::Complete), "{verdicts:?}");
    let seconds = begin.elapsed().as_secs();
    assert!(seconds > 20 && verdicts.len() as u64 >= seconds * 9 / 10, "{} in {seconds} s", verdicts.len());
    publisher.await.unwrap();
    server.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_started_anew_is_a_new_epoch() {
    let old = TestServer::open(Limits::default(), Epoch::new(0xab)).await;
    let proxy = Proxy::start(old.address, 7, u64::MAX).await;
    let mut listener = quick(
        listen(format!("http://{}/streams/comet/hessian", proxy.address)).since("ab:0".parse().unwrap()),
    );
    publish(&old, 1, 5, |_| Duration::ZERO).await.unwrap();
    assert_eq!(until(&mut listener, 5).await.1, [Verdict::Complete]);
    proxy.lead_to(None);
    old.stop().await;
    let new = TestServer::open(Limits::default(), Epoch::new(0xcd)).await;
    publish(&new, 1, 3, |_| Duration::ZERO).await.unwrap();
    let away = tokio::spawn(async move {
        sleep(Duration::from_secs(60)).await;
        proxy.lead_to(Some(new.address));
        (proxy, new)
    });
    // Its history, from the beginning.
    let (numbers, verdicts) = until(&mut listener, 3).await;
    assert_eq!((numbers, verdicts), (vec![1, 2, 3], vec![Verdict::NewEpoch]));
    assert_eq!(listener.position(), Some("cd:3".parse().unwrap()));
    let (_proxy, new) = away.await.unwrap();
    drop(listener);
    new.stop().await;
}

/// Away for longer than the history reaches: how many are lost is told, and it is right.
#[tokio::test(start_paused = true)]
async fn what_the_history_has_forgotten_is_told() {
    let mut limits = Limits::default();
    limits.log_messages = 10;
    let server = TestServer::open(limits, Epoch::new(0xab)).await;
    let proxy = Proxy::start(server.address, 7, u64::MAX).await;
    let mut listener = quick(
        listen(format!("http://{}/streams/comet/hessian", proxy.address))
            .since("ab:0".parse().unwrap())
            .silence(Duration::from_secs(1)),
    );
    publish(&server, 1, 5, |_| Duration::ZERO).await.unwrap();
    assert_eq!(until(&mut listener, 5).await.1, [Verdict::Complete]);
    // The client does not come back before it has noticed; the server's heartbeat is far away.
    proxy.lead_to(None);
    let lost = loop {
        if let Event::Reconnecting { why, .. } = listener.next().await.unwrap().unwrap() {
            break why;
        }
    };
    assert!(lost.to_string().contains("1s"), "{lost}");
    publish(&server, 6, 100, |_| Duration::ZERO).await.unwrap();
    proxy.lead_to(Some(server.address));
    let (numbers, verdicts) = until(&mut listener, 100).await;
    assert!(numbers.into_iter().eq(91..=100));
    assert_eq!(verdicts, [Verdict::Gap { from: 6, to: 90 }]);
    assert_eq!(verdicts[0].lost(), Some(85));
    drop(listener);
    server.stop().await;
}

/// A named client, who also gets messages to it alone: packets are no count, and nothing is claimed.
#[tokio::test(start_paused = true)]
async fn a_named_client_has_no_positions() {
    let server = TestServer::open(Limits::default(), Epoch::new(0xab)).await;
    let mut listener =
        quick(listen(format!("http://{}/streams/comet/hessian?client=me&rotate=1", server.address)));
    let publisher = publish(&server, 1, 100, |_| Duration::from_millis(100));
    let mut verdicts = Vec::new();
    while verdicts.len() < 3 {
        match listener.next().await.unwrap().unwrap() {
            Event::Connected(connected) => verdicts.push(connected.verdict),
            Event::Packet(packet) => assert_eq!(packet.position(), None),
            _ => {}
        }
    }
    assert_eq!(verdicts, [Verdict::Fresh, Verdict::Unknown, Verdict::Unknown]);
    publisher.abort();
    drop(listener);
    server.stop().await;
}

/// Heartbeats hold an idle stream; a stream that is closed is over.
#[tokio::test(start_paused = true)]
async fn an_idle_stream_lasts_until_it_is_closed() {
    let server = TestServer::start().await;
    let mut listener = listen(format!("http://{}/comet", server.address)).open().unwrap();
    let mut heartbeats = 0;
    let begin = Instant::now();
    while heartbeats < 100 {
        match listener.next().await.unwrap().unwrap() {
            Event::Connected(connected) => {
                assert_eq!(connected.heartbeat, Some(Duration::from_secs(15)));
                assert_eq!(connected.silence, Some(Duration::from_secs(30)));
            }
            Event::Heartbeat => heartbeats += 1,
            event => panic!("{event:?}"),
        }
    }
    assert!(begin.elapsed() >= Duration::from_secs(1_400));
    assert!(server.hub.close_stream(server.stream.name()));
    match listener.next().await.unwrap().unwrap() {
        Event::Reconnecting { after, .. } => assert!(after.is_zero()),
        event => panic!("{event:?}"),
    }
    assert!(listener.next().await.is_none(), "410 Gone is the end");
    server.stop().await;
}

/// The bounds of a stream that drops: told as not counted.
#[tokio::test(start_paused = true)]
async fn streams_that_drop_are_not_counted() {
    let server = TestServer::open(Limits::default(), Epoch::new(0xab)).await;
    let config = StreamConfig::new(server.hub.limits()).overflow(push_server::Overflow::DropOldest);
    let stream = server.hub.open_with(&"ticks".parse().unwrap(), &config).unwrap();
    let mut listener = quick(listen(format!("http://{}/streams/ticks/hessian", server.address)));
    let Event::Connected(connected) = listener.next().await.unwrap().unwrap() else { panic!() };
    assert_eq!(connected.position, Some("ab:0".parse().unwrap()));
    stream.publish(&AddString { value: "1".into() }).await.unwrap();
    let Event::Packet(packet) = listener.next().await.unwrap().unwrap() else { panic!() };
    assert_eq!(packet.position(), None);
    drop(listener);
    server.stop().await;
}
