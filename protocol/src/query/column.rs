//! Names of committed columns, and sums of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::hash::Hasher;

/// The commitment that a column belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// The dataset manifest: the columns of the schema, and the eight tag limbs.
    Manifest,
    /// The consent epoch: one flag column for each purpose and sponsor class.
    Epoch,
    /// Committed for one query only: tests, selection, bins; and who is offered.
    Query,
}

impl Source {
    /// The name used in files and digests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Epoch => "epoch",
            Self::Query => "query",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A committed column: the commitment it is in, and its name there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnId {
    /// The commitment.
    pub source: Source,
    /// The name inside it.
    pub name: String,
}

impl ColumnId {
    /// A schema column of the dataset manifest.
    pub fn manifest(name: impl Into<String>) -> Self {
        Self { source: Source::Manifest, name: name.into() }
    }

    /// A consent flag of the epoch.
    pub fn epoch(name: impl Into<String>) -> Self {
        Self { source: Source::Epoch, name: name.into() }
    }

    /// The output of the query's `index`-th test.
    pub fn test(index: usize) -> Self {
        Self { source: Source::Query, name: format!("test.{index}") }
    }

    /// The selection: 1 on the rows that are counted.
    pub fn selection() -> Self {
        Self { source: Source::Query, name: "selection".into() }
    }

    /// Who is offered: 1 on the row of one patient.
    pub fn offered() -> Self {
        Self { source: Source::Query, name: "offered".into() }
    }

    /// The bin number of each row along the query's `axis`-th grouping column.
    pub fn bin(axis: usize) -> Self {
        Self { source: Source::Query, name: format!("bin.{axis}") }
    }

    /// The `limb`-th 16-bit limb of the patients' tags.
    pub fn tag(limb: usize) -> Self {
        Self { source: Source::Manifest, name: format!("tag.{limb}") }
    }

    /// The `limb`-th limb of the way from each row's tag to the next larger one, committed for a proof about the table.
    pub fn step(limb: usize) -> Self {
        Self { source: Source::Query, name: format!("step.{limb}") }
    }

    /// Whether the column is a tag limb, which no query may touch.
    pub fn is_tag(&self) -> bool {
        self.source == Source::Manifest && self.name.starts_with("tag.")
    }

    /// Feeds the column's identity into a digest.
    pub fn absorb(&self, hasher: &mut Hasher) {
        hasher.str(self.source.name()).str(&self.name);
    }
}

impl fmt::Display for ColumnId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source, self.name)
    }
}

/// A linear combination of columns with public coefficients; without terms it is 0 on every row.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Linear(pub Vec<(u32, ColumnId)>);

impl Linear {
    /// One column as it is.
    pub fn column(column: ColumnId) -> Self {
        Self(vec![(1, column)])
    }

    /// The terms.
    pub fn terms(&self) -> impl Iterator<Item = (u32, &ColumnId)> {
        self.0.iter().map(|(coefficient, column)| (*coefficient, column))
    }

    /// The columns.
    pub fn columns(&self) -> impl Iterator<Item = &ColumnId> {
        self.0.iter().map(|(_, column)| column)
    }

    /// Feeds the terms into a digest.
    pub fn absorb(&self, hasher: &mut Hasher) {
        hasher.u64(self.0.len() as u64);
        for (coefficient, column) in self.terms() {
            hasher.u64(u64::from(coefficient));
            column.absorb(hasher);
        }
    }
}

impl fmt::Display for Linear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("0");
        }
        for (index, (coefficient, column)) in self.terms().enumerate() {
            if index > 0 {
                f.write_str(" + ")?;
            }
            if coefficient != 1 {
                write!(f, "{coefficient} ")?;
            }
            write!(f, "{column}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_json() {
        assert_eq!(ColumnId::test(3).to_string(), "query:test.3");
        assert!(ColumnId::tag(7).is_tag());
        assert!(!ColumnId::manifest("age").is_tag());
        let linear = Linear(vec![(1, ColumnId::bin(0)), (4, ColumnId::manifest("meno"))]);
        assert_eq!(linear.to_string(), "query:bin.0 + 4 manifest:meno");
        let text = serde_json::to_string(&linear).unwrap();
        assert_eq!(text, r#"[[1,{"source":"query","name":"bin.0"}],[4,{"source":"manifest","name":"meno"}]]"#);
        assert_eq!(serde_json::from_str::<Linear>(&text).unwrap(), linear);
    }
}
