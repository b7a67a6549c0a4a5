//! Vectors with bytes changed, taken out and put in: whatever comes in, the ways to decode agree and what was decoded
//! is encoded in every grammar.

use super::{decode, encode, vector};
use hessian::grammar::{Draft, Final, Grammar, One, Tutorial};
use hessian::{ErrorKind, Graph, Limits, de};

/// Bytes that mean something in one of the grammars, beside any.
const TELLING: &[u8] = b"BDFIJKLMNORSTVXbdlnorstuvxz\x00\x01\x20\x67\x69\x6a\x6b\x77\x90\x91\x8f\xc8\xd4\xff";

/// Marsaglia's xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end
    }

    fn byte(&mut self) -> u8 {
        match self.below(3) {
            0 => self.below(256) as u8,
            _ => TELLING[self.below(TELLING.len())],
        }
    }

    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len() + 1);
            match self.below(3) {
                0 if at < bytes.len() => bytes[at] = self.byte(),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.insert(at, self.byte()),
            }
        }
    }
}

fn check<G: Grammar>(file: &str, each: usize) {
    let mut random = Random(0x2007_1128);
    let (mut good, mut bad) = (0, 0);
    for (name, line) in vector::lines(file) {
        let bytes = vector::bytes(&line);
        if bytes.len() > 300 {
            continue;
        }
        for _ in 0..each {
            let mut bytes = bytes.clone();
            random.mutate(&mut bytes);
            let name = format!("{name} as {}", super::hex(&bytes));
            // Must not panic, whatever it says.
            let _ = de::from_slice_in::<G, serde_json::Value>(&bytes, &Limits::DEFAULT);
            if decode::<G>(&name, &bytes).is_err() {
                bad += 1;
                continue;
            }
            good += 1;
            let graph = Graph::from_slice_with::<G>(&bytes, Limits::new()).unwrap();
            same_in::<G>(&name, &graph);
            let remote = vector::shown(&graph).concat().contains("remote");
            if !remote {
                same_in::<Final>(&name, &graph);
                same_in::<Draft>(&name, &graph);
            }
            if !vector::shown(&graph).concat().contains("object#") {
                same_in::<One>(&name, &graph);
            }
            match graph.encode_to::<Tutorial>(&mut Vec::new()) {
                Ok(()) => {}
                Err(error) => assert!(matches!(error.kind(), ErrorKind::Refused(_)), "{name}: {error}"),
            }
        }
    }
    println!("{file}: {good} mutations are values, {bad} are not");
    assert!(good > 300 && bad > 300, "{good} {bad}");
}

fn same_in<G: Grammar>(name: &str, graph: &Graph<'_>) {
    let bytes = encode::<G>(graph);
    let again = Graph::from_slice_with::<G>(&bytes, Limits::new());
    let again = again.unwrap_or_else(|error| panic!("{name}: {error}: {}", super::hex(&bytes)));
    assert!(again == *graph, "{name}: {}", super::hex(&bytes));
}

#[test]
fn of_the_draft() {
    check::<Draft>("draft", 30);
}

#[test]
fn of_hessian_1() {
    check::<One>("hessian1", 60);
}
