//! The release under noise: exact aggregates and their noise in, cells out (statement page *Noise, proved*).

use super::document::describe_count_rule;
use super::release::{Cell, GroupAggregates, GroupCells, MAX_COUNT_RULE, ParamsError, SUM_NAMES, next_edge};
use crate::hash::Hasher;
use crate::noise::{Delta, Epsilon, LawError, NoiseLaw, decimal};
use crate::query::Plan;
use crate::shape::{AGGREGATES, NoiseShape, Shape};

/// Magnitudes of noised cells are below two to this power: sums are below `2^53`, their noise below `2^50`.
pub const NOISED_BITS: u32 = 54;

/// A release under noise states a delta of at most one over two to this power.
pub const MAX_DELTA_POWER: u32 = 40;

/// Why a plan's answer cannot be noised as asked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NoisedError {
    /// The counts' rule is none that the circuit takes.
    #[error(transparent)]
    Params(#[from] ParamsError),
    /// An aggregate is asked for and has no epsilon, or the other way round.
    #[error("the query {} the {aggregate}, and the request {} an epsilon for it", if *.asked { "asks for" } else { "does not ask for" },
        if *.asked { "names no" } else { "names" })]
    Asked {
        /// The aggregate.
        aggregate: &'static str,
        /// Whether the query asks for it.
        asked: bool,
    },
    /// There is no such law.
    #[error("the {aggregate}: {source}")]
    Law {
        /// The aggregate.
        aggregate: &'static str,
        /// Why.
        source: LawError,
    },
    /// The shape has no noise at all.
    #[error("answers of shape {shape} are exact; noise has the shapes {}", Shape::NOISED.map(|shape| shape.name).join(", "))]
    Exact {
        /// The shape.
        shape: &'static str,
    },
    /// Hardly any noise.
    #[error(
        "with {epsilons} there is hardly any noise: delta is {delta}, and may be at most 2^-{MAX_DELTA_POWER}; ask with a smaller epsilon"
    )]
    Weak {
        /// The epsilons, in words.
        epsilons: String,
        /// Their delta.
        delta: Delta,
    },
    /// No layout of the shape holds it.
    #[error(
        "{groups} groups with {} digits of noise for {names} fit in none of the layouts ({layouts}); ask for fewer groups or \
         aggregates, narrower bounds, or a larger epsilon", list(.digits)
    )]
    Room {
        /// The plan's groups.
        groups: usize,
        /// The digits that each aggregate needs.
        digits: Vec<usize>,
        /// The aggregates.
        names: String,
        /// What there is.
        layouts: String,
    },
}

fn list(digits: &[usize]) -> String {
    digits.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// An aggregate's name.
pub fn aggregate_name(aggregate: usize) -> &'static str {
    aggregate.checked_sub(1).map_or("count", |sum| SUM_NAMES[sum])
}

/// By how much one row that counts or does not changes each aggregate at most, in coded units: from the bounds that the plan
/// enforces. At least 1.
pub fn sensitivities(plan: &Plan) -> [u64; AGGREGATES] {
    let most = |measure: &Option<crate::query::Measure>| measure.as_ref().map_or(1, |m| u64::from(m.hi.max(1)));
    let (y, z) = (most(&plan.y), most(&plan.z));
    [1, y, y * y, y * z]
}

/// The numbers of the release rule under noise for one plan. Only [`NoisedParams::fit`] makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoisedParams {
    k: u32,
    b: u32,
    laws: [Option<NoiseLaw>; AGGREGATES],
    groups: usize,
    layout: usize,
}

