//! The consent epoch: the consent flags of a table version at one time, and nothing but flags.

use serde::{Deserialize, Serialize};

use super::budget::Charge;
use super::layout::Layout;
use super::manifest::DatasetManifest;
use super::registry::{
    CommittedColumn, MAX_COLUMNS, RegisteredColumn, RegistryError, ShapeRef, charge, check_columns, check_date,
    check_format, check_name, check_number, check_points, check_rows, find, hash_columns,
};
use crate::bounded;
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::shape::Shape;
use crate::table::{ConsentColumn, Day};

/// The format that this version writes and reads.
pub const EPOCH_FORMAT: &str = "cohortium-epoch/1";

/// Which consent events an epoch includes, and how long it may be queried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRecord {
    /// The cut-off: the number of the site's last batch of consent events that is included, with all before it.
    pub cutoff: u32,
    /// The root over these batches, [`crate::ledger::events_root`].
    pub events: Digest,
    /// The last day on which a query may pin the epoch. A consent that ends before it counts as none.
    pub until: Day,
}

/// An epoch as it is written, unchecked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochDocument {
    /// [`EPOCH_FORMAT`].
    pub format: String,
    /// The site's name, as in the manifest.
    pub site: String,
    /// The table's name, as in the manifest.
    pub table: String,
    /// The epoch's number at this site and table, from 1.
    pub number: u32,
    /// Digest of the dataset manifest whose rows these flags belong to.
    pub manifest: Digest,
    /// The manifest's shape.
    pub shape: ShapeRef,
    /// The manifest's data rows.
    pub declared_rows: u64,
    /// Date of the commitment, as 2026-01-31.
    pub created: String,
    /// The consent events that it includes; nothing without a ledger, which takes no epoch without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<EventRecord>,
    /// One flag column for each purpose and sponsor class, and institution.
    #[serde(deserialize_with = "bounded::list::<MAX_COLUMNS, _, _>")]
    pub columns: Vec<RegisteredColumn>,
}

impl EpochDocument {
    /// Checks the document against the shapes that are known.
    pub fn check(self, shapes: &[Shape]) -> Result<ConsentEpoch, RegistryError> {
        check_format(&self.format, EPOCH_FORMAT)?;
        check_name("site", &self.site)?;
        check_name("table", &self.table)?;
        check_number("number", self.number)?;
        let shape = self.shape.resolve(shapes)?;
        check_rows(self.declared_rows, &shape)?;
        let layout = Layout::column(&shape, self.declared_rows as usize)?;
        check_date(&self.created)?;
        check_columns(&self.columns, 1)?;
        // The names are no longer than this allows, which may be more than a manifest's: an institution's stands in them.
        for column in &self.columns {
            column.name.parse::<ConsentColumn>()?;
        }
        Ok(ConsentEpoch { document: self, shape, layout })
    }
}

/// A checked consent epoch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "EpochDocument", into = "EpochDocument")]
pub struct ConsentEpoch {
    document: EpochDocument,
    shape: Shape,
    layout: Layout,
}

impl ConsentEpoch {
    /// Reads an epoch over one of the standard shapes.
    pub fn parse(json: &str) -> Result<Self, RegistryError> {
        let document: EpochDocument =
            serde_json::from_str(json).map_err(|error| RegistryError::Json { reason: error.to_string() })?;
        document.check(&Shape::STANDARD)
    }

    /// The epoch's digest: over its content field by field, not over a text.
    pub fn digest(&self) -> Digest {
        let document = &self.document;
        let mut hasher = Hasher::new(domain::EPOCH);
        hasher
            .str(&document.site)
            .str(&document.table)
            .u64(u64::from(document.number))
            .digest(&document.manifest)
            .str(&document.shape.name)
            .digest(&document.shape.id)
            .u64(document.declared_rows)
            .str(&document.created);
        hash_columns(&mut hasher, &document.columns);
        // Only where there is one: epochs of exchanges by files keep their digests.
        if let Some(EventRecord { cutoff, events, until }) = &document.record {
            hasher.str("events").u64(u64::from(*cutoff)).digest(events).str(&until.to_string());
        }
        hasher.finish()
    }

    /// Checks that the epoch speaks of this manifest's rows: site, table, digest, shape and number of rows.
    pub fn check_manifest(&self, manifest: &DatasetManifest) -> Result<(), RegistryError> {
        let document = &self.document;
        let same = |field, found: String, expected: String| {
            if found == expected { Ok(()) } else { Err(RegistryError::OtherManifest { field, found, expected }) }
        };
        same("site", document.site.clone(), manifest.site().to_owned())?;
        same("table", document.table.clone(), manifest.table().to_owned())?;
        same("manifest digest", document.manifest.to_string(), manifest.digest().to_string())?;
        same("shape id", document.shape.id.to_string(), manifest.shape().id().to_string())?;
        same("number of rows", document.declared_rows.to_string(), manifest.declared_rows().to_string())
    }

    /// The site's name.
    pub fn site(&self) -> &str {
        &self.document.site
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.document.table
    }

    /// The epoch's number.
    pub fn number(&self) -> u32 {
        self.document.number
    }

    /// Digest of the manifest.
    pub fn manifest(&self) -> Digest {
        self.document.manifest
    }

