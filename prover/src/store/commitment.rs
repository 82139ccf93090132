//! Committing a version: its columns and tags once, its consent flags in epochs.
//!
//! The salt reaches the disk before anything is computed with it, and stays with what was committed. A run that
//! was killed is gone on with: same number, same salt, so the same commitments.

use std::path::Path;

use cohortium_protocol::commit::manifest::{MANIFEST_FORMAT, tag_column};
use cohortium_protocol::commit::{
    BlindingSource, ColumnCommitment, ConsentEpoch, DatasetManifest, EpochDocument, EventRecord, Layout,
    ManifestDocument, ObjectKind, RegisteredColumn, RegistryError, Salt, SecretColumn, ShapeRef, epoch::EPOCH_FORMAT,
};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::table::{ConsentReport, ConsentTable, Day, Table};
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::columns::PointsFile;
use super::files::{self, NewFolder};
use super::site::{check_format, json, read_json};
use super::table::{TableFolder, numbered};
use super::version::{Version, read_consents};
use super::{Home, StoreError};
use crate::faults::Stage;
use crate::pipeline::RegisteredSecret;

const COMMITMENT_FORMAT: &str = "cohortium-commitment/1";
const COMMITTED: &str = "committed";
const EPOCHS: &str = "epochs";
const COMMITMENT_FILE: &str = "commitment.json";
const MANIFEST_FILE: &str = "manifest.json";
const EPOCH_FILE: &str = "epoch.json";
const POINTS_FILE: &str = "points.json";
const CONSENTS_FILE: &str = "consents.bin";
const CONSENT_REPORT_FILE: &str = "consent-report.json";

/// What a commitment begins with, and what it is opened with later.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Begun {
    format: String,
    /// The version's or the epoch's number.
    number: u32,
    shape: String,
    created: Day,
    salt: Salt,
}

/// The data officer's choices for one commitment.
pub(crate) struct CommitOptions {
    /// The date that was asked for; today without one.
    pub(crate) date: Option<Day>,
    /// Today.
    pub(crate) today: Day,
    /// The shape that was asked for; without one, the smallest that holds the table.
    pub(crate) shape: Option<Shape>,
}

/// A version's manifest and what belongs to it.
pub(crate) struct Committed {
    pub(crate) manifest: DatasetManifest,
    pub(crate) points: PointsFile,
    salt: Salt,
}

/// An epoch and what belongs to it.
pub(crate) struct CommittedEpoch {
    pub(crate) epoch: ConsentEpoch,
    pub(crate) consents: ConsentTable,
    pub(crate) points: PointsFile,
    salt: Salt,
}

/// Called when a column is about to be committed: its name, and whether its values are flags.
pub(crate) type OnColumn<'a> = &'a mut dyn FnMut(&str, bool);

impl Version {
    /// The manifest, if the version is committed.
    pub(crate) fn committed(&self) -> Result<Option<Committed>, StoreError> {
        let folder = self.path.join(COMMITTED);
        if !folder.exists() {
            return Ok(None);
        }
        let path = folder.join(MANIFEST_FILE);
        let manifest: DatasetManifest = read_json(&path)?;
        let record = self.record();
        if (manifest.version(), manifest.schema(), manifest.declared_rows())
            != (record.version, record.schema, record.rows)
        {
            let reason = "it is the manifest of another version".to_owned();
            return Err(StoreError::Damaged { path, reason });
        }
        let begun = read_begun(&folder.join(COMMITMENT_FILE))?;
        let points = PointsFile::read(&folder.join(POINTS_FILE), manifest.digest())?;
        points.columns.iter().try_for_each(|column| manifest.check_points(column))?;
        Ok(Some(Committed { manifest, points, salt: begun.salt }))
    }

    /// The manifest, or a refusal.
    pub(crate) fn require_committed(&self) -> Result<Committed, StoreError> {
        self.committed()?.ok_or_else(|| StoreError::NotCommitted {
            table: self.record().table.clone(),
            version: self.record().version,
        })
    }

    /// Numbers of its epochs, ascending.
    pub(crate) fn epochs(&self) -> Result<Vec<u32>, StoreError> {
        numbered(&self.path.join(EPOCHS), "epoch-")
    }

    /// An epoch's public document; no flag is read.
    pub(crate) fn epoch_document(&self, number: u32, manifest: &DatasetManifest) -> Result<ConsentEpoch, StoreError> {
        let folder = self.path.join(EPOCHS).join(format!("epoch-{number}"));
        let epoch: ConsentEpoch = read_json(&folder.join(EPOCH_FILE))?;
        epoch.check_manifest(manifest)?;
        Ok(epoch)
    }

