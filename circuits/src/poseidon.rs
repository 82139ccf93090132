//! Poseidon over the BN254 scalar field (eprint 2019/458), `x^5`, 8 full rounds, the numbers of partial
//! rounds of circomlib's instances, constants from the Grain generator.
//!
//! Four widths are used; each is a permutation of its own. The constants equal circomlib's, where that has the width,
//! which a test holds against an independent implementation; another holds those of all widths against a generator
//! written from the paper.

use std::sync::OnceLock;

use ark_crypto_primitives::sponge::poseidon::find_poseidon_ark_and_mds;
use ark_ff::{AdditiveGroup, Field, PrimeField};
use cohortium_protocol::field::F;

/// Full rounds of every width, half of them before the partial rounds.
pub const FULL_ROUNDS: usize = 8;

/// The widths in use: state elements, the chain value included.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Width {
    /// Two messages: a round of a layer.
    W3,
    /// Four messages: roots, one tree's children, a round of the row sumcheck.
    W5,
    /// Eight messages: both trees' children, the statement.
    W9,
    /// Sixteen messages: aggregates of four groups.
    W17,
}

impl Width {
    /// State elements.
    pub const fn size(self) -> usize {
        match self {
            Self::W3 => 3,
            Self::W5 => 5,
            Self::W9 => 9,
            Self::W17 => 17,
        }
    }

    /// Messages a step takes, and challenges it can give.
    pub const fn rate(self) -> usize {
        self.size() - 1
    }

    /// Partial rounds (circomlib's `N_ROUNDS_P`).
    pub const fn partial_rounds(self) -> usize {
        match self {
            Self::W3 => 57,
            Self::W5 => 60,
            Self::W9 => 63,
            Self::W17 => 68,
        }
    }

    /// Constraints of one permutation: three an S-box.
    pub const fn constraints(self) -> usize {
        3 * (FULL_ROUNDS * self.size() + self.partial_rounds())
    }
}

/// Round constants and matrix of one width.
pub struct Constants {
    /// `round_constants[round][element]`.
    pub round_constants: Vec<Vec<F>>,
    /// `matrix[row][column]`; the new state is `matrix * state`.
    pub matrix: Vec<Vec<F>>,
}

/// The constants of a width; generated on first use.
pub fn constants(width: Width) -> &'static Constants {
    static W3: OnceLock<Constants> = OnceLock::new();
    static W5: OnceLock<Constants> = OnceLock::new();
    static W9: OnceLock<Constants> = OnceLock::new();
    static W17: OnceLock<Constants> = OnceLock::new();
    let cell = match width {
        Width::W3 => &W3,
        Width::W5 => &W5,
        Width::W9 => &W9,
        Width::W17 => &W17,
    };
    cell.get_or_init(|| {
        let (round_constants, matrix) = find_poseidon_ark_and_mds::<F>(
            u64::from(F::MODULUS_BIT_SIZE),
            width.rate(),
            FULL_ROUNDS as u64,
            width.partial_rounds() as u64,
            0,
        );
        Constants { round_constants, matrix }
    })
}

/// Whether all elements pass the S-box in this round, or only the first.
pub const fn is_full_round(width: Width, round: usize) -> bool {
    round < FULL_ROUNDS / 2 || round >= FULL_ROUNDS / 2 + width.partial_rounds()
}

