//! Order is soundness: which message changes which challenges, and pinned transcripts.

use std::collections::BTreeSet;

use cohortium_protocol::field::{F, from_hex};
use cohortium_protocol::shape::{Proves, Shape};

use super::oracle::{named, visit};
use crate::clause::Relation;
use crate::messages::Messages;
use crate::native::Coins;
use crate::testing::{TINY, TINY_TABLE, tiny_shapes};
use crate::transcript::initial_chain;

/// Every message of a transcript, the statement's digests among them.
#[derive(Clone)]
struct Script {
    digests: [[F; 2]; 2],
    messages: Messages,
}

/// What one step draws.
struct Drawn {
    step: String,
    challenges: Vec<F>,
}

impl Script {
    /// 1, 2, 3, .. in the order of the messages.
    fn counting(shape: &Shape) -> Self {
        let mut number = 0u64;
        let mut next = || {
            number += 1;
            F::from(number)
        };
        let digests = [[next(), next()], [next(), next()]];
        let mut messages = Messages::blank(shape);
        visit(&mut messages, |_, x| *x = next());
        Self { digests, messages }
    }

    /// The names of everything that can be changed.
    fn names(&self) -> Vec<String> {
        let digests = ["context 0", "context 1", "commitments 0", "commitments 1"].map(String::from);
        digests.into_iter().chain(named(&self.messages).into_iter().map(|(name, _)| name)).collect()
    }

    /// The same with one message changed.
    fn changed(&self, at: &str) -> Self {
        let mut out = self.clone();
        let one = F::from(1u64);
        match at {
            "context 0" => out.digests[0][0] += one,
            "context 1" => out.digests[0][1] += one,
            "commitments 0" => out.digests[1][0] += one,
            "commitments 1" => out.digests[1][1] += one,
            _ => visit(&mut out.messages, |name, x| {
                if name == at {
                    *x += one;
                }
            }),
        }
        out
    }

    /// Runs the transcript; returns everything drawn, step by step.
    fn run(&self, shape: &Shape) -> Vec<Drawn> {
        let Messages { nonce, aggregates, row_root, table_root, layers, row_rounds, table_rounds, .. } = &self.messages;
        let mut out = Vec::new();
        let mut push = |step: String, challenges: Vec<F>| out.push(Drawn { step, challenges });
        let mut coins = Coins::new(Relation::whole(), shape);
        coins.statement(self.digests[0], self.digests[1], *nonce);
        let c = coins.aggregates(aggregates);
        let drawn = match shape.proves {
            // Of a chain neither a bound nor weights of lookups are drawn, and one weight of an aggregate.
            Proves::Table => vec![c.alpha, c.gamma, c.aggregate_weights[0]],
            _ => {
                let fixed = [c.alpha, c.beta, c.gamma].into_iter().chain(c.aggregate_weights);
                fixed.chain(c.lookup_weights).collect()
            }
        };
        push("aggregates".into(), drawn);
        push("roots".into(), vec![coins.roots(*row_root, *table_root)]);
        for (i, layer) in layers.iter().enumerate() {
            for (j, round) in layer.rounds.iter().enumerate() {
                push(format!("layer {i} round {j}"), vec![coins.layer_round(round)]);
            }
            let end = coins.layer_end(i, layer);
            push(format!("layer {i} end"), vec![end.fold, end.lambda, end.mu]);
        }
        for (i, round) in row_rounds.iter().enumerate() {
            push(format!("row round {i}"), vec![coins.row_round(round)]);
        }
        for (i, round) in table_rounds.iter().enumerate() {
            push(format!("table round {i}"), vec![coins.table_round(round)]);
        }
        out
    }
}

