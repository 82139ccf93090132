//! What a hospital with two equal tags could try; and that the optimised prover sends what the definitions say.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;

use super::super::lie::Lie;
use super::super::oracle::named;
use super::forgers::{step_back, two};
use super::town::{FIRST, Kind, NEIGHBOURS, TAGS, Town};
use super::{forge, play};
use crate::clause::{Clause, Relation};
use crate::native::Broken;
use crate::prove::{Chain, LIMBS, LookupWitness, RowColumn, TableWitness, prove_table};
use crate::testing::{TINY_TABLE, integer};

fn refused(town: Town) -> Clause {
    assert!(!town.is_true());
    forge(Relation::whole(), town).judged_by(Relation::whole()).unwrap_err().0
}

/// A lie that reaches the leaves is refused there, whatever the steps are.
#[test]
fn equal_tags_are_refused_whatever_the_steps_are() {
    // Both twins go on to the end.
    assert_eq!(refused(Town::twins()), Clause::RowFinal);
    // The first goes to itself, by a step of -1: out of range.
    assert_eq!(refused(step_back()), Clause::RowFinal);
    // The chain skips the second, which goes nowhere that it could come from.
    let mut tags = TAGS;
    tags[FIRST] = tags[NEIGHBOURS[0]];
    assert_eq!(refused(Town::with(Kind::Unique, tags)), Clause::RowFinal);
    // Everybody has one tag.
    assert_eq!(refused(Town::with(Kind::Unique, [5; TAGS.len()])), Clause::RowFinal);
}

#[test]
fn wrong_ends_and_wrong_steps_are_refused_even_of_a_good_table() {
    let with = |change: &dyn Fn(&mut Town)| {
        let mut town = Town::honest(Kind::Unique);
        change(&mut town);
        forge(Relation::whole(), town).judged_by(Relation::whole())
    };
    assert_eq!(with(&|_| ()), Ok(()));
    assert_eq!(with(&|town| town.ends[0] += F::ONE), Err(Broken(Clause::RowFinal)));
    assert_eq!(with(&|town| town.ends[1] += F::ONE), Err(Broken(Clause::RowFinal)));
    assert_eq!(with(&|town| town.ends = [F::ZERO; 2]), Err(Broken(Clause::RowFinal)));
    assert_eq!(with(&|town| town.balance += F::ONE), Err(Broken(Clause::RowFinal)));
    // Where the last step leads is nobody's business but the end's.
    let last = |town: &mut Town| {
        town.steps[7][NEIGHBOURS[1]] += F::from(2u64);
        town.ends[1] += F::from(2u64);
        town.count();
    };
    assert_eq!(with(&last), Ok(()));
    // A step beyond the table is refused though the chain holds.
    let long = |town: &mut Town| {
        town.steps[7][NEIGHBOURS[1]] += F::from(8u64);
        town.ends[1] += F::from(8u64);
        town.count();
    };
    assert_eq!(with(&long), Err(Broken(Clause::RowFinal)));
}

/// Trap 24: two flags that hide each other's rows would need equal weights.
#[test]
fn two_flags_do_not_hide_each_other() {
    assert_eq!(refused(two()), Clause::RowFinal);
    let mut town = Town::honest(Kind::Flags);
    // x^2 - x of the one is minus that of the other.
    let (x, root) = (2..20u64)
        .map(F::from)
        .find_map(|x| (F::ONE - F::from(4u64) * (x.square() - x)).sqrt().map(|root| (x, root)))
        .unwrap();
    let other = (F::ONE + root) * F::from(2u64).inverse().unwrap();
    (town.flags[0][4], town.flags[1][4]) = (x, other);
    assert_eq!(other.square() - other, x - x.square());
    assert_eq!(refused(town), Clause::RowFinal);
}

fn optimised(shape: &Shape, town: &Town) -> TableWitness {
    let column = |x: &Vec<F>| RowColumn {
        data: x[..Town::ROWS].iter().map(|x| integer(*x) as u32).collect(),
        blind: x[Town::ROWS..][..shape.blinding_rows].to_vec(),
    };
    let unique = town.kind == Kind::Unique;
    let tags: [RowColumn; LIMBS] = std::array::from_fn(|i| column(&town.tags[i]));
    let steps: [RowColumn; LIMBS] = std::array::from_fn(|i| column(&town.steps[i]));
    let range = |(step, counts): (&RowColumn, &Vec<F>)| {
        let mask = counts[shape.values()..].to_vec();
        LookupWitness::range(step.clone(), shape, LookupWitness::count(step, shape), mask)
    };
    TableWitness {
        declared_rows: Town::ROWS,
        lookups: if unique { steps.iter().zip(&town.multiplicities).map(range).collect() } else { Vec::new() },
        chain: unique.then(|| Chain::new(shape, &tags, &steps, town.ends)),
        flags: if unique { Vec::new() } else { town.flags.iter().map(column).collect() },
    }
}

#[test]
fn the_optimised_prover_sends_what_the_definitions_say() {
    for town in [Town::honest(Kind::Unique), Town::honest(Kind::Flags), Town::twins(), two()] {
        let statement = town.statement();
        let witness = optimised(&TINY_TABLE, &town);
        let (context, commitments) = (&statement.context, &statement.commitments);
        let fast = prove_table(&TINY_TABLE, &witness, context, commitments, statement.nonce, &mut |_| ());
        let manner = (super::super::lie::Place::Roots, super::super::lie::Manner::Bluntly);
        let lie = Lie::claiming(town.aggregates()).dropped_at(manner.0, manner.1);
        let naive = play(Relation::whole(), &town, &lie);
        for ((name, found), (_, defined)) in named(&fast.messages).into_iter().zip(named(&naive.messages)) {
            assert_eq!(found, defined, "{name}");
        }
        assert_eq!(fast.challenges, naive.challenges);
    }
}
