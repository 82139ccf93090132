//! Checkpoints: the operator's signature over the ledger's whole content so far.
//!
//! The text is that of C2SP `tlog-checkpoint` (origin, size, root) with three extension lines (height, block,
//! time); the envelope is a C2SP `signed-note`. So ordinary transparency-log tools can read and cosign it.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use signed_note::{Note, StandardVerifier, VerifierList};

use super::key::{MemberKey, PublicKey};
use super::time::Timestamp;
use crate::hash::Digest;

/// The longest note that is read.
const MAX_NOTE_BYTES: usize = 1 << 16;

/// What an operator says of a ledger at one block.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The ledger's id.
    pub origin: String,
    /// Transactions so far.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Digest,
    /// The block's height; 0 is the founding, before any transaction.
    pub height: u64,
    /// The block's digest; of the founding, the charter's.
    pub block: Digest,
    /// The block's time.
    pub time: Timestamp,
}

/// Why a note is not a checkpoint of a ledger.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckpointError {
    /// Not a note.
    #[error("the checkpoint is not a signed note: {reason}")]
    Note {
        /// What is wrong.
        reason: String,
    },
    /// Not this text.
    #[error("the checkpoint's text is not origin, size, root, height, block and time on a line each: {reason}")]
    Text {
        /// What is wrong.
        reason: &'static str,
    },
    /// Of another ledger.
    #[error("the checkpoint is of the ledger {found:?}, expected {required:?}")]
    Origin {
        /// The checkpoint's.
        found: String,
        /// The one expected.
        required: String,
    },
    /// Not signed by the operator.
    #[error("the checkpoint is not signed by the operator's key {key}: {reason}")]
    Unsigned {
        /// The operator's key.
        key: Box<PublicKey>,
        /// What is wrong.
        reason: String,
    },
}

/// Signs notes with a member's key, under the ledger's id as key name.
struct NoteSigner<'a> {
    name: &'a str,
    id: u32,
    key: &'a MemberKey,
}

impl signed_note::Signer for NoteSigner<'_> {
    fn name(&self) -> &str {
        self.name
    }

    fn key_id(&self) -> u32 {
        self.id
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        Ok(self.key.sign(message).as_bytes().to_vec())
    }
}

/// The number of an Ed25519 key in signed notes: its algorithm's byte, then the key.
fn key_id(name: &str, key: &PublicKey) -> u32 {
    signed_note::key_id(name, &[&[1], &key.to_bytes()[..]].concat())
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, size, root, height, block, time } = self;
        let root = STANDARD.encode(root.as_bytes());
        write!(f, "{origin}\n{size}\n{root}\nheight {height}\nblock {block}\ntime {time}\n")
    }
}

impl Checkpoint {
    /// Signs it: the note as it is published.
    pub fn sign(&self, key: &MemberKey) -> Result<String, CheckpointError> {
        let wrong = |error: signed_note::NoteError| CheckpointError::Note { reason: error.to_string() };
        let mut note = Note::new(self.to_string().as_bytes(), &[]).map_err(wrong)?;
        let signer = NoteSigner { name: &self.origin, id: key_id(&self.origin, &key.public()), key };
        note.add_sigs(&[&signer]).map_err(wrong)?;
        String::from_utf8(note.to_bytes()).map_err(|error| CheckpointError::Note { reason: error.to_string() })
    }

    /// Reads a note of this ledger that its operator signed. Further signatures, by others, are allowed.
    pub fn verify(note: &str, origin: &str, operator: &PublicKey) -> Result<Self, CheckpointError> {
        if note.len() > MAX_NOTE_BYTES {
            let reason = format!("it has {} bytes; at most {MAX_NOTE_BYTES} are read", note.len());
            return Err(CheckpointError::Note { reason });
        }
        let note =
            Note::from_bytes(note.as_bytes()).map_err(|error| CheckpointError::Note { reason: error.to_string() })?;
        let text = String::from_utf8_lossy(note.text()).into_owned();
        let checkpoint = Self::read(&text)?;
        if checkpoint.origin != origin {
            let found = checkpoint.origin.chars().take(200).collect();
            return Err(CheckpointError::Origin { found, required: origin.to_owned() });
        }
        let unsigned = |reason: String| CheckpointError::Unsigned { key: Box::new(*operator), reason };
        let verifier = StandardVerifier::new(&signed_note::new_ed25519_verifier_key(origin, operator.inner()))
            .map_err(|error| unsigned(error.to_string()))?;
        note.verify(&VerifierList::new(vec![Box::new(verifier)])).map_err(|error| unsigned(error.to_string()))?;
        Ok(checkpoint)
    }

