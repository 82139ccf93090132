//! What is printed where, and with which exit code a command ends.

use std::fmt::Display;
use std::io;
use std::io::Write;
use std::process::ExitCode;

use cohortium_protocol::text::shown;
use serde_json::Value;
use serde_json::json;

use crate::node::HomeError;
use crate::node::OpenError;

/// What a command did: for people and for machines.
pub(super) struct Report {
    text: String,
    json: Value,
}

impl Report {
    /// A report. `json` is an object.
    pub(super) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json }
    }
}

/// A command that did not do what was asked.
pub(super) struct Failure {
    /// 1: refused, or a check failed; 2: could not tell.
    exit: u8,
    sentence: String,
}

impl Failure {
    /// A rule was broken, or a check failed.
    pub(super) fn refused(sentence: impl Display) -> Self {
        Self { exit: 1, sentence: sentence.to_string() }
    }

    /// Something is missing, unreadable or misused: nothing was decided.
    pub(super) fn cannot_tell(sentence: impl Display) -> Self {
        Self { exit: 2, sentence: sentence.to_string() }
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        match error {
            HomeError::File { .. } | HomeError::Missing { .. } | HomeError::Path { .. } => Self::cannot_tell(error),
            error => Self::refused(error),
        }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Home(error) => error.into(),
            error if error.is_damage() => Self::refused(error),
            error => Self::cannot_tell(error),
        }
    }
}

/// How a command ended.
pub(super) type Outcome = Result<Report, Failure>;

/// The terminal, or what stands in its place.
pub(super) struct Console {
    json: bool,
}

impl Console {
    /// A console for people, or for machines.
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Shows something before the command ends.
    pub(super) fn show(&self, report: Report) {
        // A reader that has gone away is no reason to stop serving.
        let _ = self.print(report);
    }

    /// A remark on the way.
    pub(super) fn note(&self, text: &str) {
        let _ = write_to(io::stderr(), text);
    }

    fn print(&self, report: Report) -> io::Result<()> {
        if !self.json {
            return write_to(io::stdout(), &report.text);
        }
        let mut json = if report.json.is_object() { report.json } else { json!({}) };
        json["ok"] = true.into();
        write_to(io::stdout(), &json.to_string())
    }

    /// Prints how the command ended, and gives its exit code.
    pub(super) fn finish(&self, outcome: Outcome) -> ExitCode {
        match outcome {
            // The result is what was asked for: without it the command has not done its work.
            Ok(report) => ExitCode::from(if self.print(report).is_ok() { 0 } else { 2 }),
            Err(Failure { exit, sentence }) => {
                if self.json {
                    let json = json!({ "ok": false, "exit": exit, "error": sentence });
                    let _ = write_to(io::stdout(), &json.to_string());
                }
                let word = if exit == 1 { "refused" } else { "cannot go on" };
                let _ = write_to(io::stderr(), &format!("{word}: {sentence}"));
                ExitCode::from(exit)
            }
        }
    }
}

/// Writes lines. Whatever a file's text holds, it does not act on a terminal.
fn write_to(mut stream: impl Write, text: &str) -> io::Result<()> {
    let lines: String = text.lines().map(|line| shown(line) + "\n").collect();
    stream.write_all(lines.as_bytes())?;
    stream.flush()
}
