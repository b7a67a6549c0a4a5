//! What the load program tells a server to publish: one command a line, the same for every server.

use std::fmt;
use std::future::Future;
use std::io::BufRead as _;
use std::str::FromStr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::payload;

/// Commands of a publisher. Each that publishes is answered with [`DONE`] when its last message is out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// The floor's bytes: the response head, and what stands before and after a message.
    Replay(Replay),
    /// `count` messages of `bytes`, each at its time whether or not the ones before have arrived.
    Rate { per_second: f64, count: u64, bytes: usize },
    /// `count` messages of `bytes`, never more than `window` ahead of what every subscriber has got.
    Window { count: u64, window: u64, bytes: usize },
    /// Every subscriber has got this many messages since the command that publishes.
    Ack(u64),
}

/// What a server says when it has published everything.
pub(crate) const DONE: &str = "done";

/// Bytes that a subscriber of the measured server got, for the floor to write the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) head: Vec<u8>,
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replay(Replay { head, before, after }) => {
                write!(f, "replay {} {} {}", hex(head), hex(before), hex(after))
            }
            Self::Rate { per_second, count, bytes } => write!(f, "rate {per_second} {count} {bytes}"),
            Self::Window { count, window, bytes } => write!(f, "window {count} {window} {bytes}"),
            Self::Ack(count) => write!(f, "ack {count}"),
        }
    }
}

impl FromStr for Command {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> anyhow::Result<Self> {
        let mut words = line.split(' ');
        let name = words.next().unwrap_or_default();
        let mut next = || words.next().with_context(|| format!("{name}: a word is missing"));
        Ok(match name {
            "replay" => Self::Replay(Replay {
                head: unhex(next()?)?,
                before: unhex(next()?)?,
                after: unhex(next()?)?,
            }),
            "rate" => {
                Self::Rate { per_second: next()?.parse()?, count: next()?.parse()?, bytes: next()?.parse()? }
            }
            "window" => {
                Self::Window { count: next()?.parse()?, window: next()?.parse()?, bytes: next()?.parse()? }
            }
            "ack" => Self::Ack(next()?.parse()?),
            other => anyhow::bail!("no command: {other}"),
        })
    }
}

/// A dot stands for nothing, so that words stay words.
fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return ".".to_owned();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> anyhow::Result<Vec<u8>> {
    if text == "." {
        return Ok(Vec::new());
    }
    let digits = |at: usize| text.get(at..at + 2).context("an odd number of digits");
    (0..text.len()).step_by(2).map(|at| Ok(u8::from_str_radix(digits(at)?, 16)?)).collect()
}

/// When the messages of a [`Command::Rate`] are due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    begin: u64,
    interval: f64,
}

impl Pace {
    pub(crate) fn new(per_second: f64) -> Self {
        Self { begin: payload::now(), interval: 1e9 / per_second }
    }

    pub(crate) fn due(&self, index: u64) -> u64 {
        self.begin + (self.interval * index as f64) as u64
    }
}

/// Commands from a pipe, read by a thread of their own.
pub(crate) fn from_input() -> mpsc::Receiver<Command> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(command) = line.context("no line").and_then(|line| line.parse()) else { break };
            if sender.blocking_send(command).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The way a server publishes.
pub(crate) trait Publish: Send + 'static {
    /// Publishes `text` to the stream `number`.
    fn publish(&mut self, number: usize, text: String) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Publishes as told until the commands end, as a task among others, like an application's. Messages go to
/// the streams in turn.
pub(crate) async fn obey(
    mut commands: mpsc::Receiver<Command>,
    streams: usize,
    mut publisher: impl Publish,
    mut done: impl FnMut() + Send,
) -> anyhow::Result<()> {
    let mut number: u64 = 0;
    while let Some(command) = commands.recv().await {
        match command {
            // An acknowledgement of the end may come after the end.
            Command::Replay(_) | Command::Ack(_) => continue,
            Command::Rate { per_second, count, bytes } => {
                let pace = Pace::new(per_second);
                for index in 0..count {
                    let due = pace.due(index);
                    let early = due.saturating_sub(payload::now());
                    if early > 0 {
                        sleep(Duration::from_nanos(early)).await;
                    }
                    publisher.publish(stream(number, streams)?, payload::text(number, due, bytes)).await?;
                    number += 1;
                }
            }
            Command::Window { count, window, bytes } => {
                let (mut sent, mut got) = (0, 0);
                while sent < count {
                    while sent < count.min(got + window) {
                        let text = payload::text(number, payload::now(), bytes);
                        publisher.publish(stream(number, streams)?, text).await?;
                        number += 1;
                        sent += 1;
                    }
                    match commands.recv().await {
                        Some(Command::Ack(count)) => got = count,
                        Some(other) => anyhow::bail!("{other} while publishing"),
                        None => return Ok(()),
                    }
                }
            }
        }
        done();
    }
    Ok(())
}

fn stream(number: u64, streams: usize) -> anyhow::Result<usize> {
    Ok(usize::try_from(number)? % streams)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_as_they_are_written() {
        for command in [
            Command::Replay(Replay { head: vec![0, 255], before: vec![], after: vec![13, 10] }),
            Command::Rate { per_second: 0.5, count: 3, bytes: 64 },
            Command::Window { count: 9, window: 4, bytes: 1_024 },
            Command::Ack(7),
        ] {
            assert_eq!(command.to_string().parse::<Command>().unwrap(), command);
        }
        for bad in ["", "rate 1", "replay f . .", "ack x", "stop"] {
            assert!(bad.parse::<Command>().is_err(), "{bad}");
        }
    }
}
