//! Released cells as they are shown: what is known, what is zero, and what is not shown.

use serde::{Deserialize, Serialize};

use crate::policy::{Cell, GroupCells, ReleaseParams, SUM_NAMES, SumParams};

/// No shape has so many rows that a count could be this large.
const MAX_COUNT: u64 = 1 << 32;
/// No shape's three sums reach these; up to 2^53 every reader of JSON keeps integers exactly.
const MAX_SUMS: [u64; 3] = [1 << 40, 1 << 53, 1 << 53];

/// A released number and the exact ones that its rounding allows, both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Range {
    pub(super) value: u64,
    pub(super) low: u64,
    pub(super) high: u64,
}

impl Range {
    pub(super) const EMPTY: Self = Self { value: 0, low: 0, high: 0 };

    /// The rule of release read backwards. `base floor((x + h) / base)` with `h = floor(base / 2)` is `value` for
    /// `value - h <= x < value - h + base`; and nothing below `least` is released as a value.
    fn of(value: u64, base: u64, least: u64) -> Self {
        let half = base / 2;
        Self { value, low: value.saturating_sub(half).max(least), high: value + (base - half - 1) }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { value: self.value + other.value, low: self.low + other.low, high: self.high + other.high }
    }
}

/// Why a site's cell is not shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// A count that is at least 1 and below the smallest cell.
    BelowSmallestCell,
    /// A count that is below the smallest cell and may be 0: the policy does not show empty groups.
    BelowSmallestCellOrEmpty,
    /// A sum whose group's count is not shown.
    CountSuppressed,
    /// A restrained sum that is near 0, or near the most that its group could add up to.
    NearBound,
}

impl Because {
    /// In words.
    pub const fn words(self) -> &'static str {
        match self {
            Self::BelowSmallestCell => "below the smallest cell, and not 0",
            Self::BelowSmallestCellOrEmpty => "below the smallest cell, or 0",
            Self::CountSuppressed => "the group's count is suppressed",
            Self::NearBound => "near 0, or near the most that the group could add up to",
        }
    }
}

/// A site's cell. `shown` is its text for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum SiteCell {
    /// A number.
    Value {
        /// The number in digits.
        shown: String,
        /// The released number; sums are in coded units.
        value: u64,
        /// The lowest exact number that is released so.
        low: u64,
        /// The highest exact number that is released so.
        high: u64,
    },
    /// The group is empty, and shown as empty.
    Zero {
        /// `0`.
        shown: String,
    },
    /// Not shown.
    Suppressed {
        /// `<k` for a count, `suppressed` for a sum.
        shown: String,
        /// Why.
        because: Because,
    },
}

/// The sites' cells of one group added up. `shown` is its text for people.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case", deny_unknown_fields)]
pub enum PooledCell {
    /// Every site that answered shows the cell.
    Value {
        /// The number in digits.
        shown: String,
        /// The sum of the released numbers.
        value: u64,
        /// The sum of the lowest exact numbers.
        low: u64,
        /// The sum of the highest exact numbers.
        high: u64,
    },
    /// Every site that answered shows the group as empty.
    Zero {
        /// `0`.
        shown: String,
    },
    /// Some sites show a number and some suppress theirs: the sum over those that do not, and no guess at the rest.
    Partial {
        /// The number, and how many sites are not in it.
        shown: String,
        /// The sum of the released numbers.
        value: u64,
        /// The sum of their lowest exact numbers; nothing is in it for sites left out.
        low: u64,
        /// The sum of their highest exact numbers; nothing is in it for sites left out.
        high: u64,
        /// The sites that suppress the cell.
        left_out: Vec<String>,
    },
    /// No site shows a number, and not every site shows 0.
    Suppressed {
        /// `suppressed`.
        shown: String,
        /// The sites that suppress the cell.
        left_out: Vec<String>,
    },
}

/// What a cell gives to derived statistics.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part<'a> {
    /// A released number, and the sites that are not in it.
    Number(Range, &'a [String]),
    /// Zero.
    Empty,
    /// Nothing.
    Hidden,
}

/// A cell of a site or of all.
pub(super) trait Shown {
    fn part(&self) -> Part<'_>;
}

