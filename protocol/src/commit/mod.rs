//! Commitments to columns (Hyrax over BN254 G1), their openings, and the documents that register them.
//!
//! A column is a matrix ([`layout`]); each matrix row is committed by a Pedersen vector commitment with a blinding
//! scalar of its own ([`pedersen`]). Opening at a point is a zero-knowledge proof that the column's multilinear
//! extension has a value there ([`opening`]). A [`manifest`] lists the commitments of a table version, an [`epoch`] those of
//! its consent flags; the [`budget`] counts how often each was opened.

mod bucket;
pub mod budget;
pub mod clauses;
pub mod column;
pub mod epoch;
pub mod fold;
#[cfg(test)]
mod forgers;
pub mod generators;
pub mod hedge;
pub mod layout;
pub mod manifest;
mod msm;
pub mod opening;
pub mod pedersen;
pub mod point;
#[cfg(test)]
mod published;
pub mod registry;
pub mod scalars;
pub mod secrets;
#[cfg(test)]
mod zero_knowledge;

pub use budget::{BudgetBook, BudgetError, BudgetRecord, Charge, Charged};
pub use column::{ColumnData, ColumnError, SecretColumn};
pub use epoch::{ConsentEpoch, EpochDocument, EventRecord};
pub use hedge::{Hedge, HedgedRng};
pub use layout::{Grid, Layout, LayoutError};
pub use manifest::{DatasetManifest, ManifestDocument};
pub use opening::{FoldedColumns, OpenedColumn, OpeningError, OpeningProof, OpeningStatement};
pub use pedersen::{ColumnCommitment, CommitmentError};
pub use point::{PointError, decode_point, encode_point};
pub use registry::{CommittedColumn, RegisteredColumn, RegistryError, ShapeRef};
pub(crate) use secrets::Prf;
pub use secrets::{BlindingSource, MasterSecret, ObjectKind, Salt};
