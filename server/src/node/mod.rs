//! The node: one ledger, its home on the disk, the one writer of blocks, and the pool that verifies proofs.
//!
//! What a reader sees is durable: the state is held for writing from the first admission of a block until the block
//! is in the log and in the index. If the log cannot be written, the state is ahead of it and is given up: nothing is
//! read or acknowledged any more, and the process has to end.

mod answer;
mod entries;
mod error;
mod home;
mod ledger;
mod open;
mod read;
mod verify;
mod writer;

pub use answer::Answer;
pub use entries::BlockSummary;
pub use error::{HomeError, OpenError, ReadError, SubmitError, Unadmitted};
pub use home::{Home, found, read_key};
pub use ledger::{Clock, Health, Ledger, Settings, system_clock};
pub use open::{Checked, Opened, check, export};
pub use read::{Chain, Placed, Snapshot};
pub use writer::{Held, Outcome, Receipt};

pub(crate) use home::{read_charter, write_new, write_secret};
