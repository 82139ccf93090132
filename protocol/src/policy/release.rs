//! The release: exact aggregates in, cells out. The native twin of the circuit's policy part.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroize;

use crate::hash::Hasher;

/// The largest minimum cell and the largest rounding base of counts.
pub const MAX_COUNT_RULE: u32 = 1024;

/// The bases of the three sums are below two to these powers, in the order `s`, `ss`, `p`.
pub const SUM_BASE_BITS: [u32; 3] = [28, 44, 44];

/// No coded value exceeds this, so that one row adds at most this to the first sum.
pub const MAX_CODE: u64 = (1 << 16) - 1;

/// The names of the three sums, in the order `s`, `ss`, `p`.
pub const SUM_NAMES: [&str; 3] = ["sum", "sum of squares", "sum of products"];

/// How one of the three sums is released.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SumParams {
    /// Whether it is released at all.
    pub on: bool,
    /// It is rounded to multiples of this; 1 releases it exactly.
    pub base: u64,
    /// A sum below this is suppressed, and so is one that is nearer than this to `most` times its count.
    pub dominance: u64,
    /// What one row adds at most, in coded units: only of the first sum, and only where it is restrained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most: Option<u64>,
}

impl SumParams {
    /// Not released.
    pub const OFF: Self = Self { on: false, base: 1, dominance: 0, most: None };
    /// Released to the digit.
    pub const EXACT: Self = Self { on: true, base: 1, dominance: 0, most: None };

    /// The first sum restrained: of rows that add at most `most` each, where groups of less than `k` are suppressed.
    ///
    /// It is shown from `k most` up to the same below what all rows could add, and rounded to `2 k most`. So whatever
    /// is shown, `k` rows or more may have any one value, and none is known to be rarer.
    pub const fn restrained(k: u32, most: u64) -> Self {
        let dominance = (k as u64).saturating_mul(most);
        Self { on: true, base: dominance.saturating_mul(2), dominance, most: Some(most) }
    }

    /// Whether the exact sum of `n` rows is suppressed beside their count.
    pub fn hides(&self, exact: u64, n: u64) -> bool {
        let room = self.most.map(|most| n.saturating_mul(most));
        exact < self.dominance || room.is_some_and(|room| exact.saturating_add(self.dominance) > room)
    }
}

/// The numbers of the release rule, as the circuit takes them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseParams {
    /// The smallest count that is released.
    pub k: u32,
    /// Counts are rounded to multiples of this, halves up; 1 releases them exactly.
    pub b: u32,
    /// Whether an empty group is shown as empty, or suppressed like a small one.
    pub show_zero: bool,
    /// The three sums, in the order `s`, `ss`, `p`.
    pub sums: [SumParams; 3],
}

