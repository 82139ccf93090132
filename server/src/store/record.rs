//! The bytes of a block log: the header, and the head before each record.
//!
//! Integers are big-endian. A record's head has a check of its own: a length is believed only after it was checked,
//! so that a damaged length is not mistaken for a record that was cut off.

use std::fmt;

use cohortium_protocol::hash::Digest;
use cohortium_protocol::hash::Hasher;

use super::domain;

/// How every block log begins: name and version.
const MAGIC: [u8; 16] = *b"cohortium-log/1\n";
/// The length of the header: magic, chain id, the header's hash.
pub const HEADER_BYTES: u64 = 80;
/// The length of a record's head: length, the hash before, the record's hash, the head's check.
pub const HEAD_BYTES: u64 = 76;
/// The most that a record may hold: 64 MiB.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

/// What is wrong with a record whose bytes are there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// The head's check does not fit the head.
    Head,
    /// The head is whole, and gives a length that no record has.
    Length(u32),
    /// The record follows another one than stands before it.
    Previous {
        /// The hash that the record says it follows.
        found: Digest,
        /// The hash of what stands before it.
        expected: Digest,
    },
    /// The content does not have the record's hash.
    Content,
    /// A whole record stands there, and not the one that was looked for.
    Other {
        /// The hash of what stands there.
        found: Digest,
        /// The hash looked for.
        expected: Digest,
    },
    /// The log ends before the record does.
    Short,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("its head does not fit the head's check"),
            Self::Length(length) => write!(f, "it gives its length as {length}, allowed are 1 to {MAX_RECORD_BYTES}"),
            Self::Previous { found, expected } => {
                write!(f, "it says that it follows {found}, but what stands before it has the hash {expected}")
            }
            Self::Content => f.write_str("its content does not have the record's hash"),
            Self::Other { found, expected } => write!(f, "a record of the hash {found} is there instead of {expected}"),
            Self::Short => f.write_str("the log ends before the record does"),
        }
    }
}

/// Where a record is, and which one it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Position {
    /// The record's number; the first has the number 0.
    pub number: u64,
    /// Where its head begins.
    pub offset: u64,
    /// Its hash, which stands for the whole log up to and with this record.
    pub hash: Digest,
}

impl Position {
    /// The length of its encoding.
    pub const BYTES: usize = 48;

    /// Number, offset, hash.
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&self.number.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.offset.to_be_bytes());
        bytes[16..].copy_from_slice(self.hash.as_bytes());
        bytes
    }

    /// The reverse.
    pub fn from_bytes(bytes: &[u8; Self::BYTES]) -> Self {
        Self { number: u64_at(bytes, 0), offset: u64_at(bytes, 8), hash: digest_at(bytes, 16) }
    }
}

/// Eight bytes as an integer. The caller knows that they are there.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut integer = [0; 8];
    integer.copy_from_slice(&bytes[at..at + 8]);
    u64::from_be_bytes(integer)
}

/// Thirty-two bytes as a digest. The caller knows that they are there.
pub(super) fn digest_at(bytes: &[u8], at: usize) -> Digest {
    let mut digest = [0; 32];
    digest.copy_from_slice(&bytes[at..at + 32]);
    Digest::from_bytes(digest)
}

/// The hash that the first record follows.
pub(super) fn header_hash(chain: Digest) -> Digest {
    Hasher::new(domain::LOG_HEADER).digest(&chain).finish()
}

/// The log's first bytes.
pub(super) fn header(chain: Digest) -> [u8; HEADER_BYTES as usize] {
    let mut bytes = [0; HEADER_BYTES as usize];
    bytes[..16].copy_from_slice(&MAGIC);
    bytes[16..48].copy_from_slice(chain.as_bytes());
    bytes[48..].copy_from_slice(header_hash(chain).as_bytes());
    bytes
}

/// Reads the header: the chain, or what is wrong.
pub(super) fn parse_header(bytes: &[u8; HEADER_BYTES as usize]) -> Result<Digest, &'static str> {
    if bytes[..16] != MAGIC {
        return Err("it does not begin with \"cohortium-log/1\"");
    }
    let chain = digest_at(bytes, 16);
    if digest_at(bytes, 48) != header_hash(chain) {
        return Err("its hash is not that of its chain");
    }
    Ok(chain)
}

/// A record's hash.
pub(super) fn record_hash(previous: Digest, content: &[u8]) -> Digest {
    Hasher::new(domain::LOG_RECORD).digest(&previous).bytes(content).finish()
}

