//! The HTTP interface under `/v1`, as the page `http.md` describes it.
//!
//! Every route is described by OpenAPI where it is written, and every error is a problem (RFC 9457) that names the rule.
//! What reads the state or the log does so on threads of its own; proofs and blocks have theirs in the node.

#![allow(clippy::result_large_err)] // a problem is an answer: it is made once a request, and goes to whoever asked

mod address;
mod blocks;
mod body;
mod connections;
mod consents;
mod datasets;
mod guard;
mod ledger;
mod page;
mod plan;
mod problem;
mod queries;
mod results;
mod running;
mod service;
mod studies;
mod transactions;
mod words;

use std::io;
use std::net::IpAddr;
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use actix_web::App;
use actix_web::HttpRequest;
use actix_web::HttpServer;
use actix_web::dev::Server;
use actix_web::middleware::DefaultHeaders;
use actix_web::middleware::from_fn;
use actix_web::web;
use actix_web::web::Data;
use utoipa::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

pub use guard::Rates;
pub use problem::PROBLEM_JSON;
pub use problem::Problem;
pub use running::Running;
pub use running::spawn;

use crate::node::Ledger;

/// One address may have this part of all connections, and of all that is posted, unless told otherwise.
pub const ADDRESS_PART: usize = 8;

/// How the ledger is served.
#[derive(Clone, Debug)]
pub struct Config {
    /// Requests a second from one address.
    pub rates: Rates,
    /// Proxies that are believed whose requests they hand on.
    pub trusted_proxies: Vec<IpAddr>,
    /// Connections at one time.
    pub connections: usize,
    /// Connections from one address at one time.
    pub address_connections: usize,
    /// How long a peer may read nothing of what is sent to it (on Linux).
    pub reader_patience: Duration,
    /// How long a connection without a request is kept.
    pub keep_alive: Duration,
    /// How long a request's head may take to come.
    pub head_patience: Duration,
    /// How long its body may.
    pub body_patience: Duration,
    /// Bytes of bodies at one time, until their requests are answered.
    pub upload_bytes: usize,
    /// Of these, from one address.
    pub address_upload_bytes: usize,
    /// How long a posted transaction is waited for.
    pub answer_patience: Duration,
    /// How long requests may take to end when the service ends, in seconds.
    pub shutdown_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        let rate = |per_second| NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        Self {
            rates: Rates { reads: rate(200), writes: rate(50), plans: rate(10) },
            trusted_proxies: Vec::new(),
            connections: 512,
            address_connections: 512 / ADDRESS_PART,
            reader_patience: Duration::from_secs(30),
            keep_alive: Duration::from_secs(5),
            head_patience: Duration::from_secs(10),
            body_patience: Duration::from_secs(60),
            upload_bytes: 256 << 20,
            address_upload_bytes: (256 << 20) / ADDRESS_PART,
            answer_patience: Duration::from_secs(120),
            shutdown_seconds: 10,
        }
    }
}

/// What every route is given.
pub(crate) struct Service {
    ledger: Arc<Ledger>,
    proxies: Arc<address::Proxies>,
    limits: guard::Limits,
    uploads: Arc<body::Uploads>,
    /// Dry runs that are being worked on.
    plans: Arc<AtomicUsize>,
    body_patience: Duration,
    answer_patience: Duration,
    description: String,
    routes: Vec<(String, Vec<&'static str>)>,
}

impl Service {
    /// Reads on a thread where waiting harms nobody.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Arc<Ledger>) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let ledger = self.ledger.clone();
        let outcome = web::block(move || read(&ledger)).await;
        outcome.unwrap_or_else(|_| Err(Problem::internal("the request could not be worked on")))
    }
}

/// The description without its paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cohortium ledger",
        description = "The ledger service of a research data exchange. Everything on it is readable; every write is a \
                       signed transaction. Errors are application/problem+json and name the rule.",
        license(name = "MIT OR Apache-2.0")
    ),
    tags(
        (name = "ledger", description = "The charter, keys, checkpoints, blocks, transactions"),
        (name = "catalogue", description = "Tables, their schemas, consent epochs and policy floors"),
        (name = "studies", description = "Approvals of ethics boards"),
        (name = "queries", description = "Queries, their states, results and bundles"),
        (name = "service", description = "Health, metrics, this description")
    ),
    components(schemas(Problem))
)]
struct Head;

