//! The commands that have to do with a ledger. They connect outward only, and believe the pinned charter.

mod consents;
mod consider;
mod decide;
mod intake;
mod join;
mod link;
mod owed;
mod pass;
mod patients;
mod receipts;
mod register;
mod run;
mod status;

pub(crate) use decide::{accept, decline};
pub(crate) use join::ledger;
pub(crate) use patients::consent;
pub(crate) use run::run;
pub(crate) use status::status;
