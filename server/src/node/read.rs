//! Reading: of the state under its lock, of blocks and transactions from the log by way of the index.

use std::sync::Arc;

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Block;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::ledger::Transaction;
use cohortium_verifier::ledger::BundleParts;
use cohortium_verifier::ledger::EvidenceParts;
use cohortium_verifier::ledger::Refusal;
use cohortium_verifier::ledger::State;
use cohortium_verifier::ledger::parse_block;

use super::entries::BlockSummary;
use super::entries::HEAD_PREFIX;
use super::entries::Leaf;
use super::entries::head_key;
use super::entries::leaf_key;
use super::error::ReadError;
use super::ledger::Ledger;
use super::ledger::Shared;
use crate::store::IndexError;
use crate::store::LogError;

/// The state and the operator's checkpoint of it: always of the same block.
#[derive(Debug)]
pub struct Chain {
    state: State,
    checkpoint: String,
}

impl Chain {
    pub(super) fn new(state: State, checkpoint: String) -> Self {
        Self { state, checkpoint }
    }

    /// The state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The signed note.
    pub fn checkpoint(&self) -> &str {
        &self.checkpoint
    }

    pub(super) fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    pub(super) fn set_checkpoint(&mut self, checkpoint: String) {
        self.checkpoint = checkpoint;
    }
}

/// Where the ledger is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The last block's height.
    pub height: u64,
    /// Transactions so far.
    pub size: u64,
    /// The last block's time.
    pub time: Timestamp,
    /// The last block's digest.
    pub block: Digest,
    /// The signed note.
    pub checkpoint: String,
    /// The block log's length.
    pub log_bytes: u64,
}

impl Snapshot {
    pub(super) fn of(chain: &Chain, log_bytes: u64) -> Self {
        let state = &chain.state;
        Self {
            height: state.height(),
            size: state.tree().len(),
            time: state.time(),
            block: state.tip(),
            checkpoint: chain.checkpoint.clone(),
            log_bytes,
        }
    }
}

/// A transaction and where it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Placed {
    /// Its id.
    pub id: Digest,
    /// Its place among all transactions.
    pub index: u64,
    /// Its block.
    pub height: u64,
    /// The block's time.
    pub time: Timestamp,
    /// The transaction.
    pub transaction: Transaction,
}

impl Shared {
    /// Where a transaction is. The caller knows that there is one at this place.
    pub(super) fn leaf(&self, index: u64) -> Result<Leaf, ReadError> {
        let bytes = self.index.get(&leaf_key(index)).map_err(broken)?.ok_or(ReadError::Index)?;
        serde_json::from_slice(&bytes).map_err(|_| ReadError::Index)
    }

    fn block_bytes(&self, height: u64) -> Result<Vec<u8>, ReadError> {
        let block = self.index.block(height).map_err(broken)?.ok_or(ReadError::Index)?;
        // A position that leads to no such record says that the index is wrong, not the log: the log was read whole
        // when it was opened.
        self.log.read(&block.position).map_err(|error| match error {
            LogError::BadRecord { .. } => ReadError::Index,
            error => error.into(),
        })
    }

    fn transaction(&self, index: u64) -> Result<Placed, ReadError> {
        let leaf = self.leaf(index)?;
        let bytes = self.block_bytes(leaf.height)?;
        let mut block = parse_block(leaf.height, &bytes).map_err(Box::new)?;
        if leaf.place >= block.transactions.len() {
            return Err(ReadError::Index);
        }
        let transaction = block.transactions.swap_remove(leaf.place);
        Ok(Placed { id: leaf.id, index, height: leaf.height, time: block.time, transaction })
    }

    /// A bundle with its evidence: the proof and the signatures are read from the log.
    fn assemble(&self, evidence: EvidenceParts, documents: &BundleParts) -> Result<Bundle, ReadError> {
        let release = evidence.release();
        let Transaction { member, signature, statement, .. } = self.transaction(release)?.transaction;
        let Statement::Release { proof, .. } = statement else { return Err(ReadError::Index) };
        let mut released = Some((member, signature));
        let evidence = evidence.evidence(&mut |index| match released.take_if(|_| index == release) {
            Some(signed) => Ok(signed),
            None => self.transaction(index).map(|placed| (placed.transaction.member, placed.transaction.signature)),
        })?;
        let mut bundle = documents.bundle(*proof);
        bundle.ledger = Some(evidence);
        Ok(bundle)
    }
}

