//! Results of queries, and the bundles that they are taken from.

use actix_web::HttpResponse;
use actix_web::get;
use actix_web::web::Data;
use actix_web::web::Path;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::results::QueryResults;
use cohortium_protocol::results::SiteAnswer;
use cohortium_verifier::ledger::Released;
use cohortium_verifier::ledger::SiteStatus;

use super::Service;
use super::problem::Problem;
use super::problem::digest;
use crate::node::Ledger;

/// The released cells per site and pooled, and what is derived from them. A late or silent site keeps nobody's back.
fn results(ledger: &Ledger, id: &Digest) -> Result<QueryResults, Problem> {
    let now = ledger.now();
    // What is needed of the state is taken out of it, and the lock let go.
    let found = ledger.read(|chain| {
        let (state, charter) = (chain.state(), chain.state().charter());
        let question = state.query(id)?;
        let site = question.sites.keys().next()?;
        let parts: Vec<(String, SiteStatus, Option<Released>)> = question
            .sites
            .iter()
            .map(|(site, asked)| (site.clone(), asked.status(question, charter, now), asked.release.clone()))
            .collect();
        let study = question.request.document.query.study.clone();
        Some((state.plan_source(question, site), question.schema.clone(), question.id, study, parts))
    })?;
    let (plan, schema, query, study, parts) = found.ok_or_else(|| Problem::not_found("query", id))?;
    let plan = plan.and_then(|source| source.compile()).map_err(|refusal| Problem::refusal(&refusal))?;
    let mut results = QueryResults::new(&plan, &schema, query, &study).map_err(Problem::internal)?;
    for (site, status, release) in parts {
        let added = match (release, status) {
            (Some(Released { index, cells, policy, .. }), _) => {
                results.add_answered(&site, ledger.id_at(index)?, policy, &cells)
            }
            (None, status) => results.add_state(&site, answer(status)),
        };
        added.map_err(Problem::internal)?;
    }
    Ok(results)
}

/// State for state, so that this document and `/v1/queries` never tell different things of one site.
fn answer(status: SiteStatus) -> SiteAnswer {
    match status {
        SiteStatus::Submitted { .. } => SiteAnswer::Submitted {},
        SiteStatus::AwaitingApproval { .. } => SiteAnswer::AwaitingApproval {},
        // One that has answered has a release, and does not come here.
        SiteStatus::Accepted { .. } | SiteStatus::Answered { .. } => SiteAnswer::Accepted {},
        SiteStatus::Declined { reason, .. } => SiteAnswer::Declined { because: reason },
        SiteStatus::WithheldAfterAcceptance { .. } => SiteAnswer::WithheldAfterAcceptance {},
        SiteStatus::AwaitingBeacon { .. } => SiteAnswer::AwaitingBeacon {},
        SiteStatus::Void { reason, .. } => SiteAnswer::Void { because: reason },
        SiteStatus::Expired { .. } => SiteAnswer::Expired {},
    }
}

/// A query's results: per site and pooled, "0", "<k" and missing kept apart.
#[utoipa::path(tag = "queries", params(("id" = String, Path, description = "The query's id or its request's digest")), responses(
    (status = 200, description = "A results document", body = Object),
    (status = 404, description = "No such query", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/queries/{id}/results")]
async fn get_results_json(service: Data<Service>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = digest("query's id", &id)?;
    let text = service.read(move |ledger| results(ledger, &id)?.to_json().map_err(Problem::internal));
    Ok(HttpResponse::Ok().content_type("application/json").body(text.await?))
}

/// The same as a table.
#[utoipa::path(tag = "queries", params(("id" = String, Path, description = "The query's id or its request's digest")), responses(
    (status = 200, description = "The results as CSV", body = String, content_type = "text/csv"),
    (status = 404, description = "No such query", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/queries/{id}/results.csv")]
async fn get_results_csv(service: Data<Service>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = digest("query's id", &id)?;
    let text = service.read(move |ledger| Ok(results(ledger, &id)?.to_csv())).await?;
    Ok(HttpResponse::Ok().content_type("text/csv; charset=utf-8").body(text))
}

/// A site's bundle, with the ledger's evidence under the newest checkpoint: for the audit.
#[utoipa::path(tag = "queries", params(
    ("id" = String, Path, description = "The query's id or its request's digest"),
    ("site" = String, Path, description = "The site's name"),
), responses(
    (status = 200, description = "A bundle", body = Object),
    (status = 404, description = "No such release", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/queries/{id}/bundles/{site}")]
async fn get_bundle(service: Data<Service>, path: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (id, site) = path.into_inner();
    let id = digest("query's id", &id)?;
    let bytes = service.read(move |ledger| {
        let bundle = ledger.bundle(&site, &id)?.map_err(|refusal| Problem::refusal(&refusal))?;
        serde_json::to_vec(&bundle).map_err(Problem::internal)
    });
    Ok(HttpResponse::Ok().content_type("application/json").body(bytes.await?))
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(get_results_json).service(get_results_csv).service(get_bundle);
}
