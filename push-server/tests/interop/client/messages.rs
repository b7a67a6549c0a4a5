//! Messages from browsers: over every transport of the script, and in the form of the framework; who is asked, whom they
//! reach, what people are shown, and which pages may send them at all.

use push_server::messages::{Chain, ClientMessage, Failure, Verdict};
use serde_json::{Value, json};

use super::{Page, Site, TRANSPORTS, limits, quick};

/// Texts that would leave a script, a tag, a line or an event if they could.
fn hostile() -> [Value; 5] {
    [
        json!("</script><script>window.is_broken = true</script>"),
        json!("<img src=x onerror='window.is_broken = true'><!--<script>"),
        json!("\u{2028}window.is_broken = true;\u{2029}\r\n\ndata: 1\n\nid: x\0"),
        json!({"__proto__": {"is_broken": true}, "event": "end"}),
        Value::Null,
    ]
}

/// Takes the messages that name it, and answers with its own name; a `people` of its own is for people.
fn handler(name: &'static str) -> impl push_server::messages::Handler {
    move |message: ClientMessage| async move {
        let Ok(value) = message.parse::<Value>() else { return Ok(Verdict::Pass) };
        if name == "first" && value["fail"] == true {
            return Err(Failure::internal("not for <b>anybody</b>"));
        }
        match value["for"].as_array().is_some_and(|names| names.contains(&json!(name))) {
            false => Ok(Verdict::Pass),
            true => match value["people"].as_str() {
                Some(text) => Err(Failure::for_people(text)),
                None => Verdict::reply(&json!([name, message.sender().map(ToString::to_string)])),
            },
        }
    }
}

impl Page {
    /// What `promise` comes to, or `{ error, status, forPeople }`.
    async fn comes_to(&self, promise: &str) -> Value {
        let script = format!(
            "delete window.outcome; ({promise}).then(value => {{ window.outcome = [value]; }}, \
             ({{ message, status, forPeople }}) => {{ window.outcome = [{{ error: message, status, forPeople }}]; }})"
        );
        self.value(&format!("void ({{ run() {{ {script} }} }}).run()")).await;
        self.until("window.outcome ?? null", |outcome| !outcome.is_null()).await[0].take()
    }
}

