//! The index: one suite over sled and its twin in memory, and an index that cannot be kept is made anew.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod store_common;

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use cohortium_protocol::hash::Digest;
use cohortium_server::store::{
    BlockLog, Entry, Index, IndexError, IndexState, Indexed, MemoryIndex, Position, SledIndex, open_index,
};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use store_common::{all_of, append, caught_up, chain, content, put};
use tempfile::TempDir;

fn block(number: u64) -> Indexed {
    let hash = Digest::of_bytes(&number.to_be_bytes());
    Indexed { hash, position: Position { number, offset: number / 2, hash } }
}

fn entry(key: &str, value: &str) -> Entry {
    (key.into(), value.into())
}

fn keys(entries: &[Entry]) -> Vec<String> {
    entries.iter().map(|(key, _)| String::from_utf8(key.clone()).unwrap()).collect()
}

/// What every index does.
fn conforms(index: &dyn Index) {
    assert_eq!(index.tip(), Ok(None));
    assert_eq!(index.block(0), Ok(None));
    assert_eq!(index.get(b"a/1"), Ok(None));
    assert_eq!(index.range(b"", None, 10), Ok(vec![]));
    // Any height first, then one after the other.
    index.put(5, block(5), &[entry("a/2", "two"), entry("a/1", "one"), entry("b/1", "other")]).unwrap();
    index.put(6, block(6), &[]).unwrap();
    for height in [0, 5, 6, 8, u64::MAX] {
        assert_eq!(index.put(height, block(height), &[]), Err(IndexError::NotNext { tip: 6, found: height }));
    }
    index.put(7, block(7), &[entry("a/3", "first"), entry("a/1", "uno"), entry("a/3", "three")]).unwrap();
    let tip = index.tip().unwrap().unwrap();
    assert_eq!((tip.height, tip.hash, tip.position), (7, block(7).hash, block(7).position));
    assert_eq!((index.block(5), index.block(7)), (Ok(Some(block(5))), Ok(Some(block(7)))));
    assert_eq!((index.block(4), index.block(8)), (Ok(None), Ok(None)));
    // The later value, within a block and between blocks.
    assert_eq!(index.get(b"a/1").unwrap().unwrap(), b"uno");
    assert_eq!(index.get(b"a/3").unwrap().unwrap(), b"three");
    assert_eq!((index.get(b"a/"), index.get(b"")), (Ok(None), Ok(None)));
    let range = |prefix: &str, after: Option<&str>, limit| {
        keys(&index.range(prefix.as_bytes(), after.map(str::as_bytes), limit).unwrap())
    };
    assert_eq!(range("a/", None, 10), ["a/1", "a/2", "a/3"]);
    assert_eq!(range("a/", None, 2), ["a/1", "a/2"]);
    assert_eq!(range("a/", Some("a/2"), 2), ["a/3"]);
    assert_eq!(range("a/", Some("a/11"), 2), ["a/2", "a/3"]);
    assert_eq!(range("a/", Some("a"), 1), ["a/1"]);
    assert!(range("a/", Some("a/3"), 2).is_empty() && range("a/", Some("b"), 2).is_empty());
    assert!(range("a/", None, 0).is_empty() && range("c", None, 9).is_empty());
    assert_eq!(range("", None, 10), ["a/1", "a/2", "a/3", "b/1"]);
    // Keys are bytes: 0xff is a key like another, and ends no range.
    index
        .put(8, block(8), &[(vec![0xff], b"x".to_vec()), (vec![0xff, 0xff], vec![]), (vec![], b"e".to_vec())])
        .unwrap();
    assert_eq!(index.range(&[0xff], None, 9).unwrap().len(), 2);
    assert_eq!(index.get(&[0xff, 0xff]).unwrap().unwrap(), b"");
    assert_eq!(index.get(b"").unwrap().unwrap(), b"e");
    // Listing page by page gives what listing at once gives.
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = index.range(b"", after.as_deref(), 2).unwrap();
        let Some((key, _)) = page.last() else { break };
        after = Some(key.clone());
        pages.extend(page);
    }
    assert_eq!(pages, index.range(b"", None, 100).unwrap());
    index.clear().unwrap();
    assert_eq!((index.tip(), index.block(7), index.get(b"a/1")), (Ok(None), Ok(None), Ok(None)));
    assert_eq!(index.range(b"", None, 10), Ok(vec![]));
    index.put(0, block(0), &[entry("a", "b")]).unwrap();
    assert_eq!(index.tip().unwrap().unwrap().height, 0);
}

