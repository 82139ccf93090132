//! The catalogue: which tables there are, as the service says.

use cohortium_protocol::commit::{ConsentEpoch, DatasetManifest};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::policy::Policy;
use cohortium_protocol::table::{Day, Schema};
use serde::{Deserialize, Serialize};

/// A consent epoch in brief.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EpochInfo {
    /// Its number.
    pub number: u32,
    /// Its date.
    pub created: String,
    /// Its digest.
    pub digest: Digest,
    /// The last day on which a query may pin it.
    #[serde(default)]
    pub until: Option<Day>,
}

/// A batch of consent events in brief.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BatchInfo {
    /// Counts the site's batches, from 1.
    pub number: u32,
    /// Leaves of its tree.
    pub leaves: u32,
    /// The tree's root.
    pub root: Digest,
    /// The place of its transaction.
    pub index: u64,
    /// The time of its block.
    pub time: Timestamp,
}

/// A policy floor in brief.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FloorInfo {
    /// Its number.
    pub number: u32,
    /// Its digest.
    pub digest: Digest,
    /// The policy in words.
    pub words: String,
}

/// A table of a site in brief.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DatasetInfo {
    /// The site.
    pub site: String,
    /// The table.
    pub table: String,
    /// The active version.
    pub version: u32,
    /// Its manifest's digest.
    pub manifest: Digest,
    /// When it was committed.
    pub created: String,
    /// When the source was extracted.
    #[serde(default)]
    pub vintage: String,
    /// Rows that the manifest declares, dummies included.
    pub declared_rows: u64,
    /// The shape's name.
    pub shape: String,
    /// The schema's digest.
    pub schema: Digest,
    /// What the schema says of the table.
    #[serde(default)]
    pub description: String,
    /// The active consent epoch; without one nothing can be asked.
    #[serde(default)]
    pub epoch: Option<EpochInfo>,
    /// The consents that it has: purpose and kind of sponsor.
    #[serde(default)]
    pub consents: Vec<String>,
    /// The site's policy floor; without one nothing can be asked.
    #[serde(default)]
    pub policy_floor: Option<FloorInfo>,
    /// The root of the site's seed tree.
    #[serde(default)]
    pub seeds: Option<Digest>,
    /// The leaf of that tree that the next query's noise would come from.
    #[serde(default)]
    pub seed_leaf: Option<u64>,
    /// Since when it is proved that no two rows bear one tag.
    #[serde(default)]
    pub unique: Option<Timestamp>,
    /// Since when it is proved that the epoch's flags are 0 or 1.
    #[serde(default)]
    pub flags: Option<Timestamp>,
    /// When the active version was registered.
    pub registered: Timestamp,
}

/// A table of a site with its documents.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DatasetDetail {
    /// As in the list.
    #[serde(flatten)]
    pub summary: DatasetInfo,
    /// The schema, whole: columns, code lists, ranges.
    pub schema_document: Schema,
    /// The manifest, whole.
    pub manifest_document: DatasetManifest,
    /// The epoch, whole.
    #[serde(default)]
    pub epoch_document: Option<ConsentEpoch>,
    /// The policy floor, whole.
    #[serde(default)]
    pub policy_document: Option<Policy>,
}
