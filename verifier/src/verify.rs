//! The check of a bundle against trust anchors, step by step.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cohortium_keys::{KeyKind, Proof, ProofError, VerifyingKey};
use cohortium_protocol::bundle::{
    Bundle, COLUMN_OPENING, ColumnAtPoint, Context, Derivation, DeriveError, MULTIPLICITY_OPENING, opening_context,
    query_commitments,
};
use cohortium_protocol::commit::{
    CommittedColumn, Grid, Layout, LayoutError, OpenedColumn, OpeningError, OpeningProof, OpeningStatement,
    RegistryError,
};
use cohortium_protocol::documents::{ApprovalError, RequestError};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::{Cell, GroupCells, PolicyError, ReleaseParams, effective};
use cohortium_protocol::query::{CompileError, Plan, PlanError, Source, compile};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::{LengthError, PublicChallenges};

use crate::anchors::Anchors;

/// The steps of an audit, in their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Site, ledger, key and approval are the anchors'.
    Anchors,
    /// Manifest, epoch, schema and floor are the anchors' and the request's, and belong together.
    Registration,
    /// The query is one that the approval permits, and compiles to the plan that the request pins.
    Plan,
    /// The policy is the stricter of floor and approval.
    Policy,
    /// The released numbers have a form that the policy allows.
    Release,
    /// The columns used are the registered ones.
    Commitments,
    /// The columns have the values that the proof is about.
    Openings,
    /// The proof itself.
    Proof,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 8] = [
        Self::Anchors,
        Self::Registration,
        Self::Plan,
        Self::Policy,
        Self::Release,
        Self::Commitments,
        Self::Openings,
        Self::Proof,
    ];
}

/// Why a bundle is refused: the step, and the reason in a sentence.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{reason}")]
pub struct AuditError {
    /// Where the check stopped.
    pub step: Step,
    /// Why.
    pub reason: Reason,
}

