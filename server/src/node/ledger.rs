//! The ledger that the service runs: its state, its writer, its pool.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::OnceLock;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::RwLockReadGuard;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::sync::mpsc::TrySendError;
use std::thread::JoinHandle;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use cohortium_protocol::ledger::Charter;
use cohortium_protocol::ledger::Statement;
use cohortium_protocol::ledger::Timestamp;
use cohortium_protocol::ledger::Transaction;
use cohortium_verifier::ledger::Refusal;
use cohortium_verifier::ledger::Verification;
use cohortium_verifier::ledger::check_signer;

use super::answer::Answer;
use super::answer::Promise;
use super::error::ReadError;
use super::error::SubmitError;
use super::read::Chain;
use super::read::Snapshot;
use super::verify::Unverified;
use super::writer::Held;
use super::writer::Job;
use super::writer::Outcome;
use super::writer::Reply;
use super::writer::Submission;
use crate::metrics::Metrics;
use crate::store::Acceptance;
use crate::store::Index;
use crate::store::LogReader;

/// What gives the time of blocks and of statuses.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix(since.as_secs())
    })
}

/// How a ledger is run.
#[derive(Clone)]
pub struct Settings {
    /// The clock.
    pub clock: Clock,
    /// Threads that verify proofs.
    pub verifiers: usize,
    /// Releases that may wait for them.
    pub waiting_proofs: usize,
    /// Transactions that may wait for the writer.
    pub waiting: usize,
    /// What the operator vouches for about the log.
    pub acceptance: Acceptance,
    /// An index to be used in place of the one in the home's files; it is emptied, and filled from the log.
    pub index: Option<Arc<dyn Index>>,
    /// Where things are counted.
    pub metrics: Metrics,
}

impl Settings {
    /// By the system's clock, with a verifying thread for each core, and the index in the home.
    pub fn new(metrics: Metrics) -> Self {
        Self {
            clock: system_clock(),
            verifiers: std::thread::available_parallelism().map_or(2, std::num::NonZero::get),
            waiting_proofs: 32,
            waiting: 1024,
            acceptance: Acceptance::Sealed,
            index: None,
            metrics,
        }
    }
}

/// What the threads share.
pub(super) struct Shared {
    pub(super) inner: RwLock<Inner>,
    /// The same in short, for whoever must not wait for a block that is being written.
    pub(super) snapshot: Mutex<Arc<Snapshot>>,
    pub(super) index: Arc<dyn Index>,
    pub(super) index_broken: AtomicBool,
    pub(super) log: LogReader,
    pub(super) founding: Vec<u8>,
    pub(super) ledger: String,
    /// The state's own; it never changes, so that nobody has to wait for the state to look at it.
    pub(super) charter: Charter,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
    /// Why the writer ended before its time.
    pub(super) ended: OnceLock<String>,
}

/// The state; or why it was given up.
pub(super) struct Inner {
    pub(super) chain: Chain,
    pub(super) stopped: Option<String>,
}

/// What is said of a state that a thread left half-changed.
pub(super) const PANICKED: &str = "the writer of blocks ended without a word";

impl Shared {
    pub(super) fn inner(&self) -> Result<RwLockReadGuard<'_, Inner>, ReadError> {
        let inner = self.inner.read().map_err(|_| ReadError::Stopped(PANICKED.to_owned()))?;
        match &inner.stopped {
            Some(reason) => Err(ReadError::Stopped(reason.clone())),
            None => Ok(inner),
        }
    }

    pub(super) fn ledger_id(&self) -> String {
        self.ledger.clone()
    }

    pub(super) fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn publish(&self, snapshot: Snapshot) {
        self.metrics.height.set(snapshot.height.cast_signed());
        self.metrics.size.set(snapshot.size.cast_signed());
        self.metrics.log_bytes.set(snapshot.log_bytes.cast_signed());
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }
}

/// How the service is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Health {
    /// Where the ledger is.
    pub snapshot: Arc<Snapshot>,
    /// Whether the index is current; otherwise it is being made again.
    pub index_current: bool,
    /// Why the ledger cannot go on, if it cannot.
    pub stopped: Option<String>,
}

/// The ways into the threads; gone when the ledger is closed.
pub(super) struct Doors {
    pub(super) writer: SyncSender<Job>,
    pub(super) pool: SyncSender<Unverified>,
}

