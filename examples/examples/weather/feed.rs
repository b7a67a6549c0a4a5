//! Feeds: how one is fetched, and what its newest entry says. What comes is strangers' text: bounded, read once from front to
//! back, no entity of its own expanded, and shown as text alone.

use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use serde::Serialize;
use tokio::time::timeout;
use url::Url;

/// A feed that has not come as a whole within this time is not waited for.
pub(crate) const FEED_TIME: Duration = Duration::from_secs(10);
/// A feed that is elsewhere is followed so often.
pub(crate) const REDIRECTS: usize = 3;
/// A longer feed is refused.
pub(crate) const FEED_BYTES: usize = 256 << 10;
/// Of a title or a text so much is kept.
pub(crate) const TEXT_CHARS: usize = 400;

/// The newest entry of a feed. Java gets it as an object of this class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename = "example.Forecast")]
pub(crate) struct Forecast {
    pub(crate) title: String,
    pub(crate) text: String,
    /// As the feed says it.
    pub(crate) published: String,
}

/// Fetches feeds, by HTTP and HTTPS.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    client: Client<HttpsConnector<HttpConnector>, String>,
}

impl Fetcher {
    /// Trusts whom this system trusts, if `is_abroad`: the feeds, or where they have moved to, may be HTTPS.
    pub(crate) fn new(is_abroad: bool) -> anyhow::Result<Self> {
        let provider = rustls::crypto::ring::default_provider();
        let builder = HttpsConnectorBuilder::new();
        let builder = if is_abroad {
            builder.with_provider_and_native_roots(provider).context("the system's certificates")?
        } else {
            let config = rustls::ClientConfig::builder_with_provider(provider.into());
            let config = config.with_safe_default_protocol_versions()?;
            let nobody = rustls::RootCertStore::empty();
            builder.with_tls_config(config.with_root_certificates(nobody).with_no_client_auth())
        };
        let connector = builder.https_or_http().enable_http1().build();
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// The newest entry of this feed, now.
    pub(crate) async fn fetch(&self, feed: &Uri) -> anyhow::Result<Forecast> {
        let answer = timeout(FEED_TIME, self.get(feed)).await;
        let bytes = answer.map_err(|_| anyhow!("no answer within {} s", FEED_TIME.as_secs()))??;
        newest(&bytes)
    }

    async fn get(&self, feed: &Uri) -> anyhow::Result<Vec<u8>> {
        let mut feed = feed.clone();
        let mut answer = self.client.get(feed.clone()).await.context("the feed cannot be reached")?;
        for _ in 0..REDIRECTS {
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                break;
            }
            feed = moved(&feed, answer.headers().get(LOCATION))?;
            let next = self.client.get(feed.clone()).await;
            answer =
                next.with_context(|| format!("the feed has moved to {feed}, which cannot be reached"))?;
        }
        let status = answer.status();
        ensure!(!status.is_redirection(), "the feed has moved more than {REDIRECTS} times, last from {feed}");
        ensure!(status == StatusCode::OK, "the feed's server answers {status}");
        match Limited::new(answer.into_body(), FEED_BYTES).collect().await {
            Ok(body) => Ok(body.to_bytes().to_vec()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                bail!("the feed is longer than {} KiB", FEED_BYTES >> 10)
            }
            Err(error) => Err(anyhow!(error).context("the feed broke off")),
        }
    }
}

/// Where a feed is that has moved from `feed`. Never from HTTPS to where anybody on the way could write the weather.
fn moved(feed: &Uri, location: Option<&HeaderValue>) -> anyhow::Result<Uri> {
    let location = location.and_then(|location| location.to_str().ok());
    let location = location.context("the feed has moved, and its server does not say where to")?;
    let from = Url::parse(&feed.to_string())?;
    let to = from.join(location).with_context(|| format!("the feed has moved to {}", shortened(location)))?;
    let is_good = to.scheme() == "https" || (to.scheme() == "http" && from.scheme() == "http");
    ensure!(is_good, "the feed has moved from {} to {}", from.scheme(), shortened(to.as_str()));
    Ok(to.as_str().parse()?)
}

/// The first entry of a feed: `item` of RSS, `entry` of Atom, which both begin with the newest.
pub(crate) fn newest(feed: &[u8]) -> anyhow::Result<Forecast> {
    let feed = std::str::from_utf8(feed).context("the feed is not UTF-8")?;
    let mut reader = Reader::from_str(feed);
    let mut forecast = Forecast::default();
    let mut depth = 0;
    // How deep the entry is, and the name of its member that is being read.
    let (mut entry, mut member) = (None, None::<String>);
    loop {
        let event = reader.read_event();
        let event = event.map_err(|error| anyhow!("no XML at byte {}: {error}", reader.error_position()))?;
        match event {
            Event::Start(tag) => {
                let name = tag.name().0.to_owned();
                if depth == 0 && !["rss", "feed", "rdf:RDF"].contains(&name.as_str()) {
                    bail!("no feed: the document is <{}>", shortened(&name));
                }
                depth += 1;
                match entry {
                    None if name == "item" || name == "entry" => entry = Some(depth),
                    Some(entry) if depth == entry + 1 => member = Some(name),
                    _ => {}
                }
            }
            Event::End(_) => {
                if entry == Some(depth) {
                    return finished(forecast);
                }
                if entry.is_some_and(|entry| depth == entry + 1) {
                    member = None;
                }
                depth -= 1;
            }
            Event::Text(text) => add(&mut forecast, member.as_deref(), &text),
            Event::CData(text) => add(&mut forecast, member.as_deref(), &text),
            Event::GeneralRef(name) => {
                let text = meant(&name)?;
                add(&mut forecast, member.as_deref(), &text);
            }
            Event::Eof if depth > 0 => bail!("the feed ends in the middle, after {} bytes", feed.len()),
            Event::Eof => bail!("no feed: there is nothing in it"),
            _ => {}
        }
    }
}

fn add(forecast: &mut Forecast, member: Option<&str>, text: &str) {
    let field = match member {
        Some("title") => &mut forecast.title,
        Some("description" | "summary") => &mut forecast.text,
        Some("pubDate" | "updated" | "dc:date") => &mut forecast.published,
        _ => return,
    };
    let room = TEXT_CHARS.saturating_sub(field.chars().count());
    field.extend(text.chars().take(room));
}

/// `&amp;`, `&#8364;`. Those that a document defines itself are nothing for a feed.
fn meant(name: &BytesRef<'_>) -> anyhow::Result<String> {
    if let Some(character) = name.resolve_char_ref()? {
        return Ok(character.to_string());
    }
    let text = quick_xml::escape::resolve_predefined_entity(name);
    Ok(text.with_context(|| format!("the feed uses an entity of its own, &{};", shortened(name)))?.to_owned())
}

fn finished(mut forecast: Forecast) -> anyhow::Result<Forecast> {
    for field in [&mut forecast.title, &mut forecast.text, &mut forecast.published] {
        *field = field.trim().to_owned();
    }
    ensure!(!forecast.title.is_empty(), "the feed's first entry has no title");
    Ok(forecast)
}

fn shortened(name: &str) -> String {
    name.chars().take(64).collect()
}
