//! Tags: how a site names a patient in its commitments, so that the patient can find themselves again and
//! nobody else can.
//!
//! A patient's secret is 32 bytes. The patient brings it, or the site makes it from its own key and the
//! patient's identifier and prints it on a card. The tag is a keyed hash of the site's name under that
//! secret: equal identifiers at two sites have unrelated tags, and a tag tells nothing about the identifier.
//! Everything here is a pure function, so that the patient recomputes the tag alone.

use std::collections::BTreeMap;
use std::fmt;

use hmac::{Hmac, Mac};
use rand::{CryptoRng, RngCore};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::data::TAG_LIMBS;
use crate::domain;
use crate::ledger::MemberKey;

/// The key that a site makes patients' secrets with; derived from its master secret.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PatientKey([u8; 32]);

/// What a patient proves their row with. Whoever has it can find the patient's row in a receipt.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct PatientSecret([u8; 32]);

/// A patient's name at one site: 128 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Zeroize)]
pub struct Tag([u8; 16]);

/// Why a text is not a patient's secret. The text itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a patient's secret is 64 lower-case hexadecimal digits, found {digits} characters{hint}", hint = self.hint())]
pub struct PatientSecretError {
    digits: usize,
}

impl PatientSecretError {
    fn hint(&self) -> &'static str {
        if self.digits == 64 { ", not all of them such digits" } else { "" }
    }
}

/// Why a text is not a tag. The text itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a tag is 32 lower-case hexadecimal digits, found {digits} characters, or others than such digits")]
pub struct TagError {
    digits: usize,
}

/// HMAC-SHA256 over items, each after its length as eight big-endian bytes.
fn keyed(key: &[u8; 32], items: &[&str]) -> Zeroizing<[u8; 32]> {
    // HMAC fills a short key up with zeros; filled up here, no length is left that could be refused.
    let mut block = Zeroizing::new([0; 64]);
    block[..32].copy_from_slice(key);
    let mut mac = Hmac::<Sha256>::new((&*block).into());
    for item in items {
        mac.update(&(item.len() as u64).to_be_bytes());
        mac.update(item.as_bytes());
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

impl PatientKey {
    /// Wraps 32 secret bytes derived for this use alone.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret that the site makes for a patient of a table who brings none.
    pub fn secret(&self, site: &str, table: &str, identifier: &str) -> PatientSecret {
        PatientSecret(*keyed(&self.0, &[domain::PATIENT_SECRET, site, table, identifier]))
    }
}

impl PatientSecret {
    /// A fresh secret, for a patient who makes their own.
    pub fn random<R: RngCore + CryptoRng>(rng: &mut R) -> Self {
        let mut bytes = [0; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The patient's tag at a site.
    pub fn tag(&self, site: &str) -> Tag {
        let mac = keyed(&self.0, &[domain::PATIENT_TAG, site]);
        let mut tag = [0; 16];
        tag.copy_from_slice(&mac[..16]);
        Tag(tag)
    }

    /// The key with which the patient signs their choices at a site: the card suffices. It tells nothing about the tag.
    pub fn signing_key(&self, site: &str) -> MemberKey {
        MemberKey::from_bytes(&keyed(&self.0, &[domain::PATIENT_SIGNING_KEY, site]))
    }

    /// The text for the patient's card: 64 hexadecimal digits.
    pub fn to_card(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.0))
    }

    /// Reads a card.
    pub fn from_card(text: &str) -> Result<Self, PatientSecretError> {
        let refuse = || PatientSecretError { digits: text.chars().count() };
        let mut secret = Self([0; 32]);
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(refuse());
        }
        hex::decode_to_slice(text, &mut secret.0).map_err(|_| refuse())?;
        Ok(secret)
    }
}

impl Tag {
    /// The tag with these limbs, the most significant first.
    pub fn from_limbs(limbs: [u16; TAG_LIMBS]) -> Self {
        let mut bytes = [0; 16];
        for (pair, limb) in bytes.chunks_exact_mut(2).zip(limbs) {
            pair.copy_from_slice(&limb.to_be_bytes());
        }
        Self(bytes)
    }

    /// Eight 16-bit limbs, the most significant first: the values of the columns `tag.0` to `tag.7`.
    pub fn limbs(&self) -> [u16; TAG_LIMBS] {
        std::array::from_fn(|limb| u16::from_be_bytes([self.0[2 * limb], self.0[2 * limb + 1]]))
    }

    /// `V(tag)`: the tag as a number, its first limb the most significant.
    pub const fn number(&self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// 32 hexadecimal digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }

    /// Reads 32 hexadecimal digits.
    pub fn from_hex(text: &str) -> Result<Self, TagError> {
        let refuse = || TagError { digits: text.chars().count() };
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(refuse());
        }
        let mut tag = [0; 16];
        hex::decode_to_slice(text, &mut tag).map_err(|_| refuse())?;
        Ok(Self(tag))
    }

    /// A tag of nobody, for a dummy row.
    pub(super) fn random<R: RngCore + CryptoRng>(rng: &mut R) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}

/// Makes the tags of one site's table: from secrets that patients brought, else from the site's key.
#[derive(Clone)]
pub struct Tagger {
    key: PatientKey,
    site: String,
    table: String,
    brought: BTreeMap<String, PatientSecret>,
}

impl Tagger {
    /// A tagger for one table of one site.
    pub fn new(key: PatientKey, site: &str, table: &str) -> Self {
        Self { key, site: site.to_owned(), table: table.to_owned(), brought: BTreeMap::new() }
    }

    /// Uses a patient's own secret instead of a made one. Returns whether the patient had none before.
    pub fn bring(&mut self, identifier: &str, secret: PatientSecret) -> bool {
        self.brought.insert(identifier.to_owned(), secret).is_none()
    }

    /// The site's name.
    pub fn site(&self) -> &str {
        &self.site
    }

    /// The secret of a patient, brought or made: what their card shows.
    pub fn secret(&self, identifier: &str) -> PatientSecret {
        match self.brought.get(identifier) {
            Some(secret) => secret.clone(),
            None => self.key.secret(&self.site, &self.table, identifier),
        }
    }

    /// The tag of a patient.
    pub fn tag(&self, identifier: &str) -> Tag {
        self.secret(identifier).tag(&self.site)
    }
}

impl Drop for Tagger {
    fn drop(&mut self) {
        // The secrets wipe themselves; the identifiers they belong to do not.
        for (mut identifier, _) in std::mem::take(&mut self.brought) {
            identifier.zeroize();
        }
    }
}

impl fmt::Debug for PatientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientKey(secret)")
    }
}

impl fmt::Debug for PatientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PatientSecret(secret)")
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(secret)")
    }
}

impl fmt::Debug for Tagger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tagger(secret)")
    }
}
