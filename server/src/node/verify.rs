//! The pool that verifies proofs: threads of its own, so that proofs hold up neither readers nor the writer.

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

use super::answer::Promise;
use super::ledger::Shared;
use super::writer::Job;
use super::writer::Outcome;
use super::writer::Submission;

/// A release whose proof nobody has verified.
pub(super) struct Unverified {
    pub(super) transaction: Transaction,
    pub(super) bytes: usize,
    pub(super) reply: Promise<Outcome>,
}

/// One thread of the pool: until the way in is closed.
pub(super) fn run(shared: &Arc<Shared>, jobs: &Mutex<Receiver<Unverified>>, writer: &SyncSender<Job>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        shared.metrics.waiting_proofs.dec();
        verify(shared, job, writer);
    }
}

fn verify(shared: &Arc<Shared>, job: Unverified, writer: &SyncSender<Job>) {
    let Unverified { transaction, bytes, reply } = job;
    let verification = match prepare(shared, &transaction) {
        None => return,
        Some(Ok(None)) => Verification::NotNeeded,
        // The writer says where the statement stands already.
        Some(Err(Refusal::Duplicate { .. })) => Verification::NotNeeded,
        Some(Err(refusal)) => return refuse(shared, &transaction, reply, refusal),
        Some(Ok(Some(check))) => {
            let start = Instant::now();
            let outcome = check.run();
            shared.metrics.proof(outcome.is_ok(), start.elapsed());
            match outcome {
                Ok(release) => Verification::Verified(Box::new(release)),
                Err(refusal) => return refuse(shared, &transaction, reply, refusal),
            }
        }
    };
    shared.metrics.waiting.inc();
    let submission = Submission { transaction, verification, bytes, reply };
    if writer.send(Job::Submit(submission)).is_err() {
        // The writer is gone, and with it the promise: whoever waits is told that nothing will come.
        shared.metrics.waiting.dec();
    }
}

/// Under the state's lock, but without the proof. Nothing if the ledger has stopped.
fn prepare(shared: &Shared, transaction: &Transaction) -> Option<Result<Option<ReleaseCheck>, Refusal>> {
    let inner = shared.inner().ok()?;
    let state = inner.chain.state();
    Some(state.prepare(transaction, (shared.clock)().max(state.time())))
}

fn refuse(shared: &Shared, transaction: &Transaction, reply: Promise<Outcome>, refusal: Refusal) {
    shared.metrics.refused(transaction.statement.kind(), refusal.rule());
    reply.give(Err(Box::new(refusal)));
}
