//! The clauses of a receipt, and what is said when one does not hold.

use cohortium_protocol::commit::{OpeningError, RegistryError};
use cohortium_protocol::consent::{HistoryError, PostedError};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::KeyError;
use cohortium_protocol::table::Day;

use crate::ledger::EvidenceError;

/// A clause of the check, by the statement page's names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ReceiptClause {
    /// Manifest and epoch are the ledger's, or the anchors'.
    Registered,
    /// The epoch is of this manifest.
    OfManifest,
    /// The row is a data row.
    Row,
    /// The opened columns are tag and flags, all of them, in order.
    Columns,
    /// The points are those that manifest and epoch name.
    Points,
    /// The opening holds.
    Opening,
    /// The tag is the holder's.
    Tag,
    /// Flags are 0 or 1.
    Flags,
    /// The hospital signed it.
    Signed,
    /// The batches have the epoch's root.
    Batches,
    /// Each event is in its batch.
    Posted,
    /// The events are a history.
    History,
    /// The flags are what the events say.
    Expected,
    /// What was acknowledged and posted is there.
    Acknowledged,
    /// What is said of an answer is about this one.
    Counted,
    /// The opening of the answer's selection holds.
    Selection,
    /// The selection is 0 or 1.
    Selected,
}

#[cfg(test)]
impl ReceiptClause {
    pub(super) const ALL: [Self; 17] = [
        Self::Registered,
        Self::OfManifest,
        Self::Row,
        Self::Columns,
        Self::Points,
        Self::Opening,
        Self::Tag,
        Self::Flags,
        Self::Signed,
        Self::Batches,
        Self::Posted,
        Self::History,
        Self::Expected,
        Self::Acknowledged,
        Self::Counted,
        Self::Selection,
        Self::Selected,
    ];
}

/// Why a receipt shows nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReceiptError {
    /// The anchors know neither a charter nor this site.
    #[error("your anchors name neither a ledger's charter nor the site {site:?}")]
    NoAnchor {
        /// The site.
        site: String,
    },
    /// The receipt has no evidence of the ledger.
    #[error("your anchors name a ledger, and the receipt has no evidence that table version and epoch stand there")]
    NoEvidence,
    /// Evidence that does not hold.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// Another registered document than the anchors'.
    #[error("the receipt's {what} is {found}; your anchors name {required}")]
    Registered {
        /// Which document.
        what: &'static str,
        /// The receipt's.
        found: Digest,
        /// The anchors'.
        required: Digest,
    },
    /// An epoch of another manifest, or points that it does not name.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A row beyond the data.
    #[error("the receipt is about row {found}; the table's data rows are 0 to {last}")]
    Row {
        /// The row.
        found: u64,
        /// The last data row.
        last: u64,
    },
    /// Other columns than tag and flags.
    #[error("the receipt opens {found} as column {place}; it should be {required}")]
    Columns {
        /// Its place, from 0.
        place: usize,
        /// What was found.
        found: String,
        /// What should be there.
        required: String,
    },
    /// The opening does not hold.
    #[error("the receipt's opening of {what}: {source}")]
    Opening {
        /// Of what.
        what: &'static str,
        /// Why.
        source: OpeningError,
    },
    /// Somebody else's row.
    #[error("the row bears another tag than yours: this receipt is not about you")]
    Tag,
    /// A flag that is none.
    #[error("the flag {column} is neither 0 nor 1: the hospital's epoch is no epoch")]
    Flag {
        /// The column.
        column: String,
    },
    /// A receipt that the hospital did not sign.
    #[error("the receipt is not signed by {site:?}: {reason}. Whoever has it may have left events out")]
    Signature {
        /// The site.
        site: String,
        /// What is wrong.
        reason: String,
    },
    /// Batches that are not the epoch's.
    #[error("the batches of consent events that the receipt lists ({found}) are not those that the epoch includes")]
    Batches {
        /// How many there are.
        found: usize,
    },
    /// An event that is not shown to be posted.
    #[error("event {number}: {source}")]
    Posted {
        /// Its number.
        number: u32,
        /// Why.
        source: PostedError,
    },
    /// Events that are no history.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// An epoch that ends before it begins.
    #[error("the epoch is of {created} and may be queried until {until}: there is no day on which its flags hold")]
    Days {
        /// Its date.
        created: String,
        /// Its last day.
        until: Day,
    },
    /// An acknowledgement that the site did not sign, or of another patient.
    #[error("the acknowledgement of event {number}: {reason}")]
    Acknowledgement {
        /// The event's number.
        number: u32,
        /// What is wrong.
        reason: String,
    },
    /// The selection's opening belongs to another answer.
    #[error("whether you were counted: {reason}")]
    Counted {
        /// What is wrong.
        reason: String,
    },
    /// Nobody to compare the tag with.
    #[error("give your card, or your tag: without it nobody can tell whose row this is")]
    Nobody,
}

impl ReceiptError {
    pub(super) fn signature(number: u32, error: &KeyError) -> Self {
        Self::Acknowledgement { number, reason: error.to_string() }
    }
}
