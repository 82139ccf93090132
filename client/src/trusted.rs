//! A ledger that is not believed: everything is checked against a pinned charter and the last checkpoint seen.
//!
//! What this shows of a transaction: the member signed it, it is that member's business, and the operator signed for a
//! history that has it and that begins with every history seen before. What it cannot show: that nothing newer
//! has taken the transaction's place (an auditor's export shows that), and the time of its block beyond "by the
//! checkpoint's".

use std::sync::Arc;

use cohortium_protocol::documents::{Approval, Nonce, Request};
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::{
    Charter, Checkpoint, PublicKey, Statement, StatementContent, Timestamp, Transaction, empty_root, leaf_hash,
    transaction_id, verify_consistency, verify_inclusion,
};
use cohortium_protocol::noise::{check_board_nonce, check_sponsor_nonce};
use serde::{Deserialize, Serialize};

use crate::answers::{Nonces, TransactionAnswer};
use crate::client::LedgerClient;
use crate::trust_error::TrustError;

/// The format of what is kept of the last checkpoint seen.
pub const SEEN_FORMAT: &str = "cohortium-seen/1";

/// The last checkpoint seen, for its caller to keep: without it a ledger could show another history after a restart.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    /// Always [`SEEN_FORMAT`].
    pub format: String,
    /// The signed note.
    pub checkpoint: String,
}

impl Seen {
    /// Reads what was kept.
    pub fn parse(json: &[u8]) -> Result<Self, TrustError> {
        let seen: Self =
            serde_json::from_slice(json).map_err(|error| TrustError::Seen { reason: error.to_string() })?;
        if seen.format == SEEN_FORMAT {
            return Ok(seen);
        }
        let found: String = seen.format.chars().take(80).collect();
        Err(TrustError::Seen { reason: format!("its format is {found:?}; this version reads {SEEN_FORMAT:?}") })
    }

    /// The document as it is kept.
    pub fn to_json(&self) -> String {
        // A structure with text keys: writing it to memory does not fail.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

/// A transaction that was checked: nothing in here rests on the service's word.
#[derive(Clone, PartialEq, Debug)]
pub struct VerifiedTransaction {
    /// The transaction.
    pub transaction: Transaction,
    /// Its place among all transactions, from 0.
    pub index: u64,
    /// The checkpoint that includes it.
    pub checkpoint: Checkpoint,
}

/// Both nonces of a query with noise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenNonces {
    /// The sponsor's.
    pub sponsor_nonce: Nonce,
    /// The board's.
    pub board_nonce: Nonce,
    /// The path from the board's to the root in the approval.
    pub board_path: Vec<Digest>,
    /// A signed time by which the board's stood on the ledger.
    pub by: Timestamp,
}

/// A signed note and what it says.
#[derive(Clone, Debug)]
struct SignedCheckpoint {
    note: String,
    checkpoint: Checkpoint,
}

/// A ledger service, a pinned charter, and the last checkpoint seen.
#[derive(Clone, Debug)]
pub struct TrustedLedger {
    client: LedgerClient,
    charter: Arc<Charter>,
    ledger: String,
    operator: PublicKey,
    seen: Option<SignedCheckpoint>,
}

impl TrustedLedger {
    /// A ledger of which nothing has been seen yet: the first checkpoint is taken as it comes.
    pub fn new(client: LedgerClient, charter: Charter) -> Result<Self, TrustError> {
        let operator = charter.operator().ok_or(TrustError::NoOperator)?.key;
        let ledger = charter.ledger();
        Ok(Self { client, charter: Arc::new(charter), ledger, operator, seen: None })
    }

    /// Goes on from the last checkpoint seen.
    pub fn resume(client: LedgerClient, charter: Charter, seen: &Seen) -> Result<Self, TrustError> {
        let mut trusted = Self::new(client, charter)?;
        let read = trusted.read(&seen.checkpoint).map_err(|error| TrustError::Seen { reason: error.to_string() })?;
        trusted.seen = Some(read);
        Ok(trusted)
    }

    /// The client, for what is only shown.
    pub fn client(&self) -> &LedgerClient {
        &self.client
    }

    /// The pinned charter.
    pub fn charter(&self) -> &Charter {
        &self.charter
    }