impl NoisedParams {
    /// The rule of a plan, with the epsilon of each aggregate that it asks for: counts from `k` on, rounded to `b`, every aggregate with the noise of its epsilon, laid out in the
    /// shape's first layout that holds them.
    ///
    /// # Errors
    /// Counts' rules that the circuit does not take; an aggregate asked for without an epsilon, or the other way round; too
    /// many groups or digits for every layout.
    pub fn of_plan(
        k: u32,
        b: u32,
        plan: &Plan,
        epsilons: &[Option<Epsilon>; AGGREGATES],
        shape: &Shape,
    ) -> Result<Self, NoisedError> {
        let noise = shape.noise.ok_or(NoisedError::Exact { shape: shape.name })?;
        let [sum, squares, products] = plan.asked.as_array();
        let mut laws = [const { None }; AGGREGATES];
        for (j, asked) in [true, sum, squares, products].into_iter().enumerate() {
            let aggregate = aggregate_name(j);
            laws[j] = match (asked, epsilons[j]) {
                (false, None) => None,
                (true, Some(epsilon)) => Some(
                    NoiseLaw::new(epsilon, sensitivities(plan)[j])
                        .map_err(|source| NoisedError::Law { aggregate, source })?,
                ),
                (asked, _) => return Err(NoisedError::Asked { aggregate, asked }),
            };
        }
        Self::fit(k, b, laws, plan.groups(), noise)
    }

    /// The rule with laws of its own; the count's has to be there.
    ///
    /// # Errors
    /// As [`NoisedParams::of_plan`].
    pub fn fit(
        k: u32,
        b: u32,
        laws: [Option<NoiseLaw>; AGGREGATES],
        groups: usize,
        noise: &NoiseShape,
    ) -> Result<Self, NoisedError> {
        if k == 0 || k > MAX_COUNT_RULE {
            return Err(ParamsError::SmallestCell { found: k }.into());
        }
        if b == 0 || b > MAX_COUNT_RULE {
            return Err(ParamsError::Rounding { found: b }.into());
        }
        let next = next_edge(k, b);
        if next != k {
            return Err(ParamsError::Edge { k, b, next }.into());
        }
        if laws[0].is_none() {
            return Err(NoisedError::Asked { aggregate: aggregate_name(0), asked: true });
        }
        let delta = laws.iter().flatten().fold(Delta::default(), |sum, law| sum.plus(law.delta()));
        if laws.iter().flatten().any(|law| law.thresholds().is_empty()) || delta > Delta::half_to_the(MAX_DELTA_POWER) {
            let named = laws.iter().enumerate().filter_map(|(j, law)| Some((j, law.as_ref()?.epsilon())));
            let epsilons = named.map(|(j, epsilon)| format!("{epsilon} for the {}", aggregate_name(j)));
            return Err(NoisedError::Weak { epsilons: epsilons.collect::<Vec<_>>().join(", "), delta });
        }
        let digits = laws.each_ref().map(|law| law.as_ref().map_or(0, |law| law.thresholds().len()));
        let holds = |place: &usize| {
            let layout = &noise.layouts[*place];
            groups <= layout.groups && digits.iter().zip(layout.digits).all(|(needed, room)| *needed <= room)
        };
        let Some(layout) = (0..noise.layouts.len()).find(holds) else {
            let asked = (0..AGGREGATES).filter(|j| laws[*j].is_some());
            let layouts = noise.layouts.iter().map(|layout| format!("{}: {}", layout.groups, list(&layout.digits)));
            return Err(NoisedError::Room {
                groups,
                digits: asked.clone().map(|j| digits[j]).collect(),
                names: asked.map(aggregate_name).collect::<Vec<_>>().join(", "),
                layouts: layouts.collect::<Vec<_>>().join("; "),
            });
        };
        Ok(Self { k, b, laws, groups, layout })
    }

    /// The smallest noised count that is shown.
    pub const fn k(&self) -> u32 {
        self.k
    }

    /// Noised counts are rounded to multiples of this.
    pub const fn b(&self) -> u32 {
        self.b
    }

    /// The law of each aggregate that is asked for.
    pub const fn laws(&self) -> &[Option<NoiseLaw>; AGGREGATES] {
        &self.laws
    }

    /// Whether each of the three sums is asked for.
    pub fn asked(&self) -> [bool; 3] {
        let [_, s, ss, p] = &self.laws;
        [s.is_some(), ss.is_some(), p.is_some()]
    }

    /// The plan's groups: no other group has noise.
    pub const fn groups(&self) -> usize {
        self.groups
    }

