//! `verify`: the auditor's own check, at the hospital.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::documents::Request;
use cohortium_verifier::{Anchors, Known, audit};
use serde_json::{Value, json};

use super::read;
use crate::cli::{Failure, Outcome, Report, Setting, VerifyArgs};

pub(crate) fn run(setting: &Setting, args: &VerifyArgs) -> Outcome {
    // As for the auditor: a file that cannot be read says nothing about the answer.
    let anchors = read::document(&args.anchors, Anchors::parse).map_err(Failure::undecided)?;
    let text = read::text(&args.bundle).map_err(Failure::undecided)?;
    let bundle = Bundle::parse(text.as_bytes())
        .map_err(|problem| Failure::cannot_tell(format!("{}: {problem}", args.bundle.display())))?;
    let asked_on = args.asked_on.as_deref().map(read::day).transpose()?;
    let request = args.request.as_deref().map(|path| read::document(path, Request::parse)).transpose();
    let request = request.map_err(Failure::undecided)?;
    let known = Known { request: request.map(|request| request.digest()), asked_on };
    let report = audit(&bundle, text.as_bytes(), &anchors, &known);
    let value = serde_json::to_value(&report).unwrap_or(Value::Null);
    let json = json!({ "verdict": report.verdict.words(), "report": value });
    match report.verdict.exit_status() {
        0 => Ok(Report::new(report.to_string(), json)),
        status => {
            setting.console.show(&report.to_string());
            let sentence = format!("{}: the audit's verdict is: {}", args.bundle.display(), report.verdict.words());
            let failure = if status == 1 { Failure::refused(sentence) } else { Failure::cannot_tell(sentence) };
            Err(failure.with(json))
        }
    }
}
