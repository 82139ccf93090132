//! `audit --study`: everything under a study, from an export of the whole ledger.

use std::io::BufReader;
use std::io::IsTerminal;

use cohortium_protocol::ledger::Checkpoint;
use cohortium_verifier::Anchors;
use cohortium_verifier::ledger::{
    ChainError, Founding, Replay, StudyReport, audit_study, begin_replay, charter_of, parse_block,
};

use super::Outcome;
use super::args::AuditArgs;
use super::audit::{check_place, tell};
use super::read::{self, Lines};

/// Blocks between two words about progress.
const STRIDE: u64 = 50;

pub(super) fn run(args: &AuditArgs) -> Outcome {
    let study = args.study.as_deref().ok_or("no study was named")?;
    check_place(args)?;
    let anchors = read::anchors(&args.anchors)?;
    let report = examine(args, study, &anchors)?;
    let report = match args.as_of {
        Some(moment) => report.as_of(moment),
        None => report,
    };
    tell(args, &report, &report.to_string())?;
    Ok(report.verdict.exit_status())
}

fn examine(args: &AuditArgs, study: &str, anchors: &Anchors) -> Result<StudyReport, String> {
    let path = args.from_export.as_ref().ok_or("no export was named")?;
    let charter = charter_of(anchors).map_err(|error| error.to_string())?;
    let operator = charter.operator().ok_or(ChainError::NoOperator.to_string())?;
    let known = args
        .checkpoint
        .as_ref()
        .map(|path| read::document(path, |note| Checkpoint::verify(note, &charter.ledger(), &operator.key)));
    let known = known.transpose()?;
    let show = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(|error| show(&error))?;
    let mut lines = Lines::new(BufReader::new(file));
    let first = lines.next().map_err(|error| show(&error))?.ok_or_else(|| show(&"the file is empty"))?;
    let founding = Founding::parse(&first).map_err(|error| show(&error))?;
    // A record that cannot be read is no verdict; one that breaks a rule is.
    let mut replay = match begin_replay(&founding, charter) {
        Ok(replay) => replay,
        Err(error) => return Ok(StudyReport::failed(study, anchors, &error)),
    };
    while let Some(line) = lines.next().map_err(|error| show(&error))? {
        let block = parse_block(replay.height() + 1, &line).map_err(|error| show(&error))?;
        if let Err(error) = replay.add(&block) {
            return Ok(StudyReport::failed(study, anchors, &error));
        }
        progress(&replay);
    }
    match replay.finish() {
        Ok(replayed) => audit_study(&replayed, study, anchors, known.as_ref()).map_err(|error| show(&error)),
        Err(error) => Ok(StudyReport::failed(study, anchors, &error)),
    }
}

/// Says how far it is, where a person is there to see it.
fn progress(replay: &Replay) {
    if replay.height().is_multiple_of(STRIDE) && std::io::stderr().is_terminal() {
        eprintln!("{} blocks read, {} releases verified ...", replay.height(), replay.releases());
    }
}
