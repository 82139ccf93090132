//! What the tests of the store share: records whose content follows from their number, and processes to kill.

#![allow(dead_code)] // each test file uses its part

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use cohortium_protocol::hash::Digest;
use cohortium_server::store::{
    Acceptance, BlockLog, Entry, Index, IndexState, Indexed, LOG_FILE, LogError, Position, Recovery, SledIndex,
    open_index,
};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};

pub(crate) fn chain() -> Digest {
    Digest::of_bytes(b"the tests' chain")
}

/// The content of a record: 1 to `most` bytes, neither beginning nor ending in a zero.
pub(crate) fn content(number: u64, most: usize) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(number);
    let mut bytes = vec![0; rng.gen_range(1..=most)];
    rng.fill_bytes(&mut bytes);
    let last = bytes.len() - 1;
    (bytes[0], bytes[last]) = (bytes[0] | 1, bytes[last] | 1);
    bytes
}

pub(crate) fn open(folder: &Path) -> Result<(BlockLog, Recovery), LogError> {
    BlockLog::open(folder, chain(), Acceptance::Sealed)
}

/// Appends records one by one.
pub(crate) fn append(log: &mut BlockLog, count: u64, most: usize) -> Vec<Position> {
    (0..count).map(|_| log.append(&[&content(log.count(), most)]).unwrap()[0]).collect()
}

/// That a log holds just the records of its length, in order.
pub(crate) fn assert_whole(log: &BlockLog, most: usize) {
    let records: Vec<_> = log.records_after(None).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(records.len() as u64, log.count());
    for (number, (position, found)) in records.iter().enumerate() {
        assert_eq!((position.number, found), (number as u64, &content(number as u64, most)));
    }
    assert_eq!(records.last().map(|(position, _)| *position), log.last());
}

pub(crate) fn log_file(folder: &Path) -> PathBuf {
    folder.join(LOG_FILE)
}

/// The entries that a block puts: some under keys that other blocks use too.
pub(crate) fn entries(content: &[u8]) -> Vec<Entry> {
    let digest = Digest::of_bytes(content);
    let own = format!("block/{digest}").into_bytes();
    let shared = format!("shared/{}", content.len() % 10).into_bytes();
    let mut entries = vec![(own, content.to_vec()), (shared, digest.as_bytes().to_vec())];
    for part in 0..8 {
        entries.push((format!("part/{part}/{}", digest.short()).into_bytes(), content[..content.len() / 2].to_vec()));
    }
    entries
}

pub(crate) fn put(index: &dyn Index, position: Position, content: &[u8]) {
    let block = Indexed { hash: Digest::of_bytes(content), position };
    index.put(position.number, block, &entries(content)).unwrap();
}

/// Opens an index and puts what it lacks.
pub(crate) fn caught_up(folder: &Path, log: &BlockLog) -> (SledIndex, IndexState) {
    let (index, state) = open_index(folder, log).unwrap();
    let after = match &state {
        IndexState::Current => log.last(),
        IndexState::Behind(tip) => Some(tip.position),
        IndexState::Rebuilt { .. } => None,
    };
    for record in log.records_after(after.as_ref()).unwrap() {
        let (position, content) = record.unwrap();
        put(&index, position, &content);
    }
    (index, state)
}

/// Everything that an index answers.
pub(crate) fn all_of(index: &dyn Index, blocks: u64) -> (Option<Indexed>, Vec<Option<Indexed>>, Vec<Entry>) {
    let tip = index.tip().unwrap().map(|tip| Indexed { hash: tip.hash, position: tip.position });
    let blocks = (0..=blocks).map(|height| index.block(height).unwrap()).collect();
    (tip, blocks, index.range(b"", None, usize::MAX).unwrap())
}

/// This very test program, to run one test of it that plays a role.
pub(crate) fn child(role: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", role, "--nocapture", "--test-threads=1"]).env("STORE_TEST_FOLDER", folder);
    command
}

/// The folder, if this process was made to play a role.
pub(crate) fn role_folder() -> Option<PathBuf> {
    std::env::var_os("STORE_TEST_FOLDER").map(PathBuf::from)
}

/// The last number that a child said was acknowledged.
pub(crate) fn acknowledged(output: &str) -> Option<u64> {
    // Whole lines only: a killed child may leave the beginning of a number.
    let whole = &output[..output.rfind('\n').map_or(0, |end| end + 1)];
    whole
        .lines()
        .filter_map(|line| line.strip_prefix("acknowledged "))
        .map(|number| number.parse().unwrap())
        .next_back()
}
