//! Two names that a consent may bear: a disease's code, and an institution's name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::is_line;

/// Characters of an institution's name at most, as of a member's in a charter.
pub const MAX_INSTITUTION: usize = 120;
/// Characters of a vocabulary's name at most.
const MAX_VOCABULARY: usize = 16;
/// Characters of a code in its vocabulary at most.
const MAX_CODE: usize = 24;

/// A disease's code in a public vocabulary, written `MONDO:0007254`: capital letters and digits, a colon, and capital
/// letters, digits and points. Codes are compared as they stand: nothing here knows which disease is a kind of which.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiseaseCode(String);

/// Why a text is not a disease's code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not a disease's code: write a vocabulary of up to {MAX_VOCABULARY} capital letters and digits, a colon, \
     and a code of up to {MAX_CODE} capital letters, digits and points, for example MONDO:0007254"
)]
pub struct DiseaseCodeError {
    found: String,
}

impl FromStr for DiseaseCode {
    type Err = DiseaseCodeError;

    fn from_str(text: &str) -> Result<Self, DiseaseCodeError> {
        let capital = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        let fits = text.split_once(':').is_some_and(|(vocabulary, code)| {
            let (vocabulary, code) = (vocabulary.as_bytes(), code.as_bytes());
            // One spelling: a refusal of `mondo:1` would pass by a grant of `MONDO:1`.
            (1..=MAX_VOCABULARY).contains(&vocabulary.len())
                && vocabulary[0].is_ascii_uppercase()
                && vocabulary.iter().all(capital)
                && (1..=MAX_CODE).contains(&code.len())
                && code.iter().all(|byte| capital(byte) || *byte == b'.')
                && code[0] != b'.'
                && code[code.len() - 1] != b'.'
        });
        if fits { Ok(Self(text.to_owned())) } else { Err(DiseaseCodeError { found: text.chars().take(80).collect() }) }
    }
}

/// An institution's name, as a member's in a ledger's charter: one line of 1 to 120 printable characters, no space at
/// either end.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Institution(String);

/// Why a text is not an institution's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not an institution's name: one line of 1 to {MAX_INSTITUTION} printable characters, no space at either \
     end, as the ledger's charter has it"
)]
pub struct InstitutionError {
    found: String,
}

impl FromStr for Institution {
    type Err = InstitutionError;

    fn from_str(text: &str) -> Result<Self, InstitutionError> {
        if is_line(text, MAX_INSTITUTION) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InstitutionError { found: text.chars().take(80).collect() })
        }
    }
}

macro_rules! text {
    ($($type:ty),+) => {
        $(
            impl $type {
                /// The text.
                pub fn as_str(&self) -> &str {
                    &self.0
                }
            }

            impl fmt::Display for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(&self.0)
                }
            }

            impl fmt::Debug for $type {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

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

text!(DiseaseCode, Institution);
