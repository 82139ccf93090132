//! (e) Release: an honest argument over true aggregates, and cells that break one rule.
//!
//! The groups of the cohort count 3, 1, 0 and 2 people.

use ark_ff::Field;
use cohortium_protocol::field::F;
use cohortium_protocol::policy::{Cell, GroupCells, ReleaseParams, SumParams};

use super::cohort::{Cohort, true_cells};
use super::lie::{Lie, inverse};
use super::{Forgery, play, publish};
use crate::clause::Relation;
use crate::testing::rounded;

/// Counts from 2, to the digit; zeros shown; all sums, the last two rounded.
const RULE: ReleaseParams =
    ReleaseParams { k: 2, b: 1, show_zero: true, sums: [SumParams::EXACT, rounded(9), rounded(20)] };
/// The sum among the sums: 9 in the first group, of at most 7 each.
const SUM: usize = 0;
/// The groups.
const OF_THREE: usize = 0;
const OF_ONE: usize = 1;
const OF_NOBODY: usize = 2;
/// The sum of squares among the sums; 27 in the first group, which is released as it is under [`RULE`].
const SQUARES: usize = 1;
/// The sum of products among the sums.
const PRODUCTS: usize = 2;
/// All cells of a group in one state.
const ALL_SUPPRESSED: GroupCells = GroupCells { count: Cell::Suppressed, sums: [Some(Cell::Suppressed); 3] };
const ALL_ZERO: GroupCells = GroupCells { count: Cell::Zero, sums: [Some(Cell::Zero); 3] };

fn with_cells(relation: Relation, params: ReleaseParams, change: impl FnOnce(&mut [GroupCells])) -> Forgery {
    let cohort = Cohort::honest();
    let played = play(relation, &cohort, &Lie::claiming(cohort.aggregates()));
    let mut cells = true_cells(&params);
    change(&mut cells);
    publish(cohort, played, params, cells)
}

pub(super) fn zero_is_zero(relation: Relation) -> Forgery {
    with_cells(relation, RULE, |cells| cells[OF_ONE] = ALL_ZERO)
}

pub(super) fn zero_shown(relation: Relation) -> Forgery {
    with_cells(relation, ReleaseParams { show_zero: false, ..RULE }, |cells| cells[OF_NOBODY] = ALL_ZERO)
}

/// What a rule with a smaller `k` would release.
pub(super) fn value_reaches_threshold(relation: Relation) -> Forgery {
    with_cells(relation, RULE, |cells| cells[OF_ONE] = true_cells(&ReleaseParams { k: 1, ..RULE })[OF_ONE])
}

pub(super) fn count_not_below(relation: Relation) -> Forgery {
    with_cells(relation, ReleaseParams { b: 3, ..RULE }, |cells| cells[OF_THREE].count = Cell::Value(6))
}

pub(super) fn count_not_above(relation: Relation) -> Forgery {
    with_cells(relation, ReleaseParams { b: 3, ..RULE }, |cells| cells[OF_THREE].count = Cell::Value(0))
}

pub(super) fn suppressed_is_small(relation: Relation) -> Forgery {
    with_cells(relation, RULE, |cells| cells[OF_THREE] = ALL_SUPPRESSED)
}

pub(super) fn suppressed_is_not_zero(relation: Relation) -> Forgery {
    with_cells(relation, RULE, |cells| cells[OF_NOBODY] = ALL_SUPPRESSED)
}

pub(super) fn sum_follows_count(relation: Relation) -> Forgery {
    with_cells(relation, RULE, |cells| cells[OF_ONE].sums[0] = Some(Cell::Value(5)))
}

pub(super) fn sum_not_below(relation: Relation) -> Forgery {
    with_cells(relation, RULE, |cells| cells[OF_THREE].sums[SQUARES] = Some(Cell::Value(36)))
}

pub(super) fn sum_not_above(relation: Relation) -> Forgery {
    with_cells(relation, RULE, |cells| cells[OF_THREE].sums[SQUARES] = Some(Cell::Value(18)))
}

pub(super) fn sum_suppressed_is_small(relation: Relation) -> Forgery {
    with_cells(relation, RULE, |cells| cells[OF_THREE].sums[SQUARES] = Some(Cell::Suppressed))
}

/// 3 (5 + 2 + 4), to the digit.
pub(super) fn sum_not_asked(relation: Relation) -> Forgery {
    let mut params = RULE;
    params.sums[PRODUCTS] = SumParams::OFF;
    with_cells(relation, params, |cells| cells[OF_THREE].sums[PRODUCTS] = Some(Cell::Value(33)))
}

/// Under a rule for values up to 3 all three people have the highest: shown, the sum would say so.
pub(super) fn sum_complement(relation: Relation) -> Forgery {
    let mut params = RULE;
    params.sums[SUM] = SumParams::restrained(2, 3);
    with_cells(relation, params, |cells| cells[OF_THREE].sums[SUM] = Some(Cell::Value(12)))
}

/// 9 is neither below 7 nor above 21 - 7; halfway between the two sides it is what they ask for.
pub(super) fn sum_hidden_side(relation: Relation) -> Forgery {
    let mut params = ReleaseParams { k: 1, ..RULE };
    params.sums[SUM] = SumParams::restrained(1, 7);
    let mut forgery = with_cells(relation, params, |cells| cells[OF_THREE].sums[SUM] = Some(Cell::Suppressed));
    let [small, turn] = [F::from(7u64) - F::ONE - F::from(9u64), F::from(18u64) - F::from(21u64)];
    forgery.messages.sides[OF_THREE] = -small * inverse(turn);
    forgery
}
