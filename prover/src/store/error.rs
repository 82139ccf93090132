//! What can be wrong with a site's folder.

use std::path::PathBuf;

use cohortium_client::key_file::KeyStoreError;
use cohortium_protocol::commit::budget::BudgetError;
use cohortium_protocol::commit::{ColumnError, LayoutError, RegistryError};
use cohortium_protocol::consent::HistoryError;
use cohortium_protocol::hash::Digest;
use cohortium_protocol::ledger::Timestamp;

use super::outgoing::OutgoingError;

/// Why the store refuses, or cannot go on. Never a row, a secret or an exact number.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused a file operation.
    #[error("cannot {doing} {}: {reason}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        reason: String,
    },
    /// A consent event that does not go on from what is known of the patient.
    #[error(transparent)]
    Consent {
        /// Which rule.
        source: HistoryError,
    },
    /// A file that this program wrote, and that is not as it wrote it.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// There is no such seed.
    #[error("the site has {leaves} noise seeds, and none for leaf {leaf}")]
    NoSeed {
        /// The leaf.
        leaf: u32,
        /// How many there are.
        leaves: u32,
    },
    /// A seed that has served.
    #[error(
        "the noise seed of leaf {leaf} was erased when its answer stood on the ledger: another answer is never made"
    )]
    ErasedSeed {
        /// The leaf.
        leaf: u32,
    },
    /// Something is where something new should go.
    #[error("{} is there already, and is never overwritten", path.display())]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// No home was named.
    #[error("which site's folder? Name it with --home DIR, or in the environment variable COHORTIUM_HOME")]
    NoHome,
    /// A home without a site.
    #[error("{} holds no site; make one with: cohortium-prover init --home {} --site NAME", path.display(), path.display())]
    NoSite {
        /// The home.
        path: PathBuf,
    },
    /// A home that has a site already.
    #[error("{} holds the site {site:?} already; a site is never overwritten", path.display())]
    SiteExists {
        /// The home.
        path: PathBuf,
        /// Its site.
        site: String,
    },
    /// A folder with something else in it.
    #[error("{} holds {found:?}, which is no part of a site; a site needs a folder of its own", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// A name in it.
        found: String,
    },
    /// A name that manifests do not take.
    #[error("{found:?} is not a site's name: 1 to 120 printable characters, no space at either end")]
    SiteName {
        /// What was found, shortened.
        found: String,
    },
    /// A share of nothing.
    #[error("an approval's share of the opening budget is 0; it must be at least 1")]
    NoShare,
    /// Another process is at work.
    #[error("another cohortium-prover is at work in {}; wait until it has ended", path.display())]
    Busy {
        /// The home.
        path: PathBuf,
    },
    /// Another batch job is at work.
    #[error("another cohortium-prover run is at work for {}; one is enough", path.display())]
    RunBusy {
        /// The home.
        path: PathBuf,
    },
    /// A secret that others can read.
    #[error(
        "{} can be read by others (its mode is {found:03o}); only its owner may: chmod 600, and find out who had access",
        path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its mode.
        found: u32,
    },
    /// The secret of another site, or a changed one.
    #[error(
        "{} is not the secret this site was made with: tables committed with that one cannot be opened without it",
        path.display()
    )]
    OtherSecret {
        /// The file.
        path: PathBuf,
    },
    /// No table at all.
    #[error("the site has no table yet; bring one in with: cohortium-prover import")]
    NoTables,
    /// Several tables, and none was named.
    #[error("the site has several tables ({names}); name one with --table")]
    WhichTable {
        /// Their names.
        names: String,
    },
    /// No table of this name.
    #[error("the site has no table {name:?}; it has {names}")]
    UnknownTable {
        /// The name asked for.
        name: String,
        /// Names there are.
        names: String,
    },
    /// No version of this number.
    #[error("table {table:?} has no version {version}; it has {versions}")]
    UnknownVersion {
        /// The table.
        table: String,
        /// The version asked for.
        version: u32,
        /// Versions there are.
        versions: String,
    },
    /// A version that is not committed.
    #[error("version {version} of table {table:?} is not committed; commit it with: cohortium-prover commit")]
    NotCommitted {
        /// The table.
        table: String,
        /// The version.
        version: u32,
    },
    /// A version number too many.
    #[error("the numbers of {what} are used up: {last} was the last")]
    Numbers {
        /// Of what.
        what: &'static str,
        /// The last number.
        last: u32,
    },
    /// No shape is large enough.
    #[error("{rows} rows fit no shape; the largest takes {allowed}")]
    TooManyRows {
        /// Rows.
        rows: usize,
        /// The largest shape's.
        allowed: usize,
    },
    /// A release that the budget book does not know: an old copy of the book was put back.
    #[error(
        "release {request} was charged in budget record {number}, which {} does not have: an old copy of the \
         file was put back. With it, columns would be opened more often than they bear; put the newest copy back.",
        path.display()
    )]
    BudgetBehind {
        /// The release's request.
        request: Digest,
        /// The record's number.
        number: u64,
        /// The budget's file.
        path: PathBuf,
    },
    /// A restored home whose budget nobody has settled.
    #[error(
        "this home was restored from a backup of {made}, and nothing is charged before it is known what was charged since. Its          budget has {records} records, the last {head}. Give the digest that you noted last, elsewhere, with --budget-head          DIGEST; if there is none, use --budget-head-lost, which gives up all that is left of every table version and epoch"
    )]
    Unsettled {
        /// When the backup was made.
        made: Timestamp,
        /// Records of the budget in it.
        records: u64,
        /// The last one's digest.
        head: Digest,
    },
    /// A noted head that is not the book's.
    #[error(
        "the budget's last record, of {records}, is {head}; you noted {noted}{}",
        if *newer {
            ", which is an earlier record of it: your note is older than the book. Charges after the book would be unknown too, so              find the newest note, or use --budget-head-lost"
        } else {
            ", which it does not have: charges are missing. Restore a newer backup, or use --budget-head-lost"
        }
    )]
    OtherHead {
        /// The digest noted elsewhere.
        noted: Digest,
        /// The book's last.
        head: Digest,
        /// Its records.
        records: u64,
        /// Whether the book goes on after the noted record.
        newer: bool,
    },
    /// A lost head of a home that was not restored.
    #[error("this home was not restored from a backup, so its budget is complete; leave --budget-head-lost away")]
    NothingRestored,
    /// No version or epoch with a pinned digest.
    #[error(
        "the site holds no {what} {digest} of table {table:?}; it may have been lost with a home that was restored"
    )]
    NotHeld {
        /// `manifest`, `consent epoch` or `policy floor`.
        what: &'static str,
        /// The digest.
        digest: Digest,
        /// The table.
        table: String,
    },
    /// No member key.
    #[error("the site has no key as a member yet; make one with: cohortium-prover ledger key")]
    NoKey,
    /// No ledger.
    #[error("the site belongs to no ledger yet; join one with: cohortium-prover ledger join")]
    NotJoined,
    /// A member key that is refused.
    #[error(transparent)]
    Key(#[from] KeyStoreError),
    /// A record of what left that is not as it was written, or refuses.
    #[error(transparent)]
    Outgoing(#[from] OutgoingError),
    /// A charge is refused, or the book is not as it was written.
    #[error(transparent)]
    Budget(#[from] BudgetError),
    /// A manifest or epoch that is refused.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A table that does not fit its shape.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A column that does not fit its table.
    #[error(transparent)]
    Column(#[from] ColumnError),
}

impl StoreError {
    /// Whether this is a *no* (a rule was broken, a check failed), rather than a *could not tell*.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::File { .. }
            | Self::NoHome
            | Self::NoSite { .. }
            | Self::Busy { .. }
            | Self::RunBusy { .. }
            | Self::NoTables
            | Self::WhichTable { .. }
            | Self::UnknownTable { .. }
            | Self::UnknownVersion { .. }
            | Self::NotJoined
            | Self::NoKey => false,
            Self::Key(error) => !matches!(error, KeyStoreError::File(_)),
            Self::Damaged { .. }
            | Self::Consent { .. }
            | Self::NoSeed { .. }
            | Self::ErasedSeed { .. }
            | Self::Exists { .. }
            | Self::SiteExists { .. }
            | Self::NotEmpty { .. }
            | Self::SiteName { .. }
            | Self::NoShare
            | Self::Permissions { .. }
            | Self::OtherSecret { .. }
            | Self::NotCommitted { .. }
            | Self::Numbers { .. }
            | Self::TooManyRows { .. }
            | Self::BudgetBehind { .. }
            | Self::Unsettled { .. }
            | Self::OtherHead { .. }
            | Self::NothingRestored
            | Self::NotHeld { .. }
            | Self::Outgoing(_)
            | Self::Budget(_)
            | Self::Registry(_)
            | Self::Layout(_)
            | Self::Column(_) => true,
        }
    }
}
