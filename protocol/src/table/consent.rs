//! Consent columns: one per purpose and kind of sponsor (and institution), flags only, in the table's row order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::names::{DiseaseCode, Institution, InstitutionError};

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

/// The purpose that goes with a disease's code.
const DISEASE_SPECIFIC: &str = "DUO:0000007";
const FORM: &str =
    "write a Data Use Ontology id, a slash, and academic or commercial, for example DUO:0000042/academic";

/// What a consent flag is about: a purpose of the Data Use Ontology (GA4GH) and the kind of sponsor,
/// written for example `DUO:0000042/academic` (general research use, by academic sponsors).
///
/// Disease-specific research may name its disease, `DUO:0000007[MONDO:0007254]/academic`. Consents that patients gave to
/// some institutions alone have columns of their own, which name one: `DUO:0000042/commercial@University of the Coast`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsentColumn {
    // In this order, the order of columns is that of their texts.
    duo: String,
    disease: Option<DiseaseCode>,
    sponsor: SponsorClass,
    institution: Option<Institution>,
}

/// Why a text does not name a consent column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not a consent column: {rule}")]
pub struct ConsentColumnError {
    found: String,
    rule: String,
}

impl ConsentColumn {
    /// Characters of a column's text at most: a purpose with the longest disease, a class, the longest name.
    pub const MAX_CHARS: usize = 200;

    /// The column for a purpose and a kind of sponsor. The purpose is `DUO:` and seven digits; after `DUO:0000007` a
    /// disease's code may stand in brackets.
    pub fn new(purpose: &str, sponsor: SponsorClass) -> Result<Self, ConsentColumnError> {
        let refuse = |rule: String| {
            let found = format!("{purpose}/{sponsor}").chars().take(80).collect();
            Err(ConsentColumnError { found, rule })
        };
        let (duo, disease) = match purpose.split_once('[') {
            None => (purpose, None),
            Some((duo, rest)) => match rest.strip_suffix(']').map(str::parse::<DiseaseCode>) {
                Some(Ok(disease)) if duo == DISEASE_SPECIFIC => (duo, Some(disease)),
                Some(Err(error)) if duo == DISEASE_SPECIFIC => return refuse(error.to_string()),
                _ => return refuse(format!("a disease's code stands in brackets, and after {DISEASE_SPECIFIC} alone")),
            },
        };
        let is_duo = duo
            .strip_prefix("DUO:")
            .is_some_and(|digits| digits.len() == 7 && digits.bytes().all(|byte| byte.is_ascii_digit()));
        if is_duo {
            Ok(Self { duo: duo.to_owned(), disease, sponsor, institution: None })
        } else {
            refuse(FORM.to_owned())
        }
    }

    /// The same column for consents that count for this institution.
    #[must_use]
    pub fn with_institution(self, institution: Option<Institution>) -> Self {
        Self { institution, ..self }
    }

    /// The purpose's id in the Data Use Ontology, without a disease: for what it is called, never to compare purposes.
    pub fn duo_id(&self) -> &str {
        &self.duo
    }

    /// The disease, where one is named.
    pub fn disease(&self) -> Option<&DiseaseCode> {
        self.disease.as_ref()
    }

    /// The purpose as documents write it, with the disease: `DUO:0000042`, `DUO:0000007[MONDO:0007254]`.
    pub fn purpose(&self) -> String {
        match &self.disease {
            None => self.duo.clone(),
            Some(disease) => format!("{}[{disease}]", self.duo),
        }
    }

    /// The kind of sponsor.
    pub const fn sponsor(&self) -> SponsorClass {
        self.sponsor
    }

    /// The institution that the consents were given to, where the column is one institution's.
    pub fn institution(&self) -> Option<&Institution> {
        self.institution.as_ref()
    }
}

impl FromStr for ConsentColumn {
    type Err = ConsentColumnError;

    fn from_str(text: &str) -> Result<Self, ConsentColumnError> {
        let refuse = |rule: String| ConsentColumnError { found: text.chars().take(80).collect(), rule };
        let (purpose, rest) = text.split_once('/').ok_or_else(|| refuse(FORM.to_owned()))?;
        let (sponsor, institution) = match rest.split_once('@') {
            None => (rest, None),
            Some((sponsor, name)) => {
                let name = name.parse().map_err(|error: InstitutionError| refuse(error.to_string()))?;
                (sponsor, Some(name))
            }
        };
        let sponsor = match sponsor {
            "academic" => SponsorClass::Academic,
            "commercial" => SponsorClass::Commercial,
            _ => return Err(refuse(FORM.to_owned())),
        };
        let column = Self::new(purpose, sponsor).map_err(|error| refuse(error.rule))?;
        Ok(column.with_institution(institution))
    }
}

impl fmt::Display for ConsentColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.duo)?;
        if let Some(disease) = &self.disease {
            write!(f, "[{disease}]")?;
        }
        write!(f, "/{}", self.sponsor)?;
        match &self.institution {
            None => Ok(()),
            Some(institution) => write!(f, "@{institution}"),
        }
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
