//! The report for people.

use std::fmt;

use cohortium_protocol::policy::Cell;

use cohortium_protocol::text::shown;

use crate::report::{GroupReport, Report, Verdict};

/// Columns of a page.
const PAGE: usize = 100;

/// Breaks a text into lines of a page, each behind an indent.
pub(crate) fn wrapped(f: &mut fmt::Formatter<'_>, first: &str, indent: usize, text: &str) -> fmt::Result {
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
        Some(Cell::Noised(value)) => format!("~{value}"),
    }
}

/// Released groups as a table behind an indent.
pub(crate) fn table(
    f: &mut fmt::Formatter<'_>,
    indent: &str,
    grouped_by: &[String],
    groups: &[GroupReport],
) -> fmt::Result {
    let mut rows = vec![grouped_by.to_vec()];
    let sums: Vec<usize> = (0..3).filter(|i| groups.iter().any(|group| group.cells.sums[*i].is_some())).collect();
    rows[0].push("count".to_owned());
    rows[0].extend(sums.iter().map(|i| cohortium_protocol::policy::SUM_NAMES[*i].to_owned()));
    for group in groups {
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
        writeln!(f, "{indent}{}", cells.join("  ").trim_end())?;
    }
    Ok(())
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
        self.on_ledger(f)?;
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
    fn on_ledger(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(ledger) = &self.ledger else { return Ok(()) };
        writeln!(f, "\nON THE LEDGER")?;
        writeln!(f, "  Ledger      {}", shown(&ledger.ledger))?;
        writeln!(f, "  Query       {}, signed by {}", ledger.query, shown(&ledger.sponsor))?;
        writeln!(f, "  Approval    signed by {}", shown(&ledger.board))?;
        writeln!(f, "  Answer      signed by {}", shown(&self.site))?;
        writeln!(f, "  Checkpoint  {} transactions at {}, signed by the operator", ledger.size, ledger.time)?;
        writeln!(f, "  Root        {}", ledger.root)
    }

    fn numbers(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups.is_empty() {
            return writeln!(f, "\nNO NUMBERS ARE SHOWN, since the audit did not pass every check.");
        }
        writeln!(f, "\nRELEASED NUMBERS (sums in coded units)")?;
        table(f, "  ", &self.grouped_by, &self.groups)?;
        match self.suppressed() {
            0 => Ok(()),
            1 => writeln!(f, "  1 group is suppressed; totals of the numbers shown leave it out."),
            n => writeln!(f, "  {n} groups are suppressed; totals of the numbers shown leave them out."),
        }
    }
}