/// The step that takes a message, by the statement page's table; none for what is not absorbed.
fn step_of(shape: &Shape, name: &str) -> Option<String> {
    let words: Vec<&str> = name.split(' ').collect();
    let ended = |layer: &str, bits: usize| layer.parse::<usize>().unwrap() >= bits + shape.slot_bits;
    match words[..] {
        // Of a chain there are two ends, and nothing in the other two places.
        ["aggregate", "0.2" | "0.3"] if shape.proves == Proves::Table => None,
        ["context" | "commitments", _] | ["nonce"] | ["aggregate", _] => Some("aggregates".into()),
        [_, "root", _] => Some("roots".into()),
        // q(0) follows from the running claim, which the challenges before have bound.
        [.., "q(0)"] => None,
        ["layer", i, "round", j, _] => Some(format!("layer {i} round {j}")),
        ["layer", i, "row", _] if ended(i, shape.row_bits) => None,
        ["layer", i, "table", _] if ended(i, shape.value_bits) => None,
        ["layer", i, "row" | "table", _] => Some(format!("layer {i} end")),
        ["row", "round", i, _] => Some(format!("row round {i}")),
        ["table", "round", i, _] => Some(format!("table round {i}")),
        // Inverses follow from what they invert.
        ["group" | "root", "inverse", _] => None,
        // A side follows from a sum; where two will do, the release is the same.
        ["side", _] => None,
        // The noise is fixed by public numbers that are no messages.
        ["noise", ..] => None,
        _ => panic!("a message that the page does not name: {name}"),
    }
}

/// A message changes every challenge of its step and of all later ones, and none before.
fn assert_binds(shape: &Shape, names: impl Fn(&str) -> bool) {
    let script = Script::counting(shape);
    let before = script.run(shape);
    for name in script.names().into_iter().filter(|name| names(name)) {
        let after = script.changed(&name).run(shape);
        let from = match step_of(shape, &name) {
            Some(step) => before.iter().position(|drawn| drawn.step == step).unwrap(),
            None => before.len(),
        };
        for (i, (before, after)) in before.iter().zip(&after).enumerate() {
            for (x, y) in before.challenges.iter().zip(&after.challenges) {
                assert_eq!(x != y, i >= from, "{}: {name} and the challenges of {}", shape.name, before.step);
            }
        }
    }
}

#[test]
fn i_digests_and_nonce_come_before_every_challenge() {
    for shape in tiny_shapes() {
        assert_binds(&shape, |name| name.starts_with("context") || name.starts_with("commitments") || name == "nonce");
    }
}

#[test]
fn ii_all_aggregates_come_before_every_challenge() {
    for shape in tiny_shapes() {
        assert_binds(&shape, |name| name.starts_with("aggregate"));
    }
    // The first group's and the last one's, beyond the step that the challenges are drawn from.
    assert_binds(&Shape::QUERY_12, |name| ["aggregate 0.0", "aggregate 63.3"].contains(&name));
}

/// Each lookup and each aggregate has a weight of its own, and so have the poles.
#[test]
fn iii_weights_are_all_different() {
    for shape in tiny_shapes().iter().chain(&Shape::STANDARD) {
        let drawn = Script::counting(shape).run(shape).swap_remove(0).challenges;
        assert_eq!(drawn.len(), 7 + shape.max_lookups(), "{}", shape.name);
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len(), "{}", shape.name);
    }
}

/// All children of both trees come before the layer's fold coordinate and the next batching challenge (trap 1).
#[test]
fn iv_children_come_before_fold_and_next_batch() {
    for shape in tiny_shapes() {
        assert_binds(&shape, |name| name.starts_with("layer") && !name.contains("round"));
    }
}

/// `lambda` and `mu` of the leaves are two challenges, and both leaf claims come before them.
#[test]
fn v_lambda_and_mu_come_after_both_leaf_claims() {
    for shape in tiny_shapes() {
        let script = Script::counting(&shape);
        let leaves = |script: &Script| -> Vec<F> {
            let steps = script.run(&shape);
            let end = steps.iter().rev().find(|drawn| drawn.step.ends_with("end")).unwrap();
            end.challenges[1..].to_vec()
        };
        let [lambda, mu] = leaves(&script)[..] else { panic!("lambda and mu") };
        assert_ne!(lambda, mu);
        for (tree, bits) in [("row", shape.row_bits), ("table", shape.value_bits)] {
            for child in ["p_l", "p_r", "q_l", "q_r"] {
                let last = format!("layer {} {tree} {child}", bits + shape.slot_bits - 1);
                let [lambda_after, mu_after] = leaves(&script.changed(&last))[..] else { panic!("lambda and mu") };
                assert!(lambda != lambda_after && mu != mu_after, "{}: {last}", shape.name);
            }
        }
    }
}

