//! Studies: what ethics boards have approved, and what became of it.

use actix_web::get;
use actix_web::web::Data;
use actix_web::web::Json;
use actix_web::web::Path;
use cohortium_protocol::documents::Approval;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::table::Day;
use cohortium_protocol::table::SponsorClass;
use cohortium_verifier::ledger::Study;
use serde::Serialize;
use utoipa::ToSchema;

use super::Service;
use super::problem::Problem;
use super::problem::digest;
use super::words::QuerySummary;
use super::words::queries_under;

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
    /// The purpose, as a DUO term.
    purpose: String,
    /// The sponsor's class.
    #[schema(value_type = String)]
    sponsor_class: SponsorClass,
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
            purpose: approval.consent.duo().to_owned(),
            sponsor_class: approval.consent.sponsor(),
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

/// All studies.
#[derive(Serialize, ToSchema)]
struct StudiesAnswer {
    /// The studies, in the order in which they were posted.
    studies: Vec<ListedStudy>,
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
    /// The queries under it.
    queries: Vec<QuerySummary>,
}

/// Every study.
#[utoipa::path(tag = "studies", responses((status = 200, description = "The studies", body = StudiesAnswer)))]
#[get("/v1/studies")]
async fn get_studies(service: Data<Service>) -> Result<Json<StudiesAnswer>, Problem> {
    let read = service.read(|ledger| {
        let now = ledger.now();
        let studies = ledger.read(|chain| {
            let mut studies: Vec<_> = chain.state().studies().iter().collect();
            studies.sort_by_key(|(_, study)| study.approval.index);
            let listed = |(digest, study): (&Digest, &Study)| ListedStudy {
                summary: StudySummary::of(digest, study, now),
                queries: study.queries.len(),
            };
            studies.into_iter().map(listed).collect()
        })?;
        Ok(StudiesAnswer { studies })
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
                queries: queries_under(chain.state(), &study.queries, now),
            })
        })?;
        found.ok_or_else(|| Problem::not_found("approval", approval))
    });
    read.await.map(Json)
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(get_studies).service(get_study);
}
