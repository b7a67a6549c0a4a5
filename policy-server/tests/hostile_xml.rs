//! Policy files nobody would write: thousands of damaged ones. Whatever is read must print to what reads the
//! same, and nothing may panic. The damage is the same in every run.

use policy_server::{
    ErrorKind, Origin, PolicyFile,
    policy::{MAX_FILE_SIZE, lint},
};

const SEEDS: [&str; 4] = [
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE cross-domain-policy SYSTEM \"x\">\n<cross-domain-policy>\n\
     <site-control permitted-cross-domain-policies=\"master-only\"/>\n<!-- c -->\n\
     <allow-access-from domain=\"*.example.com\" to-ports=\"80,8000-9000\" secure=\"true\"/>\n</cross-domain-policy>",
    "<cross-domain-policy><allow-access-from domain='&lt;&#65;&amp;' to-ports='*'></allow-access-from>\
     <allow-http-request-headers-from domain='*' headers='X-*'/></cross-domain-policy>",
    "<cross-domain-policy><a><b c='d'>&e;<![CDATA[x]]></b></a><?p i?><allow-access-from domain='[::1]'/>\
     </cross-domain-policy>",
    "<!DOCTYPE cross-domain-policy [<!ENTITY a 'b'>]><cross-domain-policy>&a;</cross-domain-policy>",
];

const PIECES: [&str; 16] = [
    "<",
    ">",
    "/>",
    "</",
    "&",
    ";",
    "\"",
    "'",
    "]]>",
    "<!--",
    "<!DOCTYPE",
    "<?xml",
    "&#0;",
    "\0",
    "\u{feff}",
    "é",
];

/// xorshift64: enough to choose damage.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }
}

fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) {
    let at = dice.below(bytes.len() + 1);
    let end = (at + dice.below(20)).min(bytes.len());
    match dice.below(5) {
        0 => drop(bytes.drain(at..end)),
        1 => drop(bytes.splice(at..at, PIECES[dice.below(PIECES.len())].bytes())),
        2 if at < bytes.len() => bytes[at] = u8::try_from(dice.below(256)).unwrap(),
        3 => {
            let copy = bytes[at..end].to_vec();
            let to = dice.below(bytes.len() + 1);
            drop(bytes.splice(to..to, copy));
        }
        _ => bytes.truncate(end),
    }
}

#[test]
fn damaged_files_are_read_or_refused_and_never_more() {
    let (mut dice, mut read, mut refused) = (Dice(0x9e37_79b9_7f4a_7c15), 0, 0);
    let origin: Origin = "https://www.example.com/a.swf".parse().unwrap();
    for round in 0..40_000 {
        let mut bytes = SEEDS[round % SEEDS.len()].as_bytes().to_vec();
        for _ in 0..=dice.below(4) {
            damage(&mut bytes, &mut dice);
        }
        let findings = lint(&bytes, &[843, 8080]);
        match PolicyFile::from_bytes(&bytes) {
            Ok(file) => {
                read += 1;
                let printed = file.to_string();
                assert_eq!(printed.parse().as_ref(), Ok(&file), "{}", bytes.escape_ascii());
                assert_eq!(file.to_wire().iter().filter(|b| **b == 0).count(), 1);
                assert!(file.to_url_policy().parse::<PolicyFile>().is_ok(), "{}", bytes.escape_ascii());
                let _ = file.may_connect(8080, &origin, 8080).to_string();
            }
            Err(e) => {
                refused += 1;
                let lines = u32::try_from(bytes.iter().filter(|b| **b == b'\n').count()).unwrap() + 1;
                assert!(e.line().is_some_and(|line| (1..=lines).contains(&line)), "{e}");
                assert_eq!(findings.len(), 1);
            }
        }
    }
    assert!(
        read > 1_000 && refused > 10_000,
        "the damage should do some harm: {read} read, {refused} refused"
    );
}

#[test]
fn wide_and_deep_files_up_to_the_limit_cost_little() {
    for unit in
        ["<a>", "<!--x-->", "<?p?>", "&lt;", "<a/>", "<allow-access-from domain='a.*'/>", "\n", "[", "<!"]
    {
        for head in
            ["", "<cross-domain-policy>", "<cross-domain-policy><a>", "<!DOCTYPE cross-domain-policy "]
        {
            let times = (MAX_FILE_SIZE - head.len()) / unit.len();
            let text = format!("{head}{}", unit.repeat(times));
            assert!(text.parse::<PolicyFile>().is_err(), "{head}{unit}...");
        }
    }
    let attributes: String = (0..1_900).map(|n| format!(" a{n}='x'")).collect();
    let text = format!("<cross-domain-policy><allow-access-from{attributes}/></cross-domain-policy>");
    let error = text.parse::<PolicyFile>().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::MissingAttribute { .. }), "{error}");
}
