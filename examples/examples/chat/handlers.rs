//! What people send, and who deals with it: the chain is asked in this order.

use push_server::SendError;
use push_server::messages::{ClientMessage, Failure, Handler, Verdict};
use serde::{Deserialize, Serialize};

use super::room::{Room, Rooms, Told, now};

/// Longest text, in characters.
pub(crate) const TEXT: usize = 500;

/// `{"enter":true}`: who is here? Asked by whoever has come, or come back.
pub(crate) struct Enter(Rooms);

/// `{"text":"hello"}`: to all, or to the one whose name it is sent to.
pub(crate) struct Say(Rooms);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entering {
    #[serde(rename = "enter")]
    _enter: bool,
}

#[derive(Serialize)]
struct Here {
    here: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Saying {
    text: String,
}

impl Enter {
    pub(crate) const fn new(rooms: Rooms) -> Self {
        Self(rooms)
    }
}

impl Handler for Enter {
    async fn handle(&self, message: ClientMessage) -> Result<Verdict, Failure> {
        let Ok(Entering { .. }) = message.parse() else { return Ok(Verdict::Pass) };
        let room = room(&self.0, &message)?;
        room.sender(&message).await?;
        Verdict::reply(&Here { here: room.here() })
    }
}

impl Say {
    pub(crate) const fn new(rooms: Rooms) -> Self {
        Self(rooms)
    }
}

impl Handler for Say {
    async fn handle(&self, message: ClientMessage) -> Result<Verdict, Failure> {
        let Ok(Saying { text }) = message.parse() else { return Ok(Verdict::Pass) };
        let room = room(&self.0, &message)?;
        let from = room.sender(&message).await?;
        let text = text.trim().to_owned();
        if text.is_empty() || text.chars().count() > TEXT {
            return Err(Failure::for_people(format!("A message has 1 to {TEXT} characters.")));
        }
        let at = now();
        let Some(to) = message.recipient() else {
            room.stream().publish(&Told::Said { from, text, at }).await?;
            return Verdict::accept();
        };
        // By name, as nobody knows the keys of others.
        let to = to.as_str().to_owned();
        let gone = || Failure::for_people(format!("{to} is not here."));
        let id = room.find(&to).ok_or_else(gone)?;
        let whisper = Told::Whispered { from, to: to.clone(), text, at };
        match room.stream().send_to(&id, &whisper) {
            Ok(_) => Verdict::reply(&whisper),
            Err(SendError::NoClient(_)) => Err(gone()),
            Err(SendError::Full { .. }) => {
                Err(Failure::for_people(format!("Too much waits for {to} already.")))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The last one: what nobody else has taken would be delivered as it is, and look like the server's word.
pub(crate) async fn refuse(_: ClientMessage) -> Result<Verdict, Failure> {
    Err(Failure::for_people("That is no message of this chat."))
}

fn room<'r>(rooms: &'r Rooms, message: &ClientMessage) -> Result<&'r Room, Failure> {
    rooms.get(message.stream().name()).ok_or_else(|| Failure::for_people("There is no such room."))
}
