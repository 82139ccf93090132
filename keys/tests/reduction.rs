//! The odd-coset reduction, against its definition and against arkworks' own, on small circuits.

#![allow(clippy::unwrap_used)] // a test stops where it fails

use ark_bn254::{Bn254, Fr, G1Projective, G2Projective};
use ark_ec::PrimeGroup;
use ark_ff::{AdditiveGroup, FftField, Field, UniformRand};
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP};
use ark_groth16::{Groth16, prepare_verifying_key};
use ark_poly::{EvaluationDomain, GeneralEvaluationDomain};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, LinearCombination, OptimizationGoal,
    R1CS_PREDICATE_LABEL, Result as SynthesisResult, Variable,
};
use cohortium_keys::OddCoset;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

type Domain = GeneralEvaluationDomain<Fr>;

/// A chain of products: every step multiplies two sums of what is there, the last product is public.
#[derive(Clone)]
struct Chain {
    /// The first witnesses, and from there on each product.
    values: Vec<Fr>,
    /// The factors of each product: places with coefficients.
    steps: Vec<[Vec<(Fr, usize)>; 2]>,
}

impl Chain {
    fn random(rng: &mut StdRng, steps: usize) -> Self {
        let mut chain = Self { values: (0..3).map(|_| Fr::rand(rng)).collect(), steps: Vec::new() };
        for _ in 0..steps {
            let mut factor = || -> Vec<(Fr, usize)> {
                let terms = rng.gen_range(1..=3);
                (0..terms).map(|_| (Fr::from(rng.gen_range(1u64..9)), rng.gen_range(0..chain.values.len()))).collect()
            };
            let step = [factor(), factor()];
            let value = |factor: &[(Fr, usize)]| factor.iter().map(|(c, i)| *c * chain.values[*i]).sum::<Fr>();
            chain.values.push(value(&step[0]) * value(&step[1]));
            chain.steps.push(step);
        }
        chain
    }

    fn public(&self) -> Fr {
        self.values[self.values.len() - 1]
    }
}

impl ConstraintSynthesizer<Fr> for Chain {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> SynthesisResult<()> {
        let last = self.values.len() - 1;
        let output = cs.new_input_variable(|| Ok(self.values[last]))?;
        let mut variables: Vec<Variable> = Vec::new();
        for value in &self.values[..last] {
            variables.push(cs.new_witness_variable(|| Ok(*value))?);
        }
        variables.push(output);
        for (step, factors) in self.steps.iter().enumerate() {
            let sum = |terms: &[(Fr, usize)]| {
                terms.iter().fold(LinearCombination::zero(), |sum, (c, i)| sum + (*c, variables[*i]))
            };
            let product = LinearCombination::from(variables[self.values.len() - self.steps.len() + step]);
            cs.enforce_r1cs_constraint(|| sum(&factors[0]), || sum(&factors[1]), || product)?;
        }
        Ok(())
    }
}

/// One of the three matrices, row by row.
type Rows = Vec<Vec<(Fr, usize)>>;

/// The matrices of a circuit, its numbers of inputs and of constraints, and its assignment.
fn matrices(chain: &Chain) -> (Vec<Rows>, usize, usize, Vec<Fr>) {
    let cs = ConstraintSystem::new_ref();
    cs.set_optimization_goal(OptimizationGoal::Constraints);
    chain.clone().generate_constraints(cs.clone()).unwrap();
    cs.finalize();
    let matrices = cs.to_matrices().unwrap()[R1CS_PREDICATE_LABEL].clone();
    let inner = cs.borrow().unwrap();
    let assignment = [inner.instance_assignment().unwrap(), inner.witness_assignment().unwrap()].concat();
    (matrices, inner.num_instance_variables(), inner.num_constraints(), assignment)
}

/// Whether a reduction's prover convinces arkworks' own verifier.
fn convinces<R: R1CSToQAP>(chain: &Chain, assignment: &[Fr], public: Fr, seed: u64) -> bool {
    let rng = &mut StdRng::seed_from_u64(seed);
    let [alpha, beta, gamma, delta] = [(); 4].map(|()| Fr::rand(rng));
    let key = Groth16::<Bn254, R>::generate_parameters_with_qap(
        chain.clone(),
        alpha,
        beta,
        gamma,
        delta,
        G1Projective::generator(),
        G2Projective::generator(),
        rng,
    )
    .unwrap();
    let (matrices, inputs, constraints, _) = matrices(chain);
    let proof = Groth16::<Bn254, R>::create_proof_with_reduction_and_matrices(
        &key,
        Fr::rand(rng),
        Fr::rand(rng),
        &matrices,
        inputs,
        constraints,
        assignment,
    )
    .unwrap();
    Groth16::<Bn254, R>::verify_proof(&prepare_verifying_key(&key.vk), &proof, &[public]).unwrap()
}