const SUPPRESSED: &str = "suppressed";

impl SiteCell {
    fn value(range: Range) -> Self {
        let Range { value, low, high } = range;
        Self::Value { shown: value.to_string(), value, low, high }
    }

    fn zero() -> Self {
        Self::Zero { shown: "0".into() }
    }

    /// A released count. What the policy could not have released is refused, with the reason.
    fn count(cell: Cell, params: &ReleaseParams) -> Result<Self, String> {
        let (k, b) = (u64::from(params.k), u64::from(params.b));
        match cell {
            Cell::Zero if !params.show_zero => {
                Err("is shown as empty, and the policy does not show empty groups".into())
            }
            Cell::Zero => Ok(Self::zero()),
            Cell::Suppressed if params.show_zero && k == 1 => {
                Err("is suppressed, and the policy shows every count".into())
            }
            Cell::Suppressed => {
                let because =
                    if params.show_zero { Because::BelowSmallestCell } else { Because::BelowSmallestCellOrEmpty };
                Ok(Self::Suppressed { shown: format!("<{k}"), because })
            }
            Cell::Value(value) if value > MAX_COUNT || value % b != 0 || value + (b - b / 2 - 1) < k => {
                Err(format!("is {value}, which a smallest cell of {k} and rounding to {b} never release"))
            }
            Cell::Value(value) => Ok(Self::value(Range::of(value, b, k))),
        }
    }

    /// A released sum of a group with this count, of which at most so many rows are counted.
    fn sum(cell: Cell, rule: SumParams, limit: u64, count: Cell, rows: u64) -> Result<Self, String> {
        match (cell, count) {
            (Cell::Zero, Cell::Zero) => Ok(Self::zero()),
            (Cell::Suppressed, Cell::Suppressed) => {
                Ok(Self::Suppressed { shown: SUPPRESSED.into(), because: Because::CountSuppressed })
            }
            (Cell::Suppressed, Cell::Value(_)) if rule.dominance > 0 => {
                Ok(Self::Suppressed { shown: SUPPRESSED.into(), because: Because::NearBound })
            }
            (Cell::Value(value), Cell::Value(_)) => {
                let SumParams { base, dominance, .. } = rule;
                let range = Range::of(value.min(limit), base, dominance);
                // Of all sums that round to it the lowest is the last to be suppressed for being near the most.
                if value > limit || value % base != 0 || range.high < dominance || rule.hides(range.low, rows) {
                    return Err(format!(
                        "is {value}, which rounding to {base} and suppression within {dominance} of either end never release"
                    ));
                }
                Ok(Self::value(range))
            }
            _ => Err(format!("is \"{cell}\" beside a count that is \"{count}\"; no policy releases that")),
        }
    }

    /// All cells of a group: the count and the three sums. The parameters have been checked.
    pub(super) fn group(cells: &GroupCells, params: &ReleaseParams) -> Result<(Self, [Option<Self>; 3]), String> {
        let count = Self::count(cells.count, params).map_err(|reason| format!("the count {reason}"))?;
        let rows = if let Self::Value { high, .. } = count { high } else { 0 };
        let mut sums = [None, None, None];
        for (i, shown) in sums.iter_mut().enumerate() {
            let (rule, name) = (params.sums[i], SUM_NAMES[i]);
            *shown = match (cells.sums[i], rule.on) {
                (Some(cell), true) => Some(
                    Self::sum(cell, rule, MAX_SUMS[i], cells.count, rows)
                        .map_err(|reason| format!("the {name} {reason}"))?,
                ),
                (None, false) => None,
                (Some(_), false) => return Err(format!("the {name} is there, and the policy does not release it")),
                (None, true) => return Err(format!("the {name} is not there, and the policy releases it")),
            };
        }
        Ok((count, sums))
    }

    /// The cell as it was released.
    pub const fn released(&self) -> Cell {
        match self {
            Self::Value { value, .. } => Cell::Value(*value),
            Self::Zero { .. } => Cell::Zero,
            Self::Suppressed { .. } => Cell::Suppressed,
        }
    }
}

