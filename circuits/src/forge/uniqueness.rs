//! Exactly one release fits the aggregates: of all cells that a verifier would look at, the policy's own are
//! accepted and no others, so that proving again cannot give another answer.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::policy::{Cell, GroupAggregates, GroupCells, ReleaseParams, SumParams, release};
use cohortium_protocol::shape::{Proves, Shape};
use cohortium_protocol::statement::{QueryPublic, cell_inputs};

use super::dealer::Statement;
use super::dense::Dense;
use super::lie::{Lie, Manner, Place};
use super::naive;
use crate::clause::{Clause, Relation};
use crate::native::{Broken, verify};
use crate::testing::{digest, rounded};

/// One group, next to no rows: only the release is looked at.
const SPECK: Shape = Shape {
    name: "speck",
    proves: Proves::Query,
    row_bits: 4,
    value_bits: 1,
    slot_bits: 1,
    groups: 1,
    blinding_rows: 1,
    row_split: 1,
    value_split: 1,
    noise: None,
};

/// The last two are not any policy's, but the circuit takes them.
const RULES: [ReleaseParams; 4] = [
    ReleaseParams {
        k: 3,
        b: 5,
        show_zero: true,
        sums: [SumParams::restrained(3, 1), SumParams::EXACT, SumParams::OFF],
    },
    ReleaseParams {
        k: 2,
        b: 1,
        show_zero: false,
        sums: [SumParams::restrained(2, 2), SumParams::OFF, SumParams::EXACT],
    },
    ReleaseParams { k: 3, b: 1, show_zero: false, sums: [SumParams::EXACT, SumParams::OFF, rounded(7)] },
    ReleaseParams { k: 1, b: 2, show_zero: true, sums: [SumParams::OFF, rounded(5), SumParams::EXACT] },
];

/// An argument over no rows, whose aggregates are whatever they are: the root check is off.
fn argument(aggregates: &GroupAggregates, params: ReleaseParams) -> (QueryPublic, crate::messages::Messages) {
    let zeros = vec![F::ZERO; SPECK.rows()];
    let dense = Dense {
        declared_rows: 0,
        lookups: vec![Dense::unused_lookup(&SPECK, 0)],
        selection: zeros.clone(),
        y: zeros.clone(),
        z: zeros.clone(),
        group: zeros,
        flags: Vec::new(),
        chain: None,
    };
    let GroupAggregates { n, s, ss, p } = *aggregates;
    let lie = Lie::claiming(vec![[n, s, ss, p].map(F::from)]).dropped_at(Place::Roots, Manner::Bluntly);
    let statement = Statement { context: digest("context"), commitments: digest("commitments"), nonce: F::ONE };
    let mut played = naive::prove(Relation::whole(), &SPECK, &dense, &statement, &lie);
    played.messages.set_sides(&params.sums[0]);
    let public = QueryPublic {
        context: statement.context,
        commitments: statement.commitments,
        evaluations: dense.evaluations(&played.challenges),
        challenges: played.challenges,
        rule: params.into(),
        cells: release(&[*aggregates], &params),
    };
    (public, played.messages)
}

/// The counts that a verifier lets through to the circuit: multiples of the base.
fn counts(aggregates: &GroupAggregates, params: &ReleaseParams) -> Vec<Cell> {
    [Cell::Suppressed, Cell::Zero].into_iter().chain(near(aggregates.n, params.b.into())).collect()
}

/// The sums that a verifier lets through: multiples of the base, and no 0 where there is a dominance bound.
fn sums(exact: u64, rule: SumParams) -> Vec<Cell> {
    let values = near(exact, rule.base).filter(|value| rule.dominance == 0 || *value != Cell::Value(0));
    std::iter::once(Cell::Suppressed).chain(values).collect()
}

/// 0, and the multiples of a base next to a number.
fn near(exact: u64, base: u64) -> impl Iterator<Item = Cell> {
    let first = (exact / base).max(2) - 1;
    std::iter::once(0).chain(first..first + 4).map(move |i| Cell::Value(i * base))
}

const COUNT_CLAUSES: [Clause; 7] = [
    Clause::ZeroIsZero,
    Clause::ZeroShown,
    Clause::ValueReachesThreshold,
    Clause::CountNotBelow,
    Clause::CountNotAbove,
    Clause::SuppressedIsSmall,
    Clause::SuppressedIsNotZero,
];

/// What the circuit sees of a group's cells.
fn seen(cells: &GroupCells) -> Vec<F> {
    let (v, z, count) = cell_inputs(cells.count);
    let mut out = vec![v, z, count];
    for sum in cells.sums {
        let (v, _, value) = cell_inputs(sum.unwrap_or(Cell::Suppressed));
        out.extend([v, value]);
    }
    out
}

#[test]
fn exactly_one_release_fits() {
    let relation = Relation::without(Clause::RootCheck);
    RULES[..2].iter().for_each(|params| params.check().unwrap());
    for params in RULES {
        for n in 0..10 {
            for (s, ss, p) in [(0, 0, 0), (3, 2, 3), (4, 3, 4), (11, 8, 18)] {
                let aggregates = GroupAggregates { n, s, ss, p };
                let (mut public, messages) = argument(&aggregates, params);
                assert_eq!(verify(&relation, &SPECK, &public, &messages), Ok(()), "{params:?}, {n} {s} {ss} {p}");
                let honest = public.cells[0];
                for count in counts(&aggregates, &params) {
                    public.cells[0].count = count;
                    let verdict = verify(&relation, &SPECK, &public, &messages);
                    // A false count is refused whatever the sums are: by a clause about counts.
                    let by_count = matches!(verdict, Err(Broken(clause)) if COUNT_CLAUSES.contains(&clause));
                    assert_eq!(by_count, count != honest.count, "{params:?}, {n} {s} {ss} {p}: {count}");
                }
                // Each sum is judged for itself.
                for (i, exact) in [s, ss, p].into_iter().enumerate() {
                    for sum in sums(exact, params.sums[i]) {
                        public.cells[0] = honest;
                        public.cells[0].sums[i] = Some(sum);
                        let accepted = verify(&relation, &SPECK, &public, &messages).is_ok();
                        let same = seen(&public.cells[0]) == seen(&honest);
                        assert_eq!(accepted, same, "{params:?}, {n} {s} {ss} {p}: sum {i} {sum}");
                    }
                }
            }
        }
    }
}

/// Of a sum below its dominance bound the circuit alone would also accept the value 0, which is what it
/// rounds to: the bound is the lower edge of the next interval. So a verifier has to refuse 0 there.
#[test]
fn a_restrained_sum_of_zero_is_left_to_the_verifier() {
    let relation = Relation::without(Clause::RootCheck);
    let aggregates = GroupAggregates { n: 6, s: 2, ss: 0, p: 0 };
    let (mut public, messages) = argument(&aggregates, RULES[0]);
    assert_eq!(public.cells[0].sums[0], Some(Cell::Suppressed));
    public.cells[0].sums[0] = Some(Cell::Value(0));
    assert_eq!(verify(&relation, &SPECK, &public, &messages), Ok(()));
}
