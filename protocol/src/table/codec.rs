//! The bytes of a table and of a consent table: one encoding each, checksummed, for the hospital's own disk.
//!
//! Every item stands after its length as eight big-endian bytes, as in [`crate::hash`]; a SHA-256 digest of
//! all that ends the file. The checksum finds a damaged disk, not a forger: the ledger's commitments do that.

use zeroize::Zeroizing;

use super::consent::{ConsentColumnError, ConsentTable, ConsentTableError};
use super::data::{TAG_LIMBS, Table, TableError};
use super::schema::{MAX_COLUMNS, Schema};
use crate::domain;
use crate::hash::{Digest, Hasher};

const CHECKSUM_BYTES: usize = 32;
const LENGTH_BYTES: usize = 8;

/// Why bytes are not a stored table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Damaged, or no such file at all.
    #[error("the stored table is damaged: its checksum does not fit its {found} bytes")]
    Checksum {
        /// Bytes found.
        found: usize,
    },
    /// Another kind of file, or a later version of it.
    #[error("the stored table's format is {found:?}; this version reads {expected:?}")]
    Format {
        /// The format found.
        found: String,
        /// The format expected.
        expected: &'static str,
    },
    /// Bytes that end too early.
    #[error("the stored table ends at byte {at}, where {wanted} more bytes should follow")]
    Truncated {
        /// Where.
        at: usize,
        /// Bytes wanted.
        wanted: u64,
    },
    /// Bytes after the end.
    #[error("the stored table has {bytes} bytes after its end")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// An item of a length that it cannot have.
    #[error("the stored table's {item} has {found} bytes instead of {expected}")]
    ItemLength {
        /// The item.
        item: &'static str,
        /// Its bytes.
        found: usize,
        /// The bytes it must have.
        expected: usize,
    },
    /// A table of another schema.
    #[error("the stored table has schema {found}, expected {expected}")]
    Schema {
        /// The schema it was stored with.
        found: Digest,
        /// The schema given.
        expected: Digest,
    },
    /// More columns than there can be.
    #[error("the stored table says it has {found} columns; at most {MAX_COLUMNS} are allowed")]
    TooManyColumns {
        /// How many.
        found: u64,
    },
    /// A consent column without a valid name.
    #[error(transparent)]
    ConsentColumn(#[from] ConsentColumnError),
    /// Columns that do not make a table.
    #[error(transparent)]
    Table(#[from] TableError),
    /// Columns that do not make a consent table.
    #[error(transparent)]
    ConsentTable(#[from] ConsentTableError),
}

impl Table {
    /// The table's one encoding. Secret, as the table is.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let items = self.columns().len() + TAG_LIMBS;
        // Sized once: a buffer that grows leaves copies behind that nothing wipes.
        let mut writer = Writer::new(domain::TABLE, 128 + items * (LENGTH_BYTES + 2 * self.rows()));
        writer.item(self.schema_digest().as_bytes());
        writer.number(self.rows() as u64);
        writer.number(self.columns().len() as u64);
        for values in self.columns().iter().chain(self.tags()) {
            writer.column(values);
        }
        writer.finish(domain::TABLE)
    }

    /// Reads a table of this schema; every value is checked again.
    pub fn from_bytes(bytes: &[u8], schema: &Schema) -> Result<Self, CodecError> {
        let mut reader = Reader::new(domain::TABLE, bytes)?;
        let found = Digest::from_bytes(reader.array("schema digest")?);
        let expected = schema.digest();
        if found != expected {
            return Err(CodecError::Schema { found, expected });
        }
        let rows = reader.number("number of rows")?;
        let count = reader.count()?;
        let columns = (0..count).map(|_| reader.column(rows)).collect::<Result<Vec<_>, _>>()?;
        let mut tags: [Vec<u16>; TAG_LIMBS] = Default::default();
        for limb in &mut tags {
            *limb = reader.column(rows)?;
        }
        reader.finish()?;
        Ok(Self::new(schema, columns, tags)?)
    }
}

impl ConsentTable {
    /// The consent table's one encoding. Secret, as the table is.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let capacity = 128 + self.columns().len() * (64 + 2 * self.rows());
        let mut writer = Writer::new(domain::CONSENT_TABLE, capacity);
        writer.number(self.rows() as u64);
        writer.number(self.columns().len() as u64);
        for (column, flags) in self.columns() {
            writer.item(column.to_string().as_bytes());
            writer.column(flags);
        }
        writer.finish(domain::CONSENT_TABLE)
    }

    /// Reads a consent table.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(domain::CONSENT_TABLE, bytes)?;
        let rows = reader.number("number of rows")?;
        let count = reader.count()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let name = String::from_utf8_lossy(reader.item()?).parse()?;
            columns.push((name, reader.column(rows)?));
        }
        reader.finish()?;
        Ok(Self::new(columns)?)
    }
}