    /// The place of the layout in the shape's list.
    pub const fn layout(&self) -> usize {
        self.layout
    }

    /// The threshold of every digit of the shape, 0 where there is no noise.
    pub fn thresholds(&self, noise: &NoiseShape) -> Vec<u64> {
        let mut out = vec![0; noise.digits];
        let layout = &noise.layouts[self.layout];
        for group in 0..self.groups {
            for (j, law) in self.laws.iter().enumerate() {
                let thresholds = law.as_ref().map_or(&[][..], NoiseLaw::thresholds);
                out[layout.first(group, j)..][..thresholds.len()].copy_from_slice(thresholds);
            }
        }
        out
    }

    /// What the query costs, in millionths.
    pub fn price(&self) -> u64 {
        self.laws.iter().flatten().map(|law| law.epsilon().millionths()).sum()
    }

    /// The delta that is stated with the release: one row is in one group, so the sum over a group's aggregates.
    pub fn delta(&self) -> Delta {
        self.laws.iter().flatten().fold(Delta::default(), |sum, law| sum.plus(law.delta()))
    }

    /// Feeds the rule into a digest. Laws follow from their epsilons and sensitivities.
    pub fn absorb(&self, hasher: &mut Hasher) {
        hasher.str("laplace").u64(u64::from(self.k)).u64(u64::from(self.b)).u64(self.groups as u64);
        hasher.u64(self.layout as u64);
        for law in &self.laws {
            hasher.u64(u64::from(law.is_some()));
            if let Some(law) = law {
                hasher.u64(law.epsilon().millionths()).u64(law.sensitivity());
            }
        }
    }

    /// The rule in plain words, one line.
    pub fn describe(&self) -> String {
        let mut text = describe_count_rule(self.k, self.b);
        text.push_str(", by the noised count; noise of epsilon");
        for (law, separator) in self
            .laws
            .iter()
            .enumerate()
            .filter_map(|(j, law)| Some((j, law.as_ref()?)))
            .zip(std::iter::once(" ").chain(std::iter::repeat(", ")))
        {
            let (j, law) = law;
            text.push_str(&format!("{separator}{} for the {}", law.epsilon(), aggregate_name(j)));
            if j > 0 {
                text.push_str(&format!(" (one row adds at most {} in coded units)", law.sensitivity()));
            }
        }
        text.push_str(&format!("; together {}, delta at most {}", decimal(self.price()), self.delta()));
        text
    }
}

/// The noise of every group of a shape, in the order count, sum, sum of squares, sum of products.
pub type GroupNoise = [i64; AGGREGATES];

/// Applies the rule to every group: its noised count is shown if it reaches `k`, rounded to the nearest multiple of `b`, halves
/// up; and then its sums are, with their noise, to the digit. Nothing depends on an exact number but through its noise.
pub fn release_noised(groups: &[GroupAggregates], noise: &[GroupNoise], params: &NoisedParams) -> Vec<GroupCells> {
    groups.iter().zip(noise).map(|(group, noise)| release_group(group, noise, params)).collect()
}

