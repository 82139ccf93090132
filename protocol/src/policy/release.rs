//! The release: exact aggregates in, cells out. The native twin of the circuit's policy part.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroize;

use crate::hash::Hasher;

/// The largest minimum cell and the largest rounding base of counts.
pub const MAX_COUNT_RULE: u32 = 1024;

/// The bases of the three sums are below two to these powers, in the order `s`, `ss`, `p`.
pub const SUM_BASE_BITS: [u32; 3] = [28, 44, 44];

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
    /// A sum below this is suppressed.
    pub dominance: u64,
}

impl SumParams {
    /// Not released.
    pub const OFF: Self = Self { on: false, base: 1, dominance: 0 };
    /// Released to the digit.
    pub const EXACT: Self = Self { on: true, base: 1, dominance: 0 };

    /// Rounded to a base, and suppressed where it would round to 0.
    pub const fn restrained(base: u64) -> Self {
        Self { on: true, base, dominance: base - base / 2 }
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
    /// A sum's base of 0 or beyond the circuit's limit.
    #[error("the {name} is rounded to {found}; the base must be from 1 to less than 2^{bits} ({})", 1u64 << .bits)]
    SumBase {
        /// The sum.
        name: &'static str,
        /// What was found.
        found: u64,
        /// The limit is two to this power.
        bits: u32,
    },
    /// A dominance bound that does not belong to the base.
    #[error("the {name} is suppressed below {found}; with base {base} only 0 or {expected} can be asked")]
    Dominance {
        /// The sum.
        name: &'static str,
        /// What was found.
        found: u64,
        /// The sum's base.
        base: u64,
        /// The lower edge of the base's own interval.
        expected: u64,
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
        for ((sum, name), bits) in sums.iter().zip(SUM_NAMES).zip(SUM_BASE_BITS) {
            let SumParams { base, dominance, .. } = *sum;
            if base == 0 || base >= 1 << bits {
                return Err(ParamsError::SumBase { name, found: base, bits });
            }
            let expected = base - base / 2;
            if dominance != 0 && dominance != expected {
                return Err(ParamsError::Dominance { name, found: dominance, base, expected });
            }
        }
        Ok(())
    }

    /// Feeds the parameters into a digest.
    pub fn absorb(&self, hasher: &mut Hasher) {
        hasher.u64(u64::from(self.k)).u64(u64::from(self.b)).u64(u64::from(self.show_zero));
        for sum in &self.sums {
            hasher.u64(u64::from(sum.on)).u64(sum.base).u64(sum.dominance);
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
/// suppressed where it is below its dominance bound; else it is rounded like the count, to its own base.
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
            Cell::Value(_) if exact >= rule.dominance => Cell::Value(round(exact, rule.base)),
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
mod tests {
    use super::*;

    fn params(k: u32, b: u32, show_zero: bool) -> ReleaseParams {
        ReleaseParams { k, b, show_zero, sums: [SumParams::EXACT, SumParams::restrained(100), SumParams::OFF] }
    }

    fn counts(params: &ReleaseParams, counts: &[u64]) -> Vec<Cell> {
        let groups: Vec<_> = counts.iter().map(|&n| GroupAggregates { n, ..Default::default() }).collect();
        release(&groups, params).iter().map(|cells| cells.count).collect()
    }

    #[test]
    fn counts_by_the_rule() {
        use Cell::{Suppressed, Value, Zero};
        let shown = params(8, 5, true);
        shown.check().unwrap();
        assert_eq!(
            counts(&shown, &[0, 1, 7, 8, 12, 13, 17, 18]),
            [Zero, Suppressed, Suppressed, Value(10), Value(10), Value(15), Value(15), Value(20)]
        );
        assert_eq!(counts(&params(8, 5, false), &[0, 8]), [Suppressed, Value(10)]);
        assert_eq!(counts(&params(1, 1, true), &[0, 1, 2]), [Zero, Value(1), Value(2)]);
        assert_eq!(counts(&params(5, 10, true), &[4, 5, 14, 15]), [Suppressed, Value(10), Value(10), Value(20)]);
    }

    #[test]
    fn sums_share_the_fate_of_their_count() {
        use Cell::{Suppressed, Value, Zero};
        let group = |n, s, ss| GroupAggregates { n, s, ss, p: 9 };
        let cells =
            release(&[group(0, 0, 0), group(7, 70, 700), group(9, 71, 49), group(9, 71, 50)], &params(8, 5, true));
        let sums: Vec<_> = cells.iter().map(|cells| cells.sums).collect();
        assert_eq!(
            sums,
            [
                [Some(Zero), Some(Zero), None],
                [Some(Suppressed), Some(Suppressed), None],
                [Some(Value(71)), Some(Suppressed), None],
                [Some(Value(71)), Some(Value(100)), None],
            ]
        );
    }

    #[test]
    fn a_restrained_sum_never_rounds_to_nothing() {
        for base in 1..40 {
            let rule = SumParams::restrained(base);
            assert!(round(rule.dominance, base) == base);
            assert!(rule.dominance == 0 || round(rule.dominance - 1, base) == 0);
        }
    }

    #[test]
    fn trap_14_the_smallest_cell_is_a_lower_edge() {
        let error = params(14, 10, true).check().unwrap_err();
        assert_eq!(error, ParamsError::Edge { k: 14, b: 10, next: 15 });
        assert!(error.to_string().contains("the next that is: 15"), "{error}");
        for (k, b, next) in [(8, 5, 8), (10, 10, 15), (11, 1, 11), (7, 5, 8), (1, 2, 1), (2, 2, 3), (3, 3, 5)] {
            assert_eq!(next_edge(k, b), next, "k {k}, b {b}");
        }
        // By definition: one less than an edge rounds to another value than the edge itself.
        for b in 1..30u32 {
            for k in 1..100u32 {
                let lower_edge = round(u64::from(k), b.into()) != round(u64::from(k) - 1, b.into());
                assert_eq!(next_edge(k, b) == k, lower_edge, "k {k}, b {b}");
            }
        }
    }

    #[test]
    fn what_is_suppressed_is_never_one_count() {
        let names = |k, b, show_zero| params(k, b, show_zero).check().unwrap_err();
        assert_eq!(names(2, 1, true), ParamsError::Names { k: 2, names: 1, next: 3 });
        assert_eq!(names(2, 3, true), ParamsError::Names { k: 2, names: 1, next: 5 });
        assert_eq!(names(1, 1, false), ParamsError::Names { k: 1, names: 0, next: 2 });
        assert_eq!(names(1, 2, false), ParamsError::Names { k: 1, names: 0, next: 3 });
        let sentence = names(2, 1, true).to_string();
        assert!(
            sentence.contains("and empty groups shown as 0, a suppressed group has exactly 1; the next"),
            "{sentence}"
        );
        let sentence = names(1, 1, false).to_string();
        assert!(sentence.contains("and empty groups suppressed too, a suppressed group has exactly 0"), "{sentence}");
        // By definition, over all small rules that are edges.
        for show_zero in [true, false] {
            for (b, k) in (1..12).flat_map(|b| (1..40).map(move |k| (b, k))).filter(|(b, k)| next_edge(*k, *b) == *k) {
                let rule = params(k, b, show_zero);
                let suppressed = counts(&rule, &(0..50).collect::<Vec<u64>>());
                let alone = suppressed.iter().filter(|cell| **cell == Cell::Suppressed).count() == 1;
                assert_eq!(rule.check().is_err(), alone, "{rule:?}");
                let next = next_smallest_cell(k, b, show_zero);
                assert!(params(next, b, show_zero).check().is_ok());
                assert!((k..next).all(|below| params(below, b, show_zero).check().is_err()));
            }
        }
    }

    #[test]
    fn limits_of_the_circuit() {
        let refused = |change: fn(&mut ReleaseParams)| {
            let mut params = params(1, 1, true);
            change(&mut params);
            params.check().unwrap_err().to_string()
        };
        assert!(refused(|p| p.k = 0).contains("from 1 to 1024"));
        assert!(refused(|p| p.k = 1025).contains("the smallest cell is 1025"));
        assert!(refused(|p| p.b = 1025).contains("from 1 (exact) to 1024"));
        assert!(refused(|p| p.sums[0] = SumParams::restrained(1 << 28)).contains("less than 2^28 (268435456)"));
        assert!(refused(|p| p.sums[2] = SumParams::restrained(1 << 44)).contains("sum of products"));
        assert!(refused(|p| p.sums[1].dominance = 3).contains("only 0 or 50"));
    }

    #[test]
    fn cells_in_json_and_secrets_in_debug() {
        let cells = GroupCells { count: Cell::Value(10), sums: [Some(Cell::Suppressed), Some(Cell::Zero), None] };
        let text = serde_json::to_string(&cells).unwrap();
        assert_eq!(
            text,
            r#"{"count":{"state":"value","value":10},"sums":[{"state":"suppressed"},{"state":"zero"},null]}"#
        );
        assert_eq!(serde_json::from_str::<GroupCells>(&text).unwrap(), cells);
        assert_eq!(format!("{:?}", GroupAggregates { n: 77, s: 77, ss: 77, p: 77 }), "GroupAggregates(secret)");
    }
}
