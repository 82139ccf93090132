//! The bundle's file.

use serde::{Deserialize, Serialize};

use super::noise::NoiseOnLedger;
use super::place::place;
use super::proof::QueryProof;
use crate::commit::{ConsentEpoch, DatasetManifest};
use crate::documents::{Approval, Request};
use crate::ledger::LedgerEvidence;
use crate::policy::Policy;
use crate::table::Schema;
use crate::text::is_line;

/// The format this code reads and writes.
pub const BUNDLE_FORMAT: &str = "cohortium-bundle/1";

/// The largest bundle that is read. The proof of the largest shape is about 1.2 MB, request and approval are together
/// below 2 MB, manifest and epoch below 1 MB each; what is left, over 10 MB, is for the code lists of the schema.
pub const MAX_BUNDLE_BYTES: usize = 16 << 20;

/// Characters of a site's name.
const MAX_SITE: usize = 120;

/// One site's answer to a request, with everything needed to check it but the anchors.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// Always [`BUNDLE_FORMAT`].
    pub format: String,
    /// The site that answers.
    pub site: String,
    /// What was asked, of whom, over what.
    pub request: Request,
    /// The ethics board's approval.
    pub approval: Approval,
    /// The site's policy floor.
    pub policy_floor: Policy,
    /// The table's schema.
    pub schema: Schema,
    /// The table version.
    pub manifest: DatasetManifest,
    /// The consent epoch.
    pub epoch: ConsentEpoch,
    /// The released cells and their proof.
    pub proof: QueryProof,
    /// What its noise is drawn from, as far as it stands on the ledger; nothing without noise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<NoiseOnLedger>,
    /// Where all of this stands on a ledger; nothing where files are exchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerEvidence>,
}

/// Why a file is not a bundle.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BundleError {
    /// Beyond the limit.
    #[error("the file has {found} bytes; a bundle has at most {MAX_BUNDLE_BYTES}")]
    Size {
        /// Its size.
        found: usize,
    },
    /// Not JSON, or a part of it that does not pass its checks.
    #[error("the bundle cannot be read{}: {reason}", at(place))]
    Json {
        /// Which part, as in `proof.columns[3].value`; empty if it is the whole.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A site's name that is not a line.
    #[error("the bundle's site {found:?} is not a name: one line of 1 to {MAX_SITE} plain characters")]
    Site {
        /// What was found, shortened.
        found: String,
    },
    /// Another format or version.
    #[error("the bundle's format is {found:?}; this version reads {BUNDLE_FORMAT:?}")]
    Format {
        /// What was found.
        found: String,
    },
}

fn at(place: &str) -> String {
    if place.is_empty() { String::new() } else { format!(" at {place}") }
}

impl Bundle {
    /// Reads a bundle: every part is checked for itself, points for the curve, numbers for their one encoding.
    pub fn parse(json: &[u8]) -> Result<Self, BundleError> {
        if json.len() > MAX_BUNDLE_BYTES {
            return Err(BundleError::Size { found: json.len() });
        }
        let bundle: Self = serde_json::from_slice(json).map_err(|error| BundleError::Json {
            place: place(json, error.line(), error.column()),
            reason: error.to_string(),
        })?;
        if bundle.format != BUNDLE_FORMAT {
            return Err(BundleError::Format { found: bundle.format });
        }
        if !is_line(&bundle.site, MAX_SITE) {
            return Err(BundleError::Site { found: bundle.site.chars().take(80).collect() });
        }
        Ok(bundle)
    }
}
