//! Dry runs: what would become of a query, without asking it and without data.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use actix_web::HttpRequest;
use actix_web::post;
use actix_web::web::Data;
use actix_web::web::Json;
use actix_web::web::Payload;
use cohortium_protocol::commit::ShapeRef;
use cohortium_protocol::documents::Epsilons;
use cohortium_protocol::documents::Laplace;
use cohortium_protocol::documents::Noise;
use cohortium_protocol::documents::Nonce;
use cohortium_protocol::documents::Request;
use cohortium_protocol::documents::SitePin;
use cohortium_protocol::estimate::Costs;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::policy::effective;
use cohortium_protocol::query::Query;
use cohortium_protocol::shape::Shape;
use cohortium_verifier::ledger::Budget;
use cohortium_verifier::ledger::Dataset;
use cohortium_verifier::ledger::DryRun;
use cohortium_verifier::ledger::Plans;
use cohortium_verifier::ledger::Refusal;
use cohortium_verifier::ledger::Site;
use serde::Deserialize;
use serde::Serialize;
use utoipa::ToSchema;

use super::Service;
use super::body;
use super::body::Body;
use super::problem::Problem;

/// The longest question: the largest query, and the names of the most sites.
const MAX_PLAN_BYTES: usize = 1 << 20;
/// Sites of one dry run at most. Each is checked by every rule.
const MAX_SITES: usize = 64;
/// Dry runs that are worked on at one time.
const MAX_RUNNING: usize = 2;

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
    /// With noise: an epsilon for each aggregate that the query asks for, and always for `count`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    epsilon: Option<Epsilons>,
}

/// What a site's answer would cost the hospital; good to about a factor of one and a half.
#[derive(Serialize, ToSchema)]
struct PlanEstimate {
    /// CPU-seconds of the proof on the machine that the benchmark's figures are of, rounded up.
    seconds: u64,
    /// Memory at most.
    memory_bytes: u64,
}

impl PlanEstimate {
    fn of(shape: &Shape, lookups: usize) -> Self {
        let Costs { cpu_seconds, memory_bytes } = Costs::of(shape, lookups);
        Self { seconds: cpu_seconds.ceil() as u64, memory_bytes }
    }
}

/// One site's part.
#[derive(Serialize, ToSchema)]
struct PlanSite {
    /// The site.
    site: String,
    /// Whether no rule refuses the query for this site, as one of all the sites that are named. What the others have against
    /// it is said under their names.
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
    /// Each budget that it would be charged to: `what` it is of, `unit`, `spent`, `asked`, `left_after` (null if it does not
    /// suffice), `limit`; numbers as decimals in texts.
    #[schema(value_type = Vec<Object>)]
    budgets: Vec<Budget>,
    /// What the answer would cost the hospital.
    #[serde(skip_serializing_if = "Option::is_none")]
    estimate: Option<PlanEstimate>,
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
fn pins(part: &DryRun, name: &str, table: &str, noised: bool) -> Result<(SitePin, Dataset, Shape), Refusal> {
    let unknown = |what| Refusal::Unknown { what, name: format!("of {name:?}") };
    let no_table = || Refusal::Unknown { what: "table", name: format!("{table:?} of {name:?}") };
    let site: &Site = part.site(name).ok_or_else(no_table)?;
    let dataset = site.tables.get(table).ok_or_else(no_table)?;
    let epoch = dataset.epoch.as_ref().ok_or_else(|| unknown("consent epoch over the active table version"))?;
    let floor = site.floor.as_ref().ok_or_else(|| unknown("policy floor"))?;
    let shape = *dataset.manifest.document.shape();
    // Where nothing proves noise, the rules say so.
    let shape = if noised { part.noise_shape(&shape).unwrap_or(shape) } else { shape };
    let leaf = || site.next_leaf().map(|leaf| u32::try_from(leaf).unwrap_or(u32::MAX));
    let key = part.charter().verifying_key(shape.name);
    let pin = SitePin {
        site: name.to_owned(),
        manifest: dataset.manifest.document.digest(),
        epoch: epoch.document.digest(),
        policy_floor: floor.document.policy.digest(),
        shape: ShapeRef::to(&shape),
        verifying_key: key.ok_or_else(|| Refusal::NoKey { shape: shape.name.to_owned() })?,
        seeds: site.seeds.as_ref().map(|seeds| seeds.document.root),
        seed_leaf: if noised { leaf() } else { None },
    };
    Ok((pin, dataset.clone(), shape))
}

/// What is kept of a site's plan: a plan itself may be large.
struct Compiled {
    pin: SitePin,
    schema: Digest,
    plan: Digest,
    explain: Option<String>,
}

struct Dry<'a> {
    part: &'a DryRun,
    now: Timestamp,
    question: &'a PlanQuestion,
    plans: Plans,
}

