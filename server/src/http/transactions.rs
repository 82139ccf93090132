//! Posting transactions, and looking them up.

use actix_web::HttpRequest;
use actix_web::HttpResponse;
use actix_web::get;
use actix_web::post;
use actix_web::rt::time::timeout;
use actix_web::web::Data;
use actix_web::web::Json;
use actix_web::web::Path;
use actix_web::web::Payload;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::MAX_TRANSACTION_BYTES;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::ledger::Transaction;
use cohortium_protocol::ledger::TransactionError;
use cohortium_verifier::ledger::Refusal;
use serde::Serialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

use super::Service;
use super::body;
use super::body::Body;
use super::body::Reserved;
use super::problem::Problem;
use super::problem::digest;
use crate::node::Receipt;
use crate::node::Unadmitted;

/// A transaction that is on the ledger, durably.
#[derive(Serialize, ToSchema)]
struct Posted {
    /// Its id.
    #[schema(value_type = String)]
    id: Digest,
    /// Its place among all transactions, from 0.
    index: u64,
    /// Its block's height.
    height: u64,
    /// Its block's time.
    #[schema(value_type = String)]
    time: Timestamp,
    /// Whether the same statement was there before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    already: bool,
}

/// A transaction of a member, how long it was, and what is set aside for it.
struct Posting {
    transaction: Transaction,
    bytes: usize,
    reserved: Reserved,
}

/// Reads a transaction, and refuses what no member signed: strangers do not get into any queue.
async fn parse(service: &Data<Service>, body: Body) -> Result<Posting, Problem> {
    let read = service.read(move |ledger| {
        let Body { bytes, reserved } = body;
        let transaction = Transaction::parse(&bytes).map_err(|error| match error {
            // Whether it is no JSON at all, or no transaction.
            TransactionError::Json { .. } if serde_json::from_slice::<IgnoredAny>(&bytes).is_err() => {
                Problem::malformed(error)
            }
            error => Problem::refusal(&Refusal::Form(error)),
        })?;
        ledger.check_signer(&transaction).map_err(|refusal| Problem::refusal(&refusal))?;
        Ok(Posting { transaction, bytes: bytes.len(), reserved })
    });
    read.await
}

/// What is set aside for the body stays so until the transaction is answered, whether somebody waits for that or not.
async fn submit(service: &Data<Service>, posting: Posting) -> Result<HttpResponse, Problem> {
    let Posting { transaction, bytes, reserved } = posting;
    let answer = service.ledger.submit_holding(transaction, bytes, Box::new(reserved))?;
    let patience = service.answer_patience;
    let outcome = timeout(patience, answer).await.map_err(|_| {
        Problem::late(format!(
            "the transaction was not admitted or refused within {} seconds; post it again, and if it stands on the ledger \
             by then you are told where",
            patience.as_secs()
        ))
    })?;
    let Some(outcome) = outcome else {
        let reason = service.ledger.stopped();
        return Err(Problem::busy(format!("the ledger stopped before the transaction was acknowledged: {reason}")));
    };
    let Receipt { id, index, height, time, already } = outcome.map_err(|error| match error {
        Unadmitted::Refused(refusal) => Problem::refusal(&refusal),
        Unadmitted::Failed => Problem::internal(Unadmitted::Failed),
    })?;
    let mut response = if already { HttpResponse::Ok() } else { HttpResponse::Created() };
    Ok(response.json(Posted { id, index, height, time, already }))
}

