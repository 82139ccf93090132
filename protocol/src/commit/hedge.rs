//! Hedged randomness: for masks that must never serve twice, even where the operating system's generator repeats itself.
//!
//! A virtual machine that is resumed twice from one snapshot may draw the same bytes for two requests. One mask under
//! two challenges gives away what it hides. So such randomness comes from a generator of its own, keyed by fresh bytes
//! *and* by everything that decides the challenge, and by secrets that a bad generator does not know. Fresh bytes are
//! always part of it, and nothing of it is kept: a job that is run again draws anew.

use std::fmt;

use rand::{CryptoRng, Error, RngCore};
use zeroize::Zeroizing;

use super::secrets::Prf;
use crate::domain;
use crate::field::{F, to_bytes};
use crate::hash::Digest;

/// What a generator will be keyed by: HMAC-SHA-256 under 32 fresh bytes, over the items that are added.
pub struct Hedge(Prf);

impl Hedge {
    /// Begins with fresh bytes, for one purpose. Pass the operating system's generator.
    pub fn new(purpose: &'static str, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut fresh = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut fresh[..]);
        Self(Prf::new(&fresh).str(domain::HEDGE).str(purpose))
    }

    /// Adds a number.
    #[must_use]
    pub fn u64(self, value: u64) -> Self {
        Self(self.0.u64(value))
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        Self(self.0.bytes(bytes))
    }

    /// Adds a digest.
    #[must_use]
    pub fn digest(self, digest: &Digest) -> Self {
        self.bytes(digest.as_bytes())
    }

    /// Adds a list of field elements.
    #[must_use]
    pub fn elements(self, elements: &[F]) -> Self {
        let prf = self.0.u64(elements.len() as u64);
        Self(elements.iter().fold(prf, |prf, x| prf.bytes(&Zeroizing::new(to_bytes(x))[..])))
    }

    /// The generator.
    pub fn generator(self) -> HedgedRng {
        HedgedRng { key: self.0.finish(), blocks: 0, block: Zeroizing::new([0; 32]), used: 32 }
    }
}

impl fmt::Debug for Hedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hedge(hidden)")
    }
}

/// A generator from a [`Hedge`]: block `i` is HMAC-SHA-256 under its key over `i`.
pub struct HedgedRng {
    key: Zeroizing<[u8; 32]>,
    blocks: u64,
    block: Zeroizing<[u8; 32]>,
    used: usize,
}

impl RngCore for HedgedRng {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_be_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_be_bytes(bytes)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        for byte in out {
            if self.used == self.block.len() {
                self.block = Prf::new(&self.key).u64(self.blocks).finish();
                self.blocks += 1;
                self.used = 0;
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(out);
        Ok(())
    }
}

impl CryptoRng for HedgedRng {}

impl fmt::Debug for HedgedRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HedgedRng(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    /// A generator that always gives the same byte.
    struct Stuck(u8);

    impl RngCore for Stuck {
        fn next_u32(&mut self) -> u32 {
            u32::from_be_bytes([self.0; 4])
        }

        fn next_u64(&mut self) -> u64 {
            u64::from_be_bytes([self.0; 8])
        }

        fn fill_bytes(&mut self, out: &mut [u8]) {
            out.fill(self.0);
        }

        fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
            self.fill_bytes(out);
            Ok(())
        }
    }

    impl CryptoRng for Stuck {}

    /// Computed by an independent implementation (a dozen lines of Python).
    #[test]
    fn the_generator_is_pinned() {
        let hedge = Hedge::new("test", &mut Stuck(7)).u64(3).bytes(b"ab").digest(&Digest::from_bytes([9; 32]));
        let mut bytes = [0; 40];
        hedge.elements(&[F::from(5u64), -F::from(1u64)]).generator().fill_bytes(&mut bytes);
        assert_eq!(
            hex::encode(bytes),
            "6d0d6db1b699b8f4217753ee76c3a587b9e86e9d98af1de7adf4b5aaf6af31d6a8642ed4c4886baf"
        );
    }

    #[test]
    fn every_item_counts_and_so_do_the_fresh_bytes() {
        let hedge = |purpose, fresh| Hedge::new(purpose, &mut Stuck(fresh));
        let (digest, [x, y]) = (Digest::from_bytes([1; 32]), [1u64, 2].map(F::from));
        let all = [
            hedge("a", 0),
            hedge("b", 0),
            hedge("a", 1),
            hedge("a", 0).u64(0),
            hedge("a", 0).u64(1),
            hedge("a", 0).bytes(b""),
            hedge("a", 0).bytes(b"x"),
            hedge("a", 0).bytes(b"x").bytes(b""),
            hedge("a", 0).digest(&digest),
            hedge("a", 0).elements(&[]),
            hedge("a", 0).elements(&[x]),
            hedge("a", 0).elements(&[y]),
            hedge("a", 0).elements(&[x, y]),
            hedge("a", 0).elements(&[y, x]),
        ];
        let count = all.len();
        let first: std::collections::BTreeSet<u64> =
            all.into_iter().map(|hedge| hedge.generator().next_u64()).collect();
        // An empty list says what the number 0 says: purposes tell lists from numbers, positions do the rest.
        assert_eq!(first.len(), count - 1);
    }

    #[test]
    fn fresh_bytes_are_drawn_each_time() {
        let mut rng = StdRng::seed_from_u64(60);
        let [a, b] = [(); 2].map(|()| Hedge::new("a", &mut rng).generator().next_u64());
        assert_ne!(a, b);
    }
}