fn configure(config: &mut ServiceConfig<'_>) {
    ledger::configure(config);
    blocks::configure(config);
    transactions::configure(config);
    datasets::configure(config);
    consents::configure(config);
    studies::configure(config);
    queries::configure(config);
    results::configure(config);
    plan::configure(config);
    service::configure(config);
}

/// The OpenAPI description of every route.
pub fn description() -> utoipa::openapi::OpenApi {
    let (_, description) = App::new().into_utoipa_app().openapi(Head::openapi()).configure(configure).split_for_parts();
    description
}

/// The described paths, each with its methods.
fn routes(description: &utoipa::openapi::OpenApi) -> Vec<(String, Vec<&'static str>)> {
    let of = |item: &utoipa::openapi::PathItem| {
        [("GET", item.get.is_some()), ("POST", item.post.is_some())]
            .into_iter()
            .filter_map(|(method, there)| there.then_some(method))
            .collect()
    };
    description.paths.paths.iter().map(|(path, item)| (path.clone(), of(item))).collect()
}

/// Whether a path is of a pattern with `{names}` for segments.
fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(name), Some(segment)) if name.starts_with('{') && !segment.is_empty() => {}
            (Some(name), Some(segment)) if name == segment => {}
            _ => return false,
        }
    }
}

/// What no route takes.
async fn elsewhere(request: HttpRequest, service: Data<Service>) -> Result<&'static str, Problem> {
    let path = request.path();
    match service.routes.iter().find(|(pattern, _)| fits(pattern, path)) {
        Some((_, methods)) => Err(Problem::method(request.method().as_str(), methods)),
        None => Err(Problem::no_route(path)),
    }
}

/// Serves a ledger on a listener, inside a runtime. Signals, and what is to be done when the ledger cannot go on, are
/// left to the caller.
pub fn serve(ledger: Arc<Ledger>, listener: TcpListener, config: &Config) -> io::Result<Server> {
    let description = description();
    let proxies = Arc::new(address::Proxies::new(&config.trusted_proxies));
    let connections = connections::Connections::new(
        config.address_connections,
        config.reader_patience,
        proxies.clone(),
        ledger.metrics().clone(),
    );
    let upload_gauge = ledger.metrics().upload_bytes.clone();
    let service = Data::new(Service {
        ledger,
        proxies,
        limits: guard::Limits::new(&config.rates),
        uploads: body::Uploads::new(config.upload_bytes, config.address_upload_bytes, upload_gauge),
        plans: Arc::default(),
        body_patience: config.body_patience,
        answer_patience: config.answer_patience,
        routes: routes(&description),
        description: description.to_json().map_err(io::Error::other)?,
    });
    let workers = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let server = HttpServer::new(move || {
        let malformed = |error: &dyn std::fmt::Display| Problem::malformed(format!("the address: {error}"));
        App::new()
            .app_data(service.clone())
            .app_data(web::PathConfig::default().error_handler(move |error, _| malformed(&error).into()))
            .app_data(web::QueryConfig::default().error_handler(move |error, _| malformed(&error).into()))
            .wrap(from_fn(guard::guard))
            .wrap(DefaultHeaders::new().add(("X-Content-Type-Options", "nosniff")))
            .into_utoipa_app()
            .configure(configure)
            .into_app()
            .service(
                utoipa_swagger_ui::SwaggerUi::new("/docs/{_:.*}")
                    .config(utoipa_swagger_ui::Config::from("/v1/openapi.json").validator_url("none")),
            )
            .default_service(web::to(elsewhere))
    })
    .on_connect(move |stream, extensions| connections.opened(stream, extensions))
    .workers(workers)
    .max_connections(config.connections.div_ceil(workers))
    .client_request_timeout(config.head_patience)
    .keep_alive(config.keep_alive)
    .shutdown_timeout(config.shutdown_seconds)
    .disable_signals()
    .listen(listener)?
    .run();
    Ok(server)
}
