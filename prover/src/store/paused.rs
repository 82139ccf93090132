//! Whether the site accepts new queries, `paused.json`: there while it does not.

use std::path::PathBuf;

use cohortium_protocol::ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::files::{self, Readers};
use super::site::{check_format, json, read_json};
use super::{Home, StoreError};

const PAUSED_FORMAT: &str = "cohortium-paused/1";
pub(super) const PAUSED_FILE: &str = "paused.json";

/// Since when, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paused {
    format: String,
    /// Since when.
    pub(crate) since: Timestamp,
    /// Why.
    pub(crate) because: String,
}

impl Paused {
    /// A pause.
    pub(crate) fn new(since: Timestamp, because: String) -> Self {
        Self { format: PAUSED_FORMAT.into(), since, because }
    }

    /// As it is kept.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        json(self)
    }
}

impl Home {
    fn paused_path(&self) -> PathBuf {
        self.root().join(PAUSED_FILE)
    }

    /// The pause, if there is one. No lock is needed: the file is there whole or not at all.
    pub(crate) fn paused(&self) -> Result<Option<Paused>, StoreError> {
        let path = self.paused_path();
        if !path.exists() {
            return Ok(None);
        }
        let paused: Paused = read_json(&path)?;
        check_format(&path, &paused.format, PAUSED_FORMAT)?;
        Ok(Some(paused))
    }

    /// Begins a pause, or gives the one there is another reason.
    pub(crate) fn pause(&self, paused: &Paused) -> Result<(), StoreError> {
        files::write(&self.paused_path(), &paused.to_bytes(), Readers::Owner)
    }

    /// Ends the pause.
    pub(crate) fn resume(&self) -> Result<(), StoreError> {
        files::remove_file(&self.paused_path())
    }
}
