//! (c) Roots: fractions that are not equal, or not fractions.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;

use super::cohort::{Cohort, EXACT, SELECTION, TEST, TWINS, UNUSED_VALUE, cells_of};
use super::lie::{Carrier, Lie, Manner, Place, inverse};
use super::transcript::dropped;
use super::{Forgery, dealer, forge, one_more, play, publish};
use crate::clause::Relation;

/// Both trees are proved as they are; the aggregates are others.
pub(super) fn root_check(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::Roots, Manner::Bluntly)
}

/// `alpha` happens to be the pole of two equal rows: the row tree's sum is 0/0, and equals anything.
///
/// The pair must not be in the table, or its pole were the table tree's too. So the twins pass the test,
/// which is false already; and one more person is counted besides.
pub(super) fn row_denominator(relation: Relation) -> Forgery {
    let mut cohort = Cohort::honest();
    for row in TWINS {
        cohort.outputs[TEST][row] = F::ONE;
    }
    cohort.look_up(SELECTION);
    let mut aggregates = cohort.aggregates();
    aggregates[0][0] += F::ONE;
    let drawn = dealer::draw(relation, &Cohort::SHAPE, &cohort.statement(), &aggregates);
    let alpha = cohort.x[TWINS[0]] + drawn.beta;
    of_any_fraction(relation, cohort, aggregates, alpha)
}

/// `alpha` happens to be the pole of a table entry that no row has: the table tree's sum is 0/0.
pub(super) fn table_denominator(relation: Relation) -> Forgery {
    of_any_fraction(relation, Cohort::honest(), one_more(), F::from(UNUSED_VALUE as u64))
}

fn of_any_fraction(relation: Relation, cohort: Cohort, aggregates: Vec<[F; 4]>, alpha: F) -> Forgery {
    let lie = Lie::claiming(aggregates).dropped_at(Place::Roots, Manner::Bluntly);
    let forgery = forge(relation.with_alpha(alpha), cohort, &lie);
    Forgery { alpha: Some(alpha), ..forgery }
}

/// The inverse of the first group's denominator is made up, so that the side is the true one.
pub(super) fn group_denominator(relation: Relation) -> Forgery {
    let (cohort, claimed) = (Cohort::honest(), one_more());
    let lie = Lie::claiming(claimed.clone()).dropped_at(Place::Roots, Manner::Bluntly);
    let mut played = play(relation, &cohort, &lie);
    let weighted = |sums: &[F; 4]| sums.iter().zip(&played.drawn.aggregate_weights).map(|(x, w)| *x * w).sum::<F>();
    let factor = weighted(&cohort.aggregates()[0]) * inverse(weighted(&claimed[0]));
    assert_ne!(factor, F::ZERO);
    played.messages.group_inverses[0] *= factor;
    publish(cohort, played, EXACT, cells_of(&claimed, &EXACT))
}
