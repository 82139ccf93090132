//! The report for people.

use std::fmt;

use cohortium_protocol::policy::Cell;

use cohortium_protocol::text::shown;

use crate::report::{Report, Verdict};

/// Columns of a page.
const PAGE: usize = 100;

/// Breaks a text into lines of a page, each behind an indent.
fn wrapped(f: &mut fmt::Formatter<'_>, first: &str, indent: usize, text: &str) -> fmt::Result {
    let mut line = first.to_owned();
    let mut begun = false;
    for word in shown(text).split_whitespace() {
        if begun && line.chars().count() + 1 + word.chars().count() > PAGE {
            writeln!(f, "{}", line.trim_end())?;
            line = " ".repeat(indent);
            begun = false;
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    writeln!(f, "{}", line.trim_end())
}

fn cell(cell: Option<Cell>) -> String {
    match cell {
        None => "-".to_owned(),
        Some(Cell::Suppressed) => "suppressed".to_owned(),
        Some(Cell::Zero) => "0".to_owned(),
        Some(Cell::Value(value)) => value.to_string(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "AUDIT OF AN ANSWER BY {}", shown(&self.site).to_uppercase())?;
        if self.development_key {
            writeln!(f, "*** DEVELOPMENT KEY: for trials only; whoever made the key could forge this ***")?;
        }
        writeln!(f)?;
        writeln!(f, "Table {}, version {}, consent epoch {}", shown(&self.table), self.version, self.epoch)?;
        writeln!(f, "Approval: {}", shown(&self.approval))?;
        writeln!(f, "Request {} (number {})", self.request.short(), self.sequence)?;
        writeln!(f, "\nWHAT WAS ASKED")?;
        if self.question.is_empty() {
            writeln!(f, "  Not shown: the audit stopped before the question was known to be over registered tables.")?;
        }
        self.question.iter().try_for_each(|line| wrapped(f, "  ", 4, line))?;
        if let Some(policy) = &self.policy {
            writeln!(f, "\nPOLICY")?;
            wrapped(f, "  ", 4, policy)?;
        }
        writeln!(f, "\nGUARANTEES")?;
        for guarantee in &self.guarantees {
            let mark = match guarantee.verdict {
                Verdict::Holds => "holds",
                Verdict::Fails => "FAILS",
                Verdict::NotCovered => "not covered",
            };
            writeln!(f, "  {} {:<14} {mark}", guarantee.id, guarantee.name)?;
            wrapped(f, "      ", 6, guarantee.question)?;
            wrapped(f, "      ", 6, &guarantee.reason)?;
        }
        self.numbers(f)?;
        writeln!(f, "\nWHAT IS NOT PROVED")?;
        self.not_proved.iter().try_for_each(|line| wrapped(f, "  - ", 4, line))?;
        writeln!(f, "\nANCHORS USED (compare the fingerprints with what you were told elsewhere)")?;
        self.anchors.iter().try_for_each(|anchor| {
            writeln!(f, "  {}  {}", anchor.fingerprint, shown(&anchor.what))?;
            writeln!(f, "                    in full {}", anchor.digest)
        })?;
        writeln!(f, "\nRequest {}", self.request)?;
        writeln!(f, "Bundle  {}", self.bundle)?;
        writeln!(f, "Verdict: {}", self.verdict.words())
    }
}

impl Report {
    fn numbers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups.is_empty() {
            return writeln!(f, "\nNO NUMBERS ARE SHOWN, since the audit did not pass every check.");
        }
        writeln!(f, "\nRELEASED NUMBERS (sums in coded units)")?;
        let mut rows = vec![self.grouped_by.clone()];
        let sums: Vec<usize> =
            (0..3).filter(|i| self.groups.iter().any(|group| group.cells.sums[*i].is_some())).collect();
        rows[0].push("count".to_owned());
        rows[0].extend(sums.iter().map(|i| cohortium_protocol::policy::SUM_NAMES[*i].to_owned()));
        for group in &self.groups {
            let mut row: Vec<String> = group.labels.iter().map(|label| shown(label)).collect();
            row.push(cell(Some(group.cells.count)));
            row.extend(sums.iter().map(|i| cell(group.cells.sums[*i])));
            rows.push(row);
        }
        let width = |column: usize| {
            rows.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count()).max().unwrap_or(0)
        };
        for row in &rows {
            let cells: Vec<String> =
                row.iter().enumerate().map(|(i, text)| format!("{text:<width$}", width = width(i))).collect();
            writeln!(f, "  {}", cells.join("  ").trim_end())?;
        }
        match self.suppressed() {
            0 => Ok(()),
            1 => writeln!(f, "  1 group is suppressed; totals of the numbers shown leave it out."),
            n => writeln!(f, "  {n} groups are suppressed; totals of the numbers shown leave them out."),
        }
    }
}
