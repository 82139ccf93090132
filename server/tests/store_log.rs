//! The block log: what is appended is there; whatever else is done to its files is noticed.

#![allow(clippy::unwrap_used)] // a test stops where it fails

mod store_common;

use std::fs;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use cohortium_protocol::hash::Digest;
use cohortium_server::store::{
    Acceptance, BlockLog, Flaw, HEAD_BYTES, HEADER_BYTES, LogError, MAX_RECORD_BYTES, Position, TIP_FILE, Truncated,
};
use store_common::{append, assert_whole, chain, content, log_file, open};
use tempfile::TempDir;

/// A log of which all is written and the first records are acknowledged.
struct Damaged {
    folder: TempDir,
    log: Vec<u8>,
    /// Where the records are, and where the last one ends.
    at: Vec<u64>,
    tips: Vec<Vec<u8>>,
}

impl Damaged {
    fn new(records: u64, most: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = BlockLog::create(&path, chain()).unwrap();
        let tip = || fs::read(path.join(TIP_FILE)).unwrap();
        let (mut at, mut tips) = (vec![HEADER_BYTES], vec![tip()]);
        for _ in 0..records {
            append(&mut log, 1, most);
            at.push(log.tip().bytes);
            tips.push(tip());
        }
        drop(log);
        let log = fs::read(log_file(&path)).unwrap();
        Self { folder, log, at, tips }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("log")
    }

    /// Puts these files in place.
    fn set(&self, log: &[u8], tip: Option<&[u8]>) {
        fs::write(log_file(&self.path()), log).unwrap();
        match tip {
            Some(tip) => fs::write(self.path().join(TIP_FILE), tip).unwrap(),
            None => drop(fs::remove_file(self.path().join(TIP_FILE))),
        }
    }

    /// The record that a byte of the log belongs to.
    fn record_of(&self, byte: u64) -> u64 {
        self.at.partition_point(|at| *at <= byte) as u64 - 1
    }

    fn refused(&self, acceptance: Acceptance) -> LogError {
        let before = fs::read(log_file(&self.path())).unwrap();
        let error = BlockLog::open(&self.path(), chain(), acceptance).unwrap_err();
        assert_eq!(fs::read(log_file(&self.path())).unwrap(), before, "a refused log is left as it is");
        error
    }

    /// Cuts the log everywhere in a range, with so many records acknowledged.
    fn cut(&self, range: Range<u64>, acknowledged: usize, most: usize) {
        for cut in range {
            self.set(&self.log[..cut as usize], Some(&self.tips[acknowledged]));
            if cut == 0 {
                assert!(matches!(self.refused(Acceptance::Sealed), LogError::LogLost { .. }));
                continue;
            } else if cut < HEADER_BYTES {
                assert!(matches!(self.refused(Acceptance::Sealed), LogError::Header { .. }));
                continue;
            }
            let number = self.record_of(cut);
            let offset = self.at[number as usize];
            if cut < self.at[acknowledged] {
                match self.refused(Acceptance::Sealed) {
                    LogError::AcknowledgedLost { number: n, offset: o, found_bytes, acknowledged: tip, .. } => {
                        assert_eq!((n, o, found_bytes), (number, offset, cut));
                        assert_eq!((tip.count, tip.bytes), (acknowledged as u64, self.at[acknowledged]));
                    }
                    other => panic!("cut at {cut}: {other}"),
                }
            } else {
                let (log, recovery) = open(&self.path()).unwrap();
                assert_eq!(log.count(), number, "cut at {cut}");
                assert_eq!(recovery.beyond, number - acknowledged as u64);
                let expected = (cut > offset).then_some(Truncated { number, offset, bytes: cut - offset });
                assert_eq!(recovery.truncated, expected, "cut at {cut}");
                assert_whole(&log, most);
                drop(log);
                assert_eq!(fs::read(log_file(&self.path())).unwrap(), self.log[..offset as usize]);
                assert_eq!(fs::read(self.path().join(TIP_FILE)).unwrap(), self.tips[number as usize]);
            }
        }
    }
}

