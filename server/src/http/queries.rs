//! Queries: lists, and one with its request, plan and deadlines.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::get;
use actix_web::web::Data;
use actix_web::web::Json;
use actix_web::web::Path;
use actix_web::web::Query;
use cohortium_protocol::documents::Request;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Charter;
use cohortium_protocol::ledger::Timestamp;
use cohortium_verifier::ledger::Decision;
use cohortium_verifier::ledger::Question;
use serde::Deserialize;
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;

use super::Service;
use super::page;
use super::problem::Problem;
use super::problem::digest;
use super::words::QuerySummary;
use super::words::STATES;

/// Which queries; what is not given does not count.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Of this study, by its name or its approval's digest.
    study: Option<String>,
    /// Of this sponsor.
    sponsor: Option<String>,
    /// That ask this site.
    site: Option<String>,
    /// That this site has not decided, or has accepted and not answered, and still may.
    open_for: Option<String>,
    /// In this state: submitted, awaiting_approval, approved, answered, declined, withheld_after_acceptance, void, expired.
    /// Of withheld_after_acceptance also those of which any one site is in that state, whatever the others did.
    state: Option<String>,
    /// After this query, as `next` of the page before says.
    after: Option<String>,
    /// How many at most: 100 unless told, 1000 at most.
    limit: Option<usize>,
}

impl Filter {
    fn keeps(&self, question: &Question, charter: &Charter, now: Timestamp) -> bool {
        let request = &question.request.document;
        let is = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        let study = self.study.as_deref();
        let study = study.is_none_or(|wanted| wanted == request.query.study || wanted == request.approval.to_string());
        let site = self.site.as_ref().is_none_or(|site| question.sites.contains_key(site));
        let open = || self.open_for.as_ref().is_none_or(|site| question.is_open_for(site, charter, now));
        study && site && is(&self.sponsor, &question.sponsor) && open()
    }
}

/// A page of queries.
#[derive(Serialize, ToSchema)]
struct QueriesAnswer {
    /// The queries, in the order in which they were posted.
    queries: Vec<QuerySummary>,
    /// What to give as `after` for the next page; nothing at the end.
    #[schema(value_type = Option<String>)]
    next: Option<Digest>,
}

