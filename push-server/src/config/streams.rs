//! `[[streams]]`: what is said of single streams. The first section whose name fits a stream counts for it, and no other.

use std::time::Duration;

use push_server::guard::StreamPattern;

use super::file::Section;
use super::keys::{Field, Key, PATH, RATE, When};
use super::layers::nearest;
use super::problem::{Place, Problem};
use super::value::{Form, Kind};

/// What the sections are called in a file.
pub(super) const SECTION: &str = "streams";

/// Sections of streams. A request looks through them one after the other.
const MOST: usize = 1_000;

/// What they are, for people.
pub(super) const HELP: &str = "Single streams: a section for each name, as many as there are, in the file alone. The \
                               first whose name fits counts for a stream, and no other; what it does not say is as above.";

/// One section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StreamSection {
    pub(crate) name: String,
    /// Digests.
    pub(crate) subscribe_tokens: Vec<String>,
    pub(crate) subscribe_token_file: String,
    pub(crate) publishes: Option<u32>,
    pub(crate) publishes_burst: Option<u32>,
    pub(crate) overflow: Option<String>,
    pub(crate) log_messages: Option<usize>,
    pub(crate) log_bytes: Option<usize>,
    pub(crate) log_age: Option<Duration>,
    pub(crate) lag_messages: Option<u64>,
    pub(crate) lag_bytes: Option<u64>,
    pub(crate) lag_age: Option<Duration>,
    pub(crate) client_linger: Option<Duration>,
}

/// Declares the keys: `field: kind, help;`.
macro_rules! keys {
    ($($field:ident: $kind:expr, $help:literal;)*) => {
        /// The keys of a section.
        pub(crate) const STREAM_KEYS: &[Key<StreamSection>] = &[$(Key {
            name: concat!("streams.", stringify!($field)),
            kind: $kind,
            when: When::Reload,
            help: $help,
            get: |section| Field::value(&section.$field),
            set: |section, value| Field::put(&mut section.$field, value),
        },)*];
    };
}

const NAME: Kind = Kind::Text(Form {
    expected: "the name of a stream, such as \"news\", or the beginning of several, such as \"chat-*\"",
    check: |text| text.parse::<StreamPattern>().map(drop).map_err(|error| error.to_string()),
});
const OVERFLOW: Kind = Kind::Choice(&["disconnect", "drop-oldest", "latest"]);

keys! {
    name: NAME, "Which streams: a name, or the beginning of several and *.";
    subscribe_tokens: Kind::Tokens, "Who reads the stream gives one of these; none: nobody is asked. A token, or sha256: and its digest.";
    subscribe_token_file: PATH, "More of them, a line each, in a file that only this server reads; read again at each reload.";
    publishes: RATE, "Messages a second that are published to it, instead of rates.stream_publishes; 0 is no limit.";
    publishes_burst: RATE, "So many at once, instead of rates.stream_publishes_burst.";
    overflow: OVERFLOW, "What becomes of a reader that is too slow: it is cut and comes back (disconnect, the default), loses the oldest messages (drop-oldest), or always gets the newest (latest). This and what follows counts when the stream is opened.";
    log_messages: Kind::from(1), "As limits.log_messages.";
    log_bytes: Kind::bytes(1), "As limits.log_bytes.";
    log_age: Kind::time(100), "As limits.log_age.";
    lag_messages: Kind::from(1), "As limits.lag_messages.";
    lag_bytes: Kind::bytes(1), "As limits.lag_bytes.";
    lag_age: Kind::time(100), "As limits.lag_age.";
    client_linger: Kind::time(0), "As limits.client_linger.";
}

/// The key of this name within a section.
pub(super) fn key(short: &str) -> Option<&'static Key<StreamSection>> {
    STREAM_KEYS.iter().find(|key| key.short() == short)
}

pub(super) fn unknown_key(short: &str, place: Option<Place>) -> Problem {
    let meant = nearest(short, STREAM_KEYS.iter().map(|key| key.short().to_owned()));
    let shown: String = short.chars().take(80).collect();
    Problem { place, key: None, what: format!("there is no key {shown:?} in [[streams]]; {meant}") }
}

/// What the sections say. Tells what is wrong with them.
pub(super) fn build(sections: Vec<Section>, problems: &mut Vec<Problem>) -> Vec<StreamSection> {
    let problem = |place: Option<Place>, key: Option<&str>, what: String| Problem {
        place,
        key: key.map(ToOwned::to_owned),
        what,
    };
    if let Some(one_more) = sections.get(MOST) {
        let what = format!("there are {} sections [[streams]]; expected {MOST} at most", sections.len());
        problems.push(problem(one_more.place.clone(), None, what));
    }
    let mut built: Vec<(StreamSection, Option<StreamPattern>)> = Vec::new();
    for Section { place, entries } in sections.into_iter().take(MOST) {
        let (mut section, mut has_name) = (StreamSection::default(), false);
        for entry in entries {
            has_name |= entry.key.short() == "name";
            match entry.key.kind.read(&entry.found) {
                Ok(value) => entry.key.set(&mut section, value),
                Err(wrong) => problems.push(problem(entry.place, Some(entry.key.name), wrong.0)),
            }
        }
        let pattern: Option<StreamPattern> = section.name.parse().ok();
        if !has_name {
            let what = "the section has no name; give one, such as name = \"news\" or name = \"chat-*\"";
            problems.push(problem(place, Some("streams.name"), what.to_owned()));
        } else if let Some(pattern) = &pattern
            && let Some((first, _)) =
                built.iter().find(|(_, first)| first.as_ref().is_some_and(|first| first.covers(pattern)))
        {
            let what = format!(
                "{:?} never counts, as {:?} stands before it and fits the same streams; put it before, or take it away",
                section.name, first.name
            );
            problems.push(problem(place, Some("streams.name"), what));
        }
        built.push((section, pattern));
    }
    built.into_iter().map(|(section, _)| section).collect()
}
