//! Native checks of bundles, for the ledger service and the ethics board alike.
//!
//! [`verify_release`] is the one function that admits a release: a [`VerifiedRelease`] can be had from nowhere
//! else. Where there are many, its last step is taken for all at once ([`PendingRelease::finish_all`]). [`audit`] runs it and says what was found, guarantee by guarantee, in words.
//!
//! [`verify_eligibility`] does the same for a proof that a hospital has a patient for a study.
//!
//! No circuit, gadget, witness or HTTP code; no network, clock or store.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod anchors;
mod cells;
mod eligibility;
pub mod ledger;
mod noise;
mod opened;
mod reason;
pub mod receipt;
mod report;
mod rules;
mod study_text;
mod table;
mod text;
mod verify;

pub use anchors::{Anchors, AnchorsDocument, AnchorsError, FORMAT as ANCHORS_FORMAT, SiteAnchor};
pub use eligibility::{
    EligibilityReport, Seen, SeenError, VerifiedEligibility, report_eligibility, verify_eligibility,
};
pub use noise::noise_shape_of;
pub use reason::{AuditError, Reason, Step};
pub use report::{AnchorUsed, GroupReport, Guarantee, Known, Report, Verdict, audit};
pub use table::{TableError, VerifiedTable, verify_table};
pub use verify::{PendingRelease, VerifiedRelease, check_release, verify_release};