/// Why a bundle is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Reason {
    /// A request of another ledger.
    #[error("the request is of ledger {found:?}, your anchors are for {required:?}")]
    Ledger {
        /// The request's.
        found: String,
        /// The anchors'.
        required: String,
    },
    /// A site the anchors do not name.
    #[error("your anchors do not name the site {site:?}")]
    UnknownSite {
        /// The site.
        site: String,
    },
    /// A key the anchors do not hold.
    #[error("the request names the verifying key {key}, which is not among your anchors")]
    UnknownKey {
        /// The key.
        key: Digest,
    },
    /// An approval the anchors do not name.
    #[error("the approval {approval} is not among those in force in your anchors")]
    UnknownApproval {
        /// The approval.
        approval: Digest,
    },
    /// A document that is not the anchored one.
    #[error("the bundle's {what} is {found}, your anchors name {required}")]
    NotAnchored {
        /// Which document.
        what: &'static str,
        /// What was found.
        found: Digest,
        /// What the anchors name.
        required: Digest,
    },
    /// Two parts that should agree.
    #[error("the {what} says {found:?}, but {where_else} says {required:?}")]
    Disagree {
        /// Which part.
        what: &'static str,
        /// What it says.
        found: String,
        /// Which other part.
        where_else: &'static str,
        /// What that says.
        required: String,
    },
    /// The request does not fit.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The approval does not permit it.
    #[error("the approval does not permit this query: {0}")]
    Approval(#[from] ApprovalError),
    /// The query does not compile.
    #[error("the query does not compile over this schema: {0}")]
    Compile(Box<CompileError>),
    /// The plan does not pass its checks.
    #[error("the plan does not pass its checks: {0}")]
    Plan(#[from] PlanError),
    /// There is no policy, or none that fits.
    #[error("the policy refuses this query: {0}")]
    Policy(#[from] PolicyError),
    /// A manifest or epoch that does not fit.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Released numbers that no honest site writes.
    #[error("group {group} shows {what}, {rule}")]
    Cells {
        /// The group, from 1.
        group: usize,
        /// What it shows.
        what: String,
        /// What is allowed.
        rule: String,
    },
    /// A commitment that does not fit.
    #[error("the commitment to {column}: {reason}")]
    Commitment {
        /// Which column.
        column: String,
        /// What is wrong.
        reason: String,
    },
    /// Columns, groups or lookups other than the plan's.
    #[error(transparent)]
    Derive(#[from] DeriveError),
    /// Lists of another length than the shape's.
    #[error(transparent)]
    Length(#[from] LengthError),
    /// The shape has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// An opening that does not hold.
    #[error(
        "the opening of {which} was not made for this request, these documents and these values, or was changed: {source}"
    )]
    Opening {
        /// Which one.
        which: &'static str,
        /// Why.
        source: OpeningError,
    },
    /// Bytes that are not a proof.
    #[error(transparent)]
    ProofBytes(#[from] ProofError),
    /// The proof is false.
    #[error("the proof is not valid for these numbers, this plan, these tables and this policy")]
    FalseProof,
}

impl Reason {
    fn at(self, step: Step) -> AuditError {
        AuditError { step, reason: self }
    }
}

/// A release that passed every check. Only [`verify_release`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedRelease {
    site: String,
    request: Digest,
    plan: Plan,
    params: ReleaseParams,
    policy: String,
    cells: Vec<GroupCells>,
    key: Digest,
    key_kind: KeyKind,
    manifest: Digest,
    epoch: Digest,
}

impl VerifiedRelease {
    /// The site that answered.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The request that was answered.
    pub fn request(&self) -> Digest {
        self.request
    }

    /// The plan, as recompiled.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The release rule's numbers.
    pub fn params(&self) -> &ReleaseParams {
        &self.params
    }

    /// The effective policy in words.
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// The released cells, group by group.
    pub fn cells(&self) -> &[GroupCells] {
        &self.cells
    }

    /// The verifying key's id.
    pub fn key(&self) -> Digest {
        self.key
    }

    /// Where the verifying key comes from.
    pub fn key_kind(&self) -> KeyKind {
        self.key_kind
    }

    /// The table version.
    pub fn manifest(&self) -> Digest {
        self.manifest
    }

    /// The consent epoch.
    pub fn epoch(&self) -> Digest {
        self.epoch
    }
}

/// Checks a bundle against trust anchors. Pure: no clock, randomness or I/O.
pub fn verify_release(bundle: &Bundle, anchors: &Anchors) -> Result<VerifiedRelease, AuditError> {
    let key = check_anchors(bundle, anchors).map_err(|reason| reason.at(Step::Anchors))?;
    let shape = check_registration(bundle, anchors, key).map_err(|reason| reason.at(Step::Registration))?;
    let plan = check_plan(bundle, &shape).map_err(|reason| reason.at(Step::Plan))?;
    let policy = effective(Some(&bundle.policy_floor), Some(&bundle.approval.policy))
        .map_err(|error| Reason::from(error).at(Step::Policy))?;
    let params = policy
        .release_params(&plan, &bundle.schema, bundle.approval.names(&plan))
        .map_err(|error| Reason::from(error).at(Step::Policy))?;
    check_cells(&bundle.proof.cells, &plan, &params, &bundle.manifest).map_err(|reason| reason.at(Step::Release))?;
    check_commitments(bundle, &shape).map_err(|reason| reason.at(Step::Commitments))?;

    let (manifest, epoch) = (bundle.manifest.digest(), bundle.epoch.digest());
    let context = Context {
        request: &bundle.request,
        site: &bundle.site,
        plan: &plan,
        approval: &bundle.approval,
        policy: &policy,
        params: &params,
        shape: &shape,
        verifying_key: key.id(),
        manifest,
        epoch,
    }
    .digest();
    let proof = &bundle.proof;
    let challenges: PublicChallenges = proof.challenges.clone().into();
    let query_time = proof.columns.iter().filter(|opened| opened.column.source == Source::Query);
    let commitments = query_commitments(
        query_time.map(|opened| (&opened.column, opened.commitment.digest())),
        proof.multiplicities.iter().map(|opened| (&opened.column, opened.commitment.digest())),
    );
    let public = Derivation {
        plan: &plan,
        shape: &shape,
        declared_rows: bundle.manifest.declared_rows(),
        context,
        commitments,
        params,
        challenges: challenges.clone(),
        columns: &proof.columns,
        multiplicities: &proof.multiplicities,
        cells: &proof.cells,
    }
    .public()
    .map_err(|error| Reason::from(error).at(Step::Commitments))?;
    let inputs = public.encode(&shape).map_err(|error| Reason::from(error).at(Step::Openings))?;

    let openings = || -> Result<(), Reason> {
        let grid = bundle.manifest.layout().grid();
        let at = opening_context(&context, &commitments, COLUMN_OPENING);
        open(at, grid, &challenges.row_point, &proof.columns, &proof.column_opening, "columns")?;
        let grid = Layout::multiplicity(&shape)?.grid();
        let at = opening_context(&context, &commitments, MULTIPLICITY_OPENING);
        open(at, grid, &challenges.value_point, &proof.multiplicities, &proof.multiplicity_opening, "multiplicities")
    };
    openings().map_err(|reason| reason.at(Step::Openings))?;

    let groth16 = || -> Result<(), Reason> {
        let bytes = STANDARD.decode(&proof.groth16).map_err(|error| ProofError::Text { reason: error.to_string() })?;
        if key.accepts(&Proof::decode(&bytes)?, &inputs) { Ok(()) } else { Err(Reason::FalseProof) }
    };
    groth16().map_err(|reason| reason.at(Step::Proof))?;

    Ok(VerifiedRelease {
        site: bundle.site.clone(),
        request: bundle.request.digest(),
        plan,
        params,
        policy: params.describe(),
        cells: proof.cells.clone(),
        key: key.id(),
        key_kind: key.kind(),
        manifest,
        epoch,
    })
}

fn check_anchors<'a>(bundle: &Bundle, anchors: &'a Anchors) -> Result<&'a VerifyingKey, Reason> {
    if bundle.request.ledger != anchors.ledger() {
        let required = anchors.ledger().to_owned();
        return Err(Reason::Ledger { found: bundle.request.ledger.clone(), required });
    }
    if anchors.site(&bundle.site).is_none() {
        return Err(Reason::UnknownSite { site: bundle.site.clone() });
    }
    let approval = bundle.approval.digest();
    if !anchors.approves(&approval) {
        return Err(Reason::UnknownApproval { approval });
    }
    let key = bundle.request.site(&bundle.site)?.verifying_key;
    anchors.key(&key).ok_or(Reason::UnknownKey { key })
}