fn broken(_: IndexError) -> ReadError {
    ReadError::Index
}

impl Ledger {
    /// Reads the state. Waits while a block is being written.
    pub fn read<T>(&self, read: impl FnOnce(&Chain) -> T) -> Result<T, ReadError> {
        Ok(read(&self.shared.inner()?.chain))
    }

    /// The moment that deadlines are told by: the clock's, never before the last block's.
    pub fn now(&self) -> Timestamp {
        (self.shared.clock)().max(self.shared.snapshot().time)
    }

    /// The ledger's id.
    pub fn id(&self) -> &str {
        &self.shared.ledger
    }

    /// The founding document, as it stands in the log.
    pub fn founding(&self) -> &[u8] {
        &self.shared.founding
    }

    /// What is counted.
    pub fn metrics(&self) -> &crate::metrics::Metrics {
        &self.shared.metrics
    }

    /// After an error of the index, it is made again.
    fn noticing<T>(&self, outcome: Result<T, ReadError>) -> Result<T, ReadError> {
        if matches!(outcome, Err(ReadError::Index)) {
            self.repair();
        }
        outcome
    }

    /// A block's record, byte for byte; nothing above the last height, or at 0.
    pub fn block_bytes(&self, height: u64) -> Result<Option<Vec<u8>>, ReadError> {
        if height == 0 || height > self.shared.inner()?.chain.state.height() {
            return Ok(None);
        }
        self.noticing(self.shared.block_bytes(height)).map(Some)
    }

    /// A block.
    pub fn block(&self, height: u64) -> Result<Option<Block>, ReadError> {
        let Some(bytes) = self.block_bytes(height)? else { return Ok(None) };
        Ok(Some(parse_block(height, &bytes).map_err(Box::new)?))
    }

    /// Blocks' heads from a height on.
    pub fn blocks(&self, from: u64, limit: usize) -> Result<Vec<BlockSummary>, ReadError> {
        let from = from.max(1);
        let last = self.shared.inner()?.chain.state.height();
        if from > last {
            return Ok(Vec::new());
        }
        let read = || {
            let before = head_key(from - 1);
            let found = self.shared.index.range(HEAD_PREFIX, Some(&before), limit).map_err(broken)?;
            found
                .into_iter()
                .map(|(_, value)| serde_json::from_slice(&value).map_err(|_| ReadError::Index))
                .collect::<Result<Vec<BlockSummary>, _>>()
        };
        self.noticing(read())
    }

    /// The transaction at a place; nothing beyond the last.
    pub fn transaction(&self, index: u64) -> Result<Option<Placed>, ReadError> {
        if index >= self.shared.inner()?.chain.state.tree().len() {
            return Ok(None);
        }
        self.noticing(self.shared.transaction(index)).map(Some)
    }

    /// The id of the transaction at a place.
    pub fn id_at(&self, index: u64) -> Result<Digest, ReadError> {
        self.noticing(self.shared.leaf(index)).map(|leaf| leaf.id)
    }

    /// A site's bundle for a query, with the ledger's evidence under the newest checkpoint; or why there is none.
    pub fn bundle(&self, site: &str, query: &Digest) -> Result<Result<Bundle, Refusal>, ReadError> {
        let unknown = || Refusal::Unknown { what: "release", name: format!("of {site:?} for {query}") };
        // Places, paths and documents are taken out of the state; blocks are read and parsed when it is let go.
        let taken = self.read(|chain| {
            let state = chain.state();
            let request = state.query(query).ok_or_else(unknown)?.request.document.digest();
            let evidence = state.evidence_parts(site, &request, chain.checkpoint(), state.tree().len())?;
            Ok((evidence, state.bundle_parts(site, &request)?))
        })?;
        match taken {
            Ok((evidence, documents)) => self.noticing(self.shared.assemble(evidence, &documents)).map(Ok),
            Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// How many blocks an export has that begins now, and each of its lines but the first in turn.
    pub fn export(self: &Arc<Self>) -> Result<impl Iterator<Item = Result<Vec<u8>, ReadError>> + use<>, ReadError> {
        let ledger = self.clone();
        let last = self.shared.inner()?.chain.state.height();
        Ok((1..=last).map(move |height| ledger.noticing(ledger.shared.block_bytes(height))))
    }
}
