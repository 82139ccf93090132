//! One version of a table: one import, never changed afterwards.

use std::path::{Path, PathBuf};

use cohortium_protocol::hash::Digest;
use cohortium_protocol::table::{
    CodecError, ConsentReport, ConsentTable, Day, Mapping, PatientSecret, QualityReport, Schema, Table, Tagger,
};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::files::{self, NewFolder};
use super::site::{check_format, json, read_json};
use super::{Home, StoreError};
use crate::faults::Stage;

const IMPORT_FORMAT: &str = "cohortium-import/1";
const IMPORT_FILE: &str = "import.json";
const SCHEMA_FILE: &str = "schema.json";
const MAPPING_FILE: &str = "mapping.json";
const QUALITY_FILE: &str = "quality.json";
const CONSENT_REPORT_FILE: &str = "consent-report.json";
const TABLE_FILE: &str = "table.bin";
const CONSENTS_FILE: &str = "consents.bin";
const SECRETS_FILE: &str = "patient-secrets.json";

/// What a version is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ImportRecord {
    format: String,
    /// The table's name.
    pub(crate) table: String,
    /// The version's number.
    pub(crate) version: u32,
    /// The schema's digest.
    pub(crate) schema: Digest,
    /// The day of the import.
    pub(crate) imported: Day,
    /// The day on which the source was extracted.
    pub(crate) vintage: Day,
    /// Rows, dummies included.
    pub(crate) rows: usize,
    /// Rows of nobody.
    pub(crate) dummy_rows: usize,
    /// Names of the files it was made of.
    pub(crate) files: Vec<String>,
}

/// A version that is about to be written.
pub(crate) struct NewVersion<'a> {
    /// The schema's text, kept as it is.
    pub(crate) schema_text: &'a str,
    /// The schema.
    pub(crate) schema: &'a Schema,
    /// The mapping's text, kept as it is.
    pub(crate) mapping_text: &'a str,
    /// The rows.
    pub(crate) table: &'a Table,
    /// What was found on the way.
    pub(crate) quality: &'a QualityReport,
    /// The consents that came with the table.
    pub(crate) consents: &'a ConsentTable,
    /// What was found on the way.
    pub(crate) consent_report: &'a ConsentReport,
    /// Secrets that patients brought.
    pub(crate) brought: &'a [(String, PatientSecret)],
    /// The day of the import.
    pub(crate) imported: Day,
    /// The day on which the source was extracted.
    pub(crate) vintage: Day,
    /// Names of the files.
    pub(crate) files: Vec<String>,
}

/// One brought secret, as it is kept.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct Brought {
    patient: String,
    secret: String,
}

impl NewVersion<'_> {
    pub(super) fn write(&self, table_folder: &Path, version: u32) -> Result<(), StoreError> {
        let folder = NewFolder::begin(&table_folder.join(format!("version-{version}")))?;
        let record = ImportRecord {
            format: IMPORT_FORMAT.into(),
            table: self.schema.table().to_owned(),
            version,
            schema: self.schema.digest(),
            imported: self.imported,
            vintage: self.vintage,
            rows: self.table.rows(),
            dummy_rows: self.quality.dummy_rows,
            files: self.files.clone(),
        };
        folder.write(IMPORT_FILE, &json(&record))?;
        folder.write(SCHEMA_FILE, self.schema_text.as_bytes())?;
        folder.write(MAPPING_FILE, self.mapping_text.as_bytes())?;
        folder.write(QUALITY_FILE, &Zeroizing::new(json(self.quality)))?;
        folder.write(CONSENT_REPORT_FILE, &Zeroizing::new(json(self.consent_report)))?;
        folder.write(TABLE_FILE, &self.table.to_bytes())?;
        folder.write(CONSENTS_FILE, &self.consents.to_bytes())?;
        if !self.brought.is_empty() {
            let one = |(patient, secret): &(String, PatientSecret)| Brought {
                patient: patient.clone(),
                secret: secret.to_card().to_string(),
            };
            let brought: Vec<Brought> = self.brought.iter().map(one).collect();
            folder.write(SECRETS_FILE, &Zeroizing::new(json(&brought)))?;
        }
        Stage::ImportFilesWritten.pass();
        folder.finish()
    }
}

