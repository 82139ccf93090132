//! The sealed tip: how far the log was acknowledged, in a file of its own.
//!
//! A log that was cut at the end of a record is a log like any other: nothing in it shows what is missing. So before
//! records are acknowledged, their number, the log's length and the last hash are written here.

use std::fs;
use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;

use cohortium_protocol::hash::Digest;
use cohortium_protocol::hash::Hasher;

use super::LogError;
use super::domain;
use super::error::failed;
use super::record::digest_at;
use super::record::u64_at;
use crate::faults::Stage;

/// The log's file in its folder.
pub const LOG_FILE: &str = "blocks.log";
/// The tip's file in the log's folder.
pub const TIP_FILE: &str = "tip";
/// Where a tip is written before it is renamed.
const NEW_TIP_FILE: &str = "tip.new";
/// How every tip begins: name and version.
const MAGIC: [u8; 16] = *b"cohortium-tip/1\n";
/// The length of a tip: magic, chain id, number of records, length, last hash, check.
pub const TIP_BYTES: usize = 128;

/// How far a log was acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tip {
    /// How many records.
    pub count: u64,
    /// How many bytes of the log, the header's included.
    pub bytes: u64,
    /// The last record's hash; the header's if there is no record.
    pub hash: Digest,
}

impl Tip {
    fn check(&self, chain: Digest) -> Digest {
        let mut hasher = Hasher::new(domain::LOG_TIP);
        hasher.digest(&chain).u64(self.count).u64(self.bytes).digest(&self.hash).finish()
    }

    /// The file's content.
    pub(super) fn to_bytes(self, chain: Digest) -> [u8; TIP_BYTES] {
        let mut bytes = [0; TIP_BYTES];
        bytes[..16].copy_from_slice(&MAGIC);
        bytes[16..48].copy_from_slice(chain.as_bytes());
        bytes[48..56].copy_from_slice(&self.count.to_be_bytes());
        bytes[56..64].copy_from_slice(&self.bytes.to_be_bytes());
        bytes[64..96].copy_from_slice(self.hash.as_bytes());
        bytes[96..].copy_from_slice(self.check(chain).as_bytes());
        bytes
    }

    /// Reads the file's content: the chain and the tip, or what is wrong.
    fn parse(bytes: &[u8]) -> Result<(Digest, Self), &'static str> {
        if bytes.len() != TIP_BYTES {
            return Err("it is not 128 bytes long");
        }
        if bytes[..16] != MAGIC {
            return Err("it does not begin with \"cohortium-tip/1\"");
        }
        let chain = digest_at(bytes, 16);
        let tip = Self { count: u64_at(bytes, 48), bytes: u64_at(bytes, 56), hash: digest_at(bytes, 64) };
        if digest_at(bytes, 96) != tip.check(chain) {
            return Err("its check does not fit its content");
        }
        Ok((chain, tip))
    }
}

/// What stands in the place of the tip.
pub(super) enum Sealed {
    /// A whole tip, and its chain.
    Whole(Digest, Tip),
    /// Something else, and what is wrong with it.
    Damaged(&'static str),
    /// Nothing.
    Missing,
}

/// Reads the tip of a log's folder.
pub(super) fn read(folder: &Path) -> Result<Sealed, LogError> {
    let path = folder.join(TIP_FILE);
    match fs::read(&path) {
        Ok(bytes) => Ok(match Tip::parse(&bytes) {
            Ok((chain, tip)) => Sealed::Whole(chain, tip),
            Err(problem) => Sealed::Damaged(problem),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Sealed::Missing),
        Err(error) => Err(failed("read", &path)(error)),
    }
}

/// Why a tip was not written.
pub(super) struct NotSealed {
    /// What failed.
    pub(super) error: Box<LogError>,
    /// Whether the new tip may nevertheless be there after a restart.
    pub(super) maybe_there: bool,
}

/// Puts a tip in the place of the old one, so that after a power cut one of the two is there whole.
pub(super) fn write(folder: &Path, chain: Digest, tip: Tip) -> Result<(), NotSealed> {
    let new = folder.join(NEW_TIP_FILE);
    let bytes = tip.to_bytes(chain);
    let (first, second) = bytes.split_at(TIP_BYTES / 2);
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(first)?;
        Stage::TipHalfWritten.pass();
        file.write_all(second)?;
        file.sync_all()
    });
    written.map_err(|error| NotSealed { error: failed("write", &new)(error).into(), maybe_there: false })?;
    let path = folder.join(TIP_FILE);
    fs::rename(&new, &path)
        .map_err(|error| NotSealed { error: failed("replace", &path)(error).into(), maybe_there: true })?;
    super::files::sync_folder(folder).map_err(|error| NotSealed {
        error: failed("bring to the disk the folder", folder)(error).into(),
        maybe_there: true,
    })?;
    Stage::TipWritten.pass();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_pinned_and_every_flipped_bit_is_noticed() {
        let chain = Digest::of_bytes(b"chain");
        let tip = Tip { count: 3, bytes: 500, hash: Digest::of_bytes(b"last") };
        let bytes = tip.to_bytes(chain);
        assert_eq!(Tip::parse(&bytes), Ok((chain, tip)));
        let item = |bytes: &[u8]| [&(bytes.len() as u64).to_be_bytes()[..], bytes].concat();
        let stream = [
            item(b"cohortium/log-tip/1"),
            item(chain.as_bytes()),
            item(&3_u64.to_be_bytes()),
            item(&500_u64.to_be_bytes()),
            item(tip.hash.as_bytes()),
        ];
        assert_eq!(digest_at(&bytes, 96), Digest::of_bytes(&stream.concat()));
        for bit in 0..bytes.len() * 8 {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Tip::parse(&bytes).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert!(Tip::parse(&bytes[..length]).is_err(), "cut to {length}");
        }
    }
}