impl Shown for SiteCell {
    fn part(&self) -> Part<'_> {
        match self {
            Self::Value { value, low, high, .. } => Part::Number(Range { value: *value, low: *low, high: *high }, &[]),
            Self::Zero { .. } => Part::Empty,
            Self::Suppressed { .. } => Part::Hidden,
        }
    }
}

impl PooledCell {
    /// Adds up the cells of the sites that answered, each with its site's name.
    pub(super) fn of<'a>(cells: impl IntoIterator<Item = (&'a str, &'a SiteCell)>) -> Self {
        let (mut sum, mut numbers, mut sites, mut left_out) = (Range::EMPTY, 0usize, 0usize, Vec::new());
        for (site, cell) in cells {
            sites += 1;
            match cell.part() {
                Part::Number(range, _) => {
                    sum = sum.plus(range);
                    numbers += 1;
                }
                Part::Empty => {}
                Part::Hidden => left_out.push(site.to_owned()),
            }
        }
        let Range { value, low, high } = sum;
        match (numbers, left_out.len()) {
            (0, 0) => Self::Zero { shown: "0".into() },
            // Zeros beside suppressed cells: "0" would be read as if nobody were there.
            (0, _) => Self::Suppressed { shown: SUPPRESSED.into(), left_out },
            (_, 0) => Self::Value { shown: value.to_string(), value, low, high },
            (_, missing) => {
                let shown = format!("{value} ({missing} of {sites} sites suppressed)");
                Self::Partial { shown, value, low, high, left_out }
            }
        }
    }
}

