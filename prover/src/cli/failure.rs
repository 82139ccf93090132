//! Why a command did not do what was asked, as one sentence and an exit code.

use std::fmt::Display;

use cohortium_keys::CacheError;
use cohortium_protocol::policy::PolicyError;
use cohortium_protocol::query::{CompileError, QueryError};

use crate::import::{FileError, FileProblem};
use crate::store::StoreError;

/// A command that did not do what was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    /// 1: refused, or a check failed; 2: could not tell.
    pub(crate) exit: u8,
    /// What was found, what is allowed, where.
    pub(crate) sentence: String,
    /// More for machines, if there is more.
    pub(crate) details: serde_json::Value,
}

impl Failure {
    /// A rule was broken, or a check failed.
    pub(crate) fn refused(sentence: impl Display) -> Self {
        Self { exit: 1, sentence: sentence.to_string(), details: serde_json::Value::Null }
    }

    /// Something is missing, unreadable or misused: nothing was decided.
    pub(crate) fn cannot_tell(sentence: impl Display) -> Self {
        Self { exit: 2, sentence: sentence.to_string(), details: serde_json::Value::Null }
    }

    /// The same sentence, where nothing was decided by what it says.
    pub(crate) fn undecided(self) -> Self {
        Self { exit: 2, ..self }
    }

    /// The same, with more for machines.
    pub(crate) fn with(self, details: serde_json::Value) -> Self {
        Self { details, ..self }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_refusal() { Self::refused(error) } else { Self::cannot_tell(error) }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        match error.problem {
            FileProblem::Read(_) => Self::cannot_tell(error),
            _ => Self::refused(error),
        }
    }
}

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        match error {
            CacheError::File { .. } => Self::cannot_tell(error),
            _ => Self::refused(error),
        }
    }
}

/// Errors that are refusals, whatever they say.
macro_rules! refusals {
    ($($error:ty),+ $(,)?) => {
        $(impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self::refused(error)
            }
        })+
    };
}

refusals!(CompileError, PolicyError, QueryError);
