//! Where a test can end the process, to see what a power cut there would leave behind.
//!
//! Only in builds with debug assertions or the feature `faults`; elsewhere a stage does nothing.

/// A place where something has just become durable, or is just about to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// `init`: the secret is there, the site is not yet.
    InitSecretWritten,
    /// `import`: the version's number is taken, nothing of it is there.
    ImportNumberTaken,
    /// `import`: all files are written beside, the version is not there yet.
    ImportFilesWritten,
    /// `commit`: the salt is on the disk, no commitment is computed.
    CommitSaltWritten,
    /// `commit`: half of the points' file is written beside.
    CommitPointsHalfWritten,
    /// `commit`: all files are written beside, the manifest is not there yet.
    CommitFilesWritten,
    /// `commit`: the manifest is there, its first epoch is not.
    CommitManifestThere,
    /// `commit`: all files of an epoch are written beside, the epoch is not there yet.
    EpochFilesWritten,
    /// `publish`: half of the folder is written, its manifest is not there.
    PublishHalfWritten,
    /// `keys`: the proving key is on the disk, its verifying key is not.
    KeysProvingWritten,
    /// `prove`: half of the budget's record is on the disk.
    ProveChargeHalfWritten,
    /// `prove`: the budget is charged, the proof is not begun.
    ProveCharged,
    /// `prove`: the proof is made, not verified.
    ProveMade,
    /// `prove`: the release is verified, not kept.
    ProveVerified,
    /// `prove`: half of the release's file is written beside.
    ProveReleaseHalfWritten,
    /// `prove`: the release's files are written beside, it is not kept yet.
    ProveReleaseWritten,
    /// `prove`: the release is kept, not yet handed out.
    ProveKept,
    /// `prove`: half of the bundle is written beside the place where it was asked for.
    ProveOutHalfWritten,
    /// `ledger register`: the seeds' salt and root are on the disk, the root is not posted.
    SeedsWritten,
    /// Half of a record of what leaves is on the disk.
    OutgoingHalfWritten,
    /// `ledger register`: a document is in the record of what left, not posted.
    RegisterRecorded,
    /// `ledger register`: a document is posted, the next is not.
    RegisterPosted,
    /// `run`: that a person has to decide is in the record of what left, not posted.
    RunHoldRecorded,
    /// `run`: the same is posted, not noted.
    RunHoldPosted,
    /// `run`: the acceptance is noted, not in the record of what left.
    RunDecided,
    /// `run`: the acceptance is in the record of what left, not posted.
    RunAcceptRecorded,
    /// `run`: the acceptance is posted, not noted.
    RunAcceptPosted,
    /// `run`: the release is kept and in the record of what left, not posted.
    RunReleaseRecorded,
    /// `run`: the release is posted, not noted.
    RunReleasePosted,
    /// `backup`: a part of the file is written beside.
    BackupHalfWritten,
    /// `restore`: half of the files are written beside.
    RestoreHalfWritten,
    /// `restore`: all files are written beside, the home is not there yet.
    RestoreFilesWritten,
}

impl Stage {
    /// All stages, in the order in which a site comes through them.
    pub const ALL: [Self; 32] = [
        Self::InitSecretWritten,
        Self::ImportNumberTaken,
        Self::ImportFilesWritten,
        Self::CommitSaltWritten,
        Self::CommitPointsHalfWritten,
        Self::CommitFilesWritten,
        Self::CommitManifestThere,
        Self::EpochFilesWritten,
        Self::PublishHalfWritten,
        Self::KeysProvingWritten,
        Self::ProveChargeHalfWritten,
        Self::ProveCharged,
        Self::ProveMade,
        Self::ProveVerified,
        Self::ProveReleaseHalfWritten,
        Self::ProveReleaseWritten,
        Self::ProveKept,
        Self::ProveOutHalfWritten,
        Self::SeedsWritten,
        Self::OutgoingHalfWritten,
        Self::RegisterRecorded,
        Self::RegisterPosted,
        Self::RunHoldRecorded,
        Self::RunHoldPosted,
        Self::RunDecided,
        Self::RunAcceptRecorded,
        Self::RunAcceptPosted,
        Self::RunReleaseRecorded,
        Self::RunReleasePosted,
        Self::BackupHalfWritten,
        Self::RestoreHalfWritten,
        Self::RestoreFilesWritten,
    ];

    /// The name that `COHORTIUM_DIE_AT` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InitSecretWritten => "init-secret-written",
            Self::ImportNumberTaken => "import-number-taken",
            Self::ImportFilesWritten => "import-files-written",
            Self::CommitSaltWritten => "commit-salt-written",
            Self::CommitPointsHalfWritten => "commit-points-half-written",
            Self::CommitFilesWritten => "commit-files-written",
            Self::CommitManifestThere => "commit-manifest-there",
            Self::EpochFilesWritten => "epoch-files-written",
            Self::PublishHalfWritten => "publish-half-written",
            Self::KeysProvingWritten => "keys-proving-written",
            Self::ProveChargeHalfWritten => "prove-charge-half-written",
            Self::ProveCharged => "prove-charged",
            Self::ProveMade => "prove-made",
            Self::ProveVerified => "prove-verified",
            Self::ProveReleaseHalfWritten => "prove-release-half-written",
            Self::ProveReleaseWritten => "prove-release-written",
            Self::ProveKept => "prove-kept",
            Self::ProveOutHalfWritten => "prove-out-half-written",
            Self::SeedsWritten => "seeds-written",
            Self::OutgoingHalfWritten => "outgoing-half-written",
            Self::RegisterRecorded => "register-recorded",
            Self::RegisterPosted => "register-posted",
            Self::RunHoldRecorded => "run-hold-recorded",
            Self::RunHoldPosted => "run-hold-posted",
            Self::RunDecided => "run-decided",
            Self::RunAcceptRecorded => "run-accept-recorded",
            Self::RunAcceptPosted => "run-accept-posted",
            Self::RunReleaseRecorded => "run-release-recorded",
            Self::RunReleasePosted => "run-release-posted",
            Self::BackupHalfWritten => "backup-half-written",
            Self::RestoreHalfWritten => "restore-half-written",
            Self::RestoreFilesWritten => "restore-files-written",
        }
    }

    /// Ends the process here, at once and without any clearing up, if a test asked for it.
    pub(crate) fn pass(self) {
        #[cfg(any(debug_assertions, feature = "faults"))]
        if std::env::var_os("COHORTIUM_DIE_AT").is_some_and(|stage| stage == self.name()) {
            std::process::abort();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_different() {
        let mut names = Stage::ALL.map(Stage::name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