/// What stands before a record's content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Head {
    /// How many bytes of content follow.
    pub(super) length: u32,
    /// The hash of the record before, or of the header.
    pub(super) previous: Digest,
    /// The record's hash.
    pub(super) hash: Digest,
}

impl Head {
    /// The head of a record. The length was checked.
    pub(super) fn of(previous: Digest, content: &[u8]) -> Self {
        Self { length: content.len() as u32, previous, hash: record_hash(previous, content) }
    }

    fn check(&self) -> [u8; 8] {
        let mut hasher = Hasher::new(domain::LOG_HEAD);
        let digest = hasher.u64(u64::from(self.length)).digest(&self.previous).digest(&self.hash).finish();
        let mut check = [0; 8];
        check.copy_from_slice(&digest.as_bytes()[..8]);
        check
    }

    /// The head's bytes.
    pub(super) fn to_bytes(self) -> [u8; HEAD_BYTES as usize] {
        let mut bytes = [0; HEAD_BYTES as usize];
        bytes[..4].copy_from_slice(&self.length.to_be_bytes());
        bytes[4..36].copy_from_slice(self.previous.as_bytes());
        bytes[36..68].copy_from_slice(self.hash.as_bytes());
        bytes[68..].copy_from_slice(&self.check());
        bytes
    }

    /// Reads a head whose check fits and whose length is possible.
    pub(super) fn parse(bytes: &[u8; HEAD_BYTES as usize]) -> Result<Self, Flaw> {
        let length = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        let head = Self { length, previous: digest_at(bytes, 4), hash: digest_at(bytes, 36) };
        if bytes[68..] != head.check() {
            return Err(Flaw::Head);
        }
        if length == 0 || length as usize > MAX_RECORD_BYTES {
            return Err(Flaw::Length(length));
        }
        Ok(head)
    }

    /// Whether this is the head of the content, after the record before.
    pub(super) fn fits(&self, previous: Digest, content: &[u8]) -> Result<(), Flaw> {
        if self.previous != previous {
            return Err(Flaw::Previous { found: self.previous, expected: previous });
        }
        if content.len() != self.length as usize || record_hash(previous, content) != self.hash {
            return Err(Flaw::Content);
        }
        Ok(())
    }

    /// Where the next record begins.
    pub(super) fn end(&self, offset: u64) -> u64 {
        offset + HEAD_BYTES + u64::from(self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_pinned() {
        let chain = Digest::of_bytes(b"chain");
        let header = header(chain);
        assert_eq!(parse_header(&header), Ok(chain));
        assert_eq!(&header[..16], b"cohortium-log/1\n");
        let head = Head::of(header_hash(chain), b"abc");
        let bytes = head.to_bytes();
        assert_eq!(Head::parse(&bytes), Ok(head));
        // The same by the rules on the page: items after their lengths, under SHA-256.
        let item = |bytes: &[u8]| [&(bytes.len() as u64).to_be_bytes()[..], bytes].concat();
        let first = [item(b"cohortium/log-header/1"), item(chain.as_bytes())].concat();
        let first = Digest::of_bytes(&first);
        let record = [item(b"cohortium/log-record/1"), item(first.as_bytes()), item(b"abc")].concat();
        let record = Digest::of_bytes(&record);
        let check = [
            item(b"cohortium/log-head/1"),
            item(&3_u64.to_be_bytes()),
            item(first.as_bytes()),
            item(record.as_bytes()),
        ];
        let check = Digest::of_bytes(&check.concat());
        let expected = [&[0, 0, 0, 3][..], first.as_bytes(), record.as_bytes(), &check.as_bytes()[..8]].concat();
        assert_eq!(bytes.as_slice(), expected);
        assert_eq!(header[48..], first.as_bytes()[..]);
    }

    #[test]
    fn impossible_lengths_are_refused_even_under_a_good_check() {
        let chain = header_hash(Digest::of_bytes(b"chain"));
        for length in [0, MAX_RECORD_BYTES as u32 + 1, u32::MAX] {
            let head = Head { length, previous: chain, hash: chain };
            assert_eq!(Head::parse(&head.to_bytes()), Err(Flaw::Length(length)));
        }
        let head = Head { length: MAX_RECORD_BYTES as u32, previous: chain, hash: chain };
        assert_eq!(Head::parse(&head.to_bytes()), Ok(head));
    }

    #[test]
    fn positions_come_back() {
        let position = Position { number: 7, offset: 1 << 40, hash: Digest::of_bytes(b"x") };
        assert_eq!(Position::from_bytes(&position.to_bytes()), position);
    }
}
