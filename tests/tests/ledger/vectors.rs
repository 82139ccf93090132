//! Writes the vectors in `tests/vectors/ledger`: an export of the story, the anchors of a board that trusts its
//! charter, a bundle with evidence, and the last checkpoint.
//!
//! Run by hand, when a format changes on purpose:
//! `COHORTIUM_WRITE_VECTORS=1 cargo test -p cohortium-tests --test ledger -- --ignored the_vectors`

use std::path::PathBuf;

use cohortium_verifier::ledger::{Founding, Replay, parse_block};

use crate::world::{exchange, story};

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
}
