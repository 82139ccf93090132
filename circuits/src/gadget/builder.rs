//! What a gadget builds on: numbers, products, constraints. One gadget source, two back ends.
//!
//! [`Assign`] computes the assignment and nothing else, for the prover. [`super::Matrices`] collects the
//! constraints and nothing else, once per shape. Both walk the same code, so variables come in the same order.

use ark_ff::{AdditiveGroup, Field};
use cohortium_protocol::field::F;
use zeroize::Zeroize;

use crate::clause::Clause;

/// What a constraint is there for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Label {
    /// Defines a product.
    Product,
    /// Part of a permutation of the transcript.
    Permutation,
    /// Part of a clause.
    Clause(Clause),
}

/// A back end of the gadgets.
pub trait Builder {
    /// A linear combination of variables.
    type Num: Clone;

    /// A constant.
    fn constant(&self, x: F) -> Self::Num;
    /// A new public input; all of them come before the first witness variable.
    fn input(&mut self, x: F) -> Self::Num;
    /// A new witness variable.
    fn witness(&mut self, x: F) -> Self::Num;
    /// `constant + sum coefficient * number`.
    fn linear(&self, constant: F, terms: &[(F, &Self::Num)]) -> Self::Num;
    /// The value of a number; 0 where there is no witness.
    fn value(&self, x: &Self::Num) -> F;
    /// Requires `a * b = c`.
    fn enforce(&mut self, label: Label, a: &Self::Num, b: &Self::Num, c: &Self::Num);

    /// `a + b`.
    fn add(&self, a: &Self::Num, b: &Self::Num) -> Self::Num {
        self.linear(F::ZERO, &[(F::ONE, a), (F::ONE, b)])
    }

    /// `a - b`.
    fn sub(&self, a: &Self::Num, b: &Self::Num) -> Self::Num {
        self.linear(F::ZERO, &[(F::ONE, a), (-F::ONE, b)])
    }

    /// `a + x` for a constant `x`.
    fn add_constant(&self, a: &Self::Num, x: F) -> Self::Num {
        self.linear(x, &[(F::ONE, a)])
    }

    /// `1 - a`.
    fn one_minus(&self, a: &Self::Num) -> Self::Num {
        self.linear(F::ONE, &[(-F::ONE, a)])
    }

    /// The sum of numbers.
    fn sum(&self, terms: &[Self::Num]) -> Self::Num {
        let terms: Vec<(F, &Self::Num)> = terms.iter().map(|term| (F::ONE, term)).collect();
        self.linear(F::ZERO, &terms)
    }

    /// `a * b`, a new witness variable.
    fn product(&mut self, a: &Self::Num, b: &Self::Num) -> Self::Num {
        let c = self.witness(self.value(a) * self.value(b));
        self.enforce(Label::Product, a, b, &c);
        c
    }

    /// Requires `a = b`.
    fn equal(&mut self, clause: Clause, a: &Self::Num, b: &Self::Num) {
        let difference = self.sub(a, b);
        let one = self.constant(F::ONE);
        let zero = self.constant(F::ZERO);
        self.enforce(Label::Clause(clause), &difference, &one, &zero);
    }

    /// Requires that a number, read as an integer, is below `2^bits`: `bits` constraints.
    ///
    /// The highest bit is not a variable of its own but what the others leave, so that no constraint is
    /// spent on their sum.
    fn range(&mut self, clause: Clause, x: &Self::Num, bits: usize) {
        use ark_ff::{BigInteger, PrimeField};
        let integer = self.value(x).into_bigint();
        let zero = self.constant(F::ZERO);
        let mut weight = F::ONE;
        let mut rest = x.clone();
        for i in 0..bits {
            let bit = if i + 1 < bits {
                let bit = self.witness(F::from(integer.get_bit(i)));
                rest = self.linear(F::ZERO, &[(F::ONE, &rest), (-weight, &bit)]);
                weight.double_in_place();
                bit
            } else {
                let inverse = weight.inverse().unwrap_or(F::ONE);
                self.linear(F::ZERO, &[(inverse, &rest)])
            };
            let complement = self.add_constant(&bit, -F::ONE);
            self.enforce(Label::Clause(clause), &bit, &complement, &zero);
        }
    }
}

/// Computes the assignment: the constant 1, the public inputs, the witness.
#[derive(Default)]
pub struct Assign {
    values: Vec<F>,
    inputs: usize,
}

impl Assign {
    /// An empty assignment.
    pub fn new() -> Self {
        Self { values: vec![F::ONE], inputs: 1 }
    }

    /// The full assignment, and how many of its entries are public (the constant 1 among them).
    pub fn finish(mut self) -> (Vec<F>, usize) {
        (std::mem::take(&mut self.values), self.inputs)
    }
}

impl Drop for Assign {
    fn drop(&mut self) {
        self.values.zeroize();
    }
}

impl Builder for Assign {
    type Num = F;

    fn constant(&self, x: F) -> F {
        x
    }

    fn input(&mut self, x: F) -> F {
        debug_assert_eq!(self.inputs, self.values.len(), "public inputs come first");
        self.inputs += 1;
        self.values.push(x);
        x
    }

    fn witness(&mut self, x: F) -> F {
        self.values.push(x);
        x
    }

    fn linear(&self, constant: F, terms: &[(F, &F)]) -> F {
        terms.iter().fold(constant, |sum, (coefficient, x)| sum + *coefficient * *x)
    }

    fn value(&self, x: &F) -> F {
        *x
    }

    fn enforce(&mut self, _: Label, _: &F, _: &F, _: &F) {}

    fn add(&self, a: &F, b: &F) -> F {
        *a + b
    }

    fn sub(&self, a: &F, b: &F) -> F {
        *a - b
    }
}