    /// Reads the text without its signatures.
    fn read(text: &str) -> Result<Self, CheckpointError> {
        let refuse = |reason| CheckpointError::Text { reason };
        let lines: Vec<&str> = text.lines().collect();
        let [origin, size, root, height, block, time] = lines[..] else {
            return Err(refuse("it has another number of lines"));
        };
        let number = |text: &str| text.parse::<u64>().ok();
        let root: [u8; 32] = STANDARD
            .decode(root)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| refuse("the root is not 32 bytes in base64"))?;
        let after = |line: &str, word: &str| line.strip_prefix(word).map(str::to_owned);
        let checkpoint = Self {
            origin: origin.to_owned(),
            size: number(size).ok_or_else(|| refuse("the size is no number"))?,
            root: Digest::from_bytes(root),
            height: after(height, "height ")
                .and_then(|text| number(&text))
                .ok_or_else(|| refuse("the height is no number"))?,
            block: after(block, "block ")
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| refuse("the block is no digest"))?,
            time: after(time, "time ").and_then(|text| text.parse().ok()).ok_or_else(|| refuse("the time is none"))?,
        };
        // Numbers with leading zeros or signs, and other second spellings, come out differently.
        if checkpoint.to_string() == text { Ok(checkpoint) } else { Err(refuse("it is not in its one spelling")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checkpoint() -> Checkpoint {
        Checkpoint {
            origin: "trial/00ff".to_owned(),
            size: 7,
            root: Digest::of_bytes(b"root"),
            height: 3,
            block: Digest::of_bytes(b"block"),
            time: Timestamp::from_unix(1_795_561_648),
        }
    }

    #[test]
    fn signed_read_and_refused() {
        let key = MemberKey::from_bytes(&[5; 32]);
        let note = checkpoint().sign(&key).unwrap();
        assert!(
            note.starts_with("trial/00ff\n7\n") && note.contains("\ntime 2026-11-24T23:07:28Z\n\n\u{2014} trial/00ff ")
        );
        let read = |note: &str, origin: &str, key: &MemberKey| Checkpoint::verify(note, origin, &key.public());
        assert_eq!(read(&note, "trial/00ff", &key).unwrap(), checkpoint());
        let refused = read(&note, "other", &key).unwrap_err().to_string();
        assert!(refused.contains("of the ledger \"trial/00ff\", expected \"other\""), "{refused}");
        let other = MemberKey::from_bytes(&[6; 32]);
        assert!(matches!(read(&note, "trial/00ff", &other), Err(CheckpointError::Unsigned { .. })));
        for (from, to) in [("\n7\n", "\n8\n"), ("height 3", "height 4"), ("block ", "block 0"), ("23:07", "23:08")] {
            assert!(read(&note.replacen(from, to, 1), "trial/00ff", &key).is_err(), "{from}");
        }
        // What its operator signed, but in a second spelling.
        for (from, to) in [("\n7\n", "\n07\n"), ("\n7\n", "\n+7\n"), ("height 3\n", "height 3\nextra\n")] {
            let text = checkpoint().to_string().replacen(from, to, 1);
            let mut note = Note::new(text.as_bytes(), &[]).unwrap();
            let signer = NoteSigner { name: "trial/00ff", id: key_id("trial/00ff", &key.public()), key: &key };
            note.add_sigs(&[&signer]).unwrap();
            let note = String::from_utf8(note.to_bytes()).unwrap();
            assert!(matches!(read(&note, "trial/00ff", &key), Err(CheckpointError::Text { .. })), "{to:?}");
        }
        // A cosignature beside the operator's changes nothing.
        let mut both = Note::from_bytes(note.as_bytes()).unwrap();
        both.add_sigs(&[&NoteSigner { name: "witness", id: key_id("witness", &other.public()), key: &other }]).unwrap();
        let both = String::from_utf8(both.to_bytes()).unwrap();
        assert_eq!(read(&both, "trial/00ff", &key).unwrap(), checkpoint());
        assert!(matches!(read(&"x".repeat(1 << 17), "o", &key), Err(CheckpointError::Note { .. })));
    }
}
