//! The documents by which parties agree: approvals and requests.

mod approval;
#[cfg(test)]
pub(crate) mod fixtures;
mod noise;
mod request;
#[cfg(test)]
mod tests;

pub use approval::{APPROVAL_FORMAT, Aggregate, Approval, ApprovalError};
pub use noise::{Epsilons, EpsilonsError, Laplace, Noise};
pub use request::{FILE_EXCHANGE, MAX_SITES, Nonce, REQUEST_FORMAT, Request, RequestError, SitePin};

/// Characters of a name or reference at most: one line of a report.
const MAX_TEXT: usize = 200;
