//! A receipt's report in words.

use std::fmt;

use cohortium_protocol::text::shown;

use super::asked::CouldHave;
use super::report::{ReceiptReport, Violation};
use crate::text::wrapped;

impl Violation {
    /// What the hospital did not keep, in a sentence.
    pub fn words(&self) -> String {
        match self {
            Self::CountedAgainstWill { column, because } => {
                format!("{column} is YES in this epoch, and should be no: {because}.")
            }
            Self::Ignored { event, batch, cutoff } => format!(
                "IGNORED: event {event} stands in batch {batch}, this epoch includes all batches up to {cutoff}, and the hospital \
                 left it out."
            ),
            Self::HeldBack { event, taken } => format!(
                "HELD BACK: the hospital signed on {taken} that it took in event {event}, and it is in no batch of this epoch."
            ),
            Self::Replaced { number } => {
                format!("REPLACED: two different events with the number {number} stand on the ledger; you signed one.")
            }
        }
    }
}

impl fmt::Display for ReceiptReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { site, table, version, epoch, created, row, .. } = self;
        writeln!(f, "RECEIPT")?;
        writeln!(f, "\n{}, table {table}, version {version}: consent epoch {epoch} of {created}", shown(site))?;
        match &self.checkpoint {
            Some(seen) => {
                wrapped(f, "  ", 2, &format!("On the ledger, signed by the hospital, under a checkpoint of {seen}."))?;
            }
            None => wrapped(f, "  ", 2, "The one that your anchors name. No ledger stands behind it.")?,
        }
        let until = self.until.map_or_else(String::new, |until| format!("; queries may use it until {until}"));
        wrapped(f, "  ", 2, &format!("Row {row}, a data row, bears your tag{until}."))?;
        writeln!(f, "\nYOUR CHOICES IN THIS EPOCH")?;
        for flag in &self.flags {
            let is = if flag.consents { "yes" } else { "no" };
            let mark = match flag.expected {
                Some(expected) if expected != flag.consents && flag.consents => "SHOULD BE NO; ",
                Some(expected) if expected != flag.consents => "should be yes; ",
                _ => "",
            };
            wrapped(f, "  ", 4, &format!("{}: {is} ({mark}{})", flag.column, flag.because))?;
        }
        writeln!(f, "\nYOUR EVENTS, ALL THAT THE HOSPITAL SHOWS")?;
        if self.events.is_empty() {
            writeln!(f, "  none")?;
        }
        for held in &self.events {
            let batch = held.batch.map_or_else(String::new, |batch| format!(" [batch {batch}]"));
            wrapped(f, "  ", 4, &format!("{}{batch}", held.event))?;
        }
        if let Some(counted) = &self.counted {
            writeln!(f, "\nWERE YOU COUNTED?")?;
            let answer = if counted.counted { "YES, you were counted." } else { "No, you were not counted." };
            wrapped(f, "  ", 4, &format!("{}: {answer}", shown(&counted.title)))?;
        }
        if !self.violations.is_empty() {
            writeln!(f, "\nVIOLATIONS")?;
        }
        self.violations.iter().try_for_each(|violation| wrapped(f, "  - ", 4, &violation.words()))?;
        writeln!(f)?;
        let verdict = if !self.violations.is_empty() {
            "FAILS: the hospital did not heed your choices. Take the evidence to the ethics board."
        } else if !self.holds() {
            "FAILS: somewhere you said yes, and the epoch says no. Nobody counts you there against your will; ask the hospital."
        } else if !self.has_record() {
            "NOT COVERED: the row and its flags are shown, but there is no record of events to compare them with."
        } else {
            "HOLDS: your choices in this epoch are what your events say."
        };
        wrapped(f, "", 2, verdict)?;
        wrapped(
            f,
            "",
            2,
            "This file proves to anybody who has it that you are in this table, and what you chose. Keep it to yourself.",
        )
    }
}

impl fmt::Display for CouldHave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let could = match self.consenting {
            Some(true) => "could have counted you",
            Some(false) => "could not have counted you",
            None => "unknown",
        };
        let Self { title, study, sponsor, answered, epoch, consent, because, .. } = self;
        let text = format!(
            "{answered} {} ({}, study {}): asked for {consent}, epoch {epoch}: {could} ({because})",
            shown(title),
            shown(sponsor),
            shown(study)
        );
        wrapped(f, "  ", 4, &text)
    }
}