/// Why numbers are not release parameters that the circuit takes.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParamsError {
    /// A minimum cell of 0 or beyond the circuit's limit.
    #[error("the smallest cell is {found}; it must be from 1 to {MAX_COUNT_RULE}")]
    SmallestCell {
        /// What was found.
        found: u32,
    },
    /// A rounding base of 0 or beyond the circuit's limit.
    #[error("counts are rounded to {found}; the base must be from 1 (exact) to {MAX_COUNT_RULE}")]
    Rounding {
        /// What was found.
        found: u32,
    },
    /// The minimum cell is not the lower edge of a rounding interval.
    #[error(
        "the smallest cell {k} is not the lower edge of an interval of rounding to {b}, so the smallest \
         released value would stand for fewer counts than the others; the next that is: {next}"
    )]
    Edge {
        /// The minimum cell.
        k: u32,
        /// The rounding base.
        b: u32,
        /// The next minimum cell that passes.
        next: u32,
    },
    /// A minimum cell under which *suppressed* means one count, so that it hides nothing.
    #[error(
        "with a smallest cell of {k} and empty groups {}, a suppressed group has exactly {names}; the next smallest cell \
         that passes: {next}", if *.names == 0 { "suppressed too" } else { "shown as 0" }
    )]
    Names {
        /// The minimum cell.
        k: u32,
        /// The only count that is suppressed.
        names: u32,
        /// The next minimum cell that passes.
        next: u32,
    },
    /// A row's largest contribution of 0, or beyond what a coded value can be.
    #[error("one row adds at most {found} to the sum; it must be from 1 to {MAX_CODE}")]
    Most {
        /// What was found.
        found: u64,
    },
    /// A sum of squares or of products that is neither exact nor absent, or a sum that only half is.
    #[error(
        "the {name} is rounded to {base} and suppressed below {dominance}; without a bound on each row it must be exact"
    )]
    NotExact {
        /// The sum.
        name: &'static str,
        /// Its base.
        base: u64,
        /// Its dominance bound.
        dominance: u64,
    },
    /// Squares or products with a bound on each row: they have no restrained form.
    #[error("the {name} is restrained, and only the sum itself can be")]
    Restrained {
        /// The sum.
        name: &'static str,
    },
    /// A base and a dominance bound that do not follow from the minimum cell.
    #[error(
        "the sum is rounded to {base} and suppressed below {dominance}; with a smallest cell of {k} and at most {most} a \
         row it must be {} and {}", 2 * u64::from(*.k) * .most, u64::from(*.k) * .most
    )]
    Restraint {
        /// The minimum cell.
        k: u32,
        /// What one row adds at most.
        most: u64,
        /// The base.
        base: u64,
        /// The dominance bound.
        dominance: u64,
    },
}

/// The lowest minimum cell from `k` on that is the lower edge of an interval of rounding to `b`.
pub fn next_edge(k: u32, b: u32) -> u32 {
    let b = b.max(1);
    let edge = b.div_ceil(2) % b;
    let above = (edge + b - k % b) % b;
    k.saturating_add(above).max(1)
}

/// The only count that is suppressed, if there is only one: then a suppressed group hides nothing.
const fn only_suppressed(k: u32, show_zero: bool) -> Option<u32> {
    match (k, show_zero) {
        (1, false) => Some(0),
        (2, true) => Some(1),
        _ => None,
    }
}

/// The lowest minimum cell from `k` on that [`ReleaseParams::check`] accepts beside rounding to `b`.
pub fn next_smallest_cell(k: u32, b: u32, show_zero: bool) -> u32 {
    let mut next = next_edge(k, b);
    while only_suppressed(next, show_zero).is_some() {
        next = next_edge(next + 1, b);
    }
    next
}

impl ReleaseParams {
    /// Refuses what the circuit does not take, and minimum cells that rounding would name.
    pub fn check(&self) -> Result<(), ParamsError> {
        let Self { k, b, show_zero, sums } = *self;
        if k == 0 || k > MAX_COUNT_RULE {
            return Err(ParamsError::SmallestCell { found: k });
        }
        if b == 0 || b > MAX_COUNT_RULE {
            return Err(ParamsError::Rounding { found: b });
        }
        let next = next_edge(k, b);
        if next != k {
            return Err(ParamsError::Edge { k, b, next });
        }
        if let Some(names) = only_suppressed(k, show_zero) {
            return Err(ParamsError::Names { k, names, next: next_smallest_cell(k, b, show_zero) });
        }
        for (i, (sum, name)) in sums.iter().zip(SUM_NAMES).enumerate() {
            let SumParams { on, base, dominance, most } = *sum;
            match most {
                None if (base, dominance) == (1, 0) => {}
                None => return Err(ParamsError::NotExact { name, base, dominance }),
                Some(_) if i > 0 => return Err(ParamsError::Restrained { name }),
                Some(most) if most == 0 || most > MAX_CODE => return Err(ParamsError::Most { found: most }),
                Some(most) if *sum == (SumParams { on, ..SumParams::restrained(k, most) }) => {}
                Some(most) => return Err(ParamsError::Restraint { k, most, base, dominance }),
            }
        }
        Ok(())
    }

