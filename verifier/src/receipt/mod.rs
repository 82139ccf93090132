//! Receipts: what a patient checks alone (statement page *Receipt*).

mod asked;
mod clause;
mod text;
mod verify;

pub use asked::{CouldHave, could_have_counted};
pub use clause::ReceiptError;
pub use verify::{CountedIn, FlagLine, Held, Holder, ReceiptReport, Violation, check_receipt};
