//! The context digest: everything that a proof is about, before any of its messages.

use super::noise::NoiseFacts;
use crate::documents::{Approval, Request};
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::policy::{EffectivePolicy, Rule};
use crate::query::Plan;
use crate::shape::Shape;

/// The version of the protocol that proofs are made and checked under.
pub const PROTOCOL_VERSION: u64 = 1;

/// What a proof is about. Nothing in here can be varied by the site once the request is made.
pub struct Context<'a> {
    /// The request: query, pins of all sites, nonce, noise.
    pub request: &'a Request,
    /// The site that answers.
    pub site: &'a str,
    /// The plan, with all its tables.
    pub plan: &'a Plan,
    /// The approval.
    pub approval: &'a Approval,
    /// The stricter of floor and approval.
    pub policy: &'a EffectivePolicy,
    /// Its numbers for this plan.
    pub rule: &'a Rule,
    /// What the noise is drawn from, if there is any.
    pub noise: Option<&'a NoiseFacts>,
    /// The shape.
    pub shape: &'a Shape,
    /// The verifying key's id.
    pub verifying_key: Digest,
    /// The dataset manifest.
    pub manifest: Digest,
    /// The consent epoch.
    pub epoch: Digest,
}

impl Context<'_> {
    /// The digest that the transcript starts from.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::CONTEXT);
        hasher.u64(PROTOCOL_VERSION).str(&self.request.ledger).digest(&self.verifying_key).digest(&self.shape.id());
        hasher.str(self.site).digest(&self.request.digest()).digest(&self.request.query.digest());
        hasher.digest(&self.plan.digest()).digest(&self.approval.digest()).digest(&self.policy.policy().digest());
        self.rule.absorb(&mut hasher);
        hasher.digest(&self.manifest).digest(&self.epoch).str(self.request.noise.name());
        if let Some(noise) = self.noise {
            noise.absorb(&mut hasher);
        }
        hasher.finish()
    }
}
