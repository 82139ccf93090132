//! Writes the vectors in `tests/vectors/ledger`: an export of the story, the anchors of a board that trusts its
//! charter, a bundle with evidence, and the last checkpoint; and in `noised` an export of a ledger on which a board's nonce is
//! owed, with the last blocks of another history of it.
//!
//! Run by hand, when a format changes on purpose:
//! `COHORTIUM_WRITE_VECTORS=1 cargo test -p cohortium-tests --test ledger -- --ignored the_vectors`

use std::path::PathBuf;

use cohortium_protocol::documents::Approval;
use cohortium_tests::exchange::{Chain, DAY, at, by_grade};
use cohortium_tests::noised::{limits, noised_policy};
use cohortium_verifier::ledger::{Founding, Replay, parse_block};

use crate::world::{exchange, noise_exchange, story};

/// Has the vectors written, if set to 1.
const WRITE: &str = "COHORTIUM_WRITE_VECTORS";

#[test]
#[ignore = "writes files of this repository, if asked by a variable"]
fn the_vectors_are_made_and_written_if_asked() {
    let chain = &story().chain;
    let export = chain.export();
    let mut lines = export.lines();
    let founded = Founding::parse(lines.next().unwrap().as_bytes()).unwrap().found().unwrap();
    let mut replay = Replay::new(founded);
    for (height, line) in (1..).zip(lines) {
        replay.add(&parse_block(height, line.as_bytes()).unwrap()).unwrap();
    }
    assert_eq!(replay.finish().unwrap().releases(), 2);
    if std::env::var_os(WRITE).is_none_or(|value| value != "1") {
        eprintln!("the vectors are not written: for that, set {WRITE}=1");
        return;
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors/ledger");
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.join(name), text).unwrap();
    write("export.ndjson", export);
    write("anchors.json", serde_json::to_string_pretty(&exchange().anchors_document()).unwrap() + "\n");
    write("answer.json", serde_json::to_string(&story().bundle("north", 0)).unwrap() + "\n");
    write("charter.json", serde_json::to_string_pretty(&exchange().charter).unwrap() + "\n");
    write("checkpoint.txt", chain.blocks.last().unwrap().checkpoint.clone());
    write("earlier-checkpoint.txt", chain.blocks[4].checkpoint.clone());
    std::fs::create_dir_all(folder.join("noised")).unwrap();
    let other = owed(true).export();
    let last: Vec<&str> = other.lines().rev().take(2).collect();
    write("noised/export.ndjson", owed(false).export());
    write("noised/other-blocks.ndjson", format!("{}\n{}\n", last[1], last[0]));
    write("noised/charter.json", serde_json::to_string_pretty(&noise_exchange().charter).unwrap() + "\n");
}

/// A ledger on which both hospitals have decided about a question with noise, the sponsor's nonce is open, and the board's is
/// owed; south declines, or accepts in another history.
fn owed(south_accepts: bool) -> Chain<'static> {
    let x = noise_exchange();
    let policy = noised_policy(limits("2", "6", "10"));
    let approval = x.with_nonces(&Approval { policy: policy.clone(), ..x.approval() }, 4);
    let mut chain = Chain::new(x);
    chain.add(at(0), x.registrations());
    chain.add(at(10), ["north", "south"].map(|site| x.floor(site, 2, &policy)).into());
    chain.add(at(60), vec![x.study(&approval)]);
    let request = x.noised(&chain.state, &by_grade("Grades"), &approval, &["north", "south"], "count=0.3");
    chain.add(at(DAY), vec![x.ask(&request)]);
    let south = if south_accepts { x.accept("south", &request) } else { x.decline("south", &request, "too few") };
    chain.add(at(DAY + 60), vec![x.accept("north", &request), south]);
    chain.add(at(DAY + 120), vec![x.sponsor_opens(&request)]);
    chain
}
