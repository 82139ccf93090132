//! Processes that are killed while they append, and disks that are full: nothing acknowledged is lost.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod store_common;

use std::io::BufRead;
use std::io::BufReader;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::process::Output;
use std::process::Stdio;
use std::time::Duration;

use cohortium_server::faults::Stage;
use cohortium_server::store::{BlockLog, IndexState, LogError, MemoryIndex};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use store_common::{
    acknowledged, all_of, append, assert_whole, caught_up, chain, child, content, open, put, role_folder,
};

const MOST: usize = 3_000;

/// Not a test of its own: appends groups of records, indexes them, and says what is acknowledged, until killed.
#[test]
fn role_appends_until_killed() {
    let Some(folder) = role_folder() else { return };
    let (mut log, _) = open(&folder.join("log")).unwrap();
    let (index, _) = caught_up(&folder.join("index"), &log);
    println!("ready");
    for round in 0.. {
        let first = log.count();
        let contents: Vec<_> = (first..first + 1 + round % 4).map(|number| content(number, MOST)).collect();
        let positions = log.append(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        println!("acknowledged {}", log.count());
        for (position, content) in positions.into_iter().zip(&contents) {
            put(&index, position, content);
        }
    }
}

/// Opens what a killed process left: all that was acknowledged is there, and the index holds just that.
fn assert_survived(folder: &Path, acknowledged: u64, what: &str) -> (u64, IndexState) {
    let (log, _) = open(&folder.join("log")).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(log.count() >= acknowledged, "{what}: {} of {acknowledged} acknowledged records are there", log.count());
    assert_whole(&log, MOST);
    let (index, state) = caught_up(&folder.join("index"), &log);
    let memory = MemoryIndex::new();
    for record in log.records_after(None).unwrap() {
        let (position, content) = record.unwrap();
        put(&memory, position, &content);
    }
    assert!(all_of(&index, log.count()) == all_of(&memory, log.count()), "{what}: the index holds something else");
    (log.count(), state)
}

#[test]
fn killed_at_every_named_stage() {
    if !cfg!(any(debug_assertions, feature = "faults")) {
        println!("skipped: stages do nothing in this build; use the feature `faults`");
        return;
    }
    for stage in Stage::ALL {
        let folder = tempfile::tempdir().unwrap();
        let mut log = BlockLog::create(&folder.path().join("log"), chain()).unwrap();
        append(&mut log, 3, MOST);
        drop(caught_up(&folder.path().join("index"), &log));
        drop(log);
        let mut command = child("role_appends_until_killed", folder.path());
        let output = command.env("COHORTIUM_DIE_AT", stage.name()).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code().is_none(), "{stage:?}: {:?} {text} {errors}", output.status);
        assert!(text.contains("ready"), "{stage:?}: {text}");
        // Each dies in its first group, which is one record.
        let said = acknowledged(&text);
        assert_eq!(said, (stage == Stage::IndexPut).then_some(4), "{stage:?}");
        let before = open(&folder.path().join("log")).unwrap_or_else(|error| panic!("{stage:?}: {error}"));
        let (log, recovery) = before;
        // What the first opening found.
        let (count, beyond, truncated) = match stage {
            Stage::LogHalfWritten => (3, 0, true),
            Stage::LogWrittenNotSynced | Stage::LogSynced | Stage::TipHalfWritten => (4, 1, false),
            Stage::TipWritten | Stage::IndexPut => (4, 0, false),
        };
        assert_eq!(
            (log.count(), recovery.beyond, recovery.truncated.is_some()),
            (count, beyond, truncated),
            "{stage:?}"
        );
        drop(log);
        assert_survived(folder.path(), said.unwrap_or(3), stage.name());
    }
}

/// Kills processes at random moments, one after the other over the same files.
fn killed_at_random(times: u64, seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut folder = tempfile::tempdir().unwrap();
    let (mut total, mut progress, mut states) = (0, 0, [0; 3]);
    for time in 0..times {
        // A new log now and then: opening reads all of it.
        if time % 25 == 0 {
            folder = tempfile::tempdir().unwrap();
            drop(BlockLog::create(&folder.path().join("log"), chain()).unwrap());
            total = 0;
        }
        let mut command = child("role_appends_until_killed", folder.path());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut text = String::new();
        // Every other time after something was acknowledged, so that a slow machine makes progress too.
        let sign = if time % 2 == 0 { "\nacknowledged " } else { "ready\n" };
        while !text.contains(sign) {
            assert!(output.read_line(&mut text).unwrap() > 0, "{time}: the child ended: {text}");
        }
        std::thread::sleep(Duration::from_micros(rng.gen_range(0..20_000)));
        process.kill().unwrap();
        process.wait().unwrap();
        output.read_to_string(&mut text).unwrap();
        let said = acknowledged(&text).unwrap_or(total);
        let (count, state) = assert_survived(folder.path(), said, &format!("kill {time}"));
        assert!(count >= total);
        progress += count - total;
        total = count;
        states[match state {
            IndexState::Current => 0,
            IndexState::Behind(_) => 1,
            IndexState::Rebuilt { .. } => 2,
        }] += 1;
    }
    let [current, behind, rebuilt] = states;
    println!(
        "{times} kills, {progress} records, 0 lost; index {current} current, {behind} behind, {rebuilt} made anew"
    );
    assert!(progress >= times / 2, "{progress} records in {times} rounds: too few to mean anything");
}

