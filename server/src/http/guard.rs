//! What stands before every route: rates by address, counting, and that every error is a problem.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::time::Instant;

use actix_web::Error;
use actix_web::ResponseError;
use actix_web::body::BoxBody;
use actix_web::body::MessageBody;
use actix_web::dev::ServiceRequest;
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::header;
use actix_web::middleware::Next;
use actix_web::web::Data;
use governor::DefaultKeyedRateLimiter;
use governor::Quota;
use governor::clock::Clock;
use governor::clock::DefaultClock;

use super::Service;
use super::connections::Surplus;
use super::connections::too_many;
use super::problem::PROBLEM_JSON;
use super::problem::Problem;

/// Requests a second from one address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rates {
    /// Everything that only reads.
    pub reads: NonZeroU32,
    /// Transactions.
    pub writes: NonZeroU32,
    /// Dry runs: they compile a query for every site.
    pub plans: NonZeroU32,
}

/// So many seconds' worth of requests may come at once.
const BURST_SECONDS: u32 = 4;
/// After so many requests, addresses that have long been quiet are forgotten.
const FORGET_EVERY: u64 = 4096;

struct Limit {
    what: &'static str,
    per_second: NonZeroU32,
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    seen: AtomicU64,
}

impl Limit {
    fn new(what: &'static str, per_second: NonZeroU32) -> Self {
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
        let limiter = DefaultKeyedRateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst));
        Self { what, per_second, limiter, seen: AtomicU64::new(0) }
    }

    fn check(&self, client: IpAddr) -> Result<(), Problem> {
        if self.seen.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(&client).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            Problem::rate(self.what, self.per_second.get(), wait.as_secs() + 1)
        })
    }
}

/// The limits of a service.
pub(super) struct Limits {
    reads: Limit,
    writes: Limit,
    plans: Limit,
}

impl Limits {
    pub(super) fn new(rates: &Rates) -> Self {
        Self {
            reads: Limit::new("requests", rates.reads),
            writes: Limit::new("transactions", rates.writes),
            plans: Limit::new("dry runs", rates.plans),
        }
    }

    fn check(&self, request: &ServiceRequest, client: Option<IpAddr>) -> Result<(), Problem> {
        let Some(client) = client else { return Ok(()) };
        let limit = match (request.method(), request.path()) {
            (&Method::POST, "/v1/plan") => &self.plans,
            (&Method::POST, _) => &self.writes,
            _ => &self.reads,
        };
        limit.check(client)
    }
}

/// The middleware.
pub(super) async fn guard(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let begun = Instant::now();
    let service = request.app_data::<Data<Service>>().cloned();
    let route = request.match_pattern().unwrap_or_else(|| "other".to_owned());
    let refused = match request.conn_data::<Surplus>() {
        Some(Surplus { most }) => Some(too_many(*most)),
        None => service.as_ref().and_then(|service| {
            let client = service.proxies.client(request.request());
            service.limits.check(&request, client).err()
        }),
    };
    let response = match refused {
        Some(problem) => request.into_response(problem.error_response()),
        // What handlers refuse is an answer by now; an error is of the runtime.
        None => next.call(request).await?.map_into_boxed_body(),
    };
    let response = problems_only(response);
    if let Some(service) = service {
        service.ledger.metrics().request(&route, response.status().as_u16(), begun.elapsed());
    }
    Ok(response)
}

/// Whatever refuses a request, the answer is a problem.
fn problems_only(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let status = response.status();
    let is_problem = response.headers().get(header::CONTENT_TYPE).is_some_and(|found| found == PROBLEM_JSON);
    if !(status.is_client_error() || status.is_server_error()) || is_problem {
        return response;
    }
    let (request, _) = response.into_parts();
    ServiceResponse::new(request, Problem::of_status(status).error_response())
}
