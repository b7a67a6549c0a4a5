//! Payloads of the codec's benchmarks, the same for every codec.

use serde::{Deserialize, Serialize};

/// (a) The tutorial's object, with 50 characters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.AddString")]
pub struct AddString {
    /// A line of text.
    pub value: String,
}

/// (a), borrowed.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename = "example.AddString")]
pub struct AddStringRef<'a> {
    /// A line of text.
    pub value: &'a str,
}

/// (b) A stock tick of ten fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "example.Tick")]
#[expect(missing_docs, reason = "the names say it")]
pub struct Tick {
    pub symbol: String,
    pub exchange: String,
    pub time: i64,
    pub sequence: i64,
    pub price: f64,
    pub bid: f64,
    pub ask: f64,
    pub size: i32,
    pub volume: i32,
    pub halted: bool,
}

/// (b), borrowed.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename = "example.Tick")]
#[expect(missing_docs, reason = "the names say it")]
pub struct TickRef<'a> {
    pub symbol: &'a str,
    pub exchange: &'a str,
    pub time: i64,
    pub sequence: i64,
    pub price: f64,
    pub bid: f64,
    pub ask: f64,
    pub size: i32,
    pub volume: i32,
    pub halted: bool,
}

/// A small generator of numbers: the same payloads in every run.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// Starts at a seed that is not 0.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number (xorshift64*).
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound
    }
}

/// (a)
#[must_use]
pub fn add_string() -> AddString {
    AddString { value: "Lorem ipsum dolor sit amet, consectetur adipiscing".into() }
}

/// One (b); (c) is 1,000 of them. Prices are cents, every fourth has all its digits.
#[must_use]
pub fn tick(random: &mut Random) -> Tick {
    #[expect(clippy::cast_precision_loss, reason = "small numbers")]
    let mut price = || match random.below(4) {
        0 => 100.0 + random.below(1 << 40) as f64 / (1u64 << 35) as f64,
        _ => 0.01 * (5_000 + random.below(10_000)) as f64,
    };
    let (price, bid, ask) = (price(), price(), price());
    #[expect(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "small numbers")]
    Tick {
        symbol: ["ACME", "GLOBX", "INITE", "HOOLI"][random.below(4) as usize].into(),
        exchange: ["XNYS", "XNAS"][random.below(2) as usize].into(),
        time: 1_700_000_000_000 + random.below(1 << 30) as i64,
        sequence: random.below(1 << 20) as i64,
        price,
        bid,
        ask,
        size: random.below(5_000) as i32,
        volume: random.below(10_000_000) as i32,
        halted: random.below(50) == 0,
    }
}

/// (c)
#[must_use]
pub fn ticks() -> Vec<Tick> {
    let mut random = Random::new(7);
    (0..1000).map(|_| tick(&mut random)).collect()
}

/// (d) 1 MiB of text, two thirds ASCII words, one third CJK.
#[must_use]
pub fn text() -> String {
    let mut random = Random::new(11);
    let mut text = String::new();
    while text.len() < 1 << 20 {
        if random.below(6) == 0 {
            for _ in 0..8 + random.below(16) {
                text.push(char::from_u32(0x4e00 + random.below(0x5000) as u32).unwrap_or('語'));
            }
        } else {
            for _ in 0..2 + random.below(9) {
                text.push(char::from(b'a' + random.below(26) as u8));
            }
            text.push(' ');
        }
    }
    while text.len() > 1 << 20 {
        text.pop();
    }
    text
}

/// (e) 1 MiB of bytes.
#[must_use]
pub fn binary() -> Vec<u8> {
    let mut random = Random::new(13);
    (0..1 << 20).map(|_| random.draw() as u8).collect()
}

/// (f) A document of maps and lists: 100 messages of a social network. As MessagePack's generic value.
#[must_use]
pub fn document() -> rmpv::Value {
    use rmpv::Value;
    let mut random = Random::new(17);
    let word = |random: &mut Random| -> String {
        (0..3 + random.below(8)).map(|_| char::from(b'a' + random.below(26) as u8)).collect()
    };
    let words = |random: &mut Random, count: u64| -> Value {
        (0..count).map(|_| word(random)).collect::<Vec<_>>().join(" ").into()
    };
    let messages = (0..100u64).map(|n| {
        let random = &mut random;
        let tags = (0..random.below(4))
            .map(|at| {
                Value::Map(vec![
                    ("text".into(), word(random).into()),
                    ("indices".into(), Value::Array(vec![(at * 10).into(), (at * 10 + 7).into()])),
                ])
            })
            .collect();
        let mentions = (0..random.below(3))
            .map(|_| {
                Value::Map(vec![
                    ("screen_name".into(), word(random).into()),
                    ("name".into(), words(random, 2)),
                    ("id".into(), (random.draw() as u32).into()),
                    ("indices".into(), Value::Array(vec![3.into(), 19.into()])),
                ])
            })
            .collect();
        Value::Map(vec![
            ("created_at".into(), "Sun Aug 31 00:29:15 +0000 2014".into()),
            ("id".into(), (505_874_924_095_815_681i64 + n as i64).into()),
            ("text".into(), words(random, 14)),
            ("source".into(), words(random, 3)),
            ("truncated".into(), (n % 3 == 0).into()),
            ("in_reply_to".into(), Value::Nil),
            (
                "user".into(),
                Value::Map(vec![
                    ("id".into(), (random.draw() as u32).into()),
                    ("name".into(), words(random, 2)),
                    ("screen_name".into(), word(random).into()),
                    ("location".into(), word(random).into()),
                    ("description".into(), words(random, 20)),
                    ("url".into(), Value::Nil),
                    ("followers_count".into(), random.below(5000).into()),
                    ("friends_count".into(), random.below(900).into()),
                    ("verified".into(), false.into()),
                    ("statuses_count".into(), random.below(90_000).into()),
                    ("lang".into(), "ja".into()),
                    ("score".into(), (random.below(1000) as f64 / 8.0).into()),
                ]),
            ),
            (
                "entities".into(),
                Value::Map(vec![
                    ("hashtags".into(), Value::Array(tags)),
                    ("mentions".into(), Value::Array(mentions)),
                ]),
            ),
            ("retweet_count".into(), random.below(100).into()),
            ("favorited".into(), false.into()),
        ])
    });
    Value::Map(vec![
        ("statuses".into(), Value::Array(messages.collect())),
        ("count".into(), 100.into()),
        ("query".into(), "一".into()),
    ])
}
