//! What is printed where.

use std::io;
use std::io::Write;
use std::process::ExitCode;

use cohortium_protocol::text::shown;
use serde_json::{Value, json};

use super::Failure;

/// What a command did: for people and for machines.
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) json: Value,
    /// The exit code: a command can have done its work and still have bad news.
    pub(crate) exit: u8,
}

impl Report {
    /// A report of success. `json` is an object.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json, exit: 0 }
    }

    /// The same with another exit code.
    pub(crate) fn exiting(self, exit: u8) -> Self {
        Self { exit, ..self }
    }
}

/// How a command ended.
pub(crate) type Outcome = Result<Report, Failure>;

/// The terminal, or what stands in its place.
pub(crate) struct Console {
    json: bool,
}

impl Console {
    /// A console for people, or for machines.
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Shows something to people before the command ends. Machines are not given it.
    pub(crate) fn show(&self, text: &str) {
        if !self.json {
            // A reader that has gone away is no reason to stop half-way.
            let _ = write_to(io::stdout(), text);
        }
    }

    /// A remark on the way.
    pub(crate) fn note(&self, text: &str) {
        let _ = write_to(io::stderr(), text);
    }

    /// Prints how the command ended, and gives its exit code.
    pub(crate) fn finish(&self, outcome: Outcome) -> ExitCode {
        let (written, exit) = match outcome {
            Ok(Report { json, exit, .. }) if self.json => (write_json(with_ok(json, exit == 0)), exit),
            Ok(Report { text, exit, .. }) => (write_to(io::stdout(), &text), exit),
            Err(Failure { exit, sentence, details }) => {
                if self.json {
                    let mut json = with_ok(details, false);
                    json["exit"] = exit.into();
                    json["error"] = sentence.clone().into();
                    let _ = write_json(json);
                }
                let word = if exit == 1 { "refused" } else { "cannot go on" };
                (write_to(io::stderr(), &format!("{word}: {sentence}")), exit)
            }
        };
        match written {
            // The result is what was asked for: without it the command has not done its work.
            Err(_) if exit == 0 => ExitCode::from(2),
            _ => ExitCode::from(exit),
        }
    }
}

fn with_ok(json: Value, ok: bool) -> Value {
    let mut json = if json.is_object() { json } else { json!({}) };
    json["ok"] = ok.into();
    json
}

fn write_json(json: Value) -> io::Result<()> {
    write_to(io::stdout(), &serde_json::to_string_pretty(&json).unwrap_or_default())
}

/// Writes lines. Whatever a service or a file says, it does not act on a terminal.
fn write_to(mut stream: impl Write, text: &str) -> io::Result<()> {
    let lines: String = text.lines().map(|line| shown(line) + "\n").collect();
    stream.write_all(lines.as_bytes())?;
    stream.flush()
}
