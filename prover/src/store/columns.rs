//! The points of committed columns, beside the manifest or epoch that names their digests.

use std::path::Path;

use cohortium_protocol::commit::{ColumnCommitment, CommittedColumn};
use cohortium_protocol::hash::Digest;
use serde::{Deserialize, Serialize};

use super::StoreError;
use super::site::{check_format, read_json};

const POINTS_FORMAT: &str = "cohortium-points/1";

/// All points of a manifest or an epoch; public.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PointsFile {
    format: String,
    /// Digest of the manifest or epoch.
    pub(crate) object: Digest,
    /// The columns, in its order.
    pub(crate) columns: Vec<CommittedColumn>,
}

impl PointsFile {
    /// The points of an object.
    pub(crate) fn new(object: Digest, columns: Vec<(String, ColumnCommitment)>) -> Self {
        let columns = columns.into_iter().map(|(name, points)| CommittedColumn { name, points }).collect();
        Self { format: POINTS_FORMAT.into(), object, columns }
    }

    /// Reads the points of this object.
    pub(crate) fn read(path: &Path, object: Digest) -> Result<Self, StoreError> {
        let points: Self = read_json(path)?;
        check_format(path, &points.format, POINTS_FORMAT)?;
        if points.object != object {
            let reason = format!("it holds points of {}, expected those of {object}", points.object);
            return Err(StoreError::Damaged { path: path.to_owned(), reason });
        }
        Ok(points)
    }

    /// A column's commitment.
    pub(crate) fn column(&self, name: &str) -> Option<&ColumnCommitment> {
        self.columns.iter().find(|column| column.name == name).map(|column| &column.points)
    }
}
