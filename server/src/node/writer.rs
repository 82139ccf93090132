//! The one writer of blocks: takes what waits, admits it into a block, and acknowledges it when the block is durable.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Block;
use cohortium_protocol::ledger::MemberKey;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::ledger::Transaction;
use cohortium_verifier::ledger::Plans;
use cohortium_verifier::ledger::Refusal;
use cohortium_verifier::ledger::Verification;

use super::answer::Promise;
use super::error::Unadmitted;
use super::ledger::PANICKED;
use super::ledger::Shared;
use super::open::fill;
use super::read::Snapshot;
use crate::store::BlockLog;
use crate::store::Indexed;

/// Transactions of one block at most.
const MAX_BATCH: usize = 256;
/// Bytes of the transactions of one block, as they were posted; a record holds several times as much.
const MAX_BATCH_BYTES: usize = 16 << 20;

/// Queries of one block at most, and plans that are kept: what is compiled before the state is held is there when it is.
const MAX_BATCH_QUERIES: usize = 16;

/// A transaction that is on the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receipt {
    /// Its id.
    pub id: Digest,
    /// Its place among all transactions.
    pub index: u64,
    /// Its block.
    pub height: u64,
    /// The block's time.
    pub time: Timestamp,
    /// Whether it was there before.
    pub already: bool,
}

/// What became of a transaction.
pub type Outcome = Result<Receipt, Unadmitted>;

/// What is kept until a transaction is answered.
pub type Held = Box<dyn Any + Send>;

/// The way to whoever waits for a transaction, and what is kept until they are answered.
pub(super) struct Reply {
    promise: Promise<Outcome>,
    _held: Held,
}

impl Reply {
    pub(super) fn new(promise: Promise<Outcome>, held: Held) -> Self {
        Self { promise, _held: held }
    }

    pub(super) fn give(self, outcome: Outcome) {
        self.promise.give(outcome);
    }
}

/// A transaction that waits for a block.
pub(super) struct Submission {
    pub(super) transaction: Transaction,
    pub(super) verification: Verification,
    /// How long it was when it was posted.
    pub(super) bytes: usize,
    pub(super) reply: Reply,
}

/// What the writer is asked.
#[allow(clippy::large_enum_variant)] // nearly all are submissions
pub(super) enum Job {
    /// To admit a transaction.
    Submit(Submission),
    /// To make the index again.
    Repair,
}

/// The writer.
pub(super) struct Writer {
    pub(super) shared: Arc<Shared>,
    pub(super) log: BlockLog,
    pub(super) key: MemberKey,
    pub(super) jobs: Receiver<Job>,
    pub(super) plans: Plans,
}

/// Says that the writer is gone, if it panics.
struct Watch(Arc<Shared>);

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let _ = self.0.ended.set(PANICKED.to_owned());
        }
    }
}

/// An outcome whose place may have to be looked up.
type Early = (Reply, Result<(Digest, u64, bool), Box<Refusal>>);

impl Writer {
    /// The plans of a writer: none yet.
    pub(super) fn plans() -> Plans {
        Plans::keeping(MAX_BATCH_QUERIES)
    }

    /// Until every way in is closed; or why it cannot go on.
    pub(super) fn run(mut self, failed: Promise<String>) {
        let _watch = Watch(self.shared.clone());
        let mut left = None;
        while let Some(job) = left.take().or_else(|| self.jobs.recv().ok()) {
            let outcome = match job {
                Job::Repair => self.repair(),
                Job::Submit(first) => {
                    let batch;
                    (batch, left) = self.batch(first);
                    self.commit(batch)
                }
            };
            if let Err(reason) = outcome {
                self.stop(&reason);
                return failed.give(reason);
            }
        }
        // What is missing from the index is put again at the next start.
        let _ = self.shared.index.flush();
    }

    /// Everything that waits, up to a block's limits; and what did not fit.
    fn batch(&self, first: Submission) -> (Vec<Submission>, Option<Job>) {
        let is_query = |job: &Submission| matches!(job.transaction.statement, Statement::Query { .. });
        let mut queries = usize::from(is_query(&first));
        let (mut bytes, mut batch) = (first.bytes, vec![first]);
        while batch.len() < MAX_BATCH
            && let Ok(job) = self.jobs.try_recv()
        {
            match job {
                Job::Submit(next)
                    if bytes.saturating_add(next.bytes) <= MAX_BATCH_BYTES
                        && queries + usize::from(is_query(&next)) <= MAX_BATCH_QUERIES =>
                {
                    bytes += next.bytes;
                    queries += usize::from(is_query(&next));
                    batch.push(next);
                }
                other => return (batch, Some(other)),
            }
        }
        (batch, None)
    }

    /// Nothing is read or acknowledged from now on.
    fn stop(&self, reason: &str) {
        let _ = self.shared.ended.set(reason.to_owned());
        if let Ok(mut inner) = self.shared.inner.write() {
            inner.stopped = Some(reason.to_owned());
        }
    }

