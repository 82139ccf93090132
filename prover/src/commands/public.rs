//! A site's public folder: what it registers, for sponsors and boards to read.

use std::path::Path;

use cohortium_protocol::commit::{ConsentEpoch, DatasetManifest};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::Policy;
use cohortium_protocol::table::Schema;
use serde::Serialize;

use super::read;
use crate::cli::Failure;
use crate::faults::Stage;
use crate::store::PointsFile;
use crate::store::files::{self, Readers, failed};

const SCHEMA_FILE: &str = "schema.json";
const MANIFEST_FILE: &str = "manifest.json";
const MANIFEST_POINTS_FILE: &str = "manifest-points.json";
const EPOCH_FILE: &str = "epoch.json";
const EPOCH_POINTS_FILE: &str = "epoch-points.json";
const POLICY_FILE: &str = "policy.json";

/// The documents of the folder.
pub(super) struct PublicFolder {
    pub(super) schema_text: String,
    pub(super) manifest: DatasetManifest,
    pub(super) epoch: ConsentEpoch,
    pub(super) floor: Policy,
}

impl PublicFolder {
    /// Writes the folder, made if there is none. The manifest goes first and comes last: a folder without it is read by
    /// nobody, and no folder is half of one state of the site and half of another.
    pub(super) fn write(&self, folder: &Path, manifest: &PointsFile, epoch: &PointsFile) -> Result<(), Failure> {
        std::fs::create_dir_all(folder).map_err(failed("make the folder", folder))?;
        let write = |name: &str, bytes: &[u8]| files::write(&folder.join(name), bytes, Readers::Anyone);
        files::remove_file(&folder.join(MANIFEST_FILE))?;
        write(SCHEMA_FILE, self.schema_text.as_bytes())?;
        write(MANIFEST_POINTS_FILE, &pretty(manifest))?;
        write(EPOCH_POINTS_FILE, &pretty(epoch))?;
        Stage::PublishHalfWritten.pass();
        write(POLICY_FILE, &pretty(&self.floor))?;
        write(EPOCH_FILE, &pretty(&self.epoch))?;
        write(MANIFEST_FILE, &pretty(&self.manifest))?;
        Ok(())
    }

    /// Reads the folder: the documents must be valid, and fit each other.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let schema_path = folder.join(SCHEMA_FILE);
        let schema_text = read::text(&schema_path)?;
        let schema = read::document(&schema_path, Schema::parse)?;
        let manifest = read::document(&folder.join(MANIFEST_FILE), DatasetManifest::parse)?;
        let epoch = read::document(&folder.join(EPOCH_FILE), ConsentEpoch::parse)?;
        let floor = read::document(&folder.join(POLICY_FILE), Policy::parse)?;
        let other = |problem: String| Failure::refused(format!("{}: {problem}", folder.display()));
        epoch.check_manifest(&manifest).map_err(|error| other(error.to_string()))?;
        let found: Digest = schema.digest();
        if found != manifest.schema() {
            return Err(other(format!("the schema is {found}, the manifest names {}", manifest.schema())));
        }
        Ok(Self { schema_text, manifest, epoch, floor })
    }

    /// The schema, read again.
    pub(super) fn schema(&self) -> Result<Schema, Failure> {
        Schema::parse(&self.schema_text).map_err(Failure::refused)
    }
}

/// A document as it is handed out.
pub(super) fn pretty(document: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(document).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}