    /// The shape.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// How every column of the epoch lies in its commitment.
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

    /// The consent events that it includes.
    pub fn record(&self) -> Option<&EventRecord> {
        self.document.record.as_ref()
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

    /// Checks that points are this epoch's for the column they name.
    pub fn check_points(&self, given: &CommittedColumn) -> Result<(), RegistryError> {
        check_points(&self.document.columns, &self.layout, given)
    }
}

impl TryFrom<EpochDocument> for ConsentEpoch {
    type Error = RegistryError;

    fn try_from(document: EpochDocument) -> Result<Self, RegistryError> {
        document.check(&Shape::STANDARD)
    }
}

impl From<ConsentEpoch> for EpochDocument {
    fn from(epoch: ConsentEpoch) -> Self {
        epoch.document
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::example as manifest_example;
    use super::*;

    fn manifest() -> DatasetManifest {
        manifest_example().check(&Shape::STANDARD).unwrap()
    }

    fn example() -> EpochDocument {
        EpochDocument {
            format: EPOCH_FORMAT.into(),
            site: "Site A".into(),
            table: "breast".into(),
            number: 1,
            manifest: manifest().digest(),
            shape: ShapeRef::to(&Shape::QUERY_12),
            declared_rows: 2982,
            created: "2026-02-01".into(),
            record: None,
            columns: vec![RegisteredColumn {
                name: "DUO:0000042/academic".into(),
                commitment: Hasher::new("flag").finish(),
            }],
        }
    }

    fn changed(change: impl FnOnce(&mut EpochDocument)) -> Result<ConsentEpoch, RegistryError> {
        let mut document = example();
        change(&mut document);
        document.check(&Shape::STANDARD)
    }

    #[test]
    fn round_trips_and_its_digest_is_pinned() {
        let epoch = example().check(&Shape::STANDARD).unwrap();
        let json = serde_json::to_string(&epoch).unwrap();
        assert_eq!(ConsentEpoch::parse(&json).unwrap(), epoch);
        assert_eq!(serde_json::from_str::<ConsentEpoch>(&json).unwrap(), epoch);
        // Computed by an independent implementation.
        assert_eq!(epoch.digest().to_string(), "1a5d65941c572ec230b18f1dd0d5600f34567ea15ecbddc8321fcc5c81bddfd9");
        let other = changed(|document| document.number = 2).unwrap();
        assert_ne!(other.digest(), epoch.digest());
        let record =
            EventRecord { cutoff: 3, events: Hasher::new("events").finish(), until: "2026-03-01".parse().unwrap() };
        let mut digests = vec![epoch.digest()];
        for record in [
            record,
            EventRecord { cutoff: 4, ..record },
            EventRecord { events: epoch.digest(), ..record },
            EventRecord { until: "2026-03-02".parse().unwrap(), ..record },
        ] {
            let recorded = changed(|document| document.record = Some(record)).unwrap();
            assert_eq!(ConsentEpoch::parse(&serde_json::to_string(&recorded).unwrap()).unwrap(), recorded);
            digests.push(recorded.digest());
        }
        digests.sort();
        digests.dedup();
        assert_eq!(digests.len(), 5);
    }

    #[test]
    fn an_epoch_belongs_to_one_manifest() {
        let epoch = example().check(&Shape::STANDARD).unwrap();
        epoch.check_manifest(&manifest()).unwrap();
        let refused =
            |change: fn(&mut EpochDocument)| changed(change).unwrap().check_manifest(&manifest()).unwrap_err();
        for (error, expected) in [
            (refused(|document| document.site = "Site B".into()), "site"),
            (refused(|document| document.table = "lung".into()), "table"),
            (refused(|document| document.manifest = Hasher::new("other").finish()), "manifest digest"),
            (refused(|document| document.shape = ShapeRef::to(&Shape::QUERY_16)), "shape id"),
            (refused(|document| document.declared_rows = 2981), "number of rows"),
        ] {
            assert!(matches!(error, RegistryError::OtherManifest { field, .. } if field == expected), "{error}");
        }
    }

    #[test]
    fn bad_documents_are_refused_by_name() {
        let refused = |change: fn(&mut EpochDocument)| changed(change).unwrap_err();
        assert!(matches!(
            refused(|document| document.format = "cohortium-manifest/1".into()),
            RegistryError::Format { .. }
        ));
        assert_eq!(refused(|document| document.number = 0), RegistryError::Number { field: "number" });
        assert_eq!(refused(|document| document.columns.clear()), RegistryError::ColumnCount { found: 0, least: 1 });
        assert!(matches!(
            refused(|document| document.columns.push(document.columns[0].clone())),
            RegistryError::DuplicateColumn { .. }
        ));
        assert!(matches!(refused(|document| document.created = "yesterday".into()), RegistryError::Date(_)));
        assert!(matches!(
            refused(|document| document.columns[0].name = "tag.0".into()),
            RegistryError::ConsentColumn(_)
        ));
        assert!(ConsentEpoch::parse("[]").is_err());
        // A column's name may be longer than a manifest's: an institution's stands in it.
        let name = format!("DUO:0000007[MONDO:0007254]/academic@{}", "x".repeat(120));
        assert!(changed(|document| document.columns[0].name = name).is_ok());
    }
}
