//! Trying again: after ever longer waits, as the service asks, and not for ever.

use std::time::Duration;
use std::time::Instant;

use cohortium_protocol::ledger::Transaction;
use rand::Rng;

use crate::answers::{PlanAnswer, PlanQuestion, Posted};
use crate::client::LedgerClient;
use crate::error::ClientError;

/// How often and how long to try.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RetryPolicy {
    /// Attempts in all, the first included.
    pub attempts: u32,
    /// The first wait at most; each further one is at most twice the one before.
    pub first: Duration,
    /// The longest wait of one's own accord.
    pub longest: Duration,
    /// When no further attempt is begun, counted from the first one.
    pub total: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { attempts: 8, first: Duration::from_millis(500), longest: seconds(30), total: seconds(300) }
    }
}

impl RetryPolicy {
    /// One attempt only.
    pub const ONCE: Self = Self { attempts: 1, first: Duration::ZERO, longest: Duration::ZERO, total: Duration::ZERO };

    /// How long to wait after so many attempts, from 1: between half and all of a time that doubles, so that many
    /// who failed together do not come back together; never less than the service asks.
    pub fn wait(&self, attempts: u32, retry_after: Option<Duration>) -> Duration {
        let most = self.first.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(self.longest);
        let wait = most.mul_f64(rand::thread_rng().gen_range(0.5..=1.0));
        wait.max(retry_after.unwrap_or_default())
    }

    /// Tries something until it succeeds, fails for good, or the policy ends; then the last error stands.
    pub fn run<T>(&self, attempt: impl FnMut() -> Result<T, ClientError>) -> Result<T, ClientError> {
        self.run_with(attempt, &mut |wait, _| {
            std::thread::sleep(wait);
            true
        })
    }

    /// The same, waiting by a function of one's own: it is told how long and why, and false gives up.
    pub fn run_with<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, ClientError>,
        wait: &mut dyn FnMut(Duration, &ClientError) -> bool,
    ) -> Result<T, ClientError> {
        let begun = Instant::now();
        let mut waited = Duration::ZERO;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let error = match attempt() {
                Err(error) if error.is_retryable() && attempts < self.attempts => error,
                ended => return ended,
            };
            let pause = self.wait(attempts, error.retry_after());
            // Whichever is longer: a test's waiting takes no time, and a machine that slept counts too.
            if begun.elapsed().max(waited) + pause > self.total || !wait(pause, &error) {
                return Err(error);
            }
            waited += pause;
        }
    }
}

impl LedgerClient {
    /// Posts a transaction, and tries again where that may help. A statement has an identity, so one whose answer was
    /// lost is found on the ledger and never stands there twice.
    pub fn post_with_retries(&self, transaction: &Transaction, policy: &RetryPolicy) -> Result<Posted, ClientError> {
        policy.run(|| self.post(transaction))
    }

    /// Asks what would become of a query, and again where that may help: a service works on few such questions at one time.
    pub fn plan_with_retries(&self, question: &PlanQuestion, policy: &RetryPolicy) -> Result<PlanAnswer, ClientError> {
        policy.run(|| self.plan(question))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Problem;

    fn refused(status: u16, retry_after: Option<u64>) -> ClientError {
        ClientError::Refused(Box::new(Problem::read(status, retry_after.map(Duration::from_secs), b"")))
    }

    /// Runs against errors, and gives the waits.
    fn waits(policy: &RetryPolicy, error: &ClientError) -> Vec<Duration> {
        let mut waits = Vec::new();
        let ended: Result<(), _> = policy.run_with(|| Err(error.clone()), &mut |wait, _| {
            waits.push(wait);
            true
        });
        assert_eq!(&ended.unwrap_err(), error);
        waits
    }

    #[test]
    fn waits_grow_with_jitter_and_end() {
        let policy = RetryPolicy::default();
        let unreachable = ClientError::Unreachable { address: "a".to_owned(), reason: "b".to_owned() };
        let waits = waits(&policy, &unreachable);
        assert_eq!(waits.len(), 7);
        for (place, wait) in waits.iter().enumerate() {
            let most = Duration::from_millis(500 << place).min(Duration::from_secs(30));
            assert!(*wait <= most && *wait >= most / 2, "{place}: {wait:?}");
        }
    }

    #[test]
    fn the_service_is_heeded_within_the_total() {
        let policy = RetryPolicy::default();
        let waited = waits(&policy, &refused(429, Some(70)));
        assert_eq!(waited, vec![Duration::from_secs(70); 4], "a fifth would end after 300 seconds");
        assert!(waits(&policy, &refused(503, Some(301))).is_empty());
        assert!(waits(&policy, &refused(409, Some(1))).is_empty(), "no patience changes a refusal");
        assert!(waits(&RetryPolicy::ONCE, &refused(503, None)).is_empty());
    }

    #[test]
    fn giving_up_keeps_the_reason() {
        let ended: Result<(), _> = RetryPolicy::default().run_with(|| Err(refused(503, None)), &mut |_, _| false);
        assert_eq!(ended.unwrap_err(), refused(503, None));
    }
}
