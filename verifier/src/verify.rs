//! The check of a bundle against trust anchors, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use cohortium_keys::{KeyKind, Proof, VerifyingKey};
use cohortium_protocol::bundle::{Bundle, Context, Derivation, NoiseFacts, release_rule};
use cohortium_protocol::commit::Layout;
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::{GroupCells, PolicyError, Rule, effective};
use cohortium_protocol::query::{Plan, compile};
use cohortium_protocol::results::ReleasePolicy;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::PublicChallenges;

use crate::anchors::{Anchors, SiteAnchor};
use crate::cells::{check_cells, check_noised};
use crate::ledger::{LedgerFacts, check_evidence};
use crate::opened::{Opened, agree, check_commitments, check_openings, commitments_digest, decode_proof};
use crate::reason::{AuditError, Reason, Step};

/// A release that passed every check. Only [`verify_release`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedRelease {
    site: String,
    request: Digest,
    plan: Plan,
    rule: Rule,
    policy: ReleasePolicy,
    cells: Vec<GroupCells>,
    key: Digest,
    key_kind: KeyKind,
    manifest: Digest,
    epoch: Digest,
    proof: Digest,
    ledger: Option<LedgerFacts>,
}

impl VerifiedRelease {
    /// The digest of the proof that was verified.
    pub fn proof(&self) -> Digest {
        self.proof
    }

    /// What the bundle's evidence of a ledger came to; nothing where the anchors name no charter.
    pub fn ledger(&self) -> Option<&LedgerFacts> {
        self.ledger.as_ref()
    }

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
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The effective policy in words.
    pub fn policy(&self) -> &str {
        &self.policy.words
    }

    /// The effective policy with the numbers that it gives for the plan.
    pub fn release_policy(&self) -> &ReleasePolicy {
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
    check_release(bundle, anchors)?.finish()
}

/// A release that passed every check but the last one, the proof's own equation.
pub struct PendingRelease {
    release: VerifiedRelease,
    key: Arc<VerifyingKey>,
    proof: Proof,
    inputs: Vec<F>,
}

impl PendingRelease {
    /// The last check.
    pub fn finish(self) -> Result<VerifiedRelease, AuditError> {
        let holds = self.key.accepts(&self.proof, &self.inputs);
        self.judged(holds)
    }

    /// The last check of many at once: each gets the verdict that [`PendingRelease::finish`] gives it, for less.
    pub fn finish_all(pending: Vec<Self>) -> Vec<Result<VerifiedRelease, AuditError>> {
        let mut batches: BTreeMap<Digest, Vec<usize>> = BTreeMap::new();
        for (place, release) in pending.iter().enumerate() {
            batches.entry(release.key.id()).or_default().push(place);
        }
        let mut holds = vec![false; pending.len()];
        for places in batches.values() {
            let batch: Vec<_> =
                places.iter().map(|place| (pending[*place].proof.clone(), pending[*place].inputs.clone())).collect();
            let verdicts = pending[places[0]].key.accept_batch(&batch);
            places.iter().zip(verdicts).for_each(|(place, verdict)| holds[*place] = verdict);
        }
        pending.into_iter().zip(holds).map(|(release, holds)| release.judged(holds)).collect()
    }