    /// The ledger's id.
    pub fn ledger(&self) -> &str {
        &self.ledger
    }

    /// The last checkpoint seen.
    pub fn checkpoint(&self) -> Option<&Checkpoint> {
        self.seen.as_ref().map(|seen| &seen.checkpoint)
    }

    /// The last checkpoint seen, to be kept.
    pub fn seen(&self) -> Option<Seen> {
        let note = &self.seen.as_ref()?.note;
        Some(Seen { format: SEEN_FORMAT.to_owned(), checkpoint: note.clone() })
    }

    /// Fetches the newest checkpoint: the operator's, and of a history that begins with the one seen before.
    pub fn refresh(&mut self) -> Result<&Checkpoint, TrustError> {
        let new = self.read(&self.client.checkpoint()?)?;
        if let Some(seen) = &self.seen {
            let (old, new) = (seen.checkpoint.size, new.checkpoint.size);
            if new < old {
                return Err(TrustError::Shrunk { old, new });
            }
        }
        self.follow(&new)?;
        Ok(&self.seen.insert(new).checkpoint)
    }

    /// Fetches a transaction and checks everything about it.
    pub fn verified_transaction(&mut self, id: &Digest) -> Result<VerifiedTransaction, TrustError> {
        let answer = self.client.transaction(id)?;
        self.check(id, answer)
    }

    /// Fetches an approval that a board signed. Whether it was suspended or amended since is not shown by this.
    pub fn verified_study(&mut self, approval: &Digest) -> Result<(Approval, VerifiedTransaction), TrustError> {
        // The service is believed for a name only: the id follows from it, and the signature has to be that board's.
        let board = self.client.study(approval)?.summary.board;
        let id = transaction_id(&self.ledger, &board, &StatementContent::Study(*approval).digest());
        let verified = self.verified_transaction(&id)?;
        match &verified.transaction.statement {
            Statement::Study { approval } => Ok((approval.as_ref().clone(), verified)),
            other => Err(self::other("approval", approval, other)),
        }
    }

    /// Fetches a query that a sponsor signed, by its transaction's id or its request's digest.
    pub fn verified_query(&mut self, id: &Digest) -> Result<(Request, VerifiedTransaction), TrustError> {
        let named = self.client.query(id)?.summary.id;
        let verified = self.verified_transaction(&named)?;
        match &verified.transaction.statement {
            Statement::Query { request } if named == *id || request.digest() == *id => {
                Ok((request.as_ref().clone(), verified))
            }
            statement => Err(other("query", id, statement)),
        }
    }

    /// Fetches both nonces of a query with noise: signed by its sponsor and by the board of its approval, on the ledger, and
    /// the ones that request and approval commit to. Nothing as long as the service says that one is not open.
    pub fn verified_nonces(
        &mut self,
        query: &Digest,
        (request, approval): (&Request, &Approval),
    ) -> Result<Option<OpenNonces>, TrustError> {
        let Some(Nonces { sponsor: Some(sponsor), board: Some(board), .. }) = self.client.query(query)?.nonces else {
            return Ok(None);
        };
        let (sponsor, board) = (self.verified_transaction(&sponsor)?, self.verified_transaction(&board)?);
        let asked = request.digest();
        let opened = match (&sponsor.transaction.statement, &board.transaction.statement) {
            (
                Statement::SponsorNonce { request: first, nonce },
                Statement::BoardNonce { request: second, nonce: other, path },
            ) if *first == asked && *second == asked => (*nonce, *other, path.clone()),
            (first, second) => {
                let wrong = if matches!(first, Statement::SponsorNonce { .. }) { second } else { first };
                return Err(other("nonce of the request", &asked, wrong));
            }
        };
        let (sponsor_nonce, board_nonce, board_path) = opened;
        check_sponsor_nonce(request, &sponsor_nonce)?;
        check_board_nonce(&request.ledger, approval, request.sequence, &board_nonce, &board_path)?;
        Ok(Some(OpenNonces { sponsor_nonce, board_nonce, board_path, by: board.checkpoint.time }))
    }

    /// Checks a note that came with something else, as with a bundle: the operator's, and of the history seen before.
    pub fn check_note(&mut self, note: &str) -> Result<Checkpoint, TrustError> {
        let signed = self.read(note)?;
        self.follow(&signed)?;
        let checkpoint = signed.checkpoint.clone();
        if self.seen.as_ref().is_none_or(|seen| seen.checkpoint.size < checkpoint.size) {
            self.seen = Some(signed);
        }
        Ok(checkpoint)
    }

