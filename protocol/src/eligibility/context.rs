//! The context digest: everything that a proof of eligibility is about, before any of its messages.

use super::Scope;
use crate::bundle::PROTOCOL_VERSION;
use crate::documents::Approval;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::query::{Plan, Query};
use crate::shape::Shape;

/// What a proof of eligibility is about.
pub struct EligibilityContext<'a> {
    /// Ledger, site, study and sponsor.
    pub scope: &'a Scope,
    /// The criteria.
    pub query: &'a Query,
    /// The plan of the offer, with all its tables.
    pub plan: &'a Plan,
    /// The approval.
    pub approval: &'a Approval,
    /// The shape.
    pub shape: &'a Shape,
    /// The verifying key's id.
    pub verifying_key: Digest,
    /// The dataset manifest.
    pub manifest: Digest,
    /// The consent epoch.
    pub epoch: Digest,
    /// The salted hash of the patient's signed agreement.
    pub agreement: Digest,
}

impl EligibilityContext<'_> {
    /// The digest that the transcript starts from.
    pub fn digest(&self) -> Digest {
        let Self { scope, query, plan, approval, shape, verifying_key, manifest, epoch, agreement } = self;
        Hasher::new(domain::ELIGIBILITY_CONTEXT)
            .u64(PROTOCOL_VERSION)
            .str(&scope.ledger)
            .digest(verifying_key)
            .digest(&shape.id())
            .str(&scope.site)
            .str(&scope.sponsor)
            .digest(&query.digest())
            .digest(&plan.digest())
            .digest(&approval.digest())
            .digest(manifest)
            .digest(epoch)
            .digest(&scope.digest())
            .digest(agreement)
            .finish()
    }
}
