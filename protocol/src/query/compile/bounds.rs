//! From bounds in display units to sets of stored values, and back to words.

use super::error::CompileError;
use crate::query::algebra::{Bound, Range};
use crate::table::decimal;
use crate::table::{ColumnSpec, Kind};

/// A range of stored values, ends included, never empty, inside the column's domain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Coded {
    pub(super) first: u16,
    pub(super) last: u16,
    /// Whether the query left the lower end open.
    pub(super) lo_open: bool,
    /// Whether the query left the upper end open.
    pub(super) hi_open: bool,
}

/// Refuses ranges on kinds that have none.
pub(super) fn need_order(at: &str, spec: &ColumnSpec) -> Result<(), CompileError> {
    let fits = match spec.kind() {
        Kind::Quantity { .. } | Kind::Date { .. } => return Ok(()),
        Kind::Flag => "test it with \"is\": true or false".to_owned(),
        Kind::Code { .. } => format!("choose from its labels with \"in\": {}", labels(spec)),
    };
    Err(wrong_kind(at, spec, fits))
}

pub(super) fn wrong_kind(at: &str, spec: &ColumnSpec, fits: impl Into<String>) -> CompileError {
    let (at, column) = (at.to_owned(), spec.name().to_owned());
    CompileError::WrongKind { at, column, kind: spec.kind().name(), fits: fits.into() }
}

/// The first labels of a code column.
pub(super) fn labels(spec: &ColumnSpec) -> String {
    const SHOWN: usize = 12;
    let mut labels: Vec<String> = spec.codes().iter().take(SHOWN).map(|entry| format!("{:?}", entry.label)).collect();
    if spec.codes().len() > SHOWN {
        labels.push(format!("and {} more", spec.codes().len() - SHOWN));
    }
    labels.join(", ")
}

/// The stored values in a range of a quantity or date.
pub(super) fn encode(at: &str, spec: &ColumnSpec, range: &Range) -> Result<Coded, CompileError> {
    need_order(at, spec)?;
    if range.lo.is_none() && range.hi.is_none() {
        return Err(CompileError::Open { at: at.to_owned() });
    }
    let lo = range.lo.as_ref().map(|bound| encode_bound(at, spec, bound, End::Lower)).transpose()?;
    let hi = range.hi.as_ref().map(|bound| encode_bound(at, spec, bound, End::Upper)).transpose()?;
    let first = lo.unwrap_or(*spec.domain().start());
    let last = hi.unwrap_or(*spec.domain().end());
    if first > last {
        let (at, found) = (at.to_owned(), range.to_string());
        // Rounded inwards, the ends of a range between two values cross by one.
        let crossed = match (&range.lo, &range.hi) {
            (Some(Bound::Number(lo)), Some(Bound::Number(hi))) => lo > hi,
            _ => true,
        };
        return Err(if crossed { CompileError::Inverted { at, found } } else { no_value(at, spec, found) });
    }
    Ok(Coded { first, last, lo_open: lo.is_none(), hi_open: hi.is_none() })
}

pub(super) fn no_value(at: String, spec: &ColumnSpec, found: String) -> CompileError {
    let step = match spec.kind() {
        Kind::Quantity { step, .. } => with_unit(spec, decimal::text(step)),
        _ => "1 day".to_owned(),
    };
    let first = spec.decode(*spec.domain().start());
    CompileError::NoValue { at, column: spec.name().to_owned(), found, step, first }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Lower,
    Upper,
}

/// The lowest or highest stored value within a bound.
pub(super) fn encode_bound(at: &str, spec: &ColumnSpec, bound: &Bound, end: End) -> Result<u16, CompileError> {
    let problem = |problem| CompileError::Bound { at: at.to_owned(), problem };
    if matches!(spec.kind(), Kind::Date { .. }) {
        return spec.encode_date(&bound.to_string()).map_err(problem);
    }
    let number = match bound {
        Bound::Number(number) => *number,
        Bound::Text(text) => decimal::parse(text).map_err(|problem| CompileError::NotANumber {
            at: at.to_owned(),
            column: spec.name().to_owned(),
            problem,
        })?,
    };
    match end {
        End::Lower => spec.encode_bound_up(number),
        End::Upper => spec.encode_bound_down(number),
    }
    .map_err(problem)
}

/// A range in words, by the values it really holds: "20 to 49", "at least 50".
pub(super) fn words(spec: &ColumnSpec, range: &Coded) -> String {
    let (first, last) = (spec.decode(range.first), spec.decode(range.last));
    match (range.lo_open, range.hi_open) {
        (true, false) => format!("at most {last}"),
        (false, true) => format!("at least {first}"),
        _ if first == last => first,
        _ => format!("{first} to {last}"),
    }
}

/// The same with the column's unit.
pub(super) fn words_with_unit(spec: &ColumnSpec, range: &Coded) -> String {
    with_unit(spec, words(spec, range))
}

fn with_unit(spec: &ColumnSpec, text: String) -> String {
    match spec.unit() {
        Some(unit) if !unit.is_empty() => format!("{text} {unit}"),
        _ => text,
    }
}
