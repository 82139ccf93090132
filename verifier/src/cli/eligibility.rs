//! `eligibility FILE`: one offered patient.

use std::path::Path;

use cohortium_protocol::eligibility::EligibilityFile;
use cohortium_verifier::{Seen, Verdict, report_eligibility};

use super::args::EligibilityArgs;
use super::{Outcome, read};
use crate::file;

pub(super) fn run(args: &EligibilityArgs) -> Outcome {
    let EligibilityArgs { file, anchors, seen, json } = args;
    if let Some(path) = seen {
        file::check_place("--seen", path, [file, anchors]).map_err(|error| error.to_string())?;
    }
    let checked_anchors = read::anchors(anchors)?;
    let bytes = read::bytes(file)?;
    let parsed = EligibilityFile::parse(&bytes).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut known = seen.as_deref().map(read_seen).transpose()?;
    let report = report_eligibility(&parsed, &bytes, &checked_anchors, known.as_ref());
    // Before anybody is told: whoever was told so once is not told so again.
    if let (Some(path), Some(known), Verdict::Holds) = (seen, &mut known, report.verdict) {
        known.add(&parsed.nullifier);
        file::write_whole("--seen", path, known.to_text().as_bytes()).map_err(|error| error.to_string())?;
    }
    if *json {
        println!("{}", serde_json::to_string_pretty(&report).map_err(|error| error.to_string())?);
    } else {
        print!("{report}");
    }
    Ok(report.verdict.exit_status())
}

/// The list of nullifiers; an empty one where there is no file yet.
fn read_seen(path: &Path) -> Result<Seen, String> {
    if !path.exists() {
        return Ok(Seen::default());
    }
    read::document(path, Seen::parse)
}
