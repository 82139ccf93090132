//! How each clause of the statement `table` is forged. Unless it says otherwise, two people have one tag.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;

use super::super::dealer;
use super::super::dense::corner;
use super::super::formulas::{row_bracket, table_numerator};
use super::super::lie::{Carrier, Lie, Manner, Place, inverse};
use super::super::naive::Played;
use super::super::root_of_linear;
use super::town::{Kind, NEIGHBOURS, TAGS, Town, UNUSED_VALUE};
use super::{Forgery, forge, forge_with, play, publish};
use crate::clause::Relation;
use crate::native::chain_weight;

/// The registered columns do not bind the challenges: a tag column's last blinding row is chosen when all is drawn.
pub(super) fn absorb_context(relation: Relation) -> Forgery {
    blinding_row_afterwards(relation, |town| &mut town.tags[7])
}

/// The same with a column of steps.
pub(super) fn absorb_commitments(relation: Relation) -> Forgery {
    blinding_row_afterwards(relation, |town| &mut town.steps[7])
}

/// The lie goes on to the row sumcheck's last claim, which is linear in the column's value at `r`.
fn blinding_row_afterwards(relation: Relation, column: fn(&mut Town) -> &mut Vec<F>) -> Forgery {
    let town = Town::twins();
    let played = play(relation, &town, &Lie::claiming(town.aggregates()));
    let last = Town::ROWS + Town::SHAPE.blinding_rows - 1;
    let with = |x: F| {
        let mut changed = town.clone();
        column(&mut changed)[last] = x;
        changed
    };
    let x = root_of_linear(|x| gap_at(relation, &played, &with(x), &played.challenges.row_point));
    publish(with(x), played)
}

/// The row sumcheck's last claim less what the columns say at a point.
fn gap_at(relation: Relation, played: &Played, town: &Town, point: &[F]) -> F {
    let Played { drawn, row_point, lambda, challenges, .. } = played;
    let dense = town.dense();
    let at = (&dense.at_row_point(point, challenges.mu), dense.chain_at(point));
    played.row_claim - row_bracket(relation, &Town::SHAPE, drawn, row_point, *lambda, at)
}

/// The chain's two sums over rows, without its weight.
fn chain_sum(town: &Town, gamma: F) -> F {
    let chain = town.dense().chain.unwrap();
    (0..Town::ROWS).map(|row| inverse(gamma - chain.sources[row]) - inverse(gamma - chain.targets[row])).sum()
}

/// With `gamma` known, any chain ends somewhere.
pub(super) fn absorb_ends(relation: Relation) -> Forgery {
    let mut town = Town::twins();
    let gamma = dealer::draw(relation, &Town::SHAPE, &town.statement(), &town.aggregates()).gamma;
    let last = inverse(gamma - town.ends[0]) - chain_sum(&town, gamma);
    town.ends[1] = gamma - inverse(last);
    let lie = Lie::claiming(town.aggregates()).dropped_at(Place::Roots, Manner::Bluntly);
    forge_with(relation, town, &lie)
}

pub(super) fn absorb_roots(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::Roots, Manner::KnowingChallenge)
}

pub(super) fn absorb_layer_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::LayerRound(1, 0), Manner::KnowingChallenge)
}

pub(super) fn absorb_children(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::LayerEnd(0), Manner::KnowingBatch)
}

pub(super) fn absorb_row_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::RowRound(0), Manner::KnowingChallenge)
}

pub(super) fn absorb_table_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::TableNumerator, Place::TableRound(0), Manner::KnowingChallenge)
}

pub(super) fn layer_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::LayerRound(1, 0), Manner::Bluntly)
}

pub(super) fn layer_end(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::LayerEnd(0), Manner::Bluntly)
}

/// Both trees are proved as they are.
pub(super) fn root_check(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::Roots, Manner::Bluntly)
}

pub(super) fn row_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::RowNumerator, Place::RowRound(0), Manner::Bluntly)
}

pub(super) fn table_rounds(relation: Relation) -> Forgery {
    dropped(relation, Carrier::TableNumerator, Place::TableRound(0), Manner::Bluntly)
}

fn dropped(relation: Relation, carrier: Carrier, place: Place, manner: Manner) -> Forgery {
    let town = Town::twins();
    let lie = Lie::claiming(town.aggregates()).carried_by(carrier).dropped_at(place, manner);
    forge_with(relation, town, &lie)
}

/// The targets weigh otherwise than the sources, just so that the sums are equal.
pub(super) fn row_final(relation: Relation) -> Forgery {
    let mut town = Town::twins();
    let gamma = dealer::draw(relation, &Town::SHAPE, &town.statement(), &town.aggregates()).gamma;
    let chain = town.dense().chain.unwrap();
    let sum = |column: &[F]| column[..Town::ROWS].iter().map(|x| inverse(gamma - x)).sum::<F>();
    let ends = inverse(gamma - town.ends[0]) - inverse(gamma - town.ends[1]);
    town.balance = (sum(&chain.sources) - ends) * inverse(sum(&chain.targets));
    assert_ne!(town.balance, F::ONE);
    let lie = Lie::claiming(town.aggregates()).dropped_at(Place::Roots, Manner::Bluntly);
    forge_with(relation, town, &lie)
}

