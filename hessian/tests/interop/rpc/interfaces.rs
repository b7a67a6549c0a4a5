//! The Java interfaces of `java/calls`, each declared once for both ends.

use hessian::typed::{IntArray, StringArray, Typed};
use hessian::{Binary, Date};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `calls.Overloads.Item`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename = "calls.Overloads$Item")]
pub(crate) struct Item {
    pub(crate) id: i32,
    pub(crate) name: String,
}

hessian::interface! {
    /// `calls.Overloads`: one name for everything.
    pub(crate) trait Overloads["calls.Overloads"] {
        async fn tell() -> String;
        #[name = "tell_int"]
        async fn int(value: i32) -> String;
        #[name = "tell_long"]
        async fn long(value: i64) -> String;
        #[name = "tell_double"]
        async fn double(value: f64) -> String;
        #[name = "tell_boolean"]
        async fn boolean(value: bool) -> String;
        #[name = "tell_string"]
        async fn string(value: String) -> String;
        #[name = "tell_date"]
        async fn date(value: Date) -> String;
        #[name = "tell_binary"]
        async fn binary(value: Binary) -> String;
        #[name = "tell_[int"]
        async fn ints(value: Typed<IntArray, Vec<i32>>) -> String;
        #[name = "tell_[string"]
        async fn strings(value: Typed<StringArray, Vec<String>>) -> String;
        #[name = "tell_List"]
        async fn list(value: Vec<Mixed>) -> String;
        #[name = "tell_Map"]
        async fn map(value: BTreeMap<String, i32>) -> String;
        #[name = "tell_Overloads$Item"]
        async fn item(value: Item) -> String;
        #[name = "tell_int_string"]
        async fn int_string(first: i32, second: String) -> String;
        #[name = "tell_string_int"]
        async fn string_int(first: String, second: i32) -> String;
    }
    client OverloadsClient;
    service OverloadsService;
}

/// An item of a mixed list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Mixed {
    Int(i32),
    Double(f64),
    Text(String),
}

hessian::interface! {
    /// `calls.Troubles`: methods that throw.
    pub(crate) trait Troubles["calls.Troubles"] {
        async fn state(message: String);
        async fn argument(message: String);
        async fn file(message: String);
        async fn account(number: i64, lacking: f64);
        async fn chain(message: String);
        async fn unknown(message: String);
        async fn nothing(value: i32) -> i32;
    }
    client TroublesClient;
    service TroublesService;
}

hessian::interface! {
    /// `calls.Files`: large content.
    pub(crate) trait Files["calls.Files"] {
        stream fn download(length: i64);
        async fn upload(content: Binary) -> String;
        async fn echo(content: Binary) -> Binary;
    }
    service FilesService;
}

/// The content of `calls.Files`: bytes that are known by their place.
pub(crate) fn pattern() -> Vec<u8> {
    (0_usize..251 * 256).map(|i| (i * 31 + i / 251) as u8).collect()
}

/// Checks and sums up content that passes by.
#[derive(Debug)]
pub(crate) struct Content {
    pattern: Vec<u8>,
    pub(crate) length: u64,
    crc: flate2::Crc,
}

impl Content {
    pub(crate) fn new() -> Self {
        Self { pattern: pattern(), length: 0, crc: flate2::Crc::new() }
    }

    pub(crate) fn take(&mut self, mut bytes: &[u8]) {
        self.crc.update(bytes);
        while !bytes.is_empty() {
            let from = (self.length % self.pattern.len() as u64) as usize;
            let (here, rest) = bytes.split_at(bytes.len().min(self.pattern.len() - from));
            assert!(here == &self.pattern[from..from + here.len()], "other bytes after {}", self.length);
            self.length += here.len() as u64;
            bytes = rest;
        }
    }

    /// As `calls.Files.upload` tells it.
    pub(crate) fn told(&self) -> String {
        format!("{} {:x}", self.length, self.crc.sum())
    }
}
