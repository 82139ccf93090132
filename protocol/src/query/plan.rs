//! The plan: what a query compiles to, and what is proved.

use serde::{Deserialize, Serialize};

use super::column::{ColumnId, Linear};
use super::table::{Lookup, LookupTable};
use crate::domain;
use crate::hash::{Digest, Hasher};
use crate::table::TAG_LIMBS;

/// Why a condition is in the selection key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The consent flag for the query's purpose and sponsor class. Nothing is selected without it.
    Consent,
    /// Follows from a measure's bounds or from a grouping's bins. Nothing is selected without it.
    Implied,
    /// Asked for; what it does to the selection is up to the query's expression.
    Asked,
    /// The flag of the one patient who is offered, in statements of eligibility. Nothing is selected without it.
    Offered,
}

impl Role {
    /// The name used in files and digests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Implied => "implied",
            Self::Asked => "asked",
            Self::Offered => "offered",
        }
    }

    /// Whether a row without this condition is never selected.
    pub const fn is_required(self) -> bool {
        matches!(self, Self::Consent | Self::Implied | Self::Offered)
    }
}

/// One bit of the selection key: a zero-checked flag, or the output of a test.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// The column with the bit.
    pub column: ColumnId,
    /// Why it is in the key.
    pub role: Role,
    /// What it says, in words: "age is 50 to 120 years".
    pub text: String,
}

/// One group along an axis.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AxisGroup {
    /// The label people see.
    pub label: String,
    /// The lowest value in the group in display units, for bins of numbers and dates.
    pub lo: Option<String>,
    /// The highest value in the group in display units, for bins of numbers and dates.
    pub hi: Option<String>,
}

/// One grouping column of a plan.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// The column with the group's number on every row: a zero-checked flag, or the output of a bins lookup.
    pub column: ColumnId,
    /// The schema column that is grouped by.
    pub name: String,
    /// The unit of its values, if it has one.
    pub unit: Option<String>,
    /// The groups, by number.
    pub groups: Vec<AxisGroup>,
}

impl Axis {
    /// `g_k`: how many groups there are along this axis.
    pub fn size(&self) -> usize {
        self.groups.len()
    }
}

/// A summed quantity. Rows outside its bounds, or without a value, are not counted at all.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// The 16-bit column.
    pub column: ColumnId,
    /// The lowest coded value that is counted.
    pub lo: u16,
    /// The highest coded value that is counted.
    pub hi: u16,
    /// The display value of the code 0.
    pub offset: String,
    /// The display distance of neighbouring codes.
    pub step: String,
    /// The unit of the display value.
    pub unit: Option<String>,
}

/// The aggregates a query asks for. The count is always among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// `s`: the sum of the first measure.
    pub sum: bool,
    /// `ss`: the sum of its squares.
    pub sum_of_squares: bool,
    /// `p`: the sum of products of the two measures.
    pub sum_of_products: bool,
}

impl Asked {
    /// In the order `s`, `ss`, `p`.
    pub const fn as_array(&self) -> [bool; 3] {
        [self.sum, self.sum_of_squares, self.sum_of_products]
    }
}

/// What a query compiles to. Deterministic, public and hashed; see [`Plan::check`] for what holds of
/// every plan that may be proved.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// The query's title.
    pub title: String,
    /// The table asked about.
    pub table: String,
    /// The schema it was compiled against.
    pub schema: Digest,
    /// The query it was compiled from.
    pub query: Digest,
    /// Who is counted, in words.
    pub counted: String,
    /// The lookups, in this order: tests, the selection, bins.
    pub lookups: Vec<Lookup>,
    /// The bits of the selection key, lowest first. The first is consent.
    pub conditions: Vec<Condition>,
    /// The grouping columns, the fastest first.
    pub axes: Vec<Axis>,
    /// The first measure.
    pub y: Option<Measure>,
    /// The second measure, for products.
    pub z: Option<Measure>,
    /// The aggregates asked for beside the count.
    pub asked: Asked,
    /// The flag columns whose values are proved to be 0 or 1 on every data row.
    pub flags: Vec<ColumnId>,
}

impl Plan {
    /// The number of groups: 1 without grouping columns.
    pub fn groups(&self) -> usize {
        self.axes.iter().map(Axis::size).product()
    }

