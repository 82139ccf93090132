//! From the records of a site's file to a table: whole or nothing, in a secret random row order.
//!
//! Reading the file is the prover's business; this takes texts, record by record.

use std::collections::{BTreeMap, BTreeSet};

use rand::seq::SliceRandom;
use rand::{CryptoRng, RngCore};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::MISSING;
use super::data::{TAG_LIMBS, Table, TableError};
use super::mapping::Mapping;
use super::quality::{ColumnQuality, QualityReport, Rejection};
use super::schema::Schema;
use super::tag::{Tag, Tagger};
use super::value::{Fault, Refusal, apply};
use crate::shape::Shape;

/// Characters of a value that a report repeats.
const SHOWN_CHARACTERS: usize = 80;

/// What happens if rows are rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RejectedRows {
    /// Nothing is imported.
    #[default]
    Refuse,
    /// The rest is imported; the report lists what was left out. The data officer's explicit choice.
    LeaveOut,
}

/// The data officer's choices for one import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// What happens if rows are rejected.
    pub rejected: RejectedRows,
    /// Rows of nobody to add, so that the table's public size is not the number of patients. No consent can
    /// name them, so no query counts them.
    pub dummy_rows: usize,
}

/// A finished import.
#[derive(Debug)]
pub struct Import {
    /// The table, in a secret random row order.
    pub table: Table,
    /// What was found on the way; secret too.
    pub report: QualityReport,
}

/// Why nothing was imported. No patient's value is repeated here: the report has them.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// No patient column. The header is not shown: a file without one begins with a patient.
    #[error(
        "line 1 has no column {column:?} for the patient identifier, among its {found}: \
         does the file begin with a header, and is its delimiter the mapping's?"
    )]
    PatientNotFound {
        /// The column.
        column: String,
        /// How many columns line 1 has.
        found: usize,
    },
    /// A column that the mapping names and the header has not.
    #[error("the file has no column {column:?}, which the mapping needs for {needed_for:?}; its header has {header}")]
    ColumnNotFound {
        /// The column.
        column: String,
        /// The schema column that is made of it.
        needed_for: String,
        /// The header.
        header: String,
    },
    /// Two columns of one name.
    #[error("line 1: the header has two columns {column:?}, at positions {first} and {second}")]
    DuplicateHeader {
        /// The name.
        column: String,
        /// Position of the first, from 1.
        first: usize,
        /// Position of the second, from 1.
        second: usize,
    },
    /// A record with too many or too few fields.
    #[error("line {line} has {found} fields, the header has {expected}")]
    Ragged {
        /// The record's line.
        line: u64,
        /// Its fields.
        found: usize,
        /// The header's fields.
        expected: usize,
    },
    /// Rows were rejected and were not to be left out.
    #[error("nothing was imported: {} of {} rows were rejected ({}); the quality report gives the reasons",
        report.rows_rejected, report.rows_read, lines(report))]
    Rejected {
        /// The whole report.
        report: Box<QualityReport>,
    },
    /// No rows below the header.
    #[error("nothing was imported: the file has no rows below its header")]
    NoRows,
    /// All rows were rejected.
    #[error("nothing was imported: all {} rows were rejected; the quality report gives the reasons", report.rows_read)]
    AllRejected {
        /// The whole report.
        report: Box<QualityReport>,
    },
    /// More rows than any shape holds.
    #[error("the table would have {found} rows; at most {allowed} can be proved about")]
    TooManyRows {
        /// Rows, dummies included.
        found: usize,
        /// The largest shape's rows.
        allowed: usize,
    },
    /// Two patients with one tag: one secret was brought by both.
    #[error("two patients bear the same tag: has one secret been entered for two identifiers?")]
    SameTag,
    /// Columns that do not make a table.
    #[error(transparent)]
    Table(#[from] TableError),
}

/// The first few lines with rejections, in words.
fn lines(report: &QualityReport) -> String {
    let lines: BTreeSet<u64> = report.rejections.iter().map(|rejection| rejection.line).collect();
    let first: Vec<String> = lines.iter().take(5).map(u64::to_string).collect();
    let (noun, more) = (if lines.len() == 1 { "line" } else { "lines" }, if lines.len() > 5 { ", ..." } else { "" });
    format!("{noun} {}{more}", first.join(", "))
}

/// An identifier that is wiped when dropped.
#[derive(PartialEq, Eq, PartialOrd, Ord, Zeroize, ZeroizeOnDrop)]
struct Identifier(String);

