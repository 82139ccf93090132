//! A column together with what hides it.

use std::fmt;

use rand::{CryptoRng, RngCore};
use sha2::{Digest as _, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::hedge::Hedge;
use super::layout::Layout;
use super::secrets::{BlindingSource, ColumnBlinds};
use crate::field::F;

/// Why data do not make a column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnError {
    /// Not one value for each data row.
    #[error("a column of this layout has {expected} data rows, found {found} values")]
    Length {
        /// Values found.
        found: usize,
        /// Data rows of the layout.
        expected: usize,
    },
}

/// The data of a column: small numbers.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub enum ColumnData {
    /// Coded values of a table, flags among them.
    Words(Vec<u16>),
    /// Multiplicities.
    Counts(Vec<u32>),
}

impl ColumnData {
    /// Values.
    pub fn len(&self) -> usize {
        match self {
            Self::Words(words) => words.len(),
            Self::Counts(counts) => counts.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value at a row, which must be one of the data's.
    pub fn get(&self, row: usize) -> u32 {
        match self {
            Self::Words(words) => u32::from(words[row]),
            Self::Counts(counts) => counts[row],
        }
    }

    /// The largest value; 0 if there is none.
    pub(super) fn most(&self) -> u32 {
        match self {
            Self::Words(words) => words.iter().copied().max().unwrap_or(0).into(),
            Self::Counts(counts) => counts.iter().copied().max().unwrap_or(0),
        }
    }

    /// SHA-256 over kind and values, which stays inside the PRF's label: it is as secret as the data.
    pub(super) fn digest(&self) -> Zeroizing<[u8; 32]> {
        let mut hasher = Sha256::new();
        let mut feed = |bytes: &mut [u8]| {
            hasher.update(&*bytes);
            bytes.zeroize();
        };
        match self {
            Self::Words(words) => {
                feed(&mut [2]);
                for chunk in words.chunks(2048) {
                    feed(&mut chunk.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>());
                }
            }
            Self::Counts(counts) => {
                feed(&mut [4]);
                for chunk in counts.chunks(1024) {
                    feed(&mut chunk.iter().flat_map(|count| count.to_be_bytes()).collect::<Vec<u8>>());
                }
            }
        }
        Zeroizing::new(hasher.finalize().into())
    }
}

impl From<Vec<u16>> for ColumnData {
    fn from(words: Vec<u16>) -> Self {
        Self::Words(words)
    }
}

impl From<Vec<u32>> for ColumnData {
    fn from(counts: Vec<u32>) -> Self {
        Self::Counts(counts)
    }
}

impl fmt::Debug for ColumnData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ColumnData(hidden)")
    }
}

/// A column's data, blinding rows and blinding scalars: what the hospital keeps, and what opens the commitment.
pub struct SecretColumn {
    pub(super) layout: Layout,
    pub(super) data: ColumnData,
    pub(super) blinds: ColumnBlinds,
}

impl SecretColumn {
    /// A column of a registered object, with derived blinding: the same data under the same source give the
    /// same commitment.
    pub fn registered(
        layout: Layout,
        name: &str,
        data: impl Into<ColumnData>,
        source: &BlindingSource,
    ) -> Result<Self, ColumnError> {
        let data = checked(&layout, data.into())?;
        let blinds = source.column(name, &layout, &data);
        Ok(Self { layout, data, blinds })
    }

    /// A column of one proof, with fresh blinding. Pass the operating system's generator.
    pub fn query_time(
        layout: Layout,
        data: impl Into<ColumnData>,
        rng: &mut (impl RngCore + CryptoRng),
    ) -> Result<Self, ColumnError> {
        let data = checked(&layout, data.into())?;
        // A generator that repeats itself must not blind two contents alike: their difference would show.
        let grid = layout.grid();
        let hedge = [grid.variables(), grid.split(), layout.data_rows(), layout.blinding_rows()]
            .into_iter()
            .fold(Hedge::new("query-time column", rng), |hedge, size| hedge.u64(size as u64));
        let blinds = ColumnBlinds::fresh(&layout, &mut hedge.bytes(data.digest().as_slice()).generator());
        Ok(Self { layout, data, blinds })
    }

    /// How the column lies in its commitment.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The data, row by row.
    pub fn data(&self) -> &ColumnData {
        &self.data
    }

    /// The blinding rows, which follow the data.
    pub fn blinding_rows(&self) -> &[F] {
        &self.blinds.rows
    }

    /// The entry at any row of the layout: data, then blinding, then zeros.
    pub fn value(&self, row: usize) -> F {
        match row.checked_sub(self.layout.data_rows()) {
            None => F::from(self.data.get(row)),
            Some(after) => self.blinds.rows.get(after).copied().unwrap_or_default(),
        }
    }
}

impl fmt::Debug for SecretColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretColumn(hidden, {:?})", self.layout)
    }
}

fn checked(layout: &Layout, data: ColumnData) -> Result<ColumnData, ColumnError> {
    if data.len() == layout.data_rows() {
        Ok(data)
    } else {
        Err(ColumnError::Length { found: data.len(), expected: layout.data_rows() })
    }
}