struct Writer(Zeroizing<Vec<u8>>);

impl Writer {
    fn new(format: &'static str, capacity: usize) -> Self {
        let mut writer = Self(Zeroizing::new(Vec::with_capacity(capacity)));
        writer.item(format.as_bytes());
        writer
    }

    fn item(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn number(&mut self, number: u64) {
        self.item(&number.to_be_bytes());
    }

    fn column(&mut self, values: &[u16]) {
        self.0.extend_from_slice(&(2 * values.len() as u64).to_be_bytes());
        for value in values {
            self.0.extend_from_slice(&value.to_be_bytes());
        }
    }

    fn finish(mut self, format: &'static str) -> Zeroizing<Vec<u8>> {
        let checksum = Hasher::new(format).bytes(&self.0).finish();
        self.0.extend_from_slice(checksum.as_bytes());
        self.0
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Checks the checksum, then the format's name.
    fn new(format: &'static str, bytes: &'a [u8]) -> Result<Self, CodecError> {
        let damaged = CodecError::Checksum { found: bytes.len() };
        let Some(split) = bytes.len().checked_sub(CHECKSUM_BYTES) else { return Err(damaged) };
        let (bytes, checksum) = bytes.split_at(split);
        let mut reader = Self { bytes, at: 0 };
        // A file of another format has a checksum under another name: say which format it is, if it says so.
        let found = reader.item().map(String::from_utf8_lossy);
        if Hasher::new(format).bytes(bytes).finish().as_bytes() != checksum {
            return Err(match found {
                Ok(found) if found.starts_with("cohortium/") && found != format => {
                    CodecError::Format { found: found.chars().take(80).collect(), expected: format }
                }
                _ => damaged,
            });
        }
        match found? {
            found if found == format => Ok(reader),
            found => Err(CodecError::Format { found: found.chars().take(80).collect(), expected: format }),
        }
    }

    fn take(&mut self, count: u64) -> Result<&'a [u8], CodecError> {
        let truncated = CodecError::Truncated { at: self.bytes.len(), wanted: count };
        let rest = &self.bytes[self.at..];
        match usize::try_from(count).ok().and_then(|count| rest.get(..count)) {
            Some(taken) => {
                self.at += taken.len();
                Ok(taken)
            }
            None => Err(truncated),
        }
    }

    fn item(&mut self) -> Result<&'a [u8], CodecError> {
        let mut length = [0; LENGTH_BYTES];
        length.copy_from_slice(self.take(LENGTH_BYTES as u64)?);
        self.take(u64::from_be_bytes(length))
    }

    fn array<const N: usize>(&mut self, item: &'static str) -> Result<[u8; N], CodecError> {
        let bytes = self.item()?;
        bytes.try_into().map_err(|_| CodecError::ItemLength { item, found: bytes.len(), expected: N })
    }

    fn number(&mut self, item: &'static str) -> Result<u64, CodecError> {
        Ok(u64::from_be_bytes(self.array(item)?))
    }

    /// The number of columns, limited before anything is reserved for them.
    fn count(&mut self) -> Result<u64, CodecError> {
        match self.number("number of columns")? {
            found if found > MAX_COLUMNS as u64 => Err(CodecError::TooManyColumns { found }),
            count => Ok(count),
        }
    }

    fn column(&mut self, rows: u64) -> Result<Vec<u16>, CodecError> {
        let bytes = self.item()?;
        let expected = usize::try_from(rows).unwrap_or(usize::MAX).saturating_mul(2);
        if bytes.len() != expected {
            return Err(CodecError::ItemLength { item: "column", found: bytes.len(), expected });
        }
        Ok(bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect())
    }

    fn finish(self) -> Result<(), CodecError> {
        match self.bytes.len() - self.at {
            0 => Ok(()),
            bytes => Err(CodecError::Trailing { bytes }),
        }
    }
}