#[test]
fn what_is_appended_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    assert!(matches!(open(&path), Err(LogError::NoLog { .. })));
    let mut log = BlockLog::create(&path, chain()).unwrap();
    assert!(matches!(BlockLog::create(&path, chain()), Err(LogError::Exists { .. })));
    assert!(matches!(open(&path), Err(LogError::InUse { .. })));
    let (header, none) = (log.tip(), log.append(&[]).unwrap());
    assert_eq!((none.len(), header.bytes, log.last()), (0, HEADER_BYTES, None));
    let contents: Vec<_> = (0..5).map(|number| content(number, 1000)).collect();
    let group: Vec<&[u8]> = contents.iter().map(Vec::as_slice).collect();
    let positions = log.append(&group).unwrap();
    append(&mut log, 2, 1000);
    for (position, content) in positions.iter().zip(&contents) {
        assert_eq!(&log.read(position).unwrap(), content);
    }
    assert_eq!((log.count(), log.tip().hash), (7, log.last().unwrap().hash));
    let after: Vec<_> =
        log.records_after(Some(&positions[2])).unwrap().map(|record| record.unwrap().0.number).collect();
    assert_eq!(after, [3, 4, 5, 6]);
    let before = log.tip();
    drop(log);
    let (mut log, recovery) = open(&path).unwrap();
    assert_eq!((log.tip(), recovery.sealed, recovery.beyond, recovery.truncated), (before, Some(before), 0, None));
    append(&mut log, 1, 1000);
    assert_whole(&log, 1000);
    drop(log);
    let other = BlockLog::open(&path, Digest::of_bytes(b"another"), Acceptance::LogAsItIs).unwrap_err();
    assert!(matches!(other, LogError::OtherChain { found, .. } if found == chain()), "{other}");
}

#[test]
fn records_have_a_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = BlockLog::create(&path, chain()).unwrap();
    assert_eq!(log.append(&[b"x", b""]), Err(LogError::Size { bytes: 0 }));
    let mut large = vec![7; MAX_RECORD_BYTES + 1];
    assert_eq!(log.append(&[&large]), Err(LogError::Size { bytes: MAX_RECORD_BYTES + 1 }));
    // A refused size is the caller's mistake, and no reason to stop.
    assert!(!log.is_poisoned() && log.count() == 0);
    large.pop();
    let positions = log.append(&[&large, b"x"]).unwrap();
    drop(log);
    let (log, _) = open(&path).unwrap();
    assert!(log.read(&positions[0]).unwrap() == large && log.read(&positions[1]).unwrap() == b"x");
}

#[test]
fn a_log_cut_at_every_byte_of_its_last_three_records() {
    let damaged = Damaged::new(6, 60);
    for acknowledged in 3..=6 {
        damaged.cut(damaged.at[3]..damaged.log.len() as u64, acknowledged, 60);
    }
}

#[test]
#[ignore = "thorough: every byte of the log, every number of acknowledged records"]
fn a_log_cut_at_every_byte() {
    let damaged = Damaged::new(8, 300);
    for acknowledged in 0..=8 {
        damaged.cut(0..damaged.log.len() as u64, acknowledged, 300);
    }
}

/// Flips every bit of a log, and asks that the record and its offset be named.
fn flip(damaged: &Damaged, acknowledged: Option<usize>) {
    let tip = acknowledged.map(|count| damaged.tips[count].as_slice());
    let acceptance = if tip.is_some() { Acceptance::Sealed } else { Acceptance::LogAsItIs };
    damaged.set(&damaged.log, tip);
    // In place: to write the file anew each time takes far longer.
    let file = fs::OpenOptions::new().write(true).open(log_file(&damaged.path())).unwrap();
    for bit in 0..damaged.log.len() * 8 {
        let byte = bit as u64 / 8;
        let whole = damaged.log[bit / 8];
        file.write_all_at(&[whole ^ (1 << (bit % 8))], byte).unwrap();
        match damaged.refused(acceptance) {
            LogError::Header { .. } if byte < HEADER_BYTES => {}
            LogError::BadRecord { number, offset, flaw, .. } if byte >= HEADER_BYTES => {
                assert_eq!(number, damaged.record_of(byte), "bit {bit}");
                assert_eq!(offset, damaged.at[number as usize], "bit {bit}");
                assert_eq!(flaw == Flaw::Content, byte >= offset + HEAD_BYTES, "bit {bit}: {flaw}");
            }
            other => panic!("bit {bit}: {other}"),
        }
        file.write_all_at(&[whole], byte).unwrap();
    }
}

#[test]
fn every_bit_of_a_small_log_flipped() {
    let damaged = Damaged::new(4, 40);
    for acknowledged in [Some(0), Some(2), Some(4), None] {
        flip(&damaged, acknowledged);
    }
}

