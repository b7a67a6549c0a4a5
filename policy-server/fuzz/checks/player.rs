//! Whatever a server answers, a player tells what it is, and grants nothing that no policy with a NUL grants.

use std::{cell::Cell, io, task::Poll};

use policy_server::{
    PolicyFile,
    player::{Dial, Happened, Patience, Question, ask},
};
use tokio::io::{Join, Sink, join, sink};

/// Answers once, on the first port that is asked, and refuses then.
struct Server<'a>(Cell<Option<&'a [u8]>>);

impl<'a> Dial for Server<'a> {
    type Host = ();
    type Io = Join<&'a [u8], Sink>;

    async fn look_up(&self, _host: &str) -> io::Result<()> {
        Ok(())
    }

    async fn dial(&self, (): &(), _port: u16) -> io::Result<Self::Io> {
        let answer = self.0.take().ok_or(io::ErrorKind::ConnectionRefused)?;
        Ok(join(answer, sink()))
    }
}

pub(crate) fn check(bytes: &[u8]) {
    let origin = "http://www.example.com".parse().expect("an origin");
    let question = Question::new("push.example.com", 8080, origin);
    let server = Server(Cell::new(Some(bytes)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let report = runtime.block_on(async {
        let patience = Patience::default();
        let mut asking = std::pin::pin!(ask(&question, &server, &patience));
        // Nothing here ever waits, but for its turn.
        std::future::poll_fn(|cx| match asking.as_mut().poll(cx) {
            Poll::Ready(report) => Poll::Ready(report),
            Poll::Pending => panic!("waits for a server that has said all"),
        })
        .await
    });
    let shown = report.to_string();
    assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?}");
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    match report.visits()[0].happened() {
        Happened::Fetched(fetched) => {
            assert!(text.len() < bytes.len(), "a NUL ends it");
            assert_eq!(PolicyFile::from_bytes(text).as_ref(), Ok(&fetched.file));
        }
        _ => assert!(!report.verdict().is_granted()),
    }
}
