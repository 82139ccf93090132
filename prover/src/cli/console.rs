//! What is printed where.

use std::cell::Cell;
use std::io::{self, BufRead, IsTerminal, Write};
use std::process::ExitCode;

use cohortium_protocol::text::shown;
use serde_json::{Value, json};

use super::Failure;

/// What a command did: for people and for machines.
pub(crate) struct Report {
    text: String,
    json: Value,
}

impl Report {
    /// A report. `json` is an object.
    pub(crate) fn new(text: impl Into<String>, json: Value) -> Self {
        Self { text: text.into(), json }
    }
}

/// How a command ended.
pub(crate) type Outcome = Result<Report, Failure>;

/// The terminal, or what stands in its place.
pub(crate) struct Console {
    json: bool,
    /// Whether every JSON document is on a line of its own.
    lines: Cell<bool>,
}

impl Console {
    /// A console for people, or for machines.
    pub(crate) fn new(json: bool) -> Self {
        Self { json, lines: Cell::new(false) }
    }

    /// From here on there may be several results: with `--json`, one JSON object a line.
    pub(crate) fn lines(&self) {
        self.lines.set(true);
    }

    /// Tells what happened, while the command goes on.
    pub(crate) fn event(&self, text: &str, json: Value) {
        // A reader that has gone away is no reason to stop half-way.
        let _ = if self.json { self.write_json(json) } else { write_to(io::stdout(), text) };
    }

    /// Shows something to people before the command ends. Machines are not given it: their logs stay.
    pub(crate) fn show(&self, text: &str) {
        if !self.json {
            // A reader that has gone away is no reason to stop half-way.
            let _ = write_to(io::stdout(), text);
        }
    }

    /// Shows what a question is about, to whoever is asked.
    pub(crate) fn preview(&self, text: &str) {
        let _ = if self.json { write_to(io::stderr(), text) } else { write_to(io::stdout(), text) };
    }

    /// A remark on the way.
    pub(crate) fn note(&self, text: &str) {
        let _ = write_to(io::stderr(), text);
    }

    /// Whether somebody is there to answer.
    pub(crate) fn has_person(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks the person for a yes; anything else is a no.
    pub(crate) fn confirm(&self, question: &str) -> bool {
        let mut error = io::stderr();
        let _ = write!(error, "{question} Type yes to go on: ").and_then(|()| error.flush());
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).is_ok() && answer.trim().eq_ignore_ascii_case("yes")
    }

    /// Prints how the command ended, and gives its exit code.
    pub(crate) fn finish(&self, outcome: Outcome) -> ExitCode {
        let (written, exit) = match outcome {
            Ok(Report { json, .. }) if self.json => (self.write_json(with_ok(json, true)), 0),
            Ok(Report { text, .. }) => (write_to(io::stdout(), &text), 0),
            Err(Failure { exit, sentence, details }) => {
                if self.json {
                    let mut json = with_ok(details, false);
                    json["exit"] = exit.into();
                    json["error"] = sentence.clone().into();
                    let _ = self.write_json(json);
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

    fn write_json(&self, json: Value) -> io::Result<()> {
        let text = if self.lines.get() { serde_json::to_string(&json) } else { serde_json::to_string_pretty(&json) };
        write_to(io::stdout(), &text.unwrap_or_default())
    }
}

fn with_ok(json: Value, ok: bool) -> Value {
    let mut json = if json.is_object() { json } else { json!({}) };
    json["ok"] = ok.into();
    json
}

/// Writes lines. Whatever a file's text holds, it does not act on a terminal.
fn write_to(mut stream: impl Write, text: &str) -> io::Result<()> {
    let lines: String = text.lines().map(|line| shown(line) + "\n").collect();
    stream.write_all(lines.as_bytes())?;
    stream.flush()
}
