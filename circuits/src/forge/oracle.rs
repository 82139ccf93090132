//! The optimised prover sends what the definitions say, message by message.

use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;

use super::cohort::EXACT;
use super::dealer::Statement;
use super::dense::Dense;
use super::lie::{Lie, Manner, Place};
use super::naive;
use crate::clause::Relation;
use crate::messages::Messages;
use crate::prove::{self, QueryWitness, RowColumn};
use crate::testing::{digest, evaluations, rng, tiny_shapes, witness};

/// Every message after its name.
pub(super) fn named(messages: &Messages) -> Vec<(String, F)> {
    let mut copy = messages.clone();
    let mut out = Vec::new();
    visit(&mut copy, |name, x| out.push((name, *x)));
    out
}

/// Shows every message, and lets it be changed.
pub(super) fn visit(messages: &mut Messages, mut see: impl FnMut(String, &mut F)) {
    see("nonce".into(), &mut messages.nonce);
    for (g, sums) in messages.aggregates.iter_mut().enumerate() {
        sums.iter_mut().enumerate().for_each(|(i, x)| see(format!("aggregate {g}.{i}"), x));
    }
    for (name, root) in [("row", &mut messages.row_root), ("table", &mut messages.table_root)] {
        see(format!("{name} root p"), &mut root.p);
        see(format!("{name} root q"), &mut root.q);
    }
    for (i, layer) in messages.layers.iter_mut().enumerate() {
        for (j, round) in layer.rounds.iter_mut().enumerate() {
            see(format!("layer {i} round {j} q(0)"), &mut round.at_zero);
            see(format!("layer {i} round {j} q(1)"), &mut round.at_one);
            see(format!("layer {i} round {j} leading"), &mut round.leading);
        }
        for (name, children) in [("row", &mut layer.row), ("table", &mut layer.table)] {
            see(format!("layer {i} {name} p_l"), &mut children.p_left);
            see(format!("layer {i} {name} p_r"), &mut children.p_right);
            see(format!("layer {i} {name} q_l"), &mut children.q_left);
            see(format!("layer {i} {name} q_r"), &mut children.q_right);
        }
    }
    for (i, round) in messages.row_rounds.iter_mut().enumerate() {
        see(format!("row round {i} q(0)"), &mut round.at_zero);
        see(format!("row round {i} q(1)"), &mut round.at_one);
        round.high.iter_mut().enumerate().for_each(|(k, x)| see(format!("row round {i} c_{}", k + 2), x));
    }
    for (i, round) in messages.table_rounds.iter_mut().enumerate() {
        see(format!("table round {i} q(0)"), &mut round.at_zero);
        see(format!("table round {i} q(1)"), &mut round.at_one);
    }
    messages.group_inverses.iter_mut().enumerate().for_each(|(g, x)| see(format!("group inverse {g}"), x));
    messages.root_inverses.iter_mut().enumerate().for_each(|(i, x)| see(format!("root inverse {i}"), x));
    messages.sides.iter_mut().enumerate().for_each(|(g, x)| see(format!("side {g}"), x));
}

fn same(shape: &Shape, witness: &QueryWitness, name: &str) {
    let statement = Statement { context: digest("context"), commitments: digest("commitments"), nonce: F::from(9u64) };
    let Statement { context, commitments, nonce } = &statement;
    let fast = prove::prove(shape, witness, &EXACT.sums[0], context, commitments, *nonce, &mut |_| ());
    let dense = Dense::of(shape, witness);
    // The roots as they are, whether they pass the root check or not.
    let lie = Lie::claiming(dense.aggregates(shape)).dropped_at(Place::Roots, Manner::Bluntly);
    let naive = naive::prove(Relation::whole(), shape, &dense, &statement, &lie);
    let (found, defined) = (named(&fast.messages), named(&naive.messages));
    assert_eq!(found.len(), defined.len(), "{name}");
    for (found, defined) in found.iter().zip(&defined) {
        assert_eq!(found, defined, "{name}");
    }
    assert_eq!(fast.challenges, naive.challenges, "{name}");
    assert_eq!(evaluations(shape, witness, &fast.challenges), dense.evaluations(&naive.challenges), "{name}");
}

#[test]
fn the_optimised_prover_sends_what_the_definitions_say() {
    for shape in tiny_shapes() {
        let most = shape.max_declared_rows();
        for declared in [0, 1, 4, most - 1, most] {
            let witness = witness(&mut rng(declared as u64), &shape, declared);
            same(&shape, &witness, &format!("{} with {declared} rows", shape.name));
        }
    }
}

/// Without measures, groups, flags, lookups; and over columns that no honest hospital has.
#[test]
fn so_it_does_when_parts_are_absent_or_false() {
    type Change = fn(&mut QueryWitness);
    let changes: [(&str, Change); 8] = [
        ("no z", |witness| witness.z = None),
        ("no measure", |witness| (witness.y, witness.z) = (None, None)),
        ("no group", |witness| witness.group = RowColumn::default()),
        ("no flag", |witness| witness.flags.clear()),
        ("one lookup", |witness| witness.lookups.truncate(1)),
        ("no lookup", |witness| witness.lookups.clear()),
        ("a false output", |witness| witness.lookups[0].output.data[1] ^= 1),
        ("a flag of 2", |witness| witness.flags[0].data[1] = 2),
    ];
    for shape in tiny_shapes() {
        for (name, change) in changes {
            let mut witness = witness(&mut rng(7), &shape, 5);
            change(&mut witness);
            same(&shape, &witness, &format!("{}, {name}", shape.name));
        }
    }
}
