//! What the board brings itself: its trust anchors.

use std::sync::Arc;

use cohortium_keys::{VerifyingKey, VerifyingKeyDocument, VerifyingKeyError};
use cohortium_protocol::domain;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::ledger::Charter;
use serde::{Deserialize, Serialize};

/// The format tag of an anchors file.
pub const FORMAT: &str = "cohortium-anchors/1";

/// What the board knows of a site from elsewhere than the bundle.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteAnchor {
    /// The site's name.
    pub site: String,
    /// Its active table version.
    pub manifest: Digest,
    /// Its active consent epoch.
    pub epoch: Digest,
    /// Its registered policy floor.
    pub policy_floor: Digest,
}

/// An anchors file as it is written.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnchorsDocument {
    /// Always [`FORMAT`].
    pub format: String,
    /// The ledger whose requests are accepted; `file-exchange` where requests are handed over as files.
    pub ledger: String,
    /// Whether proofs under development keys count, for trials. Whoever made such a key can forge.
    #[serde(default)]
    pub accept_development_keys: bool,
    /// The verifying keys that are accepted, whole.
    pub verifying_keys: Vec<VerifyingKeyDocument>,
    /// The sites.
    pub sites: Vec<SiteAnchor>,
    /// The approvals in force, by digest.
    pub approvals: Vec<Digest>,
    /// The charter of the ledger, whole. With it, sites and approvals may be left empty: what the charter's members
    /// signed on the ledger counts. What is listed all the same must agree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charter: Option<Charter>,
}

/// Why an anchors file is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnchorsError {
    /// Not JSON of the right form.
    #[error("the anchors cannot be read: {reason}")]
    Form {
        /// What is wrong.
        reason: String,
    },
    /// Another format or version.
    #[error("the anchors' format is {found:?}; this version reads {FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
    /// A verifying key that is refused.
    #[error("verifying key {place} of the anchors: {source}")]
    Key {
        /// Its place in the list, from 1.
        place: usize,
        /// Why.
        source: VerifyingKeyError,
    },
    /// A charter and other anchors that do not belong together.
    #[error("the anchors' {what} is {found}, but their charter says {required}")]
    Charter {
        /// Which part.
        what: &'static str,
        /// What was found.
        found: String,
        /// What the charter says.
        required: String,
    },
    /// A site or key that is named twice, so that it is unclear which counts.
    #[error("the anchors name {what} twice")]
    Twice {
        /// What.
        what: String,
    },
}

/// Checked trust anchors.
#[derive(Clone, Debug)]
pub struct Anchors {
    document: AnchorsDocument,
    keys: Vec<Arc<VerifyingKey>>,
}

impl Anchors {
    /// Anchors made of parts that were checked already.
    pub(crate) fn assemble(
        ledger: &str,
        accept_development_keys: bool,
        keys: Vec<Arc<VerifyingKey>>,
        sites: Vec<SiteAnchor>,
        approvals: Vec<Digest>,
    ) -> Self {
        let document = AnchorsDocument {
            format: FORMAT.to_owned(),
            ledger: ledger.to_owned(),
            accept_development_keys,
            verifying_keys: Vec::new(),
            sites,
            approvals,
            charter: None,
        };
        Self { document, keys }
    }

    /// Reads an anchors file; every key in it is checked.
    pub fn parse(json: &str) -> Result<Self, AnchorsError> {
        let document: AnchorsDocument =
            serde_json::from_str(json).map_err(|error| AnchorsError::Form { reason: error.to_string() })?;
        Self::check(document)
    }