    fn judged(self, holds: bool) -> Result<VerifiedRelease, AuditError> {
        if holds { Ok(self.release) } else { Err(Reason::FalseProof.at(Step::Proof)) }
    }
}

/// Every check of a release but the last one.
pub fn check_release(bundle: &Bundle, anchors: &Anchors) -> Result<PendingRelease, AuditError> {
    let ledger = anchors
        .charter()
        .map(|charter| check_evidence(bundle, charter))
        .transpose()
        .map_err(|error| Reason::from(error).at(Step::Ledger))?;
    let from_ledger = ledger.as_ref().map(|_| anchors.with_ledger(on_ledger(bundle), bundle.approval.digest()));
    let anchors = from_ledger.as_ref().unwrap_or(anchors);
    let key = check_anchors(bundle, anchors).map_err(|reason| reason.at(Step::Anchors))?;
    let shape = check_registration(bundle, anchors, key).map_err(|reason| reason.at(Step::Registration))?;
    let plan = check_plan(bundle, &shape).map_err(|reason| reason.at(Step::Plan))?;
    let policy = effective(Some(&bundle.policy_floor), Some(&bundle.approval.policy))
        .map_err(|error| Reason::from(error).at(Step::Policy))?;
    policy.check_sites(bundle.request.sites.len()).map_err(|error| Reason::from(error).at(Step::Policy))?;
    let rule = policy
        .rule(&plan, &bundle.schema, bundle.approval.names(&plan), (&bundle.request.noise, &shape))
        .map_err(|error| Reason::from(error).at(Step::Policy))?;
    let noise = check_noise(bundle, &shape).map_err(|reason| reason.at(Step::Noise))?;
    let in_circuit = release_rule(&rule, noise.as_ref());
    let in_circuit = in_circuit.ok_or_else(|| Reason::Policy(PolicyError::NoNoise).at(Step::Noise))?;
    let cells = &bundle.proof.cells;
    match &rule {
        Rule::Exact(params) => check_cells(cells, plan.groups(), params, bundle.manifest.declared_rows()),
        Rule::Noised(params) => check_noised(cells, params),
    }
    .map_err(|reason| reason.at(Step::Release))?;
    check_commitments(&bundle.manifest, &bundle.epoch, &shape, [&bundle.proof.columns, &bundle.proof.multiplicities])
        .map_err(|reason| reason.at(Step::Commitments))?;

    let (manifest, epoch) = (bundle.manifest.digest(), bundle.epoch.digest());
    let context = Context {
        request: &bundle.request,
        site: &bundle.site,
        plan: &plan,
        approval: &bundle.approval,
        policy: &policy,
        rule: &rule,
        noise: noise.as_ref(),
        shape: &shape,
        verifying_key: key.id(),
        manifest,
        epoch,
    }
    .digest();
    let proof = &bundle.proof;
    let challenges: PublicChallenges = proof.challenges.clone().into();
    let commitments = commitments_digest(&proof.columns, &proof.multiplicities);
    let public = Derivation {
        plan: &plan,
        shape: &shape,
        declared_rows: bundle.manifest.declared_rows(),
        context,
        commitments,
        rule: in_circuit,
        challenges: challenges.clone(),
        columns: &proof.columns,
        multiplicities: &proof.multiplicities,
        cells: &proof.cells,
    }
    .public()
    .map_err(|error| Reason::from(error).at(Step::Commitments))?;
    let inputs = public.encode(&shape).map_err(|error| Reason::from(error).at(Step::Openings))?;

    check_openings(&Opened {
        context,
        commitments,
        grid: bundle.manifest.layout().grid(),
        values: Layout::multiplicity(&shape).map_err(|error| Reason::from(error).at(Step::Openings))?.grid(),
        challenges: &challenges,
        columns: (&proof.columns, &proof.column_opening),
        multiplicities: (&proof.multiplicities, &proof.multiplicity_opening),
    })
    .map_err(|reason| reason.at(Step::Openings))?;
    let groth16 = decode_proof(&proof.groth16).map_err(|reason| reason.at(Step::Proof))?;

    let release = VerifiedRelease {
        site: bundle.site.clone(),
        request: bundle.request.digest(),
        plan,
        policy: ReleasePolicy::new(policy.policy().clone(), &rule),
        rule,
        cells: proof.cells.clone(),
        key: key.id(),
        key_kind: key.kind(),
        manifest,
        epoch,
        proof: bundle.proof.digest(),
        ledger,
    };
    Ok(PendingRelease { release, key: key.clone(), proof: groth16, inputs })
}

/// What the ledger has of the bundle's site, once the bundle's evidence has been checked.
fn on_ledger(bundle: &Bundle) -> SiteAnchor {
    SiteAnchor {
        site: bundle.site.clone(),
        manifest: bundle.manifest.digest(),
        epoch: bundle.epoch.digest(),
        policy_floor: bundle.policy_floor.digest(),
    }
}

fn check_anchors<'a>(bundle: &Bundle, anchors: &'a Anchors) -> Result<&'a Arc<VerifyingKey>, Reason> {
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
    anchors.shared_key(&key).ok_or(Reason::UnknownKey { key })
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
    agree("manifest's table", manifest.table(), "the schema", schema.table())?;
    let shape = pin.standard_shape()?;
    agree("manifest's shape", manifest.shape().id(), "the request", shape.data().id())?;
    agree("verifying key's shape", key.shape().id(), "the request", shape.id())?;
    Ok(shape)
}

/// What the noise is drawn from; nothing where the request asks for none.
fn check_noise(bundle: &Bundle, shape: &Shape) -> Result<Option<NoiseFacts>, Reason> {
    let Bundle { request, approval, site, noise, proof, .. } = bundle;
    Ok(NoiseFacts::check(request, approval, site, shape, noise.as_ref(), proof.seed.as_ref())?)
}

fn check_plan(bundle: &Bundle, shape: &Shape) -> Result<Plan, Reason> {
    let Bundle { request, approval, schema, site, .. } = bundle;
    let plan =
        compile(&request.query, schema, &approval.consent, shape).map_err(|error| Reason::Compile(Box::new(error)))?;
    request.binds(approval, schema, &plan)?;
    plan.check(shape)?;
    approval.permits(&request.query, &plan)?;
    approval.permits_site(site)?;
    Ok(plan)
}
