//! (a) Transcript: who knows a challenge beforehand, or has one of their own, proves anything.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;

use super::cohort::{BINS, Cohort, EXACT, OUTSIDER, SELECTION, TEST, cells_of};
use super::formulas::{row_bracket, table_denominator, table_numerator};
use super::lie::{Carrier, Lie, Manner, Place, inverse};
use super::naive::Played;
use super::{Forgery, dealer, forge, one_more, play, publish, root_of_linear};
use crate::clause::Relation;

/// The registered columns do not bind the challenges: `Z`'s last blinding row is chosen when all is drawn.
/// Every data row is as it should be; the manifest is made after the proof.
pub(super) fn absorb_context(relation: Relation) -> Forgery {
    blinding_row_afterwards(relation, |cohort| &mut cohort.z)
}

/// The same with a query-time column: the selection's last blinding row.
pub(super) fn absorb_commitments(relation: Relation) -> Forgery {
    blinding_row_afterwards(relation, |cohort| &mut cohort.outputs[SELECTION])
}

/// The lie goes on to the row sumcheck's last claim, which is linear in the column's value at `r`; and a
/// blinding row gives the column any value there.
fn blinding_row_afterwards(relation: Relation, column: fn(&mut Cohort) -> &mut Vec<F>) -> Forgery {
    let lie = Lie::claiming(one_more());
    let cohort = Cohort::honest();
    let played = play(relation, &cohort, &lie);
    let last = Cohort::DECLARED_ROWS + Cohort::SHAPE.blinding_rows - 1;
    let with = |x: F| {
        let mut changed = cohort.clone();
        column(&mut changed)[last] = x;
        changed
    };
    let x = root_of_linear(|x| gap_at(relation, &played, &with(x), &played.challenges.row_point));
    publish(with(x), played, EXACT, cells_of(&lie.aggregates, &EXACT))
}

/// The row sumcheck's last claim less what the columns say at a point.
fn gap_at(relation: Relation, played: &Played, cohort: &Cohort, point: &[F]) -> F {
    let Played { drawn, row_point, lambda, challenges, .. } = played;
    let at = cohort.dense().at_row_point(point, challenges.mu);
    played.row_claim - row_bracket(relation, &Cohort::SHAPE, drawn, row_point, *lambda, (&at, None))
}

/// With the weights known, one more person is made up for by a sum of products that nobody asked for.
pub(super) fn absorb_aggregates(relation: Relation) -> Forgery {
    let cohort = Cohort::honest();
    let drawn = dealer::draw(relation, &Cohort::SHAPE, &cohort.statement(), &cohort.aggregates());
    let [count, _, _, products] = drawn.aggregate_weights;
    let mut aggregates = one_more();
    aggregates[0][3] -= count * inverse(products);
    forge(relation, cohort, &Lie::claiming(aggregates).dropped_at(Place::Roots, Manner::Bluntly))
}

/// With one weight for all four aggregates, that is a matter of subtracting one.
pub(super) fn independent_aggregates(relation: Relation) -> Forgery {
    let mut aggregates = one_more();
    aggregates[0][3] -= F::ONE;
    forge(relation, Cohort::honest(), &Lie::claiming(aggregates).dropped_at(Place::Roots, Manner::Bluntly))
}

/// With the batching challenge known, false roots are chosen whose batch is that of the true ones.
pub(super) fn absorb_roots(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::Roots, Manner::KnowingChallenge)
}

/// With a round's challenge known, a polynomial that fits the false claim passes through the true one there.
pub(super) fn absorb_layer_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::LayerRound(1, 0), Manner::KnowingChallenge)
}

/// Trap 1: with the next batching challenge known, false children are chosen whose batch is true.
pub(super) fn absorb_children(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::LayerEnd(0), Manner::KnowingBatch)
}

pub(super) fn absorb_row_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::RowRound(0), Manner::KnowingChallenge)
}

pub(super) fn absorb_table_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::TableNumerator, Place::TableRound(0), Manner::KnowingChallenge)
}

/// One more person, and the lie dropped at a place.
pub(super) fn dropped(relation: Relation, carrier: Carrier, place: Place, manner: Manner) -> Forgery {
    forge(relation, Cohort::honest(), &Lie::claiming(one_more()).carried_by(carrier).dropped_at(place, manner))
}