    fn check(&mut self, id: &Digest, answer: TransactionAnswer) -> Result<VerifiedTransaction, TrustError> {
        let TransactionAnswer { index, transaction, inclusion, .. } = answer;
        transaction.check()?;
        let required = &self.ledger;
        if transaction.ledger != *required {
            return Err(TrustError::OtherLedger { found: transaction.ledger, required: required.clone() });
        }
        let found = transaction.id();
        if found != *id {
            return Err(TrustError::OtherTransaction { asked: *id, found });
        }
        let member = self
            .charter
            .member(&transaction.member)
            .ok_or_else(|| TrustError::UnknownMember { member: transaction.member.clone() })?;
        let required = transaction.statement.role();
        if member.role != required {
            let (kind, member, role) = (transaction.statement.kind(), member.name.clone(), member.role.name());
            return Err(TrustError::Role { kind, member, role, required: required.name() });
        }
        transaction.check_signature(&member.key)?;
        // Size and root are the signed ones; what the answer says of them beside the note counts for nothing.
        let checkpoint = self.check_note(&inclusion.checkpoint)?;
        let leaf = leaf_hash(transaction.leaf().as_bytes());
        verify_inclusion(leaf, index, checkpoint.size, &inclusion.path, checkpoint.root)
            .map_err(|source| TrustError::Inclusion { id: *id, source })?;
        Ok(VerifiedTransaction { transaction, index, checkpoint })
    }

    /// Reads a note: this ledger's, and its operator's.
    fn read(&self, note: &str) -> Result<SignedCheckpoint, TrustError> {
        let checkpoint = Checkpoint::verify(note, &self.ledger, &self.operator)?;
        let wrong = |reason| Err(TrustError::Contradiction { size: checkpoint.size, reason });
        let founding = checkpoint.height == 0;
        if founding != (checkpoint.size == 0) {
            return wrong("the founding has no transactions, and every block has some");
        }
        if founding && checkpoint.root != empty_root() {
            return wrong("it has no transactions, and another root than nothing has");
        }
        if founding && checkpoint.block != self.charter.digest() {
            return wrong("it is of the founding, and names another charter");
        }
        Ok(SignedCheckpoint { note: note.to_owned(), checkpoint })
    }

    /// Checks that a checkpoint and the last one seen are of one history, whichever is the longer.
    fn follow(&self, other: &SignedCheckpoint) -> Result<(), TrustError> {
        let Some(seen) = &self.seen else { return Ok(()) };
        let (older, newer) = if other.checkpoint.size < seen.checkpoint.size { (other, seen) } else { (seen, other) };
        let (old, new) = (&older.checkpoint, &newer.checkpoint);
        let split = |reason: String| TrustError::SplitView {
            old: seen.checkpoint.size,
            new: other.checkpoint.size,
            reason,
            notes: Box::new([seen.note.clone(), other.note.clone()]),
        };
        if old.size == new.size {
            // Every block has transactions: as many of them are one block.
            return if old == new { Ok(()) } else { Err(split(difference(old, new))) };
        }
        if old.height >= new.height || old.time > new.time {
            return Err(split("the one with more transactions is not the later one".to_owned()));
        }
        if old.size == 0 {
            // Nothing is the beginning of everything, and its root was checked.
            return Ok(());
        }
        let path = self.client.consistency(old.size, new.size)?.path;
        verify_consistency(old.size, new.size, old.root, new.root, &path).map_err(|error| split(error.to_string()))
    }
}

fn other(what: &'static str, asked: &Digest, found: &Statement) -> TrustError {
    TrustError::OtherContent { what, asked: *asked, found: format!("another one: a {}", found.kind()) }
}

fn difference(old: &Checkpoint, new: &Checkpoint) -> String {
    if old.root != new.root {
        return format!("as many transactions have the root {} in one and {} in the other", old.root, new.root);
    }
    format!(
        "the same transactions are block {} of height {} at {} in one, and block {} of height {} at {} in the other",
        old.block, old.height, old.time, new.block, new.height, new.time
    )
}
