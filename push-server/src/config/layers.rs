//! The layers of the settings, each over the one before: defaults, file, environment, options.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use super::file;
use super::keys::{KEYS, Key, key};
use super::problem::{Place, Problem};
use super::settings::Settings;
use super::streams;
use super::value::Found;

/// What every variable of the environment begins with that is ours.
const PREFIX: &str = "PUSH_SERVER_";

/// The variable that names the file of settings.
pub(crate) const CONFIG: &str = "PUSH_SERVER_CONFIG";

/// Variables that a container platform sets for a service called `push-server`: passed over. (Kubernetes: "environment
/// variables" of its documentation of services; `PUSH_SERVER_PORT_80_TCP_ADDR` and the like are those of Docker's links.)
const PLATFORM: [&str; 3] = ["PUSH_SERVER_SERVICE_HOST", "PUSH_SERVER_SERVICE_PORT", "PUSH_SERVER_PORT"];

/// One key as an option gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Override {
    /// The option as it is written.
    pub(crate) option: String,
    pub(crate) key: String,
    pub(crate) found: Found,
}

/// What was written for a key, and where.
#[derive(Debug)]
pub(super) struct Entry<T: 'static = Settings> {
    pub(super) key: &'static Key<T>,
    pub(super) place: Option<Place>,
    pub(super) found: Found,
}

/// Where settings come from. Kept, so that a reload reads them again: the file may say something else by then.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    pub(crate) file: Option<PathBuf>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) options: Vec<Override>,
}

impl Layers {
    /// With the environment of this process, which may also name the file.
    pub(crate) fn of_process(file: Option<PathBuf>, options: Vec<Override>) -> Self {
        let is_ours =
            |(name, _): &(OsString, OsString)| name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
        let environment: Vec<_> = std::env::vars_os().filter(is_ours).collect();
        let named = environment.iter().find(|(name, _)| name == CONFIG).map(|(_, path)| PathBuf::from(path));
        Self { file: file.or(named), environment, options }
    }

    /// Reads them all.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them.
    pub(crate) fn load(&self) -> Result<Settings, Vec<Problem>> {
        let file::Content { mut entries, sections, mut problems } =
            self.file.as_deref().map(file::read).unwrap_or_default();
        let (variables, wrong) = self.variables();
        entries.extend(variables);
        problems.extend(wrong);
        for Override { option, key: name, found } in &self.options {
            let place = Some(Place::Option(option.clone()));
            match key(name) {
                Some(key) => entries.push(Entry { key, place, found: found.clone() }),
                None => problems.push(unknown_key(name, place)),
            }
        }
        let mut settings = Settings::default();
        let mut places = HashMap::new();
        for Entry { key, place, found } in entries {
            match key.kind.read(&found) {
                Ok(value) => {
                    key.set(&mut settings, value);
                    places.insert(key.name, place);
                }
                Err(wrong) => problems.push(Problem { place, key: Some(key.name.to_owned()), what: wrong.0 }),
            }
        }
        settings.streams = streams::build(sections, &mut problems);
        if problems.is_empty() {
            problems.extend(settings.contradictions().into_iter().map(|(keys, what)| {
                let given = keys.iter().find_map(|key| Some((*key, places.get(key)?.clone())));
                let (key, place) = given.map_or((keys[0], None), |(key, place)| (key, place));
                Problem { place, key: Some(key.to_owned()), what }
            }));
        }
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }

    fn variables(&self) -> (Vec<Entry>, Vec<Problem>) {
        let (mut entries, mut problems) = (Vec::new(), Vec::new());
        for (name, value) in &self.environment {
            let shown = name.to_string_lossy().into_owned();
            if name == CONFIG {
                continue;
            }
            let place = Some(Place::Environment(shown.clone()));
            match (KEYS.iter().find(|key| key.variable() == shown), value.to_str()) {
                (None, _) if is_of_platform(name) => {}
                (None, _) => problems.push(unknown_variable(&shown, place)),
                (Some(key), None) => {
                    let what = "the value is not UTF-8".to_owned();
                    problems.push(Problem { place, key: Some(key.name.to_owned()), what });
                }
                (Some(key), Some(value)) => {
                    entries.push(Entry { key, place, found: Found::Word(value.to_owned()) });
                }
            }
        }
        (entries, problems)
    }
}

/// Not what begins so by mistake: keys of the section `port` do.
fn is_of_platform(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    let [host, service, port] = PLATFORM;
    let is_port = |rest: &str| {
        rest.is_empty() || rest.strip_prefix('_').is_some_and(|rest| rest.starts_with(char::is_numeric))
    };
    name == host
        || name.strip_prefix(service).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        || name.strip_prefix(port).is_some_and(is_port)
}

/// The name that was probably meant.
pub(super) fn nearest(name: &str, names: impl Iterator<Item = String>) -> String {
    // Of a stranger's length.
    let name: String = name.chars().take(80).collect();
    let by_likeness = names.map(|known| (strsim::jaro_winkler(&name, &known), known));
    let best =
        by_likeness.max_by(|one, other| one.0.total_cmp(&other.0)).filter(|(likeness, _)| *likeness > 0.8);
    best.map_or_else(
        || "--print-config prints them all".to_owned(),
        |(_, known)| format!("did you mean {known}?"),
    )
}

pub(super) fn unknown_key(name: &str, place: Option<Place>) -> Problem {
    if name == "streams" || name.starts_with("streams.") {
        let what = "single streams have sections of their own in a file, [[streams]]; see --print-config";
        return Problem { place, key: None, what: what.to_owned() };
    }
    // Its last part may be right, in another section.
    let last = name.rsplit('.').next().unwrap_or(name);
    let same = KEYS.iter().find(|key| key.name.rsplit('.').next() == Some(last));
    let meant = match same {
        Some(key) => format!("did you mean {}?", key.name),
        None => nearest(name, KEYS.iter().map(|key| key.name.to_owned())),
    };
    let shown: String = name.chars().take(80).collect();
    Problem { place, key: None, what: format!("there is no key {shown:?}; {meant}") }
}

fn unknown_variable(name: &str, place: Option<Place>) -> Problem {
    let meant = nearest(name, KEYS.iter().map(Key::variable));
    Problem { place, key: None, what: format!("there is no such variable; {meant}") }
}

#[cfg(test)]
mod tests;
