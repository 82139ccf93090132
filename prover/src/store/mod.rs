//! A site's folder: its secret, its tables, what it committed to, its budget, what it released.
//!
//! ```text
//! site.json                        name, share of an approval in the opening budget, check of the secret
//! master.secret                    SECRET: back it up, and keep it from everyone
//! policy.json                      the site's policy floor
//! budget.jsonl                     the opening budget: one record a line, chained; only ever appended to
//! floors/DIGEST.json               every floor that was in force: an accepted query is answered under its own
//! lock, run.lock                   held by the one process that may write, and by the one batch job
//! member.key                       SECRET: the site's key as a member of a ledger
//! ledger.json                      the ledger: its address, its pinned charter, the last checkpoint seen
//! rules.json                       which queries are accepted without asking a person
//! seeds.json                       root of the tree of noise seeds
//! seeds.bin                        each seed, until its answer stands on the ledger, beside its commitment
//! paused.json                      there while no new query is accepted
//! asked/DIGEST.json                what was noted about a query, by the request's digest
//! outgoing.jsonl                   everything that left: one record a line, chained; only ever appended to
//! consents/                        SECRET: consent events, and the batches in which they were posted
//! restored.json                    there while a restored backup's budget is not settled
//! tables/NAME/numbers.json         the last version's and the last epoch's number: none is used twice
//! tables/NAME/version-N/           one import; appears whole
//!     import.json, schema.json, mapping.json, quality.json, consent-report.json
//!     table.bin, consents.bin      SECRET: the coded rows in their secret order
//!     committed/                   appears whole: commitment.json (salt), manifest.json, points.json
//!     epochs/epoch-N/              appears whole: commitment.json (salt), consents.bin, epoch.json, points.json
//!     proofs/                      unique.json; flags-N.json of epoch N: proofs about the version and its epochs
//! releases/DIGEST/                 what left, by the request's digest; appears whole: bundle.json, release.json,
//!                                  selection.bin (SECRET: opens the selection, at a patient's own row)
//! ```
//!
//! Folders are made for the owner alone; so are all files.

mod append;
pub(crate) mod backup;
mod budget;
mod columns;
mod commitment;
mod consents;
mod error;
pub(crate) mod files;
mod joined;
mod notes;
mod outgoing;
mod paused;
mod proofs;
mod releases;
mod restored;
mod rules;
mod seeds;
mod site;
mod table;
mod version;

pub(crate) use budget::BudgetFile;
pub(crate) use columns::PointsFile;
pub(crate) use commitment::{CommitOptions, Committed, CommittedEpoch};
pub(crate) use consents::Register;
pub use error::StoreError;
pub(crate) use joined::Joined;
pub(crate) use notes::{By, Decided, Note, NotedNoise, Standing};
pub(crate) use outgoing::{BUNDLE, ELIGIBILITY, Leaving, OutgoingFile, RELEASE, TABLE_PROOF};
pub(crate) use paused::Paused;
pub(crate) use proofs::About;
pub(crate) use releases::ReleaseRecord;
pub(crate) use restored::{Claim, Settled};
pub(crate) use rules::{Asked, Rules};
pub(crate) use seeds::{OpenedSeed, Seeds};
pub(crate) use site::{Access, Home, Init, RunLock};
pub(crate) use table::TableFolder;
pub(crate) use version::{NewVersion, Version};
