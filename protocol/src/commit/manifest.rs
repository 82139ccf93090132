//! The dataset manifest: what a site registers before any query may use a table version.

use serde::{Deserialize, Serialize};

use super::budget::Charge;
use super::layout::Layout;
use super::registry::{
    CommittedColumn, RegisteredColumn, RegistryError, ShapeRef, charge, check_columns, check_date, check_format,
    check_name, check_number, check_points, check_rows, find, hash_columns,
};
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::shape::Shape;

/// The format that this version writes and reads.
pub const MANIFEST_FORMAT: &str = "cohortium-manifest/1";
/// Limb columns of a tag.
pub const TAG_LIMBS: usize = 8;

/// The name of a tag's limb column, `tag.0` (most significant) to `tag.7`.
pub fn tag_column(limb: usize) -> String {
    format!("tag.{limb}")
}

/// A manifest as it is written, unchecked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestDocument {
    /// [`MANIFEST_FORMAT`].
    pub format: String,
    /// The site's name.
    pub site: String,
    /// The table's name.
    pub table: String,
    /// The table's version at this site, from 1.
    pub version: u32,
    /// Digest of the schema.
    pub schema: Digest,
    /// The shape that the commitments are made for.
    pub shape: ShapeRef,
    /// Rows `[0, declared_rows)` are data, dummies included.
    pub declared_rows: u64,
    /// Date of the commitment, as 2026-01-31.
    pub created: String,
    /// The columns: those of the schema in its order, then `tag.0` to `tag.7`.
    pub columns: Vec<RegisteredColumn>,
}

impl ManifestDocument {
    /// Checks the document against the shapes that are known.
    pub fn check(self, shapes: &[Shape]) -> Result<DatasetManifest, RegistryError> {
        check_format(&self.format, MANIFEST_FORMAT)?;
        check_name("site", &self.site)?;
        check_name("table", &self.table)?;
        check_number("version", self.version)?;
        let shape = self.shape.resolve(shapes)?;
        check_rows(self.declared_rows, &shape)?;
        let layout = Layout::column(&shape, self.declared_rows as usize)?;
        check_date(&self.created)?;
        check_columns(&self.columns, TAG_LIMBS + 1)?;
        let tags = &self.columns[self.columns.len() - TAG_LIMBS..];
        for (limb, column) in tags.iter().enumerate() {
            if column.name != tag_column(limb) {
                return Err(RegistryError::Tags { expected: tag_column(limb) });
            }
        }
        Ok(DatasetManifest { document: self, shape, layout })
    }
}

/// A checked dataset manifest.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "ManifestDocument", into = "ManifestDocument")]
pub struct DatasetManifest {
    document: ManifestDocument,
    shape: Shape,
    layout: Layout,
}

impl DatasetManifest {
    /// Reads a manifest over one of the standard shapes.
    pub fn parse(json: &str) -> Result<Self, RegistryError> {
        let document: ManifestDocument =
            serde_json::from_str(json).map_err(|error| RegistryError::Json { reason: error.to_string() })?;
        document.check(&Shape::STANDARD)
    }

    /// The manifest's digest: over its content field by field, not over a text.
    pub fn digest(&self) -> Digest {
        let document = &self.document;
        let mut hasher = Hasher::new(domain::MANIFEST);
        hasher
            .str(&document.site)
            .str(&document.table)
            .u64(u64::from(document.version))
            .digest(&document.schema)
            .str(&document.shape.name)
            .digest(&document.shape.id)
            .u64(document.declared_rows)
            .str(&document.created);
        hash_columns(&mut hasher, &document.columns);
        hasher.finish()
    }

    /// The site's name.
    pub fn site(&self) -> &str {
        &self.document.site
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.document.table
    }

    /// The table's version.
    pub fn version(&self) -> u32 {
        self.document.version
    }

    /// Digest of the schema.
    pub fn schema(&self) -> Digest {
        self.document.schema
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How every column of the manifest lies in its commitment.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Data rows.
    pub fn declared_rows(&self) -> usize {
        self.layout.data_rows()
    }

    /// Date of the commitment.
    pub fn created(&self) -> &str {
        &self.document.created
    }

    /// The columns in order.
    pub fn columns(&self) -> &[RegisteredColumn] {
        &self.document.columns
    }

    /// The digest of a column's commitment.
    pub fn commitment(&self, name: &str) -> Option<&Digest> {
        find(&self.document.columns, name)
    }

    /// What opening a column at so many points costs.
    pub fn charge(&self, name: &str, points: u32) -> Result<Charge, RegistryError> {
        charge(self.digest(), &self.document.columns, &self.shape, name, points)
    }

    /// Checks that points are this manifest's for the column they name.
    pub fn check_points(&self, given: &CommittedColumn) -> Result<(), RegistryError> {
        check_points(&self.document.columns, &self.layout, given)
    }
}

impl TryFrom<ManifestDocument> for DatasetManifest {
    type Error = RegistryError;

    fn try_from(document: ManifestDocument) -> Result<Self, RegistryError> {
        document.check(&Shape::STANDARD)
    }
}

impl From<DatasetManifest> for ManifestDocument {
    fn from(manifest: DatasetManifest) -> Self {
        manifest.document
    }
}
