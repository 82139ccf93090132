//! Reading a hospital's files: schema, mapping, table, consents, patients' own secrets.
//!
//! What the files mean is decided in `cohortium_protocol::table`; here they are opened, checked for being
//! text at all, and taken apart into records with their line numbers.

mod records;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cohortium_protocol::table::{
    ConsentImport, ConsentImportError, ConsentImporter, Import, ImportError, ImportOptions, Importer, Mapping,
    MappingError, PatientSecret, PatientSecretError, Schema, SchemaError, Table, Tagger,
};
use rand::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use self::records::Records;

/// What is wrong with which file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    #[source]
    pub problem: FileProblem,
}

/// What is wrong with a file. No patient's value is repeated here.
#[derive(Debug, thiserror::Error)]
pub enum FileProblem {
    /// It cannot be read at all.
    #[error("cannot be read: {0}")]
    Read(std::io::Error),
    /// Nothing in it.
    #[error("the file is empty")]
    Empty,
    /// UTF-16, as some spreadsheet programs write it.
    #[error("the file is UTF-16 text; save it as UTF-8")]
    Utf16,
    /// Bytes that are no UTF-8 text.
    #[error("line {line} is not UTF-8 text; save the file as UTF-8")]
    NotUtf8 {
        /// The line.
        line: u64,
    },
    /// A quotation mark without its partner.
    #[error("the record that begins in line {line} has a quotation mark without its partner")]
    OpenQuote {
        /// The line.
        line: u64,
    },
    /// Whatever else the CSV reader refuses.
    #[error("cannot be read as CSV: {reason}")]
    Csv {
        /// The reader's reason.
        reason: String,
    },
    /// A schema file that is no schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// A mapping file that is no mapping for the schema.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// A table that was not imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Consents that were not imported.
    #[error(transparent)]
    Consents(#[from] ConsentImportError),
    /// A file of patients' secrets with another header.
    #[error("line 1: the header must be patient and secret, in this order, with one delimiter between them")]
    SecretsHeader,
    /// A record of patients' secrets that is not a patient and a secret.
    #[error("line {line}: a record is a patient and a secret")]
    SecretsRecord {
        /// The line.
        line: u64,
    },
    /// A secret that is none.
    #[error("line {line}: {problem}")]
    Secret {
        /// The line.
        line: u64,
        /// What is wrong.
        problem: PatientSecretError,
    },
    /// A patient with two secrets.
    #[error("lines {first} and {second} are about the same patient")]
    SecretTwice {
        /// The first line.
        first: u64,
        /// The second line.
        second: u64,
    },
}

/// Reads a schema file.
pub fn read_schema(path: &Path) -> Result<Schema, FileError> {
    with_text(path, |text| Ok(Schema::parse(text)?))
}

/// Reads a mapping file and checks it against the schema.
pub fn read_mapping(path: &Path, schema: &Schema) -> Result<Mapping, FileError> {
    with_text(path, |text| Ok(Mapping::parse(text, schema)?))
}

/// Imports a table, whole or not at all, in a row order drawn from `rng`.
pub fn import_table<R: RngCore + CryptoRng>(
    path: &Path,
    schema: &Schema,
    mapping: &Mapping,
    tagger: &Tagger,
    options: ImportOptions,
    rng: &mut R,
) -> Result<Import, FileError> {
    with_bytes(path, |bytes| table_from(bytes, schema, mapping, tagger, options, rng))
}

/// Imports consents into the row order of a table. `patient` names the column with the identifiers.
pub fn import_consents(
    path: &Path,
    delimiter: u8,
    patient: &str,
    table: &Table,
    tagger: &Tagger,
) -> Result<ConsentImport, FileError> {
    with_bytes(path, |bytes| consents_from(bytes, delimiter, patient, table, tagger))
}

/// Reads the secrets that patients brought: a CSV file with the columns `patient` and `secret`.
pub fn read_patient_secrets(path: &Path, delimiter: u8) -> Result<Vec<(String, PatientSecret)>, FileError> {
    with_bytes(path, |bytes| secrets_from(bytes, delimiter))
}

fn with_bytes<T>(path: &Path, read: impl FnOnce(&[u8]) -> Result<T, FileProblem>) -> Result<T, FileError> {
    let problem = |problem| FileError { path: path.to_owned(), problem };
    let bytes = Zeroizing::new(fs::read(path).map_err(|error| problem(FileProblem::Read(error)))?);
    read(&bytes).map_err(problem)
}

fn with_text<T>(path: &Path, read: impl FnOnce(&str) -> Result<T, FileProblem>) -> Result<T, FileError> {
    with_bytes(path, |bytes| {
        let lines = |end: usize| 1 + bytes[..end].iter().filter(|byte| **byte == b'\n').count() as u64;
        let not_utf8 = |error: std::str::Utf8Error| FileProblem::NotUtf8 { line: lines(error.valid_up_to()) };
        read(std::str::from_utf8(bytes).map_err(not_utf8)?)
    })
}

fn table_from<R: RngCore + CryptoRng>(
    bytes: &[u8],
    schema: &Schema,
    mapping: &Mapping,
    tagger: &Tagger,
    options: ImportOptions,
    rng: &mut R,
) -> Result<Import, FileProblem> {
    let mut records = Records::new(bytes, mapping.delimiter())?;
    let (_, header) = records.next()?.ok_or(FileProblem::Empty)?;
    let mut importer = Importer::new(schema, mapping, &header)?;
    while let Some((line, fields)) = records.next()? {
        importer.push(line, &fields)?;
    }
    Ok(importer.finish(tagger, options, rng)?)
}

fn consents_from(
    bytes: &[u8],
    delimiter: u8,
    patient: &str,
    table: &Table,
    tagger: &Tagger,
) -> Result<ConsentImport, FileProblem> {
    let mut records = Records::new(bytes, delimiter)?;
    let (_, header) = records.next()?.ok_or(FileProblem::Empty)?;
    let mut importer = ConsentImporter::new(table, tagger, patient, &header)?;
    while let Some((line, fields)) = records.next()? {
        importer.push(line, &fields)?;
    }
    Ok(importer.finish()?)
}

fn secrets_from(bytes: &[u8], delimiter: u8) -> Result<Vec<(String, PatientSecret)>, FileProblem> {
    let mut records = Records::new(bytes, delimiter)?;
    match records.next()? {
        Some((_, header)) if header.iter().map(|name| name.trim()).eq(["patient", "secret"]) => {}
        _ => return Err(FileProblem::SecretsHeader),
    }
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    let mut secrets = Vec::new();
    while let Some((line, fields)) = records.next()? {
        let (patient, secret) = match fields[..] {
            [patient, secret] if !patient.trim().is_empty() => (patient.trim(), secret.trim()),
            _ => return Err(FileProblem::SecretsRecord { line }),
        };
        if let Some(first) = lines.insert(patient.to_owned(), line) {
            return Err(FileProblem::SecretTwice { first, second: line });
        }
        let secret = PatientSecret::from_card(secret).map_err(|problem| FileProblem::Secret { line, problem })?;
        secrets.push((patient.to_owned(), secret));
    }
    Ok(secrets)
}
