//! Consent columns: one per purpose and kind of sponsor, flags only, in the table's row order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// The kind of sponsor a consent is given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SponsorClass {
    /// Universities, public institutes, non-profit research.
    Academic,
    /// Companies.
    Commercial,
}

impl fmt::Display for SponsorClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Academic => "academic",
            Self::Commercial => "commercial",
        })
    }
}

/// What a consent flag is about: a purpose of the Data Use Ontology (GA4GH) and the kind of sponsor,
/// written for example `DUO:0000042/academic` (general research use, by academic sponsors).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsentColumn {
    duo: String,
    sponsor: SponsorClass,
}

/// Why a text does not name a consent column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} is not a consent column: write a Data Use Ontology id, a slash, and academic or commercial, \
     for example DUO:0000042/academic"
)]
pub struct ConsentColumnError {
    found: String,
}

impl ConsentColumn {
    /// The column for a purpose, `DUO:` and seven digits, and a kind of sponsor.
    pub fn new(duo: &str, sponsor: SponsorClass) -> Result<Self, ConsentColumnError> {
        let is_duo = duo
            .strip_prefix("DUO:")
            .is_some_and(|digits| digits.len() == 7 && digits.bytes().all(|byte| byte.is_ascii_digit()));
        if is_duo {
            Ok(Self { duo: duo.to_owned(), sponsor })
        } else {
            Err(ConsentColumnError { found: format!("{duo}/{sponsor}").chars().take(80).collect() })
        }
    }

    /// The purpose's id in the Data Use Ontology.
    pub fn duo(&self) -> &str {
        &self.duo
    }

    /// The kind of sponsor.
    pub const fn sponsor(&self) -> SponsorClass {
        self.sponsor
    }
}

impl FromStr for ConsentColumn {
    type Err = ConsentColumnError;

    fn from_str(text: &str) -> Result<Self, ConsentColumnError> {
        let refuse = || ConsentColumnError { found: text.chars().take(80).collect() };
        let (duo, sponsor) = text.split_once('/').ok_or_else(refuse)?;
        let sponsor = match sponsor {
            "academic" => SponsorClass::Academic,
            "commercial" => SponsorClass::Commercial,
            _ => return Err(refuse()),
        };
        Self::new(duo, sponsor).map_err(|_| refuse())
    }
}

impl fmt::Display for ConsentColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.duo, self.sponsor)
    }
}

impl fmt::Debug for ConsentColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ConsentColumn {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ConsentColumn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Consent flags of every row of one table. Secret: who consents is nobody else's business.
#[derive(Clone, PartialEq, Eq)]
pub struct ConsentTable {
    rows: usize,
    columns: Vec<(ConsentColumn, Vec<u16>)>,
}

/// Why columns do not make a consent table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentTableError {
    /// No columns.
    #[error("a consent table needs at least one column")]
    Empty,
    /// Two columns for one purpose and kind of sponsor.
    #[error("consent column {column} stands twice")]
    Duplicate {
        /// The column.
        column: ConsentColumn,
    },
    /// A column of another length than the first.
    #[error("consent column {column} has {found} rows, the first column has {expected}")]
    Length {
        /// The column.
        column: ConsentColumn,
        /// Its rows.
        found: usize,
        /// The first column's rows.
        expected: usize,
    },
    /// A value that is no flag. Neither row nor value is named: this may reach a log.
    #[error("consent column {column} has a value that is neither 0 nor 1")]
    NotAFlag {
        /// The column.
        column: ConsentColumn,
    },
}

impl ConsentTable {
    /// Makes a consent table, its columns in ascending order of their names.
    pub fn new(mut columns: Vec<(ConsentColumn, Vec<u16>)>) -> Result<Self, ConsentTableError> {
        columns.sort_by(|a, b| a.0.cmp(&b.0));
        let rows = columns.first().ok_or(ConsentTableError::Empty)?.1.len();
        for pair in columns.windows(2) {
            if pair[0].0 == pair[1].0 {
                return Err(ConsentTableError::Duplicate { column: pair[0].0.clone() });
            }
        }
        for (column, flags) in &columns {
            if flags.len() != rows {
                return Err(ConsentTableError::Length { column: column.clone(), found: flags.len(), expected: rows });
            }
            if flags.iter().any(|flag| *flag > 1) {
                return Err(ConsentTableError::NotAFlag { column: column.clone() });
            }
        }
        Ok(Self { rows, columns })
    }

    /// Rows of the table.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Every column with its flags, in ascending order of names.
    pub fn columns(&self) -> &[(ConsentColumn, Vec<u16>)] {
        &self.columns
    }

    /// One column's flags.
    pub fn column(&self, column: &ConsentColumn) -> Option<&[u16]> {
        self.columns.iter().find(|(name, _)| name == column).map(|(_, flags)| flags.as_slice())
    }
}

impl fmt::Debug for ConsentTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConsentTable(secret)")
    }
}

impl Zeroize for ConsentTable {
    fn zeroize(&mut self) {
        for (_, flags) in &mut self.columns {
            flags.zeroize();
        }
    }
}

impl Drop for ConsentTable {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl ZeroizeOnDrop for ConsentTable {}
