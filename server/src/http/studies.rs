//! Studies: what ethics boards have approved, and what became of it.

use actix_web::get;
use actix_web::web::Data;
use actix_web::web::Json;
use actix_web::web::Path;
use actix_web::web::Query;
use cohortium_protocol::documents::Approval;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::table::Day;
use cohortium_protocol::table::SponsorClass;
use cohortium_verifier::ledger::Study;
use serde::Deserialize;
use serde::Serialize;
use utoipa::IntoParams;
use utoipa::ToSchema;

use super::Service;
use super::page;
use super::problem::Problem;
use super::problem::digest;

/// Which studies.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Page {
    /// After this approval, as `next` of the page before says.
    after: Option<String>,
    /// How many at most: 100 unless told, 1000 at most.
    limit: Option<usize>,
}

/// A study in brief.
#[derive(Serialize, ToSchema)]
struct StudySummary {
    /// The approval's digest.
    #[schema(value_type = String)]
    approval: Digest,
    /// The study.
    study: String,
    /// The board's own reference.
    ethics_reference: String,
    /// The board that signed.
    board: String,
    /// Who may ask.
    sponsor: String,
    /// The purpose, as a DUO term, with the disease in brackets where one is named.
    purpose: String,
    /// The sponsor's class.
    #[schema(value_type = String)]
    sponsor_class: SponsorClass,
    /// The sponsor's name, if consents that patients gave to it alone count too.
    #[serde(skip_serializing_if = "Option::is_none")]
    institution: Option<String>,
    /// The tables that may be asked.
    tables: Vec<String>,
    /// The last day on which a query may be asked.
    #[schema(value_type = String)]
    expires: Day,
    /// `in force`, `suspended`, `amended` or `expired`.
    state: &'static str,
    /// Why it is no longer in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// When it was posted.
    #[schema(value_type = String)]
    posted: Timestamp,
}

impl StudySummary {
    fn of(digest: &Digest, study: &Study, now: Timestamp) -> Self {
        let approval = &study.approval.document;
        let (state, reason) = match (&study.suspended, study.amended) {
            (Some((since, why)), _) => ("suspended", Some(format!("suspended at {since}: {why}"))),
            (None, Some(by)) => ("amended", Some(format!("the approval of the study is now {by}"))),
            (None, None) if now.day() > approval.expires => {
                ("expired", Some(format!("its last day was {}", approval.expires)))
            }
            (None, None) => ("in force", None),
        };
        Self {
            approval: *digest,
            study: approval.study.clone(),
            ethics_reference: approval.ethics_reference.clone(),
            board: study.board.clone(),
            sponsor: approval.sponsor.clone(),
            purpose: approval.consent.purpose(),
            sponsor_class: approval.consent.sponsor(),
            institution: approval.consent.institution().map(ToString::to_string),
            tables: approval.tables.clone(),
            expires: approval.expires,
            state,
            reason,
            posted: study.approval.time,
        }
    }
}

/// A study in a list.
#[derive(Serialize, ToSchema)]
struct ListedStudy {
    #[serde(flatten)]
    summary: StudySummary,
    /// How many queries were asked under it.
    queries: usize,
}

/// A page of studies.
#[derive(Serialize, ToSchema)]
struct StudiesAnswer {
    /// The studies, in the order in which they were posted.
    studies: Vec<ListedStudy>,
    /// What to give as `after` for the next page; nothing at the end.
    #[schema(value_type = Option<String>)]
    next: Option<Digest>,
}

/// A study with everything about it.
#[derive(Serialize, ToSchema)]
struct StudyDetail {
    #[serde(flatten)]
    summary: StudySummary,
    /// The approval, whole.
    #[schema(value_type = Object)]
    document: Approval,
    /// The approval in plain words.
    words: String,
    /// How many queries were asked under it.
    queries: usize,
}

/// Studies, in the order in which they were posted.
#[utoipa::path(tag = "studies", params(Page), responses(
    (status = 200, description = "A page of studies", body = StudiesAnswer),
    (status = 404, description = "No such approval to go on after", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/studies")]
async fn get_studies(service: Data<Service>, page: Query<Page>) -> Result<Json<StudiesAnswer>, Problem> {
    let Page { after, limit } = page.into_inner();
    let after = after.as_deref().map(|after| digest("approval's digest", after)).transpose()?;
    let limit = page::size(limit);
    let read = service.read(move |ledger| {
        let now = ledger.now();
        ledger.read(|chain| {
            let all = chain.state().studies();
            let missing = |after| Problem::not_found("approval", after);
            let after = after.map(|after| all.get(&after).ok_or_else(|| missing(after))).transpose()?;
            let after = after.map(|study| study.approval.index);
            let mut found: Vec<_> =
                all.iter().filter(|(_, study)| after.is_none_or(|after| study.approval.index > after)).collect();
            found.sort_by_key(|(_, study)| study.approval.index);
            let (found, more) = page::cut(found.into_iter(), limit);
            let next = if more { found.last().map(|(digest, _)| **digest) } else { None };
            let listed = |(digest, study): (&Digest, &Study)| ListedStudy {
                summary: StudySummary::of(digest, study, now),
                queries: study.queries.len(),
            };
            Ok(StudiesAnswer { studies: found.into_iter().map(listed).collect(), next })
        })?
    });
    read.await.map(Json)
}

/// One study, by its approval's digest.
#[utoipa::path(tag = "studies", params(("approval" = String, Path, description = "The approval's digest")), responses(
    (status = 200, description = "The study", body = StudyDetail),
    (status = 404, description = "No such approval", body = Problem, content_type = "application/problem+json"),
))]
#[get("/v1/studies/{approval}")]
async fn get_study(service: Data<Service>, approval: Path<String>) -> Result<Json<StudyDetail>, Problem> {
    let approval = digest("approval's digest", &approval)?;
    let read = service.read(move |ledger| {
        let now = ledger.now();
        let found = ledger.read(|chain| {
            let study = chain.state().studies().get(&approval)?;
            let document = study.approval.document.as_ref().clone();
            Some(StudyDetail {
                summary: StudySummary::of(&approval, study, now),
                words: document.describe(),
                document,
                queries: study.queries.len(),
            })
        })?;
        found.ok_or_else(|| Problem::not_found("approval", approval))
    });
    read.await.map(Json)
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(get_studies).service(get_study);
}
