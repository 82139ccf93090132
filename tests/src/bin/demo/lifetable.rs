//! Life tables worked out from released counts alone, with everything that they leave open.
//!
//! Actuarial convention: patients censored within an interval count as at risk for half of it. With `d`
//! events, `c` censored and `n` at risk at an interval's beginning, a patient gets through it with
//! `1 - d / (n - c/2)`; those at risk are all whose time ends in this interval or a later one.

use serde::Serialize;

use crate::cells::{Cell, Group};
use crate::questions::YEARS;

/// How many groups of time there are: the years, and one beyond.
pub(crate) const INTERVALS: usize = YEARS as usize + 1;

/// A count as far as it is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub(crate) struct Count {
    pub(crate) low: u64,
    /// The lowest if released numbers were exact and only suppressed ones unknown.
    #[serde(skip)]
    pub(crate) low_if_exact: u64,
    /// What the line is drawn from: the released number; of a suppressed one, the middle of what is possible.
    pub(crate) middle: u64,
    #[serde(skip)]
    pub(crate) high_if_exact: u64,
    pub(crate) high: u64,
}

impl Count {
    fn of(cell: Cell) -> Self {
        let possible = cell.possible();
        Self {
            low: possible.low,
            low_if_exact: cell.shown().unwrap_or(possible.low),
            middle: cell.shown().unwrap_or(possible.low.midpoint(possible.high)),
            high_if_exact: cell.shown().unwrap_or(possible.high),
            high: possible.high,
        }
    }

    const fn known(count: u64) -> Self {
        Self { low: count, low_if_exact: count, middle: count, high_if_exact: count, high: count }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            low: self.low + other.low,
            low_if_exact: self.low_if_exact + other.low_if_exact,
            middle: self.middle + other.middle,
            high_if_exact: self.high_if_exact + other.high_if_exact,
            high: self.high + other.high,
        }
    }
}

/// The part of patients still without recurrence at some time, as far as it is known.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Share {
    pub(crate) low: f64,
    pub(crate) low_if_exact: f64,
    pub(crate) middle: f64,
    pub(crate) high_if_exact: f64,
    pub(crate) high: f64,
}

/// A life table at the beginning of a year.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub(crate) struct Row {
    /// Years gone by.
    pub(crate) year: usize,
    /// Patients at risk from here on.
    pub(crate) at_risk: Count,
    /// The part that has come so far.
    pub(crate) survival: Share,
}

/// The life table of one group of patients.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct LifeTable {
    /// Rows for 0 to 10 years.
    pub(crate) rows: Vec<Row>,
}

impl LifeTable {
    /// From the 44 groups of one or more sites, whose counts are added up; untreated patients or treated ones.
    pub(crate) fn new(sites: &[&[Group]], treated: bool) -> Self {
        let counts = |event: bool| -> Vec<Count> {
            let place = |interval| interval + INTERVALS * (usize::from(event) + 2 * usize::from(treated));
            let add = |interval| {
                let cells = sites.iter().filter_map(|groups| groups.get(place(interval)));
                cells.fold(Count::default(), |sum, group: &Group| sum.plus(Count::of(group.count)))
            };
            (0..INTERVALS).map(add).collect()
        };
        Self::of_counts(&counts(true), &counts(false))
    }

    fn of_counts(events: &[Count], censored: &[Count]) -> Self {
        let row = |year: usize| {
            let later = events[year..].iter().chain(&censored[year..]);
            let at_risk = later.fold(Count::default(), |sum, count| sum.plus(*count));
            let [d, c] = [&events[..year], &censored[..year]];
            // Survival falls with every event before now, and rises with every patient censored before now
            // and with every patient still at risk (each event before that meets more patients): so its
            // bounds are at these corners, and no combination of possible counts lies outside.
            let survival = Share {
                low: survival(pick(d, |d| d.high), pick(c, |c| c.low), at_risk.low),
                low_if_exact: survival(pick(d, |d| d.high_if_exact), pick(c, |c| c.low_if_exact), at_risk.low_if_exact),
                middle: survival(pick(d, |d| d.middle), pick(c, |c| c.middle), at_risk.middle),
                high_if_exact: survival(
                    pick(d, |d| d.low_if_exact),
                    pick(c, |c| c.high_if_exact),
                    at_risk.high_if_exact,
                ),
                high: survival(pick(d, |d| d.low), pick(c, |c| c.high), at_risk.high),
            };
            Row { year, at_risk, survival }
        };
        Self { rows: (0..events.len()).map(row).collect() }
    }

