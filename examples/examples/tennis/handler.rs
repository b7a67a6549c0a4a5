//! What players send: the framework's `TennisMessageHandler`.

use push_server::messages::{ClientMessage, Failure, Handler, Verdict};
use serde::{Deserialize, Serialize};

use super::court::{Cannot, Court};
use super::game::{Side, Why};

/// The stream on which games are created and joined.
pub(crate) const LOBBY: &str = "lobby";
/// Shortest client id of a player. Nobody else is told it, and it is not to be guessed: whoever knows it plays for them.
pub(crate) const PLAYER: usize = 16;

pub(crate) struct TennisMessageHandler {
    court: Court,
}

/// `"new"` and `{"join":"ABCDEFG"}` in the lobby; `{"pad":-1}` and `"quit"` on the stream of a game.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Asked {
    New,
    Join(String),
    /// The key that is held: -1 up, 1 down, 0 none. Said again once a second, so that the game knows who is there.
    Pad(i8),
    Quit,
}

#[derive(Serialize)]
struct Playing {
    game: String,
    side: Side,
}

impl TennisMessageHandler {
    pub(crate) const fn new(court: Court) -> Self {
        Self { court }
    }
}

impl Handler for TennisMessageHandler {
    async fn handle(&self, message: ClientMessage) -> Result<Verdict, Failure> {
        let Ok(asked) = message.parse() else {
            return Err(Failure::for_people("That is no message of this game."));
        };
        let (stream, sender) = (message.stream().name(), message.sender());
        let playing = |playing: Result<(String, Side), Cannot>| {
            let (game, side) = playing.map_err(Failure::for_people)?;
            Verdict::reply(&Playing { game, side })
        };
        let player = || {
            let player = sender.filter(|id| id.as_str().len() >= PLAYER);
            player.ok_or_else(|| Failure::for_people("Who are you?"))
        };
        match (asked, stream.as_str() == LOBBY) {
            (Asked::New, true) => playing(self.court.create(player()?).map(|game| (game, Side::Left))),
            (Asked::Join(game), true) => playing(self.court.join(&game, player()?).map(|side| (game, side))),
            (Asked::Pad(key), false) => {
                let heard = self.court.with_player(stream, sender, |game, side| game.hear(side, key));
                heard.map_err(Failure::for_people)?;
                Verdict::accept()
            }
            (Asked::Quit, false) => {
                let quit = self.court.with_player(stream, sender, |game, side| game.end(side, Why::Quit));
                quit.map_err(Failure::for_people)?;
                Verdict::accept()
            }
            _ => Err(Failure::for_people("Not here.")),
        }
    }
}