    /// The group's number on every row: `D_1 + g_1 D_2 + g_1 g_2 D_3`.
    pub fn group_key(&self) -> Linear {
        let mut stride = 1u32;
        let mut terms = Vec::new();
        for axis in &self.axes {
            terms.push((stride, axis.column.clone()));
            stride = stride.saturating_mul(axis.size() as u32);
        }
        Linear(terms)
    }

    /// The selection key on every row: condition `i` has weight `2^i`.
    pub fn selection_key(&self) -> Linear {
        Linear(
            self.conditions
                .iter()
                .enumerate()
                .map(|(i, condition)| (1u32 << i.min(31), condition.column.clone()))
                .collect(),
        )
    }

    /// The lookup whose output is the selection. Every checked plan has one.
    pub fn selection(&self) -> Option<&Lookup> {
        let selection = ColumnId::selection();
        self.lookups.iter().find(|lookup| lookup.output == selection)
    }

    /// `Phi`: the truth table of the selection over the key's values.
    pub fn phi(&self) -> Option<&LookupTable> {
        self.selection().map(|lookup| &lookup.table)
    }

    /// The numbers of a group along each axis.
    pub fn group_position(&self, group: usize) -> Vec<usize> {
        let mut rest = group;
        self.axes
            .iter()
            .map(|axis| {
                let position = rest % axis.size().max(1);
                rest /= axis.size().max(1);
                position
            })
            .collect()
    }

    /// The labels of a group along each axis.
    pub fn group_labels(&self, group: usize) -> Vec<&str> {
        self.axes.iter().zip(self.group_position(group)).map(|(axis, i)| axis.groups[i].label.as_str()).collect()
    }

    /// Whether the plan is of an offer: of one patient, by their tag. No other plan may touch tags.
    pub fn is_offer(&self) -> bool {
        self.conditions.iter().any(|condition| condition.role == Role::Offered)
    }

    /// Every committed column that the plan reads or makes, each once, in a fixed order: manifest,
    /// epoch, query, each by name.
    pub fn columns(&self) -> Vec<ColumnId> {
        let mut columns: Vec<ColumnId> = Vec::new();
        for lookup in &self.lookups {
            columns.extend(lookup.input.columns().cloned());
            columns.push(lookup.output.clone());
        }
        columns.extend(self.axes.iter().map(|axis| axis.column.clone()));
        columns.extend(self.y.iter().chain(&self.z).map(|measure| measure.column.clone()));
        columns.extend(self.flags.iter().cloned());
        if self.is_offer() {
            columns.extend((0..TAG_LIMBS).map(ColumnId::tag));
        }
        columns.sort();
        columns.dedup();
        columns
    }

    /// The digest over everything in the plan, tables and words included.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::PLAN);
        hasher.str(&self.title).str(&self.table).digest(&self.schema).digest(&self.query).str(&self.counted);
        hasher.u64(self.lookups.len() as u64);
        for lookup in &self.lookups {
            lookup.absorb(&mut hasher);
        }
        hasher.u64(self.conditions.len() as u64);
        for condition in &self.conditions {
            condition.column.absorb(&mut hasher);
            hasher.str(condition.role.name()).str(&condition.text);
        }
        hasher.u64(self.axes.len() as u64);
        for axis in &self.axes {
            axis.column.absorb(&mut hasher);
            hasher.str(&axis.name);
            absorb_option(&mut hasher, axis.unit.as_deref());
            hasher.u64(axis.groups.len() as u64);
            for group in &axis.groups {
                hasher.str(&group.label);
                absorb_option(&mut hasher, group.lo.as_deref());
                absorb_option(&mut hasher, group.hi.as_deref());
            }
        }
        for measure in [&self.y, &self.z] {
            hasher.u64(u64::from(measure.is_some()));
            if let Some(measure) = measure {
                measure.column.absorb(&mut hasher);
                hasher.u64(u64::from(measure.lo)).u64(u64::from(measure.hi));
                hasher.str(&measure.offset).str(&measure.step);
                absorb_option(&mut hasher, measure.unit.as_deref());
            }
        }
        for asked in self.asked.as_array() {
            hasher.u64(u64::from(asked));
        }
        hasher.u64(self.flags.len() as u64);
        for flag in &self.flags {
            flag.absorb(&mut hasher);
        }
        hasher.finish()
    }
}

fn absorb_option(hasher: &mut Hasher, text: Option<&str>) {
    hasher.u64(u64::from(text.is_some()));
    if let Some(text) = text {
        hasher.str(text);
    }
}
