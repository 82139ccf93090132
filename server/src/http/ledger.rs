//! The ledger itself: charter, verifying keys, checkpoints.

use actix_web::HttpResponse;
use actix_web::get;
use actix_web::web::Data;
use actix_web::web::Json;
use actix_web::web::Path;
use actix_web::web::Query;
use cohortium_keys::VerifyingKeyDocument;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::ConsentRules;
use cohortium_protocol::ledger::KeyPin;
use cohortium_protocol::ledger::Member;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::table::Day;
use serde::Deserialize;
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;

use super::Service;
use super::problem::Problem;
use super::problem::digest;

/// A ledger in brief.
#[derive(Serialize, ToSchema)]
struct LedgerAnswer {
    /// The ledger's id.
    ledger: String,
    /// Its name.
    name: String,
    /// The day of its founding.
    #[schema(value_type = String)]
    founded: Day,
    /// The charter's digest.
    #[schema(value_type = String)]
    charter: Digest,
    /// The last block's height.
    height: u64,
    /// Transactions so far.
    size: u64,
    /// The last block's time.
    #[schema(value_type = String)]
    time: Timestamp,
    /// The last block's digest.
    #[schema(value_type = String)]
    block: Digest,
    /// The newest signed checkpoint.
    checkpoint: String,
    /// The members.
    #[schema(value_type = Vec<Object>)]
    members: Vec<Member>,
    /// The verifying keys' ids, by shape.
    #[schema(value_type = Vec<Object>)]
    verifying_keys: Vec<KeyPin>,
    /// Whether proofs under development keys are admitted.
    accept_development_keys: bool,
    /// How long a site has to accept or decline.
    acceptance_seconds: u64,
    /// How long a site that accepted has to answer.
    answer_seconds: u64,
    /// How often one approval may have one column opened.
    opening_share: u32,
    /// How consents are kept: the interval of batches of events, their leaves, and the days of an epoch.
    #[schema(value_type = Object)]
    consents: ConsentRules,
}

/// The ledger in brief: members, keys, rules, and where it is.
#[utoipa::path(tag = "ledger", responses((status = 200, description = "The ledger", body = LedgerAnswer)))]
#[get("/v1/ledger")]
async fn get_ledger(service: Data<Service>) -> Result<Json<LedgerAnswer>, Problem> {
    let read = service.read(|ledger| {
        Ok(ledger.read(|chain| {
            let (state, charter) = (chain.state(), chain.state().charter());
            LedgerAnswer {
                ledger: state.ledger().to_owned(),
                name: charter.name.clone(),
                founded: charter.founded,
                charter: charter.digest(),
                height: state.height(),
                size: state.tree().len(),
                time: state.time(),
                block: state.tip(),
                checkpoint: chain.checkpoint().to_owned(),
                members: charter.members.clone(),
                verifying_keys: charter.verifying_keys.clone(),
                accept_development_keys: charter.accept_development_keys,
                acceptance_seconds: charter.acceptance_seconds,
                answer_seconds: charter.answer_seconds,
                opening_share: charter.opening_share,
                consents: charter.consent_rules(),
            }
        })?)
    });
    read.await.map(Json)
}

/// The charter, whole: its digest founds the chain.
#[utoipa::path(tag = "ledger", responses((status = 200, description = "The charter document", body = Object)))]
#[get("/v1/charter")]
async fn get_charter(service: Data<Service>) -> Result<HttpResponse, Problem> {
    let charter = service.read(|ledger| Ok(ledger.read(|chain| chain.state().charter().clone())?)).await?;
    Ok(HttpResponse::Ok().json(charter))
}

/// The verifying keys, whole.
#[utoipa::path(tag = "ledger", responses((status = 200, description = "Verifying key documents", body = Vec<Object>)))]
#[get("/v1/keys")]
async fn get_keys(service: Data<Service>) -> Result<Json<Vec<VerifyingKeyDocument>>, Problem> {
    let all = service
        .read(|ledger| Ok(ledger.read(|chain| chain.state().keys().iter().map(|key| key.to_document()).collect())?));
    all.await.map(Json)
}

/// One verifying key.
#[utoipa::path(tag = "ledger", params(("id" = String, Path, description = "The key's id")), responses(
    (status = 200, description = "A verifying key document", body = Object),
    (status = 404, description = "No such key", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/keys/{id}")]
async fn get_key(service: Data<Service>, id: Path<String>) -> Result<Json<VerifyingKeyDocument>, Problem> {
    let id = digest("key's id", &id)?;
    let found = service.read(move |ledger| {
        let find = |key: &&std::sync::Arc<cohortium_keys::VerifyingKey>| key.id() == id;
        let found = ledger.read(|chain| chain.state().keys().iter().find(find).map(|key| key.to_document()))?;
        found.ok_or_else(|| Problem::not_found("verifying key", id))
    });
    found.await.map(Json)
}

/// The newest checkpoint: a signed note over everything on the ledger.
#[utoipa::path(tag = "ledger", responses((status = 200, description = "A signed note", body = String, content_type = "text/plain")))]
#[get("/v1/checkpoint")]
async fn get_checkpoint(service: Data<Service>) -> Result<HttpResponse, Problem> {
    let note = service.read(|ledger| Ok(ledger.read(|chain| chain.checkpoint().to_owned())?)).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(note))
}

/// Two sizes of the tree.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Sizes {
    /// The older tree's transactions.
    from: u64,
    /// The newer tree's transactions.
    to: u64,
}

/// A consistency proof.
#[derive(Serialize, ToSchema)]
struct ConsistencyAnswer {
    /// The older size.
    from: u64,
    /// The newer size.
    to: u64,
    /// The path of RFC 9162, section 2.1.4.
    #[schema(value_type = Vec<String>)]
    path: Vec<Digest>,
}

/// That the newer tree begins with the older: nothing was taken back.
#[utoipa::path(tag = "ledger", params(Sizes), responses(
    (status = 200, description = "The proof", body = ConsistencyAnswer),
    (status = 400, description = "No such sizes", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/consistency")]
async fn get_consistency(service: Data<Service>, sizes: Query<Sizes>) -> Result<Json<ConsistencyAnswer>, Problem> {
    let Sizes { from, to } = sizes.into_inner();
    let proof = service.read(move |ledger| {
        let path = ledger.read(|chain| chain.state().tree().consistency(from, to))?;
        Ok(ConsistencyAnswer { from, to, path: path.map_err(Problem::malformed)? })
    });
    proof.await.map(Json)
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config
        .service(get_ledger)
        .service(get_charter)
        .service(get_keys)
        .service(get_key)
        .service(get_checkpoint)
        .service(get_consistency);
}