    /// An epoch.
    pub(crate) fn epoch(&self, number: u32, manifest: &DatasetManifest) -> Result<CommittedEpoch, StoreError> {
        let epoch = self.epoch_document(number, manifest)?;
        let folder = self.path.join(EPOCHS).join(format!("epoch-{number}"));
        let begun = read_begun(&folder.join(COMMITMENT_FILE))?;
        let points = PointsFile::read(&folder.join(POINTS_FILE), epoch.digest())?;
        points.columns.iter().try_for_each(|column| epoch.check_points(column))?;
        let consents = read_consents(&folder.join(CONSENTS_FILE))?;
        Ok(CommittedEpoch { epoch, consents, points, salt: begun.salt })
    }

    /// Commits the columns and the tags. `table` is this version's.
    pub(crate) fn commit(
        &self,
        home: &Home,
        table: &Table,
        options: &CommitOptions,
        rng: &mut (impl RngCore + CryptoRng),
        on_column: OnColumn<'_>,
    ) -> Result<Committed, StoreError> {
        let record = self.record();
        let folder = NewFolder::resume(&self.path.join(COMMITTED))?;
        let (begun, shape) = begin(&folder, options, record.rows, rng, || Ok(record.version))?;
        let layout = Layout::column(&shape, record.rows)?;
        let source = manifest_source(home, &record.table, record.version, &begun.salt)?;
        let flag = |index: usize| self.schema().columns().get(index).is_some_and(|spec| *spec.domain().end() <= 1);
        let mut columns = Vec::new();
        for (index, (name, data)) in manifest_columns(self, table).into_iter().enumerate() {
            on_column(&name, flag(index));
            let column = SecretColumn::registered(layout, &name, data.to_vec(), &source)?;
            columns.push((name, column.commit()));
        }
        let manifest = ManifestDocument {
            format: MANIFEST_FORMAT.into(),
            site: home.site().to_owned(),
            table: record.table.clone(),
            version: record.version,
            schema: record.schema,
            shape: ShapeRef::to(&shape),
            declared_rows: record.rows as u64,
            created: begun.created.to_string(),
            vintage: record.vintage.to_string(),
            columns: registered(&columns),
        }
        .check(&Shape::STANDARD)?;
        let points = PointsFile::new(manifest.digest(), columns);
        folder.write(MANIFEST_FILE, &json(&manifest))?;
        folder.write_at(POINTS_FILE, &json(&points), Stage::CommitPointsHalfWritten)?;
        Stage::CommitFilesWritten.pass();
        folder.finish()?;
        Stage::CommitManifestThere.pass();
        Ok(Committed { manifest, points, salt: begun.salt })
    }

    /// Commits consent flags as the next epoch: the manifest's shape and row order, flags only.
    #[allow(clippy::too_many_arguments)] // what an epoch is made of
    pub(crate) fn commit_epoch(
        &self,
        home: &Home,
        tables: &TableFolder,
        committed: &Committed,
        (consents, report): (ConsentTable, &ConsentReport),
        record: Option<EventRecord>,
        options: &CommitOptions,
        rng: &mut (impl RngCore + CryptoRng),
        on_column: OnColumn<'_>,
    ) -> Result<CommittedEpoch, StoreError> {
        let manifest = &committed.manifest;
        let epochs = self.path.join(EPOCHS);
        files::make_folder(&epochs)?;
        files::sync_folder(&self.path)?;
        // One epoch is in the making at a time; what a killed run left is gone on with if its consents are these.
        let next = epochs.join("next");
        let folder = NewFolder::resume(&next)?;
        let bytes = consents.to_bytes();
        let same = |path: &Path| files::read(path).map(Zeroizing::new).is_ok_and(|left| *left == *bytes);
        let folder = if same(&folder.path(CONSENTS_FILE)) { folder } else { NewFolder::begin(&next)? };
        folder.write(CONSENTS_FILE, &bytes)?;
        folder.write(CONSENT_REPORT_FILE, &Zeroizing::new(json(report)))?;
        let options = CommitOptions { shape: Some(*manifest.shape()), ..*options };
        let (begun, _) = begin(&folder, &options, manifest.declared_rows(), rng, || tables.take_epoch())?;
        let source = epoch_source(home, manifest.table(), begun.number, &begun.salt)?;
        let mut columns = Vec::new();
        for (name, flags) in consents.columns() {
            let name = name.to_string();
            on_column(&name, true);
            let column = SecretColumn::registered(*manifest.layout(), &name, flags.clone(), &source)?;
            columns.push((name, column.commit()));
        }
        let epoch = EpochDocument {
            format: EPOCH_FORMAT.into(),
            site: home.site().to_owned(),
            table: manifest.table().to_owned(),
            number: begun.number,
            manifest: manifest.digest(),
            shape: ShapeRef::to(manifest.shape()),
            declared_rows: manifest.declared_rows() as u64,
            created: begun.created.to_string(),
            record,
            columns: registered(&columns),
        }
        .check(&Shape::STANDARD)?;
        let points = PointsFile::new(epoch.digest(), columns);
        folder.write(EPOCH_FILE, &json(&epoch))?;
        folder.write(POINTS_FILE, &json(&points))?;
        Stage::EpochFilesWritten.pass();
        folder.finish_as(&epochs.join(format!("epoch-{}", begun.number)))?;
        Ok(CommittedEpoch { epoch, consents, points, salt: begun.salt })
    }
}

