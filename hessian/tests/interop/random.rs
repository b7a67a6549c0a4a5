//! Seeded random scalars: the same classes of values as Java's end makes, in Rust's types.

use hessian::Date;

/// SplitMix64 (Steele, Lea, Flood 2014): small, and the same everywhere for the same seed.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `bound`, which is small: the bias of the remainder does not matter here.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.bits() % bound as u64).expect("below a usize")
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    pub(crate) fn int(&mut self) -> i32 {
        const EDGES: [i32; 9] = [0, -16, 47, -2048, 2047, -0x4_0000, 0x3_ffff, i32::MIN, i32::MAX];
        if self.one_in(3) {
            self.pick(&EDGES).wrapping_add(self.pick(&[-2, -1, 0, 1, 2]))
        } else {
            (self.bits() as i32) >> self.below(32)
        }
    }

    pub(crate) fn long(&mut self) -> i64 {
        const EDGES: [i64; 11] = [
            0,
            -8,
            15,
            -2048,
            2047,
            -0x4_0000,
            0x3_ffff,
            i32::MIN as i64,
            i32::MAX as i64,
            i64::MIN,
            i64::MAX,
        ];
        if self.one_in(3) {
            self.pick(&EDGES).wrapping_add(self.pick(&[-2, -1, 0, 1, 2]))
        } else {
            (self.bits() as i64) >> self.below(64)
        }
    }

    /// Over all classes of bit patterns, less the two that Java's encoder cannot keep: -0.0 becomes 0.0, and every NaN the one of Java.
    pub(crate) fn double(&mut self) -> f64 {
        let sign = self.bits() & (1 << 63);
        let mantissa = self.bits() >> 12;
        let double = match self.below(12) {
            0 => f64::from_bits(self.bits()),
            1 => f64::from_bits(sign | mantissa >> self.below(52)),
            2 => f64::from_bits(sign | 0x7ff0 << 48),
            3 => f64::NAN,
            4 => f64::from_bits(sign | (1 + self.below(2046) as u64) << 52),
            5 => f64::from(self.below(300) as i32 - 150),
            6 => f64::from(self.below(70_000) as i32 - 35_000),
            7 => f64::from(self.bits() as i32) * 0.001,
            8 => f64::from(self.bits() as i32) / 1000.0,
            9 => (f64::from(self.bits() as i32) * 0.001).next_up(),
            10 => f64::from(self.int()),
            _ => f64::from(f32::from_bits(self.bits() as u32)),
        };
        if double.is_nan() {
            f64::from_bits(0x7ff8 << 48)
        } else {
            double + 0.0 // -0.0 + 0.0 is 0.0
        }
    }

    pub(crate) fn date(&mut self) -> Date {
        let minutes = 60_000 * i64::from(self.bits() as i32);
        Date::from_millis(match self.below(4) {
            0 => minutes,
            1 => 60_000 * ((self.bits() as i64) >> 24),
            2 => minutes + self.below(3) as i64 - 1,
            _ => (self.bits() as i64) >> self.below(64),
        })
    }

    pub(crate) fn binary(&mut self) -> Vec<u8> {
        const EDGES: [usize; 10] = [0, 1, 14, 15, 16, 17, 1022, 1023, 1024, 1025];
        let len = if self.one_in(6) { self.pick(&EDGES) } else { self.below(30) };
        (0..len).map(|_| self.bits() as u8).collect()
    }

    /// Mostly short; one in eight has a length at which the encoding changes form.
    pub(crate) fn text(&mut self) -> String {
        const EDGES: [usize; 12] = [0, 1, 30, 31, 32, 33, 255, 256, 1022, 1023, 1024, 1025];
        let units = if self.one_in(8) { self.pick(&EDGES) } else { self.below(24) };
        self.text_of(units)
    }

    /// Long enough that chunks begin.
    pub(crate) fn large_text(&mut self) -> String {
        const EDGES: [usize; 9] = [32_766, 32_767, 32_768, 32_769, 32_770, 65_535, 65_536, 65_537, 98_304];
        let units = self.pick(&EDGES);
        self.text_of(units)
    }

    /// A string of so many UTF-16 units.
    fn text_of(&mut self, units: usize) -> String {
        const EDGES: [char; 11] = [
            '\u{7f}',
            '\u{80}',
            '\u{7ff}',
            '\u{800}',
            '\u{d7ff}',
            '\u{e000}',
            '\u{feff}',
            '\u{ffff}',
            '\u{10000}',
            '\u{1f600}',
            '\u{10ffff}',
        ];
        let style = self.below(9);
        let mut text = String::new();
        let mut left = units;
        while left > 0 {
            let code = match style {
                0..=2 => 0x20 + self.below(0x5f),
                3 => self.below(0x80),
                4 => 0x80 + self.below(0x780),
                5 => 0x4e00 + self.below(0x5200),
                6 => 0x1_0000 + self.below(0x10_0000),
                _ => self.below(0x11_0000),
            };
            let picked = if style > 6 && self.one_in(4) { self.pick(&EDGES) as usize } else { code };
            // A surrogate is no character, and a pair does not fit into one unit: a plain letter then.
            let character = char::from_u32(picked as u32).filter(|c| c.len_utf16() <= left).unwrap_or('.');
            text.push(character);
            left -= character.len_utf16();
        }
        text
    }
}
