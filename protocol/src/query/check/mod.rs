//! What holds of every plan that may be proved or believed.
//!
//! A verifier compiles the query itself and compares digests; these checks do not rely on that. They are
//! the conditions under which the argument's statement means what it says, whoever made the plan.

mod error;
#[cfg(test)]
mod tests;

pub use error::PlanError;

use super::column::{ColumnId, Linear, Source};
use super::plan::{Axis, Measure, Plan, Role};
use super::table::Lookup;
use super::{MAX_AXES, MAX_CONDITIONS};
use crate::shape::{Proves, Shape};
use crate::table::MISSING;

impl Plan {
    /// Everything that must hold of a plan before it is proved or believed.
    ///
    /// Table images within their range; every column in a key a table's output or a zero-checked flag;
    /// nothing selected where consent or an implied condition is 0, over all keys; bins and measures
    /// guarded by implied conditions; sizes within the shape; no tags; nothing superfluous.
    pub fn check(&self, shape: &Shape) -> Result<(), PlanError> {
        self.check_sizes(shape)?;
        self.check_flags()?;
        let (tests, bins) = self.check_lookups()?;
        self.check_conditions(tests)?;
        self.check_offer(shape)?;
        self.check_selection()?;
        self.check_axes(tests, bins)?;
        self.check_measures(tests, shape)
    }

    fn check_sizes(&self, shape: &Shape) -> Result<(), PlanError> {
        let (found, limit) = (self.lookups.len(), shape.max_lookups());
        if found > limit {
            return Err(PlanError::TooManyLookups { found, limit, shape: shape.to_string() });
        }
        let (found, limit) = (self.conditions.len(), MAX_CONDITIONS.min(shape.value_bits));
        if found == 0 || found > limit {
            return Err(PlanError::ConditionCount { found, limit });
        }
        if self.axes.len() > MAX_AXES {
            return Err(PlanError::TooManyAxes { found: self.axes.len() });
        }
        if let Some(axis) = self.axes.iter().find(|axis| axis.groups.is_empty()) {
            return Err(PlanError::EmptyAxis { axis: axis.name.clone() });
        }
        let found = self.axes.iter().fold(1usize, |product, axis| product.saturating_mul(axis.size()));
        // Group numbers are field elements below 2^w as well, so that no key wraps.
        let limit = shape.groups.min(shape.values());
        if found > limit {
            return Err(PlanError::TooManyGroups { found, limit, shape: shape.to_string() });
        }
        Ok(())
    }

    fn check_flags(&self) -> Result<(), PlanError> {
        for (index, flag) in self.flags.iter().enumerate() {
            refuse_tag(flag)?;
            if self.flags[..index].contains(flag) {
                return Err(PlanError::Twice { column: flag.to_string(), place: "flags" });
            }
            let is_condition = self.conditions.iter().any(|condition| condition.column == *flag);
            let is_axis = flag.source == Source::Manifest && self.axes.iter().any(|axis| axis.column == *flag);
            let is_query_time = flag.source == Source::Query && *flag != ColumnId::offered();
            if is_query_time || !(is_condition || is_axis) {
                return Err(PlanError::Unused { column: flag.to_string() });
            }
        }
        Ok(())
    }

    /// The lookups stand in their one order, and read and write what they should. Returns tests and bins.
    fn check_lookups(&self) -> Result<(&[Lookup], &[Lookup]), PlanError> {
        let selection = ColumnId::selection();
        let place = self
            .lookups
            .iter()
            .position(|lookup| lookup.output == selection)
            .ok_or_else(|| PlanError::LookupMissing { expected: selection.to_string() })?;
        let (tests, rest) = self.lookups.split_at(place);
        let bins = &rest[1..];
        let binned = (0..self.axes.len()).filter(|&k| self.axes[k].column.source == Source::Query);
        let expected_bins: Vec<ColumnId> = binned.map(ColumnId::bin).collect();
        let expected = (0..place).map(ColumnId::test).chain([selection]).chain(expected_bins);
        let mut outputs = self.lookups.iter();
        for (index, expected) in expected.enumerate() {
            match outputs.next() {
                Some(lookup) if lookup.output == expected => {}
                Some(lookup) => {
                    let found = lookup.output.to_string();
                    return Err(PlanError::LookupOrder { index, found, expected: expected.to_string() });
                }
                None => return Err(PlanError::LookupMissing { expected: expected.to_string() }),
            }
        }
        if let Some(lookup) = outputs.next() {
            return Err(PlanError::Unused { column: lookup.output.to_string() });
        }
        for lookup in tests.iter().chain(bins) {
            match lookup.input.0.as_slice() {
                [(1, column)] if column.source == Source::Manifest => refuse_tag(column)?,
                _ => {
                    let (output, found) = (lookup.output.to_string(), lookup.input.to_string());
                    return Err(PlanError::LookupInput { output, found });
                }
            }
        }
        for lookup in &self.lookups[..=place] {
            check_image(lookup, 1)?;
        }
        Ok((tests, bins))
    }

