//! The commands, one a file.

pub(crate) mod anchors;
pub(crate) mod backup;
pub(crate) mod commit;
pub(crate) mod eligibility;
pub(crate) mod exchange;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod inspect;
pub(crate) mod keys;
mod memory;
pub(crate) mod outgoing;
pub(crate) mod pause;
pub(crate) mod plan;
pub(crate) mod policy;
pub(crate) mod prove;
mod public;
pub(crate) mod publish;
mod read;
pub(crate) mod request;
pub(crate) mod rules;
mod speed;
pub(crate) mod tag;
pub(crate) mod unique;
pub(crate) mod verify;
