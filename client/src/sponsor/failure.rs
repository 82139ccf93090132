//! Why a command did not do what was asked, as one sentence and an exit code.

use std::fmt::Display;

use serde_json::{Value, json};

use crate::error::ClientError;
use crate::files::FileError;
use crate::key_file::KeyStoreError;
use crate::trust_error::TrustError;

/// A command that did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// 1: refused, or a check failed; 2: could not tell.
    pub(crate) exit: u8,
    /// What was found, what is allowed, where.
    pub(crate) sentence: String,
    /// More for machines, if there is more.
    pub(crate) details: Value,
}

impl Failure {
    /// A rule was broken, or a check failed.
    pub(crate) fn refused(sentence: impl Display) -> Self {
        Self { exit: 1, sentence: sentence.to_string(), details: Value::Null }
    }

    /// Something is missing, unreadable or misused: nothing was decided.
    pub(crate) fn cannot_tell(sentence: impl Display) -> Self {
        Self { exit: 2, sentence: sentence.to_string(), details: Value::Null }
    }

    /// The same, with more for machines.
    pub(crate) fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        // An address with nothing there, and what may be answered tomorrow, decides nothing.
        let decided =
            error.rule().is_some_and(|rule| !matches!(rule, "not-found" | "http-404")) && !error.is_retryable();
        let failure = if decided { Self::refused(&error) } else { Self::cannot_tell(&error) };
        match error.problem() {
            None => failure,
            Some(problem) => failure.with(json!({
                "rule": problem.rule,
                "status": problem.status,
                "retry_after_seconds": problem.retry_after.map(|wait| wait.as_secs()),
            })),
        }
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        match error {
            TrustError::Client(error) => error.into(),
            TrustError::SplitView { ref notes, .. } => {
                let details = json!({ "rule": "split-view", "checkpoints": notes.as_slice() });
                Self::refused(&error).with(details)
            }
            error if error.is_false() => Self::refused(error),
            error => Self::cannot_tell(error),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::cannot_tell(error)
    }
}

impl From<KeyStoreError> for Failure {
    fn from(error: KeyStoreError) -> Self {
        match error {
            KeyStoreError::Permissions { .. } => Self::refused(error),
            error => Self::cannot_tell(error),
        }
    }
}
