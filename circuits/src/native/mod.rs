//! The relations in plain Rust: the twin of the circuit.
//!
//! It is what the circuit is compared with, and where a dishonest prover is first tried. It takes the
//! same public inputs and messages, and names the first clause that fails.

mod coins;
mod leaves;
mod noise;
mod offer;
mod release;
mod walk;

pub use coins::{Challenges, Coins, LayerEnd};
pub(crate) use leaves::chain_weight;
pub use leaves::leaf_weights;
pub(crate) use noise::NOISED_COUNT_BITS;
pub(crate) use release::{CODE_BITS, COUNT_RULE_BITS};

use ark_ff::Field;
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::shape::{Proves, Shape};
use cohortium_protocol::statement::{QueryPublic, ReleaseRule, TablePublic};

use crate::clause::{Clause, Relation};
use crate::messages::{ENDS, Messages};
use leaves::LeafValues;

/// The relation does not hold: the first clause that fails.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the clause {0:?} of the statement does not hold")]
pub struct Broken(pub Clause);

/// Fails with a clause unless it holds, or is off.
pub(crate) fn require(relation: &Relation, clause: Clause, holds: bool) -> Result<(), Broken> {
    if holds || !relation.has(clause) { Ok(()) } else { Err(Broken(clause)) }
}

/// Checks the relation `query`, or `eligibility` in the shapes of that.
///
/// # Errors
/// The first clause that fails.
///
/// # Panics
/// When lists do not have the shape's lengths; [`QueryPublic::check_lengths`] and the prover see to that.
pub fn verify(relation: &Relation, shape: &Shape, public: &QueryPublic, messages: &Messages) -> Result<(), Broken> {
    argument(relation, shape, [&public.context, &public.commitments], &public.into(), messages)?;
    match (&public.rule, shape.noise) {
        (ReleaseRule::Exact(params), _) => release::check(relation, shape, params, &public.cells, messages),
        (ReleaseRule::Noised(inputs), Some(noise)) => noise::check(relation, noise, inputs, public, messages),
        (ReleaseRule::Offered(inputs), _) => offer::check(relation, inputs, messages),
        // Public inputs of another shape: no length fits.
        (ReleaseRule::Noised(_), None) => Err(Broken(Clause::SeedOpens)),
    }
}

/// Checks the relation `table`.
///
/// # Errors
/// The first clause that fails.
///
/// # Panics
/// As [`verify`]: when lists do not have the shape's lengths.
pub fn verify_table(
    relation: &Relation,
    shape: &Shape,
    public: &TablePublic,
    messages: &Messages,
) -> Result<(), Broken> {
    argument(relation, shape, [&public.context, &public.commitments], &public.into(), messages)
}

/// (a) to (d), which the statements share.
fn argument(
    relation: &Relation,
    shape: &Shape,
    [context, commitments]: [&Digest; 2],
    public: &LeafValues<'_>,
    messages: &Messages,
) -> Result<(), Broken> {
    let mut coins = Coins::new(*relation, shape);
    coins.statement(digest_limbs(context), digest_limbs(commitments), messages.nonce);
    let challenges = coins.aggregates(&messages.aggregates);
    roots(relation, shape, messages, &challenges)?;
    let claims = walk::layers(relation, shape, &mut coins, messages)?;
    leaves::settle(relation, shape, &mut coins, public, messages, &challenges, &claims)
}

/// `A`, of a query: its aggregates' fractions.
fn aggregates_side(relation: &Relation, messages: &Messages, challenges: &Challenges) -> Result<F, Broken> {
    let mut side = F::from(0u64);
    for (g, (sums, inverse)) in messages.aggregates.iter().zip(&messages.group_inverses).enumerate() {
        let distance = challenges.gamma - F::from(g as u64);
        require(relation, Clause::GroupDenominator, distance * inverse == F::ONE)?;
        let weighted: F = sums.iter().zip(&challenges.aggregate_weights).map(|(x, w)| *x * w).sum();
        side += weighted * inverse;
    }
    Ok(side)
}

/// `A`, of a table: `w_0 (1 / (gamma - v_0) - 1 / (gamma - v_end))`.
fn ends_side(relation: &Relation, messages: &Messages, challenges: &Challenges) -> Result<F, Broken> {
    let mut inverses = [F::from(0u64); ENDS];
    for ((end, inverse), out) in messages.ends().into_iter().zip(&messages.group_inverses).zip(&mut inverses) {
        require(relation, Clause::EndDenominator, (challenges.gamma - end) * inverse == F::ONE)?;
        *out = *inverse;
    }
    Ok(chain_weight(relation, challenges) * (inverses[0] - inverses[1]))
}

/// (c) Roots.
fn roots(relation: &Relation, shape: &Shape, messages: &Messages, challenges: &Challenges) -> Result<(), Broken> {
    let side = match shape.proves {
        Proves::Table => ends_side(relation, messages, challenges)?,
        Proves::Query | Proves::Eligibility => aggregates_side(relation, messages, challenges)?,
    };
    let (row, table) = (messages.row_root, messages.table_root);
    let [row_inverse, table_inverse] = messages.root_inverses;
    require(relation, Clause::RootCheck, row.p * table.q == (table.p + side * table.q) * row.q)?;
    require(relation, Clause::RowDenominator, row.q * row_inverse == F::ONE)?;
    require(relation, Clause::TableDenominator, table.q * table_inverse == F::ONE)
}

#[cfg(test)]
mod tests {
    use cohortium_protocol::field::F;
    use cohortium_protocol::shape::Proves;

    use super::*;
    use crate::prove::{Stage, prove};
    use crate::testing::{digest, params, public, rng, tiny_shapes, witness};

    #[test]
    fn the_honest_prover_is_accepted_at_every_shape_and_size() {
        for shape in tiny_shapes() {
            for declared in [0, 1, 2, 5, shape.max_declared_rows() - 1, shape.max_declared_rows()] {
                // Nobody can be offered where there is nobody.
                if declared == 0 && shape.proves == Proves::Eligibility {
                    continue;
                }
                let rng = &mut rng(declared as u64);
                let witness = witness(rng, &shape, declared);
                let (context, commitments) = (digest("context"), digest("commitments"));
                let mut stages = 0;
                let mut argument = prove(
                    &shape,
                    &witness,
                    &params().sums[0],
                    &context,
                    &commitments,
                    F::from(5u64),
                    &mut |_: Stage| {
                        stages += 1;
                    },
                );
                let public = public(&shape, &witness, params(), argument.challenges, &mut argument.messages);
                let verdict = verify(&Relation::whole(), &shape, &public, &argument.messages);
                assert_eq!(verdict, Ok(()), "{} with {declared} rows", shape.name);
                assert!(stages > shape.layers());
            }
        }
    }
}
