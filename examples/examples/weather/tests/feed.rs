//! What feeds say, and what is wrong with them.

use super::super::feed::{TEXT_CHARS, first_entry};
use super::super::fetch::FEED_BYTES;

/// Title, text, and when it was published.
fn said(feed: impl AsRef<[u8]>) -> [String; 3] {
    let read = first_entry(feed.as_ref()).unwrap();
    [read.title, read.text, read.published]
}

#[test]
fn reads_rss_and_atom() {
    let rss = br#"<?xml version="1.0"?><!-- a comment --><rss version="2.0"><channel><title>Not this</title>
        <item><media:title>Nor this</media:title><title> 12 &#176;C &amp; <![CDATA[<b>rain</b>]]></title>
        <x><title>Nor this</title></x><description>a &lt; b</description><pubDate>Sat, 21 Nov</pubDate></item>
        <item><title>Nor the second</title></item></channel></rss>"#;
    assert_eq!(said(rss), ["12 \u{b0}C & rain", "a < b", "Sat, 21 Nov"]);
    let atom = "<feed xmlns='http://www.w3.org/2005/Atom'><title>Not this</title><entry><title>Sun</title>\
                <link href='/'/><summary>All day</summary><updated>2026-11-21</updated></entry></feed>";
    assert_eq!(said(atom), ["Sun", "All day", "2026-11-21"]);
    let prefixed = "<a:feed xmlns:a='http://www.w3.org/2005/Atom'><a:entry><title>Not this</title><a:title>Sun</a:title>\
                    <a:content type='xhtml'><div>All<br/>day</div></a:content></a:entry></a:feed>";
    assert_eq!(said(prefixed), ["Sun", "All day", ""]);
    let rdf = "<rdf:RDF><channel><title>Not this</title></channel><item><title>Sun</title><dc:date>2026</dc:date></item></rdf:RDF>";
    assert_eq!(said(rdf), ["Sun", "", "2026"]);
}

/// Of members that say the same, the first that says anything.
#[test]
fn glues_nothing_together() {
    let feed = "<rss><item><title/><title>Sun</title><title>Rain</title><description> <![CDATA[<img src='sun.png'>]]></description>\
                <summary>All day</summary><description>No</description><pubDate>Sat</pubDate><dc:date>2026</dc:date></item></rss>";
    assert_eq!(said(feed), ["Sun", "All day", "Sat"]);
}

/// As in the article's feed, whose descriptions are HTML.
#[test]
fn shows_html_as_a_browser_would() {
    for (html, text) in [
        (
            "<img src=\"http://l.example/34.gif\"/><br />\n<b>Current Conditions:</b><br />\nFair, 61 F<BR />",
            "Current Conditions: Fair, 61 F",
        ),
        (
            "<p>Sun&nbsp;&amp; wind</p><p>15&deg;, f<b>ai</b>r &#8211; m<sup>2</sup></p>",
            "Sun & wind 15\u{b0}, fair \u{2013} m2",
        ),
        ("umbrellas < raincoats, gusts <15 m/s, AT&T", "umbrellas < raincoats, gusts <15 m/s, AT&T"),
        ("<a href='x>y' onclick=\"z\">sun</a><!-- <b> --> <script", "sun"),
    ] {
        let feed = format!(
            "<rss><item><title>Sun</title><description><![CDATA[{html}]]></description></item></rss>"
        );
        assert_eq!(said(feed)[1], text);
        let escaped = quick_xml::escape::escape(html);
        let feed = format!("<rss><item><title>Sun</title><description>{escaped}</description></item></rss>");
        assert_eq!(said(feed)[1], text);
    }
}

#[test]
fn reads_every_encoding_that_a_feed_declares() {
    let feed = |declared: &str| {
        format!(
            "<?xml version='1.0' encoding='{declared}'?><rss><item><title>Reykjav\u{ed}k 5\u{b0}</title></item></rss>"
        )
    };
    let latin = |text: &str| {
        text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect::<Vec<_>>()
    };
    let utf16 =
        |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    let (utf8, declared) = (feed("utf-8"), feed("UTF-16"));
    for bytes in [
        utf8.clone().into_bytes(),
        format!("\u{feff}{utf8}").into_bytes(),
        latin(&feed("ISO-8859-1")),
        latin(&feed("windows-1252")),
        utf16(&format!("\u{feff}{declared}"), u16::to_le_bytes),
        utf16(&format!("\u{feff}{declared}"), u16::to_be_bytes),
        utf16(&declared, u16::to_le_bytes),
        utf16(&declared, u16::to_be_bytes),
        // Written by a program that thought in UTF-16.
        declared.into_bytes(),
    ] {
        assert_eq!(said(&bytes)[0], "Reykjav\u{ed}k 5\u{b0}", "{}", bytes.escape_ascii());
    }
}

/// What strangers may send: each is refused with a reason, and nothing grows.
#[test]
fn says_what_is_wrong_with_a_feed() {
    let deep = "<rss>".to_owned() + &"<a>".repeat(FEED_BYTES / 3);
    for (feed, why) in [
        ("", "no feed: there is nothing in it"),
        ("out of order", "no feed: there is nothing in it"),
        ("<html><body/></html>", "no feed: the document is <html>"),
        ("<rss><channel><title>No forecasts</title></channel></rss>", "the feed has no entry"),
        ("<feed/>", "the feed has no entry"),
        ("<rss><channel><item><title>Su", "the feed ends in the middle, after 29 bytes"),
        ("<rss><channel></rss>", "no XML at byte"),
        ("<rss><item><title></title></item></rss>", "the feed's first entry has no title"),
        ("<rss><item><title>&bomb;</title></item></rss>", "the feed uses an entity of its own, &bomb;"),
        ("<?xml version='1.0' encoding='klingon'?><rss/>", "the feed's encoding is not known: klingon"),
        (&deep, "the feed ends in the middle"),
    ] {
        let error = first_entry(feed.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}, not {why}");
    }
    let error = first_entry(b"<rss><item><title>\xff</title></item></rss>").unwrap_err().to_string();
    assert_eq!(error, "the feed is not UTF-8");
    let long = format!("<rss><item><title>{}</title></item></rss>", "\u{e9}".repeat(100_000));
    assert_eq!(said(long)[0].chars().count(), TEXT_CHARS);
}
