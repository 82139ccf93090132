//! The public inputs of the statement `table`. The order is the statement page's.

use super::{LengthError, PublicChallenges};
use crate::field::{F, digest_limbs};
use crate::hash::Digest;
use crate::shape::Shape;

/// The evaluations that the final checks of the statement `table` use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableEvaluations {
    /// `OCC~(r)`.
    pub occupied: F,
    /// `sum_k mu^k (F_k(r)^2 - F_k(r))` over the epoch's flags, `k >= 1`; 0 for a table version.
    pub flags: F,
    /// `V~(r)`: the tag as a number; 0 for an epoch.
    pub sources: F,
    /// `V~(r) + V_D~(r) + 1`: the next tag; 0 for an epoch.
    pub targets: F,
    /// `in_j~(r)` for every lookup slot, 0 where unused.
    pub inputs: Vec<F>,
    /// `m'_j~(r_t)` for every lookup slot; unused: `declared_rows * eq(0, r_t)`.
    pub multiplicities: Vec<F>,
}

/// The public challenges of the statement `table`. Every lookup is in the zero table, so no point is needed where tables are
/// evaluated.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TableChallenges {
    /// `r`, where columns are opened: `n` coordinates.
    pub row_point: Vec<F>,
    /// `r_t`, where multiplicities are opened: `w + 1` coordinates.
    pub value_point: Vec<F>,
    /// Batches the flag checks.
    pub mu: F,
}

impl From<PublicChallenges> for TableChallenges {
    fn from(challenges: PublicChallenges) -> Self {
        let PublicChallenges { row_point, value_point, mu, .. } = challenges;
        Self { row_point, value_point, mu }
    }
}

/// The public inputs of one proof of the statement `table`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TablePublic {
    /// The context digest.
    pub context: Digest,
    /// The digest of the query-time commitments.
    pub commitments: Digest,
    /// The transcript's public challenges.
    pub challenges: TableChallenges,
    /// The final checks' evaluations.
    pub evaluations: TableEvaluations,
}

impl TablePublic {
    /// How many public inputs the shape has, the constant 1 not counted.
    pub const fn count(shape: &Shape) -> usize {
        4 + shape.row_bits + (shape.value_bits + 1) + 1 + 4 + 2 * shape.max_lookups()
    }

    /// Refuses lists that do not have the shape's lengths.
    pub fn check_lengths(&self, shape: &Shape) -> Result<(), LengthError> {
        let c = &self.challenges;
        let e = &self.evaluations;
        let lists = [
            ("r", c.row_point.len(), shape.row_bits),
            ("r_t", c.value_point.len(), shape.value_bits + 1),
            ("inputs", e.inputs.len(), shape.max_lookups()),
            ("multiplicities", e.multiplicities.len(), shape.max_lookups()),
        ];
        match lists.into_iter().find(|(_, found, required)| found != required) {
            Some((what, found, required)) => Err(LengthError { shape: shape.name, what, required, found }),
            None => Ok(()),
        }
    }

    /// Every public input after its name, in the circuit's order.
    pub fn named(&self) -> Vec<(String, F)> {
        let mut out = Vec::with_capacity(128);
        for (name, digest) in [("context", &self.context), ("commitments", &self.commitments)] {
            let [high, low] = digest_limbs(digest);
            out.extend([(format!("{name}.high"), high), (format!("{name}.low"), low)]);
        }
        let e = &self.evaluations;
        let c = &self.challenges;
        let list = |name: &str, list: &[F]| -> Vec<(String, F)> {
            list.iter().enumerate().map(|(i, x)| (format!("{name}.{i}"), *x)).collect()
        };
        for (name, point) in [("r", &c.row_point), ("r_t", &c.value_point)] {
            out.extend(list(name, point));
        }
        let single = [
            ("mu", c.mu),
            ("occupied", e.occupied),
            ("flags", e.flags),
            ("sources", e.sources),
            ("targets", e.targets),
        ];
        out.extend(single.map(|(name, x)| (name.to_owned(), x)));
        for (name, values) in [("input", &e.inputs), ("multiplicity", &e.multiplicities)] {
            out.extend(list(name, values));
        }
        out
    }

    /// Every public input, in the circuit's order.
    pub fn encode(&self, shape: &Shape) -> Result<Vec<F>, LengthError> {
        self.check_lengths(shape)?;
        Ok(self.named().into_iter().map(|(_, x)| x).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_as_many_inputs_as_names_and_lists_have_the_shapes_lengths() {
        for shape in Shape::TABLES {
            let zeros = |len: usize| vec![F::from(0u64); len];
            let mut public = TablePublic {
                context: Digest::of_bytes(b"context"),
                commitments: Digest::of_bytes(b"commitments"),
                challenges: TableChallenges {
                    row_point: zeros(shape.row_bits),
                    value_point: zeros(shape.value_bits + 1),
                    mu: F::from(1u64),
                },
                evaluations: TableEvaluations {
                    occupied: F::from(2u64),
                    flags: F::from(3u64),
                    sources: F::from(4u64),
                    targets: F::from(5u64),
                    inputs: zeros(shape.max_lookups()),
                    multiplicities: zeros(shape.max_lookups()),
                },
            };
            let encoded = public.encode(&shape).unwrap();
            assert_eq!(encoded.len(), TablePublic::count(&shape));
            let at = encoded.iter().position(|x| *x == F::from(1u64)).unwrap();
            assert_eq!(encoded[at..at + 5], [1u64, 2, 3, 4, 5].map(F::from));
            public.evaluations.inputs.pop();
            let refused = public.encode(&shape).unwrap_err().to_string();
            assert_eq!(refused, format!("the shape {} takes 14 of `inputs`, found 13", shape.name));
        }
    }
}