    fn check_conditions(&self, tests: &[Lookup]) -> Result<(), PlanError> {
        for (index, condition) in self.conditions.iter().enumerate() {
            let column = &condition.column;
            refuse_tag(column)?;
            if self.conditions[..index].iter().any(|before| before.column == *column) {
                return Err(PlanError::Twice { column: column.to_string(), place: "conditions" });
            }
            if !self.flags.contains(column) && !tests.iter().any(|test| test.output == *column) {
                return Err(PlanError::Unchecked { column: column.to_string(), used: "the selection".into() });
            }
            let is_consent = condition.role == Role::Consent;
            // A consent flag under another role would be under the expression's control.
            if is_consent != (index == 0) || is_consent != (column.source == Source::Epoch) {
                return Err(PlanError::Consent { found: format!("{column} as condition {index}") });
            }
        }
        match tests.iter().find(|test| !self.conditions.iter().any(|condition| condition.column == test.output)) {
            Some(test) => Err(PlanError::Unused { column: test.output.to_string() }),
            None => Ok(()),
        }
    }

    /// The offer is the last condition of every plan of one patient, and of no other plan; beside it nothing is grouped or
    /// summed, since what is summed is the patient's tag.
    fn check_offer(&self, shape: &Shape) -> Result<(), PlanError> {
        let refuse = |reason| Err(PlanError::Offer { shape: shape.to_string(), reason });
        let wanted = shape.proves == Proves::Eligibility;
        for (place, condition) in self.conditions.iter().enumerate() {
            let is_offer = condition.role == Role::Offered;
            if is_offer != (condition.column == ColumnId::offered()) {
                return refuse("the condition of the offer is the column of the offered patient, and no other is");
            }
            if is_offer && !wanted {
                return refuse("nobody is offered");
            }
            if wanted && is_offer != (place + 1 == self.conditions.len()) {
                return refuse("the last condition is the offer's, and no other is");
            }
        }
        if wanted && !(self.axes.is_empty() && self.y.is_none() && self.z.is_none()) {
            return refuse("nothing is grouped or summed");
        }
        Ok(())
    }

    fn check_selection(&self) -> Result<(), PlanError> {
        let expected = self.selection_key();
        let selection =
            self.selection().ok_or_else(|| PlanError::LookupMissing { expected: ColumnId::selection().to_string() })?;
        if selection.input != expected {
            let (found, expected) = (selection.input.to_string(), expected.to_string());
            return Err(PlanError::SelectionInput { found, expected });
        }
        let keys = 1u32 << self.conditions.len();
        if let Some(beyond) = selection.table.segments().iter().find(|segment| u32::from(segment.last) >= keys) {
            let conditions = self.conditions.len();
            return Err(PlanError::SelectionBeyond { found: beyond.last, conditions, limit: keys - 1 });
        }
        let required: Vec<(u32, &str)> = self
            .conditions
            .iter()
            .enumerate()
            .filter(|(_, condition)| condition.role.is_required())
            .map(|(bit, condition)| (1 << bit, condition.text.as_str()))
            .collect();
        for (key, selected) in (0u32..).zip(selection.table.expand(keys as usize)) {
            let missing = required.iter().find(|(mask, _)| key & mask == 0);
            if let (true, Some((_, text))) = (selected != 0, missing) {
                return Err(PlanError::Unguarded { condition: (*text).to_owned(), key });
            }
        }
        Ok(())
    }

