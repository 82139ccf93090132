//! Why the demo stops.

use std::path::{Path, PathBuf};

use crate::plain::PlainError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("cannot {doing} {}: {error}", path.display())]
    File { doing: &'static str, path: PathBuf, error: std::io::Error },
    #[error("there is no {} here: run ./demo in the repository, which builds what it needs", path.display())]
    NotHere { path: PathBuf },
    #[error("cannot start {program}: {error}; ./demo builds it")]
    Start { program: String, error: std::io::Error },
    #[error("{command}\nended with exit status {found}, not {expected}\n{said}")]
    Status { command: String, found: i32, expected: i32, said: String },
    #[error("{what} is not what the demo expects: {reason}")]
    Unexpected { what: String, reason: String },
    #[error("\"{question}\" at {site}: proven are {proven}; the plain computation gives {plain}")]
    Differs { question: String, site: String, proven: String, plain: String },
    #[error("the exact life table of {place} lies outside the band that was drawn")]
    OutsideBand { place: &'static str },
    #[error(transparent)]
    Plain(#[from] PlainError),
}

impl Failure {
    /// For `map_err` of file operations.
    pub(crate) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { doing, path, error }
    }

    pub(crate) fn unexpected(what: impl Into<String>, reason: impl ToString) -> Self {
        Self::Unexpected { what: what.into(), reason: reason.to_string() }
    }
}
