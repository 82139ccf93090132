//! The whole log at once: checking it, and writing it into one file.

use std::fs::File;
use std::io::BufWriter;
use std::io::Write;

use serde_json::json;

use super::args::ExportArgs;
use super::args::HomeArgs;
use super::console::Console;
use super::console::Failure;
use super::console::Outcome;
use super::console::Report;
use crate::node;
use crate::node::Checked;
use crate::node::Home;
use crate::store::Acceptance;
use crate::store::Recovery;

impl HomeArgs {
    pub(super) fn acceptance(&self) -> Acceptance {
        if self.accept_log_as_it_is { Acceptance::LogAsItIs } else { Acceptance::Sealed }
    }
}

/// What was found and done at the log's end, if anything.
pub(super) fn about(recovery: &Recovery) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(cut) = recovery.truncated {
        lines.push(format!(
            "An incomplete record at the end of the log was cut off: record {}, {} bytes at byte {}. It was never \
             acknowledged.",
            cut.number, cut.bytes, cut.offset
        ));
    }
    if recovery.beyond > 0 {
        lines.push(format!(
            "{} whole records beyond the last acknowledged one were kept; they are acknowledged from now on.",
            recovery.beyond
        ));
    }
    if recovery.sealed.is_none() {
        lines.push("The log was accepted without a tip that says how far it was acknowledged.".to_owned());
    }
    lines
}

pub(super) fn check(console: &Console, args: &HomeArgs) -> Outcome {
    let home = Home::open(&args.home)?;
    let mut each = |height: u64| {
        if height.is_multiple_of(1000) {
            console.note(&format!("{height} blocks hold"));
        }
    };
    let Checked { ledger, recovery, height, size, proofs, checkpoint } =
        node::check(&home, args.acceptance(), &mut each)?;
    let notes = about(&recovery);
    let mut lines = vec![
        format!("The ledger {ledger} holds: {height} blocks, {size} transactions, {proofs} proofs verified."),
        "Its last checkpoint:".to_owned(),
        checkpoint.clone(),
    ];
    lines.splice(0..0, notes.iter().cloned());
    let json = json!({
        "ledger": ledger, "height": height, "size": size, "proofs": proofs, "checkpoint": checkpoint, "notes": notes,
    });
    Ok(Report::new(lines.join("\n"), json))
}

pub(super) fn export(args: &ExportArgs) -> Outcome {
    let home = Home::open(&args.home.home)?;
    let out = &args.out;
    let failed = |error: std::io::Error| Failure::cannot_tell(format!("cannot write {}: {error}", out.display()));
    let mut file = BufWriter::new(File::create_new(out).map_err(failed)?);
    let mut write = |line: &[u8]| file.write_all(line).and_then(|()| file.write_all(b"\n"));
    let written = node::export(&home, args.home.acceptance(), &mut write).map_err(Failure::from);
    let written = written.and_then(|written| {
        let height = written.map_err(failed)?;
        file.into_inner().map_err(|error| failed(error.into_error()))?.sync_all().map_err(failed)?;
        Ok(height)
    });
    // A part of it would be taken for the whole.
    let height = written.inspect_err(|_| drop(std::fs::remove_file(out)))?;
    let ledger = home.charter().ledger();
    let text = format!("The ledger {ledger} is in {}: its founding and {height} blocks.", out.display());
    Ok(Report::new(text, json!({ "file": out, "ledger": ledger, "height": height })))
}
