//! The constraints of a shape as sparse matrices.

use std::cmp::Ordering;

use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, Result as SynthesisResult, Variable,
};
use cohortium_protocol::domain;
use cohortium_protocol::field::{F, to_bytes};
use cohortium_protocol::hash::{Digest, Hasher};

use super::builder::{Builder, Label};

/// One row: coefficients with the variables they belong to; variable 0 is the constant 1.
pub type Row = Vec<(F, usize)>;

/// A linear combination: terms by ascending variable, none of them zero.
#[derive(Clone, Default)]
pub struct Combination(Vec<(u32, F)>);

/// The constraints `A z * B z = C z` of a statement, and what each is there for.
#[derive(Default)]
pub struct Matrices {
    /// `A`, `B`, `C`.
    pub rows: [Vec<Row>; 3],
    /// What each constraint is there for.
    pub labels: Vec<Label>,
    /// Public variables, the constant 1 among them.
    pub inputs: usize,
    /// All variables.
    pub variables: usize,
    /// The assignment, in tests that compare it with the prover's.
    values: Option<Vec<F>>,
}

impl Matrices {
    /// No constraints yet.
    pub fn new() -> Self {
        Self { inputs: 1, variables: 1, ..Self::default() }
    }

    /// The same, computing values beside: for tests that compare the two back ends.
    pub fn with_values() -> Self {
        Self { values: Some(vec![F::ONE]), ..Self::new() }
    }

    /// The assignment, if it was computed beside.
    pub fn values(&self) -> Option<&[F]> {
        self.values.as_deref()
    }

    /// How many constraints there are.
    pub fn constraints(&self) -> usize {
        self.labels.len()
    }

    /// Non-zero entries of `A`, `B`, `C`.
    pub fn density(&self) -> [usize; 3] {
        [0, 1, 2].map(|i| self.rows[i].iter().map(Vec::len).sum())
    }

    /// The digest of the matrices: what a key was made for.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new(domain::MATRICES);
        hasher.u64(self.inputs as u64).u64(self.variables as u64).u64(self.constraints() as u64);
        for matrix in &self.rows {
            for row in matrix {
                hasher.u64(row.len() as u64);
                for (coefficient, variable) in row {
                    hasher.u64(*variable as u64).bytes(&to_bytes(coefficient));
                }
            }
        }
        hasher.finish()
    }

    /// The labels of the constraints that an assignment breaks.
    pub fn broken_by(&self, assignment: &[F]) -> Vec<Label> {
        let evaluate = |row: &Row| -> F { row.iter().map(|(c, i)| *c * assignment[*i]).sum() };
        let [a, b, c] = &self.rows;
        (0..self.constraints())
            .filter(|i| evaluate(&a[*i]) * evaluate(&b[*i]) != evaluate(&c[*i]))
            .map(|i| self.labels[i])
            .collect()
    }

    fn variable(&mut self, x: F) -> Combination {
        let index = self.variables as u32;
        self.variables += 1;
        if let Some(values) = &mut self.values {
            values.push(x);
        }
        Combination(vec![(index, F::ONE)])
    }
}

impl Builder for Matrices {
    type Num = Combination;

    fn constant(&self, x: F) -> Combination {
        Combination(if x == F::ZERO { Vec::new() } else { vec![(0, x)] })
    }

    fn input(&mut self, x: F) -> Combination {
        debug_assert_eq!(self.inputs, self.variables, "public inputs come first");
        self.inputs += 1;
        self.variable(x)
    }

    fn witness(&mut self, x: F) -> Combination {
        self.variable(x)
    }

    fn linear(&self, constant: F, terms: &[(F, &Combination)]) -> Combination {
        let mut sum = self.constant(constant).0;
        let mut next = Vec::new();
        for (coefficient, Combination(terms)) in terms {
            next.clear();
            next.reserve(sum.len() + terms.len());
            let (mut i, mut j) = (0, 0);
            while i < sum.len() || j < terms.len() {
                let order = match (sum.get(i), terms.get(j)) {
                    (Some(a), Some(b)) => a.0.cmp(&b.0),
                    (Some(_), None) => Ordering::Less,
                    _ => Ordering::Greater,
                };
                let (variable, x) = match order {
                    Ordering::Less => sum[i],
                    Ordering::Equal => (sum[i].0, sum[i].1 + *coefficient * terms[j].1),
                    Ordering::Greater => (terms[j].0, *coefficient * terms[j].1),
                };
                i += usize::from(order != Ordering::Greater);
                j += usize::from(order != Ordering::Less);
                if x != F::ZERO {
                    next.push((variable, x));
                }
            }
            std::mem::swap(&mut sum, &mut next);
        }
        Combination(sum)
    }

    fn value(&self, x: &Combination) -> F {
        match &self.values {
            Some(values) => x.0.iter().map(|(i, c)| *c * values[*i as usize]).sum(),
            None => F::ZERO,
        }
    }

    fn enforce(&mut self, label: Label, a: &Combination, b: &Combination, c: &Combination) {
        for (rows, Combination(terms)) in self.rows.iter_mut().zip([a, b, c]) {
            rows.push(terms.iter().map(|(variable, x)| (*x, *variable as usize)).collect());
        }
        self.labels.push(label);
    }
}

/// The same constraints for arkworks, as its set-up takes them.
impl ConstraintSynthesizer<F> for &Matrices {
    fn generate_constraints(self, cs: ConstraintSystemRef<F>) -> SynthesisResult<()> {
        let mut variables = vec![Variable::One];
        for index in 1..self.variables {
            let value = || Ok(self.values.as_ref().map_or(F::ZERO, |values| values[index]));
            variables.push(if index < self.inputs {
                cs.new_input_variable(value)?
            } else {
                cs.new_witness_variable(value)?
            });
        }
        let combination = |row: &Row| {
            LinearCombination(row.iter().map(|(coefficient, index)| (*coefficient, variables[*index])).collect())
        };
        let [a, b, c] = &self.rows;
        for i in 0..self.constraints() {
            cs.enforce_r1cs_constraint(|| combination(&a[i]), || combination(&b[i]), || combination(&c[i]))?;
        }
        Ok(())
    }
}
