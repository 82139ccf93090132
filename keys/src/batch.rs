//! Many proofs under one key, checked at once.
//!
//! Each proof's equation is `e(A, B) = e(alpha, beta) e(I, gamma) e(C, delta)`, with `I` the sum of the key's points
//! weighed by the public inputs. If all hold, so does their combination with weights `w`:
//!
//! ```text
//! prod_i e(w_i A_i, B_i) = e(alpha, beta)^(sum_i w_i) e(sum_i w_i I_i, gamma) e(sum_i w_i C_i, delta)
//! ```
//!
//! One pairing a proof instead of three, one final exponentiation, and one multi-scalar multiplication over the
//! inputs' points for all. If one does not hold, the combination does with probability `2^-128` over the weights.
//! They are 128 bits of SHA-256 each, over the key's id and all proofs and inputs, so whoever makes proofs cannot
//! choose them after the weights, and no generator is needed: the same batch gets the same answer.

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective};
use ark_ec::pairing::Pairing;
use ark_ec::{AffineRepr, CurveGroup, VariableBaseMSM};
use ark_ff::{AdditiveGroup, BigInteger, PrimeField};
use cohortium_protocol::domain;
use cohortium_protocol::hash::Hasher;

use crate::{Proof, VerifyingKey};

impl VerifyingKey {
    /// Says of each proof whether it is valid for its public inputs, as [`VerifyingKey::accepts`] does.
    ///
    /// If all are, which is the usual case, they cost less than one by one. If not, they are looked at in halves until
    /// the false ones are found.
    pub fn accept_batch(&self, batch: &[(Proof, Vec<Fr>)]) -> Vec<bool> {
        if let [(proof, inputs)] = batch {
            return vec![self.accepts(proof, inputs)];
        }
        if self.all_hold(batch) {
            return vec![true; batch.len()];
        }
        let (left, right) = batch.split_at(batch.len() / 2);
        [self.accept_batch(left), self.accept_batch(right)].concat()
    }

    /// The combined equation.
    fn all_hold(&self, batch: &[(Proof, Vec<Fr>)]) -> bool {
        let key = &self.prepared().vk;
        let points = &key.gamma_abc_g1;
        if batch.iter().any(|(_, inputs)| inputs.len() + 1 != points.len()) {
            return false;
        }
        let weights = self.weights(batch);
        // The weighed inputs; the first point's is the constant 1.
        let mut inputs = vec![Fr::ZERO; points.len()];
        let mut total = Fr::ZERO;
        for ((_, public), weight) in batch.iter().zip(&weights) {
            total += weight;
            inputs.iter_mut().skip(1).zip(public).for_each(|(sum, input)| *sum += *weight * input);
        }
        inputs[0] = total;
        let scaled = |point: &G1Affine, weight: &Fr| point.mul_bigint(weight.into_bigint());
        let a: Vec<G1Projective> =
            batch.iter().zip(&weights).map(|((proof, _), weight)| scaled(&proof.inner().a, weight)).collect();
        let c: Vec<G1Affine> = batch.iter().map(|(proof, _)| proof.inner().c).collect();
        let mut left = G1Projective::normalize_batch(&a);
        let sums = [
            -scaled(&key.alpha_g1, &total),
            -G1Projective::msm_unchecked(points, &inputs),
            -G1Projective::msm_unchecked(&c, &weights),
        ];
        left.extend(G1Projective::normalize_batch(&sums));
        let mut right: Vec<_> = batch.iter().map(|(proof, _)| proof.inner().b).collect();
        right.extend([key.beta_g2, key.gamma_g2, key.delta_g2]);
        Bn254::multi_pairing(left, right) == ark_ec::pairing::PairingOutput::ZERO
    }

    /// The weights: each 128 bits, none of them chosen by anybody.
    fn weights(&self, batch: &[(Proof, Vec<Fr>)]) -> Vec<Fr> {
        let mut hasher = Hasher::new(domain::BATCH);
        hasher.digest(&self.id()).u64(batch.len() as u64);
        for (proof, inputs) in batch {
            hasher.bytes(&proof.encode()).u64(inputs.len() as u64);
            for input in inputs {
                hasher.bytes(&input.into_bigint().to_bytes_be());
            }
        }
        let all = hasher.finish();
        let weight = |place: usize| {
            let digest = Hasher::new(domain::BATCH).digest(&all).u64(place as u64).finish();
            Fr::from_be_bytes_mod_order(&digest.as_bytes()[..16])
        };
        (0..batch.len()).map(weight).collect()
    }
}
