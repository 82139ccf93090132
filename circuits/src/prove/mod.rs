//! The argument's prover: linear in rows.
//!
//! It follows the transcript step by step and produces the [`Messages`] that the circuit checks. Fraction
//! trees are kept layer by layer and freed as they are walked down.

mod columns;
mod leaves;
mod rows;
mod slots;
mod step;
mod table;
mod tree;
mod values;

pub use columns::{LookupWitness, QueryWitness, RowColumn};
pub use table::{Chain, LIMBS, TableWitness};

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::policy::SumParams;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::PublicChallenges;

use crate::clause::Relation;
use crate::messages::{ENDS, Fraction, Layer, LayerRound, Messages, ends_message};
use crate::native::{Challenges, Coins, leaf_weights};
use crate::transcript::active;
use columns::Parts;
use tree::{Tree, TreeLayer};

/// What the argument's prover produces.
pub struct Argument {
    /// The circuit's witness.
    pub messages: Messages,
    /// The public challenges, among them the points where columns are to be opened.
    pub challenges: PublicChallenges,
}

/// A stage of the proof, for progress: names are shown to people.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Leaves and inner layers of both fraction trees.
    Trees,
    /// A layer of the trees; out of how many.
    Layer(usize, usize),
    /// The row sumcheck.
    Rows,
    /// The table sumcheck.
    Tables,
}

/// Runs the argument's prover.
///
/// `rule` is the first sum's; `context` and `commitments` are the statement's digests, `nonce` is uniform and never
/// used twice.
pub fn prove(
    shape: &Shape,
    witness: &QueryWitness,
    rule: &SumParams,
    context: &Digest,
    commitments: &Digest,
    nonce: F,
    progress: &mut dyn FnMut(Stage),
) -> Argument {
    let mut messages = Messages::blank(shape);
    messages.aggregates = witness.aggregates(shape);
    let mut argument = argue(shape, &witness.into(), messages, [context, commitments], nonce, progress);
    argument.messages.set_sides(rule);
    argument
}

/// Runs the argument's prover of the statement `table`; the digests and the nonce as for [`prove`].
pub fn prove_table(
    shape: &Shape,
    witness: &TableWitness,
    context: &Digest,
    commitments: &Digest,
    nonce: F,
    progress: &mut dyn FnMut(Stage),
) -> Argument {
    let mut messages = Messages::blank(shape);
    let ends = witness.chain.as_ref().map_or([F::ZERO; ENDS], |chain| chain.ends);
    messages.aggregates = vec![ends_message(ends)];
    argue(shape, &witness.into(), messages, [context, commitments], nonce, progress)
}

/// The argument of either statement; `messages` hold the aggregates and nothing else yet.
fn argue(
    shape: &Shape,
    witness: &Parts<'_>,
    mut messages: Messages,
    [context, commitments]: [&Digest; 2],
    nonce: F,
    progress: &mut dyn FnMut(Stage),
) -> Argument {
    messages.nonce = nonce;
    let mut coins = Coins::new(Relation::whole(), shape);
    coins.statement(digest_limbs(context), digest_limbs(commitments), nonce);
    let challenges = coins.aggregates(&messages.aggregates);

    progress(Stage::Trees);
    let fingerprints = leaves::fingerprints(shape, witness, &challenges);
    let mut row_tree = Tree::grow(leaves::row_leaves(shape, witness, &challenges, &fingerprints), shape.row_bits);
    let mut table_tree = Tree::grow(leaves::table_leaves(shape, witness, &challenges, &fingerprints), shape.value_bits);
    messages.row_root = row_tree.root();
    messages.table_root = table_tree.root();
    messages.set_inverses(shape, challenges.gamma);

    let leaf = walk(shape, &mut coins, &mut messages, &mut row_tree, &mut table_tree, progress);

    progress(Stage::Rows);
    let row_point = rows::sumcheck(shape, witness, &challenges, &fingerprints, &leaf, &mut coins, &mut messages);
    progress(Stage::Tables);
    let value_point = values::sumcheck(shape, witness, &challenges, &leaf, &mut coins, &mut messages);
    let table_point = leaf.table_point[..shape.value_bits].to_vec();
    Argument { messages, challenges: PublicChallenges { row_point, value_point, table_point, mu: leaf.mu } }
}

