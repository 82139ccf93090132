//! Members' keys: Ed25519 (RFC 8032).

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::Signer;
use rand::{CryptoRng, RngCore};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, Zeroizing};

use crate::hash::Digest;

/// Why bytes are not a key or a signature.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// Not so many hexadecimal digits.
    #[error("{what} is {digits} lower-case hexadecimal digits, found {found:?}")]
    Text {
        /// What was expected.
        what: &'static str,
        /// How many digits.
        digits: usize,
        /// What was found, shortened.
        found: String,
    },
    /// No point of the curve, or one of small order, under which anything could be signed by anybody.
    #[error("{found} is no Ed25519 public key that can be used")]
    Point {
        /// What was found.
        found: String,
    },
    /// Not this key's signature of this.
    #[error("the signature is not one by the key {key} of this content")]
    Signature {
        /// The key. Boxed: it is large, and every result that can fail so would be.
        key: Box<PublicKey>,
    },
}

fn decode<const N: usize>(what: &'static str, text: &str) -> Result<[u8; N], KeyError> {
    let refuse = || KeyError::Text { what, digits: 2 * N, found: text.chars().take(80).collect() };
    if text.len() != 2 * N || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(refuse());
    }
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| refuse())?;
    Ok(bytes)
}

/// A member's public key; 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(ed25519_dalek::VerifyingKey);

impl PublicKey {
    /// Checks 32 bytes: a canonical point of the curve that is not of small order.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let refuse = || KeyError::Point { found: hex::encode(bytes) };
        let key = ed25519_dalek::VerifyingKey::from_bytes(&bytes).map_err(|_| refuse())?;
        // The library takes second encodings of some points; here every key has one.
        let canonical = ed25519_dalek::VerifyingKey::from(key.to_edwards()).to_bytes() == bytes;
        if key.is_weak() || !canonical { Err(refuse()) } else { Ok(Self(key)) }
    }

    /// The 32 bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// The first 16 digits: enough to recognise the key, not to identify it.
    pub fn short(&self) -> String {
        hex::encode(&self.to_bytes()[..8])
    }

    /// Checks a signature of a message, strictly: no second signature passes that was not made with the secret.
    pub fn check(&self, message: &[u8], signature: &Signature) -> Result<(), KeyError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.0.verify_strict(message, &signature).map_err(|_| KeyError::Signature { key: Box::new(*self) })
    }

    pub(super) fn inner(&self) -> &ed25519_dalek::VerifyingKey {
        &self.0
    }
}

impl PartialOrd for PublicKey {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for PublicKey {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.to_bytes().cmp(&other.to_bytes())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(decode("a public key", text)?)
    }
}

/// An Ed25519 signature; 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// Wraps 64 bytes; whether they are anybody's signature is for [`PublicKey::check`].
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Signature {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        decode("a signature", text).map(Self)
    }
}

/// A member's secret key. Prints nothing, and is erased when dropped.
pub struct MemberKey(ed25519_dalek::SigningKey);

impl MemberKey {
    /// Draws a key.
    pub fn draw(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut bytes[..]);
        Self::from_bytes(&bytes)
    }

    /// From its 32 bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(bytes))
    }

    /// From 64 hexadecimal digits; the error does not repeat them.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let hidden =
            || KeyError::Text { what: "a secret key", digits: 64, found: format!("{} characters", text.len()) };
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(text, &mut bytes[..]).map_err(|_| hidden())?;
        Ok(Self::from_bytes(&bytes))
    }

    /// The 32 bytes, for the key's own file.
    pub fn expose(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }

    /// Signs a message.
    pub fn sign(&self, message: &[u8]) -> Signature {
        Signature(self.0.sign(message).to_bytes())
    }

    /// A secret that follows from the key: 32 bytes under a domain.
    pub fn derive(&self, use_domain: &'static str) -> Digest {
        let mut secret = self.0.to_bytes();
        let derived = crate::hash::Hasher::new(use_domain).bytes(&secret).finish();
        secret.zeroize();
        derived
    }
}

impl fmt::Debug for MemberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemberKey(secret)")
    }
}

macro_rules! as_text {
    ($($type:ty),+) => {
        $(
            impl Serialize for $type {
                fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> Deserialize<'de> for $type {
                fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
                }
            }
        )+
    };
}

as_text!(PublicKey, Signature);

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> MemberKey {
        MemberKey::from_bytes(&[byte; 32])
    }

    #[test]
    fn signs_as_rfc_8032_does() {
        // RFC 8032, section 7.1, test 2.
        let key = MemberKey::from_hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb").unwrap();
        assert_eq!(key.public().to_string(), "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
        let signature = key.sign(&[0x72]);
        assert_eq!(
            signature.to_string(),
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
             085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        );
        key.public().check(&[0x72], &signature).unwrap();
        assert!(key.public().check(&[0x73], &signature).is_err());
        assert!(super::tests::key(1).public().check(&[0x72], &signature).is_err());
        for byte in [0, 31, 32, 63] {
            let mut bytes = *signature.as_bytes();
            bytes[byte] ^= 1;
            assert!(key.public().check(&[0x72], &Signature::from_bytes(bytes)).is_err(), "{byte}");
        }
    }

    #[test]
    fn keys_that_anybody_could_sign_with_are_refused() {
        // The neutral element, a point of order 8, and the neutral element's second encoding.
        for bad in [
            "0100000000000000000000000000000000000000000000000000000000000000",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
            "0100000000000000000000000000000000000000000000000000000000000080",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "0200000000000000000000000000000000000000000000000000000000000000",
        ] {
            assert!(matches!(bad.parse::<PublicKey>(), Err(KeyError::Point { .. })), "{bad}");
        }
        let text = key(7).public().to_string();
        assert!(text.to_uppercase().parse::<PublicKey>().is_err() && text[2..].parse::<PublicKey>().is_err());
    }

    #[test]
    fn secrets_stay_silent() {
        let secret = hex::encode([7; 32]);
        assert_eq!(format!("{:?}", key(7)), "MemberKey(secret)");
        let error = MemberKey::from_hex(&format!("{secret}zz")).unwrap_err().to_string();
        assert!(!error.contains(&secret[..8]), "{error}");
    }
}
