//! Lost connections, and what is told of them.

use crate::server::{Expecting, Server};
use hessian::client::stream::{Lost, Verdict, listen};
use std::time::Duration;
use tokio::join;

#[tokio::test(start_paused = true)]
async fn goes_on_where_the_connection_was_cut() {
    let server = Server::start().await;
    let mut listener = Expecting::of(listen(server.url()));
    let serve = async {
        let mut first = server.answered("push-position: ab:5|push-heartbeat: 15").await;
        assert_eq!(first.field("last-event-id"), None);
        first.send(6..=8).await;
        first.heartbeat().await;
        // Half a packet: it does not count.
        let packet = first.packet(9);
        first.chunk(&packet[..packet.len() / 2]).await;
        drop(first);
        let mut second = server.answered("push-position: ab:8|push-resume: complete").await;
        assert_eq!(second.field("last-event-id"), Some("ab:8"));
        second.send(9..=10).await;
        second.end().await;
        let third = server.answered("push-position: ab:10|push-resume: complete").await;
        assert_eq!(third.field("last-event-id"), Some("ab:10"));
        third.closed().await;
    };
    let listen = async {
        let connected = listener.connected(Verdict::Fresh).await;
        assert_eq!(connected.position, Some("ab:5".parse().unwrap()));
        assert_eq!(
            (connected.heartbeat, connected.silence),
            (Some(Duration::from_secs(15)), Some(Duration::from_secs(30)))
        );
        for number in 6..=8 {
            listener.packet(number, Some(&format!("ab:{number}"))).await;
        }
        assert!(matches!(listener.event().await, hessian::client::stream::Event::Heartbeat));
        let (why, after, failures) = listener.lost().await;
        assert!(matches!(why, Lost::Failed(_)), "{why}");
        assert!(after >= Duration::from_millis(500) && after <= Duration::from_secs(1) && failures == 0);
        listener.connected(Verdict::Complete).await;
        listener.packet(9, Some("ab:9")).await;
        listener.packet(10, Some("ab:10")).await;
        let (why, after, failures) = listener.lost().await;
        assert!(matches!(why, Lost::Ended), "{why}");
        assert_eq!((after, failures), (Duration::ZERO, 0));
        listener.connected(Verdict::Complete).await;
        drop(listener);
    };
    join!(serve, listen);
}