fn agree(
    what: &'static str,
    found: impl ToString,
    where_else: &'static str,
    required: impl ToString,
) -> Result<(), Reason> {
    let (found, required) = (found.to_string(), required.to_string());
    if found == required { Ok(()) } else { Err(Reason::Disagree { what, found, where_else, required }) }
}

fn check_registration(bundle: &Bundle, anchors: &Anchors, key: &VerifyingKey) -> Result<Shape, Reason> {
    let Bundle { site, request, manifest, epoch, schema, policy_floor, .. } = bundle;
    let pin = request.site(site)?;
    let known = anchors.site(site).ok_or_else(|| Reason::UnknownSite { site: site.clone() })?;
    let documents = [
        ("manifest", manifest.digest(), known.manifest, pin.manifest),
        ("consent epoch", epoch.digest(), known.epoch, pin.epoch),
        ("policy floor", policy_floor.digest(), known.policy_floor, pin.policy_floor),
    ];
    for (what, found, required, pinned) in documents {
        if found != required {
            return Err(Reason::NotAnchored { what, found, required });
        }
        request.pinned(what, pinned, found)?;
    }
    agree("manifest's site", manifest.site(), "the bundle", site)?;
    agree("epoch's site", epoch.site(), "the bundle", site)?;
    epoch.check_manifest(manifest)?;
    manifest.check_schema(schema)?;
    let shape = pin.standard_shape()?;
    agree("manifest's shape", manifest.shape().id(), "the request", shape.id())?;
    agree("verifying key's shape", key.shape().id(), "the request", shape.id())?;
    Ok(shape)
}

