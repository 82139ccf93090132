//! A site's folder: its secret, its tables, what it committed to, its budget, what it released.
//!
//! ```text
//! site.json                        name, share of an approval in the opening budget, check of the secret
//! master.secret                    SECRET: back it up, and keep it from everyone
//! policy.json                      the site's policy floor
//! budget.jsonl                     the opening budget: one record a line, chained; only ever appended to
//! lock                             held by the one process that may write
//! tables/NAME/numbers.json         the last version's and the last epoch's number: none is used twice
//! tables/NAME/version-N/           one import; appears whole
//!     import.json, schema.json, mapping.json, quality.json, consent-report.json
//!     table.bin, consents.bin      SECRET: the coded rows in their secret order
//!     committed/                   appears whole: commitment.json (salt), manifest.json, points.json
//!     epochs/epoch-N/              appears whole: commitment.json (salt), consents.bin, epoch.json, points.json
//! releases/DIGEST/                 what left, by the request's digest; appears whole: bundle.json, release.json
//! ```
//!
//! Folders are made for the owner alone; so are all files.

mod append;
mod budget;
mod columns;
mod commitment;
mod error;
pub(crate) mod files;
mod releases;
mod site;
mod table;
mod version;

pub(crate) use budget::BudgetFile;
pub(crate) use columns::PointsFile;
pub(crate) use commitment::{CommitOptions, Committed, CommittedEpoch};
pub use error::StoreError;
pub(crate) use releases::ReleaseRecord;
pub(crate) use site::{Access, Home, Init};
pub(crate) use table::TableFolder;
pub(crate) use version::{NewVersion, Version};
