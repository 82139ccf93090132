//! From a site's consent file to consent flags in the table's row order.
//!
//! The file has the patient's identifier and one column of 0 and 1 per purpose and kind of sponsor. What it
//! does not say is *no*: a patient it does not name, an empty cell.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::consent::{ConsentColumn, ConsentColumnError, ConsentTable, ConsentTableError};
use super::data::{TAG_LIMBS, Table};
use super::import::{ImportError, patient_position, shorten, unique};
use super::tag::{Tag, Tagger};

/// What a consent import found. It names patients, and stays inside the hospital.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentReport {
    /// Patients in the file.
    pub patients_read: usize,
    /// Rows of the table, dummies included.
    pub table_rows: usize,
    /// Rows of the table that the file does not name: no consent at all.
    pub rows_without_entry: usize,
    /// Patients of the file who are not in the table, by line.
    pub unknown_patients: Vec<UnknownPatient>,
    /// Each consent column, in the file's order.
    pub columns: Vec<ConsentQuality>,
}

/// A patient of a consent file who is not in the table.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnknownPatient {
    /// The line of the file.
    pub line: u64,
    /// The identifier.
    pub patient: String,
}

/// One consent column in the report; patients outside the table are not counted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConsentQuality {
    /// The column.
    pub column: ConsentColumn,
    /// Patients with a 1.
    pub yes: usize,
    /// Patients with a 0.
    pub no: usize,
    /// Patients with an empty cell, taken as no.
    pub blank: usize,
}

/// A finished consent import.
#[derive(Debug)]
pub struct ConsentImport {
    /// The flags, in the table's row order.
    pub consents: ConsentTable,
    /// What was found on the way; secret too.
    pub report: ConsentReport,
}