fn check_plan(bundle: &Bundle, shape: &Shape) -> Result<Plan, Reason> {
    let Bundle { request, approval, schema, .. } = bundle;
    let plan =
        compile(&request.query, schema, &approval.consent, shape).map_err(|error| Reason::Compile(Box::new(error)))?;
    request.binds(approval, schema, &plan)?;
    plan.check(shape)?;
    approval.permits(&request.query, &plan)?;
    Ok(plan)
}

/// What the circuit leaves to a look at the public numbers: their grid and their range, and which sums there are.
fn check_cells(
    cells: &[GroupCells],
    plan: &Plan,
    params: &ReleaseParams,
    manifest: &cohortium_protocol::commit::DatasetManifest,
) -> Result<(), Reason> {
    if cells.len() != plan.groups() {
        return Err(DeriveError::Groups { found: cells.len(), required: plan.groups() }.into());
    }
    let rows = manifest.declared_rows() as u64;
    for (group, cells) in cells.iter().enumerate() {
        let refuse = |what: String, rule: String| Reason::Cells { group: group + 1, what, rule };
        if let Cell::Value(count) = cells.count {
            let base = u64::from(params.b);
            if count % base != 0 {
                return Err(refuse(format!("the count {count}"), format!("counts are multiples of {base}")));
            }
            if count > rows + base {
                return Err(refuse(format!("the count {count}"), format!("the table has {rows} rows")));
            }
        }
        for (sum, rule) in cells.sums.iter().zip(&params.sums) {
            match (sum, rule.on) {
                (None, false) => {}
                (Some(Cell::Value(value)), true) => {
                    if value % rule.base != 0 {
                        let allowed = format!("these sums are multiples of {}", rule.base);
                        return Err(refuse(format!("the sum {value}"), allowed));
                    }
                    // Below the dominance bound the circuit would accept 0 as well as no number at all.
                    if *value < rule.dominance {
                        let allowed = format!("a sum that rounds to less than {} is suppressed", rule.base);
                        return Err(refuse(format!("the sum {value}"), allowed));
                    }
                    if *value >= 1 << 53 {
                        return Err(refuse(format!("the sum {value}"), "sums are below 2^53".to_owned()));
                    }
                }
                // A sum without a number follows its count: zero with zero, else suppressed.
                (Some(state), true) => {
                    if (*state == Cell::Zero) != (cells.count == Cell::Zero) {
                        let what = format!("the sum \"{state}\" beside the count \"{}\"", cells.count);
                        return Err(refuse(what, "a sum is zero where its count is, and nowhere else".to_owned()));
                    }
                }
                (Some(_), false) => {
                    return Err(refuse("a sum".to_owned(), "which was not asked for".to_owned()));
                }
                (None, true) => {
                    return Err(refuse("no sum".to_owned(), "although one was asked for".to_owned()));
                }
            }
        }
    }
    Ok(())
}

fn check_commitments(bundle: &Bundle, shape: &Shape) -> Result<(), Reason> {
    let grid = bundle.manifest.layout().grid();
    let values = Layout::multiplicity(shape)?.grid();
    let proof = &bundle.proof;
    for opened in &proof.columns {
        let given = || CommittedColumn { name: opened.column.name.clone(), points: opened.commitment.clone() };
        match opened.column.source {
            Source::Manifest => bundle.manifest.check_points(&given())?,
            Source::Epoch => bundle.epoch.check_points(&given())?,
            Source::Query => check_grid(opened, &grid)?,
        }
    }
    proof.multiplicities.iter().try_for_each(|opened| check_grid(opened, &values))
}

fn check_grid(opened: &ColumnAtPoint, grid: &Grid) -> Result<(), Reason> {
    opened
        .commitment
        .check_grid(grid)
        .map_err(|error| Reason::Commitment { column: opened.column.to_string(), reason: error.to_string() })
}

fn open(
    context: Digest,
    grid: Grid,
    point: &[F],
    opened: &[ColumnAtPoint],
    proof: &OpeningProof,
    which: &'static str,
) -> Result<(), Reason> {
    let columns =
        opened.iter().map(|opened| OpenedColumn { commitment: &opened.commitment, value: opened.value }).collect();
    OpeningStatement { context, grid, point, columns }.verify(proof).map_err(|source| Reason::Opening { which, source })
}
