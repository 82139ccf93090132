//! Noise that nobody chooses: how much, by which law, and how far from it.
//!
//! The discrete Laplace law after Ghosh, Roughgarden and Sundararajan, sampled by independent digits; thresholds and the
//! stated delta are computed with whole numbers only, so that every verifier comes to the same.

mod beacon;
mod epsilon;
mod interval;
mod law;

pub use beacon::{
    BeaconError, BoardNonces, MAX_NONCES, NonceTree, beacon, check_board_nonce, check_sponsor_nonce, nonces_for,
    sponsor_commitment, sponsor_nonce,
};
pub use epsilon::{Epsilon, EpsilonError, decimal};
pub use law::{Delta, LawError, MAX_DIGITS, NoiseLaw, WORD_BITS};