#[test]
fn killed_a_hundred_times() {
    killed_at_random(100, 7);
}

#[test]
#[ignore = "thorough: 1,000 kills"]
fn killed_a_thousand_times() {
    killed_at_random(1_000, 8);
}

/// Not a test of its own: appends until the disk is full, and opens what is there.
#[test]
fn role_fills_the_disk() {
    let Some(folder) = role_folder() else { return };
    let path = folder.join("log");
    let mut log = BlockLog::create(&path, chain()).unwrap();
    let error = loop {
        let first = log.count();
        let contents = [content(first, 100_000), content(first + 1, 100_000)];
        match log.append(&[&contents[0], &contents[1]]) {
            Ok(_) => assert_eq!(log.count(), first + 2),
            Err(error) => break error,
        }
        assert!(log.tip().bytes < 64 << 20, "the disk is not full");
    };
    assert!(matches!(error, LogError::File { .. }), "{error}");
    let acknowledged = log.count();
    // What was acknowledged can be read; what was not is not appended a second time, though it would fit.
    assert_whole(&log, 100_000);
    assert!(matches!(log.append(&[b"x"]), Err(LogError::Poisoned { .. })));
    assert_eq!(log.count(), acknowledged);
    drop(log);
    let (mut log, _) = open(&path).unwrap();
    assert!(log.count() >= acknowledged && log.count() <= acknowledged + 2);
    assert_whole(&log, 100_000);
    // Still too little room for a large record; afterwards, again, all that was acknowledged is there.
    let acknowledged = log.count();
    assert!(log.append(&[&vec![7; 9 << 20]]).is_err());
    drop(log);
    let (log, _) = open(&path).unwrap();
    assert_eq!(log.count(), acknowledged);
    assert_whole(&log, 100_000);
    println!("full after {acknowledged} records: {error}");
}

fn report(how: &str, output: &Output) {
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{how}: {text}\n{errors}");
    let at = text.find("full after ").unwrap_or_else(|| panic!("{how}: {text}"));
    println!("{how}: {}", text[at..].lines().next().unwrap());
}

#[test]
fn a_full_disk_acknowledges_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // A file system of 8 MiB that only the child sees, and that is gone with it.
    let mount = |command: &str| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--map-root-user", "sh", "-c", command]).arg(folder.path());
        unshare
    };
    let script = "mount -t tmpfs -o size=8m none \"$0\" || exit 77";
    if !mount(script).stderr(Stdio::null()).output().is_ok_and(|output| output.status.success()) {
        // Past the test's own capture: whoever runs the tests is to see it.
        let line = "SKIPPED a_full_disk_acknowledges_nothing: nobody may mount a file system of one's own here\n";
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
        return;
    }
    let role = child("role_fills_the_disk", folder.path());
    let output = mount(&format!("{script}; exec \"$@\""))
        .arg(role.get_program())
        .args(role.get_args())
        .env("STORE_TEST_FOLDER", folder.path())
        .output()
        .unwrap();
    report("disk of 8 MiB", &output);
}

#[test]
fn a_limit_on_the_file_acknowledges_nothing() {
    let folder = tempfile::tempdir().unwrap();
    // In blocks of 512 or 1,024 bytes. The signal is ignored, so that the write fails instead.
    let script = "trap '' XFSZ; ulimit -f 4000 || exit 77; exec \"$0\" \"$@\"";
    let role = child("role_fills_the_disk", folder.path());
    let output = Command::new("sh")
        .args(["-c", script])
        .arg(role.get_program())
        .args(role.get_args())
        .env("STORE_TEST_FOLDER", folder.path())
        .output()
        .unwrap();
    assert_ne!(output.status.code(), Some(77), "the shell does not limit a file's length");
    report("file of 2 to 4 MB", &output);
}
