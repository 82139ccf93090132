//! Dry runs: what would become of a query, without asking it and without data.

use actix_web::HttpRequest;
use actix_web::post;
use actix_web::web::Data;
use actix_web::web::Json;
use actix_web::web::Payload;
use cohortium_protocol::commit::ShapeRef;
use cohortium_protocol::documents::Noise;
use cohortium_protocol::documents::Nonce;
use cohortium_protocol::documents::Request;
use cohortium_protocol::documents::SitePin;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::policy::effective;
use cohortium_protocol::query::Plan;
use cohortium_protocol::query::Query;
use cohortium_protocol::query::compile;
use cohortium_verifier::ledger::Dataset;
use cohortium_verifier::ledger::Refusal;
use cohortium_verifier::ledger::Site;
use cohortium_verifier::ledger::State;
use cohortium_verifier::ledger::Study;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::Service;
use super::body;
use super::problem::Problem;

/// The longest question: the largest query, and the names of the most sites.
const MAX_PLAN_BYTES: usize = 1 << 20;
/// Sites of one dry run at most, as of one request.
const MAX_SITES: usize = 1024;

/// What to plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlanQuestion {
    /// The query document.
    #[schema(value_type = Object)]
    query: Query,
    /// The approval's digest.
    #[schema(value_type = String)]
    approval: Digest,
    /// The sites.
    sites: Vec<String>,
}

/// One site's part.
#[derive(Serialize, ToSchema)]
struct PlanSite {
    /// The site.
    site: String,
    /// Whether the query would be admitted for this site alone.
    allowed: bool,
    /// The rule that refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    /// Why, and what would pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The effective policy, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// What is active at the site: what a request has to pin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pins: Option<SitePin>,
}

/// What would become of a query.
#[derive(Serialize, ToSchema)]
struct PlanAnswer {
    /// Whether it would be admitted.
    allowed: bool,
    /// The rule that refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'static str>,
    /// Why, and what would pass.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The plan's digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    plan: Option<Digest>,
    /// The plan in plain words.
    #[serde(skip_serializing_if = "Option::is_none")]
    explain: Option<String>,
    /// The digest of the schema that the plan was made over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    schema: Option<Digest>,
    /// Site by site.
    sites: Vec<PlanSite>,
    /// The next running number under the approval.
    sequence: u64,
}

/// What a request would pin for a site; or what the site has not registered.
fn pins(state: &State, name: &str, table: &str) -> Result<(SitePin, Dataset), Refusal> {
    let unknown = |what| Refusal::Unknown { what, name: format!("of {name:?}") };
    let no_table = || Refusal::Unknown { what: "table", name: format!("{table:?} of {name:?}") };
    let site: &Site = state.sites().get(name).ok_or_else(no_table)?;
    let dataset = site.tables.get(table).ok_or_else(no_table)?;
    let epoch = dataset.epoch.as_ref().ok_or_else(|| unknown("consent epoch over the active table version"))?;
    let floor = site.floor.as_ref().ok_or_else(|| unknown("policy floor"))?;
    let shape = dataset.manifest.document.shape();
    let key = state.charter().verifying_key(shape.name);
    let pin = SitePin {
        site: name.to_owned(),
        manifest: dataset.manifest.document.digest(),
        epoch: epoch.document.digest(),
        policy_floor: floor.document.policy.digest(),
        shape: ShapeRef::to(shape),
        verifying_key: key.ok_or_else(|| Refusal::NoKey { shape: shape.name.to_owned() })?,
        seeds: site.seeds.as_ref().map(|seeds| seeds.document.root),
    };
    Ok((pin, dataset.clone()))
}

struct Dry<'a> {
    state: &'a State,
    now: Timestamp,
    question: &'a PlanQuestion,
    study: &'a Study,
    sequence: u64,
}

