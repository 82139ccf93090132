//! `receipt`: what a patient checks alone.

use std::io::BufReader;
use std::path::Path;

use cohortium_protocol::bundle::Bundle;
use cohortium_protocol::consent::{Acknowledgement, Receipt, VIOLATION_FORMAT, ViolationFile};
use cohortium_protocol::table::{PatientSecret, Tag};
use cohortium_verifier::ledger::{Founding, Replayed, begin_replay, charter_of, parse_block};
use cohortium_verifier::receipt::{CouldHave, Holder, ReceiptError, ReceiptReport, check_receipt, could_have_counted};
use cohortium_verifier::{Anchors, Known, Verdict, audit};
use serde::Deserialize;
use serde_json::json;

use super::Outcome;
use super::patient_args::ReceiptArgs;
use super::read::{self, Lines};
use crate::file;

/// What there is to check.
struct Given {
    receipt: Receipt,
    acknowledged: Vec<Acknowledgement>,
    holder: Holder,
}

pub(super) fn run(args: &ReceiptArgs) -> Outcome {
    if let Some(out) = &args.evidence {
        let inputs = [Some(&args.file), Some(&args.anchors), args.card.as_ref(), args.answer.as_ref()];
        let inputs = inputs.into_iter().flatten().chain(&args.acknowledged).chain(&args.from_export);
        file::check_place("--evidence", out, inputs).map_err(|error| error.to_string())?;
    }
    let anchors = read::anchors(&args.anchors)?;
    let given = given(args)?;
    let bundle = match &args.answer {
        None => None,
        Some(path) => match audited(path, &anchors)? {
            Ok(bundle) => Some(bundle),
            Err(sentence) => return failed(args, &sentence),
        },
    };
    let Given { receipt, acknowledged, holder } = &given;
    let report = match check_receipt(receipt, &anchors, holder, acknowledged, bundle.as_ref()) {
        Ok(report) => report,
        Err(error @ (ReceiptError::NoAnchor { .. } | ReceiptError::NoEvidence)) => return Err(error.to_string()),
        Err(error) => return failed(args, &error.to_string()),
    };
    let could_have = match &args.from_export {
        None => None,
        Some(path) => {
            let replayed = replayed(path, &anchors)?;
            let answers = could_have_counted(replayed.state(), receipt, holder, &report);
            Some(answers.map_err(|error| format!("{}: {error}", path.display()))?)
        }
    };
    evidence(args, &given, &report)?;
    tell(args, &report, could_have.as_deref())?;
    Ok(match (report.holds(), report.has_record()) {
        (false, _) => 1,
        (true, true) => 0,
        (true, false) => 2,
    })
}

/// A receipt that shows nothing.
fn failed(args: &ReceiptArgs, sentence: &str) -> Outcome {
    if args.json {
        println!("{:#}", json!({ "holds": false, "because": sentence }));
    } else {
        println!("FAILS: {}.", cohortium_protocol::text::shown(sentence));
    }
    Ok(1)
}

fn given(args: &ReceiptArgs) -> Result<Given, String> {
    #[derive(Deserialize)]
    struct Head {
        format: String,
    }
    let bytes = read::bytes(&args.file)?;
    let show = |error: &dyn std::fmt::Display| format!("{}: {error}", args.file.display());
    let head: Head = serde_json::from_slice(&bytes).map_err(|error| show(&error))?;
    let mut acknowledged = Vec::new();
    for path in &args.acknowledged {
        let parsed = Acknowledgement::parse(&read::bytes(path)?);
        acknowledged.push(parsed.map_err(|error| format!("{}: {error}", path.display()))?);
    }
    let holder = match (&args.card, &args.tag) {
        (Some(path), _) => Some(Holder::Card(card(path)?)),
        (None, Some(digits)) => Some(Holder::Tag(Tag::from_hex(digits).map_err(|error| format!("--tag: {error}"))?)),
        (None, None) => None,
    };
    if head.format == VIOLATION_FORMAT {
        let file = ViolationFile::parse(&bytes).map_err(|error| show(&error))?;
        acknowledged.extend(file.acknowledged);
        return Ok(Given { receipt: file.receipt, acknowledged, holder: holder.unwrap_or(Holder::Tag(file.tag)) });
    }
    let receipt = Receipt::parse(&bytes).map_err(|error| show(&error))?;
    let holder = holder.ok_or_else(|| ReceiptError::Nobody.to_string())?;
    Ok(Given { receipt, acknowledged, holder })
}

/// Reads a card.
pub(super) fn card(path: &Path) -> Result<PatientSecret, String> {
    read::document(path, |text| PatientSecret::from_card(text.trim()))
}

/// The bundle of an answer, if an audit finds that it holds.
fn audited(path: &Path, anchors: &Anchors) -> Result<Result<Bundle, String>, String> {
    let bytes = read::bytes(path)?;
    let bundle = Bundle::parse(&bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    let report = audit(&bundle, &bytes, anchors, &Known { request: None, asked_on: None });
    Ok(match report.verdict {
        Verdict::Fails => Err(format!("the answer {} does not pass the audit", path.display())),
        Verdict::Holds | Verdict::NotCovered => Ok(bundle),
    })
}

fn replayed(path: &Path, anchors: &Anchors) -> Result<Replayed, String> {
    let charter = charter_of(anchors).map_err(|error| error.to_string())?;
    let show = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(|error| show(&error))?;
    let mut lines = Lines::new(BufReader::new(file));
    let first = lines.next().map_err(|error| show(&error))?.ok_or_else(|| show(&"the file is empty"))?;
    let founding = Founding::parse(&first).map_err(|error| show(&error))?;
    let mut replay = begin_replay(&founding, charter).map_err(|error| show(&error))?;
    while let Some(line) = lines.next().map_err(|error| show(&error))? {
        let block = parse_block(replay.height() + 1, &line).map_err(|error| show(&error))?;
        replay.add(&block).map_err(|error| show(&error))?;
    }
    replay.finish().map_err(|error| show(&error))
}

/// Writes the evidence of a violation, if there is one and it was asked for.
fn evidence(args: &ReceiptArgs, given: &Given, report: &ReceiptReport) -> Result<(), String> {
    let Some(out) = args.evidence.as_ref().filter(|_| !report.violations.is_empty()) else { return Ok(()) };
    let file = ViolationFile {
        format: VIOLATION_FORMAT.to_owned(),
        tag: given.holder.tag(given.receipt.manifest.site()),
        receipt: given.receipt.clone(),
        acknowledged: given.acknowledged.clone(),
    };
    let text = serde_json::to_string(&file).map_err(|error| error.to_string())? + "\n";
    file::write_private("--evidence", out, text.as_bytes()).map_err(|error| error.to_string())
}

fn tell(args: &ReceiptArgs, report: &ReceiptReport, could_have: Option<&[CouldHave]>) -> Result<(), String> {
    if args.json {
        let json = json!({ "holds": report.holds(), "has_record": report.has_record(), "report": report, "answers": could_have });
        println!("{}", serde_json::to_string_pretty(&json).map_err(|error| error.to_string())?);
        return Ok(());
    }
    print!("{report}");
    if let Some(answers) = could_have {
        println!("\nANSWERS OVER THIS TABLE, AND WHETHER THEY COULD HAVE COUNTED YOU");
        answers.iter().for_each(|answer| print!("{answer}"));
        if answers.is_empty() {
            println!("  none");
        }
    }
    if let Some(out) = args.evidence.as_ref().filter(|_| !report.violations.is_empty()) {
        println!("\nThe evidence is in {}. It shows your tag and your choices, and not your card.", out.display());
    }
    Ok(())
}
