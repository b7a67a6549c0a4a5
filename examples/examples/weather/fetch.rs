//! Feeds: how one comes. Bounded in bytes and in time; and nobody outside can have us fetch what only we can reach.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use http::header::{CONTENT_ENCODING, LOCATION};
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::{HttpConnector, HttpInfo};
use hyper_util::rt::TokioExecutor;
use tokio::net::lookup_host;
use tokio::time::timeout;
use tower::ServiceExt as _;
use tower_http::decompression::{Decompression, DecompressionBody};
use url::Url;

use super::feed::{Forecast, first_entry, shortened};

/// A feed that has not come as a whole within this time is not waited for.
pub(crate) const FEED_TIME: Duration = Duration::from_secs(10);
/// A feed that is elsewhere is followed so often.
pub(crate) const REDIRECTS: usize = 3;
/// A longer feed is refused. Of one that comes compressed it is what is in it that counts.
pub(crate) const FEED_BYTES: usize = 256 << 10;

type Answer = Response<DecompressionBody<Incoming>>;

/// Fetches feeds, by HTTP and HTTPS, as they are or as gzip.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    client: Decompression<Client<HttpsConnector<HttpConnector>, String>>,
    /// Which addresses nobody outside may send us to.
    pub(crate) is_internal: fn(IpAddr) -> bool,
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
        let client = Decompression::new(Client::builder(TokioExecutor::new()).build(connector));
        Ok(Self { client, is_internal })
    }

    /// The first entry of this feed, now.
    pub(crate) async fn fetch(&self, feed: &Uri) -> anyhow::Result<Forecast> {
        let answer = timeout(FEED_TIME, self.get(feed)).await;
        let bytes = answer.map_err(|_| anyhow!("no answer within {} s", FEED_TIME.as_secs()))??;
        first_entry(&bytes)
    }

    async fn get(&self, feed: &Uri) -> anyhow::Result<Vec<u8>> {
        let mut feed = feed.clone();
        let mut answer = self.ask(&feed).await.context("the feed cannot be reached")?;
        for _ in 0..REDIRECTS {
            if !matches!(answer.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                break;
            }
            feed = moved(&feed, answer.headers().get(LOCATION))?;
            answer = self.follow(&answer, &feed).await?;
        }
        let status = answer.status();
        ensure!(!status.is_redirection(), "the feed has moved more than {REDIRECTS} times, last from {feed}");
        ensure!(status == StatusCode::OK, "the feed's server answers {status}");
        if let Some(coding) = answer.headers().get(CONTENT_ENCODING) {
            bail!("the feed comes as {coding:?}, which nobody asked for");
        }
        match Limited::new(answer.into_body(), FEED_BYTES).collect().await {
            Ok(body) => Ok(body.to_bytes().to_vec()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                bail!("the feed is longer than {} KiB", FEED_BYTES >> 10)
            }
            Err(error) => Err(anyhow!(error).context("the feed broke off")),
        }
    }

    async fn ask(&self, feed: &Uri) -> anyhow::Result<Answer> {
        Ok(self.client.clone().oneshot(Request::get(feed).body(String::new())?).await?)
    }

    /// Goes where an answer sends us: from the outside to nowhere inside. That is looked up before, so that nothing is asked there,
    /// and looked at afterwards, as names can have another address by then.
    async fn follow(&self, from: &Answer, feed: &Uri) -> anyhow::Result<Answer> {
        let cannot = || format!("the feed has moved to {feed}, which cannot be reached");
        let may_not = || format!("the feed has moved to {feed}, which is inside of this network");
        let is_inside = |answer: &Answer| {
            let connection = answer.extensions().get::<HttpInfo>();
            connection.is_some_and(|info| (self.is_internal)(info.remote_addr().ip()))
        };
        if is_inside(from) {
            return self.ask(feed).await.with_context(cannot);
        }
        let host = feed.host().unwrap_or_default().trim_matches(['[', ']']);
        let mut addresses = lookup_host((host, 0)).await.with_context(cannot)?;
        ensure!(!addresses.any(|address| (self.is_internal)(address.ip())), may_not());
        let answer = self.ask(feed).await.with_context(cannot)?;
        ensure!(!is_inside(&answer), may_not());
        Ok(answer)
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

/// Whether this is an address of this machine or of a network that is nobody else's: loopback, private, link-local, shared
/// (RFC 6890).
pub(crate) fn is_internal(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => {
            let is_shared = matches!(ip.octets(), [100, 64..=127, ..]);
            ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || is_shared
        }
        IpAddr::V6(ip) => {
            ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() || ip.is_unspecified()
        }
    }
}
