//! Restrained sums: rounded so coarsely that a group's sum tells no small count.
//!
//! An exact sum can be a count in disguise: with a measure limited to `[v, v+1]`, `s - v n` counts the rows
//! with the higher value, however small that count. So a sum that no board has looked at is released only
//! if its measure starts at the coded value 0 and the plan does nothing else with the same measurement, and
//! then only as a multiple of twice the smallest cell's largest possible contribution, and only where neither the
//! rows above 0 nor the rows below the highest value may be few (ADR 0018).

use super::document::PolicyError;
use super::release::{SUM_NAMES, SumParams};
use crate::query::{ColumnId, Measure, Plan, Role, Source};
use crate::table::{ColumnSpec, Kind, Schema};

/// The sum parameters of a plan whose sums are restrained: a base of `2 k` times one row's largest
/// contribution in coded units, and suppression of what is nearer than `k` times that contribution to 0 or to the
/// most that the group could add up to.
///
/// Refused unless the measure is a quantity with the coded lower bound 0, summed over all of its schema's
/// domain, and the plan does not test or group another column of the same source. Sums of squares and of products
/// have no restrained form: not every value between their ends is reached by the same number of rows, so a coarse
/// multiple can still name how many there are of a value (ADR 0018).
pub fn restrained_sums(plan: &Plan, schema: &Schema, k: u32) -> Result<[SumParams; 3], PolicyError> {
    let asked = plan.asked.as_array();
    if let Some(i) = (1..asked.len()).find(|i| asked[*i]) {
        return Err(PolicyError::NoRestrainedForm { what: SUM_NAMES[i], plan: plan.digest() });
    }
    let mut sums = [SumParams::OFF; 3];
    if let (true, Some(measure)) = (asked[0], &plan.y) {
        may_be_restrained(plan, schema, measure).map_err(|reason| PolicyError::Restrained {
            measure: measure.column.name.clone(),
            reason,
            plan: plan.digest(),
        })?;
        // At least 1: a measure that is always 0 still gets a base.
        sums[0] = SumParams::restrained(k, u64::from(measure.hi.max(1)));
    }
    Ok(sums)
}

fn may_be_restrained(plan: &Plan, schema: &Schema, measure: &Measure) -> Result<(), String> {
    let name = &measure.column.name;
    let spec = schema.column(name).ok_or_else(|| format!("the schema has no column {name}"))?;
    if !matches!(spec.kind(), Kind::Quantity { .. }) {
        return Err(format!("{name} is a {}, not a quantity", spec.kind().name()));
    }
    let (lowest, highest) = (*spec.domain().start(), *spec.domain().end());
    if lowest != 0 {
        return Err(format!(
            "{name} starts at {}, coded {lowest}, so that its sums would tell counts; a quantity coded from 0 would do",
            spec.decode(lowest)
        ));
    }
    if (measure.lo, measure.hi) != (lowest, highest) {
        return Err(format!(
            "{name} is narrowed to {} to {} of its {} to {}; leave its bounds out",
            spec.decode(measure.lo),
            spec.decode(measure.hi),
            spec.decode(lowest),
            spec.decode(highest)
        ));
    }
    let same_source = |column: &ColumnId| -> Option<&ColumnSpec> {
        let other = (column.source == Source::Manifest).then(|| schema.column(&column.name))??;
        (other.source() == spec.source()).then_some(other)
    };
    let clash = |other: &ColumnSpec, does: &str| {
        let derived = if other.name() == spec.name() {
            String::new()
        } else {
            format!(", which comes from the same measurement ({})", spec.source())
        };
        format!("it also {does} {}{derived}", other.name())
    };
    for lookup in &plan.lookups {
        // The measure's own implied condition lets all of its domain pass: it tests nothing but presence.
        let is_own_bounds = lookup.input.columns().all(|column| *column == measure.column)
            && lookup.table.segments() == [(lowest, highest, 1).into()]
            && plan.conditions.iter().any(|c| c.column == lookup.output && c.role == Role::Implied)
            // A bins table of the same values would be a grouping, not a test.
            && !plan.axes.iter().any(|axis| axis.column == lookup.output);
        if let (false, Some(other)) = (is_own_bounds, lookup.input.columns().find_map(same_source)) {
            let groups = plan.axes.iter().any(|axis| axis.column == lookup.output);
            return Err(clash(other, if groups { "groups by" } else { "tests" }));
        }
    }
    // Flags need no lookup.
    for condition in &plan.conditions {
        if let Some(other) = same_source(&condition.column) {
            return Err(clash(other, "tests"));
        }
    }
    for axis in &plan.axes {
        if let Some(other) = same_source(&axis.column) {
            return Err(clash(other, "groups by"));
        }
    }
    Ok(())
}
