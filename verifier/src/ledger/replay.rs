//! A whole ledger verified from its export: every block, every transaction, every proof.
//!
//! The rules are applied one block after another. What is costly, the proofs of releases, is checked for many at
//! once: on all cores, and with one equation for all. Until it is, a block counts for nothing: [`Replay::finish`]
//! alone gives a state.

use cohortium_protocol::ledger::{Block, Charter, Checkpoint, Statement, Timestamp, Transaction, empty_root};
use rayon::prelude::*;

use super::admit::Verification;
use super::ask::ReleaseCheck;
use super::chain::ChainError;
use super::refusal::Refusal;
use super::state::State;
use crate::verify::PendingRelease;

/// Releases that are verified at once. Their bundles are held until then: some hundred kilobytes each.
const BATCH: usize = 64;

/// A release that is waiting for its verification: where it stands, and what to check.
struct Waiting {
    height: u64,
    place: usize,
    /// Who released, and what.
    transaction: Transaction,
    check: ReleaseCheck,
}

/// A ledger of which everything was verified. Only [`Replay::finish`] makes one.
pub struct Replayed {
    pub(super) state: State,
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) releases: u64,
}

impl Replayed {
    /// Its state.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The operator's checkpoint of every block, from the first on.
    pub fn checkpoints(&self) -> &[Checkpoint] {
        &self.checkpoints
    }

    /// Whether a checkpoint that is known from elsewhere is one of this ledger's; else the evidence against it, in words.
    pub fn contains(&self, known: &Checkpoint) -> Result<(), String> {
        let founding = founding_checkpoint(self.state.charter());
        let history: Vec<&Checkpoint> = std::iter::once(&founding).chain(&self.checkpoints).collect();
        let last = history.len().saturating_sub(1);
        match usize::try_from(known.height).ok().and_then(|height| history.get(height).copied()) {
            Some(own) if own == known => Ok(()),
            Some(own) => Err(format!(
                "A split view: at height {} this export has {} transactions with the root {}, and the checkpoint that you \
                 hold says {} with the root {}. The operator signed both, so it shows different ledgers to different people. Keep \
                 both files: together they prove it.",
                known.height, own.size, own.root, known.size, known.root
            )),
            None => Err(format!(
                "A split view, or an export that leaves out the end: the operator signed the checkpoint of height {} that you \
                 hold, and this export ends at height {last}. Ask for a newer export; if it still lacks that height, the \
                 operator shows different ledgers to different people.",
                known.height
            )),
        }
    }

    /// How many releases were verified.
    pub fn releases(&self) -> u64 {
        self.releases
    }
}

/// The checkpoint before the first block.
fn founding_checkpoint(charter: &Charter) -> Checkpoint {
    let origin = charter.ledger();
    Checkpoint { origin, size: 0, root: empty_root(), height: 0, block: charter.digest(), time: Timestamp::default() }
}

/// A ledger that is being verified.
pub struct Replay {
    state: State,
    checkpoints: Vec<Checkpoint>,
    waiting: Vec<Waiting>,
    releases: u64,
}

impl Replay {
    /// Begins before the first block.
    pub fn new(founded: State) -> Self {
        Self { state: founded, checkpoints: Vec::new(), waiting: Vec::new(), releases: 0 }
    }

    /// Adds a block. An error names the earliest block that is wrong; after it, the replay is of no use.
    pub fn add(&mut self, block: &Block) -> Result<(), ChainError> {
        let height = self.state.height() + 1;
        let waiting = &mut self.waiting;
        let added = self.state.add_block_with(block, &mut |state, transaction, place| {
            if let Some(check) = state.prepare(transaction, block.time)? {
                waiting.push(Waiting { height, place, transaction: transaction.clone(), check });
                return Ok(Verification::OwnLog);
            }
            Ok(Verification::NotNeeded)
        });
        match added {
            Ok(checkpoint) => self.checkpoints.push(checkpoint),
            Err(error) => {
                // What is waiting stands before it, and its fault would be the first.
                self.verify()?;
                return Err(error);
            }
        }
        if self.waiting.len() >= BATCH { self.verify() } else { Ok(()) }
    }

    /// Blocks so far.
    pub fn height(&self) -> u64 {
        self.state.height()
    }

    /// Releases that have been verified.
    pub fn releases(&self) -> u64 {
        self.releases
    }

    /// Verifies what is waiting.
    pub fn finish(mut self) -> Result<Replayed, ChainError> {
        self.verify()?;
        let Self { state, checkpoints, releases, .. } = self;
        Ok(Replayed { state, checkpoints, releases })
    }

    /// Everything but the proofs' equations on all cores, then the equations together.
    fn verify(&mut self) -> Result<(), ChainError> {
        let waiting = std::mem::take(&mut self.waiting);
        let begun: Vec<Result<PendingRelease, Refusal>> =
            waiting.par_iter().map(|waiting| waiting.check.begin()).collect();
        // In their order, so that the first that is wrong is the one that is named.
        let mut refused = None;
        let mut pending = Vec::new();
        for (place, result) in begun.into_iter().enumerate() {
            match result {
                Ok(release) => pending.push(release),
                Err(refusal) => {
                    refused = Some((place, refusal));
                    break;
                }
            }
        }
        for (waiting, result) in waiting.iter().zip(PendingRelease::finish_all(pending)) {
            let Waiting { height, place, transaction, .. } = waiting;
            let refuse = |refusal| ChainError::refused(*height, *place, transaction, refusal);
            let release = result.map_err(|error| refuse(Refusal::Audit(Box::new(error))))?;
            if let Statement::Release { request, proof } = &transaction.statement {
                self.state.check_verified(&transaction.member, request, proof, &release).map_err(refuse)?;
            }
            self.releases += 1;
        }
        match refused {
            Some((first, refusal)) => {
                let Waiting { height, place, transaction, .. } = &waiting[first];
                Err(ChainError::refused(*height, *place, transaction, refusal))
            }
            None => Ok(()),
        }
    }
}