/// A version on the disk.
pub(crate) struct Version {
    pub(super) path: PathBuf,
    record: ImportRecord,
    schema: Schema,
}

impl Version {
    pub(super) fn open(table_folder: &Path, number: u32) -> Result<Self, StoreError> {
        let path = table_folder.join(format!("version-{number}"));
        let file = path.join(IMPORT_FILE);
        let record: ImportRecord = read_json(&file)?;
        check_format(&file, &record.format, IMPORT_FORMAT)?;
        let file = path.join(SCHEMA_FILE);
        let damaged = |reason: String| StoreError::Damaged { path: file.clone(), reason };
        let schema = Schema::parse(&files::read_text(&file)?).map_err(|error| damaged(error.to_string()))?;
        if schema.digest() != record.schema {
            return Err(damaged(format!("its digest is {}, the import's was {}", schema.digest(), record.schema)));
        }
        if record.version != number {
            let reason = format!("it says version {}, in the folder of version {number}", record.version);
            return Err(StoreError::Damaged { path: path.join(IMPORT_FILE), reason });
        }
        Ok(Self { path, record, schema })
    }

    /// What it is.
    pub(crate) fn record(&self) -> &ImportRecord {
        &self.record
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Its schema.
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// The schema's text.
    pub(crate) fn schema_text(&self) -> Result<String, StoreError> {
        files::read_text(&self.path.join(SCHEMA_FILE))
    }

    /// Its mapping.
    pub(crate) fn mapping(&self) -> Result<Mapping, StoreError> {
        let path = self.path.join(MAPPING_FILE);
        Mapping::parse(&files::read_text(&path)?, &self.schema)
            .map_err(|error| StoreError::Damaged { path, reason: error.to_string() })
    }

    /// What its import found.
    pub(crate) fn quality(&self) -> Result<QualityReport, StoreError> {
        read_json(&self.path.join(QUALITY_FILE))
    }

    /// What its first consent file said.
    pub(crate) fn consent_report(&self) -> Result<ConsentReport, StoreError> {
        read_json(&self.path.join(CONSENT_REPORT_FILE))
    }

    /// Its rows.
    pub(crate) fn table(&self) -> Result<Table, StoreError> {
        let path = self.path.join(TABLE_FILE);
        let bytes = Zeroizing::new(files::read(&path)?);
        Table::from_bytes(&bytes, &self.schema)
            .map_err(|error: CodecError| StoreError::Damaged { path, reason: error.to_string() })
    }

    /// The consents it was imported with.
    pub(crate) fn consents(&self) -> Result<ConsentTable, StoreError> {
        read_consents(&self.path.join(CONSENTS_FILE))
    }

    /// What makes its tags: the site's key, and the secrets that patients brought.
    pub(crate) fn tagger(&self, home: &Home) -> Result<Tagger, StoreError> {
        let mut tagger = Tagger::new(home.patient_key()?, home.site(), &self.record.table);
        let path = self.path.join(SECRETS_FILE);
        if path.exists() {
            let brought: Vec<Brought> = read_json(&path)?;
            for one in brought {
                let secret = PatientSecret::from_card(&one.secret)
                    .map_err(|error| StoreError::Damaged { path: path.clone(), reason: error.to_string() })?;
                tagger.bring(&one.patient, secret);
            }
        }
        Ok(tagger)
    }
}

/// Reads stored consents.
pub(super) fn read_consents(path: &Path) -> Result<ConsentTable, StoreError> {
    let bytes = Zeroizing::new(files::read(path)?);
    ConsentTable::from_bytes(&bytes)
        .map_err(|error| StoreError::Damaged { path: path.to_owned(), reason: error.to_string() })
}
