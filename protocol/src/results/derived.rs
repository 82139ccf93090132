//! Statistics worked out from released numbers alone, with what their rounding leaves open.
//!
//! A statistic is there only if every number it needs was released; otherwise it says why it is not. Nothing is ever
//! put in for a suppressed number.

use serde::{Deserialize, Serialize};

use super::cells::{Part, Range};
use super::number::Number;
use super::question::Coding;

/// The quantile of the normal distribution that leaves 2.5 % at either end.
pub const Z_95: f64 = 1.959963984540054;

/// What can be derived.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The sum of the first measure in its unit.
    SumInUnits,
    /// Its mean.
    Mean,
    /// Its standard deviation, with `n - 1`.
    Sd,
    /// The group's share among all groups.
    Proportion,
}

impl Statistic {
    /// The name used in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SumInUnits => "sum_in_units",
            Self::Mean => "mean",
            Self::Sd => "sd",
            Self::Proportion => "proportion",
        }
    }
}

/// A statistic and where the exact one can lie, given how its ingredients were rounded.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// From the released numbers as they are; nothing where they do not go together, because the count is rounded.
    pub value: Option<Number>,
    /// The lowest possible.
    pub low: Number,
    /// The highest possible.
    pub high: Number,
}

/// A group's share.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proportion {
    /// The group's released count over the total.
    pub value: Number,
    /// The lowest share that the rounding of all counts allows.
    pub low: Number,
    /// The highest.
    pub high: Number,
    /// The lower end of Wilson's 95 % interval, of the released counts as if they were exact.
    pub wilson_low: Number,
    /// The upper end.
    pub wilson_high: Number,
    /// The released counts of all groups that are shown, added up.
    pub total: i64,
    /// Whether groups are left out of the total, so that this is no share of all.
    pub of_released: bool,
    /// How many: suppressed, or (pooled) without the count of some site.
    pub suppressed_groups: usize,
}

/// A statistic that is not there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotDerived {
    /// Which.
    pub statistic: Statistic,
    /// Why.
    pub because: String,
}

/// What follows from one group's released cells.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Derived {
    /// The sum of the first measure in its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sum_in_units: Option<Estimate>,
    /// Its mean, in its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Estimate>,
    /// Its standard deviation with `n - 1`, in its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sd: Option<Estimate>,
    /// The group's share among all groups.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proportion: Option<Proportion>,
    /// What the query asked the ingredients of and what is still not there.
    pub not_derived: Vec<NotDerived>,
}

/// The cells of a group that statistics are derived from: the count, the sum and the sum of squares if asked for.
pub(super) struct Parts<'a> {
    pub(super) count: Part<'a>,
    pub(super) sum: Option<Part<'a>>,
    pub(super) sum_of_squares: Option<Part<'a>>,
}

/// Ingredients that go together, or why there are none.
type Together<const N: usize> = Result<[Range; N], String>;

fn together<const N: usize>(parts: [(&'static str, Part<'_>); N]) -> Together<N> {
    let mut ranges = [Range::EMPTY; N];
    let mut first: Option<&[String]> = None;
    for (range, (name, part)) in ranges.iter_mut().zip(parts) {
        let left_out = match part {
            Part::Number(number, left_out) => {
                *range = number;
                left_out
            }
            Part::Empty => return Err("the group is empty".into()),
            Part::Hidden => return Err(format!("the {name} is suppressed")),
        };
        if *first.get_or_insert(left_out) != left_out {
            return Err(format!("the {name} is without other sites than the {}", parts[0].0));
        }
    }
    Ok(ranges)
}

impl Derived {
    /// The statistics of the measure.
    pub(super) fn of_measure(parts: &Parts<'_>, coding: Option<&Coding>) -> Self {
        let mut derived = Self::default();
        let (Some(sum), Some(coding)) = (parts.sum, coding) else { return derived };
        let (n, s) = (("count", parts.count), ("sum", sum));
        match together([n, s]) {
            Ok([n, s]) => {
                derived.sum_in_units = Some(sum_in_units(n, s, coding));
                derived.mean = Some(mean(n, s, coding));
            }
            Err(because) => {
                derived.refuse(Statistic::SumInUnits, because.clone());
                derived.refuse(Statistic::Mean, because);
            }
        }
        if let Some(squares) = parts.sum_of_squares {
            match together([n, s, ("sum of squares", squares)]).and_then(|[n, s, ss]| sd(n, s, ss, coding)) {
                Ok(estimate) => derived.sd = Some(estimate),
                Err(because) => derived.refuse(Statistic::Sd, because),
            }
        }
        derived
    }

    fn refuse(&mut self, statistic: Statistic, because: String) {
        self.not_derived.push(NotDerived { statistic, because });
    }

    /// Adds the group's share, or why there is none.
    pub(super) fn add_share(&mut self, share: Result<Proportion, &'static str>) {
        match share {
            Ok(proportion) => self.proportion = Some(proportion),
            Err(because) => self.refuse(Statistic::Proportion, because.into()),
        }
    }
}

/// `offset n + step s`. Falls with `n` where the offset is negative.
fn sum_in_units(n: Range, s: Range, coding: &Coding) -> Estimate {
    let (least, most) = if coding.is_negative() { (n.high, n.low) } else { (n.low, n.high) };
    Estimate {
        value: Some(Number::nearest(coding.sum(n.value, s.value))),
        low: Number::below(coding.sum(least, s.low)),
        high: Number::above(coding.sum(most, s.high)),
    }
}

