//! Committing: a Pedersen vector commitment for each matrix row.

use std::fmt;

use ark_bn254::G1Affine;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::column::SecretColumn;
use super::layout::Grid;
use super::point::{POINT_BYTES, PointError, decode_point, encode_point};
use crate::domain;
use crate::hash::{Digest, Hasher};

/// Points of a commitment at most: far beyond every standard shape, and little memory for a forged document.
pub const MAX_MATRIX_ROWS: usize = 1 << 12;

/// Why bytes or a text are not a column commitment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommitmentError {
    /// Not base64.
    #[error("a column commitment is standard base64 text: {reason}")]
    Base64 {
        /// What the decoder says.
        reason: String,
    },
    /// Not a power of two of 64-byte points.
    #[error(
        "a column commitment is 64 bytes for each of 1, 2, 4 .. {MAX_MATRIX_ROWS} matrix rows, found {found} bytes"
    )]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// Not as many points as the layout has matrix rows.
    #[error("the column commitment has {found} points, the shape's layout has {expected} matrix rows")]
    MatrixRows {
        /// Points found.
        found: usize,
        /// Matrix rows of the layout.
        expected: usize,
    },
    /// One of the points is none.
    #[error("matrix row {row} of the column commitment: {source}")]
    Point {
        /// The matrix row.
        row: usize,
        /// Why it is no point.
        source: PointError,
    },
}

/// The published half of a committed column: one point a matrix row, and their digest.
#[derive(Clone, PartialEq, Eq)]
pub struct ColumnCommitment {
    points: Vec<G1Affine>,
    digest: Digest,
}

impl ColumnCommitment {
    pub(super) fn from_points(points: Vec<G1Affine>) -> Self {
        let digest = digest_of(&encode_all(&points));
        Self { points, digest }
    }

    /// Decodes `64 * 2^h` bytes, checking every point.
    pub fn decode(bytes: &[u8]) -> Result<Self, CommitmentError> {
        let rows = bytes.len() / POINT_BYTES;
        if !bytes.len().is_multiple_of(POINT_BYTES) || !rows.is_power_of_two() || rows > MAX_MATRIX_ROWS {
            return Err(CommitmentError::Length { found: bytes.len() });
        }
        let points = bytes
            .as_chunks::<POINT_BYTES>()
            .0
            .iter()
            .enumerate()
            .map(|(row, chunk)| decode_point(chunk).map_err(|source| CommitmentError::Point { row, source }))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self { points, digest: digest_of(bytes) })
    }

    /// The points' encodings one after another: 64 bytes a matrix row.
    pub fn encode(&self) -> Vec<u8> {
        encode_all(&self.points)
    }

    /// The points, one a matrix row.
    pub fn points(&self) -> &[G1Affine] {
        &self.points
    }

    /// The digest that manifests, epochs and transcripts name the commitment by.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Checks that there is a point for every matrix row of the grid, and no more.
    pub fn check_grid(&self, grid: &Grid) -> Result<(), CommitmentError> {
        if self.points.len() == grid.matrix_rows() {
            Ok(())
        } else {
            Err(CommitmentError::MatrixRows { found: self.points.len(), expected: grid.matrix_rows() })
        }
    }
}

impl fmt::Debug for ColumnCommitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ColumnCommitment({} points, {})", self.points.len(), self.digest)
    }
}

impl Serialize for ColumnCommitment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(self.encode()))
    }
}

impl<'de> Deserialize<'de> for ColumnCommitment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD
            .decode(text)
            .map_err(|error| CommitmentError::Base64 { reason: error.to_string() })
            .and_then(|bytes| Self::decode(&bytes))
            .map_err(serde::de::Error::custom)
    }
}

impl SecretColumn {
    /// Commits to the column: the work of `2^h` multi-scalar multiplications, on all threads.
    pub fn commit(&self) -> ColumnCommitment {
        ColumnCommitment::from_points(super::msm::commit_rows(self))
    }
}

fn encode_all(points: &[G1Affine]) -> Vec<u8> {
    points.iter().flat_map(encode_point).collect()
}

fn digest_of(encoding: &[u8]) -> Digest {
    Hasher::new(domain::COLUMN_COMMITMENT).u64((encoding.len() / POINT_BYTES) as u64).bytes(encoding).finish()
}

#[cfg(test)]
mod tests {
    use super::super::forgers::TINY;
    use super::super::generators::generators;
    use super::super::layout::Layout;
    use super::*;
    use crate::shape::Shape;

    fn example() -> ColumnCommitment {
        let grid = Layout::column(&Shape::QUERY_12, 1).unwrap().grid();
        ColumnCommitment::from_points(generators(&grid)[..4].to_vec())
    }

    #[test]
    fn round_trips_and_its_digest_is_pinned() {
        let commitment = example();
        // Computed by an independent implementation.
        assert_eq!(commitment.digest().to_string(), "88bebf74d4eec5c8210f4e4e8b4563c185870a27ce8063f0583d988f250026cd");
        let bytes = commitment.encode();
        assert_eq!(bytes.len(), 4 * POINT_BYTES);
        assert_eq!(ColumnCommitment::decode(&bytes).unwrap(), commitment);
        let json = serde_json::to_string(&commitment).unwrap();
        assert_eq!(serde_json::from_str::<ColumnCommitment>(&json).unwrap(), commitment);
        assert_eq!(json.len(), 2 + 344);
    }

    #[test]
    fn other_lengths_are_refused() {
        let bytes = example().encode();
        for length in [0, 1, 63, 65, 192, 255] {
            assert_eq!(ColumnCommitment::decode(&bytes[..length]), Err(CommitmentError::Length { found: length }));
        }
        let many = vec![0; POINT_BYTES * 2 * MAX_MATRIX_ROWS];
        assert_eq!(ColumnCommitment::decode(&many), Err(CommitmentError::Length { found: many.len() }));
        example().check_grid(&Layout::column(&TINY, 1).unwrap().grid()).unwrap();
        assert_eq!(
            example().check_grid(&Layout::column(&Shape::QUERY_12, 1).unwrap().grid()).unwrap_err().to_string(),
            "the column commitment has 4 points, the shape's layout has 16 matrix rows"
        );
    }

    #[test]
    fn a_bad_point_is_named() {
        let mut bytes = example().encode();
        bytes[2 * POINT_BYTES + 63] ^= 1;
        let refused = ColumnCommitment::decode(&bytes).unwrap_err();
        assert_eq!(refused, CommitmentError::Point { row: 2, source: PointError::NotOnCurve });
        assert_eq!(
            refused.to_string(),
            "matrix row 2 of the column commitment: the point is not on the curve BN254 G1"
        );
    }

    #[test]
    fn only_canonical_base64_is_read() {
        let json = serde_json::to_string(&example()).unwrap();
        let read = |text: &str| serde_json::from_str::<ColumnCommitment>(text).map_err(|error| error.to_string());
        for changed in [json.replace('=', ""), json.replacen('A', "A\\n", 1), json.replace("==\"", "=\"")] {
            assert!(read(&changed).unwrap_err().contains("a column commitment is standard base64 text"), "{changed}");
        }
        assert!(read("\"\"").unwrap_err().contains("found 0 bytes"));
    }
}
