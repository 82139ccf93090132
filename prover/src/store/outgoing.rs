//! The record of everything that left, `outgoing.jsonl`: one line each, chained, appended before anything leaves.
//!
//! What stands in it may have left, and what left stands in it. That no record is missing at the end is for whoever
//! keeps the last digest elsewhere to check.

use std::path::Path;

use cohortium_protocol::domain;
use cohortium_protocol::hash::{Digest, Hasher};
use cohortium_protocol::ledger::Timestamp;
use serde::{Deserialize, Serialize};

use super::append::AppendFile;
use super::{Access, Home, StoreError};
use crate::faults::Stage;

const OUTGOING_FILE: &str = "outgoing.jsonl";
/// The kind of a record about a restored backup; every other is a statement's kind, or `bundle`, or `eligibility`.
pub(crate) const RESTORED: &str = "restored";
/// The kind of a bundle that was handed out as a file.
pub(crate) const BUNDLE: &str = "bundle";
/// The kind of a proof about a table that was handed out as a file.
pub(crate) const TABLE_PROOF: &str = "table-proof";
/// The kind of a file of eligibility.
pub(crate) const ELIGIBILITY: &str = "eligibility";
/// The kind of a release on a ledger.
pub(crate) const RELEASE: &str = "release";

/// Why a file is not the record of what left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutgoingError {
    /// A line that is no record.
    #[error("{file}: line {line} is no record of what left: {reason}")]
    Line {
        /// The file's name.
        file: &'static str,
        /// The line, from 1.
        line: u64,
        /// What the reader says.
        reason: String,
    },
    /// Not the next record.
    #[error("{OUTGOING_FILE}: record {found} follows record {last}; one was cut out, or they are out of order")]
    Number {
        /// Number found.
        found: u64,
        /// The record before.
        last: u64,
    },
    /// A record that follows another than the one before.
    #[error("{OUTGOING_FILE}: record {number} continues {found}, the record before it is {expected}")]
    Chain {
        /// The record's number.
        number: u64,
        /// Predecessor it names.
        found: Digest,
        /// Digest of the record before.
        expected: Digest,
    },
    /// A changed record.
    #[error(
        "{OUTGOING_FILE}: record {number} has been changed: its content has the digest {expected}, it says {found}"
    )]
    Digest {
        /// The record's number.
        number: u64,
        /// Digest in the record.
        found: Digest,
        /// Digest of its content.
        expected: Digest,
    },
    /// A head that somebody kept, and that the file does not have.
    #[error(
        "{OUTGOING_FILE} has no record with the digest {kept}: records were cut off at its end, or it is another site's; its \
         last is record {number}, {head}"
    )]
    Head {
        /// The digest kept elsewhere.
        kept: Digest,
        /// The last record's number.
        number: u64,
        /// The last record's digest.
        head: Digest,
    },
    /// A second answer to one request.
    #[error(
        "a release for the request {request} is in the record of what left already, as number {number}, with other bytes: a \
         site never answers a request twice"
    )]
    SecondRelease {
        /// The request.
        request: Digest,
        /// The record's number.
        number: u64,
    },
}

/// What is about to leave.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Leaving {
    /// A statement's kind, or [`BUNDLE`], or [`ELIGIBILITY`], or [`RESTORED`].
    pub(crate) kind: String,
    /// The statement's id on the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) statement: Option<Digest>,
    /// The request it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request: Option<Digest>,
    /// SHA-256 of the bytes.
    pub(crate) bytes: Digest,
    /// How many they are.
    pub(crate) length: u64,
    /// How many groups of cells a release shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cells: Option<u64>,
    /// The ledger's id, which holds the charter's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ledger: Option<String>,
}

/// One line.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OutgoingRecord {
    /// Counts from 1.
    pub(crate) number: u64,
    /// Digest of the record before; of the file's beginning for the first.
    pub(crate) previous: Digest,
    /// When, by this machine's clock.
    pub(crate) time: Timestamp,
    /// What.
    pub(crate) what: Leaving,
    /// Digest of all of the above.
    pub(crate) digest: Digest,
}

