//! Opening a block log: every record is read, and the log is held against its sealed tip.
//!
//! What was acknowledged has to be there, to the byte. What lies beyond was written and never acknowledged; it is kept
//! if it is whole, and only an incomplete last record is cut off. Everything else is refused: the log is the only
//! copy, so that guessing would lose what somebody was told is kept.

use std::fs;
use std::fs::File;
use std::fs::TryLockError;
use std::io;
use std::io::BufReader;
use std::io::Read;
use std::io::Seek;
use std::io::SeekFrom;
use std::path::Path;
use std::thread;
use std::time::Duration;

use cohortium_protocol::hash::Digest;

use super::LogError;
use super::error::failed;
use super::files;
use super::record::Flaw;
use super::record::HEAD_BYTES;
use super::record::HEADER_BYTES;
use super::record::Head;
use super::record::Position;
use super::record::header_hash;
use super::record::parse_header;
use super::tip;
use super::tip::LOG_FILE;
use super::tip::Sealed;
use super::tip::TIP_FILE;
use super::tip::Tip;

/// What a disk writes at once; a cut of the power leaves whole sectors, or none.
const SECTOR_BYTES: u64 = 512;
const CHUNK_BYTES: usize = 256 << 10;

/// What an operator vouches for when a log is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Acceptance {
    /// Nothing: a log without its tip is refused.
    Sealed,
    /// That the log is whole although its tip is missing or damaged. A tip that is whole is believed nevertheless.
    LogAsItIs,
}

/// An incomplete record that was cut off. It was never acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Truncated {
    /// The number that it would have had.
    pub number: u64,
    /// Where it began: the log's length now.
    pub offset: u64,
    /// How many bytes there were.
    pub bytes: u64,
}

/// What was found, and done, when a log was opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Recovery {
    /// What was acknowledged by the tip; nothing if the log was accepted without one.
    pub sealed: Option<Tip>,
    /// How many whole records were there beyond the tip: written, kept, and acknowledged from now on.
    pub beyond: u64,
    /// What was cut off at the end.
    pub truncated: Option<Truncated>,
}

/// An opened log's file and state.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) tip: Tip,
    pub(super) last: Option<Position>,
    pub(super) recovery: Recovery,
}

/// How long a lock is waited for: a process that was just killed, or a program that this one is just starting, may
/// hold it for a moment.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);

/// Takes the lock that keeps other processes away for as long as the file is open.
fn lock(file: &File, path: &Path) -> Result<(), LogError> {
    let step = Duration::from_millis(10);
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if waited < LOCK_PATIENCE => {
                thread::sleep(step);
                waited += step;
            }
            Err(TryLockError::WouldBlock) => return Err(LogError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(failed("lock", path)(error)),
        }
    }
}

/// Opens the log in a folder.
pub(super) fn open(folder: &Path, chain: Digest, acceptance: Acceptance) -> Result<Opened, LogError> {
    let path = folder.join(LOG_FILE);
    let file = match fs::OpenOptions::new().read(true).write(true).open(&path) {
        Ok(file) => Some(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed("open", &path)(error)),
    };
    if let Some(file) = &file {
        // Before the tip is read: whoever has the log open may be writing another.
        lock(file, &path)?;
    }
    let bytes = match &file {
        Some(file) => file.metadata().map_err(failed("read", &path))?.len(),
        None => 0,
    };
    let sealed = tip::read(folder)?;
    let (Some(file), true) = (file, bytes > 0) else {
        return Err(match sealed {
            Sealed::Whole(_, tip) => LogError::LogLost { path, records: tip.count, bytes: tip.bytes },
            Sealed::Damaged(problem) => LogError::TipDamaged { path: folder.join(TIP_FILE), problem },
            Sealed::Missing => LogError::NoLog { path: folder.to_owned() },
        });
    };
    check_chain(&file, &path, bytes, chain)?;
    let sealed = match (sealed, acceptance) {
        (Sealed::Whole(of, _), _) if of != chain => {
            return Err(LogError::OtherChain { path: folder.join(TIP_FILE), found: of, expected: chain });
        }
        (Sealed::Whole(_, tip), _) => Some(tip),
        (_, Acceptance::LogAsItIs) => None,
        (Sealed::Damaged(problem), _) => return Err(LogError::TipDamaged { path: folder.join(TIP_FILE), problem }),
        (Sealed::Missing, _) => return Err(LogError::TipMissing { path: folder.join(TIP_FILE), bytes }),
    };
    let (scan, recovery) = judge(&file, &path, bytes, chain, sealed)?;
    let tip = Tip { count: scan.count, bytes: scan.end, hash: scan.hash };
    bring_to_disk(&file, &path, sealed.map_or(HEADER_BYTES, |tip| tip.bytes), &tip, recovery.truncated.is_some())?;
    if sealed != Some(tip) {
        tip::write(folder, chain, tip).map_err(|failure| *failure.error)?;
    }
    Ok(Opened { file, tip, last: scan.last, recovery })
}

