//! The rules of the guard, from the settings and from files of tokens.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use push_server::guard::{
    ForwardedBy, Proxies, Rate, Rates, Rules, Senders, StreamRule, Token, Tokens, TooManyTokens,
};
use push_server::{Limits, Overflow, StreamConfig};

use crate::config::{Settings, StreamSection};

/// Bytes of a file of tokens.
const FILE_BYTES: u64 = 256 << 10;

/// Makes the rules.
///
/// # Errors
///
/// A line for each thing that is wrong. It says no token.
pub(crate) fn load(settings: &Settings) -> Result<Rules, Vec<String>> {
    let mut problems = Vec::new();
    let mut tell = |key: &str, result: Result<Tokens, String>| {
        result.unwrap_or_else(|what| {
            problems.push(format!("{key}: {what}"));
            Tokens::default()
        })
    };
    let access = &settings.access;
    let mut rules = Rules::default();
    rules.publish =
        tell("access.publish_token_file", tokens(&access.publish_tokens, &access.publish_token_file));
    rules.send = tell("access.send_token_file", tokens(&access.send_tokens, &access.send_token_file));
    // Beside the routes: WebSockets that are open have theirs behind them.
    rules.senders = match (access.sends, access.anybody_sends) {
        (false, _) => Senders::Nobody,
        (true, false) => Senders::Permitted,
        (true, true) => Senders::Anybody,
    };
    for section in &settings.streams {
        // What a name may be was looked at when it was read.
        let Ok(name) = section.name.parse() else { continue };
        let mut rule = StreamRule::new(name);
        let key = format!("[[streams]] {:?}, subscribe_token_file", section.name);
        rule.subscribe = tell(&key, tokens(&section.subscribe_tokens, &section.subscribe_token_file));
        let common = Rate::new(settings.rates.stream_publishes, settings.rates.stream_publishes_burst);
        if section.publishes.is_some() || section.publishes_burst.is_some() {
            rule.publishes = Some(Rate::new(
                section.publishes.unwrap_or(common.per_second),
                section.publishes_burst.unwrap_or(common.burst),
            ));
        }
        rule.config = config(section, &settings.limits);
        rules.streams.push(rule);
    }
    rules.rates = rates(settings);
    let by = match &*access.proxies_say {
        "forwarded" => ForwardedBy::Forwarded,
        _ => ForwardedBy::XForwardedFor,
    };
    match Proxies::new(access.proxies.iter().map(String::as_str), by) {
        Ok(proxies) => rules.proxies = proxies,
        Err(problem) => problems.push(format!("access.proxies: {problem}")),
    }
    if problems.is_empty() { Ok(rules) } else { Err(problems) }
}

/// What is allowed and hardly meant: said at a start and at a reload.
pub(crate) fn doubt(settings: &Settings, rules: &Rules) -> Option<&'static str> {
    let (access, asks) = (&settings.access, |tokens: &Tokens| !tokens.is_empty());
    let is_read_with_one = rules.streams.iter().any(|rule| asks(&rule.subscribe));
    let publishes = access.publishes && !asks(&rules.publish);
    let sends = access.sends && !asks(&rules.send) && (access.anybody_sends || !asks(&rules.publish));
    (is_read_with_one && (publishes || sends)).then_some(
        "streams are read with a token only, and everybody publishes or sends to them; set access.publish_tokens, or \
         access.publishes and access.sends to false",
    )
}

fn rates(settings: &Settings) -> Rates {
    let told = &settings.rates;
    let mut rates = Rates::default();
    rates.connects = Rate::new(told.connects, told.connects_burst);
    rates.publishes = Rate::new(told.publishes, told.publishes_burst);
    rates.stream_publishes = Rate::new(told.stream_publishes, told.stream_publishes_burst);
    rates.sends = Rate::new(told.sends, told.sends_burst);
    rates
}

/// Nothing where the section says nothing of it.
fn config(section: &StreamSection, limits: &Limits) -> Option<StreamConfig> {
    let common = StreamConfig::new(limits);
    let or = |time: Option<Duration>, common| time.unwrap_or(common);
    let config = common
        .clone()
        .history(
            section.log_messages.unwrap_or(common.log_messages),
            section.log_bytes.unwrap_or(common.log_bytes),
            or(section.log_age, common.log_age),
        )
        .lag(
            section.lag_messages.unwrap_or(common.lag_messages),
            section.lag_bytes.unwrap_or(common.lag_bytes),
            or(section.lag_age, common.lag_age),
        )
        .client_linger(or(section.client_linger, common.client_linger))
        .overflow(match section.overflow.as_deref() {
            Some("drop-oldest") => Overflow::DropOldest,
            Some("latest") => Overflow::Latest,
            _ => Overflow::Disconnect,
        });
    (config != common).then_some(config)
}

/// Those of the settings, and those of the file, if there is one.
fn tokens(digests: &[String], file: &str) -> Result<Tokens, String> {
    let mut tokens: Vec<Token> = digests.iter().filter_map(|digest| digest.parse().ok()).collect();
    if !file.is_empty() {
        tokens.extend(read(Path::new(file)).map_err(|problem| format!("{file}: {problem}"))?);
    }
    Tokens::new(tokens).map_err(|problem: TooManyTokens| problem.to_string())
}

