//! What a receipt shows: the report's parts.

use cohortium_protocol::hash::Digest;
use cohortium_protocol::table::Day;
use serde::Serialize;

/// One consent flag: what it is, and what the events say it should be.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FlagLine {
    /// The purpose and kind of sponsor.
    pub column: String,
    /// What the epoch says.
    pub consents: bool,
    /// What the patient's events say; nothing where there is no record of events.
    pub expected: Option<bool>,
    /// Why.
    pub because: String,
}

/// A word that a hospital did not keep.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Violation {
    /// The epoch says yes where the patient said no, or nothing.
    CountedAgainstWill {
        /// The column.
        column: String,
        /// Why it should be no.
        because: String,
    },
    /// An event stands on the ledger before the epoch, and the hospital's receipt leaves it out.
    Ignored {
        /// The event in words.
        event: String,
        /// The batch in which it stands.
        batch: u32,
        /// The last batch that the epoch includes.
        cutoff: u32,
    },
    /// An event was taken in long before the epoch, and was not posted.
    HeldBack {
        /// The event in words.
        event: String,
        /// When it was taken in.
        taken: Day,
    },
    /// Two different events of one number stand on the ledger.
    Replaced {
        /// The number.
        number: u32,
    },
}

/// What the patient said and what is known of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Held {
    /// The event in words.
    pub event: String,
    /// The batch in which it stands, once it does.
    pub batch: Option<u32>,
}

/// Whether the patient was counted in an answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CountedIn {
    /// The request.
    pub request: Digest,
    /// The question's title.
    pub title: String,
    /// Whether.
    pub counted: bool,
}

/// What a receipt shows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ReceiptReport {
    /// The site.
    pub site: String,
    /// The table.
    pub table: String,
    /// The table version.
    pub version: u32,
    /// The epoch's number.
    pub epoch: u32,
    /// When the epoch was made.
    pub created: String,
    /// Until when queries may pin it; nothing without a ledger.
    pub until: Option<Day>,
    /// The checkpoint of the ledger: how many transactions, and when; nothing without a ledger.
    pub checkpoint: Option<String>,
    /// The row.
    pub row: u64,
    /// The flags.
    pub flags: Vec<FlagLine>,
    /// The events.
    pub events: Vec<Held>,
    /// What the hospital did not keep.
    pub violations: Vec<Violation>,
    /// Whether the patient was counted, where it was asked.
    pub counted: Option<CountedIn>,
}

impl ReceiptReport {
    /// Whether the epoch is what the patient's events say: neither a violation nor a yes that was taken for a no.
    pub fn holds(&self) -> bool {
        let as_expected = |flag: &FlagLine| flag.expected.is_none_or(|expected| expected == flag.consents);
        self.violations.is_empty() && self.flags.iter().all(as_expected)
    }

    /// Whether there is a record of events to compare with.
    pub fn has_record(&self) -> bool {
        self.flags.iter().all(|flag| flag.expected.is_some())
    }
}