async fn messages_over(transport: &'static str) {
    let chain = Chain::new().with(handler("first")).with(handler("second"));
    let site = Site::with_handlers(limits(), chain).await;
    let page = Page::open(&site).await;
    for client in ["ann", "bob"] {
        let options = json!({
            "transports": [transport], "last": 100, "client": client, "rotate": 0, "limits": quick(),
        });
        page.listen(client, options).await;
        page.until_is(&format!("streams.{client}.connection.state"), json!("open")).await;
    }
    let send = async |value: &Value, options: Value| {
        // Parsed, for a literal would give `__proto__` a meaning.
        let value = json!(value.to_string());
        page.comes_to(&format!("streams.ann.connection.send(JSON.parse({value}), {options})")).await
    };

    // In their order, the first that accepts, and nobody else.
    for (names, who) in
        [(json!(["first"]), "first"), (json!(["second"]), "second"), (json!(["second", "first"]), "first")]
    {
        assert_eq!(send(&json!({"for": names}), json!({})).await, json!({"reply": [who, "ann"]}));
    }
    assert_eq!(site.published(), 0);

    // The system handler last: to all, or to one.
    let (mut to_ann, mut to_bob) = (Vec::new(), Vec::new());
    for value in hostile() {
        let receipt = send(&value, json!({})).await;
        to_ann.push(value.clone());
        to_bob.push(value.clone());
        assert_eq!(receipt["position"], json!(format!("1:{}", to_ann.len())), "{receipt}");
        let receipt = send(&value, json!({"to": "bob"})).await;
        assert!(receipt["waits"].is_boolean(), "{receipt}");
        to_bob.push(value);
    }
    // As text, for the driver's own objects lose `__proto__`.
    for (name, values) in [("ann", &to_ann), ("bob", &to_bob)] {
        let text = format!("JSON.stringify(streams.{name}.values)");
        page.until(&text, |text| {
            text.as_str().is_some_and(|text| text.parse::<Value>().is_ok_and(|told| told == json!(values)))
        })
        .await;
    }
    assert_eq!(page.value("window.is_broken ?? ({}).is_broken ?? null").await, Value::Null);
    let gone = send(&json!(1), json!({"to": "carol"})).await;
    assert_eq!((&gone["status"], &gone["forPeople"]), (&json!(404), &json!(false)), "{gone}");
    // No JSON text that is Unicode holds half a pair: refused, not mended.
    let half = page.comes_to("streams.ann.connection.send('\\ud800')").await;
    assert_eq!(half["status"], 400, "{half}");

    // What is for people is shown to them, as text.
    for text in
        ["It is not <b>your</b> turn: </script><img src=x onerror='window.is_broken = 1'>\u{2028}", "Später."]
    {
        let refused = send(&json!({"for": ["second"], "people": text}), json!({})).await;
        assert_eq!(refused, json!({"error": text, "status": 422, "forPeople": true}));
        let show = "(() => { const p = document.body.appendChild(document.createElement('p')); \
                    p.textContent = window.outcome[0].error; return [p.textContent, p.children.length]; })()";
        assert_eq!(page.value(show).await, json!([text, 0]));
    }
    let failed = send(&json!({"fail": true}), json!({})).await;
    assert_eq!((&failed["status"], &failed["forPeople"]), (&json!(500), &json!(false)));
    assert!(!failed["error"].as_str().unwrap().contains("anybody"), "{failed}");
    assert_eq!(page.value("window.is_broken ?? null").await, Value::Null);

    // Many at once: in order, each answered; longer ones than a WebSocket takes among them.
    let many = "Promise.all(Array.from({ length: 60 }, (_, n) => \
                streams.ann.connection.send([n, n % 20 === 7 ? 'x'.repeat(40000) : ''])))\
                .then(receipts => receipts.map(({ position }) => position))";
    let first = site.published();
    let positions = page.comes_to(many).await;
    let expected: Vec<_> = (1..=60).map(|n| format!("1:{}", first + n)).collect();
    assert_eq!(positions, json!(expected));
    let numbers = format!("streams.bob.values.slice({}).map(([n]) => n)", to_bob.len());
    page.until_is(&numbers, json!((0..60).collect::<Vec<_>>())).await;
    let requests =
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/send')).length";
    let requests = page.value(requests).await;
    println!("{transport}: {requests} requests for messages");
    assert_eq!(transport == "ws", requests.as_u64().unwrap() < 10, "{requests}");
    page.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn messages_from_a_page_over_every_transport() {
    for transport in TRANSPORTS {
        messages_over(transport).await;
    }
}

/// As pages of that time sent them: by a request, an image, a form; and as pages of other sites would.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs chromium and chromium-driver: bash .ci/interop.sh stream"]
async fn messages_in_the_form_of_the_framework_and_forged_ones() {
    let site = Site::with_handlers(limits(), Chain::new().with(handler("first"))).await;
    let page = Page::open(&site).await;
    for (client, transport) in [("ann", "script"), ("bob", "ws")] {
        let options = json!({ "transports": [transport], "client": client, "limits": quick() });
        page.listen(client, options).await;
        page.until_is(&format!("streams.{client}.connection.state"), json!("open")).await;
    }
    let (mut to_ann, mut to_bob) = (Vec::new(), Vec::new());
    let texts = hostile().into_iter().filter(Value::is_string);
    for (text, method) in
        texts.chain([json!("null"), json!("a+b &=%")]).zip(["GET", "POST", "GET", "POST", "GET"])
    {
        let parameters = format!("new URLSearchParams({{ streamId: 'news', message: {text} }})");
        let ask = match method {
            "GET" => format!("fetch('/serverComet.message?' + {parameters} + '&clientId=')"),
            _ => format!("fetch('/serverComet.message', {{ method: 'POST', body: {parameters} }})"),
        };
        let receipt = page.comes_to(&format!("{ask}.then(answer => answer.json())")).await;
        to_ann.push(text.clone());
        to_bob.push(text.clone());
        assert_eq!(receipt["position"], json!(format!("1:{}", to_ann.len())), "{receipt}");
        let direct = format!(
            "fetch('/serverComet.message?clientId=bob&streamId=news&message=' + encodeURIComponent({text}))"
        );
        let receipt = page.comes_to(&format!("{direct}.then(answer => answer.json())")).await;
        assert_eq!(receipt, json!({"receivers": 1, "waits": false}));
        to_bob.push(text);
    }
    page.value("void (new Image().src = '/serverComet.message?streamId=news&message=by+an+image')").await;
    to_ann.push(json!("by an image"));
    to_bob.push(json!("by an image"));
    page.until_is("streams.ann.values", json!(to_ann)).await;
    page.until_is("streams.bob.values", json!(to_bob)).await;
    // Half of a pair: what a form makes of it is told, and what is no text at all is refused.
    let form =
        "fetch('/serverComet.message?' + new URLSearchParams({ streamId: 'news', message: '\\ud800' }))";
    page.comes_to(&format!("{form}.then(({{ status }}) => status)")).await;
    page.until_is("streams.ann.values.at(-1)", json!("\u{fffd}")).await;
    let half = "fetch('/serverComet.message?streamId=news&message=%ed%a0%80').then(({ status }) => status)";
    assert_eq!(page.comes_to(half).await, 400);
    assert_eq!(page.value("window.is_broken ?? null").await, Value::Null);

    // A page of another port, and one of another site, by whatever sends a request: nothing comes of it.
    let published = site.published();
    let other = Site::start(2, limits()).await;
    for host in ["127.0.0.1", "localhost"] {
        let attacker = format!("http://{host}:{}/page", other.address.port());
        page.browser.page.goto(&attacker).await.expect("the page loads");
        let url = format!("http://{}/serverComet.message?streamId=news&message=forged", site.address);
        for attack in [
            format!("fetch('{url}', {{ mode: 'no-cors', credentials: 'include' }})"),
            format!("fetch('{url}', {{ mode: 'no-cors', referrerPolicy: 'no-referrer' }})"),
            format!(
                "fetch('{url}', {{ mode: 'no-cors', method: 'POST', body: new URLSearchParams({{ a: 1 }}) }})"
            ),
            format!(
                "new Promise(done => {{ const image = new Image(); image.referrerPolicy = 'no-referrer'; \
                 image.onload = image.onerror = () => done(1); image.src = '{url}&image'; }})"
            ),
            format!(
                "new Promise(done => {{ const frame = document.createElement('iframe'), form = document.createElement('form'); \
                 frame.name = 'sink'; document.body.append(frame, form); frame.onload = () => done(1); \
                 Object.assign(form, {{ method: 'POST', action: '{url}', target: 'sink' }}).submit(); }})"
            ),
            format!(
                "fetch('http://{}/streams/news/send', {{ method: 'POST', body: '1', headers: {{ 'content-type': \
                 'application/json' }} }})",
                site.address
            ),
            format!(
                "fetch('http://{}/streams/news/send', {{ mode: 'no-cors', method: 'POST', body: '1' }})",
                site.address
            ),
            format!(
                "new Promise(done => {{ const socket = new WebSocket('ws://{}/streams/news/ws'); \
                 socket.onopen = () => socket.send('{{\"data\":1}}'); socket.onclose = () => done(1); }})",
                site.address
            ),
        ] {
            let outcome = page.comes_to(&format!("{attack}.then(() => 1)")).await;
            assert!(outcome == 1 || outcome["error"] == "Failed to fetch", "{attack}: {outcome}");
        }
    }
    assert_eq!(site.published(), published, "a forged message was published");
    page.close().await;
}