/// Queries, in the order in which they were posted.
#[utoipa::path(tag = "queries", params(Filter), responses(
    (status = 200, description = "A page of queries", body = QueriesAnswer),
    (status = 400, description = "No such state or query", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/queries")]
async fn get_queries(service: Data<Service>, filter: Query<Filter>) -> Result<Json<QueriesAnswer>, Problem> {
    let filter = filter.into_inner();
    if let Some(state) = filter.state.as_deref().filter(|state| !STATES.contains(state)) {
        return Err(Problem::malformed(format!("the state {state:?} is none; there are {}", STATES.join(", "))));
    }
    let after = filter.after.as_deref().map(|after| digest("query", after)).transpose()?;
    let limit = page::size(filter.limit);
    let read = service.read(move |ledger| {
        let now = ledger.now();
        ledger.read(|chain| {
            let state = chain.state();
            let after = match after {
                None => None,
                Some(after) => {
                    let found = state.query(&after).ok_or_else(|| Problem::not_found("query", after))?;
                    Some(found.request.index)
                }
            };
            let mut found: Vec<&Question> = state
                .queries()
                .values()
                .filter(|question| after.is_none_or(|after| question.request.index > after))
                .filter(|question| filter.keeps(question, state.charter(), now))
                .collect();
            found.sort_by_key(|question| question.request.index);
            let wanted = filter.state.as_deref();
            let summaries = found
                .into_iter()
                .map(|question| QuerySummary::of(question, state.charter(), now))
                .filter(|summary| wanted.is_none_or(|wanted| summary.is_in(wanted)));
            let (queries, more) = page::cut(summaries, limit);
            let next = if more { queries.last().map(|last| last.id) } else { None };
            Ok(QueriesAnswer { queries, next })
        })?
    });
    read.await.map(Json)
}

/// Until when sites may decide and have to answer.
#[derive(Serialize, ToSchema)]
struct Deadlines {
    /// Until when a site may accept or decline.
    #[schema(value_type = String)]
    decide: Timestamp,
    /// With noise, until when sponsor and board have to open their nonces: at the latest, as long as a site may still decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    open: Option<Timestamp>,
    /// Until when each site that accepted has to answer; with noise, once both nonces are open.
    #[schema(value_type = BTreeMap<String, String>)]
    answer: BTreeMap<String, Timestamp>,
}

impl Deadlines {
    fn of(question: &Question, charter: &Charter, now: Timestamp) -> Self {
        let answer = question.sites.iter().filter_map(|(site, asked)| match asked.decision {
            // With noise, from the beacon on.
            Some((Decision::Accepted, at, _)) => {
                Some((site.clone(), question.answers_from(at)?.plus(charter.answer_seconds)))
            }
            _ => None,
        });
        let decide = question.request.time.plus(charter.acceptance_seconds);
        let open = question.is_noised().then(|| question.open_until(charter, now));
        Self { decide, open, answer: answer.collect() }
    }
}

/// A query with its request.
#[derive(Serialize, ToSchema)]
struct QueryDetail {
    #[serde(flatten)]
    summary: QuerySummary,
    /// The request, whole, with everything that is pinned.
    #[schema(value_type = Object)]
    request_document: Request,
    /// The plan's digest.
    #[schema(value_type = String)]
    plan: Digest,
    /// Until when.
    deadlines: Deadlines,
    /// With noise: what has become of the nonces of its beacon.
    nonces: Option<Nonces>,
}

/// The nonces of a query with noise.
#[derive(Serialize, ToSchema)]
struct Nonces {
    /// Whether every site has decided or missed its time, so that nonces may be opened.
    settled: bool,
    /// Until when they may, at the latest.
    #[schema(value_type = String)]
    until: Timestamp,
    /// The transaction with the sponsor's, once it is open.
    #[schema(value_type = Option<String>)]
    sponsor: Option<Digest>,
    /// The transaction with the board's, once it is open: then the beacon is whole.
    #[schema(value_type = Option<String>)]
    board: Option<Digest>,
    /// The beacon, once both are.
    #[schema(value_type = Option<String>)]
    beacon: Option<Digest>,
}

/// The same with places, which are looked up when the lock is let go.
struct NoncePlaces {
    settled: bool,
    until: Timestamp,
    sponsor: Option<u64>,
    board: Option<u64>,
    beacon: Option<Digest>,
}

impl NoncePlaces {
    fn of(question: &Question, charter: &Charter, now: Timestamp) -> Option<Self> {
        let openings = question.openings.as_ref()?;
        Some(Self {
            settled: question.settled(charter, now).is_some(),
            until: question.open_until(charter, now),
            sponsor: openings.sponsor.as_ref().map(|opened| opened.index),
            board: openings.board.as_ref().map(|opened| opened.index),
            beacon: question.beacon(),
        })
    }
}

/// One query, by its transaction's id or its request's digest.
#[utoipa::path(tag = "queries", params(("id" = String, Path, description = "The query's id or its request's digest")), responses(
    (status = 200, description = "The query", body = QueryDetail),
    (status = 404, description = "No such query", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/queries/{id}")]
async fn get_query(service: Data<Service>, id: Path<String>) -> Result<Json<QueryDetail>, Problem> {
    let id = digest("query's id", &id)?;
    let read = service.read(move |ledger| {
        let now = ledger.now();
        let found = ledger.read(|chain| {
            let (question, charter) = (chain.state().query(&id)?, chain.state().charter());
            let request = question.request.document.as_ref().clone();
            let detail = QueryDetail {
                summary: QuerySummary::of(question, charter, now),
                plan: request.plan,
                request_document: request,
                deadlines: Deadlines::of(question, charter, now),
                nonces: None,
            };
            Some((detail, NoncePlaces::of(question, charter, now)))
        })?;
        let (mut detail, places) = found.ok_or_else(|| Problem::not_found("query", id))?;
        let transaction = |index: Option<u64>| index.map(|index| ledger.id_at(index)).transpose();
        if let Some(NoncePlaces { settled, until, sponsor, board, beacon }) = places {
            let (sponsor, board) = (transaction(sponsor)?, transaction(board)?);
            detail.nonces = Some(Nonces { settled, until, sponsor, board, beacon });
        }
        Ok(detail)
    });
    read.await.map(Json)
}

/// A query's plan in plain words.
#[utoipa::path(tag = "queries", params(("id" = String, Path, description = "The query's id or its request's digest")), responses(
    (status = 200, description = "The plan in words", body = String, content_type = "text/plain"),
    (status = 404, description = "No such query", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/queries/{id}/plan")]
async fn get_query_plan(service: Data<Service>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = digest("query's id", &id)?;
    let read = service.read(move |ledger| {
        let source = ledger.read(|chain| {
            let question = chain.state().query(&id)?;
            let site = question.sites.keys().next()?;
            Some(chain.state().plan_source(question, site))
        })?;
        let source = source.ok_or_else(|| Problem::not_found("query", id))?;
        // Compiled when the lock is let go.
        source
            .and_then(|source| source.compile())
            .map(|plan| plan.explain())
            .map_err(|refusal| Problem::refusal(&refusal))
    });
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(read.await?))
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(get_queries).service(get_query).service(get_query_plan);
}