    fn check_axes(&self, tests: &[Lookup], bins: &[Lookup]) -> Result<(), PlanError> {
        for (index, axis) in self.axes.iter().enumerate() {
            let Axis { column, name, .. } = axis;
            if self.axes[..index].iter().any(|before| before.column == *column) {
                return Err(PlanError::Twice { column: column.to_string(), place: "grouping columns" });
            }
            if column.source == Source::Epoch {
                return Err(PlanError::Consent { found: format!("{column} as a grouping") });
            }
            let Some(lookup) = bins.iter().find(|lookup| lookup.output == *column) else {
                if !self.flags.contains(column) {
                    return Err(PlanError::Unchecked {
                        column: column.to_string(),
                        used: format!("grouping by {name}"),
                    });
                }
                if axis.size() != 2 {
                    return Err(PlanError::FlagGroups { axis: name.clone(), found: axis.size() });
                }
                continue;
            };
            check_image(lookup, (axis.size() - 1) as u16)?;
            // Which values bin 0 holds and which ones no bin holds is not in the bins table: the implied
            // condition tells them apart. It must at least exist, and cover all other bins.
            let guarded = self.implied_tests(tests).any(|test| {
                test.input == lookup.input
                    && lookup
                        .table
                        .segments()
                        .iter()
                        .all(|segment| (segment.first..=segment.last).all(|value| test.table.value(value) == 1))
            });
            if !guarded {
                return Err(PlanError::UnguardedBins { axis: name.clone() });
            }
        }
        Ok(())
    }

    fn check_measures(&self, tests: &[Lookup], shape: &Shape) -> Result<(), PlanError> {
        let asked = self.asked;
        let aggregates = |reason| Err(PlanError::Aggregates { reason });
        match (&self.y, &self.z) {
            (None, _) if asked != Default::default() => return aggregates("asks for sums without a measure"),
            (Some(_), _) if asked == Default::default() => return aggregates("has a measure but asks for no sum"),
            (_, None) if asked.sum_of_products => return aggregates("asks for products without two measures"),
            (_, Some(_)) if !asked.sum_of_products => {
                return aggregates("has a second measure but asks for no products");
            }
            (Some(y), Some(z)) if y.column == z.column => return aggregates("multiplies a measure by itself"),
            _ => {}
        }
        for measure in self.y.iter().chain(&self.z) {
            let Measure { column, lo, hi, .. } = measure;
            let refuse = |reason| Err(PlanError::Measure { column: column.to_string(), lo: *lo, hi: *hi, reason });
            refuse_tag(column)?;
            if column.source != Source::Manifest || self.flags.contains(column) {
                return refuse("is not a 16-bit column of the dataset manifest");
            }
            if lo > hi || *hi == MISSING || usize::from(*hi) >= shape.values() {
                return refuse("has no such range of values");
            }
            let input = Linear::column(column.clone());
            let bounded = self.implied_tests(tests).any(|test| {
                test.input == input
                    && test.table.segments().iter().all(|segment| segment.first >= *lo && segment.last <= *hi)
            });
            if !bounded {
                return refuse("has no implied condition that leaves out values beyond them");
            }
        }
        Ok(())
    }

    /// The tests without which no row is selected.
    fn implied_tests<'a>(&'a self, tests: &'a [Lookup]) -> impl Iterator<Item = &'a Lookup> {
        tests.iter().filter(|test| {
            self.conditions.iter().any(|condition| condition.role == Role::Implied && condition.column == test.output)
        })
    }
}

fn refuse_tag(column: &ColumnId) -> Result<(), PlanError> {
    if column.is_tag() { Err(PlanError::Tag { column: column.to_string() }) } else { Ok(()) }
}

fn check_image(lookup: &Lookup, limit: u16) -> Result<(), PlanError> {
    let found = lookup.table.max_output();
    if found > limit { Err(PlanError::Image { output: lookup.output.to_string(), found, limit }) } else { Ok(()) }
}
