//! Numbers with noise in them: how far the exact ones can be away.

use super::cells::{Because, SiteCell, signed};
use crate::policy::{Cell, GroupCells, NOISED_BITS, NoisedParams, SUM_NAMES};
use crate::shape::AGGREGATES;

/// All intervals of one site's answer hold at once but for one case in so many.
const ONCE_IN: u64 = 20;

/// How large the noise of each aggregate is at most, with the chance that all numbers of one site's answer share.
pub(super) struct Spread([u64; AGGREGATES]);

impl Spread {
    /// For every number of an answer together: each one's share of the chance to miss is the same (Bonferroni).
    pub(super) fn of(params: &NoisedParams) -> Self {
        let numbers = params.groups() * params.laws().iter().flatten().count();
        let once_in = ONCE_IN.saturating_mul(numbers as u64);
        Self(params.laws().each_ref().map(|law| law.as_ref().map_or(0, |law| law.reach(once_in))))
    }

    /// All cells of a group. What the rule could not have released is refused, with the reason.
    pub(super) fn group(
        &self,
        cells: &GroupCells,
        params: &NoisedParams,
    ) -> Result<(SiteCell, [Option<SiteCell>; 3]), String> {
        let (k, b) = (i64::from(params.k()), i64::from(params.b()));
        let count = match cells.count {
            Cell::Suppressed => SiteCell::hidden(format!("~<{k}"), Because::NoisedBelowSmallestCell),
            Cell::Noised(value) if value % b == 0 && value >= (k + b / 2) / b * b && is_in_range(value) => {
                // The noised count is in the interval of rounding, and reaches k.
                let (low, high) = ((value - b / 2).max(k), value - b / 2 + b - 1);
                let noise = signed(self.0[0]);
                SiteCell::noised(value, [low - noise, high + noise])
            }
            cell => {
                return Err(format!(
                    "the count is {cell}, which noise, a smallest cell of {k} and rounding to {b} never release"
                ));
            }
        };
        let mut sums = [None, None, None];
        for (i, shown) in sums.iter_mut().enumerate() {
            let noise = signed(self.0[i + 1]);
            *shown = match (cells.sums[i], params.asked()[i]) {
                (Some(Cell::Suppressed), true) if cells.count == Cell::Suppressed => {
                    Some(SiteCell::hidden("suppressed".into(), Because::CountSuppressed))
                }
                (Some(Cell::Noised(value)), true) if cells.count != Cell::Suppressed && is_in_range(value) => {
                    Some(SiteCell::noised(value, [value - noise, value + noise]))
                }
                (None, false) => None,
                (found, _) => {
                    let found = found.map_or_else(|| "not there".to_owned(), |cell| format!("{cell}"));
                    let name = SUM_NAMES[i];
                    return Err(format!(
                        "the {name} is {found} beside the count {}; no rule under noise releases that",
                        cells.count
                    ));
                }
            };
        }
        Ok((count, sums))
    }
}

fn is_in_range(value: i64) -> bool {
    value.unsigned_abs() < 1 << NOISED_BITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::NoiseLaw;
    use crate::shape::STANDARD_NOISE;

    fn params() -> NoisedParams {
        let law = |epsilon: &str, most| Some(NoiseLaw::new(epsilon.parse().unwrap(), most).unwrap());
        NoisedParams::fit(8, 5, [law("0.5", 1), law("0.5", 60), None, None], 2, &STANDARD_NOISE).unwrap()
    }

    #[test]
    fn intervals_are_as_wide_as_the_noise_and_the_rounding() {
        let (params, spread) = (params(), Spread::of(&params()));
        // Four numbers: one in 80. 2 a^(m+1) / (1 + a) <= 1/80 for a = e^-0.5.
        assert_eq!(spread.0[0], 9);
        let cells = GroupCells { count: Cell::Noised(20), sums: [Some(Cell::Noised(-7)), None, None] };
        let (count, [sum, None, None]) = spread.group(&cells, &params).unwrap() else { panic!("one sum") };
        assert_eq!(count, SiteCell::Noised { shown: "~20".into(), value: 20, low: 18 - 9, high: 22 + 9 });
        let high = spread.0[1] - 7;
        assert_eq!(sum, Some(SiteCell::Noised { shown: "~-7".into(), value: -7, low: 0, high }));
        let hidden = GroupCells { count: Cell::Suppressed, sums: [Some(Cell::Suppressed), None, None] };
        let (count, _) = spread.group(&hidden, &params).unwrap();
        assert_eq!(count, SiteCell::hidden("~<8".into(), Because::NoisedBelowSmallestCell));
    }

    #[test]
    fn what_no_rule_under_noise_releases_is_refused() {
        let (params, spread) = (params(), Spread::of(&params()));
        let sum = Some(Cell::Noised(3));
        let refused = |count, sums| spread.group(&GroupCells { count, sums }, &params).unwrap_err();
        for count in [Cell::Noised(21), Cell::Noised(5), Cell::Noised(-5), Cell::Zero, Cell::Value(20)] {
            assert!(refused(count, [sum, None, None]).contains("never release"), "{count}");
        }
        for sums in
            [[None; 3], [Some(Cell::Value(3)), None, None], [sum, sum, None], [Some(Cell::Noised(1 << 54)), None, None]]
        {
            assert!(refused(Cell::Noised(20), sums).contains("no rule under noise"), "{sums:?}");
        }
        assert!(refused(Cell::Suppressed, [sum, None, None]).contains("no rule under noise"));
    }
}