impl Shown for PooledCell {
    fn part(&self) -> Part<'_> {
        match self {
            Self::Value { value, low, high, .. } => Part::Number(Range { value: *value, low: *low, high: *high }, &[]),
            Self::Partial { value, low, high, left_out, .. } => {
                Part::Number(Range { value: *value, low: *low, high: *high }, left_out)
            }
            Self::Zero { .. } => Part::Empty,
            Self::Suppressed { .. } => Part::Hidden,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(k: u32, b: u32, show_zero: bool) -> ReleaseParams {
        ReleaseParams { k, b, show_zero, sums: [SumParams::OFF; 3] }
    }

    #[test]
    fn intervals_are_exactly_the_numbers_released_so() {
        use crate::policy::{GroupAggregates, release};
        for (k, b) in [(8, 5), (1, 1), (5, 10), (15, 10), (1, 2), (3, 1), (9, 6)] {
            let params = counts(k, b, true);
            params.check().unwrap();
            let groups: Vec<_> = (0..100).map(|n| GroupAggregates { n, ..Default::default() }).collect();
            let released: Vec<Cell> = release(&groups, &params).iter().map(|cells| cells.count).collect();
            for n in 0..80u64 {
                let cell = released[n as usize];
                let SiteCell::Value { low, high, .. } = SiteCell::count(cell, &params).unwrap() else { continue };
                let same: Vec<u64> = (0..100).filter(|m| released[*m as usize] == cell).collect();
                assert_eq!((Some(&low), Some(&high)), (same.first(), same.last()), "k {k}, b {b}, n {n}");
            }
        }
        assert_eq!(Range::of(200, 100, 50), Range { value: 200, low: 150, high: 249 });
        assert_eq!(Range::of(0, 1, 0), Range::EMPTY);
    }

    #[test]
    fn states_are_kept_apart() {
        let shown = |cell, params: &ReleaseParams| SiteCell::count(cell, params).unwrap();
        let rule = counts(8, 5, true);
        assert_eq!(shown(Cell::Zero, &rule), SiteCell::Zero { shown: "0".into() });
        let small = |because| SiteCell::Suppressed { shown: "<8".into(), because };
        assert_eq!(shown(Cell::Suppressed, &rule), small(Because::BelowSmallestCell));
        assert_eq!(shown(Cell::Suppressed, &counts(8, 5, false)), small(Because::BelowSmallestCellOrEmpty));
        let sum = |cell, count| SiteCell::sum(cell, SumParams::restrained(8, 10), 1000, count, 12).unwrap();
        let hidden = |because| SiteCell::Suppressed { shown: "suppressed".into(), because };
        assert_eq!(sum(Cell::Suppressed, Cell::Suppressed), hidden(Because::CountSuppressed));
        assert_eq!(sum(Cell::Suppressed, Cell::Value(10)), hidden(Because::NearBound));
        assert_eq!(sum(Cell::Zero, Cell::Zero), SiteCell::zero());
    }

    #[test]
    fn what_no_policy_releases_is_refused() {
        let count = |cell, params| SiteCell::count(cell, &params).unwrap_err();
        assert!(count(Cell::Value(7), counts(8, 5, true)).contains("rounding to 5"));
        assert!(count(Cell::Value(5), counts(8, 5, true)).contains("is 5"));
        assert!(count(Cell::Value(0), counts(1, 1, true)).contains("is 0"));
        assert!(count(Cell::Value(u64::MAX), counts(1, 1, true)).contains("never release"));
        assert!(count(Cell::Zero, counts(8, 5, false)).contains("does not show empty groups"));
        assert!(count(Cell::Suppressed, counts(1, 1, true)).contains("shows every count"));
        let sum = |cell, rule, count| SiteCell::sum(cell, rule, 1000, count, 22).unwrap_err();
        let restrained = SumParams::restrained(8, 10);
        assert!(sum(Cell::Value(150), restrained, Cell::Value(20)).contains("rounding to 160"));
        assert!(sum(Cell::Value(0), restrained, Cell::Value(20)).contains("within 80 of either end"));
        // Of 22 rows, 220 at most: 80 to 140 are shown, as 160.
        assert!(SiteCell::sum(Cell::Value(160), restrained, 1000, Cell::Value(20), 22).is_ok());
        assert!(sum(Cell::Value(320), restrained, Cell::Value(20)).contains("is 320"));
        assert!(SiteCell::sum(Cell::Value(160), restrained, 1000, Cell::Value(10), 15).is_err());
        assert!(sum(Cell::Value(1001), SumParams::EXACT, Cell::Value(10)).contains("never release"));
        assert!(sum(Cell::Suppressed, SumParams::EXACT, Cell::Value(10)).contains("beside a count"));
        for (cell, count) in [(Cell::Value(100), Cell::Suppressed), (Cell::Value(100), Cell::Zero)] {
            assert!(sum(cell, restrained, count).contains("no policy releases that"));
        }
        assert!(sum(Cell::Zero, restrained, Cell::Suppressed).contains("no policy releases that"));
        let with_sum = GroupCells { count: Cell::Value(10), sums: [Some(Cell::Value(1)), None, None] };
        assert!(SiteCell::group(&with_sum, &counts(8, 5, true)).unwrap_err().contains("does not release it"));
        let sums = [SumParams::EXACT, SumParams::EXACT, SumParams::OFF];
        let params = ReleaseParams { sums, ..counts(8, 5, true) };
        assert!(SiteCell::group(&with_sum, &params).unwrap_err().contains("sum of squares is not there"));
    }

    #[test]
    fn pooled_cells() {
        let rule = counts(8, 5, true);
        let [ten, twenty, zero, small] = [Cell::Value(10), Cell::Value(20), Cell::Zero, Cell::Suppressed]
            .map(|cell| SiteCell::count(cell, &rule).unwrap());
        let pool = |cells: &[&SiteCell]| PooledCell::of(["a", "b", "c"].into_iter().zip(cells.iter().copied()));
        assert_eq!(
            pool(&[&ten, &zero, &twenty]),
            PooledCell::Value { shown: "30".into(), value: 30, low: 26, high: 34 }
        );
        assert_eq!(pool(&[&zero, &zero]), PooledCell::Zero { shown: "0".into() });
        assert_eq!(
            pool(&[&ten, &small, &small]),
            PooledCell::Partial {
                shown: "10 (2 of 3 sites suppressed)".into(),
                value: 10,
                low: 8,
                high: 12,
                left_out: vec!["b".into(), "c".into()],
            }
        );
        for cells in [[&small, &small], [&zero, &small], [&small, &zero]] {
            assert!(matches!(pool(&cells), PooledCell::Suppressed { shown, .. } if shown == "suppressed"));
        }
    }
}
