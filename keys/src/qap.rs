//! The reduction to a quadratic arithmetic program that snarkjs' keys are made for.
//!
//! arkworks' own reduction divides by the vanishing polynomial and commits to the quotient's coefficients.
//! snarkjs commits to the quotient times the vanishing polynomial by its values on the *odd coset*: the
//! points of the domain of twice the size that are not in the domain itself. There `A B - C` needs no
//! division, and a ceremony's powers of tau give the bases. This is the same as circom's, as used by
//! ark-circom; written down here from its definition.

use ark_ff::{FftField, PrimeField};
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP, evaluate_constraint};
use ark_poly::EvaluationDomain;
use ark_relations::gr1cs::{ConstraintSystemRef, Matrix, Result as SynthesisResult, SynthesisError};
use rayon::prelude::*;

/// The odd-coset reduction.
pub struct OddCoset;

/// The coset's shift: a root of unity of twice the domain's order.
fn shift<F: FftField>(domain_size: usize) -> SynthesisResult<F> {
    F::get_root_of_unity(2 * domain_size as u64).ok_or(SynthesisError::PolynomialDegreeTooLarge)
}

impl R1CSToQAP for OddCoset {
    fn instance_map_with_evaluation<F: PrimeField, D: EvaluationDomain<F>>(
        cs: ConstraintSystemRef<F>,
        t: &F,
    ) -> SynthesisResult<(Vec<F>, Vec<F>, Vec<F>, F, usize, usize)> {
        LibsnarkReduction::instance_map_with_evaluation::<F, D>(cs, t)
    }

    fn witness_map_from_matrices<F: PrimeField, D: EvaluationDomain<F>>(
        matrices: &[Matrix<F>],
        num_inputs: usize,
        num_constraints: usize,
        full_assignment: &[F],
    ) -> SynthesisResult<Vec<F>> {
        let domain = D::new(num_constraints + num_inputs).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        let shift = shift::<F>(domain.size())?;
        let product = |matrix: &Matrix<F>| {
            let mut values: Vec<F> =
                matrix.par_iter().with_min_len(512).map(|row| evaluate_constraint(row, full_assignment)).collect();
            values.resize(domain.size(), F::zero());
            values
        };
        let mut a = product(&matrices[0]);
        let mut b = product(&matrices[1]);
        // Public inputs are rows of A of their own, so that they cannot be traded for one another. They have
        // B = C = 0, and that matters: the odd-coset basis lacks one power of t, which alone would let a prover
        // reach A B - C = c x^(m-1) mod Z, an error on every row; a row with B = C = 0 forces c = 0.
        a[num_constraints..][..num_inputs].copy_from_slice(&full_assignment[..num_inputs]);
        let mut c: Vec<F> = a.par_iter().zip(&b).with_min_len(512).map(|(a, b)| *a * b).collect();
        for values in [&mut a, &mut b, &mut c] {
            domain.ifft_in_place(values);
            D::distribute_powers(values, shift);
            domain.fft_in_place(values);
        }
        a.par_iter_mut().zip(&b).zip(&c).with_min_len(512).for_each(|((a, b), c)| *a = *a * b - c);
        Ok(a)
    }

    fn h_query_scalars<F: PrimeField, D: EvaluationDomain<F>>(
        max_power: usize,
        t: F,
        _zt: F,
        delta_inverse: F,
    ) -> SynthesisResult<Vec<F>> {
        // Lagrange coefficients at t of the doubled domain; the odd ones belong to the odd coset.
        let mut scalars = Vec::with_capacity(2 * max_power + 1);
        let mut power = delta_inverse;
        for _ in 0..=2 * max_power {
            scalars.push(power);
            power *= t;
        }
        let domain = D::new(scalars.len()).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
        domain.ifft_in_place(&mut scalars);
        Ok(scalars.into_iter().skip(1).step_by(2).collect())
    }
}