/// `offset + step s / n`: rises with `s` and falls with `n`, since coded sums are never negative.
fn mean(n: Range, s: Range, coding: &Coding) -> Estimate {
    Estimate {
        value: Some(Number::nearest(coding.mean(n.value, s.value))),
        low: Number::below(coding.mean(n.high, s.low)),
        high: Number::above(coding.mean(n.low, s.high)),
    }
}

/// `step sqrt((ss - s^2 / n) / (n - 1))`.
fn sd(n: Range, s: Range, ss: Range, coding: &Coding) -> Result<Estimate, String> {
    if n.value < 2 || n.high < 2 {
        return Err("a standard deviation needs two rows".into());
    }
    let root = |variance: f64| coding.distance(variance.max(0.0).sqrt());
    let extremes = |s: i64, ss: i64| at_extremes(n, s, ss).map(move |n| variance(n, s, ss));
    let lowest = extremes(s.high, ss.low).fold(f64::INFINITY, f64::min);
    let highest = extremes(s.low, ss.high).fold(0.0, f64::max);
    let variance = variance(n.value, s.value, ss.value);
    let noised = n.noised || s.noised || ss.noised;
    Ok(Estimate {
        value: (variance >= 0.0 && !(noised && n.value < 2)).then(|| Number::nearest(root(variance))),
        low: Number::below(root(lowest)),
        high: Number::above(root(highest)),
    })
}

/// In coded units. Exact integers up to the division: the difference of two large numbers loses nothing. Their bounds
/// (see `cells`) keep both far below 2^127.
fn variance(n: i64, s: i64, ss: i64) -> f64 {
    let [n, s, ss] = [n, s, ss].map(i128::from);
    (n * ss - s * s) as f64 / (n * (n - 1)) as f64
}

/// The counts, of those that are possible and at least 2, where the variance can be lowest or highest for a given
/// `s` and `ss`: both ends, and those around the zeros of its derivative, `ss n^2 - 2 s^2 n + s^2`.
fn at_extremes(n: Range, s: i64, ss: i64) -> impl Iterator<Item = i64> {
    let (low, high) = (n.low.max(2), n.high.max(2));
    let (square, ss) = (s as f64 * s as f64, ss as f64);
    let zeros = [1.0, -1.0].map(|sign| (square + sign * s as f64 * (square - ss).max(0.0).sqrt()) / ss);
    let around = zeros.into_iter().filter(|n| n.is_finite()).flat_map(|n| [n.floor() as i64, n.ceil() as i64]);
    [low, high].into_iter().chain(around).map(move |n| n.clamp(low, high))
}

/// Each group's share among those whose counts are shown in full.
pub(super) fn shares(counts: &[Part<'_>]) -> Vec<Result<Proportion, &'static str>> {
    let full = |part: &Part<'_>| match part {
        Part::Number(range, []) => Some(*range),
        Part::Empty => Some(Range::EMPTY),
        Part::Number(..) | Part::Hidden => None,
    };
    let known: Vec<Option<Range>> = counts.iter().map(full).collect();
    let total = known.iter().flatten().fold(Range::EMPTY, |sum, range| sum.plus(*range));
    let shown = known.iter().flatten().count();
    let suppressed_groups = known.len() - shown;
    let share = |(part, range): (&Part<'_>, &Option<Range>)| {
        let range = match (range, part) {
            (Some(range), _) => range,
            (None, Part::Hidden) => return Err("the count is suppressed"),
            (None, _) => return Err("the count is without some sites"),
        };
        if shown < 2 {
            return Err("no other group is shown");
        }
        if total.value == 0 {
            return Err("all groups that are shown are empty");
        }
        // The share rises with the group's own count and falls with all others.
        let part = |own: i64, others: i64| own as f64 / (own + others).max(1) as f64;
        let (wilson_low, wilson_high) = match total.noised {
            false => wilson(range.value, total.value),
            // The outermost shares that the noise leaves, of as many patients as they have.
            true => (
                wilson(range.low, range.low + total.high - range.high).0,
                wilson(range.high, range.high + total.low - range.low).1,
            ),
        };
        Ok(Proportion {
            value: Number::nearest(part(range.value, total.value - range.value)),
            low: Number::below(part(range.low, total.high - range.high)),
            high: Number::above(part(range.high, total.low - range.low)),
            wilson_low: Number::nearest(wilson_low),
            wilson_high: Number::nearest(wilson_high),
            total: total.value,
            of_released: suppressed_groups > 0,
            suppressed_groups,
        })
    };
    counts.iter().zip(&known).map(share).collect()
}

/// Wilson's score interval for `x` of `n`, 95 %, without continuity correction: both solutions `p` of
/// `|x / n - p| = z sqrt(p (1 - p) / n)`. Of none of none, everything is possible.
pub fn wilson(x: i64, n: i64) -> (f64, f64) {
    if n <= 0 {
        return (0.0, 1.0);
    }
    let (p, count, square) = (x as f64 / n as f64, n as f64, Z_95 * Z_95);
    let centre = p + square / (2.0 * count);
    let half = Z_95 * (p * (1.0 - p) / count + square / (4.0 * count * count)).max(0.0).sqrt();
    let scale = 1.0 + square / count;
    // Exact at the ends, where the formula leaves noise.
    let low = if x == 0 { 0.0 } else { ((centre - half) / scale).max(0.0) };
    let high = if x >= n { 1.0 } else { ((centre + half) / scale).min(1.0) };
    (low, high)
}
