//! `chat` in two browsers.

use serde_json::json;

use crate::page::{Network, Page};
use crate::support::Example;

/// Does all that a page could be made to do by what somebody writes.
const ATTACK: &str =
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script><b>bold</b>";

async fn come(page: &Page, name: &str) {
    page.fill("#name", name).await;
    page.press("#come").await;
    page.until("#people", |text| text.contains(&format!("{name} (you)"))).await;
    // What follows is to say something: the field for that is there to write in, on a small screen too.
    assert_eq!(page.text("#my-name").await, name);
    assert_eq!(page.browser.value("document.activeElement.id").await, "text");
}

/// Whether the whole element is on a screen of this size, without scrolling.
async fn is_seen(page: &Page, css: &str, width: u32, height: u32) -> bool {
    page.size(width, height).await;
    let script = "const { top, bottom } = document.querySelector(arguments[0]).getBoundingClientRect(); \
                  return [scrollTo(0, 0), top >= 0 && bottom <= innerHeight && bottom > top][1];";
    page.browser.page.execute(script, vec![css.into()]).await.unwrap() == json!(true)
}

async fn say(page: &Page, text: &str) {
    page.fill("#text", text).await;
    page.press("#send").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver, and axe from npm: bash .ci/interop.sh examples"]
async fn two_talk_to_all_and_to_one() {
    let example = Example::start("chat", &[]);
    let ann = Page::open(&example.url("/")).await;
    come(&ann, "ann").await;
    say(&ann, "Is anybody here?").await;
    ann.until("#messages", |text| text.contains("Is anybody here?")).await;

    // Who comes later reads what was said; whoever is there sees them come.
    let bob = Page::open(&example.url("/")).await;
    come(&bob, "bob").await;
    bob.until("#messages", |text| text.contains("Is anybody here?")).await;
    ann.until("#people", |text| text == "ann (you)\nbob").await;
    say(&bob, "I am.").await;
    ann.until("#messages", |text| text.contains("bob I am.")).await;

    // To one alone.
    let choose = "document.getElementById('to').value = 'ann'; return document.getElementById('to').value;";
    assert_eq!(bob.browser.page.execute(choose, Vec::new()).await.unwrap(), json!("ann"));
    say(&bob, "Between us.").await;
    ann.until("#messages", |text| text.contains("bob, to you alone")).await;
    bob.until("#messages", |text| text.contains("You, to ann alone Between us. received")).await;
    assert_eq!(ann.text("#messages").await.matches("Between us.").count(), 1);

    // Whatever is written is text: nothing of it is made part of a page.
    say(&ann, ATTACK).await;
    for page in [&ann, &bob] {
        page.until("#messages", |text| text.contains(ATTACK)).await;
        assert_eq!(page.browser.value("document.title").await, "chat: two rooms");
        assert_eq!(
            page.browser
                .value("document.querySelectorAll('#messages :is(img, script, .words b)').length")
                .await,
            0
        );
    }
    // The history was there to be read, and not to be read out; what comes now is.
    let is_read_out = "document.getElementById('said').getAttribute('aria-live')";
    bob.until_value(is_read_out, "polite").await;
    for css in ["#write", "#notice"] {
        assert!(is_seen(&ann, css, 1280, 800).await, "{css}");
    }
    // Nor is a key shown; the command that is copied has it.
    let key = ann.browser.value("sessionStorage.chatKey").await;
    let key = key.as_str().unwrap();
    let commands = ann.text("#commands").await;
    assert!(commands.contains("client=ann~…'") && !commands.contains(key), "{commands}");
    let copy = "Object.defineProperty(navigator, 'clipboard', { value: { writeText: text => { window.copied = text; } } });
                document.querySelectorAll('#commands button')[1].click(); return window.copied;";
    let copied = ann.browser.page.execute(copy, Vec::new()).await.unwrap();
    assert!(copied.as_str().unwrap().ends_with(&format!("client=ann~{key}'")), "{copied}");
    bob.is_accessible("chat").await;
    ann.is_accessible("chat").await;
    ann.asks_nobody_else(&example.url("/")).await;

    // The other room is another one; a name that is taken is refused there where it is taken.
    let garden = "document.querySelector('[value=garden]').click();";
    ann.browser.page.execute(garden, Vec::new()).await.unwrap();
    ann.until("#room-title", |text| text == "The garden").await;
    ann.until("#people", |text| text == "ann (you)").await;
    assert!(!ann.text("#messages").await.contains("Is anybody here?"));
    ann.browser.page.refresh().await.unwrap();
    ann.until("#room-title", |text| text == "The garden").await;
    ann.until("#people", |text| text == "ann (you)").await;
    ann.press("#go").await;
    ann.until("#state", |text| text == "left by you").await;
    assert_eq!(ann.text("#room-title").await, "The room");
    assert_eq!(ann.browser.value("document.activeElement.id").await, "name");
    say(&ann, "Not yet there.").await;
    ann.until("#refused", |text| text == "Come in first, by a name.").await;
    come(&ann, "bob").await;
    let kitchen = "document.querySelector('[value=kitchen]').click();";
    ann.browser.page.execute(kitchen, Vec::new()).await.unwrap();
    ann.until("#refused", |text| text == "Somebody else here is called bob.").await;
    assert_eq!(ann.text("#state").await, "you are not in a room");
    assert_eq!(ann.browser.value("document.activeElement.id").await, "name");
    // What a page does by itself is no news of the connection.
    let journal = ann.text("#journal").await;
    assert!(!journal.contains("closed") && !journal.contains("over"), "{journal}");
    // Ann has gone from the kitchen, and is seen to; at once, as nobody waits for her.
    bob.until("#messages", |text| text.contains("ann left.")).await;
    ann.close().await;

    // A copy of a tab ("Duplicate tab") has a copy of its storage, and is somebody else all the same. A reload is not.
    bob.browser.page.refresh().await.unwrap();
    bob.until("#people", |text| text == "bob (you)").await;
    let key = bob.browser.value("sessionStorage.chatKey").await;
    let first = bob.browser.page.window().await.unwrap();
    bob.browser.page.execute("window.open('/');", Vec::new()).await.unwrap();
    let windows = bob.browser.page.windows().await.unwrap();
    let second = windows.into_iter().find(|window| *window != first).expect("another window");
    bob.browser.page.switch_to_window(second).await.unwrap();
    bob.until("#messages", str::is_empty).await;
    let is_other =
        format!("String(document.activeElement.id === 'name' && sessionStorage.chatKey !== {key})");
    bob.until_value(&is_other, "true").await;
    bob.press("#come").await;
    bob.until("#refused", |text| text == "Somebody else here is called bob.").await;
    bob.browser.page.switch_to_window(first).await.unwrap();
    bob.close().await;
    example.stop();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh examples"]
async fn the_chat_says_what_becomes_of_its_connection_and_comes_back() {
    let example = Example::start("chat", &[]);
    let page = Page::open(&example.url("/")).await;
    come(&page, "ann").await;
    say(&page, "before").await;
    page.until("#messages", |text| text.contains("before")).await;
    let address = example.kill();
    page.journal_tells("kitchen: lost: ").await;
    let example = Example::start_at("chat", address, &[]);
    page.journal_tells("kitchen: back again").await;
    page.until("#messages", |text| text.contains("The server was started anew.")).await;
    page.until("#people", |text| text == "ann (you)").await;
    say(&page, "after").await;
    page.until("#messages", |text| text.contains("after")).await;

    // On a slow network it is late. (The browser slows down what begins afterwards, and no WebSockets.) Reloaded, the page is
    // there by the same name.
    page.network(Network::Slow).await;
    page.goto(&example.url("/?transport=sse")).await;
    page.until("#state", |text| text.contains("server-sent events")).await;
    say(&page, "slowly").await;
    page.until("#messages", |text| text.contains("slowly")).await;

    // Without one, what is written waits, and is sent when there is one again.
    page.network(Network::Offline).await;
    page.journal_tells("kitchen: lost: ").await;
    say(&page, "patiently").await;
    page.until("#messages", |text| text.contains("Waiting to be sent: “patiently”")).await;
    page.network(Network::Usual).await;
    page.journal_tells("kitchen: back again").await;
    page.until("#messages", |text| text.contains("ann patiently") && !text.contains("Waiting")).await;
    page.browser.page.refresh().await.unwrap();
    page.until("#people", |text| text == "ann (you)").await;
    page.until("#messages", |text| text.contains("after") && text.contains("slowly")).await;
    page.close().await;
    example.stop();
}

/// By server-sent events, as the browser cuts no WebSockets.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh examples"]
async fn a_whisper_waits_for_who_is_away_for_a_moment() {
    let example = Example::start("chat", &[]);
    let url = example.url("/?transport=sse");
    let (ann, bob) = (Page::open(&url).await, Page::open(&url).await);
    for (page, name) in [(&ann, "ann"), (&bob, "bob")] {
        come(page, name).await;
    }
    ann.until("#people", |text| text == "ann (you)\nbob").await;
    let choose = "document.getElementById('to').value = 'bob';";
    ann.browser.page.execute(choose, Vec::new()).await.unwrap();
    bob.network(Network::Offline).await;
    bob.journal_tells("kitchen: lost: ").await;
    for text in ["first", "second", "third"] {
        say(&ann, text).await;
        ann.until("#messages", |said| said.contains(&format!("You, to bob alone {text}"))).await;
    }
    let waiting = ann.text("#messages").await;
    assert!(!waiting.contains("received"), "{waiting}");
    ann.picture("chat-away.png").await;
    bob.network(Network::Usual).await;
    let text = bob.until("#messages", |text| text.contains("third")).await;
    let places: Vec<_> = ["first", "second", "third"].iter().map(|word| text.find(word)).collect();
    assert!(places.is_sorted() && places[0].is_some(), "{text}");
    assert_eq!(text.matches("to you alone").count(), 3, "{text}");
    ann.until("#messages", |text| text.matches("received").count() == 3).await;

    // Who does not come back has not got it; whoever has whispered reads so. And who leaves has left at once.
    bob.network(Network::Offline).await;
    bob.journal_tells("kitchen: lost: ").await;
    say(&ann, "fourth").await;
    bob.close().await;
    ann.until("#messages", |text| {
        text.contains("fourth they have left, and not confirmed that they have it")
    })
    .await;
    ann.press("#go").await;
    ann.until("#nobody", |text| !text.is_empty()).await;
    ann.close().await;
    example.stop();
}