fn release_group(group: &GroupAggregates, noise: &GroupNoise, params: &NoisedParams) -> GroupCells {
    let noised = |exact: u64, noise: i64| i64::try_from(exact).unwrap_or(i64::MAX).saturating_add(noise);
    let count = noised(group.n, noise[0]);
    let shown = count >= i64::from(params.k);
    let b = i64::from(params.b.max(1));
    let state = |value: i64| if shown { Cell::Noised(value) } else { Cell::Suppressed };
    let sums = [(group.s, noise[1]), (group.ss, noise[2]), (group.p, noise[3])];
    let mut cells = GroupCells { count: state((count + b / 2).div_euclid(b) * b), sums: [None; 3] };
    for ((cell, asked), (exact, noise)) in cells.sums.iter_mut().zip(params.asked()).zip(sums) {
        *cell = asked.then(|| state(noised(exact, noise)));
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shape::STANDARD_NOISE;

    fn law(epsilon: &str, sensitivity: u64) -> Option<NoiseLaw> {
        Some(NoiseLaw::new(epsilon.parse().unwrap(), sensitivity).unwrap())
    }

    #[test]
    fn the_first_layout_that_holds_it() {
        let fit = |laws, groups| NoisedParams::fit(8, 5, laws, groups, &STANDARD_NOISE).map(|params| params.layout());
        assert_eq!(fit([law("0.1", 1), None, None, None], 16).unwrap(), 0);
        assert_eq!(fit([law("0.001", 1), None, None, None], 8).unwrap(), 1);
        assert_eq!(fit([law("0.1", 1), law("0.1", 500), None, None], 6).unwrap(), 2);
        assert_eq!(fit([law("0.1", 1), law("0.1", 65_535), None, None], 4).unwrap(), 3);
        assert_eq!(fit([law("0.1", 1), law("0.1", 120), law("0.1", 14_400), None], 3).unwrap(), 4);
        assert_eq!(fit([law("0.1", 1), law("0.1", 65_535), law("0.1", 4_000_000_000), None], 2).unwrap(), 5);
        assert_eq!(fit([law("0.1", 1), None, None, law("0.1", 60_000)], 2).unwrap(), 6);
        let all = [law("0.1", 1), law("0.1", 500), law("0.1", 250_000), law("0.1", 60_000)];
        assert_eq!(fit(all, 1).unwrap(), 7);
        let error = fit([law("0.1", 1), None, None, None], 17).unwrap_err();
        for epsilon in ["25", "44.4", "100"] {
            let weak = fit([law("0.1", 1), law(epsilon, 500), None, None], 1).unwrap_err();
            assert!(matches!(weak, NoisedError::Weak { .. }), "{weak}");
        }
        assert!(error.to_string().starts_with("17 groups with 9 digits of noise for count fit in none"), "{error}");
    }

    #[test]
    fn thresholds_stand_where_the_layout_says() {
        let (count, sum) = (law("0.1", 1), law("0.2", 500));
        let params = NoisedParams::fit(8, 5, [count.clone(), sum.clone(), None, None], 2, &STANDARD_NOISE).unwrap();
        let layout = &STANDARD_NOISE.layouts[params.layout()];
        let thresholds = params.thresholds(&STANDARD_NOISE);
        for group in 0..2 {
            for (j, law) in [count.as_ref().unwrap(), sum.as_ref().unwrap()].into_iter().enumerate() {
                let at = layout.first(group, j);
                assert_eq!(&thresholds[at..at + law.thresholds().len()], law.thresholds());
            }
        }
        let used: usize = 2 * (count.unwrap().thresholds().len() + sum.unwrap().thresholds().len());
        assert_eq!(thresholds.iter().filter(|threshold| **threshold != 0).count(), used);
        assert_eq!(params.price(), 300_000);
        assert!(params.describe().contains("epsilon 0.1 for the count, 0.2 for the sum (one row adds at most 500"));
    }

    #[test]
    fn suppression_looks_at_the_noised_count_only() {
        let params = NoisedParams::fit(8, 5, [law("0.5", 1), law("0.5", 3), None, None], 1, &STANDARD_NOISE).unwrap();
        let release = |n, noise| release_noised(&[GroupAggregates { n, s: 4, ss: 0, p: 0 }], &[noise], &params)[0];
        let shown = |count, sum| GroupCells { count: Cell::Noised(count), sums: [Some(Cell::Noised(sum)), None, None] };
        let hidden = GroupCells { count: Cell::Suppressed, sums: [Some(Cell::Suppressed), None, None] };
        assert_eq!(release(0, [8, -9, 0, 0]), shown(10, -5));
        assert_eq!(release(0, [7, 0, 0, 0]), hidden);
        assert_eq!(release(1000, [-993, 0, 0, 0]), hidden);
        assert_eq!(release(1000, [2, 1, 0, 0]), shown(1000, 5));
        assert_eq!(release(1000, [3, 1, 0, 0]), shown(1005, 5));
    }
}