/// What a request with these epsilons would state of noise; the sponsor commits when it asks.
fn request_noise(epsilon: Option<&Epsilons>) -> Noise {
    epsilon.map_or(Noise::None, |epsilon| {
        Noise::Laplace(Laplace { epsilon: *epsilon, sponsor_commitment: Digest::from_bytes([0; 32]) })
    })
}

impl Dry<'_> {
    /// By the very rules that a posted query is admitted by.
    fn check(&mut self, sites: Vec<SitePin>, schema: Digest, plan: Digest) -> Result<(), Refusal> {
        // One site alone is told what it has against the query as it is asked, of all the sites.
        let of = self.question.sites.len();
        let request = Request {
            ledger: self.part.ledger().to_owned(),
            sequence: self.part.sequence(),
            query: self.question.query.clone(),
            approval: self.question.approval,
            schema,
            plan,
            sites,
            sponsor_nonce: Nonce::from_bytes([0; 32]),
            noise: request_noise(self.question.epsilon.as_ref()),
        };
        if let Some(epsilon) = &self.question.epsilon {
            epsilon.check(&self.question.query.measures)?;
        }
        self.part.check_of(&request, of, self.now, &mut self.plans)
    }

    /// A site alone, and what was compiled for it; its words only if they are wanted.
    fn site(&mut self, name: &str, words: bool) -> (PlanSite, Option<Compiled>) {
        let mut shown = PlanSite {
            site: name.to_owned(),
            allowed: false,
            rule: None,
            reason: None,
            policy: None,
            pins: None,
            budgets: Vec::new(),
            estimate: None,
        };
        let (part, question) = (self.part, self.question);
        let mut compiled = None;
        let noise = question.epsilon.as_ref();
        let outcome = pins(part, name, &question.query.table, noise.is_some()).and_then(|(pin, dataset, shape)| {
            shown.pins = Some(pin.clone());
            let approval = part.approval();
            let schema = &dataset.schema;
            let plan = self.plans.get(&question.query, schema, &approval.consent, &shape)?;
            shown.budgets = part.budgets(name, (&question.query, &plan), noise, &mut self.plans);
            shown.estimate = Some(PlanEstimate::of(&shape, plan.lookups.len()));
            let floor = part.site(name).and_then(|site| site.floor.as_ref());
            let policy = effective(floor.map(|floor| &floor.document.policy), Some(&approval.policy)).ok();
            shown.policy = policy.and_then(|policy| {
                let asked = request_noise(noise);
                let rule = policy.rule(&plan, schema, approval.names(&plan), (&asked, &shape)).ok()?;
                Some(policy.words(&rule))
            });
            let (schema, digest) = (schema.digest(), plan.digest());
            let explain = words.then(|| plan.explain());
            compiled = Some(Compiled { pin: pin.clone(), schema, plan: digest, explain });
            self.check(vec![pin], schema, digest)
        });
        match outcome {
            Ok(()) => shown.allowed = true,
            Err(refusal) => (shown.rule, shown.reason) = (Some(refusal.rule()), Some(refusal.to_string())),
        }
        (shown, compiled)
    }

    fn run(mut self) -> PlanAnswer {
        let (mut sites, mut all) = (Vec::new(), Vec::<Compiled>::new());
        for name in &self.question.sites {
            let (shown, compiled) = self.site(name, all.is_empty());
            sites.push(shown);
            all.extend(compiled);
        }
        let first = all.first_mut().map(|first| (first.schema, first.plan, first.explain.take()));
        let refused = sites.iter().find(|site| !site.allowed);
        let (rule, reason) = match (refused, &first) {
            (Some(site), _) => (site.rule, site.reason.clone()),
            (None, None) => (Some("request"), Some("no site is asked; name at least one".to_owned())),
            // Each alone would be admitted; together they also have to be of one schema.
            (None, Some((schema, plan, _))) => {
                match self.check(all.into_iter().map(|compiled| compiled.pin).collect(), *schema, *plan) {
                    Ok(()) => (None, None),
                    Err(refusal) => (Some(refusal.rule()), Some(refusal.to_string())),
                }
            }
        };
        let (schema, plan, explain) = match first {
            Some((schema, plan, explain)) => (Some(schema), Some(plan), explain),
            None => (None, None, None),
        };
        let sequence = self.part.sequence();
        PlanAnswer { allowed: rule.is_none(), rule, reason, plan, explain, schema, sites, sequence }
    }
}

