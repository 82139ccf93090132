//! `audit BUNDLE`: one answer.

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::documents::Request;
use cohortium_verifier::{Known, audit};
use serde::Serialize;

use super::args::AuditArgs;
use super::{Outcome, read};
use crate::file;

pub(super) fn run(args: &AuditArgs) -> Outcome {
    let AuditArgs { bundle, anchors, request, asked_on, .. } = args;
    let bundle = bundle.as_ref().ok_or("no bundle was named")?;
    check_place(args)?;
    let anchors = read::anchors(anchors)?;
    let bytes = read::bytes(bundle)?;
    let parsed = Bundle::parse(&bytes).map_err(|error| format!("{}: {error}", bundle.display()))?;
    let request = request.as_ref().map(|path| read::document(path, Request::parse)).transpose()?;
    let known = Known { request: request.map(|request| request.digest()), asked_on: *asked_on };
    let report = audit(&parsed, &bytes, &anchors, &known);
    tell(args, &report, &report.to_string())?;
    Ok(report.verdict.exit_status())
}

/// Refuses a report in the place of what is read, before anything is.
pub(super) fn check_place(args: &AuditArgs) -> Result<(), String> {
    let Some(path) = &args.report else { return Ok(()) };
    let AuditArgs { bundle, anchors, request, from_export, checkpoint, .. } = args;
    let inputs = [bundle.as_ref(), Some(anchors), request.as_ref(), from_export.as_ref(), checkpoint.as_ref()];
    file::check_place("--report", path, inputs.into_iter().flatten()).map_err(|error| error.to_string())
}

/// Files the report, and prints it.
pub(super) fn tell(args: &AuditArgs, report: &impl Serialize, text: &str) -> Result<(), String> {
    if let Some(path) = &args.report {
        file::write_whole("--report", path, text.as_bytes()).map_err(|error| error.to_string())?;
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(report).map_err(|error| error.to_string())?);
    } else {
        print!("{text}");
    }
    Ok(())
}
