//! Many proofs at once: accepted where each is, and the false ones named.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, UniformRand};
use cohortium_keys::{KeyKind, Proof, VerifyingKey};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::shape::Shape;
use cohortium_protocol::statement::QueryPublic;
use rand::SeedableRng;
use rand::rngs::StdRng;

/// A key whose secrets are known: its maker proves anything.
struct Maker {
    key: VerifyingKey,
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    inputs: Vec<Fr>,
    rng: StdRng,
}

fn g1(scalar: Fr) -> G1Affine {
    (G1Affine::generator() * scalar).into_affine()
}

fn g2(scalar: Fr) -> G2Affine {
    (G2Affine::generator() * scalar).into_affine()
}

impl Maker {
    fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let [alpha, beta, gamma, delta] = std::array::from_fn(|_| Fr::rand(&mut rng));
        let inputs: Vec<Fr> = (0..=QueryPublic::count(&Shape::QUERY_12)).map(|_| Fr::rand(&mut rng)).collect();
        let key = ark_groth16::VerifyingKey::<Bn254> {
            alpha_g1: g1(alpha),
            beta_g2: g2(beta),
            gamma_g2: g2(gamma),
            delta_g2: g2(delta),
            gamma_abc_g1: inputs.iter().map(|scalar| g1(*scalar)).collect(),
        };
        let matrices = Digest::of_bytes(b"any");
        let key = VerifyingKey::new(Shape::QUERY_12, KeyKind::Development, matrices, &key).unwrap();
        Self { key, alpha, beta, gamma, delta, inputs, rng }
    }

    /// A proof of inputs that nobody has a witness for.
    fn prove(&mut self) -> (Proof, Vec<Fr>) {
        let public: Vec<Fr> = self.inputs.iter().skip(1).map(|_| Fr::rand(&mut self.rng)).collect();
        let sum = self.inputs[0] + self.inputs[1..].iter().zip(&public).map(|(a, b)| *a * b).sum::<Fr>();
        let (a, b) = (Fr::rand(&mut self.rng), Fr::rand(&mut self.rng));
        let c = (a * b - self.alpha * self.beta - self.gamma * sum) * self.delta.inverse().unwrap();
        (Proof::new(ark_groth16::Proof { a: g1(a), b: g2(b), c: g1(c) }), public)
    }

    fn batch(&mut self, count: usize) -> Vec<(Proof, Vec<Fr>)> {
        (0..count).map(|_| self.prove()).collect()
    }
}

fn one_by_one(key: &VerifyingKey, batch: &[(Proof, Vec<Fr>)]) -> Vec<bool> {
    batch.iter().map(|(proof, inputs)| key.accepts(proof, inputs)).collect()
}

#[test]
fn a_batch_accepts_what_singles_accept() {
    let mut maker = Maker::new(1);
    for count in [0, 1, 2, 3, 17] {
        let batch = maker.batch(count);
        assert_eq!(maker.key.accept_batch(&batch), vec![true; count]);
        assert_eq!(one_by_one(&maker.key, &batch), vec![true; count]);
    }
    // The same proof twice is two true proofs.
    let one = maker.batch(1);
    assert_eq!(maker.key.accept_batch(&[one.clone(), one].concat()), [true, true]);
}

#[test]
fn false_proofs_among_good_ones_are_named() {
    let mut maker = Maker::new(2);
    let other = Maker::new(3).batch(1).remove(0);
    let good = maker.batch(11);
    type Change<'a> = (&'a str, &'a dyn Fn(&mut (Proof, Vec<Fr>)));
    let with = |proof: &mut Proof, change: &dyn Fn(&mut ark_groth16::Proof<Bn254>)| {
        let mut points = proof.inner().clone();
        change(&mut points);
        *proof = Proof::new(points);
    };
    let changes: [Change<'_>; 8] = [
        ("an input", &|(_, inputs)| inputs[5] += Fr::ONE),
        ("an input less", &|(_, inputs)| inputs.truncate(inputs.len() - 1)),
        ("an input more", &|(_, inputs)| inputs.push(Fr::ONE)),
        ("no inputs", &|(_, inputs)| inputs.clear()),
        ("A", &|(proof, _)| with(proof, &|points| points.a = G1Affine::generator())),
        ("B", &|(proof, _)| with(proof, &|points| points.b = G2Affine::generator())),
        ("C", &|(proof, _)| with(proof, &|points| points.c = -points.c)),
        ("another key's proof", &|item| *item = other.clone()),
    ];
    for (what, change) in changes {
        for culprits in [&[0][..], &[10], &[4, 5], &[0, 3, 7, 10]] {
            let mut batch = good.clone();
            culprits.iter().for_each(|place| change(&mut batch[*place]));
            let expected: Vec<bool> = (0..batch.len()).map(|place| !culprits.contains(&place)).collect();
            assert_eq!(maker.key.accept_batch(&batch), expected, "{what} of {culprits:?}");
            assert_eq!(one_by_one(&maker.key, &batch), expected, "{what} of {culprits:?}");
        }
    }
    let mut all = good;
    all.iter_mut().for_each(|(_, inputs)| inputs[0] += Fr::ONE);
    assert_eq!(maker.key.accept_batch(&all), vec![false; 11]);
}

/// Errors that cancel in a plain sum: the weights keep them apart.
#[test]
fn errors_that_cancel_each_other_are_found() {
    let mut maker = Maker::new(4);
    let mut batch = maker.batch(2);
    let shift = g1(Fr::from(77u64));
    for (place, sign) in [(0, Fr::ONE), (1, -Fr::ONE)] {
        let mut points = batch[place].0.inner().clone();
        points.c = (points.c + shift * sign).into_affine();
        batch[place].0 = Proof::new(points);
    }
    assert_eq!(maker.key.accept_batch(&batch), [false, false]);
    // And inputs exchanged between two proofs.
    let mut batch = maker.batch(3);
    let (left, right) = batch.split_at_mut(1);
    std::mem::swap(&mut left[0].1, &mut right[1].1);
    assert_eq!(maker.key.accept_batch(&batch), [false, true, false]);
}
