//! The plain evaluation of a query: row by row over decoded values, with nothing of the plan in it.
//!
//! What the proof is measured against. It reads the query's own words: bounds as decimals, negation as the
//! pair "holds / fails", of which a missing value is neither. No coding of bounds, no tables, no keys.

use super::algebra::{Bins, Bound, Expr, GroupBy, Member, Missing, Query, Range, Test};
use super::columns::{Aggregates, Inputs};
use crate::table::decimal::{self, Decimal};
use crate::table::{ColumnSpec, Day, Kind, MISSING, Schema};

/// Why a query cannot be evaluated; [`super::compile`] says the same in more detail.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the query cannot be evaluated: {what}")]
pub struct EvaluateError {
    what: String,
}

fn refuse<T>(what: impl Into<String>) -> Result<T, EvaluateError> {
    Err(EvaluateError { what: what.into() })
}

/// Evaluates a query over a table: the exact aggregates of every group.
pub fn evaluate(query: &Query, schema: &Schema, inputs: &Inputs<'_>) -> Result<Aggregates, EvaluateError> {
    let Some(consents) = inputs.column(&super::ColumnId::epoch(query.consent.to_string())) else {
        return refuse(format!("there are no consent flags for {}", query.consent));
    };
    let table = Rows { schema, inputs };
    let axes = query.group_by.iter().map(|group| AxisRule::new(&table, group)).collect::<Result<Vec<_>, _>>()?;
    let measures = &query.measures;
    let factors = measures.sum_of_products.as_ref();
    let y = measures.sum.as_ref().or(measures.sum_of_squares.as_ref()).or(factors.map(|pair| &pair[0]));
    let z = factors.and_then(|pair| pair.iter().find(|name| Some(*name) != y));
    let mut sums = Aggregates::empty(axes.iter().map(|axis| axis.groups.len()).product());
    for row in 0..inputs.rows() {
        let selected = match &query.selection {
            Some(part) => truth(part, &table, row)?.holds,
            None => true,
        };
        if consents[row] != 1 || !selected {
            continue;
        }
        let (mut group, mut stride, mut grouped) = (0, 1, true);
        for axis in &axes {
            match axis.group_of(table.value(axis.spec, row)?) {
                Some(number) => group += stride * number,
                None => grouped = false,
            }
            stride *= axis.groups.len();
        }
        let y = measured(query, &table, y, row)?;
        let z = measured(query, &table, z, row)?;
        if let (true, Some(y), Some(z)) = (grouped, y, z) {
            sums.add(group, y, z);
        }
    }
    Ok(sums)
}

/// The coded value of a measure within its bounds; 0 without a measure, nothing if the row must not count.
fn measured(query: &Query, table: &Rows<'_>, name: Option<&String>, row: usize) -> Result<Option<u64>, EvaluateError> {
    let Some(name) = name else {
        return Ok(Some(0));
    };
    let spec = table.column(name)?;
    let Value::Number(number) = table.value(spec, row)? else {
        return Ok(None);
    };
    let within = match query.measures.bounds.get(name) {
        Some(bounds) => contains(spec, bounds, number)?,
        None => true,
    };
    Ok(within.then(|| u64::from(table.stored(spec, row))))
}

/// Whether a part of a selection holds, and whether its negation does. Of a missing value, neither.
#[derive(Clone, Copy)]
struct Truth {
    holds: bool,
    fails: bool,
}

fn truth(part: &Expr, table: &Rows<'_>, row: usize) -> Result<Truth, EvaluateError> {
    let all = |parts: &[Expr]| parts.iter().map(|part| truth(part, table, row)).collect::<Result<Vec<_>, _>>();
    Ok(match part {
        Expr::All(parts) => {
            let parts = all(parts)?;
            Truth { holds: parts.iter().all(|part| part.holds), fails: parts.iter().any(|part| part.fails) }
        }
        Expr::Any(parts) => {
            let parts = all(parts)?;
            Truth { holds: parts.iter().any(|part| part.holds), fails: parts.iter().all(|part| part.fails) }
        }
        Expr::Not(part) => {
            let Truth { holds, fails } = truth(part, table, row)?;
            Truth { holds: fails, fails: holds }
        }
        Expr::Test { column, test } => {
            let spec = table.column(column)?;
            let value = table.value(spec, row)?;
            let answer = match (test, value) {
                (Test::Present(present), value) => Some((value != Value::Missing) == *present),
                (_, Value::Missing) => None,
                (Test::Between(range), Value::Number(number)) => Some(contains(spec, range, number)?),
                (Test::Ranges(ranges), Value::Number(number)) => {
                    let inside = ranges.iter().map(|range| contains(spec, range, number));
                    Some(inside.collect::<Result<Vec<_>, _>>()?.contains(&true))
                }
                (Test::In(members), Value::Code(code)) => Some(members.iter().any(|member| match member {
                    Member::Code(known) => *known == code,
                    Member::Label(label) => spec.decode(code) == *label,
                })),
                (Test::Is(is), Value::Flag(flag)) => Some(flag == *is),
                _ => return refuse(format!("column {column:?} does not take this test")),
            };
            Truth { holds: answer == Some(true), fails: answer == Some(false) }
        }
    })
}

