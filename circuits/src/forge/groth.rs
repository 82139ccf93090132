//! Forgeries through Groth16, one a family: with the key of the relation without the clause a verifier is
//! fooled, with the key of the whole it is not. Set-up and prover take the reduction that is shipped.

use ark_bn254::{Bn254, Fr};
use ark_groth16::{ProvingKey, prepare_verifying_key};
use cohortium_keys::OddCoset;
use cohortium_protocol::shape::Shape;

use super::Forgery;
use super::table::{Forger, forger};
use crate::clause::{Clause, Relation};
use crate::gadget::{Matrices, assignment_with, matrices_with};
use crate::testing::rng;

/// As the hospital's program proves.
type Groth16 = ark_groth16::Groth16<Bn254, OddCoset>;

/// A circuit with a key of its own.
struct Keyed {
    relation: Relation,
    matrices: Matrices,
    key: ProvingKey<Bn254>,
}

impl Keyed {
    fn of(relation: Relation, shape: Shape) -> Self {
        let matrices = matrices_with(relation, &shape);
        let key = Groth16::generate_random_parameters_with_reduction(&matrices, &mut rng(1)).unwrap();
        Self { relation, matrices, key }
    }

    /// Proves whatever the assignment is, and verifies.
    fn accepts(&self, forgery: &Forgery) -> bool {
        let public = forgery.public.encode(&forgery.shape).unwrap();
        let (assignment, inputs) = assignment_with(self.relation, &forgery.shape, &public, &forgery.messages);
        let proof = Groth16::create_proof_with_reduction_and_matrices(
            &self.key,
            Fr::from(2u64),
            Fr::from(3u64),
            &self.matrices.rows,
            inputs,
            self.matrices.constraints(),
            &assignment,
        )
        .unwrap();
        Groth16::verify_proof(&prepare_verifying_key(&self.key.vk), &proof, &public).unwrap()
    }
}

#[test]
fn a_forgery_of_each_family_fools_only_the_relation_without_its_clause() {
    let wholes = [super::honest(), super::noise::honest(), super::offer::honest()].map(|honest| {
        let whole = Keyed::of(Relation::whole(), honest.shape);
        assert!(whole.accepts(&honest));
        (honest.shape, whole)
    });
    let families = [
        Clause::AbsorbChildren,
        Clause::LayerRounds,
        Clause::RootCheck,
        Clause::FlagsChecked,
        Clause::SumNotAbove,
        Clause::WordCanonical,
        Clause::NoisedSum,
        Clause::OneSelected,
        Clause::NullifierOpens,
    ];
    for clause in families {
        let Forger { forge, .. } = forger(clause);
        let forgery = forge(Relation::without(clause));
        let (_, whole) = wholes.iter().find(|(shape, _)| *shape == forgery.shape).unwrap();
        assert!(Keyed::of(Relation::without(clause), forgery.shape).accepts(&forgery), "without {clause:?}");
        assert!(!whole.accepts(&forgery), "{clause:?}");
    }
}
