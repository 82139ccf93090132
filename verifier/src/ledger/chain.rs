//! Blocks: made by the service, and checked by whoever reads an export.

use cohortium_keys::{VerifyingKey, VerifyingKeyDocument, VerifyingKeyError};
use cohortium_protocol::ledger::{
    BLOCK_FORMAT, Block, Charter, Checkpoint, CheckpointError, MemberKey, Timestamp, Transaction,
};
use serde::{Deserialize, Serialize};

use super::admit::{Admitted, Verification};
use super::plans::Plans;
use super::refusal::Refusal;
use super::state::{FoundingError, State};

/// The format of a ledger's first record, and of an export's first line.
pub const FOUNDING_FORMAT: &str = "cohortium-founding/1";

/// What a ledger begins with: its charter and the verifying keys that the charter names.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Founding {
    /// Always [`FOUNDING_FORMAT`].
    pub format: String,
    /// The charter.
    pub charter: Charter,
    /// The verifying keys, whole.
    pub verifying_keys: Vec<VerifyingKeyDocument>,
}

/// Why a block is not the ledger's next.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ChainError {
    /// Not JSON of the right form.
    #[error("record {record} cannot be read: {reason}")]
    Form {
        /// Which record, from 0.
        record: u64,
        /// What is wrong.
        reason: String,
    },
    /// Another format.
    #[error("record {record}'s format is {found:?}; this version reads {expected:?}")]
    Format {
        /// Which record, from 0.
        record: u64,
        /// What was found, shortened.
        found: String,
        /// What is read.
        expected: &'static str,
    },
    /// A verifying key that is refused.
    #[error("verifying key {place} of the founding: {source}")]
    Key {
        /// Its place, from 1.
        place: usize,
        /// Why.
        source: VerifyingKeyError,
    },
    /// Charter and keys do not belong together.
    #[error(transparent)]
    Founding(#[from] FoundingError),
    /// Something in the block's head that does not follow.
    #[error("block {height}: its {what} is {found}, it should be {required}")]
    Head {
        /// The block's height as expected.
        height: u64,
        /// Which part.
        what: &'static str,
        /// What was found.
        found: String,
        /// What follows from the blocks before.
        required: String,
    },
    /// A transaction that the rules refuse.
    #[error("block {height}, transaction {place} ({kind} of {member:?}): {refusal}")]
    Transaction {
        /// The block's height.
        height: u64,
        /// The transaction's place in the block, from 1.
        place: usize,
        /// The kind of statement.
        kind: &'static str,
        /// Who signed it.
        member: String,
        /// Why it is refused.
        refusal: Box<Refusal>,
    },
    /// The operator's checkpoint of the block does not hold.
    #[error("block {height}: {source}")]
    Checkpoint {
        /// The block's height.
        height: u64,
        /// Why.
        source: CheckpointError,
    },
    /// A block without transactions.
    #[error("block {height} has no transactions; such blocks are not made")]
    Empty {
        /// The block's height.
        height: u64,
    },
    /// The charter names no operator. A checked charter does.
    #[error("the charter names no operator")]
    NoOperator,
}

impl ChainError {
    /// A transaction that the rules refuse, at its place from 1.
    pub(super) fn refused(height: u64, place: usize, transaction: &Transaction, refusal: Refusal) -> Self {
        let (kind, member) = (transaction.statement.kind(), transaction.member.clone());
        Self::Transaction { height, place, kind, member, refusal: Box::new(refusal) }
    }
}

/// Where the proofs of a block's releases come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Trust {
    /// From elsewhere: every proof is verified.
    Nothing,
    /// From this service's own log, whose blocks bear its own signature: they were verified when they were admitted. Nor
    /// is the state digested after every block: [`State::check_digest`] does so after the last.
    OwnLog,
}

impl Founding {
    /// Reads the first record.
    pub fn parse(json: &[u8]) -> Result<Self, ChainError> {
        let founding: Self =
            serde_json::from_slice(json).map_err(|error| ChainError::Form { record: 0, reason: error.to_string() })?;
        check_format(0, &founding.format, FOUNDING_FORMAT)?;
        Ok(founding)
    }

    /// A charter with the keys that it names.
    pub fn new(charter: Charter, keys: &[VerifyingKey]) -> Self {
        let verifying_keys = keys.iter().map(VerifyingKey::to_document).collect();
        Self { format: FOUNDING_FORMAT.to_owned(), charter, verifying_keys }
    }

    /// The ledger before its first block; every key is checked.
    pub fn found(&self) -> Result<State, ChainError> {
        let keys = self.verifying_keys.iter().enumerate().map(|(i, key)| {
            VerifyingKey::from_document(key).map_err(|source| ChainError::Key { place: i + 1, source })
        });
        Ok(State::found(self.charter.clone(), keys.collect::<Result<_, _>>()?)?)
    }
}

fn check_format(record: u64, found: &str, expected: &'static str) -> Result<(), ChainError> {
    if found == expected {
        return Ok(());
    }
    Err(ChainError::Format { record, found: found.chars().take(80).collect(), expected })
}

fn head(height: u64, what: &'static str, found: String, required: String) -> Result<(), ChainError> {
    if found == required { Ok(()) } else { Err(ChainError::Head { height, what, found, required }) }
}

