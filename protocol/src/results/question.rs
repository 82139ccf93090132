//! What was asked: the parts of a plan that a reader of results needs, and how coded sums become units.

use serde::{Deserialize, Serialize};

use super::ResultsError;
use crate::hash::Digest;
use crate::query::{Asked, Axis, MAX_AXES, Plan, Role};
use crate::table::decimal::{self, Decimal};
use crate::table::{MISSING, Schema};

/// Groups at most: a limit on work, beyond every shape.
const MAX_GROUPS: usize = 4096;
/// A schema's decimals: so many digits behind the point, and below this.
const MAX_SCALE: u32 = 9;
const MAX_MAGNITUDE: i64 = 1_000_000_000_000;

/// One group along a grouping column.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxisLabel {
    /// The label people see.
    pub label: String,
    /// Whether it is the bin of missing values, which a code may share its label with.
    pub missing: bool,
    /// The lowest value in the group, in the column's unit; nothing where it is open or has none.
    pub low: Option<String>,
    /// The highest value.
    pub high: Option<String>,
}

/// One grouping column.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grouping {
    /// The schema's column.
    pub column: String,
    /// The unit of its values.
    pub unit: Option<String>,
    /// Its groups, in order.
    pub groups: Vec<AxisLabel>,
}

/// A summed quantity. A coded value `c` stands for `offset + step c`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The schema's column.
    pub column: String,
    /// The unit.
    pub unit: Option<String>,
    /// The lowest value that is counted, in the unit.
    pub low: String,
    /// The highest.
    pub high: String,
    /// The value of the code 0.
    pub offset: String,
    /// The distance of neighbouring codes.
    pub step: String,
}

/// What was asked.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The query's title.
    pub title: String,
    /// The study it belongs to.
    pub study: String,
    /// The table asked about.
    pub table: String,
    /// The schema's digest.
    pub schema: Digest,
    /// The plan's digest.
    pub plan: Digest,
    /// Who is counted, in words.
    pub counted: String,
    /// The grouping columns; groups are numbered with the first the fastest.
    pub group_by: Vec<Grouping>,
    /// The quantity that is summed, and squared.
    pub measure: Option<Measured>,
    /// The second factor of products.
    pub second_factor: Option<Measured>,
    /// The sums asked for beside the count.
    pub asked: Asked,
}

impl Question {
    pub(super) fn new(plan: &Plan, schema: &Schema, study: &str) -> Result<Self, ResultsError> {
        if plan.schema != schema.digest() {
            return Err(ResultsError::Schema { plan: plan.schema, schema: schema.digest() });
        }
        let measured = |measure: &crate::query::Measure| {
            let column = measure.column.name.clone();
            let spec = schema.column(&column).ok_or_else(|| ResultsError::Measure {
                column: column.clone(),
                reason: "the schema has no such column".into(),
            })?;
            let (low, high) = (spec.decode(measure.lo), spec.decode(measure.hi));
            let (offset, step) = (measure.offset.clone(), measure.step.clone());
            Ok(Measured { column, unit: measure.unit.clone(), low, high, offset, step })
        };
        let question = Self {
            title: plan.title.clone(),
            study: study.to_owned(),
            table: plan.table.clone(),
            schema: plan.schema,
            plan: plan.digest(),
            counted: plan.counted.clone(),
            group_by: plan.axes.iter().map(|axis| grouping(plan, axis)).collect(),
            measure: plan.y.as_ref().map(measured).transpose()?,
            second_factor: plan.z.as_ref().map(measured).transpose()?,
            asked: plan.asked,
        };
        question.check()?;
        Ok(question)
    }

    /// What the rest of this module relies on, whoever made the question.
    pub(super) fn check(&self) -> Result<(), ResultsError> {
        let sizes = self.group_by.iter().map(|axis| axis.groups.len());
        let groups = sizes.fold(1usize, usize::saturating_mul);
        if self.group_by.len() > MAX_AXES || groups == 0 || groups > MAX_GROUPS {
            return Err(ResultsError::Groupings { axes: self.group_by.len(), groups });
        }
        self.coding()?;
        if self.measure.is_none() && self.asked != Asked::default() {
            let reason = "sums are asked for, and no column is summed".into();
            return Err(ResultsError::Measure { column: String::new(), reason });
        }
        Ok(())
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.group_by.iter().map(|axis| axis.groups.len()).product()
    }

    /// The labels of a group, one a grouping column.
    pub fn labels(&self, group: usize) -> impl Iterator<Item = (&Grouping, &AxisLabel)> {
        let mut rest = group;
        self.group_by.iter().filter_map(move |axis| {
            let size = axis.groups.len().max(1);
            let label = axis.groups.get(rest % size)?;
            rest /= size;
            Some((axis, label))
        })
    }