/// A decoded value. A day is its number, so that days and quantities are compared alike.
#[derive(Clone, Copy, PartialEq)]
enum Value {
    Missing,
    Flag(bool),
    Code(u16),
    Number(Decimal),
}

struct Rows<'a> {
    schema: &'a Schema,
    inputs: &'a Inputs<'a>,
}

impl<'a> Rows<'a> {
    fn column(&self, name: &str) -> Result<&'a ColumnSpec, EvaluateError> {
        self.schema.column(name).map_or_else(|| refuse(format!("there is no column {name:?}")), Ok)
    }

    fn stored(&self, spec: &ColumnSpec, row: usize) -> u16 {
        let column = self.inputs.column(&super::ColumnId::manifest(spec.name()));
        column.map_or(MISSING, |values| values[row])
    }

    fn value(&self, spec: &ColumnSpec, row: usize) -> Result<Value, EvaluateError> {
        let stored = self.stored(spec, row);
        Ok(match spec.kind() {
            Kind::Flag => Value::Flag(stored == 1),
            _ if stored == MISSING => Value::Missing,
            Kind::Code { .. } => Value::Code(stored),
            Kind::Quantity { offset, step, .. } => Value::Number(*offset + Decimal::from(stored) * *step),
            Kind::Date { .. } => Value::Number(stored.into()),
        })
    }
}

/// A bound as a number: of a date, its day's.
fn number(spec: &ColumnSpec, bound: &Bound) -> Result<Decimal, EvaluateError> {
    let read = match (spec.kind(), bound) {
        (Kind::Date { .. }, bound) => bound.to_string().parse::<Day>().ok().map(|day| day.days().into()),
        (_, Bound::Number(number)) => Some(*number),
        (_, Bound::Text(text)) => decimal::parse(text).ok(),
    };
    read.map_or_else(|| refuse(format!("{bound} is no bound of column {:?}", spec.name())), Ok)
}

fn contains(spec: &ColumnSpec, range: &Range, value: Decimal) -> Result<bool, EvaluateError> {
    let above = range.lo.as_ref().map(|lo| number(spec, lo)).transpose()?.is_none_or(|lo| lo <= value);
    let below = range.hi.as_ref().map(|hi| number(spec, hi)).transpose()?.is_none_or(|hi| value <= hi);
    Ok(above && below)
}

/// One group of an axis, as a rule for values.
enum Rule {
    Flag(bool),
    Code(u16),
    /// From the first to the second; the second is included if the third says so; open if it is absent.
    Interval(Option<Decimal>, Option<Decimal>, bool),
    Missing,
}

struct AxisRule<'a> {
    spec: &'a ColumnSpec,
    groups: Vec<Rule>,
}

impl<'a> AxisRule<'a> {
    fn new(table: &Rows<'a>, group: &GroupBy) -> Result<Self, EvaluateError> {
        let spec = table.column(&group.column)?;
        let mut groups: Vec<Rule> = match (spec.kind(), &group.bins) {
            (Kind::Flag, None) => vec![Rule::Flag(false), Rule::Flag(true)],
            (Kind::Code { codes, .. }, None) => codes.iter().map(|entry| Rule::Code(entry.code)).collect(),
            (_, Some(Bins::Ranges(ranges))) => {
                let end = |bound: &Option<Bound>| bound.as_ref().map(|bound| number(spec, bound)).transpose();
                let rules = ranges.iter().map(|range| Ok(Rule::Interval(end(&range.lo)?, end(&range.hi)?, true)));
                rules.collect::<Result<_, _>>()?
            }
            (_, Some(Bins::Steps { from, width, count, beyond })) => {
                let from = number(spec, from)?;
                let edge = |i: u32| width.checked_mul(i.into()).and_then(|distance| from.checked_add(distance));
                let mut rules: Vec<Rule> = (0..*count).map(|i| Rule::Interval(edge(i), edge(i + 1), false)).collect();
                if *beyond {
                    rules.push(Rule::Interval(edge(*count), None, false));
                }
                rules
            }
            (_, None) => return refuse(format!("column {:?} needs bins", group.column)),
        };
        if group.missing == Missing::OwnBin {
            groups.push(Rule::Missing);
        }
        Ok(Self { spec, groups })
    }

    fn group_of(&self, value: Value) -> Option<usize> {
        self.groups.iter().position(|rule| match (rule, value) {
            (Rule::Flag(flag), Value::Flag(found)) => *flag == found,
            (Rule::Code(code), Value::Code(found)) => *code == found,
            (Rule::Missing, Value::Missing) => true,
            (Rule::Interval(lo, hi, closed), Value::Number(found)) => {
                lo.is_none_or(|lo| lo <= found) && hi.is_none_or(|hi| found < hi || (*closed && found == hi))
            }
            _ => false,
        })
    }
}