/// Trap 2: the outsider passes the test, which says so by a pair that is in the bins' table only; the bins'
/// multiplicity has it once more, the test's once less.
pub(super) fn independent_weights(relation: Relation) -> Forgery {
    let mut cohort = Cohort::honest();
    let value = 6;
    cohort.outputs[TEST][OUTSIDER] = F::ONE;
    cohort.multiplicities[TEST][value] -= F::ONE;
    cohort.multiplicities[BINS][value] += F::ONE;
    consistent(relation, cohort)
}

/// Outputs are not looked at: the outsider passes the test.
pub(super) fn output_bound(relation: Relation) -> Forgery {
    let mut cohort = Cohort::honest();
    cohort.outputs[TEST][OUTSIDER] = F::ONE;
    consistent(relation, cohort)
}

/// The selection and the aggregates that follow from false outputs of the test, proved as they are.
fn consistent(relation: Relation, mut cohort: Cohort) -> Forgery {
    cohort.look_up(SELECTION);
    let lie = Lie::claiming(cohort.aggregates());
    forge(relation, cohort, &lie)
}

/// Columns are opened at a point of one's own: on the line between two rows without data, where the last
/// claim is linear.
pub(super) fn public_row_point(relation: Relation) -> Forgery {
    elsewhere(relation, Carrier::RowNumerator, |played, cohort| {
        let row = Cohort::SHAPE.rows() - 4;
        let on_line = |x: F| {
            let mut point: Vec<F> = super::dense::corner(row, Cohort::SHAPE.row_bits).collect();
            point[0] = x;
            point
        };
        let x = root_of_linear(|x| gap_at(relation, played, cohort, &on_line(x)));
        played.challenges.row_point = on_line(x);
    })
}

/// Multiplicities are opened at a point of one's own; they are linear in each coordinate.
pub(super) fn public_value_point(relation: Relation) -> Forgery {
    elsewhere(relation, Carrier::TableNumerator, |played, cohort| {
        let x = root_of_linear(|x| {
            let mut challenges = played.challenges.clone();
            challenges.value_point[0] = x;
            let opened = cohort.dense().evaluations(&challenges).multiplicities;
            played.table_claim - table_numerator(&Cohort::SHAPE, &played.drawn, &played.table_point, &opened)
        });
        played.challenges.value_point[0] = x;
    })
}

/// Public tables are evaluated at a point of one's own.
pub(super) fn public_table_point(relation: Relation) -> Forgery {
    elsewhere(relation, Carrier::TableDenominator, |played, cohort| {
        let x = root_of_linear(|x| {
            let mut challenges = played.challenges.clone();
            challenges.table_point[0] = x;
            let tables = cohort.dense().evaluations(&challenges).tables;
            played.table_denominator - table_denominator(&Cohort::SHAPE, &played.drawn, &played.table_point, &tables)
        });
        played.challenges.table_point[0] = x;
    })
}

/// The lie goes on to the end, where public points are moved.
fn elsewhere(relation: Relation, carrier: Carrier, move_points: impl Fn(&mut Played, &Cohort)) -> Forgery {
    let lie = Lie::claiming(one_more()).carried_by(carrier);
    let cohort = Cohort::honest();
    let mut played = play(relation, &cohort, &lie);
    move_points(&mut played, &cohort);
    publish(cohort, played, EXACT, cells_of(&lie.aggregates, &EXACT))
}

/// With `mu = 0` no flag is checked: the outsider, whose test fails, has the consent 3.
pub(super) fn public_mu(relation: Relation) -> Forgery {
    let cohort = consent_of_three();
    let lie = Lie { mu: Some(F::ZERO), ..Lie::claiming(cohort.aggregates()) };
    forge(relation, cohort, &lie)
}

/// A consent of 3 is the key of consent 1 and a test passed (a cousin of trap 3).
pub(super) fn consent_of_three() -> Cohort {
    let mut cohort = Cohort::honest();
    cohort.consent[OUTSIDER] = F::from(3u64);
    cohort.look_up(SELECTION);
    cohort
}
