//! Nullifiers: a patient's name in one scope, which says nothing of the patient and is another in every scope (statement page
//! *Eligibility*).
//!
//! A pure function of the tag and the scope, so that the patient computes it alone.

use ark_ff::{AdditiveGroup, PrimeField};
use cohortium_protocol::domain;
use cohortium_protocol::field::{F, digest_limbs};
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::table::Tag;
use zeroize::Zeroize;

use crate::clause::{Clause, Relation};
use crate::poseidon::{Width, permute};

/// The permutation's width: the domain, the tag, the scope's halves, and one element that is 0.
pub(crate) const WIDTH: Width = Width::W5;

/// Separates nullifiers from every other use of the permutation of width 5.
pub(crate) fn nullifier_tag() -> F {
    F::from_be_bytes_mod_order(Hasher::new(domain::NULLIFIER).finish().as_bytes())
}

/// The nullifier of a patient in a scope.
pub fn nullifier(tag: &Tag, scope: &Digest) -> F {
    let mut number = tag.number();
    let hash = hash(&Relation::whole(), F::from(number), digest_limbs(scope));
    number.zeroize();
    hash
}

/// The hash itself, of whatever is to be taken for a tag.
pub(crate) fn hash(relation: &Relation, tag: F, scope: [F; 2]) -> F {
    let mut state = [F::ZERO; WIDTH.size()];
    state[0] = nullifier_tag();
    if relation.has(Clause::NullifierBindsTag) {
        state[1] = tag;
    }
    if relation.has(Clause::NullifierBindsScope) {
        state[2..4].copy_from_slice(&scope);
    }
    permute(WIDTH, &mut state);
    let hash = state[0];
    state.zeroize();
    hash
}

#[cfg(test)]
mod tests {
    use cohortium_protocol::field::to_hex;
    use light_poseidon::{Poseidon, PoseidonHasher};

    use super::*;

    /// The tag of 16 bytes 0x10, 0x11, ..
    fn tag() -> Tag {
        Tag::from_limbs(std::array::from_fn(|limb| 0x1011 + 0x0202 * limb as u16))
    }

    #[test]
    fn as_another_implementation_has_it() {
        let scope = Hasher::new("test").str("scope").finish();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&(0x10..0x20).collect::<Vec<u8>>());
        let [high, low] = digest_limbs(&scope);
        let inputs = [F::from(u128::from_be_bytes(bytes)), high, low, F::ZERO];
        let mut poseidon = Poseidon::<F>::with_domain_tag_circom(4, nullifier_tag()).unwrap();
        assert_eq!(nullifier(&tag(), &scope), poseidon.hash(&inputs).unwrap());
    }

    #[test]
    fn another_tag_or_scope_has_another_nullifier_and_one_is_pinned() {
        let scope = |name: &str| Hasher::new("test").str(name).finish();
        let here = nullifier(&tag(), &scope("here"));
        assert_ne!(here, nullifier(&tag(), &scope("there")));
        assert_ne!(here, nullifier(&Tag::from_limbs([0; 8]), &scope("here")));
        assert_eq!(to_hex(&here), "1a759725201420960d278032d42db5ff1e2fdb28b80f417bc2a0743cd091b3f8");
    }
}