impl OutgoingRecord {
    fn content_digest(&self) -> Digest {
        let Leaving { kind, statement, request, bytes, length, cells, ledger } = &self.what;
        let mut hasher = Hasher::new(domain::OUTGOING_RECORD);
        hasher.u64(self.number).digest(&self.previous).u64(self.time.unix()).str(kind);
        for digest in [statement, request] {
            hasher.u64(u64::from(digest.is_some()));
            if let Some(digest) = digest {
                hasher.digest(digest);
            }
        }
        hasher.digest(bytes).u64(*length).u64(u64::from(cells.is_some()));
        if let Some(cells) = cells {
            hasher.u64(*cells);
        }
        hasher.u64(u64::from(ledger.is_some()));
        if let Some(ledger) = ledger {
            hasher.str(ledger);
        }
        hasher.finish()
    }
}

/// The record, as read from its file.
pub(crate) struct OutgoingFile {
    file: AppendFile,
    beginning: Digest,
    records: Vec<OutgoingRecord>,
    access: Access,
}

impl OutgoingFile {
    /// Reads the record of a home; every line is checked against the one before.
    pub(crate) fn open(home: &Home) -> Result<Self, StoreError> {
        let line = std::cell::Cell::new(0);
        let parse = |text: &str| {
            line.set(line.get() + 1);
            serde_json::from_str(text).map_err(|error| {
                let reason = error.to_string();
                StoreError::from(OutgoingError::Line { file: OUTGOING_FILE, line: line.get(), reason })
            })
        };
        let (file, records) = AppendFile::open(home.root().join(OUTGOING_FILE), parse)?;
        let beginning = Hasher::new(domain::OUTGOING_RECORD).str("beginning").str(home.site()).finish();
        let mut outgoing = Self { file, beginning, records: Vec::new(), access: home.access() };
        for record in records {
            outgoing.enter(record)?;
        }
        Ok(outgoing)
    }

    fn enter(&mut self, record: OutgoingRecord) -> Result<(), OutgoingError> {
        let (last, expected) = (self.records.len() as u64, self.head());
        let number = record.number;
        if number != last + 1 {
            return Err(OutgoingError::Number { found: number, last });
        }
        if record.previous != expected {
            return Err(OutgoingError::Chain { number, found: record.previous, expected });
        }
        let expected = record.content_digest();
        if record.digest != expected {
            return Err(OutgoingError::Digest { number, found: record.digest, expected });
        }
        self.records.push(record);
        Ok(())
    }

    /// All records.
    pub(crate) fn records(&self) -> &[OutgoingRecord] {
        &self.records
    }

