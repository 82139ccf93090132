//! `open`: the board's nonce of a query with noise.

use std::io::BufReader;
use std::time::{SystemTime, UNIX_EPOCH};

use cohortium_protocol::ledger::{Statement, Timestamp};
use cohortium_protocol::noise::BoardNonces;
use cohortium_protocol::text::shown;
use cohortium_verifier::ledger::{Founding, State, begin_replay, parse_block};

use super::Outcome;
use super::args::OpenArgs;
use super::read::Lines;
use super::sign::Signer;

pub(super) fn run(args: &OpenArgs) -> Outcome {
    let signer = Signer::new(&args.sign, &[&args.from_export])?;
    let state = replayed(args, &signer)?;
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
    let nonces = BoardNonces::new(&signer.key, &state.ledger(), approval, tree.leaves);
    if nonces.tree() != tree {
        return refused(
            "the approval does not commit to nonces of this key: another key, or another program, made them",
        );
    }
    let (nonce, path) = nonces.open(request.sequence).map_err(|error| error.to_string())?;
    let statement = Statement::BoardNonce { request: request.digest(), nonce, path };
    // As the ledger will judge it: settled, the sponsor's nonce first, in time, and not opened yet.
    if let Err(refusal) = state.would_open(&signer.name, &statement, args.as_of.unwrap_or_else(now)) {
        return refused(&refusal.to_string());
    }
    println!("{}, number {} under {}:", shown(&request.query.title), request.sequence, shown(&approval.study));
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

/// The ledger's state after the whole export, everything verified.
fn replayed(args: &OpenArgs, signer: &Signer<'_>) -> Result<State, String> {
    let path = &args.from_export;
    let show = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(|error| show(&error))?;
    let mut lines = Lines::new(BufReader::new(file));
    let first = lines.next().map_err(|error| show(&error))?.ok_or_else(|| show(&"the file is empty"))?;
    let founding = Founding::parse(&first).map_err(|error| show(&error))?;
    let mut replay = begin_replay(&founding, &signer.charter).map_err(|error| show(&error))?;
    while let Some(line) = lines.next().map_err(|error| show(&error))? {
        let block = parse_block(replay.height() + 1, &line).map_err(|error| show(&error))?;
        replay.add(&block).map_err(|error| show(&error))?;
    }
    Ok(replay.finish().map_err(|error| show(&error))?.into_state())
}
