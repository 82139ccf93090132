//! The salt of a consent event: what keeps its hash from telling what it says.

use std::fmt;
use std::str::FromStr;

use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// 128 secret bits; written as 32 hexadecimal digits. Whoever has it can try out what the event's hash stands for.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Salt([u8; 16]);

/// Why a text is not a salt. The text itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a salt is 32 lower-case hexadecimal digits, found {found} characters, or others than such digits")]
pub struct SaltError {
    found: usize,
}

impl Salt {
    /// Draws a salt.
    pub fn draw(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut salt = Self([0; 16]);
        rng.fill_bytes(&mut salt.0);
        salt
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl FromStr for Salt {
    type Err = SaltError;

    fn from_str(text: &str) -> Result<Self, SaltError> {
        let refuse = || SaltError { found: text.chars().count() };
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(refuse());
        }
        let mut salt = Self([0; 16]);
        hex::decode_to_slice(text, &mut salt.0).map_err(|_| refuse())?;
        Ok(salt)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(secret)")
    }
}

impl Serialize for Salt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Zeroizing::new(hex::encode(self.0)).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Salt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Zeroizing::new(String::deserialize(deserializer)?).parse().map_err(serde::de::Error::custom)
    }
}
