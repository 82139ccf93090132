//! Patients' consent choices: what a patient can choose, which request a choice covers, the signed events that make a
//! patient's history, and choices that come from elsewhere.
//!
//! Pure types and rules; the day is always the caller's. What is not known is *no*: a purpose nobody chose, a condition
//! nobody met, a resource that says something we cannot.

mod agreement;
mod choice;
mod coverage;
mod event;
mod event_file;
pub mod fhir;
mod history;
mod purpose;
mod receipt;
mod rules;
mod salt;
mod standing;

pub use agreement::Agreement;
pub use choice::{Choice, ChoiceError, Conditions, Decision, MAX_INSTITUTIONS};
pub use coverage::{Coverage, Days, DaysError, UseRequest};
pub use event::{By, Content, Event, EventError, MAX_EVENT_BYTES, MAX_FORM, What};
pub use event_file::EVENT_FORMAT;
pub use history::{History, HistoryError, MAX_DAYS_TO_POST};
pub use purpose::{Purpose, PurposeError};
pub use receipt::{
    ACKNOWLEDGEMENT_FORMAT, Acknowledgement, Counted, MAX_RECEIPT_BYTES, Posted, PostedError, PostedEvent,
    RECEIPT_FORMAT, Receipt, ReceiptFormError, ReceiptSignature, VIOLATION_FORMAT, ViolationFile,
};
pub use rules::{Broken, Office, OfficeKind};
pub use salt::{Salt, SaltError};
pub use standing::{Standing, Standings};

#[cfg(test)]
mod tests;
