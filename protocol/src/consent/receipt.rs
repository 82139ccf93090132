//! What a hospital hands to one patient: a receipt of a consent epoch, and acknowledgements of consent events.
//!
//! Both are about one patient and secret; the statement page *Receipt* says what a receipt shows and what it gives away.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::bounded;
use crate::bundle::ColumnAtPoint;
use crate::commit::{ConsentEpoch, DatasetManifest, OpeningProof};
use crate::domain;
use crate::field::{F, serde_hex};
use crate::hash::{Digest, Hasher};
use crate::ledger::{
    Batch, KeyError, MAX_PATH, MemberKey, MerkleError, PublicKey, RegistrationEvidence, Signature, leaf_hash,
    verify_inclusion,
};
use crate::table::{Day, Tag};

/// The format of receipts.
pub const RECEIPT_FORMAT: &str = "cohortium-receipt/1";
/// The format of acknowledgements.
pub const ACKNOWLEDGEMENT_FORMAT: &str = "cohortium-acknowledgement/1";

/// The format of evidence of a violation.
pub const VIOLATION_FORMAT: &str = "cohortium-violation/1";

/// Bytes of a receipt at most.
pub const MAX_RECEIPT_BYTES: usize = 64 << 20;
/// Batches that a receipt lists at most: one a day for 270 years.
const MAX_BATCHES: usize = 100_000;
/// Events of one patient at most.
const MAX_EVENTS: usize = 10_000;
/// Columns of a receipt at most.
const MAX_COLUMNS: usize = 4096;

/// Where an event's salted hash is in a batch.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posted {
    /// The batch's number.
    pub batch: u32,
    /// The leaf, from 0.
    pub leaf: u32,
    /// The path from the leaf to the batch's root.
    #[serde(deserialize_with = "bounded::list::<MAX_PATH, _, _>")]
    pub path: Vec<Digest>,
}

/// Why an event is not shown to be in a batch.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PostedError {
    /// A batch that is not among those listed.
    #[error("it is said to be in batch {batch}, and {batches} are listed")]
    NoBatch {
        /// Its number.
        batch: u32,
        /// How many there are.
        batches: usize,
    },
    /// A path that leads elsewhere.
    #[error("it is not shown to be in batch {batch}: {source}")]
    Path {
        /// The batch's number.
        batch: u32,
        /// What is wrong.
        source: MerkleError,
    },
}

impl Posted {
    /// Checks that an event's salted hash is this leaf of one of the batches, which are listed in order from the first.
    pub fn check(&self, event: &Event, batches: &[Batch]) -> Result<(), PostedError> {
        let number = self.batch;
        let found = (number as usize).checked_sub(1).and_then(|place| batches.get(place));
        let batch = found.ok_or(PostedError::NoBatch { batch: number, batches: batches.len() })?;
        let leaf = leaf_hash(event.leaf().as_bytes());
        verify_inclusion(leaf, self.leaf.into(), batch.leaves.into(), &self.path, batch.root)
            .map_err(|source| PostedError::Path { batch: number, source })
    }
}

/// An event and where it was posted.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostedEvent {
    /// The event.
    pub event: Event,
    /// Where.
    pub posted: Posted,
}

/// The selection of an answer, opened at the patient's row: 1 if the patient was counted.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counted {
    /// The request that was answered.
    pub request: Digest,
    /// The digest of the answer's proof.
    pub proof: Digest,
    /// The selection at the row.
    #[serde(with = "serde_hex")]
    pub value: F,
    /// What shows it.
    pub opening: OpeningProof,
}

/// The hospital's signature under a receipt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptSignature {
    /// The day on which it was given.
    pub issued: Day,
    /// The signature, with the site's key as a member.
    pub signature: Signature,
}

