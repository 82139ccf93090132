//! The check of a file of eligibility against trust anchors, step by step.

mod report;
mod seen;

pub use report::{EligibilityReport, report_eligibility};
pub use seen::{Seen, SeenError};

use std::sync::Arc;

use cohortium_keys::{KeyKind, VerifyingKey};
use cohortium_protocol::bundle::Derivation;
use cohortium_protocol::commit::Layout;
use cohortium_protocol::eligibility::{EligibilityContext, EligibilityFile, Scope};
use cohortium_protocol::field::F;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::query::{Plan, compile_offer};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::{OfferInputs, PublicChallenges, ReleaseRule};

use crate::anchors::Anchors;
use crate::opened::{Opened, agree, check_commitments, check_openings, commitments_digest, decode_proof};
use crate::reason::{AuditError, Reason, Step};

/// A file of eligibility that passed every check. Only [`verify_eligibility`] makes one.
#[derive(Clone, Debug)]
pub struct VerifiedEligibility {
    scope: Scope,
    nullifier: F,
    plan: Plan,
    approval: Digest,
    agreement: Digest,
    key: Digest,
    key_kind: KeyKind,
    manifest: Digest,
    epoch: Digest,
    file: Digest,
}

impl VerifiedEligibility {
    /// Ledger, site, study and sponsor: within what the nullifier is the patient's only one.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The patient's nullifier. Whoever met it before in this scope was offered this patient before.
    pub fn nullifier(&self) -> F {
        self.nullifier
    }

    /// The plan of the offer, as recompiled.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The approval.
    pub fn approval(&self) -> Digest {
        self.approval
    }

    /// The salted hash of the patient's signed agreement. That there is one is not shown.
    pub fn agreement(&self) -> Digest {
        self.agreement
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

    /// The digest of the file, its proof included.
    pub fn file(&self) -> Digest {
        self.file
    }
}

/// Checks a file of eligibility against trust anchors. Pure: no clock, randomness or I/O.
///
/// # Errors
/// The step at which the check stopped, and why: each names the part of the file that is refused.
pub fn verify_eligibility(file: &EligibilityFile, anchors: &Anchors) -> Result<VerifiedEligibility, AuditError> {
    let key = check_anchors(file, anchors).map_err(|reason| reason.at(Step::Anchors))?;
    let shape = check_registration(file, anchors, key).map_err(|reason| reason.at(Step::Registration))?;
    let plan = check_plan(file, &shape).map_err(|reason| reason.at(Step::Plan))?;
    let proof = &file.proof;
    check_commitments(&file.manifest, &file.epoch, &shape, [&proof.columns, &proof.multiplicities])
        .map_err(|reason| reason.at(Step::Commitments))?;

    let (manifest, epoch) = (file.manifest.digest(), file.epoch.digest());
    let context = EligibilityContext {
        scope: &file.scope,
        query: &file.query,
        plan: &plan,
        approval: &file.approval,
        shape: &shape,
        verifying_key: key.id(),
        manifest,
        epoch,
        agreement: file.agreement,
    }
    .digest();
    let challenges: PublicChallenges = proof.challenges.clone().into();
    let commitments = commitments_digest(&proof.columns, &proof.multiplicities);
    let inputs = Derivation {
        plan: &plan,
        shape: &shape,
        declared_rows: file.manifest.declared_rows(),
        context,
        commitments,
        rule: ReleaseRule::Offered(OfferInputs { scope: file.scope.digest(), nullifier: file.nullifier }),
        challenges: challenges.clone(),
        columns: &proof.columns,
        multiplicities: &proof.multiplicities,
        cells: &[],
    }
    .public()
    .map_err(|error| Reason::from(error).at(Step::Commitments))?
    .encode(&shape)
    .map_err(|error| Reason::from(error).at(Step::Openings))?;
    check_openings(&Opened {
        context,
        commitments,
        grid: file.manifest.layout().grid(),
        values: Layout::multiplicity(&shape).map_err(|error| Reason::from(error).at(Step::Openings))?.grid(),
        challenges: &challenges,
        columns: (&proof.columns, &proof.column_opening),
        multiplicities: (&proof.multiplicities, &proof.multiplicity_opening),
    })
    .map_err(|reason| reason.at(Step::Openings))?;
    let groth16 = decode_proof(&proof.groth16).map_err(|reason| reason.at(Step::Proof))?;
    if !key.accepts(&groth16, &inputs) {
        return Err(Reason::FalseProof.at(Step::Proof));
    }
    Ok(VerifiedEligibility {
        scope: file.scope.clone(),
        nullifier: file.nullifier,
        plan,
        approval: file.approval.digest(),
        agreement: file.agreement,
        key: key.id(),
        key_kind: key.kind(),
        manifest,
        epoch,
        file: file.digest(),
    })
}

fn check_anchors<'a>(file: &EligibilityFile, anchors: &'a Anchors) -> Result<&'a Arc<VerifyingKey>, Reason> {
    agree("scope's ledger", &file.scope.ledger, "the anchors file", anchors.ledger())?;
    let left = anchors.charter().is_some();
    if left && !anchors.has_sites() {
        return Err(Reason::LeftToLedger { what: "the sites" });
    }
    if anchors.site(&file.scope.site).is_none() {
        return Err(Reason::UnknownSite { site: file.scope.site.clone() });
    }
    let approval = file.approval.digest();
    if left && !anchors.has_approvals() {
        return Err(Reason::LeftToLedger { what: "the approvals" });
    }
    if !anchors.approves(&approval) {
        return Err(Reason::UnknownApproval { approval });
    }
    anchors.shared_key(&file.verifying_key).ok_or(Reason::NoKey { key: file.verifying_key })
}

fn check_registration(file: &EligibilityFile, anchors: &Anchors, key: &VerifyingKey) -> Result<Shape, Reason> {
    let EligibilityFile { scope, approval, schema, manifest, epoch, .. } = file;
    let known = anchors.site(&scope.site).ok_or_else(|| Reason::UnknownSite { site: scope.site.clone() })?;
    agree("manifest", manifest.digest(), "the anchors file", known.manifest)?;
    agree("consent epoch", epoch.digest(), "the anchors file", known.epoch)?;
    agree("manifest's site", manifest.site(), "the scope", &scope.site)?;
    agree("epoch's site", epoch.site(), "the scope", &scope.site)?;
    agree("scope's study", &scope.study, "the approval", &approval.study)?;
    agree("scope's sponsor", &scope.sponsor, "the approval", &approval.sponsor)?;
    epoch.check_manifest(manifest)?;
    manifest.check_schema(schema)?;
    agree("manifest's table", manifest.table(), "the schema", schema.table())?;
    // Manifests are of standard shapes, each of which has a shape of offers.
    let shape = manifest.shape().eligible().unwrap_or(*manifest.shape());
    agree("verifying key's shape", key.shape().id(), "the manifest's shape, for offers,", shape.id())?;
    Ok(shape)
}

fn check_plan(file: &EligibilityFile, shape: &Shape) -> Result<Plan, Reason> {
    let EligibilityFile { scope, query, approval, schema, .. } = file;
    let plan =
        compile_offer(query, schema, &approval.consent, shape).map_err(|error| Reason::Offer(Box::new(error)))?;
    plan.check(shape)?;
    approval.permits(query, &plan)?;
    approval.permits_site(&scope.site)?;
    Ok(plan)
}
