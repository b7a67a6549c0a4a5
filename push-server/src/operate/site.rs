//! What is served on the ports of clients. It can be replaced while it is served: connections stay, and their next request
//! gets the new one.

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use http::header;
use policy_server::PolicyFile;
use policy_server::policy::{URL_POLICY_CONTENT_TYPE, URL_POLICY_PATH};
use push_server::web::{self, Origins};
use tower_service::Service as _;

use super::console::Console;
use super::pages;
use super::status::Status;
use crate::config::{Public, Settings};

/// The router of the moment. Clones are one.
#[derive(Clone, Debug)]
pub(super) struct Site(Arc<ArcSwap<Router>>);

impl Site {
    pub(super) fn new(router: Router) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(router)))
    }

    pub(super) fn replace(&self, router: Router) {
        self.0.store(Arc::new(router));
    }

    /// A router that always asks the one of the moment, counts what is answered if there is somewhere to count it, and logs
    /// it at the level `debug`: never the query, which may hold what is not for logs.
    pub(super) fn router(&self, status: Option<Arc<Status>>) -> Router {
        let site = self.clone();
        Router::new().fallback(async move |request: Request| {
            let mut router = Router::clone(&site.0.load());
            let asked = tracing::enabled!(tracing::Level::DEBUG)
                .then(|| (request.method().clone(), request.uri().path().to_owned()));
            let Ok(response): Result<Response, _> = router.call(request).await;
            if let Some(status) = &status {
                status.responses.count(response.status());
            }
            if let Some((method, path)) = asked {
                tracing::debug!(%method, ?path, status = response.status().as_u16(), "answered");
            }
            response
        })
    }
}

/// What clients are served, as the settings say.
pub(super) fn clients(
    status: &Arc<Status>,
    settings: &Settings,
    policy: &PolicyFile,
    console: &Console,
    help: Arc<str>,
) -> Router {
    let url_policy = ([(header::CONTENT_TYPE, URL_POLICY_CONTENT_TYPE)], policy.to_url_policy());
    let mut access = web::Access::default();
    (access.opens, access.publishes) = (settings.access.opens, settings.access.publishes);
    access.sends = settings.access.sends;
    let router = Router::new()
        .route("/", get(async move || help.to_string()))
        .route(URL_POLICY_PATH, get(async || url_policy))
        .merge(web::router_with(status.hub.clone(), access));
    let router = match settings.admin.public {
        Public::Nothing => router,
        Public::Health => router.merge(pages::health(status.clone())),
        Public::All => router.merge(pages::all(status.clone(), settings.admin.console.then_some(console))),
    };
    router.layer(Extension(origins(&settings.access.origins)))
}

fn origins(list: &[String]) -> Origins {
    match list.iter().any(|origin| origin == "*") {
        true => Origins::any(),
        false => list.iter().fold(Origins::same_host(), |origins, origin| origins.and(origin)),
    }
}

/// What operators are served on a port of their own.
pub(super) fn operators(status: &Arc<Status>, settings: &Settings, console: &Console) -> Router {
    pages::all(status.clone(), settings.admin.console.then_some(console))
}