/// Takes number and salt that a killed run left, or new ones, and has them on the disk before anything else.
/// Date and shape may be others than that run's: nothing of it was seen by anyone, and labels hold the layout.
fn begin(
    folder: &NewFolder,
    options: &CommitOptions,
    rows: usize,
    rng: &mut (impl RngCore + CryptoRng),
    number: impl FnOnce() -> Result<u32, StoreError>,
) -> Result<(Begun, Shape), StoreError> {
    let path = folder.path(COMMITMENT_FILE);
    let left = if path.exists() { Some(read_begun(&path)?) } else { None };
    let allowed = Shape::STANDARD.iter().map(Shape::max_declared_rows).max().unwrap_or(0);
    let shape = match options.shape {
        Some(shape) => shape,
        None => Shape::smallest_for(rows).ok_or(StoreError::TooManyRows { rows, allowed })?,
    };
    Layout::column(&shape, rows)?;
    let (number, salt) = match left {
        Some(left) => (left.number, left.salt),
        None => (number()?, Salt::draw(rng)),
    };
    let created = options.date.unwrap_or(options.today);
    let begun = Begun { format: COMMITMENT_FORMAT.into(), number, shape: shape.name.into(), created, salt };
    folder.write(COMMITMENT_FILE, &json(&begun))?;
    Stage::CommitSaltWritten.pass();
    Ok((begun, shape))
}

fn read_begun(path: &Path) -> Result<Begun, StoreError> {
    let begun: Begun = read_json(path)?;
    check_format(path, &begun.format, COMMITMENT_FORMAT)?;
    Ok(begun)
}

fn registered(columns: &[(String, ColumnCommitment)]) -> Vec<RegisteredColumn> {
    let column = |(name, points): &(String, ColumnCommitment)| RegisteredColumn {
        name: name.clone(),
        commitment: points.digest(),
    };
    columns.iter().map(column).collect()
}

fn manifest_source(home: &Home, table: &str, version: u32, salt: &Salt) -> Result<BlindingSource, StoreError> {
    Ok(BlindingSource::new(&home.secret()?, ObjectKind::Manifest, home.site(), table, version, salt))
}

fn epoch_source(home: &Home, table: &str, number: u32, salt: &Salt) -> Result<BlindingSource, StoreError> {
    Ok(BlindingSource::new(&home.secret()?, ObjectKind::Epoch, home.site(), table, number, salt))
}

/// The columns of a manifest with their data, in its order.
fn manifest_columns<'a>(version: &Version, table: &'a Table) -> Vec<(String, &'a [u16])> {
    let names = version.schema().columns().iter().map(|spec| spec.name().to_owned());
    let columns = names.zip(table.columns().iter().map(Vec::as_slice));
    columns.chain(table.tags().iter().enumerate().map(|(limb, data)| (tag_column(limb), data.as_slice()))).collect()
}

impl Committed {
    /// These columns with what opens them; `table` is the version's.
    pub(crate) fn openable(
        &self,
        home: &Home,
        version: &Version,
        table: &Table,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<RegisteredSecret>, StoreError> {
        let manifest = &self.manifest;
        let source = manifest_source(home, manifest.table(), manifest.version(), &self.salt)?;
        let columns = manifest_columns(version, table).into_iter().filter(|(name, _)| wanted(name));
        columns.map(|(name, data)| openable(name, data, manifest.layout(), &source, &self.points)).collect()
    }
}

impl CommittedEpoch {
    /// These columns with what opens them.
    pub(crate) fn openable(
        &self,
        home: &Home,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<RegisteredSecret>, StoreError> {
        let epoch = &self.epoch;
        let source = epoch_source(home, epoch.table(), epoch.number(), &self.salt)?;
        let columns = self.consents.columns().iter().map(|(name, flags)| (name.to_string(), flags));
        let columns = columns.filter(|(name, _)| wanted(name));
        columns.map(|(name, flags)| openable(name, flags, epoch.layout(), &source, &self.points)).collect()
    }
}

fn openable(
    name: String,
    data: &[u16],
    layout: &Layout,
    source: &BlindingSource,
    points: &PointsFile,
) -> Result<RegisteredSecret, StoreError> {
    let secret = SecretColumn::registered(*layout, &name, data.to_vec(), source)?;
    let commitment = points.column(&name).cloned();
    let commitment = commitment.ok_or_else(|| RegistryError::UnknownColumn { name: name.clone() })?;
    Ok(RegisteredSecret { name, secret, commitment })
}
