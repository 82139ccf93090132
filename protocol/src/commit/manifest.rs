//! The dataset manifest: what a site registers before any query may use a table version.

use serde::{Deserialize, Serialize};

use super::budget::Charge;
use super::layout::Layout;
use super::registry::{
    CommittedColumn, MAX_COLUMNS, RegisteredColumn, RegistryError, ShapeRef, charge, check_columns, check_date,
    check_format, check_name, check_number, check_points, check_rows, find, hash_columns,
};
use crate::bounded;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::shape::Shape;
use crate::table::{Schema, TAG_LIMBS};

/// The format that this version writes and reads.
pub const MANIFEST_FORMAT: &str = "cohortium-manifest/1";

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
    /// The data's vintage: the day on which the source was extracted, as 2026-01-15.
    pub vintage: String,
    /// The columns: those of the schema in its order, then `tag.0` to `tag.7`.
    #[serde(deserialize_with = "bounded::list::<MAX_COLUMNS, _, _>")]
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
        check_date(&self.vintage)?;
        check_columns(&self.columns, TAG_LIMBS + 1)?;
        self.columns.iter().try_for_each(|column| check_name("column", &column.name))?;
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
            .str(&document.created)
            .str(&document.vintage);
        hash_columns(&mut hasher, &document.columns);
        hasher.finish()
    }

    /// Checks that the manifest is over this schema, and lists its columns in its order.
    pub fn check_schema(&self, schema: &Schema) -> Result<(), RegistryError> {
        let (found, expected) = (self.document.schema, schema.digest());
        if found != expected {
            return Err(RegistryError::OtherSchema { found, expected });
        }
        let data = &self.document.columns[..self.document.columns.len() - TAG_LIMBS];
        for place in 0..data.len().max(schema.columns().len()) {
            let found = data.get(place).map_or("", |column| &column.name);
            let expected = schema.columns().get(place).map_or("", |column| column.name());
            if found != expected {
                return Err(RegistryError::SchemaColumn { place, found: found.into(), expected: expected.into() });
            }
        }
        Ok(())
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

    /// The day on which the source was extracted.
    pub fn vintage(&self) -> &str {
        &self.document.vintage
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

#[cfg(test)]
pub(super) mod tests {
    use super::super::column::SecretColumn;
    use super::super::forgers::TINY;
    use super::super::pedersen::ColumnCommitment;
    use super::*;

    pub(in super::super) fn example() -> ManifestDocument {
        let digest = |text: &str| Hasher::new(Box::leak(text.to_owned().into_boxed_str())).finish();
        let names = std::iter::once("age".to_owned()).chain((0..TAG_LIMBS).map(tag_column));
        ManifestDocument {
            format: MANIFEST_FORMAT.into(),
            site: "Site A".into(),
            table: "breast".into(),
            version: 1,
            schema: digest("schema"),
            shape: ShapeRef::to(&Shape::QUERY_12),
            declared_rows: 2982,
            created: "2026-01-31".into(),
            vintage: "2026-01-15".into(),
            columns: names.map(|name| RegisteredColumn { commitment: digest(&name), name }).collect(),
        }
    }

    fn refused(change: impl FnOnce(&mut ManifestDocument)) -> RegistryError {
        let mut document = example();
        change(&mut document);
        document.check(&Shape::STANDARD).unwrap_err()
    }

    #[test]
    fn round_trips_and_its_digest_is_pinned() {
        let manifest = example().check(&Shape::STANDARD).unwrap();
        let json = serde_json::to_string_pretty(&manifest).unwrap();
        let read = DatasetManifest::parse(&json).unwrap();
        assert_eq!(read, manifest);
        assert_eq!(serde_json::from_str::<DatasetManifest>(&json).unwrap(), manifest);
        assert_eq!((read.declared_rows(), read.shape()), (2982, &Shape::QUERY_12));
        // Computed by an independent implementation.
        assert_eq!(manifest.digest().to_string(), "90974763190dec9fa1be0517b88b63a06dcd477d13dbb27f58ed9c7480741a36");
    }

    #[test]
    fn every_field_counts() {
        let base = example().check(&Shape::STANDARD).unwrap().digest();
        let digest = |change: &dyn Fn(&mut ManifestDocument)| {
            let mut document = example();
            change(&mut document);
            document.check(&Shape::STANDARD).unwrap().digest()
        };
        let other = Hasher::new("other").finish();
        let all = [
            base,
            digest(&|document| document.site.push('x')),
            digest(&|document| document.table.push('x')),
            digest(&|document| document.version = 2),
            digest(&|document| document.schema = other),
            digest(&|document| document.shape = ShapeRef::to(&Shape::QUERY_16)),
            digest(&|document| document.declared_rows = 2981),
            digest(&|document| document.created = "2026-02-01".into()),
            digest(&|document| document.vintage = "2026-01-14".into()),
            digest(&|document| document.columns[0].name = "age_years".into()),
            digest(&|document| document.columns[3].commitment = other),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn bad_documents_are_refused_by_name() {
        assert!(matches!(
            refused(|document| document.format = "cohortium-manifest/2".into()),
            RegistryError::Format { .. }
        ));
        for name in ["", " a", "a ", "a\nb", &"x".repeat(121)] {
            assert!(matches!(
                refused(|document| document.site = name.into()),
                RegistryError::Name { field: "site", .. }
            ));
            assert!(matches!(
                refused(|document| document.columns[0].name = name.into()),
                RegistryError::Name { field: "column", .. }
            ));
        }
        assert_eq!(refused(|document| document.version = 0), RegistryError::Number { field: "version" });
        assert!(matches!(
            refused(|document| document.shape.name = "query-13".into()),
            RegistryError::UnknownShape { .. }
        ));
        assert!(matches!(refused(|document| document.shape.name = "query-16".into()), RegistryError::ShapeId { .. }));
        for rows in [0, 3585, u64::MAX] {
            assert!(matches!(refused(|document| document.declared_rows = rows), RegistryError::DeclaredRows { .. }));
        }
        for date in [
            "2026-13-01",
            "2026-02-29",
            "2026-1-1",
            "2026-00-10",
            "2026-01-00",
            "20260131",
            "2026-01-31T",
            "２026-01-3",
        ] {
            assert!(matches!(refused(|document| document.created = date.into()), RegistryError::Date(_)), "{date}");
            assert!(matches!(refused(|document| document.vintage = date.into()), RegistryError::Date(_)), "{date}");
        }
        assert_eq!(
            refused(|document| document.columns[4].name = "tag.2".into()),
            RegistryError::DuplicateColumn { name: "tag.2".into() }
        );
        assert_eq!(refused(|document| document.columns.swap(3, 4)), RegistryError::Tags { expected: "tag.2".into() });
        assert_eq!(refused(|document| document.columns.swap(0, 8)), RegistryError::Tags { expected: "tag.7".into() });
        assert_eq!(
            refused(|document| drop(document.columns.remove(0))),
            RegistryError::ColumnCount { found: 8, least: 9 }
        );
        let unknown_field = serde_json::to_string(&example()).unwrap().replacen('{', "{\"note\":1,", 1);
        assert!(DatasetManifest::parse(&unknown_field).unwrap_err().to_string().contains("unknown field `note`"));
    }

    #[test]
    fn a_manifest_lists_its_schema_in_order() {
        let schema = |columns: &[&str]| {
            let columns: Vec<String> =
                columns.iter().map(|name| format!(r#"{{"name":"{name}","description":"","kind":"flag"}}"#)).collect();
            Schema::parse(&format!(
                r#"{{"format":"cohortium-schema/1","table":"breast","version":1,"description":"","columns":[{}]}}"#,
                columns.join(",")
            ))
            .unwrap()
        };
        let check = |over: &Schema, listed: &[&str]| {
            let mut document = example();
            document.schema = over.digest();
            let named = listed.iter().map(|name| RegisteredColumn { name: (*name).into(), commitment: over.digest() });
            document.columns.splice(..1, named);
            document.check(&Shape::STANDARD).unwrap().check_schema(&schema(&["age", "grade"]))
        };
        let two = schema(&["age", "grade"]);
        check(&two, &["age", "grade"]).unwrap();
        assert!(matches!(check(&schema(&["age"]), &["age"]), Err(RegistryError::OtherSchema { .. })));
        for (listed, place) in [(&["grade", "age"][..], 0), (&["age"], 1), (&["age", "grade", "size"], 2)] {
            assert!(matches!(
                check(&two, listed),
                Err(RegistryError::SchemaColumn { place: found, .. }) if found == place
            ));
        }
    }

    #[test]
    fn points_are_checked_against_the_manifest() {
        let layout = Layout::column(&TINY, 20).unwrap();
        let mut rng = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(50);
        let points = SecretColumn::query_time(layout, vec![5u16; 20], &mut rng).unwrap().commit();
        let mut document = example();
        document.shape = ShapeRef::to(&TINY);
        document.declared_rows = 20;
        document.columns[0].commitment = points.digest();
        let short = ColumnCommitment::from_points(points.points()[..2].to_vec());
        document.columns[1].commitment = short.digest();
        let manifest = document.check(&[TINY]).unwrap();

        let given =
            |name: &str, points: &ColumnCommitment| CommittedColumn { name: name.into(), points: points.clone() };
        manifest.check_points(&given("age", &points)).unwrap();
        assert_eq!(
            manifest.check_points(&given("height", &points)),
            Err(RegistryError::UnknownColumn { name: "height".into() })
        );
        assert!(matches!(manifest.check_points(&given("age", &short)), Err(RegistryError::OtherCommitment { .. })));
        // Even a registered commitment must fit the shape.
        assert!(matches!(manifest.check_points(&given("tag.0", &short)), Err(RegistryError::Commitment { .. })));

        let charge = manifest.charge("age", 3).unwrap();
        assert_eq!((charge.object, charge.commitment, charge.points), (manifest.digest(), points.digest(), 3));
        assert!(manifest.charge("height", 3).is_err());
    }
}
