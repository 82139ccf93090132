//! Digests outside the circuit: SHA-256, domain-separated and length-prefixed.
//!
//! Every object that is hashed is fed field by field through a [`Hasher`]: a domain name first, then each
//! item with an eight-byte big-endian length before its bytes, so that no two different objects produce
//! the same stream. The encoding is described in the formats page, so that a second implementation is easy.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest; printed and serialised as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 lower-case hexadecimal digits, found {found:?}")]
pub struct DigestError {
    found: String,
}

impl Digest {
    /// Wraps 32 bytes that are a digest already.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The plain SHA-256 of a file's bytes, as every checksum program computes it.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 16 digits, for people to compare at a glance. Never compare these in code.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..8])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let refuse = || DigestError { found: text.chars().take(80).collect() };
        if text.len() != 64 || text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(refuse());
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| refuse())?;
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Feeds an object into SHA-256, item by item, each item after its length.
#[derive(Clone)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Starts a digest under a domain name (see [`crate::domain`]).
    pub fn new(domain: &'static str) -> Self {
        let mut hasher = Self(Sha256::new());
        hasher.bytes(domain.as_bytes());
        hasher
    }

    /// Appends bytes after their length.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    /// Appends a text's UTF-8 bytes after their length.
    pub fn str(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Appends an integer as eight big-endian bytes (with the length 8 before them).
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.short::<8, 16>(&value.to_be_bytes())
    }

    /// Appends another digest.
    pub fn digest(&mut self, digest: &Digest) -> &mut Self {
        self.short::<32, 40>(digest.as_bytes())
    }

    /// The same as [`Hasher::bytes`], for `ALL` bytes with the length: one piece costs half of what two do, and a ledger's
    /// state is hundreds of thousands of them.
    fn short<const BYTES: usize, const ALL: usize>(&mut self, bytes: &[u8; BYTES]) -> &mut Self {
        const { assert!(ALL == BYTES + 8) };
        let mut piece = [0; ALL];
        piece[..8].copy_from_slice(&(BYTES as u64).to_be_bytes());
        piece[8..].copy_from_slice(bytes);
        self.0.update(piece);
        self
    }

    /// Ends the digest.
    pub fn finish(&self) -> Digest {
        Digest(self.0.clone().finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_do_not_run_together() {
        let a = Hasher::new("d").str("ab").str("c").finish();
        let b = Hasher::new("d").str("a").str("bc").finish();
        assert_ne!(a, b);
        assert_ne!(Hasher::new("d").finish(), Hasher::new("e").finish());
    }

    #[test]
    fn the_stream_is_pinned() {
        // sha256( 0000000000000001 64 || 0000000000000002 6162 || 0000000000000008 0000000000000007 )
        let digest = Hasher::new("d").str("ab").u64(7).finish();
        let mut plain = Sha256::new();
        plain.update([0, 0, 0, 0, 0, 0, 0, 1, b'd', 0, 0, 0, 0, 0, 0, 0, 2, b'a', b'b']);
        plain.update([0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(digest.as_bytes(), &<[u8; 32]>::from(plain.finalize()));
    }

    #[test]
    fn what_is_appended_in_one_piece_is_what_two_would_be() {
        let digest = Hasher::new("d").str("ab").finish();
        let (one, two) = (Hasher::new("e").u64(7).digest(&digest).finish(), {
            Hasher::new("e").bytes(&7_u64.to_be_bytes()).bytes(digest.as_bytes()).finish()
        });
        assert_eq!(one, two);
    }

    #[test]
    fn only_canonical_text_parses() {
        let text = Hasher::new("d").finish().to_string();
        assert_eq!(text.parse::<Digest>().unwrap().to_string(), text);
        assert!(text.to_uppercase().parse::<Digest>().is_err());
        assert!(text[1..].parse::<Digest>().is_err());
        assert!(format!("{text}0").parse::<Digest>().is_err());
    }
}