/// Posts a signed transaction. Answered when it is durable; the same statement again is answered with its place.
#[utoipa::path(tag = "ledger", request_body(content = Object, description = "A transaction document, signed", content_type = "application/json"), responses(
    (status = 201, description = "Admitted, and durable", body = Posted),
    (status = 200, description = "The same statement stands on the ledger already", body = Posted),
    (status = 400, description = "Malformed", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Not this member's business, or beyond the approval", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "About something that is not on the ledger", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "In conflict with what is on the ledger", body = Problem, content_type = "application/problem+json"),
    (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
    (status = 415, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Refused by another rule", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "Too many from this address; come again as Retry-After says", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Too many are waiting; come again as Retry-After says", body = Problem, content_type = "application/problem+json"),
))]
#[post("/v1/transactions")]
async fn post_transaction(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<HttpResponse, Problem> {
    let body = body::read(&request, payload, &service, MAX_TRANSACTION_BYTES).await?;
    let posting = parse(&service, body).await?;
    submit(&service, posting).await
}

/// Posts a signed query: as a transaction, other kinds refused.
#[utoipa::path(tag = "queries", request_body(content = Object, description = "A query transaction, signed", content_type = "application/json"), responses(
    (status = 201, description = "Admitted, and durable", body = Posted),
    (status = 200, description = "The same query stands on the ledger already", body = Posted),
    (status = 400, description = "Malformed, or another kind of transaction", body = Problem, content_type = "application/problem+json"),
    (status = 403, description = "Beyond the approval", body = Problem, content_type = "application/problem+json"),
    (status = 409, description = "In conflict with what is on the ledger", body = Problem, content_type = "application/problem+json"),
    (status = 422, description = "Refused by another rule", body = Problem, content_type = "application/problem+json"),
))]
#[post("/v1/queries")]
async fn post_query(request: HttpRequest, payload: Payload, service: Data<Service>) -> Result<HttpResponse, Problem> {
    let body = body::read(&request, payload, &service, MAX_TRANSACTION_BYTES).await?;
    let posting = parse(&service, body).await?;
    if !matches!(posting.transaction.statement, Statement::Query { .. }) {
        let kind = posting.transaction.statement.kind();
        let detail = format!("this is a {kind} transaction; here only queries are taken, others at /v1/transactions");
        return Err(Problem::malformed(detail));
    }
    submit(&service, posting).await
}

/// That a transaction is on the ledger.
#[derive(Serialize, ToSchema)]
struct InclusionAnswer {
    /// The tree's size.
    size: u64,
    /// Its root.
    #[schema(value_type = String)]
    root: Digest,
    /// The path of RFC 9162, section 2.1.3.
    #[schema(value_type = Vec<String>)]
    path: Vec<Digest>,
    /// The signed checkpoint of this size.
    checkpoint: String,
}

/// A transaction and where it stands.
#[derive(Serialize, ToSchema)]
struct TransactionAnswer {
    /// Its id.
    #[schema(value_type = String)]
    id: Digest,
    /// Its place among all transactions, from 0.
    index: u64,
    /// Its block's height.
    height: u64,
    /// Its block's time.
    #[schema(value_type = String)]
    time: Timestamp,
    /// Who signed it.
    member: String,
    /// Its kind.
    kind: &'static str,
    /// The transaction, whole.
    #[schema(value_type = Object)]
    transaction: Transaction,
    /// That it is on the ledger.
    inclusion: InclusionAnswer,
}

/// A transaction by its id, with its inclusion proof under the newest checkpoint.
#[utoipa::path(tag = "ledger", params(("id" = String, Path, description = "The transaction's id")), responses(
    (status = 200, description = "The transaction", body = TransactionAnswer),
    (status = 404, description = "No such transaction", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/transactions/{id}")]
async fn get_transaction(service: Data<Service>, id: Path<String>) -> Result<Json<TransactionAnswer>, Problem> {
    let id = digest("transaction's id", &id)?;
    let read = service.read(move |ledger| {
        let unknown = || Problem::not_found("transaction", id);
        let found = ledger.read(|chain| {
            let tree = chain.state().tree();
            let (index, size) = (chain.state().place(&id)?, tree.len());
            let path = tree.inclusion(index, size).ok()?;
            let inclusion =
                InclusionAnswer { size, root: tree.root(), path, checkpoint: chain.checkpoint().to_owned() };
            Some((index, inclusion))
        })?;
        let (index, inclusion) = found.ok_or_else(unknown)?;
        let placed = ledger.transaction(index)?.ok_or_else(unknown)?;
        Ok(TransactionAnswer {
            id,
            index,
            height: placed.height,
            time: placed.time,
            member: placed.transaction.member.clone(),
            kind: placed.transaction.statement.kind(),
            transaction: placed.transaction,
            inclusion,
        })
    });
    read.await.map(Json)
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(post_transaction).service(post_query).service(get_transaction);
}
