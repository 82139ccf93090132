//! Noise that nobody chooses: how much, by which law, and how far from it.
//!
//! The discrete Laplace law after Ghosh, Roughgarden and Sundararajan, sampled by independent digits; thresholds and the
//! stated delta are computed with whole numbers only, so that every verifier comes to the same.

mod epsilon;
mod interval;
mod law;

pub use epsilon::{Epsilon, EpsilonError, decimal};
pub use law::{Delta, LawError, MAX_DIGITS, NoiseLaw, WORD_BITS};
