//! Released numbers, and what they leave open.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The smallest count that the demo's policy releases.
pub(crate) const MIN_CELL: u64 = 8;
/// Counts are rounded to multiples of this, halves up.
pub(crate) const ROUNDING: u64 = 5;

/// A released number: a state and, if there is one, a value. Read from audit reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", content = "value", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Cell {
    /// Too small to be shown.
    Suppressed,
    /// Nobody.
    Zero,
    /// A number.
    Value(u64),
}

impl Cell {
    /// The number, if it is shown.
    pub(crate) const fn shown(self) -> Option<u64> {
        match self {
            Self::Suppressed => None,
            Self::Zero => Some(0),
            Self::Value(value) => Some(value),
        }
    }

    /// The true counts that a released count leaves possible: the policy's rule read backwards.
    pub(crate) const fn possible(self) -> Possible {
        match self {
            Self::Suppressed => Possible { low: 1, high: MIN_CELL - 1 },
            Self::Zero => Possible { low: 0, high: 0 },
            Self::Value(value) => Possible { low: value - ROUNDING / 2, high: value + ROUNDING / 2 },
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shown() {
            None => f.pad("suppressed"),
            Some(value) => f.pad(&value.to_string()),
        }
    }
}

/// The lowest and the highest true count that a release allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Possible {
    pub(crate) low: u64,
    pub(crate) high: u64,
}

/// One group of an answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Group {
    /// One label a grouping.
    pub(crate) labels: Vec<String>,
    /// How many patients.
    pub(crate) count: Cell,
    /// Sum, sum of squares, sum of products; nothing where it was not asked for.
    pub(crate) sums: [Option<Cell>; 3],
}

impl Group {
    /// The cells that were asked for, with their names.
    pub(crate) fn cells(&self) -> impl Iterator<Item = (&'static str, Cell)> + '_ {
        let names = ["sum", "sum of squares", "sum of products"];
        let sums = names.into_iter().zip(self.sums).filter_map(|(name, cell)| Some((name, cell?)));
        std::iter::once(("count", self.count)).chain(sums)
    }
}

/// The sum of the sites' released cells; without one of them, no sum.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum PooledCell {
    /// All sites show the cell.
    Value { value: u64 },
    /// Some do not.
    Suppressed {
        /// Which.
        suppressed_at: Vec<String>,
        /// The sum of the others.
        sum_of_the_others: u64,
    },
}

impl PooledCell {
    /// Adds the cells of sites up.
    pub(crate) fn of<'a>(cells: impl IntoIterator<Item = (&'a str, Cell)>) -> Self {
        let (mut sum, mut without) = (0, Vec::new());
        for (site, cell) in cells {
            match cell.shown() {
                Some(value) => sum += value,
                None => without.push(site.to_owned()),
            }
        }
        match without.is_empty() {
            true => Self::Value { value: sum },
            false => Self::Suppressed { suppressed_at: without, sum_of_the_others: sum },
        }
    }

    /// The sum, if all sites show the cell.
    pub(crate) const fn shown(&self) -> Option<u64> {
        match self {
            Self::Value { value } => Some(*value),
            Self::Suppressed { .. } => None,
        }
    }
}

impl fmt::Display for PooledCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value { value } => f.pad(&value.to_string()),
            Self::Suppressed { .. } => f.pad("suppressed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cell_leaves_open() {
        assert_eq!(Cell::Value(10).possible(), Possible { low: 8, high: 12 });
        assert_eq!(Cell::Value(15).possible(), Possible { low: 13, high: 17 });
        assert_eq!(Cell::Suppressed.possible(), Possible { low: 1, high: 7 });
        assert_eq!(Cell::Zero.possible(), Possible { low: 0, high: 0 });
    }

    #[test]
    fn a_sum_without_one_of_its_parts_is_none() {
        assert_eq!(PooledCell::of([("a", Cell::Value(10)), ("b", Cell::Zero)]).shown(), Some(10));
        let pooled = PooledCell::of([("a", Cell::Value(10)), ("b", Cell::Suppressed)]);
        assert_eq!(pooled, PooledCell::Suppressed { suppressed_at: vec!["b".into()], sum_of_the_others: 10 });
    }
}
