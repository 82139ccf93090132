//! (e) Release: the cells follow from the aggregates under the policy.
//!
//! All inequalities are of field elements read as integers in `[0, 2^bits)`, as in the circuit.

use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use cohortium_protocol::field::F;
use cohortium_protocol::policy::{Cell, MAX_CODE, SUM_BASE_BITS};
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::{QueryPublic, cell_inputs};

use super::{Broken, require};
use crate::clause::{Clause, Relation};
use crate::messages::Messages;

/// Bits of the differences of counts: minimum cells and rounding bases are at most 1,024.
pub(crate) const COUNT_RULE_BITS: usize = 10;

/// Bits of a coded value: one row adds less than two to this power to the first sum.
pub(crate) const CODE_BITS: usize = 16;

fn fits(x: F, bits: usize) -> bool {
    x.into_bigint().num_bits() as usize <= bits
}

/// Checks the cells of every group.
pub(super) fn check(
    relation: &Relation,
    shape: &Shape,
    public: &QueryPublic,
    messages: &Messages,
) -> Result<(), Broken> {
    let params = &public.params;
    let [k, b, h] = [params.k, params.b, params.b / 2].map(F::from);
    let show = F::from(params.show_zero);
    for ((cells, sums), side) in public.cells.iter().zip(&messages.aggregates).zip(&messages.sides) {
        let (v, z, value) = cell_inputs(cells.count);
        let u = F::ONE - v - z;
        let n = sums[0];
        require(relation, Clause::ZeroIsZero, (z * n) == F::ZERO)?;
        require(relation, Clause::ZeroShown, z * (F::ONE - show) == F::ZERO)?;
        require(relation, Clause::ValueReachesThreshold, fits(v * (n - k), shape.row_bits + 1))?;
        let above = n + h - value;
        require(relation, Clause::CountNotBelow, fits(v * above, COUNT_RULE_BITS))?;
        require(relation, Clause::CountNotAbove, fits(v * (b - F::ONE - above), COUNT_RULE_BITS))?;
        require(relation, Clause::SuppressedIsSmall, fits(u * (k - F::ONE - n), COUNT_RULE_BITS))?;
        require(relation, Clause::SuppressedIsNotZero, fits(u * (n - show), COUNT_RULE_BITS))?;
        for (i, rule) in params.sums.iter().enumerate() {
            let bits = SUM_BASE_BITS[i] as usize;
            let (shown, _, value) = cell_inputs(cells.sums[i].unwrap_or(Cell::Suppressed));
            let asked = F::from(rule.on);
            let exact = sums[i + 1];
            require(relation, Clause::SumNotAsked, shown * (F::ONE - asked) == F::ZERO)?;
            require(relation, Clause::SumFollowsCount, shown * (F::ONE - v) == F::ZERO)?;
            let above = exact + F::from(rule.base / 2) - value;
            require(relation, Clause::SumNotBelow, fits(shown * above, bits))?;
            let below = F::from(rule.base) - F::ONE - above;
            require(relation, Clause::SumNotAbove, fits(shown * below, bits))?;
            let mut small = F::from(rule.dominance) - F::ONE - exact;
            if i == 0 {
                let room = n * F::from(rule.most.unwrap_or(MAX_CODE));
                let beyond = room - exact - F::from(rule.dominance);
                require(relation, Clause::SumComplement, fits(shown * beyond, shape.row_bits + CODE_BITS))?;
                require(relation, Clause::SumHiddenSide, *side * (*side - F::ONE) == F::ZERO)?;
                small += *side * (exact.double() - room);
            }
            require(relation, Clause::SumSuppressedIsSmall, fits(asked * (v - shown) * small, bits))?;
        }
    }
    Ok(())
}
