//! From the texts of one record to one stored value.

use serde::{Deserialize, Serialize};

use super::MISSING;
use super::day::{Day, DayError};
use super::decimal::{self, Decimal, Rounding};
use super::mapping::Rule;
use super::schema::{BoundError, ColumnSpec, Kind};

/// How the texts of a site's file are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) missing: Vec<String>,
    pub(super) no: Vec<String>,
    pub(super) yes: Vec<String>,
    pub(super) decimal_comma: bool,
}

/// The sort of a rejection, for machines; the reason beside it is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// No value where the schema requires one.
    Missing,
    /// A value that can be read, beyond what the schema or the mapping allows.
    OutsideDomain,
    /// A text that is no number, date, flag or known label.
    Unreadable,
    /// A row without a patient identifier.
    NoPatient,
    /// A patient with several rows.
    DuplicatePatient,
}

/// Why a cell is refused. The reason may repeat the cell's text: it is for the hospital's own report.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Which of the rule's inputs is to blame.
    pub(super) input: usize,
    pub(super) fault: Fault,
    pub(super) reason: String,
}

/// A cell's fault and the sentence that says so.
pub(super) struct CellFault {
    pub(super) fault: Fault,
    pub(super) reason: String,
}

fn unreadable(reason: String) -> CellFault {
    CellFault { fault: Fault::Unreadable, reason }
}

fn outside(reason: String) -> CellFault {
    CellFault { fault: Fault::OutsideDomain, reason }
}

impl Reading {
    /// The text without the spaces around it; `None` if it means missing, as an empty cell always does.
    pub(super) fn present<'a>(&self, text: &'a str) -> Option<&'a str> {
        let text = text.trim();
        if text.is_empty() || self.missing.iter().any(|missing| missing == text) { None } else { Some(text) }
    }

    fn flag(&self, text: &str) -> Result<Option<bool>, CellFault> {
        let Some(text) = self.present(text) else { return Ok(None) };
        if self.yes.iter().any(|yes| yes == text) {
            return Ok(Some(true));
        }
        if self.no.iter().any(|no| no == text) {
            return Ok(Some(false));
        }
        let texts = [&self.no, &self.yes].map(|texts| texts.join(" or "));
        Err(unreadable(format!("{text:?} is not a flag: no is {}, yes is {}", texts[0], texts[1])))
    }

    fn number(&self, text: &str) -> Result<Option<Decimal>, CellFault> {
        let Some(text) = self.present(text) else { return Ok(None) };
        let parsed = if !self.decimal_comma {
            decimal::parse(text)
        } else if text.contains('.') {
            return Err(unreadable(format!("{text:?} has a point, but the mapping's decimal mark is a comma")));
        } else {
            decimal::parse(&text.replacen(',', ".", 1))
        };
        parsed.map(Some).map_err(|error| unreadable(error.to_string()))
    }

    fn day(&self, text: &str) -> Result<Option<Day>, CellFault> {
        let Some(text) = self.present(text) else { return Ok(None) };
        text.parse().map(Some).map_err(|error: DayError| match error {
            DayError::Form { .. } => unreadable(error.to_string()),
            DayError::Range { .. } => outside(error.to_string()),
        })
    }
}

fn encode_number(spec: &ColumnSpec, x: Decimal) -> Result<u16, CellFault> {
    spec.encode_quantity(x, Rounding::HalfAwayFromZero).map_err(|error| match error {
        BoundError::Outside { .. } => outside(error.to_string()),
        _ => unreadable(error.to_string()),
    })
}

fn encode_day(spec: &ColumnSpec, day: Day) -> Result<u16, CellFault> {
    if spec.domain().contains(&day.days()) {
        return Ok(day.days());
    }
    let [min, max] = [spec.domain().start(), spec.domain().end()].map(|stored| spec.decode(*stored));
    Err(outside(format!("{day} lies outside column {:?}, which is defined from {min} to {max}", spec.name())))
}

/// A cell read as the column's own kind of value; `None` if it is missing.
pub(super) fn read_plain(spec: &ColumnSpec, reading: &Reading, text: &str) -> Result<Option<u16>, CellFault> {
    match spec.kind() {
        Kind::Flag => Ok(reading.flag(text)?.map(u16::from)),
        Kind::Code { codes, .. } => match reading.present(text) {
            None => Ok(None),
            Some(text) => match codes.iter().find(|entry| entry.label == text) {
                Some(entry) => Ok(Some(entry.code)),
                None => Err(unreadable(format!("{text:?} is none of the labels of column {:?}", spec.name()))),
            },
        },
        Kind::Quantity { .. } => reading.number(text)?.map(|x| encode_number(spec, x)).transpose(),
        Kind::Date { .. } => reading.day(text)?.map(|day| encode_day(spec, day)).transpose(),
    }
}