#[test]
#[ignore = "thorough: every bit of a larger log, every number of acknowledged records"]
fn every_bit_of_a_larger_log_flipped() {
    let damaged = Damaged::new(8, 500);
    for acknowledged in (0..=8).map(Some).chain([None]) {
        flip(&damaged, acknowledged);
    }
}

#[test]
fn records_in_another_order_or_from_another_log_are_refused() {
    let damaged = Damaged::new(4, 40);
    let part = |record: usize| &damaged.log[damaged.at[record] as usize..damaged.at[record + 1] as usize];
    let header = &damaged.log[..HEADER_BYTES as usize];
    for order in [[0, 2, 1, 3], [1, 0, 2, 3], [0, 1, 1, 2], [0, 1, 3, 2]] {
        let log = order.iter().fold(header.to_vec(), |log, record| [&log, part(*record)].concat());
        damaged.set(&log, Some(&damaged.tips[0]));
        let first = order.iter().enumerate().find(|(place, record)| place != *record).unwrap().0 as u64;
        let error = damaged.refused(Acceptance::Sealed);
        let LogError::BadRecord { number, flaw: Flaw::Previous { .. }, .. } = error else { panic!("{error}") };
        assert_eq!(number, first);
    }
    // A whole log of the same chain, with the tip of another.
    let other = tempfile::tempdir().unwrap();
    let mut log = BlockLog::create(&other.path().join("log"), chain()).unwrap();
    (0..6).for_each(|_| drop(log.append(&[b"something else"]).unwrap()));
    damaged.set(&fs::read(log_file(&other.path().join("log"))).unwrap(), Some(&damaged.tips[2]));
    for acceptance in [Acceptance::Sealed, Acceptance::LogAsItIs] {
        assert!(matches!(damaged.refused(acceptance), LogError::TipDisagrees { .. }));
    }
}

#[test]
fn zeros_that_a_power_cut_leaves_are_cut_off_and_only_beyond_the_tip() {
    let damaged = Damaged::new(3, 40);
    let long = {
        let (mut log, _) = open(&damaged.path()).unwrap();
        log.append(&[&[7; 3000]]).unwrap();
        drop(log);
        fs::read(log_file(&damaged.path())).unwrap()
    };
    let sealed = fs::read(damaged.path().join(TIP_FILE)).unwrap();
    let zeroed = |from: usize| [&long[..from], &vec![0; long.len() - from]].concat();
    let begin = damaged.at[3] as usize;
    // The file is longer, nothing of the record is there; or its beginning is there.
    for from in [begin, begin + 100, long.len() - 600] {
        damaged.set(&zeroed(from), Some(&damaged.tips[3]));
        let (log, recovery) = open(&damaged.path()).unwrap();
        let bytes = (long.len() - begin) as u64;
        assert_eq!(recovery.truncated, Some(Truncated { number: 3, offset: begin as u64, bytes }), "from {from}");
        assert_whole(&log, 40);
        drop(log);
        damaged.set(&zeroed(from), Some(&sealed));
        assert!(matches!(damaged.refused(Acceptance::Sealed), LogError::BadRecord { number: 3, .. }), "from {from}");
    }
    // Zeros with something after them are no cut.
    let mut hole = zeroed(begin + 100);
    *hole.last_mut().unwrap() = 7;
    damaged.set(&hole, Some(&damaged.tips[3]));
    assert!(matches!(damaged.refused(Acceptance::Sealed), LogError::BadRecord { number: 3, .. }));
}