    /// How the first measure's coded sums become units.
    pub(super) fn coding(&self) -> Result<Option<Coding>, ResultsError> {
        let Some(measure) = &self.measure else { return Ok(None) };
        let refuse = |reason: String| ResultsError::Measure { column: measure.column.clone(), reason };
        let read = |name: &str, text: &str| {
            let number = decimal::parse(text).map_err(|error| refuse(format!("its {name}: {error}")))?;
            if number.scale() > MAX_SCALE || number.abs() > Decimal::from(MAX_MAGNITUDE) {
                return Err(refuse(format!("its {name} is {text}, which no schema allows")));
            }
            Ok(number)
        };
        let (offset, step) = (read("offset", &measure.offset)?, read("step", &measure.step)?);
        if step <= Decimal::ZERO {
            return Err(refuse(format!("its step is {}; it must be above 0", measure.step)));
        }
        let scale = offset.scale().max(step.scale());
        let whole = |number: Decimal| number.mantissa() * 10i128.pow(scale - number.scale());
        Ok(Some(Coding { offset: whole(offset), step: whole(step), per_unit: 10f64.powi(scale as i32) }))
    }
}

fn grouping(plan: &Plan, axis: &Axis) -> Grouping {
    let missing = missing_bin(plan, axis);
    let label = |(i, group): (usize, &crate::query::AxisGroup)| AxisLabel {
        label: group.label.clone(),
        missing: missing == Some(i),
        low: group.lo.clone(),
        high: group.hi.clone(),
    };
    Grouping {
        column: axis.name.clone(),
        unit: axis.unit.clone(),
        groups: axis.groups.iter().enumerate().map(label).collect(),
    }
}

/// The bin of missing values along an axis: by the plan's tables, since a code may be labelled "missing" too. Tables map
/// what is in no bin to the first one, so it counts only if the implied condition lets missing values pass.
fn missing_bin(plan: &Plan, axis: &Axis) -> Option<usize> {
    let bins = plan.lookups.iter().find(|lookup| lookup.output == axis.column)?;
    let implied = |output| plan.conditions.iter().any(|c| c.column == output && c.role == Role::Implied);
    let passes = plan.lookups.iter().any(|test| {
        test.output != bins.output
            && test.input == bins.input
            && test.table.value(MISSING) == 1
            && implied(test.output.clone())
    });
    passes.then(|| usize::from(bins.table.value(MISSING)))
}

/// Offset and step as integers over one power of ten, so that sums in units are exact up to one division: offsets and
/// steps are below 10^21 and their factors below 2^50 (see `cells`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Coding {
    offset: i128,
    step: i128,
    per_unit: f64,
}

impl Coding {
    pub(super) const fn is_negative(&self) -> bool {
        self.offset < 0
    }

    fn whole(&self, n: i64, s: i64) -> f64 {
        (self.offset * i128::from(n) + self.step * i128::from(s)) as f64
    }

    /// The sum of `n` values whose codes sum to `s`.
    pub(super) fn sum(&self, n: i64, s: i64) -> f64 {
        self.whole(n, s) / self.per_unit
    }

    /// Their mean; with noise no rows may be taken for fewer than one.
    pub(super) fn mean(&self, n: i64, s: i64) -> f64 {
        let n = n.max(1);
        self.whole(n, s) / (n as f64 * self.per_unit)
    }

    /// A distance in coded units, in the measure's unit.
    pub(super) fn distance(&self, coded: f64) -> f64 {
        coded * self.step as f64 / self.per_unit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_between_its_ends_whatever_the_offset_and_the_noise() {
        for (offset, step) in [(-700, 1), (-700, 5), (0, 1), (700, 5)] {
            let coding = Coding { offset, step, per_unit: 10.0 };
            for (n, low, high) in [(-3, 0, 2), (0, 0, 4), (1, 0, 1), (3, 1, 9)] {
                for (s, least, most) in [(0, 0, 0), (-8, 0, 5), (12, 2, 40)] {
                    let ends = [coding.mean(high, least), coding.mean(low, most)];
                    // Rows that are, and what their codes sum to.
                    for (n, s) in [(n, s.max(0)), (low, least), (high, most), (low, most), (high, least)] {
                        let mean = (offset as f64 + step as f64 * s as f64 / n.max(1) as f64) / 10.0;
                        assert!(
                            ends[0] - 1e-9 <= mean && mean <= ends[1] + 1e-9,
                            "{offset} {step} {n} {s}: {mean} {ends:?}"
                        );
                        assert!((coding.mean(n, s) - mean).abs() < 1e-9, "{offset} {step} {n} {s}");
                    }
                }
            }
        }
    }
}
