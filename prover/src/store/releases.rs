//! What left: one folder a request, by the request's digest. It appears whole, and is never replaced.

use cohortium_protocol::commit::{Layout, SecretColumn};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::table::Day;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::budget::BudgetFile;
use super::files::{self, NewFolder};
use super::site::{check_format, json, read_json};
use super::{Home, StoreError};
use crate::faults::Stage;

const RELEASE_FORMAT: &str = "cohortium-release/1";
const RELEASES: &str = "releases";
const RELEASE_FILE: &str = "release.json";
const BUNDLE_FILE: &str = "bundle.json";
const SELECTION_FILE: &str = "selection.bin";

/// The hospital's own note about a release.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReleaseRecord {
    format: String,
    /// The request's digest.
    pub(crate) request: Digest,
    /// The approval's digest.
    pub(crate) approval: Digest,
    /// What was asked.
    pub(crate) title: String,
    /// The table.
    pub(crate) table: String,
    /// Its version.
    pub(crate) version: u32,
    /// The consent epoch.
    pub(crate) epoch: u32,
    /// The day of the release.
    pub(crate) released: Day,
    /// The budget record it was charged in.
    pub(crate) budget_record: u64,
    /// That record's digest.
    pub(crate) budget_digest: Digest,
}

impl ReleaseRecord {
    /// A release's note.
    #[allow(clippy::too_many_arguments)] // the note's fields, each by its name
    pub(crate) fn new(
        request: Digest,
        approval: Digest,
        title: String,
        (table, version, epoch): (String, u32, u32),
        released: Day,
        (budget_record, budget_digest): (u64, Digest),
    ) -> Self {
        let format = RELEASE_FORMAT.into();
        Self { format, request, approval, title, table, version, epoch, released, budget_record, budget_digest }
    }
}

impl Home {
    /// All releases, by their requests' digests.
    pub(crate) fn releases(&self) -> Result<Vec<ReleaseRecord>, StoreError> {
        let folder = self.root().join(RELEASES);
        let names = files::names_in(&folder)?.into_iter().filter(|name| !name.starts_with('.'));
        let read = |name: String| {
            let path = folder.join(name).join(RELEASE_FILE);
            let record: ReleaseRecord = read_json(&path)?;
            check_format(&path, &record.format, RELEASE_FORMAT)?;
            Ok(record)
        };
        names.map(read).collect()
    }

    /// The bytes that were released for a request, if there was a release.
    pub(crate) fn released(&self, request: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let folder = self.root().join(RELEASES).join(request.to_string());
        if folder.exists() { files::read(&folder.join(BUNDLE_FILE)).map(Some) } else { Ok(None) }
    }

    /// Keeps a release before it is handed out. Refused if there is one for this request.
    ///
    /// With it goes what opens the answer's selection, for the patient who asks whether they were counted.
    pub(crate) fn keep_release(
        &self,
        record: &ReleaseRecord,
        bundle: &[u8],
        selection: &SecretColumn,
    ) -> Result<(), StoreError> {
        let releases = self.root().join(RELEASES);
        files::make_folder(&releases)?;
        files::sync_folder(self.root())?;
        let folder = NewFolder::begin(&releases.join(record.request.to_string()))?;
        folder.write(RELEASE_FILE, &json(record))?;
        if let Some(bytes) = selection.flags_to_bytes() {
            folder.write(SELECTION_FILE, &bytes)?;
        }
        folder.write_at(BUNDLE_FILE, bundle, Stage::ProveReleaseHalfWritten)?;
        Stage::ProveReleaseWritten.pass();
        folder.finish()
    }

    /// What opens the selection of an answer.
    pub(crate) fn kept_selection(&self, request: &Digest, layout: &Layout) -> Result<SecretColumn, StoreError> {
        let path = self.root().join(RELEASES).join(request.to_string()).join(SELECTION_FILE);
        let bytes = Zeroizing::new(files::read(&path)?);
        let damaged = || StoreError::Damaged { path, reason: "it is no selection of this answer".to_owned() };
        SecretColumn::flags_from_bytes(*layout, &bytes).ok_or_else(damaged)
    }

    /// Refuses a budget that lacks the charge of a release: then an old copy of its file was put back.
    pub(crate) fn check_budget(&self, budget: &BudgetFile) -> Result<(), StoreError> {
        for release in self.releases()? {
            if !budget.has(release.budget_record, &release.budget_digest) {
                return Err(StoreError::BudgetBehind {
                    request: release.request,
                    number: release.budget_record,
                    path: budget.path().to_owned(),
                });
            }
        }
        Ok(())
    }
}