#[test]
fn a_tip_that_is_damaged_missing_or_old() {
    let damaged = Damaged::new(4, 40);
    let tip = &damaged.tips[4];
    for bit in 0..tip.len() * 8 {
        let mut flipped = tip.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        damaged.set(&damaged.log, Some(&flipped));
        assert!(matches!(damaged.refused(Acceptance::Sealed), LogError::TipDamaged { .. }), "bit {bit}");
    }
    for length in 0..tip.len() {
        damaged.set(&damaged.log, Some(&tip[..length]));
        assert!(matches!(damaged.refused(Acceptance::Sealed), LogError::TipDamaged { .. }), "cut to {length}");
    }
    // Without a tip only on somebody's word; afterwards there is one again.
    for lost in [None, Some(&tip[..100])] {
        damaged.set(&damaged.log, lost);
        let error = damaged.refused(Acceptance::Sealed);
        assert!(matches!(error, LogError::TipMissing { .. } | LogError::TipDamaged { .. }));
        let (log, recovery) = BlockLog::open(&damaged.path(), chain(), Acceptance::LogAsItIs).unwrap();
        assert_eq!((log.count(), recovery.sealed, recovery.beyond, recovery.truncated), (4, None, 0, None));
        drop(log);
        assert_eq!(&fs::read(damaged.path().join(TIP_FILE)).unwrap(), tip);
        open(&damaged.path()).unwrap();
    }
    // An old one is brought forward; the log's end counts, not the file's age.
    for (old, bytes) in damaged.tips.iter().enumerate() {
        damaged.set(&damaged.log, Some(bytes));
        let (log, recovery) = open(&damaged.path()).unwrap();
        assert_eq!((log.count(), recovery.beyond, recovery.truncated), (4, 4 - old as u64, None));
        assert_eq!(&fs::read(damaged.path().join(TIP_FILE)).unwrap(), tip);
    }
    // A tip that is whole is believed whatever the operator says.
    damaged.set(&damaged.log[..damaged.at[3] as usize], Some(tip));
    assert!(matches!(damaged.refused(Acceptance::LogAsItIs), LogError::AcknowledgedLost { number: 3, .. }));
}

#[test]
fn a_lost_log_is_never_a_genesis() {
    let damaged = Damaged::new(2, 40);
    let lost = |folder: &Path| {
        let error = open(folder).unwrap_err();
        assert!(matches!(error, LogError::LogLost { records: 2, .. }), "{error}");
        assert!(matches!(BlockLog::create(folder, chain()), Err(LogError::Exists { .. })));
        assert!(matches!(BlockLog::open(folder, chain(), Acceptance::LogAsItIs), Err(LogError::LogLost { .. })));
    };
    damaged.set(b"", Some(&damaged.tips[2]));
    lost(&damaged.path());
    fs::remove_file(log_file(&damaged.path())).unwrap();
    lost(&damaged.path());
    // A header alone, with or without its tip.
    damaged.set(&damaged.log[..HEADER_BYTES as usize], Some(&damaged.tips[2]));
    assert!(matches!(damaged.refused(Acceptance::Sealed), LogError::AcknowledgedLost { number: 0, offset: 80, .. }));
    damaged.set(&damaged.log[..HEADER_BYTES as usize], None);
    assert!(matches!(damaged.refused(Acceptance::Sealed), LogError::TipMissing { .. }));
    assert!(matches!(BlockLog::create(&damaged.path(), chain()), Err(LogError::Exists { .. })));
}

#[test]
fn an_attempt_to_make_a_log_that_was_killed_is_no_hindrance() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    fs::create_dir(folder.path().join("log.new")).unwrap();
    fs::write(folder.path().join("log.new/blocks.log"), b"half").unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(open(&path), Err(LogError::NoLog { .. })));
    append(&mut BlockLog::create(&path, chain()).unwrap(), 1, 40);
    assert_eq!(open(&path).unwrap().0.count(), 1);
    assert!(!folder.path().join("log.new").exists());
}

#[test]
fn a_record_is_checked_whenever_it_is_read() {
    let damaged = Damaged::new(3, 40);
    let (log, _) = open(&damaged.path()).unwrap();
    let positions: Vec<Position> = log.records_after(None).unwrap().map(|record| record.unwrap().0).collect();
    let reader = log.reader();
    for byte in damaged.at[1]..damaged.at[2] {
        let mut bytes = damaged.log.clone();
        bytes[byte as usize] ^= 4;
        fs::write(log_file(&damaged.path()), bytes).unwrap();
        let error = reader.read(&positions[1]).unwrap_err();
        // A damaged link to the record before shows in the head's check.
        assert!(matches!(error, LogError::BadRecord { number: 1, .. }), "{error}");
        assert!(reader.read(&positions[0]).is_ok() && reader.read(&positions[2]).is_ok());
        let records: Vec<_> = log.records_after(None).unwrap().collect();
        assert!(records.len() == 2 && records[0].is_ok() && records[1].is_err());
    }
    fs::write(log_file(&damaged.path()), &damaged.log).unwrap();
    // Positions that nobody gave out.
    for offset in [0, 1, damaged.at[3], damaged.at[2] + 1, u64::MAX - 10, i64::MAX as u64] {
        let error = reader.read(&Position { offset, ..positions[2] }).unwrap_err();
        assert!(matches!(error, LogError::BadRecord { .. }), "{offset}: {error}");
    }
    let other = reader.read(&Position { hash: positions[0].hash, ..positions[2] }).unwrap_err();
    assert!(matches!(other, LogError::BadRecord { flaw: Flaw::Other { .. }, .. }));
}

