//! The measured server: a hub and its publisher in one process, as an application has them.

use anyhow::Context as _;
use policy_server::{ListenConfig, PolicyFile, Responder};
use push_server::{Epoch, Hub, Limits, Server, Stream};
use tokio::sync::oneshot;

use super::{say_address, say_done};
use crate::control::{self, Publish};
use crate::form::stream_name;

#[tokio::main]
pub(crate) async fn serve(streams: usize, shards: Option<usize>) -> anyhow::Result<()> {
    let listener = ListenConfig::default().bind(([127, 0, 0, 1], 0).into())?;
    let shards = shards.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let hub = Hub::start(Epoch::now(), Limits::default(), shards);
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