/// The claims about leaves, after the layers.
struct Leaf {
    row: Fraction,
    row_point: Vec<F>,
    table: Fraction,
    table_point: Vec<F>,
    lambda: F,
    mu: F,
}

impl Leaf {
    /// `eq(rho_slot, j)` at the row tree's point.
    fn row_slots(&self, shape: &Shape) -> Vec<F> {
        leaf_weights(shape, &self.row_point)
    }

    /// `eq(rho_slot, j)` at the table tree's point.
    fn table_slots(&self, shape: &Shape) -> Vec<F> {
        leaf_weights(shape, &self.table_point)
    }
}

/// `q(0)` from the running claim: `c = (1 - rho) q(0) + rho q(1)`.
fn at_zero(claim: F, rho: F, at_one: F) -> F {
    (claim - rho * at_one) * (F::ONE - rho).inverse().unwrap_or(F::ZERO)
}

fn walk(
    shape: &Shape,
    coins: &mut Coins<'_>,
    messages: &mut Messages,
    row_tree: &mut Tree,
    table_tree: &mut Tree,
    progress: &mut dyn FnMut(Stage),
) -> Leaf {
    let mut lambda = coins.roots(messages.row_root, messages.table_root);
    let mut leaf = Leaf {
        row: messages.row_root,
        row_point: Vec::new(),
        table: messages.table_root,
        table_point: Vec::new(),
        lambda,
        mu: F::ZERO,
    };
    let mut point: Vec<F> = Vec::new();
    for number in 0..shape.layers() {
        progress(Stage::Layer(number, shape.layers()));
        let (row_active, table_active) = active(shape, number);
        let scale = if row_active { lambda.square() } else { F::ONE };
        // (the tree's layer, its factor in the batch)
        let mut parts: Vec<(TreeLayer, F)> = Vec::with_capacity(2);
        let mut claim = F::ZERO;
        if row_active {
            parts.push((row_tree.layer(number, lambda), F::ONE));
            claim += leaf.row.p + lambda * leaf.row.q;
        }
        if table_active {
            parts.push((table_tree.layer(number, lambda), scale));
            claim += scale * (leaf.table.p + lambda * leaf.table.q);
        }
        let mut rounds = Vec::with_capacity(number);
        let mut bound = Vec::with_capacity(number + 1);
        for j in 0..number {
            let mut at_one = F::ZERO;
            let mut leading = F::ZERO;
            for (part, factor) in &parts {
                let [one, lead] = part.round(&point[j + 1..]);
                at_one += *factor * one;
                leading += *factor * lead;
            }
            let round = LayerRound { at_zero: at_zero(claim, point[j], at_one), at_one, leading };
            let challenge = coins.layer_round(&round);
            claim = round.at(challenge);
            for (part, _) in &mut parts {
                part.bind(challenge);
            }
            rounds.push(round);
            bound.push(challenge);
        }
        let mut children = parts.iter().map(|(part, _)| part.children());
        let mut layer = Layer { rounds, row: Default::default(), table: Default::default() };
        if row_active {
            layer.row = children.next().unwrap_or_default();
        }
        if table_active {
            layer.table = children.next().unwrap_or_default();
        }
        let end = coins.layer_end(number, &layer);
        bound.insert(0, end.fold);
        point = bound;
        if row_active {
            leaf.row = layer.row.fold(end.fold);
            leaf.row_point.clone_from(&point);
        }
        if table_active {
            leaf.table = layer.table.fold(end.fold);
            leaf.table_point.clone_from(&point);
        }
        (lambda, leaf.mu) = (end.lambda, end.mu);
        messages.layers[number] = layer;
    }
    leaf.lambda = lambda;
    leaf
}

/// The pole of each lookup's fraction by table value: `alpha - v - beta T_j(v)`.
type Fingerprints = Vec<Vec<F>>;

/// A row's lookup denominator computed without the table, for rows that do not follow it.
fn denominator(challenges: &Challenges, input: F, output: F) -> F {
    challenges.alpha - input - challenges.beta * output
}