/// Takes records one by one; made for one file by [`Importer::new`], used up by [`Importer::finish`].
pub struct Importer<'a> {
    schema: &'a Schema,
    mapping: &'a Mapping,
    header: Vec<String>,
    patient: usize,
    /// Positions of each rule's inputs, in schema order.
    inputs: Vec<Vec<usize>>,
    /// Stored values of accepted records, in the file's order.
    columns: Vec<Zeroizing<Vec<u16>>>,
    /// Line and patient of accepted records.
    accepted: Vec<(u64, Identifier)>,
    /// The first line of every patient, accepted or not.
    first_lines: BTreeMap<Identifier, u64>,
    rejections: Vec<Rejection>,
    rows_read: usize,
}

impl<'a> Importer<'a> {
    /// Finds the mapping's columns in the file's header.
    pub fn new(schema: &'a Schema, mapping: &'a Mapping, header: &[&str]) -> Result<Self, ImportError> {
        let header: Vec<String> = header.iter().map(|name| name.trim().to_owned()).collect();
        let patient = patient_position(&header, mapping.patient())?;
        unique(&header)?;
        let position = |column: &str, needed_for: &str| {
            header.iter().position(|name| name == column).ok_or_else(|| ImportError::ColumnNotFound {
                column: column.to_owned(),
                needed_for: needed_for.to_owned(),
                header: header.join(", "),
            })
        };
        let inputs = schema
            .columns()
            .iter()
            .zip(mapping.rules())
            .map(|(spec, rule)| rule.inputs().into_iter().map(|input| position(input, spec.name())).collect())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            schema,
            mapping,
            patient,
            inputs,
            columns: vec![Zeroizing::default(); schema.columns().len()],
            accepted: Vec::new(),
            first_lines: BTreeMap::new(),
            rejections: Vec::new(),
            rows_read: 0,
            header,
        })
    }

    /// Takes one record, with the line it begins on. A faulty record is noted and left for [`Self::finish`];
    /// a record of another length is an error at once, because then no field is where it seems to be.
    pub fn push(&mut self, line: u64, fields: &[&str]) -> Result<(), ImportError> {
        if fields.len() != self.header.len() {
            return Err(ImportError::Ragged { line, found: fields.len(), expected: self.header.len() });
        }
        self.rows_read += 1;
        let before = self.rejections.len();
        let identifier = fields[self.patient].trim();
        self.check_patient(line, identifier);
        let mut stored = Zeroizing::new(Vec::with_capacity(self.columns.len()));
        for ((spec, rule), inputs) in self.schema.columns().iter().zip(self.mapping.rules()).zip(&self.inputs) {
            let cells: Vec<&str> = inputs.iter().map(|input| fields[*input]).collect();
            match apply(rule, spec, &self.mapping.reading, &cells) {
                Ok(value) => stored.push(value),
                Err(Refusal { input, fault, reason }) => {
                    let from = inputs.get(input).copied().unwrap_or(self.patient);
                    self.rejections.push(Rejection {
                        line,
                        column: Some(spec.name().to_owned()),
                        from: self.header[from].clone(),
                        value: shorten(fields[from]),
                        fault,
                        reason,
                    });
                }
            }
        }
        if self.rejections.len() == before {
            for (column, value) in self.columns.iter_mut().zip(stored.iter()) {
                column.push(*value);
            }
            self.accepted.push((line, Identifier(identifier.to_owned())));
        }
        Ok(())
    }

    fn check_patient(&mut self, line: u64, identifier: &str) {
        if self.mapping.reading.present(identifier).is_none() {
            self.reject_patient(line, identifier, Fault::NoPatient, "the row has no patient identifier".into());
            return;
        }
        let key = Identifier(identifier.to_owned());
        let Some(first) = self.first_lines.get(&key).copied() else {
            self.first_lines.insert(key, line);
            return;
        };
        // Which of the rows is right, nobody can tell from here: both are rejected.
        for (here, other) in [(first, line), (line, first)] {
            let reason = format!("the patient stands in line {other} too; one row a patient");
            self.reject_patient(here, identifier, Fault::DuplicatePatient, reason);
        }
    }

    fn reject_patient(&mut self, line: u64, identifier: &str, fault: Fault, reason: String) {
        let from = self.header[self.patient].clone();
        self.rejections.push(Rejection { line, column: None, from, value: shorten(identifier), fault, reason });
    }

    /// Ends the import: a table in an order drawn from `rng`, or nothing.
    pub fn finish<R: RngCore + CryptoRng>(
        mut self,
        tagger: &Tagger,
        options: ImportOptions,
        rng: &mut R,
    ) -> Result<Import, ImportError> {
        if self.rows_read == 0 {
            return Err(ImportError::NoRows);
        }
        self.rejections.sort_by_key(|rejection| rejection.line);
        let rejected: BTreeSet<u64> = self.rejections.iter().map(|rejection| rejection.line).collect();
        let kept: Vec<usize> =
            (0..self.accepted.len()).filter(|row| !rejected.contains(&self.accepted[*row].0)).collect();
        let mut report = self.report(&kept, rejected.len());
        if !rejected.is_empty() && options.rejected == RejectedRows::Refuse {
            return Err(ImportError::Rejected { report: Box::new(report) });
        }
        if kept.is_empty() {
            return Err(ImportError::AllRejected { report: Box::new(report) });
        }
        let rows = kept.len().saturating_add(options.dummy_rows);
        let allowed = Shape::STANDARD.iter().map(Shape::max_declared_rows).max().unwrap_or(0);
        if rows > allowed {
            return Err(ImportError::TooManyRows { found: rows, allowed });
        }
        let table = self.table(&kept, rows, tagger, rng)?;
        report.imported = true;
        report.dummy_rows = options.dummy_rows;
        Ok(Import { table, report })
    }

    fn report(&mut self, kept: &[usize], rows_rejected: usize) -> QualityReport {
        let schema = self.schema;
        let used: BTreeSet<usize> = self.inputs.iter().flatten().copied().chain([self.patient]).collect();
        let unused = (0..self.header.len()).filter(|position| !used.contains(position));
        let columns = schema.columns().iter().zip(&self.columns).map(|(spec, stored)| ColumnQuality {
            column: spec.name().to_owned(),
            missing: kept.iter().filter(|row| stored[**row] == MISSING).count(),
            outside_domain: self
                .rejections
                .iter()
                .filter(|rejection| rejection.fault == Fault::OutsideDomain)
                .filter(|rejection| rejection.column.as_deref() == Some(spec.name()))
                .count(),
        });
        QualityReport {
            rows_read: self.rows_read,
            rows_accepted: kept.len(),
            rows_rejected,
            columns: columns.collect(),
            unused: unused.map(|position| self.header[position].clone()).collect(),
            rejections: std::mem::take(&mut self.rejections),
            ..QualityReport::new(schema.table(), schema.version(), schema.digest())
        }
    }

    /// Gathers kept rows and dummies in a uniformly random order.
    fn table<R: RngCore + CryptoRng>(
        &self,
        kept: &[usize],
        rows: usize,
        tagger: &Tagger,
        rng: &mut R,
    ) -> Result<Table, ImportError> {
        let mut tags: Vec<Tag> = kept.iter().map(|row| tagger.tag(&self.accepted[*row].1.0)).collect();
        let mut unique: Vec<Tag> = tags.clone();
        unique.sort_unstable();
        if unique.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(ImportError::SameTag);
        }
        tags.resize_with(rows, || Tag::random(rng));
        // order[i] is the place in `kept` of the row that becomes row i; places beyond it are dummies.
        let mut order: Zeroizing<Vec<usize>> = Zeroizing::new((0..rows).collect());
        order.shuffle(rng);
        let columns = self.schema.columns().iter().zip(&self.columns).map(|(spec, stored)| {
            // A dummy holds the lowest value: what it holds is never counted, and commitments hide it.
            let dummy = *spec.domain().start();
            order.iter().map(|place| kept.get(*place).map_or(dummy, |row| stored[*row])).collect()
        });
        let columns = columns.collect();
        let limbs: [Vec<u16>; TAG_LIMBS] =
            std::array::from_fn(|limb| order.iter().map(|place| tags[*place].limbs()[limb]).collect());
        unique.zeroize();
        tags.zeroize();
        Ok(Table::new(self.schema, columns, limbs)?)
    }
}

/// The patient column. Found first: after that, line 1 is a header and may be shown.
pub(super) fn patient_position(header: &[String], patient: &str) -> Result<usize, ImportError> {
    header
        .iter()
        .position(|name| name == patient)
        .ok_or_else(|| ImportError::PatientNotFound { column: patient.to_owned(), found: header.len() })
}

/// Refuses a header with one name twice.
pub(super) fn unique(header: &[String]) -> Result<(), ImportError> {
    let mut seen = BTreeMap::new();
    for (position, column) in header.iter().enumerate() {
        if let Some(first) = seen.insert(column, position) {
            return Err(ImportError::DuplicateHeader {
                column: column.clone(),
                first: first + 1,
                second: position + 1,
            });
        }
    }
    Ok(())
}

/// A value as a report repeats it.
pub(super) fn shorten(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS).collect()
}

impl std::fmt::Debug for Importer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Importer(secret)")
    }
}