pub(super) fn table_denominators(relation: Relation) -> Forgery {
    let town = Town::twins();
    let lie = Lie::claiming(town.aggregates()).carried_by(Carrier::TableDenominator);
    forge_with(relation, town, &lie)
}

/// A step of -1 leads from a tag to the same tag, so the twins' chain is whole; but -1 is in no table.
pub(super) fn table_final(relation: Relation) -> Forgery {
    let town = step_back();
    let lie = Lie::claiming(town.aggregates()).carried_by(Carrier::TableNumerator);
    forge_with(relation, town, &lie)
}

/// The first of the twins is shown the way to the second: `V + V_D + 1 = V`.
pub(super) fn step_back() -> Town {
    let mut town = Town::twins();
    for step in &mut town.steps {
        step[NEIGHBOURS[0]] = F::ZERO;
    }
    town.steps[7][NEIGHBOURS[0]] = -F::ONE;
    town.count();
    town
}

/// `alpha` happens to be the pole of two equal steps that are no values: the row tree's sum is 0/0, and equals anything.
pub(super) fn row_denominator(relation: Relation) -> Forgery {
    let mut town = step_back();
    // The other twin too, so that the pole is a double one; its step goes on in the limb above.
    town.steps[7][NEIGHBOURS[1]] = -F::ONE;
    town.count();
    of_any_fraction(relation, town, -F::ONE)
}

/// `alpha` happens to be the pole of a value that no step has: the table tree's sum is 0/0.
pub(super) fn table_denominator(relation: Relation) -> Forgery {
    of_any_fraction(relation, Town::twins(), F::from(UNUSED_VALUE))
}

fn of_any_fraction(relation: Relation, town: Town, alpha: F) -> Forgery {
    let lie = Lie::claiming(town.aggregates()).dropped_at(Place::Roots, Manner::Bluntly);
    let forgery = forge_with(relation.with_alpha(alpha), town, &lie);
    Forgery { alpha: Some(alpha), ..forgery }
}

/// The inverse of the first end's denominator is made up, so that the side is the chain's sum.
pub(super) fn end_denominator(relation: Relation) -> Forgery {
    let town = Town::twins();
    let lie = Lie::claiming(town.aggregates()).dropped_at(Place::Roots, Manner::Bluntly);
    let mut played = play(relation, &town, &lie);
    assert_ne!(chain_weight(&relation, &played.drawn), F::ZERO);
    played.messages.group_inverses[0] = chain_sum(&town, played.drawn.gamma) + played.messages.group_inverses[1];
    publish(town, played)
}

/// Nobody looks at the chain.
pub(super) fn chain_counted(relation: Relation) -> Forgery {
    forge(relation, Town::twins())
}

/// A flag of 2.
pub(super) fn two() -> Town {
    let mut town = Town::honest(Kind::Flags);
    town.flags[1][4] = F::from(2u64);
    town
}

pub(super) fn flags_checked(relation: Relation) -> Forgery {
    forge(relation, two())
}

/// With `mu = 0` no flag is checked.
pub(super) fn public_mu(relation: Relation) -> Forgery {
    let town = two();
    let lie = Lie { mu: Some(F::ZERO), ..Lie::claiming(town.aggregates()) };
    forge_with(relation, town, &lie)
}

/// Columns are opened at a point of one's own, between two rows without data.
pub(super) fn public_row_point(relation: Relation) -> Forgery {
    elsewhere(relation, Carrier::RowNumerator, |played, town| {
        let row = TAGS.len() + 2;
        let on_line = |x: F| {
            let mut point: Vec<F> = corner(row, Town::SHAPE.row_bits).collect();
            point[0] = x;
            point
        };
        let x = root_of_linear(|x| gap_at(relation, played, town, &on_line(x)));
        played.challenges.row_point = on_line(x);
    })
}

/// Multiplicities are opened at a point of one's own.
pub(super) fn public_value_point(relation: Relation) -> Forgery {
    elsewhere(relation, Carrier::TableNumerator, |played, town| {
        let x = root_of_linear(|x| {
            let mut challenges = played.challenges.clone();
            challenges.value_point[0] = x;
            let opened = town.dense().table_evaluations(&challenges.into()).multiplicities;
            played.table_claim - table_numerator(&Town::SHAPE, &played.drawn, &played.table_point, &opened)
        });
        played.challenges.value_point[0] = x;
    })
}

/// The lie goes on to the end, where public points are moved.
fn elsewhere(relation: Relation, carrier: Carrier, move_points: impl Fn(&mut Played, &Town)) -> Forgery {
    let town = Town::twins();
    let mut played = play(relation, &town, &Lie::claiming(town.aggregates()).carried_by(carrier));
    move_points(&mut played, &town);
    publish(town, played)
}
