//! The commands that have to do with a ledger. They connect outward only, and believe the pinned charter.

mod consider;
mod decide;
mod join;
mod link;
mod owed;
mod pass;
mod register;
mod run;
mod status;

pub(crate) use decide::{accept, decline};
pub(crate) use join::ledger;
pub(crate) use run::run;
pub(crate) use status::status;