impl Dry<'_> {
    fn plan(&self, dataset: &Dataset) -> Result<Plan, Refusal> {
        let consent = &self.study.approval.document.consent;
        Ok(compile(&self.question.query, &dataset.schema, consent, dataset.manifest.document.shape())?)
    }

    /// By the very rules that a posted query is admitted by.
    fn check(&self, sites: Vec<SitePin>, schema: Digest, plan: Digest) -> Result<(), Refusal> {
        let request = Request {
            ledger: self.state.ledger().to_owned(),
            sequence: self.sequence,
            query: self.question.query.clone(),
            approval: self.question.approval,
            schema,
            plan,
            sites,
            sponsor_nonce: Nonce::from_bytes([0; 32]),
            noise: Noise::None,
        };
        self.state.check_question(&request, self.now)
    }

    fn site(&self, name: &str) -> (PlanSite, Option<(SitePin, Digest, Plan)>) {
        let mut part =
            PlanSite { site: name.to_owned(), allowed: false, rule: None, reason: None, policy: None, pins: None };
        let mut compiled = None;
        let outcome = pins(self.state, name, &self.question.query.table).and_then(|(pin, dataset)| {
            part.pins = Some(pin.clone());
            let plan = self.plan(&dataset)?;
            let (schema, digest) = (dataset.schema.digest(), plan.digest());
            let approval = &self.study.approval.document;
            let floor = self.state.sites().get(name).and_then(|site| site.floor.as_ref());
            let policy = effective(floor.map(|floor| &floor.document.policy), Some(&approval.policy)).ok();
            let params =
                policy.and_then(|policy| policy.release_params(&plan, &dataset.schema, approval.names(&plan)).ok());
            part.policy = params.map(|params| params.describe());
            compiled = Some((pin.clone(), schema, plan));
            self.check(vec![pin], schema, digest)
        });
        match outcome {
            Ok(()) => part.allowed = true,
            Err(refusal) => (part.rule, part.reason) = (Some(refusal.rule()), Some(refusal.to_string())),
        }
        (part, compiled)
    }

    fn run(&self) -> PlanAnswer {
        let (sites, compiled): (Vec<PlanSite>, Vec<_>) = self.question.sites.iter().map(|site| self.site(site)).unzip();
        let compiled: Vec<(SitePin, Digest, Plan)> = compiled.into_iter().flatten().collect();
        let first = compiled.first().map(|(_, schema, plan)| (*schema, plan.digest(), plan.explain()));
        let refused = sites.iter().find(|site| !site.allowed);
        let (rule, reason) = match (refused, &first) {
            (Some(site), _) => (site.rule, site.reason.clone()),
            (None, None) => (Some("request"), Some("no site is asked; name at least one".to_owned())),
            // Each alone would be admitted; together they also have to be of one schema.
            (None, Some((schema, plan, _))) => {
                let pins = compiled.into_iter().map(|(pin, ..)| pin).collect();
                match self.check(pins, *schema, *plan) {
                    Ok(()) => (None, None),
                    Err(refusal) => (Some(refusal.rule()), Some(refusal.to_string())),
                }
            }
        };
        let (schema, plan, explain) = match first {
            Some((schema, plan, explain)) => (Some(schema), Some(plan), Some(explain)),
            None => (None, None, None),
        };
        let sequence = self.sequence;
        PlanAnswer { allowed: rule.is_none(), rule, reason, plan, explain, schema, sites, sequence }
    }
}

/// What would become of a query if it were posted now: site by site, by the very rules. Nothing is recorded.
#[utoipa::path(tag = "queries", request_body(content = PlanQuestion, content_type = "application/json"), responses(
    (status = 200, description = "What would become of it, and what a request has to pin", body = PlanAnswer),
    (status = 400, description = "Malformed", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No such approval", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "Too many from this address", body = Problem, content_type = "application/problem+json"),
))]
#[post("/v1/plan")]
async fn post_plan(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<Json<PlanAnswer>, Problem> {
    let body = body::read(&request, payload, &service, MAX_PLAN_BYTES).await?;
    let read = service.read(move |ledger| {
        let question: PlanQuestion = serde_json::from_slice(&body).map_err(Problem::malformed)?;
        let found = question.sites.len();
        if found > MAX_SITES {
            return Err(Problem::malformed(format!("{found} sites are named; at most {MAX_SITES} are planned for")));
        }
        let now = ledger.now();
        ledger.read(|chain| {
            let (state, approval) = (chain.state(), question.approval);
            let study = state.studies().get(&approval).ok_or_else(|| Problem::not_found("approval", approval))?;
            let sequence = study.queries.len() as u64 + 1;
            Ok(Dry { state, now, question: &question, study, sequence }.run())
        })?
    });
    read.await.map(Json)
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(post_plan);
}
