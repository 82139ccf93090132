//! The ledger service's inner wall: which releases are admitted.
//!
//! Admission is a pure function of what was admitted before and of a bundle. It calls the very function that an
//! ethics board's audit calls, so the ledger can never hold what an auditor would refuse. Transactions, blocks, HTTP
//! and the store are not built yet; they will be plugged in around this.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod faults;
pub mod store;

use std::collections::BTreeMap;

use cohortium_keys::KeyKind;
use cohortium_protocol::bundle::{Bundle, BundleError};
use cohortium_protocol::hash::Digest;
use cohortium_verifier::{Anchors, AuditError, VerifiedRelease, verify_release};

/// Why a release is not admitted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AdmissionError {
    /// Not a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// An auditor would refuse it.
    #[error("the release does not pass the audit: {0}")]
    Audit(#[from] Box<AuditError>),
    /// A proof that whoever made its key could forge, and anchors that are not for trials.
    #[error("the release's proof rests on a development key, and the anchors do not accept these")]
    DevelopmentKey,
    /// The site has answered this request.
    #[error("{site} has answered the request {request} already; a site answers a request once")]
    Answered {
        /// The site.
        site: String,
        /// The request.
        request: Digest,
    },
}

/// The releases admitted so far: at most one for each request and site.
#[derive(Clone, Default, Debug)]
pub struct Admitted {
    releases: BTreeMap<(Digest, String), VerifiedRelease>,
}

impl Admitted {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Admits a bundle, or says why not; a refusal changes nothing.
    pub fn admit(&mut self, bundle: &[u8], anchors: &Anchors) -> Result<&VerifiedRelease, AdmissionError> {
        let bundle = Bundle::parse(bundle)?;
        let place = (bundle.request.digest(), bundle.site.clone());
        // Before the proof is looked at: a repetition costs nothing.
        if self.releases.contains_key(&place) {
            return Err(AdmissionError::Answered { site: place.1, request: place.0 });
        }
        let release = verify_release(&bundle, anchors).map_err(Box::new)?;
        // An audit calls such a release "not covered", which is not enough to be admitted.
        if release.key_kind() == KeyKind::Development && !anchors.accept_development_keys() {
            return Err(AdmissionError::DevelopmentKey);
        }
        Ok(self.releases.entry(place).or_insert(release))
    }

    /// The release of a site for a request.
    pub fn get(&self, request: Digest, site: &str) -> Option<&VerifiedRelease> {
        self.releases.get(&(request, site.to_owned()))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.releases.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.releases.is_empty()
    }
}