#[test]
fn both_reductions_accept_and_refuse_the_same() {
    let rng = &mut StdRng::seed_from_u64(7);
    // Domains of 4 to 64 points, just filled and just begun.
    for steps in [1, 2, 3, 5, 6, 7, 13, 14, 15, 30, 40] {
        let chain = Chain::random(rng, steps);
        let (_, inputs, constraints, assignment) = matrices(&chain);
        assert_eq!((inputs, constraints), (2, steps));
        let seed = rng.r#gen();
        let both = |assignment: &[Fr], public: Fr| {
            let ours = convinces::<OddCoset>(&chain, assignment, public, seed);
            assert_eq!(ours, convinces::<LibsnarkReduction>(&chain, assignment, public, seed), "{steps} steps");
            ours
        };
        assert!(both(&assignment, chain.public()), "{steps} steps");
        assert!(!both(&assignment, chain.public() + Fr::ONE), "{steps} steps: another public input");
        // Every variable changed, one at a time: the output with its claim, and the witnesses that are used.
        let used = |variable: usize| {
            let place = variable - inputs;
            place >= 3 || chain.steps.iter().flatten().flatten().any(|(_, i)| *i == place)
        };
        let place = rng.gen_range(inputs..assignment.len());
        for variable in [1, inputs, place, assignment.len() - 1] {
            let mut other = assignment.clone();
            other[variable] += Fr::from(3u64);
            let public = if variable == 1 { other[1] } else { chain.public() };
            let satisfied = satisfies(&chain, &other);
            assert_eq!(both(&other, public), satisfied, "{steps} steps: variable {variable}");
            assert!(!satisfied || (variable > 1 && !used(variable)), "{steps} steps: variable {variable}");
        }
    }
}

fn satisfies(chain: &Chain, assignment: &[Fr]) -> bool {
    let (matrices, ..) = matrices(chain);
    let value = |row: &[(Fr, usize)]| row.iter().map(|(c, i)| *c * assignment[*i]).sum::<Fr>();
    (0..matrices[0].len()).all(|row| value(&matrices[0][row]) * value(&matrices[1][row]) == value(&matrices[2][row]))
}

/// The Lagrange polynomial of a point of a domain, at `t`: the product of `(t - y) / (x - y)` over its other points.
fn lagrange(points: &[Fr], place: usize, t: Fr) -> Fr {
    let others = points.iter().enumerate().filter(|(other, _)| *other != place);
    others.map(|(_, y)| (t - y) * (points[place] - y).inverse().unwrap()).product()
}

/// The points of the doubled domain, in order: even places are the domain, odd ones the coset.
fn doubled(size: usize) -> Vec<Fr> {
    let root = Fr::get_root_of_unity(2 * size as u64).unwrap();
    (0..2 * size as u64).map(|power| root.pow([power])).collect()
}

#[test]
fn the_basis_is_the_odd_coset_by_its_definition() {
    let rng = &mut StdRng::seed_from_u64(8);
    for size in [2usize, 4, 8, 16] {
        let points = doubled(size);
        let domain: Vec<Fr> = Domain::new(size).unwrap().elements().collect();
        assert!(points.iter().step_by(2).eq(&domain));
        let (t, delta) = (Fr::rand(rng), Fr::rand(rng));
        let scale = delta.inverse().unwrap();
        let basis = OddCoset::h_query_scalars::<Fr, Domain>(size - 1, t, Fr::ZERO, scale).unwrap();
        assert_eq!(basis.len(), size);
        // The Lagrange basis of the doubled domain but for its highest power, 2 size - 1, which no product reaches.
        let top = t.pow([2 * size as u64 - 1]) * Fr::from(2 * size as u64).inverse().unwrap();
        for (place, scalar) in basis.iter().enumerate() {
            let odd = 2 * place + 1;
            assert_eq!(*scalar, (lagrange(&points, odd, t) - top * points[odd]) * scale, "{size}, {place}");
        }
        // What it is for: a polynomial below that power, zero on the domain, from its values on the coset.
        let quotient: Vec<Fr> = (0..size - 1).map(|_| Fr::rand(rng)).collect();
        let at = |x: Fr| (x.pow([size as u64]) - Fr::ONE) * quotient.iter().rev().fold(Fr::ZERO, |sum, c| sum * x + c);
        let sum: Fr = basis.iter().enumerate().map(|(place, scalar)| *scalar * at(points[2 * place + 1])).sum();
        assert_eq!(sum, at(t) * scale, "{size}");
    }
}

#[test]
fn the_witness_map_is_the_product_on_the_odd_coset() {
    let rng = &mut StdRng::seed_from_u64(9);
    for steps in [1, 2, 5, 6, 11, 14] {
        let chain = Chain::random(rng, steps);
        let (matrices, inputs, constraints, assignment) = matrices(&chain);
        let found =
            OddCoset::witness_map_from_matrices::<Fr, Domain>(&matrices, inputs, constraints, &assignment).unwrap();
        let size = (constraints + inputs).next_power_of_two();
        assert_eq!(found.len(), size);
        let points = doubled(size);
        let domain: Vec<Fr> = points.iter().step_by(2).copied().collect();
        let on_rows = |matrix: &[Vec<(Fr, usize)>], inputs: &[Fr]| -> Vec<Fr> {
            let mut rows: Vec<Fr> =
                matrix.iter().map(|row| row.iter().map(|(c, i)| *c * assignment[*i]).sum()).collect();
            rows.extend(inputs);
            rows.resize(size, Fr::ZERO);
            rows
        };
        let a = on_rows(&matrices[0], &assignment[..inputs]);
        let b = on_rows(&matrices[1], &[]);
        let c = on_rows(&matrices[2], &[]);
        let at = |rows: &[Fr], x: Fr| -> Fr { (0..size).map(|place| rows[place] * lagrange(&domain, place, x)).sum() };
        for (place, value) in found.iter().enumerate() {
            let x = points[2 * place + 1];
            assert_eq!(*value, at(&a, x) * at(&b, x) - at(&c, x), "{steps} steps, {place}");
        }
    }
}