/// Applies the permutation to a state of `width.size()` elements.
pub fn permute(width: Width, state: &mut [F]) {
    debug_assert_eq!(state.len(), width.size());
    let constants = constants(width);
    let mut next = vec![F::ZERO; state.len()];
    for round in 0..FULL_ROUNDS + width.partial_rounds() {
        for (x, c) in state.iter_mut().zip(&constants.round_constants[round]) {
            *x += c;
        }
        let boxes = if is_full_round(width, round) { state.len() } else { 1 };
        for x in &mut state[..boxes] {
            let fourth = x.square().square();
            *x *= fourth;
        }
        for (out, row) in next.iter_mut().zip(&constants.matrix) {
            *out = row.iter().zip(state.iter()).map(|(m, x)| *m * x).sum();
        }
        state.copy_from_slice(&next);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use ark_ff::{BigInt, BigInteger};
    use light_poseidon::{Poseidon, PoseidonHasher};

    use super::*;

    /// circomlib's hash is the first element of the permuted state `(0, inputs)`.
    #[test]
    fn constants_are_circomlibs() {
        for (width, check) in [(Width::W3, 2), (Width::W5, 4), (Width::W9, 8)] {
            let inputs: Vec<F> = (1..=check).map(|i| F::from(i as u64 * 7919)).collect();
            let mut state = vec![F::ZERO];
            state.extend(&inputs);
            permute(width, &mut state);
            let expected = Poseidon::<F>::new_circom(check).unwrap().hash(&inputs).unwrap();
            assert_eq!(state[0], expected, "width {}", width.size());
        }
    }

    /// The Grain LFSR of the Poseidon paper (appendix E), written from the paper: a register of 80 bits, oldest first.
    struct Grain(VecDeque<bool>);

    impl Grain {
        fn new(width: Width) -> Self {
            // A prime field, the S-box `x^5`, bits of the modulus, state elements, full and partial rounds, ones.
            let parts = [
                (2, 1),
                (4, 0),
                (12, 254),
                (12, width.size()),
                (10, FULL_ROUNDS),
                (10, width.partial_rounds()),
                (30, (1 << 30) - 1),
            ];
            let bits = parts.into_iter().flat_map(|(bits, value)| (0..bits).rev().map(move |i| value >> i & 1 == 1));
            let mut grain = Self(bits.collect());
            assert_eq!(grain.0.len(), 80);
            for _ in 0..160 {
                grain.clock();
            }
            grain
        }

        fn clock(&mut self) -> bool {
            let new = [62, 51, 38, 23, 13, 0].into_iter().fold(false, |sum, place| sum ^ self.0[place]);
            self.0.pop_front();
            self.0.push_back(new);
            new
        }

        /// Of each pair of bits, the second counts if the first is 1.
        fn bit(&mut self) -> bool {
            loop {
                let (first, second) = (self.clock(), self.clock());
                if first {
                    return second;
                }
            }
        }

        /// 254 bits, the most significant first.
        fn bits(&mut self) -> Vec<bool> {
            (0..254).map(|_| self.bit()).collect()
        }

        /// A round constant: numbers that are not below the modulus are drawn again.
        fn constant(&mut self) -> F {
            loop {
                let bits = self.bits();
                if let Some(element) = F::from_bigint(BigInt::from_bits_be(&bits)) {
                    return element;
                }
            }
        }

        /// An element of the matrix' two sequences: a number modulo the modulus.
        fn reduced(&mut self) -> F {
            self.bits().into_iter().fold(F::ZERO, |sum, bit| sum.double() + F::from(u64::from(bit)))
        }
    }

    #[test]
    fn constants_are_the_papers() {
        for width in [Width::W3, Width::W5, Width::W9, Width::W17] {
            let (size, mut grain) = (width.size(), Grain::new(width));
            let found = constants(width);
            assert_eq!(found.round_constants.len(), FULL_ROUNDS + width.partial_rounds());
            for (round, row) in found.round_constants.iter().enumerate() {
                let expected: Vec<F> = (0..size).map(|_| grain.constant()).collect();
                assert_eq!(*row, expected, "width {size}, round {round}");
            }
            // A Cauchy matrix.
            let [xs, ys] = [(); 2].map(|()| (0..size).map(|_| grain.reduced()).collect::<Vec<F>>());
            let row = |x: &F| ys.iter().map(|y| (*x + y).inverse().unwrap()).collect::<Vec<F>>();
            assert_eq!(found.matrix, xs.iter().map(row).collect::<Vec<_>>(), "width {size}");
        }
    }

    /// Computed by an independent implementation.
    #[test]
    fn the_widest_is_pinned() {
        let element = |text: &str| cohortium_protocol::field::from_hex(text).unwrap();
        let Constants { round_constants, matrix } = constants(Width::W17);
        assert_eq!(round_constants[0][0], element("2fb583762b37592c6c5a95eb1d06694b6c6f9dc4f1ad4862dd8f5e67cb7a3f5c"));
        assert_eq!(matrix[0][0], element("196b76cefdcc7f6a54c71d40114a0bb82694c936f1573ac7ac1ea3fcce1fe938"));
        let mut state: Vec<F> = (0..17).map(F::from).collect();
        permute(Width::W17, &mut state);
        assert_eq!(state[0], element("16159a551cbb66108281a48099fff949ae08afd7f1f2ec06de2ffb96b919b765"));
    }

    #[test]
    fn costs() {
        let costs = [Width::W3, Width::W5, Width::W9, Width::W17].map(Width::constraints);
        assert_eq!(costs, [243, 300, 405, 612]);
    }
}
