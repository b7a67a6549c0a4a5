//! Feeds: what the first entry of one says. It is strangers' text: read once from front to back, no entity of its own expanded,
//! and shown as text alone.

use std::borrow::Cow;

use anyhow::{Context as _, anyhow, bail, ensure};
use html5gum::{Token, Tokenizer};
use quick_xml::Reader;
use quick_xml::encoding::{DetectedEncoding, decode, detect_encoding};
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::QName;
use serde::Serialize;

/// Of a title or a text so much is kept.
pub(crate) const TEXT_CHARS: usize = 400;
/// An XML declaration ends within so many bytes.
const DECLARATION_BYTES: usize = 256;
/// What may stand in the middle of a word. Other elements part words.
const INLINE: [&[u8]; 12] =
    [b"a", b"abbr", b"b", b"em", b"font", b"i", b"small", b"span", b"strong", b"sub", b"sup", b"u"];

/// The first entry of a feed, which is the newest in most.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename = "example.Forecast")]
pub(crate) struct Forecast {
    pub(crate) title: String,
    pub(crate) text: String,
    /// As the feed says it.
    pub(crate) published: String,
}

/// The first `item` of RSS or `entry` of Atom.
pub(crate) fn first_entry(feed: &[u8]) -> anyhow::Result<Forecast> {
    let feed = decoded(feed)?;
    let mut reader = Reader::from_str(&feed);
    reader.config_mut().expand_empty_elements = true;
    let mut forecast = Forecast::default();
    let (mut depth, mut is_feed) = (0, false);
    // How deep the entry is, and the prefix of its name and of those of its members; and what a member says, as HTML.
    let (mut entry, mut html) = (None, String::new());
    loop {
        let event = reader.read_event();
        let event = event.map_err(|error| anyhow!("no XML at byte {}: {error}", reader.error_position()))?;
        match event {
            Event::Start(tag) => {
                let (name, prefix) = (tag.local_name().into_inner(), prefix(tag.name()));
                if depth == 0 && !["rss", "feed", "RDF"].contains(&name) {
                    bail!("no feed: the document is <{}>", shortened(tag.name().0));
                }
                (depth, is_feed) = (depth + 1, true);
                match entry {
                    None if name == "item" || name == "entry" => entry = Some((depth, prefix.to_owned())),
                    Some((entry, _)) if depth == entry + 1 => html.clear(),
                    _ => html.push(' '),
                }
            }
            Event::End(tag) => {
                match &entry {
                    Some((entry, _)) if depth == *entry => return finished(forecast),
                    Some((entry, prefix)) if depth == entry + 1 => {
                        fill(&mut forecast, prefix, tag.name(), &html);
                    }
                    _ => html.push(' '),
                }
                depth -= 1;
            }
            Event::Text(text) => html.push_str(&text),
            Event::CData(text) => html.push_str(&text),
            Event::GeneralRef(name) => html.push_str(&meant(&name)?),
            Event::Eof if depth > 0 => bail!("the feed ends in the middle, after {} bytes", feed.len()),
            Event::Eof if is_feed => bail!("the feed has no entry"),
            Event::Eof => bail!("no feed: there is nothing in it"),
            _ => {}
        }
    }
}

/// A feed is in UTF-8 unless its first bytes or its XML declaration say otherwise.
fn decoded(feed: &[u8]) -> anyhow::Result<Cow<'_, str>> {
    let start = detect_encoding(feed).unwrap_or(DetectedEncoding::AsciiCompatible);
    let mut encoding = start.encoding();
    let head = String::from_utf8_lossy(&feed[..feed.len().min(DECLARATION_BYTES)]);
    if let DetectedEncoding::AsciiCompatible = start
        && let Ok(Event::Decl(declaration)) = Reader::from_str(&head).read_event()
        && let Some(name) = declaration.encoding()
    {
        let name = name.context("the feed's XML declaration is wrong")?;
        let declared = declaration.encoder();
        let declared =
            declared.with_context(|| format!("the feed's encoding is not known: {}", shortened(&name)))?;
        // Not UTF-16, which could not have been read so far.
        encoding = if declared.is_ascii_compatible() { declared } else { encoding };
    }
    decode(&feed[start.bom_len()..], encoding).map_err(|_| anyhow!("the feed is not {}", encoding.name()))
}

fn prefix(name: QName<'_>) -> &str {
    name.prefix().map_or("", |prefix| prefix.into_inner())
}

/// The first that says something fills a field.
fn fill(forecast: &mut Forecast, entry: &str, name: QName<'_>, html: &str) {
    // Another vocabulary's have its prefix, such as media:title.
    let (prefix, name) = (prefix(name), name.local_name().into_inner());
    let field = match name {
        "title" if prefix == entry => &mut forecast.title,
        "description" | "summary" | "content" if prefix == entry => &mut forecast.text,
        "pubDate" | "updated" if prefix == entry => &mut forecast.published,
        "date" if prefix == "dc" => &mut forecast.published,
        _ => return,
    };
    if field.is_empty() {
        *field = plain(html);
    }
}

/// What a browser shows of this HTML, in one line.
fn plain(html: &str) -> String {
    let mut text = String::new();
    for Ok(token) in Tokenizer::new(html) {
        match token {
            Token::String(part) => text.push_str(&String::from_utf8_lossy(&part)),
            Token::StartTag(tag) if !INLINE.contains(&&**tag.name) => text.push(' '),
            Token::EndTag(tag) if !INLINE.contains(&&**tag.name) => text.push(' '),
            _ => {}
        }
    }
    let words: Vec<_> = text.split_whitespace().collect();
    words.join(" ").chars().take(TEXT_CHARS).collect()
}

/// `&amp;`, `&#8364;`. Those that a document defines itself are nothing for a feed.
fn meant(name: &BytesRef<'_>) -> anyhow::Result<String> {
    if let Some(character) = name.resolve_char_ref()? {
        return Ok(character.to_string());
    }
    let text = quick_xml::escape::resolve_predefined_entity(name);
    Ok(text.with_context(|| format!("the feed uses an entity of its own, &{};", shortened(name)))?.to_owned())
}

fn finished(forecast: Forecast) -> anyhow::Result<Forecast> {
    ensure!(!forecast.title.is_empty(), "the feed's first entry has no title");
    Ok(forecast)
}

/// Names and addresses of strangers, in what is said of them.
pub(crate) fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
