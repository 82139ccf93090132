//! What it costs to keep a block: the disk's own syncs, and appends to the block log by size and group.
//!
//! `cargo bench -p cohortium-server --bench store [-- FOLDER]`. The folder says which disk is measured; without it, the
//! system's temporary folder. Prints rows.

use std::fs;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use cohortium_protocol::hash::Digest;
use cohortium_server::store::{Acceptance, BlockLog, Index, Indexed, Position, open_index};

/// How long each row is measured.
const LONG_ENOUGH: Duration = Duration::from_secs(2);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let folder = std::env::args().skip(1).find(|argument| argument != "--bench").map(PathBuf::from);
    let folder = folder.unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new().prefix("cohortium-bench").tempdir_in(folder)?;
    println!("{:>34} {:>8} {:>10} {:>10} {:>10} {:>10}", "what", "times", "p50 ms", "p99 ms", "records/s", "MB/s");
    syncs(folder.path())?;
    for bytes in [1_000, 100_000, 1_000_000] {
        for group in [1, 8, 64, 256] {
            if bytes * group <= 64_000_000 {
                appends(folder.path(), bytes, group)?;
            }
        }
    }
    reading(folder.path())?;
    index(folder.path())
}

/// Repeats something for long enough, and prints a row.
fn row(what: &str, records: usize, bytes: usize, mut step: impl FnMut(u64) -> Outcome<()>) -> Outcome<()> {
    let mut took = Vec::new();
    let begin = Instant::now();
    while begin.elapsed() < LONG_ENOUGH || took.len() < 5 {
        let before = Instant::now();
        step(took.len() as u64)?;
        took.push(before.elapsed());
    }
    let seconds = took.iter().sum::<Duration>().as_secs_f64();
    took.sort_unstable();
    let ms = |part: usize| took[(took.len() - 1) * part / 100].as_secs_f64() * 1e3;
    let rate = |each: usize| (took.len() * each) as f64 / seconds;
    let (records, megabytes) = (rate(records), rate(bytes) / 1e6);
    println!("{what:>34} {:>8} {:>10.3} {:>10.3} {records:>10.0} {megabytes:>10.1}", took.len(), ms(50), ms(99));
    Ok(())
}

fn syncs(folder: &Path) -> Outcome<()> {
    let mut file = File::create(folder.join("syncs"))?;
    let content = [7; 4096];
    row("write 4 kB", 1, 4096, |_| Ok(file.write_all(&content)?))?;
    row("write 4 kB, fdatasync", 1, 4096, |_| {
        file.write_all(&content)?;
        Ok(file.sync_data()?)
    })?;
    let (new, path) = (folder.join("new"), folder.join("old"));
    row("new file, fsync, rename, fsync", 1, 128, |_| {
        let mut file = File::create(&new)?;
        file.write_all(&content[..128])?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        Ok(File::open(folder)?.sync_all()?)
    })
}

fn appends(folder: &Path, bytes: usize, group: usize) -> Outcome<()> {
    let path = folder.join(format!("log-{bytes}-{group}"));
    let mut log = BlockLog::create(&path, Digest::of_bytes(b"bench"))?;
    let content = vec![7; bytes];
    let contents = vec![content.as_slice(); group];
    row(&format!("append {group} x {} kB", bytes / 1000), group, bytes * group, |_| {
        log.append(&contents)?;
        Ok(())
    })?;
    drop(log);
    Ok(fs::remove_dir_all(path)?)
}

fn reading(folder: &Path) -> Outcome<()> {
    let path = folder.join("log");
    let chain = Digest::of_bytes(b"bench");
    let mut log = BlockLog::create(&path, chain)?;
    let content = vec![7; 100_000];
    let positions = log.append(&vec![content.as_slice(); 1_000])?;
    let reader = log.reader();
    row("read one record of 100 kB", 1, 100_000, |time| {
        reader.read(&positions[time as usize * 7 % 1_000])?;
        Ok(())
    })?;
    drop(log);
    row("open a log of 1,000 x 100 kB", 1_000, 100_000_000, |_| {
        BlockLog::open(&path, chain, Acceptance::Sealed)?;
        Ok(())
    })
}

fn index(folder: &Path) -> Outcome<()> {
    let log = BlockLog::create(&folder.join("empty"), Digest::of_bytes(b"bench"))?;
    let (index, _) = open_index(&folder.join("index"), &log)?;
    row("put a block with 10 entries", 1, 10 * 220, |height| {
        let hash = Digest::of_bytes(&height.to_be_bytes());
        let block = Indexed { hash, position: Position { number: height, offset: height, hash } };
        let entries: Vec<_> = (0..10).map(|part| (format!("{part}/{height}").into_bytes(), vec![7; 200])).collect();
        Ok(index.put(height, block, &entries)?)
    })?;
    row("get an entry", 1, 200, |time| Ok(index.get(format!("3/{}", time % 1000).as_bytes()).map(drop)?))?;
    row("list 50 entries", 50, 50 * 200, |_| Ok(index.range(b"3/", None, 50).map(drop)?))
}