/// The threads that verify, and the one that writes.
type Threads = (Vec<JoinHandle<()>>, Option<JoinHandle<()>>);

/// A ledger that is open. One process at a time has it.
pub struct Ledger {
    pub(super) shared: Arc<Shared>,
    doors: Mutex<Option<Doors>>,
    threads: Mutex<Threads>,
    failure: Mutex<Option<Answer<String>>>,
}

impl Ledger {
    pub(super) fn assemble(
        shared: Arc<Shared>,
        doors: Doors,
        pool: Vec<JoinHandle<()>>,
        writer: JoinHandle<()>,
        failure: Answer<String>,
    ) -> Self {
        Self {
            shared,
            doors: Mutex::new(Some(doors)),
            threads: Mutex::new((pool, Some(writer))),
            failure: Mutex::new(Some(failure)),
        }
    }

    /// Refuses what no member has signed who may say it. Looks at no state, and waits for nobody.
    pub fn check_signer(&self, transaction: &Transaction) -> Result<(), Refusal> {
        check_signer(&self.shared.charter, &self.shared.ledger, transaction).map(drop).inspect_err(|refusal| {
            self.shared.metrics.refused(transaction.statement.kind(), refusal.rule());
        })
    }

    /// Hands a transaction in. What becomes of it comes when it is durable, or refused; nothing comes if the ledger
    /// stops before. A release is verified first, on the pool.
    pub fn submit(&self, transaction: Transaction, bytes: usize) -> Result<Answer<Outcome>, SubmitError> {
        self.submit_holding(transaction, bytes, Box::new(()))
    }

    /// The same, with something that is dropped when the transaction has been answered, even if nobody waits for the
    /// answer any more.
    pub fn submit_holding(
        &self,
        transaction: Transaction,
        bytes: usize,
        held: Held,
    ) -> Result<Answer<Outcome>, SubmitError> {
        let (promise, answer) = Promise::pair();
        let reply = Reply::new(promise, held);
        let doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(doors) = doors.as_ref() else { return Err(SubmitError::Stopped("it is being shut down".to_owned())) };
        let metrics = &self.shared.metrics;
        let (gauge, waiting, sent) = if matches!(transaction.statement, Statement::Release { .. }) {
            metrics.waiting_proofs.inc();
            let sent = doors.pool.try_send(Unverified { transaction, bytes, reply });
            (&metrics.waiting_proofs, "releases", sent.map_err(|error| matches!(error, TrySendError::Full(_))))
        } else {
            metrics.waiting.inc();
            let submission = Submission { transaction, verification: Verification::NotNeeded, bytes, reply };
            let sent = doors.writer.try_send(Job::Submit(submission));
            (&metrics.waiting, "transactions", sent.map_err(|error| matches!(error, TrySendError::Full(_))))
        };
        sent.map(|()| answer).map_err(|full| {
            gauge.dec();
            if full { SubmitError::Busy { waiting } } else { SubmitError::Stopped(self.stopped()) }
        })
    }

    /// Why the ledger stopped.
    pub fn stopped(&self) -> String {
        self.shared.ended.get().cloned().unwrap_or_else(|| "it is being shut down".to_owned())
    }

    /// What comes when the ledger cannot go on: why; nothing, if the writer ended without a word. Given out once.
    pub fn failure(&self) -> Option<Answer<String>> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How the service is. Never waits for a block that is being written.
    pub fn health(&self) -> Health {
        let index_current = !self.shared.index_broken.load(Ordering::Acquire);
        Health { snapshot: self.shared.snapshot(), index_current, stopped: self.shared.ended.get().cloned() }
    }

    /// Asks the writer to make the index again.
    pub(super) fn repair(&self) {
        if !self.shared.index_broken.swap(true, Ordering::AcqRel) {
            self.shared.metrics.index_current.set(0);
            let doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
            // If the queue is full, the next block makes the index again.
            if let Some(doors) = doors.as_ref() {
                let _ = doors.writer.try_send(Job::Repair);
            }
        }
    }

    /// Finishes what was handed in, and ends. What is handed in from now on is refused.
    pub fn close(&self) {
        let doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(doors);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        // The pool first: it hands what it has verified to the writer. A thread that panicked has said so itself.
        for thread in threads.0.drain(..) {
            let _ = thread.join();
        }
        if let Some(writer) = threads.1.take() {
            let _ = writer.join();
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.close();
    }
}
