//! Proofs about a version and about its epochs, kept beside them: `proofs/unique.json`, `proofs/flags-N.json`.

use std::path::PathBuf;

use super::StoreError;
use super::files::{self, Readers};
use super::version::Version;

const PROOFS: &str = "proofs";

/// What a kept proof is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum About {
    /// The version: its tags are unique.
    Version,
    /// The epoch of this number: its flags are 0 or 1.
    Epoch(u32),
}

impl About {
    /// The proof's file.
    pub(crate) fn file_name(self) -> String {
        match self {
            Self::Version => "unique.json".to_owned(),
            Self::Epoch(number) => format!("flags-{number}.json"),
        }
    }
}

impl Version {
    fn proof_path(&self, about: About) -> PathBuf {
        self.path.join(PROOFS).join(about.file_name())
    }

    /// A kept proof's bytes, if there is one.
    pub(crate) fn proof(&self, about: About) -> Result<Option<Vec<u8>>, StoreError> {
        let path = self.proof_path(about);
        if path.exists() { files::read(&path).map(Some) } else { Ok(None) }
    }

    /// Keeps a proof, in the place of an older one.
    pub(crate) fn keep_proof(&self, about: About, bytes: &[u8]) -> Result<(), StoreError> {
        files::make_folder(&self.path.join(PROOFS))?;
        files::write(&self.proof_path(about), bytes, Readers::Owner)
    }
}