/// Reads a block's record.
pub fn parse_block(record: u64, json: &[u8]) -> Result<Block, ChainError> {
    let block: Block =
        serde_json::from_slice(json).map_err(|error| ChainError::Form { record, reason: error.to_string() })?;
    check_format(record, &block.format, BLOCK_FORMAT)?;
    Ok(block)
}

/// A block that is being made.
pub struct OpenBlock<'a> {
    state: &'a mut State,
    time: Timestamp,
    transactions: Vec<Transaction>,
}

impl<'a> OpenBlock<'a> {
    /// Admits a transaction. A refusal changes nothing.
    pub fn admit(&mut self, transaction: Transaction, verification: &Verification) -> Result<Admitted, Refusal> {
        self.admit_with(transaction, verification, &mut Plans::new())
    }

    /// The same with plans that were compiled before; it makes no difference but for the time that it takes.
    pub fn admit_with(
        &mut self,
        transaction: Transaction,
        verification: &Verification,
        plans: &mut Plans,
    ) -> Result<Admitted, Refusal> {
        let admitted = self.state.admit_with(&transaction, self.time, verification, plans)?;
        self.transactions.push(transaction);
        Ok(admitted)
    }

    /// The block's time.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Signs the block; nothing if no transaction was admitted.
    pub fn seal(self, operator: &MemberKey) -> Result<Option<Block>, CheckpointError> {
        if self.transactions.is_empty() {
            return Ok(None);
        }
        let state = self.state;
        let mut block = Block {
            format: BLOCK_FORMAT.to_owned(),
            height: state.height + 1,
            previous: state.tip,
            time: self.time,
            size: state.tree.len(),
            root: state.tree.root(),
            state: state.digest(),
            transactions: self.transactions,
            checkpoint: String::new(),
        };
        let statement = block.statement(&state.ledger);
        block.checkpoint = statement.sign(operator)?;
        (state.height, state.tip, state.time) = (block.height, statement.block, block.time);
        Ok(Some(block))
    }
}

impl State {
    /// Begins a block at a moment by the service's clock; never before the block before.
    ///
    /// Transactions change the state at once. If the sealed block then cannot be written, the state is ahead of the
    /// log and must be given up.
    pub fn open_block(&mut self, now: Timestamp) -> OpenBlock<'_> {
        let time = now.max(self.time);
        OpenBlock { state: self, time, transactions: Vec::new() }
    }

    /// Checks a block and all its transactions, and adds it. After an error the state is of no use.
    pub fn add_block(&mut self, block: &Block, trust: Trust) -> Result<Checkpoint, ChainError> {
        self.apply(block, &mut |state, transaction, _| match trust {
            Trust::OwnLog => Ok(Verification::OwnLog),
            Trust::Nothing => Ok(match state.prepare(transaction, block.time)? {
                None => Verification::NotNeeded,
                Some(check) => Verification::Verified(Box::new(check.run()?)),
            }),
        })
        .and_then(|checkpoint| match trust {
            Trust::OwnLog => Ok(checkpoint),
            Trust::Nothing => self.check_digest(block).map(|()| checkpoint),
        })
    }

    /// Whether this state is the one that a block was made for.
    pub fn check_digest(&self, block: &Block) -> Result<(), ChainError> {
        head(block.height, "state", block.state.to_string(), self.digest().to_string())
    }

    /// The same; `verify` says how each transaction, by its place from 1, was verified.
    pub(super) fn add_block_with(
        &mut self,
        block: &Block,
        verify: &mut dyn FnMut(&Self, &Transaction, usize) -> Result<Verification, Refusal>,
    ) -> Result<Checkpoint, ChainError> {
        let checkpoint = self.apply(block, verify)?;
        self.check_digest(block)?;
        Ok(checkpoint)
    }

    /// Everything about a block but its state's digest.
    fn apply(
        &mut self,
        block: &Block,
        verify: &mut dyn FnMut(&Self, &Transaction, usize) -> Result<Verification, Refusal>,
    ) -> Result<Checkpoint, ChainError> {
        let height = self.height + 1;
        let head = |what, found, required| head(height, what, found, required);
        head("height", block.height.to_string(), height.to_string())?;
        head("previous block", block.previous.to_string(), self.tip.to_string())?;
        if block.time < self.time {
            let required = format!("at or after {}", self.time);
            return Err(ChainError::Head { height, what: "time", found: block.time.to_string(), required });
        }
        if block.transactions.is_empty() {
            return Err(ChainError::Empty { height });
        }
        // The operator's signature first: nothing of a block that it did not make is worth verifying.
        let operator = self.charter.operator().ok_or(ChainError::NoOperator)?.key;
        let checkpoint = Checkpoint::verify(&block.checkpoint, &self.ledger, &operator)
            .map_err(|source| ChainError::Checkpoint { height, source })?;
        let statement = block.statement(&self.ledger);
        head("checkpoint", format!("{checkpoint:?}"), format!("{statement:?}"))?;
        let mut plans = Plans::new();
        for (place, transaction) in block.transactions.iter().enumerate() {
            let place = place + 1;
            let refuse = |refusal| ChainError::refused(height, place, transaction, refusal);
            let verification = verify(self, transaction, place).map_err(refuse)?;
            self.admit_with(transaction, block.time, &verification, &mut plans).map_err(refuse)?;
        }
        head("size", block.size.to_string(), self.tree.len().to_string())?;
        head("root", block.root.to_string(), self.tree.root().to_string())?;
        (self.height, self.tip, self.time) = (height, statement.block, block.time);
        Ok(checkpoint)
    }
}
