//! A stock exchange that does not exist: forty companies, whose prices go up and down by chance.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use push_server::{PublishError, Stream};
use serde::Serialize;
use tokio::time::interval;

/// Ticks a second.
pub(crate) const RATE: u32 = 1_000;

/// What they are called. Whoever bears such a name is not meant.
pub(crate) const SYMBOLS: [&str; 40] = [
    "ACME", "ALBA", "AMBR", "ARGO", "AURA", "BOLT", "BRIO", "CALX", "CEDR", "CIRR", "COVE", "DUNE", "ECHO",
    "ELMS", "FERN", "FLUX", "GALE", "GLEN", "HALO", "HERN", "IBEX", "IRIS", "JADE", "KELP", "KITE", "LARK",
    "LOAM", "LYRA", "MESA", "MOSS", "NOVA", "ONYX", "OPAL", "PINE", "QUAY", "REED", "SAGE", "TARN", "VALE",
    "WREN",
];

/// A price that somebody has paid. Java has the same class: `examples/java/example/Tick.java`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename = "example.Tick")]
pub(crate) struct Tick {
    symbol: &'static str,
    price: f64,
    /// Of the day before, which a change is measured against.
    close: f64,
    shares: i32,
    /// Milliseconds since 1970.
    time: i64,
}

/// Of each company the price and the close, as they are at this time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename = "example.Prices")]
pub(crate) struct Prices {
    time: i64,
    prices: BTreeMap<&'static str, (f64, f64)>,
}

#[derive(Debug)]
pub(crate) struct Market {
    chance: fastrand::Rng,
    /// In cents: now, and at the end of the day before.
    prices: [(i32, i32); SYMBOLS.len()],
}

impl Market {
    /// The same `seed`, the same day.
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = fastrand::Rng::with_seed(seed);
        let prices = std::array::from_fn(|_| {
            let close = chance.i32(2_000..40_000);
            (close, close)
        });
        Self { chance, prices }
    }

    /// Some company's next price: up or down by a thousandth at most, and a little towards where it was, so that none is
    /// worthless or priceless after a week.
    pub(crate) fn tick(&mut self) -> Tick {
        let at = self.chance.usize(..SYMBOLS.len());
        let (price, close) = &mut self.prices[at];
        let chance = f64::from(*price) * (self.chance.f64() - 0.5) / 500.0;
        let home = f64::from(*close - *price) / 2_000.0;
        #[allow(clippy::cast_possible_truncation)] // some hundreds at most
        let step = (chance + home).round() as i32;
        *price = (*price + step).max(1);
        Tick {
            symbol: SYMBOLS[at],
            price: dollars(*price),
            close: dollars(*close),
            shares: self.chance.i32(1..=20) * 50,
            time: now(),
        }
    }

    pub(crate) fn prices(&self) -> Prices {
        let prices = self.prices.map(|(price, close)| (dollars(price), dollars(close)));
        Prices { time: now(), prices: SYMBOLS.into_iter().zip(prices).collect() }
    }

    /// Publishes each tick as a message of its own, [`RATE`] a second: those for which it was not woken in time follow at
    /// once. All prices follow on the ticks of each second. How many read, and how fast, makes no difference to it.
    pub(crate) async fn run(mut self, ticks: Stream, prices: Stream) -> Result<Infallible, PublishError> {
        let mut pace = interval(Duration::from_secs(1) / RATE);
        loop {
            prices.publish(&self.prices()).await?;
            for _ in 0..RATE {
                pace.tick().await;
                ticks.publish(&self.tick()).await?;
            }
        }
    }
}

fn dollars(cents: i32) -> f64 {
    f64::from(cents) / 100.0
}

fn now() -> i64 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
