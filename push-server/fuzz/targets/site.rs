//! A server without sockets, kept from one execution to the next.

use std::cell::RefCell;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use push_server::guard::{Rate, Rules, StreamRule, Token, Tokens};
use push_server::web::{self, Access};
use push_server::{Epoch, Hub, Limits, Stream};
use tokio::runtime::Runtime;
use tower_service::Service as _;

use super::token::TOKENS;

/// Bytes of a message at most.
pub const MESSAGE: usize = 1 << 12;

pub struct Site {
    runtime: Runtime,
    router: Router,
    pub stream: Stream,
}

/// What came of a request.
pub struct Answer {
    pub status: u16,
    pub text: String,
}

thread_local! {
    static SITE: RefCell<Site> = RefCell::new(Site::new("news", Rules::default()));
    static GUARDED: RefCell<Site> = RefCell::new(Site::new("secret", guarded()));
}

/// A token for each of what there are tokens for.
fn guarded() -> Rules {
    let [publish, send, read] = TOKENS.map(|token| Tokens::new([Token::new(token).unwrap()]).unwrap());
    let mut rules = Rules::default();
    (rules.publish, rules.send) = (publish, send);
    let mut rule = StreamRule::new("sec*".parse().unwrap());
    rule.subscribe = read;
    rules.streams = vec![rule];
    rules
}

/// The one of this thread.
pub fn with<T>(act: impl FnOnce(&mut Site) -> T) -> T {
    SITE.with_borrow_mut(act)
}

/// The one that asks for [`TOKENS`].
pub fn with_guarded<T>(act: impl FnOnce(&mut Site) -> T) -> T {
    GUARDED.with_borrow_mut(act)
}

impl Site {
    fn new(stream: &str, mut rules: Rules) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut limits = Limits::default();
        limits.message_bytes = MESSAGE;
        limits.log_messages = 64;
        limits.streams = 8;
        // Nobody asks as fast as a fuzzer.
        rules.rates.publishes = Rate::new(0, 0);
        rules.rates.stream_publishes = Rate::new(0, 0);
        rules.rates.sends = Rate::new(0, 0);
        rules.rates.connects = Rate::new(0, 0);
        let (router, stream) = runtime.block_on(async {
            let hub = Hub::start(Epoch::new(1), limits, 1);
            hub.guard().replace(rules);
            let stream = hub.open(&stream.parse().unwrap()).unwrap();
            (web::router_with(hub, Access::ALL), stream)
        });
        Self { runtime, router, stream }
    }

    pub fn ask(&mut self, request: Request<Body>) -> Answer {
        let router = &mut self.router;
        self.runtime.block_on(async {
            let Ok(response) = router.call(request).await;
            let (head, body) = Response::into_parts(response);
            let body = body.collect().await.unwrap().to_bytes();
            let answer =
                Answer { status: head.status.as_u16(), text: String::from_utf8(body.to_vec()).unwrap() };
            assert!(answer.status < 500 || answer.status == 503, "{} {}", answer.status, answer.text);
            assert!(answer.text.ends_with('\n') && answer.text.len() < 2 * MESSAGE, "{}", answer.text);
            answer
        })
    }

    /// How many messages have been published.
    pub fn published(&self) -> u64 {
        self.stream.position().sequence
    }

    /// The newest message, as JSON.
    pub fn latest(&self) -> serde_json::Value {
        serde_json::from_slice(self.stream.latest().unwrap().json()).unwrap()
    }
}
