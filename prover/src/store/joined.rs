//! The ledger that the site belongs to, `ledger.json`: its address, its charter, and the last checkpoint seen. And the
//! site's key as a member, `member.key`.

use std::path::PathBuf;

use cohortium_client::key_file;
use cohortium_client::key_file::KeyStoreError;
use cohortium_protocol::ledger::{Charter, MemberKey};
use serde::{Deserialize, Serialize};

use super::files::{self, Readers};
use super::site::{check_format, json, read_json};
use super::{Home, StoreError};

const JOINED_FORMAT: &str = "cohortium-joined/1";
const JOINED_FILE: &str = "ledger.json";
const KEY_FILE: &str = "member.key";

/// The ledger that a site belongs to. The charter is pinned: nothing that a server says replaces it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Joined {
    format: String,
    /// The service's address.
    pub(crate) url: String,
    /// The charter, whole.
    pub(crate) charter: Charter,
    /// The last checkpoint seen: the operator's signed note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) checkpoint: Option<String>,
}

impl Joined {
    /// A ledger of which nothing was seen yet.
    pub(crate) fn new(url: String, charter: Charter) -> Self {
        Self { format: JOINED_FORMAT.into(), url, charter, checkpoint: None }
    }
}

impl Home {
    /// The ledger, if the site belongs to one.
    pub(crate) fn joined(&self) -> Result<Option<Joined>, StoreError> {
        let path = self.root().join(JOINED_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let joined: Joined = read_json(&path)?;
        check_format(&path, &joined.format, JOINED_FORMAT)?;
        Ok(Some(joined))
    }

    /// Keeps the ledger.
    pub(crate) fn set_joined(&self, joined: &Joined) -> Result<(), StoreError> {
        files::write(&self.root().join(JOINED_FILE), &json(joined), Readers::Owner)
    }

    /// Where the site's key as a member is.
    pub(crate) fn member_key_path(&self) -> PathBuf {
        self.root().join(KEY_FILE)
    }

    /// The site's key as a member, if it has one. Refused if others may read it, or if it is another member's.
    pub(crate) fn member_key(&self) -> Result<Option<MemberKey>, StoreError> {
        let path = self.member_key_path();
        if !path.exists() {
            return Ok(None);
        }
        let (member, key) = key_file::read(&path)?;
        if member != self.site() {
            let reason = format!("it is the key of {member:?}, the site is {:?}", self.site());
            return Err(StoreError::Damaged { path, reason });
        }
        Ok(Some(key))
    }

    /// Keeps a new key. One that is there is never replaced.
    pub(crate) fn set_member_key(&self, key: &MemberKey) -> Result<(), KeyStoreError> {
        key_file::write(&self.member_key_path(), self.site(), key)
    }
}
