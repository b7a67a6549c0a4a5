//! The layers over each other, and everything that is told about what is wrong.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::config::print::{print, table};
use crate::config::value::{Kind, Value};
use proptest::prelude::*;

/// A file of settings that is removed in the end.
struct File(tempfile::NamedTempFile);

impl File {
    fn new(text: impl AsRef<[u8]>) -> Self {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Self(file)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn layers(&self) -> Layers {
        Layers { file: Some(self.path().to_owned()), ..Layers::default() }
    }

    /// What is told, without the name of the file.
    fn problems(&self) -> Vec<String> {
        let name = self.path().display().to_string();
        let problems = self.layers().load().unwrap_err();
        problems.iter().map(|problem| problem.to_string().replace(&name, "FILE")).collect()
    }
}

fn option(key: &str, word: &str) -> Override {
    Override { option: format!("--set {key}"), key: key.to_owned(), found: Found::Word(word.to_owned()) }
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

#[test]
fn options_are_over_the_environment_over_the_file_over_defaults() {
    let file = File::new("[limits]\nstall = '1s'\nheartbeat = '1s'\nws_close = '1s'\n");
    let layers = Layers {
        environment: variables(&[
            ("PUSH_SERVER_LIMITS_HEARTBEAT", "2s"),
            ("PUSH_SERVER_LIMITS_WS_CLOSE", "2s"),
        ]),
        options: vec![option("limits.ws_close", "3s")],
        ..file.layers()
    };
    let limits = layers.load().unwrap().limits;
    let seconds =
        [limits.lag_age, limits.stall, limits.heartbeat, limits.ws_close].map(|time| time.as_secs());
    assert_eq!(seconds, [60, 1, 2, 3]);
}

#[test]
fn lists_are_separated_by_commas_where_there_are_only_words() {
    let layers = Layers {
        environment: variables(&[
            ("PUSH_SERVER_LISTEN", "127.0.0.1:1, [::1]:2"),
            ("PUSH_SERVER_POLICY_ALLOW", ""),
        ]),
        ..Layers::default()
    };
    let settings = layers.load().unwrap();
    assert_eq!(settings.listen, ["127.0.0.1:1", "[::1]:2"]);
    assert!(settings.policy.allow.is_empty());
}

#[test]
fn an_empty_file_and_no_file_are_the_defaults() {
    let defaults = print(&Settings::default());
    assert_eq!(print(&File::new("").layers().load().unwrap()), defaults);
    assert_eq!(print(&Layers::default().load().unwrap()), defaults);
}

#[test]
fn everything_wrong_in_a_file_is_told_with_line_key_what_was_found_and_what_is_right() {
    let file = File::new(
        "listen = 8080\n\
         [limits]\n\
         stall = 30\n\
         log_byte = 4\n\
         log_bytes = \"4MB\"\n\
         bridges = -1\n\
         # comment\n\
         [access]\n\
         publishes = \"yes\"\n\
         origins = [\"https://a.example/\", 3]\n\
         [acess]\n\
         opens = true\n\
         [log]\n\
         format = \"xml\"\n\
         stall = \"3s\"\n\
         filter = \"push=loud\"\n",
    );
    let problems = file.problems();
    let expected = [
        "FILE, line 1: listen: found the number 8080; expected a list [\"…\", \"…\"], each an address, such as",
        "FILE, line 3: limits.stall: found the number 30; expected a time of 100ms at least with its unit, such as \"30s\"",
        "FILE, line 4: there is no key \"limits.log_byte\"; did you mean limits.log_bytes?",
        "FILE, line 5: limits.log_bytes: found the text \"4MB\"; expected a number of bytes from 1B on, such as \"64KiB\"",
        "FILE, line 6: limits.bridges: found the number -1; expected a number from 0 on",
        "FILE, line 9: access.publishes: found the text \"yes\"; expected true or false",
        "FILE, line 10: access.origins: found \"https://a.example/\": ",
        "FILE, line 11: there is no key \"acess\"; ",
        "FILE, line 14: log.format: found the text \"xml\"; expected one of \"text\" \"json\"",
        "FILE, line 15: there is no key \"log.stall\"; did you mean limits.stall?",
        "FILE, line 16: log.filter: found \"push=loud\": ",
    ];
    for expected in expected {
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected}\n{problems:#?}");
    }
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    for (text, line) in [
        (&b"threads = 1\nlisten = [\n"[..], 2..=3),
        (b"threads = 1\nthreads = 2\n", 2..=2),
        (b"threads = 1\n\xff\n", 2..=2),
        (b"threads\n", 1..=1),
        (b"\n\n[limits\n", 3..=3),
    ] {
        let problems = File::new(text).problems();
        let is_told = |line| problems[0].starts_with(&format!("FILE, line {line}: "));
        assert!(line.into_iter().any(is_told), "{problems:?}");
        assert!(problems.iter().all(|problem| !problem.contains('\n')), "{problems:?}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let layers = Layers { file: Some("/nowhere/push.toml".into()), ..Layers::default() };
    let problem = layers.load().unwrap_err()[0].to_string();
    assert!(problem.contains("/nowhere/push.toml") && problem.contains("--config FILE"), "{problem}");
    let long = File::new(vec![b'#'; usize::try_from(file::MOST_BYTES).unwrap() + 1]);
    assert!(long.problems()[0].contains("more than 1048576 bytes"));
    let deep = File::new(format!("listen = {}", "[".repeat(100_000)));
    assert!(!deep.problems().is_empty(), "neither depth nor size takes the stack");
}

#[test]
fn variables_that_are_wrong_are_told_and_those_of_a_container_platform_are_not() {
    let layers = Layers {
        environment: variables(&[
            ("PUSH_SERVER_LIMITS_STALL", "soon"),
            ("PUSH_SERVER_LIMIT_STALL", "1s"),
            ("PUSH_SERVER_SERVICE_HOST", "10.0.0.1"),
            ("PUSH_SERVER_PORT", "tcp://10.0.0.1:8080"),
            ("PUSH_SERVER_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("PUSH_SERVER_PORT_CONECTIONS", "1"),
        ]),
        options: vec![option("limits.stal", "1s")],
        ..Layers::default()
    };
    let problems: Vec<_> = layers.load().unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert!(problems[0].contains("did you mean PUSH_SERVER_LIMITS_STALL?"), "{problems:#?}");
    assert!(problems[1].contains("did you mean PUSH_SERVER_PORT_CONNECTIONS?"), "{problems:#?}");
    assert!(problems[2].contains("did you mean limits.stall?"), "{problems:#?}");
    assert!(problems[3].starts_with(
        "environment, \"PUSH_SERVER_LIMITS_STALL\": limits.stall: found \"soon\"; expected a time"
    ));
}

#[test]
fn keys_that_contradict_each_other_are_told_where_one_of_them_stands() {
    let file = File::new("\n[limits]\npoll_wait = \"2m\"\n");
    let expected = "FILE, line 3: limits.poll_wait: limits.poll_wait is more than limits.poll_longest_wait; \
                    make it less, or limits.poll_longest_wait more";
    assert_eq!(file.problems(), [expected]);
    let problems = File::new("[limits]\nbodies_in_all = '1KiB'\n").problems();
    assert!(
        problems[0].starts_with("FILE, line 2: limits.bodies_in_all: limits.message_bytes is more"),
        "{problems:?}"
    );
    let problems = File::new("[limits]\nbatch_bytes = '300MiB'\nbodies_in_all = '1GiB'\n").problems();
    assert!(problems[0].contains("limits.batch_bytes is more than limits.log_bytes_in_all"), "{problems:?}");
    assert!(File::new("listen = []").problems()[0].contains("no port to serve"));
    assert!(
        File::new("policy = {file = 'x', allow = ['a.com']}").problems()[0].contains("leave one of them out")
    );
}

#[test]
fn no_name_of_a_stranger_is_told_unescaped() {
    let problems = File::new("\"\\u001b[31m\" = 1\n").problems();
    assert!(!problems[0].contains('\u{1b}'), "{problems:?}");
}

/// What a file may hold that a key of this kind does not admit, and what is then said of it.
fn wrong_in_a_file(kind: Kind) -> Vec<(String, &'static str)> {
    let mut wrong: Vec<(String, &str)> = vec![
        ("1979-05-27".to_owned(), "found a date; expected "),
        ("{ a = 1 }".to_owned(), "found a table; expected "),
        ("0x1f".to_owned(), "found a number that is not decimal; expected "),
        ("nan".to_owned(), "found the number nan; expected "),
        ("-1".to_owned(), "found the number -1; expected "),
        ("1.5".to_owned(), "found the number 1.5; expected "),
        ("99999999999999999999".to_owned(), "found the number 99999999999999999999; expected "),
    ];
    let text = ("\"\\u001b[31m\"".to_owned(), "found the text \"\\u{1b}[31m\"; expected ");
    let of_text = ("\"\\u001b[31m\"".to_owned(), "found \"\\u{1b}[31m\"");
    let flag = ("true".to_owned(), "found the boolean true; expected ");
    let list = ("[1, 2]".to_owned(), "found a list of 2; expected ");
    let not = |number: u64| (number.to_string(), "; expected a number");
    match kind {
        Kind::Number { least, most } => {
            wrong.extend([text, flag, list]);
            wrong.extend(least.checked_sub(1).map(not));
            wrong.push(not(most + 1));
        }
        Kind::Bytes { least, most } => {
            wrong.extend([text, flag, list, ("\"4MB\"".to_owned(), "(B, KiB, MiB, GiB, TiB)")]);
            wrong.extend(least.checked_sub(1).map(not));
            wrong.push(not(most + 1));
        }
        Kind::Time { least, most } => {
            wrong.extend([text, flag, list, ("30".to_owned(), "with its unit, such as \"30s\"")]);
            let beyond = |time: Duration| (format!("\"{}ms\"", time.as_millis()), "; expected a time");
            wrong.extend(least.checked_sub(Duration::from_millis(1)).map(beyond));
            wrong.push(beyond(most + Duration::from_secs(1)));
        }
        Kind::Flag => wrong.extend([text, list, ("\"true\"".to_owned(), "expected true or false")]),
        Kind::Choice(_) => wrong.extend([text, flag, list]),
        Kind::Text(form) => {
            wrong.extend([flag, list]);
            // Any text is the path of a file.
            wrong.extend((form.check)("\u{1b}[31m").is_err().then_some(of_text));
        }
        Kind::List(_) => {
            wrong.extend([text, flag]);
            wrong.push(("[[]]".to_owned(), "found a list in the list; expected "));
            wrong.push(("[1]".to_owned(), "found the number 1 in the list; expected "));
            wrong.push(("[\"\\u001b[31m\"]".to_owned(), of_text.1));
        }
        Kind::Tokens => {
            wrong.extend([text, flag, list, ("[\"short\"]".to_owned(), "")]);
            // What was found may be a secret.
            wrong.iter_mut().for_each(|(_, says)| *says = "found no ");
        }
    }
    wrong
}

#[test]
fn every_key_refuses_what_it_does_not_admit_with_file_line_and_remedy() {
    let mut told = 0;
    for key in KEYS {
        for (value, says) in wrong_in_a_file(key.kind) {
            let (head, line) = match key.section() {
                "" => ("# a comment\n".to_owned(), 2),
                section => (format!("# a comment\n\n[{section}]\n"), 4),
            };
            let problems = File::new(format!("{head}{} = {value}\n", key.short())).problems();
            let place = format!("FILE, line {line}: {}: ", key.name);
            assert_eq!(problems.len(), 1, "{} = {value}: {problems:?}", key.name);
            let problem = &problems[0];
            assert!(
                problem.starts_with(&place) && problem.contains(says),
                "{} = {value}: {problem}",
                key.name
            );
            let remedy = if problem.contains("found no token") { "a token " } else { "expected " };
            assert!(problem.contains(remedy) && !problem.contains(char::is_control), "{problem}");
            told += 1;
        }
    }
    assert!(told > 10 * KEYS.len(), "{told}");
}

#[test]
fn every_key_refuses_the_same_words_by_the_environment_and_by_options() {
    for key in KEYS {
        for (value, _) in wrong_in_a_file(key.kind) {
            // In a file these are no words; words are texts without quotation marks, and lists without brackets.
            let Some(word) = value.strip_prefix('"').and_then(|word| word.strip_suffix('"')) else {
                continue;
            };
            let word = word.replace("\\u001b", "\u{1b}");
            if matches!(key.kind, Kind::Flag) && word == "true" {
                continue;
            }
            let variable = key.variable();
            for (layers, place) in [
                (
                    Layers { environment: variables(&[(&variable, &word)]), ..Layers::default() },
                    format!("environment, {variable:?}: {}: found ", key.name),
                ),
                (
                    Layers { options: vec![option(key.name, &word)], ..Layers::default() },
                    format!("--set {}: {}: found ", key.name, key.name),
                ),
            ] {
                let Err(problems) = layers.load() else { panic!("{place}{word:?} is admitted") };
                let problem = problems[0].to_string();
                let remedy = if problem.contains("found no token") { "a token " } else { "expected " };
                assert!(problem.starts_with(&place) && problem.contains(remedy), "{word:?}: {problem}");
                assert_eq!(problems.len(), 1, "{problems:?}");
            }
        }
    }
}

#[test]
fn every_key_is_set_by_the_file_the_environment_and_options() {
    for key in KEYS {
        let value = match (key.kind, other(key, 1)) {
            // The default is the most there may be.
            (Kind::Time { most, .. }, Value::Time(time)) if time > most => {
                Value::Time(most - Duration::from_secs(1))
            }
            (_, value) => value,
        };
        let written = key.kind.write(&value);
        let file = match key.section() {
            "" => format!("{} = {written}\n", key.short()),
            section => format!("[{section}]\n{} = {written}\n", key.short()),
        };
        let file = File::new(file);
        let word = match &value {
            Value::List(items) => items.join(","),
            Value::Text(text) => text.clone(),
            _ => written.trim_matches('"').to_owned(),
        };
        let variable = key.variable();
        for layers in [
            file.layers(),
            Layers { environment: variables(&[(&variable, &word)]), ..Layers::default() },
            Layers { options: vec![option(key.name, &word)], ..Layers::default() },
        ] {
            let read = layers.load().unwrap_or_else(|problems| panic!("{}: {problems:?}", key.name));
            assert_eq!(key.get(&read), value, "{} = {word}", key.name);
            // And no other.
            let mut read = read;
            key.set(&mut read, key.get(&Settings::default()));
            assert_eq!(print(&read), print(&Settings::default()), "{}", key.name);
        }
    }
}

/// One letter too few, too many, another, or two the wrong way round.
fn slips(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut slips = Vec::new();
    for at in 0..chars.len() {
        let part = |range: &[char]| range.iter().collect::<String>();
        let (before, after) = (part(&chars[..at]), part(&chars[at + 1..]));
        slips.extend([format!("{before}{after}"), format!("{before}{}{}{after}", chars[at], chars[at])]);
        slips.push(format!("{before}x{after}"));
        if let Some(next) = chars.get(at + 1) {
            slips.push(format!("{before}{next}{}{}", chars[at], part(&chars[at + 2..])));
        }
    }
    slips.retain(|slip| !slip.is_empty() && key(slip).is_none() && slip.chars().all(|c| c != '.'));
    slips
}

#[test]
fn a_slip_in_the_name_of_any_key_is_told_with_its_line_and_mostly_with_what_was_meant() {
    let (mut all, mut meant) = (0, 0);
    for key in KEYS {
        for slip in slips(key.short()) {
            let (section, line) = match key.section() {
                "" => (String::new(), 1),
                section => (format!("[{section}]\n"), 2),
            };
            let name = format!("{}{slip}", key.name.strip_suffix(key.short()).unwrap());
            if super::key(&name).is_some() {
                continue;
            }
            let problems = File::new(format!("{section}{slip} = 1\n")).problems();
            assert_eq!(problems.len(), 1, "{name}: {problems:?}");
            let start = format!("FILE, line {line}: there is no key {name:?}; ");
            assert!(problems[0].starts_with(&start), "{name}: {}", problems[0]);
            all += 1;
            meant += usize::from(problems[0].ends_with(&format!("did you mean {}?", key.name)));
        }
    }
    // The rest is nearer to another key, or as near.
    assert!(meant * 100 >= all * 95, "{meant} of {all}");
}

/// Values that a key admits, other than its default.
fn other(key: &Key, by: u64) -> Value {
    match (key.kind, key.get(&Settings::default())) {
        (_, Value::Unset) => Value::Unset,
        (_, Value::Number(n)) => Value::Number(n + by),
        (_, Value::Time(time)) => Value::Time(time + Duration::from_millis(by)),
        (_, Value::Flag(flag)) => Value::Flag(!flag),
        (Kind::Choice(choices), _) => Value::Text(choices[choices.len() - 1].to_owned()),
        (_, Value::Text(_)) if key.name == "log.filter" => Value::Text("push_server=debug,info".to_owned()),
        (_, Value::Text(_)) => Value::Text("a \"file\" \\ of Ä".to_owned()),
        (_, Value::List(_)) => Value::List(match key.short() {
            "listen" => vec!["[::1]:80".to_owned(), "fd:http".to_owned()],
            "origins" => vec!["https://a.example".to_owned()],
            "proxies" => vec!["10.0.0.0/8".to_owned()],
            "publish_tokens" | "send_tokens" => {
                vec![push_server::guard::Token::new("a-token-to-be-printed").unwrap().to_string()]
            }
            _ => Vec::new(),
        }),
    }
}

proptest! {
    /// Whatever a file holds: it is read or told, a line for each problem, with nothing in it that moves a terminal.
    #[test]
    fn no_file_panics_or_is_told_in_anything_but_lines(
        pieces in proptest::collection::vec(
            prop_oneof![
                proptest::sample::select(&[
                    "limits", "[", "]", " = ", "\n", "\"", ".stall", "30", "listen", "\u{1b}[31m", "{", "'''", "\\",
                ][..]).prop_map(ToOwned::to_owned),
                ".{0,3}",
            ],
            0..24,
        ),
    ) {
        if let Err(problems) = File::new(pieces.concat()).layers().load() {
            for problem in problems {
                let told = problem.to_string();
                prop_assert!(!told.contains(char::is_control), "{:?}", told);
            }
        }
    }

    /// What is printed starts the same server, whatever is set.
    #[test]
    fn a_printed_file_is_read_back_as_the_same_settings(
        which in proptest::collection::vec(any::<bool>(), KEYS.len()),
        by in 1..50_u64,
    ) {
        let mut settings = Settings::default();
        for (key, _) in KEYS.iter().zip(which).filter(|(_, is_set)| *is_set) {
            key.set(&mut settings, other(key, by));
        }
        // Grows with the wait.
        settings.limits.poll_longest_wait = settings.limits.poll_longest_wait.max(settings.limits.poll_wait);
        settings.limits.rotate_longest = settings.limits.rotate_longest.min(Duration::from_secs(86_400));
        let text = print(&settings);
        let read = File::new(&text).layers().load().map_err(|problems| format!("{problems:#?}")).unwrap();
        for key in KEYS {
            prop_assert_eq!(key.get(&read), key.get(&settings), "{}", key.name);
        }
        prop_assert_eq!(print(&read), text);
    }
}

/// To mend it: `cargo test -p push-server table_in_the_readme`, and put what it prints into the README.
#[test]
fn the_table_in_the_readme_is_that_of_the_keys() {
    let readme = include_str!("../../../README.md").replace("\r\n", "\n");
    let table = table();
    assert!(readme.contains(&table), "the README's table of keys differs; this is right:\n{table}");
}

#[test]
fn the_process_names_its_file_by_a_variable_or_an_option() {
    let layers = Layers::of_process(Some(PathBuf::from("x.toml")), Vec::new());
    assert_eq!(layers.file.as_deref(), Some(Path::new("x.toml")));
}

/// To mend it: `cargo test -p push-server table_in_the_readme`, and put what it prints into the README.
#[test]
fn the_table_in_the_readme_of_single_streams_is_that_of_their_keys() {
    let readme = include_str!("../../../README.md").replace("\r\n", "\n");
    let table = crate::config::print::stream_table();
    assert!(readme.contains(&table), "the README's table of [[streams]] differs; this is right:\n{table}");
}

#[test]
fn sections_of_streams_are_read_in_their_order_and_printed_as_they_are_read() {
    let file = File::new(
        "[[streams]]\nname = \"payroll-*\"\nsubscribe_tokens = [\"abcdefghijklmnop\"]\npublishes = 5\n\
         [limits]\nstall = \"7s\"\n\
         [[streams]]\nname = \"ticks\"\noverflow = \"latest\"\nlog_bytes = \"64KiB\"\nlag_age = \"3s\"\n\
         [[streams]]\nname = \"*\"\n",
    );
    let settings = file.layers().load().unwrap();
    let names: Vec<_> = settings.streams.iter().map(|section| section.name.as_str()).collect();
    assert_eq!(names, ["payroll-*", "ticks", "*"]);
    assert_eq!((settings.streams[0].publishes, settings.streams[0].publishes_burst), (Some(5), None));
    assert_eq!(settings.streams[1].log_bytes, Some(64 << 10));
    let text = print(&settings);
    assert!(!text.contains("abcdefghijklmnop") && text.contains("subscribe_tokens = [\"sha256:f39dac6c"));
    let read = File::new(&text).layers().load().map_err(|problems| format!("{problems:#?}")).unwrap();
    assert_eq!((read.streams, read.limits.stall), (settings.streams, Duration::from_secs(7)));
}

#[test]
fn what_is_wrong_with_a_section_of_a_stream_is_told_with_its_line() {
    let file = File::new(
        "[[streams]]\n\
         name = \"a b\"\n\
         log_byte = 3\n\
         overflow = \"never\"\n\
         [[streams]]\n\
         publishes = -1\n\
         [[streams]]\n\
         name = \"chat-*\"\n\
         log_age = 5\n\
         [[streams]]\n\
         name = \"chat-1\"\n\
         subscribe_tokens = [\"hunter2\"]\n",
    );
    let problems = file.problems();
    let expected = [
        "FILE, line 2: streams.name: found \"a b\": a pattern is the name of a stream",
        "FILE, line 3: there is no key \"log_byte\" in [[streams]]; did you mean log_bytes?",
        "FILE, line 4: streams.overflow: found the text \"never\"; expected one of \"disconnect\"",
        "FILE, line 5: streams.name: the section has no name",
        "FILE, line 6: streams.publishes: found the number -1; expected a number from 0 to 4294967295",
        "FILE, line 9: streams.log_age: found the number 5; expected a time of 100ms at least",
        "FILE, line 10: streams.name: \"chat-1\" never counts, as \"chat-*\" stands before it",
        "FILE, line 12: streams.subscribe_tokens: found no token: a token has 16 to 512 characters",
    ];
    for expected in expected {
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected}\n{problems:#?}");
    }
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    assert!(problems.iter().all(|problem| !problem.contains("hunter2")));
    for wrong in
        ["streams = 3", "[streams]\nname = \"a\"", "streams = [1]", "[limits]\n[streams.a]\nname = \"a\""]
    {
        let problems = File::new(wrong).problems();
        assert!(problems.len() == 1 && problems[0].contains("[[streams]]"), "{wrong}: {problems:?}");
    }
    let many = File::new("[[streams]]\nname = \"a\"\n".repeat(1_001));
    assert!(many.problems()[0].contains("1000 at most"));
    let layers = Layers { options: vec![option("streams.name", "a")], ..Layers::default() };
    assert!(layers.load().unwrap_err()[0].to_string().contains("[[streams]]"));
}
