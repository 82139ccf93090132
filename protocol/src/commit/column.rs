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

    /// A column of flags as it is kept: how many there are (eight bytes), eight of them a byte, then blinding rows and blinding
    /// scalars, 32 bytes each. Nothing for a column that is not of flags.
    pub fn flags_to_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let flags = self.data.len();
        let mut bytes = Zeroizing::new(Vec::with_capacity(8 + flags / 8 + 32 * self.blinds.rows.len()));
        bytes.extend((flags as u64).to_be_bytes());
        for first in (0..flags).step_by(8) {
            let mut byte = 0;
            for row in first..flags.min(first + 8) {
                match self.data.get(row) {
                    flag @ (0 | 1) => byte |= (flag as u8) << (row - first),
                    _ => return None,
                }
            }
            bytes.push(byte);
        }
        for element in self.blinds.rows.iter().chain(&self.blinds.scalars) {
            bytes.extend(crate::field::to_bytes(element));
        }
        Some(bytes)
    }

    /// Reads a column of flags that was kept; nothing if the bytes are not one of this layout.
    pub fn flags_from_bytes(layout: Layout, bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        let flags = layout.data_rows();
        if u64::from_be_bytes(*head) != flags as u64 || rest.len() < flags.div_ceil(8) {
            return None;
        }
        let (packed, elements) = rest.split_at(flags.div_ceil(8));
        let data: Vec<u16> = (0..flags).map(|row| u16::from(packed[row / 8] >> (row % 8) & 1)).collect();
        let (rows, scalars) = (layout.blinding_rows(), layout.grid().matrix_rows());
        let read = elements.chunks(32).map(|chunk| crate::field::from_bytes(chunk.try_into().ok()?).ok());
        let mut elements = read.collect::<Option<Vec<F>>>()?;
        if elements.len() != rows + scalars {
            return None;
        }
        let scalars = elements.split_off(rows);
        Some(Self { layout, data: data.into(), blinds: ColumnBlinds { rows: elements, scalars } })
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

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::super::forgers::TINY;
    use super::*;

    #[test]
    fn kept_flags_have_the_same_commitment_again() {
        let layout = Layout::column(&TINY, 20).unwrap();
        let mut rng = StdRng::seed_from_u64(60);
        let flags: Vec<u16> = (0..20).map(|row| u16::from(row % 3 == 0)).collect();
        let column = SecretColumn::query_time(layout, flags, &mut rng).unwrap();
        let bytes = column.flags_to_bytes().unwrap();
        let read = SecretColumn::flags_from_bytes(layout, &bytes).unwrap();
        assert_eq!(read.commit().digest(), column.commit().digest());
        for broken in [&bytes[1..], &bytes[..bytes.len() - 1], &bytes[..8], &[]] {
            assert!(SecretColumn::flags_from_bytes(layout, broken).is_none());
        }
        let other = Layout::column(&TINY, 19).unwrap();
        assert!(SecretColumn::flags_from_bytes(other, &bytes).is_none());
        let two = SecretColumn::query_time(layout, vec![2u16; 20], &mut rng).unwrap();
        assert!(two.flags_to_bytes().is_none());
    }
}