/// A token, or its digest, on each line; empty lines and those that begin with `#` are passed over.
fn read(path: &Path) -> Result<Vec<Token>, String> {
    let text = bounded(path).map_err(|error| format!("cannot be read: {error}"))?;
    let text = String::from_utf8(text).map_err(|_| "it is not UTF-8; save it as UTF-8".to_owned())?;
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let token = |(at, line): (usize, &str)| line.parse().map_err(|problem| format!("line {at}: {problem}"));
    let tokens = lines.map(token).collect::<Result<Vec<_>, _>>()?;
    match tokens.is_empty() {
        // Else everybody would be let in, because a file was not written yet.
        true => Err("there is no token in it; write one on a line, or leave the key out".to_owned()),
        false => Ok(tokens),
    }
}

fn bounded(path: &Path) -> io::Result<Vec<u8>> {
    // Opening a pipe would wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not an ordinary file"));
    }
    let mut text = Vec::new();
    File::open(path)?.take(FILE_BYTES + 1).read_to_end(&mut text)?;
    match text.len() as u64 > FILE_BYTES {
        true => Err(io::Error::other(format!("it has more than {FILE_BYTES} bytes"))),
        false => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_file(text: &str) -> Result<usize, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        read(file.path()).map(|tokens| tokens.len())
    }

    #[test]
    fn a_file_has_a_token_on_each_line() {
        assert_eq!(of_file("# two\nabcdefghijklmnop\n\n  qrstuvwxyz012345  \r\n"), Ok(2));
        let digest = Token::new("abcdefghijklmnop").unwrap();
        assert_eq!(of_file(&format!("{digest}\n")), Ok(1));
        let problem = of_file("abcdefghijklmnop\n# comment\nhunter2\n").unwrap_err();
        assert!(problem.starts_with("line 3: ") && !problem.contains("hunter2"), "{problem}");
        for empty in ["", "\n# nothing yet\n"] {
            assert!(of_file(empty).unwrap_err().contains("no token in it"), "never everybody");
        }
        let long = "#".repeat(usize::try_from(FILE_BYTES).unwrap() + 1);
        assert!(of_file(&long).unwrap_err().contains("262144 bytes"));
        assert!(read(Path::new("/dev/null")).unwrap_err().contains("not an ordinary file"));
        assert!(read(Path::new("/nowhere")).unwrap_err().contains("cannot be read"));
    }

    #[test]
    fn a_stream_that_is_read_with_a_token_and_written_without_one_is_a_doubt() {
        const TOKEN: &str = "abcdefghijklmnop";
        let token = || vec![Token::new(TOKEN).unwrap().to_string()];
        let doubts = |change: &dyn Fn(&mut Settings)| {
            let section =
                StreamSection { name: "a".into(), subscribe_tokens: token(), ..StreamSection::default() };
            let mut settings = Settings { streams: vec![section], ..Settings::default() };
            change(&mut settings);
            doubt(&settings, &load(&settings).unwrap()).is_some()
        };
        assert!(doubts(&|_| {}));
        assert!(!doubts(&|settings| settings.streams.clear()));
        assert!(!doubts(&|settings| settings.access.publish_tokens = token()));
        assert!(doubts(&|settings| settings.access.send_tokens = token()));
        assert!(doubts(&|settings| settings.access.publishes = false));
        assert!(!doubts(&|settings| {
            (settings.access.publishes, settings.access.sends) = (false, false);
        }));
        assert!(doubts(&|settings| {
            settings.access.publish_tokens = token();
            settings.access.anybody_sends = true;
        }));
    }

    #[test]
    fn what_the_settings_say_is_what_the_rules_are() {
        let mut settings = Settings::default();
        assert_eq!(load(&settings).unwrap().rates, Rates::default());
        settings.rates.publishes = 7;
        settings.streams = vec![
            StreamSection { name: "a-*".to_owned(), publishes: Some(3), ..StreamSection::default() },
            StreamSection {
                name: "*".to_owned(),
                overflow: Some("latest".to_owned()),
                log_messages: Some(9),
                ..StreamSection::default()
            },
        ];
        let rules = load(&settings).unwrap();
        assert_eq!(rules.rates.publishes.per_second, 7);
        let of = |name: &str| rules.stream(name).unwrap();
        assert_eq!((of("a-1").publishes, &of("a-1").config), (Some(Rate::new(3, 5_000)), &None));
        let config = of("b").config.as_ref().unwrap();
        assert_eq!((config.overflow, config.log_messages, of("b").publishes), (Overflow::Latest, 9, None));
        assert_eq!(config.log_bytes, settings.limits.log_bytes);
        settings.access.publish_token_file = "/nowhere/tokens".to_owned();
        settings.streams[0].subscribe_token_file = "/nowhere/else".to_owned();
        let problems = load(&settings).unwrap_err();
        assert!(problems[0].starts_with("access.publish_token_file: /nowhere/tokens: "), "{problems:?}");
        assert!(problems[1].starts_with("[[streams]] \"a-*\", subscribe_token_file: "), "{problems:?}");
    }
}