fn check_chain(file: &File, path: &Path, bytes: u64, chain: Digest) -> Result<(), LogError> {
    let damaged = |problem| LogError::Header { path: path.to_owned(), problem };
    if bytes < HEADER_BYTES {
        return Err(damaged("the file is shorter than a header"));
    }
    let mut header = [0; HEADER_BYTES as usize];
    files::read_at(file, &mut header, 0).map_err(failed("read", path))?;
    let found = parse_header(&header).map_err(damaged)?;
    if found != chain {
        return Err(LogError::OtherChain { path: path.to_owned(), found, expected: chain });
    }
    Ok(())
}

/// The whole records from the beginning on.
struct Scan {
    count: u64,
    end: u64,
    hash: Digest,
    last: Option<Position>,
    /// Where as many records end as the tip counts, and the last one's hash.
    at_tip: Option<(u64, Digest)>,
    stop: Stop,
}

/// Why there is no further record.
enum Stop {
    /// The file ends there.
    End,
    /// The file ends within a record, whose head is whole or is not.
    Cut,
    /// A record's bytes are there, and wrong.
    Flaw(Flaw),
    /// The same; unless there are zeros from this byte to the file's end, and it was not written so far.
    FlawOrZeros(Flaw, u64),
}

fn scan(file: &File, bytes: u64, chain: Digest, sealed: Option<Tip>) -> io::Result<Scan> {
    let mut reader = BufReader::with_capacity(CHUNK_BYTES, file);
    reader.seek(SeekFrom::Start(HEADER_BYTES))?;
    let hash = header_hash(chain);
    let mut scan = Scan { count: 0, end: HEADER_BYTES, hash, last: None, at_tip: None, stop: Stop::End };
    let mut content = Vec::new();
    loop {
        if sealed.is_some_and(|tip| tip.count == scan.count) {
            scan.at_tip = Some((scan.end, scan.hash));
        }
        let left = bytes - scan.end;
        if left < HEAD_BYTES {
            scan.stop = if left == 0 { Stop::End } else { Stop::Cut };
            return Ok(scan);
        }
        let mut head = [0; HEAD_BYTES as usize];
        reader.read_exact(&mut head)?;
        let head = match Head::parse(&head) {
            Ok(head) => head,
            Err(flaw) => {
                scan.stop = Stop::FlawOrZeros(flaw, scan.end);
                return Ok(scan);
            }
        };
        if head.previous != scan.hash {
            scan.stop = Stop::Flaw(Flaw::Previous { found: head.previous, expected: scan.hash });
            return Ok(scan);
        }
        if head.end(scan.end) > bytes {
            scan.stop = Stop::Cut;
            return Ok(scan);
        }
        content.resize(head.length as usize, 0);
        reader.read_exact(&mut content)?;
        if let Err(flaw) = head.fits(scan.hash, &content) {
            let last_sector = (bytes - 1) / SECTOR_BYTES * SECTOR_BYTES;
            let last = head.end(scan.end) == bytes;
            let zeros_from = last_sector.max(scan.end + HEAD_BYTES);
            scan.stop = if last { Stop::FlawOrZeros(flaw, zeros_from) } else { Stop::Flaw(flaw) };
            return Ok(scan);
        }
        scan.last = Some(Position { number: scan.count, offset: scan.end, hash: head.hash });
        scan.count += 1;
        scan.end = head.end(scan.end);
        scan.hash = head.hash;
    }
}

