//! The measured server: a hub and its publisher in one process, as an application has them.

use anyhow::Context as _;
use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::guard::{Rate, Rules};
use push_server::{Epoch, Hub, Limits, Server, Stream};
use tokio::sync::oneshot;

use super::{say_address, say_done};
use crate::control::{self, Publish};
use crate::form::stream_name;

#[tokio::main]
pub(crate) async fn serve(streams: usize, shards: Option<usize>) -> anyhow::Result<()> {
    let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into())?;
    let shards = shards.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let mut limits = Limits::default();
    // All load comes from one address. What it costs to count that is measured; where it would end is not.
    limits.connections_per_address = limits.connections;
    let hub = Hub::start(Epoch::now(), limits, shards);
    let mut rules = Rules::default();
    rules.rates.connects = Rate::new(u32::MAX, u32::MAX);
    hub.guard().replace(rules);
    let open = |number| Ok(hub.open(&stream_name(number).parse()?)?);
    let streams: Vec<_> = (0..streams).map(open).collect::<anyhow::Result<_>>()?;
    say_address(listener.local_addr()?)?;
    let (stop, stopped) = oneshot::channel::<()>();
    let server =
        Server::new(hub.clone(), push_server::web::router(hub), Responder::new(&PolicyFile::default()));
    let serving = tokio::spawn(server.serve(listener, async {
        let _ = stopped.await;
    }));
    let commands = control::from_input();
    let count = streams.len();
    tokio::spawn(control::obey(commands, count, Streams(streams), say_done)).await??;
    drop(stop);
    serving.await.context("the server")
}

struct Streams(Vec<Stream>);

impl Publish for Streams {
    async fn publish(&mut self, number: usize, text: String) -> anyhow::Result<()> {
        self.0[number].publish(&text).await?;
        Ok(())
    }
}
