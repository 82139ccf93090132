//! Eligibility: that a consenting patient of a registered table meets a study's criteria, and nothing else (statement page
//! *Eligibility*).

mod context;
mod file;
mod scope;
#[cfg(test)]
mod tests;

pub use context::EligibilityContext;
pub use file::{ELIGIBILITY_FORMAT, EligibilityError, EligibilityFile, EligibilityProof, MAX_ELIGIBILITY_BYTES};
pub use scope::Scope;
