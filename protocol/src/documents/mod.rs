//! The documents by which parties agree: approvals and requests.

mod approval;
mod request;
#[cfg(test)]
mod tests;

pub use approval::{APPROVAL_FORMAT, Aggregate, Approval, ApprovalError};
pub use request::{FILE_EXCHANGE, MAX_SITES, Noise, Nonce, REQUEST_FORMAT, Request, RequestError, SitePin};

/// Characters of a name or reference at most: one line of a report.
const MAX_TEXT: usize = 200;
