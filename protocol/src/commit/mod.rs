//! Commitments to columns (Hyrax over BN254 G1), their openings, and the documents that register them.
//!
//! A column is a matrix ([`layout`]); each matrix row is committed by a Pedersen vector commitment with a blinding
//! scalar of its own ([`pedersen`]). A [`manifest`] lists the commitments of a table version, an [`epoch`] those of
//! its consent flags.

pub mod column;
pub mod epoch;
pub mod generators;
pub mod layout;
pub mod manifest;
mod msm;
pub mod pedersen;
pub mod point;
pub mod registry;
pub mod secrets;

pub use column::{ColumnData, ColumnError, SecretColumn};
pub use epoch::{ConsentEpoch, EpochDocument};
pub use layout::{Layout, LayoutError};
pub use manifest::{DatasetManifest, ManifestDocument};
pub use pedersen::{ColumnCommitment, CommitmentError};
pub use point::{PointError, decode_point, encode_point};
pub use registry::{CommittedColumn, RegisteredColumn, RegistryError, ShapeRef};
pub use secrets::{BlindingSource, MasterSecret, ObjectKind, Salt};
