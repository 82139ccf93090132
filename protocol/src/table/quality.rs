//! The quality report of an import. It is the hospital's own: it repeats patients' values, and stays inside.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

use super::value::Fault;
use crate::hash::Digest;

/// The report's format.
pub const QUALITY_FORMAT: &str = "cohortium-quality-report/1";

/// Stands in every report, before anything else.
const SECRET: &str = "SECRET: this report repeats values of single patients. It must not leave the hospital.";

/// Rejections printed in words; the JSON file has them all.
const SHOWN: usize = 20;

/// What an import found. No sums, extremes or counts of values: the report is for mending a file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QualityReport {
    /// [`QUALITY_FORMAT`].
    pub format: String,
    /// That the report is secret, for whoever opens the file.
    pub notice: String,
    /// The schema's table.
    pub table: String,
    /// The schema's version.
    pub schema_version: u32,
    /// The schema's digest.
    pub schema: Digest,
    /// Whether a table was made. If not, nothing was.
    pub imported: bool,
    /// Rows of the file below its header.
    pub rows_read: usize,
    /// Rows that are in the table, or would be.
    pub rows_accepted: usize,
    /// Rows that are not.
    pub rows_rejected: usize,
    /// Dummy rows added to hide the number of patients.
    pub dummy_rows: usize,
    /// Every reason why a row was rejected, by line; a row may have several.
    pub rejections: Vec<Rejection>,
    /// Each schema column, in order.
    pub columns: Vec<ColumnQuality>,
    /// Columns of the file that no rule reads.
    pub unused: Vec<String>,
}

/// One reason why a row was rejected.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rejection {
    /// The line of the file, the header's being 1.
    pub line: u64,
    /// The schema column; none for the patient's identifier.
    pub column: Option<String>,
    /// The file's column.
    pub from: String,
    /// What stands there.
    pub value: String,
    /// The sort of fault.
    pub fault: Fault,
    /// The fault in words.
    pub reason: String,
}

/// One schema column in the report.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnQuality {
    /// The column.
    pub column: String,
    /// Accepted rows without a value.
    pub missing: usize,
    /// Rejected values that lie outside the domain.
    pub outside_domain: usize,
}

impl QualityReport {
    /// The report of an import that has not begun.
    pub(super) fn new(table: &str, schema_version: u32, schema: Digest) -> Self {
        Self {
            format: QUALITY_FORMAT.into(),
            notice: SECRET.into(),
            table: table.into(),
            schema_version,
            schema,
            imported: false,
            rows_read: 0,
            rows_accepted: 0,
            rows_rejected: 0,
            dummy_rows: 0,
            rejections: Vec::new(),
            columns: Vec::new(),
            unused: Vec::new(),
        }
    }

    /// The report in plain language, for the data officer's screen.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = self.write_text(&mut out);
        out
    }

    fn write_text(&self, out: &mut String) -> fmt::Result {
        writeln!(out, "{}", self.notice)?;
        writeln!(out, "Import into table {:?}, schema version {} ({}).", self.table, self.schema_version, self.schema)?;
        let rows = |count: usize| if count == 1 { "1 row".to_owned() } else { format!("{count} rows") };
        writeln!(
            out,
            "{} read, {} accepted, {} rejected.",
            rows(self.rows_read),
            self.rows_accepted,
            self.rows_rejected
        )?;
        if self.dummy_rows > 0 {
            writeln!(out, "{} of nobody were added to hide the number of patients.", rows(self.dummy_rows))?;
        }
        match (self.imported, self.rows_rejected) {
            (true, 0) => writeln!(out, "The table was imported whole.")?,
            (true, _) => writeln!(out, "The table was imported WITHOUT the rejected rows, as was asked for.")?,
            (false, _) => writeln!(out, "NOTHING was imported: an import is whole or nothing.")?,
        }
        if !self.rejections.is_empty() {
            writeln!(out, "\nRejected:")?;
        }
        for rejection in self.rejections.iter().take(SHOWN) {
            let made = match &rejection.column {
                Some(column) if *column != rejection.from => format!(" (for {column})"),
                _ => String::new(),
            };
            writeln!(
                out,
                "  line {}, column {}{made}, value {:?}: {}",
                rejection.line, rejection.from, rejection.value, rejection.reason
            )?;
        }
        if self.rejections.len() > SHOWN {
            writeln!(out, "  and {} more, all in the report's file", self.rejections.len() - SHOWN)?;
        }
        writeln!(out, "\nColumn: missing in accepted rows, rejected as outside the domain")?;
        for column in &self.columns {
            writeln!(out, "  {}: {}, {}", column.column, column.missing, column.outside_domain)?;
        }
        if !self.unused.is_empty() {
            writeln!(out, "\nColumns of the file that were not used: {}", self.unused.join(", "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for QualityReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QualityReport(secret)")
    }
}

impl fmt::Debug for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rejection(line {}, secret)", self.line)
    }
}

impl fmt::Debug for ColumnQuality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ColumnQuality({}, secret)", self.column)
    }
}
