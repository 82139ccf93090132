//! Proving keys: the points, and the matrices they were made for.

use ark_bn254::{Bn254, Fr, G1Projective, G2Projective};
use ark_ec::PrimeGroup;
use ark_ff::UniformRand;
use ark_groth16::Groth16;
use cohortium_circuits::gadget::{Matrices, matrices};
use cohortium_protocol::commit::Hedge;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::shape::Shape;
use rand::{CryptoRng, RngCore};

use crate::proof::Proof;
use crate::qap::OddCoset;
use crate::verifying::{KeyKind, VerifyingKey, VerifyingKeyError};

/// Why a proof could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The assignment has another number of variables than the circuit.
    #[error("shape {shape} has {required} variables, the assignment has {found}")]
    Assignment {
        /// The shape's name.
        shape: &'static str,
        /// The circuit's number.
        required: usize,
        /// The assignment's number.
        found: usize,
    },
    /// arkworks refused.
    #[error("the proof could not be computed: {reason}")]
    Synthesis {
        /// What it said.
        reason: String,
    },
    /// The key made by the set-up is refused.
    #[error(transparent)]
    Key(#[from] VerifyingKeyError),
}

/// A proving key with its circuit's matrices.
pub struct ProvingKey {
    pub(crate) matrices: [Vec<Vec<(Fr, usize)>>; 3],
    pub(crate) inputs: usize,
    pub(crate) variables: usize,
    pub(crate) key: ark_groth16::ProvingKey<Bn254>,
    pub(crate) verifying: VerifyingKey,
}

impl ProvingKey {
    /// Makes a development key: whoever runs this could forge, so results say so wherever they are shown.
    ///
    /// About 10 CPU-seconds at the standard shapes.
    pub fn development(shape: Shape, rng: &mut (impl RngCore + CryptoRng)) -> Result<Self, ProveError> {
        Self::from_matrices(shape, matrices(&shape), rng)
    }

    fn from_matrices(shape: Shape, built: Matrices, rng: &mut (impl RngCore + CryptoRng)) -> Result<Self, ProveError> {
        let digest = built.digest();
        // The standard generators, as in snarkjs' keys; secrets of the set-up are dropped here.
        let [alpha, beta, gamma, delta] = [(); 4].map(|()| Fr::rand(rng));
        let key = Groth16::<Bn254, OddCoset>::generate_parameters_with_qap(
            &built,
            alpha,
            beta,
            gamma,
            delta,
            G1Projective::generator(),
            G2Projective::generator(),
            rng,
        )
        .map_err(|error| ProveError::Synthesis { reason: error.to_string() })?;
        Ok(Self::assemble(shape, KeyKind::Development, digest, built.rows, built.inputs, built.variables, key)?)
    }

    #[allow(clippy::too_many_arguments)] // a file's parts, each by its name
    pub(crate) fn assemble(
        shape: Shape,
        kind: KeyKind,
        digest: Digest,
        matrices: [Vec<Vec<(Fr, usize)>>; 3],
        inputs: usize,
        variables: usize,
        key: ark_groth16::ProvingKey<Bn254>,
    ) -> Result<Self, VerifyingKeyError> {
        let verifying = VerifyingKey::new(shape, kind, digest, &key.vk)?;
        Ok(Self { matrices, inputs, variables, key, verifying })
    }

    /// The verifying half.
    pub fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The shape it proves.
    pub fn shape(&self) -> &Shape {
        self.verifying.shape()
    }

    /// Whether an assignment satisfies every constraint. Costs a tenth of a second or so; a proof of an
    /// assignment that does not is worthless.
    pub fn is_satisfied(&self, assignment: &[Fr]) -> bool {
        let evaluate =
            |row: &[(Fr, usize)]| -> Fr { row.iter().map(|(coefficient, i)| *coefficient * assignment[*i]).sum() };
        let [a, b, c] = &self.matrices;
        assignment.len() == self.variables
            && a.iter().zip(b).zip(c).all(|((a, b), c)| evaluate(a) * evaluate(b) == evaluate(c))
    }

    /// Proves an assignment, with fresh randomness.
    pub fn prove(&self, assignment: &[Fr], rng: &mut (impl RngCore + CryptoRng)) -> Result<Proof, ProveError> {
        if assignment.len() != self.variables {
            return Err(ProveError::Assignment {
                shape: self.shape().name,
                required: self.variables,
                found: assignment.len(),
            });
        }
        let (r, s) = masks(&self.verifying.id(), assignment, rng);
        Groth16::<Bn254, OddCoset>::create_proof_with_reduction_and_matrices(
            &self.key,
            r,
            s,
            &self.matrices,
            self.inputs,
            self.matrices[0].len(),
            assignment,
        )
        .map(Proof::new)
        .map_err(|error| ProveError::Synthesis { reason: error.to_string() })
    }
}

/// What hides a proof: other scalars for another assignment, even from a generator in the same state.
fn masks(key: &Digest, assignment: &[Fr], rng: &mut (impl RngCore + CryptoRng)) -> (Fr, Fr) {
    let mut rng = Hedge::new("groth16", rng).digest(key).elements(assignment).generator();
    (Fr::rand(&mut rng), Fr::rand(&mut rng))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_generator_in_the_same_state_masks_another_assignment_otherwise() {
        let (key, other_key) = (Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32]));
        let [one, two] = [1u64, 2].map(Fr::from);
        let drawn = |key, assignment: &[Fr], seed| masks(key, assignment, &mut StdRng::seed_from_u64(seed));
        let all = [
            drawn(&key, &[one, two], 1),
            drawn(&key, &[one, one], 1),
            drawn(&other_key, &[one, two], 1),
            // And it is fresh: the same assignment from a generator that has moved on.
            drawn(&key, &[one, two], 2),
        ];
        for (place, masks) in all.iter().enumerate() {
            assert_ne!(masks.0, masks.1);
            assert!(all[..place].iter().all(|before| before.0 != masks.0 && before.1 != masks.1), "{place}");
        }
    }
}