/// Applies a rule to its input cells. The result is a value that the column holds.
pub(super) fn apply(rule: &Rule, spec: &ColumnSpec, reading: &Reading, cells: &[&str]) -> Result<u16, Refusal> {
    let at = |input: usize| move |CellFault { fault, reason }| Refusal { input, fault, reason };
    let cell = |input: usize| cells.get(input).copied().unwrap_or_default();
    let (value, blamed) = match rule {
        Rule::Direct { .. } => (read_plain(spec, reading, cell(0)).map_err(at(0))?, 0),
        Rule::Values { codes, .. } => (look_up(codes, reading, cell(0)).map_err(at(0))?, 0),
        Rule::Classes { at_least, classes, .. } => {
            let number = reading.number(cell(0)).map_err(at(0))?;
            (number.map(|x| class_of(x, *at_least, classes)).transpose().map_err(at(0))?, 0)
        }
        Rule::Either { of, no, yes } => {
            let mut any = false;
            let mut missing = None;
            for input in 0..of.len() {
                match reading.flag(cell(input)).map_err(at(input))? {
                    Some(flag) => any |= flag,
                    None => missing = missing.or(Some(input)),
                }
            }
            match (any, missing) {
                (true, _) => (Some(*yes), 0),
                (false, Some(input)) => (None, input),
                (false, None) => (Some(*no), 0),
            }
        }
        Rule::Earliest { of, ignore_missing } => earliest(spec, reading, of.len(), &cell, *ignore_missing)?,
        Rule::Choose { .. } => match reading.flag(cell(0)).map_err(at(0))? {
            None => (None, 0),
            Some(flag) => {
                let input = if flag { 1 } else { 2 };
                (read_plain(spec, reading, cell(input)).map_err(at(input))?, input)
            }
        },
        Rule::Constant { stored } => (Some(*stored), 0),
    };
    match value {
        Some(stored) => Ok(stored),
        None if spec.may_be_missing() => Ok(MISSING),
        None => Err(Refusal {
            input: blamed,
            fault: Fault::Missing,
            reason: format!("no value, and the schema requires one in column {:?}", spec.name()),
        }),
    }
}

fn look_up(
    codes: &std::collections::BTreeMap<String, u16>,
    reading: &Reading,
    text: &str,
) -> Result<Option<u16>, CellFault> {
    let Some(text) = reading.present(text) else { return Ok(None) };
    match codes.get(text) {
        Some(stored) => Ok(Some(*stored)),
        None => Err(unreadable(format!("{text:?} is none of the values that the mapping lists"))),
    }
}

fn class_of(x: Decimal, at_least: Option<Decimal>, classes: &[(Option<Decimal>, u16)]) -> Result<u16, CellFault> {
    if let Some(least) = at_least.filter(|least| x < *least) {
        return Err(outside(format!(
            "{} is below {}, the lowest value classed",
            decimal::text(&x),
            decimal::text(&least)
        )));
    }
    match classes.iter().find(|(up_to, _)| up_to.is_none_or(|bound| x <= bound)) {
        Some((_, stored)) => Ok(*stored),
        None => Err(outside(format!("{} is above the last class", decimal::text(&x)))),
    }
}

/// The lowest of the cells, compared before coding: a higher one may lie outside the domain.
fn earliest<'a>(
    spec: &ColumnSpec,
    reading: &Reading,
    inputs: usize,
    cell: &impl Fn(usize) -> &'a str,
    ignore_missing: bool,
) -> Result<(Option<u16>, usize), Refusal> {
    let at = |input: usize| move |CellFault { fault, reason }| Refusal { input, fault, reason };
    let mut numbers: Option<(Decimal, usize)> = None;
    let mut days: Option<(Day, usize)> = None;
    let mut missing = None;
    for input in 0..inputs {
        let found = if matches!(spec.kind(), Kind::Date { .. }) {
            let day = reading.day(cell(input)).map_err(at(input))?;
            days = day.map(|day| (day, input)).into_iter().chain(days).min();
            day.is_some()
        } else {
            let number = reading.number(cell(input)).map_err(at(input))?;
            numbers = number.map(|x| (x, input)).into_iter().chain(numbers).min();
            number.is_some()
        };
        if !found {
            missing = missing.or(Some(input));
        }
    }
    match missing {
        Some(input) if !ignore_missing => return Ok((None, input)),
        _ => {}
    }
    match (numbers, days) {
        (Some((x, input)), _) => Ok((Some(encode_number(spec, x).map_err(at(input))?), input)),
        (_, Some((day, input))) => Ok((Some(encode_day(spec, day).map_err(at(input))?), input)),
        (None, None) => Ok((None, 0)),
    }
}
