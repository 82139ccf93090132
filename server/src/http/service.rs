//! How the service is: health, metrics, its own description.

use actix_web::HttpResponse;
use actix_web::get;
use actix_web::web::Data;
use actix_web::web::Json;
use cohortium_protocol::ledger::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::Service;
use super::problem::Problem;
use crate::node::Health;

/// How the service is.
#[derive(Serialize, ToSchema)]
struct HealthAnswer {
    /// `ok`; otherwise the answer is a problem.
    status: &'static str,
    /// The last block's height.
    height: u64,
    /// Transactions on the ledger.
    size: u64,
    /// The last block's time.
    #[schema(value_type = String)]
    time: Timestamp,
    /// `current`, or `being made again`.
    index: &'static str,
}

/// Whether the service works.
#[utoipa::path(tag = "service", responses(
    (status = 200, description = "It works", body = HealthAnswer),
    (status = 503, description = "It has stopped", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/health")]
async fn get_health(service: Data<Service>) -> Result<Json<HealthAnswer>, Problem> {
    // Never waits for a block: a slow disk must not look like a dead service.
    let Health { snapshot, index_current, stopped } = service.ledger.health();
    if let Some(reason) = stopped {
        return Err(Problem::busy(format!("the ledger has stopped: {reason}")));
    }
    let index = if index_current { "current" } else { "being made again" };
    let (height, size, time) = (snapshot.height, snapshot.size, snapshot.time);
    Ok(Json(HealthAnswer { status: "ok", height, size, time, index }))
}

/// Counters and gauges, in Prometheus' text format.
#[utoipa::path(tag = "service", responses((status = 200, description = "The metrics", body = String, content_type = "text/plain")))]
#[get("/metrics")]
async fn get_metrics(service: Data<Service>) -> Result<HttpResponse, Problem> {
    let text = service.ledger.metrics().text().map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(text))
}

/// This description.
#[utoipa::path(tag = "service", responses((status = 200, description = "The OpenAPI description", body = Object)))]
#[get("/v1/openapi.json")]
async fn get_openapi(service: Data<Service>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(service.description.clone())
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(get_health).service(get_metrics).service(get_openapi);
}
