//! The tutorial's TimerService: it knows the comet connections, and has something to say every two seconds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use push_server::controller::Handle;
use push_server::{PublishError, Stream, demo};
use tokio::time::interval;

pub(crate) use push_server::demo::AddString;

/// Time between two lines.
pub(crate) const PACE: Duration = Duration::from_secs(2);
/// The attribute by which a connection is given its command.
pub(crate) const COMMAND: &str = "comet.command";

/// The service; clones are the same one. It holds no more than there are connections
/// ([`Limits::connections`](push_server::Limits::connections)), and those that have gone since the last line.
#[derive(Clone)]
pub(crate) struct TimerService {
    connections: Arc<Mutex<Vec<Handle>>>,
    stream: Stream,
}

impl TimerService {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { connections: Arc::default(), stream }
    }

    /// From the next line on, this connection is told.
    pub(crate) fn add(&self, comet: Handle) {
        self.connections.lock().expect("nobody panics with it").push(comet);
    }

    /// Says line after line, until the hub has ended. The tutorial's service closes each connection after its tenth; this one
    /// does not, as the clients of 2008 read one connection and never come back. The example `timer` shows the closing.
    pub(crate) async fn run(self) -> Result<(), PublishError> {
        let mut updates = interval(PACE);
        for line in demo::lines().cycle() {
            updates.tick().await;
            self.say(AddString { value: line.to_owned() }).await?;
        }
        Ok(())
    }

    async fn say(&self, command: AddString) -> Result<(), PublishError> {
        // What everybody gets alike can go to a stream of the hub as well: encoded once for all, with positions by which
        // readers come back. Browsers read that one.
        self.stream.publish(&command).await?;
        // The tutorial's way: each connection is given the command, and decides what to do with it. A client that is too slow
        // for this pace finds only the newest one.
        self.connections.lock().expect("nobody panics with it").retain(|comet| {
            comet.set(COMMAND, command.clone());
            comet.wake()
        });
        Ok(())
    }
}
