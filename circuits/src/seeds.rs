//! Commitments to one-time noise seeds: a hash that a circuit opens cheaply.

use ark_ff::AdditiveGroup;
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::hash::Digest;

use crate::poseidon::{Width, permute};

/// The commitment to a seed: circomlib's Poseidon hash of its two halves, the first 16 bytes first, each as a
/// big-endian integer. It hides because the seed has 256 bits of its own.
pub fn commitment(seed: &[u8; 32]) -> F {
    let [high, low] = digest_limbs(&Digest::from_bytes(*seed));
    let mut state = [F::ZERO, high, low];
    permute(Width::W3, &mut state);
    state[0]
}

#[cfg(test)]
mod tests {
    use light_poseidon::{Poseidon, PoseidonHasher};

    use super::*;

    #[test]
    fn as_circomlib_has_it() {
        let seed: [u8; 32] = std::array::from_fn(|k| k as u8);
        let halves = [0..16, 16..32].map(|half| {
            let mut word = [0; 16];
            word.copy_from_slice(&seed[half]);
            F::from(u128::from_be_bytes(word))
        });
        assert_eq!(commitment(&seed), Poseidon::<F>::new_circom(2).unwrap().hash(&halves).unwrap());
        assert_ne!(commitment(&seed), commitment(&[0; 32]));
    }
}