/// A folder with a log of so many records.
fn chain_of(records: u64, most: usize) -> (TempDir, BlockLog) {
    let folder = tempfile::tempdir().unwrap();
    let mut log = BlockLog::create(&folder.path().join("log"), chain()).unwrap();
    let contents: Vec<_> = (0..records).map(|number| content(number, most)).collect();
    log.append(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    (folder, log)
}

#[test]
fn the_index_in_memory_conforms() {
    conforms(&MemoryIndex::new());
}

#[test]
fn the_index_in_sled_conforms() {
    let (folder, log) = chain_of(0, 1);
    let (index, state) = open_index(&folder.path().join("index"), &log).unwrap();
    assert_eq!(state, IndexState::Current);
    conforms(&index);
}

#[test]
fn the_two_hold_the_same_through_random_blocks() {
    let (folder, log) = chain_of(0, 1);
    let path = folder.path().join("index");
    let (sled, _) = open_index(&path, &log).unwrap();
    let memory = MemoryIndex::new();
    let mut rng = StdRng::seed_from_u64(1);
    for height in 0..200 {
        let entries: Vec<Entry> = (0..rng.gen_range(0..6))
            .map(|_| {
                let mut value = vec![0; rng.gen_range(0..100)];
                rng.fill_bytes(&mut value);
                (vec![b'k', rng.gen_range(0..40)], value)
            })
            .collect();
        sled.put(height, block(height), &entries).unwrap();
        memory.put(height, block(height), &entries).unwrap();
    }
    assert_eq!(all_of(&sled, 200), all_of(&memory, 200));
    assert_eq!(sled.tip(), memory.tip());
}

#[test]
fn an_index_is_current_or_behind_or_made_anew() {
    let (folder, mut log) = chain_of(5, 100);
    let path = folder.path().join("index");
    // Nothing there beside a log: never taken for a beginning.
    let (index, state) = caught_up(&path, &log);
    assert!(matches!(state, IndexState::Rebuilt { .. }));
    drop(index);
    let (index, state) = caught_up(&path, &log);
    assert_eq!(state, IndexState::Current);
    let tip = index.tip().unwrap().unwrap();
    drop(index);
    append(&mut log, 3, 100);
    let (index, state) = caught_up(&path, &log);
    assert_eq!(state, IndexState::Behind(tip));
    let full = all_of(&index, 8);
    drop(index);
    // Ahead of the log, or of another one.
    let (other_folder, short) = chain_of(3, 100);
    let (_, state) = open_index(&path, &short).unwrap();
    assert!(matches!(&state, IndexState::Rebuilt { reason } if reason.contains("record 7")), "{state:?}");
    let (index, _) = caught_up(&path, &log);
    assert_eq!(all_of(&index, 8), full);
    drop(index);
    for records in [8, 9] {
        let other = other_folder.path().join(format!("{records}"));
        let mut other = BlockLog::create(&other, chain()).unwrap();
        (0..records).for_each(|_| drop(other.append(&[b"something else"]).unwrap()));
        let (index, state) = open_index(&path, &other).unwrap();
        assert!(matches!(&state, IndexState::Rebuilt { .. }), "{state:?}");
        drop(index);
        drop(caught_up(&path, &log));
    }
    // An empty log beside an index that is not.
    let empty = BlockLog::create(&other_folder.path().join("empty"), chain()).unwrap();
    assert!(matches!(open_index(&path, &empty).unwrap().1, IndexState::Rebuilt { .. }));
}

#[test]
fn a_start_that_died_while_opening_is_not_repeated() {
    let (folder, log) = chain_of(3, 100);
    let path = folder.path().join("index");
    let full = all_of(&caught_up(&path, &log).0, 3);
    fs::write(folder.path().join("index.opening"), b"").unwrap();
    let (index, state) = caught_up(&path, &log);
    assert!(matches!(state, IndexState::Rebuilt { .. }));
    assert_eq!(all_of(&index, 3), full);
    drop(index);
    assert_eq!(caught_up(&path, &log).1, IndexState::Current);
}

#[test]
fn an_index_is_cleared_and_filled_again() {
    let (folder, log) = chain_of(20, 2000);
    let (index, _) = caught_up(&folder.path().join("index"), &log);
    let full = all_of(&index, 20);
    for _ in 0..3 {
        index.clear().unwrap();
        assert_eq!(index.tip(), Ok(None));
        for record in log.records_after(None).unwrap() {
            let (position, content) = record.unwrap();
            put(&index, position, &content);
        }
        assert_eq!(all_of(&index, 20), full);
    }
    index.flush().unwrap();
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_in(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() { copy(&path, &target) } else { assert!(fs::copy(&path, &target).is_ok()) }
    }
}

/// Damages a folder at random; says how.
fn mutate(folder: &Path, rng: &mut StdRng) -> String {
    let files = files_in(folder);
    let mut told = Vec::new();
    for _ in 0..rng.gen_range(1..=3) {
        // Most often the file that nearly all is in.
        let main = files.iter().find(|file| file.ends_with("db")).filter(|_| rng.gen_bool(0.5));
        let file = main.unwrap_or_else(|| &files[rng.gen_range(0..files.len())]);
        let Ok(mut bytes) = fs::read(file) else { continue };
        // Most of a file of sled's may be room not used yet; damage goes where something is.
        let used = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        let at = rng.gen_range(0..used.max(1)).min(bytes.len().saturating_sub(1));
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let kind = rng.gen_range(0..6);
        told.push(format!("{name} of {} bytes: kind {kind} at {at}", bytes.len()));
        match kind {
            _ if bytes.is_empty() => bytes.push(7),
            0 => bytes[at] ^= 1 << rng.gen_range(0..8),
            1 => bytes[at] = rng.r#gen(),
            2 => bytes.truncate(at),
            3 => {
                fs::remove_file(file).unwrap();
                continue;
            }
            4 => {
                let end = (at + rng.gen_range(1..5000)).min(bytes.len());
                bytes[at..end].fill(0);
            }
            _ => (0..rng.gen_range(1..50)).for_each(|_| bytes[rng.gen_range(0..used.max(1))] = rng.r#gen()),
        }
        fs::write(file, bytes).unwrap();
    }
    told.join(", ")
}

/// Damages sled's files, as often as told; each time the same must be there after what is missing was put again.
fn mutated(times: u64, seed: u64) {
    let (folder, mut log) = chain_of(0, 4000);
    let whole = folder.path().join("whole");
    // Opened and closed several times, as sled writes other things then.
    for _ in 0..4 {
        append(&mut log, 30, 4000);
        drop(caught_up(&whole, &log));
    }
    // Some values that sled keeps in files of their own.
    log.append(&[&vec![7; 400_000]]).unwrap();
    let blocks = log.count();
    let full = all_of(&caught_up(&whole, &log).0, blocks);
    // The copy alone does no harm.
    let undamaged = folder.path().join("undamaged");
    copy(&whole, &undamaged);
    assert_eq!(open_index(&undamaged, &log).unwrap().1, IndexState::Current);
    let (mut current, mut behind, mut rebuilt) = (0, 0, 0);
    for time in 0..times {
        let mut rng = StdRng::seed_from_u64(seed + time);
        let path = folder.path().join("index");
        copy(&whole, &path);
        let told = mutate(&path, &mut rng);
        let outcome = std::panic::catch_unwind(|| {
            let (index, state) = caught_up(&path, &log);
            (all_of(&index, blocks), state)
        });
        let (found, state) = outcome.unwrap_or_else(|_| panic!("{time}: a panic came through: {told}"));
        assert!(found == full, "{time}: other content after {state:?}: {told}");
        match state {
            IndexState::Current => current += 1,
            IndexState::Behind(_) => behind += 1,
            IndexState::Rebuilt { .. } => rebuilt += 1,
        }
        fs::remove_dir_all(&path).unwrap();
    }
    println!("{times} damaged indexes: {current} current, {behind} behind, {rebuilt} made anew");
    // Otherwise nothing was damaged.
    assert!(rebuilt * 4 > times, "{rebuilt} of {times} were made anew");
}

#[test]
fn a_hundred_damaged_indexes_are_opened_or_made_anew() {
    mutated(100, 1_000);
}

#[test]
#[ignore = "thorough: 5,000 damaged indexes"]
fn five_thousand_damaged_indexes_are_opened_or_made_anew() {
    mutated(5_000, 1_000_000);
}

/// Damages sled's files under a running index, whose reads then fail without a panic, and which can be cleared.
#[test]
fn an_index_damaged_while_it_is_open_fails_and_is_filled_again() {
    let (folder, log) = chain_of(300, 4000);
    let path = folder.path().join("index");
    let (index, _) = caught_up(&path, &log);
    let full = all_of(&index, 300);
    drop(index);
    let mut failed = 0;
    for round in 0..6 {
        let (index, _) = caught_up(&path, &log);
        index.flush().unwrap();
        let mut rng = StdRng::seed_from_u64(round);
        for file in files_in(&path) {
            let mut bytes = fs::read(&file).unwrap();
            rng.fill_bytes(&mut bytes);
            fs::write(&file, bytes).unwrap();
        }
        // Answers are right, or errors: sled may have them in memory.
        let look = |index: &SledIndex| match index.range(b"", None, usize::MAX) {
            Ok(entries) => assert!(entries == full.2),
            Err(error) => assert!(matches!(error, IndexError::Broken { .. }), "{error}"),
        };
        look(&index);
        if index.get(b"shared/1").is_err() {
            // Once broken, always broken, until it is cleared.
            assert!(index.tip().is_err() && index.block(0).is_err() && index.get(b"x").is_err());
            assert!(index.put(301, block(301), &[]).is_err());
        }
        // Whether it noticed or had everything in memory: what is read from the files again is not taken for an index.
        let index = if round % 2 == 0 {
            index
        } else {
            drop(index);
            let (index, state) = open_index(&path, &log).unwrap();
            assert!(matches!(state, IndexState::Rebuilt { .. }), "{state:?}");
            failed += 1;
            index
        };
        index.clear().unwrap();
        for record in log.records_after(None).unwrap() {
            let (position, content) = record.unwrap();
            put(&index, position, &content);
        }
        assert_eq!(all_of(&index, 300), full);
    }
    assert_eq!(failed, 3, "every second one was opened again");
}
