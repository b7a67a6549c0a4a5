//! One room: its stream, and who is there by which name.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use push_server::hub::PresenceEvent;
use push_server::messages::{ClientMessage, Failure};
use push_server::{ClientId, Stream, StreamName};
use serde::Serialize;

use super::person::name_of;

/// Names that a room has at most: each coming and going tells all of them.
pub(crate) const PEOPLE: usize = 100;

/// The rooms by the names of their streams.
pub(crate) type Rooms = HashMap<StreamName, Room>;

/// A room; clones are the same one.
#[derive(Clone)]
pub(crate) struct Room {
    stream: Stream,
    /// The first who comes by a name has it, until they leave.
    people: Arc<Mutex<BTreeMap<String, ClientId>>>,
}

/// What a room tells its people. All of it is text: pages show it as such.
#[derive(Serialize)]
#[serde(rename_all = "lowercase", tag = "what")]
pub(crate) enum Told {
    /// Somebody came or went, and this is who is there now.
    Came {
        name: String,
        here: Vec<String>,
        at: u64,
    },
    Left {
        name: String,
        here: Vec<String>,
        at: u64,
    },
    /// To everybody.
    Said {
        from: String,
        text: String,
        at: u64,
    },
    /// To one, and to the one who has said it.
    Whispered {
        from: String,
        to: String,
        text: String,
        at: u64,
    },
}

/// Milliseconds since 1970, as scripts count.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

impl Room {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, people: Arc::default() }
    }

    pub(crate) const fn stream(&self) -> &Stream {
        &self.stream
    }

    fn people(&self) -> MutexGuard<'_, BTreeMap<String, ClientId>> {
        self.people.lock().expect("nobody panics with it")
    }

    /// The names, in alphabetical order.
    pub(crate) fn here(&self) -> Vec<String> {
        self.people().keys().cloned().collect()
    }

    /// Who has this name.
    pub(crate) fn find(&self, name: &str) -> Option<ClientId> {
        self.people().get(name).cloned()
    }

    /// The name of whoever has sent `message`, if it is theirs.
    pub(crate) async fn sender(&self, message: &ClientMessage) -> Result<String, Failure> {
        let named = message.sender().and_then(|id| Some((id, name_of(id)?)));
        let Some((id, name)) = named else {
            return Err(Failure::for_people("A name is 1 to 20 letters, digits, “-” and “_”."));
        };
        if self.find(name).is_none() && self.stream.clients().contains(id) {
            // Faster than the news of their coming.
            self.come(id).await;
        }
        match self.find(name) {
            Some(holder) if holder == *id => Ok(name.to_owned()),
            Some(_) => Err(Failure::for_people(format!("Somebody else here is called {name}."))),
            None if self.people().len() >= PEOPLE => Err(Failure::for_people("The room is full.")),
            None => Err(Failure::for_people("You are not in this room.")),
        }
    }

    /// Tells the room who comes and goes, until the stream ends.
    pub(crate) async fn watch(self) {
        loop {
            let mut presence = self.stream.presence();
            // Those that have come or gone while nobody watched.
            let gone: Vec<_> =
                self.people().values().filter(|id| !presence.present().contains(id)).cloned().collect();
            for id in &gone {
                self.leave(id).await;
            }
            for id in presence.present() {
                self.come(id).await;
            }
            loop {
                match presence.next().await {
                    Ok(Some(PresenceEvent::Joined(id))) => self.come(&id).await,
                    Ok(Some(PresenceEvent::Left(id))) => self.leave(&id).await,
                    Ok(Some(_)) => {}
                    Ok(None) => return,
                    Err(_) => break,
                }
            }
        }
    }

    async fn come(&self, id: &ClientId) {
        let Some(name) = name_of(id).map(str::to_owned) else { return };
        {
            let mut people = self.people();
            if people.len() >= PEOPLE || people.contains_key(&name) {
                return;
            }
            people.insert(name.clone(), id.clone());
        }
        self.tell(&Told::Came { name, here: self.here(), at: now() }).await;
    }

    async fn leave(&self, id: &ClientId) {
        let Some(name) = name_of(id).map(str::to_owned) else { return };
        if self.find(&name).as_ref() != Some(id) {
            return;
        }
        self.people().remove(&name);
        self.tell(&Told::Left { name, here: self.here(), at: now() }).await;
        // Whoever has waited for this name, or for room.
        for id in self.stream.clients() {
            self.come(&id).await;
        }
    }

    async fn tell(&self, told: &Told) {
        // The stream has ended: nobody is there to be told.
        let _ = self.stream.publish(told).await;
    }
}