    /// Checks a document.
    pub fn check(document: AnchorsDocument) -> Result<Self, AnchorsError> {
        if document.format != FORMAT {
            return Err(AnchorsError::Format { found: document.format });
        }
        for (i, site) in document.sites.iter().enumerate() {
            if document.sites[..i].iter().any(|before| before.site == site.site) {
                return Err(AnchorsError::Twice { what: format!("the site {:?}", site.site) });
            }
        }
        let keys = document
            .verifying_keys
            .iter()
            .enumerate()
            .map(|(i, key)| {
                VerifyingKey::from_document(key).map_err(|source| AnchorsError::Key { place: i + 1, source })
            })
            .collect::<Result<Vec<_>, _>>()?;
        for (i, key) in keys.iter().enumerate() {
            if keys[..i].iter().any(|before| before.id() == key.id()) {
                return Err(AnchorsError::Twice { what: format!("the verifying key {}", key.id()) });
            }
        }
        if let Some(charter) = &document.charter {
            let differ = |what, found: String, required: String| {
                if found == required { Ok(()) } else { Err(AnchorsError::Charter { what, found, required }) }
            };
            differ("ledger", document.ledger.clone(), charter.ledger())?;
            for key in &keys {
                let named = charter.verifying_key(key.shape().name);
                let required = named.map_or_else(|| "none".to_owned(), |id| id.to_string());
                differ("verifying key", key.id().to_string(), required)?;
            }
        }
        let keys = keys.into_iter().map(Arc::new).collect();
        Ok(Self { document, keys })
    }

    /// The charter of the ledger, if there is one.
    pub fn charter(&self) -> Option<&Charter> {
        self.document.charter.as_ref()
    }

    /// The anchors for a bundle whose evidence of the ledger was checked: what is listed must agree with it, and what
    /// is not listed is what the ledger has.
    pub(crate) fn with_ledger(&self, site: SiteAnchor, approval: Digest) -> Self {
        let AnchorsDocument { ledger, accept_development_keys, sites, approvals, .. } = &self.document;
        let sites = if sites.is_empty() { vec![site] } else { sites.clone() };
        let approvals = if approvals.is_empty() { vec![approval] } else { approvals.clone() };
        Self::assemble(ledger, *accept_development_keys, self.keys.clone(), sites, approvals)
    }

    /// The ledger whose requests are accepted.
    pub fn ledger(&self) -> &str {
        &self.document.ledger
    }

    /// Whether proofs under development keys count.
    pub fn accept_development_keys(&self) -> bool {
        self.document.accept_development_keys
    }

    /// An accepted verifying key.
    pub fn key(&self, id: &Digest) -> Option<&VerifyingKey> {
        self.shared_key(id).map(Arc::as_ref)
    }

    /// The same, to be kept.
    pub(crate) fn shared_key(&self, id: &Digest) -> Option<&Arc<VerifyingKey>> {
        self.keys.iter().find(|key| key.id() == *id)
    }

    /// What is known of a site.
    pub fn site(&self, name: &str) -> Option<&SiteAnchor> {
        self.document.sites.iter().find(|site| site.site == name)
    }

    /// Whether any site is named, and not left to a ledger.
    pub(crate) fn has_sites(&self) -> bool {
        !self.document.sites.is_empty()
    }

    /// Whether any approval is named, and not left to a ledger.
    pub(crate) fn has_approvals(&self) -> bool {
        !self.document.approvals.is_empty()
    }

    /// Whether an approval is in force.
    pub fn approves(&self, approval: &Digest) -> bool {
        self.document.approvals.contains(approval)
    }

    /// The digest over all anchors: which anchors a verdict rests on.
    pub fn digest(&self) -> Digest {
        let AnchorsDocument { ledger, accept_development_keys, sites, approvals, .. } = &self.document;
        let mut hasher = Hasher::new(domain::ANCHORS);
        hasher.str(ledger).u64(u64::from(*accept_development_keys)).u64(self.keys.len() as u64);
        for key in &self.keys {
            hasher.digest(&key.id());
        }
        hasher.u64(sites.len() as u64);
        for site in sites {
            hasher.str(&site.site).digest(&site.manifest).digest(&site.epoch).digest(&site.policy_floor);
        }
        hasher.u64(approvals.len() as u64);
        for approval in approvals {
            hasher.digest(approval);
        }
        hasher.u64(u64::from(self.document.charter.is_some()));
        if let Some(charter) = &self.document.charter {
            hasher.digest(&charter.digest());
        }
        hasher.finish()
    }
}
