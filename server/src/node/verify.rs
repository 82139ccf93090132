//! The pool that verifies proofs: threads of its own, so that proofs hold up neither readers nor the writer.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::SyncSender;
use std::time::Instant;

use cohortium_protocol::ledger::Transaction;
use cohortium_verifier::ledger::Refusal;
use cohortium_verifier::ledger::ReleaseCheck;
use cohortium_verifier::ledger::Verification;
use rayon::ThreadPool;
use rayon::ThreadPoolBuildError;
use rayon::ThreadPoolBuilder;

use super::error::Unadmitted;
use super::ledger::Shared;
use super::writer::Job;
use super::writer::Reply;
use super::writer::Submission;

/// A release whose proof nobody has verified.
pub(super) struct Unverified {
    pub(super) transaction: Transaction,
    pub(super) bytes: usize,
    pub(super) reply: Reply,
}

/// Where one verifier does its sums. They would spread over all cores otherwise, and there would be no use in saying how
/// many verifiers there are.
pub(super) fn one_thread(number: usize) -> Result<ThreadPool, ThreadPoolBuildError> {
    ThreadPoolBuilder::new().num_threads(1).thread_name(move |_| format!("sums {number}")).build()
}

/// One thread of the pool: until the way in is closed.
pub(super) fn run(
    shared: &Arc<Shared>,
    jobs: &Mutex<Receiver<Unverified>>,
    writer: &SyncSender<Job>,
    sums: &ThreadPool,
) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        shared.metrics.waiting_proofs.dec();
        verify(shared, job, writer, sums);
    }
}

fn verify(shared: &Arc<Shared>, job: Unverified, writer: &SyncSender<Job>, sums: &ThreadPool) {
    let Unverified { transaction, bytes, reply } = job;
    // A proof comes from outside. Whatever the verifier makes of it, the next one is verified on this thread.
    let verified = catch_unwind(AssertUnwindSafe(|| verification(shared, &transaction, sums)));
    let verification = match verified {
        Ok(None) => return,
        Ok(Some(Ok(verification))) => verification,
        Ok(Some(Err(refusal))) => return refuse(shared, &transaction, reply, refusal),
        Err(_) => {
            shared.metrics.failed_verifications.inc();
            return reply.give(Err(Unadmitted::Failed));
        }
    };
    shared.metrics.waiting.inc();
    let submission = Submission { transaction, verification, bytes, reply };
    if writer.send(Job::Submit(submission)).is_err() {
        // The writer is gone, and with it the promise: whoever waits is told that nothing will come.
        shared.metrics.waiting.dec();
    }
}

/// Verifies a release. Nothing if the ledger has stopped.
fn verification(
    shared: &Shared,
    transaction: &Transaction,
    sums: &ThreadPool,
) -> Option<Result<Verification, Refusal>> {
    Some(match prepare(shared, transaction)? {
        Ok(None) => Ok(Verification::NotNeeded),
        // The writer says where the statement stands already.
        Err(Refusal::Duplicate { .. }) => Ok(Verification::NotNeeded),
        Err(refusal) => Err(refusal),
        Ok(Some(check)) => {
            let start = Instant::now();
            let outcome = sums.install(|| check.run());
            shared.metrics.proof(outcome.is_ok(), start.elapsed());
            outcome.map(|release| Verification::Verified(Box::new(release)))
        }
    })
}

/// Under the state's lock, but without the proof. Nothing if the ledger has stopped.
fn prepare(shared: &Shared, transaction: &Transaction) -> Option<Result<Option<ReleaseCheck>, Refusal>> {
    let inner = shared.inner().ok()?;
    let state = inner.chain.state();
    Some(state.prepare(transaction, (shared.clock)().max(state.time())))
}

fn refuse(shared: &Shared, transaction: &Transaction, reply: Reply, refusal: Refusal) {
    shared.metrics.refused(transaction.statement.kind(), refusal.rule());
    reply.give(Err(Box::new(refusal).into()));
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use rayon::iter::IntoParallelIterator;
    use rayon::iter::ParallelIterator;

    use super::*;

    #[test]
    fn the_sums_of_one_verifier_are_done_by_one_thread() {
        let threads = |sums: &ThreadPool| -> HashSet<thread::ThreadId> {
            sums.install(|| (0..10_000).into_par_iter().map(|_| thread::current().id()).collect())
        };
        let (first, second) = (one_thread(1).unwrap(), one_thread(2).unwrap());
        let (of_first, of_second) = (threads(&first), threads(&second));
        assert_eq!((of_first.len(), of_second.len()), (1, 1));
        assert!(of_first.is_disjoint(&of_second), "two verifiers do not wait for each other");
    }
}
