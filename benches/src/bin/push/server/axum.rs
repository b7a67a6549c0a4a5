//! The usual way in Rust: axum's SSE response over `tokio::sync::broadcast`, as its examples show.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures_util::stream;
use tokio::net::TcpListener;
use tokio::sync::broadcast::{self, Sender, error::RecvError};

use super::{say_address, say_done};
use crate::control::{self, Publish};

/// Messages that a slow receiver may be behind, as in most examples.
const CAPACITY: usize = 1_024;

type Streams = Arc<[Sender<String>]>;

#[tokio::main]
pub(crate) async fn serve(streams: usize) -> anyhow::Result<()> {
    let streams: Streams = (0..streams).map(|_| broadcast::channel(CAPACITY).0).collect();
    let router = Router::new().route("/streams/{stream}/sse", get(subscribe)).with_state(streams.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say_address(listener.local_addr()?)?;
    let serving = tokio::spawn(async { axum::serve(listener, router).await });
    let count = streams.len();
    tokio::spawn(control::obey(control::from_input(), count, Senders(streams), say_done)).await??;
    serving.abort();
    Ok(())
}

struct Senders(Streams);

impl Publish for Senders {
    async fn publish(&mut self, number: usize, text: String) -> anyhow::Result<()> {
        // An error only says that nobody listens.
        let _ = self.0[number].send(text);
        Ok(())
    }
}

async fn subscribe(State(streams): State<Streams>, Path(name): Path<String>) -> Response {
    let number = name.strip_prefix('s').and_then(|number| number.parse::<usize>().ok());
    let Some(sender) = number.and_then(|number| streams.get(number)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let events = stream::unfold(sender.subscribe(), async |mut receiver| {
        loop {
            match receiver.recv().await {
                Ok(text) => return Some((Ok::<_, Infallible>(Event::default().data(text)), receiver)),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}