/// A receipt, `cohortium-receipt/1`: the tag and the flags at one row.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// [`RECEIPT_FORMAT`].
    pub format: String,
    /// The table version.
    pub manifest: DatasetManifest,
    /// The epoch.
    pub epoch: ConsentEpoch,
    /// The row, from 0.
    pub row: u64,
    /// The columns that are opened at the row: `tag.0` to `tag.7` of the manifest, then every flag of the epoch in its
    /// order.
    #[serde(deserialize_with = "bounded::list::<MAX_COLUMNS, _, _>")]
    pub columns: Vec<ColumnAtPoint>,
    /// What shows them.
    pub opening: OpeningProof,
    /// The key that follows from the patient's card, where the hospital knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<PublicKey>,
    /// The site's batches of consent events up to the epoch's cut-off, in order from the first.
    #[serde(default, deserialize_with = "bounded::list::<MAX_BATCHES, _, _>")]
    pub batches: Vec<Batch>,
    /// The patient's events in them, in the order of their numbers.
    #[serde(default, deserialize_with = "bounded::list::<MAX_EVENTS, _, _>")]
    pub events: Vec<PostedEvent>,
    /// That table version and epoch are on the ledger; nothing without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registered: Option<RegistrationEvidence>,
    /// Whether the patient was counted in one answer, if that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<Counted>,
    /// That the hospital gave it, and that these are all events that it has: or whoever leaves one out would accuse the
    /// hospital. Nothing without a ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed: Option<ReceiptSignature>,
}

/// Why bytes are not a receipt or an acknowledgement.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReceiptFormError {
    /// Beyond the limit.
    #[error("the file has {found} bytes; at most {MAX_RECEIPT_BYTES} are read")]
    Size {
        /// Its size.
        found: usize,
    },
    /// Not JSON, or a part of it that does not pass its checks.
    #[error("the file cannot be read: {reason}")]
    Json {
        /// What is wrong, with line and column.
        reason: String,
    },
    /// Another format or version.
    #[error("the file's format is {found:?}; this version reads {expected:?}")]
    Format {
        /// What was found, shortened.
        found: String,
        /// What is read here.
        expected: &'static str,
    },
}

/// Reads JSON whose `format` is `expected`.
pub(super) fn read<T: for<'de> Deserialize<'de>>(bytes: &[u8], expected: &'static str) -> Result<T, ReceiptFormError> {
    // The format first: a later format's file should be called that, not "unknown field".
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    if bytes.len() > MAX_RECEIPT_BYTES {
        return Err(ReceiptFormError::Size { found: bytes.len() });
    }
    let unreadable = |error: serde_json::Error| ReceiptFormError::Json { reason: error.to_string() };
    let head: Head = serde_json::from_slice(bytes).map_err(unreadable)?;
    if head.format != expected {
        return Err(ReceiptFormError::Format { found: head.format.chars().take(80).collect(), expected });
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}

impl Receipt {
    /// Reads a receipt. What it shows is for the verifier to check.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptFormError> {
        read(bytes, RECEIPT_FORMAT)
    }

    /// What the opening of tag and flags is part of.
    pub fn context(manifest: &DatasetManifest, epoch: &ConsentEpoch, row: u64) -> Digest {
        Hasher::new(domain::RECEIPT).str("row").digest(&manifest.digest()).digest(&epoch.digest()).u64(row).finish()
    }

    /// What the opening of an answer's selection is part of.
    pub fn counted_context(
        (manifest, epoch): (&Digest, &Digest),
        row: u64,
        request: &Digest,
        proof: &Digest,
    ) -> Digest {
        let mut hasher = Hasher::new(domain::RECEIPT);
        hasher.str("counted").digest(manifest).digest(epoch).u64(row).digest(request).digest(proof).finish()
    }

    /// The receipt with the site's signature, for a ledger.
    pub fn sign(mut self, ledger: &str, issued: Day, key: &MemberKey) -> Self {
        let signature = key.sign(self.given(ledger, issued).as_bytes());
        self.signed = Some(ReceiptSignature { issued, signature });
        self
    }

    /// Checks the site's signature. Nothing without one.
    pub fn check_signature(&self, ledger: &str, key: &PublicKey) -> Option<Result<(), KeyError>> {
        let ReceiptSignature { issued, signature } = self.signed.as_ref()?;
        Some(key.check(self.given(ledger, *issued).as_bytes(), signature))
    }

    /// What a site signs of a receipt: where it is about, and every event with its place. The flags and the tag are what the
    /// opening shows, the batches what the epoch names, and where the epoch stands is what the ledger shows.
    fn given(&self, ledger: &str, issued: Day) -> Digest {
        let mut hasher = Hasher::new(domain::RECEIPT);
        hasher.str("given").str(ledger).digest(&self.manifest.digest()).digest(&self.epoch.digest()).u64(self.row);
        hasher.u64(u64::from(issued.days())).str(&self.card.map_or_else(String::new, |card| card.to_string()));
        hasher.u64(self.events.len() as u64);
        for PostedEvent { event, posted } in &self.events {
            hasher.digest(&event.leaf()).u64(posted.batch.into()).u64(posted.leaf.into());
        }
        hasher.finish()
    }

    /// The point at which columns are opened: the bits of a row, the least significant first.
    pub fn point(row: u64, variables: usize) -> Vec<F> {
        (0..variables).map(|bit| F::from(row >> bit & 1)).collect()
    }
}