    /// The rows up to the first with nobody left: a curve ends there.
    pub(crate) fn curve(&self) -> &[Row] {
        let alive = self.rows.iter().take_while(|row| row.at_risk.high > 0).count();
        &self.rows[..(alive + 1).min(self.rows.len())]
    }

    /// Whether another table, exact or not, lies within this one's bounds.
    pub(crate) fn holds(&self, exact: &[Row]) -> bool {
        const SLACK: f64 = 1e-9; // of floating point
        self.rows.iter().zip(exact).all(|(ours, theirs)| {
            let (n, s) = (theirs.at_risk.middle, theirs.survival.middle);
            let counts = ours.at_risk.low <= n && n <= ours.at_risk.high;
            counts && ours.survival.low - SLACK <= s && s <= ours.survival.high + SLACK
        })
    }

    /// The table of exact counts. A hospital could make it; the demo can, because its files are public.
    pub(crate) fn exact(events: &[u64], censored: &[u64]) -> Self {
        let [events, censored] =
            [events, censored].map(|counts| counts.iter().copied().map(Count::known).collect::<Vec<_>>());
        Self::of_counts(&events, &censored)
    }
}

fn pick<'a>(counts: &'a [Count], which: fn(&Count) -> u64) -> impl DoubleEndedIterator<Item = f64> + 'a {
    counts.iter().map(move |count| which(count) as f64)
}

/// The part that gets through all intervals, if `after` are at risk after the last.
fn survival(
    events: impl DoubleEndedIterator<Item = f64>,
    censored: impl DoubleEndedIterator<Item = f64>,
    after: u64,
) -> f64 {
    let mut at_risk = after as f64;
    let mut part = 1.0;
    let intervals: Vec<(f64, f64)> = events.zip(censored).collect();
    for (d, c) in intervals.into_iter().rev() {
        at_risk += d + c;
        // Nobody exposed, nothing happens.
        if at_risk - c / 2.0 > 0.0 {
            part *= 1.0 - d / (at_risk - c / 2.0);
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_life_table_by_hand() {
        // 100 patients: 10 events and 20 censored in the first year, 7 and 4 in the second, 59 after.
        let table = LifeTable::exact(&[10, 7, 9], &[20, 4, 50]);
        let at_risk: Vec<u64> = table.rows.iter().map(|row| row.at_risk.middle).collect();
        assert_eq!(at_risk, [100, 70, 59]);
        let survival = table.rows[2].survival.middle;
        assert!((survival - (1.0 - 10.0 / 90.0) * (1.0 - 7.0 / 68.0)).abs() < 1e-12);
    }

    /// Every combination of possible counts, against the bounds.
    #[test]
    fn bounds_are_the_extremes() {
        let ranges = [(0, 2), (1, 3), (2, 2), (0, 1), (4, 6), (0, 3)];
        let count = |(low, high): (u64, u64)| Count { low, high, ..Count::known(low.midpoint(high)) };
        let counts: Vec<Count> = ranges.into_iter().map(count).collect();
        let table = LifeTable::of_counts(&counts[..3], &counts[3..]);
        let mut lowest = [1.0f64; 3];
        let mut highest = [0.0f64; 3];
        let mut combinations = vec![vec![]];
        for (low, high) in ranges {
            combinations = combinations
                .iter()
                .flat_map(|begin| (low..=high).map(move |n| [begin.as_slice(), &[n]].concat()))
                .collect();
        }
        for counts in &combinations {
            let exact = LifeTable::exact(&counts[..3], &counts[3..]);
            assert!(table.holds(&exact.rows));
            for year in 0..3 {
                lowest[year] = lowest[year].min(exact.rows[year].survival.middle);
                highest[year] = highest[year].max(exact.rows[year].survival.middle);
            }
        }
        for year in 0..3 {
            let Share { low, high, .. } = table.rows[year].survival;
            assert!((low - lowest[year]).abs() < 1e-12 && (high - highest[year]).abs() < 1e-12, "{year}");
        }
    }
}
