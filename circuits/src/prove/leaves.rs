//! The leaves of both trees.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use cohortium_protocol::shape::Shape;
use rayon::prelude::*;

use super::columns::{LookupWitness, Others, Parts};
use super::slots::{Denominators, Numerators, Slot, collect};
use super::step::Step;
use super::table::Chain;
use super::{Fingerprints, denominator};
use crate::native::Challenges;

/// The poles of every lookup's table.
pub(super) fn fingerprints(shape: &Shape, witness: &Parts<'_>, challenges: &Challenges) -> Fingerprints {
    witness
        .lookups
        .par_iter()
        .map(|lookup| {
            (0..shape.values()).map(|v| denominator(challenges, F::from(v as u64), F::from(lookup.table[v]))).collect()
        })
        .collect()
}

/// A lookup's denominator on a row: the table's own where the row follows the table.
pub(super) fn lookup_pole(lookup: &LookupWitness, poles: &[F], challenges: &Challenges, row: usize) -> F {
    if let (Some(input), Some(output)) = (lookup.input.data.get(row), lookup.output.data.get(row)) {
        let value = *input as usize;
        if lookup.table.get(value).is_some_and(|entry| u32::from(*entry) == *output) {
            return poles[value];
        }
    }
    denominator(challenges, lookup.input.at(row), lookup.output.at(row))
}

/// The row tree's leaves: lookups, unused slots, then aggregates or a chain.
pub(super) fn row_leaves(
    shape: &Shape,
    witness: &Parts<'_>,
    challenges: &Challenges,
    fingerprints: &Fingerprints,
) -> Vec<Slot> {
    let occupied = |weight: F| Step { full: weight, count: witness.declared_rows, edge: F::ZERO };
    let mut slots: Vec<Slot> = (0..shape.max_lookups())
        .map(|j| {
            let p = Numerators::Step(occupied(challenges.lookup_weights[j]));
            let q = match witness.lookups.get(j) {
                Some(lookup) => Denominators::Dense(collect(shape.rows(), |row| {
                    lookup_pole(lookup, &fingerprints[j], challenges, row)
                })),
                None => Denominators::Same(challenges.alpha),
            };
            Slot { p, q }
        })
        .collect();
    let w = &challenges.aggregate_weights;
    let gamma = challenges.gamma;
    let witness = match witness.others {
        Others::Aggregates(witness) => witness,
        Others::Chain(chain) => {
            let side = |weight: F, value: &(dyn Fn(&Chain, usize) -> F + Sync)| Slot {
                p: Numerators::Step(occupied(weight)),
                q: match chain {
                    Some(chain) => Denominators::Dense(collect(shape.rows(), |row| gamma - value(chain, row))),
                    None => Denominators::Same(gamma),
                },
            };
            slots.push(side(w[0], &Chain::source));
            slots.push(side(-w[0], &Chain::target));
            return slots;
        }
    };
    let p = collect(shape.rows(), |row| match witness.selection.data.get(row) {
        None | Some(0) => F::ZERO,
        Some(selected) => {
            let y = witness.y.as_ref().map_or(F::ZERO, |column| column.at(row));
            let z = witness.z.as_ref().map_or(F::ZERO, |column| column.at(row));
            F::from(*selected) * (w[0] + y * (w[1] + w[2] * y + w[3] * z))
        }
    });
    let q = collect(shape.rows(), |row| gamma - witness.group.at(row));
    slots.push(Slot { p: Numerators::Dense(p), q: Denominators::Dense(q) });
    slots
}

/// The table tree's leaves: tables with their multiplicities, the zero table of unused slots, and `0/1` facing the other leaf sets.
pub(super) fn table_leaves(
    shape: &Shape,
    witness: &Parts<'_>,
    challenges: &Challenges,
    fingerprints: &Fingerprints,
) -> Vec<Slot> {
    let mut slots: Vec<Slot> = (0..shape.max_lookups())
        .map(|j| {
            let weight = challenges.lookup_weights[j];
            match witness.lookups.get(j) {
                Some(lookup) => Slot {
                    p: Numerators::Dense(collect(shape.values(), |v| match lookup.counts[v] {
                        0 => F::ZERO,
                        count => weight * F::from(count),
                    })),
                    q: Denominators::Dense(fingerprints[j].clone()),
                },
                None => Slot {
                    p: Numerators::Step(Step {
                        full: F::ZERO,
                        count: 0,
                        edge: weight * F::from(witness.declared_rows as u64),
                    }),
                    q: Denominators::Dense(collect(shape.values(), |v| challenges.alpha - F::from(v as u64))),
                },
            }
        })
        .collect();
    slots.resize_with(shape.slots(), || Slot { p: Numerators::Step(Step::ZERO), q: Denominators::Same(F::ONE) });
    slots
}