/// Dry runs that are worked on at one time. Dropped, the permission is free again.
struct Permission(Arc<AtomicUsize>);

impl Permission {
    fn ask(running: &Arc<AtomicUsize>) -> Result<Self, Problem> {
        let permission = Self(running.clone());
        if running.fetch_add(1, Ordering::AcqRel) >= MAX_RUNNING {
            return Err(Problem::busy(format!(
                "{MAX_RUNNING} dry runs are being worked on, the most that may; ask again in a moment"
            )));
        }
        Ok(permission)
    }
}

impl Drop for Permission {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Refuses more sites than are planned for, and a site twice.
fn check_sites(sites: &[String]) -> Result<(), Problem> {
    let found = sites.len();
    if found > MAX_SITES {
        return Err(Problem::malformed(format!("{found} sites are named; at most {MAX_SITES} are planned for")));
    }
    let mut seen = BTreeSet::new();
    match sites.iter().find(|site| !seen.insert(*site)) {
        Some(site) => Err(Problem::malformed(format!("the site {site:?} is named twice"))),
        None => Ok(()),
    }
}

/// What would become of a query if it were posted now: site by site, by the very rules. Nothing is recorded.
#[utoipa::path(tag = "queries", request_body(content = PlanQuestion, content_type = "application/json"), responses(
    (status = 200, description = "What would become of it, and what a request has to pin", body = PlanAnswer),
    (status = 400, description = "Malformed", body = Problem, content_type = "application/problem+json"),
    (status = 404, description = "No such approval", body = Problem, content_type = "application/problem+json"),
    (status = 429, description = "Too many from this address", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "Too many are worked on; come again as Retry-After says", body = Problem, content_type = "application/problem+json"),
))]
#[post("/v1/plan")]
async fn post_plan(
    request: HttpRequest,
    payload: Payload,
    service: Data<Service>,
) -> Result<Json<PlanAnswer>, Problem> {
    let Body { bytes, reserved } = body::read(&request, payload, &service, MAX_PLAN_BYTES).await?;
    let permission = Permission::ask(&service.plans)?;
    let read = service.read(move |ledger| {
        // Kept while it is worked on, whether somebody waits for the answer or not.
        let _kept = (reserved, permission);
        let question: PlanQuestion = serde_json::from_slice(&bytes).map_err(Problem::malformed)?;
        check_sites(&question.sites)?;
        let now = ledger.now();
        let (approval, table) = (question.approval, &question.query.table);
        // What is needed of the state is taken out of it, and the lock let go.
        let part = ledger.read(|chain| chain.state().dry_run(&approval, &question.sites, table))?;
        let part = part.ok_or_else(|| Problem::not_found("approval", approval))?;
        Ok(Dry { part: &part, now, question: &question, plans: Plans::new() }.run())
    });
    read.await.map(Json)
}

pub(super) fn configure(config: &mut utoipa_actix_web::service_config::ServiceConfig<'_>) {
    config.service(post_plan);
}
