//! The player against servers with every fault. Time is paused and connections are scripts, so that each
//! deadline is seen to the millisecond.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
    time::Duration,
};

use policy_server::{
    ErrorKind,
    player::{Conclusion, Dial, Fault, Happened, Patience, Question, Remark, Report, Role, ask},
    policy::{MAX_FILE_SIZE, Outcome},
    port::REQUEST,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// What a server does next, once it is read from.
#[derive(Clone)]
enum Act {
    Send(Vec<u8>),
    Wait(Duration),
    Close,
    Reset,
    /// Neither sends nor closes.
    Hang,
}

use Act::{Close, Hang, Reset, Send, Wait};

/// A port of the scripted host.
#[derive(Clone)]
enum Server {
    /// Something drops what is sent there.
    Dropped,
    Listens(Vec<Act>),
}

/// One host. Ports without a server refuse.
#[derive(Default)]
struct Host {
    servers: HashMap<u16, Server>,
    /// How long its name is looked for, and how often it was.
    look_up: Duration,
    looked_up: Cell<u32>,
    asked: Rc<RefCell<Vec<u16>>>,
    sent: Rc<RefCell<Vec<u8>>>,
}

struct Connection {
    acts: VecDeque<Act>,
    sleep: Option<Pin<Box<Sleep>>>,
    sent: Rc<RefCell<Vec<u8>>>,
}

impl Host {
    fn with(mut self, port: u16, acts: impl Into<Vec<Act>>) -> Self {
        self.servers.insert(port, Server::Listens(acts.into()));
        self
    }

    fn dropping(mut self, port: u16) -> Self {
        self.servers.insert(port, Server::Dropped);
        self
    }

    async fn ask(&self, question: &Question) -> Report {
        ask(question, self, &Patience::default()).await
    }
}

impl Dial for Host {
    type Host = ();
    type Io = Connection;

    async fn look_up(&self, host: &str) -> io::Result<()> {
        self.looked_up.set(self.looked_up.get() + 1);
        sleep(self.look_up).await;
        if host == "push.example.com" { Ok(()) } else { Err(io::Error::other("no such name")) }
    }

    async fn dial(&self, (): &(), port: u16) -> io::Result<Connection> {
        self.asked.borrow_mut().push(port);
        match self.servers.get(&port) {
            None => Err(io::ErrorKind::ConnectionRefused.into()),
            Some(Server::Dropped) => std::future::pending().await,
            Some(Server::Listens(acts)) => {
                Ok(Connection { acts: acts.clone().into(), sleep: None, sent: self.sent.clone() })
            }
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                ready!(sleep.as_mut().poll(cx));
                self.sleep = None;
            }
            match self.acts.pop_front() {
                Some(Send(mut bytes)) => {
                    let rest = bytes.split_off(bytes.len().min(buf.remaining()));
                    buf.put_slice(&bytes);
                    if !rest.is_empty() {
                        self.acts.push_front(Send(rest));
                    }
                    return Poll::Ready(Ok(()));
                }
                Some(Wait(time)) => self.sleep = Some(Box::pin(sleep(time))),
                Some(Reset) => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Some(Hang) => {
                    self.acts.push_front(Hang);
                    return Poll::Pending;
                }
                Some(Close) | None => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.sent.borrow_mut().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

const ENTRY: &str = r#"<allow-access-from domain="www.example.com" to-ports="80,8080"/>"#;

fn text(inside: &str) -> Vec<u8> {
    format!("<cross-domain-policy>\n{inside}\n</cross-domain-policy>").into()
}

/// A good answer.
fn policy(inside: &str) -> Vec<Act> {
    vec![Send([&text(inside)[..], b"\0"].concat()), Close]
}

fn question(port: u16) -> Question {
    Question::new("push.example.com", port, "http://www.example.com/app.swf".parse().unwrap())
}

/// What happened at the port itself, with nothing on 843, and in what time.
async fn at_8080(acts: Vec<Act>) -> (Report, Duration) {
    let start = Instant::now();
    let report = Host::default().with(8080, acts).ask(&question(8080)).await;
    (report, start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn the_master_is_asked_first_and_the_port_only_if_it_must_be() {
    let host = Host::default().with(843, policy(ENTRY)).with(8080, policy(ENTRY));
    let report = host.ask(&question(8080)).await;
    assert_eq!(report.conclusion(), Conclusion::Granted);
    assert_eq!(*host.asked.borrow(), [843]);
    assert_eq!(*host.sent.borrow(), REQUEST);
    let [master, destination] = report.visits() else { panic!("{report}") };
    assert_eq!((master.role(), destination.role()), (Role::Master, Role::Destination));
    assert_eq!(destination.happened(), &Happened::NotNeeded);
    assert!(report.to_string().ends_with("granted: policy from port 843, line 2: grants it"), "{report}");

    let other = r#"<allow-access-from domain="other.example" to-ports="*"/>"#;
    let host = Host::default().with(843, policy(other)).with(8080, policy(ENTRY));
    assert_eq!(host.ask(&question(8080)).await.conclusion(), Conclusion::Granted);
    assert_eq!(*host.asked.borrow(), [843, 8080]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_master_costs_three_seconds_and_a_refused_one_nothing() {
    let start = Instant::now();
    let host = Host::default().dropping(843).with(8080, policy(ENTRY));
    let report = host.ask(&question(8080)).await;
    assert_eq!(report.conclusion(), Conclusion::Granted);
    assert_eq!(start.elapsed(), Duration::from_secs(3));
    let timed_out = Fault::ConnectTimedOut(Duration::from_secs(3));
    assert_eq!(report.visits()[0].happened(), &Happened::Failed(timed_out));
    let shown = report.to_string();
    assert!(shown.contains("every player waits this long\n   → let the firewall"), "{shown}");

    let (report, elapsed) = at_8080(policy(ENTRY)).await;
    assert_eq!((report.conclusion(), elapsed), (Conclusion::Granted, Duration::ZERO));
    assert_eq!(report.visits()[0].happened(), &Happened::Failed(Fault::Refused));
}

/// Name servers are slow, not ports; and no firewall is suspected of it.
#[tokio::test(start_paused = true)]
async fn a_slow_look_up_is_a_step_of_its_own() {
    let slow = |seconds| Host { look_up: Duration::from_secs(seconds), ..Host::default() };
    let start = Instant::now();
    let host = slow(6).with(843, policy(ENTRY));
    let report = host.ask(&question(8080)).await;
    assert_eq!(report.conclusion(), Conclusion::Granted, "{report}");
    assert_eq!((report.looked_up_after(), start.elapsed()), (host.look_up, host.look_up));
    assert_eq!(report.visits()[0].after(), Duration::ZERO);
    assert!(report.to_string().contains("The look-up of the name took 6.0s"), "{report}");

    // Once for all ports, and beside their time.
    let host = slow(6).dropping(843).dropping(8080);
    let report = host.ask(&question(8080)).await;
    assert_eq!((host.looked_up.get(), report.visits().len()), (1, 2));
    let times: Vec<_> = report.visits().iter().map(|visit| visit.after().as_secs()).collect();
    assert_eq!(times, [3, 17]);

    let start = Instant::now();
    let host = slow(60).with(843, policy(ENTRY));
    let report = host.ask(&question(8080)).await;
    assert_eq!(start.elapsed(), Duration::from_secs(20));
    let fault = Fault::LookUpTimedOut(Duration::from_secs(20));
    assert!(report.visits().iter().all(|visit| *visit.happened() == Happened::Failed(fault.clone())));
    assert_eq!((report.conclusion(), host.asked.borrow().len()), (Conclusion::Unreachable, 0));
    assert!(!report.to_string().contains("firewall"), "{report}");

    let report = Host::default().with(843, policy(ENTRY)).ask(&question(8080)).await;
    assert!(!report.to_string().contains("look-up"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn a_master_that_answers_after_three_seconds_does_not_count() {
    let late = |after| [vec![Wait(Duration::from_millis(after))], policy(ENTRY)].concat();
    let report = Host::default().with(843, late(3001)).ask(&question(8080)).await;
    assert_eq!(report.conclusion(), Conclusion::Denied);
    assert_eq!(report.visits()[0].happened(), &Happened::Failed(Fault::Silent(Duration::from_secs(3))));

    let report = Host::default().with(843, late(2999)).ask(&question(8080)).await;
    assert_eq!(report.conclusion(), Conclusion::Granted);
    let Happened::Fetched(fetched) = report.visits()[0].happened() else { panic!("{report}") };
    assert_eq!(fetched.remarks, [Remark::Slow(Duration::from_millis(2999))]);
}

#[tokio::test(start_paused = true)]
async fn the_whole_attempt_ends_after_twenty_seconds() {
    let start = Instant::now();
    let host = Host::default().dropping(843).with(8080, vec![Hang]);
    let report = host.ask(&question(8080)).await;
    assert_eq!(start.elapsed(), Duration::from_secs(20));
    let silent = Fault::Silent(Duration::from_secs(17));
    assert_eq!(report.visits()[1].happened(), &Happened::Failed(silent));
    assert_eq!(report.conclusion(), Conclusion::Denied);

    let start = Instant::now();
    let host = Host::default().dropping(843).dropping(8080);
    let report = host.ask(&question(8080)).await;
    assert_eq!(start.elapsed(), Duration::from_secs(20));
    assert_eq!(report.conclusion(), Conclusion::Unreachable);
}

/// Each fault of a server: what it does, what is said of it, a word of the remedy.
#[tokio::test(start_paused = true)]
async fn each_fault_is_named_with_its_remedy() {
    let good = text(ENTRY);
    let utf16: Vec<u8> =
        String::from_utf8(good.clone()).unwrap().encode_utf16().flat_map(u16::to_be_bytes).collect();
    let length = u16::try_from(good.len()).unwrap().to_be_bytes();
    // Of the text with its NUL.
    let counted = u16::try_from(good.len() + 1).unwrap().to_be_bytes();
    let html = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec();
    let error = |kind| format!("no policy file, {kind}");
    let late = "timed out";
    for (acts, said, remedy) in [
        (vec![Send(good.clone()), Close], "ends without a NUL", "send one NUL"),
        (vec![Send(good.clone()), Hang], "no NUL and no close", "send one NUL after the policy, and close"),
        (vec![Hang], late, "23 bytes"),
        (vec![Send(b"<cross-".to_vec()), Hang], late, "send the policy, a NUL"),
        (vec![Close], "closed without a byte", "answer the policy request"),
        (vec![Reset], "reset the connection", "read all 23 bytes"),
        (vec![Send(b"<cross-".to_vec()), Reset], "after 7 bytes", "read all 23 bytes"),
        (vec![Send(html.clone()), Close], "`HTTP/1.1 400 Bad Request`", "--upstream"),
        (vec![Send(html.clone()), Hang], "`HTTP/1.1 400 Bad Request`", "--upstream"),
        (vec![Send(html.clone()), Reset], "`HTTP/1.1 400 Bad Request`", "--upstream"),
        // The worst of npm's: the policy behind an answer of HTTP.
        (vec![Send([&html[..], &good, b"\0"].concat()), Close], "`HTTP/1.1 400 Bad Request`", "--upstream"),
        (vec![Send(b"\x15\x03\x01\0\x02\x02\x28".to_vec()), Close], "TLS", "in clear"),
        (
            vec![Send([b"\xef\xbb\xbf", &good[..], b"\0"].concat()), Close],
            "byte order mark",
            "without a byte order mark",
        ),
        (vec![Send([b"\xff\xfe", &utf16[..]].concat()), Close], "UTF-16", "UTF-8"),
        (vec![Send(utf16.clone()), Close], "UTF-16", "UTF-8"),
        (vec![Send([&length[..], &good, b"\0"].concat()), Close], "its length", "writeUTF"),
        (vec![Send([&counted[..], &good, b"\0"].concat()), Close], "its length", "writeUTF"),
        (vec![Send([&length[..], &good].concat()), Close], "its length", "writeUTF"),
        // Two bytes of a text are no length, even if so many follow.
        (vec![Send([b"<<<", &[b' '; 16_000][..], b"\0"].concat()), Close], "not well-formed XML", "correct"),
        (vec![Send([&b"<<<"[..], &[b' '; 16_000]].concat()), Close], "not well-formed XML", "correct"),
        (vec![Send(vec![b' '; MAX_FILE_SIZE + 1]), Hang], "more than 20000 bytes", "*.example.com"),
        (vec![Send(b"<html></html>\0".to_vec()), Close], "root element is <html>", "nothing before it"),
        (vec![Send(b"\0".to_vec()), Close], "no element", "nothing before it"),
        (vec![Send(b"<cross-domain-policy>\0".to_vec()), Close], "never closed", "correct the file"),
        (vec![Send(b"<cross-domain-policy>\n&a;\0".to_vec()), Close], "line 2", "correct the file"),
        (vec![Send(b"\xe9\0".to_vec()), Close], "not UTF-8", "UTF-8"),
    ] {
        let (report, _) = at_8080(acts).await;
        let Happened::Failed(fault) = report.visits()[1].happened() else { panic!("{said}: {report}") };
        assert!(fault.to_string().contains(said), "{said}: {fault}");
        assert!(fault.remedy().contains(remedy), "{said}: {}", fault.remedy());
        assert_eq!(report.conclusion(), Conclusion::Denied, "{said}");
        let shown = report.to_string();
        assert!(shown.contains(&fault.to_string()) && shown.contains(fault.remedy()), "{shown}");
    }
    let (report, _) = at_8080(vec![Send(b"\xef\xbb\xbf<\0".to_vec()), Close]).await;
    let Happened::Failed(Fault::Unreadable(bom)) = report.visits()[1].happened() else { panic!("{report}") };
    assert_eq!(
        (bom.kind(), error(bom.clone())),
        (&ErrorKind::ByteOrderMark, Fault::Unreadable(bom.clone()).to_string())
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_odd_and_read_all_the_same_is_remarked() {
    let wire = [&text(ENTRY)[..], b"\0"].concat();
    for (acts, remarks, elapsed) in [
        (vec![Send(wire.clone()), Hang], vec![Remark::NotClosed], 500),
        (vec![Send([&wire[..], b"\r\n"].concat()), Close], vec![Remark::Trailing { bytes: 2 }], 0),
        (vec![Send(wire.clone()), Send(vec![0; 9000]), Hang], vec![Remark::Trailing { bytes: 4096 }], 0),
        (vec![Send([b"\r\n", &wire[..]].concat()), Close], vec![Remark::LeadingBlank], 0),
        (
            vec![Wait(Duration::from_millis(1500)), Send(wire.clone()), Reset],
            vec![Remark::Slow(Duration::from_millis(1500))],
            1500,
        ),
        // However it is cut.
        (wire.chunks(1).map(|byte| Send(byte.to_vec())).chain([Close]).collect(), vec![], 0),
    ] {
        let (report, took) = at_8080(acts).await;
        assert_eq!(report.conclusion(), Conclusion::Granted);
        let Happened::Fetched(fetched) = report.visits()[1].happened() else { panic!("{report}") };
        // What `check` waits for the close is not what a player waits.
        let answered = if remarks == [Remark::NotClosed] { Duration::ZERO } else { took };
        assert_eq!(report.visits()[1].after(), answered);
        assert_eq!((&fetched.remarks, took), (&remarks, Duration::from_millis(elapsed)));
        let shown = report.to_string();
        assert!(remarks.iter().all(|remark| shown.contains(remark.remedy())), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_master_that_forbids_others_spares_them_the_question() {
    for (meta, asked, outcome) in [
        ("none", vec![843], Some(Outcome::MetaNone)),
        ("master-only", vec![843], Some(Outcome::MetaMasterOnly)),
        ("by-content-type", vec![843], Some(Outcome::MetaInvalid)),
        ("all", vec![843, 8080], None),
    ] {
        let meta = format!("<site-control permitted-cross-domain-policies='{meta}'/>");
        let host = Host::default().with(843, policy(&meta)).with(8080, policy(ENTRY));
        let report = host.ask(&question(8080)).await;
        assert_eq!(*host.asked.borrow(), asked, "{meta}");
        match (report.visits()[1].happened(), outcome) {
            (Happened::Void(void), Some(outcome)) => assert_eq!(*void, outcome),
            (happened, None) => assert!(matches!(happened, Happened::Fetched(_)), "{happened}"),
            (happened, outcome) => panic!("{meta}: {happened}, expected {outcome:?}"),
        }
        assert_eq!(report.verdict().is_granted(), outcome.is_none(), "{meta}");
    }
    // From another port a meta-policy is not asked for.
    let meta = "<site-control permitted-cross-domain-policies='none'/>";
    let (report, _) = at_8080(policy(&format!("{meta}{ENTRY}"))).await;
    assert_eq!(report.conclusion(), Conclusion::Granted);
}

#[tokio::test(start_paused = true)]
async fn ports_below_1024_want_a_policy_from_below_1024() {
    let host = Host::default().with(8080, policy(ENTRY)).with(80, policy(ENTRY));
    let named = question(80).load_policy_file("xmlsocket://push.example.com:8080".parse().unwrap());
    let report = host.ask(&named).await;
    assert_eq!(*host.asked.borrow(), [843, 8080, 80]);
    let outcomes: Vec<_> =
        report.verdict().steps().iter().map(|step| (step.policy_port, step.outcome)).collect();
    assert_eq!(outcomes, [(8080, Outcome::Privileged), (80, Outcome::Granted)]);
    assert!(report.to_string().contains("→ serve the policy on 843"), "{report}");
}

#[tokio::test(start_paused = true)]
async fn named_policies_are_asked_after_the_master_and_before_the_port() {
    let at = |location: &str| question(8080).load_policy_file(location.parse().unwrap());
    let host = || Host::default().with(9000, policy(ENTRY)).with(25, policy(ENTRY));
    for (location, asked, happened) in [
        ("xmlsocket://push.example.com:9000", &[843, 9000][..], Some("fetched")),
        // Places that are asked anyway are asked once.
        ("xmlsocket://PUSH.example.com:843", &[843, 8080], None),
        ("xmlsocket://push.example.com:25", &[843, 8080], Some("void")),
        ("xmlsocket://www.example.com:9000", &[843, 8080], Some("other-host")),
        ("http://push.example.com/crossdomain.xml", &[843, 8080], Some("url-policy")),
    ] {
        let host = host();
        let report = host.ask(&at(location)).await;
        assert_eq!(*host.asked.borrow(), asked, "{location}");
        let named = report.visits().iter().find(|visit| visit.role() == Role::Named);
        assert_eq!(named.map(|visit| visit.happened().name()), happened, "{location}");
        let is_fetched = happened.is_none_or(|name| name == "fetched");
        assert_eq!(named.is_none_or(|visit| visit.happened().remedy().is_none()), is_fetched, "{location}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_reached_is_told_apart_from_denied() {
    let report = Host::default().ask(&question(8080)).await;
    assert_eq!(report.conclusion(), Conclusion::Unreachable);
    let elsewhere = Question::new("nowhere.example", 8080, "www.example.com".parse().unwrap());
    let report = Host::default().ask(&elsewhere).await;
    assert_eq!(report.conclusion(), Conclusion::Unreachable);
    assert!(report.to_string().contains("the host is not known"), "{report}");
    let report = Host::default().ask(&question(25)).await;
    assert_eq!(report.visits()[1].happened(), &Happened::Void(Outcome::NeverAsked));
    assert_eq!(report.conclusion(), Conclusion::Denied);
}

#[tokio::test(start_paused = true)]
async fn a_denial_is_explained_entry_by_entry() {
    let inside = "<allow-access-from domain='www.example.*' to-ports='8080'/>
<allow-access-from domain='www.example.com'/>
<allow-access-from domain='www.example.com' to-ports='9000'/>
<allow-access-from domain='www.example.com' to-ports='8080' secure='true'/>
<allow-access-from domain='127.0.0.1' to-ports='8080'/>";
    let (report, _) = at_8080(policy(inside)).await;
    assert_eq!(report.conclusion(), Conclusion::Denied);
    let shown = report.to_string();
    for line in [
        "   line 2: the entry is for no origin at all",
        "   line 3: the entry grants nothing, it has no `to-ports`\n   → add to-ports with the port",
        "   line 4: the entry grants other ports\n   → add the port to to-ports",
        "   line 5: the entry is for SWFs loaded by HTTPS only\n   → load the SWF by HTTPS",
        "   line 6: the entry is for other origins",
        "\ndenied\n",
        "<allow-access-from domain=\"www.example.com\" to-ports=\"8080\"/>",
    ] {
        assert!(shown.contains(line), "{line:?} is missing in:\n{shown}");
    }
    assert_eq!(report.visits()[1].findings().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_origin_that_players_may_see_otherwise_is_noted() {
    let host = Host::default().with(8080, policy(ENTRY));
    for (origin, note) in [
        ("www.example.com.", Some("note: the origin ends with a dot")),
        ("BÜCHER.example", Some("note: the origin has letters outside ASCII")),
        ("www.example.com", None),
    ] {
        let question = Question::new("push.example.com", 8080, origin.parse().unwrap());
        let shown = host.ask(&question).await.to_string();
        assert_eq!(shown.contains(note.unwrap_or("note:")), note.is_some(), "{shown}");
    }
}

/// What is advised names what has to change first, and an entry only where one would help.
#[tokio::test(start_paused = true)]
async fn the_advice_is_for_the_cause() {
    let meta = |value: &str| format!("<site-control permitted-cross-domain-policies='{value}'/>");
    let missing = |port: u16| format!("<allow-access-from domain=\"www.example.com\" to-ports=\"{port}\"/>");
    let other = "<allow-access-from domain='other.example' to-ports='*'/>";
    for (master, at_port, port, advice, entry) in [
        // The entry is there and void, or not there and no use.
        (
            Some(meta("none") + ENTRY),
            ENTRY,
            8080,
            "in the policy from port 843 write all or master-only",
            None,
        ),
        (Some(meta("none")), ENTRY, 8080, "in the policy from port 843 write all or master-only", None),
        (
            Some(meta("master-only")),
            ENTRY,
            8080,
            "A policy from port 843, and no other,",
            Some(missing(8080)),
        ),
        (
            Some(meta("by-content-type")),
            ENTRY,
            8080,
            "A policy from port 843, and no other,",
            Some(missing(8080)),
        ),
        (
            Some(meta("master-only") + other),
            ENTRY,
            80,
            "A policy from port 843, and no other,",
            Some(missing(80)),
        ),
        (Some(meta("all")), other, 8080, "A policy from port 843 or the port itself", Some(missing(8080))),
        (None, other, 80, "A policy from port 843 or another below 1024", Some(missing(80))),
        // Players do not ask the port itself.
        (Some(other.into()), ENTRY, 25, "A policy from port 843, and no other,", Some(missing(25))),
    ] {
        let mut host = Host::default().with(port, policy(at_port));
        if let Some(master) = &master {
            host = host.with(843, policy(master));
        }
        let report = host.ask(&question(port)).await;
        assert_eq!(report.conclusion(), Conclusion::Denied, "{report}");
        assert_eq!(report.missing_entry(), entry, "{report}");
        let said = report.advice().unwrap();
        assert!(said.contains(advice) && report.to_string().ends_with(&said), "{advice}: {report}");
        assert_eq!(said.contains("<allow-access-from"), entry.is_some(), "{said}");
    }
    // The entry is there, and its policy comes from where it cannot grant the port.
    let host = Host::default().with(8080, policy(ENTRY));
    let named = question(80).load_policy_file("xmlsocket://push.example.com:8080".parse().unwrap());
    let report = host.ask(&named).await;
    assert_eq!(report.missing_entry(), None);
    assert!(report.advice().unwrap().starts_with("The entry is there: serve it from port 843"), "{report}");

    let granted = Host::default().with(843, policy(ENTRY)).ask(&question(8080)).await;
    assert_eq!((granted.advice(), granted.missing_entry()), (None, None));
    assert_eq!(Host::default().ask(&question(8080)).await.advice(), None, "nothing was reached");
}
