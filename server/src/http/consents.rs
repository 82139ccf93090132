//! Batches of consent events, site by site.

use actix_web::get;
use actix_web::web::Data;
use actix_web::web::Json;
use actix_web::web::Path;
use actix_web::web::Query;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_verifier::ledger::PostedBatch;
use serde::Deserialize;
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::Service;
use super::page;
use super::problem::Problem;

/// Which part of a site's batches.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// After the batch of this number, as `next` of the page before says.
    after: Option<u32>,
    /// How many at most: 100 unless told, 1000 at most.
    limit: Option<usize>,
}

/// A batch of consent events: salted hashes and dummies, which nobody tells apart.
#[derive(Serialize, ToSchema)]
struct BatchInfo {
    /// Counts the site's batches, from 1.
    number: u32,
    /// Leaves of its tree.
    leaves: u32,
    /// The tree's root.
    #[schema(value_type = String)]
    root: Digest,
    /// The place of its transaction.
    index: u64,
    /// The time of its block.
    #[schema(value_type = String)]
    time: Timestamp,
}

/// A page of a site's batches.
#[derive(Serialize, ToSchema)]
struct ConsentsAnswer {
    /// The batches, in the order of their numbers.
    batches: Vec<BatchInfo>,
    /// Where the next page begins; nothing on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u32>,
}

impl From<&PostedBatch> for BatchInfo {
    fn from(PostedBatch { batch, index, time }: &PostedBatch) -> Self {
        Self { number: batch.number, leaves: batch.leaves, root: batch.root, index: *index, time: *time }
    }
}

/// The batches of consent events that a site has posted.
#[utoipa::path(tag = "catalogue", params(("site" = String, Path, description = "The site's name"), Part), responses(
    (status = 200, description = "The batches", body = ConsentsAnswer),
    (status = 404, description = "No such site", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/sites/{site}/consents")]
async fn get_consents(
    service: Data<Service>,
    path: Path<String>,
    part: Query<Part>,
) -> Result<Json<ConsentsAnswer>, Problem> {
    let name = path.into_inner();
    let limit = page::size(part.limit);
    let after = part.after.unwrap_or(0);
    let read = service.read(move |ledger| {
        let found = ledger.read(|chain| {
            let site = chain.state().sites().get(&name)?;
            let rest = site.consents.get(after as usize..).unwrap_or_default();
            let (batches, more) = page::cut(rest.iter().map(BatchInfo::from), limit);
            let next = batches.last().filter(|_| more).map(|last| last.number);
            Some(ConsentsAnswer { batches, next })
        })?;
        found.ok_or_else(|| Problem::not_found("site", format!("{name:?}")))
    });
    read.await.map(Json)
}

pub(super) fn configure(config: &mut ServiceConfig<'_>) {
    config.service(get_consents);
}
