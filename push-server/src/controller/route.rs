//! Controllers at a path, without a handler of one's own.

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest as _, Query};
use axum::response::Response;
use axum::routing::{MethodRouter, on};
use http::header::SEC_WEBSOCKET_PROTOCOL;
use http::{Request, StatusCode};
use serde::Deserialize;

use super::callbacks::Controller;
use super::form::Form;
use super::suspend::Suspend;
use crate::transport::script::Callback;
use crate::transport::ws::Subprotocol;
use crate::web::{SUBSCRIBE, packets, text, wrong_method};

/// What the query of a request for a form may say. Anything else is ignored.
#[derive(Debug, Default, Deserialize)]
struct Params {
    framing: Option<String>,
    grammar: Option<String>,
    callback: Option<String>,
}

/// Serves a controller of `make`'s, for GET and POST, in one form: what a comet servlet and its mapping were.
/// `make` is given the request, whose body is not there; it takes along what the controller has to know.
pub fn route<C, F>(form: Form, make: F) -> MethodRouter
where
    C: Controller,
    F: Fn(&Request<()>) -> C + Clone + Send + Sync + 'static,
{
    on(SUBSCRIBE, move |request: Request<Body>| {
        let (form, make) = (form.clone(), make.clone());
        async move {
            let (seen, suspend) = split(request).await?;
            Ok::<_, Response>(suspend.form(form).run(make(&seen)))
        }
    })
    .fallback(wrong_method)
}

/// Serves a controller of `make`'s in every form, so that each client takes the one that it can read:
/// `path` in `form`, and
///
/// | path | form | query |
/// | --- | --- | --- |
/// | `path/hessian` | [`Form::Hessian`] | `framing`: `ws` (default), `p`, `varint`, `marked`; `grammar`: `final` (default), `draft`, `tutorial` |
/// | `path/script` | [`Form::Script`] | `callback`: the function of the parent page, default `comet_update` |
/// | `path/sse` | [`Form::Sse`] | |
/// | `path/json` | [`Form::Json`], a line each | |
/// | `path/ws` | [`Form::WsJson`], or [`Form::WsHessian`] where the client offers the subprotocol `push.hessian` first | |
/// | `path/longpoll` | [`Form::Json`], as a [long poll](Suspend::long_poll) | |
pub fn router<C, F>(path: &str, form: Form, make: F) -> Router
where
    C: Controller,
    F: Fn(&Request<()>) -> C + Clone + Send + Sync + 'static,
{
    let mut router = Router::new().route(path, route(form, make.clone()));
    for name in ["hessian", "script", "sse", "json", "ws", "longpoll"] {
        let make = make.clone();
        let by_name = move |request: Request<Body>| {
            let make = make.clone();
            async move {
                let form = named(name, &request).map_err(|what| text(StatusCode::BAD_REQUEST, &what))?;
                let (seen, suspend) = split(request).await?;
                let suspend = suspend.form(form);
                let suspend = if name == "longpoll" { suspend.long_poll() } else { suspend };
                Ok::<_, Response>(suspend.run(make(&seen)))
            }
        };
        let path = format!("{}/{name}", path.trim_end_matches('/'));
        router = router.route(&path, on(SUBSCRIBE, by_name).fallback(wrong_method));
    }
    router
}

async fn split(request: Request<Body>) -> Result<(Request<()>, Suspend), Response> {
    let (parts, body) = request.into_parts();
    let seen = Request::from_parts(parts.clone(), ());
    Ok((seen, Suspend::from_request(Request::from_parts(parts, body), &()).await?))
}

/// The form of this name, with what the query says about it.
fn named(name: &str, request: &Request<Body>) -> Result<Form, String> {
    let Query(params) = Query::<Params>::try_from_uri(request.uri()).map_err(|bad| bad.body_text())?;
    Ok(match name {
        "hessian" => {
            let (framing, grammar) = packets(params.framing.as_deref(), params.grammar.as_deref())?;
            Form::Hessian { framing, grammar }
        }
        "script" => Form::Script(match params.callback.as_deref() {
            None => Callback::default(),
            Some(name) => Callback::new(name).map_err(|error| format!("callback: {error}."))?,
        }),
        "sse" => Form::Sse,
        "ws" => match Subprotocol::choose(request.headers().get_all(SEC_WEBSOCKET_PROTOCOL)) {
            Some((Subprotocol::Hessian, _)) => Form::WsHessian,
            _ => Form::WsJson,
        },
        _ => Form::Json,
    })
}
