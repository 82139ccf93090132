//! The scope of a nullifier: within it, one patient has one.

use serde::{Deserialize, Serialize};

use crate::domain;
use crate::hash::{Digest, Hasher};

/// What a nullifier is for. In two scopes one patient has two nullifiers, which have nothing in common.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// The ledger's id, or that of the file exchange.
    pub ledger: String,
    /// The site that offers.
    pub site: String,
    /// The study that is offered to.
    pub study: String,
    /// Its sponsor.
    pub sponsor: String,
}

impl Scope {
    /// The digest that enters the nullifier.
    pub fn digest(&self) -> Digest {
        let Self { ledger, site, study, sponsor } = self;
        Hasher::new(domain::NULLIFIER_SCOPE).str(ledger).str(site).str(study).str(sponsor).finish()
    }
}