impl fmt::Debug for PostedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PostedEvent(secret)")
    }
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Receipt(secret)")
    }
}

/// The hospital's word that it took an event in, `cohortium-acknowledgement/1`; and, once it was posted, where.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// [`ACKNOWLEDGEMENT_FORMAT`].
    pub format: String,
    /// The ledger on which it is posted.
    pub ledger: String,
    /// The event.
    pub event: Event,
    /// The day on which it was taken in.
    pub taken: Day,
    /// The site's signature, with its key as a member.
    pub signature: Signature,
    /// Where it was posted, once it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub posted: Option<Posted>,
}

impl Acknowledgement {
    /// Reads an acknowledgement.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptFormError> {
        read(bytes, ACKNOWLEDGEMENT_FORMAT)
    }

    /// Signs for an event.
    pub fn sign(ledger: &str, event: Event, taken: Day, posted: Option<Posted>, key: &MemberKey) -> Self {
        let signature = key.sign(acknowledged(ledger, &event, taken).as_bytes());
        let format = ACKNOWLEDGEMENT_FORMAT.to_owned();
        Self { format, ledger: ledger.to_owned(), event, taken, signature, posted }
    }

    /// Checks the site's signature.
    pub fn check(&self, key: &PublicKey) -> Result<(), KeyError> {
        key.check(acknowledged(&self.ledger, &self.event, self.taken).as_bytes(), &self.signature)
    }
}

impl fmt::Debug for Acknowledgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Acknowledgement(secret)")
    }
}

/// A receipt with what shows that a hospital did not heed a choice, `cohortium-violation/1`: for an ethics board. It shows the
/// patient's tag and choices, and not their card.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ViolationFile {
    /// [`VIOLATION_FORMAT`].
    pub format: String,
    /// The patient's tag at the site.
    #[serde(with = "super::event_file::tag_text")]
    pub tag: Tag,
    /// The receipt.
    pub receipt: Receipt,
    /// What the hospital acknowledged.
    #[serde(default, deserialize_with = "bounded::list::<MAX_EVENTS, _, _>")]
    pub acknowledged: Vec<Acknowledgement>,
}

impl ViolationFile {
    /// Reads evidence of a violation. What it shows is for the verifier to check.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReceiptFormError> {
        read(bytes, VIOLATION_FORMAT)
    }
}

impl fmt::Debug for ViolationFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ViolationFile(secret)")
    }
}

/// What a site signs of an event: ledger, its salted hash, the day.
fn acknowledged(ledger: &str, event: &Event, taken: Day) -> Digest {
    let mut hasher = Hasher::new(domain::ACKNOWLEDGEMENT);
    hasher.str(ledger).str(event.site()).digest(&event.leaf()).u64(u64::from(taken.days())).finish()
}
