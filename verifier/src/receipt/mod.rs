//! Receipts: what a patient checks alone (statement page *Receipt*).

mod asked;
mod clause;
mod events;
#[cfg(test)]
mod forgers;
mod report;
mod text;
mod verify;

pub use asked::{CouldHave, could_have_counted};
pub use clause::ReceiptError;
pub use report::{CountedIn, FlagLine, Held, ReceiptReport, Violation};
pub use verify::{Holder, check_receipt};