    /// Feeds the parameters into a digest.
    pub fn absorb(&self, hasher: &mut Hasher) {
        hasher.u64(u64::from(self.k)).u64(u64::from(self.b)).u64(u64::from(self.show_zero));
        for sum in &self.sums {
            hasher.u64(u64::from(sum.on)).u64(sum.base).u64(sum.dominance);
            if let Some(most) = sum.most {
                hasher.str("most").u64(most);
            }
        }
    }
}

/// The exact aggregates of one group: a secret of the hospital.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct GroupAggregates {
    /// How many rows are selected.
    pub n: u64,
    /// The sum of the first measure, in coded units.
    pub s: u64,
    /// The sum of its squares.
    pub ss: u64,
    /// The sum of products of the two measures.
    pub p: u64,
}

impl Zeroize for GroupAggregates {
    fn zeroize(&mut self) {
        self.n.zeroize();
        self.s.zeroize();
        self.ss.zeroize();
        self.p.zeroize();
    }
}

impl fmt::Debug for GroupAggregates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupAggregates(secret)")
    }
}

/// One released cell: a state and, if there is one, a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", content = "value", rename_all = "lowercase", try_from = "RawCell")]
pub enum Cell {
    /// Too few rows to be shown.
    Suppressed,
    /// No row at all.
    Zero,
    /// A released number, in coded units for sums.
    Value(u64),
}

/// A cell as it is read. A derived reader would first build whatever stands under `value`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCell {
    state: State,
    #[serde(default, deserialize_with = "number")]
    value: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Suppressed,
    Zero,
    Value,
}

/// A number, and not `null`, which would be a second way to write none.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    u64::deserialize(deserializer).map(Some)
}

impl TryFrom<RawCell> for Cell {
    type Error = &'static str;

    fn try_from(raw: RawCell) -> Result<Self, Self::Error> {
        match (raw.state, raw.value) {
            (State::Value, Some(value)) => Ok(Self::Value(value)),
            (State::Value, None) => Err("a cell of state \"value\" has no value"),
            (State::Suppressed, None) => Ok(Self::Suppressed),
            (State::Zero, None) => Ok(Self::Zero),
            (State::Suppressed | State::Zero, Some(_)) => Err("only a cell of state \"value\" has a value"),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suppressed => f.write_str("suppressed"),
            Self::Zero => f.write_str("0"),
            Self::Value(value) => write!(f, "{value}"),
        }
    }
}

/// The released cells of one group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GroupCells {
    /// The count.
    pub count: Cell,
    /// The three sums, in the order `s`, `ss`, `p`; none where it was not asked for.
    pub sums: [Option<Cell>; 3],
}

/// Applies the release rule to every group.
///
/// The count: an empty group is shown as empty if the policy says so; a count below `k` is suppressed;
/// any other is rounded to the nearest multiple of `b`, halves up. A sum shares its count's fate, and is
/// suppressed where it is near 0 or near the most that so many rows add up to ([`SumParams::hides`]); else it is rounded
/// like the count, to its own base.
pub fn release(groups: &[GroupAggregates], params: &ReleaseParams) -> Vec<GroupCells> {
    groups.iter().map(|group| release_group(group, params)).collect()
}

fn release_group(group: &GroupAggregates, params: &ReleaseParams) -> GroupCells {
    let count = match group.n {
        0 if params.show_zero => Cell::Zero,
        n if n == 0 || n < u64::from(params.k) => Cell::Suppressed,
        n => Cell::Value(round(n, u64::from(params.b))),
    };
    let sum = |exact: u64, rule: SumParams| {
        rule.on.then_some(match count {
            Cell::Value(_) if !rule.hides(exact, group.n) => Cell::Value(round(exact, rule.base)),
            Cell::Value(_) => Cell::Suppressed,
            state => state,
        })
    };
    let [s, ss, p] = params.sums;
    GroupCells { count, sums: [sum(group.s, s), sum(group.ss, ss), sum(group.p, p)] }
}

/// The nearest multiple of `base`, halves up. A base of 0 never passes [`ReleaseParams::check`].
fn round(value: u64, base: u64) -> u64 {
    let base = base.max(1);
    base * ((value + base / 2) / base)
}

#[cfg(test)]
mod tests;