/// Every message is absorbed where the page says; the rest, by name, follows from what is.
#[test]
fn vi_nothing_is_left_unabsorbed() {
    for shape in tiny_shapes().into_iter().chain([TINY_TABLE]) {
        assert_binds(&shape, |_| true);
    }
}

/// The pattern is the shape's, and transcripts of two shapes have nothing in common.
#[test]
fn vi_the_pattern_is_in_the_first_chain_value() {
    let shapes: Vec<Shape> = tiny_shapes().into_iter().chain([TINY_TABLE]).chain(Shape::all()).collect();
    let chains: BTreeSet<F> = shapes.iter().map(initial_chain).collect();
    assert_eq!(chains.len(), shapes.len());
}

/// The first chain values, computed once by another implementation from the page.
#[test]
fn pinned_first_chain_values() {
    let pins = [
        (TINY, "28225d72c1c8ed53165bebf9220434d8a69da950b04790b83ca0e6f2a343f896"),
        (Shape::QUERY_12, "0301737c8279b97d2bffb62866cf03da39d5e4e3741233854a8a98cb6d8d07e7"),
        (Shape::QUERY_16, "13ead3ac34c985413e28231f4ab16650a80506a7385c985065513ff7fa55f18d"),
        (Shape::QUERY_20, "1cbcf72ad392e45ea8c282e8d05fd54ec735edad3623aeab20c1d8e363f266cb"),
        (Shape::TABLE_12, "16ae6db43beb0833fde88ea6fb041acbeac05c328be815bcbfa97fb9729e23d0"),
        (Shape::TABLE_16, "21c85046570282b794ce5b997f90c9e5fb94485d3d5f46f1c64df3f4d9d2c09e"),
        (Shape::TABLE_20, "061ecf1b9f44c11e06584f910da4498fe786b56ca191b787f3d1b45ea4df2411"),
    ];
    for (shape, pin) in pins {
        assert_eq!(initial_chain(&shape), from_hex(pin).unwrap(), "{}", shape.name);
    }
}

/// Transcripts of the messages 1, 2, 3, .. : the first challenge, the leaves' `mu`, and the last challenge,
/// computed once by another implementation from the page.
#[test]
fn pinned_transcripts() {
    let pins = [
        (
            TINY,
            [
                "042d417d2f49535426591731ad28a8a756447a0abb2ec4da935a7c4ef634f7c3",
                "21919e5a2ca93de291bfa3f466b47e93ba6a96fd3bc19e844ba6dc263a75b127",
                "0edb97b6a091d6ddf255f15c0f452494ff9dee997407f68835de2e0169688ffa",
            ],
        ),
        (
            Shape::QUERY_12,
            [
                "281622c657d5716cfafb3cf21179d43fa2961415e43a413cac794abb1b32cb3e",
                "13ad5e35ed462afa258e065100e79a8ec2ee8ba5803df4901c0bdbea2b48224b",
                "0cb02a1a826b1b303f87c7088a46685f617ff78f635f625feee6b359cc1dfbb6",
            ],
        ),
    ];
    for (shape, pins) in pins {
        let steps = Script::counting(&shape).run(&shape);
        let end = steps.iter().rev().find(|drawn| drawn.step.ends_with("end")).unwrap();
        let found = [steps[0].challenges[0], end.challenges[2], steps[steps.len() - 1].challenges[0]];
        assert_eq!(found, pins.map(|pin| from_hex(pin).unwrap()), "{}", shape.name);
    }
}