#[test]
fn readers_read_while_records_are_appended() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = BlockLog::create(&folder.path().join("log"), chain()).unwrap();
    let positions = append(&mut log, 5, 400);
    let reader = log.reader();
    std::thread::scope(|scope| {
        let reads = scope.spawn(|| {
            for position in positions.iter().cycle().take(500) {
                assert_eq!(reader.read(position).unwrap(), content(position.number, 400));
            }
        });
        append(&mut log, 10, 400);
        reads.join().unwrap();
    });
    assert_whole(&log, 400);
    // A reader outlives the log, and is no hindrance to opening it again.
    drop(log);
    let (log, _) = open(&folder.path().join("log")).unwrap();
    assert_eq!(reader.read(&log.last().unwrap()).unwrap(), content(14, 400));
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_any_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = BlockLog::create(&path, chain()).unwrap();
    append(&mut log, 2, 40);
    let bytes = log.tip().bytes;
    // The tip cannot be written beside its place: the records are taken back.
    fs::create_dir(path.join("tip.new")).unwrap();
    assert!(matches!(log.append(&[b"lost"]), Err(LogError::File { .. })));
    assert_eq!(fs::metadata(log_file(&path)).unwrap().len(), bytes);
    fs::remove_dir(path.join("tip.new")).unwrap();
    assert!(log.is_poisoned() && log.count() == 2);
    assert!(matches!(log.append(&[b"again"]), Err(LogError::Poisoned { .. })));
    assert_whole(&log, 40);
    drop(log);
    // It cannot be renamed: it may be there later, so the records stay, unacknowledged.
    let (mut log, _) = open(&path).unwrap();
    let tip = fs::read(path.join(TIP_FILE)).unwrap();
    fs::remove_file(path.join(TIP_FILE)).unwrap();
    fs::create_dir(path.join(TIP_FILE)).unwrap();
    assert!(matches!(log.append(&[&content(2, 40)]), Err(LogError::File { .. })));
    assert!(matches!(log.append(&[&content(2, 40)]), Err(LogError::Poisoned { .. })));
    drop(log);
    fs::remove_dir(path.join(TIP_FILE)).unwrap();
    fs::write(path.join(TIP_FILE), tip).unwrap();
    let (log, recovery) = open(&path).unwrap();
    assert_eq!((log.count(), recovery.beyond), (3, 1));
    assert_whole(&log, 40);
}

#[test]
fn refusals_are_plain_sentences() {
    let damaged = Damaged::new(3, 40);
    damaged.set(&damaged.log[..damaged.at[2] as usize + 5], Some(&damaged.tips[3]));
    let text = damaged.refused(Acceptance::Sealed).to_string();
    let (there, all) = (damaged.at[2] + 5, damaged.at[3]);
    assert!(text.contains(&format!("has lost acknowledged records: 3 records in {all} bytes")), "{text}");
    assert!(text.contains(&format!("{there} bytes and ends before record 2 (which begins at byte {}", damaged.at[2])));
    let mut flipped = damaged.log.clone();
    flipped[damaged.at[1] as usize + 2] ^= 1;
    damaged.set(&flipped, Some(&damaged.tips[3]));
    let text = damaged.refused(Acceptance::Sealed).to_string();
    assert!(text.starts_with("record 1 of ") && text.ends_with("its head does not fit the head's check"), "{text}");
    assert!(text.contains(&format!("begins at byte {}", damaged.at[1])), "{text}");
}

/// The example on the page of the format, which was computed by another program.
#[test]
fn the_page_of_the_format_is_right() {
    let page = include_str!("../../docs/src/formats/block-log.md");
    let block = page.split("```text\nblocks.log\n").nth(1).unwrap().split("```").next().unwrap();
    let (log, tip) = block.split_once("\n\ntip\n").unwrap();
    let bytes = |text: &str| hex::decode(text.split_whitespace().collect::<String>()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let chain = Digest::of_bytes(b"chain");
    BlockLog::create(&path, chain).unwrap().append(&[b"abc"]).unwrap();
    assert_eq!(fs::read(log_file(&path)).unwrap(), bytes(log));
    assert_eq!(fs::read(path.join(TIP_FILE)).unwrap(), bytes(tip));
}