/// Why a consent file is refused. Nobody's consent is repeated here.
#[derive(Debug, thiserror::Error)]
pub enum ConsentImportError {
    /// Something wrong with the header or a record's length.
    #[error(transparent)]
    File(#[from] ImportError),
    /// A column that is neither the patient nor a consent.
    #[error("line 1: {0}")]
    Column(#[from] ConsentColumnError),
    /// No consent column at all.
    #[error("line 1: the header has no consent column beside {patient:?}")]
    NoColumns {
        /// The patient column.
        patient: String,
    },
    /// A cell that is neither 0 nor 1 nor empty.
    #[error("line {line}, column {column}: a consent is 1 (yes) or 0 (no, as is an empty cell), and nothing else")]
    Cell {
        /// The line.
        line: u64,
        /// The column.
        column: ConsentColumn,
    },
    /// A record without a patient.
    #[error("line {line} has no patient identifier")]
    NoPatient {
        /// The line.
        line: u64,
    },
    /// A patient with two records.
    #[error("lines {first} and {second} are about the same patient")]
    DuplicatePatient {
        /// The first line.
        first: u64,
        /// The second line.
        second: u64,
    },
    /// A file about other people: its consents would all be lost without a word.
    #[error("none of the {patients} patients of this file is in the table: is it the file of another site?")]
    NobodyKnown {
        /// Patients in the file.
        patients: usize,
    },
    /// An empty file.
    #[error("the file has no rows below its header")]
    NoRows,
    /// Columns that do not make a consent table.
    #[error(transparent)]
    Table(#[from] ConsentTableError),
}

/// Takes the records of a consent file one by one.
pub struct ConsentImporter<'a> {
    tagger: &'a Tagger,
    /// Row of every tag in the table.
    rows: BTreeMap<[u16; TAG_LIMBS], usize>,
    patient: usize,
    /// Position in the file of every consent column.
    columns: Vec<(usize, ConsentColumn)>,
    flags: Vec<Zeroizing<Vec<u16>>>,
    first_lines: BTreeMap<Tag, u64>,
    report: ConsentReport,
}

impl<'a> ConsentImporter<'a> {
    /// Reads the header of a consent file: `patient` names the identifier's column, all others are consents.
    pub fn new(table: &Table, tagger: &'a Tagger, patient: &str, header: &[&str]) -> Result<Self, ConsentImportError> {
        let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let position = patient_position(&header, patient)?;
        unique(&header)?;
        let columns = header
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != position)
            .map(|(other, name)| Ok((other, name.parse()?)))
            .collect::<Result<Vec<(usize, ConsentColumn)>, ConsentColumnError>>()?;
        if columns.is_empty() {
            return Err(ConsentImportError::NoColumns { patient: patient.to_owned() });
        }
        let tag_at = |row: usize| std::array::from_fn(|limb| table.tags()[limb][row]);
        let quality =
            |(_, column): &(usize, ConsentColumn)| ConsentQuality { column: column.clone(), yes: 0, no: 0, blank: 0 };
        Ok(Self {
            tagger,
            rows: (0..table.rows()).map(|row| (tag_at(row), row)).collect(),
            patient: position,
            // What is not said is no.
            flags: vec![Zeroizing::new(vec![0; table.rows()]); columns.len()],
            first_lines: BTreeMap::new(),
            report: ConsentReport {
                patients_read: 0,
                table_rows: table.rows(),
                rows_without_entry: 0,
                unknown_patients: Vec::new(),
                columns: columns.iter().map(quality).collect(),
            },
            columns,
        })
    }

    /// Takes one record, with the line it begins on.
    pub fn push(&mut self, line: u64, fields: &[&str]) -> Result<(), ConsentImportError> {
        let expected = self.columns.len() + 1;
        if fields.len() != expected {
            return Err(ImportError::Ragged { line, found: fields.len(), expected }.into());
        }
        let identifier = fields[self.patient].trim();
        if identifier.is_empty() {
            return Err(ConsentImportError::NoPatient { line });
        }
        let tag = self.tagger.tag(identifier);
        if let Some(first) = self.first_lines.insert(tag, line) {
            return Err(ConsentImportError::DuplicatePatient { first, second: line });
        }
        self.report.patients_read += 1;
        let row = self.rows.get(&tag.limbs()).copied();
        if row.is_none() {
            self.report.unknown_patients.push(UnknownPatient { line, patient: shorten(identifier) });
        }
        let columns = self.columns.iter().zip(&mut self.flags).zip(&mut self.report.columns);
        for (((position, column), flags), quality) in columns {
            let (flag, count) = match fields[*position].trim() {
                "1" => (1, &mut quality.yes),
                "0" => (0, &mut quality.no),
                "" => (0, &mut quality.blank),
                _ => return Err(ConsentImportError::Cell { line, column: column.clone() }),
            };
            if let Some(row) = row {
                flags[row] = flag;
                *count += 1;
            }
        }
        Ok(())
    }

    /// Ends the import.
    pub fn finish(mut self) -> Result<ConsentImport, ConsentImportError> {
        let known = self.report.patients_read - self.report.unknown_patients.len();
        match (self.report.patients_read, known) {
            (0, _) => return Err(ConsentImportError::NoRows),
            (patients, 0) => return Err(ConsentImportError::NobodyKnown { patients }),
            _ => {}
        }
        self.report.rows_without_entry = self.report.table_rows - known;
        let columns = self.columns.into_iter().zip(self.flags);
        let columns = columns.map(|((_, column), mut flags)| (column, std::mem::take(&mut *flags))).collect();
        Ok(ConsentImport { consents: ConsentTable::new(columns)?, report: self.report })
    }
}

impl ConsentReport {
    /// The report in plain language, for the data officer's screen.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_text(&mut out);
        out
    }

    fn write_text(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "SECRET: this report is about single patients. It must not leave the hospital.")?;
        writeln!(out, "{} patients read; the table has {} rows.", self.patients_read, self.table_rows)?;
        writeln!(out, "Rows of the table without an entry, taken as no consent: {}.", self.rows_without_entry)?;
        for column in &self.columns {
            writeln!(
                out,
                "{}: {} yes, {} no, {} empty and taken as no",
                column.column, column.yes, column.no, column.blank
            )?;
        }
        if !self.unknown_patients.is_empty() {
            let lines: Vec<String> = self.unknown_patients.iter().take(20).map(|one| one.line.to_string()).collect();
            let more = if self.unknown_patients.len() > 20 { ", ..." } else { "" };
            writeln!(
                out,
                "{} patients of the file are not in the table (lines {}{more}).",
                self.unknown_patients.len(),
                lines.join(", ")
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for ConsentReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsentReport(secret)")
    }
}

impl fmt::Debug for UnknownPatient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnknownPatient(line {}, secret)", self.line)
    }
}

impl fmt::Debug for ConsentQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsentQuality({}, secret)", self.column)
    }
}

impl fmt::Debug for ConsentImporter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsentImporter(secret)")
    }
}
