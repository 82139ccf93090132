//! From a query to its plan.
//!
//! # Missing values and negation
//!
//! Negations are pushed down to the tests (De Morgan), and a negated test becomes a test of its own: of
//! the column's *other valid values*. So a test and its negation are both 0 where the value is missing (or
//! outside the schema's domain), and only `present` and `missing` look at missing values. A negated flag
//! needs no table: flags are never missing, and the truth table reads the same bit the other way round.
//!
//! # Few lookups
//!
//! Tests of one column with the same set of values share one lookup, however they were written: the
//! negation of "at least 50" is "at most 49", and an implied condition may be one that was asked for.
//!
//! # Order
//!
//! Conditions stand in the key in one order: consent; the groupings' implied conditions; the measures';
//! then what was asked for, in the order of the query's text.

mod axis;
mod bounds;
mod builder;
mod error;
mod measure;
mod near;
#[cfg(test)]
mod refusals;
mod select;
#[cfg(test)]
mod tests;

use builder::Builder;
pub use error::CompileError;

use super::MAX_AXES;
use super::algebra::Query;
use super::column::{ColumnId, Linear};
use super::plan::{Plan, Role};
use super::table::Lookup;
use crate::shape::Shape;
use crate::table::{ConsentColumn, Schema, SponsorClass};

/// Compiles a query for a schema, a consent column and a shape. The same input always gives the same plan,
/// and every plan that comes out passes [`Plan::check`].
///
/// The consent column is the caller's, from the approval; a query that asks under another one is refused.
pub fn compile(query: &Query, schema: &Schema, consent: &ConsentColumn, shape: &Shape) -> Result<Plan, CompileError> {
    if query.table != schema.table() {
        return Err(CompileError::Table { found: query.table.clone(), schema: schema.table().to_owned() });
    }
    if query.consent != *consent {
        let (found, expected) = (Box::new(query.consent.clone()), Box::new(consent.clone()));
        return Err(CompileError::Consent { found, expected });
    }
    if query.group_by.len() > MAX_AXES {
        return Err(CompileError::TooManyAxes { found: query.group_by.len() });
    }
    let mut builder = Builder::new(schema, shape);
    let sponsor = match consent.sponsor() {
        SponsorClass::Academic => "an academic sponsor",
        SponsorClass::Commercial => "a commercial sponsor",
    };
    let consent_text = match consent.institution() {
        None => format!("consent for {} by {sponsor} is active", consent.purpose()),
        Some(name) => format!("consent for {} by {sponsor}, at least by {name}, is active", consent.purpose()),
    };
    builder.flag(ColumnId::epoch(consent.to_string()), Role::Consent, consent_text)?;

    let mut axes = Vec::new();
    let mut bins = Vec::new();
    for (index, group) in query.group_by.iter().enumerate() {
        if query.group_by[..index].iter().any(|before| before.column == group.column) {
            return Err(CompileError::AxisTwice { column: group.column.clone() });
        }
        let (axis, table) = axis::compile(&mut builder, index, group)?;
        if let Some(table) = table {
            let input = Linear::column(ColumnId::manifest(&*group.column));
            bins.push(Lookup { input, output: axis.column.clone(), table });
            builder.bins += 1;
        }
        axes.push(axis);
    }
    let measures = measure::compile(&mut builder, &query.measures)?;
    let logic = query.selection.as_ref().map(|part| select::compile(&mut builder, part)).transpose()?;

    let groups = axes.iter().fold(1usize, |product, axis| product.saturating_mul(axis.size()));
    let limit = shape.groups.min(shape.values());
    if groups > limit {
        let sizes =
            axes.iter().map(|axis| format!("{} {}", axis.name, axis.size())).collect::<Vec<_>>().join(" times ");
        return Err(CompileError::TooManyGroups { found: groups, sizes, limit, shape: shape.to_string() });
    }
    builder.check_lookups()?;
    let phi = select::truth_table(&builder.conditions, logic.as_ref());
    if phi.segments().is_empty() {
        return Err(CompileError::NothingSelected);
    }

    let Builder { tests, conditions, flags, .. } = builder;
    let mut plan = Plan {
        title: query.title.clone(),
        table: query.table.clone(),
        schema: schema.digest(),
        query: query.digest(),
        counted: logic.as_ref().map_or_else(|| "everybody".to_owned(), select::Logic::text),
        lookups: tests,
        conditions,
        axes,
        y: measures.y,
        z: measures.z,
        asked: measures.asked,
        flags,
    };
    let input = plan.selection_key();
    plan.lookups.push(Lookup { input, output: ColumnId::selection(), table: phi });
    plan.lookups.extend(bins);
    plan.check(shape)?;
    Ok(plan)
}
