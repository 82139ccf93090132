//! A home that was made of a backup, `restored.json`: it charges nothing before somebody says what was charged since.
//!
//! The budget counts how often a column was opened. A backup knows of the openings before it was made and of no others;
//! answering from it as if there were none could open a column more often than its blinding bears. See decision 0016.

use std::path::PathBuf;

use cohortium_protocol::commit::budget::Charge;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::backup::{Backup, Head};
use super::files::{self, Readers};
use super::site::{check_format, json, read_json};
use super::{Access, BudgetFile, Home, StoreError, TableFolder};

const RESTORED_FORMAT: &str = "cohortium-restored/1";
const RESTORED_FILE: &str = "restored.json";

/// That a home was restored, and its budget not settled.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restored {
    format: String,
    /// When it was restored.
    pub(crate) at: Timestamp,
    /// The backup's digest.
    pub(crate) backup: Digest,
    /// When the backup was made.
    pub(crate) made: Timestamp,
    /// The budget's end in the backup.
    pub(crate) budget: Head,
}

/// What somebody says about the budget's end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Claim {
    /// Nothing.
    None,
    /// The last digest that was noted elsewhere.
    Head(Digest),
    /// Nobody knows.
    Lost,
}

/// What became of a claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Settled {
    /// There was nothing to settle.
    Nothing,
    /// The budget is complete.
    Complete,
    /// All that was left of every commitment was given up: of so many.
    GivenUp(usize),
}

impl Restored {
    pub(super) fn new(at: Timestamp, backup: &Backup) -> Self {
        let (made, budget) = (backup.head.created, backup.head.budget);
        Self { format: RESTORED_FORMAT.into(), at, backup: backup.digest, made, budget }
    }

    pub(super) fn keep(&self, home: &Home) -> Result<(), StoreError> {
        files::write(&home.restored_path(), &json(self), Readers::Owner)
    }
}

impl Home {
    fn restored_path(&self) -> PathBuf {
        self.root().join(RESTORED_FILE)
    }

    /// Whether the home was restored and its budget is not settled yet.
    pub(crate) fn restored(&self) -> Result<Option<Restored>, StoreError> {
        let path = self.restored_path();
        if !path.exists() {
            return Ok(None);
        }
        let restored: Restored = read_json(&path)?;
        check_format(&path, &restored.format, RESTORED_FORMAT)?;
        Ok(Some(restored))
    }

    /// Settles a restored home's budget, or refuses. Without a restored backup a claimed head must be the budget's.
    pub(crate) fn settle(&self, budget: &mut BudgetFile, claim: Claim) -> Result<Settled, StoreError> {
        let head = budget.head();
        let restored = self.restored()?;
        match (&restored, claim) {
            (None, Claim::None) => return Ok(Settled::Nothing),
            (None, Claim::Lost) => return Err(StoreError::NothingRestored),
            (Some(restored), Claim::None) => {
                return Err(StoreError::Unsettled { made: restored.made, records: restored.budget.records, head });
            }
            (_, Claim::Head(noted)) if noted == head => {}
            (_, Claim::Head(noted)) => {
                let newer = budget.has_any(&noted);
                return Err(StoreError::OtherHead { noted, head, records: budget.records() as u64, newer });
            }
            (Some(_), Claim::Lost) => {}
        }
        let Some(restored) = restored else { return Ok(Settled::Nothing) };
        debug_assert_eq!(self.access(), Access::Write, "settling needs the home's lock");
        let settled = if claim == Claim::Lost {
            let columns = self.all_columns()?;
            budget.exhaust(restored.backup, &columns)?;
            Settled::GivenUp(columns.len())
        } else {
            Settled::Complete
        };
        files::remove_file(&self.restored_path())?;
        Ok(settled)
    }

    /// One point of every column of every manifest and epoch of this home.
    fn all_columns(&self) -> Result<Vec<Charge>, StoreError> {
        let mut columns = Vec::new();
        for table in TableFolder::all(self)? {
            for number in table.versions()? {
                let version = table.version(Some(number))?;
                let Some(committed) = version.committed()? else { continue };
                let manifest = &committed.manifest;
                for column in manifest.columns() {
                    columns.push(manifest.charge(&column.name, 1)?);
                }
                for number in version.epochs()? {
                    let epoch = version.epoch(number, manifest)?.epoch;
                    for column in epoch.columns() {
                        columns.push(epoch.charge(&column.name, 1)?);
                    }
                }
            }
        }
        Ok(columns)
    }
}
