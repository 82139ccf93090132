//! Where a test can end the process, to see what a power cut there would leave behind.
//!
//! Only in builds with debug assertions or the feature `faults`; elsewhere a stage does nothing.

/// A place where something has just become durable, or is just about to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Half of a group of records is in the block log.
    LogHalfWritten,
    /// The whole group is in the block log, not brought to the disk yet.
    LogWrittenNotSynced,
    /// The group is on the disk, the tip is still the old one.
    LogSynced,
    /// Half of the new tip is written beside the old one.
    TipHalfWritten,
    /// The new tip is on the disk, the group is not acknowledged yet.
    TipWritten,
    /// The block is in the index, which the index has not brought to the disk.
    IndexPut,
}

impl Stage {
    /// All stages, in the order in which a commit comes through them.
    pub const ALL: [Self; 6] = [
        Self::LogHalfWritten,
        Self::LogWrittenNotSynced,
        Self::LogSynced,
        Self::TipHalfWritten,
        Self::TipWritten,
        Self::IndexPut,
    ];

    /// The name that `COHORTIUM_DIE_AT` takes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LogHalfWritten => "log-half-written",
            Self::LogWrittenNotSynced => "log-written-not-synced",
            Self::LogSynced => "log-synced",
            Self::TipHalfWritten => "tip-half-written",
            Self::TipWritten => "tip-written",
            Self::IndexPut => "index-put",
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
