//! A member's key as it is kept in a file: pure text; whoever reads and writes the file sees to its permissions.

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::key::{KeyError, MemberKey};
use crate::text::is_line;

/// The format this code reads and writes.
pub const MEMBER_KEY_FORMAT: &str = "cohortium-member-key/1";
/// Characters of a member's name at most.
const MAX_NAME: usize = 120;

/// Why a text is no member's key. Never repeats the secret.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Not JSON of the right form.
    #[error(
        "not a member's key file: it should be one JSON object with format {MEMBER_KEY_FORMAT:?}, member and secret"
    )]
    Form,
    /// A name that is none.
    #[error("the member's name {found:?} is refused: one line of 1 to {MAX_NAME} printable characters")]
    Name {
        /// What was found, shortened.
        found: String,
    },
    /// Not a secret key.
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
#[serde(deny_unknown_fields)]
struct RawKeyFile {
    format: String,
    member: String,
    secret: String,
}

impl MemberKey {
    /// Reads a key's file: the member's name and the key.
    pub fn parse_file(json: &str) -> Result<(String, Self), KeyFileError> {
        // What the JSON reader says could repeat a part of the secret.
        let raw: RawKeyFile = serde_json::from_str(json).map_err(|_| KeyFileError::Form)?;
        if raw.format != MEMBER_KEY_FORMAT {
            return Err(KeyFileError::Form);
        }
        if !is_line(&raw.member, MAX_NAME) {
            return Err(KeyFileError::Name { found: raw.member.chars().take(80).collect() });
        }
        Ok((raw.member.clone(), Self::from_hex(&raw.secret)?))
    }

    /// The key's file.
    pub fn to_file(&self, member: &str) -> Zeroizing<String> {
        let secret = hex::encode(self.expose());
        let raw = RawKeyFile { format: MEMBER_KEY_FORMAT.to_owned(), member: member.to_owned(), secret };
        // A structure with text keys: writing it to memory does not fail.
        Zeroizing::new(serde_json::to_string_pretty(&raw).unwrap_or_default() + "\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_read_and_refused_in_silence() {
        let key = MemberKey::from_bytes(&[9; 32]);
        let text = key.to_file("St. Mary's");
        let (member, again) = MemberKey::parse_file(&text).unwrap();
        assert_eq!((member.as_str(), again.public()), ("St. Mary's", key.public()));
        let secret = hex::encode([9; 32]);
        for (from, to) in [("key/1", "key/2"), ("St. Mary's", ""), ("\"secret\"", "\"secrets\""), ("0909\"", "09zz\"")]
        {
            let refused = MemberKey::parse_file(&text.replacen(from, to, 1)).unwrap_err().to_string();
            assert!(!refused.contains(&secret[..8]), "{refused}");
        }
    }
}