    /// Digest of the last record, or of the file's beginning: worth keeping elsewhere.
    pub(crate) fn head(&self) -> Digest {
        self.records.last().map_or(self.beginning, |record| record.digest)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Refuses a file without a record whose digest somebody kept.
    pub(crate) fn check_head(&self, kept: &Digest) -> Result<(), OutgoingError> {
        if *kept == self.beginning || self.records.iter().any(|record| record.digest == *kept) {
            return Ok(());
        }
        Err(OutgoingError::Head { kept: *kept, number: self.records.len() as u64, head: self.head() })
    }

    /// The release for a request, if one may have left.
    pub(crate) fn release(&self, request: &Digest) -> Option<&OutgoingRecord> {
        let release = |record: &&OutgoingRecord| record.what.kind == RELEASE && record.what.request == Some(*request);
        self.records.iter().find(release)
    }

    /// Records that something is about to leave: when this returns, that is on the disk. The same bytes again are the
    /// same thing, and have their record; a second answer to one request is refused.
    pub(crate) fn record(&mut self, what: Leaving, time: Timestamp) -> Result<&OutgoingRecord, StoreError> {
        debug_assert_eq!(self.access, Access::Write, "recording needs the home's lock");
        if let Some(place) = self.records.iter().position(|record| record.what == what) {
            return Ok(&self.records[place]);
        }
        if let (RELEASE, Some(request)) = (what.kind.as_str(), what.request)
            && let Some(OutgoingRecord { number, .. }) = self.release(&request)
        {
            return Err(OutgoingError::SecondRelease { request, number: *number }.into());
        }
        let (number, previous) = (self.records.len() as u64 + 1, self.head());
        let mut record = OutgoingRecord { number, previous, time, what, digest: previous };
        record.digest = record.content_digest();
        // A structure with text keys: writing it to memory does not fail.
        let line = serde_json::to_string(&record).unwrap_or_default();
        self.file.append(&line, Stage::OutgoingHalfWritten)?;
        self.enter(record)?;
        Ok(&self.records[self.records.len() - 1])
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::OsRng;

    use super::super::{Init, files};
    use super::*;

    fn home(folder: &Path) -> Home {
        Home::init(folder, &Init { site: "Site A", approval_share: 100, floor: None }, &mut OsRng).unwrap()
    }

    fn leaving(kind: &str, request: u8, bytes: &[u8]) -> Leaving {
        Leaving {
            kind: kind.into(),
            statement: Some(Digest::of_bytes(bytes)),
            request: Some(Digest::from_bytes([request; 32])),
            bytes: Digest::of_bytes(bytes),
            length: bytes.len() as u64,
            cells: (kind == RELEASE).then_some(6),
            ledger: Some("trial/00".into()),
        }
    }

    fn record(home: &Home, what: Leaving) -> Result<u64, StoreError> {
        let time = Timestamp::from_unix(1_795_561_648);
        OutgoingFile::open(home)?.record(what, time).map(|record| record.number)
    }

    #[test]
    fn the_same_bytes_have_one_record_and_no_request_two_releases() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        assert_eq!(record(&home, leaving("accept", 1, b"a")).unwrap(), 1);
        assert_eq!(record(&home, leaving(RELEASE, 1, b"r")).unwrap(), 2);
        assert_eq!(record(&home, leaving(RELEASE, 1, b"r")).unwrap(), 2);
        assert_eq!(record(&home, leaving(RELEASE, 2, b"r")).unwrap(), 3);
        let refused = record(&home, leaving(RELEASE, 1, b"s")).unwrap_err().to_string();
        assert!(refused.contains("as number 2, with other bytes"), "{refused}");
        let file = OutgoingFile::open(&home).unwrap();
        assert_eq!((file.records().len(), file.release(&Digest::from_bytes([1; 32])).unwrap().number), (3, 2));
        file.check_head(&file.head()).unwrap();
        file.check_head(&file.records()[0].digest).unwrap();
        assert!(matches!(file.check_head(&Digest::of_bytes(b"x")), Err(OutgoingError::Head { number: 3, .. })));
    }

    #[test]
    fn what_is_cut_out_or_altered_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        for request in 1..=3 {
            record(&home, leaving(RELEASE, request, b"r")).unwrap();
        }
        let path = folder.path().join(OUTGOING_FILE);
        let whole = files::read_text(&path).unwrap();
        let head = OutgoingFile::open(&home).unwrap().head();
        let lines: Vec<&str> = whole.lines().collect();
        for (changed, expected) in [
            (whole.replacen("\"cells\":6", "\"cells\":7", 1), "record 1 has been changed"),
            (whole.replacen("trial/00", "trial/01", 1), "record 1 has been changed"),
            (whole.replacen(":28Z", ":29Z", 1), "record 1 has been changed"),
            (format!("{}\n{}\n", lines[0], lines[2]), "record 3 follows record 1"),
            (format!("{}\n{}\n", lines[1], lines[2]), "record 2 follows record 0"),
            (format!("{}\nnonsense\n{}\n", lines[0], lines[1]), "line 2 is no record"),
        ] {
            assert_ne!(changed, whole, "{expected}");
            std::fs::write(&path, changed).unwrap();
            let refused = OutgoingFile::open(&home).err().unwrap().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
        // Cut at the end: only whoever kept the head can tell.
        std::fs::write(&path, format!("{}\n{}\n", lines[0], lines[1])).unwrap();
        let refused = OutgoingFile::open(&home).unwrap().check_head(&head).unwrap_err().to_string();
        assert!(refused.contains("were cut off at its end") && refused.contains("last is record 2"), "{refused}");
        // Half a line was never whole, and nothing had left.
        std::fs::write(&path, &whole[..whole.len() - 40]).unwrap();
        assert_eq!(record(&home, leaving(RELEASE, 9, b"r")).unwrap(), 3);
    }
}