    /// Compiles what the rules will ask for, while everybody may still read the state.
    fn prepare(&mut self, transaction: &Transaction) {
        let now = (self.shared.clock)();
        match &transaction.statement {
            Statement::Query { request } => {
                let sites: Vec<String> = request.sites.iter().map(|pin| pin.site.clone()).collect();
                let part = self
                    .shared
                    .inner()
                    .ok()
                    .and_then(|inner| inner.chain.state().dry_run(&request.approval, &sites, &request.query.table));
                // Whoever may not ask is told so without a plan.
                if let Some(part) = part.filter(|part| part.approval().sponsor == transaction.member) {
                    part.prepare(request, now, &mut self.plans);
                }
            }
            Statement::Accept { request } => {
                let source = self.shared.inner().ok().and_then(|inner| {
                    let state = inner.chain.state();
                    state.plan_source(state.query(request)?, &transaction.member).ok()
                });
                if let Some(source) = source {
                    self.plans.prepare(&source);
                }
            }
            _ => {}
        }
    }

    fn commit(&mut self, batch: Vec<Submission>) -> Result<(), String> {
        let shared = self.shared.clone();
        for submission in &batch {
            self.prepare(&submission.transaction);
        }
        shared.metrics.waiting.sub(i64::try_from(batch.len()).unwrap_or(0));
        let mut early: Vec<Early> = Vec::with_capacity(batch.len());
        {
            // Held until the block is durable and in the index: nobody reads what could still be lost.
            let mut inner = shared.inner.write().map_err(|_| PANICKED.to_owned())?;
            let mut open = inner.chain.state_mut().open_block((shared.clock)());
            for Submission { transaction, verification, reply, .. } in batch {
                let kind = transaction.statement.kind();
                let outcome = match open.admit_with(transaction, &verification, &mut self.plans) {
                    Ok(admitted) => {
                        shared.metrics.admitted(kind);
                        Ok((admitted.id, admitted.index, false))
                    }
                    Err(Refusal::Duplicate { id, index }) => Ok((id, index, true)),
                    Err(refusal) => {
                        shared.metrics.refused(kind, refusal.rule());
                        Err(Box::new(refusal))
                    }
                };
                early.push((reply, outcome));
            }
            let sealed = open.seal(&self.key);
            let written = sealed.map_err(|error| error.to_string()).and_then(|block| match block {
                Some(block) => self.write(&block).map(|()| Some(block)),
                None => Ok(None),
            });
            match written {
                Ok(Some(block)) => inner.chain.set_checkpoint(block.checkpoint),
                Ok(None) => {}
                // The state is ahead of the log. Whoever waits is told nothing, which is true: it may be lost.
                Err(reason) => {
                    inner.stopped = Some(reason.clone());
                    return Err(reason);
                }
            }
            shared.publish(Snapshot::of(&inner.chain, self.log.tip().bytes));
        }
        for (reply, outcome) in early {
            reply.give(match outcome {
                Ok((id, index, already)) => Ok(self.receipt(id, index, already)?),
                Err(refusal) => Err(refusal.into()),
            });
        }
        Ok(())
    }

    /// Brings a block to the disk and into the index.
    fn write(&mut self, block: &Block) -> Result<(), String> {
        // A structure with text keys: writing it to memory does not fail.
        let bytes = serde_json::to_vec(block).unwrap_or_default();
        let start = Instant::now();
        let positions = self.log.append(&[&bytes]).map_err(|error| error.to_string())?;
        self.shared.metrics.block(start.elapsed());
        let Some(position) = positions.first() else { return Ok(()) };
        let ledger = self.shared.ledger_id();
        let indexed = Indexed { hash: block.digest(&ledger), position: *position };
        let put = self.shared.index.put(block.height, indexed, &super::entries::of_block(block, &ledger));
        // The block is durable; the index can be made again from the log, with this block.
        if put.is_err() { self.repair() } else { Ok(()) }
    }

    /// Makes the index again.
    fn repair(&mut self) -> Result<(), String> {
        let shared = &self.shared;
        shared.index_broken.store(true, Ordering::Release);
        shared.metrics.index_current.set(0);
        let made = shared.index.clear().map_err(|error| error.to_string());
        made.and_then(|()| {
            fill(&self.log, &*shared.index, &shared.ledger_id(), None).map_err(|error| error.to_string())
        })
        .map_err(|reason| format!("the index cannot be made again: {reason}"))?;
        shared.index_broken.store(false, Ordering::Release);
        shared.metrics.index_current.set(1);
        Ok(())
    }

    fn receipt(&mut self, id: Digest, index: u64, already: bool) -> Result<Receipt, String> {
        let leaf = match self.shared.leaf(index) {
            Ok(leaf) => leaf,
            Err(_) => {
                self.repair()?;
                self.shared.leaf(index).map_err(|error| error.to_string())?
            }
        };
        Ok(Receipt { id, index, height: leaf.height, time: leaf.time, already })
    }
}