/// Scans the log and holds it against the tip.
fn judge(
    file: &File,
    path: &Path,
    bytes: u64,
    chain: Digest,
    sealed: Option<Tip>,
) -> Result<(Scan, Recovery), LogError> {
    let scan = scan(file, bytes, chain, sealed).map_err(failed("read", path))?;
    let bad = |flaw| LogError::BadRecord { path: path.to_owned(), number: scan.count, offset: scan.end, flaw };
    if let Some(acknowledged) = sealed {
        match (scan.at_tip, &scan.stop) {
            (Some((offset, hash)), _) if (offset, hash) != (acknowledged.bytes, acknowledged.hash) => {
                return Err(LogError::TipDisagrees { path: path.to_owned(), acknowledged, offset, hash });
            }
            (Some(_), _) => {}
            (None, Stop::Flaw(flaw) | Stop::FlawOrZeros(flaw, _)) => return Err(bad(*flaw)),
            (None, _) => {
                return Err(LogError::AcknowledgedLost {
                    path: path.to_owned(),
                    acknowledged,
                    found_bytes: bytes,
                    number: scan.count,
                    offset: scan.end,
                });
            }
        }
    }
    // From here on everything acknowledged is there.
    let truncated = Truncated { number: scan.count, offset: scan.end, bytes: bytes - scan.end };
    let truncated = match scan.stop {
        Stop::End => None,
        Stop::Cut => Some(truncated),
        Stop::FlawOrZeros(_, from) if zeros(file, from, bytes).map_err(failed("read", path))? => Some(truncated),
        Stop::Flaw(flaw) | Stop::FlawOrZeros(flaw, _) => return Err(bad(flaw)),
    };
    let beyond = scan.count - sealed.map_or(scan.count, |tip| tip.count);
    Ok((scan, Recovery { sealed, beyond, truncated }))
}

/// Whether the file holds nothing but zeros from a byte on. Some file systems make a file longer before its content is
/// there, and a power cut leaves zeros.
fn zeros(file: &File, from: u64, bytes: u64) -> io::Result<bool> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = from;
    while at < bytes {
        let length = (bytes - at).min(CHUNK_BYTES as u64) as usize;
        files::read_at(file, &mut chunk[..length], at)?;
        if chunk[..length].iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        at += length as u64;
    }
    Ok(true)
}

/// Cuts off what is incomplete, and brings to the disk what is kept beyond the old tip.
fn bring_to_disk(file: &File, path: &Path, from: u64, tip: &Tip, truncate: bool) -> Result<(), LogError> {
    if truncate {
        file.set_len(tip.bytes).map_err(failed("cut off the incomplete record of", path))?;
    }
    // Written once more: after a failed sync the system may hold these bytes in memory and believe them written, so
    // that another sync would succeed without doing anything.
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = from;
    while at < tip.bytes {
        let length = (tip.bytes - at).min(CHUNK_BYTES as u64) as usize;
        files::read_at(file, &mut chunk[..length], at).map_err(failed("read", path))?;
        files::write_at(file, &chunk[..length], at).map_err(failed("write", path))?;
        at += length as u64;
    }
    if truncate || from < tip.bytes {
        file.sync_all().map_err(failed("bring to the disk", path))?;
    }
    Ok(())
}
