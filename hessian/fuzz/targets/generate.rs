//! Values made of entropy: every form of the final grammar, with shared and cyclic references.

/// Depth of what is made.
const MAX_DEPTH: usize = 24;

struct Generator<'a> {
    entropy: std::slice::Iter<'a, u8>,
    out: Vec<u8>,
    /// Fields of each class.
    classes: Vec<usize>,
    types: usize,
    containers: usize,
    depth: usize,
}

/// One value in Hessian 2.0, always valid. Without entropy all is null.
pub fn value(entropy: &[u8]) -> Vec<u8> {
    let mut generator = Generator {
        entropy: entropy.iter(),
        out: Vec::new(),
        classes: Vec::new(),
        types: 0,
        containers: 0,
        depth: 0,
    };
    generator.value();
    generator.out
}

impl Generator<'_> {
    fn byte(&mut self) -> u8 {
        self.entropy.next().copied().unwrap_or_default()
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        std::array::from_fn(|_| self.byte())
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// An int in one of its forms, at random.
    fn int(&mut self, value: i32) {
        let b = value.to_be_bytes();
        let wide = self.byte() % 4;
        match value {
            -0x10..=0x2f if wide < 1 => self.put(&[0x90u8.wrapping_add(b[3])]),
            -0x800..=0x7ff if wide < 2 => self.put(&[0xc8u8.wrapping_add(b[2]), b[3]]),
            -0x4_0000..=0x3_ffff if wide < 3 => self.put(&[0xd4u8.wrapping_add(b[1]), b[2], b[3]]),
            _ => self.put(&[b'I', b[0], b[1], b[2], b[3]]),
        }
    }

    fn number(&mut self, value: usize) {
        self.int(i32::try_from(value).unwrap_or(i32::MAX));
    }

    fn value(&mut self) {
        match self.byte() % 24 {
            0 => self.put(b"N"),
            1 => self.put(b"T"),
            2 => self.put(b"F"),
            3 => {
                let value = i32::from_be_bytes(self.bytes()) >> (self.byte() % 32);
                self.int(value);
            }
            4 => {
                let bytes = self.bytes::<8>();
                self.put(b"L");
                self.put(&bytes);
            }
            5 => {
                let head = 0xd8 + self.byte() % 24;
                self.put(&[head]);
            }
            6 => {
                let bytes = self.bytes::<2>();
                self.put(&[0x38 + bytes[0] % 8, bytes[0], bytes[1]]);
            }
            7 => {
                let bytes = self.bytes::<8>();
                self.put(b"D");
                self.put(&bytes);
            }
            8 => {
                let bytes = self.bytes::<4>();
                self.put(&[0x5f]);
                self.put(&bytes);
            }
            9 => {
                let (head, bytes) = (0x5b + self.byte() % 4, self.bytes::<2>());
                let operands = usize::from(head.saturating_sub(0x5c));
                self.put(&[head]);
                self.put(&bytes[..operands]);
            }
            10 => {
                let bytes = self.bytes::<8>();
                self.put(&[0x4a]);
                self.put(&bytes);
            }
            11 => {
                let bytes = self.bytes::<4>();
                self.put(&[0x4b]);
                self.put(&bytes);
            }
            12 | 13 => self.text(),
            14 => self.binary(),
            15..=17 => self.container(Self::list),
            18 | 19 => self.container(Self::map),
            20 | 21 => self.container(Self::object),
            _ if self.containers > 0 => {
                let number = usize::from(self.byte()) % self.containers;
                self.put(b"Q");
                self.number(number);
            }
            _ => self.put(b"N"),
        }
    }

    fn container(&mut self, make: impl FnOnce(&mut Self)) {
        if self.depth == MAX_DEPTH {
            return self.put(b"N");
        }
        self.depth += 1;
        make(self);
        self.depth -= 1;
    }

    /// A unit of text at random: mostly ASCII, sometimes half a pair.
    fn unit(&mut self) -> u16 {
        match self.byte() {
            byte @ 0..0xc0 => u16::from(byte & 0x7f),
            0xc0..0xe0 => 0x80 + u16::from(self.byte()),
            0xe0..0xf0 => 0x4e00 + u16::from(self.byte()),
            _ => 0xd800 + (u16::from_be_bytes(self.bytes()) & 0x7ff),
        }
    }

    fn chunk(&mut self, units: &[u16], last: bool) {
        let [high, low] = (units.len() as u16).to_be_bytes();
        match (last, units.len(), self.byte() % 3) {
            (false, ..) => self.put(&[b'R', high, low]),
            (true, 0..=31, 0) => self.put(&[low]),
            (true, 0..=1023, 0 | 1) => self.put(&[0x30 + high, low]),
            (true, ..) => self.put(&[b'S', high, low]),
        }
        for &unit in units {
            match unit {
                0..=0x7f => self.put(&[unit as u8]),
                0x80..=0x7ff => self.put(&[0xc0 | (unit >> 6) as u8, 0x80 | (unit & 0x3f) as u8]),
                _ => self.put(&[
                    0xe0 | (unit >> 12) as u8,
                    0x80 | (unit >> 6 & 0x3f) as u8,
                    0x80 | (unit & 0x3f) as u8,
                ]),
            }
        }
    }

    fn text(&mut self) {
        while self.byte() & 7 == 7 {
            let units: Vec<_> = (0..self.byte() % 8).map(|_| self.unit()).collect();
            self.chunk(&units, false);
        }
        let repeat = if self.byte() == 0xff { 300 } else { 1 };
        let units: Vec<_> = (0..self.byte() % 16).map(|_| self.unit()).collect();
        let units = units.repeat(repeat);
        self.chunk(&units, true);
    }

    fn binary(&mut self) {
        while self.byte() & 7 == 7 {
            let bytes: Vec<_> = (0..self.byte() % 8).map(|_| self.byte()).collect();
            self.put(&[b'A', 0, bytes.len() as u8]);
            self.put(&bytes);
        }
        let repeat = if self.byte() == 0xff { 700 } else { 1 };
        let bytes: Vec<_> = (0..self.byte() % 16).map(|_| self.byte()).collect();
        let bytes = bytes.repeat(repeat);
        let [high, low] = (bytes.len() as u16).to_be_bytes();
        match (bytes.len(), self.byte() % 3) {
            (0..=15, 0) => self.put(&[0x20 + low]),
            (0..=1023, 0 | 1) => self.put(&[0x34 + high, low]),
            _ => self.put(&[b'B', high, low]),
        }
        self.put(&bytes);
    }

    fn name(&mut self) {
        let len = 1 + self.byte() % 6;
        self.put(&[len]);
        for _ in 0..len {
            let letter = b'a' + self.byte() % 26;
            self.put(&[letter]);
        }
    }

    fn type_name(&mut self) {
        if self.types > 0 && self.byte() & 1 == 1 {
            let number = usize::from(self.byte()) % self.types;
            self.number(number);
        } else {
            self.types += 1;
            self.name();
        }
    }

    fn values(&mut self, count: usize) {
        for _ in 0..count {
            self.value();
        }
    }

    fn list(&mut self) {
        self.containers += 1;
        let form = self.byte() % 6;
        let len = usize::from(self.byte() % 10);
        match form {
            0 => self.put(&[0x78 + (len & 7) as u8]),
            1 => self.put(b"X"),
            2 => self.put(b"W"),
            3 => self.put(&[0x70 + (len & 7) as u8]),
            4 => self.put(b"V"),
            _ => self.put(b"U"),
        }
        if form > 2 {
            self.type_name();
        }
        match form {
            0 | 3 => self.values(len & 7),
            1 | 4 => {
                self.number(len);
                self.values(len);
            }
            _ => {
                self.values(len);
                self.put(b"Z");
            }
        }
    }

    fn map(&mut self) {
        self.containers += 1;
        if self.byte() & 1 == 0 {
            self.put(b"H");
        } else {
            self.put(b"M");
            self.type_name();
        }
        let entries = usize::from(self.byte() % 5);
        self.values(2 * entries);
        self.put(b"Z");
    }

    fn object(&mut self) {
        while self.classes.is_empty() || self.byte() & 7 == 7 {
            let fields = usize::from(self.byte() % 5);
            self.put(b"C");
            self.name();
            self.number(fields);
            for _ in 0..fields {
                self.name();
            }
            self.classes.push(fields);
        }
        let class = usize::from(self.byte()) % self.classes.len();
        self.containers += 1;
        if class < 16 && self.byte() & 1 == 0 {
            self.put(&[0x60 + class as u8]);
        } else {
            self.put(b"O");
            self.number(class);
        }
        self.values(self.classes[class]);
    }
}
