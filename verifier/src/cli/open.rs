//! `open`: the board's nonce of a query with noise.

use std::io::BufReader;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use cohortium_protocol::ledger::{Checkpoint, Statement, Timestamp};
use cohortium_protocol::noise::BoardNonces;
use cohortium_protocol::text::shown;
use cohortium_verifier::ledger::{Founding, Replayed, begin_replay, parse_block};

use super::Outcome;
use super::args::OpenArgs;
use super::read::{self, Lines};
use super::sign::Signer;
use crate::file;

/// How far the export's clock may be ahead of this machine's, in seconds.
const CLOCKS: u64 = 300;

pub(super) fn run(args: &OpenArgs) -> Outcome {
    let seen_path = seen_path(args);
    let signer = Signer::new(&args.sign, &[&args.from_export, &seen_path])?;
    let (replayed, note) = replayed(args, &signer)?;
    if let Err(split) = check_history(args, &signer, &seen_path, &replayed)? {
        return refused(&split);
    }
    let state = replayed.state();
    let moment = args.as_of.unwrap_or_else(now);
    // The moment of posting may be still to come; the export is of the past.
    let here = moment.min(now());
    if state.time() > here.plus(CLOCKS) {
        return refused(&format!(
            "the export's last block is of {}, and it is {here} here: a ledger that runs ahead would make sites miss their \
             time that still have it",
            state.time()
        ));
    }
    let question = state.query(&args.query).ok_or_else(|| format!("the ledger has no query {}", args.query))?;
    let request = &question.request.document;
    let study = state
        .studies()
        .get(&request.approval)
        .ok_or_else(|| format!("the ledger has no approval {}", request.approval))?;
    let approval = &study.approval.document;
    let Some(tree) = approval.nonces else {
        return refused(&format!("the approval of {} commits to no nonces", shown(&approval.study)));
    };
    let nonces = BoardNonces::new(&signer.key, state.ledger(), approval, tree.leaves);
    if nonces.tree() != tree {
        return refused(
            "the approval does not commit to nonces of this key: another key, or another program, made them",
        );
    }
    let (nonce, path) = nonces.open(request.sequence).map_err(|error| error.to_string())?;
    let statement = Statement::BoardNonce { request: request.digest(), nonce, path };
    // As the ledger will judge it: settled, the sponsor's nonce first, in time, and not opened yet.
    if let Err(refusal) = state.would_open(&signer.name, &statement, moment) {
        return refused(&refusal.to_string());
    }
    println!("{}, number {} under {}:", shown(&request.query.title), request.sequence, shown(&approval.study));
    if args.checkpoint.is_none() && !seen_path.exists() {
        println!(
            "No ledger was seen before with this key: the export is not compared with anything. Have a checkpoint from another \
             member, and name it with --checkpoint."
        );
    }
    // First: a nonce that is out is out of a history that is remembered.
    file::write_whole("beside the key,", &seen_path, note.as_bytes()).map_err(|error| error.to_string())?;
    signer.sign(statement)?;
    println!("From then on the hospitals that accepted can answer.");
    Ok(0)
}

/// By this machine's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp::from_unix(since.map_or(0, |since| since.as_secs()))
}

fn refused(why: &str) -> Outcome {
    eprintln!("Nothing was signed: {why}");
    Ok(1)
}

/// Where the last checkpoint is kept under which a nonce was opened.
fn seen_path(args: &OpenArgs) -> PathBuf {
    let mut path = args.sign.key.as_os_str().to_owned();
    path.push(".seen");
    path.into()
}

/// Whether the export goes on from what was seen when the last nonce was opened, and has what somebody else was shown. An operator
/// that made another history for this board alone, in which every site has decided, would have the nonce before they did.
fn check_history(
    args: &OpenArgs,
    signer: &Signer<'_>,
    seen: &PathBuf,
    replayed: &Replayed,
) -> Result<Result<(), String>, String> {
    let operator = signer.charter.operator().ok_or("the charter names no operator")?;
    let ledger = signer.charter.ledger();
    for path in args.checkpoint.iter().chain(seen.exists().then_some(seen)) {
        let known = read::document(path, |note| Checkpoint::verify(note, &ledger, &operator.key))?;
        if let Err(split) = replayed.contains(&known) {
            return Ok(Err(format!("{}: {split}", path.display())));
        }
    }
    Ok(Ok(()))
}

/// The whole export, everything verified, and its last checkpoint as it was signed.
fn replayed(args: &OpenArgs, signer: &Signer<'_>) -> Result<(Replayed, String), String> {
    let path = &args.from_export;
    let show = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(|error| show(&error))?;
    let mut lines = Lines::new(BufReader::new(file));
    let first = lines.next().map_err(|error| show(&error))?.ok_or_else(|| show(&"the file is empty"))?;
    let founding = Founding::parse(&first).map_err(|error| show(&error))?;
    let mut replay = begin_replay(&founding, &signer.charter).map_err(|error| show(&error))?;
    let mut note = String::new();
    while let Some(line) = lines.next().map_err(|error| show(&error))? {
        let block = parse_block(replay.height() + 1, &line).map_err(|error| show(&error))?;
        replay.add(&block).map_err(|error| show(&error))?;
        note = block.checkpoint;
    }
    Ok((replay.finish().map_err(|error| show(&error))?, note))
}
